import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builder } from '../kernel/statement.ts'
import { formatRefreshToken, newRefreshToken, parseRefreshToken, successor } from './refresh.ts'
import type { IdentityTables } from './tables.ts'
import { identityWorld, password, type IdentityWorld } from './testing.ts'

const SECOND = 1_000
const DAY = 24 * 60 * 60 * SECOND

const refresh = (world: IdentityWorld, refresh_token: string) =>
  world.call('POST', '/refresh', { body: { refresh_token } })

test('I-10 each refresh token is good for one trade, and the login stays the same', async () => {
  await using world = await identityWorld()
  let tokens = await world.register('ana')
  const seen = new Set([tokens.refresh_token])
  for (let i = 0; i < 3; i += 1) {
    world.clock.advance(60 * SECOND)
    const answer = await refresh(world, tokens.refresh_token)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['Cache-Control'], 'no-store')
    assert.deepEqual(answer.body.user, tokens.user)
    tokens = answer.body
    seen.add(tokens.refresh_token)
    assert.equal((await world.authenticate(tokens.access_token)).id, '1')
  }
  assert.equal(seen.size, 4)
  assert.deepEqual(world.cuts(), [])
})

test('I-10 a used token that comes again ends the login, whoever holds the newest', async () => {
  await using world = await identityWorld()
  const stolen = await world.register('ana')
  const { body: mine } = await refresh(world, stolen.refresh_token)
  world.clock.advance(10 * SECOND)
  assert.equal((await refresh(world, stolen.refresh_token)).status, 401)
  assert.deepEqual(world.cuts(), ['session:1'])
  assert.equal((await refresh(world, mine.refresh_token)).status, 401)
  await assert.rejects(world.authenticate(mine.access_token), { kind: 'unauthenticated' })
  assert.equal((await refresh(world, stolen.refresh_token)).status, 401)
  assert.deepEqual(world.cuts(), [], 'it ended once')
})

test('I-11 within the grace the token traded last brings the same next one, at once or later', async () => {
  await using world = await identityWorld()
  const { refresh_token } = await world.register('ana')
  const tabs = await Promise.all([refresh(world, refresh_token), refresh(world, refresh_token)])
  world.clock.advance(10 * SECOND - 1)
  tabs.push(await refresh(world, refresh_token))
  assert.deepEqual(tabs.map(({ status }) => status), [200, 200, 200])
  assert.equal(new Set(tabs.map(({ body }) => body.refresh_token)).size, 1)
  for (const { body } of tabs) await world.authenticate(body.access_token)
  world.clock.advance(60 * SECOND)
  assert.equal((await refresh(world, tabs[0].body.refresh_token)).status, 200)
})

test('I-11 the grace covers one generation: the token before the last ends the login', async () => {
  await using world = await identityWorld()
  const { refresh_token: oldest } = await world.register('ana')
  const { body } = await refresh(world, oldest)
  await refresh(world, body.refresh_token)
  assert.equal((await refresh(world, oldest)).status, 401)
  assert.deepEqual(world.cuts(), ['session:1'])
})

test('I-11 a grace of 0 is none', async () => {
  await using world = await identityWorld({ refreshGraceMs: 0 })
  const { refresh_token } = await world.register('ana')
  await refresh(world, refresh_token)
  assert.equal((await refresh(world, refresh_token)).status, 401)
})

test('I-10 what was never given out is refused and ends nothing', async () => {
  await using world = await identityWorld()
  const { refresh_token, access_token } = await world.register('ana')
  const spoilt = [refresh_token.slice(1), `${refresh_token}A`, `${refresh_token.startsWith('x') ? 'y' : 'x'}${refresh_token.slice(1)}`]
  const invented = [...spoilt, '', 'x', '1', 'A'.repeat(67), access_token, '\0'.repeat(67)]
  for (const text of invented) assert.equal((await refresh(world, text)).status, 401)
  assert.deepEqual(world.cuts(), [])
  assert.equal((await refresh(world, refresh_token)).status, 200)
})

