import type { Insertable, Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

export type SuggestionRow = Selectable<PrdTables['prd_suggestions']>
type New = Omit<Insertable<PrdTables['prd_suggestions']>, 'id' | 'status' | 'dismissed_by'>
type Shown = Pick<SuggestionRow, 'section' | 'title' | 'description' | 'confidence'>

/** All there ever were of a PRD that are kept, the oldest first. */
export const suggestionsOf = sql<{ prd: number }>()((db, p) =>
  db.selectFrom('prd_suggestions').selectAll().where('prd_id', '=', p.prd).orderBy('id'),
)

export const insertSuggestion = sql<New>()((db, p) =>
  db.insertInto('prd_suggestions').values({
    prd_id: p.prd_id,
    rule: p.rule,
    subject: p.subject,
    section: p.section,
    title: p.title,
    description: p.description,
    confidence: p.confidence,
    status: 'open',
    created_at: p.created_at,
    dismissed_by: null,
  }),
)

/** It holds, as it is said now. */
export const openSuggestion = sql<{ id: number; at: number } & Shown>()((db, p) =>
  db
    .updateTable('prd_suggestions')
    .set({
      section: p.section,
      title: p.title,
      description: p.description,
      confidence: p.confidence,
      status: 'open',
      created_at: p.at,
    })
    .where('id', '=', p.id),
)

export const closeSuggestion = sql<{ id: number }>()((db, p) =>
  db.updateTable('prd_suggestions').set({ status: 'gone' }).where('id', '=', p.id),
)

export const deleteSuggestion = sql<{ id: number }>()((db, p) =>
  db.deleteFrom('prd_suggestions').where('id', '=', p.id),
)

/** @returns how many: none when it is not there, or was dismissed before */
export const dismissOne = sql<{ id: number; prd: number; actor: number }>()((db, p) =>
  db
    .updateTable('prd_suggestions')
    .set({ status: 'dismissed', dismissed_by: p.actor })
    .where('id', '=', p.id)
    .where('prd_id', '=', p.prd)
    .where('status', '!=', 'dismissed'),
)
