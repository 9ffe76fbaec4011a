import type { CloseKind } from '../wire/closes.ts'
import type { Connection } from './connection.ts'
import type { Audience, Room } from './rooms.ts'

/**
 * What an event does to open connections and to the log, on every node, in the order of the log:
 * join — connections in `of` enter rooms, just before this event is delivered;
 * leave, close — connections in `of` leave rooms or are cut, just after it;
 * forget — the payloads of all earlier events under `subject` are erased (docs/adr/0003);
 * readdress — earlier events under `subject` are, from now on, for the people of another room.
 */
export type Effect =
  | { readonly kind: 'join' | 'leave'; readonly of: Room; readonly rooms: readonly Room[] }
  | { readonly kind: 'close'; readonly of: Room; readonly close: CloseKind; readonly reason: string }
  | { readonly kind: 'forget'; readonly subject: string }
  | { readonly kind: 'readdress'; readonly subject: string; readonly from: Room; readonly to: Room }

/** What an action says has happened. */
export interface EmittedEvent {
  readonly module: string
  readonly type: string
  readonly audience: Audience
  /** Absent for an event that has effects only and is sent to nobody. */
  readonly payload?: object
  /** Path of the thing it tells of, like `report:7/comment:9`; forgetting a path forgets everything under it. */
  readonly subject?: string
  readonly effects?: readonly Effect[]
}

/** A row of the log. */
export interface LogEvent {
  readonly offset: number
  readonly module: string
  readonly type: string
  readonly audience: Audience
  /** JSON text; null when it has none or when it was forgotten: then it is not sent. */
  readonly payload: string | null
  readonly subject: string | null
  readonly effects: readonly Effect[]
  /** Wall clock, milliseconds: the time of its commit group. */
  readonly at: number
}

/** Typing, cursors, presence: no position, not stored, may be dropped for a connection that reads slowly. */
export interface Signal {
  readonly module: string
  readonly type: string
  readonly audience: Audience
  readonly payload: object
  /**
   * What is kept elsewhere than in the log: never dropped. It also goes to who reads slowly, and counts towards what
   * cuts a connection (rule K-10), and to who has not caught up with the log yet.
   */
  readonly keep?: true
  /** The one connection, of this node, that is left out. */
  readonly exceptConnection?: Connection
}
