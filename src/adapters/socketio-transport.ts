import type { Socket } from 'socket.io'
import type { Framing } from '../kernel/codec.ts'
import type { Face } from '../kernel/face.ts'
import type { Hub } from '../kernel/hub.ts'
import type { Message } from '../kernel/message.ts'
import { Outbox, type BatchNode, type Frame, type Sink } from '../kernel/outbox.ts'
import type { Ref, Transport, TransportListener } from '../kernel/transport.ts'
import { closes } from '../wire/closes.ts'
import { nameOf, type RawDecoder } from './socketio-parser.ts'
import { binaryFrame, pauseReading, textFrame, type BatchingWebSocket } from './websocket.ts'

/** Engine.IO's connection, as far as we look into it. Checked by the transport contract suite. */
export interface Conn {
  readonly transport: {
    readonly name: string
    readonly socket?: BatchingWebSocket
    /** Of long-polling that closes with the next poll: closes it now. */
    readonly shouldClose?: (() => void) | null
  }
  /** Replaced by an empty one whenever it has been handed to the transport. */
  readonly writeBuffer: { type: string; data?: string | Buffer; options: object }[]
  readonly readyState: string
  readonly protocol: 3 | 4
  write(packet: string | Buffer): void
  close(discard?: boolean): void
  on(event: 'heartbeat' | 'upgrade' | 'close', fn: () => void): void
  once(event: 'drain' | 'upgrade' | 'close', fn: () => void): void
  off(event: 'drain' | 'close', fn: () => void): void
}

/** A frame that also keeps its Socket.IO packets, for connections that are (still) polling. */
interface PacketFrame extends Frame {
  readonly packet: string
  readonly attachments: readonly Buffer[]
}

const framings = new Map<string, Framing>()

/** The same object for all connections that can share the bytes, on whichever path they came. */
function framingOf(namespace: string, protocol: 3 | 4): Framing {
  const key = `${protocol}${namespace}`
  let framing = framings.get(key)
  if (!framing) framings.set(key, (framing = makeFraming(namespace, protocol)))
  return framing
}

/** Engine.IO message (4) around a Socket.IO event (2), or a binary event (5) with its attachments behind it. */
function makeFraming(namespace: string, protocol: 3 | 4): Framing {
  const prefix = prefixOf(namespace)
  return (message: Message): PacketFrame => {
    if (typeof message === 'string') return packetFrame(`2${prefix}${message}`)
    const { text, attachments } = message
    const count = attachments.length
    if (count === 0) return packetFrame(`2${prefix}${text}`)
    const buffers = attachments.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength))
    const { packet, bytes } = packetFrame(`5${count}-${prefix}${text}`)
    // In version 3 bytes carry their packet's type as well.
    const parts = protocol === 3 ? buffers.map((part) => Buffer.concat([MESSAGE_OF_VERSION_3, part])) : buffers
    return { packet, attachments: buffers, bytes: Buffer.concat([bytes, ...parts.map(binaryFrame)]) }
  }
}

const MESSAGE_OF_VERSION_3 = Buffer.from([4])

const packetFrame = (packet: string): PacketFrame => ({ packet, attachments: [], bytes: textFrame(`4${packet}`) })

const prefixOf = (namespace: string): string => (namespace === '/' ? '' : `${namespace},`)

/** After these a client may come back as it is; a stock client does so by itself unless it was told DISCONNECT. */
const retried: ReadonlySet<number> = new Set(Object.values(closes).filter(({ retry }) => retry).map(({ code }) => code))

export const connOf = (socket: Socket): Conn => socket.conn as unknown as Conn
export const decoderOf = ({ client }: Socket): RawDecoder => (client as unknown as { decoder: RawDecoder }).decoder

/** A face that is shown on a socket. */
interface Shown {
  readonly face: Face
  readonly listener: TransportListener
}

/** One socket in one namespace, which may be a connection of several faces: what they share, and who hears what. */
export class SocketLine {
  readonly hub: Hub
  readonly socket: Socket
  readonly conn: Conn
  readonly framing: Framing
  private shown: Shown[] = []
  /** Of one that is not a WebSocket, or not yet. */
  private queue: Outbox | undefined
  private ended: Outbox | undefined

  constructor(hub: Hub, socket: Socket) {
    this.hub = hub
    this.socket = socket
    this.conn = connOf(socket)
    const { name } = socket.nsp
    this.framing = framingOf(name, this.conn.protocol)
    decoderOf(socket).read(name, (array) => this.listenerOf(array))
    // The engine's own ping or pong: a sign of life on either transport.
    this.conn.on('heartbeat', () => this.tell((listener) => listener.onPong('')))
    this.watch()
    if (!this.ws) this.conn.on('upgrade', () => this.watch())
    socket.on('disconnect', () => {
      decoderOf(socket).leave(name)
      this.closed(this.shown)
    })
  }

