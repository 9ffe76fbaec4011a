import Type, { type TSchema } from 'typebox'
import { historyOf } from '../../../kernel/history.ts'
import { pageOf, pageQuery } from '../../../kernel/page.ts'
import { exact, Id, Message, Nullable, payloads, Timestamp } from '../wire.ts'

/** An id as a client gives it: one that is not ours is simply not there. */
export const Ref = Type.String({ pattern: '^[\\w-]{1,64}$', description: 'an id' })
export const ById = Type.Object({ id: Ref })
export const ByUser = Type.Object({ user_id: Ref })
export const PageQuery = pageQuery(Ref)
export const PageOf = (item: TSchema) => pageOf(item, Type.String())

/** Somebody, as everybody is shown them who sees them at all. */
const Known = { user_id: Id, username: Type.String(), display_name: Type.String() }

export const Profile = Type.Object(
  { ...Known, bio: Type.String(), avatar_url: Nullable(Type.String()), created_at: Timestamp },
  exact,
)
/** One's own: what it was made with, to be given again with what is to change. */
export const OwnProfile = Type.Object(
  { ...Profile.properties, avatar_photo_id: Nullable(Id), hidden: Type.Boolean() },
  exact,
)
export const Block = Type.Object({ ...Known, blocked_at: Timestamp }, exact)

export const Liked = Type.Object({ matched: Type.Boolean(), conversation_id: Nullable(Id) }, exact)

/** Personal data in messages is shown while both are true. */
export const Sharing = Type.Object({ me: Type.Boolean(), partner: Type.Boolean() }, exact)

export const Conversation = Type.Object(
  {
    id: Id,
    partner: Type.Object(
      {
        id: Id,
        username: Type.String(),
        display_name: Type.String(),
        avatar_url: Nullable(Type.String()),
        online: Type.Boolean(),
      },
      exact,
    ),
    last_message: Type.Union([payloads['conversation:unread'].properties.last_message, Type.Null()]),
    unread_count: Type.Integer({ minimum: 0 }),
    shares_personal_data: Sharing,
    created_at: Timestamp,
  },
  exact,
)

/** A message as REST shows it: the document's, and what has become of it. */
export const HistoryMessage = Type.Object(
  { ...Message.properties, delivered_at: Nullable(Timestamp), viewed_at: Nullable(Timestamp) },
  exact,
)

export const History = historyOf(HistoryMessage, Id)
