import type { Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { HelpdeskTables } from '../tables.ts'

const sql = statements<HelpdeskTables>()

export type FileRow = Selectable<HelpdeskTables['helpdesk_files']>

export const insertFile = sql<Omit<FileRow, 'id'>>()((db, p) =>
  db
    .insertInto('helpdesk_files')
    .values({
      uuid: p.uuid,
      channel_id: p.channel_id,
      uploaded_by: p.uploaded_by,
      message_id: p.message_id,
      name: p.name,
      mime_type: p.mime_type,
      size: p.size,
      stored: p.stored,
      created_at: p.created_at,
      announced_at: p.announced_at,
    })
    .returningAll(),
)
export const findFile = sql<{ uuid: string }>()((db, p) =>
  db.selectFrom('helpdesk_files').selectAll().where('uuid', '=', p.uuid),
)
export const fileOfMessage = sql<{ message: number }>()((db, p) =>
  db.selectFrom('helpdesk_files').selectAll().where('message_id', '=', p.message).limit(1),
)
/** What somebody uploaded to a channel by a name and has not sent yet, the newest. */
export const newestUnsent = sql<{ by: number; channel: number; name: string }>()((db, p) =>
  db
    .selectFrom('helpdesk_files')
    .selectAll()
    .where('uploaded_by', '=', p.by)
    .where('channel_id', '=', p.channel)
    .where('name', '=', p.name)
    .where('message_id', 'is', null)
    .orderBy('id', 'desc')
    .limit(1),
)
export const countUnsent = sql<{ by: number }>()((db, p) =>
  db
    .selectFrom('helpdesk_files')
    .select((e) => e.fn.countAll<number>().as('count'))
    .where('uploaded_by', '=', p.by)
    .where('message_id', 'is', null),
)
export const attachFile = sql<{ id: number; message: number; at: number }>()((db, p) =>
  db.updateTable('helpdesk_files').set({ message_id: p.message, announced_at: p.at }).where('id', '=', p.id),
)
export const deleteUnsent = sql<{ uuid: string }>()((db, p) =>
  db.deleteFrom('helpdesk_files').where('uuid', '=', p.uuid).where('message_id', 'is', null),
)
export const deleteFileRow = sql<{ id: number }>()((db, p) =>
  db.deleteFrom('helpdesk_files').where('id', '=', p.id),
)
