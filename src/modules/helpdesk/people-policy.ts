import { conflict, forbidden, invalid } from '../../kernel/errors.ts'
import { checkAdministers, checkMay, permissionsOf, roleOf, type Person } from './policy.ts'
import { permissions, type Permission, type Role } from './wire.ts'

/** Who may know of people and change what they may do; see policy.ts. */

/** @throws forbidden for customers */
export function checkKnowsPeople(person: Person): void {
  if (roleOf(person) === 'customer') throw forbidden('Only agents and admins see the list of people')
}

/** @throws forbidden when it is somebody else's and the person is no admin */
export function checkSeesPermissions(person: Person, of: number): void {
  if (of !== person.actor_id) checkAdministers(person)
}

/** Whoever may make one kind of call may have what both need. @throws forbidden */
export function checkMayCall(person: Person): void {
  if (!permissionsOf(person).has('call.video')) checkMay(person, 'call.audio')
}

/** What differs from the role. */
export interface Grants {
  readonly granted: readonly Permission[]
  readonly denied: readonly Permission[]
}

/** What an admin asks for; a list that is given takes the place of the one there is. */
export interface Rights extends Partial<Grants> {
  readonly role?: Role | undefined
}

export function grantsOf({ grants }: Pick<Person, 'grants'>): Grants {
  const kept = JSON.parse(grants ?? '{}') as Partial<Record<Permission, boolean>>
  return {
    granted: permissions.filter((permission) => kept[permission] === true),
    denied: permissions.filter((permission) => kept[permission] === false),
  }
}

/**
 * What a person's row says once an admin has had their will. What is newly granted is denied no more, and the other way
 * round; who becomes an admin is denied nothing any more.
 * @throws invalid when it says nothing, or two things of one permission
 * @throws conflict when an admin would have less than everything
 */
export function withRights(
  person: Person,
  { role, granted, denied }: Rights,
): { readonly role: Role; readonly grants: string } {
  if (role === undefined && granted === undefined && denied === undefined) {
    throw invalid({ role: 'role, granted or denied must be there' })
  }
  if (person.account_role === 'admin' && role !== undefined && role !== 'admin') {
    throw conflict('An admin of the server is an admin here; change the role of the account instead')
  }
  const both = granted?.find((permission) => denied?.includes(permission))
  if (both !== undefined) throw invalid({ denied: `must not have ${both}, which is granted, too` })
  const next: Role = role ?? person.role ?? 'customer'
  const isAdmin = roleOf({ ...person, role: next }) === 'admin'
  if (isAdmin && denied !== undefined && denied.length > 0) {
    throw conflict('An admin has all permissions; make them an agent or a customer to deny any')
  }
  const before = grantsOf(person)
  const kept: Partial<Record<Permission, boolean>> = {}
  for (const permission of granted ?? before.granted) if (!denied?.includes(permission)) kept[permission] = true
  for (const permission of isAdmin ? [] : (denied ?? before.denied)) {
    if (!granted?.includes(permission)) kept[permission] = false
  }
  return { role: next, grants: JSON.stringify(kept) }
}
