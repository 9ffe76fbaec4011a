import { sql } from 'kysely'
import type { Reader } from '../../../kernel/database.ts'
import { invalid } from '../../../kernel/errors.ts'
import { nameKey } from '../../../kernel/names.ts'
import { paged, type Listed } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import { sees } from '../policy.ts'
import { accessChannel, type ChannelAccess, type ChannelRow, type WorkspaceAccess } from '../store/access.ts'
import { inChannel, membersPage, showChannel, uuidOf, workspaceOf, type Channel } from '../store/channels.ts'
import type { WorkspaceTables } from '../tables.ts'
import { timestamp, type ChannelType, type Role } from '../wire.ts'

/** Lists are newest first; `before` is the id of the last one of the page before. */
interface Page {
  readonly limit: number
  readonly before?: string | undefined
}

export interface ChannelFilter extends Page {
  readonly type?: ChannelType | undefined
  readonly archived: boolean
  readonly joined?: boolean | undefined
  /** Part of the name. */
  readonly q?: string | undefined
}

/** How it stands right now, which the answer to a deed, kept for a retry, could not say. */
export type ChannelNow = Channel & { member_count: number }

type Found = ChannelRow & { readonly creator: string; readonly member: number | null }

const db = (reader: Reader) => builder<WorkspaceTables>(reader.dialect)

/** Rows that are read at once where names have to be compared here. */
const BATCH = 500
const ALL = 2_147_483_647

/** Channels of the workspace that the person sees. */
export async function listChannels(
  reader: Reader,
  workspace: WorkspaceAccess,
  filter: ChannelFilter,
): Promise<Listed<ChannelNow, string>> {
  const { limit } = filter
  const key = nameKey(filter.q ?? '')
  const wanted = limit + 1
  const found: Found[] = []
  let before = filter.before === undefined ? ALL : await cursor(reader, workspace, filter.before)
  for (;;) {
    const size = key === '' ? wanted : Math.max(wanted, BATCH)
    const page = seen(reader, workspace, filter, key).where('c.id', '<', before).limit(size)
    const rows = await reader.query(page.compile())
    // The names of private channels are in no index: they must not be probed.
    found.push(...rows.filter((row) => (row.public_key ?? nameKey(row.name)).includes(key)))
    if (found.length >= wanted || rows.length < size) break
    before = rows.at(-1)!.id
  }
  const { rows, next } = paged(found, limit, (row) => row.uuid)
  return { rows: await complete(reader, workspace.uuid, rows), next }
}

/** One channel that the caller has made sure may be seen. */
export async function readChannel(reader: Reader, channel: ChannelAccess): Promise<ChannelNow> {
  const creator = (await reader.get(uuidOf, { id: channel.created_by }))!.uuid
  return (await complete(reader, channel.workspace_uuid, [{ ...channel, creator }]))[0]!
}

export interface ChannelMember {
  user_id: string
  username: string
  display_name: string
  role: Role
  joined_at: string
}

/** People of a channel, the newest account first: an order that nobody's coming or going changes. */
export async function listMembers(
  reader: Reader,
  channel: ChannelAccess,
  { limit, before }: Page,
): Promise<Listed<ChannelMember, string>> {
  const last = before === undefined ? { id: ALL } : await reader.get(inChannel, { channel: channel.id, uuid: before })
  if (!last) throw lost()
  const query = { channel: channel.id, workspace: channel.workspace_id, before: last.id, limit: limit + 1 }
  const rows = (await reader.all(membersPage, query)).map((row) => ({ ...row, joined_at: timestamp(row.joined_at) }))
  return paged(rows, limit, (row) => row.user_id)
}

/** Where a page begins. A channel that the person does not see is no cursor, as if it were not there. */
async function cursor(reader: Reader, workspace: WorkspaceAccess, uuid: string): Promise<number> {
  const channel = await reader.get(accessChannel, { uuid, actor: workspace.actor_id })
  if (!channel || channel.workspace_id !== workspace.id || !sees(channel)) throw lost()
  return channel.id
}

const lost = () => invalid({ before: 'is not in this list any more: begin with the first page again' })

/** By what leads to them, not by passing over everything in the workspace: that may be a great many direct messages. */
function seen(reader: Reader, workspace: WorkspaceAccess, { type, archived, joined }: ChannelFilter, key: string) {
  const user = workspace.actor_id
  const mine = db(reader).selectFrom('workspace_channel_members').select('channel_id').where('user_id', '=', user)
  const open = db(reader)
    .selectFrom('workspace_channels')
    .select('id as channel_id')
    .where('workspace_id', '=', workspace.id)
    .where('public_key', 'is not', null)
  const onlyMine = workspace.role === 'guest' || joined === true
  let query = db(reader)
    .selectFrom('workspace_channels as c')
    .innerJoin('accounts as a', 'a.id', 'c.created_by')
    .leftJoin('workspace_channel_members as cm', (j) =>
      j.onRef('cm.channel_id', '=', 'c.id').on('cm.user_id', '=', user),
    )
    .selectAll('c')
    .select(['a.uuid as creator', 'cm.user_id as member'])
    .where('c.id', 'in', onlyMine ? mine : mine.union(open))
    .where(workspaceOf('c'), '=', workspace.id)
    .where('c.archived_at', archived ? 'is not' : 'is', null)
    .orderBy('c.id', 'desc')
  if (type !== undefined) query = query.where('c.type', '=', type)
  if (joined === false) query = query.where('cm.user_id', 'is', null)
  if (key !== '') {
    const pattern = `%${key.replaceAll(/[%_!]/g, '!$&')}%`
    const like = sql<boolean>`c.public_key like ${pattern} escape '!'`
    query = query.where((e) => e.or([e('c.public_key', 'is', null), like]))
  }
  return query
}

/** What is counted and collected, one query each for the whole page. */
async function complete(reader: Reader, workspace_uuid: string, rows: readonly Found[]): Promise<ChannelNow[]> {
  if (rows.length === 0) return []
  const counts = await reader.query(
    db(reader)
      .selectFrom('workspace_channel_members')
      .select((e) => ['channel_id', e.fn.countAll().as('count')])
      .where('channel_id', 'in', rows.map((row) => row.id))
      .groupBy('channel_id')
      .compile(),
  )
  const direct = rows.filter((row) => row.type === 'dm').map((row) => row.id)
  const people =
    direct.length === 0
      ? []
      : await reader.query(
          db(reader)
            .selectFrom('workspace_channel_members as cm')
            .innerJoin('accounts as a', 'a.id', 'cm.user_id')
            .select(['cm.channel_id', 'a.uuid'])
            .where('cm.channel_id', 'in', direct)
            .orderBy('cm.user_id')
            .compile(),
        )
  const countOf = new Map(counts.map((row) => [row.channel_id, Number(row.count)]))
  const peopleOf = Map.groupBy(people, (row) => row.channel_id)
  return rows.map((row) => ({
    ...showChannel(row, {
      workspace_uuid,
      creator: row.creator,
      joined: row.member !== null,
      people: (peopleOf.get(row.id) ?? []).map(({ uuid }) => uuid),
    }),
    member_count: countOf.get(row.id) ?? 0,
  }))
}
