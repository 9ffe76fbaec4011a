import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  checkFrame,
  connect,
  drained,
  expectEvents,
  join,
  ok,
  open,
  refused,
  say,
  scene,
  send,
  type DatingFrame,
} from './testing.ts'

/** Every event of specs/dating.md, provoked through a door: its keys, who gets it, and who does not. */

async function listening(at: Awaited<ReturnType<typeof scene>>) {
  const ana = await connect(at.world, at.ana)
  const anasTablet = await connect(at.world, at.ana)
  const ben = await connect(at.world, at.ben)
  const bensTablet = await connect(at.world, at.ben)
  const cleo = await connect(at.world, at.cleo)
  const clients = { ana, anasTablet, ben, bensTablet, cleo }
  for (const client of Object.values(clients)) await drained(client)
  await join(ana, at.conversationId)
  await join(ben, at.conversationId)
  return clients
}

const data = (frames: readonly DatingFrame[], event: string) => frames.find((frame) => frame.event === event)!.data

test('connection:established is the first frame, and names the person and the connection', async () => {
  await using at = await scene()
  const [one, two] = [open(at.world, at.ana), open(at.world, at.ana)]
  const frames = [await one.next(), await two.next()] as unknown as DatingFrame[]
  for (const frame of frames) {
    checkFrame(frame)
    assert.equal(frame.event, 'connection:established')
    assert.equal(frame.data['user_id'], at.ana.uuid)
  }
  assert.notEqual(frames[0]!.data['connection_id'], frames[1]!.data['connection_id'])
})

test('D-E1 message:send: joined connections of both and all of the sender get message:new, the others of the recipient conversation:unread', async () => {
  await using at = await scene()
  const clients = await listening(at)
  const { conversationId: conversation_id } = at
  const got = await expectEvents(
    clients,
    () =>
      send(clients.ana, 'message:send', {
        conversation_id,
        content: 'Hey! How are you?',
        type: 'text',
        metadata: { client_id: 'c1', mood: [1] },
        extra: 1,
      }),
    {
      ana: ['message:new', 'message:delivered'],
      anasTablet: ['message:new', 'message:delivered'],
      ben: ['message:new'],
      bensTablet: ['conversation:unread'],
    },
  )
  const { message, sender } = data(got.ana, 'message:new') as { message: Record<string, unknown>; sender: object }
  const { id, created_at, updated_at, ...rest } = message
  assert.deepEqual(rest, {
    conversation_id,
    sender_id: at.ana.uuid,
    content: 'Hey! How are you?',
    type: 'text',
    is_read: false,
    metadata: { client_id: 'c1', mood: [1] },
  })
  assert.equal(created_at, updated_at)
  assert.deepEqual(sender, { id: at.ana.uuid, username: 'ana', avatar_url: null })
  assert.deepEqual(got.ben[0], got.ana[0])
  assert.deepEqual(data(got.bensTablet, 'conversation:unread'), {
    conversation_id,
    unread_count: 1,
    last_message: { id, content: 'Hey! How are you?', type: 'text', sender_id: at.ana.uuid, created_at },
  })
  const delivered = data(got.ana, 'message:delivered')
  assert.deepEqual([delivered['message_id'], delivered['conversation_id']], [id, conversation_id])
})

test('D-E1 message:send works without having joined; the answer goes to the sender in any case', async () => {
  await using at = await scene()
  const { conversationId: conversation_id } = at
  const clients = { ana: await connect(at.world, at.ana), cleo: await connect(at.world, at.cleo) }
  await expectEvents(
    clients,
    () => send(clients.ana, 'message:send', { conversation_id, content: 'hi', type: 'text' }),
    {
      ana: ['message:new'],
    },
  )
})

