import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import type { Identity } from '../../identity/index.ts'
import type { Client } from '../../testing/client.ts'
import { testWorld, type Answer, type User, type World, type WorldOptions } from '../../testing/world.ts'
import type { Tracker } from './actions/tracker.ts'
import { trackerRoutes } from './routes.ts'
import { checkFrame } from './testing.ts'

/**
 * What a hostile or broken client may send, over real sockets. Mallory shares no project with anybody, so what comes
 * to her is an answer to her; the manager is the control: after each abuse the next event still reaches her.
 */
interface Stage {
  readonly world: World
  readonly admin: User
  readonly manager: User
  readonly mallory: User
  readonly projectId: number
  readonly control: Client
}

async function stage(options: WorldOptions = {}): Promise<Stage & AsyncDisposable> {
  const world = await testWorld({ ...options, config: { trackerWritesPerMinute: 0, ...options.config } })
  const admin = await world.user('admin')
  const manager = await world.user('manager', 'manager')
  const mallory = await world.user('mallory', 'developer')
  const { body } = await manager.post('/api/tracker/projects', { name: 'Shop' })
  const control = await world.connect(manager)
  const close = () => world.close()
  return { world, admin, manager, mallory, projectId: body.id, control, [Symbol.asyncDispose]: close }
}

/** A test of one abuse: after it another user's connection gets the next event, and the log has said nothing it must not. */
function abuse(name: string, run: (at: Stage) => Promise<void>, options: WorldOptions = {}): void {
  test(name, async () => {
    await using at = await stage(options)
    await run(at)
    await works(at)
    checkLog(at.world, [at.admin, at.manager, at.mallory])
  })
}

async function works({ admin, projectId, control }: Stage): Promise<void> {
  const { status, body } = await admin.post('/api/tracker/bug-reports', { project_id: projectId, title: 'Control' })
  assert.equal(status, 201)
  for (;;) {
    const frame = await control.next()
    if (frame.type === 'system') continue
    assert.equal(`${frame.type}/${frame.action}`, 'bug_report/created')
    return assert.deepEqual(frame.payload, body)
  }
}

function checkLog({ log }: World, users: readonly User[]): void {
  const text = log.join('\n')
  assert.doesNotMatch(text, /eyJ[\w-]{8,}|Bearer |-password|unforeseen|uncaught|request failed/i)
  for (const { token, refreshToken } of users) {
    for (const secret of [token, token.split('.')[2]!, refreshToken]) assert.ok(!text.includes(secret))
  }
}

/** An answer of the server that is documented to the key, and says nothing of its inside. */
function checkError({ status, body, headers }: Answer, expected: number, code: string): Record<string, string> {
  const told = JSON.stringify(body)
  assert.equal(status, expected, told)
  assert.match(headers.get('content-type') ?? '', /^application\/json/)
  assert.deepEqual(Object.keys(body), ['error'])
  const { details, retry_after, ...rest } = body.error
  assert.deepEqual(Object.keys(rest), ['code', 'message'])
  assert.equal(rest.code, code)
  assert.ok(retry_after === undefined || Number.isInteger(retry_after))
  assert.ok(details === undefined || Object.values(details).every((text) => typeof text === 'string'))
  assert.doesNotMatch(told, /node_modules|\/src\/|\.ts\b|\bat .*:\d+|select |insert |sqlite|constraint|typebox|fastify|FST_/i)
  return details ?? {}
}

/** The next frame that is not the server's own ping. */
async function answerTo(client: Client): Promise<{ name: string; payload: Record<string, unknown> }> {
  for (;;) {
    const frame = await client.next()
    checkFrame(frame)
    const name = `${frame.type}/${frame.action}`
    if (name !== 'system/ping') return { name, payload: frame.payload }
  }
}

async function alive(client: Client): Promise<void> {
  client.send({ type: 'system', action: 'ping' })
  assert.equal((await answerTo(client)).name, 'system/pong')
}

/** Time passes in steps that no heartbeat takes for silence; each of the clients answers in each of them. */
async function pass({ world }: Stage, ms: number, ...clients: readonly Client[]): Promise<void> {
  for (let left = ms; left > 0; left -= 20_000) {
    await world.advance(Math.min(left, 20_000))
    for (const client of clients) await alive(client)
  }
}

