import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkError, checkLog, forgeries, nested } from '../../testing/hostile.ts'
import { abuse, alive, answerTo, pass, ping, refused, stage } from './bad-input/testing.ts'

abuse('a token that is none is refused at every door with auth_error and 4401, over REST with 401', async (at) => {
  for (const [name, token] of Object.entries(forgeries(at.mallory.token))) {
    const client = at.world.client(`/tracker/ws?token=${token}`)
    await refused(client).catch((error: unknown) => assert.fail(`${name}: ${String(error)}`))
    const frame = at.world.client('/tracker/ws')
    await frame.opened()
    frame.send({ type: 'system', action: 'authenticate', payload: { token } })
    await refused(frame)
    const answer = await at.world.request(
      'GET',
      '/api/tracker/projects',
      undefined,
      { authorization: `Bearer ${token}` },
    )
    checkError(answer, 401, 'invalid_token')
  }
})

abuse('a connection without a token has three seconds', async (at) => {
  const client = at.world.client('/tracker/ws')
  await client.opened()
  at.world.clock.advance(2_900)
  await alive(at.control)
  assert.equal(client.closed, undefined)
  assert.deepEqual(client.frames, [])
  at.world.clock.advance(200)
  await refused(client)
})

abuse('a first frame that is no authenticate ends the connection', async (at) => {
  for (const text of [
    '',
    '{',
    '[]',
    ping({}),
    nested(100),
    'x'.repeat(70_000),
    '{"type":"system","action":"authenticate"}',
  ]) {
    const client = at.world.client('/tracker/ws')
    await client.opened()
    client.send(text)
    await refused(client)
  }
})

test('a token that has expired, or whose login or account has ended, is refused', async () => {
  await using at = await stage({ config: { accessTokenMs: 55_000 } })
  const { world, admin, mallory } = at
  const path = `/tracker/ws?token=${mallory.token}`
  const out = await world.user('out')
  const off = await world.user('off')
  assert.equal((await out.post('/api/auth/logout')).status, 204)
  assert.equal((await admin.post(`/api/tracker/users/${off.id}/status`, { status: 'inactive' })).status, 200)
  for (const user of [out, off]) {
    await refused(world.client(`/tracker/ws?token=${user.token}`))
    checkError(await user.get('/api/tracker/projects'), 401, 'invalid_token')
  }
  await refused(world.client(`${path}x`))
  await world.connect(mallory)
  world.clock.advance(61_000)
  await refused(world.client(`/tracker/ws?token=${mallory.token}`))
  checkError(await mallory.get('/api/tracker/projects'), 401, 'invalid_token')
  checkError(await mallory.post('/api/tracker/projects', { name: 'P' }), 401, 'invalid_token')
  const login = { username: 'manager', password: 'manager-password' }
  const { body } = await world.request('POST', '/api/auth/login', login)
  const control = world.client(`/tracker/ws?token=${body.access_token}`)
  await control.expect('system/connected')
  await alive(control)
  checkLog(world, [admin, mallory, out, off])
})

abuse('logging out and being deactivated cut live connections at once', async (at) => {
  const { world, admin } = at
  const out = await world.user('out')
  const off = await world.user('off')
  const [first, second] = [await world.connect(out), await world.connect(off)]
  await out.post('/api/auth/logout')
  await admin.post(`/api/tracker/users/${off.id}/status`, { status: 'inactive' })
  await second.expect('user/status_changed')
  for (const client of [first, second]) {
    await client.expect('error/auth_error', { code: 'invalid_token' })
    await client.expect('system/disconnected', { reason: 'kicked' })
    await client.expectClose(4401)
  }
})

abuse('two different tokens at once are no token; the same one twice is one', async (at) => {
  const { world, mallory, admin } = at
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
  await refused(world.client(`/tracker/ws?token=${mallory.token}`, bearer(admin.token)))
  await refused(world.client(`/tracker/ws?token=${mallory.token}&token=${admin.token}`))
  await refused(world.client(`/tracker/ws?token=${mallory.token}`, { protocols: ['bearer', admin.token] }))
  await refused(world.client('/tracker/ws', { ...bearer(mallory.token), protocols: ['bearer', admin.token] }))
  const client = world.client(`/tracker/ws?token=${mallory.token}`, bearer(mallory.token))
  await client.expect('system/connected', { user_id: mallory.id })
})

test('a token comes by header, query, subprotocol or first frame; the protocol that is echoed is bearer', async () => {
  await using at = await stage()
  const { world, mallory } = at
  const { token } = mallory
  const byHeader = world.client('/tracker/ws', { headers: { authorization: `bearer ${token}` } })
  await byHeader.expect('system/connected', { user_id: mallory.id })
  const byQuery = world.client(`/tracker/ws?x=1&token=${encodeURIComponent(token)}`)
  await byQuery.expect('system/connected', { user_id: mallory.id })
  const byProtocol = world.client('/tracker/ws', { protocols: ['bearer', token] })
  await byProtocol.expect('system/connected', { user_id: mallory.id })
  assert.equal(byProtocol.ws.protocol, 'bearer')
  const byFrame = world.client('/tracker/ws')
  await byFrame.opened()
  byFrame.send({ type: 'system', action: 'authenticate', payload: { token } })
  // Sent before the answer: it waits its turn.
  byFrame.send({ type: 'system', action: 'ping' })
  await byFrame.expect('system/connected', { user_id: mallory.id })
  await byFrame.expect('system/pong')
  for (const client of [byHeader, byQuery, byProtocol, byFrame]) await client.expectNothing()
  checkLog(world, [mallory])
})

test('a newer token keeps a live connection past the end of the old one; else auth_expired and 4401', async () => {
  await using at = await stage({ config: { accessTokenMs: 60_000 } })
  const { world, mallory } = at
  const kept = await world.connect(mallory)
  const lost = await world.connect(mallory)
  await pass(at, 40_000, kept, lost)
  const { status, body } = await world.request('POST', '/api/auth/refresh', { refresh_token: mallory.refreshToken })
  assert.equal(status, 200)
  const authenticate = (token: string) => ({ type: 'system', action: 'authenticate', payload: { token } })
  // One that is none changes nothing.
  kept.send(authenticate('garbage'))
  assert.equal((await answerTo(kept)).name, 'error/auth_error')
  // One of somebody else changes nothing, least of all who this is.
  kept.send(authenticate(at.admin.token))
  assert.equal((await answerTo(kept)).name, 'error/auth_error')
  kept.send(authenticate(body.access_token))
  const again = await answerTo(kept)
  assert.deepEqual([again.name, again.payload['user_id']], ['system/connected', mallory.id])
  await pass(at, 19_000, kept, lost)
  await pass(at, 2_000, kept)
  assert.equal((await answerTo(lost)).name, 'error/auth_error')
  const { name, payload } = await answerTo(lost)
  assert.deepEqual([name, payload['user_id'], payload['reason']], ['system/disconnected', mallory.id, 'auth_expired'])
  await lost.expectClose(4401)
  await pass(at, 38_000, kept)
  await world.advance(2_000)
  assert.equal((await answerTo(kept)).name, 'error/auth_error')
  assert.equal((await answerTo(kept)).payload['reason'], 'auth_expired')
  await kept.expectClose(4401)
  checkLog(world, [mallory])
})
