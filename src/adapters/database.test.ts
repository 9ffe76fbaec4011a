import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sql, type CompiledQuery } from 'kysely'
import { TransactionLost, type Database, type Migrations, type Reader } from '../kernel/database.ts'
import { eventLogMigrations } from '../kernel/event-log.ts'
import { builder, Statement } from '../kernel/statement.ts'
import { databaseContract } from '../testing/database-contract.ts'
import { emptyPglite } from '../testing/pglite.ts'
import { openPostgres } from './postgres/database.ts'
import { temporaryDatabase } from './postgres/testing.ts'
import { openSqlite } from './sqlite/database.ts'

const folder = mkdtempSync(join(tmpdir(), 'switchboard-db-'))
after(() => rmSync(folder, { recursive: true, force: true }))

databaseContract('SQLite', async () => {
  const open = (): Database => openSqlite(join(folder, 'contract.db'))
  return { database: open(), reopen: async () => open(), close: async () => undefined }
})

databaseContract('PostgreSQL, embedded', async () => ({ database: await emptyPglite(), close: async () => undefined }))

const server = process.env['SWITCHBOARD_TEST_POSTGRES_URL']
if (server !== undefined) {
  databaseContract('PostgreSQL, server', async () => {
    const { url, drop } = await temporaryDatabase(server)
    const open = async (): Promise<Database> => openPostgres(url)
    return { database: await open(), reopen: open, beside: open, close: drop }
  })
}

const create: Migrations = {
  'texts-001': (db) => db.schema.createTable('texts').addColumn('text', 'text').execute(),
}
const command = <R>(text: string): CompiledQuery<R> => sql.raw<R>(text).compile(builder('sqlite'))
const insert = (text: string): CompiledQuery => command(`insert into texts values ('${text}')`)
const texts = async (database: Database): Promise<unknown[]> => {
  const rows = await database.read((reader) => reader.query(command<{ text: string }>('select text from texts')))
  return rows.map((row) => row.text)
}

test('D-1 D-5 SQLite: every connection is durable (WAL, FULL) and erases what it deletes; only one may write', async () => {
  const database = openSqlite(join(folder, 'settings.db'), { readers: 2 })
  const wanted = { journal_mode: 'wal', synchronous: 2, secure_delete: 1, foreign_keys: 1, query_only: 0 }
  const settings = async (reader: Reader): Promise<object> => {
    const found: Record<string, unknown> = {}
    for (const name of Object.keys(wanted)) {
      found[name] = Object.values((await reader.query(command<object>(`PRAGMA ${name}`)))[0]!)[0]
    }
    return found
  }
  assert.deepEqual(await database.write(settings), wanted)
  // Both readers at once, so that each connection is asked.
  const asked = Promise.withResolvers<void>()
  let reading = 0
  const ask = async (reader: Reader): Promise<object> => {
    if ((reading += 1) === 2) asked.resolve()
    await asked.promise
    return settings(reader)
  }
  const readOnly = { ...wanted, query_only: 1 }
  assert.deepEqual(await Promise.all([database.read(ask), database.read(ask)]), [readOnly, readOnly])
  for (const [name, value] of Object.entries(readOnly)) {
    const statement = new Statement<object, object>(() => ({ compile: () => command<object>(`PRAGMA ${name}`) }))
    assert.deepEqual(Object.values((await database.latest.get(statement, {}))!), [value], name)
  }
  await database.close()
})

test('D-5 SQLite: after the erasure deleted text is in no file; it waits for reads without stopping them', async () => {
  const path = join(folder, 'erased.db')
  const canary = 'canary-5e1f'
  const database = openSqlite(path)
  await database.migrate(create)
  await database.write((tx) => tx.query(insert(canary)))
  const inFiles = (): boolean => ['', '-wal'].some((suffix) => readFileSync(path + suffix).includes(canary))
  assert.ok(inFiles())
  const [reading, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const read = database.read(async (reader) => {
    await reader.query(command('select text from texts'))
    reading.resolve()
    await held.promise
  })
  await reading.promise
  await database.write((tx) => tx.query(command('delete from texts')))
  let erased = false
  const started = performance.now()
  const erasing = database.erase().then(() => (erased = true))
  // Were the wait inside SQLite, this timer would fire only after its five seconds.
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.ok(performance.now() - started < 2_500)
  assert.deepEqual([erased, inFiles()], [false, true])
  held.resolve()
  await Promise.all([read, erasing])
  assert.equal(inFiles(), false)
  await database.close()
})

test('D-2 SQLite: after a full disk nothing is written outside the transaction it rolled back', async () => {
  const database = openSqlite(join(folder, 'full.db'))
  await database.migrate(create)
  const tooLarge = insert('x'.repeat(1_000_000))
  const writing = database.write(async (tx) => {
    await tx.query(insert('before'))
    await tx.query(command('PRAGMA max_page_count = 1'))
    await assert.rejects(tx.query(tooLarge), /full/)
    await assert.rejects(tx.query(insert('outside')), TransactionLost)
    await assert.rejects(tx.savepoint(() => tx.query(insert('outside, in a savepoint'))), TransactionLost)
  })
  await assert.rejects(writing, TransactionLost)
  assert.deepEqual(await texts(database), [])
  await database.write((tx) => tx.query(command('PRAGMA max_page_count = 1000000')))
  await database.write((tx) => tx.query(insert('later')))
  assert.deepEqual(await texts(database), ['later'])
  await database.close()
})

test('D-2 SQLite: a full disk within a savepoint ends the write, not only the savepoint', async () => {
  const database = openSqlite(join(folder, 'full-savepoint.db'))
  await database.migrate(create)
  const writing = database.write(async (tx) => {
    await tx.query(command('PRAGMA max_page_count = 1'))
    await assert.rejects(tx.savepoint(() => tx.query(insert('x'.repeat(1_000_000)))), TransactionLost)
    await tx.query(insert('outside'))
  })
  await assert.rejects(writing, TransactionLost)
  assert.deepEqual(await texts(database), [])
  await database.close()
})

test('D-2 SQLite: two databases on one file in one process migrate one after the other', async () => {
  const path = join(folder, 'together.db')
  const both = [openSqlite(path), openSqlite(path)]
  await Promise.all(both.map((database) => database.migrate({ ...eventLogMigrations, ...create })))
  await Promise.all(both.map((database) => database.close()))
})

test('D-2 SQLite: two processes that start at once migrate once', async () => {
  const path = join(folder, 'raced.db')
  const module = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href)
  const code = `
    const { openSqlite } = await import(${module('./sqlite/database.ts')})
    const { eventLogMigrations } = await import(${module('../kernel/event-log.ts')})
    const database = openSqlite(${JSON.stringify(path)})
    await database.migrate(eventLogMigrations)
    await database.close()`
  const run = (): Promise<number | null> =>
    new Promise((resolve) => {
      spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' }).on('exit', resolve)
    })
  assert.deepEqual(await Promise.all([run(), run()]), [0, 0])
  const database = openSqlite(path)
  const heads = await database.read((reader) => reader.query(command('select id from event_log_head')))
  assert.equal(heads.length, 1)
  await database.close()
})
