import { TimingWheel, type Ticket } from '../kernel/timing-wheel.ts'

/** Counts what is scheduled: for the proof that something schedules nothing. */
export class CountingWheel extends TimingWheel {
  scheduled = 0

  override schedule(delayMs: number, fn: () => void): Ticket {
    this.scheduled += 1
    return super.schedule(delayMs, fn)
  }
}
