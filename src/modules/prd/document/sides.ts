import type { LoggedEdit } from '../merge.ts'
import type { LiveDocument } from './document.ts'

/** The text of each of two people where their edits met (section 5.3), followed through the edits since. */

/** Of the two people of a conflict, the first or the second. */
export type Side = 0 | 1
export type Accounts = readonly [first: number, second: number]

/** UTF-16 offsets of text that one of them put there. */
export interface Range {
  readonly side: Side
  readonly from: number
  readonly to: number
}

export interface Sides {
  /** None empty, from left to right, none that touches another of its side. What is between them is neither's. */
  readonly ranges: readonly Range[]
  /** When each of the two last did something there, wall-clock milliseconds. */
  readonly times: readonly [number, number]
}

/**
 * What somebody goes on typing where their edit met another's is part of it: a change is what was typed in one go, and
 * not the letter that happened to be first. After so many milliseconds it is something new.
 */
const RUN_MS = 10_000

/** Most edits of one person that one edit met and that are followed; what was typed on from there is with them. */
export const PARTS = 32
/** Most ranges that are kept; those of two changes are two mostly, and more where others have typed within them. */
const RANGES = 64

const nothing: Sides = { ranges: [], times: [0, 0] }

/**
 * Where the two texts stand now.
 * @param parts numbers of the edits that met
 */
export function trace(document: LiveDocument, accounts: Accounts, parts: ReadonlySet<number>): Sides {
  return advance(document, nothing, Math.min(...parts) - 1, accounts, parts)
}

/** Both in one. */
export function join(a: Sides, b: Sides): Sides {
  const [first, second] = [0, 1].map((side) => Math.max(a.times[side]!, b.times[side]!))
  return { ranges: sorted([...a.ranges, ...b.ranges]), times: [first!, second!] }
}

export const hasAll = (whole: Sides, part: Sides): boolean =>
  part.ranges.every(({ side, from, to }) =>
    whole.ranges.some((range) => range.side === side && range.from <= from && to <= range.to),
  )

/** They are in one place. */
export const touch = (a: Sides, b: Sides): boolean => {
  const [hull, other] = [hullOf(a), hullOf(b)]
  return hull !== undefined && other !== undefined && hull.from <= other.to && other.from <= hull.to
}

export const textOf = ({ text }: LiveDocument, { ranges }: Sides, side: Side): string =>
  ranges
    .filter((range) => range.side === side)
    .map(({ from, to }) => text.slice(from, to))
    .join('')

/* In a row. */

interface Written extends Sides {
  /** The edit after which they stood so. */
  readonly seq: number
  /** The first and the last character of each range, for when the edits since then are not at hand. */
  readonly anchors: readonly (readonly [start: string, end: string])[]
}

/** As JSON text. */
export function write(document: LiveDocument, { ranges: all, times }: Sides): string {
  const ranges = all.slice(0, RANGES)
  const anchors = ranges.map(({ from, to }) => [document.anchor(from, 'right'), document.anchor(to, 'left')] as const)
  return JSON.stringify({ seq: document.seq, times, ranges, anchors } satisfies Written)
}

/** As they stand now. */
export function read(document: LiveDocument, json: string, accounts: Accounts): Sides {
  const written = JSON.parse(json) as Written
  if (written.seq <= document.seq && written.seq + 1 >= document.log.first) {
    return advance(document, written, written.seq, accounts)
  }
  const ranges = written.ranges.map(({ side }, i) => {
    const [start, end] = written.anchors[i]!
    return { side, from: document.positionOf(start), to: document.positionOf(end) }
  })
  return { ranges: sorted(ranges), times: written.times }
}

/** Edits since they were written. */
export const ageOf = (document: LiveDocument, json: string): number => document.seq - (JSON.parse(json) as Written).seq

function advance(
  { log }: LiveDocument,
  sides: Sides,
  after: number,
  accounts: Accounts,
  parts: ReadonlySet<number> = new Set(),
): Sides {
  let now = sides
  for (let seq = Math.max(after + 1, log.first); seq <= log.last; seq += 1) {
    const edit = log.at(seq)
    if (parts.has(seq) || isNear(now, edit)) now = pass(now, edit, accounts, parts.has(seq))
    else now = { ...now, ranges: shift(now.ranges, edit) }
  }
  return now
}

const isNear = ({ ranges }: Sides, { at, removed }: LoggedEdit): boolean =>
  ranges.some(({ from, to }) => from <= at + removed && at <= to)

/** @param ranges that the edit does not touch */
function shift(ranges: readonly Range[], { at, removed, inserted }: LoggedEdit): readonly Range[] {
  const growth = inserted.length - removed
  const first = ranges.findIndex(({ from }) => from > at)
  if (growth === 0 || first < 0) return ranges
  return ranges.map((range, i) => (i < first ? range : { ...range, from: range.from + growth, to: range.to + growth }))
}

/** @param edit that touches them, or one of those that met */
function pass({ ranges, times }: Sides, edit: LoggedEdit, [first, second]: Accounts, isPart: boolean): Sides {
  const { at, removed, inserted, accountId, time } = edit
  const end = at + removed
  const side = accountId === first ? 0 : accountId === second ? 1 : undefined
  const isTheirs = side !== undefined && (isPart || time - times[side] <= RUN_MS)
  const growth = inserted.length - removed
  const next = ranges.flatMap((range) => [
    { ...range, to: Math.min(range.to, at) },
    { ...range, from: Math.max(range.from, end) + growth, to: range.to + growth },
  ])
  if (!isTheirs) return { ranges: sorted(next), times }
  next.push({ side, from: at, to: at + inserted.length })
  return { ranges: sorted(next), times: side === 0 ? [time, times[1]] : [times[0], time] }
}

function sorted(ranges: readonly Range[]): readonly Range[] {
  const whole: Range[] = []
  for (const range of ranges.filter(({ from, to }) => from < to).sort((a, b) => a.from - b.from)) {
    const last = whole.at(-1)
    if (last?.side === range.side && range.from <= last.to) {
      whole[whole.length - 1] = { ...last, to: Math.max(last.to, range.to) }
    } else whole.push(range)
  }
  return whole
}

function hullOf({ ranges }: Sides): { readonly from: number; readonly to: number } | undefined {
  const [first, last] = [ranges[0], ranges.at(-1)]
  return first && last && { from: first.from, to: last.to }
}
