import { statements } from '../../../kernel/statement.ts'
import type { DatingTables } from '../tables.ts'
import { SYSTEM_ID, timestamp, type Message, type MessageType, type Sender } from '../wire.ts'
import type { MessageRow } from './access.ts'
import type { PhotoUrls } from '../actions/parts.ts'

const sql = statements<DatingTables>()

export interface NewRow {
  uuid: string
  conversation_id: number
  sender_id: number | null
  recipient_id: number | null
  type: MessageType
  content: string
  metadata: string
  encrypted: number
  photo: string | null
  created_at: number
}

export const insertMessage = sql<NewRow>()((db, p) =>
  db
    .insertInto('dating_messages')
    .values({
      uuid: p.uuid,
      conversation_id: p.conversation_id,
      sender_id: p.sender_id,
      recipient_id: p.recipient_id,
      type: p.type,
      content: p.content,
      metadata: p.metadata,
      encrypted: p.encrypted,
      photo: p.photo,
      created_at: p.created_at,
      delivered_at: null,
      viewed_at: null,
    })
    .returningAll(),
)
export const touchConversation = sql<{ id: number; at: number }>()((db, p) =>
  db.updateTable('dating_conversations').set({ active_at: p.at }).where('id', '=', p.id),
)
export const deleteMessageRow = sql<{ id: number }>()((db, p) =>
  db.deleteFrom('dating_messages').where('id', '=', p.id),
)

/** What a person has written last in a conversation, newest first. */
export const lastWords = sql<{ conversation: number; sender: number; limit: number }>()((db, p) =>
  db
    .selectFrom('dating_messages')
    .select('content')
    .where('conversation_id', '=', p.conversation)
    .where('sender_id', '=', p.sender)
    .where('encrypted', '=', 0)
    .orderBy('id', 'desc')
    .limit(p.limit),
)

/** Messages of the other side, and of the server, that a person has not read. */
export const countUnread = sql<{ conversation: number; user: number }>()((db, p) =>
  db
    .selectFrom('dating_messages as t')
    .innerJoin('dating_participants as r', 'r.conversation_id', 't.conversation_id')
    .select((e) => e.fn.countAll<number>().as('count'))
    .where('t.conversation_id', '=', p.conversation)
    .where('r.user_id', '=', p.user)
    .whereRef('t.id', '>', 'r.read_id')
    .where((e) => e.or([e('t.sender_id', 'is', null), e('t.sender_id', '!=', p.user)])),
)

/** Every conversation with something unread, with the newest message of the other side in it. */
export const unreadOf = sql<{ user: number }>()((db, p) =>
  db
    .selectFrom('dating_participants as m')
    .innerJoin('dating_conversations as c', (j) =>
      j.onRef('c.id', '=', 'm.conversation_id').on('c.ended_at', 'is', null),
    )
    .innerJoin(
      (outer) =>
        outer
          .selectFrom('dating_messages as t')
          .innerJoin('dating_participants as r', 'r.conversation_id', 't.conversation_id')
          .select((e) => ['t.conversation_id', e.fn.countAll<number>().as('unread'), e.fn.max('t.id').as('last')])
          .where('r.user_id', '=', p.user)
          .whereRef('t.id', '>', 'r.read_id')
          .where((w) => w.or([w('t.sender_id', 'is', null), w('t.sender_id', '!=', p.user)]))
          .groupBy('t.conversation_id')
          .as('u'),
      (j) => j.onRef('u.conversation_id', '=', 'm.conversation_id'),
    )
    .innerJoin('dating_messages as n', 'n.id', 'u.last')
    .leftJoin('accounts as s', 's.id', 'n.sender_id')
    .selectAll('n')
    .select(['c.uuid as conversation', 's.uuid as sender', 'u.unread'])
    .where('m.user_id', '=', p.user)
    .orderBy('c.active_at', 'desc')
    .orderBy('c.id', 'desc'),
)

/** An upload that its owner may still send: a profile's picture must outlive messages. */
export const findUnsentPhoto = sql<{ uuid: string; owner: number }>()((db, p) =>
  db
    .selectFrom('dating_photos')
    .selectAll()
    .where('uuid', '=', p.uuid)
    .where('owner_id', '=', p.owner)
    .where('message_id', 'is', null)
    .where((e) =>
      e.not(e.exists(e.selectFrom('dating_profiles as f').select('f.user_id').where('f.avatar', '=', p.uuid))),
    ),
)
export const attachPhoto = sql<{ uuid: string; message: number }>()((db, p) =>
  db.updateTable('dating_photos').set({ message_id: p.message }).where('uuid', '=', p.uuid),
)

const ownPhoto = /^\/api\/dating\/photos\/([\w-]{1,64})(?:[/?].*)?$/

/** The upload a photo message is made of, when its content is an address of ours. */
export const photoIn = (content: string): string | undefined => ownPhoto.exec(content)?.[1]

/** What stands as the content: of an upload of ours an address that works for a while, of an ephemeral one the door. */
export function contentOf(row: MessageRow, urls: PhotoUrls, now: number): string {
  if (row.photo === null) return row.content
  return row.type === 'photo_ephemeral' ? `/api/dating/messages/${row.uuid}/open` : urls.file(row.photo, now)
}

/** A row as the document shows a message. @param sender uuid @param isRead as the reader of it sees it */
export function showMessage(
  row: MessageRow,
  conversation: string,
  sender: string | null,
  urls: PhotoUrls,
  now: number,
  isRead = row.viewed_at !== null,
): Message {
  return {
    id: row.uuid,
    conversation_id: conversation,
    sender_id: sender ?? SYSTEM_ID,
    content: contentOf(row, urls, now),
    type: row.type,
    created_at: timestamp(row.created_at),
    updated_at: timestamp(row.created_at),
    is_read: isRead,
    metadata: JSON.parse(row.metadata) as Record<string, unknown>,
  }
}

export const systemSender: Sender = { id: SYSTEM_ID, username: 'system', avatar_url: null }
