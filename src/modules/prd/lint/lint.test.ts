import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { leastMs } from '../../../testing/effort.ts'
import { seeded } from '../../../testing/random.ts'
import { sectionsOf } from '../ai/sections.ts'
import { builtIn } from '../templates/built-in.ts'
import { lint } from './lint.ts'

const samples = new URL('samples/', import.meta.url)
const sample = (name: string): string => readFileSync(new URL(name, samples), 'utf8')

/** Each as `rule section: subject`; the subject is left out where there is only one. */
const found = (text: string, most?: number): readonly string[] =>
  lint(text, most).map(({ rule, section, subject }) =>
    ['stories', 'document', section].includes(subject) ? `${rule} ${section}` : `${rule} ${section}: ${subject}`,
  )

/** Enough English for a document to be known as such. */
const PROSE = `The team has the figures of what people do with the product and which of them come back to it. They show
that the page is read from top to bottom, and that the button is found by each of the people who have the need for it.
`

const expected: Readonly<Record<string, readonly string[]>> = {
  'bulk-export.md': [
    'story-without-criteria user-stories',
    'no-error-cases user-stories',
    'unmeasurable-goals success-metrics',
  ],
  'checkout.md': [],
  'dark-mode.md': [],
  'loyalty.md': [
    'no-error-cases functional-requirements',
    'unexplained-acronym functional-requirements: POS',
    'conflicting-dates milestones: 2026-09-15/2026-09-01',
  ],
  'notifications.md': [
    'unexplained-acronym rollout: DND',
    'unexplained-acronym rollout: ADR',
    'conflicting-dates rollout: launch',
  ],
  'offline-notes.md': ['empty-section administration', 'conflicting-dates timeline: 1 June 2026/15 May 2026'],
  'onboarding.md': ['empty-section who-is-it-for'],
  'one-pager.md': ['empty-section shared-shopping-lists: shared-shopping-lists/not-included'],
  'rate-limits.md': [],
  'search.md': ['story-without-criteria user-stories'],
  'sign-in.md': [],
  'spracheingabe.md': [],
}

for (const [name, findings] of Object.entries(expected)) {
  test(`P-S6 in ${name} is found what is wrong with it and nothing else`, () => {
    const text = sample(name)
    assert.deepEqual(found(text), findings)
    const keys = new Set(sectionsOf(text).map(({ key }) => key))
    for (const { rule, section, title, description, confidence } of lint(text)) {
      assert.ok(rule === 'missing-section' || keys.has(section), section)
      assert.ok(title.length <= 60 && description.length <= 200, description)
      assert.ok(confidence >= 0.5 && confidence <= 1)
    }
  })
}

test('every sample is looked at', () => {
  assert.deepEqual(readdirSync(samples).toSorted(), Object.keys(expected))
})

test('a template that nobody has filled in has no findings, nor has one of which the first section is written', () => {
  for (const { id, content } of builtIn) {
    assert.deepEqual(found(content), [], id)
    assert.deepEqual(found(`${content}\n\n## Notes\n\n${PROSE.repeat(4)}`), [], id)
  }
})

test('a section is empty when it holds what the template put there, or says that something will come', () => {
  const written = ['Background', 'People', 'Plan', 'How'].map((title) => `## ${title}\n\n${PROSE}`).join('\n')
  const filled = (rest: string): string => `# A\n\n${written}\n## Rest\n\n${rest}`
  const blank = ['', '-', '1.\n', '- [ ]', 'TBD', '*To be defined.*', 'TODO: ', '…', '{{rest}}', '<!-- What\n? -->']
  const guidance = ['Who has which problem, how often, and how we know.', '| Risk | How likely |\n|---|---|\n| | |']
  for (const rest of [...blank, ...guidance, '> [what comes here]', '```\n\n```', '| # | Who |\n|--|--|\n| 1 | |']) {
    assert.deepEqual(found(filled(rest)), ['empty-section rest'], JSON.stringify(rest))
  }
  const said = ['None.', 'N/A', '- x', '```\nGET /\n```', '| a | b |\n|---|---|\n| c | |', '### Part\n\nText']
  const table = '| Year | Users |\n|---|---|\n| 2025 | 40 |'
  const links = ['![](a.png)', '<https://example.org>', '[Design](https://example.org)']
  for (const rest of [...said, table, ...links, 'TODO: by A']) {
    assert.deepEqual(found(filled(rest)), [], JSON.stringify(rest))
  }
})

