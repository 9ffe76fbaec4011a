import { perform, type Caller } from '../../../kernel/action.ts'
import type { Connection } from '../../../kernel/connection.ts'
import { notFound } from '../../../kernel/errors.ts'
import { commentSubject, replySubject } from '../events.ts'
import { toId } from '../ids.ts'
import { checkDeletes } from '../policy.ts'
import type { PrdAccess } from '../store/access.ts'
import {
  deleteCommentRow,
  deleteReplies,
  deleteReplyRow,
  findReply,
  markOpen,
  markResolved,
  nameOf,
} from '../store/comments.ts'
import { frameOf, timestamp, type Payload } from '../wire.ts'
import { tellAll } from './comments.ts'
import { reachComment, type Parts } from './parts.ts'
import { recordPrdActivity } from './telling.ts'

/**
 * How comments end: section 6.3, and what the document does not have. Told to everybody who has joined the PRD, and to
 * the connection that asks.
 */

/**
 * By whoever sees the PRD. Once more, it tells who asks what everybody was told the first time.
 * @throws not_found
 */
export function resolveComment(
  parts: Parts,
  caller: Caller,
  id: number,
  connection?: Connection,
): Promise<Payload<'comment-resolved'>> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const { comment, prd } = await reachComment(unit, caller, id)
    const subject = commentSubject(prd.id, id)
    about(subject)
    if (comment.resolved_by !== null && comment.resolved_at !== null) {
      const { display_name: name } = (await unit.get(nameOf, { account: comment.resolved_by }))!
      const payload = resolved(id, { id: comment.resolved_by, name }, comment.resolved_at)
      if (connection) unit.after(() => connection.send(frameOf('comment-resolved', payload)))
      return payload
    }
    await unit.run(markResolved, { id, by: prd.actor_id, at: unit.now })
    const payload = resolved(id, { id: prd.actor_id, name: prd.actor_name }, unit.now)
    tellAll(parts, unit, prd.id, connection, 'comment-resolved', payload, { subject })
    await recordPrdActivity(unit, prd, 'comment_resolved')
    return payload
  })
}

const resolved = (
  comment: number,
  by: { readonly id: number; readonly name: string },
  at: number,
): Payload<'comment-resolved'> => ({
  commentId: toId('comment', comment),
  resolvedBy: { id: toId('user', by.id), name: by.name },
  resolvedAt: timestamp(at),
})

/** By whoever sees the PRD; of one that is open nobody is told. @throws not_found */
export function reopenComment(
  parts: Parts,
  caller: Caller,
  id: number,
  connection?: Connection,
): Promise<{ readonly commentId: string }> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const { comment, prd } = await reachComment(unit, caller, id)
    const subject = commentSubject(prd.id, id)
    about(subject)
    const commentId = toId('comment', id)
    if (comment.resolved_at === null) return { commentId }
    await unit.run(markOpen, { id })
    const payload = { commentId, reopenedBy: actorOf(prd), reopenedAt: timestamp(unit.now) }
    tellAll(parts, unit, prd.id, connection, 'comment-reopened', payload, { subject })
    return { commentId }
  })
}

/** With its replies, by who wrote it or manages the PRD. @throws not_found, forbidden */
export function deleteComment(
  parts: Parts,
  caller: Caller,
  id: number,
  connection?: Connection,
): Promise<{ readonly commentId: string }> {
  return perform(parts.unitOfWork, caller, async (unit) => {
    const { comment, prd } = await reachComment(unit, caller, id)
    checkDeletes(prd, comment)
    await unit.run(deleteReplies, { comment: id })
    await unit.run(deleteCommentRow, { id })
    const commentId = toId('comment', id)
    const payload = { commentId, deletedBy: actorOf(prd), deletedAt: timestamp(unit.now) }
    const effects = [{ kind: 'forget', subject: commentSubject(prd.id, id) }] as const
    tellAll(parts, unit, prd.id, connection, 'comment-deleted', payload, { effects })
    return { commentId }
  })
}

/** As `deleteComment`. @throws not_found, forbidden */
export function deleteReply(
  parts: Parts,
  caller: Caller,
  id: number,
  replyId: number,
  connection?: Connection,
): Promise<{ readonly commentId: string; readonly replyId: string }> {
  return perform(parts.unitOfWork, caller, async (unit) => {
    const { prd } = await reachComment(unit, caller, id)
    const reply = await unit.get(findReply, { comment: id, id: replyId })
    if (!reply) throw notFound('This reply')
    checkDeletes(prd, reply)
    await unit.run(deleteReplyRow, { id: replyId })
    const ids = { commentId: toId('comment', id), replyId: toId('reply', replyId) }
    const payload = { ...ids, deletedBy: actorOf(prd), deletedAt: timestamp(unit.now) }
    const effects = [{ kind: 'forget', subject: replySubject(prd.id, id, replyId) }] as const
    tellAll(parts, unit, prd.id, connection, 'reply-deleted', payload, { effects })
    return ids
  })
}

const actorOf = ({ actor_id, actor_name }: PrdAccess) => ({ id: toId('user', actor_id), name: actor_name })
