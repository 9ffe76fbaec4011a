import { invalid } from './errors.ts'

/**
 * Names that people see and tell apart: of a room, a group, a person. What may stand in one is what can be seen;
 * length is for the schema. Both functions take linear time, whatever the text.
 */

/** U+2800 is a letter without dots, in a script that has dots only. */
const BLANKS = /[\p{Zs}\u2800]+/gu
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]/u
const STRANGERS = /[\p{Co}\p{Cn}]/u
const SEEN = /[\p{L}\p{N}\p{P}\p{S}]/u
/** Drawn as nothing: format characters, Hangul fillers, the grapheme joiner, variation selectors, tags. */
const UNSEEN = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/v
/** What is drawn as nothing itself but says how its neighbours are drawn, where it does. */
const JOINTS = new RegExp(
  [
    // 👩‍💻: between two emoji, the first of which may have a variation or a skin of its own.
    '(?<=\\p{Extended_Pictographic}[\\u{fe0f}\\p{Emoji_Modifier}]?)\\u{200d}(?=\\p{Extended_Pictographic})',
    // ❤️ and ❤︎
    '(?<=\\p{Extended_Pictographic})[\\u{fe0e}\\u{fe0f}]',
    // 1️⃣
    '(?<=[0-9#*])\\u{fe0f}(?=\\u{20e3})',
    // 🏴󠁧󠁢󠁷󠁬󠁳󠁿: the three flags that are spelled in tags, not any text that is.
    '\\p{RGI_Emoji_Tag_Sequence}',
    // 葛󠄀: which of its forms an ideograph has, in names too; Mongolian letters have forms as well.
    '(?<=\\p{Unified_Ideograph})[\\u{fe00}-\\u{fe02}\\u{e0100}-\\u{e01ef}]',
    '(?<=\\p{Script=Mongolian})[\\u{180b}-\\u{180d}\\u{180f}]',
  ].join('|'),
  'gv',
)
/**
 * More than three marks on one letter climb over the lines around them. Not counted: marks that stand beside their
 * letter. Spared: scripts whose ordinary words put four on one, as Burmese does in လှုံ့.
 */
const HEAPS = /[\p{M}--[\p{Mc}\p{Script=Myanmar}\p{Script=Tibetan}\p{Script=Hebrew}]]{4}|\p{M}{7}/v
/**
 * Alphabets with letters that look alike: a word with letters of two is meant to look like another. Of Greek only those
 * letters, since the others stand beside Latin ones for what they mean: kΩ, Δt.
 */
const ALPHABETS = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /[ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορτυχ]/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Cherokee}/u,
]
const WORDS = /[\p{L}\p{M}\p{N}]+/gu

const isMixed = (name: string): boolean =>
  (name.match(WORDS) ?? []).some((word) => ALPHABETS.filter((alphabet) => alphabet.test(word)).length > 1)

/**
 * No language comes near (UAX #15 says 30), and ICU sorts the marks on a letter by insertion: normalizing 80 000 of
 * them took four seconds.
 */
const ENDLESS = /(\p{M}{30})\p{M}+/gu

/**
 * The name as it is kept: composed (NFC), without blanks at its ends or several in a row. Checked again, it stays.
 * @throws CommandError invalid, with what to do in the details of `field`
 */
export function checkName(field: string, text: string): string {
  const fault = (what: string): never => {
    throw invalid({ [field]: what })
  }
  if (!text.isWellFormed()) fault('must be whole Unicode characters: a surrogate stands alone')
  if (text.search(ENDLESS) >= 0) fault(TOO_MANY_MARKS)
  const name = text.normalize('NFC').replaceAll(BLANKS, ' ').replaceAll(/^ | $/g, '')
  if (name === '') fault('must not be blank')
  if (CONTROLS.test(name)) fault('must be one line, without tabs and other control characters')
  if (STRANGERS.test(name)) fault('must not have private or unassigned characters: no two screens show them alike')
  if (UNSEEN.test(name.replaceAll(JOINTS, ''))) fault('must not have invisible characters: type it instead of pasting')
  if (HEAPS.test(name)) fault(TOO_MANY_MARKS)
  if (!SEEN.test(name)) fault('must have a letter, a digit or a symbol')
  if (isMixed(name)) fault('must not have letters of different alphabets in one word: some look alike')
  return name
}

const TOO_MANY_MARKS = 'must not have more than three combining marks on one letter'

/**
 * What two names are compared by: equal keys, same name. Of any text; "General", "ＧＥＮＥＲＡＬ" and "general " share
 * one. Compatibility forms (NFKC), case, blanks and what is drawn as nothing do not count. A key is never shown.
 */
export function nameKey(text: string): string {
  const seen = text.replaceAll(/\p{Default_Ignorable_Code_Point}+/gu, '').replaceAll(ENDLESS, '$1')
  // JavaScript has no case folding. Upper case brings together what lower case keeps apart: ß and ss, ς and σ, ſ and
  // s. Lower case goes before it for ẞ, which has no other way down, and after it for good.
  const folded = seen.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase().normalize('NFKC')
  return folded.replaceAll(/[\s\u2800]+/gu, ' ').trim()
}
