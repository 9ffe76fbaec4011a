import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import type { User } from '../../testing/world.ts'
import { Conversation, History } from './routes/shapes.ts'
import { connect, drained, expectEvents, join, match, ok, open, readAll, say, scene, send } from './testing.ts'

const LIKES = '/api/dating/likes'
const CONVERSATIONS = '/api/dating/conversations'
const DAY = 24 * 60 * 60 * 1000
/** Tokens that are good for all of a test's time. */
const LASTING = { accessTokenMs: 3 * DAY }

const like = (by: User, whom: User) => by.post(LIKES, { user_id: whom.uuid })

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`D-P11 a mutual like makes one conversation, which both are told of: ${storage}`, async () => {
    await using a = await scene({ storage })
    const clients = {
      ana: await connect(a.world, a.ana),
      ben: await connect(a.world, a.ben),
      cleo: await connect(a.world, a.cleo),
    }
    await clients.ana.expect('user:online', { user_id: a.ben.uuid })
    await expectEvents(
      clients,
      async () => {
        assert.deepEqual((await like(a.cleo, a.ana)).body, { matched: false, conversation_id: null })
      },
      {},
    )
    let id = ''
    const got = await expectEvents(
      clients,
      async () => {
        const { status, body } = await like(a.ana, a.cleo)
        assert.deepEqual([status, body.matched], [200, true])
        id = body.conversation_id
      },
      { ana: ['conversation:unread', 'user:online'], cleo: ['conversation:unread', 'user:online'] },
    )
    const { data } = got.ana[0]!
    const last = data['last_message'] as { content: string; type: string }
    assert.deepEqual([data['conversation_id'], data['unread_count'], last.type], [id, 1, 'system'])
    assert.equal(last.content, "It's a match! Say hello.")
    assert.deepEqual((got.cleo[0]!.data as { last_message: object }).last_message, last)
    assert.equal(got.ana[1]!.data['user_id'], a.cleo.uuid)
    assert.equal(got.cleo[1]!.data['user_id'], a.ana.uuid)

    // Again, by either, it is the same one.
    await expectEvents(
      clients,
      async () => {
        for (const [by, whom] of [
          [a.ana, a.cleo],
          [a.cleo, a.ana],
        ] as const) {
          assert.deepEqual((await like(by, whom)).body, { matched: true, conversation_id: id })
        }
      },
      {},
    )
    for (const client of [clients.ana, clients.cleo]) await join(client, id)
    a.world.clock.advance(1_000)
    await expectEvents(clients, () => say(a.cleo, id, 'Hello!'), {
      ana: ['message:new'],
      cleo: ['message:new', 'message:delivered'],
    })
    const { items } = await ok(a.ana.get(CONVERSATIONS))
    assert.deepEqual(
      items.map((one: { id: string }) => one.id),
      [id, a.conversationId],
    )
  })
}

test('two who like each other in the same moment have one conversation', async () => {
  await using a = await scene()
  const answers = await Promise.all([
    like(a.ana, a.cleo),
    like(a.cleo, a.ana),
    like(a.ana, a.cleo),
    like(a.cleo, a.ana),
  ])
  const made = new Set(answers.map(({ body }) => body.conversation_id).filter((id) => id !== null))
  assert.equal(made.size, 1)
  assert.equal((await ok(a.cleo.get(CONVERSATIONS))).items.length, 1)
})

test('D-P11 a like that is taken back makes no match; one that has is not taken back', async () => {
  await using a = await scene()
  await ok(like(a.cleo, a.ana))
  assert.equal((await a.cleo.delete(`${LIKES}/${a.ana.uuid}`)).status, 204)
  assert.equal((await a.cleo.delete(`${LIKES}/${a.ana.uuid}`)).status, 204)
  assert.equal((await like(a.ana, a.cleo)).body.matched, false)
  assert.equal((await like(a.cleo, a.ana)).body.matched, true)
  const { status, body } = await a.cleo.delete(`${LIKES}/${a.ana.uuid}`)
  assert.deepEqual([status, body.error.code], [409, 'CONFLICT'])
})

test('oneself cannot be liked, nor somebody who is not there, nor by who has no profile', async () => {
  await using a = await scene()
  const dora = await a.world.user('dora')
  const table = [
    [a.ana, a.ana.uuid, 400, 'VALIDATION_ERROR'],
    [a.ana, '00000000-0000-4000-8000-000000000000', 404, 'NOT_FOUND'],
    [a.ana, 'no-id', 404, 'NOT_FOUND'],
    [a.ana, 7, 400, 'VALIDATION_ERROR'],
    [dora, a.ana.uuid, 403, 'FORBIDDEN'],
  ] as const
  for (const [by, user_id, status, code] of table) {
    const answer = await by.post(LIKES, { user_id })
    assert.deepEqual([answer.status, answer.body.error.code], [status, code], `${by.name} ${user_id}`)
  }
})

