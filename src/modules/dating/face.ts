import Type from 'typebox'
import type { Clock } from '../../kernel/clock.ts'
import type { Connection } from '../../kernel/connection.ts'
import type { Reader } from '../../kernel/database.ts'
import { forbidden, invalid, type CommandError } from '../../kernel/errors.ts'
import { eventLog } from '../../kernel/event-log.ts'
import { command, type EndReason, type Face, type Inbound, type Opening } from '../../kernel/face.ts'
import type { Hub } from '../../kernel/hub.ts'
import { newUuid } from '../../kernel/ids.ts'
import type { Session } from '../../kernel/session.ts'
import type { CloseKind } from '../../wire/closes.ts'
import { deleteMessage, excerptOf, sendMessage } from './actions/messages.ts'
import { reachConversation, type Parts } from './actions/parts.ts'
import { readMessages } from './actions/reading.ts'
import { setStatus } from './actions/status.ts'
import type { Live, Person } from './live.ts'
import { checkJoinable, checkNotSuspended } from './policy.ts'
import { homeRoom, joinedRoom, MODULE } from './rooms.ts'
import { partnersOf, profileOf } from './store/access.ts'
import { unreadOf } from './store/messages.ts'
import {
  frame,
  frameOf,
  Metadata,
  SYSTEM_ID,
  timestamp,
  UserStatus,
  type AddedName,
  type ErrorCode,
  type EventName,
  type Payload,
} from './wire.ts'

/** An id as a client gives it: one that is not ours is simply not there. */
const Ref = Type.String({ pattern: '^[\\w-]{1,64}$', description: 'an id' })
const InConversation = Type.Object({ conversation_id: Ref })
const OfMessage = Type.Object({ conversation_id: Ref, message_id: Ref })

