import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkAlignment, objectivesOf } from './alignment.ts'
import { changesOf } from './initiative.ts'
import { likeliest, shareWords, similarityTo } from './matching.ts'
import { withoutIntent, wordsOf } from './words.ts'

type Described = Parameters<ReturnType<typeof similarityTo>>[0]
const matches = (prd: { title: string; text: string }, initiatives: readonly Described[]) =>
  likeliest(initiatives.map((initiative) => ({ initiative, score: similarityTo(prd)(initiative) })))
const OBJECTIVES = ['Improve security of logins', 'Reduce checkout friction']

test('P-F2 a document whose goals name every objective with a number is aligned without suggestions', () => {
  const text = [
    '# Authentication', 'Login is old.', '## Goals and metrics', '- Secure logins: 99 % with a second factor',
    '- Less friction in the checkout, from 40 to 20 seconds', '## Design', 'OAuth2.',
  ].join('\n')
  assert.deepEqual(checkAlignment(OBJECTIVES, text), { score: 1, status: 'aligned', suggestions: [] })
})

test('P-F2 words count double in sections about goals, and what is under these belongs to them', () => {
  const sentence = 'Secure logins for 99 % of people; the checkout has 3 steps of friction.'
  const within = (heading: string) => checkAlignment(OBJECTIVES, `# PRD\n${heading}\n### Detail\n${sentence}\n# Rest`)
  assert.equal(within('## Success metrics').score, 1)
  assert.deepEqual(within('## Design'), {
    score: 0.5,
    status: 'review_needed',
    suggestions: OBJECTIVES.map((one) => `State "${one}" among the goals`),
  })
  assert.equal(checkAlignment(OBJECTIVES, `# Goals\nNone yet.\n# Design\n${sentence}`).score, 0.5, 'a later section')
  const fenced = `\`\`\`\n# Goals\n\`\`\`\n${sentence}`
  assert.equal(checkAlignment(OBJECTIVES, fenced).score, 0.5, 'a heading in code is none')
})

test('what is told without a number gets four fifths, and a suggestion of a KPI', () => {
  const alike = checkAlignment(['Improve user retention'], '# Goals\nUsers with better retention.')
  const expected = ['Consider adding KPI for user retention']
  assert.deepEqual(alike, { score: 0.8, status: 'aligned', suggestions: expected })
  const score = (line: string) => checkAlignment(['Improve user retention'], `# Goals\n${line}`).score
  assert.equal(score('User retention in 2026.'), 0.8, 'a year is no measure')
  assert.equal(score('1. User retention.'), 0.8, 'nor is the number of a list item')
  assert.equal(score('User retention. It takes 5 days.'), 0.8, 'nor is one in another sentence')
  assert.equal(score('User retention above 40 %'), 1)
})

test('suggestions name what is missing, of the worst objective first, and the time that is nowhere', () => {
  const objectives = ['Grow sales in Q2', 'Raise retention of new customers', 'Improve security']
  const text = '# Goals\nNew customers sign up securely for 5 days.\n# Scope\nsecurity'
  const alignment = checkAlignment(objectives, text)
  assert.deepEqual(alignment, {
    score: 0.56,
    status: 'review_needed',
    suggestions: [
      'Consider adding a goal for "Grow sales in Q2"',
      'Say how this serves "Raise retention of new customers": nothing is said of retention',
      'Align timeline with Q2 objectives',
    ],
  })
  assert.deepEqual(checkAlignment(objectives, text), alignment, 'the same again')
  const many = Array.from({ length: 30 }, (_, at) => `Thing${at} matters`)
  const none = checkAlignment(many, '')
  assert.deepEqual([none.score, none.status, none.suggestions.length], [0, 'misaligned', 10])
})

test('initiatives without objectives stand for themselves, and none at all cannot be compared', () => {
  const initiatives = [
    { title: 'A', objectives: [] },
    { title: 'B', objectives: ['x', 'y'] },
    { title: 'C', objectives: ['y'] },
  ]
  assert.deepEqual(objectivesOf(initiatives), ['A', 'x', 'y'])
  for (const empty of [[], ['…', ' ']]) {
    const { score, status, suggestions } = checkAlignment(empty, 'text')
    assert.deepEqual([score, status, suggestions.length], [0, 'review_needed', 1])
  }
})

