import type { Effect } from '../../kernel/event.ts'
import type { Audience } from '../../kernel/rooms.ts'
import type { Unit } from '../../kernel/unit-of-work.ts'
import { MODULE } from './rooms.ts'
import type { EventName, Payload } from './wire.ts'

/** What is forgotten with a thing: its own events and those of everything under it. */
export const conversationSubject = (id: number): string => `dating:conversation:${id}`
export const messageSubject = (conversation: number, id: number): string =>
  `${conversationSubject(conversation)}/message:${id}`

export interface Extra {
  readonly subject?: string
  readonly effects?: readonly Effect[]
}

/** The one place where a dating event enters the log. */
export function emit<N extends EventName>(
  unit: Unit,
  type: N,
  data: Payload<N>,
  audience: Audience,
  extra: Extra = {},
): void {
  unit.emit({ module: MODULE, type, payload: data, audience, ...extra })
}

/** Rooms or connections change between the events before and after; nobody is told. */
export function effect(unit: Unit, type: string, effects: readonly Effect[]): void {
  unit.emit({ module: MODULE, type, audience: { to: [] }, effects })
}
