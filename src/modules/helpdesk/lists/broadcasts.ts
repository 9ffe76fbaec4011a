import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import type { HelpdeskTables } from '../tables.ts'
import { timestamp, type Payload } from '../wire.ts'

/** What was sent to everybody, newest first; cursors are the numbers of the rows. */
export async function listBroadcasts(reader: Reader, { limit, before }: Page<number>) {
  let query = builder<HelpdeskTables>(reader.dialect)
    .selectFrom('helpdesk_broadcasts as b')
    .innerJoin('accounts as a', 'a.id', 'b.sent_by')
    .selectAll('b')
    .select('a.display_name as from')
    .orderBy('b.id', 'desc')
    .limit(limit + 1)
  if (before !== undefined) query = query.where('b.id', '<', before)
  return paged(await reader.query(query.compile()), limit, ({ id }) => id)
}

type RowOf<L> = L extends Listed<infer R, number> ? R : never
export type ListedBroadcast = RowOf<Awaited<ReturnType<typeof listBroadcasts>>>

/** As everybody was told it. */
export const showBroadcast = (row: ListedBroadcast): Payload<'system_broadcast_received'> => ({
  message: row.message,
  priority: row.priority,
  from: row.from,
  broadcastAt: timestamp(row.sent_at),
  broadcastId: row.uuid,
})