test('D-E3 message:read: everything up to and including it, told to the author and to all devices of the reader', async () => {
  await using at = await scene()
  const { conversationId: conversation_id } = at
  const ids: string[] = []
  for (const content of ['one', 'two', 'three']) ids.push((await say(at.ana, conversation_id, content)).id)
  const clients = await listening(at)
  const read = (message_id: string) => () => send(clients.ben, 'message:read', { conversation_id, message_id })
  const got = await expectEvents(clients, read(ids[1]!), {
    ana: ['message:viewed'],
    anasTablet: ['message:viewed'],
    ben: ['message:viewed'],
    bensTablet: ['message:viewed'],
  })
  assert.deepEqual(got.ana, got.bensTablet)
  assert.equal(data(got.ana, 'message:viewed')['message_id'], ids[1])
  const { items } = await ok(at.ana.get(`/api/dating/conversations/${conversation_id}/messages?limit=3`))
  assert.deepEqual(
    items.map(({ is_read }: { is_read: boolean }) => is_read),
    [false, true, true],
  )
  // Again, backwards, and of an own message: answered, told to nobody else.
  await expectEvents(clients, read(ids[1]!), { ben: ['message:viewed'] })
  await expectEvents(clients, read(ids[0]!), { ben: ['message:viewed'] })
  await expectEvents(clients, () => send(clients.ana, 'message:read', { conversation_id, message_id: ids[0] }), {
    ana: ['message:viewed'],
  })
})

test('D-E4 message:delete: either of the two, told to both on all devices, once', async () => {
  await using at = await scene()
  const { conversationId: conversation_id } = at
  const ids: string[] = []
  for (const content of ['one', 'two']) ids.push((await say(at.ana, conversation_id, content)).id)
  const clients = await listening(at)
  const all = {
    ana: ['message:deleted'],
    anasTablet: ['message:deleted'],
    ben: ['message:deleted'],
    bensTablet: ['message:deleted'],
  }
  for (const [client, by, message_id] of [
    [clients.ana, at.ana, ids[0]],
    [clients.ben, at.ben, ids[1]],
  ] as const) {
    const got = await expectEvents(clients, () => send(client, 'message:delete', { conversation_id, message_id }), all)
    const told = data(got.ben, 'message:deleted')
    assert.deepEqual(
      [told['message_id'], told['deleted_by'], told['conversation_id']],
      [message_id, by.uuid, conversation_id],
    )
    await refused(client, 'message:delete', { conversation_id, message_id }, 'NOT_FOUND')
  }
  assert.deepEqual(
    (await ok(at.ana.get(`/api/dating/conversations/${conversation_id}/messages?limit=1`))).items[0].type,
    'system',
  )
})

test('D-E5 typing: the joined connections of the other alone; it ends by word, by a message, by leaving, by closing, by itself', async () => {
  await using at = await scene()
  const { conversationId: conversation_id } = at
  const clients = await listening(at)
  const indicated = async (deed: () => unknown, is_typing: boolean, more: object = {}) => {
    const got = await expectEvents(clients, deed, { ben: ['typing:indicator'], ...more })
    const indicator = got.ben.find(({ event }) => event === 'typing:indicator')!.data
    const { timestamp } = indicator
    assert.deepEqual(indicator, { conversation_id, user_id: at.ana.uuid, username: 'ana', is_typing, timestamp })
  }
  const start = () => send(clients.ana, 'typing:start', { conversation_id })
  await indicated(start, true)
  // Said again, nobody is told again.
  await expectEvents(clients, start, {})
  await indicated(() => send(clients.ana, 'typing:stop', { conversation_id }), false)
  await expectEvents(clients, () => send(clients.ana, 'typing:stop', { conversation_id }), {})
  await indicated(start, true)
  await indicated(() => at.world.clock.advance(10_000), false)
  await indicated(start, true)
  await indicated(() => send(clients.ana, 'conversation:leave', { conversation_id }), false, {
    ana: ['conversation:left'],
  })
  await indicated(() => send(clients.anasTablet, 'typing:start', { conversation_id }), true)
  const { anasTablet, ...others } = clients
  await anasTablet.cut()
  const frame = (await clients.ben.next()) as unknown as DatingFrame
  assert.deepEqual([frame.event, frame.data['is_typing']], ['typing:indicator', false])
  for (const client of Object.values(others)) assert.deepEqual(await drained(client), [])
})

test('conversation:join and leave: answered to that connection, also when repeated', async () => {
  await using at = await scene()
  const { conversationId: conversation_id } = at
  const clients = {
    ana: await connect(at.world, at.ana),
    tablet: await connect(at.world, at.ana),
    ben: await connect(at.world, at.ben),
  }
  for (const client of Object.values(clients)) await drained(client)
  for (let i = 0; i < 2; i += 1) {
    const got = await expectEvents(clients, () => send(clients.ana, 'conversation:join', { conversation_id }), {
      ana: ['conversation:joined'],
    })
    assert.equal(got.ana[0]!.data['conversation_id'], conversation_id)
  }
  for (let i = 0; i < 2; i += 1) {
    await expectEvents(clients, () => send(clients.ana, 'conversation:leave', { conversation_id }), {
      ana: ['conversation:left'],
    })
  }
  // Out of the room, one is told of what is unread.
  await expectEvents(clients, () => say(at.ben, conversation_id, 'hi'), {
    ana: ['conversation:unread'],
    tablet: ['conversation:unread'],
    ben: ['message:new', 'message:delivered'],
  })
})

