import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { LoggedName } from './events.ts'
import { gone, pass, refused } from './testing-sockets.ts'
import { everyone, expectEvents, joinAll, made, scene } from './testing.ts'
import type { Data, Scene, Someone, Tab } from './testing.ts'
import { messageTypes } from './wire.ts'

/**
 * The events of channels and messages, to the letter: what they say, who gets them and who must not. Broadcasts have
 * broadcasts.test.ts, presences presence.test.ts, tabs that come and go tabs.test.ts.
 */

let at: Scene & AsyncDisposable
/** A second one of the customer and of the agent, in no channel. */
let customers: Tab
let agents: Tab
before(async () => {
  at = await scene()
  customers = await at.tab(at.customer)
  agents = await at.tab(at.agent)
  // In the public channel: admin and agent; in the private one: agent and customer; in the internal one: agent.
  await joinAll(at, at.publicId, ['admin', 'agent'])
  await joinAll(at, at.privateId, ['agent', 'customer'])
  await joinAll(at, at.internalId, ['agent'])
  for (const tab of [customers, agents]) await tab.drained()
})
after(() => at[Symbol.asyncDispose]())

const CHANNELS = '/api/helpdesk/channels'
const messagesOf = (id: number): string => `${CHANNELS}/${id}/messages`
const now = (): string => new Date(at.world.clock.now()).toISOString()

/** Exactly this, once, to each of these and to the second tabs of who acts; nothing to anybody else. */
async function told(name: LoggedName, to: readonly Someone[], expected: object, by?: Someone): Promise<void> {
  const got = await expectEvents(at, Object.fromEntries(to.map((person) => [person, [name]])))
  for (const person of to) assert.deepEqual(got[person], [expected], person)
  for (const [person, tab] of [['customer', customers], ['agent', agents]] as const) {
    if (person === by) assert.deepEqual(await tab.expect(name), expected)
    await tab.expectNothing()
  }
}

const NO_MESSAGE = { channelId: 0, message: 'x' }

test('H-E1 H-E2 a message is kept, then told to who has joined and to all tabs of its author', async () => {
  const { tabs, agent, customer, other, publicId, privateId, internalId } = at
  const send = async (by: Someone, channelId: number | string, more: object = {}): Promise<Data> =>
    (await tabs[by].done('chat:send_message', { channelId, message: 'Hello', ...more })).message

  // As the document has it, with ids as numbers or as digits, and with keys it does not know.
  const first = await send('customer', String(publicId), { replyToId: null, userId: 1, id: 7, timestamp: 'never' })
  const payload = {
    id: first.id,
    channelId: publicId,
    userId: customer.id,
    userDisplayName: 'customer',
    message: 'Hello',
    messageType: 'text',
    replyToId: null,
    timestamp: now(),
  }
  assert.deepEqual(first, payload)
  const [heard] = await tabs.admin.drained()
  const kept = (await at.admin.get(`/api/helpdesk/messages/${first.id}`)).body
  assert.deepEqual([heard, kept.message], [['chat:new_message', payload], 'Hello'])
  await told('chat:new_message', ['agent', 'customer'], payload, 'customer')

  // A reply, in the same channel only; in another it is as if it were not there.
  const reply = await send('agent', publicId, { replyToId: String(first.id), messageType: null })
  assert.deepEqual([reply.replyToId, reply.messageType], [first.id, 'text'])
  await told('chat:new_message', ['admin', 'agent'], reply, 'agent')
  const secret = await send('agent', privateId)
  await told('chat:new_message', ['agent', 'customer'], secret, 'agent')
  const texts = new Set<string>()
  for (const replyToId of [secret.id, 999_999]) {
    const command = { channelId: publicId, message: 'x', replyToId }
    texts.add(await refused(tabs.other, ['chat:send_message', command], 'chat:error', 'NOT_FOUND'))
    assert.equal((await other.post(messagesOf(publicId), { message: 'x', replyToId })).status, 404)
  }
  assert.equal(texts.size, 1)

  // Over REST the same is told.
  const { file: _, ticket: __, ...overRest } = await made(customer, messagesOf(privateId), { message: 'Thanks' })
  await told('chat:new_message', ['agent', 'customer'], overRest, 'customer')
  await told('chat:new_message', ['agent'], await send('agent', internalId), 'agent')

  // Hidden and absent are one, and reach nobody.
  for (const [by, channelId] of [
    ['customer', internalId],
    ['other', privateId],
    ['other', internalId],
    ['admin', 99_999],
  ] as const) {
    const command = ['chat:send_message', { channelId, message: 'x' }] as const
    texts.add(await refused(tabs[by], command, 'chat:error', 'NOT_FOUND'))
    assert.equal((await at[by].post(messagesOf(channelId), { message: 'x' })).status, 404)
  }
  assert.equal(texts.size, 2)
  await expectEvents(at, {})

  // Who has left hears no more of it.
  const out = await tabs.admin.done('leave_channel', String(publicId))
  assert.deepEqual(out, { ok: true, channelId: publicId, left: true })
  await expectEvents(at, { agent: ['user_left'], admin: [] })
  await told('chat:new_message', ['agent'], await send('agent', publicId), 'agent')
  await joinAll(at, publicId, ['admin'])
  assert.equal((await agent.get(`${messagesOf(publicId)}?limit=1`)).body.items[0].userId, agent.id)
})

