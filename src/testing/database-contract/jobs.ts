import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError } from '../../kernel/errors.ts'
import { JobRunner, jobs, type JobHandler } from '../../kernel/jobs.ts'
import { put, range } from './node.ts'
import type { World } from './world.ts'

/** Rows that are due, worked by any node. */
export function dueJobs({ node, other }: World): void {
  const later = (ms: number): number => node().clock.now() + ms
  const schedule = (kind: string, keys: Readonly<Record<string, number>>): Promise<void> =>
    node().unitOfWork.run(async (unit) => {
      for (const [key, due] of Object.entries(keys)) await jobs.schedule(unit, kind, key, due, { key })
    })

  const runner = (kind: string, work: JobHandler, on = node()) => {
    const failures: unknown[] = []
    const { database, unitOfWork, clock } = on
    const handlers = new Map([[kind, work]])
    const made = new JobRunner({ database, unitOfWork, clock, handlers, onError: (error) => void failures.push(error) })
    return { runDue: () => made.runDue(), stop: () => made.stop(), failures }
  }

  /** Notes in `after`: work may be run again when its neighbour in the group spoils it. */
  const noting =
    (ran: string[]): JobHandler =>
    async (job, unit) =>
      unit.after(() => void ran.push((job.payload as { key: string }).key))

  test('K-8 jobs run when they are due, the oldest first; scheduled again they move, cancelled they go', async () => {
    const ran: string[] = []
    const { runDue } = runner('order', noting(ran))
    await schedule('order', { second: later(2_000), first: later(1_000), moved: later(1_000), cancelled: later(1_000) })
    await schedule('order', { moved: later(9_000) })
    await node().unitOfWork.run((unit) => jobs.cancel(unit, 'order', 'cancelled'))
    await runDue()
    assert.deepEqual(ran, [])
    node().clock.advance(3_000)
    await runDue()
    assert.deepEqual(ran, ['first', 'second'])
    node().clock.advance(6_000)
    await runDue()
    assert.deepEqual(ran, ['first', 'second', 'moved'])
    node().clock.advance(600_000)
    await runDue()
    assert.equal(ran.length, 3)
  })

  test('K-8 a job exists only if its cause was committed', async () => {
    const ran: string[] = []
    const failing = node().unitOfWork.run(async (unit) => {
      await jobs.schedule(unit, 'cause', 'never', unit.now, { key: 'never' })
      throw new CommandError('conflict', 'no')
    })
    await assert.rejects(failing)
    await runner('cause', noting(ran)).runDue()
    assert.deepEqual(ran, [])
  })

  test('K-8 a job that fails is undone and tried again, later each time', async () => {
    const tried: number[] = []
    const started = node().clock.now()
    const { runDue, failures } = runner('fails', async (job, unit) => {
      await unit.run(put, { name: `half a job ${job.attempts}`, value: 1 })
      if (job.attempts < 3) throw new Error(`attempt ${job.attempts}`)
      unit.after(() => void tried.push(unit.now - started))
    })
    await schedule('fails', { it: started })
    for (let seconds = 0; seconds < 60; seconds += 1) {
      await runDue()
      node().clock.advance(1_000)
    }
    assert.deepEqual(tried, [36_000])
    assert.equal(new Set(failures.map(String)).size, 3)
    const found = await Promise.all(range(4).map((attempt) => node().value(`half a job ${attempt}`)))
    assert.deepEqual(found, [undefined, undefined, undefined, 1])
  })

  test('K-8 of two nodes one runs a job, and the job once', async () => {
    const ran: string[] = []
    const runners = [runner('shared', noting(ran)), runner('shared', noting(ran), other())]
    const keys = range(120).map((i) => `job-${i}`)
    await schedule('shared', Object.fromEntries(keys.map((key, i) => [key, later(i)])))
    node().clock.advance(1_000)
    await Promise.all(runners.map(({ runDue }) => runDue()))
    assert.deepEqual(ran.toSorted(), keys.toSorted())
    assert.deepEqual(runners.flatMap(({ failures }) => failures), [])
  })

  test('K-8 what is cancelled while it fails is gone', async () => {
    let runs = 0
    const { database, unitOfWork, clock } = node()
    const failing: JobHandler = () => {
      runs += 1
      return Promise.reject(new Error('no'))
    }
    const made = new JobRunner({
      database,
      unitOfWork,
      clock,
      handlers: new Map([['cancelled late', failing]]),
      onError: () => void unitOfWork.run((unit) => jobs.cancel(unit, 'cancelled late', 'it')),
    })
    await schedule('cancelled late', { it: later(0) })
    await made.runDue()
    const before = runs
    clock.advance(600_000)
    await made.runDue()
    assert.equal(runs, before)
  })

  test('K-8 jobs that nobody here can work keep nothing else waiting', async () => {
    const ran: string[] = []
    await schedule('switched off', Object.fromEntries(range(150).map((i) => [`off-${i}`, later(-10)])))
    await schedule('behind', { it: later(0) })
    await runner('behind', noting(ran)).runDue()
    await node().database.write(async (tx) => {
      for (const i of range(150)) await jobs.cancel(tx, 'switched off', `off-${i}`)
      await jobs.cancel(tx, 'behind', 'it')
    })
    assert.deepEqual(ran, ['it'])
  })

  /** Outside work that ends when the test says so. */
  const held = () => {
    const runs: { readonly attempts: number; readonly end: () => void }[] = []
    const work: JobHandler = {
      outside: (job, signal) =>
        new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('stopped')))
          runs.push({
            attempts: job.attempts,
            end: () => resolve(async (unit) => void (await unit.run(put, { name: `ended ${job.key}`, value: 1 }))),
          })
        }),
    }
    const begun = async (count: number): Promise<void> => {
      while (runs.length < count) await new Promise((resolve) => void setImmediate(resolve))
    }
    return { work, runs, begun }
  }

  test('K-8 work outside of the database holds up no other job, and what it brings is written with its end', async () => {
    const ran: string[] = []
    const { work, runs, begun } = held()
    const { database, unitOfWork, clock } = node()
    const handlers = new Map([['slow', work], ['quick', noting(ran)]])
    const made = new JobRunner({ database, unitOfWork, clock, handlers, onError: (error) => assert.fail(String(error)) })
    await schedule('slow', { slow: later(0) })
    const done = made.runDue()
    await begun(1)
    made.start()
    await schedule('quick', { quick: later(0) })
    clock.advance(1_000)
    while (ran.length === 0) await new Promise((resolve) => void setImmediate(resolve))
    assert.equal(await node().value('ended slow'), undefined)
    runs[0]!.end()
    await done
    assert.equal(await node().value('ended slow'), 1)
    clock.advance(600_000)
    await made.runDue()
    assert.equal(runs.length, 1)
    await made.stop()
  })

  test('K-8 of two nodes one does the work outside; when it dies, the other does', async () => {
    const [here, there] = [held(), held()]
    const [first, second] = [runner('leased', here.work), runner('leased', there.work, other())]
    await schedule('leased', { leased: later(0) })
    void first.runDue()
    await here.begun(1)
    await second.runDue()
    assert.equal(there.runs.length, 0)
    node().clock.advance(300_000)
    const done = second.runDue()
    await there.begun(1)
    there.runs[0]!.end()
    await done
    here.runs[0]!.end()
    assert.equal(await node().value('ended leased'), 1)
  })

  test('K-8 a server that stops breaks off its work outside, which the next does as if it had not been tried', async () => {
    const [here, there] = [held(), held()]
    const { runDue, stop } = runner('stopped', here.work)
    await schedule('stopped', { stopped: later(0) })
    const broken = runDue()
    await here.begun(1)
    await stop()
    await broken
    const next = runner('stopped', there.work)
    const done = next.runDue()
    await there.begun(1)
    there.runs[0]!.end()
    await done
    assert.equal(there.runs[0]!.attempts, 0)
    assert.equal(await node().value('ended stopped'), 1)
  })

  test('K-8 what is asked for again while it is done outside is done again, afterwards', async () => {
    const { work, runs, begun } = held()
    const { runDue } = runner('again', work)
    await schedule('again', { again: later(0) })
    const done = runDue()
    await begun(1)
    await schedule('again', { again: later(0) })
    const same = runDue()
    runs[0]!.end()
    await begun(2)
    runs[1]!.end()
    await Promise.all([done, same])
    assert.equal(runs.length, 2)
  })
}
