import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Compile } from 'typebox/compile'
import { checkLog } from '../../testing/hostile.ts'
import { JiraDouble, tooMany } from '../../testing/outside/jira.ts'
import { afterKill, type Answer, type User, type World } from '../../testing/world.ts'
import { jiraRoutes } from './routes/jira.ts'
import type { Parts } from './actions/parts.ts'
import { made, remove, replace, scene, userId, type Data, type Received, type Scene, type Tab } from './testing.ts'

/** Section 8.1 over sockets and REST, against a Jira on loopback. */

const TEXT = `# Sign-in

## User Stories

- As a user, I want to sign in
  - Given a password, it lets me in
- As a user, I want to sign out

## Requirements

| ID | Requirement |
| --- | --- |
| R1 | Passwords are hashed |
`

let at: Scene
let jira: JiraDouble
/** Joined to the PRD that is made first; `idle` has joined nothing. */
let owner: Tab
let member: Tab
let idle: Tab
before(async () => {
  at = await scene({ config: { prdJiraItems: 6 } })
  jira = await new JiraDouble(() => at.world.clock.now()).listen()
  jira.projects.set('NEXT', ['Story', 'Task'])
  ;[owner, member, idle] = [await at.tab(at.owner), await at.tab(at.member, '/'), await at.tab(at.editor)]
})
after(async () => {
  await at?.close()
  await jira?.close()
})

const connect = (more: object = {}): Promise<Answer> =>
  at.admin.put(`/api/organizations/${at.organizationId}/integrations/jira`, {
    url: jira.url,
    email: jira.email,
    apiToken: jira.apiToken,
    projectKey: 'PROJ',
    ...more,
  })
const base = (prdId: string): string => `/api/prds/${prdId}/integrations/jira`
const ask = (prdId: string, syncType: string, more: object = {}, by: User = at.editor): Promise<Answer> =>
  by.post(`${base(prdId)}/sync`, { syncType, ...more })
const standing = async (prdId: string, by: User = at.viewer): Promise<Data> => {
  const { status, body } = await by.get(base(prdId))
  assert.equal(status, 200, JSON.stringify(body))
  assert.ok(isStanding.Check(body), JSON.stringify(body))
  return body
}
const isStanding = Compile(jiraRoutes({} as Parts)[1]!.reply!)

/** Asks, and lets it be done. @returns what it came to */
async function sync(prdId: string, syncType: string, more: object = {}): Promise<Data> {
  const answer = await ask(prdId, syncType, more)
  assert.equal(answer.status, 202, JSON.stringify(answer.body))
  await at.world.advance(1_000)
  const { lastSync } = await standing(prdId)
  assert.equal(lastSync.status, 'completed')
  return lastSync.result
}
const textOf = async (prdId: string): Promise<string> => (await at.owner.get(`/api/prds/${prdId}`)).body.content
async function edit(prdId: string, from: string, to: string): Promise<void> {
  const { body } = await at.owner.get(`/api/prds/${prdId}`)
  const position = (body.content as string).indexOf(from)
  assert.ok(position >= 0, `${from} in ${body.content}`)
  const operation = to === '' ? remove(position, from.length) : replace(position, from.length, to)
  await made(at.owner, `/api/prds/${prdId}/operations`, { operation, stateVector: body.stateVector })
}
const issuesOf = (prdId: string) => [...jira.issues.values()].filter(({ labels }) => labels.includes(prdId))
const summaries = (prdId: string): readonly string[] => issuesOf(prdId).map(({ summary }) => summary)
const counts = ({ created, updated, errors }: Data): Data => [created, updated, errors]
const heard = async (tab: Tab): Promise<Received[]> =>
  (await tab.drained()).filter(([name]) => /jira|content-update/.test(name))

