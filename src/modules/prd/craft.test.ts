import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Compile } from 'typebox/compile'
import { checkLog } from '../../testing/hostile.ts'
import { craftServer, deliver, json, type CraftItem, type CraftServer } from '../../testing/outside/craft.ts'
import { storedRows } from '../../testing/rows.ts'
import type { Answer } from '../../testing/world.ts'
import { signatureFor } from './craft/webhook.ts'
import { CraftLink } from './routes/craft.ts'
import { made, scene, userId, type Data, type Scene, type Tab } from './testing.ts'

/** Section 8.4 over sockets and REST, against a Craft.io on loopback. */

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const DAY = 86_400_000
const TEXT = '# Goals\nSecure logins with less friction: 99 % in 10 seconds.'

let at: Scene
let craft: CraftServer
/** Joined to the first PRD: its owner, and a member who may only view it. Not joined: another tab of the owner. */
let owner: Tab
let member: Tab
let idle: Tab
before(async () => {
  craft = await craftServer()
  at = await scene({ config: { prdCraftLinks: 4, prdCraftDeliveriesPerMinute: 200 } })
  ;[owner, member, idle] = [await at.tab(at.owner), await at.tab(at.member, '/'), await at.tab(at.owner)]
  await owner.join(at.prdId)
  await member.join(at.prdId)
  await quiet()
})
after(async () => {
  await at?.close()
  await craft?.close()
})

const base = (prdId = at.prdId): string => `/api/prds/${prdId}/integrations/craft`
const settings = (): string => `/api/organizations/${at.organizationId}/integrations/craft`
const hook = (organizationId = at.organizationId): string =>
  `${at.world.url}/api/integrations/craft/${organizationId}/webhook`
/** Milliseconds from the server's time → as Craft.io writes it. */
const time = (ms = 0): string => new Date(at.world.clock.now() + ms).toISOString()
const deliveries = (): string => storedRows(at.world, /^prd_craft_deliveries/)['prd_craft_deliveries'] ?? ''
const isLink = Compile(CraftLink)

function put(id: string, title: string, objectives: readonly string[], more: Partial<CraftItem> = {}): CraftItem {
  const item = {
    id,
    title,
    status: { id: '1', name: 'In Progress' },
    objectives: objectives.map((name) => ({ id: name, name })),
    updateTime: time(-DAY),
    ...more,
  }
  craft.initiatives.set(id, item)
  return item
}

const connect = (more: object = {}): Promise<Answer> =>
  at.admin.put(settings(), { url: craft.url, apiToken: craft.apiKey, webhookSecret: SECRET, ...more })

async function refused(answering: Promise<Answer>, status: number, code: string, said?: RegExp): Promise<void> {
  const { status: got, body } = await answering
  assert.deepEqual([got, body?.error?.code], [status, code], JSON.stringify(body).slice(0, 500))
  if (said) assert.match(body.error.message as string, said)
}

async function quiet(...more: readonly Tab[]): Promise<void> {
  for (const tab of [owner, member, idle, ...more]) await tab.drained()
}

/** What each has been told since, after all jobs. */
async function told(...tabs: readonly Tab[]): Promise<[name: string, data: Data][][]> {
  await at.world.advance(0)
  const all: [string, Data][][] = []
  for (const tab of tabs) all.push((await tab.drained()).map(([name, data]) => [name, data]))
  return all
}

const shown = {
  id: 'init_456',
  title: 'User Authentication Initiative',
  status: 'in_progress',
  objectives: ['Improve security', 'Reduce friction'],
}

test('without an integration nothing is linked, and the webhook knows nobody', async () => {
  await refused(at.owner.post(`${base()}/initiatives`, { initiativeId: 'init_456' }), 409, 'CONFLICT', /not connected/)
  await refused(at.owner.post(`${base()}/match`, {}), 409, 'CONFLICT')
  await refused(at.owner.post(`${base()}/alignment`, {}), 409, 'CONFLICT', /Link an initiative/)
  assert.equal((await deliver(hook(), {}, { secret: SECRET, now: at.world.clock.now() })).status, 401)
})

