import assert from 'node:assert/strict'
import { WebSocket } from 'ws'
import { checkEvent, type Data, type Received } from '../testing.ts'

/** What one command was answered: every event that came before its acknowledgement, and what that said. */
export interface Answered {
  readonly events: readonly Received[]
  readonly outcome: Data
}

/** Milliseconds after which an answer that does not come fails the test. */
const PATIENCE = 15_000

/**
 * A client without a client library: Engine.IO 4 over a WebSocket by hand, so that packets can be sent that no library
 * would. Whatever comes must be an event of the document with one argument.
 */
export class Raw {
  readonly ws: WebSocket
  /** Events that have come and were not taken. */
  readonly events: Received[] = []
  /** Acknowledgements by the number they were asked with: each at most once. */
  private readonly acks = new Map<string, unknown>()
  private next = 0
  private wake: () => void = () => undefined
  private entered = false
  /** What a packet was that must not have come. */
  private fault: unknown

  private constructor(url: string) {
    this.ws = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
    this.ws.on('message', (data: Buffer) => {
      try {
        this.take(data.toString())
      } catch (error) {
        this.fault ??= error
      }
      this.wake()
    })
    this.ws.on('error', () => undefined)
    this.ws.on('close', () => this.wake())
  }

  /** @param token default: of nobody, who is not authenticated */
  static async open(url: string, token?: string): Promise<Raw> {
    const raw = new Raw(url)
    await raw.until(() => raw.ws.readyState === raw.ws.OPEN, 'the WebSocket')
    raw.packet('40')
    await raw.until(() => raw.entered, 'the namespace')
    if (token === undefined) return raw
    const { outcome } = await raw.ask(`["authenticate",${JSON.stringify(token)}]`)
    assert.deepEqual(outcome, { ok: true })
    return raw
  }

  get closed(): boolean {
    return this.ws.readyState === this.ws.CLOSING || this.ws.readyState === this.ws.CLOSED
  }

  /** An Engine.IO packet as it is. */
  packet(text: string | Buffer): void {
    this.ws.send(text)
  }

  /** An event, without asking for an acknowledgement. @param json the array of its name and arguments */
  emit(json: string): void {
    this.packet(`42${json}`)
  }

  /** Asks for an acknowledgement and does not wait for it. @returns its number */
  request(json: string): string {
    const number = String((this.next += 1))
    this.packet(`42${number}${json}`)
    return number
  }

  async ask(json: string): Promise<Answered> {
    return this.answer(this.request(json))
  }

  /** What comes until the acknowledgement does. */
  async answer(number: string): Promise<Answered> {
    await this.until(() => this.acks.has(number), `an acknowledgement ${number}`)
    const outcome = this.acks.get(number)
    this.acks.delete(number)
    return { events: this.events.splice(0), outcome }
  }

  /** How many acknowledgements have come that nobody has asked for here. */
  get unasked(): number {
    return this.acks.size
  }

  /** Everything that has come, and what the server had sent before it answers this. */
  async drained(): Promise<readonly Received[]> {
    const events: Received[] = []
    for (let round = 0; round < 2; round += 1) events.push(...(await this.ask('["leave_channel",2147483647]')).events)
    return events
  }

  async ended(): Promise<void> {
    await this.until(() => this.ws.readyState === this.ws.CLOSED, 'the end of the connection', true)
  }

  async until(done: () => boolean, what: string, mayEnd = false): Promise<void> {
    const deadline = Date.now() + PATIENCE
    while (!done()) {
      if (this.fault !== undefined) throw this.fault
      assert.ok(mayEnd || !this.closed, `the connection ended before ${what} came`)
      const left = deadline - Date.now()
      assert.ok(left > 0, `${what} did not come; waiting: ${JSON.stringify(this.events).slice(0, 500)}`)
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.wake = resolve
        timer = setTimeout(resolve, left)
      })
      clearTimeout(timer)
    }
    if (this.fault !== undefined) throw this.fault
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.ws.terminate()
    await this.ended()
  }

  private take(packet: string): void {
    if (packet === '2') return this.packet('3')
    if (packet.startsWith('0')) return
    if (packet.startsWith('40')) return void (this.entered = true)
    if (packet === '41') return
    const [, type, number, json] = /^4([23])(\d*)(\[.*\])$/s.exec(packet) ?? assert.fail(packet.slice(0, 200))
    const content = JSON.parse(json!) as unknown[]
    if (type === '2') {
      assert.equal(number, '', 'the server asks for no acknowledgement')
      checkEvent(content as unknown as Received)
      this.events.push(content as unknown as Received)
      return
    }
    assert.equal(content.length, 1, 'an acknowledgement has one argument')
    assert.ok(!this.acks.has(number!), `acknowledgement ${number} has come twice`)
    this.acks.set(number!, content[0])
  }
}
