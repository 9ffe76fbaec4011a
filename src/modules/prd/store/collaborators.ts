import { statements } from '../../../kernel/statement.ts'
import type { CollaboratorRole, PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

interface Place {
  prd: number
  account: number
}

export const findCollaborator = sql<Place>()((db, p) =>
  db.selectFrom('prd_collaborators').selectAll().where('prd_id', '=', p.prd).where('account_id', '=', p.account),
)

/** Who is a collaborator already keeps everything but the role. */
export const saveCollaborator = sql<Place & { role: CollaboratorRole; actor: number; at: number }>()((db, p) =>
  db
    .insertInto('prd_collaborators')
    .values({ prd_id: p.prd, account_id: p.account, role: p.role, added_by: p.actor, added_at: p.at })
    .onConflict((c) => c.columns(['prd_id', 'account_id']).doUpdateSet({ role: p.role })),
)

export const deleteCollaborator = sql<Place>()((db, p) =>
  db.deleteFrom('prd_collaborators').where('prd_id', '=', p.prd).where('account_id', '=', p.account),
)

/** By PRD, whom it was shared with by name, the newest account first. */
export const collaboratorsPage = sql<{ prd: number; from: number; limit: number }>()((db, p) =>
  db
    .selectFrom('prd_collaborators as c')
    .innerJoin('accounts as a', 'a.id', 'c.account_id')
    .select(['c.account_id', 'a.display_name', 'c.role', 'c.added_by', 'c.added_at'])
    .where('c.prd_id', '=', p.prd)
    .where('c.account_id', '<=', p.from)
    .orderBy('c.account_id', 'desc')
    .limit(p.limit),
)
