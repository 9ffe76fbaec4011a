import type { Initiative } from './initiative.ts'
import { contentOf, stemsOf, wordsOf } from './words.ts'

/** From here on an initiative is linked without asking, where the organization wants that. */
const AUTOMATIC = 0.75
/** From here on it is suggested. */
const SUGGESTED = 0.5
/** Likely ones beyond these are noise. */
const MATCHES = 5
const OF_TITLE = 0.6

/** Words of titles that say what kind of thing it is. */
const KINDS = stemsOf(wordsOf('initiative project program programme prd epic feature document'))

export type FoundLink = 'automatic' | 'suggested'

export interface Match<I> {
  readonly initiative: I
  /** 0 … 1 */
  readonly score: number
  readonly link: FoundLink
}

/** What a likelihood is good for; nothing: they do not belong together. */
export const linkFor = (score: number): FoundLink | undefined =>
  score >= AUTOMATIC ? 'automatic' : score >= SUGGESTED ? 'suggested' : undefined

type Described = Pick<Initiative, 'id' | 'title' | 'objectives'>

/**
 * How likely a PRD belongs to initiatives, 0 … 1. 60 % of it is how alike the titles are (Sørensen–Dice of their words
 * without endings, stop words, and words like 'initiative'), 40 % is the share of the words of the initiative's title
 * and objectives that the PRD's title or text has. The same input gives the same output; time is linear in the text.
 */
export function similarityTo(prd: { readonly title: string; readonly text: string }): (of: Described) => number {
  const title = titleStems(prd.title)
  const known = new Set([...title, ...stemsOf(wordsOf(prd.text))])
  return (initiative) => {
    const named = titleStems(initiative.title)
    const wanted = new Set([...named, ...initiative.objectives.flatMap((one) => [...stemsOf(contentOf(one))])])
    return OF_TITLE * dice(title, named) + (1 - OF_TITLE) * shareIn(known, wanted)
  }
}

/** From 0.75 on `automatic`, from 0.5 on `suggested`: the likeliest first, at most 5. */
export function likeliest<I extends Pick<Initiative, 'id'>>(
  scored: readonly { readonly initiative: I; readonly score: number }[],
): readonly Match<I>[] {
  return scored
    .flatMap((one) => {
      const link = linkFor(one.score)
      return link ? [{ ...one, link }] : []
    })
    .toSorted((a, b) => b.score - a.score || (a.initiative.id < b.initiative.id ? -1 : 1))
    .slice(0, MATCHES)
}

/** Whether two titles have words in common: without any, nothing is a match. */
export function shareWords(one: string, other: string): boolean {
  return !titleStems(one).isDisjointFrom(titleStems(other))
}

function titleStems(title: string): ReadonlySet<string> {
  return new Set([...stemsOf(contentOf(title))].filter((stem) => !KINDS.has(stem)))
}

function dice(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  return one.size + other.size === 0 ? 0 : (2 * one.intersection(other).size) / (one.size + other.size)
}

function shareIn(known: ReadonlySet<string>, wanted: ReadonlySet<string>): number {
  return wanted.size === 0 ? 0 : wanted.intersection(known).size / wanted.size
}
