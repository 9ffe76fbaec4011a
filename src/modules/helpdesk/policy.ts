import { conflict, forbidden, notFound } from '../../kernel/errors.ts'
import type { Visibility } from './tables.ts'
import { permissions, type Permission, type Role } from './wire.ts'

/**
 * Who may do what, as one table of functions (PROTOCOL.md, "Who may do what"). Each decides from rows that were read in
 * the transaction of the deed. Hidden and absent things answer alike.
 */

/** What the database says of a person now. */
export interface Person {
  readonly actor_id: number
  readonly actor_name: string
  /** Role of the account on this server. */
  readonly account_role: string
  /** Null: nothing was ever set. */
  readonly role: Role | null
  readonly grants: string | null
}

/** How a person stands to a channel. */
export interface Standing extends Person {
  readonly visibility: Visibility
  /** Their id when they are a member, else null. */
  readonly member: number | null
  readonly archived_at: number | null
}

const ofCustomers: readonly Permission[] = ['chat.access', 'chat.send_messages', 'call.audio', 'call.video']
const ofAgents: readonly Permission[] = [
  ...ofCustomers,
  'chat.create_channels',
  'chat.manage_channels',
  'call.view_history',
]

/** H-P1: what a role may do before anything was granted or denied. */
export const permissionsOfRole: Readonly<Record<Role, readonly Permission[]>> = {
  customer: ofCustomers,
  agent: ofAgents,
  admin: permissions,
}

/** H-P1: admins of the server are admins here. */
export const roleOf = (person: Pick<Person, 'account_role' | 'role'>): Role =>
  person.account_role === 'admin' ? 'admin' : (person.role ?? 'customer')

/** H-P2: what was granted is added, what was denied taken away; of an admin nothing is. */
export function permissionsOf(person: Pick<Person, 'account_role' | 'role' | 'grants'>): ReadonlySet<Permission> {
  const role = roleOf(person)
  const held = new Set(permissionsOfRole[role])
  if (role === 'admin' || person.grants === null || person.grants === '{}') return held
  const grants = JSON.parse(person.grants) as Partial<Record<Permission, boolean>>
  for (const permission of permissions) {
    if (grants[permission] === true) held.add(permission)
    if (grants[permission] === false) held.delete(permission)
  }
  return held
}

/** @throws forbidden naming the permission that is missing */
export function checkMay(person: Person, ...needed: readonly Permission[]): void {
  const held = permissionsOf(person)
  const missing = needed.find((permission) => !held.has(permission))
  if (missing !== undefined) throw forbidden(`You need the permission ${missing} for this; an admin can give it to you`)
}

/** H-P3: public is seen by everybody in the chat, internal by agents and admins, private by its members and admins. */
export function seesChannel(standing: Person & Pick<Standing, 'visibility' | 'member'>): boolean {
  if (!permissionsOf(standing).has('chat.access')) return false
  const role = roleOf(standing)
  if (standing.visibility === 'internal') return role !== 'customer'
  return standing.visibility === 'public' || standing.member !== null || role === 'admin'
}

/** @throws forbidden without chat.access, not_found when absent or hidden */
export function checkSees<C extends Standing>(channel: C | undefined, what = 'This channel'): C {
  if (!channel) throw notFound(what)
  checkMay(channel, 'chat.access')
  if (!seesChannel(channel)) throw notFound(what)
  return channel
}

/** H-P4: nothing is added to what is archived. */
export function checkLives({ archived_at }: Pick<Standing, 'archived_at'>): void {
  if (archived_at !== null) throw conflict('This channel is archived; nothing can be added to it')
}

/** H-P5: only admins say who may do what. */
export function checkAdministers(person: Person): void {
  if (roleOf(person) !== 'admin') throw forbidden('Only an admin may do this')
}

/** H-P6: agents and admins work on everybody's tickets, a customer has their own. */
export const worksTickets = (person: Person): boolean => roleOf(person) !== 'customer'
