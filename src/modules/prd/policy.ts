import { conflict, forbidden, invalid, notFound } from '../../kernel/errors.ts'
import type { Access, CollaboratorRole, OrganizationRole } from './tables.ts'
import type { Mode, Resolution } from './wire.ts'

/**
 * Who may do what, as one table of functions (PROTOCOL.md, "Who may do what"). Each decides from rows that were read in
 * the transaction of the deed. Hidden and absent things answer alike.
 */

/** How somebody stands to an organisation. */
export interface Membership {
  readonly actor_id: number
  readonly actor_name: string
  /** Null: no member. */
  readonly organization_role: OrganizationRole | null
}

/** How somebody stands to a PRD. */
export interface Standing extends Membership {
  readonly owner_id: number
  readonly access: Access
  /** Null: it was not shared with them by name. */
  readonly collaborator_role: CollaboratorRole | null
}

export type Right = 'none' | 'view' | 'edit' | 'manage'

/**
 * P-R1: only members of the organisation have any right; its admins and the PRD's owner manage it. Others have what it
 * was shared with them for by name, else what everybody in the organisation has. Viewers of an organisation never edit.
 */
export function rightOf({ actor_id, organization_role, owner_id, access, collaborator_role }: Standing): Right {
  if (organization_role === null) return 'none'
  if (organization_role === 'admin' || owner_id === actor_id) return 'manage'
  const shared = collaborator_role === null ? access : collaborator_role === 'editor' ? 'edit' : 'view'
  return shared === 'edit' && organization_role === 'viewer' ? 'view' : shared
}

export const mayEdit = (standing: Standing): boolean => ['edit', 'manage'].includes(rightOf(standing))
export const seesPrd = (standing: Standing): boolean => rightOf(standing) !== 'none'

/** P-R2: `edit` where one may, when nothing was asked for. */
export const modeOf = (standing: Standing, asked: Mode | undefined): Mode =>
  asked ?? (mayEdit(standing) ? 'edit' : 'view')

/** @throws not_found when absent or hidden */
export function checkSees<S extends Standing>(prd: S | undefined): S {
  if (!prd || !seesPrd(prd)) throw notFound('This PRD')
  return prd
}

/** @throws forbidden */
export function checkEdits(standing: Standing): void {
  if (mayEdit(standing)) return
  throw forbidden('You may only view this PRD; its owner can make you an editor')
}

/** Whose change it is chooses between the two; who manages the PRD writes what it comes to. @throws forbidden, invalid */
export function checkResolves(
  standing: Standing,
  { first_id, second_id }: { readonly first_id: number; readonly second_id: number },
  resolution: Resolution,
): void {
  checkEdits(standing)
  if ([first_id, second_id].includes(standing.actor_id)) return
  if (rightOf(standing) !== 'manage') {
    throw forbidden('Only the two whose changes met, the owner of the PRD and admins of its organization may do this')
  }
  if (resolution !== 'merge') throw invalid({ resolution: 'must be merge, as neither change is yours' })
}

/** Comments and replies: their authors, and who manages the PRD. @throws forbidden */
export function checkDeletes(standing: Standing, written: { readonly account_id: number }): void {
  if (written.account_id === standing.actor_id || rightOf(standing) === 'manage') return
  throw forbidden("Only who wrote it, the PRD's owner and admins of its organization may delete this")
}

/** Title, sharing, status, deletion. @throws forbidden */
export function checkManages(standing: Standing): void {
  if (rightOf(standing) === 'manage') return
  throw forbidden("Only the PRD's owner and admins of its organization may do this")
}

/** @throws not_found for who is no member: organisations are told to their members only */
export function checkMember<M extends Membership>(membership: M | undefined): M {
  if (!membership || membership.organization_role === null) throw notFound('This organization')
  return membership
}

/** Members, templates. @throws forbidden */
export function checkAdministers(membership: Membership): void {
  if (membership.organization_role !== 'admin') throw forbidden('Only an admin of the organization may do this')
}

/** @throws forbidden */
export function checkMakesPrds(membership: Membership): void {
  if (membership.organization_role !== 'viewer') return
  throw forbidden('Viewers of an organization make no PRDs; an admin of it can make you a member')
}

/** An organisation that nobody administers could not be helped. @throws conflict */
export function checkAdminRemains(admins: number): void {
  if (admins < 1) throw conflict('An organization needs an admin; make somebody else one first')
}

/** Whom a PRD may be handed over to: somebody of its organisation who may make one. @throws invalid */
export function checkOwnerToBe(person: Standing | undefined): void {
  const role = person?.organization_role ?? null
  if (role === null) throw invalid({ ownerId: 'must name a member of the organization' })
  if (role === 'viewer') throw invalid({ ownerId: 'must not be a viewer of the organization: viewers own no PRDs' })
}

/** With whom a PRD may be shared by name, and as what. @throws invalid, conflict */
export function checkShareable(person: Standing | undefined, role: CollaboratorRole): void {
  if (!person || person.organization_role === null) throw invalid({ userId: 'must name a member of the organization' })
  if (person.owner_id === person.actor_id) throw conflict('This person owns the PRD; PATCH ownerId hands it over')
  if (role === 'editor' && person.organization_role === 'viewer') {
    throw conflict('Viewers of an organization edit nothing; an admin of it can make them a member')
  }
}

/** An approval is given by who was asked for it. @throws forbidden */
export function checkDecides({ actor_id }: Membership, approval: { readonly approver_id: number }): void {
  if (approval.approver_id !== actor_id) throw forbidden('Only the person who was asked may decide this')
}

/** And is withdrawn by who asked, or who manages the PRD. @throws forbidden */
export function checkWithdraws(standing: Standing, approval: { readonly requested_by: number }): void {
  if (approval.requested_by !== standing.actor_id) checkManages(standing)
}

/** Answers of the AI: who asked for them, and who manages the PRD. @throws forbidden */
export function checkSeesJob(standing: Standing, job: { readonly account_id: number }): void {
  if (job.account_id === standing.actor_id || rightOf(standing) === 'manage') return
  throw forbidden("Only who asked for it, the PRD's owner and admins of its organization may do this")
}
