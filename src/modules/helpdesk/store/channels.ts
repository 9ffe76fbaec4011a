import type { Insertable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { HelpdeskTables } from '../tables.ts'
import type { ChannelRow } from './access.ts'

const sql = statements<HelpdeskTables>()

type NewChannelRow = Omit<Insertable<HelpdeskTables['helpdesk_channels']>, 'id' | 'archived_at' | 'deleted_at'>

export const insertChannel = sql<Required<NewChannelRow>>()((db, p) =>
  db
    .insertInto('helpdesk_channels')
    .values({
      name: p.name,
      description: p.description,
      topic: p.topic,
      visibility: p.visibility,
      created_by: p.created_by,
      created_at: p.created_at,
      updated_at: p.updated_at,
      archived_at: null,
      deleted_at: null,
    })
    .returning('id'),
)

type Change = Pick<
  ChannelRow,
  'id' | 'name' | 'description' | 'topic' | 'visibility' | 'updated_at' | 'archived_at'
>

export const saveChannel = sql<Change>()((db, p) =>
  db
    .updateTable('helpdesk_channels')
    .set({
      name: p.name,
      description: p.description,
      topic: p.topic,
      visibility: p.visibility,
      updated_at: p.updated_at,
      archived_at: p.archived_at,
    })
    .where('id', '=', p.id),
)

export const countChannels = sql<object>()((db) =>
  db
    .selectFrom('helpdesk_channels')
    .select((e) => e.fn.countAll().as('count'))
    .where('deleted_at', 'is', null),
)

interface Channel {
  channel: number
}
interface Place extends Channel {
  user: number
}

export const countMembers = sql<Channel>()((db, p) =>
  db
    .selectFrom('helpdesk_members')
    .select((e) => e.fn.countAll().as('count'))
    .where('channel_id', '=', p.channel),
)

/** Nothing is changed for who is a member already. */
export const insertMember = sql<Place & { added_by: number; added_at: number; joined_at: number | null }>()((db, p) =>
  db
    .insertInto('helpdesk_members')
    .values({
      channel_id: p.channel,
      user_id: p.user,
      added_by: p.added_by,
      added_at: p.added_at,
      last_read_id: 0,
      joined_at: p.joined_at,
      left_at: null,
    })
    .onConflict((c) => c.columns(['channel_id', 'user_id']).doNothing()),
)

export const deleteMember = sql<Place>()((db, p) =>
  db.deleteFrom('helpdesk_members').where('channel_id', '=', p.channel).where('user_id', '=', p.user),
)

/** Members, and what they may do: who of them sees the channel when it is shown to others than before. */
export const memberRights = sql<Channel>()((db, p) =>
  db
    .selectFrom('helpdesk_members as m')
    .innerJoin('accounts as a', 'a.id', 'm.user_id')
    .leftJoin('helpdesk_people as f', 'f.user_id', 'a.id')
    .select(['a.id as actor_id', 'a.display_name as actor_name', 'a.role as account_role', 'f.role', 'f.grants'])
    .where('m.channel_id', '=', p.channel),
)

export const markDeleted = sql<Channel & { at: number }>()((db, p) =>
  db.updateTable('helpdesk_channels').set({ deleted_at: p.at }).where('id', '=', p.channel),
)
export const unlinkTickets = sql<Channel>()((db, p) =>
  db.updateTable('helpdesk_tickets').set({ channel_id: null }).where('channel_id', '=', p.channel),
)
export const deleteMembers = sql<Channel>()((db, p) =>
  db.deleteFrom('helpdesk_members').where('channel_id', '=', p.channel),
)
export const deleteChannelRow = sql<Channel>()((db, p) =>
  db.deleteFrom('helpdesk_channels').where('id', '=', p.channel),
)

/** The message of a channel with `skip` older ones before it. */
export const messageAfter = sql<Channel & { skip: number }>()((db, p) =>
  db
    .selectFrom('helpdesk_messages')
    .select('id')
    .where('channel_id', '=', p.channel)
    .orderBy('id')
    .offset(p.skip)
    .limit(1),
)

interface UpTo extends Channel {
  until: number
}
export const filesUpTo = sql<UpTo>()((db, p) =>
  db
    .selectFrom('helpdesk_messages as t')
    .innerJoin('helpdesk_files as f', 'f.message_id', 't.id')
    .select(['f.id', 'f.uuid', 'f.stored'])
    .where('t.channel_id', '=', p.channel)
    .where('t.id', '<=', p.until),
)
export const deleteMessagesUpTo = sql<UpTo>()((db, p) =>
  db.deleteFrom('helpdesk_messages').where('channel_id', '=', p.channel).where('id', '<=', p.until),
)
