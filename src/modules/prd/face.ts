import type { Static, TSchema } from 'typebox'
import type { Caller } from '../../kernel/action.ts'
import { invalid, type CommandError } from '../../kernel/errors.ts'
import { eventLog } from '../../kernel/event-log.ts'
import { command, type Command, type CommandContext, type Face, type Inbound, type Opening } from '../../kernel/face.ts'
import { messageOf } from '../../kernel/message.ts'
import type { Session } from '../../kernel/session.ts'
import { addComment, replyToComment } from './actions/comments.ts'
import { resolveJoined } from './actions/conflicts.ts'
import { applyOperation, applyUpdate, type Sender } from './actions/editing.ts'
import { forgetSessions, joinPrd, leavePrd } from './actions/joining.ts'
import type { Parts } from './actions/parts.ts'
import { setPresence } from './actions/presence.ts'
import { askAi, cancelAi } from './actions/prompting.ts'
import { subscribe, subscriptionsOf } from './actions/subscribing.ts'
import { sync } from './actions/syncing.ts'
import { deleteComment, deleteReply, reopenComment, resolveComment } from './actions/settling.ts'
import { createVersion } from './actions/versions.ts'
import { Allowances } from './allowances.ts'
import * as args from './arguments.ts'
import { acknowledge, errorCode, errorFrame, failed, invalidOperation } from './failures.ts'
import { rowOf } from './ids.ts'
import type { Place } from './returning.ts'
import { homeRoom, MODULE, notifiedRoom } from './rooms.ts'
import { frame, timestamp, type EventName } from './wire.ts'

/** What a namespace offers: sections 2 to 6 and 9 to 12, section 7, or both. */
export type Offer = 'prds' | 'notifications' | 'all'

