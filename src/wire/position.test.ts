import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { newEpoch } from '../kernel/ids.ts'
import { seeded } from '../testing/random.ts'
import { formatPosition, parsePosition } from './position.ts'

fc.configureGlobal({ seed: seeded().seed })

const letter = fc.constantFrom(...'0123456789abcdefghijklmnopqrstuvwxyz')
const epoch = fc.string({ unit: letter, minLength: 1, maxLength: 32 })
/** 36 ** 10 - 1: a million events a second for a century. */
const LARGEST = 3_656_158_440_062_975

test('K-5 every position comes back from its text', () => {
  fc.assert(
    fc.property(epoch, fc.nat({ max: LARGEST }), (epoch, offset) => {
      assert.deepEqual(parsePosition(formatPosition({ epoch, offset })), { epoch, offset })
    }),
    { examples: [['a', 0], ['z'.repeat(32), LARGEST]] },
  )
})

test('K-5 a text survives a query string as it is', () => {
  fc.assert(
    fc.property(epoch, fc.nat({ max: LARGEST }), (epoch, offset) => {
      const text = formatPosition({ epoch, offset })
      assert.equal(new URLSearchParams({ since: text }).toString(), `since=${text}`)
    }),
  )
})

test('K-5 epochs are made of what a position can carry, and differ', () => {
  const made = Array.from({ length: 1_000 }, () => newEpoch())
  assert.equal(new Set(made).size, made.length)
  for (const epoch of made) assert.deepEqual(parsePosition(formatPosition({ epoch, offset: 7 })), { epoch, offset: 7 })
})

test('K-5 garbage is no position', () => {
  const garbage = ['', 'now', '.', 'a.', '.1', 'a.1.1', 'a 1', ' a.1', 'a.1 ', 'a.1\n', 'a.-1', 'A.1', 'a.Z', 'ä.1']
  for (const text of garbage) assert.equal(parsePosition(text), undefined, JSON.stringify(text))
  assert.equal(parsePosition(`${'a'.repeat(33)}.1`), undefined)
  assert.equal(parsePosition(`a.${'z'.repeat(11)}`), undefined)
  assert.equal(parsePosition('a.'.repeat(1_000_000)), undefined)
})

test('K-5 any text is a position that can be compared, or none', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('a', '0', 'z', '.', '-', 'é') }))
  fc.assert(
    fc.property(text, (text) => {
      const position = parsePosition(text)
      if (position === undefined) return
      assert.ok(Number.isSafeInteger(position.offset) && position.offset >= 0)
      assert.deepEqual(parsePosition(formatPosition(position)), position)
    }),
    { numRuns: 500 },
  )
})
