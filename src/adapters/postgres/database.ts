import { Kysely, PostgresDialect } from 'kysely'
import { Pool, types, type PoolClient } from 'pg'
import type { Database, Migrations, Reader, Tx } from '../../kernel/database.ts'
import { runMigrations } from '../migrate.ts'
import { Mutex } from '../mutex.ts'
import { PostgresConnection, type Client } from './connection.ts'

/** Where connections come from: a pool, or the one of an embedded PostgreSQL. */
export interface Source {
  /** The client is this call's alone. One whose connection broke is not used again. */
  use<T>(work: (client: Client) => Promise<T>): Promise<T>
  kysely(): Kysely<never>
  close(): Promise<void>
}

/** The store of a cluster. Writes of this process are one after the other; groups make that cheap (rule K-1). */
export class PostgresDatabase implements Database {
  readonly dialect = 'postgres'
  readonly latest: Pick<Reader, 'all' | 'get'>
  private readonly source: Source
  private readonly writing = new Mutex()

  constructor(source: Source) {
    this.source = source
    this.latest = {
      all: (statement, params) => source.use((client) => new PostgresConnection(client).all(statement, params)),
      get: (statement, params) => source.use((client) => new PostgresConnection(client).get(statement, params)),
    }
  }

  migrate(migrations: Migrations): Promise<void> {
    return this.writing.run(() => runMigrations(this.source.kysely(), 'postgres', migrations))
  }

  read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    return this.transaction('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', work)
  }

  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.writing.run(() => this.transaction('BEGIN', work))
  }

  /**
   * Frees the space of erased rows for being overwritten. How long the write-ahead log and its archive keep them is the
   * operator's setting, and so is `VACUUM FULL` for a copy of the files that must not have them.
   */
  erase(): Promise<void> {
    return this.source.use(async (client) => {
      for (const table of ['event_log', 'command_outcomes']) await client.query(`VACUUM ${table}`, [])
    })
  }

  close(): Promise<void> {
    return this.writing.run(() => this.source.close())
  }

  private transaction<T>(begin: string, work: (tx: PostgresConnection) => Promise<T>): Promise<T> {
    return this.source.use(async (client) => {
      const connection = new PostgresConnection(client)
      await connection.exec(begin)
      try {
        const result = await work(connection)
        await connection.exec('COMMIT')
        return result
      } catch (error) {
        // On a broken connection there is nothing to roll back, and the cause is what counts.
        await connection.exec('ROLLBACK').catch(() => undefined)
        throw error
      }
    })
  }
}

/** @param options.max connections of the pool; a session of the tests and a small cluster both fit the default. */
export function openPostgres(url: string, options: { readonly max?: number } = {}): Database {
  const pool = new Pool({
    connectionString: url,
    max: options.max ?? 10,
    types: {
      // Offsets, times and counts are below 2^53: numbers, as on SQLite.
      getTypeParser: (id, format) => (id === types.builtins.INT8 ? Number : types.getTypeParser(id, format)),
    },
  })
  // An idle connection that breaks is dropped by the pool; unheard, the event would end the process.
  pool.on('error', () => undefined)
  return new PostgresDatabase({
    async use(work) {
      const client = await pool.connect()
      let broken: Error | undefined
      const note = (error: Error): void => void (broken = error)
      client.on('error', note)
      try {
        return await work(overPg(client))
      } finally {
        client.off('error', note)
        client.release(broken)
      }
    },
    kysely: () => new Kysely<never>({ dialect: new PostgresDialect({ pool }) }),
    close: () => pool.end(),
  })
}

function overPg(client: PoolClient): Client {
  return {
    async query(text, values, name) {
      const result = await client.query({ text, values: [...values], ...(name !== undefined && { name }) })
      return { rows: result.rows as object[], changed: result.rowCount ?? 0 }
    },
  }
}
