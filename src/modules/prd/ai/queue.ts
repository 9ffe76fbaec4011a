/** A job that has not begun, or is to be tried again. */
export interface Waiting {
  readonly id: number
  readonly accountId: number
  /** Wall-clock milliseconds before which it is not tried. */
  readonly due: number
}

export interface QueueLimits {
  /** Jobs that run at once. */
  readonly concurrency: number
  /** Of these, jobs of one person. */
  readonly perAccount: number
}

/**
 * Which jobs run next, of rows that others keep: the next one is of the person who has waited longest since a job of
 * theirs last began, and of their jobs the oldest. Who asks for much so delays nobody but themselves.
 */
export class Queue {
  private readonly limits: QueueLimits
  /** Account by job. */
  private readonly running = new Map<number, number>()
  /** When a job of somebody last began, in starts; only of those who have jobs. */
  private readonly begun = new Map<number, number>()
  private starts = 0

  constructor(limits: QueueLimits) {
    this.limits = limits
  }

  /** Jobs that run. */
  get size(): number {
    return this.running.size
  }

  /** People it remembers: none, once nobody has a job. */
  get remembered(): number {
    return this.begun.size
  }

  /** Jobs that run of one person. */
  runningOf(accountId: number): number {
    let count = 0
    for (const each of this.running.values()) if (each === accountId) count += 1
    return count
  }

  /**
   * Takes as many as may run now; they count as running from here on.
   * @param waiting all that wait, in any order
   * @param now wall-clock milliseconds
   */
  take<W extends Waiting>(waiting: readonly W[], now: number): readonly W[] {
    const taken: W[] = []
    const left = new Map<number, W[]>()
    for (const job of waiting.toSorted((a, b) => a.id - b.id)) {
      if (job.due > now || this.running.has(job.id)) continue
      left.set(job.accountId, [...(left.get(job.accountId) ?? []), job])
    }
    while (this.running.size < this.limits.concurrency) {
      const next = this.longestWaiting(left)
      if (!next) break
      taken.push(next)
      left.get(next.accountId)!.shift()
      this.running.set(next.id, next.accountId)
      this.begun.set(next.accountId, (this.starts += 1))
    }
    this.forget(waiting)
    return taken
  }

  /** It has ended, or waits again. */
  ended(id: number): void {
    this.running.delete(id)
  }

  private longestWaiting<W extends Waiting>(left: ReadonlyMap<number, readonly W[]>): W | undefined {
    let found: W | undefined
    for (const [accountId, [first]] of left) {
      if (!first || this.runningOf(accountId) >= this.limits.perAccount) continue
      if (!found || this.isBefore(first, found)) found = first
    }
    return found
  }

  private isBefore(a: Waiting, b: Waiting): boolean {
    const [begunA, begunB] = [this.begun.get(a.accountId) ?? 0, this.begun.get(b.accountId) ?? 0]
    return begunA === begunB ? a.id < b.id : begunA < begunB
  }

  private forget(waiting: readonly Waiting[]): void {
    const people = new Set([...waiting.map(({ accountId }) => accountId), ...this.running.values()])
    for (const accountId of this.begun.keys()) if (!people.has(accountId)) this.begun.delete(accountId)
  }
}

/** When the next of those that may not be tried yet may be; wall-clock milliseconds. */
export function nextDue(waiting: readonly Waiting[], now: number): number | undefined {
  const later = waiting.map(({ due }) => due).filter((due) => due > now)
  return later.length === 0 ? undefined : Math.min(...later)
}
