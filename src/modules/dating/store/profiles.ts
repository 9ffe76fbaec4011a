import type { ExpressionBuilder } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { DatingTables } from '../tables.ts'

const sql = statements<DatingTables>()

/** Who asks. */
export const actorOf = sql<{ actor: number }>()((db, p) =>
  db
    .selectFrom('accounts as a')
    .leftJoin('dating_profiles as f', 'f.user_id', 'a.id')
    .select(['a.id', 'a.uuid', 'a.username', 'a.display_name', 'a.role', 'a.status'])
    .select(['f.user_id as profile', 'f.suspended_at', 'f.bio', 'f.avatar', 'f.hidden', 'f.created_at'])
    .where('a.id', '=', p.actor),
)

type Joined = DatingTables & { a: DatingTables['accounts'] }

const blockBy = (e: ExpressionBuilder<Joined, 'a'>, actor: number) =>
  e
    .selectFrom('dating_blocks as b')
    .select('b.blocked_id')
    .where('b.user_id', '=', actor)
    .whereRef('b.blocked_id', '=', 'a.id')

const blockOf = (e: ExpressionBuilder<Joined, 'a'>, actor: number) =>
  e
    .selectFrom('dating_blocks as b')
    .select('b.user_id')
    .where('b.blocked_id', '=', actor)
    .whereRef('b.user_id', '=', 'a.id')

const conversationWith = (e: ExpressionBuilder<Joined, 'a'>, actor: number) =>
  e
    .selectFrom('dating_participants as m')
    .innerJoin('dating_conversations as c', (j) =>
      j.onRef('c.id', '=', 'm.conversation_id').on('c.ended_at', 'is', null),
    )
    .where('m.user_id', '=', actor)
    .whereRef('m.partner_id', '=', 'a.id')
    .limit(1)

/** Anybody with an account, as somebody (`actor`) stands to them. */
export const findPerson = sql<{ uuid: string; actor: number }>()((db, p) =>
  db
    .selectFrom('accounts as a')
    .leftJoin('dating_profiles as f', 'f.user_id', 'a.id')
    .select(['a.id', 'a.uuid', 'a.username', 'a.display_name', 'a.role', 'a.status'])
    .select(['f.user_id as profile', 'f.suspended_at', 'f.bio', 'f.avatar', 'f.hidden', 'f.created_at'])
    .select((e) => [
      blockBy(e as never, p.actor).as('blocks_them'),
      blockOf(e as never, p.actor).as('blocked_by'),
      e
        .selectFrom('dating_likes as l')
        .select('l.liked_id')
        .where('l.user_id', '=', p.actor)
        .whereRef('l.liked_id', '=', 'a.id')
        .as('likes_them'),
      e
        .selectFrom('dating_likes as l')
        .select('l.user_id')
        .where('l.liked_id', '=', p.actor)
        .whereRef('l.user_id', '=', 'a.id')
        .as('liked_by'),
      conversationWith(e as never, p.actor)
        .select('c.id')
        .as('conversation_id'),
      conversationWith(e as never, p.actor)
        .select('c.uuid')
        .as('conversation'),
    ])
    .where('a.uuid', '=', p.uuid),
)

/** Profiles that somebody may like: nothing keeps the two apart, and they are no match yet. */
export const profilesFor = sql<{ actor: number; at: number; uuid: string; limit: number }>()((db, p) =>
  db
    .selectFrom('dating_profiles as f')
    .innerJoin('accounts as a', 'a.id', 'f.user_id')
    .select(['a.uuid', 'a.username', 'a.display_name', 'f.bio', 'f.avatar', 'f.created_at'])
    .where('f.hidden', '=', 0)
    .where('f.suspended_at', 'is', null)
    .where('a.status', '=', 'active')
    .where('a.id', '!=', p.actor)
    .where((e) => e(e.refTuple('f.created_at', 'a.uuid'), '<', e.tuple(p.at, p.uuid)))
    .where((e) => e.not(e.exists(blockBy(e as never, p.actor))))
    .where((e) => e.not(e.exists(blockOf(e as never, p.actor))))
    .where((e) => e.not(e.exists(conversationWith(e as never, p.actor).select('c.id'))))
    .orderBy('f.created_at', 'desc')
    .orderBy('a.uuid', 'desc')
    .limit(p.limit),
)

export interface ProfileInput {
  user: number
  bio: string
  avatar: string | null
  hidden: number
  now: number
}

export const upsertProfile = sql<ProfileInput>()((db, p) =>
  db
    .insertInto('dating_profiles')
    .values({
      user_id: p.user,
      bio: p.bio,
      avatar: p.avatar,
      status: 'online',
      hidden: p.hidden,
      suspended_at: null,
      created_at: p.now,
      updated_at: p.now,
    })
    .onConflict((c) =>
      c.column('user_id').doUpdateSet({ bio: p.bio, avatar: p.avatar, hidden: p.hidden, updated_at: p.now }),
    ),
)

/** An upload that can stand for a person: a photo of theirs that is in no message, from where it could be deleted. */
export const findAvatar = sql<{ uuid: string; owner: number }>()((db, p) =>
  db
    .selectFrom('dating_photos')
    .select('uuid')
    .where('uuid', '=', p.uuid)
    .where('owner_id', '=', p.owner)
    .where('kind', '=', 'photo')
    .where('message_id', 'is', null),
)

/** Whoever has no profile gets one that nobody sees: what is forbidden to them needs a row to stand in. */
export const suspend = sql<{ user: number; now: number }>()((db, p) =>
  db
    .insertInto('dating_profiles')
    .values({
      user_id: p.user,
      bio: '',
      avatar: null,
      status: 'online',
      hidden: 1,
      suspended_at: p.now,
      created_at: p.now,
      updated_at: p.now,
    })
    .onConflict((c) => c.column('user_id').doUpdateSet({ suspended_at: p.now })),
)
export const endSuspension = sql<{ user: number }>()((db, p) =>
  db.updateTable('dating_profiles').set({ suspended_at: null }).where('user_id', '=', p.user),
)
