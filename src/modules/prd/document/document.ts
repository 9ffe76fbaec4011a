import * as Y from 'yjs'
import { transformPosition, type Edit, type LoggedEdit } from '../merge.ts'
import { invalidUpdate } from '../failures.ts'
import { MemoryLog } from './log.ts'
import { knownOf, Nearby } from './nearby.ts'
import { itemAt } from './placing.ts'
import { Text } from './text.ts'
import type { Id } from './update-reader.ts'

/** Name of the root type that holds the text: what rich clients bind their editor to. */
export const ROOT = 'content'
/** The server's own slot of the vector: what was made without a connection that edits. */
export const SERVER_SLOT = 0

/** Who makes a change. */
export interface Author {
  readonly slot: number
  readonly accountId: number
  /** Wall-clock milliseconds. */
  readonly time: number
}

/** What a change has done: the edits as they are in the log, and the Yjs update that holds them all. */
export interface Change {
  readonly entries: readonly LoggedEdit[]
  readonly update: Uint8Array
}

/** What a document is read from. */
export interface Stored {
  /** Yjs updates in their order. */
  readonly updates: readonly Uint8Array[]
  readonly vector: readonly number[]
  /** The last edits, the oldest first. */
  readonly history: readonly LoggedEdit[]
  readonly historyEdits: number
}

/** A place in the text that moves with it; `after`: it sticks to the character before it. */
export type Stick = 'left' | 'right'

/**
 * A document in memory. Its truth is a Yjs text, so that who edits it with Yjs and who sends plain operations edit one
 * thing; beside it are the same text in pieces (Yjs finds a character by walking its items) and the log, in which every
 * edit raises one slot of the vector by one.
 *
 * It is changed inside a transaction that may yet fail: then it is thrown away (`Documents.drop`), never mended.
 */
export class LiveDocument {
  readonly id: number
  readonly log: MemoryLog
  readonly text: Text
  private readonly doc = new Y.Doc()
  private readonly content: Y.Text
  private readonly counts: number[]
  private readonly nearby = new Nearby()
  private readonly holders = new Map<number, object>()
  /** Yjs client ids of those who edit. */
  private readonly names = new Map<number, { readonly holder: object; readonly accountId: number }>()

  constructor(id: number, { updates, vector, history, historyEdits }: Stored) {
    this.id = id
    this.content = this.doc.getText(ROOT)
    this.doc.transact(() => {
      for (const update of updates) Y.applyUpdate(this.doc, update)
    })
    this.text = new Text(this.content.toJSON())
    this.counts = [...vector]
    this.log = new MemoryLog(sum(vector), history, historyEdits)
  }

  /** Number of the last edit: the sum of the vector. */
  get seq(): number {
    return this.log.last
  }

  get vector(): readonly number[] {
    return this.counts
  }

  /** Yjs structures, those of deleted text among them. */
  get structs(): number {
    let count = 0
    for (const structs of this.doc.store.clients.values()) count += structs.length
    return count
  }

  /** The Yjs document, for looking at only. */
  get yjs(): Y.Doc {
    return this.doc
  }

  /**
   * A slot for a connection that begins to edit, even for who sends operations, odd for who sends Yjs updates: its
   * account's last one when that is free, then any free one.
   */
  acquire(holder: object, accountId: number, kind: 'plain' | 'rich' = 'plain'): number {
    const parity = kind === 'plain' ? 0 : 1
    const isFree = (slot: number): boolean => slot % 2 === parity && slot !== SERVER_SLOT && !this.holders.has(slot)
    const free = this.counts.map((_, slot) => slot).filter(isFree)
    let slot = free.find((each) => this.log.lastAuthor(each) === accountId) ?? free[0]
    if (slot === undefined) {
      slot = this.counts.length
      if (!isFree(slot)) slot += 1
    }
    while (this.counts.length <= slot) this.counts.push(0)
    this.holders.set(slot, holder)
    return slot
  }

  release(slot: number, holder: object): void {
    if (this.holders.get(slot) !== holder) return
    this.holders.delete(slot)
    if ([...this.holders.values()].includes(holder)) return
    for (const [client, name] of this.names) if (name.holder === holder) this.names.delete(client)
  }

  /**
   * Remembers in whose name a connection inserts.
   * @param client a Yjs client id
   * @returns false when it is that of somebody else who is editing: their next characters would look like known ones
   */
  claim(client: number, holder: object, accountId: number): boolean {
    const name = this.names.get(client)
    if (name && name.accountId !== accountId) return false
    this.names.set(client, { holder, accountId })
    return true
  }

  /**
   * Edits, each standing after the one before it, that fit the text as it is.
   * @returns undefined when they change nothing
   */
  edit(edits: readonly Edit[], author: Author): Change | undefined {
    if (edits.length === 0) return undefined
    const update = this.capture(() => {
      for (const { at, removed, inserted } of edits) {
        if (removed > 0) this.content.delete(at, removed)
        if (inserted !== '') this.content.insert(at, inserted)
      }
    })
    return { entries: this.record(edits, author), update }
  }

  /** The log begins with one edit, even of no text, so that no vector a client is given is empty. */
  begin(inserted: string, author: Author): Change {
    const update = this.capture(() => this.content.insert(0, inserted))
    return { entries: this.record([{ at: 0, removed: 0, inserted }], author), update }
  }

