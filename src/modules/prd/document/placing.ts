import type * as Y from 'yjs'
import type { Placement } from './inspection.ts'
import type { Id } from './update-reader.ts'

type Item = Y.Item | Y.GC

/** How many characters of a client the document has, deleted ones among them: the next one's clock. */
export function clockOf(doc: Y.Doc, client: number): number {
  const last = doc.store.clients.get(client)?.at(-1)
  return last ? last.id.clock + last.length : 0
}

/** Index of the item that holds a clock, which must be there. */
export function indexOf(items: readonly Item[], clock: number): number {
  return search(items.length, (index) => items[index]!.id.clock <= clock)
}

/** The last index that is not past the place; the first one is not. */
function search(length: number, isUpTo: (index: number) => boolean): number {
  let low = 0
  let high = length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (isUpTo(middle)) low = middle
    else high = middle - 1
  }
  return low
}

/** The item that holds a character; undefined when the document lacks it. */
export function itemAt(doc: Y.Doc, { client, clock }: Id): Item | undefined {
  const items = doc.store.clients.get(client)
  return items && clock < clockOf(doc, client) ? items[indexOf(items, clock)] : undefined
}

/** A run of characters of the document as it will be: an item of today, or part of one, or a new one. */
interface Piece extends Id {
  /** Clock; exclusive. */
  to: number
  readonly origin: Id | null | undefined
  readonly rightOrigin: Id | null | undefined
  /** What stands right of it; undefined: what stands there today. */
  next: Piece | null | undefined
  /** The item of today whose end is its end. */
  item: Y.Item | undefined
  /** All the pieces of its item, or all new ones of its client; ascending clocks. */
  readonly group: Piece[]
}

/**
 * Follows Yjs in placing new structs, without touching the document. An editor inserts between two neighbours; what
 * stands between the two by now must have come from elsewhere meanwhile. Yjs does not mind where an update says
 * otherwise, but puts such a struct here in one document and there in another, as things happen to arrive: they part.
 */
export class Placing {
  private readonly doc: Y.Doc
  private steps: number
  private readonly pieces = new Map<Y.Item, Piece[]>()
  /** New structs by client, ascending clocks. */
  private readonly structs = new Map<number, Piece[]>()
  /** What an author has seen for certain: the clocks by client, exclusive. */
  private readonly seen = new Map<number, Map<number, number>>()
  private first: Piece | null | undefined

  constructor(doc: Y.Doc, maxSteps: number) {
    this.doc = doc
    this.steps = maxSteps
  }

  verdict(placements: readonly Placement[]): 'new' | 'crossed' | 'costly' {
    for (const placement of placements) {
      const fault = this.place(placement)
      if (fault) return fault
    }
    return 'new'
  }

  private place({ client, from, to, origin, rightOrigin }: Placement): 'crossed' | 'costly' | undefined {
    const known = clockOf(this.doc, client)
    if (to <= known) return undefined
    // Of a struct that is known in part, Yjs puts the rest right behind that part.
    const behind = from < known ? { client, clock: known - 1 } : origin
    const left = behind ? this.endingWith(behind) : null
    const right = rightOrigin ? this.beginningWith(rightOrigin) : null
    // Its right neighbour is in what ends with its left one, and before that end.
    if (left && left.to <= behind!.clock) return 'crossed'
    const seen = this.seenBy(client, left, right)
    seen.set(client, Infinity)
    const between: Piece[] = []
    let piece = left ? this.nextOf(left) : this.start()
    while (piece && piece !== right) {
      if (piece.clock < (seen.get(piece.client) ?? 0)) return 'crossed'
      between.push(piece)
      if ((this.steps -= 1) < 0) return 'costly'
      piece = this.nextOf(piece)
    }
    if (right && !piece) return 'crossed'
    const clock = Math.max(from, known)
    const group = this.structs.get(client) ?? []
    this.structs.set(client, group)
    const struct: Piece = { client, clock, to, origin: behind, rightOrigin, next: null, item: undefined, group }
    group.push(struct)
    this.insert(struct, this.neighbour(struct, left, between))
    return undefined
  }