test('a like of who is hidden, suspended, switched off or without a profile is answered like any other', async () => {
  await using a = await scene()
  const users: Record<string, User> = {}
  for (const name of ['hid', 'sus', 'off', 'bare']) users[name] = await a.world.user(name)
  const { hid, sus, off, bare } = users as Record<'hid' | 'sus' | 'off' | 'bare', User>
  for (const user of [hid, sus, off]) await ok(user.put('/api/dating/profile', { bio: '', hidden: user === hid }))
  for (const user of [sus, off]) await ok(like(user, a.cleo))
  const { id } = await ok(a.ana.post('/api/dating/reports', { user_id: sus.uuid, reason: 'fake' }))
  await ok(a.admin.post(`/api/dating/moderation/reports/${id}/resolve`, { action: 'suspend' }))
  await ok(a.admin.post(`/api/tracker/users/${off.id}/status`, { status: 'inactive' }))
  for (const user of [hid, sus, off, bare]) {
    assert.deepEqual(await ok(like(a.cleo, user)), { matched: false, conversation_id: null }, user.name)
  }
  // When they come back, what both want still takes one of the two to say it.
  await ok(a.admin.delete(`/api/dating/moderation/suspensions/${sus.uuid}`))
  assert.equal((await ok(like(sus, a.cleo))).matched, true)
})

test('the likes of a day are limited on their edge, and the same again takes none', async () => {
  await using a = await scene({ config: { datingLikesPerDay: 3, ...LASTING } })
  const others: User[] = []
  for (let i = 0; i < 3; i += 1) others.push(await a.world.user(`p${i}`))
  for (const user of others) await ok(user.put('/api/dating/profile', { bio: '' }))
  for (const user of [...others, others[0]!]) await ok(like(a.cleo, user))
  const { status, body } = await like(a.cleo, a.ana)
  assert.deepEqual([status, body.error.code], [429, 'RATE_LIMITED'])
  assert.equal((await like(a.ana, a.cleo)).body.matched, false, 'what was refused has left nothing')
  a.world.clock.advance(DAY - 1)
  assert.equal((await like(a.cleo, a.ana)).status, 429)
  a.world.clock.advance(1)
  assert.equal((await like(a.cleo, a.ana)).body.matched, true)
})

test('D-L4 the fiftieth conversation of a day is made, the next is not, and then nothing is changed', async () => {
  await using a = await scene({ config: { datingLikesPerDay: 0, ...LASTING } })
  const fans: User[] = []
  for (let i = 0; i < 51; i += 1) fans.push(await a.world.user(`fan${i}`))
  for (const fan of fans) {
    await ok(fan.put('/api/dating/profile', { bio: '' }))
    await ok(like(fan, a.cleo))
  }
  const [last, ...others] = fans as [User, ...User[]]
  for (const fan of others) assert.equal((await ok(like(a.cleo, fan))).matched, true)
  const client = await connect(a.world, last)
  const { status, body, headers } = await like(a.cleo, last)
  assert.deepEqual([status, body.error.code], [429, 'RATE_LIMITED'])
  assert.equal(headers.get('retry-after'), String(DAY / 1000))
  assert.deepEqual(await drained(client), [])
  assert.equal((await ok(last.get(CONVERSATIONS))).items.length, 0)
  // It is hers alone: whoever liked first has used up nothing, and hers is not kept.
  assert.equal((await ok(like(last, a.cleo))).matched, false)
  a.world.clock.advance(DAY)
  assert.equal((await ok(like(a.cleo, last))).matched, true)
})

