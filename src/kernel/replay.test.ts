import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { seeded } from '../testing/random.ts'
import type { LogEvent } from './event.ts'
import { Replay } from './replay.ts'

fc.configureGlobal({ seed: seeded().seed })

const event = (offset: number): LogEvent => {
  const more = { type: 'said', audience: { to: ['a'] }, payload: '{}', subject: null, effects: [], at: 0 }
  return { offset, module: 'toy', ...more }
}

/** A log from `first` to `head`, and the reads made of it. Reads take a turn, as a database does. */
function setup(options: { first?: number; head: number; keep?: number }) {
  const log = { first: options.first ?? 1, head: options.head, failing: false, mark: 'old' }
  const reads: [number, number][] = []
  const read = async (after: number, until: number): Promise<readonly LogEvent[]> => {
    reads.push([after, until])
    const { failing, mark, first } = log
    await new Promise((resolve) => setImmediate(resolve))
    if (failing) throw new Error('the database is away')
    const from = Math.max(after + 1, first)
    return Array.from({ length: Math.max(0, until - from + 1) }, (_, i) => ({ ...event(from + i), type: mark }))
  }
  const replay = new Replay({ read, ...(options.keep !== undefined && { keep: options.keep }) })
  return { log, reads, replay }
}

/** Everything from `after` to `head`, page by page. */
async function all(replay: Replay, after: number, head: number): Promise<number[]> {
  const offsets: number[] = []
  for (let cursor = after; cursor < head; ) {
    const { events, upTo } = await replay.page(cursor, head)
    assert.ok(upTo > cursor && upTo <= head)
    for (const { offset } of events) {
      assert.ok(offset > cursor && offset <= upTo)
      offsets.push(offset)
    }
    cursor = upTo
  }
  return offsets
}

const range = (after: number, until: number): number[] => Array.from({ length: until - after }, (_, i) => after + 1 + i)

test('K-5 pages are whole and in order from any position to any head', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 3_000 }), fc.nat({ max: 3_000 }), fc.nat({ max: 6 }), async (a, b, keep) => {
      const [after, head] = [Math.min(a, b), Math.max(a, b)]
      const { replay } = setup({ head, keep })
      assert.deepEqual(await all(replay, after, head), range(after, head))
      assert.deepEqual(await all(replay, after, head), range(after, head))
    }),
    { numRuns: 50, examples: [[0, 0, 1], [0, 512, 1], [511, 513, 1], [512, 1_024, 1], [512, 1_025, 0]] },
  )
})

test('K-5 a storm of a thousand that were cut at about the same place makes a read per chunk', async () => {
  const { replay, reads } = setup({ head: 2_300 })
  const pages = Array.from({ length: 1_000 }, (_, i) => all(replay, 600 + (i % 300), 2_300))
  for (const [i, offsets] of (await Promise.all(pages)).entries()) {
    assert.deepEqual(offsets, range(600 + (i % 300), 2_300))
  }
  assert.equal(reads.length, 4)
  assert.equal(replay.queries, 4)
})

test('K-5 the last chunk grows: who wants more than it had reads again, who wants less does not', async () => {
  const { replay, reads } = setup({ head: 100 })
  assert.deepEqual(await all(replay, 90, 100), range(90, 100))
  assert.deepEqual(await all(replay, 0, 99), range(0, 99))
  assert.equal(reads.length, 1)
  assert.deepEqual(await all(replay, 90, 101), range(90, 101))
  assert.equal(reads.length, 2)
  // Who asked before it had grown is not given what is past its head.
  assert.deepEqual((await replay.page(95, 97)).events.map(({ offset }) => offset), [96, 97])
  assert.equal(reads.length, 2)
})

test('K-5 what was read before something was erased is not given after it, in flight or kept', async () => {
  const { replay, log } = setup({ head: 10 })
  const early = replay.page(0, 10)
  log.mark = 'scrubbed'
  replay.forget()
  const types = async (page: ReturnType<Replay['page']>): Promise<unknown> => [
    ...new Set((await page).events.map(({ type }) => type)),
  ]
  assert.deepEqual(await types(replay.page(0, 10)), ['scrubbed'])
  // It asked before; and it does not put back what it got.
  assert.deepEqual(await types(early), ['old'])
  assert.deepEqual(await types(replay.page(0, 10)), ['scrubbed'])
})

test('K-5 a read that fails fails those who waited for it, and nobody after', async () => {
  const { replay, log, reads } = setup({ head: 10 })
  log.failing = true
  const waiting = [replay.page(0, 10), replay.page(5, 10)]
  for (const page of waiting) await assert.rejects(page, /database is away/)
  assert.equal(reads.length, 1)
  log.failing = false
  assert.equal((await replay.page(0, 10)).events.length, 10)
})

test('K-5 a read that fails does not take away the newer one that replaced it', async () => {
  const { replay, log, reads } = setup({ head: 10 })
  log.failing = true
  const old = replay.page(0, 10)
  log.failing = false
  replay.forget()
  const fresh = replay.page(0, 10)
  await assert.rejects(old, /database is away/)
  assert.equal((await fresh).events.length, 10)
  await replay.page(0, 10)
  assert.equal(reads.length, 2)
})

test('K-5 what retention has removed is missing from the page: it is shorter than it says', async () => {
  const { replay } = setup({ first: 6, head: 10 })
  const { events, upTo } = await replay.page(2, 10)
  assert.deepEqual([events.length, upTo], [5, 10])
  const whole = await replay.page(5, 10)
  assert.deepEqual([whole.events.length, whole.upTo], [5, 10])
})

test('K-5 chunks kept in memory are bounded', async () => {
  const { replay, reads } = setup({ head: 512 * 10, keep: 3 })
  await all(replay, 0, 512 * 10)
  assert.equal(reads.length, 10)
  // The last three are there, the others are read again.
  await all(replay, 512 * 7, 512 * 10)
  assert.equal(reads.length, 10)
  await all(replay, 0, 512)
  assert.equal(reads.length, 11)
})
