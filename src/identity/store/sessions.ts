import { statements } from '../../kernel/statement.ts'
import type { IdentityTables } from '../tables.ts'
import { accountColumns } from './accounts.ts'

const sql = statements<IdentityTables>()

/** What every request with an own token reads: the one join of login and account. */
export const findSession = sql<{ login: number; uuid: string }>()((db, p) =>
  db
    .selectFrom('logins as l')
    .innerJoin('accounts as a', 'a.id', 'l.account_id')
    .select(accountColumns)
    .where('l.id', '=', p.login)
    .where('l.revoked_at', 'is', null)
    .where('a.uuid', '=', p.uuid)
    .where('a.status', '=', 'active'),
)

/** The same for an outside token. */
export const findOutside = sql<{ issuer: string; subject: string; session: string }>()((db, p) =>
  db
    .selectFrom('account_identities as i')
    .innerJoin('accounts as a', 'a.id', 'i.account_id')
    .leftJoin('revoked_sessions as r', (j) => j.on('r.session_id', '=', p.session))
    .select(accountColumns)
    .select(['i.valid_from', 'r.session_id as revoked'])
    .where('i.issuer', '=', p.issuer)
    .where('i.subject', '=', p.subject),
)

export const insertIdentity = sql<{ issuer: string; subject: string; account: number; at: number }>()((db, p) =>
  db
    .insertInto('account_identities')
    .values({ issuer: p.issuer, subject: p.subject, account_id: p.account, valid_from: 0, created_at: p.at }),
)

export const refuseBefore = sql<{ account: number; at: number }>()((db, p) =>
  db.updateTable('account_identities').set({ valid_from: p.at }).where('account_id', '=', p.account),
)

export const insertRevoked = sql<{ session: string; ends: number }>()((db, p) =>
  db
    .insertInto('revoked_sessions')
    .values({ session_id: p.session, ends_at: p.ends })
    .onConflict((c) => c.column('session_id').doNothing()),
)

export const deleteRevoked = sql<{ now: number }>()((db, p) =>
  db.deleteFrom('revoked_sessions').where('ends_at', '<', p.now),
)
