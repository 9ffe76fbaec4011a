import { conflict, forbidden, notFound } from '../../kernel/errors.ts'
import type { ChannelRow } from './store/access.ts'
import { roles, type Role } from './wire.ts'

/**
 * Who may do what, as one table of functions (PROTOCOL.md, "Who may do what"). Each decides from rows that were read
 * in the transaction of the deed. Hidden and absent things answer alike: a stranger gets not_found.
 */

/** How an account stands to a workspace, and to a channel of it where one is meant. */
export interface Standing {
  readonly role: Role
  /** Their id when they are in the channel, else null. */
  readonly member: number | null
}

export const atLeast = (role: Role, least: Role): boolean => roles.indexOf(role) >= roles.indexOf(least)

/** W-P1: members of a workspace see it. @throws not_found */
export function checkInside<W>(row: W | undefined): W {
  if (!row) throw notFound('This workspace')
  return row
}

/** W-P2: admins rename it, invite, and remove people. */
export function checkAdministers(role: Role): void {
  if (!atLeast(role, 'admin')) throw forbidden('Only an admin or an owner of the workspace may do this')
}

/** W-P3: only owners make owners and admins, change them or delete the workspace. */
export function checkOwns(role: Role): void {
  if (role !== 'owner') throw forbidden('Only an owner of the workspace may do this')
}

/** W-P4: admins change and remove those below them; owners everybody. */
export function checkRules(actor: Role, target: Role): void {
  checkAdministers(actor)
  if (actor !== 'owner' && atLeast(target, 'admin')) throw forbidden('Only an owner may do this to an admin or owner')
}

/** W-P5: a channel is seen by those in it, a public one by everybody but guests. @throws not_found */
export function checkSees<C extends Standing & Pick<ChannelRow, 'type'>>(channel: C | undefined, what = 'This channel'): C {
  if (!channel || !sees(channel)) throw notFound(what)
  return channel
}

export const sees = (channel: Standing & Pick<ChannelRow, 'type'>): boolean =>
  channel.member !== null || (channel.type === 'public' && channel.role !== 'guest')

/** W-P6: guests are where they were put. */
export function checkNotGuest(role: Role, deed: string): void {
  if (role === 'guest') throw forbidden(`Guests may not ${deed}`)
}

/** W-P7: who made a channel and admins who see it change it. */
export function checkManages(channel: Standing & Pick<ChannelRow, 'created_by' | 'type'>, actor: number): void {
  if (channel.type === 'dm') throw conflict('A direct message is not changed; it is what its people are')
  const made = channel.created_by === actor && channel.role !== 'guest'
  if (!made && !atLeast(channel.role, 'admin')) {
    throw forbidden('Only who made the channel or an admin of the workspace may do this')
  }
}

/** W-P8: the general channel stays, as it is the one everybody is in. */
export function checkNotGeneral(channel: Pick<ChannelRow, 'general' | 'name'>, deed: string): void {
  if (channel.general === 1) throw conflict(`#${channel.name} is where everybody is; it cannot be ${deed}`)
}

/** W-P9: those in a channel take part in it, while it is not archived. */
export function checkTakesPart(channel: Standing & Pick<ChannelRow, 'archived_at' | 'name'>): void {
  if (channel.member === null) throw forbidden('Join the channel first')
  checkLives(channel)
}

export function checkLives(channel: Pick<ChannelRow, 'archived_at' | 'name'>): void {
  if (channel.archived_at !== null) throw conflict('The channel is archived; unarchive it first')
}

/** W-P10: those in a channel bring others in, guests do not; admins also where they only see it. */
export function checkInvites(channel: Standing & Pick<ChannelRow, 'type'>): void {
  if (channel.type === 'dm') throw conflict('A direct message has its people; start another one')
  checkNotGuest(channel.role, 'bring people into a channel')
  if (channel.member === null && !atLeast(channel.role, 'admin')) throw forbidden('Join the channel first')
}

/** W-P11: nobody puts words into another's mouth. */
export function checkWrote(message: { readonly user_id: number }, actor: number): void {
  if (message.user_id !== actor) throw forbidden('Only its author may edit a message')
}

/** W-P12: authors and admins delete; among the people of a direct message only authors. */
export function checkDeletes(channel: Standing & Pick<ChannelRow, 'type'>, author: number, actor: number): void {
  if (author === actor) return
  if (channel.type === 'dm' || !atLeast(channel.role, 'admin')) {
    throw forbidden(channel.type === 'dm' ? 'Only its author may delete it' : 'Only its author or an admin may delete it')
  }
}

/** W-P6: guests know those they share a channel with, and themselves. @throws not_found */
export function checkKnows<M extends { readonly id: number; readonly shared: number | null }>(
  actor: { readonly actor_id: number; readonly role: Role },
  member: M | undefined,
): M {
  if (!member || (actor.role === 'guest' && member.id !== actor.actor_id && member.shared === null)) {
    throw notFound('This member')
  }
  return member
}

/** W-P3: the last owner who can act stays one. @param other another one */
export function checkStaysOwned(role: Role, other: object | undefined): void {
  if (role === 'owner' && !other) throw conflict('This is the last owner; make somebody else an owner first')
}

/** W-P2: an invitation is worth what its inviter may do at the moment it is accepted. */
export function mayInvite(inviter: { readonly role: Role } | undefined, role: Role): boolean {
  return inviter !== undefined && atLeast(inviter.role, role === 'admin' ? 'owner' : 'admin')
}

/** W-P7: who may change a channel takes people out of it, but admins and owners only an owner. */
export function checkKicks(
  channel: Standing & Pick<ChannelRow, 'created_by' | 'type'>,
  actor: number,
  target: Role,
): void {
  checkManages(channel, actor)
  if (atLeast(target, 'admin') && channel.role !== 'owner') throw forbidden('Only an owner may do this to an admin or owner')
}

/** W-E9: those in a channel keep what they have read of it, archived or not. */
export function checkIsIn(channel: Standing): void {
  if (channel.member === null) throw forbidden('Join the channel first')
}

/** W-P13: those who take part in a channel pin for all of it, guests do not. */
export function checkPins(channel: Standing & Pick<ChannelRow, 'archived_at' | 'name'>): void {
  checkNotGuest(channel.role, 'pin messages')
  checkTakesPart(channel)
}
