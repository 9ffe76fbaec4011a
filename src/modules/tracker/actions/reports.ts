import { perform, type Caller } from '../../../kernel/action.ts'
import { invalid } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { emit, reportSubject, showReport } from '../events.ts'
import {
  checkAssigns,
  checkChangesStatus,
  checkDeletesReport,
  checkEditsReport,
  checkManages,
  type Actor,
} from '../policy.ts'
import { ofProject, projectRoom, adminsRoom } from '../rooms.ts'
import {
  canSee,
  deleteCommentsOf,
  deleteNotificationsOf,
  deleteReport as removeReport,
  insertReport,
  updateReport,
  type ReportRow,
} from '../store.ts'
import { timestamp, type BugReport } from '../wire.ts'
import { forgetReminder, notifyAssigned, notifyStatus, watchPending } from './notices.ts'
import { shareReport } from './sharing.ts'
import { reachProject, reachReport, type Tracker } from './tracker.ts'

export interface NewReport {
  readonly project_id: number
  readonly title: string
  readonly description: string
  readonly priority: BugReport['priority']
  readonly assignee_id?: number | null
}

/** What may be changed; absent members stay as they are. */
export type ReportChanges = Partial<Omit<NewReport, 'assignee_id'> & Pick<BugReport, 'status' | 'assignee_id'>>

export function createReport(tracker: Tracker, caller: Caller, input: NewReport): Promise<BugReport> {
  return perform(tracker.unitOfWork, caller, async (unit, about) => {
    const { actor } = await reachProject(unit, caller, input.project_id)
    const assignee = input.assignee_id ?? null
    if (assignee !== null) checkAssigns(actor)
    await checkAssignable(unit, assignee, input.project_id)
    const row = (await unit.get(insertReport, {
      project_id: input.project_id,
      title: input.title,
      description: input.description,
      status: 'pending',
      priority: input.priority,
      creator_id: actor.id,
      assignee_id: assignee,
      pending_since: unit.now,
      moved_at: null,
      created_at: unit.now,
      updated_at: unit.now,
    }))!
    const report = showReport(row)
    const subject = reportSubject(row.id)
    about(subject)
    emit(unit, 'bug_report/created', report, ofProject(row.project_id), { subject })
    if (assignee !== null) await tellAssigned(unit, row, actor)
    await watchPending(unit, row, tracker.settings)
    return report
  })
}

/** Any change of a report: one record, one moment; updated, then status_changed, then assigned, then who is told. */
export function editReport(tracker: Tracker, caller: Caller, id: number, changes: ReportChanges): Promise<BugReport> {
  return perform(tracker.unitOfWork, caller, async (unit, about) => {
    const { actor, report } = await reachReport(unit, caller, id)
    about(reportSubject(id))
    await checkChanges(unit, caller, actor, report, changes)
    return showReport(await applyChanges(unit, tracker, actor, report, changes))
  })
}

export async function deleteReport(tracker: Tracker, caller: Caller, id: number): Promise<void> {
  await perform(tracker.unitOfWork, caller, async (unit) => {
    const { actor, report } = await reachReport(unit, caller, id)
    checkDeletesReport(actor, report)
    await eraseReport(unit, id)
    const payload = { id, deleted_by: actor.id, deleted_at: timestamp(unit.now) }
    emit(unit, 'bug_report/deleted', payload, ofProject(report.project_id), {
      effects: [{ kind: 'forget', subject: reportSubject(id) }],
    })
  })
}

/** The rows of a report and everything that hangs on it; its events are forgotten by the caller's deletion event. */
export async function eraseReport(unit: Unit, id: number): Promise<void> {
  await unit.run(deleteCommentsOf, { report: id })
  await unit.run(deleteNotificationsOf, { report: id })
  await unit.run(removeReport, { id })
  await forgetReminder(unit, id)
}

