import type { Static, TSchema } from 'typebox'
import type { CloseKind } from '../wire/closes.ts'
import type { Connection } from './connection.ts'
import type { CommandError } from './errors.ts'
import type { LogEvent } from './event.ts'
import type { Window } from './limits.ts'
import type { Message } from './message.ts'
import type { Room } from './rooms.ts'
import type { Decode } from './schema.ts'
import { compile } from './schema.ts'
import type { Session } from './session.ts'

/** Why a connection ended; each face says it in its own document's words. */
export type EndReason = 'client' | 'drain' | 'expired' | 'revoked' | 'timeout' | 'slow' | 'flood' | 'unauthenticated' | 'failed'

/**
 * Parts of the URL the face asked for: those of the path, like a workspace id, and of the query what `queryParams`
 * names, its values joined by commas. A part that is in the path cannot be overridden by the query.
 */
export type FaceParams = Readonly<Record<string, string>>

export interface Inbound {
  readonly name: string
  readonly data: unknown
}

export interface CommandContext {
  readonly connection: Connection
  readonly session: Session
  /** Sends the reply at once, between the signals around it; what the command returns is then not sent. */
  readonly reply: (text: string) => void
}

/** One command of a face: checked against its schema, rebuilt, then run. What `run` returns is sent as the reply. */
export interface Command {
  readonly decode: Decode<unknown>
  readonly run: (context: CommandContext, data: unknown) => Promise<string | void> | string | void
  /**
   * The next of its connection's frames is handled without waiting for it, if that is such a command too: one that keeps
   * their order itself, by beginning its unit of work at once. Many then share a commit (rule K-15).
   */
  readonly streamed?: true
}

export function command<S extends TSchema>(
  schema: S,
  run: (context: CommandContext, data: Static<S>) => Promise<string | void> | string | void,
): Command {
  return { decode: compile(schema), run: run as Command['run'] }
}

/** What a connection starts with. */
export interface Opening {
  readonly rooms: readonly Room[]
  /** Offset of the log that `rooms` and `frames` were read at: everything later comes through the log. */
  readonly offset: number
  /** Positions below this one say nothing of what this party was sent: it has to reload. Absent: all are good. */
  readonly resumableFrom?: number
  /**
   * Sent first, in order.
   * @param position to name, when the client asked for positions
   * @param fresh nothing of what it missed is replayed: it did not ask, or that cannot be known any more
   */
  frames(position: string | undefined, fresh: boolean): readonly string[]
  /** The connection has caught up: everything it missed has been sent to it. */
  onLive?(connection: Connection): void
}

/** Where a face can be reached. */
export type Endpoint =
  | {
      readonly kind: 'websocket'
      readonly face: Face
      /** The parameters in a path that is this face's, undefined for any other path. */
      readonly match: (path: string) => FaceParams | undefined
    }
  | SocketIoEndpoint

/**
 * One face may be at several: its counts and rooms are then shared. Several faces may be at one: a socket that comes
 * there with a token is a connection of each of them, and an event goes to the first that has a command of its name,
 * or else to the first of all. Without a token it is one of those that have no `connectError`.
 */
export interface SocketIoEndpoint {
  readonly kind: 'socketio'
  readonly face: Face
  readonly namespace: string
  /** Of the URL, each with a slash at either end. Absent: `/socket.io/` alone. */
  readonly paths?: readonly string[]
}

