import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../../../testing/random.ts'
import { estimatedSeconds, secondsUntil } from './estimate.ts'
import { nextDue, Queue, type Waiting } from './queue.ts'

const job = (id: number, accountId: number, due = 0): Waiting => ({ id, accountId, due })
const idsOf = (jobs: readonly Waiting[]): number[] => jobs.map(({ id }) => id)

test('of one person one job runs at a time, of all as many as may', () => {
  const queue = new Queue({ concurrency: 3, perAccount: 1 })
  const waiting = [job(1, 1), job(2, 1), job(3, 2), job(4, 3), job(5, 4)]
  assert.deepEqual(idsOf(queue.take(waiting, 0)), [1, 3, 4])
  assert.deepEqual(idsOf(queue.take(waiting, 0)), [])
  queue.ended(1)
  // The fourth has waited longer than the first, whose second job is older.
  assert.deepEqual(idsOf(queue.take([job(2, 1), job(5, 4)], 0)), [5])
  queue.ended(3)
  assert.deepEqual(idsOf(queue.take([job(2, 1)], 0)), [2])
  assert.equal(queue.size, 3)
  for (const id of [2, 4, 5]) queue.ended(id)
  assert.deepEqual([idsOf(queue.take([], 0)), queue.size, queue.remembered], [[], 0, 0])
})

test('two people who ask for many take turns, whoever was first', () => {
  const queue = new Queue({ concurrency: 1, perAccount: 1 })
  let waiting = [1, 2, 3, 4].map((id) => job(id, 1))
  const order: number[] = []
  for (let round = 0; round < 8; round += 1) {
    if (round === 1) waiting = [...waiting, ...[5, 6, 7, 8].map((id) => job(id, 2))]
    const [next] = queue.take(waiting, 0)
    order.push(next!.accountId)
    waiting = waiting.filter(({ id }) => id !== next!.id)
    queue.ended(next!.id)
  }
  assert.deepEqual(order, [1, 2, 1, 2, 1, 2, 1, 2])
})

test('what is to be tried later keeps nothing else waiting', () => {
  const queue = new Queue({ concurrency: 2, perAccount: 1 })
  const waiting = [job(1, 1, 5_000), job(2, 1), job(3, 2, 9_000)]
  assert.equal(nextDue(waiting, 0), 5_000)
  assert.deepEqual(idsOf(queue.take(waiting, 4_999)), [2])
  queue.ended(2)
  assert.deepEqual(idsOf(queue.take([waiting[0]!, waiting[2]!], 5_000)), [1])
  assert.equal(nextDue(waiting, 9_000), undefined)
})

test('nobody is passed over for ever, and no limit is exceeded, whoever asks for what', (t) => {
  const random = seeded()
  t.diagnostic(`seed ${random.seed}`)
  const limits = { concurrency: 3, perAccount: 2 }
  const queue = new Queue(limits)
  let waiting: Waiting[] = []
  let running: Waiting[] = []
  const passed = new Map<number, number>()
  for (let id = 1; id < 400; id += 1) {
    // The first asks for more than all the others together.
    waiting.push(job(id, random.pick([1, 1, 1, 1, 1, 1, 2, 3, 4, 5])))
    const taken = queue.take(waiting, 0)
    running.push(...taken)
    waiting = waiting.filter((each) => !taken.includes(each))
    for (const { accountId } of taken) {
      passed.delete(accountId)
      const others = new Set(waiting.map((each) => each.accountId))
      for (const other of others) if (other !== accountId) passed.set(other, (passed.get(other) ?? 0) + 1)
    }
    for (const [accountId, times] of passed) {
      const isFull = queue.runningOf(accountId) >= limits.perAccount
      assert.ok(isFull || times <= 4 + limits.concurrency, `${accountId} was passed over ${times} times`)
    }
    assert.ok(running.length <= limits.concurrency)
    for (const accountId of [1, 2, 3, 4, 5]) {
      assert.ok(running.filter((each) => each.accountId === accountId).length <= limits.perAccount)
    }
    if (random.int(2) === 0 && running.length > 0) {
      const gone = random.pick(running)
      queue.ended(gone.id)
      running = running.filter((each) => each !== gone)
    }
  }
})

test('the estimate is the mean of what was measured, and of what waits before it', () => {
  const limits = { concurrency: 4, perAccount: 1 }
  assert.equal(estimatedSeconds([], { all: 0, own: 0 }, limits), 30)
  assert.equal(estimatedSeconds([10_000, 21_000], { all: 0, own: 0 }, limits), 16)
  assert.equal(estimatedSeconds([10_000], { all: 3, own: 0 }, limits), 10)
  assert.equal(estimatedSeconds([10_000], { all: 4, own: 0 }, limits), 20)
  assert.equal(estimatedSeconds([10_000], { all: 3, own: 2 }, limits), 30)
  assert.equal(estimatedSeconds([1], { all: 0, own: 0 }, limits), 1)
  assert.deepEqual([secondsUntil(1_500, 0), secondsUntil(0, 5), secondsUntil(2_000, 0)], [2, 1, 2])
})
