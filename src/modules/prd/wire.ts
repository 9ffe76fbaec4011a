import Type, { type Static, type TSchema } from 'typebox'
import { drafting, integrations } from './wire-integrations.ts'
import {
  exact, idOf, Milliseconds, Nullable, Offset, PrdId, StateVector, Timestamp, UserId, VersionNumber,
} from './wire-terms.ts'

export * from './wire-integrations.ts'
export * from './wire-terms.ts'

/** Events of specs/prd.md as schemas: the types, and the checks of what we send. Sections 4 and 8 are in a file of their own. */

export const modes = ['view', 'edit'] as const
export type Mode = (typeof modes)[number]
export const statuses = ['viewing', 'editing', 'ai-prompting'] as const
export type PresenceStatus = (typeof statuses)[number]
export const versionTypes = ['major', 'minor', 'patch'] as const
export type VersionType = (typeof versionTypes)[number]
export const resolutions = ['yours', 'theirs', 'merge'] as const
export type Resolution = (typeof resolutions)[number]
export const notificationTypes = [
  'prd_approved',
  'prd_rejected',
  'approval_requested',
  'approval_cancelled',
  'comment_mention',
  'comment_added',
  'comment_reply',
  'prd_shared',
  'organization_added',
  'integration_failed',
] as const
export type NotificationType = (typeof notificationTypes)[number]
export const activityTypes = [
  'prd_created',
  'prd_renamed',
  'prd_deleted',
  'version_created',
  'version_restored',
  'comment_added',
  'comment_resolved',
  'approval_requested',
  'prd_approved',
  'prd_rejected',
  'member_added',
  'member_removed',
] as const
export type ActivityType = (typeof activityTypes)[number]
export const errorCodes = [
  'AUTHENTICATION_FAILED',
  'FORBIDDEN',
  'NOT_FOUND',
  'NOT_JOINED',
  'INVALID_OPERATION',
  'INVALID_UPDATE',
  'STALE_STATE',
  'VALIDATION_ERROR',
  'CONFLICT',
  'TOO_LARGE',
  'UNSUPPORTED',
  'RATE_LIMIT_EXCEEDED',
  'UNAVAILABLE',
  'INTERNAL_ERROR',
] as const
export type ErrorCode = (typeof errorCodes)[number]

const Range = Type.Object({ start: Offset, end: Offset }, exact)

/** Keys of an operation by its type; what is in an edit has its time inside, what is missing has it beside. */
const operationOf = (extra: Record<string, TSchema>) =>
  Type.Union([
    Type.Object({ type: Type.Literal('insert'), position: Offset, content: Type.String(), ...extra }, exact),
    Type.Object(
      { type: Type.Literal('delete'), position: Offset, length: Type.Integer({ minimum: 1 }), ...extra },
      exact,
    ),
    Type.Object(
      {
        type: Type.Literal('replace'),
        position: Offset,
        length: Type.Integer({ minimum: 1 }),
        content: Type.String(),
        ...extra,
      },
      exact,
    ),
  ])
export const Operation = operationOf({})
export const TimedOperation = operationOf({ timestamp: Milliseconds })

const Bytes = Type.Unsafe<Uint8Array>({})

export const ActiveUser = Type.Object(
  {
    userId: UserId,
    name: Type.String(),
    avatar: Nullable(Type.String()),
    status: Type.Enum([...statuses]),
    color: Type.String({ pattern: '^#[0-9A-F]{6}$' }),
  },
  exact,
)
export type ActiveUser = Static<typeof ActiveUser>

const Author = Type.Object({ id: UserId, name: Type.String() }, exact)

