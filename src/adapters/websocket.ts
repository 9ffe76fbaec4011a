import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import * as ws from 'ws'
import { WebSocket, WebSocketServer, type ServerOptions } from 'ws'
import type { Hub } from '../kernel/hub.ts'
import type { Message } from '../kernel/message.ts'
import { Outbox, type BatchNode, type Flusher, type Frame, type OutboxLimits, type Sink } from '../kernel/outbox.ts'
import type { TransportListener } from '../kernel/transport.ts'

/** The parts of `ws` that its types keep to themselves. Checked by the transport contract suite on every upgrade. */
interface Internals {
  _socket: Socket
  _sender: BatchingSender
  _receiver: { _state: number; _bufferedBytes: number; _fragments: readonly unknown[] }
  setSocket(socket: Duplex, head: Buffer, options: object): void
}

interface BatchingSender {
  outbox: Outbox
  sendFrame(list: readonly (Buffer | string)[], done?: () => void): void
}

/** Exported by `ws`, missing in its types. */
const { Sender } = ws as unknown as { Sender: { frame(data: Buffer, options: object): readonly Buffer[] } }

/**
 * `ws` with one change: what it sends goes through an Outbox, so that all frames of an event-loop turn leave in one
 * socket write, control frames and other senders' frames in the same order.
 */
export abstract class BatchingWebSocket extends WebSocket implements Sink {
  outbox!: Outbox
  /** Who is told what happens, where one connection has the socket for itself. */
  listener: TransportListener | undefined

  protected abstract createOutbox(): Outbox

  /** Called by `ws` when the handshake is done. */
  setSocket(socket: Duplex, head: Buffer, options: object): void {
    const base = WebSocket.prototype as unknown as Internals
    base.setSocket.call(this, socket, head, options)
    this.outbox = this.createOutbox()
    const { _sender: sender } = this.internals
    sender.outbox = this.outbox
    sender.sendFrame = sendFrame
    this.once('close', closeOutbox)
  }

  /** A close frame is the last one of its side (RFC 6455, 5.5.1), whoever began; `ws` sees to that for its own only. */
  override close(code?: number, data?: string | Buffer): void {
    const isOpen = this.readyState === this.OPEN
    super.close(code, data)
    if (isOpen) this.outbox.seal()
  }

  /** The peer reads too slowly. */
  overflow(): void {
    if (this.listener) this.listener.onOverflow()
    // Namespaces of Socket.IO share a socket: each of them is told.
    else if (!this.emit('overflow')) this.terminate()
  }

  write(batch: BatchNode, done: (() => void) | undefined): void {
    const socket = this.internals._socket
    if (socket?.writable) socket.write(batch.bytes(), done)
  }

  get bufferedBytes(): number {
    return this.internals._socket?.writableLength ?? 0
  }

  whenDrained(fn: () => void): void {
    const socket = this.internals._socket
    if (!socket?.writable || socket.writableLength === 0) return fn()
    // An empty write is called back when everything before it has left; a dead socket calls back as well.
    socket.write('', () => fn())
  }

  get midMessage(): boolean {
    const receiver = this.internals._receiver
    return receiver._state !== 0 || receiver._bufferedBytes > 0 || receiver._fragments.length > 0
  }

  private get internals(): Internals {
    return this as unknown as Internals
  }
}

function sendFrame(this: BatchingSender, list: readonly (Buffer | string)[], done?: () => void): void {
  this.outbox.appendAlone({ bytes: join(list) }, done)
}

function closeOutbox(this: WebSocket): void {
  ;(this as BatchingWebSocket).outbox.close()
}

/** A `ws` server whose connections batch: for our own faces, and as Socket.IO's `wsEngine`. */
export function batchingServer(flusher: Flusher, limits: OutboxLimits) {
  class Connection extends BatchingWebSocket {
    protected override createOutbox(): Outbox {
      return new Outbox(flusher, this, limits)
    }
  }
  return class BatchingServer extends WebSocketServer<typeof Connection> {
    constructor(options: ServerOptions<typeof Connection>) {
      super({ ...options, WebSocket: Connection })
    }
  }
}

/** Of a raw WebSocket. @throws Error for attachments: there is nothing that would tell which message they are of */
export function messageFrame(message: Message): Frame {
  if (typeof message !== 'string') throw new Error('a raw WebSocket carries no attachments')
  return { bytes: textFrame(message) }
}

/**
 * Stops reading for about `ms` milliseconds.
 * @returns what ends it earlier; undefined when it has stopped already
 */
export function pauseReading(ws: WebSocket, ms: number, { wheel }: Pick<Hub, 'wheel'>): (() => void) | undefined {
  if (ws.isPaused) return undefined
  ws.pause()
  const resume = (): void => ws.resume()
  const ticket = wheel.schedule(ms, resume)
  return () => {
    ticket.cancel()
    resume()
  }
}

const TEXT = 1
const BINARY = 2

/** Text as one whole server frame (not masked), ready to be shared. */
export const textFrame = (text: string): Buffer => wholeFrame(Buffer.from(text), TEXT)

export const binaryFrame = (data: Buffer): Buffer => wholeFrame(data, BINARY)

const wholeFrame = (data: Buffer, opcode: number): Buffer =>
  join(Sender.frame(data, { fin: true, rsv1: false, opcode, mask: false, readOnly: true }))

/** `ws` gives the header as bytes and text as the string it was given. */
function join(list: readonly (Buffer | string)[]): Buffer {
  const parts = list.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}
