import { perform, type Caller } from '../../../kernel/action.ts'
import { conflict, notFound } from '../../../kernel/errors.ts'
import type { Connection } from '../../../kernel/connection.ts'
import { statements } from '../../../kernel/statement.ts'
import type { Unit, UnitOfWork } from '../../../kernel/unit-of-work.ts'
import { channelsOf, joinedRoom } from '../rooms.ts'
import type { ChannelAccess } from '../store/access.ts'
import { countMembers, insertMember } from '../store/channels.ts'
import type { HelpdeskTables } from '../tables.ts'
import { reachChannel, type Parts } from './parts.ts'

const sql = statements<HelpdeskTables>()
const noteJoined = sql<{ channel: number; user: number; at: number }>()((db, p) =>
  db
    .updateTable('helpdesk_members')
    .set({ joined_at: p.at, left_at: null })
    .where('channel_id', '=', p.channel)
    .where('user_id', '=', p.user),
)
const noteLeft = sql<{ channel: number; user: number; at: number }>()((db, p) =>
  db
    .updateTable('helpdesk_members')
    .set({ left_at: p.at })
    .where('channel_id', '=', p.channel)
    .where('user_id', '=', p.user),
)

/**
 * The room first, then the right to it once more: who loses it in between is found there, or is seen here.
 * Who joins a channel that is open to them is a member from then on.
 */
export async function joinChannel(
  parts: Parts,
  caller: Caller,
  { rooms }: { readonly rooms: Rooms },
  connection: Connection,
  id: number,
): Promise<void> {
  await parts.database.read((reader) => reachChannel(reader, caller, id))
  const room = joinedRoom(id)
  const already = connection.rooms.has(room)
  if (!already && channelsOf(connection.rooms).length >= parts.settings.joinedChannels) {
    throw conflict(`This connection has joined ${parts.settings.joinedChannels} channels; leave one first`)
  }
  if (!connection.session) return
  rooms.join(connection, room)
  try {
    await becomeMember(parts, caller, id, (standing) => {
      if (connection.session && connection.rooms.has(room)) parts.live.join(connection, id, standing)
    })
    // Expelled while it was written.
    if (connection.session && !connection.rooms.has(room)) throw notFound('This channel')
  } catch (cause) {
    if (!already) rooms.leave(connection, room)
    throw cause
  }
}

interface Rooms {
  join(connection: Connection, room: string): void
  leave(connection: Connection, room: string): void
}

/**
 * @param joined given how the person stands to the channel, in the order of commits: a change of who may see it that is
 *   committed next must find who has just come
 */
function becomeMember(
  parts: Parts,
  caller: Caller,
  id: number,
  joined: (standing: ChannelAccess) => void,
): Promise<void> {
  return perform(parts.unitOfWork, caller, async (unit) => {
    const standing = await addIfOpen(parts, unit, await reachChannel(unit, caller, id))
    unit.after(() => joined(standing))
  })
}

async function addIfOpen(parts: Parts, unit: Unit, channel: ChannelAccess): Promise<ChannelAccess> {
  const who = { channel: channel.id, user: channel.actor_id, at: unit.now }
  if (channel.member !== null) {
    await unit.run(noteJoined, who)
    return channel
  }
  // An admin who looks into a private channel does not become one of its people.
  if (channel.visibility === 'private') return channel
  const { count } = (await unit.get(countMembers, { channel: channel.id }))!
  if (Number(count) >= parts.settings.channelMembers) throw conflict('This channel has as many people as a channel may have')
  const { channel: id, user, at } = who
  await unit.run(insertMember, { channel: id, user, added_by: user, added_at: at, joined_at: at })
  return { ...channel, member: channel.actor_id, last_read_id: 0 }
}

/** A tab has come with these channels: its person is there, as who joins them one by one. */
export function hasCome(parts: Pick<Parts, 'unitOfWork'>, user: number, channels: readonly number[]): Promise<void> {
  return perform(parts.unitOfWork, { accountId: user }, async (unit) => {
    for (const channel of channels) await unit.run(noteJoined, { channel, user, at: unit.now })
  })
}

/** @returns whether it was the last tab of its person there */
export async function leaveChannel(parts: Parts, caller: Caller, connection: Connection, id: number): Promise<boolean> {
  const last = parts.live.leave(connection, id, caller.accountId)
  if (last) await hasLeft(parts, id, caller.accountId)
  return last
}

/** No tab of the person is in the channel any more. */
export const hasLeft = (
  { unitOfWork }: { readonly unitOfWork: UnitOfWork },
  channel: number,
  user: number,
): Promise<void> =>
  perform(unitOfWork, { accountId: user }, async (unit) => {
    await unit.run(noteLeft, { channel, user, at: unit.now })
  })
