import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Database, Migrations } from '../kernel/database.ts'
import { CommandError } from '../kernel/errors.ts'
import type { EmittedEvent, LogEvent } from '../kernel/event.ts'
import { eventLog, eventLogMigrations } from '../kernel/event-log.ts'
import { idempotencyMigrations, once } from '../kernel/idempotency.ts'
import { jobMigrations, JobRunner, jobs } from '../kernel/jobs.ts'
import { builder, statements } from '../kernel/statement.ts'
import { GroupCommit } from '../kernel/unit-of-work.ts'
import { FakeClock } from './clock.ts'

interface Things {
  things: { name: string; value: number | null }
}

const things: Migrations = {
  'contract-001-things': async (db, dialect) => {
    await db.schema
      .createTable('things')
      .addColumn('name', 'text', (c) => c.primaryKey())
      .addColumn('value', dialect === 'sqlite' ? 'integer' : 'bigint')
      .execute()
  },
}

const typed = statements<Things>()
const put = typed<{ name: string; value: number | null }>()((db, p) =>
  db.insertInto('things').values({ name: p.name, value: p.value }),
)
const get = typed<{ name: string }>()((db, p) => db.selectFrom('things').selectAll().where('name', '=', p.name))
const set = typed<{ name: string; value: number }>()((db, p) =>
  db.updateTable('things').set({ value: p.value }).where('name', '=', p.name),
)
const count = typed<object>()((db) => db.selectFrom('things').select((e) => e.fn.countAll<number>().as('count')))

const said = (text: string, more: Partial<EmittedEvent> = {}): EmittedEvent => ({
  module: 'toy',
  type: 'said',
  audience: { to: ['toy:room'] },
  payload: { text },
  ...more,
})

