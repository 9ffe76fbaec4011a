import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { PGlite } from '@electric-sql/pglite'
import { pgliteDatabase, pgliteOptions } from '../adapters/postgres/pglite.ts'
import type { Database } from '../kernel/database.ts'

const EMPTY = ['rollback', 'discard all', 'drop schema public cascade; create schema public']

/** Those that were closed. Emptying one takes a tenth of what loading one takes. */
const idle: PGlite[] = []
let over = false

// Each has a timer of its own, which would keep the process.
after(async () => {
  over = true
  await Promise.all(idle.map((db) => db.close()))
})

/** An empty PostgreSQL in this process. Making one takes seconds; a copy of one that was made takes a fraction. */
export async function emptyPglite(): Promise<Database> {
  while (idle.at(-1)?.closed) idle.pop()
  const db = idle.pop() ?? (await load())
  let ended = false
  return pgliteDatabase(db, async () => {
    // Given back once, however often it is closed, and not when a test has ended it for good.
    if (ended || db.closed) return
    ended = true
    if (over) return db.close()
    for (const command of EMPTY) await db.exec(command)
    idle.push(db)
  })
}

/** A copy of the template, which the first test that needs it makes for all the others: they are other processes. */
async function load(): Promise<PGlite> {
  // Most tests need none.
  const { PGlite } = await import('@electric-sql/pglite')
  const path = templatePath()
  let template: Blob
  try {
    template = new Blob([readFileSync(path)])
  } catch {
    const made = await PGlite.create()
    template = await made.dumpDataDir('none')
    await made.close()
    // Whole or not at all: several begin at once.
    const partial = `${path}.${process.pid}`
    writeFileSync(partial, new Uint8Array(await template.arrayBuffer()), { mode: 0o600 })
    renameSync(partial, path)
  }
  return PGlite.create({ ...pgliteOptions, loadDataDir: template })
}

/** One version must not be given the files of another. */
function templatePath(): string {
  const home = join(dirname(fileURLToPath(import.meta.resolve('@electric-sql/pglite'))), '..')
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }
  return join(tmpdir(), `switchboard-pglite-${version}-${userInfo().uid}.tar`)
}
