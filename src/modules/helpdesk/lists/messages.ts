import type { Reader } from '../../../kernel/database.ts'
import { readHistory, type History, type HistoryPage } from '../../../kernel/history.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { matches, searchWords } from '../../../kernel/search.ts'
import { builder, statements } from '../../../kernel/statement.ts'
import type { Person } from '../policy.ts'
import type { MessageRow } from '../store/access.ts'
import type { HelpdeskTables } from '../tables.ts'
import { seenBy } from './channels.ts'

const sql = statements<HelpdeskTables>()

interface Range {
  channel: number
  from: number
  limit: number
}

const older = sql<Range>()((db, p) =>
  db
    .selectFrom('helpdesk_messages')
    .selectAll()
    .where('channel_id', '=', p.channel)
    .where('id', '<', p.from)
    .orderBy('id', 'desc')
    .limit(p.limit),
)
const newer = sql<Range>()((db, p) =>
  db
    .selectFrom('helpdesk_messages')
    .selectAll()
    .where('channel_id', '=', p.channel)
    .where('id', '>', p.from)
    .orderBy('id')
    .limit(p.limit),
)

/** Messages of a channel, in pages to either side of any number: ids are in the order of the messages. */
export const channelHistory = (
  reader: Reader,
  channel: number,
  page: History<number>,
): Promise<HistoryPage<MessageRow>> =>
  readHistory(page, {
    place: (id) => Promise.resolve(id),
    older: (from, limit) => reader.all(older, { channel, from, limit }),
    newer: (from, limit) => reader.all(newer, { channel, from, limit }),
  })

export interface Search extends Page<number> {
  readonly q: string
  /** One that is not there, or hidden, has nothing in it. */
  readonly channelId?: number | undefined
}

const TABLE = 'helpdesk_messages'

/** Messages with every word of `q`, in the channels that the person sees now. */
export async function searchMessages(
  reader: Reader,
  person: Person,
  { q, channelId, limit, before }: Search,
): Promise<Listed<MessageRow, number>> {
  const words = searchWords(q)
  if (words.length === 0) return { rows: [], next: undefined }
  let query = builder<HelpdeskTables>(reader.dialect)
    .selectFrom(TABLE)
    .selectAll(TABLE)
    .where(matches(reader.dialect, TABLE, words))
    .where(`${TABLE}.channel_id`, 'in', seenBy(reader, person))
    .orderBy(`${TABLE}.id`, 'desc')
    .limit(limit + 1)
  if (channelId !== undefined) query = query.where(`${TABLE}.channel_id`, '=', channelId)
  if (before !== undefined) query = query.where(`${TABLE}.id`, '<', before)
  return paged(await reader.query(query.compile()), limit, ({ id }) => id)
}
