import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Compile } from 'typebox/compile'
import { badIds, checkError, checkLog, searchSyntax } from '../../testing/hostile.ts'
import type { User } from '../../testing/world.ts'
import { ticketRoutes } from './routes/tickets.ts'
import { made, scene, type Data, type Scene } from './testing.ts'

/** Tickets over REST: who may do what, what is promised, and what is found. */

const MINUTE = 60_000
const TICKETS = '/api/helpdesk/tickets'
const reply = Compile(ticketRoutes({} as never).find(({ method }) => method === 'PATCH')!.reply!)

let at: Scene & AsyncDisposable
before(async () => void (at = await scene({ config: { helpdeskWritesPerMinute: 0 } })))
after(() => at[Symbol.asyncDispose]())

async function ticket(by: User, body: object = {}): Promise<Data> {
  const one: Data = await made(by, TICKETS, { subject: 'The printer is on fire', ...body })
  assert.deepEqual([...reply.Errors(one)], [])
  return one
}

async function change(by: User, id: number, changes: object): Promise<Data> {
  const { status, body } = await by.patch(`${TICKETS}/${id}`, changes)
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual([...reply.Errors(body)], [])
  return body as unknown
}

const refuses = async (by: User, id: number, changes: object, status: number, code: string) =>
  checkError(await by.patch(`${TICKETS}/${id}`, changes), status, code)

const idsOf = async (by: User, query = ''): Promise<number[]> => {
  const { status, body } = await by.get(`${TICKETS}?limit=200&${query}`)
  assert.equal(status, 200, JSON.stringify(body))
  return (body.items as { id: number }[]).map(({ id }) => id)
}

test('a customer makes a ticket, which they and those who work on tickets see, and nobody else', async () => {
  const one = await ticket(at.customer, { description: 'since 9 o’clock' })
  const now = new Date(at.world.clock.now()).toISOString()
  assert.deepEqual(one, {
    id: one.id,
    subject: 'The printer is on fire',
    description: 'since 9 o’clock',
    status: 'open',
    priority: 'normal',
    requesterId: at.customer.id,
    requesterName: 'customer',
    assigneeId: null,
    assigneeName: null,
    channelId: null,
    dueAt: new Date(at.world.clock.now() + 1_440 * MINUTE).toISOString(),
    overdue: false,
    createdAt: now,
    updatedAt: now,
    resolvedAt: null,
  })
  for (const person of [at.customer, at.agent, at.admin]) {
    assert.deepEqual((await person.get(`${TICKETS}/${one.id}`)).body, one)
    assert.ok((await idsOf(person)).includes(one.id))
  }
  checkError(await at.other.get(`${TICKETS}/${one.id}`), 404, 'NOT_FOUND')
  await refuses(at.other, one.id, { subject: 'mine now' }, 404, 'NOT_FOUND')
  assert.deepEqual(await idsOf(at.other), [])
  assert.equal((await at.world.request('GET', TICKETS)).status, 401)
})

test('only who works on tickets makes one for somebody else, who must be there', async () => {
  const one = await ticket(at.agent, { requesterId: at.other.id, priority: 'urgent' })
  assert.deepEqual([one.requesterId, one.requesterName], [at.other.id, 'other'])
  assert.ok((await idsOf(at.other)).includes(one.id))
  checkError(await at.customer.post(TICKETS, { subject: 'x', requesterId: at.other.id }), 403, 'FORBIDDEN')
  await ticket(at.customer, { requesterId: at.customer.id })
  const nobody = checkError(await at.agent.post(TICKETS, { subject: 'x', requesterId: 999_999 }), 400, 'INVALID')
  assert.deepEqual(Object.keys(nobody), ['requesterId'])
})

test('a customer words their ticket while it is worked on, closes it and reopens it, and nothing else', async () => {
  const { id } = await ticket(at.customer)
  assert.equal((await change(at.customer, id, { subject: 'Smoke', description: 'less' })).description, 'less')
  for (const changes of [
    { priority: 'urgent' }, { assigneeId: at.agent.id }, { assigneeId: null }, { channelId: at.publicId },
    { dueAt: null }, { status: 'pending' }, { status: 'on_hold' }, { status: 'resolved' },
  ]) {
    await refuses(at.customer, id, changes, 403, 'FORBIDDEN')
  }
  await at.world.advance(1_000)
  const closed = await change(at.customer, id, { status: 'closed', subject: 'It went out' })
  assert.deepEqual([closed.status, closed.subject], ['closed', 'It went out'])
  assert.equal(closed.resolvedAt, new Date(at.world.clock.now()).toISOString())
  await refuses(at.customer, id, { subject: 'Smoke again' }, 409, 'CONFLICT')
  const open = await change(at.customer, id, { status: 'open', subject: 'Smoke again' })
  assert.deepEqual([open.status, open.resolvedAt], ['open', null])
  await change(at.agent, id, { status: 'resolved' })
  assert.equal((await change(at.customer, id, { status: 'open' })).status, 'open')
  await change(at.agent, id, { status: 'pending' })
  await refuses(at.customer, id, { status: 'open' }, 403, 'FORBIDDEN')
  // What it is already is no change.
  await change(at.customer, id, { status: 'pending', subject: 'Still smoke' })
})

