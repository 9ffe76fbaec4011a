import type { Effect } from '../../kernel/event.ts'
import type { Audience } from '../../kernel/rooms.ts'
import type { Unit } from '../../kernel/unit-of-work.ts'
import type { Static } from 'typebox'
import { MODULE } from './rooms.ts'
import type { additions, Payload } from './wire.ts'

/** What is forgotten with a thing: its own events and those of everything under it. */
export const prdSubject = (id: number): string => `prd:${id}`
export const commentSubject = (prd: number, id: number): string => `${prdSubject(prd)}/comment:${id}`
export const replySubject = (prd: number, comment: number, id: number): string =>
  `${commentSubject(prd, comment)}/reply:${id}`
export const initiativeSubject = (prd: number, id: string): string => `${prdSubject(prd)}/initiative:${id}`
export const organizationSubject = (id: number): string => `prd:organization:${id}`
export const accountSubject = (id: number): string => `prd:account:${id}`

/**
 * Events that are kept in the log and replayed. Edits have a log of their own (`prd_operations`), and what is true for
 * the moment only (presence, saving, an answer of the AI while it is written) has none.
 */
export type LoggedName =
  | 'version-created'
  | 'git-commit'
  | 'comment-added'
  | 'comment-replied'
  | 'comment-resolved'
  | 'notification'
  | 'activity-update'
  | 'jira-sync-start'
  | 'jira-sync-complete'
  | 'mattermost-message-sent'
  | 'craft-initiative-linked'
  | 'craft-initiative-updated'
  | 'craft-alignment-check'

export interface Extra {
  readonly subject?: string
  readonly effects?: readonly Effect[]
}

/** What the log takes: events of the document, and ours that it does not have. */
export type LoggedPayloads = { readonly [N in LoggedName]: Payload<N> } & {
  readonly [N in keyof typeof additions]: Static<(typeof additions)[N]>
}

/** The one place where an event of a PRD enters the log. */
export function emit<N extends keyof LoggedPayloads>(
  unit: Unit,
  type: N,
  payload: LoggedPayloads[N],
  audience: Audience,
  extra: Extra = {},
): void {
  unit.emit({ module: MODULE, type, payload, audience, ...extra })
}

/** Rooms or connections change between the events before and after; nobody is told. */
export function effect(unit: Unit, type: string, effects: readonly Effect[]): void {
  unit.emit({ module: MODULE, type, audience: { to: [] }, effects })
}
