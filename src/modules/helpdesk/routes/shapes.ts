import Type, { type TSchema } from 'typebox'
import { camelPageOf, pageQuery } from '../../../kernel/page.ts'
import { ticketPriorities, ticketStatuses, visibilities } from '../tables.ts'
import { exact, Id, Nullable, payloads, Role, Timestamp } from '../wire.ts'

/** An id as a client gives it: no higher than the databases can number. */
export const Ref = Id
export const ById = Type.Object({ id: Ref })
export const PageQuery = pageQuery(Ref)
export const PageOf = (item: TSchema) => camelPageOf(item, Id)

const Count = Type.Integer({ minimum: 0 })

export const Visibility = Type.Enum([...visibilities], {
  description: 'public: everybody with chat.access; internal: agents and admins; private: its members and admins',
})

const UnreadCount = Type.Integer({
  minimum: 0,
  maximum: 1_000,
  description: 'Messages of others after the last one read, at most 1000 are counted; 0 for who is no member',
})

/** A channel as one person sees it. */
export const Channel = Type.Object(
  {
    id: Id,
    name: Type.String(),
    description: Type.String(),
    topic: Type.String(),
    visibility: Visibility,
    createdBy: Id,
    createdAt: Timestamp,
    updatedAt: Timestamp,
    archivedAt: Nullable(Timestamp),
    /** Whether the one who asks is a member; having it joined is an affair of single connections. */
    isMember: Type.Boolean(),
    memberCount: Count,
    unreadCount: UnreadCount,
    lastMessageAt: Nullable(Timestamp),
  },
  exact,
)

/** A member of a channel. */
export const Member = Type.Object(
  {
    userId: Id,
    displayName: Type.String(),
    role: Role,
    addedBy: Id,
    addedAt: Timestamp,
    /** When a tab of theirs last joined the channel over a socket, and when the last one left it. */
    joinedAt: Nullable(Timestamp),
    leftAt: Nullable(Timestamp),
  },
  exact,
)

/** How a member stands in a channel. */
export const Unread = Type.Object(
  { channelId: Id, unreadCount: UnreadCount, lastReadMessageId: Nullable(Id), lastMessageAt: Nullable(Timestamp) },
  exact,
)

const MessageFile = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    mimeType: Type.String(),
    size: Type.Integer({ minimum: 0, description: 'bytes' }),
    /** Null when the file is kept elsewhere. */
    url: Nullable(Type.String()),
  },
  exact,
)
const MessageTicket = Type.Object(
  {
    id: Id,
    subject: Type.String(),
    status: Type.Enum([...ticketStatuses]),
    priority: Type.Enum([...ticketPriorities]),
  },
  exact,
)

/** A message: the document's `chat:new_message`, with the file that belongs to it and the ticket that it links. */
export const Message = Type.Object(
  {
    ...payloads['chat:new_message'].properties,
    file: Nullable(MessageFile),
    /** Null too for a ticket that the one who asks may not see. */
    ticket: Nullable(MessageTicket),
  },
  exact,
)