test('P-F1 an editor links an initiative: all who have joined are told, then of the alignment', async () => {
  assert.equal((await connect()).status < 300, true)
  put('456', shown.title, shown.objectives)
  const link = await made(at.editor, `${base()}/initiatives`, { initiativeId: 'init_456' })
  assert.ok(isLink.Check(link), JSON.stringify(link))
  const linkedBy = { id: userId(at.editor), name: 'editor' }
  const updatedAt = `${time(-DAY).slice(0, 19)}Z`
  const linkedAt = `${time().slice(0, 19)}Z`
  assert.deepEqual(link, { initiative: shown, linkType: 'manual', linkedBy, linkedAt, updatedAt })
  const score = { score: 0, status: 'misaligned' }
  const suggestions = shown.objectives.map((one) => `Consider adding a goal for "${one}"`)
  const expected = [
    ['craft-initiative-linked', { prdId: at.prdId, initiative: shown, linkType: 'manual' }],
    ['craft-alignment-check', { prdId: at.prdId, alignment: { ...score, suggestions } }],
  ]
  assert.deepEqual(await told(owner, member, idle), [expected, expected, []])
  const again = await made(at.owner, `${base()}/initiatives`, { initiativeId: '456' })
  assert.deepEqual(again, link, 'once more, without the prefix, it is what it was')
  assert.deepEqual(await told(owner, idle), [[], []])
  const listed = await at.member.get(base())
  assert.deepEqual([listed.status, listed.body.items], [200, [link]])
  assert.equal((await at.admin.get(`/api/organizations/${at.organizationId}/integrations`)).body.items[0].status, 'ok')
})

test('who may not, and what is not there, is refused without a trace', async () => {
  const asked = craft.requests.length
  const body = { initiativeId: '456' }
  for (const path of ['initiatives', 'initiatives/456/accept', 'match', 'alignment']) {
    await refused(at.viewer.post(`${base()}/${path}`, body), 403, 'FORBIDDEN')
    await refused(at.outsider.post(`${base()}/${path}`, body), 404, 'NOT_FOUND')
  }
  await refused(at.viewer.delete(`${base()}/initiatives/456`), 403, 'FORBIDDEN')
  await refused(at.outsider.get(base()), 404, 'NOT_FOUND')
  assert.equal(craft.requests.length, asked, 'Craft.io is not asked for them')
  for (const initiativeId of ['999', 'CRK-1', '../me/api-key', 'init_', '__proto__']) {
    await refused(at.owner.post(`${base()}/initiatives`, { initiativeId }), 404, 'NOT_FOUND')
  }
  await refused(at.owner.post(`${base()}/initiatives/999/accept`, {}), 404, 'NOT_FOUND')
  await refused(at.owner.delete(`${base()}/initiatives/999`), 404, 'NOT_FOUND')
  for (const initiativeId of [7, null, '', 'x'.repeat(111)]) {
    await refused(at.owner.post(`${base()}/initiatives`, { initiativeId }), 400, 'VALIDATION_ERROR')
  }
  assert.deepEqual(await told(owner, member, idle), [[], [], []])
})

test('P-F1 matching suggests likely initiatives and links the likeliest where wanted; one may accept or decline', async () => {
  const prdId = await at.prd(TEXT, 'PRD: Login security')
  await owner.join(prdId)
  await quiet()
  put('500', 'Login security', ['Reduce friction'])
  put('501', 'Login for partners', ['Improve security'])
  put('502', 'Billing', ['Improve security'])
  put('503', 'Security objective', [], { type: 'Objective' })
  const found = await at.editor.post(`${base(prdId)}/match`, {})
  assert.equal(found.status, 200, JSON.stringify(found.body))
  const kinds = (items: Data): [string, string][] =>
    items
      .map(({ initiative, linkType }: Data) => [initiative.id, linkType])
      .toSorted(([one]: [string], [other]: [string]) => one.localeCompare(other))
  assert.deepEqual(kinds(found.body.items), [['init_500', 'suggested'], ['init_501', 'suggested']])
  const [events] = await told(owner)
  assert.deepEqual(events!.map(([name, { initiative, linkType }]) => [name, initiative.id, linkType]), [
    ['craft-initiative-linked', 'init_500', 'suggested'],
    ['craft-initiative-linked', 'init_501', 'suggested'],
  ], 'and no alignment with a suggestion')
  await refused(at.editor.post(`${base(prdId)}/alignment`, {}), 409, 'CONFLICT')

  assert.ok((await connect({ autoLink: true })).status < 300)
  assert.deepEqual(kinds((await at.editor.post(`${base(prdId)}/match`, {})).body.items), [
    ['init_500', 'automatic'],
    ['init_501', 'suggested'],
  ])
  assert.deepEqual((await told(owner))[0]!.map(([name, data]) => [name, data.linkType ?? data.alignment.score]), [
    ['craft-initiative-linked', 'automatic'],
    ['craft-alignment-check', 1],
  ])
  const accepted = await at.editor.post(`${base(prdId)}/initiatives/init_501/accept`, {})
  assert.deepEqual([accepted.status, accepted.body.linkType], [200, 'manual'])
  const [linked, alignment] = (await told(owner))[0]!
  assert.deepEqual([linked![0], linked![1].linkType], ['craft-initiative-linked', 'manual'])
  const checked = await at.editor.post(`${base(prdId)}/alignment`, {})
  assert.deepEqual([checked.status, checked.body], [200, alignment![1].alignment])
  assert.deepEqual(await told(owner), [[['craft-alignment-check', { prdId, alignment: checked.body }]]])
  assert.deepEqual(kinds((await at.editor.post(`${base(prdId)}/match`, {})).body.items).length, 2)
  assert.deepEqual(await told(owner), [[]], 'what is linked stays so')

  assert.equal((await at.editor.delete(`${base(prdId)}/initiatives/500`)).status, 204)
  const unlinkedBy = { id: userId(at.editor), name: 'editor' }
  const gone = { prdId, initiativeId: 'init_500', unlinkedBy, unlinkedAt: `${time().slice(0, 19)}Z` }
  assert.deepEqual(await told(owner, member), [[['craft-initiative-unlinked', gone]], []])
  for (const id of ['600', '601', '602', '603']) put(id, `Thing ${id}`, [])
  for (const id of ['600', '601', '602']) await made(at.editor, `${base(prdId)}/initiatives`, { initiativeId: id })
  await refused(at.editor.post(`${base(prdId)}/initiatives`, { initiativeId: '603' }), 409, 'CONFLICT', /at most 4/)
  await owner.done('leave-prd', { prdId })
  await connect({ autoLink: false })
})

