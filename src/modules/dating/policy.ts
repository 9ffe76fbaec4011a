import { CommandError, forbidden, notFound } from '../../kernel/errors.ts'

/**
 * Who may do what, as one table of functions (PROTOCOL.md, "Who may do what"). Each decides from rows that were read in
 * the transaction of the deed.
 */

/** How an account stands to a conversation. */
export interface Standing {
  /** Their id when they are one of the two, else null. */
  readonly member: number | null
  readonly ended_at: number | null
  readonly locked_at: number | null
  readonly suspended_at: number | null
}

/**
 * D-P1: the two people of a conversation reach it, while it lasts. Unmatched, blocked and never in it answer alike, word
 * for word, so that nobody can tell that they were blocked.
 * @throws not_found when there is no such conversation, forbidden when it is not theirs or no longer
 */
export function checkReaches<C extends Standing>(conversation: C | undefined): C {
  if (!conversation) throw notFound('This conversation')
  if (conversation.member === null || conversation.ended_at !== null) throw notYours()
  checkNotSuspended(conversation)
  return conversation
}

export const notYours = (): CommandError => forbidden('This conversation is not yours, or not any more')

/** D-P2: whom a moderator has suspended does nothing here. */
export function checkNotSuspended({ suspended_at }: Pick<Standing, 'suspended_at'>): void {
  if (suspended_at !== null)
    throw forbidden('Your profile is suspended; write to the support to have it looked at again')
}

/** D-P3: while a report is looked into, nobody joins or writes. @throws conflict on joining: CONVERSATION_FULL */
export function checkJoinable({ locked_at }: Pick<Standing, 'locked_at'>): void {
  if (locked_at !== null) throw new CommandError('conflict', 'This conversation takes nobody in at the moment')
}

export function checkWritable({ locked_at }: Pick<Standing, 'locked_at'>): void {
  if (locked_at !== null) throw forbidden('Nothing can be written in this conversation at the moment')
}

/** D-P4: moderators are the server's admins. */
export function checkModerates(role: string): void {
  if (role !== 'admin') throw forbidden('Only a moderator may do this')
}
