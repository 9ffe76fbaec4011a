import { withoutDates } from '../dates.ts'
import type { Line, Part } from '../draft.ts'
import type { FindingsOf } from '../finding.ts'

/** Own words of goals from which on there is one. */
const WORDS = 6
/** Numbers that count nothing: of versions, phases, quarters, names. */
const named =
  'v|version|phase|stage|step|milestone|iteration|sprint|release|priority|p|q|h|goal|objective|kr|okr|metric|tier' +
  '|level|wave|section|part'
const NAMED = new RegExp(
  [
    `(?<![a-z])(?:${named})[ .#-]?\\d[\\d.]*`,
    '(?<![\\p{L}\\p{N}])\\p{L}+\\d[\\p{L}\\p{N}]*',
    '(?<![\\p{L}\\p{N}])[12]\\d{3}(?![\\p{L}\\p{N}%])',
    '^\\d{1,3}[.):]',
  ].join('|'),
  'giu',
)
const numbers =
  'half|halve[sd]?|double[sd]?|triple[sd]?|twice|zero|one|two|three|four|five|six|seven|eight|nine|ten|twelve|dozens?' +
  '|hundreds?|thousands?|millions?|a third|a quarter|three quarters|all of|every|none of'
const COUNTED = new RegExp(`\\d|[%‰]|(?<![a-z])(?:${numbers})(?![a-z])`, 'i')

/** A number of something. What stands for a date or a name is none. */
function isMeasurable({ text, kind }: Line): boolean {
  return kind !== 'header' && COUNTED.test(withoutDates(text).replace(NAMED, ' '))
}

/** A motivation is no goal that could be measured. */
function isAim({ own, roles }: Part): boolean {
  const of = own.has('goals') || own.has('metrics') ? own : roles
  return of.has('metrics') || (of.has('goals') && !of.has('problem'))
}

export const hasGoals = (parts: readonly Part[]): boolean => parts.some((part) => isAim(part) && part.words > 0)

/**
 * Goals and success metrics without a single number that could be reached or missed. One finding for all of them, at
 * the metrics where there are any: it takes one number to be content. Confidence 0.75.
 */
export const unmeasurableGoals: FindingsOf = ({ parts, isWhole }) => {
  const written = parts.filter((part) => isAim(part) && part.words > 0)
  if (!isWhole || written.reduce((sum, { words }) => sum + words, 0) < WORDS) return []
  if (written.some(({ lines }) => lines.some((line) => line.kind === 'code' || isMeasurable(line)))) return []
  const { key } = written.find(({ roles }) => roles.has('metrics')) ?? written[0]!
  return [
    {
      rule: 'unmeasurable-goals',
      subject: 'document',
      section: key,
      title: 'Make a goal measurable',
      description: 'No goal or metric has a number. Give at least one a value to reach, in its unit, and a date.',
      confidence: 0.75,
    },
  ]
}
