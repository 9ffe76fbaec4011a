import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { timeouts } from '../../adapters/http.ts'
import type { Client } from '../../testing/client.ts'
import { handshakeOf, masked, mutePeer, PONG, rawSocket, upgrade } from '../../testing/raw-socket.ts'
import type { User, World } from '../../testing/world.ts'
import { checkFrame, connect, drained, open, scene, type DatingFrame } from './testing.ts'

/** How many connections one person may open and have, and how long one lives that says nothing: specs/dating.md. */

interface Knock {
  readonly status: number
  readonly code: string | undefined
  readonly details: Record<string, unknown> | undefined
  readonly retryAfter: string | undefined
  readonly client: Client
}

/** Tries to open a connection. @returns 101, or what the HTTP answer was */
async function knock(world: World, user: User): Promise<Knock> {
  const client = open(world, user)
  const refused = once(client.ws, 'unexpected-response') as Promise<[unknown, IncomingMessage]>
  const answer = await Promise.race([refused, once(client.ws, 'open')])
  if (answer.length === 0) return { status: 101, code: undefined, details: undefined, retryAfter: undefined, client }
  const response = answer[1] as IncomingMessage
  let text = ''
  for await (const chunk of response) text += String(chunk)
  assert.equal(response.headers['content-type'], 'application/json')
  const { error } = JSON.parse(text)
  assert.deepEqual(Object.keys(error), ['code', 'message', 'details'])
  const retryAfter = response.headers['retry-after']
  return { status: response.statusCode!, code: error.code, details: error.details, retryAfter, client }
}

/** The server knows that all but so many have gone. */
async function left({ app }: World, count: number): Promise<void> {
  while (app.hub.connections.size > count) await turn()
}

async function opens(world: World, user: User): Promise<Client> {
  const { status, client } = await knock(world, user)
  assert.equal(status, 101)
  await client.expect('connection:established')
  return client
}

const TOO_SOON = (seconds: number) => [429, 'RATE_LIMITED', { retry_after: seconds }, String(seconds)]
const outcome = ({ status, code, details, retryAfter }: Knock) => [status, code, details, retryAfter]

test('D-L3 ten connections in a minute are opened, the eleventh is told by HTTP when to come back', async () => {
  await using at = await scene()
  const { world, ana, ben } = at
  for (let n = 0; n < 10; n += 1) {
    await (await opens(world, ana)).close()
    await left(world, 0)
    world.clock.advance(1_000)
  }
  // Attempts that are refused do not count.
  for (let n = 0; n < 3; n += 1) assert.deepEqual(outcome(await knock(world, ana)), TOO_SOON(50))
  await (await opens(world, ben)).close()
  await left(world, 0)
  world.clock.advance(49_999)
  assert.deepEqual(outcome(await knock(world, ana)), TOO_SOON(1))
  world.clock.advance(1)
  const kept = await opens(world, ana)
  assert.deepEqual(outcome(await knock(world, ana)), TOO_SOON(1))
  assert.deepEqual(await drained(kept), [])
})

test('D-L3 five connections are open at once, the sixth is refused by HTTP, and one that closes makes room', async () => {
  await using at = await scene()
  const { world, ana, ben } = at
  const clients: Client[] = []
  for (let n = 0; n < 5; n += 1) clients.push(await opens(world, ana))
  // Refused ones are not among the ten of a minute.
  for (let n = 0; n < 12; n += 1) {
    const refused = await knock(world, ana)
    assert.deepEqual([refused.status, refused.code, refused.retryAfter], [429, 'CONNECTION_ERROR', undefined])
    assert.equal(refused.details!['field'], 'connections')
  }
  await opens(world, ben)
  await clients[2]!.close()
  await left(world, 5)
  await opens(world, ana)
  assert.equal((await knock(world, ana)).status, 429)
  // One that was cut without a word is found out when the next one asks.
  await clients[4]!.cut()
  await opens(world, ana)
  assert.equal(world.app.hub.connections.size, 6)
})

test('D-L3 of twenty connections that come at once exactly five are let in', async () => {
  await using at = await scene()
  for (let round = 0; round < 2; round += 1) {
    const knocks = await Promise.all(Array.from({ length: 20 }, () => knock(at.world, at.ana)))
    const opened = knocks.filter(({ status }) => status === 101)
    assert.equal(opened.length, 5)
    // The second time the ten of the minute are used up as well.
    const codes = new Set(knocks.filter(({ status }) => status === 429).map(({ code }) => code))
    assert.deepEqual([...codes], [round === 0 ? 'CONNECTION_ERROR' : 'RATE_LIMITED'])
    assert.ok(knocks.every(({ status }) => status === 101 || status === 429))
    for (const { client } of opened) await client.expect('connection:established')
    for (const { client } of opened) await client.close()
    await left(at.world, 0)
  }
  assert.deepEqual(outcome(await knock(at.world, at.ana)), TOO_SOON(60))
})

