import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as Y from 'yjs'
import { seeded } from '../../../testing/random.ts'
import { inspect } from './inspection.ts'
import { Editor, LIMITS, writeUpdate } from './testing-updates.ts'
import { readUpdate, type Struct } from './update-reader.ts'

const HUGE = [0xff, 0xff, 0xff, 0xff, 0x0f]
/** One client, one struct: client 1 inserts at clock 0; then what `tail` says. */
const inserting = (...struct: number[]): Uint8Array => Uint8Array.from([1, 1, 1, 0, ...struct, 0])
/** `content`, as the parent of a struct without neighbours. */
const PARENT = [1, 7, ...Buffer.from('content')]

const refusals: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['nothing', new Uint8Array(), /ends too early/],
  ['a huge number of clients', Uint8Array.from([...HUGE, 1, 1, 0]), /announces more clients/],
  ['a huge number of structs', Uint8Array.from([1, ...HUGE, 1, 0, 4, ...PARENT, 1, 97, 0]), /announces more structs/],
  ['a huge number of deleting clients', Uint8Array.from([0, ...HUGE, 1, 1, 0, 1]), /more clients with deletions/],
  ['a huge number of deletions', Uint8Array.from([0, 1, 1, ...HUGE, 0, 1]), /announces more deletions/],
  ['a huge string', inserting(4, ...PARENT, ...HUGE, 97), /ends too early/],
  ['a huge name of a parent', inserting(4, 1, ...HUGE, 97), /ends too early/],
  ['numbers of two hundred bytes', Uint8Array.from([...new Uint8Array(200).fill(0x80), 0]), /more than 53 bits/],
  ['a number in a longer form', Uint8Array.from([0x80, 0, 0]), /not in its shortest form/],
  ['a client of more than 32 bits', Uint8Array.from([1, 1, ...HUGE.slice(0, 4), 0x1f, 0, 4, ...PARENT, 1, 97, 0]), /32 bits/],
  [
    'a clock past 2^53',
    Uint8Array.from([0, 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 2]),
    /clock of more than 53 bits/,
  ],
  ['a client named twice', Uint8Array.from([2, 1, 1, 0, 4, ...PARENT, 1, 97, 1, 1, 1, 4, ...PARENT, 1, 98, 0]), /twice/],
  ['a client without structs', Uint8Array.from([1, 0, 1, 0, 0, 0, 0]), /without structs/],
  ['deletions out of order', Uint8Array.from([0, 1, 1, 2, 5, 1, 0, 1]), /out of order/],
  ['deletions one over another', Uint8Array.from([0, 1, 1, 2, 0, 3, 2, 4]), /one over another/],
  ['a deletion of nothing', Uint8Array.from([0, 1, 1, 1, 0, 0]), /without length/],
  ['bytes after the end', Uint8Array.from([0, 0, 0]), /bytes after its end/],
  ['an empty string', inserting(4, ...PARENT, 0), /without length/],
  ['half a surrogate pair', inserting(4, ...PARENT, 3, 0xed, 0xa0, 0xbd), /not UTF-8/],
  ['a NUL character', inserting(4, ...PARENT, 1, 0), /U\+0000/],
  ['another root type', inserting(4, 1, 4, ...Buffer.from('meta'), 1, 97), /root type 'content'/],
  ['a parent by id', inserting(4, 0, 1, 0, 1, 97), /root type 'content'/],
  ['a key of a map', inserting(0x24, ...PARENT, 1, 107, 1, 97), /key of a map/],
  ['a collected struct', inserting(0, 1), /collected struct/],
  ['a kind there is not', inserting(0x1f, ...PARENT, 1), /no version of Yjs/],
  ['a struct behind itself', inserting(0x84, 1, 0, 1, 97), /refer to each other/],
]

test('what an update may not be is refused with the reason', () => {
  for (const [what, bytes, reason] of refusals) {
    assert.throws(() => inspect(bytes, LIMITS), { message: reason }, what)
  }
  assert.throws(() => readUpdate(new Uint8Array(11), { maxBytes: 10, maxStructs: 1 }), { message: /at most 10/ })
  const three = Uint8Array.from([0, 1, 1, 3, 0, 1, 2, 1, 4, 1])
  assert.throws(() => readUpdate(three, { maxBytes: 99, maxStructs: 2 }), { message: /more than 2 parts/ })
})