test('P-J1 an export makes an issue of every story and requirement, and tells exactly who has joined', async () => {
  const prdId = await at.prd(TEXT)
  assert.equal((await ask(prdId, 'export')).status, 409)
  assert.equal((await connect({ storyType: 'Epic' })).status, 200)
  const settings = `/api/organizations/${at.organizationId}/integrations/jira`
  const tested = (await at.admin.post(`${settings}/test`)).body
  assert.deepEqual(tested, { ok: false, message: 'The project PROJ has no issue type Epic; it has Story, Task' })
  assert.equal((await connect()).status, 200)
  assert.deepEqual((await at.admin.post(`${settings}/test`)).body, {
    ok: true,
    message: 'Signed in as Switchboard Bot; found the project Project',
  })

  for (const tab of [owner, member]) await tab.join(prdId)
  await heard(owner)
  assert.deepEqual((await ask(prdId, 'export')).body, { status: 'queued', syncType: 'export', projectKey: 'PROJ' })
  await at.world.advance(1_000)
  const titles = ['As a user, I want to sign in', 'As a user, I want to sign out', 'Passwords are hashed']
  assert.deepEqual(summaries(prdId), titles)
  assert.deepEqual(issuesOf(prdId).map(({ type }) => type), ['Story', 'Story', 'Task'])
  assert.ok(issuesOf(prdId).every(({ labels }) => labels.length === 2 && labels[1]!.startsWith(`${prdId}_`)))
  const result = {
    created: 3,
    updated: 0,
    errors: 0,
    issues: issuesOf(prdId).map(({ key, summary }) => ({ key, title: summary, url: `${jira.url}/browse/${key}` })),
  }
  for (const tab of [owner, member]) {
    assert.deepEqual(await tab.find('jira-sync-start'), { prdId, projectKey: 'PROJ', syncType: 'export' })
    assert.deepEqual(await tab.expect('jira-sync-complete'), { prdId, result })
  }
  assert.deepEqual(await heard(idle), [])

  const { lastSync, items } = await standing(prdId)
  assert.deepEqual([lastSync.status, lastSync.result, lastSync.message], ['completed', result, ''])
  assert.deepEqual(items.map(({ kind, title, key }: Data) => [kind, title, key]).toSorted(), [
    ['requirement', titles[2], 'PROJ-3'],
    ['story', titles[0], 'PROJ-1'],
    ['story', titles[1], 'PROJ-2'],
  ])

  const calls = jira.calls.length
  assert.deepEqual(await sync(prdId, 'export'), { created: 0, updated: 0, errors: 0, issues: [] })
  assert.ok(jira.calls.slice(calls).every((call) => /search|bulkfetch/.test(call)), 'nothing was written')

  await edit(prdId, 'sign out', 'leave')
  await edit(prdId, '# Sign-in\n', '# Sign-in\n\nMore text before it all.\n')
  jira.change('PROJ-1', { summary: 'Changed in Jira' })
  assert.deepEqual(counts(await sync(prdId, 'export')), [0, 1, 0])
  assert.deepEqual(summaries(prdId), ['Changed in Jira', 'As a user, I want to leave', titles[2]])
  for (const tab of [owner, member]) await tab.done('leave-prd', { prdId })
})

test('P-J2 an import writes what was changed in Jira into the text, as an edit, and adds new issues', async () => {
  const prdId = await at.prd(TEXT)
  await sync(prdId, 'export')
  const [first, second] = issuesOf(prdId)
  jira.change(first!.key, { summary: 'As a user, I want *all*', description: '- no list' })
  jira.make({ summary: 'As an admin, I want\u2028this', type: 'Story', labels: [prdId] })
  jira.make({ summary: '| Salted', type: 'Bug', labels: [prdId] })
  jira.make({ summary: 'Of somebody else', labels: ['prd_99999'] })
  await edit(prdId, 'sign out', 'leave')
  await owner.join(prdId)
  await heard(owner)
  const result = await sync(prdId, 'import')
  assert.deepEqual(counts(result), [2, 1, 0])
  assert.deepEqual(
    await textOf(prdId),
    TEXT.replace('to sign in\n  - Given a password, it lets me in', '\\*all\\*\n\n  \\- no list')
      .replace('to sign out\n', 'to leave\n- As an admin, I want this\n')
      .replace('hashed |\n', 'hashed |\n|  | \\| Salted |\n'),
  )
  const events = await heard(owner)
  const kinds = new Set(events.map(([name]) => name))
  assert.deepEqual([...kinds], ['jira-sync-start', 'content-update', 'jira-sync-complete'])
  const { userId: by } = events.find(([name]) => name === 'content-update')![1] as Data
  assert.equal(by, userId(at.editor))
  await owner.done('leave-prd', { prdId })
  assert.equal(summaries(prdId).length, 5)
  assert.deepEqual(counts(await sync(prdId, 'import')), [0, 0, 0])
  assert.deepEqual(counts(await sync(prdId, 'export')), [0, 1, 0], 'only what was edited here')
  assert.equal(jira.byKey(second!.key)!.summary, 'As a user, I want to leave')
  assert.deepEqual(counts(await sync(prdId, 'bidirectional')), [0, 0, 0])
})

