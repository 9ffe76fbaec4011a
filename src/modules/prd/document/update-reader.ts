/**
 * Yjs updates of clients, read byte by byte. Yjs's own decoder believes what it reads (a count of four thousand million
 * is an array of that size, a number of two hundred bytes is NaN); this one believes nothing and takes time in
 * proportion to the bytes. It knows version 1 of the format, and of that only what an editor of plain text writes.
 */

/** Name of the root type that holds the text. */
const ROOT = 'content'
/** Client ids are random 32-bit numbers. */
const MAX_CLIENT = 0xffff_ffff

const HAS_ORIGIN = 0x80
const HAS_RIGHT_ORIGIN = 0x40
const HAS_KEY = 0x20
const KIND = 0x1f
const DELETED = 1
const STRING = 4
const SKIP = 10
/** What the kinds of structs nobody needs for plain text are called in a refusal. */
const FOREIGN: Readonly<Record<number, string>> = {
  0: 'a collected struct (GC), which a document of plain text never has',
  2: 'JSON',
  3: 'binary data',
  5: 'an embedded object',
  6: 'formatting',
  7: 'a nested shared type',
  8: 'values that are not text',
  9: 'a subdocument',
}

/** What is wrong with an update, as the end of a sentence that begins with "This update". */
export class Refusal extends Error {}

export interface Limits {
  readonly maxBytes: number
  /** Structs and ranges of deletions together. */
  readonly maxStructs: number
}

/** One character: the `clock`-th of a client. */
export interface Id {
  readonly client: number
  readonly clock: number
}

/** A run of characters one client inserted. */
export interface Struct extends Id {
  readonly length: number
  /** Undefined where the characters have been deleted since. */
  readonly text: string | undefined
  /** The character it was inserted behind; undefined: at the start of the text. */
  readonly origin: Id | undefined
  /** The character it was inserted before; undefined: at the end of the text. */
  readonly rightOrigin: Id | undefined
}

/** Clocks of one client: `from, to, from, to …`, ascending, none touching its neighbour's inside, `to` exclusive. */
export interface ClockRanges {
  readonly client: number
  readonly ranges: readonly number[]
}

export interface Update {
  /** By client, ascending clocks; where an update leaves out what its receiver has, there are gaps. */
  readonly clients: ReadonlyMap<number, readonly Struct[]>
  readonly deletes: readonly ClockRanges[]
}

const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @throws Refusal */
export function readUpdate(bytes: Uint8Array, { maxBytes, maxStructs }: Limits): Update {
  if (bytes.length > maxBytes) throw new Refusal(`has ${bytes.length} bytes; at most ${maxBytes} are taken at once`)
  const reader = new Reader(bytes, maxStructs)
  const clients = reader.structs()
  const deletes = reader.deletes()
  if (!reader.atEnd) throw new Refusal('has bytes after its end')
  return { clients, deletes }
}

class Reader {
  private readonly bytes: Uint8Array
  private at = 0
  private left: number
  private readonly most: number

  constructor(bytes: Uint8Array, most: number) {
    this.bytes = bytes
    this.most = most
    this.left = most
  }

  get atEnd(): boolean {
    return this.at === this.bytes.length
  }

  structs(): Map<number, readonly Struct[]> {
    const clients = new Map<number, readonly Struct[]>()
    // A client, a count, a clock, and a struct of two bytes.
    for (let blocks = this.count(5, 'clients'); blocks > 0; blocks -= 1) {
      const count = this.part(2, 'structs')
      const client = this.client()
      if (clients.has(client)) throw new Refusal('names a client twice')
      clients.set(client, this.structsOf(client, count))
    }
    return clients
  }

  deletes(): readonly ClockRanges[] {
    const seen = new Set<number>()
    const deletes: ClockRanges[] = []
    // A client, a count, and a range of two bytes.
    for (let blocks = this.count(4, 'clients with deletions'); blocks > 0; blocks -= 1) {
      const client = this.client()
      if (seen.has(client)) throw new Refusal('names a client twice in its deletions')
      seen.add(client)
      const ranges: number[] = []
      for (let count = this.part(2, 'deletions'); count > 0; count -= 1) {
        const from = this.uint()
        if (from < (ranges.at(-1) ?? 0)) throw new Refusal('has deletions out of order, or one over another')
        ranges.push(from, this.advanced(from, this.uint()))
      }
      deletes.push({ client, ranges })
    }
    return deletes
  }

