import type { Clock } from './clock.ts'
import { CommandError } from './errors.ts'

export interface Window {
  /** How many are let through in any `perMs` milliseconds; 0 switches the limit off. */
  readonly limit: number
  readonly perMs: number
}

/** Times of the last passes of one key, oldest first, in a ring that grows up to the limit. */
class Passes {
  private times: number[] = []
  private head = 0

  get count(): number {
    return this.times.length - this.head
  }

  get oldest(): number {
    return this.times[this.head]!
  }

  get newest(): number {
    return this.times[this.times.length - 1]!
  }

  forgetUntil(time: number): void {
    while (this.head < this.times.length && this.times[this.head]! <= time) this.head += 1
    if (this.head > 64 && this.head * 2 > this.times.length) {
      this.times = this.times.slice(this.head)
      this.head = 0
    }
  }

  add(time: number): void {
    this.times.push(time)
  }
}

/**
 * Exact sliding window per key: the n-th passes, the (n+1)-th is refused until the oldest is `perMs` old. Refused
 * tries do not count. Monotonic time, so that a stepped clock opens no window.
 */
export class SlidingWindow<K> {
  private readonly clock: Clock
  private readonly window: Window
  private readonly keys = new Map<K, Passes>()
  private swept = 0

  constructor(clock: Clock, window: Window) {
    this.clock = clock
    this.window = window
  }

  /** Lets one through and returns 0, or returns the milliseconds until one would be let through. */
  take(key: K): number {
    const wait = this.wait(key)
    if (wait === 0 && this.window.limit > 0) this.passesOf(key).add(this.clock.monotonic())
    return wait
  }

  /**
   * Lets one through.
   * @param refusal what is told to one too many
   * @throws CommandError rate_limited, with the seconds to wait
   */
  pass(key: K, refusal: string): void {
    const wait = this.take(key)
    if (wait > 0) throw new CommandError('rate_limited', refusal, { retryAfter: retrySeconds(wait) })
  }

  /** What `take` would say, without taking. */
  wait(key: K): number {
    const { limit, perMs } = this.window
    if (limit === 0) return 0
    const now = this.clock.monotonic()
    this.sweep(now)
    const passes = this.keys.get(key)
    if (!passes) return 0
    passes.forgetUntil(now - perMs)
    return passes.count < limit ? 0 : Math.max(1, passes.oldest + perMs - now)
  }

  forget(key: K): void {
    this.keys.delete(key)
  }

  get size(): number {
    return this.keys.size
  }

  private passesOf(key: K): Passes {
    let passes = this.keys.get(key)
    if (!passes) this.keys.set(key, (passes = new Passes()))
    return passes
  }

  /** Keys idle for a whole window are dropped, at most once per window, so that memory follows the active ones. */
  private sweep(now: number): void {
    if (now - this.swept < this.window.perMs) return
    this.swept = now
    for (const [key, passes] of this.keys) {
      if (passes.count === 0 || passes.newest <= now - this.window.perMs) this.keys.delete(key)
    }
  }
}

/** Whole seconds, rounded up: the unit of every documented retry hint. */
export const retrySeconds = (waitMs: number): number => Math.max(1, Math.ceil(waitMs / 1000))
