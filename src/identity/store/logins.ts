import { statements } from '../../kernel/statement.ts'
import type { IdentityTables } from '../tables.ts'

const sql = statements<IdentityTables>()

interface NewLogin {
  account: number
  family: string
  secret: string
  expires: number
  ends: number
  at: number
  agent: string
}

export const insertLogin = sql<NewLogin>()((db, p) =>
  db
    .insertInto('logins')
    .values({
      account_id: p.account,
      family_hash: p.family,
      secret_hash: p.secret,
      previous_hash: null,
      successor_salt: null,
      rotated_at: p.at,
      expires_at: p.expires,
      ends_at: p.ends,
      created_at: p.at,
      used_at: p.at,
      revoked_at: null,
      user_agent: p.agent,
    })
    .returning('id'),
)

export const findFamily = sql<{ family: string }>()((db, p) =>
  db
    .selectFrom('logins as l')
    .innerJoin('accounts as a', 'a.id', 'l.account_id')
    .select([
      'l.id',
      'l.account_id',
      'l.secret_hash',
      'l.previous_hash',
      'l.successor_salt',
      'l.rotated_at',
      'l.expires_at',
      'l.ends_at',
      'l.revoked_at',
      'a.status',
    ])
    .where('l.family_hash', '=', p.family),
)

interface Rotation {
  id: number
  secret: string
  previous: string
  salt: string
  expires: number
  at: number
}

export const rotateLogin = sql<Rotation>()((db, p) =>
  db
    .updateTable('logins')
    .set({
      secret_hash: p.secret,
      previous_hash: p.previous,
      successor_salt: p.salt,
      expires_at: p.expires,
      rotated_at: p.at,
      used_at: p.at,
    })
    .where('id', '=', p.id),
)

/** Live ones, the latest used first. */
export const liveLogins = sql<{ account: number; now: number }>()((db, p) =>
  db
    .selectFrom('logins')
    .select(['id', 'created_at', 'used_at', 'expires_at', 'user_agent'])
    .where('account_id', '=', p.account)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', p.now)
    .orderBy('used_at', 'desc')
    .orderBy('id', 'desc'),
)

export const findLive = sql<{ id: number; account: number }>()((db, p) =>
  db
    .selectFrom('logins')
    .select('id')
    .where('id', '=', p.id)
    .where('account_id', '=', p.account)
    .where('revoked_at', 'is', null),
)

/** A revoked login has ended: it is removed as one whose time was up. */
export const revokeLogin = sql<{ id: number; at: number }>()((db, p) =>
  db
    .updateTable('logins')
    .set({ revoked_at: p.at, expires_at: p.at })
    .where('id', '=', p.id)
    .where('revoked_at', 'is', null),
)

export const revokeLogins = sql<{ account: number; at: number }>()((db, p) =>
  db
    .updateTable('logins')
    .set({ revoked_at: p.at, expires_at: p.at })
    .where('account_id', '=', p.account)
    .where('revoked_at', 'is', null),
)

export const deleteLogins = sql<{ before: number }>()((db, p) =>
  db.deleteFrom('logins').where('expires_at', '<', p.before),
)