test('D-S2 user:status: told to all devices of the person; online and offline to the people they talk to', async () => {
  await using at = await scene()
  const clients = await listening(at)
  const status = (value: string) => () => send(clients.ana, 'user:status', { status: value })
  const own = { ana: ['user:status_updated'], anasTablet: ['user:status_updated'] }
  const got = await expectEvents(clients, status('away'), own)
  const updated = data(got.ana, 'user:status_updated')
  assert.deepEqual(updated, { user_id: at.ana.uuid, status: 'away', updated_at: updated['updated_at'] })
  await expectEvents(clients, status('busy'), own)
  const gone = await expectEvents(clients, status('offline'), {
    ...own,
    ben: ['user:offline'],
    bensTablet: ['user:offline'],
  })
  assert.deepEqual(
    [data(gone.ben, 'user:offline')['user_id'], data(gone.ben, 'user:offline')['username']],
    [at.ana.uuid, 'ana'],
  )
  await expectEvents(clients, status('offline'), own)
  await expectEvents(clients, status('online'), { ...own, ben: ['user:online'], bensTablet: ['user:online'] })
  const { details } = await refused(clients.ana, 'user:status', { status: 'dancing' }, 'VALIDATION_ERROR')
  assert.equal((details as { field: string }).field, 'status')
})

test('D-S1 user:online with the first connection, user:offline after the last and a grace; who comes is told who is there', async () => {
  await using at = await scene()
  const ben = await connect(at.world, at.ben)
  const cleo = await connect(at.world, at.cleo)
  const phone = open(at.world, at.ana)
  await phone.expect('connection:established')
  await phone.expect('user:online', { user_id: at.ben.uuid, username: 'ben' })
  await ben.expect('user:online', { user_id: at.ana.uuid, username: 'ana' })
  const tablet = open(at.world, at.ana)
  await tablet.expect('connection:established')
  await tablet.expect('user:online', { user_id: at.ben.uuid })
  assert.deepEqual(await drained(ben), [])
  await phone.close()
  await tablet.close()
  at.world.clock.advance(9_900)
  // Back in time: nobody was told anything.
  const again = open(at.world, at.ana)
  await again.expect('connection:established')
  await again.expect('user:online')
  assert.deepEqual(await drained(ben), [])
  await again.close()
  while (at.world.app.hub.connections.size > 2) await new Promise((turn) => setImmediate(turn))
  at.world.clock.advance(10_000)
  await ben.expect('user:offline', { user_id: at.ana.uuid, username: 'ana' })
  assert.deepEqual(await drained(cleo), [])
})

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`conversation:unread after connection:established for each conversation with something unread, and delivered when it was consumed (${storage})`, async () => {
    await using at = await scene({ storage })
    const { conversationId: conversation_id } = at
    const ana = await connect(at.world, at.ana)
    await say(at.ana, conversation_id, 'one')
    const { id } = await say(at.ana, conversation_id, 'two')
    await ana.expect('message:new')
    await ana.expect('message:new')
    assert.deepEqual(await drained(ana), [])
    const ben = open(at.world, at.ben)
    await ben.expect('connection:established')
    const unread = await ben.expect('conversation:unread', { conversation_id, unread_count: 2 })
    assert.equal((unread['last_message'] as { id: string }).id, id)
    await ben.expect('user:online')
    await ana.expect('user:online', { user_id: at.ben.uuid })
    await ana.expect('message:delivered')
    await ana.expect('message:delivered', { message_id: id })
    // Once, on the first device.
    const tablet = await connect(at.world, at.ben)
    await tablet.close()
    assert.deepEqual(await drained(ana), [])
  })
}

