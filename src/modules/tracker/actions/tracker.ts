import type { Database } from '../../../kernel/database.ts'
import { once } from '../../../kernel/idempotency.ts'
import type { Unit, UnitOfWork } from '../../../kernel/unit-of-work.ts'
import { notFound } from '../../../kernel/errors.ts'
import { checkSees, type Actor } from '../policy.ts'
import { accessProject, accessReport, type ProjectRow, type ReportRow } from '../store.ts'

export interface TrackerSettings {
  /** Milliseconds a report is pending before each reminder. */
  readonly reminderMs: number
  /** Most created events written for one person who gains sight of projects at once. */
  readonly shareEvents: number
}

/** What the actions of this module work with. */
export interface Tracker {
  readonly database: Database
  readonly unitOfWork: UnitOfWork
  readonly settings: TrackerSettings
}

/** Who calls, and their own id of the command if they gave one. */
export interface Caller {
  readonly accountId: number
  readonly clientKey?: string | undefined
}

/**
 * Every action is one unit of work with one effect, however often the same client id comes.
 * @param subjectOf what the stored outcome tells of, so that it is forgotten with it
 */
export function perform<T>(
  tracker: Tracker,
  caller: Caller,
  work: (unit: Unit) => Promise<T>,
  subjectOf?: (outcome: T) => string | null,
): Promise<T> {
  const { accountId, clientKey } = caller
  return tracker.unitOfWork.run((unit) =>
    once(unit, clientKey === undefined ? undefined : { accountId, key: clientKey }, () => work(unit), subjectOf),
  )
}

/** @throws not_found when absent or hidden */
export async function reachProject(
  unit: Unit,
  caller: Caller,
  id: number,
): Promise<{ actor: Actor; project: ProjectRow }> {
  const row = await unit.get(accessProject, { id, actor: caller.accountId })
  const actor = checkSees(caller.accountId, row, 'This project')
  return { actor, project: row! }
}

/** @throws not_found when absent or hidden */
export async function reachReport(
  unit: Unit,
  caller: Caller,
  id: number,
  what = 'This bug report',
): Promise<{ actor: Actor; report: ReportRow }> {
  const row = await unit.get(accessReport, { id, actor: caller.accountId })
  const actor = checkSees(caller.accountId, row, what)
  if (!row) throw notFound(what)
  return { actor, report: row }
}
