import { readUpdate, Refusal, type ClockRanges, type Id, type Limits, type Struct, type Update } from './update-reader.ts'

/** What a Yjs update holds, as plain values: all that is needed to say what a document will make of it. */
export interface Inspection {
  readonly structs: number
  /** UTF-16 units of text in it, also of what the document may have already. */
  readonly inserted: number
  readonly clients: readonly ClockRanges[]
  readonly deletes: readonly ClockRanges[]
  /** Where its structs belong: flat, so that it passes between threads quickly; `placementsOf` reads it. */
  readonly placements: readonly number[]
}

/** Where one struct belongs. */
export interface Placement {
  readonly client: number
  /** Clocks; `to` exclusive. */
  readonly from: number
  readonly to: number
  /** The character it was inserted behind; undefined: at the start. */
  readonly origin: Id | undefined
  /** The character it was inserted before; undefined: at the end. */
  readonly rightOrigin: Id | undefined
}

/** @throws Refusal */
export function inspect(bytes: Uint8Array, limits: Limits): Inspection {
  const update = readUpdate(bytes, limits)
  const book = new Map([...update.clients].map(([client, structs]) => [client, new Block(structs)]))
  const order = inOrder(book)
  checkCuts(book, update)
  return {
    structs: order.length,
    inserted: order.reduce((total, struct) => total + (struct.text?.length ?? 0), 0),
    clients: [...update.clients].map(([client, structs]) => ({ client, ranges: rangesOf(structs) })),
    deletes: update.deletes,
    placements: order.flatMap(({ client, clock, length, origin, rightOrigin }) => [
      client,
      clock,
      clock + length,
      origin?.client ?? NONE,
      origin?.clock ?? NONE,
      rightOrigin?.client ?? NONE,
      rightOrigin?.clock ?? NONE,
    ]),
  }
}

const NONE = -1
const NUMBERS = 7

/** Each comes after those it refers to, where these are in the update. */
export function placementsOf({ placements }: Inspection): readonly Placement[] {
  const read = (at: number): Id | undefined =>
    placements[at] === NONE ? undefined : { client: placements[at]!, clock: placements[at + 1]! }
  const all: Placement[] = []
  for (let at = 0; at < placements.length; at += NUMBERS) {
    all.push({
      client: placements[at]!,
      from: placements[at + 1]!,
      to: placements[at + 2]!,
      origin: read(at + 3),
      rightOrigin: read(at + 5),
    })
  }
  return all
}

/** One client's structs, and how many of them have found their place in the order. */
class Block {
  readonly structs: readonly Struct[]
  placed = 0
  /** Others' structs must be placed before its next one. */
  waiting = false

  constructor(structs: readonly Struct[]) {
    this.structs = structs
  }

  /** Index of the struct that holds a clock; -1 when none does. */
  indexOf(clock: number): number {
    let low = 0
    let high = this.structs.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const struct = this.structs[middle]!
      if (clock < struct.clock) high = middle - 1
      else if (clock >= struct.clock + struct.length) low = middle + 1
      else return middle
    }
    return -1
  }
}

type Book = ReadonlyMap<number, Block>

function structAt(book: Book, { client, clock }: Id): Struct | undefined {
  const block = book.get(client)
  return block?.structs[block.indexOf(clock)]
}

/** @throws Refusal when structs wait for each other, which would leave them in the document's waiting room for ever */
function inOrder(book: Book): readonly Struct[] {
  const order: Struct[] = []
  for (const first of book.values()) {
    const stack: Block[] = [first]
    while (stack.length > 0) {
      const block = stack.at(-1)!
      const struct = block.structs[block.placed]
      const waiter = stack.at(-2)
      // Of what another waits for only as much is placed as it waits for.
      if (!struct || (waiter && !needs(book, waiter).includes(block))) {
        stack.pop()
        if (waiter) waiter.waiting = false
        continue
      }
      const needed = needs(book, block)
      if (needed.length === 0) {
        block.placed += 1
        order.push(struct)
        continue
      }
      block.waiting = true
      if (needed.some((each) => each.waiting)) {
        throw new Refusal('has parts that refer to each other, or to what comes after them')
      }
      stack.push(needed[0]!)
    }
  }
  return order
}

/** Whose structs must be placed before the next one of this block. */
function needs(book: Book, block: Block): readonly Block[] {
  const struct = block.structs[block.placed]
  if (!struct) return []
  const needed: Block[] = []
  for (const id of [struct.origin, struct.rightOrigin]) {
    if (!id) continue
    if (id.client === struct.client && id.clock >= struct.clock) return [block]
    const other = book.get(id.client)
    if (other && other.indexOf(id.clock) >= other.placed) needed.push(other)
  }
  return needed
}

/** @throws Refusal where something begins or ends inside a character of two units: Yjs would spoil both halves */
function checkCuts(book: Book, { clients, deletes }: Update): void {
  const check = (client: number, clock: number): void => {
    const struct = structAt(book, { client, clock })
    if (struct?.text !== undefined && cutsPair(struct.text, clock - struct.clock)) {
      throw new Refusal('begins or ends inside a character of two UTF-16 units')
    }
  }
  for (const structs of clients.values()) {
    for (const { origin, rightOrigin } of structs) {
      if (origin) check(origin.client, origin.clock + 1)
      if (rightOrigin) check(rightOrigin.client, rightOrigin.clock)
    }
  }
  for (const { client, ranges } of deletes) for (const clock of ranges) check(client, clock)
}

/** Whether a place is between the two halves of one character. */
export function cutsPair(text: string, at: number): boolean {
  return at > 0 && at < text.length && text.codePointAt(at - 1)! > 0xffff
}

function rangesOf(structs: readonly Struct[]): readonly number[] {
  const ranges: number[] = []
  for (const { clock, length } of structs) {
    if (ranges.at(-1) === clock) ranges[ranges.length - 1] = clock + length
    else ranges.push(clock, clock + length)
  }
  return ranges
}
