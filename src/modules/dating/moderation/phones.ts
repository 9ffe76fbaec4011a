import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import type { CountryCode } from 'libphonenumber-js/max'
import type { Group, Run } from './digits.ts'
import type { Span } from './fold.ts'

/** E.164: no number is longer; shorter ones are not told from other numbers. */
const MOST_DIGITS = 15
const FEWEST_DIGITS = 7
/** Numbers looked up in one text, each in every region: what is left of longer texts is judged by its form alone. */
const MOST_LOOKUPS = 40
const MOST_LOOKUPS_OF_A_RUN = 12
const STANDARD_GAP = /^[\s\-‐-―.()/]{0,4}$/
const SAID_TO_BE =
  /(?:call|text|ring|phone|number|mobile|cell|tel|whatsapp|nummer|numero|ruf|handy|sms|wa|fon)\b[^\d•]{0,25}$/

/** Numbers that are something else, in parts: dates, times, years, amounts. Blanked before digits are looked for. */
const NOT_PHONES: readonly RegExp[] = [
  /(?<![\d+][-/. ]?)(?:19|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?![-/.]?\d)/g,
  /(?<![\d+][-/. ]?)(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|[12]\d|3[01])\1(?:(?:19|20)\d\d|\d\d)(?![-/. ]?\d)/g,
  /(?<![\d+])(?:19|20)\d\d(?: ?[-/,] ?(?:19|20)\d\d)+(?![-/. ]?\d)/g,
  /(?<![\d+][-/. ]?)\d{1,2}:[0-5]\d(?::[0-5]\d)?(?!\d)/g,
  /(?<![\d+][-/.: ]?)\d{1,5}[.,]\d{1,2}(?![-/.: ]?\d)/g,
  new RegExp(
    "(?<![\\d+][-/. ]?)[1-9]\\d{0,2}(?:([.,' ])\\d{3})(?:\\1\\d{3})*(?:[.,]\\d{1,2})?" +
      '(?= ?(?:[€$£¥%]|eur|usd|gbp|dollar|pound|people|followers|km|miles|million))',
    'g',
  ),
  /(?<![\d+][-/. ]?)(?:\d|[1-9]\d{3,})[.,]\d{3,}(?![-/.: ]?\d)/g,
  /(?<=[€$£¥] ?)\d{1,12}(?:[.,]\d{1,3}){0,4}(?!\d)/g,
  /(?<![\d+][-/. ]?)[1-9]\d{0,2}(?:,\d{3})+(?:\.\d{1,2})?(?![-/. ]?\d)/g,
  /(?<![\d+][-/. ]?)[1-9]\d{0,2}(?:[. ]000)+(?![-/. ]?\d)/g,
  /(?<![\d+][-/. ]?)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?![-/. ]?\d)/g,
]

/** @returns the folded text with one letter that no number has instead of dates, times and amounts, of equal length */
export function withoutOtherNumbers(text: string): string {
  let out = text
  for (const pattern of NOT_PHONES) out = out.replaceAll(pattern, (match) => 'x'.repeat(match.length))
  return out
}

export interface Phones {
  /** @param text the folded text the runs are of; call once for a text: the work of it is bounded */
  find(text: string, runs: readonly Run[]): readonly Span[]
  /** Digits, with or without a plus, that a region of ours gives out. */
  readonly isNumber: (digits: string) => boolean
}

/** @throws RangeError for a region libphonenumber does not know */
export function createPhones(regions: readonly string[]): Phones {
  const countries = regions.map((region): CountryCode => {
    if (!isSupportedCountry(region)) throw new RangeError(`regions: ${region} is no ISO 3166-1 code of two capitals`)
    return region
  })
  const isNumber = (digits: string): boolean => {
    const international = digits.startsWith('00') ? `+${digits.slice(2)}` : digits
    if (international.startsWith('+')) return parsePhoneNumberFromString(international)?.isValid() === true
    return countries.some((country) => {
      const number = parsePhoneNumberFromString(digits, { defaultCountry: country, extract: false })
      return number?.isValid() === true
    })
  }
  return {
    isNumber,
    find(text, runs) {
      let lookups = 0
      const out: Span[] = []
      for (const run of runs) {
        let left = MOST_LOOKUPS_OF_A_RUN
        for (const part of partsOf(run)) {
          const found = holdsPhone(part, (digits) => {
            lookups += 1
            left -= 1
            return lookups > MOST_LOOKUPS || (left >= 0 && isNumber(digits))
          })
          // With the digits beside it: what is left of them would be half a number, or another one.
          if (found || isSaid(text, part)) out.push({ start: part.start, end: part.groups.at(-1)!.end })
        }
      }
      return out
    },
  }
}