test('P-J2 where both sides were changed the later change stays, whatever happened to the issue besides', async () => {
  const prdId = await at.prd(TEXT)
  await sync(prdId, 'bidirectional')
  const [first, second] = issuesOf(prdId)
  await edit(prdId, 'to sign in', 'the earlier edit')
  await at.world.advance(60_000)
  jira.change(first!.key, { summary: 'As a user, I want the later change' })
  jira.change(second!.key, { summary: 'As a user, I want the earlier change' })
  await at.world.advance(60_000)
  await edit(prdId, 'to sign out', 'the later edit')
  await at.world.advance(60_000)
  jira.comment(second!.key)
  assert.deepEqual(counts(await sync(prdId, 'bidirectional')), [0, 2, 0])
  const text = await textOf(prdId)
  const [change, later] = ['As a user, I want the later change', 'As a user, I want the later edit']
  assert.ok(text.includes(`- ${change}\n  - Given a password, it lets me in\n- ${later}\n`), text)
  assert.deepEqual(summaries(prdId).slice(0, 2), [change, later])
  assert.deepEqual(counts(await sync(prdId, 'bidirectional')), [0, 0, 0])
})

test('P-J1 what is deleted on one side is left alone on the other, until it is changed', async () => {
  const prdId = await at.prd(TEXT)
  await sync(prdId, 'export')
  const [first, second, third] = issuesOf(prdId)
  await edit(prdId, '- As a user, I want to sign in\n  - Given a password, it lets me in\n', '')
  jira.remove(second!.key)
  jira.move(third!.key, 'NEXT')
  assert.deepEqual(counts(await sync(prdId, 'bidirectional')), [0, 0, 0])
  assert.equal(jira.byKey(first!.id)!.summary, 'As a user, I want to sign in')
  await edit(prdId, 'to sign out', 'out')
  await edit(prdId, 'hashed', 'salted')
  assert.deepEqual(counts(await sync(prdId, 'bidirectional')), [1, 1, 0])
  assert.deepEqual(issuesOf(prdId).map(({ key, summary }) => [key.split('-')[0], summary]), [
    ['PROJ', 'As a user, I want to sign in'],
    ['NEXT', 'Passwords are salted'],
    ['PROJ', 'As a user, I want out'],
  ])
  // Another project has issues of its own; back in the first one nothing is made twice.
  assert.deepEqual(counts(await sync(prdId, 'export', { projectKey: 'NEXT' })), [1, 0, 0])
  assert.deepEqual(counts(await sync(prdId, 'export')), [1, 0, 0])
  assert.deepEqual(counts(await sync(prdId, 'export')), [0, 0, 0])
})

test('a failing issue is counted and the others are made; past the limit nothing is sent', async () => {
  const stories = Array.from({ length: 8 }, (_, i) => `- As a user, I want ${i}`).join('\n')
  const prdId = await at.prd(`## User stories\n\n${stories}\n`)
  const refusal = { status: 400, body: { errors: { x: 'Secret' } } }
  jira.trouble({ call: 'POST /rest/api/3/issue', having: 'I want 2', answer: refusal })
  jira.trouble({ call: 'POST /rest/api/3/issue', having: 'I want 4', answer: { status: 403 } })
  assert.deepEqual(counts(await sync(prdId, 'export')), [4, 0, 4])
  assert.deepEqual(summaries(prdId).map((title) => title.at(-1)), ['0', '1', '3', '5'])
  assert.match((await standing(prdId)).lastSync.message, /does not allow this to the account .+ \(403\)/)
  assert.deepEqual(counts(await sync(prdId, 'export')), [2, 0, 2])
  assert.deepEqual(counts(await sync(prdId, 'export')), [0, 0, 2])
})

