import Type, { type TSchema } from 'typebox'
import { pageOf, pageQuery } from '../../../kernel/page.ts'
import { Attachment, exact, Id, Nullable, Reaction, Timestamp } from '../wire.ts'

/** An id as a client gives it: one that is not ours is simply not there. */
export const Ref = Type.String({ pattern: '^[\\w-]{1,64}$', description: 'an id' })
export const ById = Type.Object({ id: Ref })
export const PageQuery = pageQuery(Ref)
export const PageOf = (item: TSchema) => pageOf(item, Id)

/** A message as REST shows it: the document's `message.new`, and what a client that was not there needs to know. */
export const Message = Type.Object(
  {
    id: Id,
    channel_id: Id,
    user_id: Id,
    /** Empty in a deleted message that still holds a thread together. */
    content: Type.String(),
    attachments: Type.Array(Attachment),
    reactions: Type.Array(Reaction),
    created_at: Timestamp,
    /** Null until it is edited. */
    updated_at: Nullable(Timestamp),
    deleted_at: Nullable(Timestamp),
    /** The message whose thread it is in. */
    parent_message_id: Nullable(Id),
    reply_count: Type.Integer({ minimum: 0 }),
    last_reply_at: Nullable(Timestamp),
    /** Who has replied, in the order of their first replies. */
    participants: Type.Array(Id),
    pinned_at: Nullable(Timestamp),
  },
  exact,
)
