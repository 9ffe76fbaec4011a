import Type, { type Static } from 'typebox'
import { exact, Id, MessageType, Metadata, Nullable, Timestamp, UserStatus } from './wire.ts'

/** The archive of GET /api/dating/export: what the server keeps of one person in this module. An addition of ours. */

const When = Nullable(Timestamp)
const Someone = { user_id: Id, username: Nullable(Type.String({ description: 'null: the account is gone' })) }

export const ExportedMessage = Type.Object(
  {
    id: Id,
    /** The person's, the partner's, or the server's own. */
    sender_id: Id,
    type: MessageType,
    /** As it was delivered; of an encrypted message the ciphertext; '' where an uploaded photo is the message. */
    content: Type.String(),
    metadata: Metadata,
    encrypted: Type.Boolean(),
    /** In `photos`, unless it was the partner's and to be seen once, or the conversation has ended. */
    photo_id: Nullable(Id),
    created_at: Timestamp,
    delivered_at: When,
    viewed_at: When,
  },
  exact,
)
export type ExportedMessage = Static<typeof ExportedMessage>

export const ExportedPhoto = Type.Object(
  {
    id: Id,
    mine: Type.Boolean(),
    kind: Type.Enum(['photo', 'photo_ephemeral']),
    message_id: Nullable(Id),
    mime_type: Type.String(),
    /** Bytes. */
    size: Type.Integer(),
    /** Pixels. */
    width: Type.Integer(),
    height: Type.Integer(),
    created_at: Timestamp,
    opened_at: When,
    fetched_at: When,
    /** Base64; null when it was destroyed while the archive was written. */
    data: Nullable(Type.String()),
  },
  exact,
)
export type ExportedPhoto = Static<typeof ExportedPhoto>

/** What is on record and not in the archive, and why: a part of the archive itself. */
export const leftOut = [
  'Likes, blocks and reports that others have made of you: they are about them, and protect them.',
  'Photos of others that were to be seen once, and those in conversations that have ended.',
  'Who the moderators are, and what they have decided about others.',
  'Your account itself (name, e-mail address, logins), which is not of the dating service alone.',
] as const

export const DatingExport = Type.Object(
  {
    format: Type.Literal('switchboard-dating-export'),
    version: Type.Literal(1),
    exported_at: Timestamp,
    account: Type.Object({ user_id: Id, username: Type.String(), display_name: Type.String() }, exact),
    profile: Nullable(
      Type.Object(
        {
          bio: Type.String(),
          avatar_photo_id: Nullable(Id),
          status: UserStatus,
          hidden: Type.Boolean(),
          suspended_at: When,
          created_at: Timestamp,
          updated_at: Timestamp,
        },
        exact,
      ),
    ),
    likes_given: Type.Array(Type.Object({ ...Someone, created_at: Timestamp }, exact)),
    blocks_made: Type.Array(Type.Object({ ...Someone, created_at: Timestamp }, exact)),
    conversations: Type.Array(
      Type.Object(
        {
          id: Id,
          partner: Type.Object(Someone, exact),
          created_at: Timestamp,
          active_at: Timestamp,
          ended_at: When,
          /** Whether the person agrees that personal data is shown. */
          shares: Type.Boolean(),
          /** The last message they have read; null also when that one is deleted. */
          read_message_id: Nullable(Id),
          messages: Type.Array(ExportedMessage),
        },
        exact,
      ),
    ),
    photos: Type.Array(ExportedPhoto),
    reports_filed: Type.Array(
      Type.Object(
        {
          id: Id,
          ...Someone,
          conversation_id: Nullable(Id),
          reason: Type.String(),
          note: Type.String(),
          /** What was reported, and what the person has said that an encrypted message says. */
          messages: Type.Array(Type.Object({ message_id: Id, disclosed: Nullable(Type.String()) }, exact)),
          status: Type.Enum(['open', 'dismissed', 'acted']),
          created_at: Timestamp,
          resolved_at: When,
        },
        exact,
      ),
    ),
    /** What counts towards the limits of a day. */
    counted: Type.Array(
      Type.Object(
        { kind: Type.String(), at: Timestamp, client_id: Nullable(Type.String()), message_id: Nullable(Id) },
        exact,
      ),
    ),
    /** Days on which a moderator has read a report. */
    read_by_moderators: Type.Array(
      Type.Object(
        {
          date: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }),
          what: Type.Enum(['a report about you', 'a report of yours']),
        },
        exact,
      ),
    ),
    left_out: Type.Array(Type.String()),
  },
  exact,
)
export type DatingExport = Static<typeof DatingExport>
