import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leastMs } from '../../testing/effort.ts'
import { seeded } from '../../testing/random.ts'
import * as merging from './merge.ts'
import { apply, fit, fitAll, hasEffect, transformLists, transformPosition, type Edit } from './merge.ts'
import { applyAll, edit, show, someEdit } from './testing-merging.ts'

/** Every edit of a text of that length. */
function* allEdits(length: number, inserts: readonly string[]): Generator<Edit> {
  for (let at = 0; at <= length; at += 1)
    for (let removed = 0; at + removed <= length; removed += 1)
      for (const inserted of inserts) yield edit(at, removed, inserted)
}

/** What two edits of one text mean together: unit by unit and gap by gap. */
function meant(text: string, a: Edit, b: Edit, isLeft: boolean): string {
  const isSame = a.removed > 0 && show(a) === show(b)
  const edits = isSame ? [a] : isLeft ? [a, b] : [b, a]
  let merged = ''
  for (let gap = 0; gap <= text.length; gap += 1) {
    for (const each of edits) if (each.at === gap) merged += each.inserted
    if (edits.every(({ at, removed }) => gap < at || gap >= at + removed)) merged += text.charAt(gap)
  }
  return merged
}

test('any two edits of a text merge, in either order, to what they mean together: gap by gap, unit by unit', () => {
  for (const text of ['', 'a', 'ab', 'abcde'])
    for (const a of allEdits(text.length, ['', 'X', 'YY']))
      for (const b of allEdits(text.length, ['', 'X', 'ZZZ']))
        for (const isLeft of [true, false]) {
          const expected = meant(text, a, b, isLeft)
          const [ofA, ofB] = [merging.transform(a, b, isLeft), merging.transform(b, a, !isLeft)]
          assert.equal(applyAll(apply(text, b), ofA), expected, show(text, a, b, isLeft))
          assert.equal(applyAll(apply(text, a), ofB), expected, show(text, a, b, isLeft))
          assert.ok([...ofA, ...ofB].every(hasEffect), show(text, a, b, isLeft))
          if (ofA.length === 2) assert.ok(ofA[1]!.at >= ofA[0]!.at + ofA[0]!.inserted.length, 'the second stands right')
        }
})

test('P-E3 a deletion around what somebody typed is split, and what was typed stays', () => {
  const [deletion, typed] = [edit(1, 4, 'new'), edit(3, 0, 'typed')]
  assert.deepEqual(merging.transform(deletion, typed, true), [edit(1, 2, 'new'), edit(9, 2, '')])
  assert.deepEqual(merging.transform(typed, deletion, false), [edit(4, 0, 'typed')])
})

test('lists of edits that begin on one text end on one text', () => {
  const random = seeded()
  const list = (text: string, letter: string): Edit[] => {
    const edits: Edit[] = []
    for (let left = random.int(6); left > 0; left -= 1) {
      edits.push(someEdit(random, text, letter))
      text = apply(text, edits.at(-1)!)
    }
    return edits
  }
  for (let run = 0; run < 4_000; run += 1) {
    const text = 'abcdefgh'.slice(0, random.int(9))
    const [ours, theirs] = [list(text, 'X'), list(text, 'Y')]
    const crossing = transformLists(ours, theirs, run % 2 === 0)
    const hint = show(`seed ${random.seed}`, text, ours, theirs, run % 2 === 0)
    const [one, other] = [applyAll(text, [...theirs, ...crossing.edits]), applyAll(text, [...ours, ...crossing.past])]
    assert.equal(one, other, hint)
  }
})

test('one edit crosses ten thousand others in a few milliseconds', () => {
  const past = Array.from({ length: 10_000 }, (_, index) => edit(index, 0, 'x'))
  const took = leastMs(() => transformLists([edit(0, 5, 'y')], past, true), 3)
  assert.ok(took < 200, `${took} ms`)
})

test('a place keeps as many units that stay before it as there were, on its side of what came there', () => {
  for (const change of allEdits(5, ['', 'XY']))
    for (let position = 0; position <= 5; position += 1) {
      const stays = (index: number): boolean => index < change.at || index >= change.at + change.removed
      const before = Array.from({ length: position }, (_, index) => index).filter(stays).length
      const isThere = position >= change.at && (position < change.at + change.removed || position === change.at)
      const isBehind = position > change.at && !isThere
      const grown = change.inserted.length
      const hint = show(position, change)
      assert.equal(transformPosition(position, change, 'left'), before + (isBehind ? grown : 0), hint)
      assert.equal(transformPosition(position, change, 'right'), before + (isBehind || isThere ? grown : 0), hint)
    }
})

