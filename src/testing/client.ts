import assert from 'node:assert/strict'
import { WebSocket } from 'ws'

/** A frame of any protocol: tests say which and look at what is in it. */
export interface Frame {
  readonly type: string
  readonly action: string
  readonly payload: Record<string, unknown>
  readonly data: Record<string, unknown>
  readonly position?: string
}

/** What a test client has to know of a document. */
export interface Protocol {
  nameOf(frame: Frame): string
  dataOf(frame: Frame): Record<string, unknown>
  readonly ping: object
  readonly pong: string
}

/** Frames are `{type, action, payload}`. */
const tracker: Protocol = {
  nameOf: ({ type, action }) => `${type}/${action}`,
  dataOf: ({ payload }) => payload,
  ping: { type: 'system', action: 'ping', payload: {} },
  pong: 'system/pong',
}

export interface ClientOptions {
  readonly headers?: Record<string, string>
  readonly protocols?: string[]
  readonly protocol?: Protocol
}

/** Milliseconds after which a frame that does not come fails the test. */
const PATIENCE = 15_000

/** A stock `ws` client that keeps what it is sent until the test asks for it, in order. */
export class Client {
  readonly ws: WebSocket
  /** Everything received and not yet taken. */
  readonly frames: Frame[] = []
  /** Set by the close frame. */
  closed: { readonly code: number; readonly reason: string } | undefined
  private wake: () => void = () => undefined

  private readonly protocol: Protocol

  constructor(url: string, options: ClientOptions = {}) {
    this.protocol = options.protocol ?? tracker
    this.ws = new WebSocket(url, options.protocols ?? [], { headers: options.headers ?? {} })
    this.ws.on('open', () => this.wake())
    this.ws.on('message', (data: Buffer) => {
      this.frames.push(JSON.parse(data.toString()) as Frame)
      this.wake()
    })
    this.ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
      this.wake()
    })
    this.ws.on('error', () => this.wake())
  }

  /** The next frame, whatever it is. */
  async next(): Promise<Frame> {
    await this.until(() => this.frames.length > 0, 'a frame')
    return this.frames.shift()!
  }

  /** The next frame, which must be this one. @returns its payload */
  async expect(name: string, payload: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    await this.until(() => this.frames.length > 0, name)
    const frame = this.frames.shift()!
    assert.equal(this.protocol.nameOf(frame), name, JSON.stringify(frame))
    const data = this.protocol.dataOf(frame)
    for (const [key, value] of Object.entries(payload)) assert.deepEqual(data[key], value, key)
    return data
  }

  /**
   * No frame is on its way: a ping is answered next. Everything the server has sent before comes before its pong,
   * so this is a proof and needs no waiting.
   */
  async expectNothing(): Promise<void> {
    this.send(this.protocol.ping)
    await this.expect(this.protocol.pong)
  }

  async expectClose(code: number): Promise<void> {
    await this.until(() => this.closed !== undefined, `close ${code}`)
    assert.equal(this.closed!.code, code)
  }

  send(frame: unknown): void {
    this.ws.send(typeof frame === 'string' || frame instanceof Buffer ? frame : JSON.stringify(frame))
  }

  opened(): Promise<void> {
    return this.until(() => this.ws.readyState === WebSocket.OPEN, 'the connection to open')
  }

  async close(): Promise<void> {
    this.ws.close()
    await this.until(() => this.closed !== undefined, 'the close')
  }

  /** Gone without a word, as a phone that lost its network. */
  async cut(): Promise<void> {
    this.ws.terminate()
    await this.until(() => this.closed !== undefined, 'the cut')
  }

  private async until(done: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE
    while (!done()) {
      if (this.closed && what !== 'the close') throw new Error(`closed with ${this.closed.code} while waiting for ${what}`)
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`${what} did not come; waiting: ${JSON.stringify(this.frames)}`)
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.wake = resolve
        timer = setTimeout(resolve, left)
      })
      clearTimeout(timer)
    }
  }
}
