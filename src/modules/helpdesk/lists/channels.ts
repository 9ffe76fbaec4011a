import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import { roleOf, type Person } from '../policy.ts'
import type { ChannelAccess, ChannelRow } from '../store/access.ts'
import type { HelpdeskTables, Visibility } from '../tables.ts'
import { timestamp } from '../wire.ts'

/** What routes/shapes.ts describes. */
export interface Channel {
  id: number
  name: string
  description: string
  topic: string
  visibility: Visibility
  createdBy: number
  createdAt: string
  updatedAt: string
  archivedAt: string | null
  isMember: boolean
  memberCount: number
  unreadCount: number
  lastMessageAt: string | null
}

export interface Unread {
  channelId: number
  unreadCount: number
  lastReadMessageId: number | null
  lastMessageAt: string | null
}

/** Enough to show "999+": where thousands are unread, all of them would be read to be counted. */
const UNREAD_COUNTED = 1_000

const buildFor = (reader: Reader) => builder<HelpdeskTables>(reader.dialect)

/** Channels that a person sees (policy.ts, seesChannel), as ids. */
export function seenBy(reader: Reader, person: Person) {
  const role = roleOf(person)
  const db = buildFor(reader)
  const channels = db.selectFrom('helpdesk_channels as s').select('s.id').where('s.deleted_at', 'is', null)
  if (role === 'admin') return channels
  const own = db.selectFrom('helpdesk_members').select('channel_id').where('user_id', '=', person.actor_id)
  const open: readonly Visibility[] = role === 'agent' ? ['public', 'internal'] : ['public']
  return channels.where((e) =>
    e.or([e('s.visibility', 'in', open), e.and([e('s.visibility', '=', 'private'), e('s.id', 'in', own)])]),
  )
}

export async function listChannels(
  reader: Reader,
  person: Person,
  { limit, before, archived }: Page<number> & { readonly archived: boolean },
): Promise<Listed<Channel, number>> {
  let query = buildFor(reader)
    .selectFrom('helpdesk_channels as c')
    .selectAll('c')
    .where('c.id', 'in', seenBy(reader, person))
    .where('c.archived_at', archived ? 'is not' : 'is', null)
    .orderBy('c.id', 'desc')
    .limit(limit + 1)
  if (before !== undefined) query = query.where('c.id', '<', before)
  const { rows, next } = paged(await reader.query(query.compile()), limit, ({ id }) => id)
  return { rows: await showChannels(reader, person.actor_id, rows), next }
}

/** One that is known to be seen. */
export async function showChannel(reader: Reader, channel: ChannelAccess): Promise<Channel> {
  return (await showChannels(reader, channel.actor_id, [channel]))[0]!
}

/** How a member stands in those of their channels they see, the newest channel first. */
export async function listUnread(
  reader: Reader,
  person: Person,
  { limit, before }: Page<number>,
): Promise<Listed<Unread, number>> {
  const user = person.actor_id
  let query = buildFor(reader)
    .selectFrom('helpdesk_members as m')
    .innerJoin('helpdesk_channels as c', (j) => j.onRef('c.id', '=', 'm.channel_id').on('c.deleted_at', 'is', null))
    .select(['c.id', 'm.last_read_id'])
    .where('m.user_id', '=', user)
    .where('c.id', 'in', seenBy(reader, person))
    .orderBy('c.id', 'desc')
    .limit(limit + 1)
  if (before !== undefined) query = query.where('c.id', '<', before)
  const { rows, next } = paged(await reader.query(query.compile()), limit, ({ id }) => id)
  const counts = await countIn(reader, user, rows.map(({ id }) => id))
  const shown = rows.map(({ id, last_read_id }) => ({
    channelId: id,
    unreadCount: Number(counts.get(id)?.unread ?? 0),
    lastReadMessageId: last_read_id === 0 ? null : last_read_id,
    lastMessageAt: timestampOrNull(counts.get(id)?.last ?? null),
  }))
  return { rows: shown, next }
}

async function showChannels(reader: Reader, user: number, rows: readonly ChannelRow[]): Promise<Channel[]> {
  const counts = await countIn(reader, user, rows.map(({ id }) => id))
  return rows.map((row) => {
    const count = counts.get(row.id)
    return {
      id: row.id,
      name: row.name,
      description: row.description,
      topic: row.topic,
      visibility: row.visibility,
      createdBy: row.created_by,
      createdAt: timestamp(row.created_at),
      updatedAt: timestamp(row.updated_at),
      archivedAt: timestampOrNull(row.archived_at),
      isMember: typeof count?.member === 'number',
      memberCount: Number(count?.members ?? 0),
      unreadCount: Number(count?.unread ?? 0),
      lastMessageAt: timestampOrNull(count?.last ?? null),
    }
  })
}

export const timestampOrNull = (ms: number | null): string | null => (ms === null ? null : timestamp(ms))

/** What is counted in channels, after the page is known: each of these looks into another table. */
async function countIn(reader: Reader, user: number, channels: readonly number[]) {
  if (channels.length === 0) return new Map<number, never>()
  const query = buildFor(reader)
    .selectFrom('helpdesk_channels as c')
    .leftJoin('helpdesk_members as m', (j) => j.onRef('m.channel_id', '=', 'c.id').on('m.user_id', '=', user))
    .select((e) => [
      'c.id',
      'm.user_id as member',
      e
        .selectFrom('helpdesk_members as o')
        .select((o) => o.fn.countAll().as('count'))
        .whereRef('o.channel_id', '=', 'c.id')
        .as('members'),
      e
        .selectFrom((q) =>
          q
            .selectFrom('helpdesk_messages as t')
            .select('t.id')
            .whereRef('t.channel_id', '=', 'c.id')
            .whereRef('t.id', '>', 'm.last_read_id')
            .where('t.user_id', '!=', user)
            .limit(UNREAD_COUNTED)
            .as('u'),
        )
        .select((u) => u.fn.countAll().as('count'))
        .as('unread'),
      e
        .selectFrom('helpdesk_messages as l')
        .select('l.created_at')
        .whereRef('l.channel_id', '=', 'c.id')
        .orderBy('l.id', 'desc')
        .limit(1)
        .as('last'),
    ])
    .where('c.id', 'in', channels)
  const rows = await reader.query(query.compile())
  return new Map(rows.map((row) => [row.id, row]))
}
