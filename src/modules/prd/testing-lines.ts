import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { io, type Socket } from 'socket.io-client'
import type { Random } from '../../testing/random.ts'
import type { Edit } from './merge.ts'
import type { Ledger } from './testing-ledger.ts'
import type { Data } from './testing.ts'

/** The way of a test's clients to the server and back: real sockets, in order, as late as the test likes. */

export const PATIENCE_MS = 20_000

export const numberOf = (vector: readonly number[]): number => vector.reduce((sum, count) => sum + count, 0)

/** What all of them have to do with. */
export interface Site {
  readonly prdId: string
  readonly random: Random
  readonly ledger: Ledger
  /** Number of the newest edit anybody was told of. */
  newest: number
  /** Different for every edit of a document. */
  nextId(): string
}

/** One client's way to the server and back. */
export class Line {
  readonly site: Site
  private socket: Socket | undefined
  private up: (() => void)[] = []
  private down: (() => void)[] = []
  private isHolding = false
  private unanswered = 0
  private known = 0
  private readonly hear: (name: string, data: Data) => void

  /** @param hear events, when the test has them delivered */
  constructor(site: Site, hear: (name: string, data: Data) => void) {
    this.site = site
    this.hear = hear
  }

  get isOn(): boolean {
    return this.socket !== undefined
  }

  get isEmpty(): boolean {
    return this.up.length === 0 && this.down.length === 0
  }

  /** Everything that was sent has been answered, and everything it is to hear has come. */
  get isLevel(): boolean {
    return !this.socket || (this.unanswered === 0 && (this.known === 0 || this.known >= this.site.newest))
  }

  async connect(url: string, token: string): Promise<void> {
    const how = { forceNew: true, reconnection: false, transports: ['websocket'] }
    const socket = io(`${url}/prds`, { ...how, auth: { token } })
    await new Promise<void>((resolve, reject) => {
      socket.on('connect', resolve)
      socket.on('connect_error', reject)
    })
    this.socket = socket
    socket.onAny((name: string, data: Data) => {
      if (this.socket !== socket) return
      this.note(name === 'joined-prd' ? data.initialState.stateVector : data?.stateVector)
      this.deliver(() => this.hear(name, data))
    })
  }

  /** What comes from now on waits until `take`. */
  hold(): void {
    this.isHolding = true
  }

  /** Waits until `flush`, and its answer until `take`. */
  emit(name: string, data: object, heard: (answer: Data) => void): void {
    this.up.push(() => this.send(name, data, heard))
  }

  /** At once. @returns the acknowledgement, in its place between the events */
  ask(name: string, data: object): Promise<Data> {
    return new Promise((resolve) => this.send(name, data, resolve))
  }

  flush(count = Infinity): void {
    for (const send of this.up.splice(0, count)) send()
  }

  take(count = Infinity): void {
    for (const hear of this.down.splice(0, count)) hear()
  }

  /** Without a word; what is on its way either way is lost, as far as it is not there yet. */
  cut(): void {
    const engine = this.socket?.io.engine as unknown as { transport: { ws: { terminate(): void } } } | undefined
    this.socket = undefined
    this.up = []
    this.down = []
    this.isHolding = false
    this.unanswered = 0
    this.known = 0
    engine?.transport.ws.terminate()
  }

  private send(name: string, data: object, heard: (answer: Data) => void): void {
    const { socket } = this
    this.unanswered += 1
    socket!.emit(name, data, (answer: Data) => {
      if (this.socket !== socket) return
      this.unanswered -= 1
      this.note(answer.stateVector)
      this.deliver(() => heard(answer))
    })
  }

  private deliver(hear: () => void): void {
    if (this.isHolding) this.down.push(hear)
    else hear()
  }

  private note(vector: unknown): void {
    if (!Array.isArray(vector)) return
    this.known = Math.max(this.known, numberOf(vector as number[]))
    this.site.newest = Math.max(this.site.newest, this.known)
  }
}

/** Until nothing is on its way any more between the server and anybody. */
export async function arrived(lines: readonly Line[]): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while (!lines.every((line) => line.isLevel)) {
    assert.ok(Date.now() < deadline, 'an edit, or its acknowledgement, did not come')
    await turn()
  }
}

/** Somebody who edits. */
export interface Editing {
  readonly name: string
  readonly line: Line
  readonly text: string
  /** Everything it has made is acknowledged, and in its text. */
  readonly isSettled: boolean
  readonly mayType: boolean
  /** @param edit any at all, also such as does not fit the text */
  type(edit: Edit): void
  /** Does what it would have done in time. */
  nudge(): void
  cut(): void
  comeBack(url: string, token: string): Promise<void>
}
