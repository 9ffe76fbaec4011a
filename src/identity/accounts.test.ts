import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Unit } from '../kernel/unit-of-work.ts'
import type { AccountObserver } from './index.ts'
import { identityWorld, password, type IdentityWorld } from './testing.ts'

/** An admin, a reporter, and an observer that writes down what it is told. */
async function scene(world: IdentityWorld) {
  const admin = await world.register('admin')
  const ana = await world.register('ana')
  const told: string[] = []
  world.identity.observe({
    created: async (_, account, createdAt) => void told.push(`created ${account.username} ${createdAt}`),
    updated: async (_, before, after, by) =>
      void told.push(
        `updated ${before.role}>${after.role} ${before.email}>${after.email} ${after.displayName} by ${by}`,
      ),
    statusChanged: async (unit, account, old, by) => {
      told.push(`${account.username} ${old}>${account.status} by ${by}`)
      unit.emit({ module: 'test', type: 'status', audience: { to: ['all'] }, payload: {} })
    },
  })
  const as = (accountId: number) => ({ accountId })
  return { admin, ana, told, by: as(admin.user.id), byAna: as(ana.user.id), actions: world.identity.actions }
}

const cat = { username: 'cat', email: 'cat@example.com', password }

test('I-14 an admin makes an account that can log in', async () => {
  await using world = await identityWorld()
  const { actions, by, told } = await scene(world)
  const made = await actions.createAccount(by, { ...cat, role: 'manager', display_name: 'Cat' })
  assert.deepEqual([made.username, made.role, made.displayName, made.status], ['cat', 'manager', 'Cat', 'active'])
  assert.deepEqual(told, [`created cat ${world.clock.now()}`])
  const { body } = await world.call('POST', '/login', { body: { username: 'cat', password } })
  assert.equal(body.user.id, made.id)
  assert.equal((await actions.createAccount(by, { ...cat, username: 'dog', email: 'd@example.com' })).role, 'reporter')
})

test('I-14 the same command again makes no second account', async () => {
  await using world = await identityWorld()
  const { actions, by, told } = await scene(world)
  const actor = { ...by, clientKey: 'key-1' }
  const [first, second] = [await actions.createAccount(actor, cat), await actions.createAccount(actor, cat)]
  assert.deepEqual(second, first)
  assert.equal(told.length, 1)
})

test('I-14 nobody but an active admin may; what the token says is not asked', async () => {
  await using world = await identityWorld()
  const { actions, admin, ana, by, byAna } = await scene(world)
  const refused = { kind: 'forbidden' }
  for (const actor of [byAna, { accountId: 99 }]) {
    await assert.rejects(actions.createAccount(actor, { ...cat, username: '!' }), refused)
    await assert.rejects(actions.updateAccount(actor, ana.user.id, { role: 'admin' }), refused)
    await assert.rejects(actions.setStatus(actor, ana.user.id, 'inactive'), refused)
    await assert.rejects(actions.updateAccount(actor, 99, {}), refused)
  }
  await actions.updateAccount(by, ana.user.id, { role: 'admin' })
  await actions.updateAccount(byAna, admin.user.id, { role: 'manager' })
  await assert.rejects(actions.setStatus(by, ana.user.id, 'inactive'), refused)
  await actions.updateAccount(byAna, admin.user.id, { role: 'admin' })
  await actions.setStatus(byAna, admin.user.id, 'inactive')
  await assert.rejects(actions.createAccount(by, cat), refused)
})

test('I-14 the right is read in the transaction: demoted in the same group, an admin does nothing more', async () => {
  await using world = await identityWorld()
  const { actions, admin, ana, by, byAna } = await scene(world)
  await actions.updateAccount(by, ana.user.id, { role: 'admin' })
  const [demoted, tried] = await Promise.allSettled([
    actions.updateAccount(byAna, admin.user.id, { role: 'reporter' }),
    actions.setStatus(by, ana.user.id, 'inactive'),
  ])
  assert.equal(demoted.status, 'fulfilled')
  assert.equal(tried.status === 'rejected' && (tried.reason as { kind: string }).kind, 'forbidden')
})

test('I-14 bad input is named; absent accounts are not found; what is taken conflicts', async () => {
  await using world = await identityWorld()
  const { actions, ana, by } = await scene(world)
  const { id } = ana.user
  await assert.rejects(actions.createAccount(by, { ...cat, email: 'x', password: 'short' }), {
    kind: 'invalid',
    details: { email: 'must be an e-mail address of up to 254 characters', password: 'must be 8 to 200 characters' },
  })
  await assert.rejects(actions.createAccount(by, { ...cat, username: 'ANA' }), { kind: 'conflict' })
  await assert.rejects(actions.updateAccount(by, id, { role: 'owner' as never }), { kind: 'invalid' })
  await assert.rejects(actions.updateAccount(by, id, { display_name: '\u202e' }), { kind: 'invalid' })
  await assert.rejects(actions.updateAccount(by, id, { email: 'Admin@example.com' }), { kind: 'conflict' })
  await assert.rejects(actions.updateAccount(by, 99, { role: 'admin' }), { kind: 'not_found' })
  await assert.rejects(actions.setStatus(by, 99, 'active'), { kind: 'not_found' })
})

