import type { Part } from '../draft.ts'
import type { FindingsOf } from '../finding.ts'

/** Own words about what the product does from which on it could say what it does when something goes wrong. */
const WORDS = 70

const words = [
  'errors?|fail(?:s|ed|ing|ure|ures)?|invalid|(?:not|longer) valid|crash(?:es)?|malformed|duplicates?|conflicts?|wrong',
  'time-?outs?|times? out|offline|unavailable|unreachable|outages?|retr(?:y|ies|ied)|fall ?back|rolled? ?back',
  'edge cases?|corner cases?|exceptions?|unhappy|goes? wrong|expire[sd]?|denied|refuse[sd]?|reject(?:s|ed|ion)?',
  'degrade[sd]?|block(?:s|ed)?|locked out|not found|nothing is found|too (?:many|long|large|big|late)',
  'cannot|can[’\']t|could not|unable|if not|if there (?:is|are) no',
  '(?:no|without(?: an?)?) (?:rights?|permissions?|access|results?|hits|match(?:es)?|network|connection|data|internet)',
]
const ERROR_CASES = new RegExp(`\\b(?:${words.join('|')})\\b`, 'i')

function tellsOfErrors({ title, roles, lines }: Part): boolean {
  if (!roles.has('requirements') && (roles.has('problem') || roles.has('metrics'))) return false
  return ERROR_CASES.test(title) || lines.some(({ text, kind }) => kind === 'code' || ERROR_CASES.test(text))
}

/**
 * Requirements or user stories that say nothing of errors and edge cases, nor does any other part of the document but
 * its problem and its metrics, where failures are what is to be mended and counted. Confidence 0.7.
 */
export const noErrorCases: FindingsOf = ({ parts, isWhole }) => {
  if (!isWhole) return []
  const required = parts.filter(({ roles }) => roles.has('requirements'))
  if (required.reduce((sum, { words }) => sum + words, 0) < WORDS) return []
  if (parts.some((part) => tellsOfErrors(part))) return []
  const { key } = required.find(({ words }) => words > 0)!
  return [
    {
      rule: 'no-error-cases',
      subject: 'document',
      section: key,
      title: 'Consider edge cases',
      description:
        'Nothing says what happens when something goes wrong: wrong input, no connection, no right, twice at once.',
      confidence: 0.7,
    },
  ]
}
