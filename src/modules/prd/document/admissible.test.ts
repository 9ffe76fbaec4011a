import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import * as Y from 'yjs'
import { seeded, type Random } from '../../../testing/random.ts'
import { admissible, newClients, type Verdict } from './admissible.ts'
import { inspect, type Inspection } from './inspection.ts'
import { Inspector } from './inspector.ts'
import { Editor, LIMITS, mutated, textOf, twisted, wildUpdate, writeUpdate } from './testing-updates.ts'
import type { Id, Struct } from './update-reader.ts'

const inspector = new Inspector({ onError: (error) => assert.fail(String(error)) })
after(() => inspector.close())

const SERVER = 4_000_000_000

function serverDoc(): Y.Doc {
  const doc = new Y.Doc()
  doc.clientID = SERVER
  doc.getText('content')
  return doc
}

const judged = (doc: Y.Doc, update: Uint8Array, maxSteps?: number): Verdict =>
  admissible(doc, inspect(update, LIMITS), maxSteps)

const at = (client: number, clock: number): Id => ({ client, clock })

/** One client's insertions, one character each unless said otherwise. */
function inserts(client: number, clock: number, ...parts: [Id | undefined, Id | undefined, string?][]): Uint8Array {
  const structs: Struct[] = []
  let next = clock
  for (const [origin, rightOrigin, text = 'x'] of parts) {
    structs.push({ client, clock: next, length: text.length, text, origin, rightOrigin })
    next += text.length
  }
  return writeUpdate({ clients: new Map([[client, structs]]), deletes: [] })
}

const deletion = (client: number, ...ranges: number[]): Uint8Array =>
  writeUpdate({ clients: new Map(), deletes: [{ client, ranges }] })

test('an update is new, known, missing something, or one a document must not take', () => {
  const doc = serverDoc()
  Y.applyUpdate(doc, inserts(1, 0, [undefined, undefined, 'hello 😀!']))
  doc.getText('content').insert(9, ' bye')
  const cases: readonly (readonly [Verdict, string, Uint8Array])[] = [
    ['known', 'nothing at all', Uint8Array.from([0, 0])],
    ['known', 'a replayed update', inserts(1, 0, [undefined, undefined, 'hello 😀!'])],
    ['known', 'a part of what is there', inserts(1, 0, [undefined, undefined, 'hel'])],
    ['new', 'the continuation of what is there', inserts(1, 9, [at(1, 8), at(SERVER, 0)])],
    ['new', 'what is there, and its continuation', inserts(1, 0, [undefined, undefined, 'hello 😀!?'])],
    ['new', 'a deletion', deletion(1, 0, 2)],
    ['new', 'one that builds on itself', inserts(2, 0, [at(1, 0), at(1, 1)], [at(2, 0), at(1, 1)])],
    ['missing', 'a clock with a gap before it', inserts(1, 10, [at(1, 8), undefined])],
    ['missing', 'an unknown client', inserts(2, 0, [at(3, 0), undefined])],
    ['missing', 'an unknown right neighbour', inserts(2, 0, [undefined, at(1, 9)])],
    ['missing', 'a deletion of what is not there', deletion(1, 8, 10)],
    ['missing', 'a deletion for an unknown client', deletion(3, 0, 1)],
    ['forged', 'in the server’s name', inserts(SERVER, 4, [at(SERVER, 3), undefined])],
    ['cuts', 'inside a character', inserts(2, 0, [at(1, 6), at(1, 7)])],
    ['cuts', 'before the second half', inserts(2, 0, [undefined, at(1, 7)])],
    ['cuts', 'deleting half of it', deletion(1, 7, 8)],
    ['crossed', 'between two that are the other way round', inserts(2, 0, [at(1, 4), at(1, 1)])],
    ['crossed', 'between a character and itself', inserts(2, 0, [at(1, 4), at(1, 4)])],
    ['crossed', 'around what its author must have seen', inserts(2, 0, [at(1, 1), at(1, 4)])],
    ['crossed', 'around its own', inserts(2, 0, [at(1, 1), at(1, 2)], [at(1, 1), at(1, 2)])],
  ]
  for (const [verdict, what, update] of cases) assert.equal(judged(doc, update), verdict, what)
  assert.equal(textOf(doc), 'hello 😀! bye')
  Y.applyUpdate(doc, deletion(1, 0, 2))
  assert.equal(judged(doc, deletion(1, 0, 2)), 'known')
  assert.equal(judged(doc, deletion(1, 0, 3)), 'new')
  // Another's characters between one's own neighbours are what concurrent typing looks like.
  Y.applyUpdate(doc, inserts(3, 0, [at(1, 3), at(1, 4), 'abc']))
  assert.equal(judged(doc, inserts(2, 0, [at(1, 3), at(1, 4)])), 'new')
})

test('it is said in whose names an update inserts', () => {
  const doc = serverDoc()
  Y.applyUpdate(doc, inserts(1, 0, [undefined, undefined, 'abc']))
  const both = Y.mergeUpdates([inserts(1, 0, [undefined, undefined, 'abc']), inserts(2, 0, [at(1, 2), undefined])])
  assert.deepEqual(newClients(doc, inspect(both, LIMITS)), [2])
  assert.deepEqual(newClients(doc, inspect(deletion(1, 0, 1), LIMITS)), [])
})

