import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompiledQuery } from 'kysely'
import { Compile } from 'typebox/compile'
import type { Answer, User } from '../../testing/world.ts'
import { Channel } from './routes/shapes.ts'
import { expectEvents, joinAll, made, scene, Tab, type Data } from './testing.ts'

const CHANNELS = '/api/helpdesk/channels'
const isChannel = Compile(Channel)

const statuses = async (answers: Record<string, Promise<Answer>>): Promise<Record<string, number>> => {
  const found: Record<string, number> = {}
  for (const [who, answer] of Object.entries(answers)) found[who] = (await answer).status
  return found
}

async function listed(by: User, query = ''): Promise<number[]> {
  const { status, body } = await by.get(`${CHANNELS}${query}`)
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual(Object.keys(body as object), ['items', 'nextBefore', 'position'])
  for (const channel of body.items) assert.ok(isChannel.Check(channel), JSON.stringify(channel))
  return body.items.map(({ id }: Data) => id as number)
}

const nowhere = { error: { code: 'NOT_FOUND', message: 'This channel does not exist, or you may not see it' } }

test('channels are made, seen, changed and deleted by who may, and hidden from who may not', async () => {
  await using at = await scene({ config: { helpdeskChannels: 6, helpdeskChannelMembers: 3 } })
  const { admin, agent, customer, other, publicId, internalId, privateId } = at

  // Seen: each what is theirs to see, newest first.
  assert.deepEqual(await listed(admin), [privateId, internalId, publicId])
  assert.deepEqual(await listed(agent), [privateId, internalId, publicId])
  assert.deepEqual(await listed(customer), [privateId, publicId])
  assert.deepEqual(await listed(other), [publicId])
  assert.deepEqual(await listed(agent, '?limit=1'), [privateId])
  assert.deepEqual(await listed(agent, `?limit=1&before=${privateId}`), [internalId])
  const { body: shown } = await customer.get(`${CHANNELS}/${privateId}`)
  assert.deepEqual(shown, {
    id: privateId,
    name: 'ticket 1',
    description: '',
    topic: '',
    visibility: 'private',
    createdBy: agent.id,
    createdAt: shown.createdAt,
    updatedAt: shown.createdAt,
    archivedAt: null,
    isMember: true,
    memberCount: 2,
    unreadCount: 0,
    lastMessageAt: null,
  })
  assert.equal((await admin.get(`${CHANNELS}/${privateId}`)).body.isMember, false)

  // Hidden and absent alike, whatever is asked of it.
  for (const [user, id] of [[other, privateId], [customer, internalId], [admin, 999_999]] as const) {
    const path = `${CHANNELS}/${id}`
    const asked = [user.get(path), user.patch(path, { name: 'x' }), user.delete(path), user.get(`${path}/members`)]
    for (const answer of await Promise.all(asked)) {
      assert.equal(answer.status, 404, JSON.stringify(answer.body))
      assert.deepEqual(answer.body, nowhere)
    }
  }
  assert.equal((await admin.get(`${CHANNELS}/99999999999`)).status, 400)

  // Made: by the permission, which can be given and taken.
  assert.equal((await customer.post(CHANNELS, { name: 'mine' })).status, 403)
  const rights = (user: User, body: object) => admin.put(`/api/helpdesk/users/${user.id}/permissions`, body)
  await rights(customer, { granted: ['chat.create_channels'] })
  const memberIds = [other.id, other.id, customer.id]
  const body = { name: '  Café\u0301  one ', description: 'd', topic: 't', memberIds }
  const own = await made(customer, CHANNELS, body)
  assert.ok(isChannel.Check(own), JSON.stringify(own))
  assert.deepEqual(
    [own.name, own.description, own.topic, own.visibility, own.memberCount, own.isMember],
    ['Café\u0301 one', 'd', 't', 'public', 2, true],
  )
  assert.equal((await customer.get(`${CHANNELS}/${own.id}`)).body.memberCount, 2)
  const bad: [object, number, string][] = [
    [{}, 400, 'name'],
    [{ name: ' ' }, 400, 'name'],
    [{ name: 'x'.repeat(81) }, 400, 'name'],
    [{ name: 'a\u202eb' }, 400, 'name'],
    [{ name: 'x', visibility: 'secret' }, 400, 'visibility'],
    [{ name: 'x', topic: 'nul\0' }, 400, 'topic'],
    [{ name: 'x', memberIds: [99_999] }, 400, 'memberIds'],
    [{ name: 'x', memberIds: [admin.id, agent.id, other.id] }, 409, ''],
  ]
  for (const [input, status, field] of bad) {
    const answer = await customer.post(CHANNELS, input)
    assert.equal(answer.status, status, `${JSON.stringify(input)}: ${JSON.stringify(answer.body)}`)
    if (field !== '') assert.ok(field in answer.body.error.details, JSON.stringify(answer.body))
  }
  // A name may be had twice; the same command makes one channel.
  const again = { 'idempotency-key': 'once' }
  const twins: Answer[] = []
  for (let i = 0; i < 2; i += 1) twins.push(await agent.post(CHANNELS, { name: 'support' }, again))
  assert.deepEqual(twins.map(({ status }) => status), [201, 201])
  const twin = twins[0]!.body.id as number
  assert.equal(twins[1]!.body.id, twin)
  await made(agent, CHANNELS, { name: 'sixth' })
  assert.equal((await agent.post(CHANNELS, { name: 'one too many' })).status, 409)

  // Without chat.access: nothing, and nothing is told apart.
  await rights(other, { denied: ['chat.access'] })
  assert.deepEqual(
    await statuses({
      list: other.get(CHANNELS),
      one: other.get(`${CHANNELS}/${publicId}`),
      members: other.get(`${CHANNELS}/${publicId}/members`),
      history: other.get(`${CHANNELS}/${publicId}/messages`),
      search: other.get('/api/helpdesk/messages/search?q=x'),
      unread: other.get('/api/helpdesk/unread'),
      send: other.post(`${CHANNELS}/${publicId}/messages`, { message: 'x' }),
      join: other.post(`${CHANNELS}/${publicId}/members`, { userId: other.id }),
    }),
    { list: 403, one: 403, members: 403, history: 403, search: 403, unread: 403, send: 403, join: 403 },
  )

  // Deleted: by the permission; the next one fits again.
  assert.equal((await customer.delete(`${CHANNELS}/${own.id}`)).status, 403)
  assert.equal((await agent.delete(`${CHANNELS}/${twin}`)).status, 204)
  assert.equal((await agent.delete(`${CHANNELS}/${twin}`)).status, 404)
  assert.equal((await agent.post(CHANNELS, { name: 'support' }, again)).status, 404)
  await made(agent, CHANNELS, { name: 'fits' })
})

