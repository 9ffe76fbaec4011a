import { conflict, forbidden, invalid, notFound } from '../../kernel/errors.ts'
import { checkModerates, checkNotSuspended, type Standing } from './policy.ts'

/** Who finds, likes, blocks and judges whom. Each decides from rows that were read in the transaction of the deed. */

/** Who asks. */
export interface Actor extends Pick<Standing, 'suspended_at'> {
  readonly id: number
  /** Their id when they have a profile. */
  readonly profile: number | null
  /** On the server as a whole. */
  readonly role: string
}

/** Somebody else, as who asks stands to them. Ids stand for the rows that are there. */
export interface Other extends Pick<Standing, 'suspended_at'> {
  readonly id: number
  readonly status: string
  readonly profile: number | null
  /** 1: shown to their matches alone. */
  readonly hidden: number | null
  readonly blocks_them: number | null
  readonly blocked_by: number | null
  readonly liked_by: number | null
  /** Uuid of the conversation of the two that lasts. */
  readonly conversation: string | null
}

const PROFILE = 'This profile'

/** D-P2: whoever is suspended does nothing here. @throws forbidden */
export function checkActs<A extends Actor>(actor: A | undefined): A {
  if (!actor) throw notFound('This account')
  checkNotSuspended(actor)
  return actor
}

/** D-P9: who looks at others can be looked at. @throws forbidden */
export function checkHasProfile<A extends Actor>(actor: A | undefined): A {
  const acting = checkActs(actor)
  if (acting.profile === null) throw forbidden('You have no profile yet; make one first, with PUT /api/dating/profile')
  return acting
}

/**
 * D-P10: a profile is seen by everybody with one, unless one of the two has blocked the other, or it is hidden and they
 * are no match. Suspended, switched off and absent ones answer alike, so that nobody can tell that they were blocked.
 * @throws not_found
 */
export function checkSeesProfile<O extends Other>(actor: Actor, other: O | undefined): O {
  if (!other || other.profile === null || other.suspended_at !== null) throw notFound(PROFILE)
  if (other.id === actor.id) return other
  if (other.status !== 'active' || other.blocks_them !== null || other.blocked_by !== null) throw notFound(PROFILE)
  if (other.hidden === 1 && other.conversation === null) throw notFound(PROFILE)
  return other
}

/** There is somebody else of this id. @throws not_found, invalid for oneself */
export function checkOther<O extends Pick<Other, 'id'>>(actor: Actor, other: O | undefined, deed: string): O {
  if (!other) throw notFound('This person')
  if (other.id === actor.id) throw invalid({ user_id: `must be the id of somebody else; nobody ${deed} themself` })
  return other
}

/**
 * D-P11: everybody may be liked, whether it can come to anything or not: only so does the answer say nothing of a
 * block, or of a profile that is hidden. But whom one has blocked oneself, one has to let back first. @throws forbidden
 */
export function checkLikes({ blocks_them }: Other): void {
  if (blocks_them !== null) throw forbidden('You have blocked this person; take the block back first')
}

/** D-P11: both like each other, and nothing keeps them apart. */
export const isMatch = (other: Other): boolean =>
  other.liked_by !== null &&
  other.blocked_by === null &&
  other.blocks_them === null &&
  other.profile !== null &&
  other.status === 'active' &&
  other.suspended_at === null

/** D-P11: a like is taken back until it has made a match. @throws conflict */
export function checkTakesBack({ conversation }: Other): void {
  if (conversation === null) return
  throw conflict('You have matched; end the conversation instead, with DELETE /api/dating/conversations/:id')
}

/** D-P4: reports are seen and resolved by moderators, but not by who is reported. @throws forbidden, not_found */
export function checkJudges<R extends { readonly reported_id: number }>(actor: Actor, report: R | undefined): R {
  checkModerates(actor.role)
  if (!report || report.reported_id === actor.id) throw notFound('This report')
  return report
}

/** D-P4: what is closed stays as it was decided. @throws conflict */
export function checkOpen({ status }: { readonly status: string }): void {
  if (status !== 'open') throw conflict('This report is closed; nothing more is done with it')
}