test('when Craft.io fails, the one who waits is told what to do, nothing of its words, and admins are notified', async () => {
  const link = () => at.owner.post(`${base()}/initiatives`, { initiativeId: '456' })
  craft.answers.push((_, response) => json(response, 500, { message: 'hunter2' }))
  await refused(link(), 503, 'UNAVAILABLE', /^Craft\.io failed with status 500/)
  craft.answers.push((_, response) => json(response, 429, {}, { 'retry-after': '7' }))
  const { status, headers } = await link()
  assert.deepEqual([status, headers.get('retry-after')], [503, '7'])
  craft.answers.push((_, response) => void response.writeHead(302, { location: 'http://169.254.169.254/' }).end())
  await refused(link(), 409, 'CONFLICT', /redirect/)
  await connect({ apiToken: 'another' })
  await refused(link(), 409, 'CONFLICT', /does not know the API key/)
  const [failing] = (await at.admin.get(`/api/organizations/${at.organizationId}/integrations`)).body.items
  const message = 'Craft.io does not know the API key; enter it again'
  assert.deepEqual([failing.status, failing.statusMessage], ['failing', message])
  const [notice] = (await at.admin.get('/api/notifications')).body.items
  assert.equal(notice.type, 'integration_failed')
  assert.deepEqual((await at.admin.post(`${settings()}/test`, {})).body.ok, false)
  await connect()
  const tested = (await at.admin.post(`${settings()}/test`, {})).body
  assert.deepEqual(tested, { ok: true, message: 'Signed in to Craft.io; the API key may read 2 portfolios' })
  assert.ok(!at.world.log.some((line) => line.includes('hunter2') || line.includes(craft.apiKey)))
})