/** The WebSocket face of the dating messages: specs/dating.md, from our terms to its events. */
export function datingFace(parts: Parts, live: Live, hub: Hub, clock: Clock): Face {
  const { settings, database } = parts
  const known = new Set<string>()
  const error = (cause: CommandError, request?: string): string => {
    const event = request === undefined ? null : eventOf(request)
    const data = {
      code: codeOf(cause),
      message: cause.message,
      details: detailsOf(cause, event, known),
      request_event: event,
    }
    return frameOf('error', data, clock.now())
  }
  const caller = (session: Session) => ({ accountId: session.account.id })
  const reach = (session: Session, id: string) =>
    database.read((reader) => reachConversation(reader, caller(session), id))
  const typing = (isTyping: boolean) =>
    command(InConversation, async ({ connection, session }, { conversation_id }) => {
      const { uuid } = await reach(session, conversation_id)
      live.typing(connection, uuid, personOf(session), isTyping)
    })
  const commands = new Map([
    [
      'message:send',
      command(
        Type.Object({
          ...InConversation.properties,
          content: Type.String(),
          type: Type.String(),
          metadata: Type.Optional(Metadata),
        }),
        async ({ session }, { conversation_id, content, type, metadata = {} }) => {
          const { payload, repeated } = await sendMessage(parts, caller(session), conversation_id, {
            content,
            type,
            metadata,
          })
          return repeated ? frameOf('message:new', payload, clock.now()) : undefined
        },
      ),
    ],
    [
      'message:read',
      command(OfMessage, async ({ session }, { conversation_id, message_id }) => {
        const { payload, repeated } = await readMessages(parts, caller(session), message_id, conversation_id)
        return repeated ? frameOf('message:viewed', payload, clock.now()) : undefined
      }),
    ],
    [
      'message:delete',
      command(OfMessage, async ({ session }, { conversation_id, message_id }) => {
        await deleteMessage(parts, caller(session), message_id, conversation_id)
      }),
    ],
    ['typing:start', typing(true)],
    ['typing:stop', typing(false)],
    [
      'conversation:join',
      command(InConversation, async ({ connection, session }, { conversation_id }) => {
        const { uuid } = await join(connection, session, conversation_id)
        return frameOf('conversation:joined', { conversation_id: uuid, joined_at: timestamp(clock.now()) }, clock.now())
      }),
    ],
    [
      'conversation:leave',
      command(InConversation, async ({ connection, session }, { conversation_id }) => {
        const { uuid } = await reach(session, conversation_id)
        live.stopTyping(connection, uuid, session.account.uuid)
        hub.rooms.leave(connection, joinedRoom(uuid))
        return frameOf('conversation:left', { conversation_id: uuid, left_at: timestamp(clock.now()) }, clock.now())
      }),
    ],
    [
      'user:status',
      command(Type.Object({ status: UserStatus }), async ({ session }, { status }) => {
        await setStatus(parts, caller(session), personOf(session), status)
      }),
    ],
  ])
  for (const name of commands.keys()) known.add(name)

  /** The room first, then the right to it: a block that comes in between finds the connection there, or is seen here. */
  async function join(connection: Connection, session: Session, id: string) {
    const conversation = await reach(session, id)
    checkJoinable(conversation)
    const room = joinedRoom(conversation.uuid)
    const already = connection.rooms.has(room)
    hub.rooms.join(connection, room)
    try {
      const again = await reach(session, id)
      if (!connection.session) throw forbidden('The connection has ended')
      return again
    } catch (cause) {
      if (!already) hub.rooms.leave(connection, room)
      throw cause
    }
  }

  return {
    module: MODULE,
    limits: {
      frames: settings.frames,
      maxFrameBytes: settings.maxFrameBytes,
      connectionsPerAccount: settings.connections,
      opens: settings.opens,
      authDeadlineMs: settings.handshakeMs,
    },
    queryParams: ['join'],
    refusal: (cause) =>
      JSON.stringify({
        error: { code: refusalCodeOf(cause), message: cause.message, details: detailsOf(cause, null, known) },
      }),
    home: (session) => homeRoom(session.account.id),
    commands,
    decode,
    event: (type, payload, at, position) => frame(type as EventName, payload, at, position),
    signal: (type, payload, at) => frame(type as EventName, JSON.stringify(payload), at),
    error,
    outcome: (cause) => (cause ? error(cause) : '{}'),
    resync: (position, at) => frame('resync' satisfies AddedName, '{}', at, position),
    open: (session, { join: wanted }) => open(parts, live, session, wanted),
    farewell: (_, reason, at, code) => {
      const closed = frameOf('connection:closed', { reason: reasons[reason], code, timestamp: timestamp(at) }, at)
      const message = faults[reason]
      if (message === undefined) return closed
      return [frameOf('error', { code: 'CONNECTION_ERROR', message, details: {}, request_event: null }, at), closed]
    },
    closeCode: (kind) => closeCodes[kind],
    heartbeat: () => undefined,
    onClosed: (connection, session) => live.closed(connection, session.account.id),
    onDelivered: (event) => live.onDelivered(event),
  }
}

const personOf = ({ account: { id, uuid, username } }: Session): Person => ({ id, uuid, username })

/** @param wanted conversations to be in from the start, by comma, or `all`: what a client that resumes was in before */
function open(parts: Parts, live: Live, session: Session, wanted: string | undefined): Promise<Opening> {
  const person = personOf(session)
  return parts.database.read(async (reader) => {
    const { offset } = await eventLog.head(reader)
    const profile = await reader.get(profileOf, { user: person.id })
    checkNotSuspended(profile ?? { suspended_at: null })
    const partners = await reader.all(partnersOf, { user: person.id })
    const ids = new Set(wanted?.split(','))
    const joined = partners.filter(
      ({ conversation, locked_at }) => locked_at === null && (ids.has('all') || ids.has(conversation)),
    )
    const now = parts.clock.now()
    const unread = await unreadBy(reader, parts, person.id, now)
    const established = {
      user_id: person.uuid,
      connection_id: newUuid(),
      timestamp: timestamp(now),
    }
    const arrival = { person, status: profile?.status ?? ('online' as const) }
    return {
      rooms: joined.map(({ conversation }) => joinedRoom(conversation)),
      offset,
      frames: (position, fresh) => [
        frame('connection:established', JSON.stringify(established), now, position),
        // Without a position: what is so at this moment is no event.
        ...(fresh ? unread : []).map((data) => frameOf('conversation:unread', data, now)),
      ],
      onLive: (connection) => live.opened(connection, arrival),
    }
  })
}

