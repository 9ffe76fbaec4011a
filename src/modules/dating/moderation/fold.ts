import { resolveConfusablesTransformer } from 'obscenity'

/** A text in plain small letters, and where each of its UTF-16 units came from. */
export interface Folded {
  readonly text: string
  /** The span of the original that units `start` (first) to `end` (after the last) of `text` were made from. */
  span(start: number, end: number): Span
}

/** UTF-16 indexes of an original text, of whole code points: `end` is after the last. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** What people write with letters of other alphabets that look like ours. */
const LOOK_ALIKES: readonly (readonly [from: string, to: string])[] = [
  ['АВЕКМНОРСТУХЅІЈԚԜҺҮ', 'abekmhopctyxsijqwhy'],
  ['авекмнорстухѕіјԁԛԝһгпицёүґ', 'abekmhopctyxsijdqwhrnuueyr'],
  ['ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ', 'abezhikmnoptyx'],
  ['αβεηικνορςστυχωγμ', 'abenikvopcotuxwyu'],
  ['ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ', 'abcdefghijklmnoprstuvwyz'],
  ['ɑɡıłøđħŧƒɩɪʋⱥɓɗɛɨɔʌ', 'agilodhtfliuabdeiov'],
]
const WIDER = new Map([
  ['ß', 'ss'],
  ['ẞ', 'ss'],
  ['æ', 'ae'],
  ['œ', 'oe'],
  ['Æ', 'ae'],
  ['Œ', 'oe'],
])

const lookAlikes = new Map<string, string>(WIDER)
for (const [from, to] of LOOK_ALIKES) {
  const letters = [...to]
  for (const [i, letter] of [...from].entries()) lookAlikes.set(letter, letters[i]!)
}

const confusables = resolveConfusablesTransformer()
const resolve = (code: number): number | undefined => ('transform' in confusables ? confusables.transform(code) : code)

const DROPPED = /[\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu
const DIGIT = /^\p{Nd}$/u
const ASCII = /^[\0-\x7f]*$/

/** ASCII of the digits that have no compatibility form: ٠१০, ❶, ⓿. */
function digitOf(code: number): string | undefined {
  if (code === 0x24ff) return '0'
  if (code >= 0x2776 && code <= 0x277e) return String(code - 0x2775)
  if (!DIGIT.test(String.fromCodePoint(code))) return undefined
  let zero = code
  while (DIGIT.test(String.fromCodePoint(zero - 1)) && code - zero < 9) zero -= 1
  return String(code - zero)
}

/** @returns what a code point beyond ASCII is read as; nothing: it is not seen */
function reading(char: string, letters: boolean): string {
  const code = char.codePointAt(0)!
  const digit = digitOf(code)
  if (digit !== undefined) return digit
  // Flags are made of these; two or three of them are also a word.
  if (letters && code >= 0x1f1e6 && code <= 0x1f1ff) return String.fromCodePoint(code - 0x1f1e6 + 97)
  const plain = char.normalize('NFKD').replaceAll(DROPPED, '')
  if (!letters) return plain.toLowerCase().normalize('NFKD').replaceAll(DROPPED, '')
  let out = ''
  for (const one of plain) {
    const known = lookAlikes.get(one)
    const resolved = known === undefined && one > '\x7f' ? resolve(one.codePointAt(0)!) : undefined
    out += known ?? (resolved === undefined ? one : String.fromCodePoint(resolved)).toLowerCase()
  }
  return out
}

/** Readings do not change; the texts of a day use few code points, and hostile ones shall not fill the memory. */
const MOST_READINGS = 8_192

/**
 * @param letters also read letters of other alphabets as the Latin ones they look like
 * @returns a function that folds in linear time and never throws: small letters, compatibility forms resolved, digits
 *   of every script as ASCII, combining marks and invisible characters gone (they belong to what stands before them)
 */
export function createFold({ letters }: { readonly letters: boolean }): (text: string) => Folded {
  const readings = new Map<string, string>()
  const read = (char: string): string => {
    let found = readings.get(char)
    if (found === undefined) {
      if (readings.size >= MOST_READINGS) readings.clear()
      found = reading(char, letters)
      readings.set(char, found)
    }
    return found
  }
  return (original) => {
    if (ASCII.test(original)) return { text: original.toLowerCase(), span: (start, end) => ({ start, end }) }
    const from: number[] = []
    const to: number[] = []
    const parts: string[] = []
    let at = 0
    /** First unit of the last code point that is seen. */
    let last = 0
    for (const char of original) {
      const folded = char <= '\x7f' ? char.toLowerCase() : read(char)
      const end = at + char.length
      if (folded === '') for (let i = last; i < to.length; i += 1) to[i] = end
      else {
        last = to.length
        for (let i = 0; i < folded.length; i += 1) {
          from.push(at)
          to.push(end)
        }
        parts.push(folded)
      }
      at = end
    }
    return { text: parts.join(''), span: (start, end) => ({ start: from[start]!, end: to[end - 1]! }) }
  }
}

/** @returns the spans in order, those that touch or overlap joined */
export function joined(spans: readonly Span[]): readonly Span[] {
  const out: { start: number; end: number }[] = []
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    const last = out.at(-1)
    if (last && start <= last.end) last.end = Math.max(last.end, end)
    else out.push({ start, end })
  }
  return out
}

/** @returns the text with one `sign` for each code point of the spans, which are in order and apart */
export function covered(text: string, spans: readonly Span[], sign: string): string {
  let out = ''
  let done = 0
  for (const { start, end } of spans) {
    let points = 0
    for (const _ of text.slice(start, end)) points += 1
    out += text.slice(done, start) + sign.repeat(points)
    done = end
  }
  return out + text.slice(done)
}
