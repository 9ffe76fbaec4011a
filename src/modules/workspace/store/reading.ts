import { sql as raw, type ExpressionBuilder, type Kysely } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { WorkspaceTables } from '../tables.ts'

const sql = statements<WorkspaceTables>()

/** Counting ends here, so that who stayed away for a year costs no more than others: it means "so many, or more". */
export const COUNT_MAX = 1000
const most = raw.lit(COUNT_MAX)

type Members = ExpressionBuilder<WorkspaceTables & { cm: WorkspaceTables['workspace_channel_members'] }, 'cm'>

/** What others have written since, replies too. Counted from the messages themselves: a counter drifts. */
const unread = (e: Members) =>
  e
    .selectFrom(
      e
        .selectFrom('workspace_messages as t')
        .select('t.id')
        .whereRef('t.channel_id', '=', 'cm.channel_id')
        .whereRef('t.id', '>', 'cm.last_read_id')
        .whereRef('t.user_id', '!=', 'cm.user_id')
        .where('t.deleted_at', 'is', null)
        .limit(most)
        .as('u'),
    )
    .select((f) => f.fn.countAll<number>().as('n'))

/** Those of them that call the person, by name or with everybody. */
const mentions = (e: Members) =>
  e
    .selectFrom(
      e
        .selectFrom('workspace_mentions as x')
        .innerJoin('workspace_messages as t', 't.id', 'x.message_id')
        .select('x.message_id')
        .distinct()
        .where((f) => f('x.user_id', 'in', [f.ref('cm.user_id'), f.lit(0)]))
        .whereRef('x.channel_id', '=', 'cm.channel_id')
        .whereRef('x.message_id', '>', 'cm.last_read_id')
        .whereRef('t.user_id', '!=', 'cm.user_id')
        .where('t.deleted_at', 'is', null)
        .limit(most)
        .as('u'),
    )
    .select((f) => f.fn.countAll<number>().as('n'))

const standing = (db: Kysely<WorkspaceTables>) =>
  db
    .selectFrom('workspace_channel_members as cm')
    .innerJoin('workspace_channels as c', 'c.id', 'cm.channel_id')
    .leftJoin('workspace_messages as r', 'r.id', 'cm.last_read_id')
    .select(['c.uuid as channel_id', 'r.uuid as last_read_message_id'])
    .select((e) => [
      unread(e as unknown as Members).as('unread_count'),
      mentions(e as unknown as Members).as('mention_count'),
      e
        .selectFrom('workspace_messages as t')
        .select('t.created_at')
        .whereRef('t.channel_id', '=', 'cm.channel_id')
        .where('t.deleted_at', 'is', null)
        .orderBy('t.id', 'desc')
        .limit(raw.lit(1))
        .as('last_message_at'),
    ])

/** How a person stands in each channel of a workspace they are in. */
export const unreadOf = sql<{ workspace: number; user: number }>()((db, p) =>
  standing(db).where('cm.user_id', '=', p.user).where('c.workspace_id', '=', p.workspace).orderBy('c.id'),
)
/** The same in one channel. */
export const unreadIn = sql<{ channel: number; user: number }>()((db, p) =>
  standing(db).where('cm.user_id', '=', p.user).where('cm.channel_id', '=', p.channel),
)

/** Also a deleted one: its row stays, and what a client has seen it has seen. */
export const messageIn = sql<{ uuid: string; channel: number }>()((db, p) =>
  db
    .selectFrom('workspace_messages')
    .select(['id', 'parent_id'])
    .where('uuid', '=', p.uuid)
    .where('channel_id', '=', p.channel),
)
export const newestIn = sql<{ channel: number; before: number }>()((db, p) =>
  db
    .selectFrom('workspace_messages')
    .select('id')
    .where('channel_id', '=', p.channel)
    .where('id', '<', p.before)
    .orderBy('id', 'desc')
    .limit(raw.lit(1)),
)
/** Only forward. */
export const advanceRead = sql<{ channel: number; user: number; read: number }>()((db, p) =>
  db
    .updateTable('workspace_channel_members')
    .set({ last_read_id: p.read })
    .where('channel_id', '=', p.channel)
    .where('user_id', '=', p.user)
    .where('last_read_id', '<', p.read),
)
export const setRead = sql<{ channel: number; user: number; read: number }>()((db, p) =>
  db
    .updateTable('workspace_channel_members')
    .set({ last_read_id: p.read })
    .where('channel_id', '=', p.channel)
    .where('user_id', '=', p.user)
    .where('last_read_id', '!=', p.read),
)

