import type { Reader } from '../../../kernel/database.ts'
import { readHistory, type History, type HistoryPage } from '../../../kernel/history.ts'
import { statements } from '../../../kernel/statement.ts'
import type { MessageRow } from '../store/access.ts'
import type { WorkspaceTables } from '../tables.ts'

const sql = statements<WorkspaceTables>()

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

/** Top-level messages of a channel, in pages to either side. */
export function channelHistory(reader: Reader, channelId: number, page: History): Promise<HistoryPage<MessageRow>> {
  return history(reader, page, channelId, channelBefore, channelAfter, (at) => at.channel_id === channelId)
}

/** Replies of a thread. */
export function threadHistory(reader: Reader, parentId: number, page: History): Promise<HistoryPage<MessageRow>> {
  return history(reader, page, parentId, threadBefore, threadAfter, (at) => at.parent_id === parentId)
}

const history = (
  reader: Reader,
  page: History,
  of: number,
  older: typeof channelBefore,
  newer: typeof channelAfter,
  belongs: (at: { channel_id: number; parent_id: number | null }) => boolean,
): Promise<HistoryPage<MessageRow>> =>
  readHistory(page, {
    async place(uuid) {
      const at = await reader.get(idOf, { uuid })
      return at && belongs(at) ? at.id : undefined
    },
    older: (from, limit) => reader.all(older, { of, from, limit }),
    newer: (from, limit) => reader.all(newer, { of, from, limit }),
  })