  private structsOf(client: number, count: number): readonly Struct[] {
    const structs: Struct[] = []
    let clock = this.uint()
    for (let each = 0; each < count; each += 1) {
      const info = this.byte()
      const length = (info & KIND) === SKIP ? this.skip(info) : this.struct(info, { client, clock }, structs)
      clock = this.advanced(clock, length)
    }
    return structs
  }

  /** What the receiver is supposed to have. */
  private skip(info: number): number {
    if (info !== SKIP) throw new Refusal('has a gap with origins')
    return this.uint()
  }

  private struct(info: number, { client, clock }: Id, into: Struct[]): number {
    const kind = info & KIND
    if (kind !== STRING && kind !== DELETED) {
      throw new Refusal(`holds ${FOREIGN[kind] ?? 'what no version of Yjs writes'}; this document is plain text`)
    }
    if ((info & HAS_KEY) !== 0) throw new Refusal('sets a key of a map; this document is plain text')
    const origin = (info & HAS_ORIGIN) === 0 ? undefined : this.id()
    const rightOrigin = (info & HAS_RIGHT_ORIGIN) === 0 ? undefined : this.id()
    if (!origin && !rightOrigin) this.parent()
    const inserted = kind === STRING ? this.string() : undefined
    const length = inserted === undefined ? this.uint() : inserted.length
    into.push({ client, clock, length, text: inserted, origin, rightOrigin })
    return length
  }

  private parent(): void {
    const named = this.uint()
    if (named === 1 && this.string() === ROOT) return
    throw new Refusal(`writes elsewhere than in the root type '${ROOT}'`)
  }

  private id(): Id {
    const client = this.client()
    return { client, clock: this.uint() }
  }

  private client(): number {
    const client = this.uint()
    if (client > MAX_CLIENT) throw new Refusal('has a client id of more than 32 bits')
    return client
  }

  private advanced(clock: number, length: number): number {
    if (length === 0) throw new Refusal('has a part without length')
    if (clock + length > Number.MAX_SAFE_INTEGER) throw new Refusal('has a clock of more than 53 bits')
    return clock + length
  }

  /** A count of parts that may be none. */
  private count(bytesEach: number, what: string): number {
    const count = this.uint()
    if (count * bytesEach > this.bytes.length - this.at) throw new Refusal(`announces more ${what} than it has`)
    return count
  }

  private part(bytesEach: number, what: string): number {
    const count = this.count(bytesEach, what)
    if (count === 0) throw new Refusal(`names a client without ${what}`)
    this.left -= count
    if (this.left < 0) throw new Refusal(`has more than ${this.most} parts; send fewer at a time`)
    return count
  }

  private byte(): number {
    const byte = this.bytes[this.at]
    if (byte === undefined) throw new Refusal('ends too early')
    this.at += 1
    return byte
  }

  /** Seven bits a byte, the lowest first; the shortest form only, as every encoder writes it. */
  private uint(): number {
    let value = 0
    let factor = 1
    for (let byte = this.byte(); ; byte = this.byte()) {
      value += (byte & 0x7f) * factor
      if (value > Number.MAX_SAFE_INTEGER) throw new Refusal('has a number of more than 53 bits')
      if (byte < 0x80) {
        if (byte === 0 && factor > 1) throw new Refusal('has a number that is not in its shortest form')
        return value
      }
      factor *= 0x80
      // The eighth byte holds the bits from the 50th on.
      if (factor > 2 ** 49) throw new Refusal('has a number of more than 53 bits')
    }
  }

  private string(): string {
    const length = this.uint()
    if (length > this.bytes.length - this.at) throw new Refusal('ends too early')
    const bytes = this.bytes.subarray(this.at, (this.at += length))
    // Stored as text, which in PostgreSQL cannot hold it.
    if (bytes.includes(0)) throw new Refusal('has the character U+0000 in its text')
    try {
      return text.decode(bytes)
    } catch {
      throw new Refusal('has text that is not UTF-8')
    }
  }
}
