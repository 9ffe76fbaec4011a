import Type, { type Static, type TSchema } from 'typebox'

/** Every event of specs/helpdesk.md, as schemas: the types, and the checks of what we send. */

export const roles = ['customer', 'agent', 'admin'] as const
export type Role = (typeof roles)[number]
export const permissions = [
  'chat.access',
  'chat.send_messages',
  'chat.create_channels',
  'chat.manage_channels',
  'chat.send_broadcasts',
  'call.audio',
  'call.video',
  'call.view_history',
] as const
export type Permission = (typeof permissions)[number]
export const messageTypes = ['text', 'file', 'image', 'gif', 'ticket_link'] as const
export type MessageType = (typeof messageTypes)[number]
export const presenceStatuses = ['online', 'away', 'busy', 'offline'] as const
export type PresenceStatus = (typeof presenceStatuses)[number]
export const priorities = ['high', 'normal', 'low'] as const
export type Priority = (typeof priorities)[number]
export const callTypes = ['audio', 'video'] as const
export type CallType = (typeof callTypes)[number]

export const Role = Type.Enum([...roles])
export const Permission = Type.Enum([...permissions])
export const MessageType = Type.Enum([...messageTypes])
export const PresenceStatus = Type.Enum([...presenceStatuses])
export const Priority = Type.Enum([...priorities])
export const CallType = Type.Enum([...callTypes])

export const exact = { additionalProperties: false }
export const Nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])

/** Users, channels, messages and tickets: numbers of the database. */
export const Id = Type.Integer({ minimum: 1, maximum: 2_147_483_647 })
/** Of calls and broadcasts. */
export const TextId = Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$', description: 'a UUID' })
/** ISO-8601 UTC with milliseconds. */
export const Timestamp = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$' })
export const timestamp = (ms: number): string => new Date(ms).toISOString()

/** What of a channel can be changed; the broadcast repeats what was. */
export const ChannelChanges = Type.Object(
  {
    name: Type.Optional(Type.String()),
    description: Type.Optional(Type.String()),
    topic: Type.Optional(Type.String()),
    archived: Type.Optional(Type.Boolean()),
    /** Only told, never asked for: the channel is no more. */
    deleted: Type.Optional(Type.Boolean()),
  },
  exact,
)
export type ChannelChanges = Static<typeof ChannelChanges>

/** SDP and candidates are the browsers' own affair: any value is passed on as it came. */
const Opaque = Type.Unsafe<unknown>({})

/** Event name → schema of its one argument. */
export const payloads = {
  authenticated: Type.Object({ userId: Id, displayName: Type.String(), role: Role }, exact),
  'auth:error': Type.String(),
  'chat:new_message': Type.Object(
    {
      id: Id,
      channelId: Id,
      userId: Id,
      userDisplayName: Type.String(),
      message: Type.String(),
      messageType: MessageType,
      replyToId: Nullable(Id),
      timestamp: Timestamp,
    },
    exact,
  ),
  message_read_receipt: Type.Object(
    { userId: Id, userDisplayName: Type.String(), channelId: Id, messageId: Nullable(Id), readAt: Timestamp },
    exact,
  ),
  user_joined: Type.Object(
    { userId: Id, userDisplayName: Type.String(), userRole: Role, channelId: Id, joinedAt: Timestamp },
    exact,
  ),
  user_left: Type.Object(
    {
      userId: Id,
      userDisplayName: Type.String(),
      channelId: Id,
      leftAt: Timestamp,
      reason: Type.Enum(['disconnect', 'leave']),
    },
    exact,
  ),
  /** The document's three keys; the channel is an addition, without which a client in two channels could not tell. */
  'chat:user_typing': Type.Object(
    { userId: Id, userDisplayName: Type.String(), isTyping: Type.Boolean(), channelId: Id },
    exact,
  ),
  presence_updated: Type.Object(
    {
      userId: Id,
      userDisplayName: Type.String(),
      status: PresenceStatus,
      statusMessage: Nullable(Type.String()),
      customStatus: Nullable(Type.String()),
      timestamp: Timestamp,
      reason: Type.Enum(['status_change', 'disconnect']),
    },
    exact,
  ),
  'presence:update': Type.Object(
    { userId: Id, status: PresenceStatus, connectionCount: Type.Integer({ minimum: 0 }) },
    exact,
  ),
  system_broadcast_received: Type.Object(
    { message: Type.String(), priority: Priority, from: Type.String(), broadcastAt: Timestamp, broadcastId: TextId },
    exact,
  ),
  channel_updated: Type.Object(
    { channelId: Id, changes: ChannelChanges, updatedBy: Id, updaterName: Type.String(), updatedAt: Timestamp },
    exact,
  ),
  file_upload_notification: Type.Object(
    {
      messageId: Id,
      channelId: Id,
      uploadedBy: Id,
      uploaderName: Type.String(),
      fileName: Type.String(),
      fileSize: Type.Integer({ minimum: 0, description: 'bytes' }),
      fileType: Type.String(),
      uploadedAt: Timestamp,
    },
    exact,
  ),
  'call:incoming': Type.Object(
    { callId: TextId, from: Id, fromName: Type.String(), callType: CallType, offer: Opaque },
    exact,
  ),
  'call:accepted': Type.Object({ callId: TextId, answer: Opaque }, exact),
  'call:rejected': Type.Object({ callId: TextId }, exact),
  'call:ended': Type.Object({ callId: TextId }, exact),
  'call:ice_candidate': Type.Object({ from: Id, candidate: Opaque }, exact),
  'chat:error': Type.String(),
  'presence:error': Type.String(),
  'broadcast:error': Type.String(),
} as const

export type EventName = keyof typeof payloads
export type Payload<N extends EventName> = Static<(typeof payloads)[N]>

/** Events with a bare string: what went wrong, and our code for it at the end, in parentheses. */
export type ErrorEvent = 'auth:error' | 'chat:error' | 'presence:error' | 'broadcast:error'

/** An element of the list that answers `presence:get_online_users`. */
export const OnlineUser = Type.Object(
  { userId: Id, status: PresenceStatus, connectionCount: Type.Integer({ minimum: 0 }) },
  exact,
)
export type OnlineUser = Static<typeof OnlineUser>

/** Addition of ours, only for clients that ask for positions: "reload over REST". */
export type AddedName = 'resync'

/**
 * A Socket.IO event with its one argument.
 * @param payload JSON text of the argument
 * @param position added as the last field of the argument, for connections that asked for it
 */
export function frame(name: EventName | AddedName, payload: string, position?: string): string {
  if (position === undefined) return `["${name}",${payload}]`
  const head = payload === '{}' ? '{' : `${payload.slice(0, -1)},`
  return `["${name}",${head}"position":"${position}"}]`
}

export const frameOf = <N extends EventName>(name: N, payload: Payload<N>): string =>
  frame(name, JSON.stringify(payload))