test('H-E2 the five types of a message; empty only where something else is shown', async () => {
  const { tabs, publicId } = at
  for (const messageType of messageTypes) {
    for (const message of ['see', '', ' \n\t', null, undefined]) {
      const command = ['chat:send_message', { channelId: publicId, message, messageType }] as const
      if (message === 'see' || ['file', 'image', 'gif'].includes(messageType)) {
        const sent = (await tabs.other.done(...command)).message
        assert.deepEqual([sent.messageType, sent.message], [messageType, message ?? ''])
        await told('chat:new_message', ['admin', 'agent', 'other'], sent)
      } else assert.match(await refused(tabs.other, command, 'chat:error', 'INVALID'), /message must not be empty/)
    }
  }
  for (const messageType of ['poem', 'TEXT', '', 1]) {
    const command = { channelId: publicId, message: 'x', messageType }
    await refused(tabs.other, ['chat:send_message', command], 'chat:error', 'INVALID')
  }
  for (const bad of [undefined, null, 'text', NO_MESSAGE, { message: 'x' }, { channelId: '01', message: 'x' }]) {
    await refused(tabs.other, ['chat:send_message', bad], 'chat:error', 'INVALID')
  }
  await expectEvents(at, {})
})

test('H-E1 everybody gets what many send at once in one order, which is that of the history', async () => {
  const { tabs, publicId } = at
  const orders = new Map<Someone, number[]>()
  const twelve = Array.from({ length: 12 }, (_, i) => i)
  await Promise.all(
    (['admin', 'agent', 'other'] as const).flatMap((by) =>
      twelve.map((i) => tabs[by].done('chat:send_message', { channelId: publicId, message: `${by} ${i}` })),
    ),
  )
  for (const person of everyone) {
    const events = await tabs[person].drained()
    orders.set(person, events.map(([, data]) => (data as { id: number }).id))
  }
  const { items } = (await at.admin.get(`${messagesOf(publicId)}?limit=36`)).body
  const history = items.map(({ id }: { id: number }) => id).toReversed()
  assert.deepEqual([orders.get('admin'), orders.get('agent'), orders.get('customer')], [history, history, []])
  const own = items.filter(({ userId }: { userId: number }) => userId === at.other.id).toReversed()
  assert.deepEqual(own.map(({ message }: { message: string }) => message), twelve.map((i) => `other ${i}`))
  assert.deepEqual(orders.get('other'), own.map(({ id }: { id: number }) => id))
  await agents.drained()
})

