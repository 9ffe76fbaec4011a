import { apply, hasEffect, transformLists, type Edit } from '../modules/prd/merge.ts'

/** What a client does with edits besides merging them: specs/prd.md, section 2.3. Offsets are in UTF-16 units. */

/** An edit of somebody else; without a slot where the server did not say whose it was. */
export interface Past extends Edit {
  readonly slot?: number
}

export const applyAll = (text: string, edits: readonly Edit[]): string => edits.reduce(apply, text)

export const areSame = (some: readonly Edit[], others: readonly Edit[]): boolean =>
  some.length === others.length &&
  some.every(({ at, removed, inserted }, i) => {
    const other = others[i]!
    return at === other.at && removed === other.removed && inserted === other.inserted
  })

/**
 * Two edits as one, so that what is typed while the server is waited for is one operation.
 * @param second stands on the text after the first
 * @returns undefined when they do not touch
 */
export function compose(first: Edit, second: Edit): Edit | undefined {
  const end = first.at + first.inserted.length
  const secondEnd = second.at + second.removed
  if (second.at > end || secondEnd < first.at) return undefined
  const before = Math.max(0, first.at - second.at)
  const behind = Math.max(0, secondEnd - end)
  const kept = first.inserted.slice(0, Math.max(0, second.at - first.at))
  const rest = first.inserted.slice(Math.max(0, secondEnd - first.at))
  return {
    at: Math.min(first.at, second.at),
    removed: before + first.removed + behind,
    inserted: kept + second.inserted + rest,
  }
}

/**
 * What takes edits back, to be done after all of them.
 * @param text before them
 */
export function invert(text: string, edits: readonly Edit[]): readonly Edit[] {
  const undo: Edit[] = []
  let after = text
  for (const edit of edits) {
    const { at, removed, inserted } = edit
    undo.unshift({ at, removed: inserted.length, inserted: after.slice(at, at + removed) })
    after = apply(after, edit)
  }
  return undo
}

const isHigh = (unit: number): boolean => (unit & 0xfc00) === 0xd800
const isLow = (unit: number): boolean => (unit & 0xfc00) === 0xdc00

/** The one edit that makes a text into another: all between what they begin and end with. It cuts no surrogate pair. */
export function difference(from: string, to: string): Edit {
  const shorter = Math.min(from.length, to.length)
  let start = 0
  while (start < shorter && from.charCodeAt(start) === to.charCodeAt(start)) start += 1
  if (start > 0 && isHigh(from.charCodeAt(start - 1))) start -= 1
  let [end, endTo] = [from.length, to.length]
  while (Math.min(end, endTo) > start && from.charCodeAt(end - 1) === to.charCodeAt(endTo - 1)) {
    end -= 1
    endTo -= 1
  }
  if (end < from.length && isLow(from.charCodeAt(end))) {
    end += 1
    endTo += 1
  }
  return { at: start, removed: end - start, inserted: to.slice(start, endTo) }
}

/** `difference`, or nothing. */
export const differences = (from: string, to: string): readonly Edit[] => [difference(from, to)].filter(hasEffect)

/** What came of lists that met edits of others. */
export interface Met {
  /** The lists, each still standing after the one before it. */
  readonly lists: readonly (readonly Edit[])[]
  /** The others' edits, as they stand after all the lists. */
  readonly past: readonly Edit[]
}

/**
 * One's own edits, in lists each of which stands after the one before it, brought over edits of others made on the same
 * text.
 * @param isLeft whether what is inserted in the very gap where this other one inserts comes first
 */
export function meet(
  lists: readonly (readonly Edit[])[],
  past: readonly Past[],
  isLeft: (past: Past, index: number) => boolean,
): Met {
  let own = lists
  const crossed: Edit[] = []
  for (const [index, each] of past.entries()) {
    const left = isLeft(each, index)
    let others: readonly Edit[] = [each]
    own = own.map((edits) => {
      const crossing = transformLists(edits, others, left)
      others = crossing.past
      return crossing.edits
    })
    crossed.push(...others)
  }
  return { lists: own, past: crossed }
}

/** Ways that are tried: each is an other one who has typed in the very gap. */
const WAYS = 100

/**
 * The sides on which edits have met those of others of which it is not told whose they were: seen from what came of it.
 * @param isLeft what is known, or the likely side
 * @returns undefined when it cannot have come to this
 */
export function findSides(
  edits: readonly Edit[],
  past: readonly Past[],
  isLeft: (past: Past) => boolean,
  outcome: readonly Edit[],
): ((past: Past, index: number) => boolean) | undefined {
  const branches: { readonly from: number; readonly own: readonly Edit[]; readonly others: readonly number[] }[] = [
    { from: 0, own: edits, others: [] },
  ]
  for (let tries = 0; tries < WAYS; tries += 1) {
    const branch = branches.pop()
    if (!branch) return undefined
    let { own } = branch
    for (let index = branch.from; index < past.length; index += 1) {
      const each = past[index]!
      const likely = transformLists(own, [each], isLeft(each)).edits
      if (each.slot === undefined) {
        const other = transformLists(own, [each], !isLeft(each)).edits
        if (!areSame(likely, other)) branches.push({ from: index + 1, own: other, others: [...branch.others, index] })
      }
      own = likely
    }
    if (areSame(own, outcome)) {
      const others = new Set(branch.others)
      return (each, index) => isLeft(each) !== others.has(index)
    }
  }
  return undefined
}

/* State vectors: a slot that a vector lacks counts 0. */

/** Number of the operation after which the server gave this vector. */
export const numberOf = (vector: readonly number[]): number => vector.reduce((total, count) => total + count, 0)

export const covers = (vector: readonly number[], other: readonly number[]): boolean =>
  other.every((count, slot) => (vector[slot] ?? 0) >= count)

export const isSameVector = (vector: readonly number[], other: readonly number[]): boolean =>
  covers(vector, other) && covers(other, vector)

/** The slots in which a vector is past another. */
export const risen = (from: readonly number[], to: readonly number[]): readonly number[] =>
  to.flatMap((count, slot) => (count > (from[slot] ?? 0) ? [slot] : []))
