import { statements } from '../../../kernel/statement.ts'
import type { DatingTables } from '../tables.ts'

/** What is on record of a person, page by page: each begins after the `key` of the last row of the one before. */

const sql = statements<DatingTables>()

interface Page {
  user: number
  after: number
  limit: number
}

export const ownAccount = sql<{ user: number }>()((db, p) =>
  db.selectFrom('accounts').select(['id', 'uuid', 'username', 'display_name']).where('id', '=', p.user),
)
export const likesGiven = sql<Page>()((db, p) =>
  db
    .selectFrom('dating_likes as l')
    .innerJoin('accounts as a', 'a.id', 'l.liked_id')
    .select(['l.liked_id as key', 'a.uuid', 'a.username', 'l.created_at'])
    .where('l.user_id', '=', p.user)
    .where('l.liked_id', '>', p.after)
    .orderBy('l.liked_id')
    .limit(p.limit),
)
export const blocksMade = sql<Page>()((db, p) =>
  db
    .selectFrom('dating_blocks as b')
    .innerJoin('accounts as a', 'a.id', 'b.blocked_id')
    .select(['b.blocked_id as key', 'a.uuid', 'a.username', 'b.created_at'])
    .where('b.user_id', '=', p.user)
    .where('b.blocked_id', '>', p.after)
    .orderBy('b.blocked_id')
    .limit(p.limit),
)
export const conversationsOf = sql<Page>()((db, p) =>
  db
    .selectFrom('dating_participants as m')
    .innerJoin('dating_conversations as c', 'c.id', 'm.conversation_id')
    .innerJoin('accounts as a', 'a.id', 'm.partner_id')
    .leftJoin('dating_messages as r', 'r.id', 'm.read_id')
    .select(['c.id as key', 'c.uuid', 'c.created_at', 'c.active_at', 'c.ended_at', 'm.shares', 'm.partner_id'])
    .select(['a.uuid as partner', 'a.username', 'r.uuid as read_message'])
    .where('m.user_id', '=', p.user)
    // Those that are being erased have no uuid any more: store/erasure.ts.
    .where('c.uuid', 'not like', '%/%')
    .where('c.id', '>', p.after)
    .orderBy('c.id')
    .limit(p.limit),
)

interface InConversation {
  conversation: number
  after: number
  limit: number
}

export const messagesOf = sql<InConversation>()((db, p) =>
  db
    .selectFrom('dating_messages')
    .selectAll()
    .select('id as key')
    .where('conversation_id', '=', p.conversation)
    .where('id', '>', p.after)
    .orderBy('id')
    .limit(p.limit),
)
/** Photos a partner has sent to be kept. */
export const photosFrom = sql<InConversation & { sender: number }>()((db, p) =>
  db
    .selectFrom('dating_messages as t')
    .innerJoin('dating_photos as f', 'f.uuid', 't.photo')
    .selectAll('f')
    .select(['t.id as key', 't.uuid as message'])
    .where('t.conversation_id', '=', p.conversation)
    .where('t.sender_id', '=', p.sender)
    .where('f.kind', '=', 'photo')
    .where('t.id', '>', p.after)
    .orderBy('t.id')
    .limit(p.limit),
)
export const ownPhotos = sql<{ user: number; after: string; limit: number }>()((db, p) =>
  db
    .selectFrom('dating_photos as f')
    .leftJoin('dating_messages as t', 't.id', 'f.message_id')
    .selectAll('f')
    .select(['f.uuid as key', 't.uuid as message'])
    .where('f.owner_id', '=', p.user)
    .where('f.uuid', '>', p.after)
    .orderBy('f.uuid')
    .limit(p.limit),
)
export const reportsFiled = sql<Page>()((db, p) =>
  db
    .selectFrom('dating_reports as r')
    .innerJoin('accounts as a', 'a.id', 'r.reported_id')
    .leftJoin('dating_conversations as c', 'c.id', 'r.conversation_id')
    .select(['r.id as key', 'r.uuid', 'r.reason', 'r.note', 'r.evidence', 'r.status', 'r.created_at', 'r.resolved_at'])
    .select(['a.uuid as reported', 'a.username', 'c.uuid as conversation'])
    .where('r.reporter_id', '=', p.user)
    .where('r.id', '>', p.after)
    .orderBy('r.id')
    .limit(p.limit),
)
export const usesOf = sql<Page>()((db, p) =>
  db
    .selectFrom('dating_uses')
    .select(['id as key', 'kind', 'at', 'client_id', 'message'])
    .where('user_id', '=', p.user)
    .where('id', '>', p.after)
    .orderBy('id')
    .limit(p.limit),
)
export const readsOf = sql<Page>()((db, p) =>
  db
    .selectFrom('dating_report_reads as d')
    .innerJoin('dating_reports as r', 'r.id', 'd.report_id')
    .select(['d.id as key', 'd.at', 'r.reported_id'])
    .where((e) => e.or([e('r.reported_id', '=', p.user), e('r.reporter_id', '=', p.user)]))
    .where('d.id', '>', p.after)
    .orderBy('d.id')
    .limit(p.limit),
)
