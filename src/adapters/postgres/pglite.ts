import type { PGlite } from '@electric-sql/pglite'
import { Kysely, PGliteDialect } from 'kysely'
import type { Database } from '../../kernel/database.ts'
import { Mutex } from '../mutex.ts'
import { INT8, toNumber, type Client, type Source } from './client.ts'
import { ByteOrder } from './collation.ts'
import { PostgresDatabase } from './store.ts'

/** What an instance must be created with to be used here. */
export const pgliteOptions = { parsers: { [INT8]: toNumber } }

/**
 * PostgreSQL in this process: what the suite runs the second dialect on where no server is. One connection only.
 *
 * @param release what becomes of the instance when the database is closed
 */
export function pgliteDatabase(db: PGlite, release: () => Promise<void>): Database {
  return new PostgresDatabase(new PgliteSource(db, release))
}

class PgliteSource implements Source {
  private readonly db: PGlite
  private readonly turn = new Mutex()
  private readonly client: Client
  private readonly release: () => Promise<void>

  constructor(db: PGlite, release: () => Promise<void>) {
    this.db = db
    this.release = release
    this.client = {
      lost: undefined,
      async query(text, values) {
        const { rows, affectedRows } = await db.query<object>(text, [...values])
        return { rows, changed: affectedRows ?? 0 }
      },
      async exec(commands) {
        const { rows, affectedRows } = (await db.exec(commands)).at(-1)!
        return { rows, changed: affectedRows ?? 0 }
      },
    }
  }

  use<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return this.turn.run(() => work(this.client))
  }

  withKysely<T>(work: (db: Kysely<never>) => Promise<T>): Promise<T> {
    const dialect = new PGliteDialect({ pglite: this.db })
    return this.turn.run(() => work(new Kysely({ dialect, plugins: [new ByteOrder()] })))
  }

  close(): Promise<void> {
    return this.turn.run(this.release)
  }
}
