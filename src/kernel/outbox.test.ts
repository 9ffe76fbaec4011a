import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { FakeClock } from '../testing/clock.ts'
import { seeded } from '../testing/random.ts'
import { BatchNode, Flusher, Outbox, type Frame, type Sink } from './outbox.ts'

fc.configureGlobal({ seed: seeded().seed })

const frame = (text: string): Frame => ({ bytes: Buffer.from(text) })
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A sink that keeps what is written; `bufferedBytes` is what the test says the peer has not taken. */
class FakeSink implements Sink {
  bufferedBytes = 0
  overflows = 0
  failing = false
  readonly writes: Buffer[] = []

  get text(): string {
    return this.writes.map((bytes) => bytes.toString()).join('')
  }

  write(batch: BatchNode, done: (() => void) | undefined): void {
    if (this.failing) throw new Error('a broken socket')
    this.writes.push(batch.bytes())
    done?.()
  }

  overflow(): void {
    this.overflows += 1
  }

  whenDrained(fn: () => void): void {
    fn()
  }
}

function setup(options: { maxPendingBytes?: number; busy?: () => boolean; clock?: FakeClock } = {}) {
  const clock = options.clock ?? new FakeClock()
  const errors: unknown[] = []
  const flusher = new Flusher({
    busy: options.busy ?? (() => false),
    monotonic: () => clock.monotonic(),
    onWrite: () => undefined,
    onError: (error) => void errors.push(error),
  })
  const limits = { maxPendingBytes: options.maxPendingBytes ?? 100 }
  const open = () => {
    const sink = new FakeSink()
    return { sink, outbox: new Outbox(flusher, sink, limits) }
  }
  return { flusher, open, errors }
}

test('K-2 frames of one turn leave in one write, in order, shared and private ones', async () => {
  const { open, flusher } = setup()
  const { outbox, sink } = open()
  outbox.append(frame('a'))
  outbox.appendAlone(frame('b'))
  await Promise.resolve()
  outbox.append(frame('c'))
  assert.deepEqual([sink.writes, flusher.waiting, outbox.pendingBytes], [[], 1, 3])
  await turn()
  assert.deepEqual([sink.writes.map(String), flusher.waiting, outbox.pendingBytes], [['abc'], 0, 0])
  outbox.append(frame('d'))
  await turn()
  assert.deepEqual(sink.writes.map(String), ['abc', 'd'])
})

test('K-2 connections with the same pending frames are written the same bytes, joined once', async () => {
  const { open } = setup()
  const all = Array.from({ length: 100 }, open)
  const [a, b, c] = [frame('a'), frame('b'), frame('c')] as const
  for (const shared of [a, b]) for (const { outbox } of all) outbox.append(shared)
  all[0]!.outbox.append(c)
  await turn()
  assert.equal(all[0]!.sink.text, 'abc')
  const buffers = new Set(all.slice(1).map(({ sink }) => sink.writes[0]))
  assert.deepEqual([...buffers].map(String), ['ab'])
  // One frame alone is not even copied.
  all[1]!.outbox.append(a)
  await turn()
  assert.equal(all[1]!.sink.writes[1], a.bytes)
})

test('K-2 frames with the same text are not mixed up, and other orders are other bytes', async () => {
  const { open } = setup()
  const [one, two, three] = [open(), open(), open()]
  const [a, b] = [frame('a'), frame('b')]
  for (const next of [a, b]) one.outbox.append(next)
  for (const next of [b, a]) two.outbox.append(next)
  for (const next of [a, frame('b')]) three.outbox.append(next)
  await turn()
  assert.deepEqual([one.sink.text, two.sink.text, three.sink.text], ['ab', 'ba', 'ab'])
})

test('K-2 a private frame is seen by nobody else, whatever is shared before and after', async () => {
  const { open } = setup()
  const [one, two, three] = [open(), open(), open()]
  const [before, after] = [frame('<'), frame('>')]
  for (const { outbox } of [one, two, three]) outbox.append(before)
  const secret = frame('secret')
  one.outbox.appendAlone(secret)
  two.outbox.appendAlone(secret)
  for (const { outbox } of [one, two, three]) outbox.append(after)
  await turn()
  assert.deepEqual([one.sink.text, two.sink.text, three.sink.text], ['<secret>', '<secret>', '<>'])
})

