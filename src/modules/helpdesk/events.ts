import type { Effect } from '../../kernel/event.ts'
import type { Audience } from '../../kernel/rooms.ts'
import type { Unit } from '../../kernel/unit-of-work.ts'
import { MODULE } from './rooms.ts'
import type { EventName, Payload } from './wire.ts'

/** What is forgotten with a thing: its own events and those of everything under it. */
export const channelSubject = (id: number): string => `helpdesk:channel:${id}`
export const messageSubject = (channel: number, id: number): string => `${channelSubject(channel)}/message:${id}`
export const broadcastSubject = (id: string): string => `helpdesk:broadcast:${id}`

/** Events that are kept in the log and replayed; everything else is true for the moment only, or holds addresses. */
export type LoggedName =
  | 'chat:new_message'
  | 'message_read_receipt'
  | 'system_broadcast_received'
  | 'channel_updated'
  | 'file_upload_notification'

export interface Extra {
  readonly subject?: string
  readonly effects?: readonly Effect[]
}

/** The one place where a helpdesk event enters the log. */
export function emit<N extends LoggedName>(
  unit: Unit,
  type: N,
  payload: Payload<N & EventName>,
  audience: Audience,
  extra: Extra = {},
): void {
  unit.emit({ module: MODULE, type, payload, audience, ...extra })
}

/** Rooms or connections change between the events before and after; nobody is told. */
export function effect(unit: Unit, type: string, effects: readonly Effect[]): void {
  unit.emit({ module: MODULE, type, audience: { to: [] }, effects })
}
