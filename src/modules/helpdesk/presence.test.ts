import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { afterKill } from '../../testing/world.ts'
import { childTab } from './testing-child.ts'
import { eventually, gone, onlineAs, onlineUsers, pass, presence, refused } from './testing-sockets.ts'
import { everyone, expectEvents, joinAll, scene, Tab, type Data, type Scene } from './testing.ts'

/** Who is there and what they show of themselves: specs/helpdesk.md, "Presence & Status". */

let at: Scene & AsyncDisposable
before(async () => void (at = await scene()))
after(() => at[Symbol.asyncDispose]())

const toAll = Object.fromEntries(everyone.map((person) => [person, presence] as const))

/** Both events, old and new, to everybody; @returns the two of them. */
async function told(where: Pick<Scene, 'tabs'> = at): Promise<readonly [Data, Data]> {
  const got = await expectEvents(where, toAll)
  for (const person of everyone) assert.deepEqual(got[person], got.admin)
  return got.admin as [Data, Data]
}

test('H-S1 either command brings both events to everybody, from the one store there is', async () => {
  const { world, admin, customer, tabs } = at
  const tab = tabs.customer
  const both = (status: string, statusMessage: string | null, customStatus: string | null, connectionCount = 1) => [
    {
      userId: customer.id,
      userDisplayName: 'customer',
      status,
      statusMessage,
      customStatus,
      timestamp: new Date(world.clock.now()).toISOString(),
      reason: 'status_change',
    },
    { userId: customer.id, status, connectionCount },
  ]
  const steps: readonly [name: string, argument: unknown, ...told: [string, string | null, string | null]][] = [
    ['update_presence', { status: 'busy', statusMessage: 'Out', customStatus: 'Tickets' }, 'busy', 'Out', 'Tickets'],
    // A missing key leaves what there is, null clears it.
    ['presence:set_status', 'away', 'away', 'Out', 'Tickets'],
    ['update_presence', { statusMessage: null }, 'away', null, 'Tickets'],
    ['update_presence', { status: 'online', statusMessage: 'Back', userId: admin.id }, 'online', 'Back', 'Tickets'],
    ['update_presence', { status: 'online', customStatus: null }, 'online', 'Back', null],
    ['update_presence', { statusMessage: '' }, 'online', '', null],
    ['update_presence', {}, 'online', '', null],
  ]
  for (const [name, argument, status, statusMessage, customStatus] of steps) {
    const outcome = await tab.done(name, argument)
    assert.deepEqual(outcome.presence, { status, statusMessage, customStatus })
    assert.deepEqual(await told(), both(status, statusMessage, customStatus))
  }
  // The same over REST.
  const { status } = await customer.put('/api/helpdesk/status', { status: 'busy', statusMessage: null })
  assert.equal(status, 200)
  assert.deepEqual(await told(), both('busy', null, null))

  for (const bad of ['invisible', '', null, undefined, 1, { status: 'busy' }]) {
    await refused(tab, ['presence:set_status', bad], 'presence:error', 'INVALID')
  }
  const long = { customStatus: 'x'.repeat(141) }
  for (const bad of [{ status: 'gone' }, { status: null }, { statusMessage: 1 }, 'busy', long]) {
    await refused(tab, ['update_presence', bad], 'presence:error', 'INVALID')
  }
  await expectEvents(at, {})
  await tab.done('presence:set_status', 'online')
  await told()
})

