import { perform, type Caller } from '../../../kernel/action.ts'
import { notFound } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { commentSubject, emit, showComment } from '../events.ts'
import { checkComments, checkDeletesComment, checkEditsComment, type Actor } from '../policy.ts'
import { ofProject } from '../rooms.ts'
import {
  deleteComment as removeComment,
  findComment,
  insertComment,
  updateComment,
  type CommentRow,
  type ReportRow,
} from '../store.ts'
import { timestamp, type Comment } from '../wire.ts'
import { notifyCommented } from './notices.ts'
import { reachReport, type Tracker } from './tracker.ts'

export function createComment(
  tracker: Tracker,
  caller: Caller,
  input: { bug_report_id: number; content: string },
): Promise<Comment> {
  return perform(tracker.unitOfWork, caller, async (unit, about) => {
    const { actor, report } = await reachReport(unit, caller, input.bug_report_id)
    checkComments(actor, report)
    const row = await unit.get(insertComment, {
      bug_report_id: report.id,
      user_id: actor.id,
      content: input.content,
      created_at: unit.now,
      updated_at: unit.now,
    })
    const comment = showComment(row!)
    const subject = commentSubject(report.id, comment.id)
    about(subject)
    emit(unit, 'comment/created', comment, ofProject(report.project_id), { subject })
    await notifyCommented(unit, report, comment.id, actor.id)
    return comment
  })
}

export function editComment(tracker: Tracker, caller: Caller, id: number, content: string): Promise<Comment> {
  return perform(tracker.unitOfWork, caller, async (unit, about) => {
    const { actor, comment, report } = await reachComment(unit, caller, id)
    checkEditsComment(actor, comment)
    const subject = commentSubject(report.id, id)
    about(subject)
    if (comment.content === content) return showComment(comment)
    const edited = showComment((await unit.get(updateComment, { id, content, at: unit.now }))!)
    emit(unit, 'comment/updated', edited, ofProject(report.project_id), { subject })
    return edited
  })
}

export async function deleteComment(tracker: Tracker, caller: Caller, id: number): Promise<void> {
  await perform(tracker.unitOfWork, caller, async (unit) => {
    const { actor, comment, report } = await reachComment(unit, caller, id)
    checkDeletesComment(actor, comment)
    await unit.run(removeComment, { id })
    const payload = { id, bug_report_id: report.id, deleted_by: actor.id, deleted_at: timestamp(unit.now) }
    emit(unit, 'comment/deleted', payload, ofProject(report.project_id), {
      effects: [{ kind: 'forget', subject: commentSubject(report.id, id) }],
    })
  })
}

async function reachComment(
  unit: Unit,
  caller: Caller,
  id: number,
): Promise<{ actor: Actor; comment: CommentRow; report: ReportRow }> {
  const comment = await unit.get(findComment, { id })
  if (!comment) throw notFound('This comment')
  return { comment, ...(await reachReport(unit, caller, comment.bug_report_id, 'This comment')) }
}