/** What waits for a person, by conversation. */
async function unreadBy(
  reader: Reader,
  parts: Parts,
  user: number,
  now: number,
): Promise<Payload<'conversation:unread'>[]> {
  const rows = await reader.all(unreadOf, { user })
  return rows.map((row) => ({
    conversation_id: row.conversation,
    unread_count: row.unread,
    last_message: excerptOf(now, parts, row, row.sender ?? SYSTEM_ID),
  }))
}

/** `{event, data, timestamp?}`; what else is in it is ignored. */
function decode(value: unknown): Inbound {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid({ frame: 'must be an object with event and data' })
  }
  const { event, data } = value as Record<string, unknown>
  if (typeof event !== 'string') throw invalid({ event: 'must be a string' })
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw invalid({ data: 'must be an object' })
  return { name: event, data }
}

const MAX_EVENT_NAME = 64

/** The event a frame asks for, to be named in the error that answers it; null when it cannot be known. */
function eventOf(request: string): string | null {
  try {
    const event = (JSON.parse(request) as { event?: unknown } | null)?.event
    return typeof event === 'string' ? event.slice(0, MAX_EVENT_NAME).toWellFormed() : null
  } catch {
    return null
  }
}

const codes: Readonly<Record<CommandError['kind'], ErrorCode>> = {
  unauthenticated: 'UNAUTHORIZED',
  forbidden: 'FORBIDDEN',
  not_found: 'NOT_FOUND',
  rate_limited: 'RATE_LIMITED',
  internal: 'INTERNAL_ERROR',
  unavailable: 'INTERNAL_ERROR',
  invalid: 'VALIDATION_ERROR',
  too_large: 'MESSAGE_TOO_LARGE',
  unsupported: 'INVALID_MESSAGE_TYPE',
  // The one command that the state of a thing can forbid is to join a conversation.
  conflict: 'CONVERSATION_FULL',
}
const codeOf = ({ kind }: CommandError): ErrorCode => codes[kind]

/** Before the handshake: the sixth connection is one too many, the eleventh attempt in a minute comes too soon. */
const refusalCodeOf = (cause: CommandError): ErrorCode =>
  (cause.kind === 'rate_limited' && cause.retryAfter === undefined) || cause.kind === 'unavailable'
    ? 'CONNECTION_ERROR'
    : codeOf(cause)

function detailsOf(
  { details, retryAfter }: CommandError,
  event: string | null,
  known: ReadonlySet<string>,
): Payload<'error'>['details'] {
  if (retryAfter !== undefined) return { retry_after: retryAfter }
  const [fault] = Object.entries(details ?? {})
  if (!fault) return {}
  // Which command it is stands in `event` here.
  const field = fault[0] === 'type' && event !== null && !known.has(event) ? 'event' : fault[0]
  return { field, error: fault[1] }
}

const reasons: Readonly<Record<EndReason, string>> = {
  client: 'normal_closure',
  drain: 'going_away',
  expired: 'token_expired',
  revoked: 'token_revoked',
  timeout: 'pong_timeout',
  slow: 'slow_consumer',
  flood: 'policy_violation',
  unauthenticated: 'policy_violation',
  failed: 'server_error',
}

/** Ends that are a fault of the connection itself. */
const faults: Readonly<Partial<Record<EndReason, string>>> = {
  timeout: 'No sign of life came for too long; connect again',
  slow: 'The connection is read too slowly; connect again and resume',
  flood: 'Far too many frames; wait a minute and connect again',
}

/** The document knows the codes of the WebSocket standard alone. With one for `policy` also the silent get a last word. */
const closeCodes: Readonly<Partial<Record<CloseKind, number>>> = {
  policy: 1008,
  token: 1008,
  right: 1008,
  too_many: 1008,
  slow: 1013,
}