test('I-10 a token has 144 bits that say which login and 256 that are the secret', () => {
  const token = { family: 'F'.repeat(24), secret: 's'.repeat(43) }
  assert.deepEqual(parseRefreshToken(formatRefreshToken(token)), token)
})

test('I-11 the next token follows from this one and the salt, and from neither alone', () => {
  const [one, two] = [newRefreshToken(), newRefreshToken()]
  assert.deepEqual(successor(one, 'salt'), successor(one, 'salt'))
  assert.notEqual(successor(one, 'salt').secret, successor(one, 'other').secret)
  assert.notEqual(successor(one, 'salt').secret, successor(two, 'salt').secret)
  assert.equal(successor(one, 'salt').family, one.family)
})

test('I-12 a login slides with its use, up to its cap', async () => {
  await using world = await identityWorld()
  let tokens = await world.register('ana')
  for (let day = 29; day <= 87; day += 29) {
    world.clock.advance(29 * DAY)
    const answer = await refresh(world, tokens.refresh_token)
    assert.equal(answer.status, 200, `day ${day}`)
    tokens = answer.body
  }
  world.clock.advance(3 * DAY - 60 * SECOND)
  const last = await refresh(world, tokens.refresh_token)
  assert.equal(last.body.expires_in, 60, 'no access token outlives its login')
  world.clock.advance(60 * SECOND)
  assert.equal((await refresh(world, last.body.refresh_token)).status, 401)
})

test('I-12 a login not used for 30 days has ended', async () => {
  await using world = await identityWorld()
  const { refresh_token } = await world.register('ana')
  world.clock.advance(30 * DAY - 1)
  const { body } = await refresh(world, refresh_token)
  world.clock.advance(30 * DAY)
  assert.equal((await refresh(world, body.refresh_token)).status, 401)
})

test('I-12 one login more than an account may have ends the one unused for longest', async () => {
  await using world = await identityWorld({ maxLogins: 3 })
  const first = await world.register('ana')
  const login = () => world.call('POST', '/login', { body: { username: 'ana', password } })
  for (let i = 0; i < 2; i += 1) {
    world.clock.advance(SECOND)
    await login()
  }
  world.clock.advance(SECOND)
  await refresh(world, first.refresh_token)
  assert.deepEqual(world.cuts(), [])
  const { body } = await login()
  assert.deepEqual(world.cuts(), ['session:2'])
  assert.equal((await world.call('GET', '/logins', { token: body.access_token })).body.length, 3)
})

test('I-12 ended logins are removed a day later, live ones stay', async () => {
  await using world = await identityWorld()
  const { access_token: token } = await world.register('ana')
  await world.call('POST', '/logout', { token })
  const { body } = await world.call('POST', '/login', { body: { username: 'ana', password } })
  const count = async () => {
    const query = builder<IdentityTables>('sqlite').selectFrom('logins').select('id').compile()
    return (await world.database.read((reader) => reader.query(query))).length
  }
  const expire = () => world.unitOfWork.run((unit) => world.identity.expire(unit, unit.now))
  world.clock.advance(DAY)
  await expire()
  assert.equal(await count(), 2)
  world.clock.advance(1)
  await expire()
  assert.equal(await count(), 1)
  assert.equal((await refresh(world, body.refresh_token)).status, 200)
})

test('I-10 a deactivated account refreshes nothing', async () => {
  await using world = await identityWorld()
  const { user: admin } = await world.register('admin')
  const { user, refresh_token } = await world.register('ana')
  const { actions } = world.identity
  await actions.setStatus({ accountId: admin.id }, user.id, 'inactive')
  assert.equal((await refresh(world, refresh_token)).status, 401)
  await actions.setStatus({ accountId: admin.id }, user.id, 'active')
  assert.equal((await refresh(world, refresh_token)).status, 401, 'what was ended stays ended')
})
