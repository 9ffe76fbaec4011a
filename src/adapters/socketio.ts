import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Server as EngineServer } from 'engine.io'
import { Server, type Socket } from 'socket.io'
import type { Framing } from '../kernel/codec.ts'
import type { Endpoint } from '../kernel/face.ts'
import type { Hub } from '../kernel/hub.ts'
import { Outbox, type BatchNode, type Frame, type Sink } from '../kernel/outbox.ts'
import type { Ref, Transport, TransportListener } from '../kernel/transport.ts'
import { originAllowed } from './origin.ts'
import { BINARY, Encoder, FRAME, RawDecoder } from './socketio-parser.ts'
import { batchingServer, textFrame, type BatchingWebSocket } from './websocket.ts'

export interface SocketIoOptions {
  readonly hub: Hub
  readonly endpoints: readonly Endpoint[]
  readonly path: string
  readonly allowedOrigins: readonly string[]
}

export interface SocketIo {
  request(request: IncomingMessage, response: ServerResponse): void
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  close(): Promise<void>
}

/** A frame that also keeps its Socket.IO packet, for connections that are (still) polling. */
interface PacketFrame extends Frame {
  readonly packet: string
}

/** Engine.IO's connection under a socket, as far as we look into it. */
interface Conn {
  readonly transport: { readonly name: string; readonly socket?: BatchingWebSocket }
  readonly writeBuffer: readonly { readonly data?: string }[]
  readonly readyState: string
  write(packet: string): void
  on(event: 'heartbeat', fn: () => void): void
}

/**
 * Adapter: faces on Socket.IO. The official server does the handshakes, long-polling and namespaces; events, replies
 * and fan-out are the kernel's and bypass its per-member emit: on a WebSocket they are appended to the batching
 * socket underneath, encoded once for everybody (docs/adr/0004).
 */
export function socketIo(options: SocketIoOptions): SocketIo {
  const { hub, allowedOrigins } = options
  const endpoints = options.endpoints.filter((endpoint) => endpoint.kind === 'socketio')
  const maxFrameBytes = Math.max(...endpoints.map((endpoint) => endpoint.face.limits.maxFrameBytes))
  const engine = new EngineServer({
    wsEngine: batchingServer(hub.flusher, hub.limits),
    maxHttpBufferSize: maxFrameBytes * 16,
    perMessageDeflate: false,
    allowEIO3: true,
    // `cors` does not guard WebSocket handshakes; this guards both transports.
    allowRequest: (request, done) => {
      const { origin, host } = request.headers
      const allowed = !hub.full && originAllowed(origin, host, allowedOrigins)
      done(allowed ? null : 'This origin is not allowed here, or no more connections are taken now', allowed)
    },
    cors: { origin: (origin, done) => done(null, originAllowed(origin, undefined, allowedOrigins)), credentials: true },
  })
  const io = new Server({ parser: { Encoder, Decoder: RawDecoder } })
  io.bind(engine)
  for (const { namespace, face } of endpoints) {
    const framing = framingOf(namespace)
    io.of(namespace).on('connection', (socket) => {
      const { token, since } = socket.handshake.auth as { token?: unknown; since?: unknown }
      const query = socket.handshake.query['token']
      hub.attach(face, new SocketIoTransport(hub, socket, framing), {
        token: text(token) ?? text(query) ?? bearer(socket.handshake.headers.authorization),
        since: text(since),
        params: {},
      })
    })
  }
  return {
    request: (request, response) => engine.handleRequest(request, response),
    upgrade: (request, socket, head) => engine.handleUpgrade(request, socket, head),
    close: () => io.close(),
  }
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const bearer = (header: string | undefined): string | undefined => /^Bearer (\S+)$/i.exec(header ?? '')?.[1]

/** Engine.IO message (4) around a Socket.IO event (2). */
function framingOf(namespace: string): Framing {
  const head = namespace === '/' ? '2' : `2${namespace},`
  return (array): PacketFrame => packetFrame(head + array)
}

function packetFrame(packet: string): PacketFrame {
  return { packet, bytes: textFrame(`4${packet}`).bytes }
}

class SocketIoTransport implements Transport {
  readonly framing: Framing
  private readonly hub: Hub
  private readonly socket: Socket
  private readonly polling: PollingSink
  private readonly fallback: Outbox

  constructor(hub: Hub, socket: Socket, framing: Framing) {
    this.hub = hub
    this.socket = socket
    this.framing = framing
    this.polling = new PollingSink(this.conn)
    this.fallback = new Outbox(hub.flusher, this.polling, hub.limits)
  }

  /**
   * The WebSocket's own outbox, unless something of this connection is still queued in the engine (long-polling, or
   * in the middle of an upgrade): then what follows must queue behind it.
   */
  get outbox(): Outbox {
    const ws = this.ws
    if (!ws || this.fallback.hasPending || this.conn.writeBuffer.length > 0) return this.fallback
    return ws.outbox
  }

  get midMessage(): boolean {
    return this.ws?.midMessage ?? false
  }

  reply(array: string, ref: Ref): void {
    if (ref === undefined) return this.outbox.appendAlone(this.framing(array))
    const { name } = this.socket.nsp
    this.outbox.appendAlone(packetFrame(`3${name === '/' ? '' : `${name},`}${ref}${array}`))
  }

  listen(listener: TransportListener): void {
    const { socket } = this
    let closed = false
    this.polling.overflow = () => listener.onOverflow()
    this.ws?.on('overflow', this.polling.overflow)
    socket.on(FRAME, (frame: string, ref: Ref) => listener.onText(frame, ref))
    socket.on(BINARY, () => listener.onBinary())
    this.conn.on('heartbeat', () => {
      // The engine's own pong: a sign of life on either transport.
      if (!closed) listener.onPong('')
    })
    this.ws?.on('pong', (data: Buffer) => {
      if (!closed) listener.onPong(data.toString('latin1'))
    })
    socket.on('disconnect', () => {
      closed = true
      listener.onClosed()
    })
  }

  /** Only a WebSocket can prove what it has consumed; a polling peer is watched by the engine's heartbeat. */
  ping(payload: string): void {
    const ws = this.ws
    if (ws?.readyState === ws?.OPEN) ws?.ping(payload)
  }

  pause(ms: number): void {
    const ws = this.ws
    if (!ws || ws.isPaused) return
    ws.pause()
    this.hub.wheel.schedule(ms, () => ws.resume())
  }

  close(): void {
    this.fallback.flush()
    this.socket.disconnect(true)
  }

  terminate(): void {
    this.socket.disconnect(true)
  }

  private get conn(): Conn {
    return this.socket.conn as unknown as Conn
  }

  private get ws(): BatchingWebSocket | undefined {
    return this.conn.transport.name === 'websocket' ? this.conn.transport.socket : undefined
  }
}

/** Gives the engine packet by packet what waits for a connection that is not (yet) a WebSocket. */
class PollingSink implements Sink {
  private readonly conn: Conn
  overflow: () => void = () => undefined
  constructor(conn: Conn) {
    this.conn = conn
  }

  write(batch: BatchNode, done: (() => void) | undefined): void {
    for (const frame of batch.frames()) this.conn.write((frame as PacketFrame).packet)
    done?.()
  }

  /** What waits for the peer's next poll. The engine does not count it; it is bounded, so counting is cheap. */
  get bufferedBytes(): number {
    return this.conn.writeBuffer.reduce((sum, packet) => sum + (packet.data?.length ?? 0), 0)
  }

  whenDrained(fn: () => void): void {
    fn()
  }
}