test('error: every code of a frame, with what is wrong and the event it answers', async () => {
  await using at = await scene()
  const { conversationId: conversation_id } = at
  const ana = await connect(at.world, at.ana)
  const cleo = await connect(at.world, at.cleo)
  const unknown = '00000000-0000-4000-8000-000000000000'
  const text = { conversation_id, content: 'hi', type: 'text', metadata: {} }
  const field = async (data: object, code: string) =>
    ((await refused(ana, 'message:send', { ...text, ...data }, code))['details'] as { field: string }).field
  const empty = await refused(ana, 'message:send', { ...text, content: ' \u200b\n' }, 'VALIDATION_ERROR')
  assert.equal(empty['message'], 'Invalid message content')
  assert.deepEqual(empty['details'], { field: 'content', error: 'Message content cannot be empty' })
  assert.equal(await field({ content: 7 }, 'VALIDATION_ERROR'), 'content')
  assert.equal(await field({ metadata: [] }, 'VALIDATION_ERROR'), 'metadata')
  assert.equal(await field({ content: '😀'.repeat(2_001) }, 'MESSAGE_TOO_LARGE'), 'content')
  assert.equal(await field({ type: 'system' }, 'INVALID_MESSAGE_TYPE'), 'type')
  assert.equal(await field({ type: 'video' }, 'INVALID_MESSAGE_TYPE'), 'type')
  for (const [event, data] of [
    ['message:send', text],
    ['message:read', { conversation_id, message_id: unknown }],
    ['message:delete', { conversation_id, message_id: unknown }],
    ['typing:start', { conversation_id }],
    ['typing:stop', { conversation_id }],
    ['conversation:join', { conversation_id }],
    ['conversation:leave', { conversation_id }],
  ] as const) {
    await refused(cleo, event, data, 'FORBIDDEN')
    await refused(cleo, event, { ...data, conversation_id: unknown }, 'NOT_FOUND')
    await refused(cleo, event, { ...data, conversation_id: 'conv-uuid-1' }, 'NOT_FOUND')
    await refused(cleo, event, { ...data, conversation_id: 7 }, 'VALIDATION_ERROR')
  }
  const strange = await refused(ana, 'message:edit', {}, 'VALIDATION_ERROR')
  assert.equal((strange['details'] as { field: string }).field, 'event')
})

test('a frame that cannot be read is answered without a name, and the connection stays', async () => {
  await using at = await scene()
  const ana = await connect(at.world, at.ana)
  const envelope = '{"event":"message:send","data":{"content":""}}'
  const exactly = (bytes: number) => envelope.replace('""', `"${'x'.repeat(bytes - envelope.length)}"`)
  for (const [text, code] of [
    ['{', 'VALIDATION_ERROR'],
    ['[]', 'VALIDATION_ERROR'],
    ['"message:send"', 'VALIDATION_ERROR'],
    ['{"data":{}}', 'VALIDATION_ERROR'],
    ['{"event":7,"data":{}}', 'VALIDATION_ERROR'],
    [exactly(32_769), 'MESSAGE_TOO_LARGE'],
    [exactly(400_000), 'MESSAGE_TOO_LARGE'],
  ] as const) {
    ana.send(text)
    const frame = (await ana.next()) as unknown as DatingFrame
    checkFrame(frame)
    assert.deepEqual([frame.data['code'], frame.data['request_event']], [code, null], text.slice(0, 40))
  }
  ana.send(exactly(32_768))
  const frame = (await ana.next()) as unknown as DatingFrame
  assert.deepEqual([frame.data['code'], frame.data['request_event']], ['VALIDATION_ERROR', 'message:send'])
  ana.send(Buffer.from([1, 2]))
  assert.equal(((await ana.next()) as unknown as DatingFrame).data['code'], 'VALIDATION_ERROR')
  assert.equal(ana.closed, undefined)
})

test('connection:closed comes before a close of the server, with its reason and code; not before one of the client', async () => {
  await using at = await scene({ config: { accessTokenMs: 60_000 } })
  const phone = await connect(at.world, at.ana)
  await phone.close()
  assert.deepEqual(phone.frames, [])
  const ana = await connect(at.world, at.ana)
  at.world.clock.advance(60_000)
  const error = (await ana.next()) as unknown as DatingFrame
  checkFrame(error)
  assert.deepEqual([error.event, error.data['code'], error.data['request_event']], ['error', 'UNAUTHORIZED', null])
  const closed = (await ana.next()) as unknown as DatingFrame
  checkFrame(closed)
  assert.deepEqual(
    [closed.event, closed.data['reason'], closed.data['code']],
    ['connection:closed', 'token_expired', 1008],
  )
  await ana.expectClose(1008)
})
