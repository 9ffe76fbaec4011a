import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'
import type { Random } from '../../../testing/random.ts'
import { readUpdate, type Id, type Struct, type Update } from './update-reader.ts'

/** Bytes of Yjs updates, honest and not. */

export const LIMITS = { maxBytes: 1_048_576, maxStructs: 20_000 }

const CHARACTERS = ['a', 'b', ' ', '\n', 'é', '漢', '😀', '👩‍👩‍👧']

/** A person's editor, with undo. */
export class Editor {
  readonly doc = new Y.Doc()
  readonly text = this.doc.getText('content')
  private readonly undo = new Y.UndoManager(this.text, { captureTimeout: 0 })
  private readonly random: Random
  /** What it has made and not yet told. */
  private unsent: Uint8Array[] = []

  constructor(clientId: number, random: Random) {
    this.doc.clientID = clientId
    this.random = random
    this.doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== 'remote') this.unsent.push(update)
    })
  }

  /** One edit, which may have no effect. */
  edit(): void {
    const { random, text } = this
    const length = text.length
    const deed = random.int(10)
    if (deed === 0) return void this.undo.undo()
    if (deed === 1) return void this.undo.redo()
    const at = this.whole(random.int(length + 1))
    if (deed < 5 && length > 0) {
      const end = this.whole(Math.min(length, at + random.int(8)))
      if (end > at) text.delete(at, end - at)
      return
    }
    const inserted = Array.from({ length: 1 + random.int(6) }, () => random.pick(CHARACTERS)).join('')
    text.insert(at, inserted)
  }

  get content(): string {
    return textOf(this.doc)
  }

  take(): readonly Uint8Array[] {
    const taken = this.unsent
    this.unsent = []
    return taken
  }

  receive(update: Uint8Array): void {
    Y.applyUpdate(this.doc, update, 'remote')
  }

  /** A place that is not inside a character. */
  private whole(at: number): number {
    const before = this.content.codePointAt(at - 1) ?? 0
    return before > 0xffff ? at + 1 : at
  }
}

/** What a document says. */
// eslint-disable-next-line typescript/no-base-to-string -- a Y.Text has a string form, though its types hide it
export const textOf = (doc: Y.Doc): string => doc.getText('content').toString()

/** Version 1 of the format, of whatever there is. */
export function writeUpdate({ clients, deletes }: Update): Uint8Array {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, clients.size)
  for (const [client, structs] of clients) {
    encoding.writeVarUint(encoder, structs.length)
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, structs[0]?.clock ?? 0)
    for (const struct of structs) writeStruct(encoder, struct)
  }
  encoding.writeVarUint(encoder, deletes.length)
  for (const { client, ranges } of deletes) {
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, ranges.length / 2)
    for (let i = 0; i < ranges.length; i += 2) {
      encoding.writeVarUint(encoder, ranges[i]!)
      encoding.writeVarUint(encoder, ranges[i + 1]! - ranges[i]!)
    }
  }
  return encoding.toUint8Array(encoder)
}

function writeStruct(encoder: encoding.Encoder, { text, length, origin, rightOrigin }: Struct): void {
  encoding.writeUint8(encoder, (text === undefined ? 1 : 4) | (origin ? 0x80 : 0) | (rightOrigin ? 0x40 : 0))
  for (const id of [origin, rightOrigin]) {
    if (!id) continue
    encoding.writeVarUint(encoder, id.client)
    encoding.writeVarUint(encoder, id.clock)
  }
  if (!origin && !rightOrigin) {
    encoding.writeVarUint(encoder, 1)
    encoding.writeVarString(encoder, 'content')
  }
  if (text === undefined) encoding.writeVarUint(encoder, length)
  else encoding.writeVarString(encoder, text)
}

