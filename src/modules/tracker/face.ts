import Type from 'typebox'
import { eventLog } from '../../kernel/event-log.ts'
import { invalid, type CommandError } from '../../kernel/errors.ts'
import type { LogEvent } from '../../kernel/event.ts'
import { command, type EndReason, type Face, type Inbound, type Opening } from '../../kernel/face.ts'
import type { Connection } from '../../kernel/connection.ts'
import type { Hub } from '../../kernel/hub.ts'
import type { Window } from '../../kernel/limits.ts'
import type { Room } from '../../kernel/rooms.ts'
import type { Session } from '../../kernel/session.ts'
import type { Clock } from '../../kernel/clock.ts'
import { Deliveries } from './deliveries.ts'
import type { Tracker } from './actions/tracker.ts'
import { adminsRoom, isProjectRoom, MODULE, projectRoom, userRoom } from './rooms.ts'
import { actorRole, missedBy, projectIdsOf } from './store.ts'
import { frame, timestamp } from './wire.ts'

export interface TrackerFaceSettings {
  readonly frames: Window
  readonly maxFrameBytes: number
  readonly presenceGraceMs: number
}

/** Most missed notifications that follow `connected`; the rest stay in GET /notifications. */
const MAX_MISSED = 500

const reasons: Readonly<Record<EndReason, string>> = {
  client: 'client_disconnect',
  drain: 'server_shutdown',
  expired: 'auth_expired',
  revoked: 'kicked',
  timeout: 'timeout',
  slow: 'slow_consumer',
  flood: 'rate_limit',
  unauthenticated: 'auth_error',
  failed: 'server_error',
}

/** The WebSocket face of the tracker: specs/tracker.md, from our terms to its frames. */
export function trackerFace(
  tracker: Tracker,
  clock: Clock,
  settings: TrackerFaceSettings,
  hub: Hub,
): Face {
  const deliveries = new Deliveries(tracker, hub)
  const presence = hub.presence<number, Connection, Last>({
    graceMs: settings.presenceGraceMs,
    onOffline(user, { rooms, payload }) {
      const audience = { to: rooms.filter(isProjectRoom), except: [userRoom(user)] }
      hub.signal({ module: MODULE, type: 'system/disconnected', audience, payload })
    },
  })
  return {
    module: MODULE,
    limits: settings,
    commands: new Map([
      ['system/ping', command(Type.Object({}), () => at('system/pong', clock.now()))],
      ['system/pong', command(Type.Object({}), () => undefined)],
      [
        'system/authenticate',
        command(Type.Object({ token: Type.String() }), async ({ connection, session }, { token }) => {
          await connection.refresh(token)
          return connected(session, clock.now(), undefined)
        }),
      ],
    ]),
    decode,
    token: (value) => {
      const { name, data } = decode(value)
      const token = name === 'system/authenticate' ? (data as { token?: unknown }).token : undefined
      return typeof token === 'string' ? token : undefined
    },
    event: (type, payload, _, position) => frame(type, payload, position),
    signal: (type, payload) => frame(type, JSON.stringify(payload)),
    error,
    outcome: (cause) => (cause ? error(cause) : '{}'),
    resync: (position, now) => frame('system/resync', JSON.stringify({ timestamp: timestamp(now) }), position),
    home: (session) => userRoom(session.account.id),
    async open(session, _, resuming) {
      const opening = await openFor(tracker, clock, session, resuming)
      return {
        ...opening,
        onLive(connection) {
          presence.add(session.account.id, connection)
          deliveries.onCaughtUp(connection, opening.missedUntil)
        },
      }
    },
    farewell: (session, reason, now) =>
      frame('system/disconnected', JSON.stringify(disconnected(session, reason, now))),
    heartbeat: (now) => at('system/ping', now),
    onClosed: (connection, session, reason) =>
      presence.remove(session.account.id, connection, {
        rooms: [...connection.rooms],
        payload: disconnected(session, reason, clock.now()),
      }),
    onDelivered: (event: LogEvent) => deliveries.onDelivered(event),
  }
}

/** What was known of a user's last connection when it went. */
interface Last {
  readonly rooms: readonly Room[]
  readonly payload: object
}

async function openFor(
  tracker: Tracker,
  clock: Clock,
  session: Session,
  resuming: boolean,
): Promise<Opening & { readonly missedUntil: number | undefined }> {
  const user = session.account.id
  return tracker.database.read(async (reader) => {
    const { offset } = await eventLog.head(reader)
    const role = (await reader.get(actorRole, { actor: user }))?.role
    const projects = await reader.all(projectIdsOf, { user })
    const missed = await reader.all(missedBy, { user, limit: MAX_MISSED })
    // A client that resumes gets what it missed from the log, its notifications among it.
    const given = resuming ? [] : missed
    const rooms: Room[] = projects.map((row) => projectRoom(row.project_id))
    if (role === 'admin') rooms.push(adminsRoom)
    return {
      rooms,
      offset,
      frames: (position) => [
        connected(session, clock.now(), position),
        ...given.map((row) => frame(`notification/${row.kind}`, withId(row.id, row.payload))),
      ],
      missedUntil: missed.at(-1)?.id,
    }
  })
}

/** The document shows the id first; what is stored is the rest. */
const withId = (id: number, payload: string): string => `{"id":${id},${payload.slice(1)}`

function decode(value: unknown): Inbound {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid({ frame: 'must be an object with type, action and payload' })
  }
  const { type, action, payload } = value as Record<string, unknown>
  if (typeof type !== 'string') throw invalid({ type: 'must be a string' })
  if (typeof action !== 'string') throw invalid({ action: 'must be a string' })
  return { name: `${type}/${action}`, data: payload ?? {} }
}

const at = (name: string, now: number): string => frame(name, JSON.stringify({ timestamp: timestamp(now) }))

const connected = (session: Session, now: number, position: string | undefined): string =>
  frame('system/connected', JSON.stringify({ user_id: session.account.id, timestamp: timestamp(now) }), position)

const disconnected = (session: Session, reason: EndReason, now: number): object => ({
  user_id: session.account.id,
  reason: reasons[reason],
  timestamp: timestamp(now),
})

/** The document's three errors, and one of ours for what is nobody's fault but the server's. */
function error(cause: CommandError): string {
  const { message } = cause
  switch (cause.kind) {
    case 'unauthenticated':
      return frame('error/auth_error', JSON.stringify({ code: 'invalid_token', message }))
    case 'rate_limited': {
      const payload = { code: 'rate_limit_exceeded', message, retry_after: cause.retryAfter ?? 60 }
      return frame('error/rate_limit', JSON.stringify(payload))
    }
    case 'internal':
    case 'unavailable':
      return frame('error/internal_error', JSON.stringify({ code: 'internal_error', message }))
    case 'forbidden':
    case 'not_found':
    case 'invalid':
    case 'conflict':
    case 'too_large':
    case 'unsupported':
      return frame(
        'error/validation_error',
        JSON.stringify({ code: 'invalid_data', message, details: cause.details ?? {} }),
      )
  }
}
