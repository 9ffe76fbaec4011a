import { forbidden, notFound } from '../../kernel/errors.ts'
import type { CommentRow, ReportRow, Standing } from './store.ts'

/**
 * Who may do what, as one table of functions (PROTOCOL.md, "Who may do what"). Each decides from rows that were read
 * in the transaction of the deed. Hidden and absent things answer alike: a stranger gets not_found.
 */
export const roles = ['reporter', 'developer', 'manager', 'admin'] as const
export type Role = (typeof roles)[number]

export interface Actor {
  readonly id: number
  readonly role: string
}

const atLeast = (actor: Actor, role: Role): boolean => roles.indexOf(actor.role as Role) >= roles.indexOf(role)

/** T-P1: members and admins see a project and what is in it. @throws not_found */
export function checkSees(id: number, standing: Standing | undefined, what: string): Actor {
  const actor = standing && { id, role: standing.actor_role }
  if (!actor || (standing.member === null && actor.role !== 'admin')) throw notFound(what)
  return actor
}

/** T-P2 */
export function checkAdmin(actor: Actor): void {
  if (actor.role !== 'admin') throw forbidden('Only an admin may do this')
}

/** T-P3: projects are made, changed and staffed by managers. */
export function checkManages(actor: Actor): void {
  if (!atLeast(actor, 'manager')) throw forbidden('Only a manager or an admin may do this')
}

/** T-P4: the creator edits their own report, managers any. */
export function checkEditsReport(actor: Actor, report: ReportRow): void {
  if (report.creator_id !== actor.id) checkManagesOr(actor, 'Only the creator, a manager or an admin may edit it')
}

/** T-P5: as editing. */
export function checkDeletesReport(actor: Actor, report: ReportRow): void {
  if (report.creator_id !== actor.id) checkManagesOr(actor, 'Only the creator, a manager or an admin may delete it')
}

/** T-P6: developers move reports along. */
export function checkChangesStatus(actor: Actor): void {
  if (!atLeast(actor, 'developer')) throw forbidden('Only a developer, a manager or an admin may change the status')
}

/** T-P7: managers hand reports out. */
export function checkAssigns(actor: Actor): void {
  checkManagesOr(actor, 'Only a manager or an admin may assign')
}

/** T-P8: developers comment; a reporter does on what they reported or were given, or could never answer a question. */
export function checkComments(actor: Actor, report: ReportRow): void {
  if (atLeast(actor, 'developer') || report.creator_id === actor.id || report.assignee_id === actor.id) return
  throw forbidden('Only a developer, a manager, an admin, the creator or the assignee may comment')
}

/** T-P9: nobody puts words into another's mouth. */
export function checkEditsComment(actor: Actor, comment: CommentRow): void {
  if (comment.user_id !== actor.id) throw forbidden('Only its author may edit a comment')
}

/** T-P10 */
export function checkDeletesComment(actor: Actor, comment: CommentRow): void {
  if (comment.user_id !== actor.id) checkManagesOr(actor, 'Only its author, a manager or an admin may delete it')
}

function checkManagesOr(actor: Actor, message: string): void {
  if (!atLeast(actor, 'manager')) throw forbidden(message)
}
