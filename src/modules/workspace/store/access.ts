import type { Kysely, Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { WorkspaceTables } from '../tables.ts'
import type { Role } from '../wire.ts'

const sql = statements<WorkspaceTables>()

export type WorkspaceRow = Selectable<WorkspaceTables['workspace_workspaces']>
export type ChannelRow = Selectable<WorkspaceTables['workspace_channels']>
export type MessageRow = Selectable<WorkspaceTables['workspace_messages']>

/** Who acts, as the database says now: never as the token or the session says. */
export interface Actor {
  readonly actor_id: number
  readonly actor_uuid: string
  readonly role: Role
}

export type WorkspaceAccess = WorkspaceRow & Actor & { readonly away: number; readonly joined_offset: number }
export type ChannelAccess = ChannelRow & Actor & { readonly workspace_uuid: string; readonly member: number | null }

/** A workspace as one of its members; nothing for anybody else. */
export const accessWorkspace = sql<{ uuid: string; actor: number }>()((db, p) =>
  db
    .selectFrom('workspace_workspaces as w')
    .innerJoin('workspace_members as m', (j) => j.onRef('m.workspace_id', '=', 'w.id').on('m.user_id', '=', p.actor))
    .innerJoin('accounts as a', (j) => j.onRef('a.id', '=', 'm.user_id').on('a.status', '=', 'active'))
    .selectAll('w')
    .select(['a.id as actor_id', 'a.uuid as actor_uuid', 'm.role', 'm.away', 'm.joined_offset'])
    .where('w.uuid', '=', p.uuid),
)

const channelsAs = (db: Kysely<WorkspaceTables>, actor: number) =>
  db
    .selectFrom('workspace_channels as c')
    .innerJoin('workspace_workspaces as w', 'w.id', 'c.workspace_id')
    .innerJoin('workspace_members as m', (j) => j.onRef('m.workspace_id', '=', 'w.id').on('m.user_id', '=', actor))
    .innerJoin('accounts as a', (j) => j.onRef('a.id', '=', 'm.user_id').on('a.status', '=', 'active'))
    .leftJoin('workspace_channel_members as cm', (j) =>
      j.onRef('cm.channel_id', '=', 'c.id').onRef('cm.user_id', '=', 'a.id'),
    )
    .selectAll('c')
    .select(['w.uuid as workspace_uuid', 'a.id as actor_id', 'a.uuid as actor_uuid', 'm.role', 'cm.user_id as member'])

/** A channel as a member of its workspace; whether they see it is for policy to say. */
export const accessChannel = sql<{ uuid: string; actor: number }>()((db, p) =>
  channelsAs(db, p.actor).where('c.uuid', '=', p.uuid),
)

/** The same for the channel of a message. */
export const accessChannelOf = sql<{ message: string; actor: number }>()((db, p) =>
  channelsAs(db, p.actor).where('c.id', '=', (e) =>
    e.selectFrom('workspace_messages as t').select('t.channel_id').where('t.uuid', '=', p.message),
  ),
)

export const findMessage = sql<{ uuid: string }>()((db, p) =>
  db.selectFrom('workspace_messages').selectAll().where('uuid', '=', p.uuid).where('deleted_at', 'is', null),
)

/** A member of a workspace, by the id the wire shows. */
export interface MemberRow {
  id: number
  uuid: string
  username: string
  display_name: string
  role: Role
}

export const memberByUuid = sql<{ workspace: number; uuid: string }>()((db, p) =>
  db
    .selectFrom('workspace_members as m')
    .innerJoin('accounts as a', 'a.id', 'm.user_id')
    .select(['a.id', 'a.uuid', 'a.username', 'a.display_name', 'm.role'])
    .where('m.workspace_id', '=', p.workspace)
    .where('a.uuid', '=', p.uuid),
)
export const memberById = sql<{ workspace: number; id: number }>()((db, p) =>
  db
    .selectFrom('workspace_members as m')
    .innerJoin('accounts as a', 'a.id', 'm.user_id')
    .select(['a.id', 'a.uuid', 'a.username', 'a.display_name', 'm.role'])
    .where('m.workspace_id', '=', p.workspace)
    .where('a.id', '=', p.id),
)

export const insertChannelMember = sql<{ channel_id: number; user_id: number; joined_at: number }>()((db, p) =>
  db
    .insertInto('workspace_channel_members')
    .values((e) => ({
      channel_id: p.channel_id,
      user_id: p.user_id,
      joined_at: p.joined_at,
      // What was written before one came has not been missed.
      last_read_id: e.fn.coalesce(
        e
          .selectFrom('workspace_messages as t')
          .select((f) => f.fn.max('t.id').as('last'))
          .where('t.channel_id', '=', p.channel_id),
        e.lit(0),
      ),
    }))
    .onConflict((c) => c.columns(['channel_id', 'user_id']).doNothing()),
)
export const deleteChannelMember = sql<{ channel_id: number; user_id: number }>()((db, p) =>
  db
    .deleteFrom('workspace_channel_members')
    .where('channel_id', '=', p.channel_id)
    .where('user_id', '=', p.user_id),
)
export const generalOf = sql<{ workspace: number }>()((db, p) =>
  db
    .selectFrom('workspace_channels')
    .selectAll()
    .where('workspace_id', '=', p.workspace)
    // By the index of public names, not through everything in the workspace.
    .where('public_key', 'is not', null)
    .where('general', '=', 1),
)
/** Channels of a workspace that a person is in. */
export const channelsOf = sql<{ workspace: number; user: number }>()((db, p) =>
  db
    .selectFrom('workspace_channel_members as cm')
    .innerJoin('workspace_channels as c', 'c.id', 'cm.channel_id')
    .selectAll('c')
    .where('cm.user_id', '=', p.user)
    .where('c.workspace_id', '=', p.workspace)
    .orderBy('c.id'),
)
/** Everybody who is in a channel of the workspace together with a person, the person included. */
export const acquaintances = sql<{ workspace: number; user: number }>()((db, p) =>
  db
    .selectFrom('workspace_channel_members as mine')
    .innerJoin('workspace_channels as c', 'c.id', 'mine.channel_id')
    .innerJoin('workspace_channel_members as theirs', 'theirs.channel_id', 'mine.channel_id')
    .select('theirs.user_id')
    .distinct()
    .where('mine.user_id', '=', p.user)
    .where('c.workspace_id', '=', p.workspace),
)
export const updateAway = sql<{ workspace: number; user: number; away: number }>()((db, p) =>
  db
    .updateTable('workspace_members')
    .set({ away: p.away })
    .where('workspace_id', '=', p.workspace)
    .where('user_id', '=', p.user),
)
/** Also a deleted one, as long as there are replies. */
export const findThread = sql<{ uuid: string }>()((db, p) =>
  db
    .selectFrom('workspace_messages')
    .selectAll()
    .where('uuid', '=', p.uuid)
    .where((e) => e.or([e('deleted_at', 'is', null), e('reply_count', '>', 0)])),
)
