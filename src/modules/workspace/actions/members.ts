import { perform, type Caller } from '../../../kernel/action.ts'
import type { Reader } from '../../../kernel/database.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { channelSubject, effect, emit, workspaceSubject } from '../events.ts'
import { atLeast, checkKnows, checkOwns, checkRules, checkStaysOwned } from '../policy.ts'
import { channelRoom, fullRoom, guestRoom, homeRoom, ofPerson } from '../rooms.ts'
import { channelsOf, generalOf, type WorkspaceAccess } from '../store/access.ts'
import { endAdminInvitesBy, endInvitesBy } from '../store/invites.ts'
import {
  deleteMember,
  findMember,
  otherOwner,
  publicChannelsWithout,
  updateRole,
  type MemberRecord,
} from '../store/members.ts'
import type { Role } from '../wire.ts'
import { creatorOf } from './channels.ts'
import { enter, leave, showCreated, type Person } from './membership.ts'
import { reachWorkspace, type Parts } from './parts.ts'

type Workspace = Pick<WorkspaceAccess, 'id' | 'uuid'>

/** @param uuid of the member, or `me` @throws not_found when they are none or may not be known */
export async function reachMember(reader: Reader, workspace: WorkspaceAccess, uuid: string): Promise<MemberRecord> {
  const { id, actor_id: actor, actor_uuid } = workspace
  const wanted = { workspace: id, uuid: uuid === 'me' ? actor_uuid : uuid, actor }
  return checkKnows(workspace, await reader.get(findMember, wanted))
}

/** Nobody is told of a role; what it makes the person see and no more see comes to them as channels. */
export function setRole(
  { unitOfWork, live }: Parts,
  caller: Caller,
  workspaceId: string,
  userId: string,
  role: Role,
): Promise<MemberRecord> {
  return perform(unitOfWork, caller, async (unit, about) => {
    const workspace = await reachWorkspace(unit, caller, workspaceId)
    const member = await reachMember(unit, workspace, userId)
    about(workspaceSubject(workspace.id))
    checkRules(workspace.role, member.role)
    if (atLeast(role, 'admin')) checkOwns(workspace.role)
    if (role === member.role) return member
    checkStaysOwned(member.role, await unit.get(otherOwner, { workspace: workspace.id, user: member.id }))
    await unit.run(updateRole, { workspace: workspace.id, user: member.id, role })
    await endInvitesNotDue(unit, workspace.id, member.id, role)
    if (role === 'guest') await becomeGuest(unit, workspace, member)
    else if (member.role === 'guest') await becomeFull(unit, workspace, { ...member, role })
    if (role === 'guest' || member.role === 'guest') {
      unit.after(() => live.roleChanged(workspace.uuid, member.id, role === 'guest'))
    }
    return { ...member, role }
  })
}

/** Whoever may not invite any more: what they gave out before is worth nothing, and does not come back to life. */
async function endInvitesNotDue(unit: Unit, workspace: number, account: number, role: Role): Promise<void> {
  if (role === 'owner') return
  await unit.run(atLeast(role, 'admin') ? endAdminInvitesBy : endInvitesBy, { workspace, account, at: unit.now })
}

/** What they are not in goes out of their sight. */
async function becomeGuest(unit: Unit, { id, uuid }: Workspace, { id: user }: Person): Promise<void> {
  const home = homeRoom(uuid, user)
  const theirs = await unit.all(channelsOf, { workspace: id, user })
  effect(unit, 'workspace.role', [
    { kind: 'leave', of: home, rooms: [fullRoom(uuid)] },
    { kind: 'join', of: home, rooms: theirs.map((channel) => guestRoom(channel.uuid)) },
  ])
  for (const channel of await unit.all(publicChannelsWithout, { workspace: id, user })) {
    emit(unit, uuid, 'channel.deleted', { id: channel.uuid }, ofPerson(uuid, user))
  }
}

/** Every public channel comes into sight, and they come into the one where everybody is. */
async function becomeFull(unit: Unit, workspace: Workspace, person: Person): Promise<void> {
  const { id, uuid } = workspace
  const home = homeRoom(uuid, person.id)
  const theirs = await unit.all(channelsOf, { workspace: id, user: person.id })
  effect(unit, 'workspace.role', [
    { kind: 'leave', of: home, rooms: theirs.map((channel) => guestRoom(channel.uuid)) },
    { kind: 'join', of: home, rooms: [fullRoom(uuid)] },
  ])
  for (const { creator, ...channel } of await unit.all(publicChannelsWithout, { workspace: id, user: person.id })) {
    const place = { ...channel, workspace_uuid: uuid }
    // Theirs only while they see it.
    const audience = { ...ofPerson(uuid, person.id), within: [fullRoom(uuid), channelRoom(channel.uuid)] }
    const subject = channelSubject(id, channel.id)
    emit(unit, uuid, 'channel.created', showCreated(place, creator), audience, { subject })
  }
  await enterGeneral(unit, workspace, person)
}

export async function enterGeneral(unit: Unit, { id, uuid }: Workspace, person: Person): Promise<void> {
  const general = (await unit.get(generalOf, { workspace: id }))!
  await enter(unit, { ...general, workspace_uuid: uuid }, person, await creatorOf(unit, general))
}

/**
 * Out of every channel and the workspace, at once: the others are told, the person's connections to it are closed.
 * @param userId of the member, or `me`: everybody may leave but the last owner
 */
export async function removeMember(
  { unitOfWork, live }: Parts,
  caller: Caller,
  workspaceId: string,
  userId: string,
): Promise<void> {
  await perform(unitOfWork, caller, async (unit) => {
    const workspace = await reachWorkspace(unit, caller, workspaceId)
    const { id, uuid } = workspace
    const member = await reachMember(unit, workspace, userId)
    if (member.id !== workspace.actor_id) checkRules(workspace.role, member.role)
    checkStaysOwned(member.role, await unit.get(otherOwner, { workspace: id, user: member.id }))
    for (const channel of await unit.all(channelsOf, { workspace: id, user: member.id })) {
      await leave(unit, { ...channel, workspace_uuid: uuid }, member)
    }
    await unit.run(deleteMember, { workspace: id, user: member.id })
    await unit.run(endInvitesBy, { workspace: id, account: member.id, at: unit.now })
    effect(unit, 'workspace.left', [
      { kind: 'close', of: homeRoom(uuid, member.id), close: 'right', reason: 'You are no longer in this workspace' },
    ])
    unit.after(() => live.roster.evict(uuid, member.id))
  })
}
