import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { type Step, type Target, TOKEN } from '../candidate.ts'
import { encode, Frames, type FrameEvents } from './frame.ts'

/**
 * One read buffer for all connections: libuv fills it and calls back in the same turn, so nothing is allocated per
 * read and the load generator stays cheaper than the servers it measures.
 */
const shared = Buffer.allocUnsafeSlow(256 * 1024)
const LOOK = 64

export interface LinkOptions {
  target: Target
  path: string
  /** What this connection says where a step says `TOKEN`. */
  token: string | undefined
  /** Source address, for more connections than one address has ports. */
  localAddress: string | undefined
  /** A counted frame arrived in full; `bytes` is its payload's length. */
  counted(link: Link, bytes: number): void
  /** Given, nothing is counted: every text frame comes here as a whole, for as long as the call lasts. */
  read: ((chunk: Buffer, start: number, end: number) => void) | undefined
  /** The greeting is done. */
  opened(): void
  /** The connection failed or ended, unless it was closed from here. */
  ended(reason: string): void
}

/** A WebSocket client reduced to what a load generator needs: upgrade, greeting, counting, pongs. */
export class Link implements FrameEvents {
  /** Counted frames so far. */
  frames = 0
  socket: Socket
  #options: LinkOptions
  #split: Frames
  #head = ''
  #upgraded = false
  #join: Step[]
  #step = 0
  #done = false

  constructor(options: LinkOptions) {
    const { target, path, localAddress } = options
    this.#options = options
    this.#join = target.join
    const whole = options.read !== undefined
    this.#split = new Frames(whole ? undefined : Buffer.from(target.prefix), whole ? Infinity : LOOK, this)
    this.socket = connect({
      host: '127.0.0.1',
      port: target.port,
      ...(localAddress !== undefined && { localAddress }),
      noDelay: true,
      onread: { buffer: shared, callback: (size, chunk) => this.#read(chunk as Buffer, size) },
    })
    this.socket.once('connect', () =>
      this.socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
      ),
    )
    this.socket.once('error', (error) => this.#end(error.message))
    this.socket.once('close', () => this.#end('closed by the server'))
  }

  send(frames: Buffer): void {
    this.socket.write(frames)
  }

  close(): void {
    this.#done = true
    this.socket.destroy()
  }

  counted(bytes: number): void {
    this.frames++
    this.#options.counted(this, bytes)
  }

  other(chunk: Buffer, from: number, end: number): void {
    const step = this.#join[this.#step]
    const { read, target } = this.#options
    const { heartbeat } = target
    read?.(chunk, from, end)
    // Most servers' greeting is soon over, and then what comes is looked at by nobody.
    if (step === undefined && heartbeat === undefined) return
    const start = chunk.toString('latin1', from, Math.min(end, from + LOOK))
    if (step !== undefined && start.startsWith(step.expect)) {
      if (step.send !== undefined) this.send(encode(step.send.replace(TOKEN, this.#options.token ?? TOKEN)))
      this.#step++
      this.#greet()
    } else if (heartbeat?.send !== undefined && start === heartbeat.expect) this.send(encode(heartbeat.send))
  }

  control(opcode: number, payload: Buffer): void {
    if (opcode === 9) this.send(encode(payload, 10))
    if (opcode === 8) this.#end(`close frame ${payload.length < 2 ? '' : payload.readUInt16BE(0)}`)
  }

  #greet(): void {
    if (this.#step === this.#join.length) this.#options.opened()
  }

  #end(reason: string): void {
    if (this.#done) return
    this.close()
    this.#options.ended(reason)
  }

  #read(chunk: Buffer, size: number): boolean {
    if (this.#upgraded) this.#split.take(chunk, 0, size)
    else this.#upgrade(chunk, size)
    return true
  }

  #upgrade(chunk: Buffer, size: number): void {
    const before = this.#head.length
    this.#head += chunk.toString('latin1', 0, size)
    const end = this.#head.indexOf('\r\n\r\n')
    if (end < 0) {
      if (this.#head.length > 16_384) this.#end('endless upgrade response')
      return
    }
    if (!this.#head.startsWith('HTTP/1.1 101')) {
      this.#end(`upgrade refused: ${this.#head.slice(0, this.#head.indexOf('\r\n'))}`)
      return
    }
    this.#head = ''
    this.#upgraded = true
    this.#greet()
    this.#split.take(chunk, end + 4 - before, size)
  }
}
