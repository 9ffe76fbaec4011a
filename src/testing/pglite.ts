import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PGlite } from '@electric-sql/pglite'
import { openPglite } from '../adapters/postgres/pglite.ts'
import type { Database } from '../kernel/database.ts'

/** One version must not be given the files of another. */
const home = join(dirname(fileURLToPath(import.meta.resolve('@electric-sql/pglite'))), '..')
const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }

/** An empty PostgreSQL in this process. Making one takes seconds; a copy of one that was made takes a fraction. */
export async function emptyPglite(): Promise<Database> {
  return openPglite({ loadDataDir: await template() })
}

/** Made by the first test that needs it and kept for all the others, which are processes of their own. */
async function template(): Promise<Blob> {
  const path = join(tmpdir(), `switchboard-pglite-${version}-${userInfo().uid}.tar`)
  try {
    return new Blob([readFileSync(path)])
  } catch {
    const made = await PGlite.create()
    const dump = await made.dumpDataDir('none')
    await made.close()
    // Whole or not at all: several begin at once.
    const partial = `${path}.${process.pid}`
    writeFileSync(partial, new Uint8Array(await dump.arrayBuffer()), { mode: 0o600 })
    renameSync(partial, path)
    return dump
  }
}
