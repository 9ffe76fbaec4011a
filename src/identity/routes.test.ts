import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createIdentity } from './index.ts'
import { findSecret, replaceHash } from './store/accounts.ts'
import { identityWorld, password, secret } from './testing.ts'

const email = 'ana@example.com'
const ana = { username: 'ana', email, password }

test('I-2 the first account is admin, the next has the default role', async () => {
  await using world = await identityWorld()
  const first = await world.call('POST', '/register', { body: { ...ana, display_name: ' Ana  Lima ' } })
  assert.equal(first.status, 201)
  assert.equal(first.headers['Cache-Control'], 'no-store')
  assert.deepEqual(first.body.user, {
    id: 1,
    uuid: first.body.user.uuid,
    username: 'ana',
    email,
    display_name: 'Ana  Lima',
    role: 'admin',
    status: 'active',
    created_at: '2026-01-05T12:00:00.000Z',
  })
  assert.equal(first.body.expires_in, 900)
  const { user } = await world.register('bo')
  assert.deepEqual([user.role, user.display_name], ['reporter', 'bo'])
  assert.equal(await world.identity.countAccounts(), 2)
})

test('I-2 two that register at once: one of them is admin', async () => {
  await using world = await identityWorld({ defaultRole: 'developer' })
  const both = await Promise.all([world.register('ana'), world.register('bo')])
  assert.deepEqual(both.map(({ user }) => user.role).sort(), ['admin', 'developer'])
})

test('I-2 closed registration takes nobody', async () => {
  await using world = await identityWorld({ registration: 'closed' })
  assert.equal((await world.call('POST', '/register', { body: ana })).status, 403)
  assert.equal(await world.identity.countAccounts(), 0)
})

test('I-3 what nobody may set is dropped', async () => {
  await using world = await identityWorld()
  await world.register('first')
  const body = JSON.parse(JSON.stringify({ ...ana, role: 'admin', id: 99, status: 'inactive', uuid: 'x' })) as object
  Object.defineProperty(body, '__proto__', { value: { role: 'admin' }, enumerable: true })
  const { user } = (await world.call('POST', '/register', { body })).body
  assert.deepEqual([user.id, user.role, user.status, user.uuid.length], [2, 'reporter', 'active', 36])
})

test('I-3 bad bodies are named field by field', async () => {
  await using world = await identityWorld()
  const refused = await world.call('POST', '/register', { body: { username: 'a b', email: 'x', password: 'short' } })
  assert.equal(refused.status, 400)
  assert.deepEqual(Object.keys(refused.details), ['username', 'email', 'password'])
  for (const [path, body, field] of [
    ['/register', { username: 'ana', email }, 'password'],
    ['/register', { ...ana, username: 7 }, 'username'],
    ['/register', [], 'username'],
    ['/login', { username: 'ana' }, 'password'],
    ['/login', { username: {}, password }, 'username'],
    ['/login', { username: 'x'.repeat(1_001), password }, 'username'],
    ['/refresh', {}, 'refresh_token'],
  ] as const) {
    const answer = await world.call('POST', path, { body })
    assert.equal(answer.status, 400)
    assert.ok(field in answer.details || 'body' in answer.details, `${path} ${JSON.stringify(answer.details)}`)
  }
})

test('I-1 a name or an address is taken whatever its case', async () => {
  await using world = await identityWorld()
  await world.register('ana')
  const register = (body: object) => world.call('POST', '/register', { body: { ...ana, ...body } })
  const sameName = await register({ username: 'ANA', email: 'else@example.com' })
  assert.deepEqual([sameName.status, sameName.details], [409, { username: 'is taken' }])
  const sameEmail = await register({ username: 'ann', email: 'Ana@Example.com' })
  assert.deepEqual([sameEmail.status, sameEmail.details], [409, { email: 'is taken' }])
})

test('I-1 of two that register the same name at once one gets it', async () => {
  await using world = await identityWorld()
  const both = await Promise.all([
    world.call('POST', '/register', { body: ana }),
    world.call('POST', '/register', { body: { ...ana, email: 'b@example.com' } }),
  ])
  assert.deepEqual(new Set(both.map(({ status }) => status)), new Set([201, 409]))
})

