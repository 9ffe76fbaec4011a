import type { Insertable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

interface One {
  organization: number
  id: number
}

export const insertTemplate = sql<Required<Omit<Insertable<PrdTables['prd_templates']>, 'id'>>>()((db, p) =>
  db
    .insertInto('prd_templates')
    .values({
      organization_id: p.organization_id,
      name: p.name,
      content: p.content,
      created_by: p.created_by,
      created_at: p.created_at,
    })
    .returning('id'),
)

export const findTemplate = sql<One>()((db, p) =>
  db
    .selectFrom('prd_templates')
    .selectAll()
    .where('organization_id', '=', p.organization)
    .where('id', '=', p.id),
)

export const deleteTemplateRow = sql<One>()((db, p) =>
  db.deleteFrom('prd_templates').where('organization_id', '=', p.organization).where('id', '=', p.id),
)

export const countTemplates = sql<{ organization: number }>()((db, p) =>
  db
    .selectFrom('prd_templates')
    .select((e) => e.fn.countAll().as('count'))
    .where('organization_id', '=', p.organization),
)

/** Without their texts, the newest first. */
export const templatesPage = sql<{ organization: number; before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('prd_templates')
    .select(['id', 'name', 'created_by', 'created_at'])
    .where('organization_id', '=', p.organization)
    .where('id', '<', p.before)
    .orderBy('id', 'desc')
    .limit(p.limit),
)
