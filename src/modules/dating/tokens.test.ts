import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Client } from '../../testing/client.ts'
import { checkLog, forgeries, INSIDE } from '../../testing/hostile.ts'
import { handshakeOf, rawSocket, upgrade, type Handshake } from '../../testing/raw-socket.ts'
import type { User } from '../../testing/world.ts'
import {
  checkFrame,
  connect,
  datingProtocol,
  drained,
  match,
  ok,
  open,
  refused,
  scene,
  send,
  type DatingFrame,
} from './testing.ts'

/** Who is let in, and who is put out: specs/dating.md, "Authentication", and what ends a session. */

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** Refused by HTTP, before there is any connection, in the document's words. */
function checkRefused({ status, body }: Handshake, name: string): void {
  assert.equal(status, 401, name)
  const answer = JSON.parse(body)
  assert.deepEqual(Object.keys(answer), ['error'], name)
  assert.deepEqual(Object.keys(answer.error), ['code', 'message', 'details'], name)
  assert.deepEqual([answer.error.code, answer.error.details], ['UNAUTHORIZED', {}], name)
  assert.ok(answer.error.message.length > 0)
  assert.doesNotMatch(body, INSIDE)
}

/** The last words of the server, in their order, and the end. */
async function cut(client: Client, code: string, reason: string): Promise<void> {
  const frames = [await client.next(), await client.next()] as unknown as [DatingFrame, DatingFrame]
  for (const frame of frames) checkFrame(frame)
  const [error, closed] = frames
  const told = [error.event, error.data['code'], error.data['request_event']]
  assert.deepEqual(told, ['error', code, null], JSON.stringify(error))
  assert.deepEqual([closed.event, closed.data['reason'], closed.data['code']], ['connection:closed', reason, 1008])
  await client.expectClose(1008)
  assert.deepEqual(client.frames, [])
}

async function welcome(client: Client, user: User): Promise<void> {
  await client.expect('connection:established', { user_id: user.uuid })
  assert.deepEqual(await drained(client), [])
}

test('a token that is missing, malformed or forged is 401 before the upgrade, wherever it stands', async () => {
  await using at = await scene()
  const { world, ana, ben } = at
  for (const [name, token] of Object.entries(forgeries(ana.token))) {
    for (const [path, headers] of [
      ['/ws', bearer(token)],
      [`/ws?token=${token}`, {}],
      ['/ws', { 'sec-websocket-protocol': `bearer, ${token}` }],
    ] as const) {
      checkRefused(await upgrade(world, path, headers), `${name} ${Object.keys(headers).join()}`)
    }
  }
  for (const [path, headers] of [
    ['/ws', {}],
    ['/ws?token=', {}],
    ['/ws?Token=x&access_token=x', {}],
    ['/ws', { authorization: '' }],
    ['/ws', { authorization: 'Bearer' }],
    ['/ws', { authorization: ana.token }],
    ['/ws', { authorization: `Bearer ${ana.token} x` }],
    ['/ws', { authorization: `Bearer ${ana.refreshToken}` }],
    ['/ws', { authorization: `Basic ${Buffer.from('ana:ana-password').toString('base64')}` }],
    ['/ws', { authorization: `Basic ${ana.token}` }],
    ['/ws', { cookie: `token=${ana.token}; access_token=${ana.token}` }],
    ['/ws', { 'sec-websocket-protocol': 'bearer' }],
    ['/ws', { 'sec-websocket-protocol': `${ana.token}, bearer` }],
    ['/ws', { 'sec-websocket-protocol': `token, ${ana.token}` }],
    // Two of different people, or of one person and nobody.
    [`/ws?token=${ben.token}`, bearer(ana.token)],
    [`/ws?token=${ben.token}&token=${ana.token}`, {}],
    ['/ws', { ...bearer(ana.token), 'sec-websocket-protocol': `bearer, ${ben.token}` }],
    [`/ws?token=${ana.token}x`, bearer(ana.token)],
  ] as const) {
    const name = `${path.slice(0, 20)} ${Object.keys(headers).join()}`
    checkRefused(await upgrade(world, path, headers), name)
  }
  assert.equal(world.app.hub.connections.size, 0)
  checkLog(world, [ana, ben])
})

test('a stock client is let in by header, query or subprotocol, and is answered with bearer alone', async () => {
  await using at = await scene()
  const { world, ana } = at
  const { token } = ana
  const client = (path: string, headers: Record<string, string>, protocols: readonly string[] = []) =>
    world.client(path, { protocol: datingProtocol, headers, protocols: [...protocols] })
  for (const authorization of [`Bearer ${token}`, `bearer ${token}`, `BEARER ${token}`]) {
    const one = client('/ws', { authorization })
    await welcome(one, ana)
    assert.equal(one.ws.protocol, '')
    await one.close()
  }
  for (const [path, headers, protocols] of [
    [`/ws?token=${token}`, {}, []],
    [`/ws?token=${token}&token=${token}`, bearer(token), []],
    ['/ws', {}, ['bearer', token]],
    ['/ws', bearer(token), ['bearer', token]],
    ['/ws', bearer(token), ['bearer']],
  ] as const) {
    const one = client(path, headers, protocols)
    await welcome(one, ana)
    assert.equal(one.ws.protocol, protocols.length > 0 ? 'bearer' : '')
    await one.close()
  }
  checkLog(world, [ana])
})

