import { createModeration, LANGUAGES } from '../../src/modules/dating/moderation/index.ts'
import type { Context, Outcome, Scenario } from '../scenario.ts'
import { figure, table } from '../table.ts'

/** Code points of the longest text message, and of what a frame can hold at most. */
const LENGTHS = [60, 2_000, 32_000]
const REGIONS = ['US', 'GB', 'DE', 'FR', 'ES', 'IT', 'BR']

/** What people write, and what somebody writes who wants the filter to take for ever. */
const TEXTS: Readonly<Record<string, string>> = {
  'a letter to a friend': 'I had a long day at work, but the walk along the river with the dog was lovely. ',
  'words to mask': 'you f u c k e r, sh1t and ｆｕｃｋ ',
  'numbers to mask': 'call +49 171 2345678 or write to jane dot doe at gmail dot com ',
  'one letter': 'a',
  blanks: ' ',
  digits: '1',
  'digits apart': '1 ',
  'at signs': '@',
  'addresses without end': 'a@',
  dots: '.',
  'dots and letters': 'a.',
  'spelled out': 'dot at ',
  'combining marks': 'a\u0301',
  'zero width': 'f\u200b',
  'look-alikes': 'ѕһіт',
  emoji: '👩‍👩‍👧 ',
}

const repeated = (unit: string, length: number): string => {
  const points = [...unit]
  return Array.from({ length }, (_, i) => points[i % points.length]).join('')
}

/** The review of a message is inside the transaction that stores it: everybody in the group waits for it. */
const run = async ({ quick, print }: Context): Promise<Outcome> => {
  const minimumMs = quick ? 100 : 500
  const moderation = createModeration({ languages: LANGUAGES, regions: REGIONS, mode: 'mask' })
  const rows = Object.entries(TEXTS).flatMap(([name, unit]) =>
    LENGTHS.map((length) => {
      const text = repeated(unit, length)
      const review = (): unknown => moderation.review(text, { previous: [], sharesPersonal: false })
      review()
      let worstMs = 0
      let count = 0
      const started = performance.now()
      for (let now = started; now - started < minimumMs || count < 3; count += 1) {
        const before = now
        review()
        now = performance.now()
        worstMs = Math.max(worstMs, now - before)
      }
      return { text: name, length, count, meanMs: (performance.now() - started) / count, worstMs }
    }),
  )
  print('\nmoderation: one review of a text, milliseconds\n')
  print(
    table(
      ['text', ...LENGTHS.flatMap((length) => [`${length} mean`, 'worst'])],
      Object.keys(TEXTS).map((name) => [
        name,
        ...rows.filter(({ text }) => text === name).flatMap(({ meanMs, worstMs }) => [figure(meanMs), figure(worstMs)]),
      ]),
    ),
  )
  return {
    settings: { lengths: LENGTHS, languages: LANGUAGES, regions: REGIONS, minimumMs },
    rows,
    cells: [],
    notes: [],
    invalid: [],
  }
}

export const moderation: Scenario = { name: 'moderation', run }
