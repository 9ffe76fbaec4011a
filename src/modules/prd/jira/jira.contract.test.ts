import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { OutgoingError } from '../../../kernel/outgoing.ts'
import { seeded } from '../../../testing/random.ts'
import { adfFault } from '../../../testing/outside/jira-adf.ts'
import { JiraDouble, tooMany } from '../../../testing/outside/jira.ts'
import { issueContent, openJira, type Jira } from './api.ts'
import { JiraFault, type JiraReason } from './faults.ts'
import { markdownToAdf } from './markdown.ts'
import type { JiraAccess } from './transport.ts'

/** The adapter against the double; what it is to do is said by the pages that the double names. */

let double: JiraDouble
let jira: Jira
const access = (more: Partial<JiraAccess> = {}): JiraAccess => {
  const { url, email, apiToken } = double
  return { url: `${url}/`, email, apiToken, fetch: (to, init) => fetch(to, init), ...more }
}

before(async () => {
  double = await new JiraDouble().listen()
  jira = await openJira(access())
})
after(() => double.close())

const description = 'Why:\n\n- **first**\n- [x] no task\n\n## Notes\n\n`code`'
const content = { title: 'As a user, I want it', description }
const issue = { projectKey: 'PROJ', type: 'Story', content, labels: ['prd_1', 'prd_1_abc'] }
const fails = (promise: Promise<unknown>, reason: JiraReason, retryAfterMs?: number): Promise<void> =>
  assert.rejects(promise, (fault) => {
    assert.ok(fault instanceof JiraFault, String(fault))
    assert.deepEqual([fault.reason, fault.retryAfterMs], [reason, retryAfterMs])
    assert.doesNotMatch(fault.message, /authenticated|exceeded|exist|valid issue/)
    return true
  })

test('Issues: what is created is read back as it was written, by its id, after an edit too', async () => {
  const { id, key } = await jira.create(issue)
  assert.match(key, /^PROJ-\d+$/)
  const read = async () => (await jira.fetch([id])).issues[0]!
  const first = await read()
  assert.deepEqual(first.content, issueContent(content))
  assert.match(first.content.description, /\*\*Notes\*\*/)
  assert.deepEqual([first.type, first.labels, first.updated], ['Story', issue.labels, 1_700_000_000_000])
  const changed = { title: 'x'.repeat(300), description: '' }
  await jira.edit(id, changed)
  assert.deepEqual((await read()).content, issueContent(changed))
  assert.equal((await read()).content.title.length, 255)
  assert.deepEqual((await read()).labels, issue.labels)
})

test('Issues: bulk fetch leaves out what is gone, and finds what was moved', async () => {
  const kept = await jira.create(issue)
  const gone = await jira.create(issue)
  double.projects.set('OTHER', ['Task'])
  double.move(kept.key, 'OTHER')
  double.remove(gone.key)
  const { issues, failed } = await jira.fetch([gone.id, kept.id])
  assert.deepEqual(issues.map(({ id, key }) => [id, key.split('-')[0]]), [[kept.id, 'OTHER']])
  assert.equal(failed.size, 0)
})

test('Issues: what is too long to be read at once is read in smaller portions', async () => {
  const made = []
  for (let i = 0; i < 4; i += 1) made.push(await jira.create(issue))
  const ids = made.map(({ id }) => id)
  const small = await openJira(
    access({
      fetch: async (to, init) => {
        const asked = (JSON.parse(init?.body as string) as { issueIdsOrKeys: string[] }).issueIdsOrKeys
        if (asked.length > 1 || asked[0] === ids[2]) throw new OutgoingError('too_large')
        return fetch(to, init)
      },
    }),
  )
  const { issues, failed } = await small.fetch(ids)
  assert.deepEqual([issues.map(({ id }) => id), [...failed]], [ids.toSpliced(2, 1), [ids[2]]])
})

test('Issues: the change log tells when the summary or description was last changed', async () => {
  const { id, key } = await jira.create(issue)
  assert.equal(await jira.contentChangedAt(id), undefined)
  double.change(key, { summary: 'Other' })
  double.comment(key)
  assert.equal(await jira.contentChangedAt(id), 1_700_000_000_000)
})

