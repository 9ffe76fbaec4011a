import type { Reader } from '../../../kernel/database.ts'
import type { EventLogTables } from '../../../kernel/event-log.ts'
import { paged, type Listed } from '../../../kernel/page.ts'
import { builder, statements } from '../../../kernel/statement.ts'
import type { WorkspaceTables } from '../tables.ts'
import type { Role } from '../wire.ts'
import type { WorkspaceAccess } from './access.ts'
import { found, type Page } from './workspaces.ts'

const sql = statements<WorkspaceTables & Pick<EventLogTables, 'event_log_head'>>()

export interface MemberRecord {
  readonly id: number
  readonly uuid: string
  readonly username: string
  readonly display_name: string
  readonly role: Role
  readonly joined_at: number
  /** Their id when they share a channel with who asks, else null. */
  readonly shared: number | null
}

/** A member and whether somebody (`actor`) is in a channel with them. */
export const findMember = sql<{ workspace: number; uuid: string; actor: number }>()((db, p) =>
  db
    .selectFrom('workspace_members as m')
    .innerJoin('accounts as a', 'a.id', 'm.user_id')
    .select(['a.id', 'a.uuid', 'a.username', 'a.display_name', 'm.role', 'm.joined_at'])
    .select((e) =>
      e
        .selectFrom('workspace_channel_members as mine')
        .innerJoin('workspace_channels as c', 'c.id', 'mine.channel_id')
        .innerJoin('workspace_channel_members as theirs', 'theirs.channel_id', 'mine.channel_id')
        .select('theirs.user_id')
        .where('mine.user_id', '=', p.actor)
        .where('c.workspace_id', '=', p.workspace)
        .whereRef('theirs.user_id', '=', 'a.id')
        .limit(1)
        .as('shared'),
    )
    .where('m.workspace_id', '=', p.workspace)
    .where('a.uuid', '=', p.uuid),
)

type Eye = Pick<WorkspaceAccess, 'id' | 'actor_id' | 'role'>

/** Members of a workspace as one of them sees it: guests see those they share a channel with. */
function seenBy(reader: Reader, { id, actor_id, role }: Eye) {
  const db = builder<WorkspaceTables>(reader.dialect)
  const all = db.selectFrom('workspace_members as m').where('m.workspace_id', '=', id)
  if (role !== 'guest') return all
  const known = db
    .selectFrom('workspace_channel_members as mine')
    .innerJoin('workspace_channels as c', 'c.id', 'mine.channel_id')
    .innerJoin('workspace_channel_members as theirs', 'theirs.channel_id', 'mine.channel_id')
    .select('theirs.user_id')
    .where('mine.user_id', '=', actor_id)
    .where('c.workspace_id', '=', id)
  return all.where((e) => e.or([e('m.user_id', '=', actor_id), e('m.user_id', 'in', known)]))
}

/** Who came last comes first. */
export async function listMembers(
  reader: Reader,
  workspace: Eye,
  { limit, before }: Page,
): Promise<Listed<MemberRecord, string>> {
  let seen = seenBy(reader, workspace).select(['m.user_id', 'm.role', 'm.joined_at'])
  if (before !== undefined) {
    const one = seen.innerJoin('accounts as a', 'a.id', 'm.user_id').where('a.uuid', '=', before)
    const last = found((await reader.query(one.compile()))[0])
    seen = seen.where((e) => e(e.refTuple('m.joined_at', 'm.user_id'), '<', e.tuple(last.joined_at, last.user_id)))
  }
  // The page first, then the names to it: a planner that knows nothing of the tables yet would join them all.
  const page = seen.orderBy('m.joined_at', 'desc').orderBy('m.user_id', 'desc').limit(limit + 1)
  const rows = builder<WorkspaceTables>(reader.dialect)
    .selectFrom(page.as('p'))
    .innerJoin('accounts as a', 'a.id', 'p.user_id')
    .select(['a.id', 'a.uuid', 'a.username', 'a.display_name', 'p.role', 'p.joined_at', 'p.user_id as shared'])
    .orderBy('p.joined_at', 'desc')
    .orderBy('p.user_id', 'desc')
  return paged(await reader.query(rows.compile()), limit, (row) => row.uuid)
}

/** How many members somebody sees. */
export async function countMembers(reader: Reader, workspace: Eye): Promise<number> {
  if (workspace.role !== 'guest') return countAll(reader, workspace.id)
  const query = seenBy(reader, workspace).select((e) => e.fn.countAll<number | string>().as('count'))
  return Number((await reader.query(query.compile()))[0]!.count)
}

export const countAll = async (reader: Reader, workspace: number): Promise<number> =>
  Number((await reader.get(countOf, { workspace }))!.count)

const countOf = sql<{ workspace: number }>()((db, p) =>
  db
    .selectFrom('workspace_members')
    .select((e) => e.fn.countAll<number | string>().as('count'))
    .where('workspace_id', '=', p.workspace),
)
export const memberIds = sql<{ workspace: number }>()((db, p) =>
  db.selectFrom('workspace_members').select('user_id').where('workspace_id', '=', p.workspace).orderBy('user_id'),
)

/** Somebody else who could still act as owner. */
export const otherOwner = sql<{ workspace: number; user: number }>()((db, p) =>
  db
    .selectFrom('workspace_members as m')
    .innerJoin('accounts as a', (j) => j.onRef('a.id', '=', 'm.user_id').on('a.status', '=', 'active'))
    .select('a.id')
    .where('m.workspace_id', '=', p.workspace)
    .where('m.role', '=', 'owner')
    .where('m.user_id', '!=', p.user)
    .limit(1),
)

export const insertMember = sql<{ workspace: number; user: number; role: Role; at: number }>()((db, p) =>
  db
    .insertInto('workspace_members')
    .values((e) => ({
      workspace_id: p.workspace,
      user_id: p.user,
      role: p.role,
      away: 0,
      joined_at: p.at,
      joined_offset: e.selectFrom('event_log_head').select('head'),
    }))
    .onConflict((c) => c.columns(['workspace_id', 'user_id']).doNothing()),
)
export const updateRole = sql<{ workspace: number; user: number; role: Role }>()((db, p) =>
  db
    .updateTable('workspace_members')
    .set({ role: p.role })
    .where('workspace_id', '=', p.workspace)
    .where('user_id', '=', p.user),
)
export const deleteMember = sql<{ workspace: number; user: number }>()((db, p) =>
  db.deleteFrom('workspace_members').where('workspace_id', '=', p.workspace).where('user_id', '=', p.user),
)

/** Public channels of a workspace that a person is not in, and who made them. */
export const publicChannelsWithout = sql<{ workspace: number; user: number }>()((db, p) =>
  db
    .selectFrom('workspace_channels as c')
    .innerJoin('accounts as a', 'a.id', 'c.created_by')
    .selectAll('c')
    .select('a.uuid as creator')
    .where('c.workspace_id', '=', p.workspace)
    .where('c.type', '=', 'public')
    .where((e) =>
      e.not(
        e.exists(
          e
            .selectFrom('workspace_channel_members as cm')
            .select('cm.user_id')
            .whereRef('cm.channel_id', '=', 'c.id')
            .where('cm.user_id', '=', p.user),
        ),
      ),
    )
    .orderBy('c.id'),
)
