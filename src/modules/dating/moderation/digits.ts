/** Digits in a folded text, as groups: `0171`, `seven`, `double five`. */
export interface Group {
  readonly digits: string
  readonly start: number
  readonly end: number
  readonly spelled: boolean
}

/** Groups with no more than a few signs between them. */
export interface Run {
  readonly groups: readonly Group[]
  /** What stands between: gaps[i] follows groups[i]. */
  readonly gaps: readonly string[]
  /** It begins with a plus sign. */
  readonly plus: boolean
  /** Of the plus sign, the opening bracket or the first digit. */
  readonly start: number
  readonly end: number
}

const SPELLED: Readonly<Record<string, string>> = Object.fromEntries(
  [
    'zero o oh null cero nil',
    'one eins un uno um ein',
    'two zwei zwo deux dos due dois',
    'three drei trois tres tre',
    'four vier quatre cuatro quattro quatro',
    'five fuenf funf cinq cinco cinque',
    'six sechs seis sei',
    'seven sieben sept siete sette sete',
    'eight acht huit ocho otto oito',
    'nine neun neuf nueve nove',
  ].flatMap((words, digit) => words.split(' ').map((word) => [word, String(digit)] as const)),
)
const TIMES: Readonly<Record<string, number>> = { double: 2, triple: 3 }
/** A group of digits, or a word. Zeros and ones are also written as letters beside digits: `o171`. */
const PIECE = /(?:(?<!\p{L})[ol](?=\d))?\d+(?:[ol](?=\d)\d+){0,3}|\p{L}+/gu
const GAP = /^[^\p{L}\p{N}]{0,4}$/u
/** What was covered before parts a run. */
const COVERED = /••|\*\*/

/** @returns every run of digits and words for digits, in order, in linear time */
export function runsOf(text: string): readonly Run[] {
  const runs: Run[] = []
  let groups: Group[] = []
  let gaps: string[] = []
  let times = 0
  let timesStart = 0
  const flush = (): void => {
    if (groups.length > 0) {
      const first = groups[0]!.start
      const plus = /\+\s?\(?$/.test(text.slice(Math.max(0, first - 3), first))
      const opened = text[first - 1] === '(' && gaps[0]?.includes(')') === true
      const start = plus ? text.lastIndexOf('+', first) : opened ? first - 1 : first
      runs.push({ groups, gaps, plus, start, end: groups.at(-1)!.end })
    }
    groups = []
    gaps = []
  }
  for (const { 0: piece, index } of text.matchAll(PIECE)) {
    const repeat = Object.hasOwn(TIMES, piece) ? TIMES[piece]! : 0
    if (repeat > 0) {
      times = repeat
      timesStart = index
      continue
    }
    const digits = digitsOf(piece)
    if (digits === undefined) {
      times = 0
      flush()
      continue
    }
    const start = times > 0 ? timesStart : index
    const last = groups.at(-1)
    if (last) {
      const gap = start - last.end > 8 ? undefined : text.slice(last.end, start)
      if (gap === undefined || !GAP.test(gap) || COVERED.test(gap)) flush()
      else gaps.push(gap)
    }
    const spelled = !/\d/.test(piece)
    groups.push({ digits: times > 0 ? digits.repeat(times) : digits, start, end: index + piece.length, spelled })
    times = 0
  }
  flush()
  return runs
}

function digitsOf(piece: string): string | undefined {
  if (/\d/.test(piece)) return piece.replaceAll('o', '0').replaceAll('l', '1')
  return Object.hasOwn(SPELLED, piece) ? SPELLED[piece] : undefined
}
