import type { Reader } from '../../../kernel/database.ts'
import { invalid } from '../../../kernel/errors.ts'
import { statements } from '../../../kernel/statement.ts'
import type { MessageRow } from '../store/access.ts'
import type { WorkspaceTables } from '../tables.ts'

const sql = statements<WorkspaceTables>()
const ALL = 2_147_483_647

const idOf = sql<{ uuid: string }>()((db, p) =>
  db.selectFrom('workspace_messages').select(['id', 'channel_id', 'parent_id']).where('uuid', '=', p.uuid),
)

interface Range {
  of: number
  from: number
  limit: number
}

/** Deleted messages are left out, unless there is a thread under them. */
const channelBefore = sql<Range>()((db, p) =>
  db
    .selectFrom('workspace_messages')
    .selectAll()
    .where('channel_id', '=', p.of)
    .where('parent_id', 'is', null)
    .where((e) => e.or([e('deleted_at', 'is', null), e('reply_count', '>', 0)]))
    .where('id', '<', p.from)
    .orderBy('id', 'desc')
    .limit(p.limit),
)
const channelAfter = sql<Range>()((db, p) =>
  db
    .selectFrom('workspace_messages')
    .selectAll()
    .where('channel_id', '=', p.of)
    .where('parent_id', 'is', null)
    .where((e) => e.or([e('deleted_at', 'is', null), e('reply_count', '>', 0)]))
    .where('id', '>', p.from)
    .orderBy('id')
    .limit(p.limit),
)
const threadBefore = sql<Range>()((db, p) =>
  db
    .selectFrom('workspace_messages')
    .selectAll()
    .where('parent_id', '=', p.of)
    .where('deleted_at', 'is', null)
    .where('id', '<', p.from)
    .orderBy('id', 'desc')
    .limit(p.limit),
)
const threadAfter = sql<Range>()((db, p) =>
  db
    .selectFrom('workspace_messages')
    .selectAll()
    .where('parent_id', '=', p.of)
    .where('deleted_at', 'is', null)
    .where('id', '>', p.from)
    .orderBy('id')
    .limit(p.limit),
)

export interface History {
  readonly limit: number
  /** Messages older than this one; the newest of them first. */
  readonly before?: string | undefined
  /** Messages newer than this one; the oldest of them first. Not together with `before`. */
  readonly after?: string | undefined
}

export interface HistoryPage {
  /** Newest first, whichever way was read. */
  readonly rows: readonly MessageRow[]
  /** Whether there are older ones, and newer ones; undefined where that was not looked at. */
  readonly older: boolean | undefined
  readonly newer: boolean | undefined
}

/** Top-level messages of a channel, in pages to either side. */
export function channelHistory(reader: Reader, channelId: number, page: History): Promise<HistoryPage> {
  return history(reader, page, channelId, channelBefore, channelAfter, (at) => at.channel_id === channelId)
}

/** Replies of a thread. */
export function threadHistory(reader: Reader, parentId: number, page: History): Promise<HistoryPage> {
  return history(reader, page, parentId, threadBefore, threadAfter, (at) => at.parent_id === parentId)
}

async function history(
  reader: Reader,
  { limit, before, after }: History,
  of: number,
  older: typeof channelBefore,
  newer: typeof channelAfter,
  belongs: (at: { channel_id: number; parent_id: number | null }) => boolean,
): Promise<HistoryPage> {
  if (before !== undefined && after !== undefined) throw invalid({ after: 'must not come together with before' })
  const cursor = before ?? after
  const at = cursor === undefined ? undefined : await reader.get(idOf, { uuid: cursor })
  if (cursor !== undefined && (!at || !belongs(at))) {
    throw invalid({ [before === undefined ? 'after' : 'before']: 'must be the id of a message of this list' })
  }
  const range = { of, limit: limit + 1 }
  if (after === undefined) {
    const rows = await reader.all(older, { ...range, from: at?.id ?? ALL })
    return { rows: rows.slice(0, limit), older: rows.length > limit, newer: before === undefined ? false : undefined }
  }
  const rows = await reader.all(newer, { ...range, from: at!.id })
  return { rows: rows.slice(0, limit).reverse(), older: undefined, newer: rows.length > limit }
}