test('words are compared without endings, in any case and script', () => {
  const stems = (text: string) => wordsOf(text).map(({ stem }) => stem)
  const pairs = [
    ['Policies', 'policy'], ['planning', 'planned plans plan'], ['authentication', 'authenticating authenticates'],
    ['security', 'secure Secured securely'], ['users', "User's"], ['ＯＡＵＴＨ', 'oauth'], ['status', 'status'],
  ] as const
  for (const [one, others] of pairs) for (const stem of stems(others)) assert.deepEqual(stems(one), [stem], others)
  assert.deepEqual(stems('the of and'), [])
  assert.deepEqual(stems('ログイン改善'), ['ログ', 'グイ', 'イン', 'ン改', '改善'])
  assert.equal(checkAlignment(['ログイン改善'], '# Goals\n目標: ログインの改善を3倍').score > 0.5, true)
  assert.equal(withoutIntent('Improve Reduce'), 'Reduce')
  const [bare] = checkAlignment(['Improve'], '# Goals\nimprove by 5 %').suggestions
  assert.equal(bare, undefined, 'a verb alone is what it is about')
})

test('a text of a megabyte, of one line or of many, is read once', () => {
  const objectives = Array.from({ length: 50 }, (_, at) => `Improve login security part${at}`)
  for (const text of ['login security 5 '.repeat(60_000), '# Goals\nlogin 5\n'.repeat(60_000), 'a'.repeat(1_000_000)]) {
    assert.ok(checkAlignment(objectives, text).score < 1)
  }
})

test('an initiative with the title of the PRD and words of its text is linked, a likely one suggested', () => {
  const prd = { title: 'PRD: User Authentication', text: 'Security by OAuth2; less friction at logins.' }
  const initiative = (id: string, title: string, ...objectives: string[]) => ({ id, title, objectives })
  const same = initiative('9', 'User Authentication Initiative', 'Improve security', 'Reduce friction')
  const likely = initiative('8', 'Authentication of partners', 'Improve security')
  const empty = initiative('7', 'User Authentication', 'Grow revenue', 'Enter markets', 'Hire people')
  const other = initiative('6', 'Billing', 'Improve security')
  const found = matches(prd, [other, empty, likely, same])
  assert.deepEqual(
    found.map(({ initiative: { id }, link, score }) => [id, link, Math.round(score * 100)]),
    [['9', 'automatic', 100], ['7', 'suggested', 71], ['8', 'suggested', 57]],
  )
  assert.deepEqual(matches(prd, [same, likely, empty, other]), found, 'in whatever order they come')
  const crowd = Array.from({ length: 20 }, (_, at) => initiative(`${at}`, 'User Authentication'))
  assert.deepEqual(matches(prd, crowd).map(({ initiative: { id } }) => id), ['0', '1', '10', '11', '12'])
  assert.deepEqual(matches({ title: 'PRD', text: '' }, [initiative('1', 'Initiative')]), [])
  assert.ok(shareWords('User authentication', 'Authenticating partners') && !shareWords('Initiative A1', 'PRD A2'))
})

test('of an initiative that changed only what did is told', () => {
  const before = { title: 'T', status: 'planned', objectives: ['a', 'b'] }
  assert.equal(changesOf(before, { ...before, objectives: ['b', 'a'] }), undefined)
  assert.deepEqual(changesOf(before, { ...before, status: 'done' }), { status: { from: 'planned', to: 'done' } })
  assert.deepEqual(changesOf(before, { ...before, objectives: ['b', 'c'] }), {
    objectives: { added: ['c'], removed: ['a'] },
  })
  assert.deepEqual(changesOf(before, { ...before, title: 'U', objectives: ['a', 'b', 'c'] }), {
    title: { from: 'T', to: 'U' },
    objectives: { added: ['c'] },
  })
})
