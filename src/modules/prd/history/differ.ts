import { Worker } from 'node:worker_threads'
import { CommandError } from '../../../kernel/errors.ts'
import type { Edit } from '../merge.ts'
import { editsBetween, unifiedDiff, type Side } from './diff.ts'
import { Turns } from './turns.ts'

/** UTF-16 units of both texts together that are compared at once: some ten milliseconds at the worst. */
const SHORT = 50_000
/** Long comparisons that are made or wait for their turn; each takes a second at the worst. */
const WAITING = 16

/** What the thread is given, and answers: text of a difference, or edits. */
export type Job =
  | { readonly kind: 'difference'; readonly file: Parameters<typeof unifiedDiff>[0] }
  | { readonly kind: 'edits'; readonly before: string; readonly after: string }

/** Whether a comparison is to be made in a thread of its own. */
export const isLong = (before: string, after: string): boolean => before.length + after.length > SHORT

export interface DifferOptions {
  /** Script of the thread. */
  readonly script?: URL
  readonly mostWaiting?: number
}

/** Compares texts; long ones in a thread of its own, one after the other, so that they hold up nobody else. */
export class Differ {
  private readonly script: URL
  private readonly mostWaiting: number
  private readonly turns = new Turns()
  private waiting = 0

  constructor({ script, mostWaiting = WAITING }: DifferOptions = {}) {
    this.script = script ?? new URL('differ-worker.ts', import.meta.url)
    this.mostWaiting = mostWaiting
  }

  /** As `unifiedDiff`. @throws CommandError unavailable when too many wait, or the thread is lost */
  async difference(file: { readonly name: string; readonly from: Side; readonly to: Side }): Promise<string> {
    if (!isLong(file.from.text, file.to.text)) return unifiedDiff(file)
    return (await this.run({ kind: 'difference', file })) as string
  }

  /** As `editsBetween`. @throws CommandError unavailable when too many wait, or the thread is lost */
  async edits(before: string, after: string): Promise<readonly Edit[]> {
    if (!isLong(before, after)) return editsBetween(before, after)
    return (await this.run({ kind: 'edits', before, after })) as readonly Edit[]
  }

  private async run(job: Job): Promise<unknown> {
    if (this.waiting >= this.mostWaiting) throw busy()
    this.waiting += 1
    try {
      return await this.turns.take(0, () => inThread(this.script, job))
    } finally {
      this.waiting -= 1
    }
  }
}

/** A thread for each: it takes less time to start than the comparison, and leaves no memory behind. */
function inThread(script: URL, job: Job): Promise<unknown> {
  return new Promise((resolve, reject) => {
    // Nothing of the process is its business: no secrets, no flags.
    const worker = new Worker(script, { workerData: job, env: {}, execArgv: [] })
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', () => reject(busy()))
  })
}

const busy = (): CommandError =>
  new CommandError('unavailable', 'Too many long texts are being compared; nothing was changed. Try again later.', {
    retryAfter: 5,
  })
