import { datesIn, type FoundDate } from '../dates.ts'
import { type Line, type Part } from '../draft.ts'
import type { Finding, FindingsOf } from '../finding.ts'

/** A date that a line gives to something that happens. */
interface Dated {
  readonly event: string
  readonly date: FoundDate
  /** Not after it, so that earlier is no contradiction. */
  readonly isLimit: boolean
  readonly section: string
}

/** Findings for one document. */
const MOST = 5
/** UTF-16 units before a date in which it is said what is on that date. */
const BEFORE = 80
const NAMES =
  'go[- ]live|launch(?:es)?|releases?|general availability|ga|code freeze|feature freeze|kick-?off|roll-?out|pilot' +
  '|(?:public |private |open |closed )?beta|alpha|deadline|ship(?:s|ping)?'
const LINK =
  '(?: date| day| target)? ?' +
  '(?:[:=|–—-]|is|will be|planned|scheduled|set|due|expected|targeted|on|in|for|by|at| ){0,12}'
const NAMED = new RegExp(`(?<![\\p{L}\\p{N}-])(?<name>${NAMES})(?<link>${LINK})$`, 'iu')
/** What was, or is no more, contradicts nothing. */
const past = [
  'was|were|had|originally|previously|formerly|initially|earlier|old|last|no longer|instead|not|unless|if|or',
  'moved|postponed|delayed|shifted|changed|rescheduled|until|before|after|since',
]
const PAST = new RegExp(`\\b(?:${past.join('|')})\\b`, 'i')
/** Words before a name that say no more of what it is. */
const PLAIN = new Set(
  `a an the our we to will this its is it and planned target targeted expected official product feature project date
for of at full final`.split(/\s+/),
)
/** What narrows it down behind the date. */
const NARROWED = /^[ ,]*(?:\(|(?:in|for|to|with|on|at|across|only|or)\b)/i

/** @returns undefined where it is not said what is on that date, or of what of it */
function datedBy(line: Line, date: FoundDate, part: Part): Dated | undefined {
  const before = line.text.slice(Math.max(0, date.start - BEFORE), date.start)
  const clause = before.slice(Math.max(before.lastIndexOf('. '), before.lastIndexOf('; '), -1) + 1)
  const found = NAMED.exec(clause)
  if (!found || PAST.test(clause) || NARROWED.test(line.text.slice(date.end, date.end + 12))) return undefined
  const words = clause.slice(0, found.index).toLowerCase().match(/[\p{L}\p{N}.]+/gu) ?? []
  const narrowing = words.slice(-3).filter((word) => !PLAIN.has(word))
  const event = [...narrowing, nameOf(found.groups!['name']!)].join(' ')
  // Under a heading of its own it is that one's, such as the launch in one country.
  const scope = part.level > 1 && part.own.size === 0 ? `${part.key}/` : ''
  return { event: scope + event, date, isLimit: /\bby\b/i.test(found.groups!['link']!), section: part.key }
}

const names: Readonly<Record<string, string>> = {
  launches: 'launch',
  releases: 'release',
  ships: 'ship',
  shipping: 'ship',
  ga: 'general availability',
  'go live': 'go-live',
}
const nameOf = (name: string): string => names[name.toLowerCase()] ?? name.toLowerCase()

function disagree(one: Dated, other: Dated): boolean {
  const isAfter = (a: Dated, b: Dated): boolean => a.date.firstDay > b.date.lastDay
  if (one.isLimit && other.isLimit) return isAfter(one, other) || isAfter(other, one)
  return (isAfter(one, other) && !one.isLimit) || (isAfter(other, one) && !other.isLimit)
}

/** The same event with two dates that cannot both be. */
function contradictions(parts: readonly Part[]): readonly Finding[] {
  const known = new Map<string, Dated>()
  const found = new Map<string, Finding>()
  for (const part of parts) {
    if (part.roles.has('history')) continue
    for (const line of part.lines) {
      const dates = datesIn(line.text)
      // Planned and actual, from and to: which of them counts is not for us to say.
      const dated = dates.length === 1 ? datedBy(line, dates[0]!, part) : undefined
      if (!dated) continue
      const before = known.get(dated.event)
      if (!before) known.set(dated.event, dated)
      else if (disagree(before, dated) && !found.has(dated.event)) found.set(dated.event, contradiction(before, dated))
    }
  }
  return [...found.values()]
}

function contradiction(one: Dated, other: Dated): Finding {
  const name = one.event.replace(/^.*\//, '')
  return {
    rule: 'conflicting-dates',
    subject: one.event,
    section: other.section,
    title: 'Settle a date',
    description: `“${name}” has two dates: ${one.date.text} and ${other.date.text}. Keep the one that is right.`,
    confidence: 0.75,
  }
}

const START = /^(?:start|starts|starting|start date|from|begin|begins|begin date|kick-?off)$/i
const END = /^(?:end|ends|ending|end date|to|until|finish|finishes|finish date|completion|done)$/i
const TO = /^ {0,2}(?:-|–|—|→|->|to|until|till|through)\s{0,2}$/i
const BEFORE_RANGE = /\b(?:moved|postponed|delayed|shifted|changed|rescheduled|brought forward|pulled in|was|vs\.?)\b/i

/** Ends before they begin: `from … to …`, and tables with a column for each. */
function reversals(parts: readonly Part[]): readonly Finding[] {
  const found = new Map<string, Finding>()
  for (const part of parts) {
    let columns: readonly [start: number, end: number] | undefined
    for (const line of part.lines) {
      if (line.kind === 'header') columns = columnsOf(line)
      for (const [first, last] of line.kind === 'row' ? pairOf(line, columns) : rangesOf(line)) {
        if (last.lastDay >= first.firstDay) continue
        const subject = `${first.text}/${last.text}`
        found.set(subject, reversal(part, subject, first, last))
      }
    }
  }
  return [...found.values()]
}

type Range = readonly [first: FoundDate, last: FoundDate]

function rangesOf({ text }: Line): readonly Range[] {
  const dates = datesIn(text)
  return dates.slice(1).flatMap((last, at): readonly Range[] => {
    const first = dates[at]!
    const isRange = TO.test(text.slice(first.end, Math.min(last.start, first.end + 16)))
    const isMove = BEFORE_RANGE.test(text.slice(Math.max(0, first.start - BEFORE), first.start))
    return isRange && last.start - first.end < 16 && !isMove ? [[first, last]] : []
  })
}

function columnsOf({ cells }: Line): readonly [number, number] | undefined {
  const start = cells.findIndex((cell) => START.test(cell))
  const end = cells.findIndex((cell) => END.test(cell))
  return start < 0 || end < 0 ? undefined : [start, end]
}

function pairOf({ cells }: Line, columns: readonly [number, number] | undefined): readonly Range[] {
  const [first, last] = (columns ?? []).map((column) => datesIn(cells[column] ?? '')[0])
  return first && last ? [[first, last]] : []
}

function reversal({ key }: Part, subject: string, first: FoundDate, last: FoundDate): Finding {
  return {
    rule: 'conflicting-dates',
    subject,
    section: key,
    title: 'Check the order of two dates',
    description: `It begins ${first.text} and ends ${last.text}, which is earlier. Put them right.`,
    confidence: 0.85,
  }
}

/**
 * The same event with two dates that exclude each other (confidence 0.75), and what ends before it begins (0.85).
 * Events are the few that product documents have: launch, release, beta, pilot, freeze, kick-off, deadline, each with
 * the words before it. At most five.
 */
export const conflictingDates: FindingsOf = ({ parts }) =>
  [...contradictions(parts), ...reversals(parts)].slice(0, MOST)
