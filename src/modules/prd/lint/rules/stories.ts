import type { Line, Part } from '../draft.ts'
import type { FindingsOf } from '../finding.ts'

/** `As a … I want …`, with or without a number before it. */
const STORY = new RegExp(
  '^(?:(?:user )?(?:story|us)?[ -]?\\d{0,4}[:.)]? )?as an? .{2,80}?' +
    ',? (?:i|we) (?:want|need|can|could|should|must|would|expect|wish|am able)\\b',
  'i',
)
const CRITERIA =
  /\b(?:acceptance|criteri(?:a|on)|definition of done|done when|expected results?|verified|tested by|test cases?)\b/i
const GHERKIN = /^(?:given|when|then|scenario)\b/i
const TESTED = /\b(?:acceptance|criteria|tests?|tested|verif\w+)\b/i
/** UTF-16 units in which a story has said that it is one. */
const HEAD = 200
/** Things listed below a story from which on they are taken for what it has to meet. */
const LISTED = 2

/** The stories of one part, each with whether it is told when it is done. */
function storiesOf({ lines }: Part): readonly boolean[] {
  const stories: { told: boolean; indent: number; listed: number }[] = []
  for (const [at, line] of lines.entries()) {
    if (isStory(line, lines[at + 1])) {
      stories.push({ told: CRITERIA.test(line.text) || isGherkin(line.text), indent: line.indent, listed: 0 })
      continue
    }
    const story = stories.at(-1)
    if (!story) continue
    if (line.isTask || (line.kind === 'item' && line.indent > story.indent)) story.listed += 1
    story.told ||= line.isTask || story.listed >= LISTED || CRITERIA.test(line.text) || GHERKIN.test(line.text)
  }
  return stories.map(({ told }) => told)
}

const isGherkin = (text: string): boolean => /\bgiven\b/i.test(text) && /\bthen\b/i.test(text)

function isStory({ kind, text }: Line, next: Line | undefined): boolean {
  if (kind !== 'text' && kind !== 'item') return false
  const head = text.slice(0, HEAD)
  if (STORY.test(head)) return true
  // It may go on in the next line.
  return /^as an? /i.test(head) && next?.kind === 'text' && STORY.test(`${head} ${next.text.slice(0, HEAD)}`)
}

/**
 * User stories of which nothing tells when they are done: no acceptance criteria, no given-when-then, no list to tick
 * off, neither with the story nor in a section or a table column of their own. One finding for all. Confidence 0.75.
 */
export const storiesWithoutCriteria: FindingsOf = ({ parts, isWhole }) => {
  if (!isWhole) return []
  const found = parts.flatMap((part) => storiesOf(part).map((told) => ({ part, told })))
  const untold = found.filter(({ told }) => !told)
  if (untold.length === 0 || hasCriteria(parts)) return []
  const share = untold.length === found.length ? 'The user stories' : `${untold.length} of ${found.length} user stories`
  return [
    {
      rule: 'story-without-criteria',
      subject: 'stories',
      section: untold[0]!.part.key,
      title: 'Add acceptance criteria',
      description:
        `${share} have no acceptance criteria. Say how to tell that each is done, such as: given …, when …, then ….`,
      confidence: 0.75,
    },
  ]
}

/** For all of them, elsewhere in the document. */
function hasCriteria(parts: readonly Part[]): boolean {
  return parts.some(
    (part) =>
      (part.own.has('acceptance') && part.lines.length > 0 && (part.level > 6 || storiesOf(part).length === 0)) ||
      part.lines.some(({ kind, text }) => kind === 'header' && TESTED.test(text)),
  )
}
