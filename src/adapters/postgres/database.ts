import { Kysely, PostgresDialect } from 'kysely'
import { Pool, types, type PoolClient, type QueryConfig, type QueryResult } from 'pg'
import type { Database } from '../../kernel/database.ts'
import { INT8, toNumber, type Client, type Result, type Source } from './client.ts'
import { ByteOrder } from './collation.ts'
import { PostgresDatabase } from './store.ts'

export interface PostgresOptions {
  /** Connections of the pool. One writes at a time, the others read. */
  readonly max?: number
}

/** For a connection of the pool, new or returned: past it a request fails instead of waiting for ever. */
const ACQUIRE_MS = 10_000
/** For one answer: past it the server is gone without a word (failover, a cut cable), and so is its connection. */
const ANSWER_MS = 30_000

/** The server does not know this prepared statement any more, or its result has changed: a newer node has migrated. */
const STALE = new Set(['0A000', '26000'])

/** @param url `postgres://user:password@host/database`, with `sslmode=verify-full` over a network. */
export function openPostgres(url: string, options: PostgresOptions = {}): Database {
  return new PostgresDatabase(new PoolSource(url, options.max ?? 10))
}

class PoolSource implements Source {
  private readonly pool: Pool
  /** Connections whose prepared statements are as good as new. */
  private sound = new WeakSet<PoolClient>()

  constructor(url: string, max: number) {
    this.pool = new Pool({
      connectionString: url,
      max,
      connectionTimeoutMillis: ACQUIRE_MS,
      keepAlive: true,
      application_name: 'switchboard',
      types: {
        getTypeParser: (id, format) => (id === INT8 ? toNumber : types.getTypeParser(id, format)),
      },
    })
    // A connection that breaks is dropped by the pool when it is idle, by `use` when it is not, and by kysely during a
    // migration; unheard, its event would end the process.
    this.pool.on('error', () => undefined)
    this.pool.on('connect', (client) => {
      this.sound.add(client)
      client.on('error', () => undefined)
    })
  }

  async use<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = await this.take()
    const used = new PgClient(client)
    try {
      return await work(used)
    } finally {
      used.done()
      // The other connections have prepared the same statements: each would fail once.
      if (used.stale) this.sound = new WeakSet()
      const inTransaction = client.getTransactionStatus() !== 'I'
      client.release(used.lost !== undefined || used.stale || inTransaction)
    }
  }

  withKysely<T>(work: (db: Kysely<never>) => Promise<T>): Promise<T> {
    return work(new Kysely({ dialect: new PostgresDialect({ pool: this.pool }), plugins: [new ByteOrder()] }))
  }

  close(): Promise<void> {
    return this.pool.end()
  }

  private async take(): Promise<PoolClient> {
    for (;;) {
      const client = await this.pool.connect()
      if (this.sound.has(client)) return client
      client.release(true)
    }
  }
}

interface TimedQuery extends QueryConfig {
  readonly query_timeout: number
}

class PgClient implements Client {
  lost: unknown
  stale = false
  private readonly client: PoolClient
  private readonly onError = (error: Error): void => void (this.lost ??= error)

  constructor(client: PoolClient) {
    this.client = client
    client.on('error', this.onError)
  }

  query(text: string, values: readonly unknown[], name?: string): Promise<Result> {
    return this.send({ text, values: [...values], ...(name !== undefined && { name }), query_timeout: ANSWER_MS })
  }

  exec(commands: string, limitMs = ANSWER_MS): Promise<Result> {
    return this.send({ text: commands, query_timeout: limitMs })
  }

  done(): void {
    this.client.off('error', this.onError)
  }

  private async send(query: TimedQuery): Promise<Result> {
    try {
      // Several commands give several results.
      const found: QueryResult<object> | QueryResult<object>[] = await this.client.query<object>(query)
      const { rows, rowCount } = Array.isArray(found) ? found.at(-1)! : found
      return { rows, changed: rowCount ?? 0 }
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string }
      if (code !== undefined && STALE.has(code)) this.stale = true
      // Its answer may still come, to whoever asks next.
      if (message === 'Query read timeout') this.lost ??= error
      throw error
    }
  }
}
