import type { Unit } from '../../../kernel/unit-of-work.ts'
import { channelSubject, emit } from '../events.ts'
import { channelRoom, homeRoom, ofChannel, ofPerson, roomsOfMember } from '../rooms.ts'
import { deleteChannelMember, insertChannelMember, type ChannelRow } from '../store/access.ts'
import type { Payload, Role } from '../wire.ts'

/** Who comes or goes: a member of the workspace. */
export interface Person {
  readonly id: number
  readonly uuid: string
  readonly role: Role
}

/** A channel and the workspace it is in, as the wire names it. */
export type Place = ChannelRow & { readonly workspace_uuid: string }

export const showCreated = (channel: Place, createdBy: string): Payload<'channel.created'> => ({
  id: channel.uuid,
  name: channel.name,
  type: channel.type,
  created_by: createdBy,
})

/** Whether somebody who is not in the channel may know of it. */
const seenFromOutside = (channel: Pick<ChannelRow, 'type'>, role: Role): boolean =>
  channel.type === 'public' && role !== 'guest'

/**
 * A person comes into a channel. Whoever did not see it before gets its creation first, and from that event on
 * everything else; then all of its members are told.
 * @param createdBy uuid of who made the channel
 * @returns false when they were in it already; then nothing happens
 */
export async function enter(unit: Unit, channel: Place, person: Person, createdBy: string): Promise<boolean> {
  const row = { channel_id: channel.id, user_id: person.id, joined_at: unit.now }
  if ((await unit.run(insertChannelMember, row)) === 0) return false
  const subject = channelSubject(channel.workspace_id, channel.id)
  const home = homeRoom(channel.workspace_uuid, person.id)
  const rooms = roomsOfMember(channel.uuid, person.role === 'guest')
  const effects = [{ kind: 'join' as const, of: home, rooms }]
  const news = !seenFromOutside(channel, person.role)
  if (news) {
    // Theirs only while they are in it.
    const audience = { ...ofPerson(channel.workspace_uuid, person.id), within: [channelRoom(channel.uuid)] }
    emit(unit, channel.workspace_uuid, 'channel.created', showCreated(channel, createdBy), audience, { subject, effects })
  }
  const joined = { channel_id: channel.uuid, user_id: person.uuid }
  const extra = news ? { subject } : { subject, effects }
  emit(unit, channel.workspace_uuid, 'member.joined', joined, ofChannel(channel.uuid), extra)
  return true
}

/**
 * A person goes out of a channel: its members and they are told; whoever does not see it any more gets its removal.
 * @returns false when they were not in it; then nothing happens
 */
export async function leave(unit: Unit, channel: Place, person: Person): Promise<boolean> {
  if ((await unit.run(deleteChannelMember, { channel_id: channel.id, user_id: person.id })) === 0) return false
  const home = homeRoom(channel.workspace_uuid, person.id)
  const left = { channel_id: channel.uuid, user_id: person.uuid }
  emit(unit, channel.workspace_uuid, 'member.left', left, { to: [channelRoom(channel.uuid), home] }, {
    subject: channelSubject(channel.workspace_id, channel.id),
    effects: [{ kind: 'leave', of: home, rooms: roomsOfMember(channel.uuid, true) }],
  })
  if (!seenFromOutside(channel, person.role)) {
    emit(unit, channel.workspace_uuid, 'channel.deleted', { id: channel.uuid }, ofPerson(channel.workspace_uuid, person.id))
  }
  return true
}
