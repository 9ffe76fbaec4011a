import type { Insertable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

type NewNotification = Omit<Insertable<PrdTables['prd_notifications']>, 'id' | 'read_at'>
type NewActivity = Omit<Insertable<PrdTables['prd_activities']>, 'id'>

export const insertNotification = sql<Required<NewNotification>>()((db, p) =>
  db
    .insertInto('prd_notifications')
    .values({
      account_id: p.account_id,
      type: p.type,
      title: p.title,
      message: p.message,
      data: p.data,
      prd_id: p.prd_id,
      created_at: p.created_at,
      read_at: null,
    })
    .returning('id'),
)

export const insertActivity = sql<Required<NewActivity>>()((db, p) =>
  db
    .insertInto('prd_activities')
    .values({
      organization_id: p.organization_id,
      type: p.type,
      actor_id: p.actor_id,
      object_type: p.object_type,
      object_id: p.object_id,
      object_title: p.object_title,
      prd_id: p.prd_id,
      created_at: p.created_at,
    })
    .returning('id'),
)

/** Everybody the PRD was shared with by name. */
export const collaboratorsOf = sql<{ prd: number }>()((db, p) =>
  db.selectFrom('prd_collaborators').select('account_id').where('prd_id', '=', p.prd).orderBy('account_id'),
)

/** @returns one row changed, or none: it had been read before */
export const markRead = sql<{ id: number; account: number; at: number }>()((db, p) =>
  db
    .updateTable('prd_notifications')
    .set({ read_at: p.at })
    .where('id', '=', p.id)
    .where('account_id', '=', p.account)
    .where('read_at', 'is', null),
)

export const markAllRead = sql<{ account: number; at: number }>()((db, p) =>
  db
    .updateTable('prd_notifications')
    .set({ read_at: p.at })
    .where('account_id', '=', p.account)
    .where('read_at', 'is', null),
)

export const expireNotifications = sql<{ before: number }>()((db, p) =>
  db.deleteFrom('prd_notifications').where('created_at', '<', p.before),
)
export const expireActivities = sql<{ before: number }>()((db, p) =>
  db.deleteFrom('prd_activities').where('created_at', '<', p.before),
)