test('Issue search: all pages are read by their token, and only of that project and label', async () => {
  double.pageSize = 2
  const labels = ['prd_77']
  const made = []
  for (let i = 0; i < 5; i += 1) made.push((await jira.create({ ...issue, labels })).id)
  double.make({ summary: 'Other project', project: 'OTHER', labels })
  const calls = double.calls.length
  const found = await jira.search('PROJ', 'prd_77')
  assert.deepEqual(found[0]!.labels, labels)
  assert.deepEqual(found.map(({ id }) => id), made)
  assert.equal(double.calls.length - calls, 3)
  assert.deepEqual(await jira.search('PROJ', 'prd_78'), [])
  double.pageSize = 5_000
})

test('Search after write: what was just created is not found yet, but read by its id', async () => {
  double.isLagging = true
  const { id } = await jira.create({ ...issue, labels: ['prd_9'] })
  assert.deepEqual(await jira.search('PROJ', 'prd_9'), [])
  assert.equal((await jira.fetch([id])).issues.length, 1)
  double.index()
  double.isLagging = false
  assert.equal((await jira.search('PROJ', 'prd_9')).length, 1)
})

test('Myself and Projects: a check tells who the token belongs to and what types of issue there are', async () => {
  assert.deepEqual(await jira.check('PROJ'), { user: 'Switchboard Bot', project: 'Project', types: ['Story', 'Task'] })
  await fails(jira.check('NONE'), 'missing')
})

test('Basic auth, Issues and Rate limiting: every refusal is a fault in our own words', async () => {
  const wrong = await openJira(access({ apiToken: 'wrong' }))
  await fails(wrong.search('PROJ', 'x'), 'unauthorized')
  await fails(jira.create({ ...issue, type: 'Epic' }), 'refused')
  await fails(jira.create({ ...issue, labels: ['a b'] }), 'refused')
  await assert.rejects(jira.search('NONE', 'x'), { message: /no project NONE/ })
  await fails(jira.search('A" OR project = "PROJ', 'x'), 'refused')
  await fails(jira.edit('1', content), 'missing')
  double.trouble({ call: 'PUT', answer: { status: 403 } })
  await fails(jira.edit('1', content), 'forbidden')
  double.trouble({ call: 'POST', answer: tooMany(7) })
  await fails(jira.search('PROJ', 'x'), 'limited', 7_000)
  double.trouble({ call: 'POST', answer: { status: 503, headers: { 'retry-after': '2' } } })
  await fails(jira.search('PROJ', 'x'), 'unavailable', 2_000)
  double.trouble({ call: 'POST', answer: { status: 200, body: { issues: [{ id: 7 }] } } })
  await fails(jira.search('PROJ', 'x'), 'unavailable')
})

test('a call that is not allowed out, and one that finds nobody, are told apart', async () => {
  const broken = (reason: OutgoingError['reason'], retryAfterMs?: number): Promise<Jira> =>
    openJira(
      access({
        fetch: () => Promise.reject(new OutgoingError(reason, 'x', { ...(retryAfterMs && { retryAfterMs }) })),
      }),
    )
  await fails((await broken('unreachable')).check('PROJ'), 'unavailable')
  await fails((await broken('open', 5_000)).check('PROJ'), 'limited', 5_000)
  await fails((await broken('redirect')).check('PROJ'), 'refused')
  await fails((await broken('refused')).check('PROJ'), 'refused')
})

test('Atlassian Document Format: whatever somebody writes, Jira takes it', () => {
  const random = seeded()
  const table = '| a | b |\n| - | - |\n| c |'
  const lines = ['- ', '1. ', '> ', '# ', '```', '- [ ] ', table, '---', '    ', '\n', '\n', '\t']
  const links = ['[x](https://a.b)', '[y](javascript:z)', '<https://c.d>']
  const all = [...lines, ...links, '**', '_', '`', '~~', '\\', 'word', ' ']
  for (let i = 0; i < 1_000; i += 1) {
    const markdown = Array.from({ length: random.int(16) }, () => random.pick(all)).join('')
    assert.equal(adfFault(markdownToAdf(markdown)), undefined, `seed ${random.seed}: ${JSON.stringify(markdown)}`)
  }
})
