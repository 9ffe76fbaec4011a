import type { Reader } from '../../../kernel/database.ts'
import { momentCursor, readMoment } from '../../../kernel/moment.ts'
import { paged, type Listed } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import type { WorkspaceAccess } from '../store/access.ts'
import { showMessages, type Message } from '../store/messages.ts'
import { unreadReplies } from '../store/reading.ts'
import type { WorkspaceTables } from '../tables.ts'
import { timestamp } from '../wire.ts'
import type { Page } from './mentions.ts'

export interface Thread {
  /** Empty text when it is deleted: the replies of others hold the thread. */
  parent: Message
  unread_replies: number
  last_reply_at: string
  participants: string[]
}

/** Threads with replies that a person follows, in what they see now; the last that was written in first. */
export async function listThreads(
  reader: Reader,
  { id: workspace, actor_id: actor, role }: WorkspaceAccess,
  { limit, before }: Page,
): Promise<Listed<Thread, string>> {
  const db = builder<WorkspaceTables>(reader.dialect)
  const own = db.selectFrom('workspace_channel_members').select('channel_id').where('user_id', '=', actor)
  let query = db
    .selectFrom('workspace_follows as f')
    .innerJoin('workspace_messages as p', 'p.id', 'f.message_id')
    .innerJoin('workspace_channels as c', 'c.id', 'p.channel_id')
    .selectAll('p')
    .where('f.user_id', '=', actor)
    .where('f.following', '=', 1)
    .where('p.reply_count', '>', 0)
    .where('c.workspace_id', '=', workspace)
    .where((e) => (role === 'guest' ? e('c.id', 'in', own) : e.or([e('c.type', '=', 'public'), e('c.id', 'in', own)])))
  if (before !== undefined) {
    const { at, uuid } = readMoment(before)
    query = query.where((e) =>
      e.or([e('p.last_reply_at', '<', at), e.and([e('p.last_reply_at', '=', at), e('p.uuid', '<', uuid)])]),
    )
  }
  query = query.orderBy('p.last_reply_at', 'desc').orderBy('p.uuid', 'desc').limit(limit + 1)
  const cursor = ({ last_reply_at, uuid }: { last_reply_at: number | null; uuid: string }) =>
    momentCursor({ at: last_reply_at!, uuid })
  const { rows, next } = paged(await reader.query(query.compile()), limit, cursor)
  const unread = await unreadOf(
    reader,
    actor,
    rows.map((row) => row.id),
  )
  const parents = await showMessages(reader, rows)
  const threads = rows.map(({ id, last_reply_at }, i): Thread => {
    const parent = parents[i]!
    const { participants } = parent
    return { parent, unread_replies: unread.get(id) ?? 0, last_reply_at: timestamp(last_reply_at!), participants }
  })
  return { rows: threads, next }
}

/** Counted for what is shown, not for all that is sorted. */
async function unreadOf(reader: Reader, actor: number, roots: readonly number[]): Promise<Map<number, number>> {
  if (roots.length === 0) return new Map()
  const rows = await reader.query(
    builder<WorkspaceTables>(reader.dialect)
      .selectFrom('workspace_follows as f')
      .select('f.message_id')
      .select((e) => unreadReplies(e).as('unread'))
      .where('f.user_id', '=', actor)
      .where('f.message_id', 'in', roots)
      .compile(),
  )
  return new Map(rows.map((row) => [row.message_id, row.unread ?? 0]))
}
