import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SyncType } from '../wire.ts'
import { issueContent, type Issue, type Jira } from './api.ts'
import { JiraFault } from './faults.ts'
import type { Content } from './items.ts'
import { decide, INDEX_MS, synchronize, type Decision, type Entry, type Ledger, type Plan } from './sync.ts'

const a: Content = { title: 'A', description: '' }
const b: Content = { title: 'B', description: '* one' }
const c: Content = { title: 'C', description: '' }
const entry = (more: Partial<Entry> = {}): Entry => ({
  key: 'k1',
  kind: 'story',
  form: 'list',
  text: a,
  touchedAt: undefined,
  issue: { id: '1', key: 'PROJ-1' },
  agreed: { text: a, issue: a },
  attemptedAt: undefined,
  ...more,
})

test('what was changed goes to the other side; what both have is agreed on; a direction is kept to', () => {
  const agreed = { text: a, issue: a }
  const nothing = { export: 'nothing', import: 'nothing', bidirectional: 'nothing' } as const
  const known = { text: b, issue: issueContent(b) }
  const cases: readonly [Partial<Entry>, issue: Content, ...Record<SyncType, Decision>[]][] = [
    [{ agreed }, a, nothing],
    [{ agreed, text: b }, a, { export: 'push', import: 'nothing', bidirectional: 'push' }],
    [{ agreed }, b, { export: 'nothing', import: 'pull', bidirectional: 'pull' }],
    [{ agreed, text: b }, c, { export: 'push', import: 'pull', bidirectional: 'compare' }],
    [{ agreed, text: b }, issueContent(b), { export: 'agree', import: 'agree', bidirectional: 'agree' }],
    [{ agreed: undefined, text: b }, c, { export: 'push', import: 'pull', bidirectional: 'compare' }],
    [{ agreed: known, text: b }, issueContent(b), nothing],
    [{ agreed, text: undefined }, b, nothing],
    // Of a row only the title is Jira's to change.
    [{ agreed, form: 'row' }, { ...a, description: 'more' }, nothing],
    [{ agreed, form: 'row' }, b, { export: 'nothing', import: 'pull', bidirectional: 'pull' }],
  ]
  for (const [more, issue, expected] of cases) {
    for (const syncType of ['export', 'import', 'bidirectional'] as const) {
      assert.equal(decide(syncType, entry(more), issue), expected![syncType], JSON.stringify([syncType, more, issue]))
    }
  }
})

const issue = (content: Content, more: Partial<Issue> = {}): Issue => ({
  id: '1',
  key: 'PROJ-1',
  content,
  type: 'Story',
  labels: ['prd_1', 'prd_1_k1'],
  updated: 1_000,
  ...more,
})

function world(more: Partial<Plan>, issues: readonly Issue[], faults: Partial<Jira> = {}) {
  const deeds: unknown[] = []
  const jira: Jira = {
    search: async () => issues.filter(({ labels }) => labels.includes('prd_1')),
    fetch: async (ids) => ({ issues: issues.filter(({ id }) => ids.includes(id)), failed: new Set() }),
    create: async ({ type, content, labels }) => {
      deeds.push(['create', type, content.title, ...labels])
      return { id: `new-${content.title}`, key: 'PROJ-9' }
    },
    edit: async (id, content) => void deeds.push(['edit', id, content.title]),
    contentChangedAt: async () => undefined,
    check: async () => ({ user: '', project: '', types: [] }),
    ...faults,
  }
  const ledger: Ledger = {
    attempt: async (key) => void deeds.push(['attempt', key]),
    withdraw: async (key) => void deeds.push(['withdraw', key]),
    link: async ({ key, issue: { id } }, as) => void deeds.push(['link', key, id, as]),
    pull: async (pulls) => {
      deeds.push(['pull', ...pulls.map(({ key, kind, issue: { id } }) => [key, kind, id])])
      return 0
    },
  }
  const types = { story: 'Story', requirement: 'Task' }
  const plan: Plan = { syncType: 'bidirectional', projectKey: 'PROJ', label: 'prd_1', types, entries: [], ...more }
  const run = (now: number | (() => number) = 1_000_000) =>
    synchronize(jira, ledger, plan, typeof now === 'number' ? () => now : now)
  return { deeds, run }
}
const done = { kind: 'done', errors: 0, message: '' }

test('of two changes the later one stays: by the time of the edit, and of the change in Jira', async () => {
  for (const [touchedAt, changedAt, expected] of [
    [2_000, 1_500, 'edit'],
    [1_200, 1_500, 'pull'],
    // Nothing tells when its content was changed: its last change of any kind counts.
    [1_200, undefined, 'edit'],
    [undefined, undefined, 'pull'],
  ] as const) {
    const { deeds, run } = world({ entries: [entry({ text: b, touchedAt })] }, [issue(c)], {
      contentChangedAt: async () => changedAt,
    })
    assert.deepEqual(await run(), done)
    assert.equal((deeds[0] as string[])[0], expected)
  }
})

