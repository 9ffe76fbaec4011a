import type { Reader } from '../../../kernel/database.ts'
import { builder } from '../../../kernel/statement.ts'
import type { WorkspaceTables } from '../tables.ts'
import { timestamp, type Attachment, type Reaction } from '../wire.ts'
import type { MessageRow } from './access.ts'


/** What routes/shapes.ts describes. */
export interface Message {
  id: string
  channel_id: string
  user_id: string
  content: string
  attachments: Attachment[]
  reactions: Reaction[]
  created_at: string
  updated_at: string | null
  deleted_at: string | null
  parent_message_id: string | null
  reply_count: number
  last_reply_at: string | null
  participants: string[]
  pinned_at: string | null
}

export type AttachmentRow = Pick<
  WorkspaceTables['workspace_attachments'],
  'uuid' | 'name' | 'mime_type' | 'size' | 'width' | 'height'
>

export const showAttachment = (row: AttachmentRow): Attachment => ({
  id: row.uuid,
  name: row.name,
  url: `/api/attachments/${row.uuid}`,
  mime_type: row.mime_type,
  size: row.size,
  ...(row.width !== null && row.height !== null && { width: row.width, height: row.height }),
})

const orNull = (ms: number | null): string | null => (ms === null ? null : timestamp(ms))

/** Messages as REST shows them, in the order given: one query for each kind of thing that hangs on them. */
export async function showMessages(reader: Reader, rows: readonly MessageRow[]): Promise<Message[]> {
  if (rows.length === 0) return []
  const db = builder<WorkspaceTables>(reader.dialect)
  const ids = rows.map((row) => row.id)
  const heads = await reader.query(
    db
      .selectFrom('workspace_messages as t')
      .innerJoin('accounts as a', 'a.id', 't.user_id')
      .innerJoin('workspace_channels as c', 'c.id', 't.channel_id')
      .leftJoin('workspace_messages as p', 'p.id', 't.parent_id')
      .select(['t.id', 'a.uuid as user', 'c.uuid as channel', 'p.uuid as parent'])
      .where('t.id', 'in', ids)
      .compile(),
  )
  const attachments = await reader.query(
    db.selectFrom('workspace_attachments').selectAll().where('message_id', 'in', ids).orderBy('place').compile(),
  )
  const reactions = await reader.query(
    db
      .selectFrom('workspace_reactions as r')
      .innerJoin('accounts as a', 'a.id', 'r.user_id')
      .select(['r.message_id', 'r.emoji', 'a.uuid as user_id'])
      .where('r.message_id', 'in', ids)
      .orderBy('r.created_at')
      .orderBy('r.user_id')
      .orderBy('r.emoji')
      .compile(),
  )
  const parents = rows.filter((row) => row.reply_count > 0).map((row) => row.id)
  const participants =
    parents.length === 0
      ? []
      : await reader.query(
          db
            .selectFrom('workspace_messages as t')
            .innerJoin('accounts as a', 'a.id', 't.user_id')
            .select((e) => ['t.parent_id', 'a.uuid', e.fn.min('t.id').as('first')])
            .where('t.parent_id', 'in', parents)
            .where('t.deleted_at', 'is', null)
            .groupBy(['t.parent_id', 'a.uuid'])
            .orderBy('first')
            .compile(),
        )
  const headOf = new Map(heads.map((head) => [head.id, head]))
  const attachmentsOf = Map.groupBy(attachments, (row) => row.message_id)
  const reactionsOf = Map.groupBy(reactions, (row) => row.message_id)
  const participantsOf = Map.groupBy(participants, (row) => row.parent_id)
  return rows.map((row) => {
    const head = headOf.get(row.id)!
    return {
      id: row.uuid,
      channel_id: head.channel,
      user_id: head.user,
      content: row.content,
      attachments: (attachmentsOf.get(row.id) ?? []).map(showAttachment),
      reactions: (reactionsOf.get(row.id) ?? []).map(({ emoji, user_id }) => ({ emoji, user_id })),
      created_at: timestamp(row.created_at),
      updated_at: orNull(row.edited_at),
      deleted_at: orNull(row.deleted_at),
      parent_message_id: head.parent,
      reply_count: row.reply_count,
      last_reply_at: orNull(row.last_reply_at),
      participants: (participantsOf.get(row.id) ?? []).map(({ uuid }) => uuid),
      pinned_at: orNull(row.pinned_at),
    }
  })
}