export const newestReply = sql<{ root: number }>()((db, p) =>
  db
    .selectFrom('workspace_messages')
    .select('id')
    .where('parent_id', '=', p.root)
    .orderBy('id', 'desc')
    .limit(raw.lit(1)),
)
export const findFollow = sql<{ root: number; user: number }>()((db, p) =>
  db.selectFrom('workspace_follows').selectAll().where('message_id', '=', p.root).where('user_id', '=', p.user),
)
/** What the person said themself, which also stands where nothing stood. */
export const putFollow = sql<{ root: number; user: number; following: number; read: number }>()((db, p) =>
  db
    .insertInto('workspace_follows')
    .values({ message_id: p.root, user_id: p.user, following: p.following, last_read_id: p.read })
    .onConflict((c) =>
      c.columns(['message_id', 'user_id']).doUpdateSet((e) => ({
        following: e.ref('excluded.following'),
        last_read_id: e.ref('excluded.last_read_id'),
      })),
    ),
)
export const advanceThread = sql<{ root: number; user: number; read: number }>()((db, p) =>
  db
    .updateTable('workspace_follows')
    .set({ last_read_id: p.read })
    .where('message_id', '=', p.root)
    .where('user_id', '=', p.user)
    .where('following', '=', 1)
    .where('last_read_id', '<', p.read),
)
/** Replies of others that a follower has not read. */
export const threadStanding = sql<{ root: number; user: number }>()((db, p) =>
  db
    .selectFrom('workspace_follows as f')
    .leftJoin('workspace_messages as r', 'r.id', 'f.last_read_id')
    .select('r.uuid as last_read_message_id')
    .select((e) => unreadReplies(e as unknown as Followers).as('unread_replies'))
    .where('f.message_id', '=', p.root)
    .where('f.user_id', '=', p.user)
    .where('f.following', '=', 1),
)

type Followers = ExpressionBuilder<WorkspaceTables & { f: WorkspaceTables['workspace_follows'] }, 'f'>

export const unreadReplies = (e: Followers) =>
  e
    .selectFrom(
      e
        .selectFrom('workspace_messages as t')
        .select('t.id')
        .whereRef('t.parent_id', '=', 'f.message_id')
        .whereRef('t.id', '>', 'f.last_read_id')
        .whereRef('t.user_id', '!=', 'f.user_id')
        .where('t.deleted_at', 'is', null)
        .limit(most)
        .as('u'),
    )
    .select((g) => g.fn.countAll<number>().as('n'))

export const pinnedCount = sql<{ channel: number }>()((db, p) =>
  db
    .selectFrom('workspace_messages')
    .select((e) => e.fn.countAll<number>().as('count'))
    .where('channel_id', '=', p.channel)
    .where('pinned_at', 'is not', null),
)
export const pinMessage = sql<{ id: number; at: number; by: number }>()((db, p) =>
  db
    .updateTable('workspace_messages')
    .set({ pinned_at: p.at, pinned_by: p.by })
    .where('id', '=', p.id),
)
export const unpinMessage = sql<{ id: number }>()((db, p) =>
  db.updateTable('workspace_messages').set({ pinned_at: null, pinned_by: null }).where('id', '=', p.id),
)
/** Who has pinned a message, by the id the wire shows. */
export const pinnerOf = sql<{ id: number }>()((db, p) =>
  db
    .selectFrom('workspace_messages as t')
    .innerJoin('accounts as a', 'a.id', 't.pinned_by')
    .select('a.uuid')
    .where('t.id', '=', p.id),
)