/** The Socket.IO face of the PRD tool: specs/prd.md, from our terms to its events. */
export function prdFace(parts: Parts, offer: Offer): Face {
  const { clock, database, live, settings } = parts
  const allowances = new Allowances(clock, settings)
  parts.hub.keeps('windows', () => allowances.size)
  const commands = new Map<string, Command>()

  /** A command within its allowance; what `run` returns is told to who waits for an acknowledgement. */
  function on<S extends TSchema>(
    name: string,
    schema: S,
    run: (context: CommandContext, data: Static<S>) => Promise<object | void> | object | void,
  ): void {
    const checked = command(schema, async (context, data) => acknowledge((await run(context, data)) ?? {}))
    commands.set(name, {
      decode: checked.decode,
      run: (context, data) => {
        allowances.pass(context.connection, name)
        return checked.run(context, data)
      },
      ...(name === 'content-update' && { streamed: true }),
    })
  }

  commands.set('ping', {
    decode: () => undefined,
    run: ({ connection }) => {
      connection.send(frame('pong', 'null'))
      return acknowledge()
    },
  })
  if (offer !== 'notifications') {
    on('join-prd', args.JoinPrd, ({ connection, session }, { prdId, mode }) =>
      joinPrd(parts, caller(session), connection, rowOf('prd', prdId), mode ?? undefined),
    )
    on('leave-prd', args.LeavePrd, async ({ connection }, { prdId }) => ({
      left: await leavePrd(parts, connection, rowOf('prd', prdId)),
    }))
    const contentUpdate = args.contentUpdate(settings.vectorSlots, settings.maxFrameBytes)
    on('content-update', contentUpdate, (context, { prdId, operation, update, stateVector, clientId }) => {
      const id = rowOf('prd', prdId)
      const sender = senderOf(context, clientId && `prd_${id}:${clientId}`)
      if (update) return applyUpdate(parts, sender, id, update, stateVector ?? [])
      if (operation === undefined) throw invalidOperation('An edit has an operation, or an update in bytes')
      return applyOperation(parts, sender, id, operation, stateVector ?? [])
    })
    on('sync-request', args.syncRequest(settings.vectorSlots, settings.maxFrameBytes), (context, { prdId, stateVector }) =>
      sync(parts, senderOf(context), rowOf('prd', prdId), stateVector),
    )
    on('presence-update', args.PresenceUpdate, ({ connection }, { prdId, ...shown }) =>
      setPresence(parts, connection, rowOf('prd', prdId), shown),
    )
    on('create-version', args.CreateVersion, ({ connection, session }, { prdId, ...input }) =>
      createVersion(parts, caller(session), rowOf('prd', prdId), input, connection),
    )
    on('resolve-conflict', args.ResolveConflict, ({ connection, session }, { prdId, conflictId, ...outcome }) =>
      resolveJoined(parts, caller(session), connection, rowOf('prd', prdId), rowOf('conflict', conflictId), outcome),
    )
    on('ai-prompt', args.AiPrompt, async ({ connection, session }, { prdId, ...asked }) => {
      const { jobId } = await askAi(parts, caller(session), rowOf('prd', prdId), asked, connection)
      return { jobId }
    })
    on('ai-cancel', args.AiCancel, ({ session }, { prdId, jobId }) =>
      cancelAi(parts, caller(session), rowOf('prd', prdId), rowOf('job', jobId)),
    )
    on('add-comment', args.AddComment, ({ connection, session }, { prdId, ...input }) =>
      addComment(parts, caller(session), rowOf('prd', prdId), input, connection),
    )
    on('reply-comment', args.ReplyComment, ({ connection, session }, { commentId, content }) =>
      replyToComment(parts, caller(session), rowOf('comment', commentId), content, connection),
    )
    on('resolve-comment', args.OfComment, ({ connection, session }, { commentId }) =>
      resolveComment(parts, caller(session), rowOf('comment', commentId), connection),
    )
    on('reopen-comment', args.OfComment, ({ connection, session }, { commentId }) =>
      reopenComment(parts, caller(session), rowOf('comment', commentId), connection),
    )
    on('delete-comment', args.OfComment, ({ connection, session }, { commentId }) =>
      deleteComment(parts, caller(session), rowOf('comment', commentId), connection),
    )
    on('delete-reply', args.DeleteReply, ({ connection, session }, { commentId, replyId }) =>
      deleteReply(parts, caller(session), rowOf('comment', commentId), rowOf('reply', replyId), connection),
    )
  }
  if (offer !== 'prds') {
    on('subscribe', args.Subscribe, ({ connection, session }, { organizationId }) =>
      subscribe(parts, caller(session), connection, rowOf('organization', organizationId)),
    )
  }
  const error = (cause: CommandError, request?: string): string =>
    errorFrame(cause, clock.now(), allowances.limitOf(request === undefined ? undefined : eventOf(request)))
  return {
    module: MODULE,
    limits: { frames: settings.frames, maxFrameBytes: settings.maxFrameBytes },
    acknowledged: true,
    binary: true,
    queryParams: ['subscribe', 'batch'],
    home: (session) => homeRoom(session.account.id),
    commands,
    decode,
    connectError: (cause, at) => {
      const isToken = cause.kind === 'unauthenticated'
      const message = isToken ? 'Invalid or expired token' : cause.message
      return { message, data: { code: errorCode(cause), message, timestamp: timestamp(at) } }
    },
    event: (type, payload, _, position) => frame(type as EventName, payload, position),
    signal: (type, payload) => messageOf([type, payload]),
    error,
    outcome: (cause) => (cause ? failed(cause) : acknowledge()),
    resync: (position) => frame('resync', '{}', position),
    open: (session, { subscribe: organizations }) => open(session, organizations),
    farewell: () => undefined,
    heartbeat: () => frame('ping', 'null'),
    onClosed: (connection, session) => {
      allowances.forget(connection)
      const left = live.closed(connection)
      if (offer !== 'notifications') live.returning.gone(placeOf(session), left.length > 0)
      // Who goes because the server does is remembered by the next one.
      if (parts.hub.isDraining) return
      forgetSessions(parts, connection).catch(parts.hub.onError)
    },
  }

  /** @param organizations subscribed to from the start, by comma: what a client that resumes had subscribed to */
  function open(session: Session, organizations: string | undefined): Promise<Opening> {
    return database.read(async (reader) => {
      const { offset } = await eventLog.head(reader)
      const { id } = session.account
      const { rooms, refused } = await subscriptionsOf(parts, reader, id, organizations ?? '')
      const faults = offer === 'prds' || refused === undefined ? [] : [error(refused)]
      return {
        rooms: offer === 'prds' ? [] : [notifiedRoom(id), ...rooms],
        offset,
        frames: () => [...(isBack(session) ? [frame('reconnect', '1')] : []), ...faults],
      }
    })
  }

  function isBack(session: Session): boolean {
    return offer !== 'notifications' && live.returning.take(placeOf(session))
  }

  function placeOf({ account, id: login }: Session): Place {
    return { accountId: account.id, login, offer }
  }
}

const caller = (session: Session, clientKey?: string): Caller => ({ accountId: session.account.id, clientKey })

const senderOf = ({ connection, session, reply }: CommandContext, clientKey?: string): Sender => ({
  caller: caller(session, clientKey),
  connection,
  onApplied: (applied) => reply(acknowledge(applied)),
})

/** `["event", argument, …]`: what comes after the first argument is ignored. */
function decode(value: unknown): Inbound {
  if (!Array.isArray(value)) throw invalid({ event: 'must be a Socket.IO event' })
  const [name, data] = value as readonly unknown[]
  if (typeof name !== 'string') throw invalid({ event: 'must have a name' })
  return { name, data }
}

/** The name of the event a frame brings; undefined when it has none that could be ours. */
const eventOf = (request: string): string | undefined => /^\["([^"\\]{1,64})"/.exec(request)?.[1]