test('who is refused is answered and let go of, whatever comes after the request', async () => {
  await using at = await scene()
  const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x7b, 0x7d])
  for (const after of [Buffer.alloc(0), frame, Buffer.alloc(300_000)]) {
    const socket = rawSocket(at.world)
    let got = ''
    socket.on('data', (chunk: Buffer) => (got += chunk.toString('latin1')))
    socket.write(Buffer.concat([Buffer.from(handshakeOf('/ws?token=garbage')), after]))
    await once(socket, 'close')
    const [head, body] = got.split('\r\n\r\n') as [string, string]
    assert.match(head, /^HTTP\/1\.1 401 Unauthorized\r\n/)
    assert.match(head, /\r\nConnection: close\r\n/)
    assert.match(head, /\r\nContent-Type: application\/json\r\n/)
    assert.match(head, /\r\nWWW-Authenticate: Bearer/)
    assert.doesNotMatch(head, /upgrade/i)
    checkRefused({ status: 401, body }, 'raw')
  }
  assert.equal(at.world.app.hub.connections.size, 0)
})

test('a token that has expired, been logged out or deactivated is 401 on the upgrade', async () => {
  await using at = await scene({ config: { accessTokenMs: 60_000 } })
  const { world, admin, ana, ben, cleo } = at
  assert.equal((await ben.post('/api/auth/logout')).status, 204)
  assert.equal((await admin.post(`/api/tracker/users/${cleo.id}/status`, { status: 'inactive' })).status, 200)
  for (const { name, token } of [ben, cleo]) checkRefused(await upgrade(world, '/ws', bearer(token)), name)
  world.clock.advance(59_000)
  assert.equal((await upgrade(world, '/ws', bearer(ana.token))).status, 101)
  // The clocks of those who issue tokens may be five seconds off.
  world.clock.advance(6_000)
  checkRefused(await upgrade(world, '/ws', bearer(ana.token)), 'expired')
  checkLog(world, [ana, ben, cleo])
})

test('at its expiry a session is told UNAUTHORIZED and token_expired; what it sends then has no effect', async () => {
  await using at = await scene({ config: { accessTokenMs: 60_000 } })
  const { world, ana, conversationId: conversation_id } = at
  const clients = [await connect(world, ana), await connect(world, ana)]
  world.clock.advance(59_800)
  for (const client of clients) assert.deepEqual(await drained(client), [])
  world.clock.advance(300)
  for (const client of clients) send(client, 'message:send', { conversation_id, content: 'too late', type: 'text' })
  for (const client of clients) await cut(client, 'UNAUTHORIZED', 'token_expired')
  const { body } = await world.request('POST', '/api/auth/login', { username: 'ana', password: 'ana-password' })
  const path = `/api/dating/conversations/${conversation_id}/messages`
  const history = await world.request('GET', path, undefined, bearer(body.access_token))
  assert.equal(history.status, 200)
  assert.doesNotMatch(JSON.stringify(history.body), /too late/)
})

test('logging out and being deactivated end every connection of the login or the account, and no other', async () => {
  await using at = await scene()
  const { world, admin, ana, ben } = at
  const { body } = await world.request('POST', '/api/auth/login', { username: 'ana', password: 'ana-password' })
  const other = { ...ana, token: body.access_token as string }
  const phones = [await connect(world, ana), await connect(world, ana), await connect(world, ana)]
  const tablet = await connect(world, other)
  const bens = [await connect(world, ben), await connect(world, ben)]
  for (const client of [...phones, tablet, ...bens]) await drained(client)
  assert.equal((await ana.post('/api/auth/logout')).status, 204)
  for (const client of phones) await cut(client, 'UNAUTHORIZED', 'token_revoked')
  assert.deepEqual(await drained(tablet), [])
  assert.equal((await admin.post(`/api/tracker/users/${ben.id}/status`, { status: 'inactive' })).status, 200)
  for (const client of bens) await cut(client, 'UNAUTHORIZED', 'token_revoked')
  world.clock.advance(10_000)
  await tablet.expect('user:offline', { user_id: ben.uuid })
  assert.deepEqual(await drained(tablet), [])
  checkLog(world, [admin, ana, ben])
})

test('D-P2 a suspension ends every connection with FORBIDDEN, and lets nobody in again until it is lifted', async () => {
  await using at = await scene()
  const { world, admin, ana, ben, conversationId: conversation_id } = at
  const clients = [await connect(world, ben), await connect(world, ben)]
  const anas = await connect(world, ana)
  for (const client of clients) await drained(client)
  const { id } = await ok(ana.post('/api/dating/reports', { user_id: ben.uuid, reason: 'spam' }))
  await ok(admin.post(`/api/dating/moderation/reports/${id}/resolve`, { action: 'suspend' }))
  for (const client of clients) await cut(client, 'FORBIDDEN', 'token_revoked')
  while (world.app.hub.connections.size > 1) await turn()
  await cut(open(world, ben), 'FORBIDDEN', 'policy_violation')
  const path = `/api/dating/conversations/${conversation_id}/messages`
  assert.equal((await ben.post(path, { content: 'x', type: 'text' })).status, 403)
  await ok(admin.delete(`/api/dating/moderation/suspensions/${ben.uuid}`))
  const again = await connect(world, ben)
  await refused(again, 'message:send', { conversation_id: ana.uuid, content: 'x', type: 'text' }, 'NOT_FOUND')
  await drained(anas)
  const other = await match(ana, at.cleo)
  await refused(again, 'conversation:join', { conversation_id: other }, 'FORBIDDEN')
})