/** What a module shows on a socket: its document, as functions from our terms to its frames. */
export interface Face {
  readonly module: string
  readonly limits: {
    /** Frames that a client may send; protocol pings count too, unless pings have a window of their own. */
    readonly frames: Window
    /** What all connections of one account may send together; the same frames are counted. */
    readonly accountFrames?: Window
    /** For a document whose heartbeat is free: its pings and protocol pings are counted here instead. */
    readonly pings?: Window
    /** Bytes of one frame that are still answered with the document's error; far above it the transport closes. */
    readonly maxFrameBytes: number
    /** Connections of one account that may be open on this face at once. Absent: the hub's limit. */
    readonly connectionsPerAccount?: number
    /** Connections one account may open; an attempt that is refused does not count. Needs `refusal`. */
    readonly opens?: Window
    /**
     * Milliseconds the connections of an account that has no slot left are given to answer a ping, before the silent
     * ones are cut and their slots given away. Needs `refusal`. Absent: 2 000, a few round trips of a slow network.
     */
    readonly probeMs?: number
    /** Milliseconds until a connection must be authenticated, its handshake included. Absent: the hub's limit. */
    readonly authDeadlineMs?: number
    /**
     * Present: authentication is a command that may be repeated, and a connection outlives its refusal (rule K-13).
     * Milliseconds that a connection stays after the first refused token, or after its token has expired, until a good
     * one is presented. Absent: a refused or expired token ends the connection. Not together with `refusal`.
     */
    readonly authGraceMs?: number
  }
  /**
   * What a command returns is its acknowledgement: sent to who waits for one, to nobody else. Absent: a reply is sent
   * as a frame to who waits for none.
   */
  readonly acknowledged?: true
  /**
   * Present: the token is checked and a slot is taken before the WebSocket handshake, and who is refused gets this
   * text, JSON, as the body of a plain HTTP answer. The status is the error's: 401 unauthenticated, 400 invalid (query
   * parameters), 429 rate_limited (with `retryAfter`: too many were opened; without: too many are open), 503
   * unavailable, 500 internal. Absent: everybody is let in, then told in frames. Socket.IO never asks it.
   */
  refusal?(error: CommandError): string
  /**
   * Present: on Socket.IO the token comes with the handshake; it is checked and a slot is taken before the socket is
   * let into the namespace, and who is refused gets a `connect_error` with this message and data. What would keep the
   * whole server from taking anybody (it is full, or goes away) ends the session instead: from that a stock client
   * comes back by itself. Absent: everybody is let in, then told in frames. Raw WebSockets never ask it.
   */
  connectError?(error: CommandError, at: number): { readonly message: string; readonly data: object }
  /**
   * Parameters of the query that this face wants among its `params`. Doubled ones and comma-separated values are
   * collected in their order, without empty ones: `?a=1&a=2,3` is `1,2,3`. More than 64 values of a name, or one over
   * 200 characters, are refused before the handshake. Of Socket.IO they are looked for in `auth` first, and what
   * cannot be read is a connect_error.
   */
  readonly queryParams?: readonly string[]
  /** Whether a frame is the document's own ping; asked only where pings have a window of their own. */
  isPing?(text: string): boolean
  /**
   * The room of this party's connections, entered before anything else is read: effects on the party find it there,
   * also while it is still being opened.
   */
  home(session: Session, params: FaceParams): Room
  readonly commands: ReadonlyMap<string, Command>
  /** Which command a frame is. @throws CommandError invalid */
  decode(frame: unknown): Inbound
  /** The token, when this frame is the face's way to present one. Absent: it comes with the upgrade or not at all. */
  token?(frame: unknown): string | undefined
  /**
   * Present: events with attachments are taken, up to 10 in each. `limits.maxFrameBytes` counts them too, and what
   * commands get has a `Uint8Array` in the place of each; schemas say so with `Bytes`. Absent: they are refused.
   */
  readonly binary?: true
  event(type: string, payload: string, at: number, position: string | undefined): Message
  signal(type: string, payload: object, at: number): Message
  /** @param request the frame that is refused, for documents whose errors name it; of one too large its beginning */
  error(error: CommandError, request?: string): string
  /**
   * That a token was refused, is missing or has expired, or that nobody could be let in with it: the authentication
   * itself, not a command. Absent: `error`, with the frame that presented the token, if one did.
   */
  authenticationError?(error: CommandError): string
  /**
   * The acknowledgement of a command that has no reply of its own, where the client waits for one. Of a token too,
   * where `authGraceMs` is given.
   * @param request the frame that is answered; of one too large its beginning
   */
  outcome(error: CommandError | undefined, request?: string): string
  /** Missed events cannot be given: reload over REST, then go on from this position. */
  resync(position: string, at: number): string
  /** @param resuming the client gets what it missed from the log, so that nothing else need be sent for it. */
  open(session: Session, params: FaceParams, resuming: boolean): Promise<Opening>
  /**
   * The party of an open connection has presented a newer token of its own; only where `authGraceMs` is given.
   * @returns what says so, sent before the acknowledgement; it is given the position to name, when the client asked
   *   for positions
   */
  refreshed?(session: Session): Promise<(position: string | undefined) => readonly string[]>
  /**
   * Last frame, or frames, before the server closes, never after a close that the client began. Best effort for who
   * reads too slowly. Where the token is checked before the handshake it may come before any other frame.
   * @param code of the close frame that follows.
   */
  farewell(session: Session, reason: EndReason, at: number, code: number): string | readonly string[] | undefined
  /**
   * The close code, where the document has one of its own; undefined, like absent, is what `wire/closes.ts` says. Who
   * has fallen silent is cut without a word, unless this gives a code for `policy`, `timeout`.
   */
  closeCode?(kind: CloseKind, reason: EndReason): number | undefined
  /** The protocol's own ping, sent with every heartbeat. */
  heartbeat(at: number): string | undefined
  /**
   * An authenticated connection ends, or its party leaves it (`expired`; `client` for another account); it is still in
   * its rooms. A command of it may still be running.
   */
  onClosed?(connection: Connection, session: Session, reason: EndReason): void
  /** An event of this module has been put into the outboxes of at least one connection of this node. */
  onDelivered?(event: LogEvent): void
}
