import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { matches, searchWords } from '../../../kernel/search.ts'
import { builder } from '../../../kernel/statement.ts'
import { toId } from '../ids.ts'
import { rightOf, type Right, type Standing } from '../policy.ts'
import type { PrdAccess, PrdRow } from '../store/access.ts'
import { seesInSql } from '../store/sight.ts'
import type { Access, PrdStatus, PrdTables } from '../tables.ts'
import { timestamp } from '../wire.ts'

interface Person {
  readonly id: string
  readonly name: string
}

/** What routes/shapes.ts describes. */
export interface Prd {
  readonly id: string
  readonly organizationId: string
  readonly title: string
  readonly status: PrdStatus
  readonly access: Access
  readonly version: string
  readonly owner: Person
  readonly createdBy: Person
  readonly right: Right
  readonly createdAt: string
  readonly updatedAt: string
}

export interface PrdFilter extends Page<number> {
  readonly organization?: number | undefined
  readonly status?: PrdStatus | undefined
  /** Words of the title, each as the beginning of one. */
  readonly q?: string | undefined
}

const nothing: Listed<never, string> = { rows: [], next: undefined }

/** PRDs that somebody sees, newest first; what they may not see is not there for the filters either. */
export async function listPrds(reader: Reader, actor: number, filter: PrdFilter): Promise<Listed<Prd, string>> {
  const { limit, before, organization, status, q } = filter
  const db = builder<PrdTables>(reader.dialect)
  let query = db
    .selectFrom('prd_prds as d')
    .innerJoin('prd_members as m', (j) =>
      j.onRef('m.organization_id', '=', 'd.organization_id').on('m.account_id', '=', actor),
    )
    .leftJoin('prd_collaborators as c', (j) => j.onRef('c.prd_id', '=', 'd.id').on('c.account_id', '=', actor))
    .select(['d.id', 'd.organization_id', 'd.title', 'd.status', 'd.access', 'd.version', 'd.owner_id', 'd.created_by'])
    .select(['d.created_at', 'd.updated_at', 'm.role as organization_role', 'c.role as collaborator_role'])
    .where('d.deleted_at', 'is', null)
    .where((e) => seesInSql(e as never, e.val(actor)))
    .orderBy('d.id', 'desc')
    .limit(limit + 1)
  if (before !== undefined) query = query.where('d.id', '<', before)
  if (organization !== undefined) query = query.where('d.organization_id', '=', organization)
  if (status !== undefined) query = query.where('d.status', '=', status)
  if (q !== undefined) {
    const words = searchWords(q)
    if (words.length === 0) return nothing
    const found = db.selectFrom('prd_prds').select('prd_prds.id').where(matches(reader.dialect, 'prd_prds', words))
    query = query.where('d.id', 'in', found)
  }
  const rows = await reader.query(query.compile())
  return paged(await showPrds(reader, actor, rows), limit, ({ id }) => id)
}

/** One that is known to be seen. */
export async function showPrd(reader: Reader, prd: PrdAccess): Promise<Prd> {
  return (await showPrds(reader, prd.actor_id, [prd]))[0]!
}

type Shown = Omit<PrdRow, 'saved_at' | 'deleted_at'> & Omit<Standing, 'actor_id' | 'actor_name'>

async function showPrds(reader: Reader, actor: number, rows: readonly Shown[]): Promise<Prd[]> {
  const names = await namesOf(reader, rows.flatMap(({ owner_id, created_by }) => [owner_id, created_by]))
  const person = (id: number): Person => ({ id: toId('user', id), name: names.get(id)! })
  return rows.map((row) => ({
    id: toId('prd', row.id),
    organizationId: toId('organization', row.organization_id),
    title: row.title,
    status: row.status,
    access: row.access,
    version: row.version,
    owner: person(row.owner_id),
    createdBy: person(row.created_by),
    right: rightOf({ ...row, actor_id: actor, actor_name: '' }),
    createdAt: timestamp(row.created_at),
    updatedAt: timestamp(row.updated_at),
  }))
}

async function namesOf(reader: Reader, ids: readonly number[]): Promise<ReadonlyMap<number, string>> {
  if (ids.length === 0) return new Map()
  const query = builder<PrdTables>(reader.dialect)
    .selectFrom('accounts')
    .select(['id', 'display_name'])
    .where('id', 'in', [...new Set(ids)])
  return new Map((await reader.query(query.compile())).map(({ id, display_name }) => [id, display_name]))
}
