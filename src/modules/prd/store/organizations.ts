import { statements } from '../../../kernel/statement.ts'
import type { OrganizationRole, PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

export const insertOrganization = sql<{ name: string; actor: number; at: number }>()((db, p) =>
  db
    .insertInto('prd_organizations')
    .values({ name: p.name, created_by: p.actor, created_at: p.at, head: null })
    .returning('id'),
)

export const renameOrganization = sql<{ id: number; name: string }>()((db, p) =>
  db.updateTable('prd_organizations').set({ name: p.name }).where('id', '=', p.id),
)

export const countMadeBy = sql<{ actor: number }>()((db, p) =>
  db
    .selectFrom('prd_organizations')
    .select((e) => e.fn.countAll().as('count'))
    .where('created_by', '=', p.actor),
)

interface Organization {
  organization: number
}
interface Place extends Organization {
  account: number
}

export const findMember = sql<Place>()((db, p) =>
  db
    .selectFrom('prd_members')
    .selectAll()
    .where('organization_id', '=', p.organization)
    .where('account_id', '=', p.account),
)

export const countMembers = sql<Organization>()((db, p) =>
  db
    .selectFrom('prd_members')
    .select((e) => e.fn.countAll().as('count'))
    .where('organization_id', '=', p.organization),
)

/** Admins who can act, but for one person. */
export const countOtherAdmins = sql<Place>()((db, p) =>
  db
    .selectFrom('prd_members as m')
    .innerJoin('accounts as a', (j) => j.onRef('a.id', '=', 'm.account_id').on('a.status', '=', 'active'))
    .select((e) => e.fn.countAll().as('count'))
    .where('m.organization_id', '=', p.organization)
    .where('m.role', '=', 'admin')
    .where('m.account_id', '!=', p.account),
)

export const insertMember = sql<PrdTables['prd_members']>()((db, p) =>
  db.insertInto('prd_members').values({
    organization_id: p.organization_id,
    account_id: p.account_id,
    role: p.role,
    added_by: p.added_by,
    added_at: p.added_at,
  }),
)

export const saveMemberRole = sql<Place & { role: OrganizationRole }>()((db, p) =>
  db
    .updateTable('prd_members')
    .set({ role: p.role })
    .where('organization_id', '=', p.organization)
    .where('account_id', '=', p.account),
)

export const deleteMember = sql<Place>()((db, p) =>
  db.deleteFrom('prd_members').where('organization_id', '=', p.organization).where('account_id', '=', p.account),
)

export const deleteMembers = sql<Organization>()((db, p) =>
  db.deleteFrom('prd_members').where('organization_id', '=', p.organization),
)

export const deleteOrganizationRow = sql<{ id: number }>()((db, p) =>
  db.deleteFrom('prd_organizations').where('id', '=', p.id),
)

/** What of an organisation was shared with somebody by name. */
export const deleteSharesOf = sql<Place>()((db, p) =>
  db
    .deleteFrom('prd_collaborators')
    .where('account_id', '=', p.account)
    .where('prd_id', 'in', db.selectFrom('prd_prds').select('id').where('organization_id', '=', p.organization)),
)

export const findActive = sql<{ id: number }>()((db, p) =>
  db.selectFrom('accounts').select(['id', 'display_name']).where('id', '=', p.id).where('status', '=', 'active'),
)

export const findActiveByName = sql<{ key: string }>()((db, p) =>
  db
    .selectFrom('accounts')
    .select(['id', 'display_name'])
    .where('username_key', '=', p.key)
    .where('status', '=', 'active'),
)
