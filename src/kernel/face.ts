import type { Static, TSchema } from 'typebox'
import type { Connection } from './connection.ts'
import type { CommandError } from './errors.ts'
import type { LogEvent } from './event.ts'
import type { Window } from './limits.ts'
import type { Room } from './rooms.ts'
import type { Decode } from './schema.ts'
import { compile } from './schema.ts'
import type { Session } from './session.ts'

/** Why a connection ended; each face says it in its own document's words. */
export type EndReason = 'client' | 'drain' | 'expired' | 'revoked' | 'timeout' | 'slow' | 'flood' | 'unauthenticated' | 'failed'

/** Parts of the URL the face asked for, like a workspace id. */
export type FaceParams = Readonly<Record<string, string>>

export interface Inbound {
  readonly name: string
  readonly data: unknown
}

export interface CommandContext {
  readonly connection: Connection
  readonly session: Session
}

/** One command of a face: checked against its schema, rebuilt, then run. What `run` returns is sent as the reply. */
export interface Command {
  readonly decode: Decode<unknown>
  readonly run: (context: CommandContext, data: unknown) => Promise<string | void> | string | void
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
  /** Sent first, in order. Called with the position to name, when the client asked for positions. */
  frames(position: string | undefined): readonly string[]
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
  | { readonly kind: 'socketio'; readonly face: Face; readonly namespace: string }

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
  }
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
  event(type: string, payload: string, at: number, position: string | undefined): string
  signal(type: string, payload: object, at: number): string
  error(error: CommandError): string
  /** The acknowledgement of a command that has no reply of its own, where the client waits for one. */
  outcome(error: CommandError | undefined): string
  /** Missed events cannot be given: reload over REST, then go on from this position. */
  resync(position: string, at: number): string
  /** @param resuming the client gets what it missed from the log, so that nothing else need be sent for it. */
  open(session: Session, params: FaceParams, resuming: boolean): Promise<Opening>
  /** Last frame before the server closes. */
  farewell(session: Session, reason: EndReason, at: number): string | undefined
  /** The protocol's own ping, sent with every heartbeat. */
  heartbeat(at: number): string | undefined
  /** An authenticated connection ends; it is still in its rooms. */
  onClosed?(connection: Connection, session: Session, reason: EndReason): void
  /** An event of this module has been put into the outboxes of at least one connection of this node. */
  onDelivered?(event: LogEvent): void
}
