import assert from 'node:assert/strict'
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

export type Received = readonly [name: string, ...args: unknown[]]
// A test reads what it expects to be there; what is not there fails it.
// eslint-disable-next-line typescript/no-explicit-any
export type Data = any
export type TabOptions = Partial<ManagerOptions & SocketOptions>

/** Milliseconds after which an event that does not come fails the test. */
const PATIENCE = 15_000

/** A stock `socket.io-client` that keeps what it is sent until the test asks for it, in order. */
export abstract class SocketTab<Name extends string> {
  readonly socket: Socket
  /** Everything received that is kept and not yet taken. */
  readonly events: Received[] = []
  /** Why the connection was refused. */
  refusal: Error | undefined
  private wake: () => void = () => undefined

  constructor(url: string, options: TabOptions = {}) {
    this.socket = io(url, { forceNew: true, reconnection: false, transports: ['websocket'], ...options })
    this.socket.onAny((name: string, ...args: unknown[]) => {
      if (!this.keeps(name)) return
      this.events.push([name, ...args])
      this.wake()
    })
    for (const name of ['disconnect', 'connect']) this.socket.on(name, () => this.wake())
    this.socket.on('connect_error', (error) => {
      this.refusal = error
      this.wake()
    })
  }

  /** @throws when it is not exactly as the document has it */
  protected abstract check(event: Received): void
  /** A command that is acknowledged and changes nothing; of what it is answered with, `drained` leaves out. */
  protected abstract probe(): Promise<unknown>
  protected keeps(_name: string): boolean {
    return true
  }

  /** The next event, whatever it is. */
  async next(): Promise<Received> {
    await this.until(() => this.events.length > 0, 'an event')
    return this.events.shift()!
  }

  /** The next event, which must be this one, as the document writes it. @returns its argument */
  async expect(name: Name, fields: Record<string, unknown> = {}): Promise<Data> {
    await this.until(() => this.events.length > 0, name)
    const event = this.events.shift()!
    assert.equal(event[0], name, JSON.stringify(event).slice(0, 1_000))
    this.check(event)
    const data = event[1] as Record<string, unknown>
    for (const [key, value] of Object.entries(fields)) assert.deepEqual(data[key], value, key)
    return data
  }

  /** The first event of this name among those that come; what comes before it is thrown away. */
  async find(name: Name): Promise<Data> {
    for (;;) {
      const event = await this.next()
      if (event[0] === name) return event[1]
    }
  }

  /** Nothing is on its way: what the server has sent before comes before its acknowledgement. */
  async expectNothing(): Promise<void> {
    assert.deepEqual(await this.drained(), [])
  }

  /** Everything that has come, and what comes before two acknowledgements that are asked for now. */
  async drained(): Promise<Received[]> {
    for (let round = 0; round < 2; round += 1) await this.probe()
    return this.events.splice(0)
  }

  /** @returns what the acknowledgement callback is given */
  async ask(name: string, ...args: unknown[]): Promise<Data> {
    return (await this.socket.timeout(PATIENCE).emitWithAck(name, ...args)) as unknown
  }

  /** The command must succeed. */
  async done(name: string, ...args: unknown[]): Promise<Data> {
    const outcome = (await this.ask(name, ...args)) as { ok: boolean }
    assert.equal(outcome.ok, true, `${name}: ${JSON.stringify(outcome)}`)
    return outcome
  }

  emit(name: string, ...args: unknown[]): void {
    this.socket.emit(name, ...args)
  }

  async connected(): Promise<this> {
    await this.until(() => this.socket.connected || this.refusal !== undefined, 'the connection')
    assert.equal(this.refusal, undefined)
    return this
  }

  /** The connection must be refused. */
  async refusedConnection(): Promise<Error & { data?: Data }> {
    await this.until(() => this.refusal !== undefined, 'the refusal')
    return this.refusal!
  }

  async disconnected(): Promise<void> {
    await this.until(() => !this.socket.connected, 'the disconnection')
  }

  /** Says goodbye. */
  close(): void {
    this.socket.disconnect()
  }

  /** Gone without a word, as a laptop that is shut. */
  cut(): void {
    const engine = this.socket.io.engine as unknown as { transport: { ws?: { terminate?(): void }; close(): void } }
    if (engine.transport.ws?.terminate) engine.transport.ws.terminate()
    else engine.transport.close()
  }

  private async until(done: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE
    while (!done()) {
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`${what} did not come; waiting: ${JSON.stringify(this.events).slice(0, 1_000)}`)
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.wake = resolve
        timer = setTimeout(resolve, left)
      })
      clearTimeout(timer)
    }
  }
}

/** Checks events against their schemas: exactly the keys and types of the document, and one argument. */
export function eventChecker(shapes: Readonly<Record<string, TSchema>>): (event: Received) => void {
  const validators = new Map(Object.entries(shapes).map(([name, shape]) => [name, Compile(shape)] as const))
  return ([name, data, ...rest]) => {
    const validator = validators.get(name)
    assert.ok(validator, `${name} is not in the document`)
    assert.ok(validator.Check(data ?? null), `${name}: ${JSON.stringify(data ?? null).slice(0, 1_000)}`)
    assert.deepEqual(rest, [], `${name} has one argument`)
  }
}
