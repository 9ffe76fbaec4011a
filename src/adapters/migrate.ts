import type { Kysely } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import type { Dialect, Migrations } from '../kernel/database.ts'

/** Runs what has not run yet, in the order of names; kysely locks, so two starting processes do not meet. */
export async function runMigrations(db: Kysely<never>, dialect: Dialect, migrations: Migrations): Promise<void> {
  const provided: Record<string, Migration> = {}
  for (const [name, up] of Object.entries(migrations)) provided[name] = { up: (tx) => up(tx as Kysely<never>, dialect) }
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(provided) },
    // A module switched on later brings migrations that sort before ones already run.
    allowUnorderedMigrations: true,
  })
  const { error, results } = await migrator.migrateToLatest()
  if (!error) return
  const failed = results?.find((result) => result.status === 'Error')?.migrationName ?? 'migrations'
  throw new Error(`Migration ${failed} failed; the database is as it was before it`, { cause: error })
}
