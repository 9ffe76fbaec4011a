import type { ExpressionBuilder, ExpressionWrapper, Kysely, SqlBool } from 'kysely'
import type { Position } from '../wire/position.ts'
import type { Migrations, Reader, Tx } from './database.ts'
import type { Effect, EmittedEvent, LogEvent } from './event.ts'
import { forgetOutcomes, type SubjectRange } from './idempotency.ts'
import { newEpoch } from './ids.ts'
import type { Audience } from './rooms.ts'
import { statements } from './statement.ts'

interface EventRow {
  offset: number
  module: string
  type: string
  audience: string
  effects: string | null
  subject: string | null
  payload: string | null
  at: number
}

interface HeadRow {
  id: number
  epoch: string
  head: number
  /** Offset of the newest event that retention has removed; resuming before it is not possible. */
  pruned: number
}

export interface EventLogTables {
  event_log: EventRow
  event_log_head: HeadRow
}

export const eventLogMigrations: Migrations = {
  'kernel-001-event-log': async (db, dialect) => {
    const bigint = dialect === 'sqlite' ? 'integer' : 'bigint'
    await db.schema
      .createTable('event_log')
      .addColumn('offset', bigint, (c) => c.primaryKey())
      .addColumn('module', 'text', (c) => c.notNull())
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('audience', 'text', (c) => c.notNull())
      .addColumn('effects', 'text')
      .addColumn('subject', 'text')
      .addColumn('payload', 'text')
      .addColumn('at', bigint, (c) => c.notNull())
      .execute()
    await db.schema.createIndex('event_log_subject').on('event_log').column('subject').execute()
    await db.schema
      .createTable('event_log_head')
      .addColumn('id', 'integer', (c) => c.primaryKey())
      .addColumn('epoch', 'text', (c) => c.notNull())
      .addColumn('head', bigint, (c) => c.notNull())
      .addColumn('pruned', bigint, (c) => c.notNull())
      .execute()
    await (db as unknown as Kysely<EventLogTables>)
      .insertInto('event_log_head')
      .values({ id: 1, epoch: newEpoch(), head: 0, pruned: 0 })
      .execute()
  },
}

const sql = statements<EventLogTables>()

const readHead = sql<object>()((db) => db.selectFrom('event_log_head').selectAll())

// On PostgreSQL the row lock is what keeps offsets in commit order: sequences commit out of order (RELIABILITY R7).
const lockHead = sql<object>()((db, _, dialect) => {
  const head = db.selectFrom('event_log_head').selectAll()
  return dialect === 'postgres' ? head.forUpdate() : head
})

const moveHead = sql<{ head: number }>()((db, p) => db.updateTable('event_log_head').set({ head: p.head }))

const insertEvent = sql<EventRow>()((db, p) =>
  db.insertInto('event_log').values({
    offset: p.offset,
    module: p.module,
    type: p.type,
    audience: p.audience,
    effects: p.effects,
    subject: p.subject,
    payload: p.payload,
    at: p.at,
  }),
)

const readAfter = sql<{ after: number; until: number }>()((db, p) =>
  db.selectFrom('event_log').selectAll().where('offset', '>', p.after).where('offset', '<=', p.until).orderBy('offset'),
)

const under =
  (p: SubjectRange) =>
  (e: ExpressionBuilder<EventLogTables, 'event_log'>): ExpressionWrapper<EventLogTables, 'event_log', SqlBool> =>
    e.or([e('subject', '=', p.subject), e.and([e('subject', '>=', p.from), e('subject', '<', p.to)])])

const forgetUnder = sql<SubjectRange & { before: number }>()((db, p) =>
  db.updateTable('event_log').set({ payload: null }).where(under(p)).where('offset', '<', p.before),
)

const readdressUnder = sql<SubjectRange & { old: string; fresh: string; before: number }>()((db, p) =>
  db
    .updateTable('event_log')
    .set((e) => ({ audience: e.fn<string>('replace', ['audience', e.val(p.old), e.val(p.fresh)]) }))
    .where(under(p))
    .where('offset', '<', p.before),
)

const setEpoch = sql<{ epoch: string }>()((db, p) => db.updateTable('event_log_head').set({ epoch: p.epoch }))

// Read from the oldest on, so that no index on the time is needed: what is passed over is what will be removed.
const firstSince = sql<{ at: number }>()((db, p) =>
  db.selectFrom('event_log').select('offset').where('at', '>=', p.at).orderBy('offset').limit(1),
)

