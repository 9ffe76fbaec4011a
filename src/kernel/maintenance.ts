import type { Clock } from './clock.ts'
import type { Database } from './database.ts'
import { expireOutcomes } from './idempotency.ts'
import type { TimingWheel } from './timing-wheel.ts'
import type { Unit, UnitOfWork } from './unit-of-work.ts'

const HOUR_MS = 60 * 60 * 1000
/** Erasures of a moment share one checkpoint. */
const ERASE_MS = 1_000

/** Old things go: events past their retention, outcomes of old client ids, and erased bytes from the files. */
export function maintenance(database: Database, onError: (error: unknown) => void) {
  let erasing = false
  return {
    expire: (unit: Unit, before: number): Promise<void> => expireOutcomes(unit, before),

    /** Deleted content must not stay in the write-ahead log. */
    eraseSoon(wheel: TimingWheel): void {
      if (erasing) return
      erasing = true
      wheel.schedule(ERASE_MS, () => {
        erasing = false
        database.erase().catch(onError)
      })
    },
  }
}

/** Runs `work` once an hour. @returns how to stop it. */
export function keepHouse(
  clock: Clock,
  unitOfWork: UnitOfWork,
  onError: (error: unknown) => void,
  work: (unit: Unit) => Promise<void>,
): () => void {
  return clock.every(HOUR_MS, () => void unitOfWork.run(work).catch(onError))
}