test('a change is told to who has joined and to the one who made it, over both doors', async () => {
  await using at = await scene()
  const { admin, agent, customer, other, tabs, publicId, internalId } = at
  const path = `${CHANNELS}/${publicId}`
  await joinAll(at, publicId, ['customer', 'admin'])
  const told = () =>
    expectEvents(at, { agent: ['channel_updated'], customer: ['channel_updated'], admin: ['channel_updated'] })

  const { status, body } = await agent.patch(path, { name: ' Help ', topic: 'now', extra: 1 })
  assert.equal(status, 200, JSON.stringify(body))
  assert.ok(isChannel.Check(body))
  const renamed = await told()
  const expected = {
    channelId: publicId,
    changes: { name: 'Help', topic: 'now' },
    updatedBy: agent.id,
    updaterName: 'agent',
    updatedAt: body.updatedAt,
  }
  for (const who of ['agent', 'customer', 'admin'] as const) assert.deepEqual(renamed[who], [expected])

  // The document's own command, with keys it does not know.
  const changes = { description: 'words', color: 'red', deleted: true, visibility: 'private' }
  await tabs.agent.done('channel_updated', { channelId: publicId, changes })
  const described = await told()
  assert.deepEqual(described.customer![0].changes, { description: 'words' })
  const { body: now } = await other.get(path)
  assert.deepEqual([now.name, now.topic, now.description, now.visibility], ['Help', 'now', 'words', 'public'])

  const none = [{}, { color: 'red' }, { name: 7 }, { name: '' }, { archived: 'yes' }, { topic: 'x'.repeat(251) }]
  for (const wrong of none) {
    const outcome = await tabs.agent.ask('channel_updated', { channelId: publicId, changes: wrong })
    assert.deepEqual([outcome.ok, outcome.code], [false, 'INVALID'], JSON.stringify(wrong))
    await tabs.agent.drained()
  }
  assert.equal((await agent.patch(path, {})).status, 400)
  assert.equal((await customer.patch(path, { name: 'x' })).status, 403)
  await expectEvents(at, {})

  // Into the archive and out: no more messages, and another list.
  await agent.patch(path, { archived: true })
  const archived = await told()
  assert.deepEqual(archived.customer![0].changes, { archived: true })
  assert.deepEqual([await listed(other), await listed(other, '?archived=true')], [[], [publicId]])
  assert.equal((await customer.post(`${path}/messages`, { message: 'x' })).status, 409)
  assert.equal((await other.post(`${path}/members`, { userId: other.id })).status, 409)
  await agent.patch(path, { archived: false, description: '' })
  assert.equal((await other.get(path)).body.archivedAt, null)
  for (const tab of Object.values(tabs)) await tab.drained()

  // Nobody takes their own sight of it.
  await admin.delete(`${CHANNELS}/${internalId}/members/${agent.id}`)
  assert.equal((await agent.patch(`${CHANNELS}/${internalId}`, { visibility: 'private' })).status, 409)
})

