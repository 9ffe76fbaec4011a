import type { Clock } from './clock.ts'
import { CommandError } from './errors.ts'
import { retrySeconds, SlidingWindow, type Window } from './limits.ts'
import type { Session } from './session.ts'
import { Tally } from './tally.ts'
import type { TimingWheel } from './timing-wheel.ts'

/** An open connection, as far as it can be asked whether its peer is still there. */
export interface Probed {
  /** Calls back once: true when the peer has answered, false when the connection has ended. */
  confirm(fn: (received: boolean) => void): void
  /** Monotonic milliseconds of the last sign of life. */
  readonly seen: number
  /** The peer is gone: ends the connection at once. */
  lose(): void
}

export interface AdmissionOptions {
  readonly clock: Clock
  readonly wheel: TimingWheel
  /** Connections of one account that may be open at once. */
  readonly connections: number
  readonly opens: Window | undefined
  /** Milliseconds that open connections have to answer before their slots are given away. */
  readonly probeMs: number
  readonly openOf: (account: number) => readonly Probed[]
}

/** One place among the open connections of an account. Whoever holds it gives it back; a second time does nothing. */
export class Slot {
  readonly account: number
  private admission: Admission | undefined

  constructor(admission: Admission, account: number) {
    this.admission = admission
    this.account = account
  }

  release(): void {
    this.admission?.giveBack(this.account)
    this.admission = undefined
  }
}

/** A party whose token has been checked and that holds a slot. */
export interface Admitted {
  readonly session: Session
  readonly slot: Slot
}

/** How many connections of one face an account has and may open. Counted in the turn that asks: never one too many. */
export class Admission {
  private readonly options: AdmissionOptions
  private readonly counts = new Tally<number>()
  private readonly opens: SlidingWindow<number> | undefined
  private readonly probes = new Map<number, Promise<void>>()

  constructor(options: AdmissionOptions) {
    this.options = options
    this.opens = options.opens && new SlidingWindow(options.clock, options.opens)
  }

  /** Accounts that hold a slot. */
  get size(): number {
    return this.counts.size
  }

  /** A slot, or undefined when the account has as many connections as it may. */
  take(account: number): Slot | undefined {
    if (this.counts.of(account) >= this.options.connections) return undefined
    this.counts.add(account)
    return new Slot(this, account)
  }

  /**
   * A slot for a connection that is about to be opened. When there is none, the open ones are asked for a sign of
   * life first: a dead one would hold its slot for a minute.
   * @throws CommandError rate_limited; with `retryAfter` too many were opened, without it too many are open
   */
  async claim(account: number): Promise<Slot> {
    const slot = this.takeNew(account)
    if (slot) return slot
    await this.probe(account)
    const freed = this.takeNew(account)
    if (freed) return freed
    throw this.full
  }

  /** What is said to who gets no slot. */
  get full(): CommandError {
    const details = { connections: `at most ${this.options.connections} may be open at once; close one first` }
    return new CommandError('rate_limited', 'Too many connections are open', { details })
  }

  /** Called by the slot. */
  giveBack(account: number): void {
    this.counts.remove(account)
  }

  private takeNew(account: number): Slot | undefined {
    const wait = this.opens?.wait(account) ?? 0
    if (wait > 0) {
      throw new CommandError('rate_limited', 'Too many connections were opened', { retryAfter: retrySeconds(wait) })
    }
    const slot = this.take(account)
    // Only now: an attempt that is refused does not count.
    if (slot) this.opens?.take(account)
    return slot
  }

  /** One at a time for an account: who comes meanwhile waits for the same answer. */
  private probe(account: number): Promise<void> {
    let probe = this.probes.get(account)
    if (!probe) {
      probe = this.ask(account).finally(() => this.probes.delete(account))
      this.probes.set(account, probe)
    }
    return probe
  }

  /** Over when a slot has come free, when all have answered, or when the silent ones have been cut. */
  private ask(account: number): Promise<void> {
    const { clock, wheel, probeMs, openOf } = this.options
    const asked = clock.monotonic()
    const silent = new Set(openOf(account))
    if (silent.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const ticket = wheel.schedule(probeMs, () => {
        for (const connection of silent) if (connection.seen <= asked) connection.lose()
        resolve()
      })
      for (const connection of silent) {
        connection.confirm((received) => {
          silent.delete(connection)
          if (received && silent.size > 0) return
          ticket.cancel()
          resolve()
        })
      }
    })
  }
}
