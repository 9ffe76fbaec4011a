import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { Kysely, SqliteDialect } from 'kysely'
import { StorageBroken, type Database, type Migrations, type Reader, type Tx } from '../../kernel/database.ts'
import { Mutex } from '../mutex.ts'
import { runMigrations } from '../migrate.ts'
import { SqliteConnection } from './connection.ts'

export interface SqliteOptions {
  /** Connections for reads; each `read` takes one for as long as it lasts. */
  readonly readers?: number
}

/**
 * The embedded store: one file, one writing connection, some reading ones. WAL lets reads go on beside the write and
 * see committed snapshots only; `synchronous=FULL` is what makes an answered commit survive a power cut
 * (with NORMAL 145 of 150 simulated cuts lost acknowledged commits).
 */
export function openSqlite(path: string, options: SqliteOptions = {}): Database {
  const writer = open(path)
  const readers = Array.from({ length: options.readers ?? 4 }, () => new SqliteConnection(open(path)))
  return new SqliteDatabase(path, writer, readers, new SqliteConnection(open(path)))
}

function open(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 5_000 })
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA secure_delete = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA cache_size = -32000;
  `)
  return db
}

class SqliteDatabase implements Database {
  readonly dialect = 'sqlite'
  private readonly path: string
  private readonly writer: DatabaseSync
  private readonly connection: SqliteConnection
  private readonly writing = new Mutex()
  private readonly alone: SqliteConnection
  private readonly idle: SqliteConnection[]
  private readonly readers: readonly SqliteConnection[]
  private readonly waiting: ((reader: SqliteConnection) => void)[] = []

  constructor(path: string, writer: DatabaseSync, readers: readonly SqliteConnection[], alone: SqliteConnection) {
    this.path = path
    this.writer = writer
    this.alone = alone
    this.connection = new SqliteConnection(writer)
    this.readers = readers
    this.idle = [...readers]
  }

  migrate(migrations: Migrations): Promise<void> {
    return this.writing.run(async () => {
      const unlock = lockMigrations(this.path)
      try {
        await runMigrations(kyselyOver(this.writer), 'sqlite', migrations)
      } finally {
        unlock()
      }
    })
  }

  async read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    const reader = this.idle.pop() ?? (await new Promise<SqliteConnection>((take) => this.waiting.push(take)))
    try {
      reader.exec('BEGIN')
      return await work(reader)
    } finally {
      reader.exec('COMMIT')
      const next = this.waiting.shift()
      if (next) next(reader)
      else this.idle.push(reader)
    }
  }

  get latest(): Pick<Reader, 'all' | 'get'> {
    return this.alone
  }

  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.writing.run(async () => {
      this.connection.exec('BEGIN IMMEDIATE')
      try {
        const result = await work(this.connection)
        this.connection.exec('COMMIT')
        return result
      } catch (error) {
        this.connection.rollback()
        throw isBroken(error) ? new StorageBroken(error) : error
      }
    })
  }

  /** Deleted content is overwritten in place (`secure_delete`), but old pages stay in the WAL until it is truncated. */
  erase(): Promise<void> {
    return this.writing.run(() => {
      this.writer.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      return Promise.resolve()
    })
  }

  async close(): Promise<void> {
    await this.writing.run(() => Promise.resolve())
    for (const reader of [...this.readers, this.alone]) reader.close()
    this.writer.close()
  }
}

/**
 * kysely's migration lock does nothing on SQLite. A second file serves: its write lock is held by one process at a time
 * and released by the operating system when that dies.
 */
function lockMigrations(path: string): () => void {
  const lock = new DatabaseSync(`${path}-migrating`, { timeout: 60_000 })
  lock.exec('BEGIN IMMEDIATE')
  return () => {
    lock.exec('COMMIT')
    lock.close()
  }
}

/** SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB; a full disk is not among them: that transaction fails, later ones may not. */
const BROKEN = new Set([10, 11, 26])

function isBroken(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = (cause as { errcode?: unknown }).errcode
  return typeof code === 'number' && BROKEN.has(code & 0xff)
}

/** kysely's own driver on our connection: for migrations, where speed does not matter. */
function kyselyOver(db: DatabaseSync): Kysely<never> {
  return new Kysely<never>({
    dialect: new SqliteDialect({
      database: {
        close: () => undefined,
        prepare: (sql) => {
          const statement = db.prepare(sql)
          const bind = (params: readonly unknown[]): SQLInputValue[] => params as SQLInputValue[]
          return {
            reader: statement.columns().length > 0,
            all: (params) => statement.all(...bind(params)),
            run: (params) => statement.run(...bind(params)),
            iterate: (params) => statement.iterate(...bind(params)),
          }
        },
      },
    }),
  })
}
