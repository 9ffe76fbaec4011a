import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LiveDocument } from '../document/document.ts'
import type { Edit } from '../merge.ts'
import { itemsOf } from './items.ts'
import { matchItems, placeOf, touchedAt, type Placed } from './places.ts'

const TEXT = '# Stories\n\n- As a user, I want one\n- As a user, I want two\n\nAs a guest, I want three\n'

let time = 0
function documentOf(text: string) {
  const document = new LiveDocument(1, { updates: [], vector: [], history: [], historyEdits: 100 })
  const author = () => ({ slot: 0, accountId: 1, time: (time += 1) })
  document.begin(text, author())
  /** @param removed how much of `from` goes; all of it */
  const edit = (from: string, to: string, removed = from.length): number => {
    const edits: Edit[] = [{ at: document.text.toString().indexOf(from), removed, inserted: to }]
    return document.edit(edits, author())!.entries[0]!.time
  }
  const rows = itemsOf(text).map((item): Placed => {
    const { kind, title } = item
    return { kind, title, anchor: placeOf(document, item) }
  })
  const found = (): readonly (string | undefined)[] => {
    const matched = matchItems(document, rows)
    return rows.map((row) => matched.found.get(row)?.title)
  }
  return { document, edit, rows, found }
}

test('an item is found again however the text around it and its own were changed', () => {
  const { document, edit, rows, found } = documentOf(TEXT)
  edit('# Stories', '# Stories\n\nNew text')
  edit('As a user, I want one', 'Something else')
  edit('As a guest', 'as a visitor')
  assert.deepEqual(found(), ['Something else', 'As a user, I want two', 'as a visitor, I want three'])
  assert.deepEqual(matchItems(document, rows).others, [])
})

test('an item that was deleted is not taken for the one that moves into its place', () => {
  const { document, edit, rows, found } = documentOf(TEXT)
  edit('- As a user, I want one\n', '')
  assert.deepEqual(found(), [undefined, 'As a user, I want two', 'As a guest, I want three'])
  edit('- As a user, I want two\n', '')
  edit('# Stories\n\n', '# Stories\n\n- As a user, I want four\n')
  assert.deepEqual(found(), [undefined, undefined, 'As a guest, I want three'])
  assert.deepEqual(matchItems(document, rows).others.map(({ title }) => title), ['As a user, I want four'])
  // Cut and pasted, it is the one of before.
  edit('As a guest, I want three\n', '- As a user, I want two\n')
  assert.deepEqual(found(), [undefined, 'As a user, I want two', undefined])
})

test('the last edit that touched an item is told from those beside it', () => {
  const { document, edit } = documentOf(TEXT)
  const touched = (title: string): number | undefined => {
    const item = itemsOf(document.text.toString()).find((each) => each.title.includes(title))!
    return touchedAt(document, item.start, Math.max(item.end, item.titleEnd))
  }
  const begun = touched('two')
  const one = edit('want one', 'want one and all')
  edit('# Stories', '# User stories')
  const three = edit('guest', 'visitor')
  assert.deepEqual([touched('one'), touched('two'), touched('three')], [one, begun, three])
  const two = edit(', I want two', '; I want two')
  edit('- As a user; I want two', '- As a user, I want four\n', 0)
  assert.deepEqual([touched('one'), touched('two'), touched('three')], [one, two, three])
  for (let i = 0; i < 200; i += 1) edit('# User stories', i % 2 === 0 ? '# User stories ' : '# User stories')
  assert.equal(touched('two'), undefined, 'too long ago')
})
