import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseSync } from 'node:sqlite'
import { StorageBroken, type Database, type Migrations, type Reader, type Tx } from '../../kernel/database.ts'
import { Mutex } from '../mutex.ts'
import { SqliteConnection } from './connection.ts'
import { migrateSqlite } from './migrations.ts'

/** For the lock of another process on the file (a backup, a shell). */
const BUSY_MS = 5_000
/** How long an erasure waits for the reads that need the old pages. */
const ERASE_LIMIT_MS = 60_000
const ERASE_RETRY_MS = 20

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
  const reader = (): SqliteConnection => {
    const db = open(path)
    db.exec('PRAGMA query_only = ON')
    return new SqliteConnection(db)
  }
  return new SqliteDatabase(path, writer, Array.from({ length: options.readers ?? 4 }, reader), reader())
}

function open(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_MS })
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
  private closed = false

  constructor(path: string, writer: DatabaseSync, readers: readonly SqliteConnection[], alone: SqliteConnection) {
    this.path = path
    this.writer = writer
    this.alone = alone
    this.connection = new SqliteConnection(writer)
    this.readers = readers
    this.idle = [...readers]
  }

  migrate(migrations: Migrations): Promise<void> {
    return this.writing.run(() => migrateSqlite(this.path, this.writer, migrations))
  }

  async read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    if (this.closed) throw new Error('The database is closed')
    const reader = await this.take()
    try {
      reader.exec('BEGIN')
      return await work(reader)
    } finally {
      reader.rollback()
      this.give(reader)
    }
  }

  get latest(): Pick<Reader, 'all' | 'get'> {
    return this.alone
  }

  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.writing.run(async () => {
      this.connection.begin()
      try {
        const result = await work(this.connection)
        this.connection.commit()
        return result
      } catch (error) {
        this.connection.rollback()
        throw isBroken(error) ? new StorageBroken(error) : error
      }
    })
  }

  /**
   * Deleted content is overwritten in place (`secure_delete`), but old pages stay in the WAL until it is truncated, and
   * that is possible only while no read needs them.
   */
  async erase(): Promise<void> {
    const until = performance.now() + ERASE_LIMIT_MS
    while (!(await this.writing.run(() => Promise.resolve(truncateLog(this.writer))))) {
      if (performance.now() > until) throw new Error('Erased content is still in the write-ahead log: a read holds it')
      await sleep(ERASE_RETRY_MS)
    }
  }

  /** What runs is let finish. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.writing.run(() => Promise.resolve())
    await Promise.all(this.readers.map(() => this.take()))
    for (const reader of [...this.readers, this.alone]) reader.close()
    this.writer.close()
  }

  private async take(): Promise<SqliteConnection> {
    return this.idle.pop() ?? (await new Promise<SqliteConnection>((take) => this.waiting.push(take)))
  }

  private give(reader: SqliteConnection): void {
    const next = this.waiting.shift()
    if (next) next(reader)
    else this.idle.push(reader)
  }
}

/** At once or not at all: a wait inside SQLite stops the process, and with it the read that is waited for. */
function truncateLog(db: DatabaseSync): boolean {
  db.exec('PRAGMA busy_timeout = 0')
  try {
    return db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()!['busy'] === 0
  } finally {
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
  }
}

/** SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB. Not a full disk: that transaction fails, later ones may not. */
const BROKEN = new Set([10, 11, 26])

function isBroken(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = (cause as { errcode?: unknown }).errcode
  return typeof code === 'number' && BROKEN.has(code & 0xff)
}
