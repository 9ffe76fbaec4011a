import assert from 'node:assert/strict'
import { WebSocket, type ClientOptions } from 'ws'

/** Engine.IO spoken by hand, packet by packet: what no client library would send. */

const SEPARATOR = '\x1e'

/** Milliseconds after which what does not come fails the test. */
const PATIENCE = 20_000

/** Things received, in order, for whoever asks for the next one. */
export class Inbox<T> {
  private readonly items: T[] = []
  private readonly waiting: ((item: T) => void)[] = []

  put(item: T): void {
    const next = this.waiting.shift()
    if (next) next(item)
    else this.items.push(item)
  }

  next(): Promise<T> {
    if (this.items.length > 0) return Promise.resolve(this.items.shift()!)
    return new Promise((resolve, reject) => {
      const taken = (item: T): void => {
        clearTimeout(timer)
        resolve(item)
      }
      // Who waits for ever would tell nobody what for.
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(taken), 1)
        reject(new Error(`nothing came within ${PATIENCE} ms`))
      }, PATIENCE).unref()
      this.waiting.push(taken)
    })
  }

  get size(): number {
    return this.items.length
  }
}

export interface Opened {
  readonly sid: string
  readonly upgrades: readonly string[]
  readonly pingInterval: number
  readonly pingTimeout: number
  readonly maxPayload: number
}

/** A session by long-polling. */
export class PollingSession {
  readonly url: string
  readonly opened: Opened
  polls = 0
  private readonly unread: string[] = []

  private constructor(url: string, opened: Opened) {
    this.url = `${url}&sid=${opened.sid}`
    this.opened = opened
  }

  /** @param server `http://host:port` */
  static async open(server: string, query = ''): Promise<PollingSession> {
    const url = `${server}/socket.io/?EIO=4&transport=polling${query}`
    const response = await fetch(url)
    const body = await response.text()
    assert.equal(response.status, 200, body)
    assert.equal(body.charAt(0), '0')
    return new PollingSession(url, JSON.parse(body.slice(1)) as Opened)
  }

  /** The packets of one poll. @throws when the session is over */
  async poll(): Promise<string[]> {
    this.polls += 1
    const response = await fetch(this.url)
    const body = await response.text()
    if (response.status !== 200) throw new Error(`${response.status} ${body}`)
    return body.split(SEPARATOR)
  }

  async post(...packets: readonly string[]): Promise<number> {
    const response = await fetch(this.url, { method: 'POST', body: packets.join(SEPARATOR) })
    await response.arrayBuffer()
    return response.status
  }

  /** What a poll, or a packet sent by an ended session, is answered. */
  async isOver(): Promise<boolean> {
    return (await this.post('6')) === 400
  }

  /** The next packet, of this poll or another. */
  async next(): Promise<string> {
    while (this.unread.length === 0) this.unread.push(...(await this.poll()))
    return this.unread.shift()!
  }

  /** Connects to a namespace. @returns the answer */
  async enter(namespace = '/', auth?: unknown): Promise<string> {
    await this.post(connectPacket(namespace, auth))
    return this.next()
  }
}

/** Packets of a WebSocket, text or binary, in order. */
export class PacketSocket {
  readonly ws: WebSocket
  readonly inbox = new Inbox<string>()
  readonly closed: Promise<number>

  /** @param server `http://host:port` */
  constructor(server: string, query = 'EIO=4&transport=websocket', options?: ClientOptions) {
    this.ws = new WebSocket(`${server.replace('http', 'ws')}/socket.io/?${query}`, options)
    this.ws.on('error', () => undefined)
    this.ws.on('message', (data: Buffer, isBinary) => {
      this.inbox.put(isBinary ? `binary ${data.toString('hex')}` : data.toString())
    })
    this.closed = new Promise((resolve) => this.ws.on('close', (code) => resolve(code)))
  }

  /** A session that has been opened on it. */
  static async open(server: string, options?: ClientOptions): Promise<PacketSocket & { opened: Opened }> {
    const socket = new PacketSocket(server, undefined, options)
    const first = await Promise.race([socket.next(), socket.closed])
    assert.match(String(first), /^0\{/)
    return Object.assign(socket, { opened: JSON.parse(String(first).slice(1)) as Opened })
  }

  next(): Promise<string> {
    return this.inbox.next()
  }

  /** The next packet, or the code of the close if that comes first. */
  async nextOrClose(): Promise<string | number> {
    return Promise.race([this.next(), this.closed])
  }

  send(...packets: readonly (string | Buffer)[]): void {
    for (const packet of packets) this.ws.send(packet)
  }

  /** Connects to a namespace. @returns the answer, without its type */
  async enter(namespace = '/', auth?: unknown): Promise<string> {
    this.send(connectPacket(namespace, auth))
    return this.next()
  }
}

const connectPacket = (namespace: string, auth: unknown): string =>
  `40${namespace === '/' ? '' : `${namespace},`}${auth === undefined ? '' : JSON.stringify(auth)}`
