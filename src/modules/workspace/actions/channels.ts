import { perform, type Caller } from '../../../kernel/action.ts'
import { type CommandError, conflict, invalid } from '../../../kernel/errors.ts'
import { checkName, nameKey } from '../../../kernel/names.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { channelSubject, emit } from '../events.ts'
import { checkLives, checkManages, checkNotGeneral, checkNotGuest, checkTakesPart } from '../policy.ts'
import { channelRoom, fullRoom, guestRoom, homeRoom, ofSeers } from '../rooms.ts'
import { memberByUuid, type ChannelAccess, type ChannelRow, type WorkspaceAccess } from '../store/access.ts'
import {
  countChannels,
  guestsOf,
  idsOf,
  peopleOf,
  privateOf,
  publicNamed,
  showChannel,
  updateChannel,
  uuidOf,
  type Channel,
} from '../store/channels.ts'
import { deleteChannel as removeChannel, deleteChannelMembers } from '../store/workspaces.ts'
import type { ChannelType } from '../wire.ts'
import { purgeChannel } from './channel-purge.ts'
import { found } from './founding.ts'
import { showCreated, type Person } from './membership.ts'
import { reachChannel, reachWorkspace, type Parts } from './parts.ts'

/** Code points of a name: one that is longer fits no sidebar. */
export const NAME = 80

type NamedType = Exclude<ChannelType, 'dm'>

export interface NewChannel {
  readonly type: NamedType
  readonly name: string
  readonly description: string
  /** Who is in it from the beginning, besides the one who makes it. */
  readonly userIds: readonly string[]
}

/** What may be changed; absent members stay as they are. */
export interface ChannelChanges {
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly type?: NamedType | undefined
}

export function createChannel(
  parts: Parts,
  caller: Caller,
  workspaceId: string,
  input: NewChannel,
): Promise<Channel> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const workspace = await reachWorkspace(unit, caller, workspaceId)
    checkNotGuest(workspace.role, 'make channels')
    const name = checkChannelName(input.name)
    const { type } = input
    await checkNameFree(unit, { workspace: workspace.id, user: workspace.actor_id }, type, name)
    const { count } = (await unit.get(countChannels, { workspace: workspace.id }))!
    const most = parts.settings.channelsPerWorkspace
    if (Number(count) >= most) throw conflict(`The workspace has its ${most} channels; delete one to make another`)
    const others = await findPeople(unit, workspace, input.userIds)
    const public_key = type === 'public' ? nameKey(name) : null
    const description = input.description.toWellFormed()
    const place = await found(unit, workspace, { type, name, description, public_key, people_key: null }, others)
    about(channelSubject(workspace.id, place.id))
    const { workspace_uuid } = place
    return showChannel(place, { workspace_uuid, creator: workspace.actor_uuid, joined: true, people: [] })
  })
}

export function editChannel(parts: Parts, caller: Caller, id: string, changes: ChannelChanges): Promise<Channel> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const before = await reachChannel(unit, caller, id)
    about(channelSubject(before.workspace_id, before.id))
    checkManages(before, caller.accountId)
    checkLives(before)
    const { type = before.type } = changes
    const name = changes.name === undefined ? before.name : checkChannelName(changes.name)
    const description = changes.description?.toWellFormed() ?? before.description
    const converted = type !== before.type
    if (!converted && name === before.name && description === before.description) return answer(unit, before)
    if (converted) {
      checkNotGeneral(before, 'made private')
      // Who is not in it would lose it, and perhaps everybody with them.
      checkTakesPart(before)
    }
    if (name !== before.name || (converted && type === 'public')) {
      const asker = { workspace: before.workspace_id, user: before.actor_id }
      await checkNameFree(unit, asker, type, name, before.id)
    }
    const public_key = type === 'public' ? nameKey(name) : null
    const after = { ...before, name, description, type, public_key, updated_at: unit.now }
    await unit.run(updateChannel, after)
    if (converted) await convert(unit, after)
    tellUpdated(unit, after)
    return answer(unit, after)
  })
}

/** An archived channel is kept to be read; clients learn of it by reading it again. */
export function setArchived(parts: Parts, caller: Caller, id: string, archived: boolean): Promise<Channel> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const before = await reachChannel(unit, caller, id)
    about(channelSubject(before.workspace_id, before.id))
    checkManages(before, caller.accountId)
    if (archived) checkNotGeneral(before, 'archived')
    if ((before.archived_at !== null) === archived) return answer(unit, before)
    const after = { ...before, archived_at: archived ? unit.now : null, updated_at: unit.now }
    await unit.run(updateChannel, after)
    tellUpdated(unit, after)
    return answer(unit, after)
  })
}