test('edits collide that put different text at one place or over one range, or into what the other removes', () => {
  const cases: readonly [Edit, Edit, boolean][] = [
    [edit(3, 0, 'a'), edit(3, 0, 'b'), true],
    [edit(3, 0, 'a'), edit(3, 0, 'a'), false],
    [edit(3, 0, 'a'), edit(4, 0, 'b'), false],
    [edit(3, 4, 'a'), edit(5, 4, 'b'), true],
    [edit(3, 4, ''), edit(5, 4, 'b'), true],
    [edit(3, 4, ''), edit(5, 4, ''), false],
    [edit(3, 4, 'a'), edit(3, 4, 'a'), false],
    [edit(3, 4, 'a'), edit(7, 2, 'b'), false],
    [edit(3, 4, 'a'), edit(3, 0, 'b'), true],
    [edit(3, 4, ''), edit(3, 0, 'b'), false],
    [edit(3, 4, ''), edit(5, 0, 'b'), true],
    [edit(3, 4, ''), edit(7, 0, 'b'), false],
    [edit(3, 4, 'a'), edit(5, 0, 'a'), true],
  ]
  for (const [a, b, expected] of cases) {
    assert.equal(merging.collide(a, b), expected, show(a, b))
    assert.equal(merging.collide(b, a), expected, show(b, a))
  }
})

test('an operation is an edit, and an edit is an operation', () => {
  const operations: readonly [merging.Operation, Edit][] = [
    [{ type: 'insert', position: 3, content: 'a😀' }, edit(3, 0, 'a😀')],
    [{ type: 'delete', position: 3, length: 2 }, edit(3, 2, '')],
    [{ type: 'replace', position: 3, length: 2, content: 'a' }, edit(3, 2, 'a')],
  ]
  for (const [operation, same] of operations) {
    assert.deepEqual(merging.normalize({ ...operation, timestamp: 5 }), same)
    assert.deepEqual(merging.operationOf(same), operation)
  }
  assert.deepEqual(merging.normalize({ type: 'delete', position: 3, content: 'a😀' }), edit(3, 3, ''))
  assert.deepEqual(merging.normalize({ type: 'replace', position: 3, length: 2, content: '' }), edit(3, 2, ''))
})

test('P-E4 an operation that no text could have is refused with what to send instead', () => {
  const cases: readonly [unknown, RegExp][] = [
    [undefined, /position must be a whole number/],
    [{ type: 'append', position: 0, content: 'a' }, /type must be 'insert', 'delete' or 'replace'/],
    [{ type: 'insert', position: -1, content: 'a' }, /position must be/],
    [{ type: 'insert', position: 1.5, content: 'a' }, /position must be/],
    [{ type: 'insert', position: 2 ** 53, content: 'a' }, /position must be/],
    [{ type: 'insert', position: '1', content: 'a' }, /position must be/],
    [{ type: 'insert', position: 1 }, /content must be a string/],
    [{ type: 'insert', position: 1, content: '\ud83d' }, /half of a surrogate pair/],
    [{ type: 'insert', position: 1, content: 'a\0' }, /U\+0000/],
    [{ type: 'delete', position: 1 }, /length must be/],
    [{ type: 'delete', position: 1, length: -1 }, /length must be/],
    [{ type: 'replace', position: 1, content: 'a' }, /length must be/],
    [{ type: 'replace', position: 1, length: 1, content: 7 }, /content must be/],
  ]
  for (const [operation, message] of cases)
    assert.throws(() => merging.normalize(operation), { code: 'INVALID_OPERATION', message }, show(operation))
})

test('P-E4 an edit past the end comes to the end, one that would cut a character takes it whole or goes behind it', () => {
  const text = 'a😀b'
  const cases: readonly [Edit, Edit][] = [
    [edit(1_245, 0, 'x'), edit(4, 0, 'x')],
    [edit(3, 1_000, 'x'), edit(3, 1, 'x')],
    [edit(9, 9, ''), edit(4, 0, '')],
    [edit(2, 0, 'x'), edit(3, 0, 'x')],
    [edit(2, 1, ''), edit(1, 2, '')],
    [edit(1, 1, 'x'), edit(1, 2, 'x')],
    [edit(0, 2, ''), edit(0, 3, '')],
    [edit(1, 2, ''), edit(1, 2, '')],
  ]
  for (const [given, fitting] of cases) assert.deepEqual(fit(given, text), fitting, show(given))
})

test('the parts of a split edit fit together as the whole would have fitted, and cut no character', () => {
  const text = 'a😀b😀c'
  for (const gap of [0, 1, 3, 4, 6, 7])
    for (const given of allEdits(text.length, ['', 'x'])) {
      const typed = edit(gap, 0, '!')
      const present = apply(text, typed)
      const merged = applyAll(present, fitAll(merging.transform(given, typed, true), present))
      assert.equal(merged.replace('!', ''), apply(text, fit(given, text)), show(given, gap))
      assert.ok(merged.isWellFormed(), show(given, gap))
    }
  const clamped = fitAll([edit(1, 2, 'xyz'), edit(4, 1_000, '')], 'a😀b')
  assert.deepEqual(clamped, [edit(1, 2, 'xyz'), edit(4, 1, '')])
})
