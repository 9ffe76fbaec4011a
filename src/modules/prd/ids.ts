import Type from 'typebox'
import { idOf } from './wire-terms.ts'

/** How things are named on the wire: a prefix and the number of their row. Prefix by kind of thing. */
export const prefixes = {
  prd: 'prd',
  organization: 'org',
  user: 'user',
  version: 'ver',
  comment: 'comment',
  reply: 'reply',
  conflict: 'conflict',
  approval: 'approval',
  notification: 'notif',
  activity: 'activity',
  template: 'template',
  job: 'job',
  suggestion: 'suggestion',
} as const
export type Kind = keyof typeof prefixes

export const toId = (kind: Kind, row: number): string => `${prefixes[kind]}_${row}`

/** The row of a thing; 0, which no row has, where the text names none: what is not ours is simply not there. */
export function rowOf(kind: Kind, id: string): number {
  const prefix = `${prefixes[kind]}_`
  const digits = id.startsWith(prefix) ? id.slice(prefix.length) : ''
  return /^[1-9]\d{0,8}$/.test(digits) ? Number(digits) : 0
}

/** An id of ours, in frames and replies. */
export const IdOf = (kind: Kind) => idOf(prefixes[kind])

/** An id as a client gives it: any short text, which need not name anything. */
export const AnyId = Type.String({ minLength: 1, maxLength: 64, description: 'an id, like prd_1' })