/** Takes a report away from somebody who leaves its project: an assignee must be able to see it. */
export async function unassign(unit: Unit, tracker: Tracker, actor: Actor, report: ReportRow): Promise<void> {
  await applyChanges(unit, tracker, actor, report, { assignee_id: null })
}

async function checkChanges(
  unit: Unit,
  caller: Caller,
  actor: Actor,
  report: ReportRow,
  changes: ReportChanges,
): Promise<void> {
  const { title, description, priority, status, assignee_id, project_id } = changes
  if (title !== undefined || description !== undefined || priority !== undefined) checkEditsReport(actor, report)
  if (status !== undefined) checkChangesStatus(actor)
  if (assignee_id !== undefined) checkAssigns(actor)
  if (project_id !== undefined && project_id !== report.project_id) {
    checkManages(actor)
    await reachProject(unit, caller, project_id)
  }
  const assignee = assignee_id === undefined ? report.assignee_id : assignee_id
  const touched = assignee_id !== undefined || project_id !== undefined
  if (touched) await checkAssignable(unit, assignee, project_id ?? report.project_id)
}

async function checkAssignable(unit: Unit, userId: number | null, projectId: number): Promise<void> {
  if (userId === null || (await unit.get(canSee, { user: userId, project: projectId }))) return
  throw invalid({ assignee_id: 'must be an active member of the project, an admin, or null' })
}

async function applyChanges(
  unit: Unit,
  tracker: Tracker,
  actor: Actor,
  before: ReportRow,
  changes: ReportChanges,
): Promise<ReportRow> {
  const row: ReportRow = { ...before, ...changes, updated_at: unit.now }
  const status = row.status !== before.status
  const assigned = row.assignee_id !== before.assignee_id
  const edited = (['title', 'description', 'priority', 'project_id'] as const).some((key) => row[key] !== before[key])
  // Saying the same again changes nothing and tells nobody.
  if (!status && !assigned && !edited) return before
  if (status && row.status === 'pending') row.pending_since = unit.now
  if (row.project_id !== before.project_id) row.moved_at = unit.now
  await unit.run(updateReport, row)
  if (row.project_id !== before.project_id) await moveReport(unit, before, row, actor)
  const audience = ofProject(row.project_id)
  const subject = reportSubject(row.id)
  emit(unit, 'bug_report/updated', showReport(row), audience, { subject })
  const { id, title } = row
  const updated_at = timestamp(unit.now)
  if (status) {
    const payload = { id, title, old_status: before.status, new_status: row.status, changed_by: actor.id, updated_at }
    emit(unit, 'bug_report/status_changed', payload, audience, { subject })
    await notifyStatus(unit, row, before.status, actor.id)
    await watchPending(unit, row, tracker.settings)
  }
  if (assigned) await tellAssigned(unit, row, actor)
  return row
}

async function tellAssigned(unit: Unit, row: ReportRow, actor: Actor): Promise<void> {
  const { id, title, assignee_id } = row
  const payload = { id, title, assignee_id, assigned_by: actor.id, updated_at: timestamp(unit.now) }
  emit(unit, 'bug_report/assigned', payload, ofProject(row.project_id), { subject: reportSubject(id) })
  await notifyAssigned(unit, row, actor.id)
}

/** Whoever loses sight of it gets its removal, never its new content; whoever gains sight gets it as created. */
async function moveReport(unit: Unit, before: ReportRow, after: ReportRow, actor: Actor): Promise<void> {
  const old = projectRoom(before.project_id)
  const fresh = projectRoom(after.project_id)
  const payload = { id: after.id, deleted_by: actor.id, deleted_at: timestamp(unit.now) }
  emit(unit, 'bug_report/deleted', payload, { to: [old], except: [fresh, adminsRoom] }, {
    effects: [{ kind: 'readdress', subject: reportSubject(after.id), from: old, to: fresh }],
  })
  await shareReport(unit, after, { to: [fresh], except: [old, adminsRoom] })
}
