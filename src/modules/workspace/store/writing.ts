import { statements } from '../../../kernel/statement.ts'
import type { WorkspaceTables } from '../tables.ts'

const sql = statements<WorkspaceTables>()

export interface NewMessage {
  uuid: string
  channel_id: number
  user_id: number
  parent_id: number | null
  content: string
  created_at: number
}

export const insertMessage = sql<NewMessage>()((db, p) =>
  db
    .insertInto('workspace_messages')
    .values({
      uuid: p.uuid,
      channel_id: p.channel_id,
      user_id: p.user_id,
      parent_id: p.parent_id,
      content: p.content,
      created_at: p.created_at,
      edited_at: null,
      deleted_at: null,
      pinned_at: null,
      pinned_by: null,
      reply_count: 0,
      last_reply_at: null,
    })
    .returningAll(),
)
export const updateContent = sql<{ id: number; content: string; at: number }>()((db, p) =>
  db
    .updateTable('workspace_messages')
    .set({ content: p.content, edited_at: p.at })
    .where('id', '=', p.id)
    .returningAll(),
)
/** The row stays, empty. */
export const emptyMessage = sql<{ id: number; at: number }>()((db, p) =>
  db
    .updateTable('workspace_messages')
    .set({ content: '', deleted_at: p.at, pinned_at: null, pinned_by: null })
    .where('id', '=', p.id),
)
/** What a thread is, counted from its replies: a counter that is moved up and down drifts. */
export const recountThread = sql<{ id: number }>()((db, p) =>
  db
    .updateTable('workspace_messages')
    .set((e) => ({
      reply_count: e
        .selectFrom('workspace_messages as r')
        .select((f) => f.fn.countAll<number>().as('n'))
        .where('r.parent_id', '=', p.id)
        .where('r.deleted_at', 'is', null),
      last_reply_at: e
        .selectFrom('workspace_messages as r')
        .select((f) => f.fn.max('r.created_at').as('last'))
        .where('r.parent_id', '=', p.id)
        .where('r.deleted_at', 'is', null),
    }))
    .where('id', '=', p.id)
    .returning(['uuid', 'reply_count', 'last_reply_at']),
)
export const findParent = sql<{ id: number }>()((db, p) =>
  db.selectFrom('workspace_messages').selectAll().where('id', '=', p.id),
)

export const deleteMentions = sql<{ message: number }>()((db, p) =>
  db.deleteFrom('workspace_mentions').where('message_id', '=', p.message),
)
export const insertMention = sql<{ message_id: number; channel_id: number; user_id: number }>()((db, p) =>
  db
    .insertInto('workspace_mentions')
    .values({ message_id: p.message_id, channel_id: p.channel_id, user_id: p.user_id })
    .onConflict((c) => c.columns(['message_id', 'user_id']).doNothing()),
)
export const memberIds = sql<{ channel: number }>()((db, p) =>
  db.selectFrom('workspace_channel_members').select('user_id').where('channel_id', '=', p.channel),
)

/**
 * Whoever takes part in a thread follows it, unless they have said that they do not want to.
 * `read`: up to where they have read it, if not further already.
 */
export const followThread = sql<{ message_id: number; user_id: number; read: number }>()((db, p) =>
  db
    .insertInto('workspace_follows')
    .values({ message_id: p.message_id, user_id: p.user_id, following: 1, last_read_id: p.read })
    .onConflict((c) =>
      c
        .columns(['message_id', 'user_id'])
        .doUpdateSet((e) => ({
          last_read_id: e
            .case()
            .when('workspace_follows.last_read_id', '<', p.read)
            .then(p.read)
            .else(e.ref('workspace_follows.last_read_id'))
            .end(),
        }))
        .where('workspace_follows.following', '=', 1),
    ),
)

export const attachUpload = sql<{ uuid: string; workspace: number; by: number; message: number; place: number }>()((db, p) =>
  db
    .updateTable('workspace_attachments')
    .set({ message_id: p.message, place: p.place })
    .where('uuid', '=', p.uuid)
    .where('workspace_id', '=', p.workspace)
    .where('uploaded_by', '=', p.by)
    .where('message_id', 'is', null)
    .returningAll(),
)
export const attachmentsOf = sql<{ message: number }>()((db, p) =>
  db.selectFrom('workspace_attachments').selectAll().where('message_id', '=', p.message).orderBy('place'),
)
export const deleteAttachmentsOf = sql<{ message: number }>()((db, p) =>
  db.deleteFrom('workspace_attachments').where('message_id', '=', p.message),
)

export const insertReaction = sql<{ message_id: number; user_id: number; emoji: string; at: number }>()((db, p) =>
  db
    .insertInto('workspace_reactions')
    .values({ message_id: p.message_id, user_id: p.user_id, emoji: p.emoji, created_at: p.at })
    .onConflict((c) => c.columns(['message_id', 'user_id', 'emoji']).doNothing()),
)
export const deleteReaction = sql<{ message_id: number; user_id: number; emoji: string }>()((db, p) =>
  db
    .deleteFrom('workspace_reactions')
    .where('message_id', '=', p.message_id)
    .where('user_id', '=', p.user_id)
    .where('emoji', '=', p.emoji),
)
export const deleteReactionsOf = sql<{ message: number }>()((db, p) =>
  db.deleteFrom('workspace_reactions').where('message_id', '=', p.message),
)
/** How many of each emoji a message has; at most as many rows as it may have emoji. */
export const reactionCounts = sql<{ message: number }>()((db, p) =>
  db
    .selectFrom('workspace_reactions')
    .select((e) => ['emoji', e.fn.countAll<number | string>().as('count')])
    .where('message_id', '=', p.message)
    .groupBy('emoji'),
)
