import assert from 'node:assert/strict'
import { parsePosition } from '../wire/position.ts'
import type { Client, Frame } from './client.ts'
import type { Random } from './random.ts'

/**
 * A client that comes and goes, and resumes from the last position it was given. Whatever has a position must come
 * once and in order.
 */
export abstract class Wanderer {
  protected client: Client | undefined
  protected position = 'now'
  private offset = 0
  /** How often it came back to what it had missed. */
  resumed = 0

  get away(): boolean {
    return this.client === undefined
  }

  /** The server has ended its connection. */
  get closed(): boolean {
    return this.client?.closed !== undefined
  }

  /** @returns a connection that was let in, or nothing */
  protected abstract open(since: string): Promise<Client | undefined>
  /** What came, each once. */
  protected abstract apply(frame: Frame, offset: number): void | Promise<void>
  protected abstract readonly ping: object
  protected abstract isPong(frame: Frame): boolean

  async come(): Promise<void> {
    const resuming = this.position !== 'now'
    this.client = await this.open(this.position)
    if (this.client && resuming) this.resumed += 1
  }

  /** Whatever has arrived until this moment counts; what was on its way comes again. */
  async go(): Promise<void> {
    const { client } = this
    this.client = undefined
    // A frame received is a frame seen: the client's position is that of the last one.
    if (!client!.closed) await client!.cut()
    for (const frame of client!.frames) await this.take(frame)
  }

  /** Takes everything that was sent until now. */
  async catchUp(): Promise<void> {
    const { client } = this
    client!.send(this.ping)
    for (;;) {
      const frame = await client!.next()
      if (this.isPong(frame)) return
      await this.take(frame)
    }
  }

  /** A position that was given outside of the order of events. */
  protected startAt(position: string): void {
    this.position = position
    this.offset = position === 'now' ? 0 : parsePosition(position)!.offset
  }

  protected async take(frame: Frame): Promise<void> {
    if (frame.position === undefined) return
    const { offset } = parsePosition(frame.position)!
    assert.ok(offset > this.offset, `${JSON.stringify(frame)} after ${this.offset}: twice, or out of order`)
    this.startAt(frame.position)
    await this.apply(frame, offset)
  }
}

/**
 * While deeds are done, some are always coming and some are going; in the end all are there and have got everything.
 * @param perRound most deeds while some come and others go: without a bound a few clients would come back too seldom
 */
export async function wander(
  wanderers: readonly Wanderer[],
  random: Random,
  deeds: number,
  deed: () => Promise<unknown>,
  perRound = Number.POSITIVE_INFINITY,
): Promise<void> {
  await Promise.all(wanderers.map((wanderer) => wanderer.come()))
  let running = true
  let rounds = 0
  const acting = (async () => {
    for (let i = 0; i < deeds && running; i += 1) {
      await deed()
      while (running && i > (rounds + 1) * perRound) await new Promise((turn) => setImmediate(turn))
    }
  })().finally(() => (running = false))
  try {
    while (running) {
      const some = wanderers.filter(() => random.next() < 0.15)
      // Coming back while others act: the resume races with what is being published.
      await Promise.all(some.map((wanderer) => (wanderer.away ? wanderer.come() : wanderer.go())))
      rounds += 1
    }
  } finally {
    running = false
    await acting
  }
  for (const wanderer of wanderers) if (wanderer.closed) await wanderer.go()
  await Promise.all(wanderers.filter((wanderer) => wanderer.away).map((wanderer) => wanderer.come()))
  await Promise.all(wanderers.filter((wanderer) => !wanderer.away).map((wanderer) => wanderer.catchUp()))
}
