import type { Draft } from './draft.ts'

export const rules = [
  'missing-section',
  'empty-section',
  'story-without-criteria',
  'no-error-cases',
  'unmeasurable-goals',
  'unexplained-acronym',
  'conflicting-dates',
] as const
export type Rule = (typeof rules)[number]

/** Something about a document that could be better, as section 4.4 tells it. */
export interface Finding {
  readonly rule: Rule
  /** What it is about, among the findings of its rule: the same as long as it is the same thing. */
  readonly subject: string
  /** Key of the section it is in, or of the one that is missing. */
  readonly section: string
  readonly title: string
  readonly description: string
  /** 0 … 1: share of such findings that are worth somebody's time, as far as we have seen. */
  readonly confidence: number
}

/** Finds what its name says in a document that is in English. */
export type FindingsOf = (draft: Draft) => readonly Finding[]
