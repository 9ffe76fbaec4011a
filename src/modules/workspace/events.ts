import type { Effect } from '../../kernel/event.ts'
import type { Audience } from '../../kernel/rooms.ts'
import type { Unit } from '../../kernel/unit-of-work.ts'
import { MODULE } from './rooms.ts'
import type { FrameName, Payload } from './wire.ts'

/** What is forgotten with a thing: its own events and those of everything under it. */
export const workspaceSubject = (id: number): string => `workspace:${id}`
export const channelSubject = (workspaceId: number, id: number): string => `${workspaceSubject(workspaceId)}/channel:${id}`
export const messageSubject = (workspaceId: number, channelId: number, id: number): string =>
  `${channelSubject(workspaceId, channelId)}/message:${id}`

export interface Extra {
  readonly subject?: string
  readonly effects?: readonly Effect[]
}

/** The one place where a workspace event enters the log. @param workspace its uuid, for the envelope */
export function emit<N extends FrameName>(
  unit: Unit,
  workspace: string,
  type: N,
  data: Payload<N>,
  audience: Audience,
  extra: Extra = {},
): void {
  unit.emit({ module: MODULE, type, payload: { data, workspace_id: workspace }, audience, ...extra })
}

/** Rooms or connections change between the events before and after; nobody is told. */
export function effect(unit: Unit, type: string, effects: readonly Effect[]): void {
  unit.emit({ module: MODULE, type, audience: { to: [] }, effects })
}
