import { DataSet, RegExpMatcher, englishDataset, englishRecommendedTransformers, parseRawPattern } from 'obscenity'
import { covered, createFold, joined } from './fold.ts'
import type { Folded, Span } from './fold.ts'
import { LANGUAGES, WORDS } from './words.ts'
import type { Language, Words } from './words.ts'

export interface Filter {
  /**
   * Covers profanity: whole words, one `*` for each code point, everything else as it was. Linear in the length; never
   * throws. What is covered has nothing left to cover.
   * @returns hits: how many places were covered
   */
  mask(text: string): { readonly text: string; readonly hits: number }
}

/** A word as it is written, or letters one by one with something between them. */
interface Token extends Span {
  /** Small letters and digits, signs read as letters. */
  readonly word: string
  /** As it stands in the folded text. */
  readonly raw: string
  /** Of letters one by one: those that have the same between them, `f u c k` in `"f u c k" I`. */
  readonly parts: readonly string[]
}

/** Signs in the middle of a word are letters or stand for them; four of them are a wall. */
const TOKEN = /[@$€]?[a-z0-9](?:[a-z0-9]|[@$!|+(<#*?€£¢¥¡%&^~]{1,3}(?=[a-z0-9]))*[@$+]?/g
const SIGNS = /[@$!|+(<#*?€£¢¥¡%&^~]/
const LETTER = /[a-z]/
/** `480s`, `945ms` */
const QUANTITY = /^\d{2,}[a-z]{1,2}$/
const LEET: Readonly<Record<string, string>> = {
  '@': 'a',
  $: 's',
  '!': 'i',
  '|': 'i',
  '+': 't',
  '(': 'c',
  '<': 'c',
  '€': 'e',
  '£': 'l',
  '¢': 'c',
  '¥': 'y',
  '¡': 'i',
  0: 'o',
  1: 'i',
  3: 'e',
  4: 'a',
  5: 's',
  7: 't',
  8: 'b',
  9: 'g',
}
/** Nothing can be read over these: what was covered before, and letters of other alphabets. */
const WALL = /\*\*|••|[\p{L}\p{N}]/u
/** Between the two halves of a word. */
const HYPHEN = /^(?:\s|[-._~,·•+/\\:;]{1,2})$/
/** Between the words of what is compared: two signs that are no letters, for one is `?` in a pattern. */
const BETWEEN = ' ;'
const BARRIER = ' ; : '
/** Of units compared at once: comparing is quadratic in the hits of obscenity's own list of innocent words. */
const PIECE = 512
const LONGEST_WORD = 256
const OVERLAP = 32

/**
 * @param languages whose lists to use; each costs a little at every text
 * @throws RangeError for a language there is no list for
 */
export function createFilter({ languages }: { readonly languages: readonly Language[] }): Filter {
  const lists = languages.map((language) => {
    if (!LANGUAGES.includes(language)) throw new RangeError(`languages: give some of ${LANGUAGES.join(', ')}`)
    return WORDS[language]
  })
  const matchers = matchersOf(languages)
  const lexicon = lexiconOf(lists)
  const fold = createFold({ letters: true })
  return {
    mask(text) {
      const folded = fold(text)
      const tokens = tokensOf(folded.text)
      if (tokens.length === 0) return { text, hits: 0 }
      const found = [...strongSpans(folded.text, tokens, lexicon), ...matched(folded, text, tokens, matchers, lexicon)]
      if (found.length === 0) return { text, hits: 0 }
      const spans = joined(found.map(({ start, end }) => folded.span(start, end)))
      return { text: covered(text, spans, '*'), hits: spans.length }
    },
  }
}

function matchersOf(languages: readonly Language[]): readonly RegExpMatcher[] {
  // Apart: an innocent word of one language may be profane in another.
  const own = new DataSet<unknown>()
  for (const language of languages) {
    for (const raw of WORDS[language].patterns) {
      own.addPhrase((phrase) => phrase.addPattern(parseRawPattern(raw.replaceAll(' ', BETWEEN))))
    }
  }
  const english = { ...englishDataset.build(), ...englishRecommendedTransformers }
  return [...(languages.includes('en') ? [new RegExpMatcher(english)] : []), new RegExpMatcher(own.build())]
}

interface Lexicon {
  readonly innocent: ReadonlySet<string>
  readonly innocentStems: readonly string[]
  readonly innocentPairs: ReadonlySet<string>
  readonly accented: ReadonlySet<string>
  readonly strong: ReadonlySet<string>
  readonly starred: ReadonlySet<string>
}

function lexiconOf(lists: readonly Words[]): Lexicon {
  const strong = new Set(lists.flatMap((list) => list.strong))
  // Innocent words of English are names as well: they are innocent everywhere.
  const innocent = [WORDS.en, ...lists]
  return {
    innocent: new Set(innocent.flatMap((list) => list.innocent)),
    innocentStems: [...new Set(innocent.flatMap((list) => list.innocentStems))],
    innocentPairs: new Set(innocent.flatMap((list) => list.innocentPairs)),
    accented: new Set(lists.flatMap((list) => list.accented)),
    strong,
    starred: new Set([...strong].flatMap(starredForms)),
  }
}

/** With letters after the first one starred out, two at least to be seen: `f*ck`, `f**k`, `sh*t`. */
function starredForms(word: string): readonly string[] {
  const out: string[] = []
  const most = Math.min(3, word.length - 2)
  const extend = (prefix: string, stars: number): void => {
    if (prefix.length === word.length) {
      if (stars > 0) out.push(prefix)
      return
    }
    extend(prefix + word[prefix.length]!, stars)
    if (stars < most) extend(`${prefix}*`, stars + 1)
  }
  extend(word[0]!, 0)
  return out
}

/** Words of a folded text; three or more single letters in a row are one word. */
function tokensOf(text: string): readonly Token[] {
  const all: Token[] = []
  for (const { 0: raw, index } of text.matchAll(TOKEN)) {
    all.push({ raw, word: lettersOf(raw), parts: [], start: index, end: index + raw.length })
  }
  const out: Token[] = []
  const continues = (at: number, from: number): boolean =>
    at < all.length && isSingle(all[at]!) && (at === from || isGap(text, all[at - 1]!, all[at]!))
  for (let i = 0; i < all.length;) {
    let next = i
    while (continues(next, i)) next += 1
    const singles = all.slice(i, next)
    if (singles.length >= 3 && singles.filter(({ raw }) => LETTER.test(raw)).length * 2 > singles.length) {
      const word = singles.map((one) => one.word).join('')
      out.push({ raw: word, word, parts: partsOf(text, singles), start: singles[0]!.start, end: singles.at(-1)!.end })
      i = next
    } else {
      out.push(all[i]!)
      i += 1
      // A run too short or of digits is not looked at again from each of its letters.
      for (; i < next; i += 1) out.push(all[i]!)
    }
  }
  return out
}

const lettersOf = (raw: string): string =>
  LETTER.test(raw) ? raw.replaceAll(/[^a-z]/g, (sign) => LEET[sign] ?? sign) : raw

/** A letter between two kinds of gaps belongs to both sides. */
function partsOf(text: string, singles: readonly Token[]): readonly string[] {
  const gaps = singles.slice(1).map(({ start }, i) => text.slice(singles[i]!.end, start))
  if (gaps.every((gap) => gap === gaps[0])) return []
  const parts: string[] = []
  let from = 0
  for (let i = 1; i <= gaps.length; i += 1) {
    if (i < gaps.length && gaps[i] === gaps[i - 1]) continue
    if (i - from >= 2)
      parts.push(
        singles
          .slice(from, i + 1)
          .map(({ word }) => word)
          .join(''),
      )
    from = i
  }
  return parts
}

const isSingle = ({ raw }: Token): boolean => raw.length === 1

/** At most three signs, none of which is a wall. */
function isGap(text: string, left: Span, right: Span): boolean {
  const length = right.start - left.end
  if (length < 1 || length > 6) return false
  const gap = text.slice(left.end, right.start)
  return [...gap].length <= 3 && !WALL.test(gap)
}

/** Strong words with letters starred out, and in two halves. */
function strongSpans(text: string, tokens: readonly Token[], { strong, starred }: Lexicon): readonly Span[] {
  const out: Span[] = []
  for (const [i, token] of tokens.entries()) {
    const stars = /^\*{1,3}(?!\*)/.exec(text.slice(token.end, token.end + 4))?.[0] ?? ''
    if (stars !== '' && starred.has(token.word + stars)) out.push({ start: token.start, end: token.end + stars.length })
    if (SIGNS.test(token.raw) && isStarred(token.raw, starred)) out.push(token)
    let whole = token.word
    for (let j = i + 1; j <= i + 3 && j < tokens.length; j += 1) {
      const next = tokens[j]!
      if (whole.length + next.word.length > 16 || !HYPHEN.test(text.slice(tokens[j - 1]!.end, next.start))) break
      whole += next.word
      if (strong.has(whole) && !isSplitInnocent(token.word, next.word, text[token.end]!)) {
        out.push({ start: token.start, end: next.end })
      }
    }
  }
  return out
}

/** With a space between, both may be words: `as s`, `sh it`. */
const INNOCENT_HALVES = new Set([
  'who re',
  's hit',
  'sh it',
  'b itch',
  'as shole',
  'slut s',
  'ass hole',
  'put a',
  'put as',
])

const isSplitInnocent = (left: string, right: string, between: string): boolean =>
  /\s/.test(between) && INNOCENT_HALVES.has(`${left} ${right}`)

function isStarred(raw: string, starred: ReadonlySet<string>): boolean {
  const seen = raw.replaceAll(/[*#?%&^~!|]/g, '*').replaceAll(/[^a-z*]/g, (sign) => LEET[sign] ?? sign)
  for (let length = 4; length <= Math.min(16, seen.length); length += 1) {
    if (starred.has(seen.slice(0, length))) return true
  }
  return false
}

function matched(
  folded: Folded,
  text: string,
  tokens: readonly Token[],
  matchers: readonly RegExpMatcher[],
  lexicon: Lexicon,
): readonly Span[] {
  const out: Span[] = []
  let piece = ''
  /** Where each word of the piece begins, and which token it is. */
  let begins: { at: number; token: Token }[] = []
  const flush = (): void => {
    for (const matcher of matchers) {
      for (const { startIndex, endIndex } of matcher.getAllMatches(piece)) {
        for (const token of tokensBetween(begins, startIndex, endIndex)) out.push(token)
      }
    }
    piece = ''
    begins = []
  }
  const add = (word: string, token: Token, before: string): void => {
    if (piece.length + word.length > PIECE && piece !== '') flush()
    piece += before
    begins.push({ at: piece.length, token })
    piece += word
  }
  for (const [i, token] of tokens.entries()) {
    const before = i > 0 && isGap(folded.text, tokens[i - 1]!, token) ? BETWEEN : BARRIER
    if (isInnocent(tokens, i, lexicon)) continue
    if (lexicon.accented.size > 0 && isAccented(folded, text, token, lexicon.accented)) out.push(token)
    for (let at = 0; at === 0 || at + OVERLAP < token.word.length; at += LONGEST_WORD - OVERLAP) {
      add(token.word.slice(at, at + LONGEST_WORD), token, at === 0 ? before : BARRIER)
    }
    for (const word of otherReadings(token)) add(word, token, BARRIER)
  }
  flush()
  return out
}

/** All that a match touches: a phrase is covered with what is between its words. */
function tokensBetween(begins: readonly { at: number; token: Token }[], start: number, end: number): readonly Span[] {
  let first: Token | undefined
  let last: Token | undefined
  for (const { at, token } of begins) {
    if (at > end) break
    if (at <= start) first = token
    last = token
  }
  return first && last ? [{ start: Math.min(first.start, last.start), end: Math.max(first.end, last.end) }] : []
}

function isInnocent(tokens: readonly Token[], i: number, lexicon: Lexicon): boolean {
  const { raw } = tokens[i]!
  // Numbers are not letters that look like digits.
  if (!LETTER.test(raw) || QUANTITY.test(raw)) return true
  if (lexicon.innocent.has(raw) || lexicon.innocentStems.some((stem) => raw.startsWith(stem))) return true
  const { innocentPairs } = lexicon
  return innocentPairs.has(`${tokens[i - 1]?.raw} ${raw}`) || innocentPairs.has(`${raw} ${tokens[i + 1]?.raw}`)
}

function isAccented(folded: Folded, text: string, token: Token, accented: ReadonlySet<string>): boolean {
  const { start, end } = folded.span(token.start, token.end)
  return end - start <= 24 && accented.has(text.slice(start, end).normalize('NFC').toLowerCase())
}

/** 1 is also l; letters repeated more than twice are two or one, vowels repeated are one, all doubled are one each. */
function otherReadings({ raw, word, parts }: Token): readonly string[] {
  const out = new Set<string>(parts.map((part) => part.slice(0, LONGEST_WORD)))
  if (word.length > LONGEST_WORD) return [...out]
  if (/[1|!]/.test(raw)) {
    out.add(raw.replaceAll(/[^a-z]/g, (sign) => ('1|!'.includes(sign) ? 'l' : (LEET[sign] ?? sign))))
  }
  if (/(.)\1\1/.test(word)) {
    out.add(word.replaceAll(/(.)\1{2,}/g, '$1$1'))
    out.add(word.replaceAll(/(.)\1{2,}/g, '$1'))
  }
  if (/([aeiou])\1/.test(word)) out.add(word.replaceAll(/([aeiou])\1+/g, '$1'))
  if ((word.match(/(.)\1/g)?.length ?? 0) >= 3) out.add(word.replaceAll(/(.)\1+/g, '$1'))
  if (SIGNS.test(raw)) out.add(raw.replaceAll(/[^a-z0-9]/g, ''))
  out.delete(word)
  return [...out]
}