test('H-E3 the same client id brings the first message again, over either door, in one channel', async () => {
  const { tabs, customer, other, publicId, privateId } = at
  const command = { channelId: publicId, message: 'once', clientId: 'c-1' }
  const first = (await tabs.customer.done('chat:send_message', command)).message
  await told('chat:new_message', ['admin', 'agent', 'customer'], first, 'customer')
  assert.deepEqual((await customers.done('chat:send_message', { ...command, message: 'again' })).message, first)
  const { body } = await customer.post(messagesOf(publicId), { message: 'once', clientId: 'c-1' })
  assert.equal(body.id, first.id)
  await expectEvents(at, {})
  // Another channel, another person, another command: another thing.
  const elsewhere = (await tabs.customer.done('chat:send_message', { ...command, channelId: privateId })).message
  assert.deepEqual([elsewhere.channelId, elsewhere.id === first.id], [privateId, false])
  await told('chat:new_message', ['agent', 'customer'], elsewhere, 'customer')
  const others = (await tabs.other.done('chat:send_message', command)).message
  await told('chat:new_message', ['admin', 'agent', 'other'], others)
  const keyed = { 'idempotency-key': 'c-1' }
  const made1 = await other.post(messagesOf(publicId), { message: 'by header' }, keyed)
  const made2 = await other.post(messagesOf(publicId), { message: 'by header' }, keyed)
  assert.deepEqual([made1.status, made2.body.id, made1.body.id === others.id], [201, made1.body.id, false])
  await expectEvents(at, { admin: ['chat:new_message'], agent: ['chat:new_message'], other: ['chat:new_message'] })
  await agents.drained()
})

test('H-E4 a receipt says what was asked: one message, or all up to now; what is read never comes back', async () => {
  const { tabs, customer, publicId, privateId } = at
  await pass(at, 60_000, [customers, agents])
  const unread = async (): Promise<number> =>
    (await customer.get('/api/helpdesk/unread')).body.items.find(
      ({ channelId }: { channelId: number }) => channelId === privateId,
    )?.unreadCount ?? 0
  await tabs.customer.done('message_read', { channelId: privateId })
  const ids: number[] = []
  for (const message of ['a', 'b', 'c']) ids.push((await made(at.agent, messagesOf(privateId), { message })).id)
  for (const tab of [...everyone.map((person) => tabs[person]), customers, agents]) await tab.drained()
  assert.equal(await unread(), 3)
  const reader = { userId: customer.id, userDisplayName: 'customer' }
  const receipt = { ...reader, channelId: privateId, messageId: ids[1], readAt: now() }
  // From the tab that has not joined, as digits.
  const command = { channelId: String(privateId), messageId: String(ids[1]) }
  assert.deepEqual((await customers.done('message_read', command)).receipt, receipt)
  await told('message_read_receipt', ['agent', 'customer'], receipt, 'customer')
  assert.equal(await unread(), 1)
  await tabs.customer.done('message_read', { channelId: privateId, messageId: ids[0] })
  await told('message_read_receipt', ['agent', 'customer'], { ...receipt, messageId: ids[0] }, 'customer')
  assert.equal(await unread(), 1)
  await tabs.customer.done('message_read', { channelId: privateId, messageId: null })
  await told('message_read_receipt', ['agent', 'customer'], { ...receipt, messageId: null }, 'customer')
  assert.equal(await unread(), 0)
  const { status } = await customer.post(`${CHANNELS}/${privateId}/read`, { messageId: ids[2] })
  assert.ok(status === 200 || status === 204, String(status))
  await told('message_read_receipt', ['agent', 'customer'], { ...receipt, messageId: ids[2] }, 'customer')

  for (const [by, channelId, messageId] of [
    ['customer', publicId, ids[0]], ['customer', privateId, 999_999], ['other', privateId, ids[0]],
    ['other', privateId, null], ['customer', 999_999, null],
  ] as const) {
    await refused(tabs[by], ['message_read', { channelId, messageId }], 'chat:error', 'NOT_FOUND')
  }
  await refused(tabs.customer, ['message_read', { channelId: privateId, messageId: 0 }], 'chat:error', 'INVALID')
  await expectEvents(at, {})
})

