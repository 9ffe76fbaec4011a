import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { FakeClock } from '../testing/clock.ts'
import { seeded } from '../testing/random.ts'
import { retrySeconds, SlidingWindow } from './limits.ts'

fc.configureGlobal({ seed: seeded().seed })

function setup(limit: number, perMs: number) {
  const clock = new FakeClock()
  return { clock, window: new SlidingWindow<string>(clock, { limit, perMs }) }
}

test('one too many is told so, and after how many seconds another passes', () => {
  const { clock, window } = setup(1, 1_500)
  window.pass('a', 'Too many')
  assert.throws(() => window.pass('a', 'Too many'), { kind: 'rate_limited', message: 'Too many', retryAfter: 2 })
  window.pass('b', 'Too many')
  clock.advance(1_500)
  window.pass('a', 'Too many')
})

test('the n-th passes, the next is refused, and the hint is exact to the millisecond', () => {
  const { clock, window } = setup(3, 1_000)
  assert.equal(window.take('a'), 0)
  clock.advance(100)
  assert.equal(window.take('a'), 0)
  assert.equal(window.take('a'), 0)
  assert.equal(window.take('a'), 900)
  clock.advance(899)
  assert.equal(window.take('a'), 1)
  clock.advance(1)
  assert.equal(window.take('a'), 0)
  assert.equal(window.take('a'), 100)
})

test('a refused try does not count: who hammers gets in as soon as who waits', () => {
  const { clock, window } = setup(1, 1_000)
  assert.equal(window.take('a'), 0)
  for (let i = 0; i < 999; i += 1) {
    clock.advance(1)
    assert.equal(window.take('a'), 999 - i)
  }
  clock.advance(1)
  assert.equal(window.take('a'), 0)
})

test('there is no boundary at which twice the limit passes', () => {
  const { clock, window } = setup(10, 1_000)
  clock.advance(990)
  for (let i = 0; i < 10; i += 1) assert.equal(window.take('a'), 0)
  clock.advance(20)
  assert.ok(window.take('a') > 0)
})

test('keys do not share, forget lets a key begin anew, wait takes nothing', () => {
  const { window } = setup(1, 1_000)
  assert.deepEqual([window.wait('a'), window.wait('a'), window.take('a'), window.take('b')], [0, 0, 0, 0])
  assert.deepEqual([window.wait('a'), window.take('b')], [1_000, 1_000])
  window.forget('a')
  assert.deepEqual([window.size, window.take('a'), window.take('b')], [1, 0, 1_000])
})

test('a limit of 0 is no limit and keeps nothing', () => {
  const { window } = setup(0, 1_000)
  for (let i = 0; i < 1_000; i += 1) assert.equal(window.take('a'), 0)
  assert.equal(window.size, 0)
})

test('K-12 keys idle for a window are dropped when anybody comes, active ones stay', () => {
  const { clock, window } = setup(2, 1_000)
  for (let i = 0; i < 500; i += 1) window.take(`idle${i}`)
  clock.advance(600)
  window.take('active')
  clock.advance(400)
  window.take('another')
  assert.equal(window.size, 2)
  // Looking alone makes no key.
  window.wait('nobody')
  assert.equal(window.size, 2)
})

const step = fc.record({ key: fc.constantFrom('a', 'b', 'c'), advance: fc.oneof(fc.constant(0), fc.nat({ max: 40 })) })

test('any sequence of tries over any keys goes as in a list of all passes', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 100 }),
      (steps, limit, perMs) => {
        const { clock, window } = setup(limit, perMs)
        const passes: { key: string; at: number }[] = []
        for (const { key, advance } of steps) {
          clock.advance(advance)
          const now = clock.monotonic()
          const recent = passes.filter((pass) => pass.key === key && pass.at > now - perMs)
          const wait = recent.length < limit ? 0 : recent[0]!.at + perMs - now
          assert.equal(window.wait(key), wait)
          assert.equal(window.take(key), wait)
          if (wait === 0) passes.push({ key, at: now })
        }
        const active = new Set(passes.filter(({ at }) => at > clock.monotonic() - perMs).map(({ key }) => key))
        assert.ok(window.size >= active.size)
        clock.advance(2 * perMs)
        window.wait('x')
        assert.equal(window.size, 0)
      },
    ),
  )
})

test('a key that never rests keeps no more times than its window holds, and stays fast', () => {
  const { clock, window } = setup(1_000, 1_000)
  const started = performance.now()
  for (let i = 0; i < 200_000; i += 1) {
    clock.advance(1)
    assert.equal(window.take('a'), 0)
  }
  const took = performance.now() - started
  assert.ok(took < 2_000, `${took} ms`)
})

test('retry hints are whole seconds, never 0, never too early', () => {
  assert.deepEqual([1, 999, 1_000, 1_001, 59_999].map(retrySeconds), [1, 1, 1, 2, 60])
})