test('P-F3 a changed initiative is told in every PRD that has it, and names no other that is hidden from some', async () => {
  const now = at.world.clock.now()
  const [open, hidden] = [await at.prd('x', 'Open'), await at.prd('x', 'Hidden')]
  for (const id of [open, hidden]) await made(at.owner, `${base(id)}/initiatives`, { initiativeId: '456' })
  assert.equal((await at.owner.patch(`/api/prds/${hidden}`, { access: 'none' })).status, 200)
  const [inOpen, inHidden] = [await at.tab(at.member), await at.tab(at.editor)]
  await inOpen.join(open)
  await inHidden.join(hidden)
  // The same initiative, in another organisation with a secret of its own.
  const elsewhere = (await made(at.outsider, '/api/organizations', { name: 'Elsewhere' })).id as string
  const theirs = `/api/organizations/${elsewhere}/integrations/craft`
  await at.outsider.put(theirs, { url: craft.url, apiToken: craft.apiKey, webhookSecret: 'another of their own' })
  const foreign = (await made(at.outsider, '/api/prds', { organizationId: elsewhere, title: 'Theirs' })).id as string
  await made(at.outsider, `${base(foreign)}/initiatives`, { initiativeId: '456' })
  const stranger = await at.tab(at.outsider)
  await stranger.join(foreign)
  const tabs = [owner, inOpen, inHidden, stranger, idle]
  await told(...tabs)

  const objectives = [{ name: 'Improve security' }, { name: 'Reduce customer churn' }]
  const after = { id: '456', title: shown.title, status: { name: 'Done' }, objectives }
  const answer = await deliver(hook(), { ...after, updateTime: time() }, { secret: SECRET, now })
  assert.deepEqual(answer, { status: 200, body: { outcome: 'applied' } })
  const changes = {
    status: { from: 'in_progress', to: 'done' },
    objectives: { added: ['Reduce customer churn'], removed: ['Reduce friction'] },
  }
  const initiative = { id: 'init_456', changes }
  const heard = await told(...tabs)
  const of = (prdId: string, ...affectedPRDs: string[]) => [
    ['craft-initiative-updated', { prdId, initiative, affectedPRDs }],
    ['craft-alignment-check', prdId],
  ]
  assert.deepEqual(
    heard.map((events) => events.map(([name, data]) => [name, name === 'craft-alignment-check' ? data.prdId : data])),
    [of(at.prdId, at.prdId, open), of(open, at.prdId, open), of(hidden, at.prdId, open, hidden), [], []],
  )
  const ofTitle = { ...after, title: 'Logins', updateTime: time() }
  assert.equal((await deliver(hook(), ofTitle, { secret: SECRET, now })).status, 200)
  assert.deepEqual((await told(...tabs))[0]![0]![1].initiative.changes, { title: { from: shown.title, to: 'Logins' } })
  const same = await deliver(hook(), { ...ofTitle, updateTime: time() }, { secret: SECRET, now })
  assert.deepEqual(same.body, { outcome: 'applied' })
  const older = await deliver(hook(), { ...after, updateTime: time(-1) }, { secret: SECRET, now })
  assert.equal(older.status, 200, 'of before what is known: overtaken')
  assert.deepEqual(await told(...tabs), [[], [], [], [], []])
  assert.equal((await at.owner.get(base())).body.items[0].initiative.title, 'Logins')
  assert.equal((await at.outsider.get(base(foreign))).body.items[0].initiative.title, shown.title)

  // Of a PRD that is deleted nobody hears, and it is named nowhere.
  assert.equal((await at.owner.delete(`/api/prds/${hidden}`)).status, 204)
  assert.equal((await at.owner.delete(`/api/prds/${open}`)).status, 204)
  await told(...tabs)
  await deliver(hook(), { ...after, updateTime: time() }, { secret: SECRET, now })
  const [[first], ...rest] = (await told(...tabs)) as [[[string, Data]], ...unknown[]]
  assert.deepEqual(first[1].affectedPRDs, [at.prdId])
  assert.deepEqual(rest, [[], [], [], []])
  for (const tab of [inOpen, inHidden, stranger]) tab.close()
})

test('an initiative that no PRD has is linked by the server itself with those it fits, where that is wanted', async () => {
  const prdId = await at.prd('Open the store to partners and resellers.', 'Partner store')
  await owner.join(prdId)
  await quiet()
  const objectives = [{ name: 'Win resellers' }]
  const data = { id: '700', title: 'Partner Store Initiative', objectives, updateTime: time() }
  const post = async () => (await deliver(hook(), data, { secret: SECRET, now: at.world.clock.now() })).body
  assert.deepEqual(await post(), { outcome: 'ignored' })
  await connect({ autoLink: true })
  assert.deepEqual(await post(), { outcome: 'applied' })
  const [events] = await told(owner)
  assert.deepEqual(events!.map(([name, { prdId: id, linkType }]) => [name, id, linkType]), [
    ['craft-initiative-linked', prdId, 'automatic'],
    ['craft-alignment-check', prdId, undefined],
  ])
  const { items } = (await at.owner.get(base(prdId))).body
  assert.deepEqual([items[0].linkType, items[0].linkedBy], ['automatic', null])
  assert.ok(isLink.Check(items[0]))
  await owner.done('leave-prd', { prdId })
})