const prune = sql<{ until: number }>()((db, p) => db.deleteFrom('event_log').where('offset', '<=', p.until))
const movePruned = sql<{ until: number }>()((db, p) => db.updateTable('event_log_head').set({ pruned: p.until }))

export interface LogHead extends Position {
  readonly pruned: number
}

/**
 * The durable, totally ordered record of every event of every module. Offsets are given in commit order, without
 * gaps, inside the transaction of their cause (rule K-3).
 */
export const eventLog = {
  async head(reader: Reader): Promise<LogHead> {
    const row = (await reader.get(readHead, {}))!
    return { epoch: row.epoch, offset: row.head, pruned: row.pruned }
  },

  /** Appends in order. Called once per commit group, last, so that the head is locked for the shortest time. */
  async append(tx: Tx, emitted: readonly EmittedEvent[], at: number): Promise<LogEvent[]> {
    if (emitted.length === 0) return []
    let offset = (await tx.get(lockHead, {}))!.head
    const events: LogEvent[] = []
    for (const event of emitted) {
      offset += 1
      const row = toRow(event, offset, at)
      await tx.run(insertEvent, row)
      for (const effect of event.effects ?? []) await rewrite(tx, effect, offset)
      events.push(toEvent(row, event.audience, event.effects ?? []))
    }
    await tx.run(moveHead, { head: offset })
    // What a later event of the same group forgets must not leave with an earlier one either.
    const forgetting = events.filter(({ effects }) => effects.some(({ kind }) => kind === 'forget'))
    if (forgetting.length === 0) return events
    return events.map((event) => (isForgotten(event, forgetting) ? { ...event, payload: null } : event))
  },

  /** Events with after < offset <= until, in order. */
  async read(reader: Reader, after: number, until: number): Promise<LogEvent[]> {
    const rows = await reader.all(readAfter, { after, until })
    return rows.map((row) =>
      toEvent(
        row,
        JSON.parse(row.audience) as Audience,
        row.effects === null ? [] : (JSON.parse(row.effects) as Effect[]),
      ),
    )
  },

  /** Removes events older than `before` (wall clock, ms). A client that was away longer is told to reload. */
  async prune(tx: Tx, before: number): Promise<void> {
    const kept = await tx.get(firstSince, { at: before })
    const until = kept ? kept.offset - 1 : (await eventLog.head(tx)).offset
    await tx.run(prune, { until })
    await tx.run(movePruned, { until })
  },

  /** After a restore from a backup: positions given out since then must not match other events. */
  async beginEpoch(tx: Tx): Promise<void> {
    await tx.run(setEpoch, { epoch: newEpoch() })
  },
}

/** What an event does to the rows before it. */
async function rewrite(tx: Tx, effect: Effect, before: number): Promise<void> {
  if (effect.kind === 'forget') {
    const range = rangeOf(effect.subject)
    await tx.run(forgetUnder, { ...range, before })
    await forgetOutcomes(tx, range)
  }
  if (effect.kind === 'readdress') {
    const [old, fresh] = [JSON.stringify(effect.from), JSON.stringify(effect.to)]
    await tx.run(readdressUnder, { ...rangeOf(effect.subject), old, fresh, before })
  }
}

/** '0' is the character after '/': the range is everything under the path. */
const rangeOf = (subject: string): SubjectRange => ({ subject, from: `${subject}/`, to: `${subject}0` })

function isForgotten(event: LogEvent, forgetting: readonly LogEvent[]): boolean {
  return forgetting.some(
    (later) =>
      later.offset > event.offset &&
      later.effects.some(
        (effect) =>
          effect.kind === 'forget' &&
          (event.subject === effect.subject || event.subject?.startsWith(`${effect.subject}/`)),
      ),
  )
}

function toRow(event: EmittedEvent, offset: number, at: number): EventRow {
  return {
    offset,
    module: event.module,
    type: event.type,
    audience: JSON.stringify(event.audience),
    effects: event.effects?.length ? JSON.stringify(event.effects) : null,
    subject: event.subject ?? null,
    payload: event.payload ? JSON.stringify(event.payload) : null,
    at,
  }
}

function toEvent(row: EventRow, audience: Audience, effects: readonly Effect[]): LogEvent {
  const { module, type, payload, subject } = row
  return { offset: row.offset, module, type, audience, payload, subject, effects, at: row.at }
}
