import type { Crowd, Sighting } from '../candidate.ts'
import { same } from './frame.ts'

/** Length of the longest id, a UUID. */
const ID = 36
/** The last 12 hex digits of a UUID are as good as all of it, and a number; a decimal number has no more. */
const KEY = 12

const keyOf = (chunk: Buffer, start: number, end: number): number => {
  let key = 0
  for (let i = Math.max(start, end - KEY); i < end; i++) {
    const code = chunk[i]!
    key = key * 16 + (code < 58 ? code - 48 : code - 87)
  }
  return key
}

/** Where the id that starts at `at` ends: before the first byte of what follows it. */
const endOf = (chunk: Buffer, at: number, end: number, after: Buffer): number => {
  const last = Math.min(at + ID, end - after.length)
  const stop = after[0]!
  // Most ids of a server are as long as the longest.
  if (at + ID === last && chunk[last] === stop) return last
  let here = at
  while (here < last && chunk[here] !== stop) here++
  return here
}

interface Pattern {
  before: Buffer
  after: Buffer
  between: Buffer | undefined
  skip: number
  online: boolean
}

const compiled = ({ before, after, skip = 0, between, online }: Sighting): Pattern => ({
  before: Buffer.from(before),
  after: Buffer.from(after),
  between: between === undefined ? undefined : Buffer.from(between),
  skip,
  online,
})

/**
 * What each person has been told of all the others since they came in: the picture a client would draw, where whoever
 * was not named is not there. Frames are compared and never parsed, so that one core keeps up.
 */
export class Views {
  readonly people: number
  /** Frames that told of somebody, and their payload bytes. */
  frames = 0
  bytes = 0
  /** Persons named in them. */
  told = 0
  /** Persons named who do not exist. */
  strangers = 0
  /** What the first person was told since `forget`: of coming, and of going. */
  arrivals = 0
  departures = 0
  /** How many have everybody in their picture, and when somebody last got there. */
  complete = 0
  completeAt: Float64Array
  /** Called when all have. */
  onAll: () => void = () => {}
  readonly #index = new Map<number, number>()
  readonly #patterns: Pattern[]
  readonly #seen: Uint8Array[]
  readonly #online: Int32Array

  constructor({ ids, sightings }: Crowd) {
    this.people = ids.length
    for (const [index, id] of ids.entries()) this.#index.set(keyOf(Buffer.from(id), 0, id.length), index)
    if (this.#index.size < ids.length) throw new Error('two people have the same end of their id')
    this.#patterns = sightings.map(compiled)
    this.#seen = ids.map(() => new Uint8Array(ids.length))
    this.#online = new Int32Array(ids.length)
    this.completeAt = new Float64Array(ids.length)
  }

  /** How many each person sees online: the least and the most. */
  get range(): [number, number] {
    return [this.#online.reduce((a, b) => Math.min(a, b)), this.#online.reduce((a, b) => Math.max(a, b))]
  }

  /** A new client begins with an empty picture. */
  begin(viewer: number): void {
    if (this.#online[viewer] === this.people) this.complete--
    this.#seen[viewer]!.fill(0)
    this.#online[viewer] = 0
  }

  /** Starts to count anew; pictures stay. */
  forget(): void {
    this.frames = this.bytes = this.told = this.arrivals = this.departures = 0
  }

  read(viewer: number, chunk: Buffer, start: number, end: number): void {
    for (const { before, after, skip, between, online } of this.#patterns) {
      let at = start + before.length
      if (at + after.length >= end || !same(chunk, start, before)) continue
      let stop = endOf(chunk, at, end, after)
      if (!same(chunk, stop, after)) continue
      this.frames++
      this.bytes += end - start
      for (;;) {
        this.#tell(viewer, this.#index.get(keyOf(chunk, at, stop)), online)
        at = stop + after.length + skip
        if (between === undefined || at + between.length + after.length >= end || !same(chunk, at, between)) return
        at += between.length
        stop = endOf(chunk, at, end, after)
        if (!same(chunk, stop, after)) return
      }
    }
  }

  #tell(viewer: number, person: number | undefined, online: boolean): void {
    this.told++
    if (person === undefined) {
      this.strangers++
      return
    }
    if (viewer === 0) {
      if (online) this.arrivals++
      else this.departures++
    }
    const seen = this.#seen[viewer]!
    const now = online ? 1 : 0
    if (seen[person] === now) return
    seen[person] = now
    const before = this.#online[viewer]!
    const after = (this.#online[viewer] = before + (online ? 1 : -1))
    if (before === this.people) this.complete--
    if (after !== this.people) return
    this.completeAt[viewer] = performance.now()
    if (++this.complete === this.people) this.onAll()
  }
}
