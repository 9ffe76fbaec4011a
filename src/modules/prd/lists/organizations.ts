import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { statements } from '../../../kernel/statement.ts'
import { toId } from '../ids.ts'
import type { OrganizationAccess } from '../store/access.ts'
import { countMembers } from '../store/organizations.ts'
import type { OrganizationRole, PrdTables } from '../tables.ts'
import { timestamp } from '../wire.ts'

const sql = statements<PrdTables>()

/** Above every number a row can have. */
export const ALL = 2_147_483_647

/** What routes/shapes.ts describes. */
export interface Organization {
  readonly id: string
  readonly name: string
  readonly role: OrganizationRole
  readonly memberCount: number
  readonly createdAt: string
}

export interface Member {
  readonly userId: string
  readonly username: string
  readonly name: string
  readonly role: OrganizationRole
  readonly addedBy: string
  readonly addedAt: string
}

const organizationsPage = sql<{ actor: number; before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('prd_members as m')
    .innerJoin('prd_organizations as o', 'o.id', 'm.organization_id')
    .select((e) => [
      'o.id',
      'o.name',
      'm.role',
      'o.created_at',
      e
        .selectFrom('prd_members as c')
        .select((c) => c.fn.countAll().as('count'))
        .whereRef('c.organization_id', '=', 'o.id')
        .as('members'),
    ])
    .where('m.account_id', '=', p.actor)
    .where('o.id', '<', p.before)
    .orderBy('o.id', 'desc')
    .limit(p.limit),
)

/** Those one is a member of, the newest first. */
export async function listOrganizations(
  reader: Reader,
  actor: number,
  { limit, before = ALL }: Page<number>,
): Promise<Listed<Organization, string>> {
  const rows = await reader.all(organizationsPage, { actor, before, limit: limit + 1 })
  const shown = rows.map(({ id, name, role, created_at, members }) => ({
    id: toId('organization', id),
    name,
    role,
    memberCount: Number(members),
    createdAt: timestamp(created_at),
  }))
  return paged(shown, limit, ({ id }) => id)
}

/** One that is known to be one's own. */
export async function showOrganization(reader: Reader, organization: OrganizationAccess): Promise<Organization> {
  const { id, name, organization_role, created_at } = organization
  const { count } = (await reader.get(countMembers, { organization: id }))!
  return {
    id: toId('organization', id),
    name,
    role: organization_role!,
    memberCount: Number(count),
    createdAt: timestamp(created_at),
  }
}

const membersPage = sql<{ organization: number; from: number; limit: number }>()((db, p) =>
  db
    .selectFrom('prd_members as m')
    .innerJoin('accounts as a', 'a.id', 'm.account_id')
    .select(['m.account_id', 'a.username', 'a.display_name', 'm.role', 'm.added_by', 'm.added_at'])
    .where('m.organization_id', '=', p.organization)
    .where('m.account_id', '<=', p.from)
    .orderBy('m.account_id', 'desc')
    .limit(p.limit),
)

/** The newest account first: an order that nobody's coming or going changes. */
export async function listMembers(
  reader: Reader,
  organization: number,
  { limit, before = ALL + 1 }: Page<number>,
): Promise<Listed<Member, string>> {
  const members = await readMembers(reader, { organization, from: before - 1, limit: limit + 1 })
  return paged(members, limit, ({ userId }) => userId)
}

/** Somebody who is known to be a member. */
export async function showMember(reader: Reader, organization: number, account: number): Promise<Member> {
  return (await readMembers(reader, { organization, from: account, limit: 1 }))[0]!
}

async function readMembers(reader: Reader, page: { organization: number; from: number; limit: number }) {
  const rows = await reader.all(membersPage, page)
  return rows.map(
    (row): Member => ({
      userId: toId('user', row.account_id),
      username: row.username,
      name: row.display_name,
      role: row.role,
      addedBy: toId('user', row.added_by),
      addedAt: timestamp(row.added_at),
    }),
  )
}
