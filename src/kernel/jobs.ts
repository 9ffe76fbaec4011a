import type { Clock } from './clock.ts'
import type { Database, Migrations, Tx } from './database.ts'
import { statements } from './statement.ts'
import type { Unit, UnitOfWork } from './unit-of-work.ts'

interface JobRow {
  /** One job per kind and key: scheduling it again moves it. */
  kind: string
  key: string
  /** Wall clock, milliseconds. */
  due: number
  attempts: number
  payload: string
}

export interface JobTables {
  jobs: JobRow
}

export const jobMigrations: Migrations = {
  'kernel-002-jobs': async (db, dialect) => {
    const bigint = dialect === 'sqlite' ? 'integer' : 'bigint'
    await db.schema
      .createTable('jobs')
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('due', bigint, (c) => c.notNull())
      .addColumn('attempts', 'integer', (c) => c.notNull())
      .addColumn('payload', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('jobs_pk', ['kind', 'key'])
      .execute()
    await db.schema.createIndex('jobs_due').on('jobs').column('due').execute()
  },
}

const sql = statements<JobTables>()

const upsert = sql<JobRow>()((db, p) =>
  db
    .insertInto('jobs')
    .values({ kind: p.kind, key: p.key, due: p.due, attempts: p.attempts, payload: p.payload })
    .onConflict((c) =>
      c.columns(['kind', 'key']).doUpdateSet({ due: p.due, attempts: p.attempts, payload: p.payload }),
    ),
)
const remove = sql<{ kind: string; key: string }>()((db, p) =>
  db.deleteFrom('jobs').where('kind', '=', p.kind).where('key', '=', p.key),
)
// Only of kinds that can be worked here: those of a module that is switched off keep nothing else waiting.
const dueJobs = (kinds: readonly string[]) =>
  sql<{ now: number; limit: number }>()((db, p) =>
    db
      .selectFrom('jobs')
      .selectAll()
      .where('kind', 'in', kinds)
      .where('due', '<=', p.now)
      .orderBy('due')
      .limit(p.limit),
  )
// Taking a job is deleting it while it is still as it was read: of two workers one wins, the other changes no row.
const take = sql<{ kind: string; key: string; due: number; attempts: number }>()((db, p) =>
  db
    .deleteFrom('jobs')
    .where('kind', '=', p.kind)
    .where('key', '=', p.key)
    .where('due', '=', p.due)
    .where('attempts', '=', p.attempts),
)

// Only while it is as it was read: what was cancelled or scheduled anew in the meantime stays so.
const postpone = sql<{ kind: string; key: string; due: number; attempts: number; next: number; failed: number }>()(
  (db, p) =>
    db
      .updateTable('jobs')
      .set({ due: p.next, attempts: p.failed })
      .where('kind', '=', p.kind)
      .where('key', '=', p.key)
      .where('due', '=', p.due)
      .where('attempts', '=', p.attempts),
)

export interface Job {
  readonly key: string
  readonly payload: unknown
  /** When it was due; the present may be much later after a downtime. */
  readonly due: number
  readonly attempts: number
}

/**
 * Runs in one unit of work together with the removal of the job's row, so that its effect and its end are one. To
 * repeat, it schedules itself again.
 */
export type JobHandler = ((job: Job, unit: Unit) => Promise<void>) | OutsideHandler

/** For an effect outside of the database, which is done first; then the row goes. It may be repeated: after a crash. */
export interface OutsideHandler {
  readonly outside: (job: Job) => Promise<void>
}

/** In the transaction of the cause: a job exists if and only if what asked for it was committed. */
export const jobs = {
  async schedule(tx: Tx, kind: string, key: string, due: number, payload: unknown = null): Promise<void> {
    await tx.run(upsert, { kind, key, due, attempts: 0, payload: JSON.stringify(payload) })
  },
  async cancel(tx: Tx, kind: string, key: string): Promise<void> {
    await tx.run(remove, { kind, key })
  },
}

export interface JobRunnerOptions {
  readonly database: Database
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly handlers: ReadonlyMap<string, JobHandler>
  readonly everyMs?: number
  readonly onError: (error: unknown, kind: string) => void
}

const BATCH = 100
const BACKOFF_MS = [1_000, 5_000, 30_000, 120_000, 600_000]

/** Works jobs that are due, on any node; they are rows, so they survive a restart (rule K-8). */
export class JobRunner {
  private readonly options: JobRunnerOptions
  private readonly due: ReturnType<typeof dueJobs>
  private running: Promise<void> | undefined
  private stopTicking: (() => void) | undefined

  constructor(options: JobRunnerOptions) {
    this.options = options
    this.due = dueJobs([...options.handlers.keys()])
  }

  start(): void {
    this.stopTicking = this.options.clock.every(this.options.everyMs ?? 1_000, () => void this.runDue())
  }

  async stop(): Promise<void> {
    this.stopTicking?.()
    await this.running
  }

  /** Runs everything due now; concurrent calls share one run. */
  runDue(): Promise<void> {
    this.running ??= this.work().finally(() => (this.running = undefined))
    return this.running
  }

  private async work(): Promise<void> {
    const { database, clock } = this.options
    try {
      for (;;) {
        const due = await database.read((reader) => reader.all(this.due, { now: clock.now(), limit: BATCH }))
        await Promise.all(due.map((row) => this.runOne(row)))
        if (due.length < BATCH) return
      }
    } catch (error) {
      this.options.onError(error, 'jobs')
    }
  }

  private async runOne(row: JobRow): Promise<void> {
    const { unitOfWork, handlers, onError } = this.options
    const handler = handlers.get(row.kind)!
    const job: Job = {
      key: row.key,
      payload: JSON.parse(row.payload) as unknown,
      due: row.due,
      attempts: row.attempts,
    }
    try {
      if ('outside' in handler) await handler.outside(job)
      await unitOfWork.run(async (unit) => {
        if ((await unit.run(take, { kind: row.kind, ...job })) === 0) return
        if (!('outside' in handler)) await handler(job, unit)
      })
    } catch (error) {
      onError(error, row.kind)
      const wait = BACKOFF_MS[Math.min(job.attempts, BACKOFF_MS.length - 1)]!
      await unitOfWork
        .run((unit) => unit.run(postpone, { ...row, next: unit.now + wait, failed: row.attempts + 1 }))
        .catch((failure: unknown) => onError(failure, row.kind))
    }
  }
}
