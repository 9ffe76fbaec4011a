import { callsIn } from '../../../kernel/mentions.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { toId } from '../ids.ts'
import { announce } from '../mattermost/announcing.ts'
import type { CommentRow, PrdAccess } from '../store/access.ts'
import { repliersOf, seersAmong } from '../store/comments.ts'
import { notify, type Told } from './telling.ts'

/** Whom a comment or a reply is told to, each once: who is called by name, else who it concerns. */

/** Names of one text that are looked up, and people of it who are told; what comes after them calls nobody. */
const NAMES = 100
const MENTIONED = 20
/** Of those who replied to a comment, the last ones are told of another reply. */
const REPLIERS = 100

/** Told to who owns the PRD. */
export function tellOfComment(unit: Unit, prd: PrdAccess, comment: number, content: string): Promise<void> {
  const message = `${prd.actor_name} commented on your PRD "${prd.title}"`
  const data = dataOf(prd, comment)
  const told: Told = { type: 'comment_added', title: 'New Comment', message, data, prd: prd.id }
  return tell(unit, prd, content, [prd.owner_id], told, { comment })
}

/** Told to who wrote the comment and who has replied to it. */
export async function tellOfReply(
  unit: Unit,
  prd: PrdAccess,
  { id, account_id: author }: CommentRow,
  reply: number,
  content: string,
): Promise<void> {
  const repliers = await unit.all(repliersOf, { comment: id, limit: REPLIERS })
  const message = `${prd.actor_name} replied to a comment on "${prd.title}"`
  const data = { ...dataOf(prd, id), replyId: toId('reply', reply) }
  const told: Told = { type: 'comment_reply', title: 'New Reply', message, data, prd: prd.id }
  await tell(unit, prd, content, [author, ...repliers.map(({ account_id }) => account_id)], told, { reply })
}

async function tell(
  unit: Unit,
  prd: PrdAccess,
  content: string,
  concerned: readonly number[],
  told: Told,
  on: { readonly comment: number } | { readonly reply: number },
): Promise<void> {
  const names = [...new Set(callsIn(content).flat())].slice(0, NAMES)
  const ids = concerned.filter((id) => id !== prd.actor_id)
  if (names.length === 0 && ids.length === 0) return
  const seers = (await unit.query(seersAmong(unit.dialect, prd.id, { names, ids }))).filter(
    ({ id }) => id !== prd.actor_id,
  )
  const mentioned = names
    .flatMap((name) => seers.find(({ username_key }) => username_key === name)?.id ?? [])
    .slice(0, MENTIONED)
  const message = `${prd.actor_name} mentioned you in a comment on "${prd.title}"`
  await notify(unit, mentioned, { ...told, type: 'comment_mention', title: 'You Were Mentioned', message })
  if (mentioned.length > 0) await announce(unit, prd, { type: 'comment_mention', ...on, mentioned })
  const others = seers.filter(({ id }) => ids.includes(id) && !mentioned.includes(id))
  await notify(unit, others.map(({ id }) => id), told)
}

const dataOf = (prd: PrdAccess, comment: number): Record<string, string> => ({
  prdId: toId('prd', prd.id),
  commentId: toId('comment', comment),
  author: prd.actor_name,
})
