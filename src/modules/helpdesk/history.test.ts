import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import type { Answer, User } from '../../testing/world.ts'
import { Message, Unread } from './routes/shapes.ts'
import { ticketIn } from './store/messages.ts'
import { expectEvents, joinAll, made, scene, type Data } from './testing.ts'

const isMessage = Compile(Message)
const isUnread = Compile(Unread)

async function texts(by: User, path: string): Promise<string[]> {
  const { status, body } = await by.get(`/api/helpdesk${path}`)
  assert.equal(status, 200, JSON.stringify(body))
  for (const message of body.items) assert.ok(isMessage.Check(message), JSON.stringify(message))
  return body.items.map(({ message }: Data) => message as string)
}

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`messages are read back in pages, searched and counted by who sees them (${storage})`, async () => {
    await using at = await scene({ storage })
    const { admin, agent, customer, other, publicId, privateId } = at
    const of = (id: number): string => `/api/helpdesk/channels/${id}/messages`
    const ids: number[] = []
    for (const word of ['one', 'two', 'three', 'four', 'five']) {
      ids.push((await made(agent, of(privateId), { message: `lost ${word}` })).id as number)
    }
    await made(agent, of(publicId), { message: 'lost and found' })
    const own = await made(customer, of(privateId), { message: 'thanks', replyToId: ids[4] })
    assert.deepEqual(own, {
      id: own.id,
      channelId: privateId,
      userId: customer.id,
      userDisplayName: 'customer',
      message: 'thanks',
      messageType: 'text',
      replyToId: ids[4],
      timestamp: own.timestamp,
      file: null,
      ticket: null,
    })

    // To both sides of a message, newest first.
    const history = `/channels/${privateId}/messages`
    const all = ['thanks', 'lost five', 'lost four', 'lost three', 'lost two', 'lost one']
    assert.deepEqual(await texts(customer, history), all)
    assert.deepEqual(await texts(admin, `${history}?limit=2&before=${ids[3]}`), ['lost three', 'lost two'])
    assert.deepEqual(await texts(agent, `${history}?limit=2&after=${ids[0]}`), ['lost three', 'lost two'])
    const { body: page } = await customer.get(`${of(privateId)}?limit=2`)
    assert.deepEqual(Object.keys(page as object), ['items', 'nextBefore', 'nextAfter', 'position'])
    assert.deepEqual([page.nextBefore, page.nextAfter], [ids[4], null])
    const { body: last } = await customer.get(`${of(privateId)}?limit=2&before=${ids[1]}`)
    assert.deepEqual([last.nextBefore, last.nextAfter], [null, ids[0]])
    assert.equal((await customer.get(`${of(privateId)}?before=3&after=1`)).status, 400)
    assert.equal((await other.get(of(privateId))).status, 404)

    // One by one: hidden and absent alike.
    assert.deepEqual((await admin.get(`/api/helpdesk/messages/${own.id}`)).body, own)
    const hidden = await other.get(`/api/helpdesk/messages/${own.id}`)
    assert.equal(hidden.status, 404)
    assert.deepEqual(hidden.body, (await other.get('/api/helpdesk/messages/999999')).body)

    // Found: never more than the searcher sees.
    const search = '/messages/search?q=LOS'
    assert.equal((await texts(customer, search)).length, 6)
    assert.deepEqual(await texts(other, search), ['lost and found'])
    assert.deepEqual(await texts(other, `${search}&channelId=${privateId}`), [])
    assert.deepEqual(await texts(agent, `${search}&channelId=${privateId}&limit=1&before=${ids[2]}`), ['lost two'])
    assert.deepEqual(await texts(agent, '/messages/search?q=found+lost'), ['lost and found'])
    assert.deepEqual(await texts(agent, '/messages/search?q=%22*'), [])

    // Counted: what others have said since, where one is a member.
    const unread = async (by: User): Promise<Data[]> => {
      const { status, body } = await by.get('/api/helpdesk/unread')
      assert.equal(status, 200, JSON.stringify(body))
      for (const item of body.items) assert.ok(isUnread.Check(item), JSON.stringify(item))
      return body.items.map((item: Data) => [item.channelId, item.unreadCount, item.lastReadMessageId])
    }
    assert.deepEqual(await unread(customer), [[privateId, 5, null]])
    assert.deepEqual(await unread(other), [])
    await joinAll(at, privateId, ['customer'])
    const read = await made(customer, `/api/helpdesk/channels/${privateId}/read`, { messageId: ids[2] })
    const receipts = await expectEvents(at, { customer: ['message_read_receipt'] })
    assert.deepEqual(receipts.customer, [read])
    assert.deepEqual(await unread(customer), [[privateId, 2, ids[2]]])
    const { body: channels } = await customer.get('/api/helpdesk/channels')
    assert.deepEqual(
      channels.items.map(({ id, unreadCount, lastMessageAt }: Data) => [id, unreadCount, lastMessageAt === null]),
      [[privateId, 2, false], [publicId, 0, false]],
    )
    await made(customer, `/api/helpdesk/channels/${privateId}/read`, { messageId: null })
    assert.deepEqual(await unread(customer), [[privateId, 0, own.id]])
    assert.equal((await other.post(`/api/helpdesk/channels/${privateId}/read`, { messageId: null })).status, 404)
  })
}

