import type { CompiledQuery } from 'kysely'
import type { Clock } from './clock.ts'
import { CommandError } from './errors.ts'
import { StorageBroken, TransactionLost, type Database, type Tx } from './database.ts'
import type { EmittedEvent, LogEvent } from './event.ts'
import { eventLog } from './event-log.ts'
import type { Statement } from './statement.ts'

/** Longest time a group is held open for more commands, in milliseconds. */
const MAX_GATHER_MS = 2
/** A group of so many says that commands keep coming, whatever a single turn brings. */
const CROWD = 8
/** Turns of the event loop it is then held open for, at the least. */
const CROWD_TURNS = 4

/** What an action works with: the transaction of its group, and the only way to emit. */
export interface Unit extends Tx {
  /** Wall clock of the group, milliseconds: one moment for everything an action does. */
  readonly now: number
  /** The event joins the log when this unit commits; nothing is sent before. */
  emit(event: EmittedEvent): void
  /**
   * Called after the commit, not at all after a rollback: between this unit's events and those of the next in its group.
   * For waking what waits in memory.
   */
  after(fn: () => void): void
}

/** Port for actions: the one way to change state. */
export interface UnitOfWork {
  /**
   * Runs `work` in the next commit group. Resolves when it is durable and its events are in the log; rejects with
   * what `work` threw (then nothing of it happened), or with `unavailable` when the commit itself failed.
   * `work` must wait for nothing but the transaction, since everybody in the group waits with it, and act on nothing
   * but the transaction, since it is run again when a neighbour in the group spoils it: the rest goes into `after`.
   */
  run<T>(work: (unit: Unit) => Promise<T>): Promise<T>
}

interface Pending {
  readonly work: (unit: Unit) => Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown }

/** What a command leaves to be done after the commit. */
interface Aftermath {
  /** How many of the group's events are its own: they come after those of the commands before it. */
  readonly events: number
  readonly after: readonly (() => void)[]
}

interface Written {
  readonly outcomes: readonly Outcome[]
  readonly events: readonly LogEvent[]
  readonly aftermaths: readonly Aftermath[]
}

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
  /** Commands of the last group. */
  private last = 0

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
      this.draining ??= this.drain()
    })
  }

  /** Resolves when everything accepted so far is committed or refused. */
  async settled(): Promise<void> {
    while (this.draining) await this.draining
  }

  private async drain(): Promise<void> {
    do {
      await this.gather()
      const group = this.queue.splice(0, this.maxGroup)
      this.last = group.length
      await this.commit(group)
    } while (this.queue.length > 0)
    this.draining = undefined
  }

  /**
   * Waits while every turn of the event loop brings more commands, up to a bound: they share one fsync. A command that
   * is alone waits for one turn, in which sockets are read; that is also what keeps a busy server reading.
   */
  private async gather(): Promise<void> {
    const { clock } = this.options
    const started = clock.monotonic()
    let turns = this.last < CROWD ? 1 : CROWD_TURNS
    let seen: number
    do {
      seen = this.queue.length
      turns -= 1
      await new Promise((turn) => setImmediate(turn))
    } while (
      (turns > 0 || this.queue.length > seen) &&
      this.queue.length < this.maxGroup &&
      clock.monotonic() - started < MAX_GATHER_MS
    )
  }

  /**
   * Savepoints cost as much as the commands between them, and nearly no command fails after it has written: those
   * that do make their group be done again, each command in a savepoint of its own.
   */
  private async write(group: readonly Pending[], now: number): Promise<Written> {
    const { database } = this.options
    try {
      return await database.write((tx) => runGroup(tx, group, now, { savepoints: false }))
    } catch (error) {
      if (!(error instanceof Spoilt)) throw error
      return database.write((tx) => runGroup(tx, group, now, { savepoints: true }))
    }
  }

  private async commit(group: readonly Pending[]): Promise<void> {
    const { clock, publish } = this.options
    if (this.isBroken) return group.forEach((pending) => pending.reject(unwritable()))
    const started = clock.monotonic()
    const now = clock.now()
    let written: Written
    try {
      written = await this.write(group, now)
    } catch (error) {
      if (error instanceof StorageBroken) this.broken = error
      this.options.onFailed?.(error)
      return group.forEach((pending) => pending.reject(unwritable()))
    }
    this.options.onGroup?.(group.length, clock.monotonic() - started)
    // Committed is committed: whoever waits for the answer, or for an event, gets it.
    for (const error of settle(written, publish)) this.options.onFailed?.(error)
    group.forEach((pending, i) => {
      const outcome = written.outcomes[i]!
      if (outcome.ok) pending.resolve(outcome.value)
      else pending.reject(outcome.error)
    })
  }
}

