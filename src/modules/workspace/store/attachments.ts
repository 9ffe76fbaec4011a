import type { Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { WorkspaceTables } from '../tables.ts'

const sql = statements<WorkspaceTables>()

export type AttachmentRow = Selectable<WorkspaceTables['workspace_attachments']>

export const insertAttachment = sql<Omit<AttachmentRow, 'id' | 'message_id' | 'place'>>()((db, p) =>
  db
    .insertInto('workspace_attachments')
    .values({
      uuid: p.uuid,
      workspace_id: p.workspace_id,
      uploaded_by: p.uploaded_by,
      message_id: null,
      place: 0,
      name: p.name,
      mime_type: p.mime_type,
      size: p.size,
      width: p.width,
      height: p.height,
      created_at: p.created_at,
    })
    .returningAll(),
)
export const findAttachment = sql<{ uuid: string }>()((db, p) =>
  db
    .selectFrom('workspace_attachments as f')
    .innerJoin('workspace_workspaces as w', 'w.id', 'f.workspace_id')
    .leftJoin('workspace_messages as t', 't.id', 'f.message_id')
    .selectAll('f')
    .select(['w.uuid as workspace', 't.uuid as message'])
    .where('f.uuid', '=', p.uuid),
)
export const countUnsent = sql<{ by: number }>()((db, p) =>
  db
    .selectFrom('workspace_attachments')
    .select((e) => e.fn.countAll<number | string>().as('count'))
    .where('uploaded_by', '=', p.by)
    .where('message_id', 'is', null),
)
export const storedBytes = sql<{ workspace: number }>()((db, p) =>
  db
    .selectFrom('workspace_attachments')
    .select((e) => e.fn.sum<number | string | null>('size').as('bytes'))
    .where('workspace_id', '=', p.workspace),
)
export const deleteUnsent = sql<{ uuid: string }>()((db, p) =>
  db.deleteFrom('workspace_attachments').where('uuid', '=', p.uuid).where('message_id', 'is', null),
)