test('I-1 username and e-mail log in, whatever their case', async () => {
  await using world = await identityWorld()
  await world.register('ana')
  for (const username of ['ana', 'ANA', email, 'ANA@EXAMPLE.COM']) {
    const { status, body, headers } = await world.call('POST', '/login', { body: { username, password } })
    assert.equal(status, 200)
    assert.equal(headers['Cache-Control'], 'no-store')
    assert.equal((await world.call('GET', '/me', { token: body.access_token })).body.username, 'ana')
  }
})

test('I-4 unknown names, wrong passwords and deactivated accounts with a wrong one answer alike', async () => {
  await using world = await identityWorld()
  const { user: admin } = await world.register('admin')
  const { user } = await world.register('ana')
  const message = 'Wrong username or password'
  for (const username of ['nobody', 'ana', email, 'a\0b', '', '\ud800']) {
    const answer = await world.call('POST', '/login', { body: { username, password: 'wrong password' } })
    assert.deepEqual([answer.status, answer.message], [401, message])
  }
  await world.identity.actions.setStatus({ accountId: admin.id }, user.id, 'inactive')
  const wrong = await world.call('POST', '/login', { body: { username: 'ana', password: 'wrong password' } })
  assert.deepEqual([wrong.status, wrong.message], [401, message])
  const right = await world.call('POST', '/login', { body: { username: 'ana', password } })
  assert.equal(right.status, 401)
  assert.match(right.message, /deactivated/)
})

test('I-4 unknown name and wrong password take about the same time', async () => {
  await using world = await identityWorld({ hashCost: { memory: 4096, passes: 1, parallelism: 1 }, loginFailures: 0 })
  await world.register('ana')
  const times: Record<string, number[]> = { ana: [], nobody: [] }
  for (let i = 0; i < 15; i += 1) {
    for (const username of ['ana', 'nobody']) {
      const started = performance.now()
      await world.call('POST', '/login', { body: { username, password: 'wrong password' } })
      times[username]!.push(performance.now() - started)
    }
  }
  const [known, unknown] = ['ana', 'nobody'].map((name) => times[name]!.sort((a, b) => a - b)[7]!)
  assert.ok(unknown! > known! / 2 && unknown! < known! * 2, `${known} ms, ${unknown} ms`)
})

test('I-4 a changed cost makes the hash anew at login', async () => {
  await using world = await identityWorld()
  const { user } = await world.register('ana')
  const stored = async () =>
    (await world.database.read((reader) => reader.get(findSecret, { id: user.id })))!.password_hash!
  const before = await stored()
  const { database, unitOfWork, clock } = world
  const settings = { secret, hashCost: { memory: 16, passes: 1, parallelism: 1 } }
  const dearer = createIdentity({ database, unitOfWork, clock, settings, onError: (error) => assert.ifError(error) })
  const login = dearer.api.routes.find((route) => route.path === '/login')!
  const raw = { request: { headers: {} }, response: {} }
  const call = { body: { username: 'ana', password }, address: '192.0.2.1', raw } as never
  assert.equal((await login.run(call)).status, 200)
  const after = await stored()
  assert.match(before, /m=8,/)
  assert.match(after, /m=16,/)
  assert.equal((await login.run(call)).status, 200)
  assert.equal(await stored(), after)
})

test('I-9 a new password ends every other login and needs the old one', async () => {
  await using world = await identityWorld()
  const { access_token: token, user } = await world.register('ana')
  const other = (await world.call('POST', '/login', { body: { username: 'ana', password } })).body
  const change = (current_password: string, new_password: string) =>
    world.call('POST', '/password', { token, body: { current_password, new_password } })
  assert.deepEqual((await change('wrong password', 'new password')).details, {
    current_password: 'is not the current password',
  })
  assert.deepEqual(Object.keys((await change(password, 'short')).details), ['new_password'])
  assert.deepEqual(world.cuts(), [])
  assert.equal((await change(password, 'new password')).status, 204)
  assert.deepEqual(world.cuts(), ['session:2'])
  assert.equal((await world.call('GET', '/me', { token })).body.id, user.id)
  assert.equal((await world.call('GET', '/me', { token: other.access_token })).status, 401)
  assert.equal((await world.call('POST', '/refresh', { body: other })).status, 401)
  assert.equal((await world.call('POST', '/login', { body: { username: 'ana', password } })).status, 401)
  const again = { username: 'ana', password: 'new password' }
  assert.equal((await world.call('POST', '/login', { body: again })).status, 200)
})

