import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import type { Selection, Standing } from '../document/anchors.ts'
import { toId } from '../ids.ts'
import type { PrdTables } from '../tables.ts'
import { timestamp } from '../wire.ts'

/** Replies that are shown with a comment: the last ones. */
export const SHOWN_REPLIES = 20

interface Person {
  readonly id: string
  readonly name: string
}

/** What routes/comments.ts describes. */
export interface Reply {
  readonly id: string
  readonly author: Person
  readonly content: string
  readonly createdAt: string
}

/** What routes/comments.ts describes. */
export interface Comment {
  readonly id: string
  readonly prdId: string
  readonly author: Person & { readonly avatar: null }
  readonly position: number
  readonly content: string
  readonly selection: Selection | null
  readonly quote: string | null
  readonly orphaned: boolean
  readonly resolved: boolean
  readonly resolvedBy: Person | null
  readonly resolvedAt: string | null
  readonly replies: readonly Reply[]
  readonly replyCount: number
  readonly createdAt: string
}

export interface CommentFilter extends Page<number> {
  readonly resolved?: boolean | undefined
}

/** Of one PRD, newest first; one more than the page, to be given to `paged`. */
export async function readComments(
  reader: Reader,
  prd: number,
  { limit, before, resolved }: CommentFilter,
): Promise<CommentWithNames[]> {
  let query = withNames(reader).where('c.prd_id', '=', prd).orderBy('c.id', 'desc').limit(limit + 1)
  if (before !== undefined) query = query.where('c.id', '<', before)
  if (resolved === true) query = query.where('c.resolved_at', 'is not', null)
  if (resolved === false) query = query.where('c.resolved_at', 'is', null)
  return reader.query(query.compile())
}

export async function readComment(reader: Reader, id: number): Promise<CommentWithNames | undefined> {
  return (await reader.query(withNames(reader).where('c.id', '=', id).compile()))[0]
}

const withNames = ({ dialect }: Reader) =>
  builder<PrdTables>(dialect)
    .selectFrom('prd_comments as c')
    .innerJoin('accounts as a', 'a.id', 'c.account_id')
    .leftJoin('accounts as r', 'r.id', 'c.resolved_by')
    .selectAll('c')
    .select(['a.display_name as author_name', 'r.display_name as resolver_name'])

export type CommentWithNames = Awaited<ReturnType<ReturnType<typeof withNames>['execute']>>[number]

/** As they are shown: each with where it stands and its last replies. */
export async function showComments(
  reader: Reader,
  standings: ReadonlyMap<CommentWithNames, Standing>,
): Promise<Comment[]> {
  const replies = await lastReplies(reader, [...standings.keys()].map(({ id }) => id))
  return [...standings].map(([row, { position, selection, isOrphaned }]) => {
    const { items, count } = replies.get(row.id) ?? { items: [], count: 0 }
    return {
      id: toId('comment', row.id),
      prdId: toId('prd', row.prd_id),
      author: { ...person(row.account_id, row.author_name), avatar: null },
      position,
      content: row.content,
      selection,
      quote: row.selected_text,
      orphaned: isOrphaned,
      resolved: row.resolved_at !== null,
      resolvedBy: row.resolved_by === null ? null : person(row.resolved_by, row.resolver_name ?? ''),
      resolvedAt: row.resolved_at === null ? null : timestamp(row.resolved_at),
      replies: items,
      replyCount: count,
      createdAt: timestamp(row.created_at),
    }
  })
}

/** Of one comment, newest first. */
export async function listReplies(
  reader: Reader,
  comment: number,
  { limit, before }: Page<number>,
): Promise<Listed<Reply, string>> {
  let query = builder<PrdTables>(reader.dialect)
    .selectFrom('prd_replies as r')
    .innerJoin('accounts as a', 'a.id', 'r.account_id')
    .selectAll('r')
    .select('a.display_name as author_name')
    .where('r.comment_id', '=', comment)
    .orderBy('r.id', 'desc')
    .limit(limit + 1)
  if (before !== undefined) query = query.where('r.id', '<', before)
  return paged((await reader.query(query.compile())).map(showReply), limit, ({ id }) => id)
}

interface Thread {
  readonly items: Reply[]
  /** Of all. */
  readonly count: number
}

/** The oldest of those shown first, by comment; what has no replies is not there. */
async function lastReplies(reader: Reader, comments: readonly number[]): Promise<ReadonlyMap<number, Thread>> {
  const threads = new Map<number, Thread>()
  if (comments.length === 0) return threads
  const ranked = builder<PrdTables>(reader.dialect)
    .selectFrom('prd_replies')
    .selectAll()
    .select((e) => [
      e.fn.agg<number>('row_number').over((o) => o.partitionBy('comment_id').orderBy('id', 'desc')).as('rank'),
      e.fn.countAll().over((o) => o.partitionBy('comment_id')).as('count'),
    ])
    .where('comment_id', 'in', comments)
  const rows = await reader.query(
    builder<PrdTables>(reader.dialect)
      .selectFrom(ranked.as('r'))
      .innerJoin('accounts as a', 'a.id', 'r.account_id')
      .selectAll('r')
      .select('a.display_name as author_name')
      .where('r.rank', '<=', SHOWN_REPLIES)
      .orderBy('r.id')
      .compile(),
  )
  for (const row of rows) {
    const thread = threads.get(row.comment_id) ?? { items: [], count: Number(row.count) }
    threads.set(row.comment_id, thread)
    thread.items.push(showReply(row))
  }
  return threads
}

type ReplyWithName = PrdTables['prd_replies'] & { readonly author_name: string }

function showReply(row: Omit<ReplyWithName, 'id'> & { readonly id: number }): Reply {
  const { id, account_id, author_name, content, created_at } = row
  return { id: toId('reply', id), author: person(account_id, author_name), content, createdAt: timestamp(created_at) }
}

const person = (id: number, name: string): Person => ({ id: toId('user', id), name })