async function refused(client: Client): Promise<void> {
  const { name, payload } = await answerTo(client)
  assert.equal(name, 'error/auth_error')
  assert.equal(payload['code'], 'invalid_token')
  await client.expectClose(4401)
  assert.deepEqual(client.frames, [])
}

const ping = (payload: unknown): string => JSON.stringify({ type: 'system', action: 'ping', payload })
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`

// Frames

/** Text → the field that `details` must name. */
const badFrames: readonly (readonly [string, string])[] = [
  ['', 'frame'],
  ['{', 'frame'],
  ['hello', 'frame'],
  ['{"type":"system","action":"ping"', 'frame'],
  ['{"type":"system","action":"ping"}}', 'frame'],
  ['{"type":"system","action":"ping",}', 'frame'],
  ["{'type':'system','action':'ping'}", 'frame'],
  ['{"type":"system\u0000","action":"ping"}', 'frame'],
  ['{"type":NaN}', 'frame'],
  ['\ufeff{"type":"system","action":"ping"}', 'frame'],
  ['[]', 'frame'],
  ['[{"type":"system","action":"ping","payload":{}}]', 'frame'],
  ['null', 'frame'],
  ['true', 'frame'],
  ['0', 'frame'],
  ['-0', 'frame'],
  ['1e400', 'frame'],
  ['"ping"', 'frame'],
  [nested(100), 'frame'],
  [nested(20_000), 'frame'],
  [`{"type":"system","action":"ping","payload":{"a":${nested(100)}}}`, 'frame'],
  [`{"type":"system","action":"ping","payload":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`, 'frame'],
  [`[${'0,'.repeat(20_000)}0]`, 'frame'],
  ['{}', 'type'],
  ['{"__proto__":{"type":"system","action":"ping"}}', 'type'],
  ['{"constructor":{"prototype":{"type":"system"}}}', 'type'],
  ['{"type":null,"action":"ping"}', 'type'],
  ['{"type":1,"action":"ping"}', 'type'],
  ['{"type":["system"],"action":"ping"}', 'type'],
  ['{"type":"system"}', 'action'],
  ['{"type":"system","action":{}}', 'action'],
  ['{"type":"__proto__","action":"__proto__"}', 'type'],
  ['{"type":"constructor","action":"prototype"}', 'type'],
  ['{"type":"system","action":"toString"}', 'type'],
  ['{"type":"system/ping","action":""}', 'type'],
  ['{"type":"system ","action":"ping"}', 'type'],
  ['{"type":"SYSTEM","action":"PING"}', 'type'],
  ['{"type":"bug_report","action":"created","payload":{"id":1}}', 'type'],
  ['{"type":"system","action":"connected","payload":{"user_id":1}}', 'type'],
  ['{"type":"subscribe","action":"*","payload":{}}', 'type'],
  [JSON.stringify({ type: '\u0000\ud800😀'.repeat(100), action: '' }), 'type'],
  ['{"type":"system","action":"authenticate"}', 'token'],
  ['{"type":"system","action":"authenticate","payload":{"token":1}}', 'token'],
  ['{"type":"system","action":"authenticate","payload":{"token":null}}', 'token'],
]

abuse('a frame that is not one is answered by a validation_error that names the field; the connection stays', async (at) => {
  const client = await at.world.connect(at.mallory)
  // Within the window of 100 frames with what follows.
  for (const [text, field] of badFrames) {
    client.send(text)
    const { name, payload } = await answerTo(client)
    assert.equal(name, 'error/validation_error', text.slice(0, 80))
    assert.deepEqual([payload['code'], Object.keys(payload['details'] as object)], ['invalid_data', [field]], text.slice(0, 80))
    assert.doesNotMatch(JSON.stringify(payload), /SyntaxError|position \d|node_modules|\.ts\b/)
  }
  await alive(client)
  assert.equal(({} as Record<string, unknown>)['type'], undefined)
})

abuse('a payload that is no object is a validation_error', async (at) => {
  const client = await at.world.connect(at.mallory)
  for (const payload of [1, 'text', true, [], [1]]) {
    client.send(ping(payload))
    assert.equal((await answerTo(client)).name, 'error/validation_error', JSON.stringify(payload))
  }
  await alive(client)
})

abuse('binary frames are refused, and nothing in them is looked at', async (at) => {
  const client = await at.world.connect(at.mallory)
  for (const bytes of [Buffer.alloc(0), Buffer.from(ping({})), randomBytes(70_000)]) {
    client.send(bytes)
    const { name, payload } = await answerTo(client)
    assert.deepEqual([name, Object.keys(payload['details'] as object)], ['error/validation_error', ['frame']])
  }
  await alive(client)
  const unknown = at.world.client('/tracker/ws')
  await unknown.opened()
  unknown.send(Buffer.from(JSON.stringify({ type: 'system', action: 'authenticate', payload: { token: at.mallory.token } })))
  await refused(unknown)
})

abuse('a ping is answered by the documented pong, whatever is in it or missing', async (at) => {
  const client = await at.world.connect(at.mallory)
  const reserved = '{"type":"system","action":"ping","payload":{"__proto__":{"a":1},"constructor":{"prototype":{"a":1}}}}'
  const texts = [
    '{"type":"system","action":"ping"}',
    '{"action":"ping","payload":null,"type":"system","extra":1}',
    '{"type":"bug_report","type":"system","action":"ping"}',
    ping({ timestamp: 'not a time', user_id: 1 }),
    reserved,
  ]
  for (const text of texts) {
    client.send(text)
    const { type, action, payload, ...rest } = await client.next()
    assert.deepEqual([type, action, rest], ['system', 'pong', {}])
    const timestamp = new Date(at.world.clock.now()).toISOString().replace(/\.\d+/, '')
    assert.deepEqual(payload, { timestamp })
  }
  assert.equal(({} as Record<string, unknown>)['a'], undefined)
})

abuse('a pong is never answered', async (at) => {
  const client = await at.world.connect(at.mallory)
  for (const payload of [undefined, {}, { timestamp: 'x' }]) client.send({ type: 'system', action: 'pong', payload })
  await client.expectNothing()
})

abuse('a frame over 64 KB is a validation_error and the connection stays; far over it, close 1009', async (at) => {
  const client = await at.world.connect(at.mallory)
  const empty = ping({ a: '' })
  const limit = 64 * 1024
  client.send(ping({ a: 'x'.repeat(limit - empty.length) }))
  assert.equal((await answerTo(client)).name, 'system/pong')
  // Bytes are counted, not characters.
  for (const a of ['x'.repeat(limit - empty.length + 1), 'ü'.repeat(limit / 2), 'x'.repeat(15 * limit)]) {
    client.send(ping({ a }))
    const { name, payload } = await answerTo(client)
    assert.deepEqual([name, Object.keys(payload['details'] as object)], ['error/validation_error', ['frame']])
  }
  await alive(client)
  client.send('x'.repeat(16 * limit + 1))
  await client.expectClose(1009)
})

// Tokens

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Tokens that look like Mallory's and are not. */
function forgeries(token: string): Record<string, string> {
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sid: string; exp: number }
  const signed = (head: object, body: string) => {
    const text = `${part(head)}.${body}`
    return `${text}.${createHmac('sha256', 'another secret, 32 bytes or more').update(text).digest('base64url')}`
  }
  return {
    empty: '',
    'not a token': 'garbage',
    'two dots': '..',
    'a NUL': '%00',
    'very long': 'x'.repeat(10_000),
    'alg none': `${part({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
    'alg none with the signature': `${part({ alg: 'none' })}.${payload}.${signature}`,
    'no signature': `${header}.${payload}.`,
    'a signature of another secret': signed({ alg: 'HS256', typ: 'at+jwt' }, payload),
    'a changed signature': `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    'another login': `${header}.${part({ ...claims, sid: '1' })}.${signature}`,
    'a later end': `${header}.${part({ ...claims, exp: claims.exp + 3600 })}.${signature}`,
    'something behind': `${token}.x`,
  }
}

abuse('a token that is none is refused at every door with auth_error and 4401, over REST with 401', async (at) => {
  for (const [name, token] of Object.entries(forgeries(at.mallory.token))) {
    const client = at.world.client(`/tracker/ws?token=${token}`)
    await refused(client).catch((error: unknown) => assert.fail(`${name}: ${String(error)}`))
    const frame = at.world.client('/tracker/ws')
    await frame.opened()
    frame.send({ type: 'system', action: 'authenticate', payload: { token } })
    await refused(frame)
    const answer = await at.world.request('GET', '/api/tracker/projects', undefined, { authorization: `Bearer ${token}` })
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
  for (const text of ['', '{', '[]', ping({}), nested(100), 'x'.repeat(70_000), '{"type":"system","action":"authenticate"}']) {
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
  for (const { token, get } of [out, off]) {
    await refused(world.client(`/tracker/ws?token=${token}`))
    checkError(await get('/api/tracker/projects'), 401, 'invalid_token')
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

test('a newer token on a live connection keeps it past the end of the old one; without it auth_expired and 4401', async () => {
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

// Rates

abuse('the 101st frame of a minute gets rate_limit with whole seconds to wait; then the connection works again', async (at) => {
  const client = await at.world.connect(at.mallory)
  for (let i = 0; i < 100; i += 1) client.send(i % 2 ? ping({}) : '{')
  for (let i = 0; i < 100; i += 1) {
    assert.equal((await answerTo(client)).name, i % 2 ? 'system/pong' : 'error/validation_error', String(i))
  }
  // So many at once are more than may wait for their turn: reading goes on after a pause, by the clock.
  at.world.clock.advance(100)
  for (const left of [60, 40, 20]) {
    client.send(ping({}))
    const { name, payload } = await answerTo(client)
    assert.deepEqual([name, payload['code'], payload['retry_after']], ['error/rate_limit', 'rate_limit_exceeded', left])
    await pass(at, 20_000, at.control)
  }
  await alive(client)
})

abuse('protocol pings count as frames', async (at) => {
  const client = await at.world.connect(at.mallory)
  for (let i = 0; i < 100; i += 1) client.ws.ping()
  client.send(ping({}))
  assert.equal((await answerTo(client)).name, 'error/rate_limit')
})

abuse('a sender that goes on for ten times its limit is cut with 4429', async (at) => {
  const client = await at.world.connect(at.mallory)
  client.ws.on('error', () => undefined)
  for (let i = 0; i < 3_000; i += 1) client.send(ping({}))
  for (let i = 0; i < 80 && !client.closed; i += 1) {
    await at.world.advance(100)
    await alive(at.control)
  }
  await client.expectClose(4429)
  const last = client.frames.at(-1)!
  assert.deepEqual([last.action, last.payload['reason']], ['disconnected', 'rate_limit'])
  assert.ok(client.frames.length < 1_200)
})

// Upgrades

interface Handshake {
  readonly status: number
  readonly body: string
}

/** What an upgrade request with these headers is answered. */
async function upgrade({ url }: World, path: string, headers: Record<string, string>): Promise<Handshake> {
  const handshake = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
  }
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { headers: { ...handshake, ...headers }, agent: false })
    sent.on('error', reject)
    sent.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve({ status: response.statusCode!, body: '' })
    })
    sent.on('response', (response) => {
      let body = ''
      response.on('data', (data: Buffer) => (body += data.toString()))
      response.on('end', () => resolve({ status: response.statusCode!, body }))
    })
    sent.end()
  })
}

abuse('pages of other origins are refused in the handshake; ours, this machine\'s and no page at all are not', async (at) => {
  const path = `/tracker/ws?token=${at.mallory.token}`
  const own = at.world.url
  const good = [own, own.replace('http', 'https'), 'http://localhost', 'http://localhost:5173', 'https://127.0.0.1:8443', 'http://[::1]:3000']
  for (const origin of good) assert.equal((await upgrade(at.world, path, { origin })).status, 101, origin)
  assert.equal((await upgrade(at.world, path, {})).status, 101)
  const bad = [
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'http://evil.example/localhost',
    'http://localhost@evil.example',
    'http://127.0.0.1.evil.example',
    'http://localhost:123456',
    `${own}.evil.example`,
    'file://',
    'chrome-extension://localhost',
  ]
  for (const origin of bad) {
    const { status, body } = await upgrade(at.world, path, { origin })
    assert.equal(status, 403, origin)
    assert.deepEqual(Object.keys(JSON.parse(body).error), ['code', 'message'])
    const answer = await at.world.request('GET', '/api/tracker/projects', undefined, { origin })
    assert.equal(answer.headers.get('access-control-allow-origin'), null, origin)
  }
})

abuse('an upgrade that is not one, or at no endpoint, is answered and ended', async (at) => {
  const token = `?token=${at.mallory.token}`
  for (const path of ['/', '/tracker', '/tracker/ws/', '/tracker/ws/x', '/TRACKER/WS', '/%74racker/ws', '//tracker/ws']) {
    const { status, body } = await upgrade(at.world, path + token, {})
    assert.equal(status, 404, path)
    assert.deepEqual(Object.keys(JSON.parse(body).error), ['code', 'message'])
  }
  for (const [name, value] of [['sec-websocket-key', 'short'], ['sec-websocket-version', '7'], ['upgrade', 'h2c']] as const) {
    const { status } = await upgrade(at.world, `/tracker/ws${token}`, { [name]: value })
    assert.ok(status >= 400 && status < 500, name)
  }
  // Not absolute, not a path: nothing of it may throw.
  for (const target of ['//[', '/tracker/ws?token=%E0%A4%A', 'http://[/tracker/ws', '*', '/tracker/ws?since=%00&since=x', '\\']) {
    const socket = raw(at.world)
    socket.write(handshakeOf(target))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.match(answer.toString(), /^HTTP\/1\.1 (101|4\d\d) /, target)
    socket.destroy()
  }
})

// Sockets

function raw({ url }: World): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  return socket
}

const handshakeOf = (target: string): string =>
  [
    `GET ${target} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '\r\n',
  ].join('\r\n')

/** A peer that speaks the handshake and then only what the test writes: no pong comes by itself. */
async function mute(at: Stage): Promise<Socket> {
  const socket = raw(at.world)
  let got = ''
  socket.write(handshakeOf(`/tracker/ws?token=${at.mallory.token}`))
  while (!got.includes('"connected"')) got += ((await once(socket, 'data')) as [Buffer])[0].toString('latin1')
  socket.resume()
  return socket
}

const masked = (first: number, text = ''): Buffer =>
  Buffer.concat([Buffer.from([first, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
const PONG = masked(0x8a)

async function endsWithin(at: Stage, socket: Socket, ms: number, each: () => void = () => undefined): Promise<void> {
  let closed = false
  const gone = once(socket, 'close').then(() => (closed = true))
  for (let left = ms; left > 0 && !closed; left -= 10_000) {
    await at.world.advance(10_000)
    // Twice around: what each side has written has been read.
    await alive(at.control)
    each()
    await alive(at.control)
  }
  await gone
}

abuse('a peer that has gone without a word is found by the pings', async (at) => {
  const socket = await mute(at)
  await endsWithin(at, socket, 120_000)
})

abuse('half a frame and then silence is cut', async (at) => {
  const socket = await mute(at)
  socket.write(masked(0x81, 'x'.repeat(100)).subarray(0, 50))
  await endsWithin(at, socket, 120_000)
})

abuse('a message that never ends is cut though its sender answers pings', async (at) => {
  const socket = await mute(at)
  socket.write(masked(0x01, '{"type":'))
  await endsWithin(at, socket, 120_000, () => socket.write(PONG))
})

abuse('a quiet peer that answers pings stays', async (at) => {
  const socket = await mute(at)
  for (let i = 0; i < 15; i += 1) {
    await at.world.advance(10_000)
    socket.write(PONG)
    await alive(at.control)
  }
  assert.equal(socket.destroyed, false)
  socket.destroy()
})

abuse('bytes that are no WebSocket frame end that connection alone', async (at) => {
  const frames = [
    Buffer.from([0x81, 0x02, 0x7b, 0x7d]), // not masked
    masked(0xf1, '{}'), // reserved bits
    masked(0x83, '{}'), // an opcode that is none
    masked(0x80, '{}'), // the rest of nothing
    masked(0x09, 'x'), // a ping in pieces
    Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]), // no UTF-8
    Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), // 2^64 bytes
    Buffer.from([0x88, 0x81, 0, 0, 0, 0, 1]), // half a close code
    randomBytes(200),
  ]
  for (const frame of frames) {
    const socket = await mute(at)
    const gone = once(socket, 'close')
    socket.end(frame)
    await gone
  }
})

// REST

const api = '/api/tracker'
const badIds = ['', '-1', '0', '2147483648', '99999999999999999999', '1.5', 'abc', '1e3', '0x10', 'NaN', 'null', '%00', '%20', '1%27--', '1;drop', '%F0%9F%98%80', '..%2f1']

abuse('an id that is none is invalid_data that names it, in every position of every path', async (at) => {
  let positions = 0
  for (const { method, path } of trackerRoutes({} as Tracker, {} as Identity)) {
    for (const name of ['id', 'user_id'].filter((param) => path.split('/').includes(`:${param}`))) {
      positions += 1
      for (const id of badIds) {
        const url = path.replace(new RegExp(`:${name}(?=/|$)`), id).replaceAll(/:(user_)?id/g, '1')
        const body = method === 'GET' || method === 'DELETE' ? undefined : {}
        const answer = await at.world.request(method, api + url, body, { authorization: `Bearer ${at.mallory.token}` })
        const details = checkError(answer, 400, 'invalid_data')
        assert.deepEqual(Object.keys(details), [name], `${method} ${url}`)
      }
    }
  }
  assert.ok(positions >= 20)
})

abuse('an id that is none is invalid_data that names it, in queries and bodies', async (at) => {
  const { manager, projectId } = at
  const report = (await manager.post(`${api}/bug-reports`, { project_id: projectId, title: 'T' })).body.id as number
  await at.control.expect('bug_report/created')
  for (const path of ['projects', 'bug-reports', 'notifications', `projects/${projectId}/members`, `bug-reports/${report}/comments`]) {
    for (const name of path === 'bug-reports' ? ['before', 'project_id', 'assignee_id', 'creator_id'] : ['before']) {
      for (const id of badIds) {
        const details = checkError(await manager.get(`${api}/${path}?${name}=${id}`), 400, 'invalid_data')
        assert.deepEqual(Object.keys(details), [name])
      }
    }
  }
  const doors: readonly (readonly [string, string, object])[] = [
    [`${api}/bug-reports`, 'project_id', { title: 'T' }],
    [`${api}/bug-reports`, 'assignee_id', { title: 'T', project_id: projectId }],
    [`${api}/bug-reports/${report}/assign`, 'assignee_id', {}],
    [`${api}/projects/${projectId}/members`, 'user_id', {}],
  ]
  for (const [path, name, rest] of doors) {
    for (const id of ['-1', '0', '-0', '1.5', '2147483648', '1e400', '"1"', 'true', '[]', '[1]', '{}', '""']) {
      const text = `{"${name}":${id},${JSON.stringify(rest).slice(1)}`.replace(',}', '}')
      const details = checkError(await manager.post(path, text), 400, 'invalid_data')
      assert.deepEqual(Object.keys(details), [name], text)
    }
  }
})

abuse('a limit out of range is invalid_data', async (at) => {
  for (const limit of ['0', '-1', '201', '1e9', '99999999999999999999', '1.5', 'all', '', '%00', '1&limit=2']) {
    for (const path of ['projects', 'bug-reports', 'notifications', `projects/${at.projectId}/members`]) {
      const details = checkError(await at.manager.get(`${api}/${path}?limit=${limit}`), 400, 'invalid_data')
      assert.deepEqual(Object.keys(details), ['limit'])
    }
  }
  assert.equal((await at.manager.get(`${api}/bug-reports?limit=200&unknown=1&__proto__=1&constructor=x`)).status, 200)
  for (const [name, value] of [['status', 'open'], ['priority', 'urgent'], ['q', 'x'.repeat(501)], ['q', 'a&q=b']] as const) {
    const details = checkError(await at.manager.get(`${api}/bug-reports?${name}=${value}`), 400, 'invalid_data')
    assert.deepEqual(Object.keys(details), [name])
  }
  checkError(await at.manager.get(`${api}/notifications?unread=yes`), 400, 'invalid_data')
})

const syntax = ['"', "'", '*', '**', '(', ')', '()', 'AND', 'OR', 'NOT', 'NEAR(', 'NEAR(a, 5)', 'a AND', 'title:a', 'title : "', '^a', '-a', 'a*b', '{a}', ':', '::', '!a', '&', 'a & !b', '|', '<->', '\\', '%', '_', "'; drop table tracker_reports; --", "' or 1=1 --", '" OR "1"="1', '\u0000', 'a\u0000b', '\ud800', '😀', '²', 'ⅷ', '\u0301', '\u202e', '" * "', "''':*", '/*', 'a'.repeat(500), 'a '.repeat(250)]

for (const storage of ['sqlite', 'postgres'] as const) {
  abuse(`search takes any text for words (${storage})`, async (at) => {
    for (const text of syntax) {
      const { status, body } = await at.manager.get(`${api}/bug-reports?q=${encodeURIComponent(text.toWellFormed())}`)
      assert.equal(status, 200, text)
      assert.deepEqual(body.items, [], text)
    }
    assert.equal((await at.manager.get(`${api}/bug-reports?q=%ff%fe`)).status < 500, true)
  }, { storage })

  abuse(`NUL is refused, and everything else comes back as it was sent (${storage})`, async (at) => {
    const { manager, projectId } = at
    const doors: readonly (readonly [string, string, object])[] = [
      [`${api}/projects`, 'name', {}],
      [`${api}/projects`, 'description', { name: 'P' }],
      [`${api}/bug-reports`, 'title', { project_id: projectId }],
      [`${api}/bug-reports`, 'description', { project_id: projectId, title: 'T' }],
      [`${api}/projects/${projectId}/members`, 'username', {}],
    ]
    for (const [path, name, rest] of doors) {
      for (const text of ['\u0000', 'a\u0000b', 'a\u0000']) {
        const details = checkError(await manager.post(path, { ...rest, [name]: text }), 400, 'invalid_data')
        assert.deepEqual(Object.keys(details), [name])
      }
    }
    for (const title of ['', ' ', '\u00a0\u2003', 'two\nlines', '\u0007', 'x'.repeat(201)]) {
      const details = checkError(await manager.post(`${api}/bug-reports`, { project_id: projectId, title }), 400, 'invalid_data')
      assert.deepEqual(Object.keys(details), ['title'])
    }
    const title = '👩‍👩‍👧‍👦 e\u0301 é Ünï שלום \u202etext 𝒳 <b>&amp;"\\'
    const description = `${title}\n\ttabs\r\n\u2028\u2029\u007f\u0001`
    const { status, body } = await manager.post(`${api}/bug-reports`, { project_id: projectId, title, description })
    assert.equal(status, 201)
    assert.deepEqual([body.title, body.description], [title, description])
    assert.deepEqual((await manager.get(`${api}/bug-reports/${body.id}`)).body, body)
    assert.deepEqual(await at.control.expect('bug_report/created'), body)
    checkError(await manager.post(`${api}/bug-reports/${body.id}/comments`, { content: 'a\u0000' }), 400, 'invalid_data')
    const comment = (await manager.post(`${api}/bug-reports/${body.id}/comments`, { content: description })).body
    assert.equal(comment.content, description)
    assert.deepEqual(await at.control.expect('comment/created'), comment)
    // Half a character is no text; what is stored and what is told are the same.
    const half = await manager.post(`${api}/bug-reports`, { project_id: projectId, title: 'half \ud83d' })
    assert.ok(half.status === 201 || half.status === 400)
    if (half.status === 201) {
      assert.deepEqual((await manager.get(`${api}/bug-reports/${half.body.id}`)).body, half.body)
      assert.deepEqual(await at.control.expect('bug_report/created'), half.body)
    }
  }, { storage })
}

abuse('long text of any kind is refused in a moment', async (at) => {
  const started = performance.now()
  for (const text of ['a', ' ', 'a ', '\u0000', '\n', '😀', '\u0301']) {
    for (const [path, body] of [
      ['bug-reports', { project_id: at.projectId, title: `${text.repeat(30_000)}\n` }],
      ['projects', { name: `${text.repeat(30_000)}\n` }],
      [`projects/${at.projectId}/members`, { username: text.repeat(30_000) }],
      [`users`, { username: text.repeat(30_000), email: `${text.repeat(20_000)}@x`, password: 'p' }],
    ] as const) {
      const { status } = await at.admin.post(`${api}/${path}`, body)
      assert.ok(status === 400 || status === 413, `${path} ${status}`)
    }
  }
  // A pattern that looks at long text twice over takes minutes for these.
  assert.ok(performance.now() - started < 5_000)
})

abuse('bodies that are none: 413, 415, 400, and nothing of our inside in the answer', async (at) => {
  const { world, mallory } = at
  const send = (body: string, type = 'application/json', path = `${api}/bug-reports`) =>
    world.request('POST', path, body, { authorization: `Bearer ${mallory.token}`, 'content-type': type })
  checkError(await send(JSON.stringify({ title: 'x'.repeat(256 * 1024) })), 413, 'payload_too_large')
  for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx']) {
    checkError(await send('{"title":"T"}', type), 415, 'unsupported_media_type')
  }
  for (const text of ['{', 'hello', '{"title":}', '{"title":"T",}', nested(100), nested(20_000), `[${'0,'.repeat(20_000)}0]`, '\ufeff{}']) {
    checkError(await send(text), 400, 'invalid_data')
  }
  for (const text of ['null', '[]', '1', '"x"', 'true', '{}', '{"__proto__":{"title":"T","project_id":1}}', '{"constructor":{}}']) {
    checkError(await send(text), 400, 'invalid_data')
  }
  assert.equal(({} as Record<string, unknown>)['title'], undefined)
  checkError(await send('{"name":{"toString":1}}', 'application/json; charset=utf-8', `${api}/projects`), 400, 'invalid_data')
  const key = { authorization: `Bearer ${mallory.token}`, 'idempotency-key': 'x'.repeat(201) }
  checkError(await world.request('POST', `${api}/projects`, { name: 'P' }, key), 400, 'invalid_data')
})

abuse('a path or method that is not there is a 404 of ours', async (at) => {
  for (const path of ['/', '/nothing', '/api', api, `${api}/`, `${api}/nothing`, `${api}/projects/1/2/3`, '/tracker/ws', '/..%2f..%2fetc/passwd', '/src/main.ts', '/.env']) {
    checkError(await at.mallory.get(path), 404, 'not_found')
  }
  for (const method of ['PUT', 'DELETE', 'PATCH']) checkError(await at.world.request(method, `${api}/projects`, {}), 404, 'not_found')
  for (const path of [`${api}/projects/%E0%A4%A`, '/%', '/%zz']) {
    const answer = await at.mallory.get(path)
    checkError(answer, 400, 'invalid_data')
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  }
  const { status } = await at.mallory.get(`${api}/projects/${'1'.repeat(5_000)}`)
  assert.ok(status === 400 || status === 404 || status === 414)
})

test('search finds by prefix, by several words and without accents, and only what the searcher may see', async () => {
  await using at = await stage()
  const file = async (title: string, description = '') =>
    (await at.manager.post(`${api}/bug-reports`, { project_id: at.projectId, title, description })).body.id as number
  const cafe = await file('Café menu crashes', 'when the Überschrift is long')
  const cat = await file('Catalogue is slow', 'menu')
  const find = async (user: User, q: string) => {
    const { status, body } = await user.get(`${api}/bug-reports?q=${encodeURIComponent(q)}`)
    assert.equal(status, 200)
    return (body.items as { id: number }[]).map(({ id }) => id)
  }
  assert.deepEqual(await find(at.manager, 'ca'), [cat, cafe])
  assert.deepEqual(await find(at.manager, 'CAFE'), [cafe])
  assert.deepEqual(await find(at.manager, 'cafe\u0301'), [cafe])
  assert.deepEqual(await find(at.manager, 'ubers'), [cafe])
  assert.deepEqual(await find(at.manager, 'menu'), [cat, cafe])
  assert.deepEqual(await find(at.manager, 'menu slow'), [cat])
  assert.deepEqual(await find(at.manager, '"menu" (slow) *'), [cat])
  assert.deepEqual(await find(at.manager, 'menu nothing'), [])
  assert.deepEqual(await find(at.manager, 'afe'), [])
  assert.deepEqual(await find(at.admin, 'cafe'), [cafe])
  assert.deepEqual(await find(at.mallory, 'cafe'), [])
  await at.manager.patch(`${api}/bug-reports/${cafe}`, { title: 'Renamed' })
  assert.deepEqual(await find(at.manager, 'crashes'), [])
  await at.manager.delete(`${api}/bug-reports/${cafe}`)
  assert.deepEqual(await find(at.manager, 'renamed'), [])
})
