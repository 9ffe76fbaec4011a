import type { Clock } from './clock.ts'
import type { Window } from './limits.ts'

/** Refused frames that are not forgiven yet, as a multiple of the limit, after which a flooding sender is cut. */
const FLOOD_FACTOR = 10

/** Tells who sends far more than is let through from a client that is a little fast now and then. */
export class FloodGauge {
  private readonly clock: Clock
  private count = 0
  /** Up to when refused frames have been forgiven, in monotonic milliseconds. */
  private since = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** One more was refused. @returns true when its sender floods */
  refused({ limit, perMs }: Window): boolean {
    const windows = Math.floor((this.clock.monotonic() - this.since) / perMs)
    // Each window forgives as many as it lets through: a flood that is read slowly is one all the same.
    this.count = Math.max(0, this.count - windows * limit) + 1
    this.since += windows * perMs
    return this.count > limit * FLOOD_FACTOR
  }
}
