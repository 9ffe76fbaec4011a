import Type, { type Static, type TSchema } from 'typebox'
import { FreeObject } from '../../wire/free-object.ts'

/** Every event of specs/dating.md, as schemas: the types, parts of the REST answers and the checks of our frames. */

export const messageTypes = ['text', 'photo', 'photo_ephemeral', 'location', 'system', 'gift'] as const
export type MessageType = (typeof messageTypes)[number]
/** The document shows `online`; the others are what such a client offers. */
export const userStatuses = ['online', 'away', 'busy', 'invisible', 'offline'] as const
export type UserStatus = (typeof userStatuses)[number]
export const errorCodes = [
  'VALIDATION_ERROR',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'NOT_FOUND',
  'RATE_LIMITED',
  'INTERNAL_ERROR',
  'CONNECTION_ERROR',
  'MESSAGE_TOO_LARGE',
  'INVALID_MESSAGE_TYPE',
  'CONVERSATION_FULL',
] as const
export type ErrorCode = (typeof errorCodes)[number]

export const Id = Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$', description: 'a UUID' })
export const MessageType = Type.Enum([...messageTypes])
export const UserStatus = Type.Enum([...userStatuses])

/** ISO-8601 UTC in whole seconds, as every example of the document shows it. */
export const Timestamp = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}Z$' })
export const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`
export const timestampOrNull = (ms: number | null): string | null => (ms === null ? null : timestamp(ms))

export const exact = { additionalProperties: false }
export const Nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])

/** Who speaks for the server: the sender of messages of type `system`. */
export const SYSTEM_ID = '00000000-0000-0000-0000-000000000000'

export const Sender = Type.Object({ id: Id, username: Type.String(), avatar_url: Nullable(Type.String()) }, exact)
export type Sender = Static<typeof Sender>

/** A free object; what is in it is the client's. */
export const Metadata = FreeObject

export const Message = Type.Object(
  {
    id: Id,
    conversation_id: Id,
    sender_id: Id,
    content: Type.String(),
    type: MessageType,
    created_at: Timestamp,
    updated_at: Timestamp,
    is_read: Type.Boolean(),
    metadata: Metadata,
  },
  exact,
)
export type Message = Static<typeof Message>

const presence = <K extends string>(key: K) =>
  Type.Object(
    { user_id: Id, username: Type.String(), [key]: Timestamp } as Record<K, typeof Timestamp> & {
      user_id: typeof Id
      username: ReturnType<typeof Type.String>
    },
    exact,
  )

/** Event name → schema of its `data`. */
export const payloads = {
  'connection:established': Type.Object({ user_id: Id, connection_id: Id, timestamp: Timestamp }, exact),
  'message:new': Type.Object({ message: Message, sender: Sender }, exact),
  'message:delivered': Type.Object({ message_id: Id, conversation_id: Id, delivered_at: Timestamp }, exact),
  'message:viewed': Type.Object({ message_id: Id, conversation_id: Id, viewed_at: Timestamp }, exact),
  'message:deleted': Type.Object({ message_id: Id, conversation_id: Id, deleted_by: Id, deleted_at: Timestamp }, exact),
  'typing:indicator': Type.Object(
    { conversation_id: Id, user_id: Id, username: Type.String(), is_typing: Type.Boolean(), timestamp: Timestamp },
    exact,
  ),
  'user:online': presence('online_at'),
  'user:offline': presence('offline_at'),
  'user:status_updated': Type.Object({ user_id: Id, status: UserStatus, updated_at: Timestamp }, exact),
  'conversation:unread': Type.Object(
    {
      conversation_id: Id,
      unread_count: Type.Integer({ minimum: 1 }),
      last_message: Type.Object(
        { id: Id, content: Type.String(), type: MessageType, sender_id: Id, created_at: Timestamp },
        exact,
      ),
    },
    exact,
  ),
  'conversation:joined': Type.Object({ conversation_id: Id, joined_at: Timestamp }, exact),
  'conversation:left': Type.Object({ conversation_id: Id, left_at: Timestamp }, exact),
  error: Type.Object(
    {
      code: Type.Enum([...errorCodes]),
      message: Type.String(),
      /** `{field, error}` where a field is at fault, `{retry_after}` in seconds where time helps, else `{}`. */
      details: Type.Union([
        Type.Object({ field: Type.String(), error: Type.String() }, exact),
        Type.Object({ retry_after: Type.Integer({ minimum: 1 }) }, exact),
        Type.Object({}, exact),
      ]),
      request_event: Nullable(Type.String()),
    },
    exact,
  ),
  'connection:closed': Type.Object({ reason: Type.String(), code: Type.Integer(), timestamp: Timestamp }, exact),
} as const

export type EventName = keyof typeof payloads
export type Payload<N extends EventName> = Static<(typeof payloads)[N]>

/** Addition of ours, only for clients that resume: what was missed cannot be given, reload. */
export type AddedName = 'resync'

/**
 * The document's envelope; its timestamp is always there.
 * @param data JSON text
 */
export function frame(event: EventName | AddedName, data: string, at: number, position?: string): string {
  const text = `{"event":"${event}","data":${data},"timestamp":"${timestamp(at)}"`
  return position === undefined ? `${text}}` : `${text},"position":"${position}"}`
}

export const frameOf = <N extends EventName>(event: N, data: Payload<N>, at: number): string =>
  frame(event, JSON.stringify(data), at)
