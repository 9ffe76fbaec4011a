import { readDraft } from './draft.ts'
import type { Finding } from './finding.ts'
import { unexplainedAcronyms } from './rules/acronyms.ts'
import { conflictingDates } from './rules/conflicting-dates.ts'
import { emptySections } from './rules/empty-section.ts'
import { noErrorCases } from './rules/error-cases.ts'
import { unmeasurableGoals } from './rules/goals.ts'
import { missingSections } from './rules/missing-section.ts'
import { storiesWithoutCriteria } from './rules/stories.ts'

/** UTF-16 units that are read: fifty pages, some ten milliseconds. */
const READ = 100_000
/** Of one rule, so that no document has more than people can read. */
const OF_A_RULE = 10

const rules = [
  missingSections,
  emptySections,
  storiesWithoutCriteria,
  noErrorCases,
  unmeasurableGoals,
  unexplainedAcronyms,
  conflictingDates,
] as const

/**
 * What could be better about a product document, by fixed rules: nothing is guessed, and nothing leaves the server.
 * Rules would rather miss something than tell of something that is not so. A text that is not English has no findings.
 * Linear in the text; of one that is longer than `most` only its beginning is read, and nothing is said to be missing.
 * @param text Markdown
 * @param most UTF-16 units
 * @returns by rule, in the order of the text; no two with the same rule and subject
 */
export function lint(text: string, most = READ): readonly Finding[] {
  const draft = readDraft(text, most)
  if (!draft.isEnglish) return []
  return rules.flatMap((rule) => rule(draft).slice(0, OF_A_RULE))
}