test('what only an editor of more than text writes is refused', () => {
  const made = (write: (doc: Y.Doc) => void): Uint8Array => {
    const doc = new Y.Doc()
    write(doc)
    return Y.encodeStateAsUpdate(doc)
  }
  const writes: readonly (readonly [RegExp, (doc: Y.Doc) => void])[] = [
    [/formatting/, (doc) => doc.getText('content').insert(0, 'bold', { bold: true })],
    [/embedded object/, (doc) => doc.getText('content').insertEmbed(0, { image: 'x' })],
    [/nested shared type/, (doc) => doc.getArray('content').insert(0, [new Y.Text('nested')])],
    [/values that are not text/, (doc) => doc.getArray('content').insert(0, [1, { a: 2 }])],
    [/binary data/, (doc) => doc.getArray('content').insert(0, [new Uint8Array(2)])],
    [/subdocument/, (doc) => doc.getArray('content').insert(0, [new Y.Doc()])],
    [/key of a map|values that are not text/, (doc) => doc.getMap('content').set('key', 1)],
    [/root type 'content'/, (doc) => doc.getText('title').insert(0, 'elsewhere')],
  ]
  for (const [reason, write] of writes) assert.throws(() => inspect(made(write), LIMITS), { message: reason })
})

test('structs of two clients that wait for each other are refused, however long the way round', () => {
  const ring = new Map<number, readonly Struct[]>()
  for (let client = 1; client <= 500; client += 1) {
    const origin = { client: (client % 500) + 1, clock: 0 }
    ring.set(client, [{ client, clock: 0, length: 1, text: 'x', origin, rightOrigin: undefined }])
  }
  const update = writeUpdate({ clients: ring, deletes: [] })
  assert.throws(() => inspect(update, LIMITS), { message: /refer to each other/ })
})

test('it reads of an honest update what Yjs reads', () => {
  const random = seeded()
  const editors = [new Editor(1, random), new Editor(2_000_000_000, random)]
  for (let round = 0; round < 300; round += 1) {
    const editor = random.pick(editors)
    editor.edit()
    const updates = editor.take()
    const [update] = random.int(2) === 0 ? updates : [Y.encodeStateAsUpdate(editor.doc)]
    if (!update) continue
    const { clients, deletes } = readUpdate(update, LIMITS)
    const { structs, ds } = Y.decodeUpdate(update)
    const theirs = structs.map((struct) => {
      assert.ok(struct instanceof Y.Item)
      const { id, length, origin, rightOrigin, content } = struct
      const text = content instanceof Y.ContentString ? content.str : undefined
      return { ...id, length, text, origin: plain(origin), rightOrigin: plain(rightOrigin) }
    })
    assert.deepEqual([...clients.values()].flat(), theirs, `seed ${random.seed}, round ${round}`)
    assert.deepEqual(
      deletes.map(({ client, ranges }) => [client, ranges]),
      [...ds.clients].map(([client, ranges]) => [client, ranges.flatMap(({ clock, len }) => [clock, clock + len])]),
    )
    for (const other of editors) if (other !== editor) for (const each of updates) other.receive(each)
  }
})

const plain = (id: Y.ID | null): object | undefined => (id ? { client: id.client, clock: id.clock } : undefined)

test('an inspection says what is in an update, in few numbers', () => {
  const update = writeUpdate({
    clients: new Map([
      [
        9,
        [
          { client: 9, clock: 3, length: 2, text: 'ab', origin: { client: 4, clock: 7 }, rightOrigin: undefined },
          { client: 9, clock: 5, length: 4, text: undefined, origin: undefined, rightOrigin: { client: 9, clock: 3 } },
        ],
      ],
    ]),
    deletes: [{ client: 4, ranges: [0, 2, 6, 8] }],
  })
  assert.deepEqual(inspect(update, LIMITS), {
    structs: 2,
    inserted: 2,
    clients: [{ client: 9, ranges: [3, 9] }],
    deletes: [{ client: 4, ranges: [0, 2, 6, 8] }],
    placements: [9, 3, 5, 4, 7, -1, -1, 9, 5, 9, -1, -1, 9, 3],
  })
})

test('updates of which one between is missing may be merged: the gap is the receiver’s', () => {
  const doc = new Y.Doc()
  doc.clientID = 5
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  for (const [at, letter] of [[0, 'a'], [1, 'b'], [2, 'c']] as const) doc.getText('content').insert(at, letter)
  const merged = Y.mergeUpdates([updates[0]!, updates[2]!])
  assert.deepEqual(inspect(merged, LIMITS).clients, [{ client: 5, ranges: [0, 1, 2, 3] }])
})