test('K-2 who waits for its frame is called when it is written, in order, and nobody before', async () => {
  const { open } = setup()
  const { outbox, sink } = open()
  const called: string[] = []
  outbox.appendAlone(frame('a'), () => called.push(`1 after ${sink.text}`))
  outbox.append(frame('b'))
  outbox.appendAlone(frame('c'), () => called.push('2'))
  assert.deepEqual(called, [])
  await turn()
  assert.deepEqual(called, ['1 after abc', '2'])
  outbox.appendAlone(frame('d'))
  await turn()
  assert.deepEqual(called.length, 2)
})

test('K-2 during a commit a flush waits for its events, at most as long as it takes itself', async () => {
  const clock = new FakeClock()
  let busy = true
  const { open } = setup({ clock, busy: () => busy })
  const all = Array.from({ length: 500 }, open)
  const [a, b] = [frame('a'), frame('b')]
  for (const { outbox } of all) outbox.append(a)
  for (let i = 0; i < 5; i += 1) await turn()
  assert.equal(all[0]!.sink.writes.length, 0)
  for (const { outbox } of all) outbox.append(b)
  busy = false
  await turn()
  assert.deepEqual(all[0]!.sink.writes.map(String), ['ab'])
  busy = true
  for (const { outbox } of all) outbox.append(a)
  await turn()
  clock.advance(5)
  await turn()
  assert.equal(all[0]!.sink.text, 'aba')
  // A connection alone waits for less than the clock can tell.
  all[0]!.outbox.append(b)
  clock.advance(1)
  await turn()
  assert.equal(all[0]!.sink.text, 'abab')
})

test('K-10 past the bound it is said once, and nothing that is shared leaves any more; a last word does', async () => {
  const { open } = setup({ maxPendingBytes: 100 })
  const { outbox, sink } = open()
  outbox.append(frame('first'))
  await turn()
  sink.bufferedBytes = 60
  outbox.append(frame('x'.repeat(40)))
  await turn()
  assert.deepEqual([sink.overflows, sink.writes.length], [0, 2])
  sink.bufferedBytes = 100
  outbox.append(frame('y'))
  outbox.appendAlone(frame('z'), () => assert.fail('it was not written'))
  await turn()
  assert.deepEqual([sink.overflows, sink.writes.length], [1, 2])
  for (let i = 0; i < 3; i += 1) {
    outbox.append(frame('more'))
    await turn()
  }
  outbox.appendAlone(frame('bye'))
  await turn()
  assert.deepEqual([sink.overflows, sink.writes.length, sink.writes[2]!.toString()], [1, 3, 'bye'])
  assert.equal(outbox.pendingBytes, 100)
})

test('a sealed outbox still writes what it has, takes nothing more, and is not called slow for its last word', async () => {
  const { open } = setup({ maxPendingBytes: 100 })
  const { outbox, sink } = open()
  sink.bufferedBytes = 90
  outbox.append(frame('x'.repeat(20)))
  outbox.appendAlone(frame('bye'))
  outbox.seal()
  outbox.append(frame('late'))
  outbox.appendAlone(frame('later'), () => assert.fail('it was not written'))
  await turn()
  assert.deepEqual([sink.overflows, sink.text], [0, `${'x'.repeat(20)}bye`])
  outbox.append(frame('more'))
  await turn()
  assert.equal(sink.writes.length, 1)
  outbox.close()
  outbox.seal()
  outbox.appendAlone(frame('never'))
  await turn()
  assert.equal(sink.writes.length, 1)
})

test('K-10 replies count like events: who asks and never reads is cut as well', async () => {
  const { open } = setup({ maxPendingBytes: 100 })
  const { outbox, sink } = open()
  sink.bufferedBytes = 90
  outbox.appendAlone(frame('x'.repeat(11)))
  await turn()
  assert.deepEqual([sink.overflows, sink.writes.length], [1, 0])
})

test('K-10 who has taken everything is not slow, however much comes in one turn', async () => {
  const { open } = setup({ maxPendingBytes: 100 })
  const { outbox, sink } = open()
  for (let i = 0; i < 50; i += 1) outbox.append(frame('x'.repeat(10)))
  await turn()
  assert.deepEqual([sink.overflows, sink.text.length], [0, 500])
})

