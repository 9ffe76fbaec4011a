import { fit } from '../merge.ts'
import type { LiveDocument, Stick } from './document.ts'
import { occurrencesIn } from './occurrences.ts'

/** Where a comment stands in a document that is being edited: section 6. All offsets are UTF-16 units. */

/** What a client points at. */
export interface Pointed {
  readonly position: number
  readonly selection?: {
    readonly start: number
    readonly end: number
    readonly text?: string | null | undefined
  } | null
}

export interface Selection {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** Where it is now. */
export interface Standing {
  readonly position: number
  /** Null: it has none, or what was selected is not there. */
  readonly selection: Selection | null
  /** What was selected was deleted: it stands in the gap. */
  readonly isOrphaned: boolean
}

/** As it is in a row. */
export interface Anchors {
  readonly anchor: string
  readonly start_anchor: string | null
  readonly end_anchor: string | null
  readonly selected_text: string | null
  readonly occurrences: number
}

/** Units of a selected text that are shown and kept: a longer one is cut and ends in an ellipsis. */
const SHOWN = 10_000
/** How far from where it was said to be a selected text is looked for: what others type meanwhile moves it. */
const NEAR = 1_000
/** Shorter texts are not looked for in the whole document: the same letters may stand there by chance. */
const TELLING = 4
/** Units that are looked through for lost texts in one go: some ten milliseconds. */
const SOUGHT = 10_000_000

/**
 * Offsets past the end are the end, and no surrogate pair is cut. Where what is selected is not what the client says it
 * is, the nearest place where that stands is meant; when it stands nowhere near, the offsets are.
 */
export function locate({ text }: LiveDocument, { position, selection }: Pointed): Standing {
  const at = fit({ at: position, removed: 0, inserted: '' }, text).at
  if (!selection) return { position: at, selection: null, isOrphaned: false }
  const [from, to] = [Math.min(selection.start, selection.end), Math.max(selection.start, selection.end)]
  const range = rangeOf(text, from, to)
  const said = selection.text ?? ''
  if (said === '' || said.length > SHOWN || countOf(text.slice(range.start, range.end), said).count > 0) {
    return { position: at, selection: selectionAt(text, range), isOrphaned: false }
  }
  const low = Math.max(0, range.start - NEAR)
  const near = text.slice(low, Math.min(text.length, range.start + said.length + NEAR))
  const distance = (offset: number): number => Math.abs(offset - range.start)
  let found: number | undefined
  for (const offset of occurrencesIn(near, said)) {
    if (found === undefined || distance(low + offset) < distance(found)) found = low + offset
  }
  if (found === undefined) return { position: at, selection: selectionAt(text, range), isOrphaned: false }
  const moved = Math.max(0, at + found - range.start)
  return {
    position: fit({ at: moved, removed: 0, inserted: '' }, text).at,
    selection: selectionAt(text, rangeOf(text, found, found + said.length)),
    isOrphaned: false,
  }
}

/**
 * What was pointed at in the text after edit `told`, in the text as it is: a document may be ahead of what clients know
 * by what is just being committed.
 */
export function fromTold(document: LiveDocument, told: number, { position, selection }: Pointed): Pointed {
  const now = (offset: number, stick: Stick): number => document.moved(offset, told, stick) ?? offset
  const at = now(position, 'right')
  if (!selection) return { position: at }
  const start = now(Math.min(selection.start, selection.end), 'right')
  const end = Math.max(start, now(Math.max(selection.start, selection.end), 'left'))
  return { position: at, selection: { start, end, text: selection.text } }
}

/** What is typed inside the selection becomes part of it, what is typed at its edges does not. */
export function anchor(document: LiveDocument, { position, selection }: Standing): Anchors {
  const { text } = document
  // At the end of something it stays there, and does not go along with what is put behind it.
  const stick = position === text.length || position === selection?.end ? 'left' : 'right'
  const place = document.anchor(position, stick)
  if (!selection) return { anchor: place, start_anchor: null, end_anchor: null, selected_text: null, occurrences: 0 }
  const { start, end, text: selected } = selection
  const isWhole = selected.length === end - start
  return {
    anchor: place,
    start_anchor: document.anchor(start, 'right'),
    end_anchor: document.anchor(end, 'left'),
    selected_text: selected,
    occurrences: isWhole ? countOf(text.toString(), selected).count : 0,
  }
}

/** Where each of them stands now. @param onFound it had lost its text, which is there again: to be anchored anew */
export function standings<R extends Anchors>(
  document: LiveDocument,
  rows: readonly R[],
  onFound: (row: R, standing: Standing) => void,
): ReadonlyMap<R, Standing> {
  const anchors = rows.flatMap(({ anchor: place, start_anchor, end_anchor }) =>
    start_anchor === null || end_anchor === null ? [place] : [place, start_anchor, end_anchor],
  )
  const offsets = document.positionsOf(new Set(anchors))
  const seek = seeker(document)
  const found = new Map<R, Standing>()
  for (const row of rows) {
    let standing = standingOf(document, row, offsets)
    const again = standing.isOrphaned ? seek(row, offsets.get(row.start_anchor!)!) : undefined
    if (again !== undefined) {
      const selection = selectionAt(document.text, { start: again, end: again + row.selected_text!.length })
      standing = { position: again, selection, isOrphaned: false }
      onFound(row, standing)
    }
    found.set(row, standing)
  }
  return found
}

function standingOf({ text }: LiveDocument, row: Anchors, offsets: ReadonlyMap<string, number>): Standing {
  const position = offsets.get(row.anchor)!
  if (row.start_anchor === null || row.end_anchor === null) return { position, selection: null, isOrphaned: false }
  const [start, end] = [offsets.get(row.start_anchor)!, offsets.get(row.end_anchor)!]
  if (start < end) return { position, selection: selectionAt(text, { start, end }), isOrphaned: false }
  // Nothing was selected in the first place.
  if (row.selected_text === '') return { position, selection: { start, end: start, text: '' }, isOrphaned: false }
  return { position, selection: null, isOrphaned: true }
}

/**
 * Where a lost text stands again, which it does when there is as often as once was: in the gap it left, as when a
 * deletion is undone; or anywhere, where it was the only one of its kind.
 */
function seeker({ text }: LiveDocument): (row: Anchors, gap: number) => number | undefined {
  let whole: string | undefined
  let left = SOUGHT
  return ({ selected_text: lost, occurrences: before }, gap) => {
    if (lost === null || before === 0 || text.length > left) return undefined
    left -= text.length
    whole ??= text.toString()
    const { count, first } = countOf(whole, lost)
    if (count < before) return undefined
    // An editor puts it before what it had deleted, or behind it.
    for (const at of [gap, gap - lost.length]) if (at >= 0 && whole.startsWith(lost, at)) return at
    return count === 1 && lost.length >= TELLING ? first : undefined
  }
}

function countOf(text: string, sought: string): { readonly count: number; readonly first: number | undefined } {
  let count = 0
  let first: number | undefined
  for (const offset of occurrencesIn(text, sought)) {
    first ??= offset
    count += 1
  }
  return { count, first }
}

function rangeOf(text: LiveDocument['text'], from: number, to: number): Omit<Selection, 'text'> {
  if (from === to) {
    const { at } = fit({ at: from, removed: 0, inserted: '' }, text)
    return { start: at, end: at }
  }
  const { at, removed } = fit({ at: from, removed: to - from, inserted: '' }, text)
  return { start: at, end: at + removed }
}

function selectionAt(text: LiveDocument['text'], { start, end }: Omit<Selection, 'text'>): Selection {
  if (end - start <= SHOWN) return { start, end, text: text.slice(start, end) }
  const cut = text.slice(start, start + SHOWN)
  return { start, end, text: `${cut.isWellFormed() ? cut : cut.slice(0, -1)}…` }
}
