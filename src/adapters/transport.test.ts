import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { io, type ManagerOptions } from 'socket.io-client'
import { WebSocket } from 'ws'
import type { Endpoint } from '../kernel/face.ts'
import { systemClock } from '../kernel/clock.ts'
import { socketIoServer } from '../testing/socketio-server.ts'
import { toyKernel } from '../testing/toy.ts'
import { transportContract, type ToyClient, type TransportKind } from '../testing/transport-contract.ts'
import { Addresses } from './addresses.ts'
import { upgradeHandler } from './upgrade.ts'
import { rawWebSockets } from './ws.ts'

/** Things received, in order, for whoever asks for the next one. */
class Inbox {
  private readonly items: (readonly unknown[])[] = []
  private readonly waiting: ((item: readonly unknown[]) => void)[] = []

  put(item: readonly unknown[]): void {
    const next = this.waiting.shift()
    if (next) next(item)
    else this.items.push(item)
  }

  next(): Promise<readonly unknown[]> {
    const item = this.items.shift()
    return item ? Promise.resolve(item) : new Promise((resolve) => this.waiting.push(resolve))
  }
}

const listening = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const stopped = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

const raw: TransportKind = {
  async start() {
    const toy = await toyKernel(systemClock)
    const match = (path: string) => (path === '/toy' ? {} : undefined)
    const endpoint: Endpoint = { kind: 'websocket', face: toy.face, match }
    const server = createServer().on(
      'upgrade',
      upgradeHandler({
        hub: toy.hub,
        endpoints: [endpoint],
        raw: rawWebSockets(toy.hub),
        allowedOrigins: [],
        addressOf: () => 'test',
        addresses: new Addresses(systemClock, { perMinute: 0, open: 0 }),
      }),
    )
    const port = await listening(server)
    return {
      toy,
      connect: (token) => Promise.resolve(rawClient(new WebSocket(`ws://127.0.0.1:${port}/toy?token=${token}`))),
      async stop() {
        await stopped(server)
        await toy.close()
      },
    }
  },
}

function rawClient(ws: WebSocket): ToyClient {
  const inbox = new Inbox()
  ws.on('message', (data: Buffer) => inbox.put(JSON.parse(data.toString()) as unknown[]))
  const send = (name: string, data: object): void => ws.send(JSON.stringify([name, data]))
  return {
    send,
    async ask(name, data) {
      send(name, data)
      return (await inbox.next())[1]
    },
    next: () => inbox.next(),
    sendNested: (depth) => ws.send(`["echo",${'['.repeat(depth)}${']'.repeat(depth)}]`),
    sendBinary: () => ws.send(Buffer.from([1, 2, 3])),
    closed: new Promise((resolve) => ws.on('close', () => resolve())),
    close: () => ws.close(),
  }
}

type Connect = (url: string, token: string) => ToyClient

const socketio = (connect: Connect): TransportKind => ({
  async start() {
    const server = await socketIoServer()
    return {
      toy: server.toy,
      connect: (token) => Promise.resolve(connect(server.url, token)),
      stop: () => server.close(),
    }
  },
})

/** The stock client of today, protocol 5 on Engine.IO 4. */
const client4 = (options: Partial<ManagerOptions>): TransportKind =>
  socketio((url, token) => {
    const socket = io(`${url}/toys`, { auth: { token }, forceNew: true, reconnection: false, ...options })
    const inbox = new Inbox()
    socket.onAny((name: string, ...args: unknown[]) => inbox.put([name, ...args]))
    return socketIoClient(socket, inbox)
  })

/** The stock client of 2020, protocol 4 on Engine.IO 3: no `auth`, the token is in the query. */
const client2 = (options: object): TransportKind =>
  socketio((url, token) => {
    const socket = io2(`${url}/toys`, { query: { token }, forceNew: true, reconnection: false, ...options })
    const inbox = new Inbox()
    const base = socket.onevent
    socket.onevent = (packet) => {
      inbox.put(packet.data)
      base.call(socket, packet)
    }
    return socketIoClient(socket, inbox)
  })

/** What the clients of all versions have in common. */
interface StockSocket {
  readonly io: unknown
  emit(name: string, ...args: unknown[]): unknown
  on(event: 'disconnect', fn: () => void): unknown
  disconnect(): unknown
}

interface StockSocket2 extends StockSocket {
  onevent: (packet: { data: unknown[] }) => void
}

const io2 = createRequire(import.meta.url)('socket.io-client-2') as (url: string, options: object) => StockSocket2

function socketIoClient(socket: StockSocket, inbox: Inbox): ToyClient {
  return {
    send: (name, data) => void socket.emit(name, data),
    async ask(name, data) {
      return new Promise((resolve) => socket.emit(name, data, (_: string, reply: unknown) => resolve(reply)))
    },
    next: () => inbox.next(),
    sendNested(depth) {
      // The stock client dies of its own stack here, so the packet goes out below it.
      const packet = `2/toys,["echo",${'['.repeat(depth)}${']'.repeat(depth)}]`
      ;(socket.io as { engine: { write(data: string): void } }).engine.write(packet)
    },
    sendBinary: () => void socket.emit('echo', Buffer.from([1, 2, 3])),
    closed: new Promise((resolve) => socket.on('disconnect', () => resolve())),
    close: () => void socket.disconnect(),
  }
}

transportContract('raw WebSocket, ws', raw)
const transports = [['websocket'], ['polling', 'websocket'], ['polling']]
for (const each of transports) {
  const path = each.join(' to ')
  transportContract(`Socket.IO, ${path}`, client4({ transports: each }))
  transportContract(`Socket.IO of EIO3, ${path}`, client2({ transports: each }))
}
