import type { Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { HelpdeskTables } from '../tables.ts'

const sql = statements<HelpdeskTables>()

export type BroadcastRow = Selectable<HelpdeskTables['helpdesk_broadcasts']>

export const insertBroadcast = sql<Omit<BroadcastRow, 'id'>>()((db, p) =>
  db.insertInto('helpdesk_broadcasts').values({
    uuid: p.uuid,
    message: p.message,
    priority: p.priority,
    sent_by: p.sent_by,
    sent_at: p.sent_at,
  }),
)
export const deleteBroadcastRow = sql<{ uuid: string }>()((db, p) =>
  db.deleteFrom('helpdesk_broadcasts').where('uuid', '=', p.uuid),
)
