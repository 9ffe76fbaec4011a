import { statements } from '../../../kernel/statement.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

export const insertSession = sql<PrdTables['prd_sessions']>()((db, p) =>
  db.insertInto('prd_sessions').values({
    connection: p.connection,
    prd_id: p.prd_id,
    account_id: p.account_id,
    mode: p.mode,
    joined_at: p.joined_at,
  }),
)

export const deleteSession = sql<{ connection: string; prd_id: number }>()((db, p) =>
  db.deleteFrom('prd_sessions').where('connection', '=', p.connection).where('prd_id', '=', p.prd_id),
)

export const deleteSessionsOf = sql<{ connection: string }>()((db, p) =>
  db.deleteFrom('prd_sessions').where('connection', '=', p.connection),
)

/** Whose connections had joined something when the process before this one ended. */
export const accountsCutOff = sql<object>()((db) => db.selectFrom('prd_sessions').select('account_id').distinct())

export const deleteAllSessions = sql<object>()((db) => db.deleteFrom('prd_sessions'))
