import type { Clock } from './clock.ts'

/** A thing that is to happen once. `cancel` is idempotent and may come after it happened. */
export class Ticket {
  readonly fn: () => void
  rounds: number
  slot: Set<Ticket> | undefined

  constructor(fn: () => void, rounds: number, slot: Set<Ticket>) {
    this.fn = fn
    this.rounds = rounds
    this.slot = slot
  }

  cancel(): void {
    this.slot?.delete(this)
    this.slot = undefined
  }
}

/**
 * Hashed timing wheel: one interval for every deadline, ping, expiry and grace of the process, because a timer per
 * connection costs memory and a heap operation each (rule K-7). Exact to one tick; never early.
 */
export class TimingWheel {
  private readonly clock: Clock
  private readonly tickMs: number
  private readonly slots: Set<Ticket>[]
  private readonly stopTicking: () => void
  private readonly onError: (error: unknown) => void
  private cursor = 0
  private done: number

  constructor(clock: Clock, onError: (error: unknown) => void, options: { tickMs?: number; slots?: number } = {}) {
    this.clock = clock
    this.onError = onError
    this.tickMs = options.tickMs ?? 100
    this.slots = Array.from({ length: options.slots ?? 512 }, () => new Set<Ticket>())
    this.done = clock.monotonic()
    this.stopTicking = clock.every(this.tickMs, () => this.advance())
  }

  /** @param delayMs milliseconds from now. */
  schedule(delayMs: number, fn: () => void): Ticket {
    const due = this.clock.monotonic() + delayMs - this.done
    const ticks = Math.max(1, Math.ceil(due / this.tickMs))
    const slot = this.slots[(this.cursor + ticks) % this.slots.length]!
    const ticket = new Ticket(fn, Math.floor((ticks - 1) / this.slots.length), slot)
    slot.add(ticket)
    return ticket
  }

  /** Tickets that wait; for the churn-to-zero test and metrics. */
  get size(): number {
    return this.slots.reduce((sum, slot) => sum + slot.size, 0)
  }

  stop(): void {
    this.stopTicking()
    for (const slot of this.slots) slot.clear()
  }

  /** Catches up tick by tick, so that a stalled process or a jump of the test clock skips nothing. */
  private advance(): void {
    const now = this.clock.monotonic()
    while (now - this.done >= this.tickMs) {
      this.done += this.tickMs
      this.cursor = (this.cursor + 1) % this.slots.length
      const slot = this.slots[this.cursor]!
      if (slot.size > 0) this.fire(slot)
    }
  }

  private fire(slot: Set<Ticket>): void {
    // A snapshot: what a callback schedules a whole turn ahead lands in this very slot.
    for (const ticket of [...slot]) {
      if (ticket.slot === undefined) continue
      if (ticket.rounds > 0) {
        ticket.rounds -= 1
        continue
      }
      ticket.cancel()
      try {
        ticket.fn()
      } catch (error) {
        this.onError(error)
      }
    }
  }
}