/** Event name → schema of its one argument; null: it has none. */
export const payloads = {
  'joined-prd': Type.Object(
    {
      prdId: PrdId,
      initialState: Type.Object({ content: Type.String(), version: VersionNumber, stateVector: StateVector }, exact),
      activeUsers: Type.Array(ActiveUser),
    },
    exact,
  ),
  'content-update': Type.Union([
    Type.Object(
      { prdId: PrdId, userId: UserId, userName: Type.String(), operation: TimedOperation, stateVector: StateVector },
      exact,
    ),
    /** For connections that speak Yjs. */
    Type.Object(
      { prdId: PrdId, userId: UserId, userName: Type.String(), update: Bytes, stateVector: StateVector },
      exact,
    ),
  ]),
  'sync-response': Type.Union([
    Type.Object(
      {
        prdId: PrdId,
        missingUpdates: Type.Array(
          Type.Object({ operation: Operation, timestamp: Milliseconds, userId: UserId }, exact),
        ),
        stateVector: StateVector,
      },
      exact,
    ),
    /** For connections that speak Yjs. */
    Type.Object(
      { prdId: PrdId, missingUpdates: Type.Array(Type.Object({ update: Bytes }, exact)), stateVector: Bytes },
      exact,
    ),
  ]),
  'presence-update': Type.Object(
    {
      prdId: PrdId,
      userId: UserId,
      userName: Type.String(),
      avatar: Nullable(Type.String()),
      status: Type.Enum([...statuses]),
      cursorPosition: Nullable(Offset),
      selection: Nullable(Range),
      color: Type.String({ pattern: '^#[0-9A-F]{6}$' }),
      timestamp: Milliseconds,
    },
    exact,
  ),
  'user-joined': Type.Object({ prdId: PrdId, user: ActiveUser }, exact),
  'user-left': Type.Object({ prdId: PrdId, userId: UserId, name: Type.String() }, exact),
  'version-created': Type.Object(
    {
      prdId: PrdId,
      version: Type.Object(
        {
          id: idOf('ver'),
          version: VersionNumber,
          changelog: Type.String(),
          commitHash: Type.String({ pattern: '^[0-9a-f]{40}$' }),
          createdBy: Author,
          createdAt: Timestamp,
        },
        exact,
      ),
    },
    exact,
  ),
  'auto-save-start': Type.Object({ prdId: PrdId, changesSince: Timestamp }, exact),
  'auto-save-complete': Type.Object({ prdId: PrdId, savedAt: Timestamp, nextSaveIn: Type.Number() }, exact),
  'conflict-detected': Type.Object(
    {
      prdId: PrdId,
      conflicts: Type.Array(
        Type.Object(
          { position: Offset, yourChange: Type.String(), theirChange: Type.String(), conflictId: idOf('conflict') },
          exact,
        ),
        { minItems: 1 },
      ),
    },
    exact,
  ),
  'comment-added': Type.Object(
    {
      commentId: idOf('comment'),
      prdId: PrdId,
      author: Type.Object({ id: UserId, name: Type.String(), avatar: Nullable(Type.String()) }, exact),
      position: Offset,
      content: Type.String(),
      selection: Nullable(Type.Object({ start: Offset, end: Offset, text: Type.String() }, exact)),
      createdAt: Timestamp,
    },
    exact,
  ),
  'comment-replied': Type.Object(
    {
      commentId: idOf('comment'),
      reply: Type.Object(
        { id: idOf('reply'), author: Author, content: Type.String(), createdAt: Timestamp },
        exact,
      ),
    },
    exact,
  ),
  'comment-resolved': Type.Object({ commentId: idOf('comment'), resolvedBy: Author, resolvedAt: Timestamp }, exact),
  notification: Type.Object(
    {
      id: idOf('notif'),
      type: Type.Enum([...notificationTypes]),
      title: Type.String(),
      message: Type.String(),
      data: Type.Record(Type.String(), Type.String()),
      timestamp: Timestamp,
    },
    exact,
  ),
  'activity-update': Type.Object(
    {
      organizationId: idOf('org'),
      activity: Type.Object(
        {
          id: idOf('activity'),
          type: Type.Enum([...activityTypes]),
          actor: Author,
          object: Type.Object({ type: Type.Enum(['prd', 'user']), id: Type.String(), title: Type.String() }, exact),
          timestamp: Timestamp,
        },
        exact,
      ),
    },
    exact,
  ),
  'git-commit': Type.Object(
    {
      prdId: PrdId,
      commit: Type.Object(
        {
          hash: Type.String({ pattern: '^[0-9a-f]{40}$' }),
          message: Type.String(),
          author: Type.String(),
          timestamp: Timestamp,
          files: Type.Array(Type.String()),
        },
        exact,
      ),
    },
    exact,
  ),
  ...drafting,
  ...integrations,
  error: Type.Object({ code: Type.Enum([...errorCodes]), message: Type.String(), timestamp: Timestamp }, exact),
  'rate-limit': Type.Object(
    {
      message: Type.String(),
      retryAfter: Type.Integer({ minimum: 1, description: 'seconds' }),
      limit: Type.Integer({ minimum: 0 }),
      remaining: Type.Integer({ minimum: 0 }),
      resetTime: Timestamp,
    },
    exact,
  ),
  'batch-update': Type.Object(
    {
      prdId: PrdId,
      /** Each is a single event without its prdId, flat beside its type. */
      updates: Type.Array(Type.Object({ type: Type.Enum(['presence-update', 'content-update']) }), { minItems: 1 }),
      batchId: Type.String(),
      timestamp: Timestamp,
    },
    exact,
  ),
  /** How many attempts it took; we know of one. */
  reconnect: Type.Literal(1),
  ping: Type.Null(),
  pong: Type.Null(),
} as const

