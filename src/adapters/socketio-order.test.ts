import assert from 'node:assert/strict'
import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { test } from 'node:test'
import { io, type Socket } from 'socket.io-client'
import type { Connection } from '../kernel/connection.ts'
import { FakeClock } from '../testing/clock.ts'
import { PacketSocket, PollingSession } from '../testing/engine-client.ts'
import { seeded } from '../testing/random.ts'
import { socketIoServer, type SocketIoServer } from '../testing/socketio-server.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const connectionOf = async ({ toy }: SocketIoServer, account: number): Promise<Connection> => {
  for (let i = 0; i < 20_000; i += 1) {
    for (const each of toy.hub.connections) if (each.session?.account.id === account) return each
    await turn()
  }
  throw new Error(`no connection of user-${account}`)
}

interface Flooded {
  readonly got: unknown[]
  readonly isUpgraded: () => boolean
  readonly stop: () => void
}

/** Sends numbers by both ways of an outbox, with seeded pauses, until well past the upgrade. @returns how many */
async function flood(connection: Connection, client: Flooded, next: () => number): Promise<number> {
  let sent = 0
  let after = 0
  while (after < 60) {
    // Asked for before the burst it comes before the burst is flushed, and an upgrade may lie between the two.
    const soon = next() < 0.5 ? turn() : undefined
    for (let burst = Math.floor(next() * 20); burst >= 0; burst -= 1) {
      const frame = `["n",${sent}]`
      sent += 1
      if (next() < 0.5) connection.send(frame)
      else connection.outbox.append(connection.transport.framing(frame))
    }
    await soon
    for (let pause = Math.floor(next() * 3); pause > 0; pause -= 1) await turn()
    if (client.isUpgraded()) after += 1
  }
  return sent
}

function stock(url: string, n: number): Flooded {
  const socket: Socket = io(`${url}/toys`, { auth: { token: `user-${n}` }, forceNew: true, reconnection: false })
  return flooded(socket)
}

function flooded(socket: Socket): Flooded {
  const got: unknown[] = []
  socket.on('n', (number: unknown) => got.push(number))
  const isUpgraded = (): boolean => socket.io.engine.transport.name === 'websocket'
  return { got, isUpgraded, stop: () => void socket.disconnect() }
}

const require = createRequire(import.meta.url)

function stock2(url: string, n: number): Flooded {
  const io2 = require('socket.io-client-2') as (url: string, options: object) => Socket
  const socket = io2(`${url}/toys`, { query: { token: `user-${n}` }, forceNew: true, reconnection: false })
  return flooded(socket)
}

test('a flood through the upgrade from polling to WebSocket arrives whole, each once, in order', async (t) => {
  const random = seeded()
  t.diagnostic(`seed ${random.seed}`)
  const server = await socketIoServer({ hub: { maxPendingBytes: 1024 * 1024 } })
  t.after(() => server.close())
  for (let round = 0; round < 3; round += 1) {
    const clients = Array.from({ length: 6 }, (_, n) => (n % 3 === 2 ? stock2 : stock)(server.url, 1 + round * 6 + n))
    await Promise.all(
      clients.map(async (client, n) => {
        const connection = await connectionOf(server, 1 + round * 6 + n)
        const sent = await flood(connection, client, () => random.next())
        for (let i = 0; i < 20_000 && client.got.length < sent; i += 1) await turn()
        assert.deepEqual(client.got, Array.from({ length: sent }, (_, i) => i))
        client.stop()
      }),
    )
  }
})

test('what is appended in the very turn of the upgrade stays behind what is still queued in the engine', async (t) => {
  const server = await socketIoServer()
  t.after(() => server.close())
  const session = await PollingSession.open(server.url)
  await session.enter('/toys', { token: 'user-1' })
  assert.match(await session.next(), /hello/)
  const connection = await connectionOf(server, 1)
  const socket = new PacketSocket(server.url, `EIO=4&transport=websocket&sid=${session.opened.sid}`)
  await new Promise((resolve) => socket.ws.on('open', resolve))
  socket.send('2probe')
  assert.equal(await socket.next(), '3probe')
  const send = (n: number): void => connection.send(`["n",${n}]`)
  // Nobody polls: these wait in the engine's buffer.
  for (let n = 0; n < 5; n += 1) send(n)
  await turn()
  await turn()
  const { conn } = (connection.transport as unknown as { line: { conn: EventEmitter } }).line
  conn.once('upgrade', () => {
    // The transport is the WebSocket, and the engine has not flushed.
    send(5)
    process.nextTick(() => {
      // It has, and we have not.
      send(6)
      connection.transport.reply('["n",7]', undefined)
    })
  })
  socket.send('5')
  for (let n = 0; n < 8; n += 1) assert.equal(await socket.next(), `42/toys,["n",${n}]`)
  socket.ws.terminate()
})

