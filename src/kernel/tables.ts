import type { CreateTableBuilder, Kysely } from 'kysely'
import type { Dialect } from './database.ts'

/** The type of a wall-clock time in milliseconds. */
export const timeType = (dialect: Dialect): 'integer' | 'bigint' => (dialect === 'sqlite' ? 'integer' : 'bigint')

/**
 * A table whose rows are numbered in the order in which they came. No number is given twice, so that none comes to mean
 * another thing.
 */
export function numberedTable(db: Kysely<never>, dialect: Dialect, name: string): CreateTableBuilder<string, 'id'> {
  const table = db.schema.createTable(name)
  return dialect === 'sqlite'
    ? table.addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    : table.addColumn('id', 'serial', (c) => c.primaryKey())
}
