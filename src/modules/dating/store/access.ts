import type { Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { Standing } from '../policy.ts'
import type { DatingTables } from '../tables.ts'

const sql = statements<DatingTables>()

export type ConversationRow = Selectable<DatingTables['dating_conversations']>
export type MessageRow = Selectable<DatingTables['dating_messages']>
export type PhotoRow = Selectable<DatingTables['dating_photos']>

/** A conversation as one account stands to it, which need not be one of the two. */
export interface ConversationAccess extends Omit<ConversationRow, keyof Standing>, Standing {
  readonly actor_id: number
  readonly actor_uuid: string
  readonly actor_username: string
  readonly actor_avatar: string | null
  readonly shares: number | null
  readonly read_id: number | null
  readonly partner_id: number | null
  readonly partner_uuid: string | null
  readonly partner_username: string | null
  readonly partner_shares: number | null
}

/** Nothing only when there is no such conversation; whether it is theirs is for policy to say. */
export const accessConversation = sql<{ uuid: string; actor: number }>()((db, p) =>
  db
    .selectFrom('dating_conversations as c')
    .innerJoin('accounts as a', (j) => j.on('a.id', '=', p.actor))
    .leftJoin('dating_profiles as f', 'f.user_id', 'a.id')
    .leftJoin('dating_participants as m', (j) =>
      j.onRef('m.conversation_id', '=', 'c.id').onRef('m.user_id', '=', 'a.id'),
    )
    .leftJoin('dating_participants as o', (j) =>
      j.onRef('o.conversation_id', '=', 'c.id').onRef('o.user_id', '=', 'm.partner_id'),
    )
    .leftJoin('accounts as q', 'q.id', 'm.partner_id')
    .selectAll('c')
    .select([
      'a.id as actor_id',
      'a.uuid as actor_uuid',
      'a.username as actor_username',
      'f.suspended_at',
      'f.avatar as actor_avatar',
      'm.user_id as member',
      'm.shares',
      'm.read_id',
      'm.partner_id',
      'q.uuid as partner_uuid',
      'q.username as partner_username',
      'o.shares as partner_shares',
    ])
    .where('c.uuid', '=', p.uuid),
)

export const findMessage = sql<{ uuid: string }>()((db, p) =>
  db.selectFrom('dating_messages').selectAll().where('uuid', '=', p.uuid),
)

/** The conversation of a message, by its uuid. */
export const conversationOf = sql<{ message: string }>()((db, p) =>
  db
    .selectFrom('dating_messages as t')
    .innerJoin('dating_conversations as c', 'c.id', 't.conversation_id')
    .select('c.uuid')
    .where('t.uuid', '=', p.message),
)

/** Everybody a person talks to: who may know that they are there. */
export const partnersOf = sql<{ user: number }>()((db, p) =>
  db
    .selectFrom('dating_participants as m')
    .innerJoin('dating_conversations as c', (j) =>
      j.onRef('c.id', '=', 'm.conversation_id').on('c.ended_at', 'is', null),
    )
    .innerJoin('accounts as a', 'a.id', 'm.partner_id')
    .select(['m.partner_id as id', 'a.uuid', 'a.username', 'c.uuid as conversation', 'c.locked_at'])
    .where('m.user_id', '=', p.user),
)

export const profileOf = sql<{ user: number }>()((db, p) =>
  db.selectFrom('dating_profiles').selectAll().where('user_id', '=', p.user),
)
