import { PGlite } from '@electric-sql/pglite'
import { Kysely, PGliteDialect } from 'kysely'
import type { Database } from '../../kernel/database.ts'
import { Mutex } from '../mutex.ts'
import { PostgresDatabase } from './database.ts'

const INT8 = 20

/** PostgreSQL in this process: what the suite runs the second dialect on where no server is. One connection only. */
export async function openPglite(dataDir?: string): Promise<Database> {
  const db = await PGlite.create({ ...(dataDir !== undefined && { dataDir }), parsers: { [INT8]: Number } })
  const turn = new Mutex()
  return new PostgresDatabase({
    use: (work) =>
      turn.run(() =>
        work({
          async query(text, values) {
            const result = await db.query(text, [...values])
            return { rows: result.rows as object[], changed: result.affectedRows ?? 0 }
          },
        }),
      ),
    kysely: () => new Kysely<never>({ dialect: new PGliteDialect({ pglite: db }) }),
    close: () => db.close(),
  })
}