test('a message over REST is the one of the command, once for each client id', async () => {
  await using at = await scene()
  const { agent, other, publicId, privateId } = at
  const path = `/api/helpdesk/channels/${publicId}/messages`
  await joinAll(at, publicId, ['customer'])
  const sent: Answer[] = []
  for (let i = 0; i < 2; i += 1) sent.push(await other.post(path, { message: 'hi', clientId: 'a1' }))
  assert.deepEqual(sent.map(({ status }) => status), [201, 201])
  assert.equal(sent[0]!.body.id, sent[1]!.body.id)
  const { file: _, ticket: __, ...payload } = sent[0]!.body as Record<string, unknown>
  const told = await expectEvents(at, { customer: ['chat:new_message'], other: ['chat:new_message'] })
  assert.deepEqual(told.customer, [payload])
  const elsewhere = await made(agent, `/api/helpdesk/channels/${privateId}/messages`, { message: 'hi', clientId: 'a1' })
  assert.equal(elsewhere.channelId, privateId)
  const x = { message: 'x' }
  const bad = [{}, { message: ' ' }, { message: 7 }, { ...x, messageType: 'poem' }, { ...x, clientId: ' ' }]
  for (const body of bad) {
    assert.equal((await other.post(path, body)).status, 400, JSON.stringify(body))
  }
  assert.equal((await other.post(path, { message: 'x', replyToId: elsewhere.id })).status, 404)
  assert.equal((await other.post(`/api/helpdesk/channels/${privateId}/messages`, { message: 'x' })).status, 404)
})

test('a linked ticket is shown to who may see it', async () => {
  await using at = await scene()
  const { admin, agent, customer, other, publicId } = at
  const ticket = await made(customer, '/api/helpdesk/tickets', { subject: 'No paper', priority: 'high' })
  const path = `/api/helpdesk/channels/${publicId}/messages`
  const link = `https://help.example.com/tickets/${ticket.id}`
  const { id } = await made(agent, path, { message: link, messageType: 'ticket_link' })
  const seen = { id: ticket.id, subject: 'No paper', status: 'open', priority: 'high' }
  for (const [user, expected] of [[admin, seen], [agent, seen], [customer, seen], [other, null]] as const) {
    assert.deepEqual((await user.get(`/api/helpdesk/messages/${id}`)).body.ticket, expected, user.name)
    assert.deepEqual((await user.get(path)).body.items[0].ticket, expected, user.name)
  }
})

test('a ticket is linked by its number, with or without #, or by an address that ends in it', () => {
  const links = ['12', ' #12 ', '/tickets/12', 'https://help.example.com/a/tickets/12', '/tickets/x', '12 13', 'see 12',
    '#0', '99999999999', '4294967296', '/tickets/12/edit', '']
  assert.deepEqual(
    links.map((content) => ticketIn({ type: 'ticket_link', content })),
    [12, 12, 12, 12, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined],
  )
  assert.equal(ticketIn({ type: 'text', content: '12' }), undefined)
})