test('what waits for a poll comes with one answer, in order; a replay over the bound is paced by polls', async (t) => {
  const server = await socketIoServer({ hub: { maxPendingBytes: 16 * 1024 } })
  t.after(() => server.close())
  const { hub, unitOfWork } = server.toy
  const text = 'x'.repeat(1_000)
  for (let n = 0; n < 60; n += 1) {
    const event = { module: 'toy', type: 'said', audience: { to: ['toy:room'] }, payload: { n, text } }
    await unitOfWork.run((unit) => Promise.resolve(unit.emit(event)))
  }
  const session = await PollingSession.open(server.url)
  const since = hub.codecs.position(0)
  await session.enter('/toys', { token: 'user-1', since })
  const seen: number[] = []
  while (seen.length < 60) {
    const packet = await session.next()
    if (packet.includes('"said"')) seen.push(Number(/"n":(\d+)/.exec(packet)![1]))
  }
  assert.deepEqual(seen, Array.from({ length: 60 }, (_, n) => n))
  assert.ok(session.polls >= 5 && session.polls < 30, `${session.polls} polls`)
  const connection = await connectionOf(server, 1)
  for (let n = 0; n < 10; n += 1) connection.send(`["n",${n}]`)
  await turn()
  await turn()
  assert.deepEqual(await session.poll(), Array.from({ length: 10 }, (_, n) => `42/toys,["n",${n}]`))
})

test('K-10 who polls no more is cut when too much waits, and by the engine when it is silent', async (t) => {
  const hub = { maxPendingBytes: 16 * 1024 }
  const server = await socketIoServer({ hub, engine: { pingInterval: 300, pingTimeout: 3_000 } })
  t.after(() => server.close())
  const { connections } = server.toy.hub
  const slow = await PollingSession.open(server.url)
  await slow.enter('/toys', { token: 'user-1' })
  const slowConnection = await connectionOf(server, 1)
  let highest = 0
  for (let n = 0; n < 2_000 && slowConnection.session; n += 1) {
    slowConnection.send(JSON.stringify(['n', 'x'.repeat(100)]))
    await turn()
    highest = Math.max(highest, slowConnection.outbox.pendingBytes)
  }
  assert.equal(slowConnection.session, undefined)
  assert.ok(highest < 20 * 1024, `${highest} bytes`)
  // The other has nothing to be sent, and its pings wait for a poll.
  const silent = await PollingSession.open(server.url)
  await silent.enter('/toys', { token: 'user-2' })
  await connectionOf(server, 2)
  for (let i = 0; i < 2_000 && connections.size > 0; i += 1) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(connections.size, 0)
  assert.equal(await silent.isOver(), true)
})

test('K-10 who polls again before it has read the last answer is cut: unread answers have no bound', async (t) => {
  const server = await socketIoServer({ hub: { maxPendingBytes: 64 * 1024 * 1024 }, clock: new FakeClock() })
  t.after(() => server.close())
  const session = await PollingSession.open(server.url)
  await session.enter('/toys', { token: 'user-1' })
  assert.match(await session.next(), /hello/)
  const connection = await connectionOf(server, 1)
  connection.send(JSON.stringify(['n', 'x'.repeat(32 * 1024 * 1024)]))
  await turn()
  await turn()
  const deaf = connect(server.port, '127.0.0.1').pause()
  t.after(() => deaf.destroy())
  deaf.write(`GET /socket.io/?EIO=4&transport=polling&sid=${session.opened.sid} HTTP/1.1\r\nHost: x\r\n\r\n`)
  for (let i = 0; i < 20_000 && connection.outbox.pendingBytes > 0; i += 1) await turn()
  await assert.rejects(session.poll(), /Session ID unknown/)
  for (let i = 0; i < 100; i += 1) await turn()
  assert.equal(server.toy.hub.connections.size, 0)
})

test('signs of life are the engine\'s pongs on either transport, and protocol pongs on a WebSocket', async (t) => {
  const clock = new FakeClock()
  const server = await socketIoServer({ clock, engine: { pingInterval: 20, pingTimeout: 5_000 } })
  t.after(() => server.close())
  const polling = await PollingSession.open(server.url)
  await polling.enter('/toys', { token: 'user-1' })
  assert.match(await polling.next(), /hello/)
  const connection = await connectionOf(server, 1)
  clock.advance(1_000)
  while ((await polling.next()) !== '2');
  await polling.post('3')
  assert.equal(connection.seen, 1_000)
  // A proof that is asked for while nothing can give it comes with the upgrade, behind what was sent before.
  let isProved = false
  const socket = new PacketSocket(server.url, `EIO=4&transport=websocket&sid=${polling.opened.sid}`)
  await new Promise((resolve) => socket.ws.on('open', resolve))
  socket.send('2probe')
  assert.equal(await socket.next(), '3probe')
  connection.send('["before",{}]')
  connection.confirm((received) => (isProved = received))
  socket.send('5')
  for (let packet = ''; packet !== '42/toys,["before",{}]'; packet = await socket.next()) {
    // The next one comes only when this one has been answered.
    if (packet === '2') socket.send('3')
  }
  for (let i = 0; i < 20_000 && !isProved; i += 1) await turn()
  assert.ok(isProved)
  clock.advance(1_000)
  while ((await socket.next()) !== '2');
  socket.send('3')
  for (let i = 0; i < 20_000 && connection.seen < 2_000; i += 1) await turn()
  assert.equal(connection.seen, 2_000)
  let again = false
  connection.confirm((received) => (again = received))
  for (let i = 0; i < 20_000 && !again; i += 1) await turn()
  assert.ok(again)
  socket.ws.terminate()
})