test('who loses sight by another visibility is out at once; who sees it still stays', async () => {
  await using at = await scene()
  const { agent, customer, other, tabs, publicId } = at
  const path = `${CHANNELS}/${publicId}`
  await joinAll(at, publicId, ['customer', 'other', 'admin'])
  assert.equal((await agent.patch(path, { visibility: 'private' })).status, 200)
  await made(agent, `${path}/messages`, { message: 'between us' })
  // Whoever has joined an open channel is a member of it.
  await expectEvents(at, Object.fromEntries((['admin', 'agent', 'customer', 'other'] as const).map((one) => [one, ['chat:new_message']])))

  assert.equal((await agent.patch(path, { visibility: 'internal' })).status, 200)
  for (const [tab, user] of [[tabs.customer, customer], [tabs.other, other]] as const) {
    assert.equal((await tab.expect('user_left', { channelId: publicId, userId: user.id })).reason, 'leave')
  }
  for (const tab of [tabs.customer, tabs.other, tabs.admin]) await tab.drained()
  await made(agent, `${path}/messages`, { message: 'among ourselves' })
  await expectEvents(at, { admin: ['chat:new_message'], agent: ['chat:new_message'] })
  assert.equal((await other.get(path)).status, 404)
  assert.equal((await tabs.other.ask('join_channel', publicId)).code, 'NOT_FOUND')
  assert.deepEqual(await listed(customer), [at.privateId])
})

