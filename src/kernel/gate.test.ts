import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { seeded } from '../testing/random.ts'
import { CommandError } from './errors.ts'
import { leastMs } from '../testing/effort.ts'
import { checkGate, defaultGate, parseJson } from './gate.ts'

fc.configureGlobal({ seed: seeded().seed })

const refusal = (text: string): string => {
  try {
    parseJson(text)
  } catch (error) {
    assert.ok(error instanceof CommandError, String(error))
    assert.equal(error.kind, 'invalid')
    return error.details!['frame']!
  }
  return assert.fail(`${text.slice(0, 80)} was let in`)
}

const accepts = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Text that looks like JSON and sometimes is: brackets, quotes and backslashes where they count and where not. */
const pieces = ['[', ']', '{', '}', '"', '\\', ',', ':', '1', 'a', ' ', 'null', '"a"', '\\"', '\\\\', '\\u005b']
const jsonish = fc.array(fc.constantFrom(...pieces), { maxLength: 20 }).map((parts) => parts.join(''))

/** A JSON value of a few levels, wrapped in more of them, 32 at most. */
const value = fc
  .tuple(fc.jsonValue({ maxDepth: 5 }), fc.array(fc.boolean(), { maxLength: 26 }))
  .map(([inner, wraps]) => wraps.reduce<unknown>((value, array) => (array ? ['[', value] : { '{"': value }), inner))

const nested = (depth: number, open = '[', close = ']'): string => open.repeat(depth) + close.repeat(depth)

test('K-9 every JSON value of allowed depth comes through as JSON.parse gives it', () => {
  fc.assert(
    fc.property(value, fc.nat({ max: 2 }), (value, space) => {
      const text = JSON.stringify(value, null, space)
      assert.deepEqual(parseJson(text), JSON.parse(text))
    }),
    { numRuns: 500 },
  )
})

test('K-9 what JSON.parse takes is taken, what it refuses is refused as invalid, whatever its strings hide', () => {
  fc.assert(
    fc.property(jsonish, (text) => {
      if (accepts(text)) assert.deepEqual(parseJson(text), JSON.parse(text))
      else refusal(text)
    }),
    { numRuns: 3_000 },
  )
})

for (const [name, text] of [
  ['brackets in a string', JSON.stringify('['.repeat(1_000))],
  ['commas in a string', JSON.stringify(','.repeat(20_000))],
  ['an escaped quote before brackets', JSON.stringify(`"${'{'.repeat(1_000)}`)],
  ['escaped backslashes at the end of strings', '["\\\\",[["\\\\\\\\"]]]'],
  ['brackets in a member name', JSON.stringify({ ['['.repeat(100)]: 1 })],
] as const) {
  test(`K-9 ${name} count for nothing`, () => {
    assert.deepEqual(parseJson(text), JSON.parse(text))
  })
}

for (const text of ['', '"', '"\\', '["', '{"a', '\\', '[]]', ']'.repeat(100), '"\\"', '[1,', '\u0000', '\ufeff{}']) {
  test(`K-9 broken text is one refusal: ${JSON.stringify(text.slice(0, 12))}`, () => {
    assert.equal(refusal(text), 'must be valid JSON')
  })
}

test('K-9 depth 32 is let in, 33 is not, for arrays, objects and both', () => {
  const { maxDepth } = defaultGate
  const list = (depth: number): string => nested(depth)
  const object = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  const both = (depth: number): string => list(depth - 16).replace('[]', `[${object(16)}]`)
  for (const text of [list, object, both]) {
    assert.deepEqual(parseJson(text(maxDepth)), JSON.parse(text(maxDepth)))
    assert.equal(refusal(text(maxDepth + 1)), 'must not be nested more than 32 deep')
  }
})

test('K-9 closing brackets do not buy depth', () => {
  assert.equal(refusal(`${']'.repeat(100)}${nested(100)}`), 'must be valid JSON')
  assert.match(refusal(`[${nested(31)},${nested(31)},${nested(32)}]`), /32 deep/)
})

for (const depth of [33, 1_000, 20_000, 500_000]) {
  test(`K-9 ${depth} levels are refused at once, whole or cut off, without touching the stack`, () => {
    const texts = [nested(depth), '['.repeat(depth), '{"a":'.repeat(depth), `[1,"x",${nested(depth)}]`]
    for (const text of texts) assert.match(refusal(text), /32 deep/)
    // What it takes: 33 characters.
    const took = leastMs(() => texts.forEach(refusal))
    assert.ok(took < 5, `${took} ms`)
  })
}

test('K-9 a megabyte in one string is read through in linear time', () => {
  const text = JSON.stringify('\\"['.repeat(200_000))
  const took = leastMs(() => checkGate(text))
  assert.ok(took < 200, `${took} ms`)
})

test('K-9 the number of members and elements is bounded, exactly', () => {
  const { maxKeys } = defaultGate
  const elements = (count: number): string => JSON.stringify(Array.from({ length: count }, () => 0))
  assert.equal((parseJson(elements(maxKeys + 1)) as unknown[]).length, maxKeys + 1)
  assert.equal(refusal(elements(maxKeys + 2)), 'must not have more than 10000 members')
  const members = Object.fromEntries(Array.from({ length: maxKeys + 2 }, (_, i) => [`k${i}`, i]))
  assert.match(refusal(JSON.stringify(members)), /10000 members/)
})