test('P-J3 an answer that is lost makes no second issue, although a search does not find the first yet', async () => {
  const prdId = await at.prd('## User stories\n\n- One\n- Two\n- Three\n')
  jira.isLagging = true
  jira.trouble({ call: 'POST /rest/api/3/issue', having: 'Two' })
  assert.equal((await ask(prdId, 'export')).status, 202)
  await at.world.advance(1_000)
  assert.deepEqual(summaries(prdId), ['One', 'Two', 'Three'])
  assert.equal((await standing(prdId)).lastSync.status, 'running')
  assert.equal((await ask(prdId, 'export')).status, 409)
  await at.world.advance(10_000)
  jira.isLagging = false
  jira.index()
  await at.world.advance(200_000)
  const { lastSync } = await standing(prdId)
  assert.deepEqual([lastSync.status, counts(lastSync.result)], ['completed', [3, 0, 0]])
  assert.deepEqual(summaries(prdId), ['One', 'Two', 'Three'])
})

test('P-J3 a server that is killed before it has committed what Jira answered makes no second issue', async () => {
  const prdId = await at.prd('## User stories\n\n- One\n')
  let restarted: World | undefined
  const before = async (): Promise<void> => {
    restarted = await afterKill(at.world, { config: { outgoingPrivate: ['127.0.0.1'] }, modules: ['tracker', 'prd'] })
  }
  jira.trouble({ call: 'POST /rest/api/3/issue', having: 'One', before })
  await sync(prdId, 'export')
  await restarted!.advance(300_000)
  const authorization = `Bearer ${at.owner.token}`
  const { body } = await restarted!.request('GET', base(prdId), undefined, { authorization })
  await restarted!.close()
  assert.deepEqual([body.lastSync.status, counts(body.lastSync.result)], ['completed', [1, 0, 0]])
  assert.deepEqual(summaries(prdId), ['One'])
})

test('two who ask at once get one synchronization, and one is told to wait', async () => {
  const prdId = await at.prd('## User stories\n\n- One\n')
  const answers = await Promise.all([ask(prdId, 'export'), ask(prdId, 'bidirectional', {}, at.owner)])
  assert.deepEqual(answers.map(({ status }) => status).toSorted((a, b) => a - b), [202, 409])
  await at.world.advance(1_000)
  assert.deepEqual(summaries(prdId), ['One'])
})

test('P-J3 a limit of Jira is waited for; a Jira that stays down is an error, and told to admins', async () => {
  const prdId = await at.prd('## User stories\n\n- One\n- Two\n')
  jira.trouble({ call: 'POST /rest/api/3/issue', having: 'One', answer: tooMany(90) })
  await ask(prdId, 'export')
  await at.world.advance(1_000)
  await at.world.advance(60_000)
  assert.deepEqual(summaries(prdId), [])
  await at.world.advance(30_000)
  assert.deepEqual(counts((await standing(prdId)).lastSync.result), [2, 0, 0])

  jira.trouble({ call: 'POST', answer: { status: 503 }, times: 1_000 })
  await edit(prdId, 'One', 'Uno')
  await ask(prdId, 'export')
  for (const ms of [0, 2_000, 10_000]) await at.world.advance(ms)
  assert.equal((await standing(prdId)).lastSync.status, 'running')
  await at.world.advance(60_000)
  assert.deepEqual(counts((await standing(prdId)).lastSync.result), [0, 0, 2])
  const { body } = await at.admin.get(`/api/organizations/${at.organizationId}/integrations`)
  assert.deepEqual(body.items.map(({ status, statusMessage }: Data) => [status, statusMessage]), [
    ['failing', 'Jira has failed (503)'],
  ])
  const notifications = (await at.admin.get('/api/notifications')).body.items
  assert.equal(notifications[0].type, 'integration_failed')
  jira.calmDown()
  await connect()
  assert.deepEqual(counts(await sync(prdId, 'export')), [0, 1, 0])

  assert.equal((await connect({ apiToken: 'wrong-token-of-the-test' })).status, 200)
  assert.deepEqual(counts(await sync(prdId, 'export')), [0, 0, 2])
  assert.match((await standing(prdId)).lastSync.message, /401/)
  assert.equal((await connect()).status, 200)
})