test('H-S1 the callback of presence:get_online_users gets the list alone; without one nothing is sent', async () => {
  const { admin, agent, customer, other, tabs } = at
  const online = (userId: number, status = 'online', connectionCount = 1) => ({ userId, status, connectionCount })
  await tabs.agent.done('presence:set_status', 'away')
  await tabs.customer.done('presence:set_status', 'busy')
  const second = await at.tab(admin)
  for (const person of everyone) await tabs[person].drained()
  const args = await new Promise<unknown[]>((resolve) => {
    tabs.other.socket.emit('presence:get_online_users', (...given: unknown[]) => resolve(given))
  })
  const staff = [online(admin.id, 'online', 2), online(agent.id, 'away')]
  const wanted = [...staff, online(customer.id, 'busy'), online(other.id)]
  assert.equal(args.length, 1)
  assert.deepEqual((args[0] as typeof wanted).toSorted((a, b) => a.userId - b.userId), wanted)
  tabs.other.emit('presence:get_online_users')
  // An argument before the callback is ignored.
  assert.equal(((await tabs.other.ask('presence:get_online_users', { all: true })) as unknown[]).length, 4)
  await expectEvents(at, {})

  // Without chat.access there is no list.
  const rights = `/api/helpdesk/users/${other.id}/permissions`
  assert.equal((await admin.put(rights, { denied: ['chat.access'] })).status, 200)
  for (const person of everyone) await tabs[person].drained()
  await refused(tabs.other, ['presence:get_online_users'], 'presence:error', 'FORBIDDEN')
  await refused(tabs.other, ['presence:set_status', 'busy'], 'presence:error', 'FORBIDDEN')
  await refused(tabs.other, ['update_presence', { status: 'busy' }], 'presence:error', 'FORBIDDEN')
  const without = new Set((await onlineUsers(tabs.admin)).map(({ userId }) => userId))
  assert.deepEqual(without, new Set([admin.id, agent.id, customer.id]))
  assert.equal((await admin.put(rights, { denied: [] })).status, 200)
  for (const person of ['agent', 'customer'] as const) await tabs[person].done('presence:set_status', 'online')
  await gone(at, second)
  for (const person of everyone) await tabs[person].drained()
})

test('H-S2 who appears offline is not in the list, but is there, until the next visit', async () => {
  const { world, customer, tabs } = at
  await tabs.customer.done('update_presence', { status: 'offline', statusMessage: 'shh' })
  const [updated, update] = await told()
  assert.deepEqual([updated.status, updated.reason], ['offline', 'status_change'])
  assert.deepEqual([update.status, update.connectionCount], ['offline', 1])
  assert.equal(await onlineAs(tabs.admin, customer), undefined)
  // Another tab, and the going of it, overwrite nothing.
  const second = await at.tab(customer)
  await expectEvents(at, {})
  assert.equal(await onlineAs(tabs.admin, customer), undefined)
  await gone(at, second)
  await world.advance(2_100)
  await expectEvents(at, {})
  assert.equal((await customer.get('/api/helpdesk/me')).body.status, 'offline')
  // They still hear and say what they want to.
  await joinAll(at, at.publicId, ['customer'])
  await tabs.customer.done('leave_channel', at.publicId)
  await tabs.customer.expectNothing()

  await gone(at, tabs.customer)
  await world.advance(2_100)
  for (const person of ['admin', 'agent', 'other'] as const) await tabs[person].drained()
  const back = await at.tab(customer)
  for (const person of ['admin', 'agent', 'other'] as const) {
    const shown = { status: 'online', statusMessage: 'shh', reason: 'status_change' }
    await tabs[person].expect('presence_updated', { userId: customer.id, ...shown })
    await tabs[person].expect('presence:update', { userId: customer.id, status: 'online', connectionCount: 1 })
    await tabs[person].expectNothing()
  }
  Object.assign(tabs, { customer: back })
})

