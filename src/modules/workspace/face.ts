import Type from 'typebox'
import type { Clock } from '../../kernel/clock.ts'
import { eventLog } from '../../kernel/event-log.ts'
import { forbidden, invalid, type CommandError } from '../../kernel/errors.ts'
import { command, type Face, type FaceParams, type Inbound, type Opening } from '../../kernel/face.ts'
import type { Room } from '../../kernel/rooms.ts'
import type { Session } from '../../kernel/session.ts'
import type { Parts } from './actions/parts.ts'
import type { Live } from './live.ts'
import { channelRoom, fullRoom, homeRoom, MODULE, roomsOfMember } from './rooms.ts'
import { accessWorkspace, acquaintances, channelsOf } from './store/access.ts'
import { errorFrame, frame, pong, type AddedName, type errorCodes, type FrameName } from './wire.ts'

/** A ping is short; a longer text is not looked into before it has been counted. */
const MAX_PING_CHARACTERS = 256

/** The WebSocket face of the workspace chat: specs/workspace.md, from our terms to its frames. */
export function workspaceFace(parts: Parts, live: Live, clock: Clock): Face {
  const { settings } = parts
  const error = (cause: CommandError): string => errorFrame(codes[cause.kind], words(cause), clock.now())
  return {
    module: MODULE,
    limits: settings,
    isPing: (text) => text.length <= MAX_PING_CHARACTERS && typeOf(text) === 'ping',
    home: (session, { workspace }) => homeRoom(workspace!, session.account.id),
    commands: new Map([
      ['ping', command(Type.Object({}), () => pong)],
      // The answer to a ping that we never send; some clients give it all the same.
      ['pong', command(Type.Object({}), () => undefined)],
      [
        'typing',
        command(
          Type.Object({ channel_id: Type.String({ maxLength: 64 }), is_typing: Type.Boolean() }),
          ({ connection }, { channel_id, is_typing }) => {
            if (!connection.rooms.has(channelRoom(channel_id))) throw forbidden('You are not in this channel')
            live.typing(connection, connection.params['workspace']!, channel_id, is_typing)
          },
        ),
      ],
      [
        'authenticate',
        command(Type.Object({ token: Type.String() }), async ({ connection, session }, { token }) => {
          await connection.refresh(token)
          const inner = { data: { user_id: session.account.uuid }, workspace_id: connection.params['workspace'] }
          return frame('authenticated', JSON.stringify(inner), clock.now())
        }),
      ],
    ]),
    decode,
    event: (type, payload, at, position) => frame(type as FrameName, payload, at, position),
    signal: (type, payload, at) => frame(type as FrameName, JSON.stringify(payload), at),
    error,
    outcome: (cause) => (cause ? error(cause) : '{}'),
    resync: (position, at) => frame('resync' satisfies AddedName, '{"data":{}}', at, position),
    open: (session, params) => open(parts, live, session, params),
    farewell: () => undefined,
    heartbeat: () => undefined,
    onClosed: (connection, session) => live.closed(connection, connection.params['workspace']!, session.account.id),
    onDelivered: (event) => live.onDelivered(event),
  }
}

function open({ database }: Parts, live: Live, session: Session, { workspace }: FaceParams): Promise<Opening> {
  return database.read(async (reader) => {
    const { offset } = await eventLog.head(reader)
    const access = await reader.get(accessWorkspace, { uuid: workspace!, actor: session.account.id })
    // Whether it exists is nobody's business who is not in it.
    if (!access) throw forbidden('You are not a member of this workspace, or it does not exist')
    const guest = access.role === 'guest'
    const channels = await reader.all(channelsOf, { workspace: access.id, user: access.actor_id })
    const rooms: Room[] = channels.flatMap((channel) => roomsOfMember(channel.uuid, guest))
    if (!guest) rooms.push(fullRoom(access.uuid))
    const known = guest ? await reader.all(acquaintances, { workspace: access.id, user: access.actor_id }) : []
    const arrival = {
      workspace: access.uuid,
      accountId: access.actor_id,
      userId: access.actor_uuid,
      knows: guest ? new Set([access.actor_id, ...known.map((row) => row.user_id)]) : undefined,
    }
    const resumableFrom = access.joined_offset + 1
    return { rooms, offset, resumableFrom, frames: () => [], onLive: (connection) => live.opened(connection, arrival) }
  })
}

/** Flat as the document shows client frames, or in its general envelope: then what counts is in `data`. */
function decode(value: unknown): Inbound {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid({ frame: 'must be an object with a type' })
  }
  const { type, data } = value as Record<string, unknown>
  if (typeof type !== 'string') throw invalid({ type: 'must be a string' })
  return { name: type, data: typeof data === 'object' && data !== null && !Array.isArray(data) ? data : value }
}

function typeOf(text: string): unknown {
  try {
    return (JSON.parse(text) as { type?: unknown } | null)?.type
  } catch {
    return undefined
  }
}

/** The document's four codes, and one for what is the client's own mistake: none of the four says that. */
const codes: Readonly<Record<CommandError['kind'], (typeof errorCodes)[number]>> = {
  unauthenticated: 'INVALID_TOKEN',
  forbidden: 'UNAUTHORIZED',
  not_found: 'UNAUTHORIZED',
  rate_limited: 'RATE_LIMITED',
  internal: 'INTERNAL_ERROR',
  unavailable: 'INTERNAL_ERROR',
  invalid: 'VALIDATION_ERROR',
  conflict: 'VALIDATION_ERROR',
  too_large: 'VALIDATION_ERROR',
  unsupported: 'VALIDATION_ERROR',
}

/** The document gives an error two fields: what else there is to say goes into the message. */
function words({ message, details, retryAfter }: CommandError): string {
  const faults = Object.entries(details ?? {}).map(([field, fault]) => `${field} ${fault}`)
  const told = faults.length > 0 ? `${message}: ${faults.join('; ')}` : message
  return retryAfter === undefined ? told : `${told}; try again in ${retryAfter} s`
}