interface Part {
  readonly groups: readonly Group[]
  readonly gaps: readonly string[]
  readonly plus: boolean
  /** Of the plus, the bracket or the first digit. */
  readonly start: number
}

/** A number has gaps of its usual kinds, or all alike, or is written digit by digit. */
function partsOf({ groups, gaps, plus, start }: Run): readonly Part[] {
  const digits = groups.reduce((sum, group) => sum + group.digits.length, 0)
  if (digits < FEWEST_DIGITS) return []
  const single = groups.every((group) => group.digits.length === 1 || group.spelled)
  const alike = !/[:,]/.test(gaps[0] ?? '') && gaps.every((gap) => gap === gaps[0])
  // A list of numbers has commas; so has a number, which begins with a zero.
  const begins = plus || groups[0]!.digits.startsWith('0')
  const listed = begins && gaps.every((gap) => gap === gaps[0] && gap.includes(','))
  if (single || alike || listed || gaps.every((gap) => STANDARD_GAP.test(gap))) return [{ groups, gaps, plus, start }]
  const parts: Part[] = []
  let from = 0
  for (let i = 0; i <= gaps.length; i += 1) {
    if (i < gaps.length && STANDARD_GAP.test(gaps[i]!)) continue
    const own = groups.slice(from, i + 1)
    const first = from === 0
    parts.push({ groups: own, gaps: gaps.slice(from, i), plus: first && plus, start: first ? start : own[0]!.start })
    from = i + 1
  }
  return parts
}

function holdsPhone({ groups, plus }: Part, isNumber: (digits: string) => boolean): boolean {
  const lengths = groups.map((group) => group.digits.length)
  const spelled = groups.filter((group) => group.spelled).length
  const whole = groups.map((group) => group.digits).join('')
  // Nobody writes this many digits one by one, or in words, but to tell a number.
  if (spelled >= 3 && !isCounting(groups)) return true
  if (lengths.every((length) => length === 1) && groups.length > MOST_DIGITS) return true
  if (groups.length > 1 && groups.every((group) => /^(19|20)\d\d$/.test(group.digits))) return false
  if (isCounting(groups)) return false
  if (whole.length <= MOST_DIGITS + 2 && isNumber((plus ? '+' : '') + whole)) return true
  for (const [i, j] of windowsOf(lengths)) {
    if (i === 0 && j === groups.length) continue
    const some = groups.slice(i, j)
    const digits = some.map((group) => group.digits).join('')
    if (isNumber((plus && i === 0 ? '+' : '') + digits)) return true
  }
  return false
}

/** Neighbouring groups that may be a number, longest first, from the left and from the right. */
function windowsOf(lengths: readonly number[]): readonly (readonly [from: number, to: number])[] {
  const out: { from: number; to: number; digits: number }[] = []
  // A run longer than this is no number with something beside it.
  const last = Math.min(lengths.length, 24)
  for (let from = 0; from < last; from += 1) {
    let digits = 0
    for (let to = from; to < last && digits <= MOST_DIGITS; to += 1) {
      digits += lengths[to]!
      if (digits >= 8 && digits <= MOST_DIGITS) out.push({ from, to: to + 1, digits })
    }
  }
  return out
    .sort((a, b) => b.digits - a.digits)
    .slice(0, MOST_LOOKUPS_OF_A_RUN)
    .map(({ from, to }) => [from, to])
}

/** 1 2 3 4 5 6 7 */
function isCounting(groups: readonly Group[]): boolean {
  if (groups.length < 4) return false
  const step = Number(groups[1]!.digits) - Number(groups[0]!.digits)
  return (
    Math.abs(step) === 1 &&
    groups.every((group, i) => i === 0 || Number(group.digits) - Number(groups[i - 1]!.digits) === step)
  )
}

/** The words before say that it is a number to call, of a region that is not ours or not quite one. */
function isSaid(text: string, { groups, start, plus }: Part): boolean {
  const digits = groups.reduce((sum, group) => sum + group.digits.length, 0)
  if (digits < FEWEST_DIGITS || digits > MOST_DIGITS) return false
  return plus || SAID_TO_BE.test(text.slice(Math.max(0, start - 40), start))
}