  /** A Yjs update that was inspected and found admissible; without entries when it brought nothing new. */
  merge(update: Uint8Array, author: Author): Change {
    let edits: readonly Edit[] = []
    let known: ReturnType<typeof knownOf>
    const observe = (event: Y.YTextEvent, transaction: Y.Transaction): void => {
      const found = this.nearby.find(transaction)
      edits = found ? [found.edit] : editsOf(event.delta)
      known = found ?? knownOf(transaction, edits)
    }
    this.content.observe(observe)
    let merged: Uint8Array
    try {
      merged = this.capture(() => Y.applyUpdate(this.doc, update))
    } finally {
      this.content.unobserve(observe)
    }
    // What nobody sees, like the deletion of what was deleted, is of the document all the same.
    if (edits.length === 0 && merged !== NOTHING) edits = [{ at: 0, removed: 0, inserted: '' }]
    const entries = this.record(edits, author)
    if (known) this.nearby.remember(known)
    return { entries, update: merged }
  }

  /** The whole as one Yjs update. */
  state(): Uint8Array {
    return Y.encodeStateAsUpdate(this.doc)
  }

  stateVector(): Uint8Array {
    return Y.encodeStateVector(this.doc)
  }

  /** @param known a client's Yjs state vector @throws PrdError INVALID_UPDATE when it is none */
  missing(known: Uint8Array): Uint8Array {
    try {
      return Y.encodeStateAsUpdate(this.doc, known)
    } catch {
      throw invalidUpdate('The state vector cannot be read: send what Y.encodeStateVector(doc) gives')
    }
  }

  /** JSON text of a place that moves with the text. */
  anchor(position: number, stick: Stick): string {
    const at = Math.min(position, this.text.length)
    return JSON.stringify(Y.createRelativePositionFromTypeIndex(this.content, at, stick === 'left' ? -1 : 0))
  }

  /** Where an anchor stands now; 0 for one whose text this document never had. */
  positionOf(anchor: string): number {
    const relative = Y.createRelativePositionFromJSON(JSON.parse(anchor))
    return Y.createAbsolutePositionFromRelativePosition(relative, this.doc)?.index ?? 0
  }

  /** The same of many at once, by anchor: in one walk over the text. */
  positionsOf(anchors: Iterable<string>): ReadonlyMap<string, number> {
    const found = new Map<string, number>()
    const at = new Map<unknown, { readonly anchor: string; readonly within: number }[]>()
    for (const anchor of anchors) {
      const { item: id, assoc = 0 } = JSON.parse(anchor) as { readonly item?: Id; readonly assoc?: number }
      const item = id && itemAt(this.doc, id)
      found.set(anchor, id || assoc < 0 ? 0 : this.text.length)
      if (!item) continue
      const within = id.clock - item.id.clock + (assoc < 0 ? 1 : 0)
      at.set(item, [...(at.get(item) ?? []), { anchor, within }])
    }
    if (at.size === 0) return found
    let offset = 0
    for (let item = this.content._start; item !== null; item = item.right) {
      const isShown = !item.deleted && item.countable
      for (const { anchor, within } of at.get(item) ?? []) found.set(anchor, offset + (isShown ? within : 0))
      if (isShown) offset += item.length
    }
    return found
  }

  /**
   * Where something that stood at `position` after edit `seq` stands after edit `until`; undefined when that is too long
   * ago.
   */
  moved(position: number, seq: number, stick: Stick, until = this.seq): number | undefined {
    if (seq + 1 < this.log.first) return undefined
    let at = position
    for (let each = seq + 1; each <= until; each += 1) at = transformPosition(at, this.log.at(each), stick)
    return Math.min(at, this.text.length)
  }

  destroy(): void {
    this.doc.destroy()
  }

  private capture(change: () => void): Uint8Array {
    let captured: Uint8Array | undefined
    const keep = (update: Uint8Array): void => {
      captured = update
    }
    this.doc.on('update', keep)
    try {
      this.doc.transact(change)
    } finally {
      this.doc.off('update', keep)
    }
    return captured ?? NOTHING
  }

  private record(edits: readonly Edit[], { slot, accountId, time }: Author): readonly LoggedEdit[] {
    while (this.counts.length <= slot) this.counts.push(0)
    return edits.map((edit) => {
      const count = (this.counts[slot]! += 1)
      this.text.edit(edit)
      this.nearby.follow(edit)
      const entry = { ...edit, seq: this.log.last + 1, slot, count, accountId, time }
      this.log.append(entry)
      return entry
    })
  }
}

/** A Yjs update without anything in it. */
const NOTHING = new Uint8Array([0, 0])

/** What an event of Yjs says of the text: a deletion and an insertion at one place are one edit. */
function editsOf(delta: Y.YTextEvent['delta']): readonly Edit[] {
  const edits: Edit[] = []
  let at = 0
  for (const { retain, insert, delete: removed } of delta) {
    if (retain !== undefined) at += retain
    const last = edits.at(-1)
    if (typeof insert === 'string') {
      if (last?.at === at && last.inserted === '') edits[edits.length - 1] = { ...last, inserted: insert }
      else edits.push({ at, removed: 0, inserted: insert })
      at += insert.length
    }
    if (removed === undefined) continue
    if (last && last.removed === 0 && last.at + last.inserted.length === at) edits[edits.length - 1] = { ...last, removed }
    else edits.push({ at, removed, inserted: '' })
  }
  return edits
}

/** The vectors after each of a change's edits. */
export function vectorsOf(before: readonly number[], entries: readonly LoggedEdit[]): readonly (readonly number[])[] {
  let vector = before
  return entries.map(({ slot, count }) => {
    const next = [...vector]
    while (next.length <= slot) next.push(0)
    next[slot] = count
    return (vector = next)
  })
}

export const sum = (vector: readonly number[]): number => vector.reduce((total, count) => total + count, 0)
