import { statements } from '../../../kernel/statement.ts'
import type { DatingTables } from '../tables.ts'

const sql = statements<DatingTables>()

interface Upto {
  conversation: number
  user: number
  until: number
  now: number
}

/** Forward only. */
export const moveReadMark = sql<Omit<Upto, 'now'>>()((db, p) =>
  db
    .updateTable('dating_participants')
    .set({ read_id: p.until })
    .where('conversation_id', '=', p.conversation)
    .where('user_id', '=', p.user)
    .where('read_id', '<', p.until),
)
/** What was sent to a person up to a message, as viewed. @returns those that were not yet */
export const viewUpto = sql<Upto>()((db, p) =>
  db
    .updateTable('dating_messages')
    .set({ viewed_at: p.now })
    .where('conversation_id', '=', p.conversation)
    .where('recipient_id', '=', p.user)
    .where('id', '<=', p.until)
    .where('viewed_at', 'is', null)
    .returningAll(),
)
/** The same as delivered, in this conversation. */
export const deliverUpto = sql<Upto>()((db, p) =>
  db
    .updateTable('dating_messages')
    .set({ delivered_at: p.now })
    .where('conversation_id', '=', p.conversation)
    .where('recipient_id', '=', p.user)
    .where('id', '<=', p.until)
    .where('delivered_at', 'is', null)
    .returning(['id', 'uuid', 'conversation_id', 'sender_id']),
)
/** What was sent to a person in conversations that last, up to a message, and has not been proven to have arrived. */
export const undelivered = sql<{ user: number; until: number; limit: number }>()((db, p) =>
  db
    .selectFrom('dating_messages as t')
    .innerJoin('dating_conversations as c', (j) =>
      j.onRef('c.id', '=', 't.conversation_id').on('c.ended_at', 'is', null),
    )
    .select(['t.id', 't.uuid', 't.conversation_id', 't.sender_id', 'c.uuid as conversation'])
    .where('t.recipient_id', '=', p.user)
    .where('t.delivered_at', 'is', null)
    .where('t.id', '<=', p.until)
    .orderBy('t.id')
    .limit(p.limit),
)
export const markDelivered = sql<{ id: number; now: number }>()((db, p) =>
  db
    .updateTable('dating_messages')
    .set({ delivered_at: p.now })
    .where('id', '=', p.id)
    .where('delivered_at', 'is', null),
)
/** The newest message to a person. */
export const newestTo = sql<{ user: number }>()((db, p) =>
  db
    .selectFrom('dating_messages')
    .select('id')
    .where('recipient_id', '=', p.user)
    .where('delivered_at', 'is', null)
    .orderBy('id', 'desc')
    .limit(1),
)
