import type { Insertable, Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

export type ConflictRow = Selectable<PrdTables['prd_conflicts']>
type New = Pick<
  Insertable<PrdTables['prd_conflicts']>,
  'prd_id' | 'sides' | 'first_id' | 'first_text' | 'second_id' | 'second_text' | 'created_at'
>

export const insertConflict = sql<New>()((db, p) =>
  db
    .insertInto('prd_conflicts')
    .values({
      prd_id: p.prd_id,
      sides: p.sides,
      first_id: p.first_id,
      first_text: p.first_text,
      second_id: p.second_id,
      second_text: p.second_text,
      created_at: p.created_at,
      resolution: null,
      resolved_by: null,
      resolved_at: null,
    })
    .returningAll(),
)

export const countOpen = sql<{ prd: number }>()((db, p) =>
  db
    .selectFrom('prd_conflicts')
    .select((e) => e.fn.countAll().as('count'))
    .where('prd_id', '=', p.prd)
    .where('resolution', 'is', null),
)

/** The oldest first. */
export const openBetween = sql<{ prd: number; first: number; second: number }>()((db, p) =>
  db
    .selectFrom('prd_conflicts')
    .selectAll()
    .where('prd_id', '=', p.prd)
    .where('resolution', 'is', null)
    .where('first_id', '=', p.first)
    .where('second_id', '=', p.second)
    .orderBy('id'),
)

/** The oldest first. */
export const openConflicts = sql<{ prd: number }>()((db, p) =>
  db
    .selectFrom('prd_conflicts')
    .selectAll()
    .where('prd_id', '=', p.prd)
    .where('resolution', 'is', null)
    .orderBy('id'),
)

export const saveSides = sql<Pick<ConflictRow, 'id' | 'sides' | 'first_text' | 'second_text'>>()((db, p) =>
  db
    .updateTable('prd_conflicts')
    .set({ sides: p.sides, first_text: p.first_text, second_text: p.second_text })
    .where('id', '=', p.id),
)

type Resolved = Pick<ConflictRow, 'id' | 'first_text' | 'second_text' | 'resolution' | 'resolved_by'> & { at: number }

export const saveResolution = sql<Resolved>()((db, p) =>
  db
    .updateTable('prd_conflicts')
    .set({
      first_text: p.first_text,
      second_text: p.second_text,
      resolution: p.resolution,
      resolved_by: p.resolved_by,
      resolved_at: p.at,
    })
    .where('id', '=', p.id),
)
