import { apply, isLeftOf, normalize, type Edit } from '../modules/prd/merge.ts'
import {
  applyAll,
  covers,
  differences,
  findSides,
  invert,
  meet,
  numberOf,
  risen,
  type Met,
  type Past,
} from './prd-edits.ts'

/** How a client that was away comes back to the text of the server with what it has not saved yet. */

/** An operation of somebody else, as the server sends it, and the vector after it. */
export interface Update {
  readonly operation: unknown
  readonly stateVector: readonly number[]
}

/** Answer to `sync-request`: operations since the vector that was asked with, each on the text after the one before. */
export interface Missing {
  readonly missingUpdates: readonly { readonly operation: unknown }[]
  readonly stateVector: readonly number[]
}

/** The operation that is on its way to the server. */
export interface Flight {
  readonly clientId: string
  /** As it was made, and the vector it was made at: sent again it is the same. */
  readonly sent: Edit
  readonly vector: readonly number[]
  readonly slot: number
  /** The text of the server it was made on, and what has come since. */
  readonly text: string
  readonly past: readonly Past[]
  /** As it stands on the text of the server as known here. */
  readonly edits: readonly Edit[]
  readonly isSent: boolean
}

/** What became of the operation on its way. */
export interface Applied {
  readonly edits: readonly Edit[]
  readonly vector: readonly number[]
}

/** What a client knows. */
export interface Standing {
  /** Of the server, without what is on its way or waits. */
  readonly text: string
  readonly vector: readonly number[]
  readonly flight: Flight | undefined
  readonly queue: readonly Edit[]
  readonly replica: number | null
}

/** What it has been told since it came back. */
export interface Told {
  /** `initialState` of `joined-prd`. */
  readonly content: string
  readonly vector: readonly number[]
  /** Since the vector the operation on its way was made at; undefined: the server could not say. */
  readonly missing: Log | undefined
  /** Operations that came while it was asking, also such as are in the content already. */
  readonly updates: readonly Update[]
  /** Undefined: what was on its way was not applied, or nothing was. */
  readonly applied: Applied | undefined
}

export interface Log {
  readonly edits: readonly Edit[]
  readonly vector: readonly number[]
}

/** The text of the server, what is still to be sent on it, and what brings the text as it was shown there. */
export interface CaughtUp extends Met {
  readonly text: string
  readonly vector: readonly number[]
}

/** @returns undefined when the answer is not what was asked for */
export function logOf({ missingUpdates, stateVector }: Missing, since: readonly number[]): Log | undefined {
  const isWhole = numberOf(stateVector) - numberOf(since) === missingUpdates.length && covers(stateVector, since)
  if (!isWhole) return undefined
  return { edits: missingUpdates.map(({ operation }) => normalize(operation)), vector: stateVector }
}

/**
 * The text is the server's in any case. Where the log reaches back, what waits is brought over what was missed; where
 * it does not, over the difference of the texts.
 * @returns `lists` are what is on its way (empty when it was applied) and what waits; undefined when an operation is
 *   missing between those that came
 */
export function catchUp(standing: Standing, told: Told): CaughtUp | undefined {
  const truth = replay(told)
  if (!truth) return undefined
  const { text, vector, updates } = truth
  const log = told.missing && { ...told.missing, first: numberOf(told.missing.vector) - told.missing.edits.length + 1 }
  /** @returns undefined when the log has not all of them */
  const between = (first: number, last: number): readonly Past[] | undefined => {
    const past: Past[] = []
    for (let number = first; number <= last; number += 1) {
      const each = updates.get(number) ?? (log && log.edits[number - log.first])
      if (!each) return undefined
      past.push(each)
    }
    return past
  }
  const met = meetLogged(standing, told, between, numberOf(vector)) ?? meetDifference(standing, told, text)
  return { text, vector, ...met }
}

