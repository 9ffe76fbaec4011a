import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as Y from 'yjs'
import { seeded } from '../../../testing/random.ts'
import { apply } from '../merge.ts'
import { LiveDocument, ROOT } from './document.ts'

test('what Yjs updates do to the text is told as it is, found nearby or looked for', () => {
  const random = seeded()
  for (let run = 0; run < 60; run += 1) {
    const live = new LiveDocument(1, { updates: [], vector: [], history: [], historyEdits: 1_000 })
    const author = { slot: 1, accountId: 1, time: 0 }
    live.begin('The quick brown fox', { ...author, slot: 0 })
    let told = live.text.toString()
    const docs = [1, 2, 3].map(() => {
      const doc = new Y.Doc()
      Y.applyUpdate(doc, live.state())
      return doc
    })
    const places = docs.map(() => 5)
    const take = (entries: readonly { at: number; removed: number; inserted: string }[]): void => {
      for (const entry of entries) told = apply(told, entry)
    }
    for (let step = 0; step < 80; step += 1) {
      const who = random.int(3)
      const doc = docs[who]!
      const text = doc.getText(ROOT)
      const before = Y.encodeStateVector(doc)
      const luck = random.int(20)
      places[who] = luck === 0 ? random.int(text.length + 1) : Math.min(places[who]!, text.length)
      const at = places[who]
      if (luck === 1) take(live.edit([{ at: 0, removed: Math.min(1, live.text.length), inserted: 'P' }], author)!.entries)
      else if (luck < 4) Y.applyUpdate(doc, live.state())
      else if (luck < 8 && at > 0) {
        const length = luck === 4 ? Math.min(at, 3) : 1
        text.delete(at - length, length)
        places[who] = at - length
      } else if (luck === 8) {
        doc.transact(() => {
          text.insert(at, 'x')
          text.insert(0, 'far')
        })
      } else {
        const typed = random.pick(['a', 'b', 'cd', 'efg'])
        text.insert(at, typed)
        places[who] = at + typed.length
      }
      if (random.int(4) > 0) take(live.merge(Y.encodeStateAsUpdate(doc, before), author).entries)
      else take(live.merge(Y.encodeStateAsUpdate(doc), author).entries)
      const hint = `seed ${random.seed}, run ${run}, step ${step}`
      assert.equal(told, live.text.toString(), hint)
      assert.equal(told, live.yjs.getText(ROOT).toJSON(), hint)
    }
  }
})
