import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { io, type ManagerOptions } from 'socket.io-client'
import { WebSocket } from 'ws'
import type { Endpoint } from '../kernel/face.ts'
import { systemClock } from '../kernel/clock.ts'
import { toyKernel } from '../testing/toy.ts'
import { transportContract, type ToyClient, type TransportKind } from '../testing/transport-contract.ts'
import { socketIo } from './socketio.ts'
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
    const endpoint: Endpoint = { kind: 'websocket', face: toy.face, match: (path) => (path === '/toy' ? {} : undefined) }
    const server = createServer().on(
      'upgrade',
      upgradeHandler({
        hub: toy.hub,
        endpoints: [endpoint],
        raw: rawWebSockets(toy.hub),
        allowedOrigins: [],
        addressOf: () => 'test',
        upgradesPerMinute: 0,
        maxPerAddress: 0,
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

const socketio = (options: Partial<ManagerOptions>): TransportKind => ({
  async start() {
    const toy = await toyKernel(systemClock)
    const endpoint: Endpoint = { kind: 'socketio', face: toy.face, namespace: '/toys' }
    const adapter = socketIo({ hub: toy.hub, endpoints: [endpoint], path: '/socket.io/', allowedOrigins: [] })
    const server = createServer((request, response) => adapter.request(request, response))
    server.on('upgrade', (request, socket, head) => adapter.upgrade(request, socket, head))
    const port = await listening(server)
    return {
      toy,
      connect: (token) => Promise.resolve(socketIoClient(`http://127.0.0.1:${port}/toys`, token, options)),
      async stop() {
        await adapter.close()
        await stopped(server)
        await toy.close()
      },
    }
  },
})

function socketIoClient(url: string, token: string, options: Partial<ManagerOptions>): ToyClient {
  const socket = io(url, { auth: { token }, forceNew: true, reconnection: false, ...options })
  const inbox = new Inbox()
  socket.onAny((name: string, ...args: unknown[]) => inbox.put([name, ...args]))
  return {
    send: (name, data) => void socket.emit(name, data),
    async ask(name, data) {
      return new Promise((resolve) => socket.emit(name, data, (_: string, reply: unknown) => resolve(reply)))
    },
    next: () => inbox.next(),
    sendNested(depth) {
      // The stock client dies of its own stack here, so the packet goes out below it.
      const packet = `2/toys,["echo",${'['.repeat(depth)}${']'.repeat(depth)}]`
      ;(socket.io.engine as unknown as { write(data: string): void }).write(packet)
    },
    sendBinary: () => void socket.emit('echo', Buffer.from([1, 2, 3])),
    closed: new Promise((resolve) => socket.on('disconnect', () => resolve())),
    close: () => void socket.disconnect(),
  }
}

transportContract('raw WebSocket, ws', raw)
transportContract('Socket.IO over WebSocket', socketio({ transports: ['websocket'] }))
transportContract('Socket.IO from polling to WebSocket', socketio({ transports: ['polling', 'websocket'] }))
transportContract('Socket.IO over long-polling', socketio({ transports: ['polling'] }))