test('a ping comes every thirty seconds; who answers it by its own stack alone stays', async () => {
  await using at = await scene({ config: { accessTokenMs: 3_600_000 } })
  const ana = await connect(at.world, at.ana)
  let pings = 0
  ana.ws.on('ping', (data: Buffer) => (pings += data.length === 0 ? 1 : 0))
  at.world.clock.advance(29_800)
  assert.deepEqual(await drained(ana), [])
  assert.equal(pings, 0)
  for (let n = 1; n <= 5; n += 1) {
    at.world.clock.advance(n === 1 ? 400 : 30_200)
    assert.deepEqual(await drained(ana), [])
    assert.equal(pings, n)
  }
})

/** What a peer that never answers was sent. */
async function silentPeer(at: Awaited<ReturnType<typeof scene>>) {
  const socket = await mutePeer(at.world, `/ws?token=${at.ana.token}`, 'connection:established')
  let got = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => (got = Buffer.concat([got, chunk])))
  return { socket, got: () => got.toString('latin1') }
}

test('after sixty seconds of silence a connection is told so and closed, and its slot is free at once', async () => {
  await using at = await scene({ config: { accessTokenMs: 3_600_000 } })
  const { clock } = at.world
  const { socket, got } = await silentPeer(at)
  const ben = await connect(at.world, at.ben)
  for (let n = 0; n < 59; n += 1) clock.advance(1_000)
  await drained(ben)
  assert.equal(at.world.app.hub.connections.size, 2)
  assert.doesNotMatch(got(), /connection:closed/)
  const others: Client[] = []
  for (let n = 0; n < 4; n += 1) others.push(await opens(at.world, at.ana))
  for (let n = 0; n < 3; n += 1) {
    clock.advance(1_000)
    for (const client of [ben, ...others]) await drained(client)
  }
  while (!got().includes('\x88')) await turn()
  const [text] = /\{"event":"connection:closed".*?\}\}?,"timestamp":"[^"]*"\}/.exec(got())!
  const frame = JSON.parse(text) as DatingFrame
  checkFrame(frame)
  assert.deepEqual([frame.data['reason'], frame.data['code']], ['pong_timeout', 1008])
  // Its peer has not answered the close either, and yet there is room for one more.
  others.push(await opens(at.world, at.ana))
  clock.advance(6_000)
  await once(socket, 'close')
  assert.equal((await knock(at.world, at.ana)).status, 429)
  for (const client of others) assert.equal(client.closed, undefined)
})

test('any frame is a sign of life: a pong that nobody asked for, or text that is refused', async () => {
  await using at = await scene({ config: { accessTokenMs: 3_600_000 } })
  const { socket, got } = await silentPeer(at)
  const ben = await connect(at.world, at.ben)
  for (let n = 0; n < 10; n += 1) {
    socket.write(n % 2 === 0 ? PONG : masked(0x81, '{'))
    // Heard before the time goes on.
    const [connection] = at.world.app.hub.connections
    while (connection!.seen < at.world.clock.monotonic()) await turn()
    at.world.clock.advance(29_000)
    await drained(ben)
  }
  assert.doesNotMatch(got(), /connection:closed/)
  assert.equal(at.world.app.hub.connections.size, 2)
  socket.destroy()
})

test('handshake and authentication have thirty seconds, then the answer is HTTP', async () => {
  await using at = await scene()
  const { world } = at
  assert.equal(timeouts.headersTimeout, 30_000)
  const { authenticator } = world.app.hub
  const authenticate = authenticator.authenticate.bind(authenticator)
  let asked = 0
  Object.assign(authenticator, {
    authenticate: () => {
      asked += 1
      return new Promise(() => undefined)
    },
  })
  const answering = upgrade(world, '/ws', { authorization: `Bearer ${at.ana.token}` })
  let answered = false
  void answering.then(() => (answered = true))
  const gone = rawSocket(world)
  gone.write(handshakeOf(`/ws?token=${at.ana.token}`))
  while (asked < 2) await turn()
  // One that does not wait for the answer leaves nothing behind.
  gone.destroy()
  world.clock.advance(29_800)
  for (let n = 0; n < 20; n += 1) await turn()
  assert.equal(answered, false)
  world.clock.advance(300)
  const { status, body } = await answering
  assert.deepEqual([status, JSON.parse(body).error.code], [503, 'CONNECTION_ERROR'])
  Object.assign(authenticator, { authenticate })
  assert.equal(world.app.hub.connections.size, 0)
  for (let n = 0; n < 5; n += 1) await opens(world, at.ana)
})
