import { sql as raw, type Insertable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { WorkspaceTables } from '../tables.ts'
import { timestamp, type ChannelType } from '../wire.ts'
import type { ChannelRow } from './access.ts'

const sql = statements<WorkspaceTables>()

/**
 * The workspace of a channel that something else leads to. The plus keeps SQLite from reading all channels of the
 * workspace by it: ten times slower where people write to each other a lot.
 */
export const workspaceOf = (alias: string) => raw<number>`+${raw.ref(`${alias}.workspace_id`)}`

/** A channel as REST shows it (routes/channels.ts), to one person. */
export interface Channel {
  id: string
  workspace_id: string
  name: string
  type: ChannelType
  description: string
  created_by: string
  created_at: string
  updated_at: string
  archived_at: string | null
  is_general: boolean
  joined: boolean
  /** Only of direct messages. */
  members?: readonly string[]
}

/** What is not in the row of a channel. */
export interface Around {
  readonly workspace_uuid: string
  /** uuid of who made it. */
  readonly creator: string
  readonly joined: boolean
  /** uuids, where it is a direct message. */
  readonly people: readonly string[]
}

export const showChannel = (row: ChannelRow, { workspace_uuid, creator, joined, people }: Around): Channel => ({
  id: row.uuid,
  workspace_id: workspace_uuid,
  name: row.name,
  type: row.type,
  description: row.description,
  created_by: creator,
  created_at: timestamp(row.created_at),
  updated_at: timestamp(row.updated_at),
  archived_at: row.archived_at === null ? null : timestamp(row.archived_at),
  is_general: row.general === 1,
  joined,
  ...(row.type === 'dm' && { members: people }),
})

type NewChannelRow = Omit<Insertable<WorkspaceTables['workspace_channels']>, 'id' | 'general' | 'archived_at'>

export const insertChannel = sql<Required<NewChannelRow>>()((db, p) =>
  db
    .insertInto('workspace_channels')
    .values({
      uuid: p.uuid,
      workspace_id: p.workspace_id,
      type: p.type,
      name: p.name,
      public_key: p.public_key,
      people_key: p.people_key,
      description: p.description,
      general: 0,
      created_by: p.created_by,
      created_at: p.created_at,
      updated_at: p.updated_at,
      archived_at: null,
    })
    .returningAll(),
)

type Change = Pick<ChannelRow, 'id' | 'name' | 'type' | 'public_key' | 'description' | 'updated_at' | 'archived_at'>

export const updateChannel = sql<Change>()((db, p) =>
  db
    .updateTable('workspace_channels')
    .set({
      name: p.name,
      type: p.type,
      public_key: p.public_key,
      description: p.description,
      updated_at: p.updated_at,
      archived_at: p.archived_at,
    })
    .where('id', '=', p.id),
)

/** The public channel of that name, if there is one. */
export const publicNamed = sql<{ workspace: number; key: string }>()((db, p) =>
  db
    .selectFrom('workspace_channels')
    .select(['id', 'name', 'archived_at'])
    .where('workspace_id', '=', p.workspace)
    .where('public_key', '=', p.key),
)

/** Private channels that a person is in. */
export const privateOf = sql<{ workspace: number; user: number }>()((db, p) =>
  db
    .selectFrom('workspace_channel_members as cm')
    .innerJoin('workspace_channels as c', 'c.id', 'cm.channel_id')
    .select(['c.id', 'c.name', 'c.archived_at'])
    .where('cm.user_id', '=', p.user)
    .where(workspaceOf('c'), '=', p.workspace)
    .where('c.type', '=', 'private'),
)

/** Channels of a workspace other than direct messages: these alone have no people_key. */
export const countChannels = sql<{ workspace: number }>()((db, p) =>
  db
    .selectFrom('workspace_channels')
    .select((e) => e.fn.countAll().as('count'))
    .where('workspace_id', '=', p.workspace)
    .where('people_key', 'is', null),
)

/** The direct message of these people. */
export const directOf = sql<{ workspace: number; people_key: string }>()((db, p) =>
  db
    .selectFrom('workspace_channels')
    .selectAll()
    .where('workspace_id', '=', p.workspace)
    .where('people_key', '=', p.people_key),
)

/** Whether two people are in a channel together. */
export const meet = sql<{ workspace: number; one: number; other: number }>()((db, p) =>
  db
    .selectFrom('workspace_channel_members as one')
    .innerJoin('workspace_channel_members as other', 'other.channel_id', 'one.channel_id')
    .innerJoin('workspace_channels as c', 'c.id', 'one.channel_id')
    .select('c.id')
    .where('one.user_id', '=', p.one)
    .where('other.user_id', '=', p.other)
    .where(workspaceOf('c'), '=', p.workspace)
    .limit(1),
)

export const uuidOf = sql<{ id: number }>()((db, p) => db.selectFrom('accounts').select('uuid').where('id', '=', p.id))

/** Everybody in a channel: for direct messages, which are small. */
export const peopleOf = sql<{ channel: number }>()((db, p) =>
  db
    .selectFrom('workspace_channel_members as cm')
    .innerJoin('accounts as a', 'a.id', 'cm.user_id')
    .select(['a.id', 'a.uuid'])
    .where('cm.channel_id', '=', p.channel)
    .orderBy('a.id'),
)

/** Members of a channel who are guests: whom the room of all others does not reach. */
export const guestsOf = sql<{ channel: number; workspace: number }>()((db, p) =>
  db
    .selectFrom('workspace_channel_members as cm')
    .innerJoin('workspace_members as m', 'm.user_id', 'cm.user_id')
    .select('cm.user_id')
    .where('cm.channel_id', '=', p.channel)
    .where('m.workspace_id', '=', p.workspace)
    .where('m.role', '=', 'guest'),
)
export const idsOf = sql<{ channel: number }>()((db, p) =>
  db.selectFrom('workspace_channel_members').select('user_id').where('channel_id', '=', p.channel),
)

export const inChannel = sql<{ channel: number; uuid: string }>()((db, p) =>
  db
    .selectFrom('accounts as a')
    .innerJoin('workspace_channel_members as cm', 'cm.user_id', 'a.id')
    .select('a.id')
    .where('a.uuid', '=', p.uuid)
    .where('cm.channel_id', '=', p.channel),
)

export const membersPage = sql<{ channel: number; workspace: number; before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('workspace_channel_members as cm')
    .innerJoin('workspace_members as m', 'm.user_id', 'cm.user_id')
    .innerJoin('accounts as a', 'a.id', 'cm.user_id')
    .select(['a.uuid as user_id', 'a.username', 'a.display_name', 'm.role', 'cm.joined_at'])
    .where('cm.channel_id', '=', p.channel)
    .where('m.workspace_id', '=', p.workspace)
    .where('cm.user_id', '<', p.before)
    .orderBy('cm.user_id', 'desc')
    .limit(p.limit),
)

interface UpTo {
  channel: number
  until: number
}
/** Files of the messages of a channel up to one. */
export const filesUpTo = sql<UpTo>()((db, p) =>
  db
    .selectFrom('workspace_messages as t')
    .innerJoin('workspace_attachments as f', 'f.message_id', 't.id')
    .select('f.uuid')
    .where('t.channel_id', '=', p.channel)
    .where('t.id', '<=', p.until),
)
export const deleteFilesUpTo = sql<UpTo>()((db, p) =>
  db
    .deleteFrom('workspace_attachments')
    .where('message_id', 'in', (q) =>
      q
        .selectFrom('workspace_messages as t')
        .select('t.id')
        .where('t.channel_id', '=', p.channel)
        .where('t.id', '<=', p.until),
    ),
)
