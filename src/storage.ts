import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openSqlite } from './adapters/sqlite/database.ts'
import type { Config } from './config.ts'
import type { Database } from './kernel/database.ts'

/** The database the settings name; the data folder is made when it is not there. */
export async function openStorage({ databaseUrl, dataDir }: Config): Promise<Database> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  if (databaseUrl === '') return openSqlite(join(dataDir, 'switchboard.db'))
  // Loaded only where it is used.
  const { openPostgres } = await import('./adapters/postgres/database.ts')
  return openPostgres(databaseUrl)
}
