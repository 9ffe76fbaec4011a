import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../../../testing/random.ts'
import { LiveDocument } from './document.ts'
import { hasAll, join, read, textOf, touch, trace, write, type Side, type Sides } from './sides.ts'

const stored = { updates: [], vector: [], history: [], historyEdits: 10_000 }

/** A text in which every unit says which of two people put it there, as far as it counts. */
type Marked = { readonly unit: string; readonly side: Side | undefined }[]

function rangesOf(marked: Marked) {
  const ranges: { side: Side; from: number; to: number }[] = []
  for (const [at, { side }] of marked.entries()) {
    const last = ranges.at(-1)
    if (side === undefined) continue
    if (last?.side === side && last.to === at) last.to = at + 1
    else ranges.push({ side, from: at, to: at + 1 })
  }
  return ranges
}

test('the texts of two people are followed through everything that is done to them', (t) => {
  const random = seeded()
  t.diagnostic(`seed ${random.seed}`)
  for (let round = 0; round < 60; round += 1) {
    const document = new LiveDocument(1, stored)
    document.begin('0123456789', { slot: 0, accountId: 9, time: 0 })
    const marked: Marked = [...'0123456789'].map((unit) => ({ unit, side: undefined }))
    const times = [0, 0]
    const accounts = [4, 7] as const
    let time = 1
    const edit = (accountId: number, at: number, removed: number, inserted: string, isPart: boolean): void => {
      const side: Side | undefined = accountId === accounts[0] ? 0 : accountId === accounts[1] ? 1 : undefined
      const near = marked.slice(Math.max(0, at - 1), at + removed + 1).some((each) => each.side !== undefined)
      // What is between two ranges is not beside either of them.
      const goesOn = side !== undefined && (isPart || (near && time - times[side]! <= 10_000))
      if (goesOn) times[side] = time
      const units = [...inserted].map((unit) => ({ unit, side: goesOn ? side : undefined }))
      marked.splice(at, removed, ...units)
      document.edit([{ at, removed, inserted }], { slot: accountId, accountId, time })
    }
    edit(4, 3, 2, 'AA', true)
    edit(7, 5, 0, 'BB', true)
    const parts = new Set([2, 3])
    const early = write(document, trace(document, accounts, parts))
    for (let step = 0; step < 40; step += 1) {
      time += random.pick([1, 1, 1, 6_000, 11_000])
      const at = random.int(marked.length + 1)
      const removed = random.int(Math.min(4, marked.length - at + 1))
      edit(random.pick([4, 7, 8]), at, removed, random.pick(['', 'x', 'yz']), false)
    }
    const sides = trace(document, accounts, parts)
    assert.deepEqual(sides.ranges, rangesOf(marked), `round ${round}`)
    assert.deepEqual(read(document, early, accounts), sides)
    for (const side of [0, 1] as const) {
      const expected = marked.filter((each) => each.side === side).map(({ unit }) => unit)
      assert.equal(textOf(document, sides, side), expected.join(''))
    }

    // Where the edits since are not at hand: what had been there then is found, and nothing else is taken for it.
    const whole = { updates: [document.state()], vector: document.vector }
    const short = new LiveDocument(1, { ...stored, ...whole, historyEdits: 1 })
    const found = read(short, early, accounts)
    assert.ok(found.ranges.every(({ from, to }) => from < to && to <= short.text.length))
    short.destroy()
    document.destroy()
  }
})

test('two places are one when they touch, and hold all that either held', () => {
  const at = (side: Side, from: number, to: number): Sides => ({
    ranges: [{ side, from, to }],
    times: [side, 1 - side],
  })
  assert.equal(touch(at(0, 1, 3), at(1, 3, 5)), true)
  assert.equal(touch(at(0, 1, 3), at(0, 4, 5)), false)
  assert.equal(touch(at(0, 1, 3), { ranges: [], times: [0, 0] }), false)
  const whole = join(at(0, 1, 3), join(at(0, 2, 5), at(1, 5, 6)))
  const ranges = [
    { side: 0, from: 1, to: 5 },
    { side: 1, from: 5, to: 6 },
  ]
  assert.deepEqual(whole, { ranges, times: [1, 1] })
  assert.equal(hasAll(whole, at(0, 1, 5)), true)
  assert.equal(hasAll(whole, at(0, 1, 6)), false)
  assert.equal(hasAll(whole, at(1, 4, 5)), false)
})