test('D-P12 unmatching ends it for both: nobody is told, each sees the other go, every door is shut alike', async () => {
  await using a = await scene()
  const { id: message } = await say(a.ana, a.conversationId, 'before')
  await readAll(a.ben, a.conversationId)
  const clients = {
    ana: await connect(a.world, a.ana),
    second: await connect(a.world, a.ana),
    ben: await connect(a.world, a.ben),
    cleo: await connect(a.world, a.cleo),
  }
  for (const client of [clients.ana, clients.second]) await client.expect('user:online', { user_id: a.ben.uuid })
  for (const client of [clients.ana, clients.ben]) await join(client, a.conversationId)
  await expectEvents(clients, () => send(clients.ana, 'typing:start', { conversation_id: a.conversationId }), {
    ben: ['typing:indicator'],
  })
  const got = await expectEvents(
    clients,
    async () => {
      assert.equal((await a.ben.delete(`${CONVERSATIONS}/${a.conversationId}`)).status, 204)
    },
    { ana: ['user:offline'], second: ['user:offline'], ben: ['user:offline'] },
  )
  assert.equal(got.ana[0]!.data['user_id'], a.ben.uuid)

  const path = `${CONVERSATIONS}/${a.conversationId}`
  const answers = new Set<string>()
  for (const user of [a.ana, a.ben, a.cleo]) {
    for (const answer of [
      await user.get(path),
      await user.get(`${path}/messages`),
      await user.delete(path),
      await user.post(`${path}/messages`, { content: 'hi', type: 'text' }),
      await user.post(`${path}/read`, { message_id: message }),
      await user.put(`${path}/sharing`, { shares: true }),
      await user.delete(`/api/dating/messages/${message}`),
    ])
      answers.add(JSON.stringify([answer.status, answer.body]))
  }
  assert.equal(answers.size, 1, [...answers].join('\n'))
  assert.match([...answers][0]!, /^\[403,.*FORBIDDEN/)
  for (const user of [a.ana, a.ben]) assert.deepEqual((await ok(user.get(CONVERSATIONS))).items, [])

  // Neither likes the other any more; a new match is another conversation, in which nothing is left of the old one.
  assert.equal((await ok(like(a.ana, a.ben))).matched, false)
  const again = (await ok(like(a.ben, a.ana))).conversation_id
  assert.notEqual(again, a.conversationId)
  assert.equal((await ok(a.ana.get(`${CONVERSATIONS}/${again}/messages`))).items.length, 1)
  assert.equal((await a.ana.get(path)).status, 403)
})

test('what was said in a conversation that has ended is not replayed to who comes back', async () => {
  await using a = await scene()
  const { position } = await ok(a.ben.get(CONVERSATIONS))
  await say(a.ana, a.conversationId, 'you will not read this')
  await ok(a.ana.delete(`${CONVERSATIONS}/${a.conversationId}`))
  const other = await match(a.ben, a.cleo)
  const client = open(a.world, a.ben, `?since=${position}&join=all`)
  await client.opened()
  const events = await drained(client)
  assert.ok(!JSON.stringify(events).includes('you will not read this'))
  assert.ok(!JSON.stringify(events).includes(a.conversationId))
  assert.ok(JSON.stringify(events).includes(other), 'what lasts is')
})

test('the list of conversations: by the last message, with the partner, what is unread and who is there', async () => {
  await using a = await scene()
  a.world.clock.advance(1_000)
  const other = await match(a.ana, a.cleo)
  a.world.clock.advance(1_000)
  const shown = async (user: User, query = '') => {
    const { items, next_before } = await ok(user.get(`${CONVERSATIONS}${query}`))
    for (const item of items) assert.deepEqual([...Compile(Conversation).Errors(item)], [])
    return { items, next_before }
  }
  const message = await say(a.ben, a.conversationId, 'Hello')
  const [first, second] = (await shown(a.ana)).items
  assert.deepEqual([first.id, second.id], [a.conversationId, other])
  assert.deepEqual([first.unread_count, first.partner.username, first.partner.online], [1, 'ben', false])
  const { id, content, type, sender_id, created_at } = message
  assert.deepEqual(first.last_message, { id, content, type, sender_id, created_at })
  assert.deepEqual(first.shares_personal_data, { me: false, partner: false })
  assert.equal(second.last_message.content, "It's a match! Say hello.")
  await connect(a.world, a.ben)
  await readAll(a.ana, a.conversationId)
  const one = await ok(a.ana.get(`${CONVERSATIONS}/${a.conversationId}`))
  assert.deepEqual([one.unread_count, one.partner.online], [0, true])
  const page = await shown(a.ana, '?limit=1')
  assert.deepEqual(
    page.items.map((item: { id: string }) => item.id),
    [a.conversationId],
  )
  const rest = await shown(a.ana, `?limit=1&before=${page.next_before}`)
  assert.deepEqual([rest.items[0].id, rest.next_before], [other, null])
  assert.equal((await a.cleo.get(`${CONVERSATIONS}/${a.conversationId}`)).status, 403)
  assert.equal((await a.cleo.get(`${CONVERSATIONS}/no-id`)).status, 404)
})

test('history in pages to either side, with what has become of each message', async () => {
  await using a = await scene()
  const path = `${CONVERSATIONS}/${a.conversationId}/messages`
  const ids: string[] = []
  for (let i = 0; i < 5; i += 1) ids.unshift((await say(i % 2 ? a.ana : a.ben, a.conversationId, `m${i}`)).id)
  const read = async (query: string) => {
    const page = await ok(a.ana.get(path + query))
    assert.deepEqual([...Compile(History).Errors(page)], [])
    return [page.items.map(({ id }: { id: string }) => id), page.next_before, page.next_after]
  }
  assert.deepEqual(await read('?limit=2'), [ids.slice(0, 2), ids[1], null])
  assert.deepEqual(await read(`?limit=2&before=${ids[1]}`), [ids.slice(2, 4), ids[3], ids[2]])
  assert.deepEqual(await read(`?limit=2&after=${ids[3]}`), [ids.slice(1, 3), ids[2], ids[1]])
  assert.deepEqual(await read(`?limit=2&after=${ids[1]}`), [ids.slice(0, 1), ids[0], null])
  for (const query of ['?before=no-id', `?before=${ids[0]}&after=${ids[1]}`, `?after=${a.conversationId}`]) {
    assert.equal((await a.ana.get(path + query)).status, 400, query)
  }
  assert.deepEqual(await ok(a.ana.post(`${CONVERSATIONS}/${a.conversationId}/read`, { message_id: ids[2] })), {
    message_id: ids[2],
    conversation_id: a.conversationId,
    viewed_at: '2026-01-05T12:00:00Z',
  })
  const { items } = await ok(a.ben.get(path))
  const told = items.map((one: Record<string, unknown>) => [one['content'], one['is_read'], one['viewed_at'] !== null])
  assert.deepEqual(told.slice(0, 5), [
    ['m4', false, false],
    ['m3', false, false],
    ['m2', true, true],
    ['m1', false, false],
    ['m0', true, true],
  ])
  assert.equal((await a.cleo.delete(`/api/dating/messages/${ids[0]}`)).status, 403)
  assert.equal((await a.ana.delete(`/api/dating/messages/${ids[0]}`)).status, 204)
  assert.equal((await a.ana.delete(`/api/dating/messages/${ids[0]}`)).status, 404)
  const other = await match(a.ana, a.cleo)
  const foreign = await a.ana.post(`${CONVERSATIONS}/${other}/read`, { message_id: ids[2] })
  assert.equal(foreign.status, 404)
})

test('that both agree is told as a message of the last who has: not more often than those are', async () => {
  await using a = await scene({ config: { datingMessagesPerMinute: 2 } })
  const share = (user: User, shares: boolean) => user.put(`${CONVERSATIONS}/${a.conversationId}/sharing`, { shares })
  await ok(share(a.ana, true))
  for (let i = 0; i < 2; i += 1) {
    await ok(share(a.ben, true))
    await ok(share(a.ben, false))
  }
  const { status, body } = await share(a.ben, true)
  assert.deepEqual([status, body.error.code], [429, 'RATE_LIMITED'])
  const shown = async () => (await ok(a.ana.get(`${CONVERSATIONS}/${a.conversationId}`))).shares_personal_data
  assert.deepEqual(await shown(), { me: true, partner: false })
  a.world.clock.advance(60_000)
  await ok(share(a.ben, true))
  assert.deepEqual(await shown(), { me: true, partner: true })
})

test('D-M2 personal data is shown from when both agree until one does not; both are told once', async () => {
  await using a = await scene()
  const path = `${CONVERSATIONS}/${a.conversationId}/sharing`
  const share = async (user: User, shares: boolean) => ok(user.put(path, { shares }))
  const sent = async () => (await say(a.ana, a.conversationId, 'ana.smith@example.com')).content
  const clients = { ana: await connect(a.world, a.ana), ben: await connect(a.world, a.ben) }
  await clients.ana.expect('user:online', { user_id: a.ben.uuid })
  for (const client of Object.values(clients)) await join(client, a.conversationId)
  await expectEvents(
    clients,
    async () => {
      assert.deepEqual(await share(a.ana, true), { me: true, partner: false })
      assert.deepEqual(await share(a.ana, true), { me: true, partner: false })
    },
    {},
  )
  assert.notEqual(await sent(), 'ana.smith@example.com')
  const got = await expectEvents(
    clients,
    async () => {
      assert.deepEqual(await share(a.ben, true), { me: true, partner: true })
      assert.deepEqual(await share(a.ben, true), { me: true, partner: true })
      assert.deepEqual(await share(a.ana, true), { me: true, partner: true })
    },
    { ana: ['message:new'], ben: ['message:new'] },
  )
  const { message } = got.ana[0]!.data as { message: { content: string; type: string } }
  assert.deepEqual([message.type, message.content], ['system', 'You both agreed to share contact details.'])
  assert.equal(await sent(), 'ana.smith@example.com')
  await expectEvents(
    clients,
    async () => {
      assert.deepEqual(await share(a.ana, false), { me: false, partner: true })
    },
    {},
  )
  assert.notEqual(await sent(), 'ana.smith@example.com')
  assert.equal((await a.cleo.put(path, { shares: true })).status, 403)
})
