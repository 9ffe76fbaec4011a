import { perform, type Caller } from '../../../kernel/action.ts'
import { conflict, invalid, notFound } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { channelSubject, emit } from '../events.ts'
import { checkInvites, checkKicks, checkLives, checkNotGeneral } from '../policy.ts'
import { channelRoom, ofPerson } from '../rooms.ts'
import { memberByUuid, type ChannelAccess } from '../store/access.ts'
import { inChannel, type Channel } from '../store/channels.ts'
import { answer, creatorOf } from './channels.ts'
import { enter, leave, showCreated, type Person } from './membership.ts'
import { reachChannel, type Parts } from './parts.ts'

/** Somebody joins by themself (no id, or their own), or is brought in by another; where one is, nothing happens. */
export function addToChannel(
  parts: Parts,
  caller: Caller,
  channelId: string,
  userId: string | undefined,
): Promise<Channel> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const channel = await reachChannel(unit, caller, channelId)
    about(channelSubject(channel.workspace_id, channel.id))
    const self = userId === undefined || userId === channel.actor_uuid
    if (self) {
      if (channel.member !== null) return answer(unit, channel)
      checkLives(channel)
      await admit(unit, channel, { id: channel.actor_id, uuid: channel.actor_uuid, role: channel.role })
      return answer(unit, channel, true)
    }
    checkInvites(channel)
    const person = await unit.get(memberByUuid, { workspace: channel.workspace_id, uuid: userId })
    if (!person) throw invalid({ user_id: 'must be the id of a member of the workspace; add them to it first' })
    if (await unit.get(inChannel, { channel: channel.id, uuid: userId })) return answer(unit, channel)
    checkLives(channel)
    await admit(unit, channel, person)
    return answer(unit, channel)
  })
}

/**
 * Somebody leaves, or is taken out of a channel. The last one may go too: a private channel is then seen by nobody, and
 * goes with its workspace.
 * @param who an id, or `me`
 */
export async function removeFromChannel(parts: Parts, caller: Caller, channelId: string, who: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const channel = await reachChannel(unit, caller, channelId)
    if (channel.type === 'dm') throw conflict('A direct message is what its people are; nobody leaves it')
    const person = await findOut(unit, channel, who === 'me' ? channel.actor_uuid : who)
    if (person.id !== channel.actor_id) checkKicks(channel, caller.accountId, person.role)
    // Guests are there only because somebody has brought them.
    if (person.role !== 'guest') checkNotGeneral(channel, 'left')
    await leave(unit, channel, person)
  })
}

async function findOut(unit: Unit, channel: ChannelAccess, uuid: string): Promise<Person> {
  const person = await unit.get(memberByUuid, { workspace: channel.workspace_id, uuid })
  if (!person || !(await unit.get(inChannel, { channel: channel.id, uuid }))) throw notFound('This member')
  return person
}

/**
 * When a channel became public, its creation went to those who were not in it. A device that was away then and is
 * given it later is in it by now, if its person has joined from another: it would meet the channel unannounced. At
 * this moment nobody to whom this goes is in the room that gives the right to it, so that it is replayed and not sent.
 */
async function admit(unit: Unit, channel: ChannelAccess, person: Person): Promise<void> {
  const createdBy = await creatorOf(unit, channel)
  const changed = channel.updated_at !== channel.created_at
  if (channel.type === 'public' && person.role !== 'guest' && changed) {
    const audience = { ...ofPerson(channel.workspace_uuid, person.id), within: [channelRoom(channel.uuid)] }
    const subject = channelSubject(channel.workspace_id, channel.id)
    emit(unit, channel.workspace_uuid, 'channel.created', showCreated(channel, createdBy), audience, { subject })
  }
  await enter(unit, channel, person, createdBy)
}
