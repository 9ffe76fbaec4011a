import Type, { type Static, type TSchema } from 'typebox'

/** Every frame of specs/workspace.md, as schemas: the types, parts of the REST answers and the checks of our frames. */

export const presenceStatuses = ['online', 'away', 'offline'] as const
export type PresenceStatus = (typeof presenceStatuses)[number]
export const channelTypes = ['public', 'private', 'dm'] as const
export type ChannelType = (typeof channelTypes)[number]
/** Rising: what a role may do, those after it may too. */
export const roles = ['guest', 'member', 'admin', 'owner'] as const
export type Role = (typeof roles)[number]
/** The document's four, and one of ours for what none of them says without misleading. */
export const errorCodes = [
  'INVALID_TOKEN',
  'UNAUTHORIZED',
  'RATE_LIMITED',
  'INTERNAL_ERROR',
  'VALIDATION_ERROR',
] as const

export const Id = Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$', description: 'a UUID' })
export const PresenceStatus = Type.Enum([...presenceStatuses])
export const ChannelType = Type.Enum([...channelTypes])
export const Role = Type.Enum([...roles])

/** ISO-8601 UTC with milliseconds, as every example of the document shows it. */
export const Timestamp = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$' })
export const timestamp = (ms: number): string => new Date(ms).toISOString()

export const exact = { additionalProperties: false }
export const Nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])

/** The document leaves the elements of `attachments` open. Width and height, in pixels, only for images. */
export const Attachment = Type.Object(
  {
    id: Id,
    name: Type.String(),
    url: Type.String(),
    mime_type: Type.String(),
    size: Type.Integer({ minimum: 0, description: 'bytes' }),
    width: Type.Optional(Type.Integer({ minimum: 1 })),
    height: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  exact,
)
export type Attachment = Static<typeof Attachment>

export const Reaction = Type.Object({ emoji: Type.String(), user_id: Id }, exact)
export type Reaction = Static<typeof Reaction>

const membership = Type.Object({ channel_id: Id, user_id: Id }, exact)
const reacted = Type.Object({ message_id: Id, emoji: Type.String(), user_id: Id }, exact)

/** Frame name → schema of its `data`. */
export const payloads = {
  'message.new': Type.Object(
    {
      id: Id,
      channel_id: Id,
      user_id: Id,
      content: Type.String(),
      attachments: Type.Array(Attachment),
      reactions: Type.Array(Reaction),
      created_at: Timestamp,
      /** Only in replies. */
      parent_message_id: Type.Optional(Id),
    },
    exact,
  ),
  'message.updated': Type.Object({ id: Id, content: Type.String(), updated_at: Timestamp }, exact),
  'message.deleted': Type.Object({ id: Id, deleted_at: Timestamp }, exact),
  'reaction.added': reacted,
  'reaction.removed': reacted,
  'typing.start': membership,
  'typing.stop': membership,
  'presence.updated': Type.Object({ user_id: Id, status: PresenceStatus }, exact),
  'channel.created': Type.Object({ id: Id, name: Type.String(), type: ChannelType, created_by: Id }, exact),
  'channel.updated': Type.Object({ id: Id, name: Type.String(), description: Type.String() }, exact),
  'channel.deleted': Type.Object({ id: Id }, exact),
  'member.joined': membership,
  'member.left': membership,
  'thread.updated': Type.Object(
    { parent_message_id: Id, reply_count: Type.Integer({ minimum: 0 }), last_reply_at: Nullable(Timestamp) },
    exact,
  ),
  error: Type.Object({ message: Type.String(), code: Type.Enum([...errorCodes]) }, exact),
} as const

export type FrameName = keyof typeof payloads
export type Payload<N extends FrameName> = Static<(typeof payloads)[N]>

/** Additions of ours, only for clients that ask for them: the answer to a newer token, and "reload". */
export type AddedName = 'authenticated' | 'resync'

/**
 * The document's envelope.
 * @param inner JSON text of `{data, workspace_id}`, as the log keeps it
 */
export function frame(name: FrameName | AddedName, inner: string, at: number, position?: string): string {
  const head = `{"type":"${name}",${inner.slice(1, -1)},"timestamp":"${timestamp(at)}"`
  return position === undefined ? `${head}}` : `${head},"position":"${position}"}`
}

/** The one frame without `workspace_id`. */
export const errorFrame = (code: (typeof errorCodes)[number], message: string, at: number): string =>
  JSON.stringify({ type: 'error', data: { message, code }, timestamp: timestamp(at) })

/** The shortest frames of the document: nothing beside the type. */
export const pong = '{"type":"pong"}'
