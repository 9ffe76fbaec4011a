import type { Database } from '../../../kernel/database.ts'
import type { Caller } from '../../../kernel/action.ts'
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