test('a deleted channel is gone for who has joined, for the log, and for what pointed at it', async () => {
  await using at = await scene()
  const { agent, customer, tabs, world, privateId } = at
  const path = `${CHANNELS}/${privateId}`
  await joinAll(at, privateId, ['customer', 'admin'])
  const { position } = (await customer.get(CHANNELS)).body as { position: string }
  const ticket = await made(agent, '/api/helpdesk/tickets', { subject: 'Printer', channelId: privateId })
  const ids: number[] = []
  for (const message of ['secret one', 'secret two', 'secret three']) {
    ids.push((await made(agent, `${path}/messages`, { message })).id as number)
  }
  await agent.patch(path, { topic: 'secret topic' })

  const resumed = async ({ token }: User): Promise<string[]> => {
    const tab = new Tab(world.url, { auth: { token, since: position, join: 'all' } })
    await tab.find('authenticated')
    const events = await tab.drained()
    // At once, without the grace of a tab that is closed.
    await tab.done('leave_channel', privateId)
    tab.close()
    return events.map(([name]) => name).filter((name) => !name.startsWith('presence') && name !== 'user_joined')
  }
  const everything = [...ids.map(() => 'chat:new_message'), 'channel_updated']
  assert.deepEqual([await resumed(customer), await resumed(agent)], [everything, everything])
  for (const tab of Object.values(tabs)) await tab.drained()

  assert.equal((await agent.delete(path)).status, 204)
  const both = ['channel_updated', 'user_left'] as const
  const told = await expectEvents(at, { agent: ['channel_updated'], customer: both, admin: both })
  assert.deepEqual(told.customer![0].changes, { deleted: true })
  assert.deepEqual(told.agent![0].changes, { deleted: true })
  // What they had sent themselves would be theirs, wherever they are; only that it is deleted is left to be told.
  assert.deepEqual([await resumed(customer), await resumed(agent)], [[], ['channel_updated']])
  assert.equal((await customer.get(`/api/helpdesk/messages/${ids[0]}`)).status, 404)
  assert.deepEqual((await customer.get('/api/helpdesk/messages/search?q=secret')).body.items, [])
  assert.deepEqual((await customer.get('/api/helpdesk/unread')).body.items, [])
  assert.equal((await agent.get(`/api/helpdesk/tickets/${ticket.id}`)).body.channelId, null)
  assert.equal((await tabs.customer.ask('chat:typing', { channelId: privateId, isTyping: true })).ok, false)
})

test('a deleted channel leaves nothing behind, however much was in it', async () => {
  await using at = await scene()
  const { agent, tabs, world } = at
  const { unitOfWork, jobs } = world.app
  const run = (text: string) => unitOfWork.run((unit) => unit.query(CompiledQuery.raw(text)))
  const rows = async (): Promise<number[]> => {
    const tables = ['messages', 'files', 'members', 'channels']
    const counts = await Promise.all(tables.map((table) => run(`select count(*) as count from helpdesk_${table}`)))
    return counts.map(([row]) => (row as { count: number }).count)
  }
  const before = await rows()
  const { id } = await made(agent, CHANNELS, { name: 'full', memberIds: [at.customer.id] })
  const form = new FormData()
  form.set('file', new Blob(['some text']), 'notes.txt')
  const file = await made(agent, `/api/helpdesk/files?channelId=${id}`, form)
  const sent = await made(agent, `${CHANNELS}/${id}/messages`, { message: '', messageType: 'file' })
  const upload = { channelId: id, fileName: 'notes.txt', fileSize: 9, fileType: 'text/plain', messageId: sent.id }
  await tabs.agent.done('file_uploaded', upload)
  const { body: shown } = await agent.get(`/api/helpdesk/messages/${sent.id}`)
  const url = `/api/helpdesk/files/${file.id}`
  assert.deepEqual(shown.file, { id: file.id, name: 'notes.txt', mimeType: file.mimeType, size: 9, url })
  assert.equal((await agent.get(url)).body, 'some text')
  await run(`with recursive n(i) as (select 1 union all select i + 1 from n where i < 850)
    insert into helpdesk_messages (channel_id, user_id, content, type, created_at)
    select ${id}, ${agent.id}, 'text ' || i, 'text', 0 from n`)

  assert.equal((await agent.delete(`${CHANNELS}/${id}`)).status, 204)
  assert.equal((await rows())[0]! - before[0]!, 451, 'in portions, that nobody waits for long')
  assert.equal((await agent.get(url)).status, 404)
  assert.deepEqual((await agent.get('/api/helpdesk/messages/search?q=text')).body.items, [])
  assert.deepEqual(await listed(agent), [at.privateId, at.internalId, at.publicId])
  for (let portion = 0; portion < 2; portion += 1) await jobs.runDue()
  assert.deepEqual(await rows(), before)
})
