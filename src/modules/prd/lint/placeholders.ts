import { builtIn } from '../templates/built-in.ts'

/** `**Problem.** …` and the like: a heading at the beginning of a paragraph. */
const LEAD = /^\*\*([^*\n]{1,60}?)(?:[.:]\*\*|\*\*:)(?:\s|$)/

export interface LeadIn {
  readonly title: string
  readonly rest: string
}

/** @param line without white space around it */
export function leadIn(line: string): LeadIn | undefined {
  const found = LEAD.exec(line)
  return found ? { title: found[1]!.trim(), rest: line.slice(found[0].length).trim() } : undefined
}

const lines = builtIn.flatMap(({ content }) => content.split('\n').map((line) => line.trim()))
const leads = lines.flatMap((line) => leadIn(line) ?? [])

/** What templates put where people are to write. */
const guidance: ReadonlySet<string> = new Set([
  ...lines.filter((line) => line !== '' && !line.startsWith('#') && !leadIn(line)),
  ...leads.map(({ rest }) => rest).filter((rest) => rest !== ''),
])
const leadTitles: ReadonlySet<string> = new Set(leads.map(({ title }) => title.toLowerCase()))

export const isTemplateLead = (title: string): boolean => leadTitles.has(title.toLowerCase())

const later =
  't\\.?b\\.?[dac]\\.?|to ?do|wip|coming soon|\\?+' +
  '|to be (?:added|completed|defined|determined|done|filled in|written)'
const LATER = new RegExp(`^(?:${later})[\\s.!:…]*$`, 'i')
const BRACED = /^(?:\{\{[^{}]{0,200}\}\}|\[[^[\]]{0,200}\]|<(?!https?:)[^<>]{0,200}>)[\s.]*$/
const MARKERS = /^(?:>\s?)*(?:(?:[-+*]|\d{1,9}[.)])\s+)?(?:\[[ xX]\](?:\s+|$))?/
/** Signs without a word: an empty list item, an ellipsis, a rule. */
const WORDLESS = /^[^\p{L}\p{N}]*$/u

const isSample = (content: string): boolean => BRACED.test(content) || /^lorem ipsum/i.test(content)

/** Whether a line stands for something that is still to be written. @param line without white space around it */
export function isPlaceholder(line: string): boolean {
  if (guidance.has(line)) return true
  const content = line.replace(MARKERS, '').replace(/[*_]/g, '')
  return /^\d{1,9}[.)]$/.test(content) || WORDLESS.test(content) || LATER.test(content) || isSample(content)
}
