import type { Clock } from '../kernel/clock.ts'
import { SlidingWindow } from '../kernel/limits.ts'
import { Tally } from '../kernel/tally.ts'
import { noRoom } from './handshake.ts'

export interface AddressLimits {
  /** Connections one address may open in a minute; 0: no limit. */
  readonly perMinute: number
  /** Connections one address may have open; 0: no limit. */
  readonly open: number
}

/** How many connections each address opens and has, over all kinds of sockets and all ports. */
export class Addresses {
  private readonly limits: AddressLimits
  private readonly opened: SlidingWindow<string>
  private readonly open = new Tally<string>()

  constructor(clock: Clock, limits: AddressLimits) {
    this.limits = limits
    this.opened = new SlidingWindow(clock, { limit: limits.perMinute, perMs: 60_000 })
  }

  /**
   * Counts one that is about to be opened.
   * @returns what must be called once when it is over; further calls do nothing
   * @throws CommandError rate_limited: too many in a minute; unavailable: too many are open. Both with `retryAfter`.
   */
  enter(address: string): () => void {
    this.opened.pass(address, 'Too many connections in a minute')
    const { open } = this.limits
    if (open > 0 && this.open.of(address) >= open) throw noRoom('No more connections are taken now')
    this.open.add(address)
    let isOver = false
    return () => {
      if (!isOver) this.open.remove(address)
      isOver = true
    }
  }

  /** Addresses that have anything open. */
  get size(): number {
    return this.open.size
  }
}
