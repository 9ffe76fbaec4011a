/** A day, a month, a quarter or a half of a year, as it stands in a text. Days are counted from 1970-01-01. */
export interface FoundDate {
  readonly text: string
  /** Where it stands in the line, UTF-16 units. */
  readonly start: number
  readonly end: number
  readonly firstDay: number
  readonly lastDay: number
}

const MONTH =
  '(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?' +
  '|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)'
const YEAR = '[12]\\d{3}'

/**
 * ISO, `26 January 2024`, `January 26, 2024`, `January 2024`, `Q2 2026`, `2026-Q2`, `H1 2026`. Days without a year, and
 * those that are written with figures only in an order that depends on the country, are none.
 */
const forms = [
  `(?<iso>${YEAR}-\\d{2}-\\d{2})(?:T[\\d:.]{4,12}Z?)?`,
  `(?<day>\\d{1,2})(?:st|nd|rd|th)? {1,2}(?:of )?(?<dayMonth>${MONTH})\\.?,? {1,2}(?<dayYear>${YEAR})`,
  `(?<monthFirst>${MONTH})\\.? {1,2}(?<monthDay>\\d{1,2})(?:st|nd|rd|th)?,? {1,2}(?<monthDayYear>${YEAR})`,
  `(?<month>${MONTH})\\.?,? {1,2}(?<monthYear>${YEAR})`,
  `(?<part>[qh])(?<number>[1-4])[ /-]{1,2}(?<partYear>${YEAR})`,
  `(?<yearFirst>${YEAR})[ /-]{1,2}(?<yearPart>[qh])(?<yearNumber>[1-4])`,
]
const DATE = new RegExp(`(?<![\\p{L}\\p{N}])(?:${forms.join('|')})(?![\\p{L}\\p{N}])`, 'giu')
const CAN_HAVE = /[12]\d{3}/
const MONTHS = 'janfebmaraprmayjunjulaugsepoctnovdec'
const DAY_MS = 86_400_000

/** In their order. */
export function datesIn(line: string): readonly FoundDate[] {
  if (!CAN_HAVE.test(line)) return []
  const found: FoundDate[] = []
  for (const match of line.matchAll(DATE)) {
    const days = daysOf(match.groups!)
    if (days) found.push({ ...days, text: match[0], start: match.index, end: match.index + match[0].length })
  }
  return found
}

export const withoutDates = (line: string): string => line.replace(DATE, ' ')

type Days = Pick<FoundDate, 'firstDay' | 'lastDay'>

/** Undefined for one that is in no calendar. */
function daysOf(groups: Readonly<Record<string, string | undefined>>): Days | undefined {
  const { iso, day, monthFirst, month, part, yearFirst } = groups
  if (iso !== undefined) return single(Number(iso.slice(0, 4)), Number(iso.slice(5, 7)) - 1, Number(iso.slice(8, 10)))
  if (day !== undefined) return single(Number(groups['dayYear']), monthOf(groups['dayMonth']!), Number(day))
  if (monthFirst !== undefined) {
    return single(Number(groups['monthDayYear']), monthOf(monthFirst), Number(groups['monthDay']))
  }
  if (month !== undefined) return months(Number(groups['monthYear']), monthOf(month), 1)
  if (part !== undefined) return partOf(Number(groups['partYear']), part, Number(groups['number']))
  return partOf(Number(yearFirst), groups['yearPart']!, Number(groups['yearNumber']))
}

const monthOf = (name: string): number => MONTHS.indexOf(name.slice(0, 3).toLowerCase()) / 3

const dayOf = (year: number, month: number, day: number): number => Date.UTC(year, month, day) / DAY_MS

function single(year: number, month: number, day: number): Days | undefined {
  const isThere = month >= 0 && month < 12 && day >= 1 && day <= dayOf(year, month + 1, 1) - dayOf(year, month, 1)
  return isThere ? { firstDay: dayOf(year, month, day), lastDay: dayOf(year, month, day) } : undefined
}

function partOf(year: number, part: string, number: number): Days | undefined {
  const length = part.toLowerCase() === 'q' ? 3 : 6
  return number * length <= 12 ? months(year, (number - 1) * length, length) : undefined
}

const months = (year: number, first: number, count: number): Days => ({
  firstDay: dayOf(year, first, 1),
  lastDay: dayOf(year, first + count, 1) - 1,
})
