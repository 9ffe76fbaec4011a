import { statements } from '../../../kernel/statement.ts'
import type { DatingTables } from '../tables.ts'

const sql = statements<DatingTables>()

interface Two {
  user: number
  other: number
}

export const insertLike = sql<Two & { now: number }>()((db, p) =>
  db.insertInto('dating_likes').values({ user_id: p.user, liked_id: p.other, created_at: p.now }),
)
export const deleteLike = sql<Two>()((db, p) =>
  db.deleteFrom('dating_likes').where('user_id', '=', p.user).where('liked_id', '=', p.other),
)
export const insertBlock = sql<Two & { now: number }>()((db, p) =>
  db.insertInto('dating_blocks').values({ user_id: p.user, blocked_id: p.other, created_at: p.now }),
)
export const deleteBlock = sql<Two>()((db, p) =>
  db.deleteFrom('dating_blocks').where('user_id', '=', p.user).where('blocked_id', '=', p.other),
)
/** Whom a person has blocked, who came last first. */
export const blocksBy = sql<{ user: number; at: number; uuid: string; limit: number }>()((db, p) =>
  db
    .selectFrom('dating_blocks as b')
    .innerJoin('accounts as a', 'a.id', 'b.blocked_id')
    .select(['a.uuid', 'a.username', 'a.display_name', 'b.created_at'])
    .where('b.user_id', '=', p.user)
    .where((e) => e(e.refTuple('b.created_at', 'a.uuid'), '<', e.tuple(p.at, p.uuid)))
    .orderBy('b.created_at', 'desc')
    .orderBy('a.uuid', 'desc')
    .limit(p.limit),
)

export const insertConversation = sql<{ uuid: string; now: number }>()((db, p) =>
  db
    .insertInto('dating_conversations')
    .values({ uuid: p.uuid, created_at: p.now, ended_at: null, locked_at: null, active_at: p.now })
    .returning('id'),
)
export const insertParticipant = sql<Two & { conversation: number }>()((db, p) =>
  db
    .insertInto('dating_participants')
    .values({ conversation_id: p.conversation, user_id: p.user, partner_id: p.other, shares: 0, read_id: 0 }),
)
export const endConversationRow = sql<{ id: number; now: number }>()((db, p) =>
  db.updateTable('dating_conversations').set({ ended_at: p.now }).where('id', '=', p.id),
)
export const setLocked = sql<{ id: number; at: number | null }>()((db, p) =>
  db.updateTable('dating_conversations').set({ locked_at: p.at }).where('id', '=', p.id),
)
export const setShares = sql<{ conversation: number; user: number; shares: number }>()((db, p) =>
  db
    .updateTable('dating_participants')
    .set({ shares: p.shares })
    .where('conversation_id', '=', p.conversation)
    .where('user_id', '=', p.user),
)
