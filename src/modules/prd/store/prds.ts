import type { Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { PrdStatus, PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

/** Of every PRD, before anybody makes a version. */
const FIRST_VERSION = '1.0.0'

/** Its text has changed: what was decided of it was decided of another text. A review that is open stays open. */
export const touchPrd = sql<{ id: number; at: number }>()((db, p) =>
  db
    .updateTable('prd_prds')
    .set((e) => ({
      updated_at: p.at,
      status: e.case().when('status', '=', 'in_review').then(e.ref('status')).else(e.val<PrdStatus>('draft')).end(),
    }))
    .where('id', '=', p.id),
)

export const savePrdStatus = sql<{ id: number; status: PrdStatus; at: number }>()((db, p) =>
  db.updateTable('prd_prds').set({ status: p.status, updated_at: p.at }).where('id', '=', p.id),
)

type NewPrd = Pick<Selectable<PrdTables['prd_prds']>, 'organization_id' | 'title' | 'access'>

export const insertPrd = sql<NewPrd & { actor: number; at: number }>()((db, p) =>
  db
    .insertInto('prd_prds')
    .values({
      organization_id: p.organization_id,
      title: p.title,
      status: 'draft',
      access: p.access,
      version: FIRST_VERSION,
      owner_id: p.actor,
      created_by: p.actor,
      created_at: p.at,
      updated_at: p.at,
      saved_at: p.at,
      deleted_at: null,
    })
    .returning('id'),
)

type Change = Pick<Selectable<PrdTables['prd_prds']>, 'id' | 'title' | 'access' | 'owner_id' | 'updated_at'>

export const savePrd = sql<Change>()((db, p) =>
  db
    .updateTable('prd_prds')
    .set({ title: p.title, access: p.access, owner_id: p.owner_id, updated_at: p.updated_at })
    .where('id', '=', p.id),
)

export const countPrds = sql<{ organization: number }>()((db, p) =>
  db
    .selectFrom('prd_prds')
    .select((e) => e.fn.countAll().as('count'))
    .where('organization_id', '=', p.organization)
    .where('deleted_at', 'is', null),
)

export const markDeleted = sql<{ id: number; at: number }>()((db, p) =>
  db.updateTable('prd_prds').set({ deleted_at: p.at }).where('id', '=', p.id),
)