test('a section that every PRD needs is missed where the others are there', () => {
  const parts = {
    problem: `## Pain\n\n${PROSE}`,
    goals: `## Objectives\n\n- Twice as many of them come back: 40 % in May\n`,
    requirements: `## Features\n\nWhat is shown, and what happens when it fails.\n\n${PROSE}`,
    'success-metrics': '## KPIs\n\n- 40 % come back\n',
  }
  const all = Object.entries(parts)
  const without = (...names: readonly string[]): string => {
    const kept = all.filter(([name]) => !names.includes(name)).map(([, text]) => text)
    return `# A\n\n${kept.join('\n')}\n## Rest\n\n${PROSE.repeat(3)}`
  }
  assert.deepEqual(found(without()), [])
  for (const name of ['problem', 'requirements']) assert.deepEqual(found(without(name)), [`missing-section ${name}`])
  assert.deepEqual(found(without('success-metrics')), [], 'the goals have their numbers')
  const two = ['missing-section goals', 'missing-section success-metrics']
  assert.deepEqual(found(without('goals', 'success-metrics')), two)
  assert.deepEqual(found(without('goals', 'problem', 'success-metrics')), [], 'this is some other document')
  const said = `${without('problem')}\nThe problem is that they have no place for it.`
  assert.deepEqual(found(said), [])
  const technical = '## Data model\n\nA table.\n\n## Architecture\n\nOne process.\n'
  assert.deepEqual(found(`${without('requirements')}\n${technical}`), [])
})

test('a user story is done when something says when', () => {
  const about = (stories: string): readonly string[] => found(`${PROSE}\n## User stories\n\n${stories}`)
  const bare = ['story-without-criteria user-stories']
  assert.deepEqual(about('As a guest, I want to pay.'), bare)
  assert.deepEqual(about('- **US-1:** As an admin I need to see all of it\n- As a guest,\n  I want to pay'), bare)
  assert.deepEqual(about('As a guest, I want to pay. Given a basket, when I pay, then it is sent.'), [])
  assert.deepEqual(about('- As a guest I want to pay\n  - by card\n  - by phone'), [])
  assert.deepEqual(about('- As a guest I want to pay\n\n- [ ] the card is charged once'), [])
  assert.deepEqual(about('### Pay\n\nAs a guest, I want to pay.\n\n**Acceptance criteria**\n\n- charged once'), [])
  assert.deepEqual(about('As a guest, I want to pay.\n\n## Acceptance criteria\n\nThe card is charged once.'), [])
  assert.deepEqual(about('| Story | Acceptance |\n|---|---|\n| As a guest, I want to pay | charged |'), [])
})

test('a number in its unit makes a goal measurable, and a date, a version or a name does not', () => {
  const about = (goals: string): readonly string[] => found(`${PROSE}\n## Goals\n\n${goals}`)
  const vague = ['unmeasurable-goals goals']
  assert.deepEqual(about('Make people happier with OAuth2 in phase 2 by 1 June 2026'), vague)
  assert.deepEqual(about('1. Launch v2 of the app in Q3 2026, before 2027'), vague)
  assert.deepEqual(about('Cut waiting times in half for everybody we serve'), [])
  assert.deepEqual(about('| Goal | By |\n|---|---|\n| Churn down to 2% for all of them | May 2026 |'), [])
  assert.deepEqual(about('Faster'), [], 'this is about to be written')
  assert.deepEqual(about('Make people happier, and have more of them.\n\n## Success\n\n40 % come back'), [])
})

test('an acronym is explained in brackets, by brackets, in a glossary or in capitals, or is known to everybody', () => {
  const about = (text: string): readonly string[] =>
    found(`${PROSE}\n## Notes\n\nThey look at the XQZ, and the XQZ looks at them.\n\n${text}`)
  assert.deepEqual(about(''), ['unexplained-acronym notes: XQZ'])
  for (const explained of [
    'Xenon Query Zone (XQZ)',
    'XQZ (xenon query zone)',
    'XQZ stands for something.',
    '- **XQZ** – xenon query zone',
    'This is the Xenon Query Zone of theirs.',
    '## Glossary\n\n| XQZ | a zone |',
  ]) {
    assert.deepEqual(about(explained), [], explained)
  }
  const others = ['The API and the PDF. The API.', 'XQY-12 and XQY-13, `XQY` `XQY`', 'It must NOT. It is NOT.', 'XQY']
  for (const text of others) {
    assert.deepEqual(about(`XQZ means it. ${text}`), [], text)
  }
})