/** The channel with everything in it; one event says it all. From the commit on nobody reaches anything of it. */
export async function deleteChannel(parts: Parts, caller: Caller, id: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const channel = await reachChannel(unit, caller, id)
    checkManages(channel, caller.accountId)
    checkNotGeneral(channel, 'deleted')
    const { id: row, uuid, workspace_id, workspace_uuid } = channel
    // By name too: when somebody who is away comes back, nobody is a member of it any more.
    const members =
      channel.type === 'public'
        ? await unit.all(guestsOf, { channel: row, workspace: workspace_id })
        : await unit.all(idsOf, { channel: row })
    const to = [...ofSeers(channel).to, ...members.map((member) => homeRoom(workspace_uuid, member.user_id))]
    await unit.run(deleteChannelMembers, { channel: row })
    await unit.run(removeChannel, { channel: row })
    await purgeChannel(unit, row)
    emit(unit, workspace_uuid, 'channel.deleted', { id: uuid }, { to }, {
      effects: [
        { kind: 'forget', subject: channelSubject(workspace_id, row) },
        { kind: 'leave', of: channelRoom(uuid), rooms: [channelRoom(uuid), guestRoom(uuid)] },
      ],
    })
  })
}

/** The channel as the one who acts finds it now. */
export async function answer(unit: Unit, channel: ChannelAccess, joined = channel.member !== null): Promise<Channel> {
  const creator = await creatorOf(unit, channel)
  const people = channel.type === 'dm' ? await unit.all(peopleOf, { channel: channel.id }) : []
  const { workspace_uuid } = channel
  return showChannel(channel, { workspace_uuid, creator, joined, people: people.map(({ uuid }) => uuid) })
}

export async function creatorOf(unit: Unit, channel: Pick<ChannelRow, 'created_by'>): Promise<string> {
  return (await unit.get(uuidOf, { id: channel.created_by }))!.uuid
}

/** Members of the workspace by their ids, each once, without the one who acts. @throws invalid */
export async function findPeople(
  unit: Unit,
  workspace: WorkspaceAccess,
  uuids: readonly string[],
): Promise<(Person & { readonly username: string })[]> {
  const people: (Person & { readonly username: string })[] = []
  for (const uuid of new Set(uuids)) {
    if (uuid === workspace.actor_uuid) continue
    const person = await unit.get(memberByUuid, { workspace: workspace.id, uuid })
    if (!person) throw strangers(workspace)
    people.push(person)
  }
  return people
}

/** A guest is told the same of people who are not there and of people there whom they do not know. */
export const strangers = ({ role }: Pick<WorkspaceAccess, 'role'>): CommandError =>
  invalid({
    user_ids:
      role === 'guest'
        ? 'must be ids of people who are in a channel with you'
        : 'must be ids of members of the workspace; add them to it first',
  })

/** Last, as the channel now is: who does not see it before or after has got its creation or its removal. */
function tellUpdated(unit: Unit, channel: ChannelAccess): void {
  const { uuid: id, name, description, workspace_uuid } = channel
  const subject = channelSubject(channel.workspace_id, channel.id)
  emit(unit, workspace_uuid, 'channel.updated', { id, name, description }, ofSeers(channel), { subject })
}

/** Whoever loses sight of it gets its removal; whoever gains sight gets its creation. Those in it keep it. */
async function convert(unit: Unit, channel: ChannelAccess): Promise<void> {
  const { uuid, workspace_uuid } = channel
  const [full, inside] = [fullRoom(workspace_uuid), channelRoom(uuid)]
  const outside = { to: [full], except: [inside] }
  const subject = channelSubject(channel.workspace_id, channel.id)
  if (channel.type === 'public') {
    const created = showCreated(channel, await creatorOf(unit, channel))
    return emit(unit, workspace_uuid, 'channel.created', created, outside, { subject })
  }
  emit(unit, workspace_uuid, 'channel.deleted', { id: uuid }, outside, {
    // What everybody was told of it until now is, for somebody who comes back later, not theirs any more.
    effects: [{ kind: 'readdress', subject, from: full, to: inside }],
  })
}

function checkChannelName(text: string): string {
  const name = checkName('name', text)
  if ([...name].length > NAME) throw invalid({ name: `must have at most ${NAME} characters` })
  return name
}

/**
 * No two public channels share a name, and nobody gives a private one the name of a channel they see. Of one they do
 * not see the refusal would tell them.
 */
async function checkNameFree(
  unit: Unit,
  asker: { readonly workspace: number; readonly user: number },
  type: ChannelType,
  name: string,
  itself?: number,
): Promise<void> {
  const key = nameKey(name)
  const same = await unit.get(publicNamed, { workspace: asker.workspace, key })
  const seen = type === 'private' ? await unit.all(privateOf, asker) : []
  const taken = [...(same ? [same] : []), ...seen.filter((one) => nameKey(one.name) === key)]
  const other = taken.find((one) => one.id !== itself)
  if (!other) return
  const archived = other.archived_at === null ? '' : ', in the archive'
  throw conflict(`There is a channel #${other.name} already${archived}; choose another name`)
}
