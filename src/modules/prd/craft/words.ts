/** Words of texts as they are compared: small, without endings, without those that say nothing. */

const WORD = /[\p{L}\p{M}\p{N}]+(?:['’]\p{L}+)?/gu
/** Scripts that put no spaces between words: two characters are taken for a word. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u

const STOP = new Set(
  (
    'a about above after all also an and any are as at be because been before being below between both but by can ' +
    'could did do does during each every few for from further had has have he her here him his how i if in into is ' +
    'it its itself just me more most must my no nor not now of off on once only onto or other our out over own per same ' +
    'shall she should so some such than that the their them then there these they this those through to too under ' +
    'until up us very via was we were what when where which while who whom why will with within without would you your'
  ).split(' '),
)

/** What objectives begin with, and says nothing about what they are about. */
const INTENT = new Set(
  (
    'achieve add allow become boost bring build create cut decrease deliver develop drive enable enhance ensure ' +
    'expand gain get give grow help improve increase launch let lower maintain make optimise optimize provide raise reach ' +
    'reduce support'
  ).split(' '),
)

/** Longest first; what is left has at least four letters. */
const ENDINGS = [
  'isation', 'ization', 'ating', 'ation', 'ement', 'ition', 'ated', 'ment', 'ness', 'ate', 'ing', 'ion', 'ity', 'ive',
  'ed', 'ly', 'e',
]
const LEAST = 4

export interface Word {
  /** As it is written, in small letters. */
  readonly text: string
  readonly stem: string
}

/** The words of a text in their order, without those that say nothing. */
export function wordsOf(text: string): readonly Word[] {
  const words: Word[] = []
  for (const [found] of text.normalize('NFKC').toLowerCase().matchAll(WORD)) {
    const word = found.replace(/['’].*$/, '')
    if (UNSPACED.test(word)) for (const pair of pairsOf(word)) words.push({ text: pair, stem: pair })
    else if (word !== '' && !STOP.has(word)) words.push({ text: word, stem: stemOf(word) })
  }
  return words
}

/** What an objective is about: without the verbs that objectives begin with, unless there is nothing else. */
export function contentOf(text: string): readonly Word[] {
  const words = wordsOf(text)
  const content = words.filter((word) => !INTENT.has(word.text))
  return content.length > 0 ? content : words
}

/** 'Improve user retention' → 'user retention'. */
export function withoutIntent(objective: string): string {
  const words = objective.trim().split(/\s+/)
  let first = 0
  while (first < words.length - 1 && INTENT.has(words[first]!.toLowerCase())) first += 1
  return words.slice(first).join(' ')
}

export const stemsOf = (words: readonly Word[]): ReadonlySet<string> => new Set(words.map(({ stem }) => stem))

/** English endings, lightly: what is alike afterwards is nearly always of one root, and the same root may differ. */
function stemOf(word: string): string {
  if (!/^[a-z]+$/.test(word)) return word
  // securely → secure → secur
  return withoutEnding(withoutEnding(singular(word)))
}

function withoutEnding(word: string): string {
  const ending = ENDINGS.find((one) => word.endsWith(one) && word.length - one.length >= LEAST)
  if (ending === undefined) return word
  const rest = word.slice(0, -ending.length)
  // planned → plann → plan
  return /([bdgmnprt])\1$/.test(rest) && rest.length > LEAST ? rest.slice(0, -1) : rest
}

function singular(word: string): string {
  if (word.length > LEAST && word.endsWith('ies')) return `${word.slice(0, -3)}y`
  if (word.length > LEAST && /(?:ss|sh|ch|x|z)es$/.test(word)) return word.slice(0, -2)
  return word.length >= LEAST && /[^siu]s$/.test(word) ? word.slice(0, -1) : word
}

function pairsOf(run: string): readonly string[] {
  const characters = [...run]
  if (characters.length < 2) return characters
  return characters.slice(1).map((character, at) => characters[at]! + character)
}
