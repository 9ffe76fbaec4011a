import type { Audience } from '../../../kernel/rooms.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { commentSubject, emit, projectSubject, reportSubject, showComment, showProject, showReport } from '../events.ts'
import { ofUser, ofUserWithin } from '../rooms.ts'
import { commentsOf, reportsOfProject, type ProjectRow, type ReportRow } from '../store.ts'
import { timestamp } from '../wire.ts'

const ALL = 2_147_483_647

/**
 * A project comes into one person's sight: it and what is in it, as creations for them alone; at most `budget`.
 * They are in the project's room, or an admin, from the first of these events on.
 */
export async function shareProject(unit: Unit, project: ProjectRow, userId: number, budget: number): Promise<number> {
  const audience = ofUserWithin(userId, project.id)
  emit(unit, 'project/created', showProject(project), audience, { subject: projectSubject(project.id) })
  let left = budget - 1
  const newest = await unit.all(reportsOfProject, { project: project.id, limit: Math.max(0, left) })
  for (const report of newest.reverse()) {
    if (left <= 0) break
    left -= await shareReport(unit, report, audience, left)
  }
  return left
}

/** @returns how many events it took. */
export async function shareReport(unit: Unit, report: ReportRow, audience: Audience, budget = ALL): Promise<number> {
  emit(unit, 'bug_report/created', showReport(report), audience, { subject: reportSubject(report.id) })
  const limit = Math.min(budget - 1, ALL)
  const comments = await unit.all(commentsOf, { report: report.id, before: ALL, limit: Math.max(0, limit) })
  for (const comment of comments.reverse()) {
    const subject = commentSubject(report.id, comment.id)
    emit(unit, 'comment/created', showComment(comment), audience, { subject })
  }
  return 1 + comments.length
}

/** A project goes out of one person's sight: for them it is deleted. */
export function unshareProject(unit: Unit, projectId: number, userId: number, byId: number): void {
  const payload = { id: projectId, deleted_by: byId, deleted_at: timestamp(unit.now) }
  emit(unit, 'project/deleted', payload, ofUser(userId))
}