test('I-9 what is decided while a password is being checked counts', async () => {
  await using world = await identityWorld()
  const { access_token: token, user } = await world.register('ana')
  const login = () => world.call('POST', '/login', { body: { username: 'ana', password } })
  const old = (await world.database.read((reader) => reader.get(findSecret, { id: user.id })))!.password_hash!
  const replace = (old: string, fresh: string) =>
    world.unitOfWork.run((unit) => unit.run(replaceHash, { id: user.id, old, fresh }))
  const [raced] = await Promise.all([login(), replace(old, 'another')])
  assert.deepEqual([raced.status, raced.retryAfter], [503, 1])
  await replace('another', old)
  const change = { token, body: { current_password: password, new_password: 'new password' } }
  const changing = world.call('POST', '/password', change)
  const out = await world.call('POST', '/logout', { token })
  const changed = await changing
  assert.deepEqual([changed.status, out.status], [401, 204])
  assert.equal((await login()).status, 200, 'the password is as it was')
})

test('I-5 guessing at the current password is counted like guessing at the login', async () => {
  await using world = await identityWorld()
  const { access_token: token } = await world.register('ana')
  const guess = { token, body: { current_password: 'wrong password', new_password: 'new password' } }
  for (let i = 0; i < 10; i += 1) assert.equal((await world.call('POST', '/password', guess)).status, 400)
  assert.equal((await world.call('POST', '/password', guess)).status, 429)
  assert.equal((await world.call('POST', '/login', { body: { username: 'ana', password } })).status, 429)
})

test('I-9 logout ends this login alone, logout-all every one', async () => {
  await using world = await identityWorld()
  const { access_token: one, user } = await world.register('ana')
  const login = async () => (await world.call('POST', '/login', { body: { username: 'ana', password } })).body
  const [two, three] = [await login(), await login()]
  assert.equal((await world.call('POST', '/logout', { token: one })).status, 204)
  assert.deepEqual(world.cuts(), ['session:1'])
  assert.equal((await world.call('GET', '/me', { token: one })).status, 401)
  assert.equal((await world.call('POST', '/logout', { token: one })).status, 401)
  assert.equal((await world.call('GET', '/me', { token: two.access_token })).status, 200)
  assert.equal((await world.call('POST', '/logout-all', { token: two.access_token })).status, 204)
  assert.deepEqual(world.cuts(), [`account:${user.id}`])
  for (const { access_token, refresh_token } of [two, three]) {
    assert.equal((await world.call('GET', '/me', { token: access_token })).status, 401)
    assert.equal((await world.call('POST', '/refresh', { body: { refresh_token } })).status, 401)
  }
})

test('I-9 own logins are listed and ended one by one; those of others are as absent', async () => {
  await using world = await identityWorld()
  const { access_token: token } = await world.register('ana')
  const { access_token: stranger } = await world.register('bo')
  world.clock.advance(60_000)
  const agent = `Phone\u0007 ünit ${'x'.repeat(300)}`
  await world.call('POST', '/login', { body: { username: 'ana', password }, agent })
  const list = (await world.call('GET', '/logins', { token })).body
  assert.deepEqual(
    list.map((login: { id: number; current: boolean }) => [login.id, login.current]),
    [
      [3, false],
      [1, true],
    ],
  )
  assert.equal(list[0].used_at, '2026-01-05T12:01:00.000Z')
  assert.equal(list[0].expires_at, '2026-02-04T12:01:00.000Z')
  assert.match(list[0].user_agent, /^Phone\? \?nit x+$/)
  assert.equal(list[0].user_agent.length, 200)
  for (const id of [1, 3, 99]) {
    const hidden = await world.call('DELETE', `/logins/${id}`, { token: stranger })
    assert.deepEqual([hidden.status, hidden.message], [404, 'This login does not exist, or you may not see it'])
  }
  assert.equal((await world.call('DELETE', '/logins/x', { token })).status, 400)
  assert.equal((await world.call('DELETE', '/logins/3', { token })).status, 204)
  assert.deepEqual(world.cuts(), ['session:3'])
  assert.equal((await world.call('DELETE', '/logins/3', { token })).status, 404)
})

test('no door but the three open ones opens without a token', async () => {
  await using world = await identityWorld()
  const { routes } = world.identity.api
  assert.deepEqual(
    routes.filter((route) => route.auth === 'open').map((route) => route.path),
    ['/register', '/login', '/refresh'],
  )
  for (const { method, path, auth } of routes) {
    if (auth === 'session') assert.equal((await world.call(method, path.replace(':id', '1'))).status, 401)
  }
})
