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
// A list of kinds must not be empty.
const NO_KIND = ''
// Only of kinds that can be worked here: those of a module that is switched off keep nothing else waiting.
const dueJobs = (kinds: readonly string[]) =>
  sql<{ now: number; limit: number }>()((db, p) =>
    db
      .selectFrom('jobs')
      .selectAll()
      .where('kind', 'in', [...kinds, NO_KIND])
      .where('due', '<=', p.now)
      .orderBy('due')
      .limit(p.limit),
  )
type DueJobs = ReturnType<typeof dueJobs>
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

/** What comes of an effect outside of the database, written in the unit that removes the job's row. May run twice. */
export type Finish = (unit: Unit) => Promise<void>

/** What an outside job throws when the other end does not do its part at present: foreseen, and no fault of ours. */
export class TryLater extends Error {}

/**
 * For an effect outside of the database, which is done first; then the row goes. It may be repeated: after a crash, or
 * when it takes longer than the lease. Throwing, it is tried again later; to give up, it looks at `attempts` and ends.
 */
export interface OutsideHandler {
  /** @param signal aborted when the server stops: the job is then done by the next one */
  readonly outside: (job: Job, signal: AbortSignal) => Promise<Finish | void>
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
  /** An outside job is tried again later, for a reason that was foreseen. */
  readonly onLater?: (error: TryLater, kind: string) => void
}

const BATCH = 100
/** Outside jobs at once: they mostly wait, for systems that may not answer. */
const OUTSIDE = 16
/** How long an outside job belongs to the node that took it, milliseconds; after a crash another takes it then. */
const LEASE_MS = 300_000
const BACKOFF_MS = [1_000, 5_000, 30_000, 120_000, 600_000]

/** Works jobs that are due, on any node; they are rows, so they survive a restart (rule K-8). */
export class JobRunner {
  private readonly options: JobRunnerOptions
  private readonly dueInside: DueJobs
  private readonly dueOutside: DueJobs
  /** Outside jobs under way. */
  private readonly inFlight = new Map<string, Promise<void>>()
  private readonly stopping = new AbortController()
  private turn: Promise<void> | undefined
  private running: Promise<void> | undefined
  private stopTicking: (() => void) | undefined

  constructor(options: JobRunnerOptions) {
    this.options = options
    const kindsThat = (are: (handler: JobHandler) => boolean): string[] =>
      [...options.handlers].flatMap(([kind, handler]) => (are(handler) ? [kind] : []))
    this.dueInside = dueJobs(kindsThat((handler) => typeof handler === 'function'))
    this.dueOutside = dueJobs(kindsThat((handler) => typeof handler !== 'function'))
  }

  start(): void {
    this.stopTicking = this.options.clock.every(this.options.everyMs ?? 1_000, () => void this.takeTurn())
  }

  /** What is under way outside is broken off, and done by whoever runs next. */
  async stop(): Promise<void> {
    this.stopTicking?.()
    this.stopping.abort()
    await this.turn
    await Promise.all(this.inFlight.values())
  }

  /** Runs everything due now to its end; concurrent calls share one run. */
  runDue(): Promise<void> {
    this.running ??= this.runAll().finally(() => (this.running = undefined))
    return this.running
  }

  private async runAll(): Promise<void> {
    do {
      await Promise.all(this.inFlight.values())
      // One that is under way may have looked before what is due was there.
      await this.turn
      await this.takeTurn()
    } while (this.inFlight.size > 0)
  }

  /** Inside jobs to their end; outside ones are begun, and hold nothing up. */
  private takeTurn(): Promise<void> {
    this.turn ??= this.work()
      .catch((error: unknown) => this.options.onError(error, 'jobs'))
      .finally(() => (this.turn = undefined))
    return this.turn
  }

  private async work(): Promise<void> {
    for (;;) {
      const due = await this.read(this.dueInside, BATCH)
      await Promise.all(due.map((row) => this.runInside(row)))
      if (due.length < BATCH) break
    }
    const free = OUTSIDE - this.inFlight.size
    if (free <= 0 || this.stopping.signal.aborted) return
    const nameOf = ({ kind, key }: JobRow): string => `${kind} ${key}`
    // One that was scheduled anew while it is under way has to wait for its end.
    const due = (await this.read(this.dueOutside, 2 * OUTSIDE)).filter((row) => !this.inFlight.has(nameOf(row)))
    for (const row of due.slice(0, free)) {
      const name = nameOf(row)
      this.inFlight.set(name, this.runOutside(row).finally(() => this.inFlight.delete(name)))
    }
  }

  private read(due: DueJobs, limit: number): Promise<readonly JobRow[]> {
    const { database, clock } = this.options
    return database.read((reader) => reader.all(due, { now: clock.now(), limit }))
  }

  private async runInside(row: JobRow): Promise<void> {
    const { unitOfWork, handlers } = this.options
    const handler = handlers.get(row.kind) as Exclude<JobHandler, OutsideHandler>
    const job = jobOf(row)
    try {
      await unitOfWork.run(async (unit) => {
        if ((await unit.run(take, row)) > 0) await handler(job, unit)
      })
    } catch (error) {
      await this.failed(row, error)
    }
  }

  private async runOutside(row: JobRow): Promise<void> {
    const { unitOfWork, handlers, onError } = this.options
    const { signal } = this.stopping
    let leased: JobRow
    try {
      const due = await unitOfWork.run(async (unit) => {
        const until = unit.now + LEASE_MS
        return (await unit.run(postpone, { ...row, next: until, failed: row.attempts })) > 0 ? until : undefined
      })
      // Another node has it, or it is not wanted any more.
      if (due === undefined) return
      leased = { ...row, due }
    } catch (error) {
      return onError(error, row.kind)
    }
    try {
      const finish = await (handlers.get(row.kind) as OutsideHandler).outside(jobOf(row), signal)
      await unitOfWork.run(async (unit) => {
        await unit.run(take, leased)
        await finish?.(unit)
      })
    } catch (error) {
      if (signal.aborted) await this.postpone(leased, 0, row.attempts)
      else await this.failed(leased, error)
    }
  }

  private async failed(row: JobRow, error: unknown): Promise<void> {
    if (error instanceof TryLater) this.options.onLater?.(error, row.kind)
    else this.options.onError(error, row.kind)
    await this.postpone(row, BACKOFF_MS[Math.min(row.attempts, BACKOFF_MS.length - 1)]!, row.attempts + 1)
  }

  private async postpone(row: JobRow, waitMs: number, attempts: number): Promise<void> {
    const { unitOfWork, onError } = this.options
    await unitOfWork
      .run((unit) => unit.run(postpone, { ...row, next: unit.now + waitMs, failed: attempts }))
      .catch((failure: unknown) => onError(failure, row.kind))
  }
}

const jobOf = ({ key, payload, due, attempts }: JobRow): Job => ({
  key,
  payload: JSON.parse(payload) as unknown,
  due,
  attempts,
})