  /** What an author has seen who inserts between two: they, what they were inserted between, and what it saw before. */
  private seenBy(author: number, left: Piece | null, right: Piece | null): Map<number, number> {
    const seen = this.seen.get(author) ?? new Map<number, number>()
    this.seen.set(author, seen)
    const see = (id: Id | null | undefined): void => {
      if (id) seen.set(id.client, Math.max(seen.get(id.client) ?? 0, id.clock + 1))
    }
    see(left && { client: left.client, clock: left.to - 1 })
    see(right)
    for (const piece of [left, right]) {
      see(piece?.origin)
      see(piece?.rightOrigin)
    }
    return seen
  }

  /** Left neighbour of a struct between whose neighbours others stand: `Item.integrate` of Yjs. */
  private neighbour({ client, origin, rightOrigin }: Piece, left: Piece | null, between: readonly Piece[]): Piece | null {
    let neighbour = left
    const passed = new Set<Piece>()
    let conflicting = new Set<Piece>()
    for (const other of between) {
      passed.add(other)
      conflicting.add(other)
      const parent = other.origin && this.pieceAt(other.origin)
      if (same(origin, other.origin)) {
        if (other.client < client) {
          neighbour = other
          conflicting = new Set()
        } else if (same(rightOrigin, other.rightOrigin)) {
          break
        }
      } else if (parent && passed.has(parent)) {
        if (!conflicting.has(parent)) {
          neighbour = other
          conflicting = new Set()
        }
      } else {
        break
      }
    }
    return neighbour
  }

  private insert(struct: Piece, left: Piece | null): void {
    if (left) {
      struct.next = this.nextOf(left)
      left.next = struct
    } else {
      struct.next = this.start()
      this.first = struct
    }
  }

  private start(): Piece | null {
    if (this.first === undefined) this.first = this.pieceOf(this.doc.getText('content')._start)
    return this.first
  }

  private nextOf(piece: Piece): Piece | null {
    if (piece.next === undefined) piece.next = this.pieceOf(piece.item!.right)
    return piece.next
  }

  private pieceOf(item: Y.Item | null): Piece | null {
    if (!item) return null
    const made = this.pieces.get(item)
    if (made) return made[0]!
    const group: Piece[] = []
    const { id, length, origin, rightOrigin } = item
    const piece: Piece = {
      client: id.client,
      clock: id.clock,
      to: id.clock + length,
      origin,
      rightOrigin,
      next: undefined,
      item,
      group,
    }
    group.push(piece)
    this.pieces.set(item, group)
    return piece
  }

  /** The piece that holds a character. */
  private pieceAt({ client, clock }: Id): Piece {
    const item = itemAt(this.doc, { client, clock })
    const group = item ? this.pieceOf(item as Y.Item)!.group : this.structs.get(client)!
    return group[indexIn(group, clock)]!
  }

  private endingWith(id: Id): Piece {
    const piece = this.pieceAt(id)
    if (piece.to > id.clock + 1) this.cut(piece, id.clock + 1)
    return piece
  }

  private beginningWith(id: Id): Piece {
    const piece = this.pieceAt(id)
    return piece.clock < id.clock ? this.cut(piece, id.clock) : piece
  }

  private cut(piece: Piece, clock: number): Piece {
    const { client, to, rightOrigin, next, item, group } = piece
    const right: Piece = { client, clock, to, origin: { client, clock: clock - 1 }, rightOrigin, next, item, group }
    group.splice(indexIn(group, piece.clock) + 1, 0, right)
    piece.to = clock
    piece.next = right
    piece.item = undefined
    return right
  }
}

const indexIn = (group: readonly Piece[], clock: number): number =>
  search(group.length, (index) => group[index]!.clock <= clock)

const same = (one: Id | null | undefined, other: Id | null | undefined): boolean =>
  one && other ? one.client === other.client && one.clock === other.clock : !one && !other