export type EventName = keyof typeof payloads
export type Payload<N extends EventName> = Static<(typeof payloads)[N]>

/** Additions of ours: for clients that ask for positions, and what tells of a comment that came back or went. */
export type AddedName =
  | 'resync'
  | 'comment-reopened'
  | 'comment-deleted'
  | 'reply-deleted'
  | 'conflict-resolved'
  | 'left-prd'
  | 'notifications-read'
  | 'craft-initiative-unlinked'

/** Additions that any client gets: unknown to the document, so that a client written from it passes over them. */
export const additions = {
  'comment-reopened': Type.Object({ commentId: idOf('comment'), reopenedBy: Author, reopenedAt: Timestamp }, exact),
  'comment-deleted': Type.Object({ commentId: idOf('comment'), deletedBy: Author, deletedAt: Timestamp }, exact),
  'reply-deleted': Type.Object(
    { commentId: idOf('comment'), replyId: idOf('reply'), deletedBy: Author, deletedAt: Timestamp },
    exact,
  ),
  'conflict-resolved': Type.Object(
    {
      prdId: PrdId,
      conflictId: idOf('conflict'),
      resolution: Type.Enum([...resolutions, 'closed']),
      resolvedBy: Nullable(Author),
      resolvedAt: Timestamp,
    },
    exact,
  ),
  /** One of one's notifications was read, on whatever tab; null: all of them. */
  'notifications-read': Type.Object(
    { notificationId: Nullable(idOf('notif')), unreadCount: Type.Integer({ minimum: 0 }) },
    exact,
  ),
  /** An initiative of Craft.io is linked with the PRD, or suggested for it, no more. */
  'craft-initiative-unlinked': Type.Object(
    { prdId: PrdId, initiativeId: Type.String(), unlinkedBy: Author, unlinkedAt: Timestamp },
    exact,
  ),
  /** One was taken out of the PRD: it was deleted, or is not to be seen any more. */
  'left-prd': Type.Object({ prdId: PrdId, reason: Type.Enum(['deleted', 'forbidden']) }, exact),
} as const

/**
 * A Socket.IO event with its one argument.
 * @param payload JSON text of the argument; `null`: it has none
 * @param position added as the last field of the argument, for connections that asked for it
 */
export function frame(name: EventName | AddedName, payload: string, position?: string): string {
  if (payload === 'null') return `["${name}"]`
  if (position === undefined || !payload.endsWith('}')) return `["${name}",${payload}]`
  const head = payload === '{}' ? '{' : `${payload.slice(0, -1)},`
  return `["${name}",${head}"position":"${position}"}]`
}

export const frameOf = <N extends EventName>(name: N, payload: Payload<N>): string =>
  frame(name, JSON.stringify(payload))