test('a ticket is assigned to agents and admins only', async () => {
  const { id } = await ticket(at.customer)
  const assigned = await change(at.agent, id, { assigneeId: at.admin.id })
  assert.deepEqual([assigned.assigneeId, assigned.assigneeName], [at.admin.id, 'admin'])
  for (const assigneeId of [at.customer.id, 999_999]) {
    assert.deepEqual(Object.keys(await refuses(at.agent, id, { assigneeId }, 400, 'INVALID')), ['assigneeId'])
  }
  assert.deepEqual((await change(at.admin, id, { assigneeId: null })).assigneeName, null)
})

test('what is promised moves with the priority, unless somebody has set it', async () => {
  const one = await ticket(at.customer)
  const due = (minutes: number): string => new Date(Date.parse(one.createdAt) + minutes * MINUTE).toISOString()
  assert.equal(one.dueAt, due(1_440))
  await at.world.advance(MINUTE)
  for (const [priority, minutes] of [['urgent', 240], ['low', 4_320], ['high', 480]] as const) {
    assert.equal((await change(at.agent, one.id, { priority })).dueAt, due(minutes))
  }
  assert.equal((await change(at.agent, one.id, { dueAt: '2026-02-01T00:00:00Z' })).dueAt, '2026-02-01T00:00:00.000Z')
  assert.equal((await change(at.agent, one.id, { priority: 'urgent' })).dueAt, '2026-02-01T00:00:00.000Z')
  assert.equal((await change(at.agent, one.id, { dueAt: null })).dueAt, null)
  assert.equal((await change(at.agent, one.id, { priority: 'low' })).dueAt, null)
  // A time that has passed makes it overdue, until it is resolved.
  const late = await change(at.agent, one.id, { dueAt: new Date(at.world.clock.now() - 1).toISOString() })
  assert.equal(late.overdue, true)
  assert.ok((await idsOf(at.agent, 'overdue=true')).includes(one.id))
  assert.ok(!(await idsOf(at.agent, 'overdue=false')).includes(one.id))
  const resolved = await change(at.agent, one.id, { status: 'resolved' })
  assert.equal(resolved.overdue, false)
  await at.world.advance(1_000)
  assert.equal((await change(at.agent, one.id, { status: 'closed' })).resolvedAt, resolved.resolvedAt)
  assert.ok(!(await idsOf(at.agent, 'overdue=true')).includes(one.id))
  assert.ok((await idsOf(at.agent, 'overdue=false')).includes(one.id))
})

test('a ticket tells nobody of a channel they do not see', async () => {
  const one = await ticket(at.customer, { channelId: at.privateId })
  assert.equal(one.channelId, at.privateId)
  const hidden = [[at.other, at.privateId], [at.customer, at.internalId], [at.customer, 999_999]] as const
  for (const [by, channelId] of hidden) {
    const details = checkError(await by.post(TICKETS, { subject: 'x', channelId }), 400, 'INVALID')
    assert.deepEqual(Object.keys(details), ['channelId'])
  }
  assert.equal((await change(at.agent, one.id, { channelId: at.internalId })).channelId, at.internalId)
  assert.equal((await at.customer.get(`${TICKETS}/${one.id}`)).body.channelId, null)
  assert.deepEqual(await idsOf(at.customer, `channelId=${at.internalId}`), [])
  assert.deepEqual(await idsOf(at.agent, `channelId=${at.internalId}`), [one.id])
  // An agent works on the tickets of private conversations, too, without seeing these.
  const { id: secret } = await made(at.admin, '/api/helpdesk/channels', { name: 'secret', visibility: 'private' })
  await refuses(at.agent, one.id, { channelId: secret }, 400, 'INVALID')
  await change(at.admin, one.id, { channelId: secret })
  assert.equal((await change(at.agent, one.id, { priority: 'high' })).channelId, null)
  assert.equal((await at.admin.get(`${TICKETS}/${one.id}`)).body.channelId, secret)
  assert.equal((await change(at.agent, one.id, { channelId: null })).channelId, null)
})