/** The same update with lies of a kind a decoder cannot see. @returns undefined when there is nothing to lie about */
export function twisted(update: Uint8Array, doc: Y.Doc, random: Random): Uint8Array | undefined {
  const { clients, deletes } = readUpdate(update, LIMITS)
  const state = [...doc.store.clients.keys()].map((client) => ({ client, clock: Y.getState(doc.store, client) }))
  const own = [...clients.values()].flat()
  const anyId = (): Id | undefined => {
    if (random.int(8) === 0) return undefined
    const all = [...state, ...own.map(({ client, clock, length }) => ({ client, clock: clock + length }))]
    const { client, clock } = random.pick(all.length > 0 ? all : [{ client: 1, clock: 1 }])
    return { client, clock: random.int(clock + 1) }
  }
  if (own.length === 0) return undefined
  const target = random.pick(own)
  const twist = (struct: Struct): Struct => {
    if (struct !== target && random.int(4) > 0) return struct
    const deed = random.int(4)
    if (deed === 0) return { ...struct, origin: anyId() }
    if (deed === 1) return { ...struct, rightOrigin: anyId() }
    if (deed === 2) return { ...struct, origin: anyId(), rightOrigin: anyId() }
    return { ...struct, text: random.int(2) === 0 ? undefined : 'x'.repeat(struct.length) }
  }
  const shift = random.int(6) === 0 ? random.int(5) - 2 : 0
  return writeUpdate({
    clients: new Map(
      [...clients].map(([client, structs]) => [
        random.int(8) === 0 ? random.pick([...state.map((each) => each.client), client]) : client,
        structs.map(twist).map((struct) => ({ ...struct, clock: Math.max(0, struct.clock + shift) })),
      ]),
    ),
    deletes: random.int(6) > 0 || deletes.length > 0 ? deletes : [...state.slice(0, 1).map(({ client, clock }) => ({
      client,
      ranges: [random.int(clock), clock],
    }))],
  })
}

/** The same bytes with some of them wrong. */
export function mutated(update: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const bytes = [...update]
  for (let count = 1 + random.int(3); count > 0; count -= 1) {
    const at = random.int(bytes.length)
    const deed = random.int(6)
    if (deed === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8))
    else if (deed === 1) bytes[at] = random.int(256)
    else if (deed === 2) bytes.splice(at, 1 + random.int(4))
    else if (deed === 3) bytes.length = at
    else if (deed === 4) bytes.splice(at, 0, ...other.slice(random.int(other.length), random.int(other.length)))
    else bytes.splice(at, 1, 0xff, 0xff, 0xff, 0xff, 0x0f)
  }
  return Uint8Array.from(bytes)
}

/** Insertions of one or two clients between neighbours that may or may not be neighbours. */
export function wildUpdate(doc: Y.Doc, random: Random): Uint8Array {
  const items: Y.Item[] = []
  for (let item = doc.getText('content')._start; item; item = item.right) items.push(item)
  const ids = items.flatMap(({ id, length }) =>
    Array.from({ length }, (_, each): Id => ({ client: id.client, clock: id.clock + each })),
  )
  const own: Id[] = []
  const anyId = (): Id | undefined => (random.int(5) === 0 ? undefined : random.pick([...ids, ...own, ...own]))
  const neighbours = (): readonly [Id | undefined, Id | undefined] => {
    if (items.length === 0 || random.int(3) === 0) return [anyId(), anyId()]
    const index = random.int(items.length)
    return [items[index]!.lastId, items[index + 1 + random.pick([0, 0, 0, 1, 2])]?.id]
  }
  const first = 1 + random.int(5)
  const clients = new Map<number, Struct[]>()
  for (let count = 1 + random.int(5); count > 0; count -= 1) {
    const client = first + random.int(2)
    const structs = clients.get(client) ?? []
    const last = structs.at(-1)
    const clock = last ? last.clock + last.length : Y.getState(doc.store, client)
    const text = 'abc'.slice(random.int(3))
    const [origin, rightOrigin] = neighbours()
    clients.set(client, [...structs, { client, clock, length: text.length, text, origin, rightOrigin }])
    for (let each = 0; each < text.length; each += 1) own.push({ client, clock: clock + each })
  }
  const doomed = random.pick(own)
  const deletes = random.int(2) === 0 ? [] : [{ client: doomed.client, ranges: [random.int(doomed.clock + 1), doomed.clock + 1] }]
  return writeUpdate({ clients, deletes })
}
