import { formatPatch, FILE_HEADERS_ONLY, type StructuredPatchHunk } from 'diff'
import type { Edit } from '../merge.ts'
import { Comparison, MOST_TOKENS, type Tokenised } from './comparison.ts'
import type { Change } from './sequence-diff.ts'
import { linesOf, wordsOf } from './tokens.ts'

/** Unchanged lines around a change, as git shows them. */
const CONTEXT = 3
/** Each edit of a restore is an entry of the document's log; past this many the nearest are taken together. */
const MOST_EDITS = 1_000

const NO_NEWLINE = '\\ No newline at end of file'

/** A text and what its side of the difference is called, such as a version. */
export interface Side {
  readonly label: string
  readonly text: string
}

/**
 * The difference of two texts as `git apply` and `patch -p1` take it, with 3 lines of context. The effort is bounded:
 * hostile texts get a coarser difference, a right one always.
 *
 * @param file.name such as `prd_12.md`
 * @returns '' when the texts are equal
 */
export function unifiedDiff(file: { readonly name: string; readonly from: Side; readonly to: Side }): string {
  const { name, from, to } = file
  if (from.text === to.text) return ''
  const a = { text: from.text, starts: linesOf(from.text, 0, from.text.length) }
  const b = { text: to.text, starts: linesOf(to.text, 0, to.text.length) }
  const hunks = grouped(new Comparison().differences(a, b)).map((changes) => hunk(a, b, changes))
  const [oldHeader, newHeader] = [oneLine(from.label), oneLine(to.label)]
  const [oldFileName, newFileName] = [`a/${name}`, `b/${name}`]
  return formatPatch({ oldFileName, newFileName, oldHeader, newHeader, hunks }, FILE_HEADERS_ONLY)
}

/**
 * The edits that make `after` of `before`, from left to right, each standing after the ones before it. What they leave
 * alone are whole lines first, then words of the lines that changed, so that what is anchored there stays; no pair of
 * surrogates is split. At most 1 000 edits, and bounded effort: hostile texts get fewer and larger edits.
 */
export function editsBetween(before: string, after: string): Edit[] {
  const comparison = new Comparison()
  const whole = trimmed(before, after, { aStart: 0, aEnd: before.length, bStart: 0, bEnd: after.length })
  const lines = comparison.inText(
    { text: before, starts: linesOf(before, whole.aStart, whole.aEnd) },
    { text: after, starts: linesOf(after, whole.bStart, whole.bEnd) },
  )
  const changes = lines.flatMap((line) => {
    const change = trimmed(before, after, line)
    if (change.aStart === change.aEnd || change.bStart === change.bEnd) return [change]
    const a = wordsOf(before, change.aStart, change.aEnd, MOST_TOKENS)
    const b = wordsOf(after, change.bStart, change.bEnd, MOST_TOKENS)
    if (!a || !b) return [change]
    return withoutCrumbs(comparison.inText({ text: before, starts: a }, { text: after, starts: b }))
  })
  return atMost(MOST_EDITS, changes).flatMap((change) => {
    const { aStart, aEnd, bStart, bEnd } = trimmed(before, after, change)
    if (aStart === aEnd && bStart === bEnd) return []
    return [{ at: bStart, removed: aEnd - aStart, inserted: after.slice(bStart, bEnd) }]
  })
}

/** Two texts that have nothing to do with each other still share their blanks and articles: those are no anchors. */
function withoutCrumbs(changes: readonly Change[]): Change[] {
  const kept: Change[] = []
  for (const change of changes) {
    let last = change
    let previous = kept.at(-1)
    while (previous && 2 * gap(previous, last) <= Math.min(size(previous), size(last))) {
      last = joined(previous, last)
      kept.pop()
      previous = kept.at(-1)
    }
    kept.push(last)
  }
  return kept
}

function atMost(most: number, changes: readonly Change[]): readonly Change[] {
  if (changes.length <= most) return changes
  const gaps = changes.slice(1).map((change, i) => ({ i: i + 1, length: gap(changes[i]!, change) }))
  gaps.sort((left, right) => left.length - right.length || left.i - right.i)
  const closed = new Set(gaps.slice(0, changes.length - most).map(({ i }) => i))
  const result: Change[] = []
  changes.forEach((change, i) => {
    if (closed.has(i)) result.push(joined(result.pop()!, change))
    else result.push(change)
  })
  return result
}

const gap = (left: Change, right: Change): number => right.aStart - left.aEnd
const size = ({ aStart, aEnd, bStart, bEnd }: Change): number => Math.max(aEnd - aStart, bEnd - bStart)
const joined = (left: Change, right: Change): Change => ({
  aStart: left.aStart,
  aEnd: right.aEnd,
  bStart: left.bStart,
  bEnd: right.bEnd,
})

/** Without what both sides begin and end with. */
function trimmed(before: string, after: string, change: Change): Change {
  let { aStart, aEnd, bStart, bEnd } = change
  while (aStart < aEnd && bStart < bEnd && before[aStart] === after[bStart]) {
    aStart += 1
    bStart += 1
  }
  if (splitsPair(before, aStart) || splitsPair(after, bStart)) {
    aStart -= 1
    bStart -= 1
  }
  while (aStart < aEnd && bStart < bEnd && before[aEnd - 1] === after[bEnd - 1]) {
    aEnd -= 1
    bEnd -= 1
  }
  if (splitsPair(before, aEnd) || splitsPair(after, bEnd)) {
    aEnd += 1
    bEnd += 1
  }
  return { aStart, aEnd, bStart, bEnd }
}

/** A surrogate pair is the one code point above U+FFFF that begins a unit before `at`. */
const splitsPair = (text: string, at: number): boolean =>
  at > 0 && at < text.length && text.codePointAt(at - 1)! > 0xff_ff

/** Changes whose context would overlap are shown together. */
function grouped(changes: readonly Change[]): Change[][] {
  const groups: Change[][] = []
  for (const change of changes) {
    const group = groups.at(-1)
    if (group && gap(group.at(-1)!, change) <= 2 * CONTEXT) group.push(change)
    else groups.push([change])
  }
  return groups
}

function hunk(a: Tokenised, b: Tokenised, changes: readonly Change[]): StructuredPatchHunk {
  const first = changes[0]!
  const last = changes.at(-1)!
  const lead = Math.min(CONTEXT, first.aStart)
  const trail = Math.min(CONTEXT, a.starts.length - 1 - last.aEnd)
  const lines: string[] = []
  let shown = first.aStart - lead
  for (const { aStart, aEnd, bStart, bEnd } of changes) {
    show(' ', a, shown, aStart)
    show('-', a, aStart, aEnd)
    show('+', b, bStart, bEnd)
    shown = aEnd
  }
  show(' ', a, shown, last.aEnd + trail)
  return {
    oldStart: first.aStart - lead + 1,
    oldLines: last.aEnd + trail - (first.aStart - lead),
    newStart: first.bStart - lead + 1,
    newLines: last.bEnd + trail - (first.bStart - lead),
    lines,
  }

  function show(mark: string, { text, starts }: Tokenised, from: number, to: number): void {
    for (let i = from; i < to; i += 1) {
      const line = text.slice(starts[i], starts[i + 1])
      if (line.endsWith('\n')) lines.push(mark + line.slice(0, -1))
      else lines.push(mark + line, NO_NEWLINE)
    }
  }
}

/** What a line of the header can hold. */
const oneLine = (label: string): string => label.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