test('H-S2 what was set holds for the next visit, and over a crash; what was set before coming too', async () => {
  const { world, agent, customer, tabs } = at
  await tabs.customer.done('update_presence', { status: 'away', statusMessage: 'lunch', customStatus: null })
  await told()
  await gone(at, tabs.customer)
  await world.advance(2_100)
  for (const person of ['admin', 'agent', 'other'] as const) {
    const shown = { status: 'offline', statusMessage: 'lunch', reason: 'disconnect' }
    await tabs[person].expect('presence_updated', { userId: customer.id, ...shown })
    await tabs[person].expect('presence:update', { userId: customer.id, status: 'offline', connectionCount: 0 })
    await tabs[person].expectNothing()
  }
  assert.equal(await onlineAs(tabs.admin, customer), undefined)
  Object.assign(tabs, { customer: await at.tab(customer) })
  assert.deepEqual(await onlineAs(tabs.admin, customer), ['away', 1])
  await tabs.agent.done('presence:set_status', 'offline')
  for (const person of everyone) await tabs[person].drained()

  await using next = await afterKill(world)
  const open = async (token: string): Promise<Tab> => {
    const tab = new Tab(next.url, { auth: { token } })
    await tab.find('authenticated')
    return tab
  }
  const admins = await open(at.admin.token)
  await admins.drained()
  assert.deepEqual((await onlineUsers(admins)).length, 1)
  const path = `${next.url}/api/helpdesk/status`
  const headers = { authorization: `Bearer ${at.other.token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ status: 'busy', customStatus: 'soon' })
  const set = await fetch(path, { method: 'PUT', headers, body })
  assert.equal(set.status, 200)
  await admins.expectNothing()
  for (const [user, status, statusMessage, customStatus] of [
    [customer, 'away', 'lunch', null],
    [agent, 'online', null, null],
    [at.other, 'busy', null, 'soon'],
  ] as const) {
    await open(user.token)
    const shown = { status, statusMessage, customStatus, reason: 'status_change' }
    await admins.expect('presence_updated', { userId: user.id, ...shown })
    await admins.expect('presence:update', { userId: user.id, status, connectionCount: 1 })
  }
  await admins.expectNothing()
})

test('H-S2 what is set while the first tab is on its way in is what the others are told', async (t) => {
  const { world, tabs } = at
  const early = await world.user('early')
  let open = (): void => undefined
  const held = new Promise<void>((resolve) => (open = resolve))
  // What was missed is a long read.
  const { fanout } = world.app.hub
  const reach = t.mock.method(fanout, 'reach', () => held)
  const tab = new Tab(world.url, { auth: { token: early.token } })
  await tab.expect('authenticated', { userId: early.id })
  assert.equal((await early.put('/api/helpdesk/status', { status: 'busy', statusMessage: 'typing' })).status, 200)
  await expectEvents(at, {})
  reach.mock.restore()
  open()
  await tab.expect('presence_updated', { status: 'busy', statusMessage: 'typing', reason: 'status_change' })
  await tab.expect('presence:update', { status: 'busy', connectionCount: 1 })
  await told()
  assert.deepEqual(await onlineAs(tabs.admin, early), ['busy', 1])
  await gone(at, tab)
  await world.advance(2_100)
  await told()
})

test('H-S3 a dead connection nobody noticed is found by the search every 5 minutes, and ends like others', async () => {
  // Pings would find it within a minute.
  await using at = await scene({ config: { pingIntervalMs: 3_600_000 } })
  const { world, agent, publicId, tabs } = at
  const guest = await world.user('guest')
  await joinAll(at, publicId, ['agent'])
  await using child = await childTab(world.url, guest, publicId)
  for (const person of everyone) await tabs[person].drained()
  child.process.kill('SIGSTOP')
  await pass(at, 290_000)
  await expectEvents(at, {})
  assert.deepEqual(await onlineAs(tabs.admin, guest), ['online', 1])
  await pass(at, 20_000)
  await eventually(() => world.app.hub.connections.size === everyone.length, 'the end of the dead connection')
  await world.advance(2_100)
  const got = await expectEvents(at, { ...toAll, agent: ['user_left', ...presence] })
  assert.deepEqual([got.agent![0].userId, got.agent![0].reason], [guest.id, 'disconnect'])
  for (const [updated, update] of [got.agent!.slice(1), got.other!]) {
    assert.deepEqual([updated.status, updated.reason, update.connectionCount], ['offline', 'disconnect', 0])
  }
  assert.equal(await onlineAs(tabs.admin, guest), undefined)
  const members = (await agent.get(`/api/helpdesk/channels/${publicId}/members`)).body.items as Data[]
  assert.ok(members.some(({ userId }) => userId === guest.id), 'a member stays one')
})
