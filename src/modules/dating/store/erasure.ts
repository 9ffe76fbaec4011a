import { sql as raw } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { DatingTables } from '../tables.ts'

/** What is removed with a person. */

const sql = statements<DatingTables>()

interface Of {
  user: number
}

/** Stands where a person was who has erased their data: no account has this id. */
export const NOBODY = 0

/** Every conversation of a person, also those that have ended: how the other side knows it. */
export const conversationsWith = sql<Of>()((db, p) =>
  db
    .selectFrom('dating_participants as m')
    .innerJoin('dating_conversations as c', 'c.id', 'm.conversation_id')
    .innerJoin('accounts as a', 'a.id', 'm.partner_id')
    .select(['c.id', 'c.uuid', 'c.ended_at', 'a.id as partner_id', 'a.uuid as partner', 'a.username'])
    .where('m.user_id', '=', p.user)
    .orderBy('c.id'),
)
/**
 * From now on nobody finds them, and everything that hangs on them counts as ended.
 * @param prefix of what they have instead of a uuid: no id that a client could know
 */
export const hideConversations = sql<Of & { prefix: string; now: number }>()((db, p) =>
  db
    .updateTable('dating_conversations')
    .set((e) => ({
      uuid: raw<string>`${p.prefix} || ${'/'} || cast(${e.ref('id')} as text)`,
      ended_at: e.fn.coalesce('ended_at', e.val(p.now)),
    }))
    .where('id', 'in', (e) =>
      e.selectFrom('dating_participants').select('conversation_id').where('user_id', '=', p.user),
    ),
)

export const deleteProfile = sql<Of>()((db, p) =>
  db.deleteFrom('dating_profiles').where('user_id', '=', p.user).where('suspended_at', 'is', null),
)
/** Of who is suspended stays that they are. */
export const blankProfile = sql<Of>()((db, p) =>
  db
    .updateTable('dating_profiles')
    .set((e) => ({
      bio: '',
      avatar: null,
      status: 'online' as const,
      hidden: 1,
      created_at: e.fn.coalesce('suspended_at', 'created_at'),
      updated_at: e.fn.coalesce('suspended_at', 'updated_at'),
    }))
    .where('user_id', '=', p.user),
)
export const deleteLikesGiven = sql<Of>()((db, p) => db.deleteFrom('dating_likes').where('user_id', '=', p.user))
/** @param until wall clock, milliseconds: those of a later profile stay */
export const deleteSomeLikesOf = sql<Of & { until: number; limit: number }>()((db, p) =>
  db
    .deleteFrom('dating_likes')
    .where('liked_id', '=', p.user)
    .where('user_id', 'in', (e) =>
      e
        .selectFrom('dating_likes as l')
        .select('l.user_id')
        .where('l.liked_id', '=', p.user)
        .where('l.created_at', '<=', p.until)
        .limit(p.limit),
    ),
)
export const deleteBlocksMade = sql<Of>()((db, p) => db.deleteFrom('dating_blocks').where('user_id', '=', p.user))
export const deleteUses = sql<Of>()((db, p) => db.deleteFrom('dating_uses').where('user_id', '=', p.user))
/** The avatar, and uploads that are in no message: no more than a person may have of them. */
export const loosePhotos = sql<Of>()((db, p) =>
  db.selectFrom('dating_photos').select('uuid').where('owner_id', '=', p.user).where('message_id', 'is', null),
)

export const anonymiseReports = sql<Of>()((db, p) =>
  db
    .updateTable('dating_reports')
    .set({ reporter_id: NOBODY, conversation_id: null })
    .where('reporter_id', '=', p.user),
)
/** What they have told a moderator who has decided. */
export const clearClosedReports = sql<Of>()((db, p) =>
  db.updateTable('dating_reports').set({ note: '' }).where('reporter_id', '=', p.user).where('status', '!=', 'open'),
)
export const detachReports = sql<Of>()((db, p) =>
  db.updateTable('dating_reports').set({ conversation_id: null }).where('reported_id', '=', p.user),
)
export const newestReportAbout = sql<Of>()((db, p) =>
  db.selectFrom('dating_reports').select('id').where('reported_id', '=', p.user).orderBy('id', 'desc').limit(1),
)
export const someReportsAbout = sql<Of & { until: number; limit: number }>()((db, p) =>
  db
    .selectFrom('dating_reports')
    .select('id')
    .where('reported_id', '=', p.user)
    .where('id', '<=', p.until)
    .limit(p.limit),
)

/** One that is being removed. @param until its id at most: those of a later profile stay */
export const someConversation = sql<Of & { until: number }>()((db, p) =>
  db
    .selectFrom('dating_participants')
    .select('conversation_id as id')
    .where('user_id', '=', p.user)
    .where('conversation_id', '<=', p.until)
    .limit(1),
)
export const messageAfter = sql<{ conversation: number; skip: number }>()((db, p) =>
  db
    .selectFrom('dating_messages')
    .select('id')
    .where('conversation_id', '=', p.conversation)
    .orderBy('id')
    .limit(1)
    .offset(p.skip),
)

interface UpTo {
  conversation: number
  until: number
}

/** Those with a photo, or that destroy themselves. */
export const photoMessagesUpTo = sql<UpTo>()((db, p) =>
  db
    .selectFrom('dating_messages')
    .select(['uuid', 'photo'])
    .where('conversation_id', '=', p.conversation)
    .where('id', '<=', p.until)
    .where((e) => e.or([e('photo', 'is not', null), e('type', '=', 'photo_ephemeral')])),
)
export const deleteMessagesUpTo = sql<UpTo>()((db, p) =>
  db.deleteFrom('dating_messages').where('conversation_id', '=', p.conversation).where('id', '<=', p.until),
)
export const deleteParticipants = sql<{ conversation: number }>()((db, p) =>
  db.deleteFrom('dating_participants').where('conversation_id', '=', p.conversation),
)
export const deleteConversation = sql<{ conversation: number }>()((db, p) =>
  db.deleteFrom('dating_conversations').where('id', '=', p.conversation),
)