test('P-F3 A18 deliveries that are altered, late, repeated, unsigned or for nobody are refused alike', async () => {
  const now = at.world.clock.now()
  const data = { id: '456', title: 'Forged', status: null, objectives: null, updateTime: time() }
  const answers = [
    await deliver(hook(), data, { secret: 'another', now }),
    await deliver(hook(), data, { secret: SECRET, now, body: JSON.stringify({ type: 'initiative.updated', data }) }),
    await deliver(hook(), data, { secret: SECRET, now, headers: { 'webhook-id': 'msg_other' } }),
    await deliver(hook(), data, { secret: SECRET, now, headers: { 'webhook-signature': '' } }),
    await deliver(hook(), data, { secret: SECRET, now: now - 301_000 }),
    await deliver(hook(), data, { secret: SECRET, now: now + 302_000 }),
    await deliver(hook('org_999999'), data, { secret: SECRET, now }),
    await deliver(hook('__proto__'), data, { secret: SECRET, now }),
    await deliver(hook(), 'x', { secret: 'another', now, body: '{' }),
  ]
  const [first] = answers
  assert.deepEqual([first!.status, (first!.body as Data).error.code], [401, 'AUTHENTICATION_FAILED'])
  for (const answer of answers) assert.deepEqual(answer, first)
  assert.deepEqual(await told(owner, member), [[], []])

  const options = { secret: SECRET, now, id: 'msg_once' }
  assert.equal((await deliver(hook(), { ...data, id: '888' }, options)).status, 200)
  const twice = await deliver(hook(), { ...data, id: '888' }, options)
  assert.deepEqual([twice.status, (twice.body as Data).error.code], [409, 'CONFLICT'])
})

test('A8 A18 signed deliveries of other types, of nonsense, or too long are answered, and change nothing', async () => {
  const now = at.world.clock.now()
  let sent = 0
  const send = (body: string, type = 'application/json') => {
    const id = `msg_bad_${(sent += 1)}`
    const timestamp = Math.floor(now / 1_000)
    const headers = { 'content-type': type, 'webhook-id': id, 'webhook-timestamp': `${timestamp}` }
    const signature = { 'webhook-signature': signatureFor(SECRET, id, timestamp, body) }
    return at.world.request('POST', new URL(hook()).pathname, body, { ...headers, ...signature })
  }
  const wrap = (data: unknown): string => JSON.stringify({ type: 'initiative.updated', data })
  const good = { id: '456', title: 'x', updateTime: time(-10 * DAY) }
  assert.equal((await send(wrap(good), 'text/plain')).status, 200, 'whatever it calls itself')
  const nonsense = ['', '{', '[]', 'null', '7', '{}', '{"type":7}', '[['.repeat(100), '\u0000']
  for (const body of [...nonsense, wrap(null), wrap([good])]) await refused(send(body), 400, 'VALIDATION_ERROR')
  for (const [key, values] of Object.entries({
    id: [7, '', '../x', 'x'.repeat(101), null],
    title: [7, null, {}],
    status: ['done', [], { name: 7 }],
    objectives: ['x', {}, [7], [{ name: {} }]],
    updateTime: [7, 'soon', '', time(301_000), '-000001-01-01T00:00:00Z'],
  })) {
    for (const value of values) await refused(send(wrap({ ...good, [key]: value })), 400, 'VALIDATION_ERROR')
  }
  assert.deepEqual((await send('{"type":"initiative.deleted","data":{"id":"456"}}')).body, { outcome: 'ignored' })
  const polluting = `{"type":"initiative.updated","__proto__":{"polluted":1},"data":{"id":"456","title":"x",
    "updateTime":"${time(-10 * DAY)}","constructor":{"prototype":{"polluted":1}},"__proto__":{"polluted":1}}}`
  assert.equal((await send(polluting)).status, 200)
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
  const padding = 'x'.repeat(1_000_000 - wrap({ ...good, more: '' }).length)
  assert.equal((await send(wrap({ ...good, more: padding }))).status, 200, 'a megabyte')
  await refused(send(wrap({ ...good, more: `${padding}x` })), 413, 'TOO_LARGE')
  const objectives = Array.from({ length: 500 }, (_, n) => ({ name: `o${n}` }))
  const odd = { ...good, title: 'a\u0000b\ud800', objectives }
  assert.equal((await send(wrap({ ...odd, updateTime: time() }))).status, 200)
  assert.equal((await at.owner.get(base())).body.items[0].initiative.title, 'a b\ufffd')
  await told(owner, member)
  const statuses = await Promise.all(Array.from({ length: 200 }, async () => (await send('{')).status))
  assert.ok(statuses.includes(429), 'one address is not listened to for ever')
  checkLog(at.world, [at.admin, at.owner])
  assert.match(deliveries(), /^[1-9]/)
  await at.world.advance(601_000)
  await at.world.advance(3_600_000)
  assert.match(deliveries(), /^0 /, 'what is too old to be taken again need not be remembered')
})
