import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as Y from 'yjs'
import { leastMs } from '../../../testing/effort.ts'
import { seeded } from '../../../testing/random.ts'
import { fit } from '../merge.ts'
import { anchor, fromTold, locate, standings, type Anchors, type Pointed, type Standing } from './anchors.ts'
import { LiveDocument } from './document.ts'
import { occurrencesIn } from './occurrences.ts'

const author = { slot: 0, accountId: 1, time: 0 }
const empty = { updates: [], vector: [], history: [], historyEdits: 10_000 }

function documentOf(text: string): LiveDocument {
  const document = new LiveDocument(1, empty)
  document.begin(text, author)
  return document
}
const edit = (document: LiveDocument, at: number, removed: number, inserted: string): void =>
  void document.edit([fit({ at, removed, inserted }, document.text)], author)
/** As it is after a restart. */
const reloaded = (document: LiveDocument): LiveDocument =>
  new LiveDocument(1, { ...empty, updates: [document.state()], vector: [1] })

const comment = (document: LiveDocument, pointed: Pointed): Anchors => anchor(document, locate(document, pointed))
/** @param found what is to be anchored anew */
const where = (document: LiveDocument, row: Anchors, found: Standing[] = []): Standing =>
  standings(document, [row], (_, standing) => found.push(standing)).get(row)!
const selected = (start: number, end: number, text?: string): Pointed => ({
  position: start,
  selection: { start, end, text },
})

test('many anchors are found in one walk where each is found by itself, and after a reload', (t) => {
  const random = seeded()
  t.diagnostic(`seed ${random.seed}`)
  for (let round = 0; round < 30; round += 1) {
    const document = documentOf(random.pick(['', 'Text', 'a😀b😀c']))
    const anchors: string[] = []
    for (let step = 0; step < 40; step += 1) {
      const at = random.int(document.text.length + 1)
      anchors.push(document.anchor(at, random.pick(['left', 'right'])))
      edit(document, at, random.pick([0, 0, 1, random.int(6)]), random.pick(['', 'x', 'yz', '😀']))
    }
    for (const one of [document, reloaded(document)]) {
      const found = one.positionsOf(anchors)
      for (const each of anchors) assert.equal(found.get(each), one.positionOf(each), each)
    }
  }
})

test('a selection keeps its letters, takes none of the others, and is orphaned when none of it is left', (t) => {
  const random = seeded()
  t.diagnostic(`seed ${random.seed}`)
  for (let round = 0; round < 200; round += 1) {
    const letters = 'abcdefghijklmno'
    const document = documentOf(letters)
    const start = random.int(10)
    const end = start + 1 + random.int(5)
    const row = comment(document, selected(start, end))
    for (let step = 0; step < 12; step += 1) {
      const at = random.int(document.text.length + 1)
      edit(document, at, random.pick([0, random.int(4)]), random.pick(['', String(step % 10)]))
      const { selection, isOrphaned, position } = where(document, row)
      const kept = [...document.text.toString()].filter((letter) => letters.slice(start, end).includes(letter))
      const inside = [...(selection?.text ?? '')].filter((letter) => letters.includes(letter))
      assert.deepEqual(inside, kept)
      if (kept.length > 0) assert.ok(!isOrphaned)
      assert.equal(isOrphaned, selection === null)
      assert.ok(position <= document.text.length)
    }
  }
})

test('what is typed at the edges of a selection is not of it, what is typed inside is', () => {
  const document = documentOf('one two three')
  const row = comment(document, { position: 7, selection: { start: 4, end: 7 } })
  edit(document, 7, 0, '>')
  edit(document, 4, 0, '<')
  edit(document, 6, 0, 'WWW')
  const expected = { position: 11, selection: { start: 5, end: 11, text: 'tWWWwo' }, isOrphaned: false }
  assert.deepEqual(where(document, row), expected)
  // At the end of the text it does not go along with what is written behind it.
  const last = comment(document, { position: document.text.length })
  edit(document, document.text.length, 0, ' and more')
  assert.equal(where(document, last).position, document.text.length - ' and more'.length)
  const first = comment(documentOf(''), { position: 9 })
  assert.deepEqual([first.selected_text, first.start_anchor], [null, null])
})

