import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../../../testing/random.ts'
import { LiveDocument } from '../document/document.ts'
import { fit } from '../merge.ts'
import { anchorAt, Placement } from './placing.ts'

const author = { slot: 0, accountId: 1, time: 0 }
const empty = { updates: [], vector: [], history: [], historyEdits: 10_000 }

function documentOf(text: string, historyEdits = 10_000): LiveDocument {
  const document = new LiveDocument(1, { ...empty, historyEdits })
  document.begin(text, author)
  return document
}
const edit = (document: LiveDocument, at: number, removed: number, inserted: string): void =>
  void document.edit([fit({ at, removed, inserted }, document.text)], author)
/** As it is after a restart. */
const reloaded = (document: LiveDocument): LiveDocument =>
  new LiveDocument(1, { ...empty, updates: [document.state()], vector: [1] })
const placement = (document: LiveDocument, at: number): Placement => new Placement(anchorAt(document, at))

test('pieces follow one another where nobody puts them into the text, before what stood there', () => {
  const document = documentOf('Hello world')
  const place = placement(document, 5)
  const found: number[] = []
  for (const piece of ['one', '', ' world', '.']) {
    found.push(place.next(document))
    place.tell(piece)
  }
  assert.deepEqual(found, [5, 8, 8, 14])
  edit(document, 0, 0, '>> ')
  edit(document, 9, 0, '!')
  assert.deepEqual([place.begin(document), place.next(document)], [8, 18])
})

test('what others type before, at and behind the place moves it as their text does', () => {
  const document = documentOf('before|after')
  const place = placement(document, 7)
  place.tell('piece')
  edit(document, 12, 0, ' more')
  assert.equal(place.next(document), 12)
  edit(document, 0, 2, '')
  assert.equal(place.next(document), 10)
  edit(document, 5, 0, 'X')
  assert.deepEqual([place.begin(document), place.next(document)], [5, 10])
  edit(document, 1, 8, '')
  assert.deepEqual([place.begin(document), place.next(document)], [1, 6])
  edit(document, 0, 1_000, '')
  assert.deepEqual([place.begin(document), place.next(document)], [0, 5])
})

test('of a piece that is in the text the answer goes on behind it, whatever else is typed there', () => {
  const document = documentOf('\none\none')
  const place = placement(document, 0)
  // It is not taken for what stood there before.
  place.tell('\n')
  assert.equal(place.next(document), 1)
  edit(document, 0, 0, '\n')
  assert.equal(place.next(document), 1)
  place.tell('one')
  place.tell(' two')
  assert.equal(place.next(document), 8)
  edit(document, 1, 0, 'one')
  assert.equal(place.next(document), 8)
  edit(document, 4, 0, ' two')
  // Somebody mends what has been accepted already.
  edit(document, 2, 1, 'N!')
  assert.equal(place.next(document), 9)
  place.tell(' three')
  edit(document, 9, 0, 'somebody was quicker: ')
  edit(document, 31, 0, ' three')
  assert.equal(place.next(document), 37)
})

test('a client that replaces the selection with the answer is followed', () => {
  const document = documentOf('Use OAuth2 here')
  const place = placement(document, 10)
  place.tell('OAuth 2.1 ')
  edit(document, 4, 6, 'OAuth 2.1 ')
  assert.equal(place.next(document), 14)
})

test('it is found again in a document that was read anew, and where too much has happened to know how', () => {
  const document = documentOf('Hello world')
  const place = placement(document, 5)
  edit(document, 5, 0, 'one')
  place.tell('one')
  place.tell('two')
  assert.equal(place.next(document), 11)
  edit(document, 0, 0, '😀')
  const again = reloaded(document)
  assert.deepEqual([place.begin(again), place.next(again)], [7, 13])
  const short = documentOf('Hello world', 2)
  const other = placement(short, 5)
  assert.equal(other.next(short), 5)
  for (let i = 0; i < 20; i += 1) edit(short, 0, 0, '>')
  other.tell('x')
  assert.equal(other.next(short), 26)
})

test('no surrogate pair is cut, and past the end is the end', () => {
  const document = documentOf('a😀b')
  assert.equal(placement(document, 2).begin(document), 3)
  assert.equal(placement(document, 1_245).begin(document), 4)
})

test('whoever takes each piece to its place while others type has the whole answer, in its order', (t) => {
  const random = seeded()
  t.diagnostic(`seed ${random.seed}`)
  for (let round = 0; round < 100; round += 1) {
    const document = documentOf('The quick brown fox jumps.')
    const at = random.int(document.text.length)
    const place = placement(document, at)
    const answer: string[] = []
    for (let n = 0; n < 30; n += 1) {
      const position = place.next(document)
      // None is in another one, as in an answer.
      const piece = `<${n}>`.repeat(1 + random.int(3))
      answer.push(piece)
      place.tell(piece)
      // As a client does that hears of the piece, and of every edit before it.
      edit(document, position, 0, piece)
      const { length } = document.text
      const inside = [place.begin(document), place.next(document)] as const
      const where = random.pick([random.int(inside[0] + 1), inside[1] + random.int(length - inside[1] + 1)])
      edit(document, where, 0, random.pick(['x', 'yz', '\n', '']))
    }
    const text = document.text.toString()
    const found = [...text.matchAll(/<\d+>/g)].map(([mark]) => mark).join('')
    assert.equal(found, answer.join(''), `round ${round}`)
  }
})

test('two answers at one place do not get between each other, whoever is quicker', (t) => {
  const random = seeded()
  t.diagnostic(`seed ${random.seed}`)
  for (let round = 0; round < 50; round += 1) {
    const document = documentOf('before|after')
    const places = [placement(document, 7), placement(document, 7)]
    for (let n = 0; n < 20; n += 1) {
      const which = random.int(2)
      const place = places[which]!
      const position = place.next(document)
      const piece = which === 0 ? '-' : '+'.repeat(1 + random.int(6))
      place.tell(piece)
      edit(document, position, 0, piece)
    }
    assert.match(document.text.toString(), /^before\|(-*\+*|\+*-*)after$/, `round ${round}`)
  }
})
