import { sectionKey } from '../../ai/sections.ts'
import { isBlank, type Part } from '../draft.ts'
import type { FindingsOf } from '../finding.ts'

/** Own words from which on a document is more than its outline. */
const WORDS = 100
/** Share of its sections that somebody has written something in: before, it is being filled in. */
const FILLED = 0.6
const TITLE = 60

/**
 * A section with nothing, or only with what the template put there, in a document whose other sections are written.
 * Confidence 0.9.
 */
export const emptySections: FindingsOf = ({ parts, words, isWhole }) => {
  if (words < WORDS) return []
  // What was cut off may be what the last one says.
  const leaves = (isWhole ? parts : parts.slice(0, -1)).filter((part) => isLeaf(part))
  const blank = leaves.filter((part) => isBlank(part))
  if (blank.length > leaves.length * (1 - FILLED)) return []
  const missed = blank.filter(({ roles }) => !roles.has('optional') && !roles.has('history'))
  return missed.map(({ key, title, level }) => ({
    rule: 'empty-section',
    subject: level > 6 ? `${key}/${sectionKey(title)}` : key,
    section: key,
    title: 'Fill in an empty section',
    description: `Nothing is written under “${shortened(title)}” yet. Fill it in, or remove it if it does not apply.`,
    confidence: 0.9,
  }))
}

const isLeaf = ({ level, title, hasParts }: Part): boolean => level > 1 && title !== '' && !hasParts

function shortened(title: string): string {
  const plain = title.replace(/\p{Cc}/gu, ' ')
  return plain.length > TITLE ? `${plain.slice(0, TITLE - 1).toWellFormed().trim()}…` : plain.toWellFormed()
}
