import { sectionsOf } from '../ai/sections.ts'
import type { AlignmentStatus } from '../wire.ts'
import type { Initiative } from './initiative.ts'
import { contentOf, withoutIntent, wordsOf } from './words.ts'

/** Section 8.4. */
export interface Alignment {
  /** 0 … 1, in hundredths. */
  readonly score: number
  readonly status: AlignmentStatus
  readonly suggestions: readonly string[]
}

const ALIGNED = 0.7
const REVIEW = 0.4
/** Below it, an objective is as good as absent. */
const PRESENT = 0.25
/** Of what an objective gets for being there: the rest is for being measurable. */
const TOLD = 0.8
const OUTSIDE_OF_GOALS = 0.5
/** More than anybody works through at once. */
const SUGGESTIONS = 10

/** Sections that say what is to be achieved and how that is known; in them words count double. */
const GOALS = /\b(?:goals?|objectives?|metrics?|kpis?|okrs?|key results?|success|outcomes?|measur\w*|targets?)\b/i
/** What says when. A text that names it nowhere gets a suggestion of its own. */
const PERIOD = /^(?:q[1-4]|h[12]|20\d\d)$/

interface Objective {
  readonly text: string
  /** Stem → the word it was, as written. */
  readonly words: ReadonlyMap<string, string>
  readonly periods: readonly string[]
  readonly told: Set<string>
  readonly toldAsGoal: Set<string>
  measured: boolean
}

/**
 * How far a text serves objectives (section 8.4). An objective is its words without endings, stop words and verbs like
 * 'improve'. Each of its words counts 1 when a section about goals or metrics has it (a heading of GOALS, with what is
 * under it), ½ when it is only elsewhere, else 0; the mean is how much is told of the objective. Of that it gets 80 %,
 * and the rest when a sentence that has half of its words has a number, too, that is neither the first word of the line
 * nor a year. The score is the mean of all objectives, rounded to hundredths: `aligned` from 0.7, `review_needed` from
 * 0.4, else `misaligned`. Suggestions name what is missing, of the worst objective first, at most 10. The same input
 * gives the same output; time is linear in the text.
 */
export function checkAlignment(objectives: readonly string[], text: string): Alignment {
  const all = objectives.map(toObjective).filter(({ words }) => words.size > 0)
  if (all.length === 0) return { score: 0, status: 'review_needed', suggestions: [NO_OBJECTIVES] }
  const seen = read(text, all)
  const scores = new Map(all.map((objective) => [objective, scoreOf(objective)]))
  const mean = [...scores.values()].reduce((sum, one) => sum + one, 0) / all.length
  const score = Math.round(mean * 100) / 100
  const status = score >= ALIGNED ? 'aligned' : score >= REVIEW ? 'review_needed' : 'misaligned'
  const worstFirst = all.toSorted((a, b) => scores.get(a)! - scores.get(b)!)
  const periods = new Set(all.flatMap((objective) => objective.periods).filter((period) => !seen.has(period)))
  const suggestions = [
    ...worstFirst.flatMap(suggestionsFor),
    ...[...periods].map((period) => `Align timeline with ${period.toUpperCase()} objectives`),
  ]
  return { score, status, suggestions: suggestions.slice(0, SUGGESTIONS) }
}

/** Of several initiatives together, each once; where one has none, its title stands for them. */
export function objectivesOf(initiatives: readonly Pick<Initiative, 'title' | 'objectives'>[]): readonly string[] {
  return [...new Set(initiatives.flatMap(({ title, objectives }) => (objectives.length > 0 ? objectives : [title])))]
}

const NO_OBJECTIVES = 'Give the initiative objectives in Craft.io, so that this document can be compared with them'

function toObjective(text: string): Objective {
  const words = new Map<string, string>()
  const periods: string[] = []
  for (const word of contentOf(text)) {
    if (PERIOD.test(word.text)) periods.push(word.text)
    else if (!words.has(word.stem)) words.set(word.stem, word.text)
  }
  return { text: text.trim(), words, periods, told: new Set(), toldAsGoal: new Set(), measured: false }
}

/** Notes in the objectives what the text has of them. @returns the periods it names */
function read(text: string, objectives: readonly Objective[]): ReadonlySet<string> {
  const wanting = new Map<string, Objective[]>()
  for (const objective of objectives) {
    for (const stem of objective.words.keys()) {
      const others = wanting.get(stem)
      if (others) others.push(objective)
      else wanting.set(stem, [objective])
    }
  }
  const isGoal = goalsOf(text)
  const periods = new Set<string>()
  let start = 0
  for (const line of text.split('\n')) {
    const inGoals = isGoal(start)
    start += line.length + 1
    for (const sentence of line.split(/(?<=[.!?;])\s/)) readSentence(sentence, inGoals, wanting, periods)
  }
  return periods
}

function readSentence(
  sentence: string,
  inGoals: boolean,
  wanting: ReadonlyMap<string, readonly Objective[]>,
  periods: Set<string>,
): void {
  const words = wordsOf(sentence)
  const met = new Map<Objective, number>()
  for (const stem of new Set(words.map((word) => word.stem))) {
    if (PERIOD.test(stem)) periods.add(stem)
    for (const objective of wanting.get(stem) ?? []) {
      objective.told.add(stem)
      if (inGoals) objective.toldAsGoal.add(stem)
      met.set(objective, (met.get(objective) ?? 0) + 1)
    }
  }
  if (met.size === 0 || !words.some(({ text }, at) => at > 0 && /^\d/.test(text) && !PERIOD.test(text))) return
  for (const [objective, count] of met) if (count * 2 >= objective.words.size) objective.measured = true
}

/** Asked with offsets that only rise. */
function goalsOf(text: string): (offset: number) => boolean {
  const sections = sectionsOf(text).filter(({ title }) => GOALS.test(title))
  let next = 0
  let until = 0
  return (offset) => {
    for (; next < sections.length && sections[next]!.start <= offset; next += 1) {
      until = Math.max(until, sections[next]!.end)
    }
    return offset < until
  }
}

function coverageOf({ words, told, toldAsGoal }: Objective): number {
  return (toldAsGoal.size + (told.size - toldAsGoal.size) * OUTSIDE_OF_GOALS) / words.size
}

function scoreOf(objective: Objective): number {
  return coverageOf(objective) * (objective.measured ? 1 : TOLD)
}

function suggestionsFor(objective: Objective): readonly string[] {
  const { text, words, told, toldAsGoal, measured } = objective
  if (coverageOf(objective) < PRESENT) return [`Consider adding a goal for "${text}"`]
  const missing = [...words].filter(([stem]) => !told.has(stem)).map(([, word]) => word)
  const suggestions: string[] = []
  if (missing.length > 0) suggestions.push(`Say how this serves "${text}": nothing is said of ${missing.join(', ')}`)
  else if (toldAsGoal.size * 2 < words.size) suggestions.push(`State "${text}" among the goals`)
  if (!measured) suggestions.push(`Consider adding KPI for ${withoutIntent(text)}`)
  return suggestions
}
