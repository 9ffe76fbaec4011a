import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leastMs } from '../../../testing/effort.ts'
import { seeded } from '../../../testing/random.ts'
import { apply } from '../merge.ts'
import { Text } from './text.ts'

test('a text in pieces is the same text as a string after any edits', () => {
  const random = seeded()
  for (let run = 0; run < 60; run += 1) {
    let plain = 'text '.repeat(random.int(4_000))
    const text = new Text(plain)
    for (let step = 0; step < 60; step += 1) {
      const at = random.int(plain.length + 1)
      const most = random.pick([1, 1, 30, 9_000])
      const removed = random.int(Math.min(most, plain.length - at) + 1)
      const edit = { at, removed, inserted: String.fromCharCode(97 + (step % 26)).repeat(random.int(most + 1)) }
      const taken = text.edit(edit)
      const hint = `seed ${random.seed}, run ${run}, step ${step}`
      assert.equal(taken, plain.slice(at, at + removed), hint)
      plain = apply(plain, edit)
      assert.equal(text.length, plain.length, hint)
      const [from, to] = [random.int(plain.length + 1), random.int(plain.length + 10)]
      assert.equal(text.slice(from, to), plain.slice(from, Math.max(from, to)), hint)
      assert.equal(text.charCodeAt(from), plain.charCodeAt(from), hint)
    }
    assert.equal(text.toString(), plain, `seed ${random.seed}, run ${run}`)
  }
})

test('a text says what a string says at and past its ends', () => {
  const text = new Text()
  assert.deepEqual([text.length, text.toString(), text.slice(0, 5), text.charCodeAt(0)], [0, '', '', Number.NaN])
  assert.equal(text.edit({ at: 0, removed: 0, inserted: 'ab' }), '')
  assert.equal(text.edit({ at: 0, removed: 2, inserted: '' }), 'ab')
  assert.equal(text.toString(), '')
})

test('an edit that does not fit the text is refused, and the text is as it was', () => {
  const text = new Text('abc')
  for (const [at, removed] of [
    [4, 0],
    [-1, 1],
    [1, 3],
    [1, -1],
    [Number.NaN, 0],
  ] as const)
    assert.throws(() => text.edit({ at, removed, inserted: 'x' }), RangeError, `${at}, ${removed}`)
  assert.equal(text.toString(), 'abc')
})

test('two hundred and sixty thousand single characters into a hundred thousand take well under a second', () => {
  const random = seeded()
  const start = 'x'.repeat(100_000)
  const edits = Array.from({ length: 260_000 }, (_, step) => {
    const isDeletion = step % 3 === 2
    const near = Math.floor(step / 3)
    const at = step % 50 === 0 ? random.int(90_000) : near
    return { at, removed: isDeletion ? 1 : 0, inserted: isDeletion ? '' : 'y' }
  })
  const took = leastMs(() => {
    const text = new Text(start)
    for (const edit of edits) text.edit(edit)
  }, 2)
  assert.ok(took < 800, `${took} ms`)
})
