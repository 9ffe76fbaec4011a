/** Distinguishable on white and on black, and from one another. */
const palette = [
  '#8B5CF6',
  '#EC4899',
  '#0EA5E9',
  '#F97316',
  '#10B981',
  '#EF4444',
  '#6366F1',
  '#D97706',
  '#14B8A6',
  '#A21CAF',
  '#65A30D',
  '#E11D48',
  '#0D9488',
  '#7C3AED',
  '#CA8A04',
  '#2563EB',
] as const

/** The same for one person in one PRD, always; neighbours in the order of registration differ. */
export const colorOf = (prd: number, accountId: number): string => palette[(prd * 7 + accountId) % palette.length]!
