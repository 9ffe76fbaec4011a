import type { Draft } from '../draft.ts'
import type { Finding, FindingsOf } from '../finding.ts'
import type { Role } from '../roles.ts'
import { hasGoals } from './goals.ts'

interface Needed {
  readonly role: Role
  readonly section: string
  readonly title: string
  readonly description: string
  /** In the text of a document that says it without a heading for it. */
  readonly signs: RegExp
}

/** What anybody who builds from a product document needs to find in it. */
const needed: readonly Needed[] = [
  {
    role: 'problem',
    section: 'problem',
    title: 'Add a problem statement',
    description: 'Say who has which problem, how often, and how you know, so that solutions can be weighed against it.',
    signs: /\b(?:problems?|pain points?|struggl\w+|complain\w*|frustrat\w+)\b/i,
  },
  {
    role: 'goals',
    section: 'goals',
    title: 'Add goals',
    description: 'Say what is to be different for users and the business when this is done.',
    signs: /\b(?:our|the|primary|main|key) (?:goals?|objectives?|aims?)\b|\bkey results?\b|\bwe aim to\b/i,
  },
  {
    role: 'requirements',
    section: 'requirements',
    title: 'Add requirements or user stories',
    description:
      'List what the product must do, one requirement or user story at a time, so that each can be built and tested.',
    signs: /\b(?:must|shall)\b|\bas an? .{2,60} (?:i|we) want\b|\busers? (?:can|should)\b/i,
  },
  {
    role: 'metrics',
    section: 'success-metrics',
    title: 'Add success metrics',
    description: 'Name the numbers that will tell whether this worked: where they stand today, the goal, and by when.',
    signs: /\b(?:metrics?|kpis?|success criteria|we (?:will )?measure)\b/i,
  },
]

/** Own words of a document, and headings, from which on it is one in which something can be missing. */
const WORDS = 120
const HEADINGS = 3
/** With so many headings of a technical design it is one, and needs no requirements of its own. */
const TECHNICAL = 2

/**
 * A PRD without a section that every PRD needs: problem, goals, requirements or user stories, success metrics. Only
 * where half of these are there, so that it is known to be a PRD. Confidence 0.85 when it is the only one that is
 * missing, else 0.7.
 */
export const missingSections: FindingsOf = (draft) => {
  if (!isPrd(draft)) return []
  const has = (role: Role): boolean => draft.parts.some(({ roles }) => roles.has(role))
  // Goals can have their numbers themselves; that they have none is what another rule finds.
  const missing = needed.filter(({ role }) => !has(role) && !(role === 'metrics' && hasGoals(draft.parts)))
  if (missing.length * 2 > needed.length) return []
  return missing
    .filter(({ signs }) => !draft.parts.some(({ lines }) => lines.some(({ text }) => signs.test(text))))
    .map(({ section, title, description }): Finding => {
      const confidence = missing.length === 1 ? 0.85 : 0.7
      return { rule: 'missing-section', subject: section, section, title, description, confidence }
    })
}

function isPrd({ parts, words, isWhole }: Draft): boolean {
  const titled = parts.filter(({ title }) => title !== '')
  const technical = titled.filter(({ own }) => own.has('technical'))
  return isWhole && words >= WORDS && titled.length >= HEADINGS && technical.length < TECHNICAL
}
