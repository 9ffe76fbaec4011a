import type { Socket } from 'socket.io'
import type { Framing } from '../kernel/codec.ts'
import type { Hub } from '../kernel/hub.ts'
import { Outbox, type BatchNode, type Frame, type Sink } from '../kernel/outbox.ts'
import type { Ref, Transport, TransportListener } from '../kernel/transport.ts'
import { closes } from '../wire/closes.ts'
import type { RawDecoder } from './socketio-parser.ts'
import { textFrame, type BatchingWebSocket } from './websocket.ts'

/** Engine.IO's connection, as far as we look into it. Checked by the transport contract suite. */
export interface Conn {
  readonly transport: {
    readonly name: string
    readonly socket?: BatchingWebSocket
    /** Of long-polling that closes with the next poll: closes it now. */
    readonly shouldClose?: (() => void) | null
  }
  /** Replaced by an empty one whenever it has been handed to the transport. */
  readonly writeBuffer: { type: string; data?: string; options: object }[]
  readonly readyState: string
  readonly protocol: 3 | 4
  write(packet: string): void
  close(discard?: boolean): void
  on(event: 'heartbeat' | 'upgrade' | 'close', fn: () => void): void
  once(event: 'drain' | 'upgrade' | 'close', fn: () => void): void
  off(event: 'drain' | 'close', fn: () => void): void
}

/** A frame that also keeps its Socket.IO packet, for connections that are (still) polling. */
interface PacketFrame extends Frame {
  readonly packet: string
}

/** Engine.IO message (4) around a Socket.IO event (2). */
export function framingOf(namespace: string): Framing {
  const head = `2${prefixOf(namespace)}`
  return (array): PacketFrame => packetFrame(head + array)
}

function packetFrame(packet: string): PacketFrame {
  return { packet, bytes: textFrame(`4${packet}`).bytes }
}

const prefixOf = (namespace: string): string => (namespace === '/' ? '' : `${namespace},`)

/** After these a client may come back as it is; a stock client does so by itself unless it was told DISCONNECT. */
const retried: ReadonlySet<number> = new Set(Object.values(closes).filter(({ retry }) => retry).map(({ code }) => code))

export const connOf = (socket: Socket): Conn => socket.conn as unknown as Conn
export const decoderOf = ({ client }: Socket): RawDecoder => (client as unknown as { decoder: RawDecoder }).decoder

/** One socket in one namespace as a connection of the kernel. */
export class SocketIoTransport implements Transport {
  readonly framing: Framing
  private readonly hub: Hub
  private readonly socket: Socket
  private readonly conn: Conn
  /** Of one that is not a WebSocket, or not yet. */
  private queue: Outbox | undefined
  private ended: Outbox | undefined
  private listener: TransportListener | undefined

  constructor(hub: Hub, socket: Socket, framing: Framing) {
    this.hub = hub
    this.socket = socket
    this.conn = connOf(socket)
    this.framing = framing
  }

  /**
   * The WebSocket's own outbox, unless something of this connection is still queued in the engine (long-polling, or
   * in the middle of an upgrade): then what follows must queue behind it.
   */
  get outbox(): Outbox {
    const { ws } = this
    if (this.ended) return this.ended
    if (ws && !this.isQueued) {
      this.queue = undefined
      return ws.outbox
    }
    const overflow = (): void => this.listener?.onOverflow()
    return (this.queue ??= new Outbox(this.hub.flusher, new EngineSink(this.conn, overflow), this.hub.limits))
  }

  get midMessage(): boolean {
    return this.ws?.midMessage ?? false
  }

  reply(array: string, ref: Ref): void {
    const { name } = this.socket.nsp
    this.outbox.appendAlone(ref === undefined ? this.framing(array) : packetFrame(`3${prefixOf(name)}${ref}${array}`))
  }

  listen(listener: TransportListener): void {
    const { conn, socket } = this
    this.listener = listener
    decoderOf(socket).read(socket.nsp.name, listener)
    // The engine's own ping or pong: a sign of life on either transport.
    conn.on('heartbeat', () => this.listener?.onPong(''))
    this.watch()
    if (!this.ws) conn.on('upgrade', () => this.watch())
    socket.on('disconnect', () => {
      this.listener = undefined
      decoderOf(socket).leave(socket.nsp.name)
      // Never within our own `close`: who calls it has not finished with it.
      queueMicrotask(() => listener.onClosed())
    })
  }

