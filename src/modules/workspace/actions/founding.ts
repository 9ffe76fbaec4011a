import { newUuid } from '../../../kernel/ids.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { channelSubject, emit } from '../events.ts'
import { homeRoom, ofChannel, ofSeers, roomsOfMember } from '../rooms.ts'
import { insertChannelMember, type ChannelRow, type WorkspaceAccess } from '../store/access.ts'
import { insertChannel } from '../store/channels.ts'
import { showCreated, type Person, type Place } from './membership.ts'

type Founded = Pick<ChannelRow, 'type' | 'name' | 'description' | 'public_key' | 'people_key'>

/**
 * A new channel with its first people, the one who makes it among them. Everybody who may know of it gets its
 * creation, and only then who else is in it: so everybody can tell what that is about.
 */
export async function found(
  unit: Unit,
  workspace: WorkspaceAccess,
  channel: Founded,
  others: readonly Person[],
): Promise<Place> {
  const { actor_id: id, actor_uuid, role } = workspace
  const fresh = { ...channel, uuid: newUuid(), workspace_id: workspace.id, created_by: id }
  const row = (await unit.get(insertChannel, { ...fresh, created_at: unit.now, updated_at: unit.now }))!
  const place: Place = { ...row, workspace_uuid: workspace.uuid }
  const people: readonly Person[] = [{ id, uuid: actor_uuid, role }, ...others]
  for (const person of people) {
    await unit.run(insertChannelMember, { channel_id: row.id, user_id: person.id, joined_at: unit.now })
  }
  const subject = channelSubject(workspace.id, row.id)
  emit(unit, workspace.uuid, 'channel.created', showCreated(place, actor_uuid), ofSeers(place), {
    subject,
    effects: people.map((person) => ({
      kind: 'join',
      of: homeRoom(workspace.uuid, person.id),
      rooms: roomsOfMember(row.uuid, person.role === 'guest'),
    })),
  })
  for (const person of others) {
    const joined = { channel_id: row.uuid, user_id: person.uuid }
    emit(unit, workspace.uuid, 'member.joined', joined, ofChannel(row.uuid), { subject })
  }
  return place
}