test('two dates of one thing contradict each other, and those of two things do not', () => {
  const about = (text: string): readonly string[] => found(`${PROSE}\n## Timeline\n\n${text}`)
  const launch = ['conflicting-dates timeline: launch']
  for (const text of [
    'Launch: 2026-05-04\n\nLaunch: 2026-05-05',
    'We launch on 4 May 2026. \n\n- **Launch date:** 11th of May 2026',
    'The launch is planned for May 4, 2026.\n\n| Launch | Q3 2026 |',
    'Target launch: H2 2026\n\nLaunch by 30 June 2026',
  ]) {
    assert.deepEqual(about(text), launch, text)
  }
  for (const text of [
    'Launch: 2026-05-04\n\nLaunch: 4 May 2026, Q2 2026',
    'Launch: May 2026\n\nLaunch: 4 May 2026',
    'Launch by 30 June 2026\n\nLaunch: 4 May 2026',
    'iOS launch: 2026-05-04\n\nAndroid launch: 2026-05-05',
    'Beta launch: 2026-05-04\n\nLaunch: 2026-06-05',
    'Launch: 2026-05-04 in Spain\n\nLaunch: 2026-06-05 in Italy',
    'Launch: 2026-05-04\n\nThe launch was planned for 2026-03-04',
    'Launch: 2026-05-04\n\n~~Launch: 2026-03-04~~',
    '### Spain\n\nLaunch: 2026-05-04\n\n### Italy\n\nLaunch: 2026-06-05',
    'Launch: 2026-05-04\n\nLaunch: 2026-13-45',
    '| | Planned | Actual |\n|---|---|---|\n| Launch | 2026-05-04 | 2026-05-20 |',
    '## Changelog\n\nRelease: 2026-05-04\nRelease: 2026-06-05',
    'The launch moved from 5 May 2026 to 4 May 2026.',
    'Build: 2026-05-04 – 2026-05-04',
  ]) {
    assert.deepEqual(about(text), [], text)
  }
  const reversed = ['conflicting-dates timeline: 2026-05-04/2026-05-03']
  assert.deepEqual(about('Build: 2026-05-04 – 2026-05-03'), reversed)
  assert.deepEqual(about('| What | Start | End |\n|---|---|---|\n| Build | 2026-05-04 | 2026-05-03 |'), reversed)
})

test('of a document that is too long only the beginning is read, and nothing is said to be missing', () => {
  const text = sample('bulk-export.md')
  assert.deepEqual(found(text, text.length), expected['bulk-export.md'])
  assert.deepEqual(found(text, text.length - 1), [])
  const dates = sample('notifications.md')
  const launch = dates.indexOf('## Dependencies')
  assert.deepEqual(found(dates, launch + 20), ['conflicting-dates rollout: launch'])
  const onboarding = sample('onboarding.md')
  const cut = onboarding.indexOf('## Rollout')
  assert.deepEqual(found(onboarding, cut), [], 'what the last section says may have been cut off')
  assert.deepEqual(found(onboarding, cut + 20), ['empty-section who-is-it-for'])
})

const hostile = ['# a\n', '#', '-', '|', '| a | b |\n', '[', '[a](', '<!--', '`', '**a.** ', '_', '~', 'ABC (', 'AA ']
const dated = ['2026-01-01 ', 'launch 2026-02-03 to 2026-01-01 ', 'may 1 ', 'Launch: 2026-01-01\n', 'q1 ', '12 ']
const worded = ['As a x I want y\n', 'as a ', '  - a\n', '{{', 'lorem ipsum.', 'T.B.', 'level 5', 'no ', '> ', 'x\n-\n']

test('no text of thirty pages takes long, whatever is in it', () => {
  const head = `${PROSE}\n## Goals\n\n${PROSE}\n## User stories\n\n`
  for (const unit of [...hostile, ...dated, ...worded]) {
    const text = head + unit.repeat(60_000 / unit.length)
    const ms = leastMs(() => lint(text, Infinity), 1)
    assert.ok(ms < 2_000, `${JSON.stringify(unit)}: ${ms.toFixed(0)} ms`)
  }
})

test('no text makes it fail, and what it finds is the same each time and told once', (t) => {
  const random = seeded()
  t.diagnostic(`seed ${random.seed}`)
  const paragraphs = Object.keys(expected).flatMap((name) => sample(name).split('\n\n'))
  const pieces = [...hostile, ...dated, ...worded, PROSE, ...paragraphs]
  for (let round = 0; round < 150; round += 1) {
    const text = Array.from({ length: random.int(60) }, () => random.pick(pieces)).join(random.pick(['', '\n', '\n\n']))
    const findings = lint(text)
    assert.deepEqual(lint(text), findings)
    assert.equal(new Set(findings.map(({ rule, subject }) => `${rule} ${subject}`)).size, findings.length)
    for (const { title, description, section, subject } of findings) {
      assert.ok(Math.max(title.length, section.length) <= 120 && description.length <= 240 && subject.length <= 240)
    }
  }
})
