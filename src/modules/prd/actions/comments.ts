import { perform, type Caller } from '../../../kernel/action.ts'
import type { Connection } from '../../../kernel/connection.ts'
import { conflict, invalid } from '../../../kernel/errors.ts'
import { eventLog } from '../../../kernel/event-log.ts'
import { paged } from '../../../kernel/page.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { formatPosition } from '../../../wire/position.ts'
import { anchor, fromTold, locate, standings, type Pointed, type Standing } from '../document/anchors.ts'
import type { LiveDocument } from '../document/document.ts'
import { commentSubject, emit, replySubject, type Extra, type LoggedPayloads } from '../events.ts'
import { toId } from '../ids.ts'
import {
  readComment,
  readComments,
  showComments,
  type Comment,
  type CommentFilter,
  type CommentWithNames,
} from '../lists/comments.ts'
import { joinedRoom } from '../rooms.ts'
import { countComments, countReplies, insertComment, insertReply, saveAnchors } from '../store/comments.ts'
import { frame, timestamp, type Payload } from '../wire.ts'
import { tellOfComment, tellOfReply } from './mentioning.ts'
import { reachComment, reachPrd, type Parts } from './parts.ts'
import { recordPrdActivity } from './telling.ts'
import { checkText } from './texts.ts'

/** Section 6: comments keep to the text they are about while it is being edited. */

export interface NewComment extends Pointed {
  readonly content: string
}

/**
 * Section 6.1, by whoever sees the PRD: to everybody who has joined it, and to the connection that asks.
 * @param connection nothing over REST
 * @throws not_found, invalid; conflict past the limit
 */
export function addComment(
  parts: Parts,
  caller: Caller,
  id: number,
  input: NewComment,
  connection?: Connection,
): Promise<Payload<'comment-added'>> {
  const { content } = input
  checkContent(parts, content)
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const prd = await reachPrd(unit, caller, id)
    const { count } = (await unit.get(countComments, { prd: id }))!
    const most = parts.settings.comments
    if (Number(count) >= most) throw conflict(`A PRD has at most ${most} comments; delete some that are resolved`)
    const document = await parts.documents.open(unit, id)
    const told = parts.live.presences.toldOf(id) ?? document.seq
    const standing = locate(document, fromTold(document, told, input))
    const { id: row } = (await unit.get(insertComment, {
      prd_id: id,
      account_id: prd.actor_id,
      content,
      ...anchor(document, standing),
      created_at: unit.now,
    }))!
    const subject = commentSubject(id, row)
    about(subject)
    const payload: Payload<'comment-added'> = {
      commentId: toId('comment', row),
      prdId: toId('prd', id),
      author: { id: toId('user', prd.actor_id), name: prd.actor_name, avatar: null },
      position: standing.position,
      content,
      selection: standing.selection,
      createdAt: timestamp(unit.now),
    }
    tellAll(parts, unit, id, connection, 'comment-added', payload, { subject })
    await recordPrdActivity(unit, prd, 'comment_added')
    await tellOfComment(unit, prd, row, content)
    return payload
  })
}

/** Section 6.2, as `addComment`. @throws not_found, invalid; conflict past the limit */
export function replyToComment(
  parts: Parts,
  caller: Caller,
  id: number,
  content: string,
  connection?: Connection,
): Promise<Payload<'comment-replied'>> {
  checkContent(parts, content)
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const { comment, prd } = await reachComment(unit, caller, id)
    const { count } = (await unit.get(countReplies, { comment: id }))!
    const most = parts.settings.comments
    if (Number(count) >= most) throw conflict(`A comment has at most ${most} replies; add another comment`)
    const { id: row } = (await unit.get(insertReply, {
      comment_id: id,
      account_id: prd.actor_id,
      content,
      created_at: unit.now,
    }))!
    const subject = replySubject(prd.id, id, row)
    about(subject)
    const author = { id: toId('user', prd.actor_id), name: prd.actor_name }
    const payload: Payload<'comment-replied'> = {
      commentId: toId('comment', id),
      reply: { id: toId('reply', row), author, content, createdAt: timestamp(unit.now) },
    }
    tellAll(parts, unit, prd.id, connection, 'comment-replied', payload, { subject })
    await tellOfReply(unit, prd, comment, row, content)
    return payload
  })
}

/** Who has joined is told with the others, who has not is told on the connection that asked. */
export function tellAll<N extends keyof LoggedPayloads>(
  { live }: Pick<Parts, 'live'>,
  unit: Unit,
  prd: number,
  connection: Connection | undefined,
  name: N,
  payload: LoggedPayloads[N],
  extra: Extra,
): void {
  emit(unit, name, payload, { to: [joinedRoom(prd)] }, extra)
  if (!connection) return
  unit.after(() => {
    if (!live.of(connection, prd)) connection.send(frame(name, JSON.stringify(payload)))
  })
}

/** Newest first, each where it stands now. In a unit, since what has come back is anchored anew. @throws not_found */
export function listComments(
  { unitOfWork, documents }: Pick<Parts, 'unitOfWork' | 'documents'>,
  caller: Caller,
  id: number,
  filter: CommentFilter,
): Promise<{ items: readonly Comment[]; nextBefore: string | null; position: string }> {
  return unitOfWork.run(async (unit) => {
    await reachPrd(unit, caller, id)
    const position = formatPosition(await eventLog.head(unit))
    const document = await documents.open(unit, id)
    const { rows, next } = paged(await readComments(unit, id, filter), filter.limit, (row) => row.id)
    const items = await showComments(unit, await standingsNow(unit, document, rows))
    return { items, nextBefore: next === undefined ? null : toId('comment', next), position }
  })
}

/** One of them, as `listComments`. @throws not_found */
export function getComment(
  { unitOfWork, documents }: Pick<Parts, 'unitOfWork' | 'documents'>,
  caller: Caller,
  id: number,
): Promise<{ readonly comment: Comment; readonly position: string }> {
  return unitOfWork.run(async (unit) => {
    const { prd } = await reachComment(unit, caller, id)
    const position = formatPosition(await eventLog.head(unit))
    const document = await documents.open(unit, prd.id)
    const standing = await standingsNow(unit, document, [(await readComment(unit, id))!])
    return { comment: (await showComments(unit, standing))[0]!, position }
  })
}

async function standingsNow(
  unit: Unit,
  document: LiveDocument,
  rows: readonly CommentWithNames[],
): Promise<ReadonlyMap<CommentWithNames, Standing>> {
  const again: [CommentWithNames, Standing][] = []
  const found = standings(document, rows, (row, standing) => again.push([row, standing]))
  for (const [{ id, occurrences }, standing] of again) {
    const { anchor: place, start_anchor, end_anchor } = anchor(document, standing)
    await unit.run(saveAnchors, { id, anchor: place, start_anchor, end_anchor, occurrences })
  }
  return found
}

function checkContent({ settings }: Pick<Parts, 'settings'>, content: string): void {
  const most = settings.commentCharacters
  if (content.trim() === '') throw invalid({ content: 'must not be empty' })
  checkText('content', content)
  // Cheap first: no text has more code points than units.
  if (content.length > most && [...content].length > most) {
    throw invalid({ content: `must have at most ${most} characters` })
  }
}
