/** Elements `aStart … aEnd` of the first sequence stand where `bStart … bEnd` of the second stand; the ends are out. */
export interface Change {
  readonly aStart: number
  readonly aEnd: number
  readonly bStart: number
  readonly bEnd: number
}

/** What may still be spent, in comparisons; counted, so that the same texts give the same difference everywhere. */
export interface Effort {
  left: number
}

/** Room to count in, by number; all zero between calls, so that many small differences share it. */
export interface Tallies {
  readonly inA: Int32Array
  readonly inB: Int32Array
  readonly placeInB: Int32Array
}

/** @param size above every number */
export const talliesFor = (size: number): Tallies => ({
  inA: new Int32Array(size),
  inB: new Int32Array(size),
  placeInB: new Int32Array(size),
})

/** Myers keeps one row per edit: 1 500 of them are 9 MB. Beyond it two parts have little to do with each other. */
const MOST_EDITS = 1_500

/**
 * What changed between two sequences of numbers, in order, never touching each other: elements that are once in both
 * hold the rest in place (patience diff), between them the shortest script (Myers), and once the effort is spent, the
 * whole of what is left in one change. Right with any effort.
 *
 * @param tallies for the numbers in either
 */
export function changesBetween(a: Int32Array, b: Int32Array, tallies: Tallies, effort: Effort): Change[] {
  const changes: Change[] = []
  const { inA, inB, placeInB } = tallies
  between(0, a.length, 0, b.length)
  return changes

  function emit(aStart: number, aEnd: number, bStart: number, bEnd: number): void {
    if (aStart === aEnd && bStart === bEnd) return
    const last = changes.at(-1)
    if (last?.aEnd === aStart && last.bEnd === bStart) {
      changes[changes.length - 1] = { aStart: last.aStart, aEnd, bStart: last.bStart, bEnd }
    } else {
      changes.push({ aStart, aEnd, bStart, bEnd })
    }
  }

  function between(aFrom: number, aTo: number, bFrom: number, bTo: number): void {
    let [aStart, aEnd, bStart, bEnd] = [aFrom, aTo, bFrom, bTo]
    while (aStart < aEnd && bStart < bEnd && a[aStart] === b[bStart]) {
      aStart += 1
      bStart += 1
    }
    while (aStart < aEnd && bStart < bEnd && a[aEnd - 1] === b[bEnd - 1]) {
      aEnd -= 1
      bEnd -= 1
    }
    effort.left -= aTo - aFrom - (aEnd - aStart)
    if (aStart === aEnd || bStart === bEnd || effort.left <= 0) {
      emit(aStart, aEnd, bStart, bEnd)
      return
    }
    effort.left -= aEnd - aStart + bEnd - bStart
    const { anchors, keptA, keptB } = survey(aStart, aEnd, bStart, bEnd)
    const held = anchors.length > 0 ? ascending(anchors) : shortest(a, b, keptA, keptB, effort)
    let [x, y] = [aStart, bStart]
    for (const [i, j] of held) {
      if (anchors.length > 0) between(x, i, y, j)
      else emit(x, i, y, j)
      x = i + 1
      y = j + 1
    }
    if (anchors.length > 0) between(x, aEnd, y, bEnd)
    else emit(x, aEnd, y, bEnd)
  }

  /** The elements that are once in both parts; and the places of those that are in both at all. */
  function survey(aStart: number, aEnd: number, bStart: number, bEnd: number): {
    readonly anchors: Pair[]
    readonly keptA: number[]
    readonly keptB: number[]
  } {
    for (let i = aStart; i < aEnd; i += 1) inA[a[i]!]! += 1
    for (let j = bStart; j < bEnd; j += 1) {
      inB[b[j]!]! += 1
      placeInB[b[j]!] = j
    }
    const anchors: Pair[] = []
    const keptA: number[] = []
    const keptB: number[] = []
    for (let i = aStart; i < aEnd; i += 1) {
      const element = a[i]!
      if (inA[element] === 1 && inB[element] === 1) anchors.push([i, placeInB[element]!])
      if (inB[element]! > 0) keptA.push(i)
    }
    for (let j = bStart; j < bEnd; j += 1) if (inA[b[j]!]! > 0) keptB.push(j)
    for (let i = aStart; i < aEnd; i += 1) inA[a[i]!] = 0
    for (let j = bStart; j < bEnd; j += 1) inB[b[j]!] = 0
    return { anchors, keptA, keptB }
  }
}

/** The same element, at one place of the first sequence and one of the second. */
type Pair = readonly [number, number]

/** The most pairs whose places ascend in both; those of `pairs` ascend in the first already. */
function ascending(pairs: readonly Pair[]): Pair[] {
  const tails: number[] = []
  const before = new Int32Array(pairs.length).fill(-1)
  for (let i = 0; i < pairs.length; i += 1) {
    let [low, high] = [0, tails.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (pairs[tails[middle]!]![1] < pairs[i]![1]) low = middle + 1
      else high = middle
    }
    if (low > 0) before[i] = tails[low - 1]!
    tails[low] = i
  }
  const result: Pair[] = []
  for (let i = tails.at(-1) ?? -1; i >= 0; i = before[i]!) result.push(pairs[i]!)
  return result.reverse()
}

/** Myers' greedy algorithm over the places kept. @returns none when it takes more than the effort that is left */
function shortest(
  a: Int32Array,
  b: Int32Array,
  keptA: readonly number[],
  keptB: readonly number[],
  effort: Effort,
): Pair[] {
  const n = keptA.length
  const m = keptB.length
  if (n === 0 || m === 0) return []
  const most = Math.min(n + m, MOST_EDITS)
  const far = new Int32Array(2 * most + 3)
  const middle = most + 1
  const rows: Int32Array[] = []
  for (let edits = 0; edits <= most; edits += 1) {
    rows.push(far.slice(middle - edits - 1, middle + edits + 2))
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && far[middle + k - 1]! < far[middle + k + 1]!)
      let x = down ? far[middle + k + 1]! : far[middle + k - 1]! + 1
      const start = x
      while (x < n && x - k < m && a[keptA[x]!] === b[keptB[x - k]!]) x += 1
      far[middle + k] = x
      effort.left -= 1 + x - start
      if (x >= n && x - k >= m) return pathOf(rows, keptA, keptB)
      if (effort.left <= 0) return []
    }
  }
  return []
}

/** Back from the end through the rows; `rows[edits]` is what was known before that many edits were tried. */
function pathOf(rows: readonly Int32Array[], keptA: readonly number[], keptB: readonly number[]): Pair[] {
  const path: Pair[] = []
  let [x, y] = [keptA.length, keptB.length]
  for (let edits = rows.length - 1; edits >= 0; edits -= 1) {
    const row = rows[edits]!
    const at = (k: number): number => row[k + edits + 1]!
    const k = x - y
    const down = k === -edits || (k !== edits && at(k - 1) < at(k + 1))
    const fromX = edits === 0 ? 0 : down ? at(k + 1) : at(k - 1) + 1
    while (x > fromX && y > fromX - k) {
      x -= 1
      y -= 1
      path.push([keptA[x]!, keptB[y]!])
    }
    if (edits > 0) {
      if (down) y -= 1
      else x -= 1
    }
  }
  return path.reverse()
}
