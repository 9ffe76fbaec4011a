import { changesBetween, talliesFor, type Change, type Effort } from './sequence-diff.ts'
import type { Tokens } from './tokens.ts'

/** Steps for one pair of texts: some 50 ms, and enough for the shortest difference of all but hostile texts. */
const EFFORT = 4_000_000
/** Tokens of a part worth comparing one by one: more lines, or more words that changed, than people write. */
export const MOST_TOKENS = 100_000
/** What it takes to number a token, measured in steps. */
const STEPS_A_TOKEN = 8

export interface Tokenised {
  readonly text: string
  readonly starts: Tokens
}

/** One comparison of two texts, by lines and then by words, with the effort there is for all of it. */
export class Comparison {
  private readonly effort: Effort = { left: EFFORT }
  private tallies = talliesFor(0)

  /** By token. */
  differences(a: Tokenised, b: Tokenised): Change[] {
    const [sizeA, sizeB] = [a.starts.length - 1, b.starts.length - 1]
    let head = 0
    while (head < sizeA && head < sizeB && isSame(a, head, b, head)) head += 1
    let tail = 0
    const most = Math.min(sizeA, sizeB) - head
    while (tail < most && isSame(a, sizeA - tail - 1, b, sizeB - tail - 1)) tail += 1
    const [endA, endB] = [sizeA - tail, sizeB - tail]
    if (head === endA && head === endB) return []
    const tooMany = Math.max(endA, endB) - head > MOST_TOKENS
    if (head === endA || head === endB || tooMany || this.effort.left <= 0) {
      return [{ aStart: head, aEnd: endA, bStart: head, bEnd: endB }]
    }
    this.effort.left -= STEPS_A_TOKEN * (endA + endB - 2 * head)
    const numbers = new Map<string, number>()
    const [left, right] = [numbered(a, head, endA, numbers), numbered(b, head, endB, numbers)]
    if (this.tallies.inA.length < numbers.size) this.tallies = talliesFor(2 * numbers.size)
    return changesBetween(left, right, this.tallies, this.effort).map(({ aStart, aEnd, bStart, bEnd }) => ({
      aStart: head + aStart,
      aEnd: head + aEnd,
      bStart: head + bStart,
      bEnd: head + bEnd,
    }))
  }

  /** By place in the texts. */
  inText(a: Tokenised, b: Tokenised): Change[] {
    return this.differences(a, b).map(({ aStart, aEnd, bStart, bEnd }) => ({
      aStart: a.starts[aStart]!,
      aEnd: a.starts[aEnd]!,
      bStart: b.starts[bStart]!,
      bEnd: b.starts[bEnd]!,
    }))
  }
}

function isSame(a: Tokenised, i: number, b: Tokenised, j: number): boolean {
  const [startA, startB] = [a.starts[i]!, b.starts[j]!]
  const length = a.starts[i + 1]! - startA
  if (b.starts[j + 1]! - startB !== length) return false
  for (let k = 0; k < length; k += 1) {
    if (a.text.charCodeAt(startA + k) !== b.text.charCodeAt(startB + k)) return false
  }
  return true
}

/** Equal tokens, equal numbers. */
function numbered({ text, starts }: Tokenised, from: number, to: number, numbers: Map<string, number>): Int32Array {
  const result = new Int32Array(to - from)
  for (let i = from; i < to; i += 1) {
    const token = text.slice(starts[i], starts[i + 1])
    const number = numbers.get(token) ?? numbers.size
    if (number === numbers.size) numbers.set(token, number)
    result[i - from] = number
  }
  return result
}