test('who loses the right to edit before it is done does nothing in Jira or to the text any more', async () => {
  const prdId = await at.prd('## User stories\n\n- One\n- Two\n')
  const collaborator = `/api/prds/${prdId}/collaborators/${userId(at.editor)}`
  await ask(prdId, 'export')
  await at.owner.put(collaborator, { role: 'viewer' })
  await at.world.advance(1_000)
  assert.deepEqual(counts((await standing(prdId)).lastSync.result), [0, 0, 1])
  assert.deepEqual(summaries(prdId), [])
  assert.equal((await ask(prdId, 'export')).status, 403)
  await at.owner.put(collaborator, { role: 'editor' })
  // In the midst of it.
  jira.trouble({
    call: 'POST /rest/api/3/issue',
    having: 'One',
    before: async () => void (await at.owner.put(collaborator, { role: 'viewer' })),
  })
  await ask(prdId, 'export')
  await at.world.advance(1_000)
  const { result, message } = (await standing(prdId)).lastSync
  assert.deepEqual([counts(result), summaries(prdId)], [[0, 0, 2], ['One']])
  assert.match(message, /only view/)
  await at.owner.put(collaborator, { role: 'editor' })
  // It is found again by its label.
  assert.deepEqual(counts(await sync(prdId, 'export')), [2, 0, 0])
  assert.deepEqual(summaries(prdId), ['One', 'Two'])

  // A PRD that is deleted meanwhile.
  await ask(prdId, 'bidirectional')
  const calls = jira.calls.length
  await at.owner.delete(`/api/prds/${prdId}`)
  await at.world.advance(1_000)
  assert.equal(jira.calls.length, calls)
})

test('issues of another Jira are not taken for those of the one before', async () => {
  const prdId = await at.prd('## User stories\n\n- One\n')
  await sync(prdId, 'export')
  await using other = await new JiraDouble(() => at.world.clock.now()).listen()
  for (let i = 0; i < 100; i += 1) other.make({ summary: 'Nothing of ours' })
  assert.equal((await connect({ url: other.url, apiToken: other.apiToken })).status, 200)
  await edit(prdId, 'One', 'Uno')
  assert.deepEqual(counts(await sync(prdId, 'bidirectional')), [1, 0, 0])
  assert.deepEqual([...other.issues.values()].filter(({ summary }) => summary !== 'Nothing of ours').length, 1)
  assert.deepEqual(other.calls.filter((call) => call.startsWith('PUT')), [])
  assert.equal((await connect()).status, 200)
})

test('wrong requests are told what is wrong, and nothing of Jira is in the log', async () => {
  const prdId = await at.prd('Hello')
  const keys = ['a b', 'X" OR 1', '', 7].map((projectKey) => ({ syncType: 'export', projectKey }))
  for (const body of [{}, { syncType: 'both' }, ...keys]) {
    assert.equal((await at.editor.post(`${base(prdId)}/sync`, body)).status, 400, JSON.stringify(body))
  }
  assert.deepEqual(counts(await sync(prdId, 'import', { projectKey: 'NONE' })), [0, 0, 1])
  assert.match((await standing(prdId)).lastSync.message, /no project NONE/)
  const { body } = await at.admin.get(`/api/organizations/${at.organizationId}/integrations`)
  assert.notEqual(body.items[0].status, 'failing')
  checkLog(at.world, [at.owner, at.editor])
  const log = at.world.log.join('\n')
  for (const secret of [jira.apiToken, jira.email, 'wrong-token', 'Passwords are', 'Secret', 'I want']) {
    assert.ok(!log.includes(secret), secret)
  }
})
