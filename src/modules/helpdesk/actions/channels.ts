import Type, { type Static } from 'typebox'
import { perform, type Caller } from '../../../kernel/action.ts'
import { conflict, invalid } from '../../../kernel/errors.ts'
import { Text } from '../../../kernel/fields.ts'
import { checkName } from '../../../kernel/names.ts'
import { compile } from '../../../kernel/schema.ts'
import { builder } from '../../../kernel/statement.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { channelSubject, effect, emit } from '../events.ts'
import { showChannel, type Channel } from '../lists/channels.ts'
import { checkMay, seesChannel } from '../policy.ts'
import { homeRoom, joinedRoom } from '../rooms.ts'
import type { ChannelAccess } from '../store/access.ts'
import {
  countChannels,
  deleteMembers,
  insertChannel,
  insertMember,
  markDeleted,
  memberRights,
  saveChannel,
  unlinkTickets,
} from '../store/channels.ts'
import type { HelpdeskTables, Visibility } from '../tables.ts'
import { timestamp, type ChannelChanges } from '../wire.ts'
import { purgeChannel } from './channel-purge.ts'
import { reachChannel, reachPerson, type Parts } from './parts.ts'

export { CHANNEL_PURGE, continueChannelPurge } from './channel-purge.ts'

/** Code points of a name: one that is longer fits no list of channels. */
const NAME = 80

export const ChannelName = Type.String({ minLength: 1, maxLength: NAME })
export const Description = Text(0, 1_000)
export const Topic = Text(0, 250)

/** What the document's broadcast can tell of. */
export const toldChanges = {
  name: Type.Optional(ChannelName),
  description: Type.Optional(Description),
  topic: Type.Optional(Topic),
  archived: Type.Optional(Type.Boolean()),
}
const ToldChanges = Type.Object(toldChanges)
const decodeTold = compile(ToldChanges)

/** What may be changed; absent members stay as they are. */
export interface Changes extends Static<typeof ToldChanges> {
  readonly visibility?: Visibility
}

export interface NewChannel {
  readonly name: string
  readonly description: string
  readonly topic: string
  readonly visibility: Visibility
  /** Accounts that are in it from the beginning, besides the one who makes it. */
  readonly memberIds: readonly number[]
}

export function createChannel(parts: Parts, caller: Caller, input: NewChannel): Promise<Channel> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const person = await reachPerson(unit, caller)
    checkMay(person, 'chat.access', 'chat.create_channels')
    const name = checkChannelName(input.name)
    const most = parts.settings.channels
    const { count } = (await unit.get(countChannels, {}))!
    if (Number(count) >= most) throw conflict(`There are ${most} channels already; delete one to make another`)
    const members = new Set([caller.accountId, ...input.memberIds])
    await checkPeople(unit, members, 'memberIds')
    if (members.size > parts.settings.channelMembers) throw full(parts)
    const { id } = (await unit.get(insertChannel, {
      name,
      description: input.description.toWellFormed(),
      topic: input.topic.toWellFormed(),
      visibility: input.visibility,
      created_by: caller.accountId,
      created_at: unit.now,
      updated_at: unit.now,
    }))!
    about(channelSubject(id))
    for (const user of members) {
      const added = { added_by: caller.accountId, added_at: unit.now, joined_at: null }
      await unit.run(insertMember, { channel: id, user, ...added })
    }
    return showChannel(unit, await reachChannel(unit, caller, id))
  })
}

/**
 * The command `channel_updated`.
 * @param changes as a client gave them; keys that the document does not name are dropped
 */
export async function updateChannel(parts: Parts, caller: Caller, id: number, changes: unknown): Promise<Channel> {
  const wanted = decodeTold(changes)
  if (Object.keys(wanted).length === 0) {
    throw invalid({ changes: 'must have at least one of name, description, topic and archived' })
  }
  return editChannel(parts, caller, id, wanted)
}

