import { setImmediate as turn } from 'node:timers/promises'
import type { Database, Migrations } from '../../kernel/database.ts'
import type { EmittedEvent, LogEvent } from '../../kernel/event.ts'
import { eventLog, eventLogMigrations, type LogHead } from '../../kernel/event-log.ts'
import { idempotencyMigrations } from '../../kernel/idempotency.ts'
import { jobMigrations } from '../../kernel/jobs.ts'
import { statements } from '../../kernel/statement.ts'
import { GroupCommit } from '../../kernel/unit-of-work.ts'
import type { FakeClock } from '../clock.ts'

/** A table to write in. */
export interface Things {
  things: { name: string; value: number | null }
}

const createThings: Migrations = {
  'contract-001-things': async (db, dialect) => {
    await db.schema
      .createTable('things')
      .addColumn('name', 'text', (c) => c.primaryKey())
      .addColumn('value', dialect === 'sqlite' ? 'integer' : 'bigint')
      .execute()
  },
}
export const everything = { ...eventLogMigrations, ...jobMigrations, ...idempotencyMigrations, ...createThings }

const typed = statements<Things>()
export const put = typed<{ name: string; value: number | null }>()((db, p) =>
  db.insertInto('things').values({ name: p.name, value: p.value }),
)
export const get = typed<{ name: string }>()((db, p) => db.selectFrom('things').selectAll().where('name', '=', p.name))
export const set = typed<{ name: string; value: number }>()((db, p) =>
  db.updateTable('things').set({ value: p.value }).where('name', '=', p.name),
)
export const remove = typed<{ name: string }>()((db, p) => db.deleteFrom('things').where('name', '=', p.name))
export const within = typed<{ from: string; to: string }>()((db, p) =>
  db.selectFrom('things').select('name').where('name', '>=', p.from).where('name', '<', p.to).orderBy('name'),
)
export const count = typed<object>()((db) => db.selectFrom('things').select((e) => e.fn.countAll<number>().as('count')))

export const said = (text: string, more: Partial<EmittedEvent> = {}): EmittedEvent => ({
  module: 'toy',
  type: 'said',
  audience: { to: ['toy:room'] },
  payload: { text },
  ...more,
})

export const range = (length: number, first = 0): number[] => Array.from({ length }, (_, i) => first + i)

/** A promise and what settles it. */
export function signal(): { readonly promise: Promise<void>; readonly give: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { promise, give: resolve }
}

/** Whether it settles in a few turns of the event loop: what waits for a lock does not. */
export async function settlesSoon(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const note = (): void => void (settled = true)
  promise.then(note, note)
  for (let i = 0; i < 20 && !settled; i += 1) await turn()
  return settled
}

/** One node: a database, and what the kernel builds on it. */
export class Node {
  readonly database: Database
  readonly clock: FakeClock
  readonly published: LogEvent[] = []
  readonly unitOfWork: GroupCommit

  constructor(database: Database, clock: FakeClock, maxGroup?: number) {
    this.database = database
    this.clock = clock
    this.unitOfWork = new GroupCommit({
      database,
      clock,
      publish: (events) => void this.published.push(...events),
      ...(maxGroup !== undefined && { maxGroup }),
    })
  }

  async value(name: string): Promise<number | null | undefined> {
    return (await this.database.read((reader) => reader.get(get, { name })))?.value
  }

  head(): Promise<LogHead> {
    return this.database.read((reader) => eventLog.head(reader))
  }

  /** The whole log as it is now. */
  log(): Promise<LogEvent[]> {
    return this.database.read(async (reader) => {
      const { offset, pruned } = await eventLog.head(reader)
      return eventLog.read(reader, pruned, offset)
    })
  }

  async emit(...events: EmittedEvent[]): Promise<void> {
    await this.unitOfWork.run(async (unit) => events.forEach((event) => unit.emit(event)))
  }
}