test('tickets are found by each of the filters, and read in pages', async () => {
  const first = await ticket(at.other, { subject: 'Zebra crossing', description: 'striped' })
  const second = await ticket(at.other, { subject: 'Lions', description: 'a ZEBRA is missing', priority: 'high' })
  const third = await ticket(at.other, { subject: 'Gnus' })
  await change(at.agent, second.id, { assigneeId: at.agent.id, status: 'on_hold' })
  const own = `requesterId=${at.other.id}`
  assert.deepEqual((await idsOf(at.other)).slice(0, 3), [third.id, second.id, first.id])
  assert.deepEqual(await idsOf(at.agent, 'q=zebra'), [second.id, first.id])
  assert.deepEqual(await idsOf(at.agent, 'q=zeb+miss'), [second.id])
  assert.deepEqual(await idsOf(at.customer, 'q=zebra'), [])
  assert.deepEqual(await idsOf(at.customer, own), [])
  assert.deepEqual(await idsOf(at.agent, `${own}&status=on_hold`), [second.id])
  assert.deepEqual(await idsOf(at.agent, `${own}&priority=high`), [second.id])
  assert.deepEqual(await idsOf(at.agent, `assigneeId=${at.agent.id}`), [second.id])
  assert.ok(!(await idsOf(at.agent, `${own}&assigneeId=none`)).includes(second.id))
  // What is worded anew is found by its new words, and by no old ones.
  await change(at.other, first.id, { subject: 'Okapi', description: '' })
  assert.deepEqual(await idsOf(at.agent, 'q=zebra'), [second.id])
  assert.deepEqual(await idsOf(at.agent, 'q=okapi'), [first.id])
  const { body } = await at.other.get(`${TICKETS}?limit=2`)
  assert.deepEqual(Object.keys(body), ['items', 'nextBefore', 'position'])
  assert.equal(body.nextBefore, second.id)
  assert.equal((await at.other.get(`${TICKETS}?limit=2&before=${body.nextBefore}`)).body.items[0].id, first.id)
})

test('a ticket is made once for one key of its client', async () => {
  const key = { 'idempotency-key': 'one-ticket' }
  const first = await at.customer.post(TICKETS, { subject: 'Once' }, key)
  const again = await at.customer.post(TICKETS, { subject: 'Once' }, key)
  assert.deepEqual(again.body, first.body)
  assert.deepEqual(await idsOf(at.customer, 'q=once'), [first.body.id])
})

test('without chat.access there are no tickets, not even one’s own', async () => {
  const { id } = await ticket(at.other)
  const rights = `/api/helpdesk/users/${at.other.id}/permissions`
  assert.equal((await at.admin.put(rights, { denied: ['chat.access'] })).status, 200)
  for (const answer of [
    await at.other.get(TICKETS), await at.other.get(`${TICKETS}/${id}`), await at.other.get(`${TICKETS}/999999`),
    await at.other.post(TICKETS, { subject: 'x' }), await at.other.patch(`${TICKETS}/${id}`, { subject: 'x' }),
  ]) {
    checkError(answer, 403, 'FORBIDDEN')
  }
  assert.equal((await at.admin.put(rights, { denied: [] })).status, 200)
})

test('what is no ticket, no number, no time and no word is refused by its name', async () => {
  const { id } = await ticket(at.agent)
  for (const [changes, field] of [
    [{}, 'body'], [{ subject: '' }, 'subject'], [{ subject: ' ' }, 'subject'], [{ subject: 'a\nb' }, 'subject'],
    [{ subject: 'x'.repeat(201) }, 'subject'], [{ description: 'x'.repeat(10_001) }, 'description'],
    [{ description: 'a\0b' }, 'description'], [{ status: 'done' }, 'status'], [{ priority: 1 }, 'priority'],
    [{ assigneeId: '1' }, 'assigneeId'], [{ assigneeId: 2_147_483_648 }, 'assigneeId'], [{ channelId: 0 }, 'channelId'],
    [{ dueAt: 'tomorrow' }, 'dueAt'], [{ dueAt: '2026-02-30T00:00:00Z' }, 'dueAt'],
    [{ dueAt: '2026-02-01T25:00:00Z' }, 'dueAt'], [{ dueAt: 1 }, 'dueAt'],
  ] as const) {
    const details = await refuses(at.agent, id, changes, 400, 'INVALID')
    assert.deepEqual(Object.keys(details), [field], JSON.stringify(changes))
  }
  for (const body of [{}, { subject: 7 }, { subject: 'x', priority: 'none' }, { subject: 'x', requesterId: -1 }]) {
    checkError(await at.agent.post(TICKETS, body), 400, 'INVALID')
  }
  for (const bad of badIds.filter((one) => one !== '' && one !== '..%2f1')) {
    checkError(await at.agent.get(`${TICKETS}/${bad}`), 400, 'INVALID')
    for (const field of ['assigneeId', 'requesterId', 'channelId', 'before']) {
      checkError(await at.agent.get(`${TICKETS}?${field}=${bad}`), 400, 'INVALID')
    }
  }
  for (const query of ['status=new', 'priority=', 'overdue=maybe', 'limit=0', 'assigneeId=null']) {
    checkError(await at.agent.get(`${TICKETS}?${query}`), 400, 'INVALID')
  }
  checkError(await at.agent.get(`${TICKETS}/2147483647`), 404, 'NOT_FOUND')
  for (const q of searchSyntax) {
    const { status, body } = await at.agent.get(`${TICKETS}?q=${encodeURIComponent(q.toWellFormed())}`)
    assert.ok(status === 200 || status === 400, `${q}: ${JSON.stringify(body)}`)
  }
  checkLog(at.world, [at.admin, at.agent, at.customer, at.other])
})
