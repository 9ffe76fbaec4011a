/** Where the tokens of a part of a text begin, then where the last one ends: token `i` is from `[i]` to `[i + 1]`. */
export type Tokens = Int32Array

const END_OF_LINE = 10

/** Lines with their ends; the last may have none. */
export function linesOf(text: string, from: number, to: number): Tokens {
  let count = 0
  for (let start = from; start < to; start = endOfLine(text, start, to)) count += 1
  const starts = new Int32Array(count + 1)
  let start = from
  for (let i = 0; i < count; i += 1) {
    starts[i] = start
    start = endOfLine(text, start, to)
  }
  starts[count] = to
  return starts
}

function endOfLine(text: string, start: number, to: number): number {
  const end = text.indexOf('\n', start) + 1
  return end === 0 || end > to ? to : end
}

/**
 * Words, blanks, and everything else by itself, a surrogate pair being one.
 *
 * @returns undefined when they are more than `most`
 */
export function wordsOf(text: string, from: number, to: number, most: number): Tokens | undefined {
  const kinds = kindsOfUnits()
  const starts = new Int32Array(Math.min(to - from, most) + 1)
  let count = 0
  for (let start = from; start < to; count += 1) {
    if (count === most) return undefined
    starts[count] = start
    const kind = kinds[text.charCodeAt(start)]!
    let end = start + 1
    if (kind === ALONE) {
      if (text.codePointAt(start)! > 0xff_ff && end < to) end += 1
    } else {
      while (end < to && kinds[text.charCodeAt(end)] === kind) end += 1
    }
    start = end
  }
  starts[count] = to
  return starts.subarray(0, count + 1)
}

const [ALONE, BLANK, WORD] = [0, 1, 2]
/** Scripts that put no blanks between words go by the character. */
const IN_WORDS = /[[\p{L}\p{M}\p{N}_]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]]/v

let kinds: Uint8Array | undefined

/** By UTF-16 unit; halves of pairs are alone. */
function kindsOfUnits(): Uint8Array {
  kinds ??= Uint8Array.from({ length: 0x1_00_00 }, (_, unit) => {
    const character = String.fromCharCode(unit)
    if (IN_WORDS.test(character)) return WORD
    return unit !== END_OF_LINE && /\s/.test(character) ? BLANK : ALONE
  })
  return kinds
}
