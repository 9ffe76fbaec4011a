import { conflict, forbidden, notFound } from '../../../kernel/errors.ts'
import { permissionsOf, roleOf, type Person } from '../policy.ts'
import type { CallRow } from '../store/calls.ts'
import type { CallType, Permission } from '../wire.ts'

/** Who may do what with a call; see policy.ts. */

export const permissionFor = (type: CallType): Permission => `call.${type}`

/** H-K9: both parties need it, for as long as the call lasts. */
export const mayCall = (person: Person, type: CallType): boolean => permissionsOf(person).has(permissionFor(type))

/** @throws forbidden when the other party may not have calls of this type */
export function checkMayBeCalled(person: Person, type: CallType): void {
  if (!mayCall(person, type)) throw forbidden(`${person.actor_name} may not have ${type} calls`)
}

type Parties = Pick<CallRow, 'caller_id' | 'callee_id'>

export const isParty = (call: Parties, user: number): boolean => call.caller_id === user || call.callee_id === user

export const otherParty = (call: Parties, user: number): number =>
  call.caller_id === user ? call.callee_id : call.caller_id

/** H-K6. @throws not_found when there is none, or it is a call of others */
export function checkParty<C extends Parties>(call: C | undefined, user: number): C {
  if (!call || !isParty(call, user)) throw notFound('This call')
  return call
}

/** @throws conflict unless it is the callee's to answer */
export function checkAnswers(call: Parties, user: number): void {
  if (call.callee_id !== user) throw conflict('It is your own call; wait until the other accepts, or end it')
}

/** Whose calls somebody may list: their own; an admin everybody's. @throws forbidden */
export function checkSeesCallsOf(person: Person, user: number): void {
  if (user !== person.actor_id && roleOf(person) !== 'admin') throw forbidden('Only an admin sees the calls of others')
}

/** Parties see their call, and admins every one. @throws not_found when absent or hidden */
export function checkSeesCall<C extends Parties>(person: Person, call: C | undefined): C {
  if (call && roleOf(person) === 'admin') return call
  return checkParty(call, person.actor_id)
}