test('an issue that may have been created before a crash is found by its label, or waited for', async () => {
  const lost = entry({ issue: undefined, agreed: undefined, attemptedAt: 1_000_000 })
  const found = world({ entries: [lost] }, [issue(a)])
  assert.deepEqual(await found.run(1_000_100), done)
  assert.deepEqual(found.deeds, [['link', 'k1', '1', 'created']])

  const unknown = world({ entries: [lost] }, [])
  const outcome = await unknown.run(1_000_100)
  assert.deepEqual([outcome.kind, outcome.errors], ['later', 1])
  assert.equal(outcome.kind === 'later' && outcome.afterMs, INDEX_MS - 100)
  assert.deepEqual(unknown.deeds, [])
  assert.deepEqual(await unknown.run(1_000_000 + INDEX_MS), done)
  assert.deepEqual(unknown.deeds.map((deed) => (deed as string[])[0]), ['attempt', 'create', 'link'])
})

test('an issue that is gone from Jira is made anew only when its item was changed since', async () => {
  const kept = world({ entries: [entry()] }, [])
  assert.deepEqual(await kept.run(), done)
  assert.deepEqual(kept.deeds, [])
  const changed = world({ entries: [entry({ text: b })] }, [])
  await changed.run()
  assert.deepEqual(changed.deeds[1], ['create', 'Story', 'B', 'prd_1', 'prd_1_k1'])
  const imported = world({ syncType: 'import', entries: [entry({ text: b })] }, [])
  await imported.run()
  assert.deepEqual(imported.deeds, [])
})

test('issues that others have labelled become items by their type; those of items that are gone do not', async () => {
  const labels = ['prd_1']
  const issues = [
    issue(b, { id: '2', labels }),
    issue(b, { id: '3', labels, type: 'Bug' }),
    issue(b, { id: '4', labels: ['prd_1', 'prd_1_gone'] }),
    issue(a),
  ]
  const { deeds, run } = world({ syncType: 'import', entries: [entry()] }, issues)
  assert.deepEqual(await run(), done)
  assert.deepEqual(deeds, [['pull', [undefined, 'story', '2'], [undefined, 'requirement', '3']]])
  const outwards = world({ syncType: 'export', entries: [entry()] }, issues)
  await outwards.run()
  assert.deepEqual(outwards.deeds, [])
})

test('one that fails is counted, and the rest goes on; three in a row, or a limit, end it until later', async () => {
  const entries = Array.from({ length: 6 }, (_, i) =>
    entry({ key: `k${i}`, text: { title: `T${i}`, description: '' }, issue: undefined, agreed: undefined }),
  )
  const failing = (fails: (title: string) => JiraFault | undefined) => {
    const made: string[] = []
    const { deeds, run } = world({ entries, syncType: 'export' }, [], {
      create: async ({ content: { title } }) => {
        const fault = fails(title)
        if (fault) throw fault
        made.push(title)
        return { id: title, key: title }
      },
    })
    return { made, run, withdrawn: () => deeds.filter((deed) => (deed as string[])[0] === 'withdraw').length }
  }
  const refused = failing((title) => (['T1', 'T4'].includes(title) ? new JiraFault('refused', 'no') : undefined))
  assert.deepEqual(await refused.run(), { kind: 'done', errors: 2, message: 'no' })
  assert.deepEqual(refused.made, ['T0', 'T2', 'T3', 'T5'])
  assert.equal(refused.withdrawn(), 2)

  const down = failing((title) => (title === 'T0' ? undefined : new JiraFault('unavailable', 'down')))
  assert.deepEqual(await down.run(), { kind: 'later', afterMs: 0, errors: 5, message: 'down', isCut: false })
  assert.deepEqual([down.made, down.withdrawn()], [['T0'], 0])

  let calls = 0
  const limited = failing((title) => {
    calls += 1
    return title === 'T2' ? new JiraFault('limited', 'wait', 9_000) : undefined
  })
  assert.deepEqual(await limited.run(), { kind: 'later', afterMs: 9_000, errors: 4, message: 'wait', isCut: false })
  assert.deepEqual([limited.made, calls, limited.withdrawn()], [['T0', 'T1'], 3, 1])
})

test('a run that takes too long is broken off before its lease ends, and the next one goes on', async () => {
  const fresh = { text: b, issue: undefined, agreed: undefined }
  const entries = Array.from({ length: 9 }, (_, i) => entry({ key: `k${i}`, ...fresh }))
  let now = 0
  const { deeds, run } = world({ entries, syncType: 'export' }, [], {
    create: async () => {
      now += 50_000
      return { id: '1', key: 'PROJ-1' }
    },
  })
  assert.deepEqual(await run(() => now), { kind: 'later', afterMs: 0, errors: 6, message: '', isCut: true })
  assert.equal(deeds.filter((deed) => (deed as string[])[0] === 'link').length, 3)
})