test('H-E6 typing is told to the others in the channel; it ends by word, message, leaving and silence', async () => {
  const { world, tabs, customer, privateId, publicId } = at
  await joinAll(at, privateId, ['admin'])
  await customers.done('join_channel', privateId)
  const also = [customers, agents]
  for (const tab of [tabs.admin, tabs.agent, ...also]) await tab.drained()
  const type = (tab: Tab, isTyping: boolean): Promise<Data> =>
    tab.done('chat:typing', { channelId: privateId, isTyping })
  const heard = async (isTyping: boolean, then: readonly ('user_left' | 'user_joined')[] = []): Promise<void> => {
    const got = await expectEvents(at, {
      admin: ['chat:user_typing', ...then],
      agent: ['chat:user_typing', ...then],
    })
    const expected = { userId: customer.id, userDisplayName: 'customer', isTyping, channelId: privateId }
    assert.deepEqual([got.admin![0], got.agent![0]], [expected, expected])
    // Neither the typist's other tab nor the agent's, which has not joined.
    for (const tab of also) await tab.expectNothing()
  }
  const rest = (): Promise<void> => pass(at, 1_100, also)

  await type(tabs.customer, true)
  await heard(true)
  // A key that is held down is no news, nor is one in another tab.
  await type(tabs.customer, true)
  await type(customers, true)
  await type(tabs.customer, false)
  await expectEvents(at, {})
  await type(customers, false)
  await heard(false)
  await rest()

  await type(tabs.customer, true)
  await heard(true)
  const { message } = await tabs.customer.done('chat:send_message', { channelId: privateId, message: 'there' })
  for (const person of ['admin', 'agent'] as const) {
    assert.deepEqual(await tabs[person].expect('chat:new_message'), message)
    await tabs[person].expect('chat:user_typing', { isTyping: false })
  }
  for (const tab of [tabs.customer, customers]) await tab.expect('chat:new_message')
  await rest()
  await expectEvents(at, {})

  // Silence, counted from the last word.
  await type(tabs.customer, true)
  await heard(true)
  await pass(at, 6_000, also)
  await type(tabs.customer, true)
  await pass(at, 9_000, also)
  await expectEvents(at, {})
  await pass(at, 1_200, also)
  await heard(false)

  // Leaving with one of two tabs ends the typing, not the being there; with the last one both.
  await type(customers, true)
  await heard(true)
  await customers.done('leave_channel', privateId)
  await heard(false)
  await rest()
  await type(tabs.customer, true)
  await heard(true)
  await tabs.customer.done('leave_channel', privateId)
  await tabs.customer.expectNothing()
  await heard(false, ['user_left'])
  await refused(tabs.customer, ['chat:typing', { channelId: privateId, isTyping: true }], 'chat:error', 'FORBIDDEN')
  await refused(tabs.other, ['chat:typing', { channelId: privateId, isTyping: true }], 'chat:error', 'FORBIDDEN')
  await refused(tabs.agent, ['chat:typing', { channelId: publicId }], 'chat:error', 'INVALID')

  // With its tab, without a grace.
  const third = await at.tab(customer)
  await third.done('join_channel', privateId)
  for (const tab of [...everyone.map((person) => tabs[person]), ...also]) await tab.drained()
  await world.advance(1_100)
  await type(third, true)
  await heard(true)
  await gone(at, third, 'cut')
  await heard(false)
  await world.advance(2_100)
  await expectEvents(at, { admin: ['user_left'], agent: ['user_left'] })
  for (const tab of also) await tab.expectNothing()
  assert.equal((await at.agent.get(`/api/helpdesk/messages/${message.id}`)).body.message, 'there')
  await tabs.admin.done('leave_channel', privateId)
  await joinAll(at, privateId, ['customer'])
})

test('H-E7 a file is told of by its author alone, to who has joined and to all of their tabs', async () => {
  const { tabs, customer, privateId, publicId } = at
  const { id } = await made(customer, messagesOf(privateId), { message: '', messageType: 'file' })
  for (const tab of [tabs.agent, tabs.customer, customers]) await tab.drained()
  const file = { fileName: 'a b.pdf', fileSize: 12, fileType: 'application/pdf' }
  const command = { channelId: privateId, ...file, messageId: String(id) }
  await refused(tabs.agent, ['file_uploaded', command], 'chat:error', 'FORBIDDEN')
  await refused(tabs.other, ['file_uploaded', command], 'chat:error', 'NOT_FOUND')
  await refused(tabs.customer, ['file_uploaded', { ...command, channelId: publicId }], 'chat:error', 'NOT_FOUND')
  await refused(tabs.customer, ['file_uploaded', { ...command, fileSize: -1 }], 'chat:error', 'INVALID')
  await tabs.customer.done('file_uploaded', { ...command, uploadedBy: 1, uploaderName: 'root' })
  const by = { uploadedBy: customer.id, uploaderName: 'customer', uploadedAt: now() }
  const notification = { messageId: id, channelId: privateId, ...file, ...by }
  await told('file_upload_notification', ['agent', 'customer'], notification, 'customer')
})

