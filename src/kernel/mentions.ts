/** Whom a text calls by `@`. */

/** Scripts written without spaces: a letter of theirs beside a name is the next word. */
const UNSPACED =
  '[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Thai}\\p{Script=Lao}' +
  '\\p{Script=Khmer}\\p{Script=Myanmar}\\u{30fc}]'
const LETTER = `[[\\p{L}\\p{M}\\p{N}]--${UNSPACED}]`
/**
 * What stands before decides whether `@` begins a name (in `a@b.com` and `@@bob` it does not, in `_@bob_` it does);
 * after it, a letter no name has means that the word is none.
 */
const CALL = new RegExp(`(?<!${LETTER}_*)(?<![@\\\\])@([\\w.\\-]{2,})(?!${LETTER})(?=(@?))`, 'gv')
/** With a scheme, or a host with something after it. */
const LINK = /:\/\/[^\s<>"]*|(?<![\w@.-])(?:[a-z0-9-]+\.)+[a-z]{2,}[/?#][^\s<>"]*/gi
const LONGEST = 32

/**
 * The names a text calls, in its order: of each call the keys of usernames it may mean, lower case. Names may end in a
 * dot, so the end of a sentence cannot be told from one: `@bob.` gives `bob.` and then `bob`. Nothing is meant in code
 * and in links. Takes linear time, whatever the text.
 */
export function callsIn(text: string): readonly (readonly string[])[] {
  if (!text.includes('@')) return []
  const calls: string[][] = []
  for (const [, word, at] of withoutCode(text).replaceAll(LINK, ' ').matchAll(CALL)) {
    const full = word!.toLowerCase()
    const bare = withoutEnd(full)
    // `@bob@example.org` is an address.
    if (at === '@' && bare === full) continue
    const names = at === '@' ? [bare] : [...new Set([full, bare])]
    calls.push(names.filter(isName))
  }
  return calls
}

const isName = (text: string): boolean => text.length >= 2 && text.length <= LONGEST

/** Without the dots, hyphens and underscores that may be of the sentence. Not by a pattern: those try every start. */
function withoutEnd(word: string): string {
  let end = word.length
  while (end > 0 && '.-_'.includes(word[end - 1]!)) end -= 1
  return word.slice(0, end)
}

interface Ticks {
  readonly start: number
  readonly end: number
  /** Index of the run that closes it; -1: none does. */
  close: number
}

/**
 * The text with a space for each piece of code. Three backticks or more, wherever they stand, open a block that the
 * next as many close; at the start of a line also when nothing closes them. One or two enclose code inside a paragraph.
 */
function withoutCode(text: string): string {
  const runs = ticksIn(text)
  const breaks = Array.from(text.matchAll(/\n[^\S\n]*\n/g), (match) => match.index)
  let left = ''
  let from = 0
  let ahead = 0
  for (let i = 0; i < runs.length; i += 1) {
    const { start, end, close } = runs[i]!
    const block = end - start >= 3
    while (ahead < breaks.length && breaks[ahead]! < start) ahead += 1
    const reaches = close >= 0 && (block || ahead === breaks.length || breaks[ahead]! > runs[close]!.start)
    if (reaches) {
      left += `${text.slice(from, start)} `
      from = runs[close]!.end
      i = close
    } else if (block && (start === 0 || text[start - 1] === '\n')) {
      return left + text.slice(from, start)
    }
  }
  return left + text.slice(from)
}

/** Every run of backticks, with the one that would close it. */
function ticksIn(text: string): readonly Ticks[] {
  const runs = Array.from(
    text.matchAll(/`+/g),
    ({ index, 0: ticks }): Ticks => ({ start: index, end: index + ticks.length, close: -1 }),
  )
  const length = (i: number) => runs[i]!.end - runs[i]!.start
  const lastOf = [-1, -1, -1]
  /** Runs of blocks to come, each longer than those before it: who closes whom, without looking at each twice. */
  const longer: number[] = []
  for (let i = runs.length - 1; i >= 0; i -= 1) {
    const size = length(i)
    if (size < 3) {
      runs[i]!.close = lastOf[size]!
      lastOf[size] = i
      continue
    }
    while (longer.length > 0 && length(longer.at(-1)!) < size) longer.pop()
    runs[i]!.close = longer.at(-1) ?? -1
    longer.push(i)
  }
  return runs
}
