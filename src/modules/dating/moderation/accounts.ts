import type { Run } from './digits.ts'
import type { Span } from './fold.ts'

/** Lengths of a payment card's number by its first digits (ISO/IEC 7812, as the schemes publish them). */
const CARDS: readonly (readonly [prefix: RegExp, lengths: readonly number[]])[] = [
  [/^4/, [16, 19]],
  [/^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
  [/^3[47]/, [15]],
  [/^3(0[0-5]|[68])/, [14]],
  [/^(6011|64[4-9]|65)/, [16, 19]],
  [/^35(2[89]|[3-8])/, [16]],
  [/^62/, [16, 17, 18, 19]],
  [/^(50|5[6-9]|6[37])/, [13, 14, 15, 16, 17, 18, 19]],
]
const LONGEST_CARD = 19
const SHORTEST_CARD = 13
const CARD_GAP = /^[\s\-._/]{0,3}$/

/** ISO 7812-1 annex B. */
export function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits[digits.length - 1 - i])
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2
  }
  return sum % 10 === 0
}

const isCard = (digits: string): boolean =>
  CARDS.some(([prefix, lengths]) => lengths.includes(digits.length) && prefix.test(digits)) &&
  !/^(\d)\1+$/.test(digits) &&
  passesLuhn(digits)

/** @returns the payment cards of a run; a number begun by a plus is a phone's */
export function cardsIn({ groups, gaps, plus }: Run): readonly Span[] {
  const out: Span[] = []
  if (plus) return out
  for (let i = 0; i < groups.length; i += 1) {
    let digits = ''
    for (let j = i; j < groups.length && digits.length < LONGEST_CARD; j += 1) {
      if (j > i && !CARD_GAP.test(gaps[j - 1]!)) break
      digits += groups[j]!.digits
      if (digits.length < SHORTEST_CARD || digits.length > LONGEST_CARD || !isCard(digits)) continue
      out.push({ start: groups[i]!.start, end: groups[j]!.end })
      i = j
      break
    }
  }
  return out
}

/** Characters of an IBAN by country (SWIFT's IBAN registry). */
const IBANS: Readonly<Record<string, number>> = Object.fromEntries(
  (
    'ad24 ae23 al28 at20 az28 ba20 be16 bg22 bh22 br29 by28 ch21 cr22 cy28 cz24 de22 dk18 do28 ee20 eg29 es24 fi18 ' +
    'fo18 fr27 gb22 ge22 gi23 gl18 gr27 gt28 hr21 hu28 ie22 il23 iq23 is26 it27 jo30 kw30 kz20 lb28 lc32 li21 lt20 ' +
    'lu20 lv21 ly25 mc27 md24 me22 mk19 mr27 mt31 mu30 nl18 no15 pk24 pl28 ps29 pt25 qa29 ro24 rs22 sa24 sc31 sd18 ' +
    'se24 si19 sk24 sm27 st25 sv28 tl23 tn24 tr26 ua29 va22 vg24 xk20'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))] as const),
)
const isAlphanumeric = (char: string): boolean => (char >= 'a' && char <= 'z') || (char >= '0' && char <= '9')
const IBAN_START = /(?<![\p{L}\p{N}])([a-z]{2})[ \-.]?\d[ \-.]?\d/gu

/** @param text small letters @returns where the bank accounts are: length of the country, check digits by mod 97 */
export function ibansIn(text: string): readonly Span[] {
  const out: Span[] = []
  for (const match of text.matchAll(IBAN_START)) {
    const length = IBANS[match[1]!]
    if (length === undefined || match.index < (out.at(-1)?.end ?? 0)) continue
    let account = ''
    let at = match.index
    for (; at < text.length && account.length < length; at += 1) {
      const char = text[at]!
      if (isAlphanumeric(char)) account += char
      else if (!' -.\u00a0'.includes(char) || !isAlphanumeric(text[at + 1] ?? '')) break
    }
    if (account.length === length && remainder97(account) === 1) out.push({ start: match.index, end: at })
  }
  return out
}

/** ISO 7064, MOD 97-10: the first four characters go to the end, letters are 10 to 35. */
export function remainder97(account: string): number {
  let rest = 0
  for (const char of account.slice(4) + account.slice(0, 4)) {
    const value = parseInt(char, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest
}
