import { sectionKey } from '../ai/sections.ts'

/** What a section of a product document is for. One may be for several things ("Goals and metrics"), or for none. */
export type Role =
  | 'problem'
  | 'goals'
  | 'requirements'
  | 'metrics'
  | 'acceptance'
  | 'glossary'
  | 'history'
  | 'summary'
  | 'schedule'
  | 'technical'
  | 'optional'

const words = (text: string): RegExp => new RegExp(`(?<![a-z])(?:${text})(?![a-z])`)

/** Of the words of a title, in small letters. Wide: a role that is found where there is none costs a finding, and one
 * that is missed makes a wrong one. */
const patterns: readonly (readonly [Role, RegExp])[] = [
  [
    'problem',
    words(
      'problems?|pains?|background|context|motivation|rationale|why|opportunit(?:y|ies)|needs?|challenges?|purpose' +
        '|current state|current situation|today|business case|introduction',
    ),
  ],
  [
    'goals',
    words('goals?|objectives?|outcomes?|aims?|why|motivation|rationale|purpose|vision|success|okrs?|key results'),
  ],
  [
    'requirements',
    words(
      'requirements?|stor(?:y|ies)|features?|functionality|use cases?|proposal|proposed|solution|scope|how it works' +
        '|what we build|what we do|specifications?|functional|capabilit(?:y|ies)|epics?|deliverables|must haves?' +
        '|acceptance|behaviou?r',
    ),
  ],
  ['metrics', words('metrics?|measur(?:e|es|ing|ement|ements)|kpis?|success|okrs?|key results|indicators?|targets?')],
  ['acceptance', words('acceptance|criteria|definition of done|done when|test(?:s|ing)?|test cases|scenarios|qa')],
  ['glossary', words('glossary|definitions?|terms|terminology|abbreviations|acronyms|vocabulary')],
  ['history', words('changelog|change log|history|revisions?|release notes|versions?')],
  ['summary', words('summary|overview|tl dr|tldr|introduction|abstract|at a glance')],
  ['schedule', words('timeline|schedule|milestones?|release plan|rollout|key dates|launch plan|roadmap|dates')],
  ['technical', words('data model|interfaces?|architecture|alternatives|api|migration|schema|failure modes|security')],
  [
    'optional',
    words(
      'questions?|references?|appendix|notes?|links?|attachments?|decisions?|changelog|history|revisions?|assumptions',
    ),
  ],
]

const NEGATED = /(?<![a-z])(?:(?:non|anti) ?(?:goals?|objectives?|requirements?)|(?:out of|not in) scope)(?![a-z])/g

/** @param title of a heading, as people read it */
export function rolesOf(title: string): ReadonlySet<Role> {
  const plain = sectionKey(title).replaceAll('-', ' ').replace(NEGATED, ' ')
  return new Set(patterns.filter(([, pattern]) => pattern.test(plain)).map(([role]) => role))
}
