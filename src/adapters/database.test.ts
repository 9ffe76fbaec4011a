import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { eventLogMigrations } from '../kernel/event-log.ts'
import { builder } from '../kernel/statement.ts'
import { databaseContract } from '../testing/database-contract.ts'
import { openPostgres } from './postgres/database.ts'
import { openPglite } from './postgres/pglite.ts'
import { openSqlite } from './sqlite/database.ts'

const folder = mkdtempSync(join(tmpdir(), 'switchboard-db-'))
after(() => rmSync(folder, { recursive: true, force: true }))

databaseContract('SQLite', () => Promise.resolve(openSqlite(join(folder, 'contract.db'))))
databaseContract('PostgreSQL, embedded', () => openPglite())

const url = process.env['SWITCHBOARD_TEST_POSTGRES_URL']
if (url !== undefined) {
  databaseContract('PostgreSQL, server', async () => {
    // The suite owns the database it is given.
    const cleaner = openPostgres(url)
    await cleaner.write(async (tx) => {
      for (const command of ['drop schema public cascade', 'create schema public']) {
        await tx.query(sql.raw(command).compile(builder(tx.dialect)))
      }
    })
    await cleaner.close()
    return openPostgres(url)
  })
}

test('D-1 SQLite: what is committed is there after closing, with FULL synchronous writes and secure deletion', async () => {
  const path = join(folder, 'reopened.db')
  const first = openSqlite(path)
  await first.migrate(eventLogMigrations)
  await first.close()
  const second = openSqlite(path)
  await second.migrate(eventLogMigrations)
  await second.close()
  const file = new DatabaseSync(path)
  assert.deepEqual({ ...file.prepare('PRAGMA journal_mode').get() }, { journal_mode: 'wal' })
  assert.equal(file.prepare('select count(*) as n from event_log_head').get()!['n'], 1)
  file.close()
})

test('D-2 SQLite: two processes that start at once migrate once', async () => {
  const path = join(folder, 'raced.db')
  const code = `
    const { openSqlite } = await import(${JSON.stringify(new URL('./sqlite/database.ts', import.meta.url).href)})
    const { eventLogMigrations } = await import(${JSON.stringify(new URL('../kernel/event-log.ts', import.meta.url).href)})
    const database = openSqlite(${JSON.stringify(path)})
    await database.migrate(eventLogMigrations)
    await database.close()`
  const run = (): Promise<number | null> =>
    new Promise((resolve) => {
      spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' }).on('exit', resolve)
    })
  assert.deepEqual(await Promise.all([run(), run()]), [0, 0])
  const file = new DatabaseSync(path)
  assert.equal(file.prepare('select count(*) as n from event_log_head').get()!['n'], 1)
  file.close()
})