test('an update whose places take long to find is refused, one that is typed on quietly is not', () => {
  const doc = serverDoc()
  for (let client = 1; client <= 300; client += 1) Y.applyUpdate(doc, inserts(client, 0, [undefined, undefined]))
  const far = inserts(1_000, 0, ...Array.from({ length: 50 }, (_, i): [Id | undefined, undefined] => [at(i + 1, 0), undefined]))
  assert.equal(judged(doc, far, 1_000), 'costly')
  const near = inserts(1_000, 0, ...Array.from({ length: 50 }, (_, i): [Id, Id] => [at(i + 1, 0), at(i + 2, 0)]))
  assert.equal(judged(doc, near, 1_000), 'new')
})

/** Like the server's: it takes what is admitted, and knows the text from what Yjs says of each change. */
class Subject {
  readonly doc = serverDoc()
  private mirror = ''

  constructor() {
    this.doc.getText('content').observe(({ delta }) => {
      let place = 0
      for (const { retain = 0, insert, delete: removed = 0 } of delta) {
        const text = typeof insert === 'string' ? insert : ''
        place += retain
        this.mirror = this.mirror.slice(0, place) + text + this.mirror.slice(place + removed)
        place += text.length
      }
    })
  }

  take(update: Uint8Array, inspection: Inspection, editors: readonly number[] = []): Verdict | 'foreign' {
    const verdict = admissible(this.doc, inspection)
    if (newClients(this.doc, inspection).some((client) => editors.includes(client))) return 'foreign'
    if (verdict !== 'new') return verdict
    Y.applyUpdate(this.doc, update)
    assert.equal(this.doc.store.pendingStructs, null)
    assert.equal(this.doc.store.pendingDs, null)
    assert.equal(textOf(this.doc), this.mirror)
    return verdict
  }

  /** A document that gets everything at once has the same text. */
  assertSame(message: string): void {
    const fresh = new Y.Doc()
    Y.applyUpdate(fresh, Y.encodeStateAsUpdate(this.doc))
    assert.equal(textOf(fresh), this.mirror, message)
  }
}

const inspected = async (update: Uint8Array): Promise<readonly [Uint8Array, Inspection | undefined]> => [
  update,
  await inspector.inspect(update).catch((error: unknown) => {
    assert.match(String(error), /This update /)
    return undefined
  }),
]

test('P-E8 twenty thousand spoilt updates leave documents whole and their editors working', async () => {
  const random = seeded()
  const names = [11, 22, 33]
  const verdicts = new Map<string, number>()
  for (let world = 0; world < 16; world += 1) {
    const editors = names.map((name) => new Editor(name, random))
    const subject = new Subject()
    let pool: Uint8Array[] = []
    for (let round = 0; round < 4; round += 1) {
      const where = `seed ${random.seed}, world ${world}, round ${round}`
      for (let deed = 0; deed < 8; deed += 1) {
        const editor = random.pick(editors)
        editor.edit()
        for (const update of editor.take()) {
          pool.push(update)
          assert.match(subject.take(update, inspect(update, LIMITS)), /new|known/, where)
        }
        if (random.int(2) === 0) editor.receive(Y.encodeStateAsUpdate(subject.doc, Y.encodeStateVector(editor.doc)))
      }
      pool = [...pool.slice(-10), ...hostileEdits(subject.doc, 100 + 10 * round, random)]
      const mutants = Array.from({ length: 313 }, (_, i) => {
        const base = random.pick(pool)
        return (i % 4 === 0 && twisted(base, subject.doc, random)) || mutated(base, random.pick(pool), random)
      })
      for (const [update, inspection] of await Promise.all(mutants.map(inspected))) {
        const verdict = inspection ? subject.take(update, inspection, names) : 'refused'
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
      }
      subject.assertSame(where)
    }
    for (const editor of editors) {
      editor.receive(Y.encodeStateAsUpdate(subject.doc, Y.encodeStateVector(editor.doc)))
      assert.equal(editor.content, textOf(subject.doc), `seed ${random.seed}, world ${world}`)
    }
  }
  for (const verdict of ['new', 'known', 'missing', 'cuts', 'crossed', 'foreign', 'refused']) {
    assert.ok(verdicts.get(verdict)! > 0, `none was ${verdict}`)
  }
})

/** What somebody with a document's text might send next, in new names. */
function hostileEdits(doc: Y.Doc, firstName: number, random: Random): readonly Uint8Array[] {
  const state = Y.encodeStateAsUpdate(doc)
  return Array.from({ length: 5 }, (_, i) => {
    const enemy = new Editor(firstName + i, random)
    enemy.receive(state)
    for (let deed = 0; deed < 4; deed += 1) enemy.edit()
    return Y.mergeUpdates([...enemy.take(), Uint8Array.from([0, 0])])
  })
}

test('updates that claim any neighbours at all make one text in every document, or are refused', () => {
  const random = seeded()
  for (let world = 0; world < 120; world += 1) {
    const subject = new Subject()
    for (let step = 0; step < 25; step += 1) {
      const update = wildUpdate(subject.doc, random)
      try {
        if (subject.take(update, inspect(update, LIMITS)) !== 'new') continue
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error
        assert.match(String(error), /refer to each other/)
        continue
      }
      subject.assertSame(`seed ${random.seed}, world ${world}, step ${step}`)
    }
  }
})