/** Who loses sight of it by another visibility is out of it at once, on all of their tabs. */
export function editChannel(parts: Parts, caller: Caller, id: number, wanted: Changes): Promise<Channel> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const before = await reachChannel(unit, caller, id)
    about(channelSubject(id))
    checkMay(before, 'chat.manage_channels')
    const { changes, columns } = readChanges(wanted)
    const { archived, visibility = before.visibility } = wanted
    if (!seesChannel({ ...before, visibility })) {
      throw conflict('You would not see this channel any more; become a member of it first')
    }
    const archivedAt = archived === undefined ? before.archived_at : archived ? (before.archived_at ?? unit.now) : null
    const after = { ...before, ...columns, visibility, archived_at: archivedAt, updated_at: unit.now }
    await unit.run(saveChannel, after)
    // The document has no word for who may see it.
    if (Object.keys(changes).length > 0) tellUpdated(unit, after, changes)
    if (visibility !== before.visibility) await hideFromOthers(parts, unit, after)
    return showChannel(unit, after)
  })
}

/**
 * Who is in a room of the channel is a member, or an admin, who sees everything. Out of it in the commit itself: not
 * even what is said right after it, in the same commit group, reaches them, nor who is just coming back.
 */
async function hideFromOthers(parts: Parts, unit: Unit, { id, visibility }: ChannelAccess): Promise<void> {
  const members = await unit.all(memberRights, { channel: id })
  const blind = members.filter((person) => !seesChannel({ ...person, visibility, member: person.actor_id }))
  if (blind.length > 0) {
    const leaving = blind.map(({ actor_id }) => ({ of: homeRoom(actor_id), rooms: [joinedRoom(id)] }))
    effect(unit, 'visibility', leaving.map((each) => ({ kind: 'leave', ...each }) as const))
  }
  unit.after(() => parts.live.visibilityChanged(id, visibility))
}

/** The channel with everything in it. From the commit on nobody reaches anything of it. */
export async function deleteChannel(parts: Parts, caller: Caller, id: number): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const channel = await reachChannel(unit, caller, id)
    checkMay(channel, 'chat.manage_channels')
    await unit.run(markDeleted, { channel: id, at: unit.now })
    await unit.run(unlinkTickets, { channel: id })
    await unit.run(deleteMembers, { channel: id })
    await purgeChannel(unit, id)
    emit(unit, 'channel_updated', showUpdated(unit, channel, { deleted: true }), ofJoined(channel), {
      effects: [
        { kind: 'forget', subject: channelSubject(id) },
        { kind: 'leave', of: joinedRoom(id), rooms: [joinedRoom(id)] },
      ],
    })
    unit.after(() => parts.live.closeChannel(id))
  })
}

/** @throws invalid when one of them is no active account */
export async function checkPeople(unit: Unit, ids: ReadonlySet<number>, field: string): Promise<void> {
  const query = builder<HelpdeskTables>(unit.dialect)
    .selectFrom('accounts')
    .select('id')
    .where('id', 'in', [...ids])
    .where('status', '=', 'active')
  const { length } = await unit.query(query.compile())
  if (length < ids.size) throw invalid({ [field]: 'must name people who have an active account here' })
}

export const full = ({ settings }: Pick<Parts, 'settings'>) =>
  conflict(`A channel has at most ${settings.channelMembers} people; remove somebody first`)

/** As the broadcast repeats them, and as they are kept. */
function readChanges({ name, description, topic, archived }: Changes) {
  const columns = {
    ...(name !== undefined && { name: checkChannelName(name) }),
    ...(description !== undefined && { description: description.toWellFormed() }),
    ...(topic !== undefined && { topic: topic.toWellFormed() }),
  }
  return { columns, changes: { ...columns, ...(archived !== undefined && { archived }) } }
}

function checkChannelName(text: string): string {
  const name = checkName('name', text)
  if ([...name].length > NAME) throw invalid({ name: `must have at most ${NAME} characters` })
  return name
}

function tellUpdated(unit: Unit, channel: ChannelAccess, changes: ChannelChanges): void {
  const subject = channelSubject(channel.id)
  emit(unit, 'channel_updated', showUpdated(unit, channel, changes), ofJoined(channel), { subject })
}

const showUpdated = (unit: Unit, { id, actor_id, actor_name }: ChannelAccess, changes: ChannelChanges) => ({
  channelId: id,
  changes,
  updatedBy: actor_id,
  updaterName: actor_name,
  updatedAt: timestamp(unit.now),
})

/** Who has joined, and all tabs of the one who acts. */
const ofJoined = ({ id, actor_id }: ChannelAccess) => ({ to: [joinedRoom(id), homeRoom(actor_id)] })