  show(face: Face, listener: TransportListener): void {
    this.shown.push({ face, listener })
  }

  /**
   * The WebSocket's own outbox, unless something of this socket is still queued in the engine (long-polling, or in the
   * middle of an upgrade): then what follows must queue behind it.
   */
  get outbox(): Outbox {
    const { ws } = this
    if (this.ended) return this.ended
    if (ws && !this.isQueued) {
      this.queue = undefined
      return ws.outbox
    }
    return (this.queue ??= new Outbox(this.hub.flusher, new EngineSink(this.conn, () => this.overflow()), this.hub.limits))
  }

  /** Of a connection that is a WebSocket by now. */
  get ws(): BatchingWebSocket | undefined {
    return this.conn.transport.name === 'websocket' ? this.conn.transport.socket : undefined
  }

  flush(): void {
    this.queue?.flush()
  }

  get isQueued(): boolean {
    return this.queue?.hasPending || this.conn.writeBuffer.length > 0
  }

  /**
   * Ends the session; of one that has other namespaces as well, what is for good ends this one alone.
   * @param listener who closes it, and hears of the end when the peer has taken part in it; the others do at once
   */
  close(listener: TransportListener | undefined, code: number, reason: string): void {
    const { socket, conn } = this
    const { name } = socket.nsp
    this.flush()
    if (!retried.has(code)) {
      if (decoderOf(socket).isReadBeside(name)) return this.leave()
      this.outbox.appendAlone(packetFrame(`1${prefixOf(name)}`))
      this.flush()
    }
    this.closed(this.shown.filter((each) => each.listener !== listener))
    // The code is for who looks at the WebSocket itself; the engine has none.
    if (this.ws && !this.isQueued) this.ws.close(code, reason)
    else shut(conn)
  }

  private leave(): void {
    this.socket.disconnect()
    // The WebSocket goes on, but not for this one.
    this.ended = new Outbox(this.hub.flusher, new EngineSink(this.conn, () => undefined), this.hub.limits)
    this.ended.close()
  }

  private closed(gone: readonly Shown[]): void {
    this.shown = this.shown.filter((each) => !gone.includes(each))
    // Never within our own `close`: who calls it has not finished with it.
    for (const { listener } of gone) queueMicrotask(() => listener.onClosed())
  }

  private overflow(): void {
    this.tell((listener) => listener.onOverflow())
  }

  private watch(): void {
    this.ws?.on('overflow', () => this.overflow())
    this.ws?.on('pong', (data: Buffer) => {
      const payload = data.toString('latin1')
      this.tell((listener) => listener.onPong(payload))
    })
  }

  private tell(say: (listener: TransportListener) => void): void {
    for (const { listener } of this.shown) say(listener)
  }

  /** Whose event it is. */
  private listenerOf(array: string): TransportListener | undefined {
    const { shown } = this
    if (shown.length < 2) return shown[0]?.listener
    const name = nameOf(array)
    return (shown.find(({ face }) => name !== undefined && face.commands.has(name)) ?? shown[0])?.listener
  }
}

/** A socket as a connection of one face. */
export class SocketIoTransport implements Transport {
  readonly framing: Framing
  private readonly line: SocketLine
  private readonly face: Face
  private listener: TransportListener | undefined

  constructor(line: SocketLine, face: Face) {
    this.line = line
    this.face = face
    this.framing = line.framing
  }

  get outbox(): Outbox {
    return this.line.outbox
  }

  get midMessage(): boolean {
    return this.line.ws?.midMessage ?? false
  }

  reply(array: string, ref: Ref): void {
    const { name } = this.line.socket.nsp
    this.outbox.appendAlone(ref === undefined ? this.framing(array) : packetFrame(`3${prefixOf(name)}${ref}${array}`))
  }

  listen(listener: TransportListener): void {
    this.listener = listener
    this.line.show(this.face, listener)
  }

  /** Only a WebSocket can prove what it has consumed; a polling peer is watched by the engine's heartbeat. */
  ping(payload: string): void {
    const { line } = this
    if (!line.isQueued) return this.pingNow(payload)
    // It would overtake what it is to prove.
    line.flush()
    whenDrained(line.conn, () => this.pingNow(payload))
  }

  pause(ms: number): (() => void) | undefined {
    const { ws, hub } = this.line
    return ws && pauseReading(ws, ms, hub)
  }

  close(code: number, reason: string): void {
    this.line.close(this.listener, code, reason)
  }

  terminate(): void {
    const { ws, conn } = this.line
    if (ws) ws.terminate()
    else cut(conn)
  }

  private pingNow(payload: string): void {
    const { ws } = this.line
    if (ws && ws.readyState === ws.OPEN) ws.ping(payload)
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
      const packets = (batch.frames() as PacketFrame[]).flatMap(({ packet, attachments }) => [packet, ...attachments])
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
