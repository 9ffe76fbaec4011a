import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { Kysely, SqliteAdapter, SqliteDialect } from 'kysely'
import type { Migrations } from '../../kernel/database.ts'
import { runMigrations } from '../migrate.ts'

const LOCK_LIMIT_MS = 60_000
const LOCK_RETRY_MS = 20
const SQLITE_BUSY = 5

export async function migrateSqlite(path: string, db: DatabaseSync, migrations: Migrations): Promise<void> {
  const unlock = await lockMigrations(path)
  try {
    await runMigrations(kyselyOver(db), 'sqlite', migrations)
  } finally {
    unlock()
  }
}

/**
 * kysely's migration lock does nothing on SQLite. A second file serves: its write lock is held by one process at a time
 * and released by the operating system when that dies. Waiting inside SQLite would stop this whole process, and with it
 * the holder of the lock if that is here too.
 */
async function lockMigrations(path: string): Promise<() => void> {
  const lock = new DatabaseSync(`${path}-migrating`, { timeout: 0 })
  const until = performance.now() + LOCK_LIMIT_MS
  for (;;) {
    try {
      lock.exec('BEGIN IMMEDIATE')
      return () => lock.close()
    } catch (error) {
      if ((error as { errcode?: unknown }).errcode !== SQLITE_BUSY || performance.now() > until) {
        lock.close()
        throw error
      }
      await sleep(LOCK_RETRY_MS)
    }
  }
}

/** kysely takes SQLite's schema changes for not transactional. They are, and half a migration could not be repeated. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class TransactionalDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter()
  }
}

/** kysely's own driver on our connection: for migrations, where speed does not matter. */
function kyselyOver(db: DatabaseSync): Kysely<never> {
  return new Kysely<never>({
    dialect: new TransactionalDialect({
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
