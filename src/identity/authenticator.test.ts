import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builder } from '../kernel/statement.ts'
import { updateStatus } from './store/accounts.ts'
import { identityWorld, password } from './testing.ts'

test('I-8 a session is the account as the database has it', async () => {
  await using world = await identityWorld()
  const { access_token: token, user } = await world.register('ana')
  const session = await world.authenticate(token)
  assert.equal(session.id, '1')
  assert.equal(session.expiresAt, world.clock.now() + 900_000)
  assert.equal(session.account.uuid, user.uuid)
  assert.deepEqual(Object.keys(session.account).sort(), [
    'createdAt', 'displayName', 'email', 'id', 'role', 'status', 'updatedAt', 'username', 'uuid',
  ])
})

test('I-8 a new role holds with the next request, of a token that was verified before', async () => {
  await using world = await identityWorld()
  const { user: admin } = await world.register('admin')
  const { access_token: token, user } = await world.register('ana')
  assert.equal((await world.authenticate(token)).account.role, 'reporter')
  await world.identity.actions.updateAccount({ accountId: admin.id }, user.id, { role: 'manager' })
  assert.equal((await world.authenticate(token)).account.role, 'manager')
})

test('I-8 an account that is not active opens nothing, whoever made it so', async () => {
  await using world = await identityWorld()
  const { access_token: token, user } = await world.register('ana')
  await world.unitOfWork.run((unit) => unit.run(updateStatus, { id: user.id, status: 'inactive', at: unit.now }))
  await assert.rejects(world.authenticate(token), { kind: 'unauthenticated' })
})

test('I-12 an access token ends 900 s after its issue, and 5 s are forgiven; remembered or not', async () => {
  for (const maxRemembered of [0, 10]) {
    await using world = await identityWorld({ maxRemembered })
    const { access_token: token } = await world.register('ana')
    await world.authenticate(token)
    world.clock.advance(904_999)
    await world.authenticate(token)
    world.clock.advance(1)
    await assert.rejects(world.authenticate(token), { kind: 'unauthenticated', message: /expired/ })
  }
})

test('I-7 a token of 8 KB is looked at, a longer one is not', async () => {
  await using world = await identityWorld({
    provider: {
      url: 'http://127.0.0.1:9/',
      issuer: 'x',
      audience: 'x',
      keys: () => assert.fail('a token that is too long was looked at'),
    },
  })
  const header = Buffer.from('{"alg":"RS256"}').toString('base64url')
  const long = `${header}.${'e30'.padEnd(8_193 - header.length - 2, 'A')}.`
  assert.equal(long.length, 8_193)
  await assert.rejects(world.authenticate(long), { kind: 'unauthenticated' })
  assert.equal(world.errors.length, 0)
  await assert.rejects(world.authenticate(long.slice(0, -1)))
})

test('I-7 what is remembered is bounded, and what was forgotten still verifies', async () => {
  await using world = await identityWorld({ maxRemembered: 2 })
  const { access_token } = await world.register('ana')
  const tokens = [access_token]
  for (let i = 0; i < 5; i += 1) {
    const { body } = await world.call('POST', '/login', { body: { username: 'ana', password } })
    tokens.push(body.access_token)
  }
  for (const token of [...tokens, ...tokens]) await world.authenticate(token)
})

test('I-9 a token that was verified before is refused from the commit of its revocation on', async () => {
  await using world = await identityWorld()
  const { access_token: token } = await world.register('ana')
  await world.authenticate(token)
  const logout = world.call('POST', '/logout', { token })
  const states: string[] = []
  for (let done = false; !done; ) {
    done = await Promise.race([logout.then(() => true), new Promise<false>((next) => setImmediate(() => next(false)))])
    states.push(await world.authenticate(token).then(() => 'in', () => 'out'))
  }
  assert.equal(states.at(-1), 'out')
  assert.ok(states.lastIndexOf('in') < states.indexOf('out'), states.join(' '))
})

test('I-16 nothing secret is in what is emitted, stored or said', async () => {
  await using world = await identityWorld()
  const canary = 'canary password'
  const tokens: string[] = []
  const keep = (body: { access_token: string; refresh_token: string }): void => {
    tokens.push(body.access_token, body.access_token.split('.')[2]!, body.refresh_token, body.refresh_token.slice(24))
  }
  const registration = { username: 'ana', email: 'ana@example.com', password: canary }
  const first = await world.call('POST', '/register', { body: registration })
  keep(first.body)
  const login = await world.call('POST', '/login', { body: { username: 'ana', password: canary } })
  keep(login.body)
  const next = await world.call('POST', '/refresh', { body: first.body })
  keep(next.body)
  const said = [
    await world.call('POST', '/register', { body: registration }),
    await world.call('POST', '/login', { body: { username: 'ana', password: `${canary}!` } }),
    await world.call('POST', '/login', { body: { username: canary, password: canary } }),
    await world.call('POST', '/password', {
      token: login.body.access_token,
      body: { current_password: `${canary}!`, new_password: canary },
    }),
    await world.call('POST', '/refresh', { body: { refresh_token: `${first.body.refresh_token}x` } }),
    await world.call('GET', '/me', { token: `${login.body.access_token}x` }),
    await world.call('GET', '/me', { token: login.body.access_token }),
    await world.call('GET', '/logins', { token: login.body.access_token }),
  ]
  world.clock.advance(20_000)
  said.push(await world.call('POST', '/refresh', { body: first.body }))
  const stored = await world.database.read(async (reader) => {
    const rows: unknown[] = []
    for (const table of ['accounts', 'logins', 'event_log', 'command_outcomes', 'revoked_sessions']) {
      const query = builder<Record<string, object>>('sqlite').selectFrom(table).selectAll().compile()
      rows.push(...(await reader.query(query)))
    }
    return rows
  })
  assert.ok(stored.length > 3)
  const everything = JSON.stringify([said, stored, world.events, world.errors])
  assert.ok(!everything.includes(canary))
  for (const token of tokens) assert.ok(!everything.includes(token))
  assert.ok(!JSON.stringify([said, world.events]).includes('argon2'))
})
