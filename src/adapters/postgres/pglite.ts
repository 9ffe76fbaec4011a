import { PGlite, type PGliteOptions } from '@electric-sql/pglite'
import { Kysely, PGliteDialect } from 'kysely'
import type { Database } from '../../kernel/database.ts'
import { Mutex } from '../mutex.ts'
import { INT8, toNumber, type Client, type Source } from './client.ts'
import { ByteOrder } from './collation.ts'
import { PostgresDatabase } from './store.ts'

/** PostgreSQL in this process: what the suite runs the second dialect on where no server is. One connection only. */
export async function openPglite(options: PGliteOptions = {}): Promise<Database> {
  const db = await PGlite.create({ ...options, parsers: { [INT8]: toNumber } })
  return new PostgresDatabase(new PgliteSource(db))
}

class PgliteSource implements Source {
  private readonly db: PGlite
  private readonly turn = new Mutex()
  private readonly client: Client

  constructor(db: PGlite) {
    this.db = db
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
    return this.turn.run(() => this.db.close())
  }
}
