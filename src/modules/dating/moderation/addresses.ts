import type { Span } from './fold.ts'

const WORD = "[\\p{L}][\\p{L}.'’\\-]{0,24}"
const STREETS = 'street|str|st|avenue|ave|road|rd|lane|ln|boulevard|blvd|terrace|crescent|highway|hwy'
/** Words of their own as well: only after a name, which is capitalised. */
const PLACES = 'drive|dr|court|ct|place|pl|square|sq|way|close|gardens|row|hill|grove'
const ENGLISH = new RegExp(
  `(?<![\\p{L}\\p{N}.,])\\d{1,5}[a-d]?,? ((?:${WORD} ){1,3})(${STREETS}|${PLACES})(?![\\p{L}\\p{N}])`,
  'gu',
)
const IS_PLACE = new RegExp(`^(?:${PLACES})$`)
const FRENCH = new RegExp(
  `(?<![\\p{L}\\p{N}.,])\\d{1,4}(?: ?bis| ?ter)?,? (?:rue|avenue|boulevard|bd|allee|impasse|quai|chemin) ` +
    `(?:de la |de l['’]|des |du |de |d['’]|la |le )?${WORD}(?: ${WORD})?`,
  'gu',
)
const GERMAN = new RegExp(
  '(?<=(\\p{L}{2,30})([ -]?))(?:stra(?:ss|ß)e|str\\.|str|weg|allee|platz|gasse|damm|ufer|chaussee)' +
    '\\s{1,2}\\d{1,3}\\s?[a-h]?(?![\\p{L}\\p{N}:.,]\\d|[\\p{L}\\p{N}])',
  'gu',
)
const ROMANCE = new RegExp(
  `(?<![\\p{L}\\p{N}])(?:c\\/ ?|(?:calle|avenida|avda\\.?|plaza|paseo|viale|piazza|corso|rua|travessa|largo|via) )` +
    `(?:${WORD} ){0,3}${WORD},? (?:n[ºo°.]{0,2} ?|numero )?\\d{1,4}(?![\\p{L}\\p{N}:.,]\\d|[\\p{N}])`,
  'gu',
)
/** Between a number and a street, they say that the number is of something else. */
const NOT_NAMES = new RegExp(
  ' (?:the|a|an|on|in|of|at|to|from|my|your|his|her|our|this|that|same|more|hours?|minutes?|mins?|km|miles?|metres?|' +
    'meters?|m|years?|people|times?|days?|weeks?|blocks?|down|up|and|or|long|am|pm|euros?|dollars?|friends?|very|' +
    'really|is|was|it|by|for|with|along|across) ',
)
const NOT_GERMAN = new Set('arbeits park steh sitz unter den auf vom dem zum ein der am'.split(' '))

/**
 * @param text folded; @param isCapital whether the original has a capital letter at an index of `text`
 * @returns streets with a house number, in the order of English, German, French, Spanish, Italian and Portuguese
 */
export function addressesIn(text: string, isCapital: (at: number) => boolean): readonly Span[] {
  const out: Span[] = []
  if (!/\d/.test(text)) return out
  for (const match of text.matchAll(ENGLISH)) {
    const [whole, names, street] = match
    if (NOT_NAMES.test(` ${names}`)) continue
    const first = match.index + whole.length - street!.length - names!.length
    if (IS_PLACE.test(street!) && !isCapital(first)) continue
    out.push({ start: match.index, end: match.index + whole.length })
  }
  for (const { 0: whole, index } of text.matchAll(FRENCH)) out.push({ start: index, end: index + whole.length })
  for (const match of text.matchAll(GERMAN)) {
    const name = match[1]!
    const between = match[2]!
    const start = match.index - between.length - name.length
    const ending = match[0]
    // `Berliner Straße 5`, but not `auf Platz 3`: apart, only a street with a capital name.
    if (between === ' ' && !(ending.startsWith('str') && isCapital(start))) continue
    if (NOT_GERMAN.has(name) || (between === '' && name.length < 3)) continue
    out.push({ start, end: match.index + ending.length })
  }
  for (const { 0: whole, index } of text.matchAll(ROMANCE)) {
    if (/^(?:via|corso|largo|plaza)\b/.test(whole) && !isCapital(index + whole.indexOf(' ') + 1)) continue
    out.push({ start: index, end: index + whole.length })
  }
  return out
}