/** The content, with what came after it. */
function replay({ content, vector: start, updates, applied }: Told) {
  const byNumber = new Map(updates.map((update) => [numberOf(update.stateVector), update]))
  const seen = new Map<number, Past>()
  const made = applied?.edits ?? []
  const lastMade = made.length > 0 ? numberOf(applied!.vector) : 0
  const last = [...byNumber.keys()].reduce((most, number) => Math.max(most, number), lastMade)
  let [text, vector] = [content, start]
  for (let number = numberOf(start) + 1; number <= last; number += 1) {
    const update = byNumber.get(number)
    if (update) {
      const edit = normalize(update.operation)
      seen.set(number, { ...edit, ...slotOf(vector, update.stateVector) })
      text = apply(text, edit)
      vector = update.stateVector
    } else if (made.length > 0 && number === lastMade - made.length + 1) {
      text = applyAll(text, made)
      vector = applied!.vector
      number = lastMade
    } else return undefined
  }
  return { text, vector, updates: seen }
}

export function slotOf(from: readonly number[], to: readonly number[]): Pick<Past, 'slot'> {
  const [slot] = risen(from, to)
  return slot === undefined ? {} : { slot }
}

type Between = (first: number, last: number) => readonly Past[] | undefined

function meetLogged(standing: Standing, told: Told, between: Between, last: number): Met | undefined {
  const { vector, flight, queue, replica } = standing
  const { applied } = told
  const first = numberOf(vector) + 1
  const lastOwn = applied ? numberOf(applied.vector) : last
  const before = between(first, lastOwn - (applied?.edits.length ?? 0))
  const after = between(Math.max(first, lastOwn + 1), last)
  if (!before || !after) return undefined
  const own = replica ?? 0
  const likely = isLeft(standing, told, own)
  const leftOf = (slot: number) => (past: Past): boolean => (past.slot === undefined ? likely : isLeftOf(slot, past.slot))
  if (!flight || !applied) return meet([flight?.edits ?? [], queue], before, leftOf(own))
  for (const slot of [own, flight.slot]) {
    const met = meetApplied(flight, queue, before, leftOf(slot), applied)
    if (!met) continue
    const behind = meet(met.lists, after, leftOf(own))
    return { lists: [[], ...behind.lists], past: [...met.past, ...behind.past] }
  }
  return undefined
}

/** @returns what waits, after what is before the own operation in the log; undefined when that came to another end */
function meetApplied(
  { sent, slot, text, past, edits }: Flight,
  queue: readonly Edit[],
  before: readonly Past[],
  isLeft: (past: Past) => boolean,
  applied: Applied,
): Met | undefined {
  const sides = findSides(edits, before, isLeft, applied.edits)
  if (sides) {
    const { lists, past: shown } = meet([edits, queue], before, sides)
    return { lists: lists.slice(1), past: shown }
  }
  // It was made from another slot than before, so that what had come since it was sent stands elsewhere beside it.
  const all = [...past, ...before]
  const otherSides = findSides([sent], all, isLeft, applied.edits)
  if (!otherSides) return undefined
  const shown = meet([[sent]], past, (each) => each.slot === undefined || isLeftOf(slot, each.slot)).past
  const since = meet([[sent]], past, otherSides)
  const now = meet(since.lists, before, (each, index) => otherSides(each, past.length + index))
  // Either may be said to have moved. What waits may delete some of it, and keeps doing so if that stays in place.
  const ways = [
    [...invert(apply(text, sent), shown), ...since.past, ...now.past],
    [...invert(applyAll(text, past), edits), ...since.lists.flat(), ...now.past],
  ].map((way) => meet([queue], way, () => true))
  return ways.reduce((best, way) => (removed(way) > removed(best) ? way : best))
}

const removed = ({ lists }: Met): number => lists.flat().reduce((total, edit) => total + edit.removed, 0)

/**
 * Of a missed operation it is not told whose it was: right of it when all who wrote are of lower slots. Else left,
 * which keeps what was typed forwards in one piece.
 */
function isLeft({ vector }: Standing, { missing }: Told, own: number): boolean {
  const others = risen(vector, missing?.vector ?? vector).filter((slot) => slot !== own)
  return others.length === 0 || others.some((slot) => isLeftOf(own, slot))
}

function meetDifference({ text, flight, queue }: Standing, { applied }: Told, now: string): Met {
  const flying = flight?.edits ?? []
  if (!applied) return meet([flying, queue], differences(text, now), () => true)
  const { lists, past } = meet([queue], differences(applyAll(text, flying), now), () => true)
  return { lists: [[], ...lists], past }
}
