import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { FakeClock } from '../testing/clock.ts'
import { seeded } from '../testing/random.ts'
import { Presence } from './presence.ts'
import { TimingWheel } from './timing-wheel.ts'

fc.configureGlobal({ seed: seeded().seed })

const GRACE = 1_000

function setup() {
  const clock = new FakeClock()
  const wheel = new TimingWheel(clock, (error) => assert.fail(String(error)))
  const heard: string[] = []
  const presence = new Presence<string, string, string>({
    wheel,
    graceMs: GRACE,
    onOnline: (key) => void heard.push(`+${key}`),
    onOffline: (key, last) => void heard.push(`-${key} ${last}`),
  })
  return { clock, wheel, heard, presence }
}

test('a user is there with the first connection and gone a grace after the last', () => {
  const { clock, heard, presence } = setup()
  presence.add('ana', 'one')
  presence.add('ana', 'two')
  assert.deepEqual([heard, presence.count('ana')], [['+ana'], 2])
  presence.remove('ana', 'one', 'first')
  clock.advance(10 * GRACE)
  assert.deepEqual([heard, presence.has('ana')], [['+ana'], true])
  presence.remove('ana', 'two', 'second')
  assert.deepEqual([presence.count('ana'), presence.has('ana')], [0, true])
  clock.advance(GRACE - 1)
  assert.deepEqual(heard, ['+ana'])
  clock.advance(101)
  assert.deepEqual([heard, presence.has('ana'), presence.size], [['+ana', '-ana second'], false, 0])
})

test('a reconnect inside the grace is invisible, however often', () => {
  const { clock, wheel, heard, presence } = setup()
  for (let i = 0; i < 100; i += 1) {
    presence.add('ana', `c${i}`)
    clock.advance(GRACE / 2)
    presence.remove('ana', `c${i}`, `l${i}`)
    clock.advance(GRACE / 2)
  }
  assert.deepEqual(heard, ['+ana'])
  assert.equal(wheel.size, 1)
  clock.advance(GRACE)
  assert.deepEqual(heard, ['+ana', '-ana l99'])
  assert.equal(wheel.size, 0)
})

test('a connection that goes twice, or was never there, changes nothing', () => {
  const { clock, heard, presence } = setup()
  presence.remove('ana', 'one', 'x')
  presence.add('ana', 'one')
  presence.remove('ana', 'other', 'x')
  presence.remove('bo', 'one', 'x')
  clock.advance(10 * GRACE)
  assert.deepEqual([heard, presence.size], [['+ana'], 1])
  presence.remove('ana', 'one', 'last')
  clock.advance(GRACE / 2)
  presence.remove('ana', 'one', 'again')
  clock.advance(GRACE / 2 + 100)
  assert.deepEqual(heard, ['+ana', '-ana last'])
})

test('a key that is dropped is gone at once and in silence, out of its grace too, and may come again', () => {
  const { clock, wheel, heard, presence } = setup()
  presence.add('ana', 'one')
  presence.add('ana', 'two')
  assert.deepEqual([presence.drop('ana'), presence.drop('ana')], [true, false])
  assert.deepEqual([presence.has('ana'), presence.count('ana'), presence.size], [false, 0, 0])
  presence.remove('ana', 'one', 'late')
  presence.add('ana', 'three')
  presence.remove('ana', 'two', 'late')
  assert.deepEqual([heard, presence.count('ana')], [['+ana', '+ana'], 1])
  presence.remove('ana', 'three', 'third')
  assert.equal(presence.drop('ana'), true)
  clock.advance(10 * GRACE)
  assert.deepEqual([heard, wheel.size, presence.size], [['+ana', '+ana'], 0, 0])
})

const step = fc.record({
  key: fc.constantFrom('ana', 'bo'),
  connection: fc.constantFrom('1', '2', '3'),
  coming: fc.boolean(),
  advance: fc.constantFrom(0, 0, 400, 1_100),
})

test('K-12 any coming and going tells each arrival and each departure once, in turn, and ends at zero', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { clock, wheel, heard, presence } = setup()
      const held = new Map([['ana', new Set<string>()], ['bo', new Set<string>()]])
      const left = new Map<string, number>()
      for (const { key, connection, coming, advance } of steps) {
        const connections = held.get(key)!
        if (coming) {
          presence.add(key, connection)
          connections.add(connection)
        } else {
          const last = connections.delete(connection) && connections.size === 0
          presence.remove(key, connection, connection)
          if (last) left.set(key, clock.monotonic())
        }
        clock.advance(advance)
        for (const [key, connections] of held) {
          assert.equal(presence.count(key), connections.size)
          const told = heard.filter((line) => line.slice(1, 1 + key.length) === key)
          assert.ok(told.every((line, i) => line.startsWith(i % 2 === 0 ? '+' : '-')), told.join())
          const there = told.at(-1)?.startsWith('+') ?? false
          assert.equal(presence.has(key), there)
          if (connections.size > 0) assert.ok(there)
          else if (there) assert.ok(clock.monotonic() - left.get(key)! < GRACE + 100)
        }
      }
      for (const [key, connections] of held) for (const one of connections) presence.remove(key, one, one)
      clock.advance(GRACE + 100)
      assert.deepEqual([presence.size, wheel.size], [0, 0])
    }),
    { numRuns: 300 },
  )
})
