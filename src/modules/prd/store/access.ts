import type { Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { Membership, Standing } from '../policy.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

export type OrganizationRow = Selectable<PrdTables['prd_organizations']>
export type PrdRow = Selectable<PrdTables['prd_prds']>
export type CommentRow = Selectable<PrdTables['prd_comments']>

export type OrganizationAccess = OrganizationRow & Membership
export type PrdAccess = PrdRow & Standing

/** An organisation as somebody with an active account stands to it. */
export const accessOrganization = sql<{ id: number; actor: number }>()((db, p) =>
  db
    .selectFrom('prd_organizations as o')
    .innerJoin('accounts as a', (j) => j.on('a.id', '=', p.actor).on('a.status', '=', 'active'))
    .leftJoin('prd_members as m', (j) => j.onRef('m.organization_id', '=', 'o.id').onRef('m.account_id', '=', 'a.id'))
    .selectAll('o')
    .select(['a.id as actor_id', 'a.display_name as actor_name', 'm.role as organization_role'])
    .where('o.id', '=', p.id),
)

/** A PRD as somebody with an active account stands to it; whether they see it is for policy to say. */
export const accessPrd = sql<{ id: number; actor: number }>()((db, p) =>
  db
    .selectFrom('prd_prds as d')
    .innerJoin('accounts as a', (j) => j.on('a.id', '=', p.actor).on('a.status', '=', 'active'))
    .leftJoin('prd_members as m', (j) =>
      j.onRef('m.organization_id', '=', 'd.organization_id').onRef('m.account_id', '=', 'a.id'),
    )
    .leftJoin('prd_collaborators as c', (j) => j.onRef('c.prd_id', '=', 'd.id').onRef('c.account_id', '=', 'a.id'))
    .selectAll('d')
    .select([
      'a.id as actor_id',
      'a.display_name as actor_name',
      'm.role as organization_role',
      'c.role as collaborator_role',
    ])
    .where('d.id', '=', p.id)
    .where('d.deleted_at', 'is', null),
)

export const findComment = sql<{ id: number }>()((db, p) =>
  db.selectFrom('prd_comments').selectAll().where('id', '=', p.id),
)

export const findConflict = sql<{ prd: number; id: number }>()((db, p) =>
  db.selectFrom('prd_conflicts').selectAll().where('prd_id', '=', p.prd).where('id', '=', p.id),
)