  /** Only a WebSocket can prove what it has consumed; a polling peer is watched by the engine's heartbeat. */
  ping(payload: string): void {
    if (!this.isQueued) return this.pingNow(payload)
    // It would overtake what it is to prove.
    this.queue?.flush()
    whenDrained(this.conn, () => this.pingNow(payload))
  }

  pause(ms: number): void {
    const { ws } = this
    if (!ws || ws.isPaused) return
    ws.pause()
    this.hub.wheel.schedule(ms, () => ws.resume())
  }

  /** Ends the session; of one that has other namespaces as well, what is for good ends this one alone. */
  close(code: number, reason: string): void {
    const { socket, conn } = this
    const { name } = socket.nsp
    this.queue?.flush()
    if (!retried.has(code)) {
      if (decoderOf(socket).isReadBeside(name)) return this.leave()
      this.outbox.appendAlone(packetFrame(`1${prefixOf(name)}`))
      this.queue?.flush()
    }
    // The code is for who looks at the WebSocket itself; the engine has none.
    if (this.ws && !this.isQueued) this.ws.close(code, reason)
    else shut(conn)
  }

  terminate(): void {
    if (this.ws) this.ws.terminate()
    else cut(this.conn)
  }

  private leave(): void {
    this.socket.disconnect()
    // The WebSocket goes on, but not for this one.
    this.ended = new Outbox(this.hub.flusher, new EngineSink(this.conn, () => undefined), this.hub.limits)
    this.ended.close()
  }

  private watch(): void {
    this.ws?.on('overflow', () => this.listener?.onOverflow())
    this.ws?.on('pong', (data: Buffer) => this.listener?.onPong(data.toString('latin1')))
  }

  private pingNow(payload: string): void {
    const { ws } = this
    if (ws && ws.readyState === ws.OPEN) ws.ping(payload)
  }

  private get isQueued(): boolean {
    return this.queue?.hasPending || this.conn.writeBuffer.length > 0
  }

  private get ws(): BatchingWebSocket | undefined {
    return this.conn.transport.name === 'websocket' ? this.conn.transport.socket : undefined
  }
}

/** Gives the engine in one piece what waits for a connection that is not a WebSocket, or not yet. */
class EngineSink implements Sink {
  readonly overflow: () => void
  private readonly conn: Conn
  /** The engine does not count what waits in its buffer; this is what we have put into the one of `counted`. */
  private bytes = 0
  private counted: Conn['writeBuffer'] | undefined

  constructor(conn: Conn, overflow: () => void) {
    this.conn = conn
    this.overflow = overflow
  }

  write(batch: BatchNode, done: (() => void) | undefined): void {
    const { conn } = this
    if (conn.readyState === 'open') {
      this.bytes = this.bufferedBytes + batch.size
      this.counted = conn.writeBuffer
      const packets = batch.frames().map((frame) => (frame as PacketFrame).packet)
      // Only the last one by the engine's own door, which sends at once: one poll takes them all.
      for (const data of packets.slice(0, -1)) conn.writeBuffer.push({ type: 'message', data, options: {} })
      conn.write(packets.at(-1)!)
    }
    done?.()
  }

  get bufferedBytes(): number {
    return this.conn.writeBuffer === this.counted ? this.bytes : 0
  }

  whenDrained(fn: () => void): void {
    whenDrained(this.conn, fn)
  }
}

/** What is queued goes first; with the next poll, where there is none now. */
export function shut(conn: Conn): void {
  const { transport } = conn
  conn.close()
  // The engine would forget the polls it left behind, and keep them for half a minute.
  if (conn.readyState === 'closing') conn.once('upgrade', () => transport.shouldClose?.())
}

/** Without waiting for a poll that may never come. */
export function cut(conn: Conn): void {
  conn.close(true)
  conn.transport.shouldClose?.()
}

/** Calls back when the engine has handed everything to its transport, or will never do so. */
function whenDrained(conn: Conn, fn: () => void): void {
  if (conn.writeBuffer.length === 0 || conn.readyState === 'closed') return fn()
  const once = (): void => {
    conn.off('drain', once)
    conn.off('close', once)
    fn()
  }
  conn.once('drain', once)
  conn.once('close', once)
}
