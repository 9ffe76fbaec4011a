import Type from 'typebox'
import { FreeObject } from '../../wire/free-object.ts'
import { MessageType, Nullable, PresenceStatus, Priority } from './wire.ts'

/** What client events bring, as schemas; unknown keys are dropped. */

const MAX_ID = 2_147_483_647

/** Numbers, or their digits: pages read them out of addresses. */
export const IdArgument = Type.Union(
  [Type.Integer({ minimum: 1, maximum: MAX_ID }), Type.String({ pattern: '^[1-9]\\d{0,9}$' })],
  {
    description: 'a whole number from 1 up',
  },
)
export const toId = (value: number | string): number => Math.min(Number(value), MAX_ID)

const OptionalId = Type.Optional(Nullable(IdArgument))
export const toOptionalId = (value: number | string | null | undefined): number | null =>
  value === null || value === undefined ? null : toId(value)

/** A token, bare as the document shows it. */
export const TokenArgument = Type.String({ minLength: 1, maxLength: 16_384, description: 'a token' })

export const SendMessage = Type.Object({
  channelId: IdArgument,
  message: Type.Optional(Nullable(Type.String())),
  messageType: Type.Optional(Nullable(MessageType)),
  replyToId: OptionalId,
  /** What the client names the message by until it knows its id: the same again makes no second one. An addition. */
  clientId: Type.Optional(
    Type.String({ pattern: '^[\\x21-\\x7e]{1,64}$', description: '1 to 64 visible ASCII characters' }),
  ),
})
export const MessageRead = Type.Object({ channelId: IdArgument, messageId: OptionalId })
export const Typing = Type.Object({ channelId: IdArgument, isTyping: Type.Boolean() })
export const UpdatePresence = Type.Object({
  status: Type.Optional(PresenceStatus),
  statusMessage: Type.Optional(Nullable(Type.String())),
  customStatus: Type.Optional(Nullable(Type.String())),
})
export const FileUploaded = Type.Object({
  channelId: IdArgument,
  fileName: Type.String(),
  fileSize: Type.Number({ minimum: 0 }),
  fileType: Type.Optional(Nullable(Type.String())),
  messageId: IdArgument,
})
export const SystemBroadcast = Type.Object({
  message: Type.String(),
  priority: Type.Optional(Nullable(Priority)),
})
/** What may be changed is looked at where it is changed: the document leaves the keys open. */
export const ChannelUpdated = Type.Object({ channelId: IdArgument, changes: FreeObject })
