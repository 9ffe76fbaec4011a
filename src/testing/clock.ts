import type { Clock } from '../kernel/clock.ts'

interface Repeat {
  readonly ms: number
  readonly fn: () => void
  due: number
}

/** Time that moves only when the test says so. */
export class FakeClock implements Clock {
  private elapsed = 0
  private readonly start: number
  private readonly repeats = new Set<Repeat>()

  constructor(start = Date.UTC(2026, 0, 5, 12)) {
    this.start = start
  }

  now(): number {
    return this.start + this.elapsed
  }

  monotonic(): number {
    return this.elapsed
  }

  every(ms: number, fn: () => void): () => void {
    const repeat = { ms, fn, due: this.elapsed + ms }
    this.repeats.add(repeat)
    return () => void this.repeats.delete(repeat)
  }

  /** Moves time and calls what falls due, once per `every`, as a process that was asleep would. */
  advance(ms: number): void {
    this.elapsed += ms
    for (const repeat of [...this.repeats]) {
      if (repeat.due > this.elapsed) continue
      repeat.due = this.elapsed + repeat.ms
      repeat.fn()
    }
  }
}
