/** Words that are everywhere in English and nowhere else, or almost. */
const ENGLISH = wordsOf(`the and of to are for with that this it when not they can must from have has which their should
who every each than then there what how its been does only`)

/** The same of languages in which the rules would find what is not there. */
const OTHER = wordsOf(`der die das und nicht mit ist eine ein von für den dem wird werden sich auch auf le la les des et
une pour dans est que qui sur avec los las el una con por para del se es il di che gli della sono non het een van
niet voor zijn met och att som inte med det är og ikke til på nie się jest na w z do że o os um uma não com dos da em`)

/** Fewer words than these tell no language. */
const FEW = 30
const SHARE = 0.07
/** So many tell it. */
const MANY = 3_000

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/))
}

/** Whether a text is in English, as far as its little words tell. @param lines without markup */
export function isEnglish(lines: readonly string[]): boolean {
  let words = 0
  let english = 0
  let other = 0
  for (const line of lines) {
    if (words >= MANY) break
    for (const [word] of line.slice(0, MANY).toLowerCase().matchAll(/\p{L}+/gu)) {
      words += 1
      if (ENGLISH.has(word)) english += 1
      if (OTHER.has(word)) other += 1
    }
  }
  return words >= FEW && english / words >= SHARE && english > 2 * other
}