/** One suite for every database: its promises (kernel/database.ts), and what the kernel builds on them. */
export function databaseContract(name: string, open: () => Promise<Database>): void {
  describe(`database contract: ${name}`, () => {
    let database: Database
    let clock: FakeClock
    let published: LogEvent[]
    let unitOfWork: GroupCommit
    const all = { ...eventLogMigrations, ...jobMigrations, ...idempotencyMigrations, ...things }
    const read = (thing: string) => database.read((reader) => reader.get(get, { name: thing }))
    const log = async () => {
      const { offset, pruned } = await database.read((reader) => eventLog.head(reader))
      return database.read((reader) => eventLog.read(reader, pruned, offset))
    }

    before(async () => {
      database = await open()
      await Promise.all([database.migrate(all), database.migrate(all)])
      clock = new FakeClock()
      published = []
      unitOfWork = new GroupCommit({ database, clock, publish: (events) => void published.push(...events) })
    })
    after(() => database.close())

    test('migrations run once, however often they are asked for', async () => {
      await database.migrate(all)
      assert.equal(await read('nothing'), undefined)
    })

    test('D-1 what was written is there; placeholders carry text, null and large numbers', async () => {
      const largest = Number.MAX_SAFE_INTEGER
      await database.write(async (tx) => {
        assert.equal(await tx.run(put, { name: "o'é👍", value: largest }), 1)
        await tx.run(put, { name: 'null', value: null })
      })
      assert.deepEqual({ ...(await read("o'é👍")) }, { name: "o'é👍", value: largest })
      assert.equal((await read('null'))!.value, null)
      assert.equal((await database.latest.get(get, { name: 'null' }))!.value, null)
    })

    test('queries built for one call run too', async () => {
      const query = builder<Things>(database.dialect).selectFrom('things').selectAll().where('name', 'in', ['null', 'x'])
      assert.equal((await database.read((reader) => reader.query(query.compile()))).length, 1)
    })

    test('D-2 a write that fails leaves nothing', async () => {
      const failing = database.write(async (tx) => {
        await tx.run(put, { name: 'gone', value: 1 })
        throw new Error('no')
      })
      await assert.rejects(failing, /no/)
      assert.equal(await read('gone'), undefined)
    })

    test('D-2 a failed savepoint is undone alone, a failed statement in it too', async () => {
      await database.write(async (tx) => {
        await tx.run(put, { name: 'kept', value: 1 })
        await assert.rejects(tx.savepoint(() => tx.run(put, { name: 'kept', value: 2 })))
        await assert.rejects(
          tx.savepoint(async () => {
            await tx.run(put, { name: 'undone', value: 1 })
            throw new Error('no')
          }),
        )
        await tx.savepoint(() => tx.run(put, { name: 'second', value: 2 }))
      })
      assert.deepEqual(
        [(await read('kept'))?.value, (await read('undone'))?.value, (await read('second'))?.value],
        [1, undefined, 2],
      )
    })

    test('D-3 writes do not see half of each other', async () => {
      await database.write((tx) => tx.run(put, { name: 'counter', value: 0 }))
      await Promise.all(
        Array.from({ length: 100 }, () =>
          database.write(async (tx) => {
            const { value } = (await tx.get(get, { name: 'counter' }))!
            await tx.run(set, { name: 'counter', value: value! + 1 })
          }),
        ),
      )
      assert.equal((await read('counter'))!.value, 100)
    })

    test('D-4 a read sees what is committed, and one state throughout', async () => {
      let wrote: () => void = () => undefined
      let release: () => void = () => undefined
      const written = new Promise<void>((resolve) => (wrote = resolve))
      const held = new Promise<void>((resolve) => (release = resolve))
      const writing = database.write(async (tx) => {
        await tx.run(put, { name: 'late', value: 1 })
        wrote()
        await held
      })
      await written
      // With one connection (PGlite) a read waits for the write, which is as good.
      const during = read('late').then((row) => row?.value)
      const early = await Promise.race([during, new Promise((resolve) => setImmediate(() => resolve('waits')))])
      assert.ok(early === undefined || early === 'waits')
      release()
      await writing
      assert.equal((await read('late'))!.value, 1)
    })

    test('D-5 erase runs beside everything else', async () => {
      await database.write((tx) => tx.run(put, { name: 'x', value: 1 }))
      await database.erase()
      assert.equal((await read('x'))!.value, 1)
    })

    test('K-1 a failing command undoes only itself, before or after its first write', async () => {
      const command = (key: string, failing: boolean) =>
        unitOfWork.run(async (unit) => {
          await unit.run(put, { name: key, value: 1 })
          unit.emit(said(key))
          if (failing) throw new CommandError('conflict', key)
          return key
        })
      const refused = unitOfWork.run(async (unit) => {
        await unit.get(get, { name: 'x' })
        unit.emit(said('refused'))
        throw new CommandError('forbidden', 'refused')
      })
      const outcomes = await Promise.allSettled([command('a', false), command('b', true), refused, command('c', false)])
      assert.deepEqual(
        outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason.message))),
        ['a', 'b', 'refused', 'c'],
      )
      assert.deepEqual([(await read('a'))?.value, (await read('b'))?.value, (await read('c'))?.value], [1, undefined, 1])
      assert.deepEqual(
        published.splice(0).map((event) => event.payload),
        ['{"text":"a"}', '{"text":"c"}'],
      )
    })

    test('K-1 a statement that fails in the database does not spoil the commands beside it', async () => {
      const duplicate = (key: string) => unitOfWork.run((unit) => unit.run(put, { name: key, value: 1 }))
      const outcomes = await Promise.allSettled([duplicate('d1'), duplicate('a'), duplicate('d2')])
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
      assert.ok((await read('d1')) && (await read('d2')))
    })

    test('K-3 offsets have no gap and come out in order, whatever fails between', async () => {
      const head = (await database.read((reader) => eventLog.head(reader))).offset
      const commands = Array.from({ length: 300 }, (_, i) =>
        unitOfWork.run(async (unit) => {
          unit.emit(said(`e${i}`))
          await unit.run(put, { name: `k3-${i}`, value: i })
          if (i % 7 === 3) throw new CommandError('conflict', 'no')
        }),
      )
      const kept = (await Promise.allSettled(commands)).filter((outcome) => outcome.status === 'fulfilled').length
      const offsets = published.splice(0).map((event) => event.offset)
      assert.deepEqual(
        offsets,
        Array.from({ length: kept }, (_, i) => head + 1 + i),
      )
      assert.deepEqual(
        (await log()).map((event) => event.offset),
        Array.from({ length: head + kept }, (_, i) => i + 1),
      )
    })

    test('K-1 what is published is committed', async () => {
      let seen: unknown
      const watching = new GroupCommit({
        database,
        clock,
        publish: (events) => {
          if (events.length > 0) seen = database.read((reader) => reader.get(get, { name: 'seen' }))
        },
      })
      await watching.run(async (unit) => {
        await unit.run(put, { name: 'seen', value: 7 })
        unit.emit(said('seen'))
      })
      assert.equal(((await seen) as { value: number }).value, 7)
    })

    test('forgetting a subject erases what is under it and nothing beside it, in the same group too', async () => {
      const emit = (...events: EmittedEvent[]) =>
        unitOfWork.run(async (unit) => events.forEach((event) => unit.emit(event)))
      await emit(
        said('1', { subject: 'report:1' }),
        said('1c', { subject: 'report:1/comment:5' }),
        said('10', { subject: 'report:10' }),
        said('other', { subject: 'account:1' }),
      )
      published.splice(0)
      const forget = { kind: 'forget', subject: 'report:1' } as const
      await emit(said('1d', { subject: 'report:1/comment:6' }), said('deleted', { effects: [forget] }))
      assert.deepEqual(
        published.splice(0).map((event) => event.payload),
        [null, '{"text":"deleted"}'],
      )
      const tail = (await log()).slice(-6).map((event) => event.payload)
      assert.deepEqual(tail, [null, null, '{"text":"10"}', '{"text":"other"}', null, '{"text":"deleted"}'])
    })

    test('K-11 readdressing gives the past of a subject to other people', async () => {
      const room = { to: ['room:1'], within: ['room:1'] }
      await unitOfWork.run(async (unit) => {
        unit.emit(said('old', { subject: 'thing:1/x', audience: room }))
        unit.emit(said('else', { subject: 'thing:2', audience: room }))
      })
      const effect = { kind: 'readdress', subject: 'thing:1', from: 'room:1', to: 'room:2' } as const
      await unitOfWork.run(async (unit) => unit.emit(said('moved', { effects: [effect] })))
      const [old, other] = (await log()).slice(-3)
      assert.deepEqual([old!.audience, other!.audience], [{ to: ['room:2'], within: ['room:2'] }, room])
    })

    test('K-6 the same client id again returns the first outcome, and is forgotten with its subject', async () => {
      let effects = 0
      const client = { accountId: 1, key: 'k' }
      const command = () =>
        unitOfWork.run((unit) =>
          once(
            unit,
            client,
            () => Promise.resolve({ n: (effects += 1) }),
            () => 'report:77',
          ),
        )
      assert.deepEqual(await Promise.all([command(), command(), command()]), [{ n: 1 }, { n: 1 }, { n: 1 }])
      assert.deepEqual(await command(), { n: 1 })
      const forget = { kind: 'forget', subject: 'report:77' } as const
      await unitOfWork.run(async (unit) => unit.emit(said('gone', { effects: [forget] })))
      assert.deepEqual(await command(), { n: 2 })
    })

    test('K-8 jobs run when due, move when scheduled again, go when cancelled, come back when they fail', async () => {
      const ran: string[] = []
      const failures: unknown[] = []
      const runner = (): JobRunner =>
        new JobRunner({
          database,
          unitOfWork,
          clock,
          onError: (error) => void failures.push(error),
          handlers: new Map([
            [
              'note',
              async (job, unit) => {
                if (job.key === 'fails' && job.attempts === 0) {
                  await unit.run(put, { name: 'half done', value: 1 })
                  throw new Error('once')
                }
                // In `after`: work may be run again when its neighbour in the group spoils it.
                unit.after(() => void ran.push(job.key))
              },
            ],
          ]),
        })
      const [one, two] = [runner(), runner()]
      const at = (ms: number) => clock.now() + ms
      await unitOfWork.run(async (unit) => {
        await jobs.schedule(unit, 'note', 'later', at(2_000))
        await jobs.schedule(unit, 'note', 'soon', at(1_000))
        await jobs.schedule(unit, 'note', 'moved', at(1_000))
        await jobs.schedule(unit, 'note', 'moved', at(9_000))
        await jobs.schedule(unit, 'note', 'cancelled', at(1_000))
        await jobs.cancel(unit, 'note', 'cancelled')
        await jobs.schedule(unit, 'note', 'fails', at(3_000))
      })
      await one.runDue()
      assert.deepEqual(ran, [])
      clock.advance(3_000)
      await Promise.all([one.runDue(), two.runDue()])
      assert.deepEqual(ran, ['soon', 'later'])
      assert.equal(failures.length > 0, true)
      assert.equal(await read('half done'), undefined)
      clock.advance(1_000)
      await one.runDue()
      assert.deepEqual(ran, ['soon', 'later', 'fails'])
      clock.advance(60_000)
      await Promise.all([one.runDue(), two.runDue()])
      assert.deepEqual(ran, ['soon', 'later', 'fails', 'moved'])
    })

    test('K-5 retention removes the oldest events and says up to where', async () => {
      const before = await database.read((reader) => eventLog.head(reader))
      clock.advance(10_000)
      await unitOfWork.run(async (unit) => unit.emit(said('young')))
      await unitOfWork.run((unit) => eventLog.prune(unit, clock.now() - 5_000))
      const head = await database.read((reader) => eventLog.head(reader))
      assert.deepEqual([head.pruned, head.offset], [before.offset, before.offset + 1])
      assert.deepEqual(
        (await log()).map((event) => event.payload),
        ['{"text":"young"}'],
      )
    })

    test('K-5 a new epoch is another log', async () => {
      const old = await database.read((reader) => eventLog.head(reader))
      await database.write((tx) => eventLog.beginEpoch(tx))
      const head = await database.read((reader) => eventLog.head(reader))
      assert.notEqual(head.epoch, old.epoch)
      assert.equal(head.offset, old.offset)
    })

    test('nothing written here was lost', async () => {
      const row = await database.read((reader) => reader.get(count, {}))
      assert.ok(row!.count > 200)
    })
  })
}
