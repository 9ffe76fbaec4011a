import { perform, type Caller } from '../../../kernel/action.ts'
import { jobs, type JobHandler } from '../../../kernel/jobs.ts'
import { notFound } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { emit, noticeSubject } from '../events.ts'
import { ofUserWithin } from '../rooms.ts'
import {
  canSee,
  findReport,
  insertNotification,
  markAllRead,
  markDelivered,
  markRead,
  type NotificationRow,
  type ReportRow,
} from '../store.ts'
import { timestamp, type Payload } from '../wire.ts'
import { reachReport, type Tracker, type TrackerSettings } from './tracker.ts'

type Kind = 'bug_assigned' | 'comment_added' | 'status_changed' | 'reminder_sent'
type Common = 'id' | 'user_id' | 'bug_report_id' | 'title' | 'created_at'
type Special<K extends Kind> = Omit<Payload<`notification/${K}`>, Common>

export const REMINDER = 'tracker.reminder'
const DAY_MS = 24 * 60 * 60 * 1000

/** Tells one person of a report; stored, so that it waits for them when they are away. */
async function notify<K extends Kind>(
  unit: Unit,
  kind: K,
  userId: number,
  report: ReportRow,
  special: Special<K>,
): Promise<void> {
  // Somebody who lost sight of the project must not be told of it, its creator included.
  if (!(await unit.get(canSee, { user: userId, project: report.project_id }))) return
  const rest = { user_id: userId, bug_report_id: report.id, title: report.title, ...special }
  const created_at = timestamp(unit.now)
  const row = await unit.get(insertNotification, {
    user_id: userId,
    bug_report_id: report.id,
    kind,
    payload: JSON.stringify({ ...rest, created_at }),
    created_at: unit.now,
  })
  const payload = { id: row!.id, ...rest, created_at } as unknown as Payload<`notification/${K}`>
  const audience = ofUserWithin(userId, report.project_id)
  emit(unit, `notification/${kind}`, payload, audience, { subject: noticeSubject(report.id, row!.id) })
}

/** The people with a stake in a report, each once, without the one who acted. */
const stakeholders = (report: ReportRow, actorId: number): readonly number[] =>
  [...new Set([report.creator_id, report.assignee_id])].filter((id): id is number => id !== null && id !== actorId)

export async function notifyAssigned(unit: Unit, report: ReportRow, actorId: number): Promise<void> {
  if (report.assignee_id === null || report.assignee_id === actorId) return
  const message = `You have been assigned to bug: ${report.title}`
  await notify(unit, 'bug_assigned', report.assignee_id, report, { message })
}

export async function notifyCommented(unit: Unit, report: ReportRow, commentId: number, actorId: number): Promise<void> {
  const special = { comment_id: commentId, message: `New comment on bug: ${report.title}` }
  for (const userId of stakeholders(report, actorId)) await notify(unit, 'comment_added', userId, report, special)
}

export async function notifyStatus(
  unit: Unit,
  report: ReportRow,
  oldStatus: ReportRow['status'],
  actorId: number,
): Promise<void> {
  const message = `Bug status changed to: ${report.status}`
  const special = { old_status: oldStatus, new_status: report.status, message }
  for (const userId of stakeholders(report, actorId)) await notify(unit, 'status_changed', userId, report, special)
}

/** A report has become pending, or is no longer. */
export async function watchPending(unit: Unit, report: ReportRow, settings: TrackerSettings): Promise<void> {
  const key = String(report.id)
  if (report.status !== 'pending') await jobs.cancel(unit, REMINDER, key)
  else await jobs.schedule(unit, REMINDER, key, report.pending_since + settings.reminderMs)
}

export const forgetReminder = (unit: Unit, reportId: number): Promise<void> =>
  jobs.cancel(unit, REMINDER, String(reportId))

/**
 * Reminds the assignee (or, while there is none, the creator) of a report that is still pending, and again after the
 * same time. After a downtime it fires once, not once for each time missed.
 */
export function remind(settings: TrackerSettings): JobHandler {
  return async (job, unit) => {
    const report = await unit.get(findReport, { id: Number(job.key) })
    if (report?.status !== 'pending') return
    const next = unit.now + settings.reminderMs
    const days = Math.floor((unit.now - report.pending_since) / DAY_MS)
    await notify(unit, 'reminder_sent', report.assignee_id ?? report.creator_id, report, {
      message: `Reminder: Bug report pending for ${days} days`,
      next_reminder: timestamp(next),
    })
    await jobs.schedule(unit, REMINDER, job.key, next)
  }
}

/** @throws not_found for another's notification, or one about what may not be seen any more, as for an absent one */
export function readNotification(tracker: Tracker, caller: Caller, id: number): Promise<NotificationRow> {
  return perform(tracker.unitOfWork, caller, async (unit) => {
    const row = await unit.get(markRead, { user: caller.accountId, id, at: unit.now })
    if (!row) throw notFound('This notification')
    await reachReport(unit, caller, row.bug_report_id, 'This notification')
    return row
  })
}

export async function readAllNotifications(tracker: Tracker, caller: Caller): Promise<void> {
  await perform(tracker.unitOfWork, caller, (unit) => unit.run(markAllRead, { user: caller.accountId, at: unit.now }))
}

/** A client of the user has provably received everything up to this notification. */
export async function deliveredNotifications(tracker: Tracker, userId: number, until: number): Promise<void> {
  await tracker.unitOfWork.run((unit) => unit.run(markDelivered, { user: userId, until, at: unit.now }))
}
