import type { Kysely } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

/**
 * How everybody who has joined something stands to it. The rows are those of the transaction: who joins earlier in the
 * same commit group is in them, and nobody in memory knows yet.
 */
const joinedStandings = (db: Kysely<PrdTables>) =>
  db
    .selectFrom('prd_sessions as s')
    .innerJoin('prd_prds as d', 'd.id', 's.prd_id')
    .innerJoin('accounts as a', 'a.id', 's.account_id')
    .leftJoin('prd_members as m', (j) =>
      j.onRef('m.organization_id', '=', 'd.organization_id').onRef('m.account_id', '=', 'a.id'),
    )
    .leftJoin('prd_collaborators as c', (j) => j.onRef('c.prd_id', '=', 'd.id').onRef('c.account_id', '=', 'a.id'))
    .select([
      'd.id as prd_id',
      'd.owner_id',
      'd.access',
      'a.id as actor_id',
      'a.display_name as actor_name',
      'm.role as organization_role',
      'c.role as collaborator_role',
    ])
    .distinct()

export const joinedOf = sql<{ prd: number }>()((db, p) => joinedStandings(db).where('s.prd_id', '=', p.prd))

/** What one person has joined of an organisation. */
export const joinedBy = sql<{ account: number; organization: number }>()((db, p) =>
  joinedStandings(db).where('s.account_id', '=', p.account).where('d.organization_id', '=', p.organization),
)

export const deleteJoined = sql<{ prd: number; account: number }>()((db, p) =>
  db.deleteFrom('prd_sessions').where('prd_id', '=', p.prd).where('account_id', '=', p.account),
)

export const deleteJoinedBy = sql<{ account: number }>()((db, p) =>
  db.deleteFrom('prd_sessions').where('account_id', '=', p.account),
)
