import { createFilter } from './filter.ts'
import { createPersonalDataGuard } from './personal-data.ts'
import { createPhones } from './phones.ts'
import { createSplitNumber } from './window.ts'
import { runsOf } from './digits.ts'
import { covered, createFold } from './fold.ts'
import type { Language } from './words.ts'

export { createFilter } from './filter.ts'
export type { Filter } from './filter.ts'
export { createPersonalDataGuard } from './personal-data.ts'
export type { Kind, PersonalDataGuard } from './personal-data.ts'
export { LANGUAGES } from './words.ts'
export type { Language } from './words.ts'

export interface ModerationSettings {
  readonly languages: readonly Language[]
  /** ISO 3166-1 codes of the countries whose phone numbers are known without their country code. */
  readonly regions: readonly string[]
  /** With profanity: the message is sent with it covered, or is not sent. */
  readonly mode: 'mask' | 'refuse'
}

export interface Context {
  /** The sender's last messages in this conversation as they were written, newest last; a few are enough. */
  readonly previous: readonly string[]
  /** Both have agreed to share how to reach each other: personal data stays. */
  readonly sharesPersonal: boolean
}

export interface Review {
  /** What may be shown: as long as the original in code points. */
  readonly text: string
  /** It must not be sent. */
  readonly refused: boolean
  /** Something was covered. */
  readonly masked: boolean
}

export interface Moderation {
  /** Linear in the length of the text; never throws; the text reaches no log. */
  review(text: string, context: Context): Review
}

/** @throws RangeError for a language without a list and for an unknown region. Costly once: create one and keep it. */
export function createModeration({ languages, regions, mode }: ModerationSettings): Moderation {
  const filter = createFilter({ languages })
  const guard = createPersonalDataGuard({ regions })
  const splitNumber = createSplitNumber(createPhones(regions).isNumber)
  return {
    review(text, { previous, sharesPersonal }) {
      const clean = filter.mask(text)
      const refused = mode === 'refuse' && clean.hits > 0
      if (sharesPersonal) return { text: clean.text, refused, masked: clean.hits > 0 }
      const safe = guard.mask(clean.text)
      const out = splitNumber(previous, text) ? withoutDigits(safe.text) : safe.text
      return { text: out, refused, masked: out !== text }
    },
  }
}

const fold = createFold({ letters: false })

/** The end of a number begun in another message. */
function withoutDigits(text: string): string {
  const folded = fold(text)
  const spans = runsOf(folded.text).flatMap(({ groups }) => groups.map(({ start, end }) => folded.span(start, end)))
  return covered(text, spans, '•')
}
