import { perform, type Caller } from '../../../kernel/action.ts'
import { notFound } from '../../../kernel/errors.ts'
import { channelSubject, effect } from '../events.ts'
import { findMember, type Member } from '../lists/members.ts'
import { checkLives, checkMay } from '../policy.ts'
import { homeRoom, joinedRoom } from '../rooms.ts'
import { countMembers, deleteMember, insertMember } from '../store/channels.ts'
import { checkPeople, full } from './channels.ts'
import { reachChannel, type Parts } from './parts.ts'

/** Somebody becomes a member by themself, or is made one by another; who is one stays one. */
export function addMember(parts: Parts, caller: Caller, channelId: number, user: number): Promise<Member> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const channel = await reachChannel(unit, caller, channelId)
    about(channelSubject(channelId))
    if (user !== caller.accountId) checkMay(channel, 'chat.manage_channels')
    const known = await findMember(unit, channelId, user)
    if (known) return known
    checkLives(channel)
    await checkPeople(unit, new Set([user]), 'userId')
    const { count } = (await unit.get(countMembers, { channel: channelId }))!
    if (Number(count) >= parts.settings.channelMembers) throw full(parts)
    const added = { added_by: caller.accountId, added_at: unit.now, joined_at: null }
    await unit.run(insertMember, { channel: channelId, user, ...added })
    unit.after(() => parts.live.becameMember(channelId, user))
    return (await findMember(unit, channelId, user))!
  })
}

/**
 * Somebody leaves for good, or is taken out: no tab of theirs hears anything of the channel from the commit on. Who may
 * still see it may come back.
 */
export async function removeMember(parts: Parts, caller: Caller, channelId: number, user: number): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const channel = await reachChannel(unit, caller, channelId)
    if (user !== caller.accountId) checkMay(channel, 'chat.manage_channels')
    if ((await unit.run(deleteMember, { channel: channelId, user })) === 0) throw notFound('This member')
    effect(unit, 'member.removed', [{ kind: 'leave', of: homeRoom(user), rooms: [joinedRoom(channelId)] }])
    unit.after(() => parts.live.expel(channelId, user))
  })
}