test('H-E8 a change of a channel is repeated to who has joined; an archived one takes nothing more', async () => {
  const { tabs, agent, publicId } = at
  const base = { channelId: publicId, updatedBy: agent.id, updaterName: 'agent', updatedAt: now() }
  const changes = { name: 'New Name', description: 'Updated description' }
  await refused(tabs.customer, ['channel_updated', { channelId: publicId, changes }], 'chat:error', 'FORBIDDEN')
  await refused(tabs.agent, ['channel_updated', { channelId: publicId, changes: {} }], 'chat:error', 'INVALID')
  await tabs.agent.done('channel_updated', { channelId: String(publicId), changes })
  await told('channel_updated', ['admin', 'agent'], { ...base, changes }, 'agent')
  assert.equal((await agent.patch(`${CHANNELS}/${publicId}`, { archived: true })).status, 200)
  await told('channel_updated', ['admin', 'agent'], { ...base, changes: { archived: true } }, 'agent')

  // H-P4
  await refused(tabs.other, ['chat:send_message', { channelId: publicId, message: 'x' }], 'chat:error', 'CONFLICT')
  assert.equal((await agent.post(messagesOf(publicId), { message: 'x' })).status, 409)
  // What is there may still be read.
  await tabs.agent.done('message_read', { channelId: publicId, messageId: null })
  await expectEvents(at, { admin: ['message_read_receipt'], agent: ['message_read_receipt'] })
  await tabs.agent.done('channel_updated', { channelId: publicId, changes: { archived: false } })
  await expectEvents(at, { admin: ['channel_updated'], agent: ['channel_updated'] })
  await agents.drained()

  const { id } = await made(agent, CHANNELS, { name: 'short-lived' })
  await joinAll(at, id, ['customer', 'agent'])
  await customers.drained()
  assert.equal((await agent.delete(`${CHANNELS}/${id}`)).status, 204)
  const both = ['channel_updated', 'user_left'] as const
  const got = await expectEvents(at, { agent: both, customer: both })
  for (const person of ['agent', 'customer'] as const) {
    assert.deepEqual(got[person]![0], { ...base, channelId: id, changes: { deleted: true } })
    assert.deepEqual([got[person]![1].userId, got[person]![1].reason], [at[person].id, 'leave'])
  }
  for (const tab of [customers, agents]) await tab.drained()
})

test('H-E9 a link to a ticket is told as text; the history has the ticket for who may see it', async () => {
  const { tabs, customer, other, publicId } = at
  const ticket = await made(customer, '/api/helpdesk/tickets', { subject: 'No paper', priority: 'high' })
  await agents.drained()
  for (const person of everyone) await tabs[person].drained()
  const command = { channelId: publicId, message: `#${ticket.id}`, messageType: 'ticket_link' }
  const { message } = await tabs.agent.done('chat:send_message', command)
  assert.deepEqual([message.message, message.ticket], [`#${ticket.id}`, undefined])
  await told('chat:new_message', ['admin', 'agent'], message, 'agent')
  const shown = async (user: typeof other): Promise<Data> =>
    (await user.get(`/api/helpdesk/messages/${message.id}`)).body.ticket
  assert.deepEqual([(await shown(customer)).subject, await shown(other)], ['No paper', null])
})

test('H-C5 what is emitted without a callback is done and answered by nothing but its event', async () => {
  const { tabs, publicId } = at
  const tab = tabs.other
  tab.emit('join_channel', publicId, 'more', { arguments: true })
  await tab.expect('user_joined', { channelId: publicId, userId: at.other.id, userRole: 'customer', joinedAt: now() })
  await expectEvents(at, { admin: ['user_joined'], agent: ['user_joined'] })
  tab.emit('presence:get_online_users')
  tab.emit('message_read', { channelId: publicId, messageId: 0 })
  assert.match(await tab.expect('chat:error'), /\(INVALID\)$/)
  tab.emit('leave_channel', publicId)
  await expectEvents(at, { admin: ['user_left'], agent: ['user_left'] })
  tab.emit('no_such_event')
  assert.match(await tab.expect('chat:error'), /no_such_event.*\(INVALID\)$/)
  await refused(tab, ['system_broadcast', { message: 'x' }], 'broadcast:error', 'FORBIDDEN')
  await refused(tab, ['call:end', null], 'chat:error', 'INVALID')
  await expectEvents(at, {})
})
