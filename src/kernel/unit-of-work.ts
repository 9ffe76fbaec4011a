import type { Clock } from './clock.ts'
import { CommandError } from './errors.ts'
import { StorageBroken, TransactionLost, type Database, type Tx } from './database.ts'
import type { EmittedEvent, LogEvent } from './event.ts'
import { eventLog } from './event-log.ts'

/** What an action works with: the transaction of its group, and the only way to emit. */
export interface Unit extends Tx {
  /** Wall clock of the group, milliseconds: one moment for everything an action does. */
  readonly now: number
  /** The event joins the log when this unit commits; nothing is sent before. */
  emit(event: EmittedEvent): void
  /** Called after the commit, not at all after a rollback. For waking what waits in memory. */
  after(fn: () => void): void
}

/** Port for actions: the one way to change state. */
export interface UnitOfWork {
  /**
   * Runs `work` in the next commit group. Resolves when it is durable and its events are in the log; rejects with
   * what `work` threw (then nothing of it happened), or with `unavailable` when the commit itself failed.
   * `work` must wait for nothing but the transaction: everybody in the group waits with it.
   */
  run<T>(work: (unit: Unit) => Promise<T>): Promise<T>
}

interface Pending {
  readonly work: (unit: Unit) => Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown }

export interface GroupCommitOptions {
  readonly database: Database
  readonly clock: Clock
  /** Given the events of a group, in order, after its commit and before its commands are answered. */
  readonly publish: (events: readonly LogEvent[]) => void
  /** Most commands in one transaction: bounds the wait of the first for the last. */
  readonly maxGroup?: number
  readonly onGroup?: (commands: number, ms: number) => void
  /** A whole group was not written. After StorageBroken nothing is accepted until restart. */
  readonly onFailed?: (error: unknown) => void
}

/**
 * Group commit: commands that arrive while a transaction is being written join the next one, each in its own
 * savepoint. One fsync serves them all, which is what makes durability cheap (rule K-1).
 */
export class GroupCommit implements UnitOfWork {
  private readonly options: GroupCommitOptions
  private readonly maxGroup: number
  private queue: Pending[] = []
  private draining: Promise<void> | undefined
  private broken: unknown

  constructor(options: GroupCommitOptions) {
    this.options = options
    this.maxGroup = options.maxGroup ?? 256
  }

  get isBroken(): boolean {
    return this.broken !== undefined
  }

  /** A group is being written, or about to be. */
  get busy(): boolean {
    return this.draining !== undefined
  }

  get queued(): number {
    return this.queue.length
  }

  run<T>(work: (unit: Unit) => Promise<T>): Promise<T> {
    if (this.isBroken) return Promise.reject(unwritable())
    return new Promise<T>((resolve, reject) => {
      this.queue.push({ work, resolve: resolve as (value: unknown) => void, reject })
      // The next turn: whatever else this turn of the event loop has read from sockets joins the group.
      this.draining ??= new Promise<void>((done) => setImmediate(() => void this.drain().finally(done)))
    })
  }

  /** Resolves when everything accepted so far is committed or refused. */
  async settled(): Promise<void> {
    while (this.draining) await this.draining
  }

  private async drain(): Promise<void> {
    while (this.queue.length > 0) {
      const group = this.queue.splice(0, this.maxGroup)
      await this.commit(group)
      // Sockets are read between groups; without this a busy server would starve its own readers.
      if (this.queue.length > 0) await new Promise((next) => setImmediate(next))
    }
    this.draining = undefined
  }

  private async commit(group: readonly Pending[]): Promise<void> {
    const { database, clock, publish } = this.options
    if (this.isBroken) return group.forEach((pending) => pending.reject(unwritable()))
    const started = clock.monotonic()
    const now = clock.now()
    const after: (() => void)[] = []
    let outcomes: Outcome[]
    let events: LogEvent[]
    try {
      ;({ outcomes, events } = await database.write(async (tx) => {
        const emitted: EmittedEvent[] = []
        const settled: Outcome[] = []
        for (const pending of group) settled.push(await attempt(tx, pending, now, emitted, after))
        return { outcomes: settled, events: await eventLog.append(tx, emitted, now) }
      }))
    } catch (error) {
      if (error instanceof StorageBroken) this.broken = error
      this.options.onFailed?.(error)
      return group.forEach((pending) => pending.reject(unwritable()))
    }
    this.options.onGroup?.(group.length, clock.monotonic() - started)
    publish(events)
    for (const fn of after) fn()
    group.forEach((pending, i) => {
      const outcome = outcomes[i]!
      if (outcome.ok) pending.resolve(outcome.value)
      else pending.reject(outcome.error)
    })
  }
}

async function attempt(
  tx: Tx,
  pending: Pending,
  now: number,
  emitted: EmittedEvent[],
  after: (() => void)[],
): Promise<Outcome> {
  const own: EmittedEvent[] = []
  const ownAfter: (() => void)[] = []
  const unit: Unit = {
    dialect: tx.dialect,
    now,
    all: (statement, params) => tx.all(statement, params),
    get: (statement, params) => tx.get(statement, params),
    query: (query) => tx.query(query),
    run: (statement, params) => tx.run(statement, params),
    savepoint: (work) => tx.savepoint(work),
    emit: (event) => void own.push(event),
    after: (fn) => void ownAfter.push(fn),
  }
  try {
    const value = await tx.savepoint(() => pending.work(unit))
    emitted.push(...own)
    after.push(...ownAfter)
    return { ok: true, value }
  } catch (error) {
    if (error instanceof TransactionLost) throw error
    return { ok: false, error }
  }
}

const unwritable = (): CommandError =>
  new CommandError('unavailable', 'The storage cannot be written; nothing was changed. Try again later.', {
    retryAfter: 30,
  })