test('I-14 each change is told once, with what was before; what changes nothing is told not at all', async () => {
  await using world = await identityWorld()
  const { actions, ana, by, told } = await scene(world)
  const { id } = ana.user
  world.clock.advance(1_000)
  const changed = await actions.updateAccount(by, id, { email: 'ANA@example.com', role: 'developer' })
  assert.equal(changed.updatedAt, world.clock.now())
  assert.equal((await actions.updateAccount(by, id, { display_name: ' Ana ' })).displayName, 'Ana')
  assert.deepEqual(told, [
    `updated reporter>developer ana@example.com>ANA@example.com ana by ${by.accountId}`,
    `updated developer>developer ANA@example.com>ANA@example.com Ana by ${by.accountId}`,
  ])
  const before = world.events.length
  await actions.updateAccount(by, id, {})
  await actions.updateAccount(by, id, { role: 'developer', display_name: 'Ana', email: 'ANA@example.com' })
  await actions.setStatus(by, id, 'active')
  assert.equal(told.length, 2)
  assert.equal(world.events.length, before)
})

test('I-9 deactivating ends logins and cuts connections, after the event that tells of it', async () => {
  await using world = await identityWorld()
  const { actions, ana, by, told } = await scene(world)
  await world.authenticate(ana.access_token)
  const off = await actions.setStatus(by, ana.user.id, 'inactive')
  assert.equal(off.status, 'inactive')
  assert.deepEqual(told, [`ana active>inactive by ${by.accountId}`])
  const [status, cut] = world.events.slice(-2)
  assert.deepEqual([status!.type, cut!.type], ['status', 'login_revoked'])
  assert.deepEqual([cut!.module, cut!.payload, cut!.audience], ['identity', null, { to: [] }])
  assert.deepEqual(cut!.effects, [
    { kind: 'close', of: `account:${ana.user.id}`, close: 'token', reason: 'This account has been deactivated' },
  ])
  await assert.rejects(world.authenticate(ana.access_token), { kind: 'unauthenticated' })
  await actions.setStatus(by, ana.user.id, 'active')
  await assert.rejects(world.authenticate(ana.access_token), { kind: 'unauthenticated' })
  assert.equal((await world.call('POST', '/login', { body: { username: 'ana', password } })).status, 200)
  assert.deepEqual(told.slice(1), [`ana inactive>active by ${by.accountId}`])
})

test('I-14 the last active admin can be neither demoted nor deactivated', async () => {
  await using world = await identityWorld()
  const { actions, admin, ana, by } = await scene(world)
  const stays = { kind: 'conflict', message: /last active admin/ }
  const { id } = admin.user
  await assert.rejects(actions.updateAccount(by, id, { role: 'manager' }), stays)
  await assert.rejects(actions.setStatus(by, id, 'inactive'), stays)
  await actions.updateAccount(by, ana.user.id, { role: 'admin' })
  await actions.setStatus(by, ana.user.id, 'inactive')
  await assert.rejects(actions.setStatus(by, id, 'inactive'), stays, 'an inactive admin is none')
  assert.equal((await actions.updateAccount(by, ana.user.id, { role: 'reporter' })).role, 'reporter')
  assert.equal((await actions.updateAccount(by, id, { display_name: 'Root' })).displayName, 'Root')
})

test('I-14 two admins that deactivate each other at once: one stays', async () => {
  await using world = await identityWorld()
  const { actions, admin, ana, by, byAna } = await scene(world)
  await actions.updateAccount(by, ana.user.id, { role: 'admin' })
  const both = await Promise.allSettled([
    actions.setStatus(by, ana.user.id, 'inactive'),
    actions.setStatus(byAna, admin.user.id, 'inactive'),
  ])
  assert.deepEqual(both.map(({ status }) => status), ['fulfilled', 'rejected'])
})

test('I-15 an observer that fails undoes the change it was told of', async () => {
  await using world = await identityWorld()
  const { actions, ana, by } = await scene(world)
  const fail = (unit: Unit): Promise<never> => {
    unit.emit({ module: 'test', type: 'half', audience: { to: ['all'] }, payload: {} })
    return Promise.reject(new Error('observer'))
  }
  const failing: AccountObserver = { created: fail, updated: fail, statusChanged: fail }
  world.identity.observe(failing)
  const { id } = ana.user
  await assert.rejects(actions.createAccount(by, cat), /observer/)
  await assert.rejects(actions.updateAccount(by, id, { role: 'admin' }), /observer/)
  await assert.rejects(actions.setStatus(by, id, 'inactive'), /observer/)
  await assert.rejects(world.register('dog'), /observer/)
  const accounts = await world.database.read((reader) => world.identity.listAccounts(reader, { limit: 10 }))
  assert.deepEqual(accounts.map(({ username, role, status }) => `${username} ${role} ${status}`), [
    'ana reporter active',
    'admin admin active',
  ])
  assert.ok(!world.events.some((event) => event.type === 'half' || event.type === 'login_revoked'))
  await world.authenticate(ana.access_token)
})

test('accounts are listed newest first, page by page, without their secrets', async () => {
  await using world = await identityWorld()
  for (const name of ['u1', 'u2', 'u3']) await world.register(name)
  const { identity, database } = world
  const page = (limit: number, before?: number) =>
    database.read(async (reader) => (await identity.listAccounts(reader, { limit, before })).map(({ id }) => id))
  assert.deepEqual(await page(2), [3, 2])
  assert.deepEqual(await page(2, 2), [1])
  const found = await database.read((reader) => identity.findAccount(reader, 1))
  assert.equal(found!.username, 'u1')
  assert.equal(await database.read((reader) => identity.findAccount(reader, 9)), undefined)
  assert.ok(!JSON.stringify(found).includes('argon2'))
})
