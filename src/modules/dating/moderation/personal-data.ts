import { cardsIn, ibansIn } from './accounts.ts'
import { addressesIn } from './addresses.ts'
import { createLinks, emailsIn, handlesIn } from './contacts.ts'
import { runsOf } from './digits.ts'
import { covered, createFold, joined } from './fold.ts'
import type { Folded, Span } from './fold.ts'
import { createPhones, withoutOtherNumbers } from './phones.ts'

/** Personal data by which somebody is reached or paid outside. */
export type Kind = 'email' | 'phone' | 'link' | 'handle' | 'card' | 'iban' | 'address'

export interface PersonalDataGuard {
  /**
   * Covers personal data with one `•` for each code point, everything else as it was: the text never gets longer.
   * Linear in the length; never throws. What is covered has nothing left to cover.
   * @returns found: the kinds covered, each once
   */
  mask(text: string): { readonly text: string; readonly found: readonly Kind[] }
}

/** What is covered may leave something behind that is a number now: looked at again, and again in hostile texts. */
const MOST_ROUNDS = 8

/**
 * @param regions whose numbers are known without their country code, ISO 3166-1 codes: each costs some 20 µs at every
 *   text with seven digits
 * @throws RangeError for an unknown region
 */
export function createPersonalDataGuard({ regions }: { readonly regions: readonly string[] }): PersonalDataGuard {
  const fold = createFold({ letters: false })
  const phones = createPhones(regions)
  const linksIn = createLinks()

  const find = (folded: Folded, original: string): ReadonlyMap<Kind, readonly Span[]> => {
    const { text } = folded
    const found = new Map<Kind, Span[]>()
    const taken = new Taken(text.length)
    const take = (kind: Kind, spans: readonly Span[]): void => {
      const free = spans.filter((span) => taken.take(span))
      if (free.length > 0) found.set(kind, [...(found.get(kind) ?? []), ...free])
    }
    const isCapital = (at: number): boolean => {
      const { start } = folded.span(at, at + 1)
      return /^\p{Lu}/u.test(original.slice(start, start + 2))
    }
    take('iban', ibansIn(text))
    if (MAIL.test(text)) take('email', emailsIn(text))
    take('link', linksIn(text))
    const numbers = withoutOtherNumbers(text)
    const runs = runsOf(taken.blank(numbers))
    // The form of a card is stricter than that of a date.
    for (const run of runsOf(taken.blank(text))) take('card', cardsIn(run))
    take('phone', phones.find(numbers, runs))
    take('handle', handlesIn(text))
    take('address', addressesIn(text, isCapital))
    return found
  }

  return {
    mask(text) {
      let out = text
      const kinds = new Set<Kind>()
      for (let round = 0; round < MOST_ROUNDS; round += 1) {
        const folded = fold(out)
        if (!mayHold(folded.text)) break
        const found = find(folded, out)
        if (found.size === 0) break
        for (const kind of found.keys()) kinds.add(kind)
        out = covered(out, joined([...found.values()].flat().map(({ start, end }) => folded.span(start, end))), '•')
      }
      return { text: out, found: [...kinds] }
    },
  }
}

const MAIL = /[@[({<]|\bat\b|mail|gmx|yahoo|icloud|outlook|arroba|klammeraffe|arobase|chiocciola/
/** A text with none of these has nothing; most have none. */
const SIGNS = /[\d@#:=/.[({<]/
const WORDS = new RegExp(
  'mail\\b|\\b(?:gmx|yahoo|icloud|outlook|at|arroba|dot|punkt|point|punto|ponto|insta|ig|snap|sc|tele|tg|whats|' +
    'wa|kik|signal|discord|fb|messenger|tik|twitter|wechat|viber|threema|skype|onlyfans|linkedin|' +
    'reddit|twitch|threads|wickr|line|klammeraffe|arobase|chiocciola|facebook|instagram|telegram|' +
    'snapchat|whatsapp|tiktok)\\b',
)
/** Four words in a row that are short enough to be digits: spelled numbers. */
const SPELLED = /(?:\b\p{L}{1,7}\b[^\p{L}\p{N}]{1,4}){3}/u

const mayHold = (text: string): boolean => SIGNS.test(text) || WORDS.test(text) || SPELLED.test(text)

/** Which parts of a text are spoken for: what is found first counts. */
class Taken {
  readonly #units: Uint8Array

  constructor(length: number) {
    this.#units = new Uint8Array(length)
  }

  /** @returns whether all of it was free; it is not from now on */
  take({ start, end }: Span): boolean {
    for (let i = start; i < end; i += 1) if (this.#units[i] === 1) return false
    this.#units.fill(1, start, end)
    return true
  }

  /** The text with signs that part digits instead of what is taken. */
  blank(text: string): string {
    if (!this.#units.includes(1)) return text
    let out = ''
    for (let i = 0; i < text.length; i += 1) out += this.#units[i] === 1 ? '•' : text[i]
    return out
  }
}