test('what a client points at is brought into the text, and to the text it names', () => {
  const document = documentOf('a😀b the quick fox')
  const at = (pointed: Pointed) => {
    const { position, selection } = locate(document, pointed)
    return [position, selection && [selection.start, selection.end, selection.text]]
  }
  assert.deepEqual(at({ position: 1_245 }), [18, null])
  assert.deepEqual(at({ position: 2 }), [3, null])
  assert.deepEqual(at({ position: 2, selection: { start: 2, end: 1 } }), [3, [1, 3, '😀']])
  assert.deepEqual(at(selected(1_200, 1_250)), [18, [18, 18, '']])
  assert.deepEqual(at(selected(9, 14, 'quick')), [9, [9, 14, 'quick']])
  // Others have typed before it, or taken something away, that the client has not seen yet.
  assert.deepEqual(at({ position: 12, selection: { start: 7, end: 12, text: 'quick' } }), [14, [9, 14, 'quick']])
  assert.deepEqual(at(selected(14, 19, 'quick')), [9, [9, 14, 'quick']])
  // Part of the selection, or nothing of the text: the offsets are what is meant.
  assert.deepEqual(at(selected(5, 14, 'quick')), [5, [5, 14, 'the quick']])
  assert.deepEqual(at(selected(9, 14, 'slow')), [9, [9, 14, 'quick']])
  // What they have not been told of is passed over: typed before it, at its end, in place of it.
  const ahead = documentOf('One two three')
  const told = ahead.seq
  edit(ahead, 7, 0, '!')
  edit(ahead, 0, 3, 'First')
  const now = fromTold(ahead, told, { position: 13, selection: { start: 7, end: 4 } })
  assert.deepEqual(now, { position: 16, selection: { start: 6, end: 9, text: undefined } })
  const long = documentOf('😀'.repeat(10_000))
  const { text, end } = locate(long, selected(0, 20_000)).selection!
  assert.deepEqual([text.length, end, text.isWellFormed()], [10_001, 20_000, true])
})

test('a comment whose text was deleted finds it again when it comes back, and no other text', () => {
  const lost = 'rate limiting'
  const document = documentOf(`Consider ${lost} here; Foo and foo.`)
  const row = comment(document, selected(9, 22))
  edit(document, 9, 14, '')
  const gap = { position: 9, selection: null, isOrphaned: true }
  assert.deepEqual(where(document, row), gap)
  assert.deepEqual(where(reloaded(document), row), gap)
  const found: Standing[] = []
  // Undone; moved elsewhere; there twice.
  edit(document, 9, 0, `${lost} `)
  const selection = { start: 9, end: 22, text: lost }
  assert.deepEqual(where(document, row, found), { position: 9, selection, isOrphaned: false })
  assert.equal(found.length, 1)
  const again = anchor(document, found[0]!)
  assert.deepEqual(where(document, again, found), found[0])
  assert.equal(found.length, 1)
  edit(document, 9, 14, '')
  edit(document, document.text.length, 0, ` ${lost}`)
  assert.equal(where(document, again).selection?.start, document.text.length - lost.length)
  edit(document, 0, 0, `${lost}: `)
  assert.ok(where(document, again).isOrphaned)

  // One that was not the only one of its kind does not go to the other, and a short one is known in its place only.
  const twice = documentOf('the same text, the same text; its')
  const [same, short] = [comment(twice, selected(0, 13)), comment(twice, selected(30, 33))]
  edit(twice, 30, 3, '')
  edit(twice, 0, 15, '')
  assert.ok([same, short].every((each) => where(twice, each).isOrphaned))
  edit(twice, 3, 0, ' its')
  assert.ok(where(twice, short).isOrphaned)
  edit(twice, 3, 4, '')
  edit(twice, twice.text.length, 0, 'its')
  assert.equal(where(twice, short).selection?.text, 'its')
})

test('a deletion that a rich client takes back brings the comment back', () => {
  const document = documentOf('Some of many words')
  const row = comment(document, selected(8, 12))
  const doc = new Y.Doc()
  Y.applyUpdate(doc, document.state())
  const text = doc.getText('content')
  const undo = new Y.UndoManager(text, { captureTimeout: 0 })
  const send = (deed: () => void): void => {
    const before = Y.encodeStateVector(doc)
    deed()
    document.merge(Y.encodeStateAsUpdate(doc, before), author)
  }
  send(() => text.delete(5, 9))
  assert.deepEqual(where(document, row), { position: 5, selection: null, isOrphaned: true })
  send(() => undo.undo())
  assert.equal(document.text.toString(), 'Some of many words')
  assert.deepEqual(where(document, row).selection, { start: 8, end: 12, text: 'many' })
})

test('a text is found in a text in linear time', (t) => {
  const random = seeded()
  t.diagnostic(`seed ${random.seed}`)
  const some = (length: number): string => Array.from({ length }, () => random.pick(['a', 'b'])).join('')
  for (let round = 0; round < 500; round += 1) {
    const [text, sought] = [some(random.int(30)), some(1 + random.int(4))]
    const expected = [...text].flatMap((_, at) => (text.startsWith(sought, at) ? [at] : []))
    assert.deepEqual([...occurrencesIn(text, sought)], expected)
  }
  assert.deepEqual([...occurrencesIn('abc', '')], [])
  const sought = `b${'a'.repeat(5_000)}`
  assert.ok(leastMs(() => void [...occurrencesIn('a'.repeat(400_000), sought)], 2) < 1_000)
})
