import type { Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { Person, Standing } from '../policy.ts'
import type { HelpdeskTables } from '../tables.ts'

const sql = statements<HelpdeskTables>()

export type ChannelRow = Selectable<HelpdeskTables['helpdesk_channels']>
export type MessageRow = Selectable<HelpdeskTables['helpdesk_messages']>
export type PersonRow = Selectable<HelpdeskTables['helpdesk_people']>

/** Somebody with an active account; nothing for anybody else. */
export const accessPerson = sql<{ actor: number }>()((db, p) =>
  db
    .selectFrom('accounts as a')
    .leftJoin('helpdesk_people as f', 'f.user_id', 'a.id')
    .select([
      'a.id as actor_id',
      'a.display_name as actor_name',
      'a.role as account_role',
      'f.role',
      'f.grants',
      'f.status',
      'f.status_message',
      'f.custom_status',
    ])
    .where('a.id', '=', p.actor)
    .where('a.status', '=', 'active'),
)

export type PersonAccess = Person & {
  readonly status: PersonRow['status'] | null
  readonly status_message: string | null
  readonly custom_status: string | null
}

export type ChannelAccess = ChannelRow & Standing & { readonly last_read_id: number | null }

/** A channel as somebody stands to it; whether they see it is for policy to say. */
export const accessChannel = sql<{ id: number; actor: number }>()((db, p) =>
  db
    .selectFrom('helpdesk_channels as c')
    .innerJoin('accounts as a', (j) => j.on('a.id', '=', p.actor).on('a.status', '=', 'active'))
    .leftJoin('helpdesk_people as f', 'f.user_id', 'a.id')
    .leftJoin('helpdesk_members as m', (j) => j.onRef('m.channel_id', '=', 'c.id').onRef('m.user_id', '=', 'a.id'))
    .selectAll('c')
    .select([
      'a.id as actor_id',
      'a.display_name as actor_name',
      'a.role as account_role',
      'f.role',
      'f.grants',
      'm.user_id as member',
      'm.last_read_id',
    ])
    .where('c.id', '=', p.id)
    .where('c.deleted_at', 'is', null),
)

export const findMessage = sql<{ channel: number; id: number }>()((db, p) =>
  db.selectFrom('helpdesk_messages').selectAll().where('channel_id', '=', p.channel).where('id', '=', p.id),
)

/** Channels somebody is a member of, the newest first. */
export const membershipsOf = sql<{ user: number; limit: number }>()((db, p) =>
  db
    .selectFrom('helpdesk_members as m')
    .innerJoin('helpdesk_channels as c', 'c.id', 'm.channel_id')
    .select('m.channel_id')
    .where('m.user_id', '=', p.user)
    .where('c.deleted_at', 'is', null)
    .orderBy('m.channel_id', 'desc')
    .limit(p.limit),
)
