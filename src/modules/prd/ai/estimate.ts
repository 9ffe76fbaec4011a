import type { QueueLimits } from './queue.ts'

/** Seconds, while nothing has been measured; that of the document's example. */
const UNKNOWN_S = 30

export interface Ahead {
  /** Jobs that run or wait, of everybody and of who asks. */
  readonly all: number
  readonly own: number
}

/**
 * Section 4.1, `estimatedTime`: seconds until a job that is asked for now will have ended.
 * @param durations of the last jobs that came to an answer, milliseconds
 */
export function estimatedSeconds(durations: readonly number[], ahead: Ahead, limits: QueueLimits): number {
  const total = durations.reduce((sum, each) => sum + each, 0)
  const each = durations.length === 0 ? UNKNOWN_S : total / durations.length / 1_000
  // Jobs take about as long as one another: they run in rounds, each as wide as what may run at once.
  const rounds = Math.max(Math.floor(ahead.all / limits.concurrency), Math.floor(ahead.own / limits.perAccount))
  return Math.max(1, Math.ceil(each * (1 + rounds)))
}

/** Section 4.3, `retryAfter`: whole seconds until `at`, at least one. Both wall-clock milliseconds. */
export const secondsUntil = (at: number, now: number): number => Math.max(1, Math.ceil((at - now) / 1_000))