/**
 * Command by command: what one does in memory comes after its own events and before those of the next.
 * @returns what went wrong in it
 */
function settle({ events, aftermaths }: Written, publish: (events: readonly LogEvent[]) => void): readonly unknown[] {
  const errors: unknown[] = []
  const attempt = (fn: () => void): void => {
    try {
      fn()
    } catch (error) {
      errors.push(error)
    }
  }
  let [published, due] = [0, 0]
  const publishDue = (): void => {
    const ready = events.slice(published, due)
    published = due
    if (ready.length > 0) attempt(() => publish(ready))
  }
  for (const { events: own, after } of aftermaths) {
    due += own
    if (after.length === 0) continue
    publishDue()
    for (const fn of after) attempt(fn)
  }
  due = events.length
  publishDue()
  return errors
}

async function runGroup(
  tx: Tx,
  group: readonly Pending[],
  now: number,
  options: { savepoints: boolean },
): Promise<Written> {
  const outcomes: Outcome[] = []
  const emitted: EmittedEvent[] = []
  const aftermaths: Aftermath[] = []
  for (const { work } of group) {
    const share = new Share(tx, now)
    try {
      const value = await (options.savepoints ? tx.savepoint(() => work(share)) : work(share))
      // PostgreSQL aborts the whole transaction with a failed statement, whoever catches the failure.
      if (share.failed && !options.savepoints) throw new Spoilt()
      emitted.push(...share.emitted)
      aftermaths.push({ events: share.emitted.length, after: share.afterwards })
      outcomes.push({ ok: true, value })
    } catch (error) {
      if (error instanceof TransactionLost || error instanceof Spoilt) throw error
      // A refusal before the first write leaves nothing behind; any other failure may have.
      const clean = !share.wrote && error instanceof CommandError
      if (!clean && !options.savepoints) throw new Spoilt()
      outcomes.push({ ok: false, error })
    }
  }
  return { outcomes, events: await eventLog.append(tx, emitted, now), aftermaths }
}

/** A command failed after it had written, in a group without savepoints: all of it is to be done again with them. */
class Spoilt extends Error {}

/** One command's share of a group, and what it has done so far. */
class Share implements Unit {
  readonly now: number
  readonly emitted: EmittedEvent[] = []
  readonly afterwards: (() => void)[] = []
  /** It may have changed something. */
  wrote = false
  /** A statement of it failed in the database. */
  failed = false
  private readonly tx: Tx

  constructor(tx: Tx, now: number) {
    this.tx = tx
    this.now = now
  }

  get dialect(): Tx['dialect'] {
    return this.tx.dialect
  }

  all<P extends object, R>(statement: Statement<P, R>, params: P): Promise<R[]> {
    this.note(statement)
    return this.watch(this.tx.all(statement, params))
  }

  get<P extends object, R>(statement: Statement<P, R>, params: P): Promise<R | undefined> {
    this.note(statement)
    return this.watch(this.tx.get(statement, params))
  }

  query<R>(query: CompiledQuery<R>): Promise<R[]> {
    this.wrote = true
    return this.watch(this.tx.query(query))
  }

  run<P extends object>(statement: Statement<P, unknown>, params: P): Promise<number> {
    this.wrote = true
    return this.watch(this.tx.run(statement, params))
  }

  savepoint<T>(work: () => Promise<T>): Promise<T> {
    return this.tx.savepoint(work)
  }

  emit(event: EmittedEvent): void {
    this.emitted.push(event)
  }

  after(fn: () => void): void {
    this.afterwards.push(fn)
  }

  private async watch<T>(running: Promise<T>): Promise<T> {
    try {
      return await running
    } catch (error) {
      this.failed = true
      throw error
    }
  }

  private note<P extends object>(statement: Statement<P, unknown>): void {
    if (!statement.for(this.dialect).reads) this.wrote = true
  }
}

const unwritable = (): CommandError =>
  new CommandError('unavailable', 'The storage cannot be written; nothing was changed. Try again later.', {
    retryAfter: 30,
  })