test('K-10 congested is past half of the bound: what waits here and what the socket holds', async () => {
  const { open } = setup({ maxPendingBytes: 100 })
  const { outbox, sink } = open()
  outbox.append(frame('x'.repeat(50)))
  assert.equal(outbox.congested, false)
  outbox.append(frame('x'))
  assert.equal(outbox.congested, true)
  await turn()
  assert.equal(outbox.congested, false)
  sink.bufferedBytes = 51
  assert.equal(outbox.congested, true)
})

test('K-12 a closed outbox holds nothing, takes nothing and writes nothing', async () => {
  const { open, flusher } = setup()
  const { outbox, sink } = open()
  outbox.append(frame('a'))
  outbox.appendAlone(frame('b'), assert.fail)
  outbox.close()
  outbox.append(frame('c'))
  outbox.appendAlone(frame('d'))
  assert.equal(outbox.pendingBytes, 0)
  await turn()
  assert.deepEqual([sink.writes.length, sink.overflows, flusher.waiting, outbox.hasPending], [0, 0, 0, false])
})

test('K-2 a socket that fails in the middle of a flush keeps nothing from the others, now and later', async () => {
  const { open, errors } = setup()
  const all = Array.from({ length: 5 }, open)
  all[2]!.sink.failing = true
  const [a, b] = [frame('a'), frame('b')]
  for (const { outbox } of all) outbox.append(a)
  await turn()
  for (const { outbox } of all) outbox.append(b)
  await turn()
  assert.deepEqual(all.map(({ sink }) => sink.text), ['ab', 'ab', '', 'ab', 'ab'])
  assert.deepEqual(errors.map((error) => (error as Error).message), ['a broken socket', 'a broken socket'])
})

test('K-2 a batch of 100 000 frames is joined without touching the stack', () => {
  let node = new BatchNode()
  const one = frame('x')
  for (let i = 0; i < 100_000; i += 1) node = node.followedBy(one)
  assert.equal(node.bytes().length, 100_000)
  assert.equal(node.frames().length, 100_000)
})

const COUNT = 4
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('shared' as const),
      frame: fc.nat({ max: 3 }),
      to: fc.uniqueArray(fc.nat({ max: COUNT - 1 }), { minLength: 1 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('alone' as const), to: fc.nat({ max: COUNT - 1 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
  // What a replay does that waits for its reader.
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const), to: fc.nat({ max: COUNT - 1 }) }) },
)

test('K-2 in whatever order they come, each connection is written exactly its frames, once a turn', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { open, flusher } = setup({ maxPendingBytes: 1_000_000 })
      const all = Array.from({ length: COUNT }, () => ({ ...open(), expected: '', writes: 0, heard: 0, waits: 0 }))
      const shared = ['a', 'b', 'cc', 'ddd'].map(frame)
      let private_ = 0
      for (const step of steps) {
        if (step.do === 'shared') {
          for (const to of step.to) {
            all[to]!.outbox.append(shared[step.frame]!)
            all[to]!.expected += shared[step.frame]!.bytes.toString()
          }
        } else if (step.do === 'alone') {
          const one = all[step.to]!
          const text = `<${(private_ += 1)}>`
          const place = (one.waits += 1)
          one.outbox.appendAlone(frame(text), () => assert.equal((one.heard += 1), place))
          one.expected += text
        } else if (step.do === 'flush') {
          const one = all[step.to]!
          if (one.outbox.hasPending) one.writes += 1
          one.outbox.flush()
          assert.equal(one.sink.text, one.expected)
        } else {
          for (const one of all) if (one.outbox.hasPending) one.writes += 1
          await turn()
          for (const { sink, expected } of all) assert.equal(sink.text, expected)
        }
      }
      for (const one of all) if (one.outbox.hasPending) one.writes += 1
      await turn()
      for (const one of all) {
        assert.equal(one.sink.text, one.expected)
        assert.equal(one.sink.writes.length, one.writes)
        assert.equal(one.heard, one.waits)
        assert.equal(one.outbox.pendingBytes, 0)
      }
      assert.equal(flusher.waiting, 0)
    }),
    { numRuns: 300 },
  )
})
