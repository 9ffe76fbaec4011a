import type { CompiledQuery, Expression, ExpressionBuilder, SqlBool } from 'kysely'
import type { Dialect } from '../../../kernel/database.ts'
import { builder } from '../../../kernel/statement.ts'
import type { PrdTables } from '../tables.ts'

/** A PRD `d` beside the membership `m` and the collaborator's row `c` of the person who asks. */
interface Joined {
  d: PrdTables['prd_prds']
  m: { role: PrdTables['prd_members']['role'] | null }
  c: { role: PrdTables['prd_collaborators']['role'] | null }
}

/** `seesPrd` of policy.ts in SQL, for lists of what is on PRDs; the same for those that have been deleted. */
export const seesInSql = (
  e: ExpressionBuilder<Joined, 'd' | 'm' | 'c'>,
  account: Expression<number>,
): Expression<SqlBool> =>
  e.and([
    e('m.role', 'is not', null),
    e.or([
      e('m.role', '=', 'admin'),
      e('d.owner_id', '=', account),
      e('c.role', 'is not', null),
      e('d.access', '!=', 'none'),
    ]),
  ])

export interface LostWhere {
  readonly organization: number
  readonly prd: number | undefined
  readonly accountId: number | undefined
}

/** Who was notified of which PRDs that they do not see now. */
export function lostNotifications(
  dialect: Dialect,
  { organization, prd, accountId }: LostWhere,
): CompiledQuery<{ account_id: number; prd_id: number }> {
  let query = builder<PrdTables>(dialect)
    .selectFrom('prd_notifications as n')
    .innerJoin('prd_prds as d', 'd.id', 'n.prd_id')
    .leftJoin('prd_members as m', (j) =>
      j.onRef('m.organization_id', '=', 'd.organization_id').onRef('m.account_id', '=', 'n.account_id'),
    )
    .leftJoin('prd_collaborators as c', (j) =>
      j.onRef('c.prd_id', '=', 'd.id').onRef('c.account_id', '=', 'n.account_id'),
    )
    .select(['n.account_id', 'd.id as prd_id'])
    .distinct()
    .where('d.organization_id', '=', organization)
    .where((e) => e.not(seesInSql(e as never, e.ref('n.account_id'))))
  if (prd !== undefined) query = query.where('n.prd_id', '=', prd)
  if (accountId !== undefined) query = query.where('n.account_id', '=', accountId)
  return query.compile()
}
