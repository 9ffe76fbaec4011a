import { setTimeout as sleep } from 'node:timers/promises'
import { TransactionLost, type Database, type Migrations, type Reader, type Tx } from '../../kernel/database.ts'
import { runMigrations } from '../migrate.ts'
import { Mutex } from '../mutex.ts'
import type { Client, Source } from './client.ts'
import { PostgresConnection } from './connection.ts'

const BEGIN_READ = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'

/** Any number, the same on every node: the lock that makes writes one after the other in the whole cluster. */
const WRITE_LOCK = 7_238_261_044

/**
 * One round trip. The lock, because an action that reads and then writes would lose the update of another node (two
 * nodes counted to 112 instead of 200); the limits, so that a node that hangs while it holds the lock is cut; the id,
 * to learn the fate of a COMMIT whose answer does not come; and a commit is flushed, whatever the role's default says.
 */
const BEGIN_WRITE = `BEGIN;
  SET LOCAL lock_timeout = '10s';
  SET LOCAL statement_timeout = '20s';
  SET LOCAL idle_in_transaction_session_timeout = '10s';
  SELECT pg_advisory_xact_lock(${WRITE_LOCK}), pg_current_xact_id()::text AS xid,
    CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END`

const XACT_STATUS = 'SELECT pg_xact_status($1::xid8) AS status'

/** How long to ask for the fate of a COMMIT: longer than a restart or a failover takes. */
const DOUBT_MS = 10_000
const ASK_EVERY_MS = 100

/** What plain deletion and nulling leave behind and may hold what was to be forgotten. */
const ERASED = ['event_log', 'command_outcomes']

type Ended<T> = { readonly value: T } & (
  | { readonly inDoubt: false }
  | { readonly inDoubt: true; readonly xid: string; readonly cause: unknown }
)

/** The store of a cluster, version 13 or later. Writes come one after the other; groups make that cheap (rule K-1). */
export class PostgresDatabase implements Database {
  readonly dialect = 'postgres'
  readonly latest: Pick<Reader, 'all' | 'get'>
  private readonly source: Source
  /** Nodes queue at the lock in the database, the writes of one node here: there each would hold a connection. */
  private readonly writing = new Mutex()
  private closed = false

  constructor(source: Source) {
    this.source = source
    this.latest = {
      all: (statement, params) => source.use((client) => new PostgresConnection(client).all(statement, params)),
      get: (statement, params) => source.use((client) => new PostgresConnection(client).get(statement, params)),
    }
  }

  migrate(migrations: Migrations): Promise<void> {
    return this.writing.run(() => this.source.withKysely((db) => runMigrations(db, 'postgres', migrations)))
  }

  read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    return this.source.use(async (client) => {
      try {
        await client.exec(BEGIN_READ)
        return await work(new PostgresConnection(client))
      } finally {
        await rollback(client)
      }
    })
  }

  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.writing.run(async () => {
      const ended = await this.source.use((client) => transaction(client, work))
      if (ended.inDoubt) await this.learn(ended.xid, ended.cause)
      return ended.value
    })
  }

  /**
   * VACUUM makes the space of erased rows free to be overwritten and truncates what is free at the end. It does not
   * overwrite: bytes can stay in a page until a new row takes their place, and in the write-ahead log and its archive
   * for as long as the operator keeps those. `VACUUM FULL` writes files without them; it locks the log out for as long
   * as it runs, so that is the operator's to choose.
   */
  erase(): Promise<void> {
    return this.source.use(async (client) => {
      for (const table of ERASED) {
        const { rows } = await client.query('SELECT to_regclass($1) IS NOT NULL AS found', [table])
        if ((rows[0] as { found: boolean }).found) await client.exec(`VACUUM ${table}`, 0)
      }
    })
  }

  /** What runs is let finish. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.writing.run(() => this.source.close())
  }

  /**
   * COMMIT failed, or the connection broke before its answer. The server knows what became of it, and a guess would
   * either lose the command or tell its sender that nothing was changed.
   */
  private async learn(xid: string, cause: unknown): Promise<void> {
    const until = performance.now() + DOUBT_MS
    while (performance.now() < until) {
      const answer = this.source.use((client) => client.query(XACT_STATUS, [xid]))
      const status = await answer.then(({ rows }) => (rows[0] as { status: string }).status).catch(() => 'not known')
      if (status === 'committed') return
      if (status === 'aborted') throw cause
      await sleep(ASK_EVERY_MS)
    }
    throw new Error('Whether the transaction was committed is not known: the database cannot be asked', { cause })
  }
}

async function transaction<T>(client: Client, work: (tx: Tx) => Promise<T>): Promise<Ended<T>> {
  let xid: string
  let value: T
  try {
    xid = ((await client.exec(BEGIN_WRITE)).rows[0] as { xid: string }).xid
    const connection = new PostgresConnection(client)
    value = await work(connection)
    connection.checkSound()
  } catch (error) {
    await rollback(client)
    throw error
  }
  if (client.lost !== undefined) throw new TransactionLost(client.lost)
  try {
    await client.exec('COMMIT')
  } catch (cause) {
    return { value, inDoubt: true, xid, cause }
  }
  return { value, inDoubt: false }
}

/** Also how a read ends: it has nothing to commit. On a lost connection there is nothing to undo. */
async function rollback(client: Client): Promise<void> {
  if (client.lost === undefined) await client.exec('ROLLBACK').catch(() => undefined)
}
