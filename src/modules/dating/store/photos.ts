import type { ExpressionBuilder } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { PhotoPlace, PhotoStanding } from '../photo-policy.ts'
import type { Photo } from '../photo-wire.ts'
import type { DatingTables } from '../tables.ts'
import { timestamp } from '../wire.ts'
import type { PhotoUrls } from '../actions/parts.ts'
import type { PhotoRow } from './access.ts'

const sql = statements<DatingTables>()

export type NewPhoto = Omit<PhotoRow, 'message_id' | 'opened_at' | 'fetched_at'>

export const insertPhoto = sql<NewPhoto>()((db, p) =>
  db
    .insertInto('dating_photos')
    .values({
      uuid: p.uuid,
      thumbnail: p.thumbnail,
      owner_id: p.owner_id,
      kind: p.kind,
      mime_type: p.mime_type,
      size: p.size,
      width: p.width,
      height: p.height,
      message_id: null,
      created_at: p.created_at,
      opened_at: null,
      fetched_at: null,
    })
    .returningAll(),
)

/** A photo as one account stands to it; whether they see it is for policy to say. */
export const accessPhoto = sql<{ uuid: string; actor: number }>()((db, p) =>
  db
    .selectFrom('dating_photos as f')
    .innerJoin('accounts as a', (j) => j.on('a.id', '=', p.actor))
    .innerJoin('accounts as q', 'q.id', 'f.owner_id')
    .leftJoin('dating_profiles as v', 'v.user_id', 'a.id')
    .leftJoin('dating_profiles as o', 'o.user_id', 'f.owner_id')
    .leftJoin('dating_messages as t', 't.id', 'f.message_id')
    .leftJoin('dating_conversations as c', 'c.id', 't.conversation_id')
    .leftJoin('dating_participants as m', (j) =>
      j.onRef('m.conversation_id', '=', 'c.id').onRef('m.user_id', '=', 'a.id'),
    )
    .selectAll('f')
    .select((e) => [
      'a.id as actor_id',
      't.uuid as message',
      'c.ended_at',
      'm.user_id as member',
      e.case().when('o.avatar', '=', e.ref('f.uuid')).then(e.ref('f.owner_id')).end().as('avatar_of'),
      'q.status as owner_status',
      'o.hidden as owner_hidden',
      'o.suspended_at as owner_suspended_at',
      'v.user_id as profile',
      'v.suspended_at',
      e
        .selectFrom('dating_blocks as b')
        .select((n) => n.fn.countAll<number | string>().as('count'))
        .where((w) =>
          w.or([
            w.and([w('b.user_id', '=', w.ref('f.owner_id')), w('b.blocked_id', '=', w.ref('a.id'))]),
            w.and([w('b.user_id', '=', w.ref('a.id')), w('b.blocked_id', '=', w.ref('f.owner_id'))]),
          ]),
        )
        .as('blocks'),
      e
        .selectFrom('dating_participants as x')
        .innerJoin('dating_conversations as y', 'y.id', 'x.conversation_id')
        .select((n) => n.fn.countAll<number | string>().as('count'))
        .whereRef('x.user_id', '=', 'a.id')
        .whereRef('x.partner_id', '=', 'f.owner_id')
        .where('y.ended_at', 'is', null)
        .as('matches'),
    ])
    .where('f.uuid', '=', p.uuid)
    .$castTo<PhotoStanding>(),
)

/** A photo and where it is, for who has a signed address of it. */
export const placeOfPhoto = sql<{ uuid: string }>()((db, p) =>
  db
    .selectFrom('dating_photos as f')
    .leftJoin('dating_profiles as o', 'o.user_id', 'f.owner_id')
    .leftJoin('dating_messages as t', 't.id', 'f.message_id')
    .leftJoin('dating_conversations as c', 'c.id', 't.conversation_id')
    .selectAll('f')
    .select(['t.uuid as message', 'c.ended_at', 'o.suspended_at as owner_suspended_at'])
    .where('f.uuid', '=', p.uuid)
    .$castTo<PhotoPlace>(),
)

const isAvatar = (e: ExpressionBuilder<DatingTables, 'dating_photos'>) =>
  e.exists(
    e
      .selectFrom('dating_profiles as o')
      .select('o.user_id')
      .whereRef('o.user_id', '=', 'dating_photos.owner_id')
      .whereRef('o.avatar', '=', 'dating_photos.uuid'),
  )

/** Uploads of a person that are in no message and no profile. */
export const countUnsentPhotos = sql<{ owner: number }>()((db, p) =>
  db
    .selectFrom('dating_photos')
    .select((e) => e.fn.countAll<number | string>().as('count'))
    .where('owner_id', '=', p.owner)
    .where('message_id', 'is', null)
    .where((e) => e.not(isAvatar(e))),
)
export const deleteUnsentPhoto = sql<{ uuid: string }>()((db, p) =>
  db
    .deleteFrom('dating_photos')
    .where('uuid', '=', p.uuid)
    .where('message_id', 'is', null)
    .where((e) => e.not(isAvatar(e))),
)

/** Once. @returns no row the second time */
export const markOpened = sql<{ uuid: string; now: number }>()((db, p) =>
  db.updateTable('dating_photos').set({ opened_at: p.now }).where('uuid', '=', p.uuid).where('opened_at', 'is', null),
)
/** Once, after that. */
export const markFetched = sql<{ uuid: string; now: number }>()((db, p) =>
  db
    .updateTable('dating_photos')
    .set({ fetched_at: p.now })
    .where('uuid', '=', p.uuid)
    .where('opened_at', 'is not', null)
    .where('fetched_at', 'is', null),
)

/** Where a message is and who sent it. */
export const placeOfMessage = sql<{ uuid: string }>()((db, p) =>
  db
    .selectFrom('dating_messages as t')
    .innerJoin('dating_conversations as c', 'c.id', 't.conversation_id')
    .innerJoin('accounts as s', 's.id', 't.sender_id')
    .select(['c.id', 'c.uuid', 'c.ended_at', 's.uuid as sender'])
    .where('t.uuid', '=', p.uuid),
)
export const ephemeralsOf = sql<{ conversation: number }>()((db, p) =>
  db
    .selectFrom('dating_messages')
    .select('uuid')
    .where('conversation_id', '=', p.conversation)
    .where('type', '=', 'photo_ephemeral'),
)

export const showPhoto = (row: PhotoRow, urls: PhotoUrls, now: number): Photo => ({
  id: row.uuid,
  kind: row.kind,
  width: row.width,
  height: row.height,
  mime_type: row.mime_type as Photo['mime_type'],
  size: row.size,
  url: urls.file(row.uuid, now),
  thumbnail_url: urls.thumbnail(row.uuid, now),
  expires_at: timestamp(urls.expiresAt(now)),
})
