import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { bringIn, connect, drained, expectFrames, made, posted, scene, type Scene } from './testing.ts'

/** Messages, threads and reactions: every documented frame of theirs, who gets it and who does not. */

let at: Scene & AsyncDisposable
before(async () => void (at = await scene()))
after(() => at[Symbol.asyncDispose]())

const MESSAGE_KEYS = ['id', 'channel_id', 'user_id', 'content', 'attachments', 'reactions', 'created_at']

test('message.new: members of the channel get it, the author too; who is not in the channel does not', async () => {
  const { status, body } = await at.member.post(`/api/channels/${at.publicId}/messages`, { content: 'Hello, world!' })
  assert.equal(status, 201)
  const got = await expectFrames(at, { owner: ['message.new'], member: ['message.new'], guest: ['message.new'] })
  const [data] = got.member!
  assert.deepEqual(Object.keys(data!), MESSAGE_KEYS)
  assert.deepEqual(data, {
    id: body.id,
    channel_id: at.publicId,
    user_id: at.member.uuid,
    content: 'Hello, world!',
    attachments: [],
    reactions: [],
    created_at: body.created_at,
  })
  assert.deepEqual(got.owner, got.member)
  assert.deepEqual((await at.guest.get(`/api/messages/${body.id}`)).body, body)
})

test('message.new reaches every connection of its author, and nobody in another workspace of theirs', async () => {
  const { world, member, workspaceId } = at
  const second = await connect(world, workspaceId, member)
  const { id: otherId } = await made(member, '/api/workspaces', { name: 'Elsewhere' })
  const elsewhere = await connect(world, otherId, member)
  for (const client of Object.values(at.listening)) await drained(client)
  await made(member, `/api/channels/${at.privateId}/messages`, { content: 'psst' })
  await second.expect('message.new', { content: 'psst' })
  await elsewhere.expectNothing()
  await expectFrames(at, { owner: ['message.new'], member: ['message.new'], guest: ['message.new'] })
  await second.close()
  await elsewhere.close()
})

test('message.updated: its author edits; the same text again tells nobody (W-E1)', async () => {
  const id = await posted(at, at.member, at.publicId, 'first')
  const { status, body } = await at.member.patch(`/api/messages/${id}`, { content: 'Updated content' })
  assert.equal(status, 200)
  const got = await expectFrames(at, { owner: ['message.updated'], member: ['message.updated'], guest: ['message.updated'] })
  assert.deepEqual(got.owner, [{ id, content: 'Updated content', updated_at: body.updated_at }])
  assert.equal((await at.member.patch(`/api/messages/${id}`, { content: 'Updated content' })).status, 200)
  await expectFrames(at, {})
})

test('W-P11 nobody edits what another wrote, not the owner either', async () => {
  const id = await posted(at, at.member, at.publicId, 'mine')
  for (const [user, status] of [[at.owner, 403], [at.guest, 403], [at.admin, 403], [at.stranger, 404]] as const) {
    assert.equal((await user.patch(`/api/messages/${id}`, { content: 'yours' })).status, status, user.name)
  }
  await expectFrames(at, {})
})

test('W-P12 message.deleted: by its author or an admin who sees it; then it is nowhere', async () => {
  for (const by of [at.member, at.owner, at.admin]) {
    const id = await posted(at, at.member, at.publicId, 'a word to take back')
    assert.equal((await at.guest.delete(`/api/messages/${id}`)).status, 403)
    assert.equal((await by.delete(`/api/messages/${id}`)).status, 204, by.name)
    const got = await expectFrames(at, { owner: ['message.deleted'], member: ['message.deleted'], guest: ['message.deleted'] })
    assert.deepEqual(Object.keys(got.guest![0]!), ['id', 'deleted_at'])
    assert.equal(got.guest![0]!['id'], id)
    for (const door of ['get', 'delete'] as const) assert.equal((await at.owner[door](`/api/messages/${id}`)).status, 404)
    assert.equal((await at.member.patch(`/api/messages/${id}`, { content: 'back' })).status, 404)
    assert.equal((await at.member.post(`/api/messages/${id}/reactions`, { emoji: '👍' })).status, 404)
    const { items } = (await at.member.get(`/api/channels/${at.publicId}/messages`)).body
    assert.ok(!(items as { id: string }[]).some((message) => message.id === id))
  }
  // An admin who is not in a private channel does not know of its messages.
  const id = await posted(at, at.member, at.privateId, 'between us')
  assert.equal((await at.admin.delete(`/api/messages/${id}`)).status, 404)
})

test('W-E2 the same client_id again brings the same message: one row, one event', async () => {
  const path = `/api/channels/${at.publicId}/messages`
  const body = { content: 'once', client_id: 'c-1' }
  const answers = await Promise.all([at.member.post(path, body), at.member.post(path, body), at.member.post(path, body)])
  assert.equal(new Set(answers.map((answer) => answer.body.id)).size, 1)
  assert.deepEqual(answers.map((answer) => answer.status), [201, 201, 201])
  await expectFrames(at, { owner: ['message.new'], member: ['message.new'], guest: ['message.new'] })
  // Another channel and another person are other commands.
  const elsewhere = await at.member.post(`/api/channels/${at.privateId}/messages`, body)
  const other = await at.guest.post(path, body)
  assert.equal(new Set([answers[0].body.id, elsewhere.body.id, other.body.id]).size, 3)
  for (const person of ['owner', 'member', 'guest'] as const) {
    await at.listening[person].expect('message.new')
    await at.listening[person].expect('message.new')
  }
})

test('W-E3 a reply is message.new with its parent, then thread.updated with the count', async () => {
  const parent = await posted(at, at.member, at.publicId, 'who is in?')
  const reply = await at.guest.post(`/api/channels/${at.publicId}/messages`, { content: 'me', parent_message_id: parent })
  assert.equal(reply.status, 201)
  const names = ['message.new', 'thread.updated']
  const got = await expectFrames(at, { owner: names, member: names, guest: names })
  const [message, thread] = got.owner!
  assert.deepEqual(Object.keys(message!), [...MESSAGE_KEYS, 'parent_message_id'])
  assert.equal(message!['parent_message_id'], parent)
  const { created_at } = reply.body
  assert.deepEqual(thread, { parent_message_id: parent, reply_count: 1, last_reply_at: created_at })
  // Through the other door.
  const second = await at.owner.post(`/api/messages/${parent}/replies`, { content: 'me too' })
  assert.equal(second.status, 201)
  await expectFrames(at, { owner: names, member: names, guest: names })
  const shown = (await at.member.get(`/api/messages/${parent}`)).body
  assert.deepEqual([shown.reply_count, shown.participants], [2, [at.guest.uuid, at.owner.uuid]])
  const replies = (await at.member.get(`/api/messages/${parent}/replies`)).body.items as { content: string }[]
  assert.deepEqual(replies.map(({ content }) => content), ['me too', 'me'])
  // Replies are in their thread, not in the channel's history.
  const { items } = (await at.member.get(`/api/channels/${at.publicId}/messages?limit=5`)).body
  assert.ok(!(items as { content: string }[]).some(({ content }) => content === 'me'))
  // One level.
  const deeper = await at.owner.post(`/api/messages/${second.body.id}/replies`, { content: 'deeper' })
  assert.equal(deeper.status, 400)
  assert.match(deeper.body.error.details.parent_message_id, new RegExp(parent))
})

test('W-E3 deleting replies counts down and back in time; deleting the parent keeps the others’ words', async () => {
  const parent = await posted(at, at.member, at.publicId, 'parent')
  const reply = async (content: string) => posted(at, at.guest, at.publicId, { content, parent_message_id: parent })
  const first = await reply('one')
  const firstAt = (await at.member.get(`/api/messages/${first}`)).body.created_at as string
  at.world.clock.advance(1_000)
  const second = await reply('two')
  const names = ['message.deleted', 'thread.updated']
  const everybody = { owner: names, member: names, guest: names }
  await at.guest.delete(`/api/messages/${second}`)
  const once = await expectFrames(at, everybody)
  assert.deepEqual(once.owner![1], { parent_message_id: parent, reply_count: 1, last_reply_at: firstAt })
  await at.member.delete(`/api/messages/${parent}`)
  const gone = await expectFrames(at, everybody)
  assert.deepEqual(gone.owner![1], { parent_message_id: parent, reply_count: 1, last_reply_at: firstAt })
  const page = (await at.owner.get(`/api/channels/${at.publicId}/messages?limit=1`)).body
  assert.equal(page.items[0].id, parent)
  assert.equal(page.items[0].content, '')
  assert.notEqual(page.items[0].deleted_at, null)
  assert.equal((await at.owner.get(`/api/messages/${parent}/replies`)).body.items[0].content, 'one')
  assert.equal((await at.owner.post(`/api/messages/${parent}/replies`, { content: 'late' })).status, 404)
  await at.guest.delete(`/api/messages/${first}`)
  const empty = await expectFrames(at, everybody)
  assert.deepEqual(empty.owner![1], { parent_message_id: parent, reply_count: 0, last_reply_at: null })
  assert.equal((await at.owner.get(`/api/messages/${parent}/replies`)).status, 404)
})

test('reaction.added, reaction.removed: once each (W-E1), one form of an emoji (W-E11)', async () => {
  const id = await posted(at, at.member, at.publicId, 'nice')
  const path = `/api/messages/${id}/reactions`
  const data = { message_id: id, emoji: '👍', user_id: at.guest.uuid }
  assert.deepEqual((await at.guest.post(path, { emoji: '👍' })).body, data)
  const added = await expectFrames(at, { owner: ['reaction.added'], member: ['reaction.added'], guest: ['reaction.added'] })
  assert.deepEqual(added.owner, [data])
  assert.equal((await at.guest.post(path, { emoji: '👍' })).status, 200)
  await expectFrames(at, {})
  at.world.clock.advance(1)
  await at.guest.post(path, { emoji: '❤' })
  await at.guest.post(path, { emoji: '❤️' })
  await expectFrames(at, { owner: ['reaction.added'], member: ['reaction.added'], guest: ['reaction.added'] })
  const shown = (await at.owner.get(`/api/messages/${id}`)).body
  assert.deepEqual(shown.reactions, [data, { emoji: '❤️', user_id: at.guest.uuid }].map(({ emoji, user_id }) => ({ emoji, user_id })))
  assert.equal((await at.guest.delete(`${path}/${encodeURIComponent('👍')}`)).status, 204)
  const removed = await expectFrames(at, { owner: ['reaction.removed'], member: ['reaction.removed'], guest: ['reaction.removed'] })
  assert.deepEqual(removed.owner, [data])
  assert.equal((await at.guest.delete(`${path}/${encodeURIComponent('👍')}`)).status, 204)
  await expectFrames(at, {})
})

test('W-P9 only who is in a channel posts, replies and reacts there', async () => {
  const id = await posted(at, at.member, at.publicId, 'to those who are here')
  const deeds = [
    (user: typeof at.admin) => user.post(`/api/channels/${at.publicId}/messages`, { content: 'x' }),
    (user: typeof at.admin) => user.post(`/api/messages/${id}/replies`, { content: 'x' }),
    (user: typeof at.admin) => user.post(`/api/messages/${id}/reactions`, { emoji: '👍' }),
  ]
  for (const deed of deeds) {
    assert.equal((await deed(at.admin)).status, 403)
    assert.equal((await deed(at.stranger)).status, 404)
  }
  await expectFrames(at, {})
})

test('history goes both ways by cursor, across deleted messages', async () => {
  const { id: channelId } = await made(at.owner, `/api/workspaces/${at.workspaceId}/channels`, { name: 'history' })
  const ids: string[] = []
  for (let n = 0; n < 25; n += 1) {
    ids.push((await made(at.owner, `/api/channels/${channelId}/messages`, { content: `m${n}` })).id)
  }
  const path = `/api/channels/${channelId}/messages`
  const read = async (query: string) => {
    const { body } = await at.owner.get(`${path}?${query}`)
    return { ...body, ids: (body.items as { id: string }[]).map(({ id }) => id) }
  }
  const newest = await read('limit=10')
  assert.deepEqual(newest.ids, ids.slice(15).reverse())
  assert.equal(newest.next_after, null)
  const older = await read(`limit=10&before=${newest.next_before}`)
  assert.deepEqual(older.ids, ids.slice(5, 15).reverse())
  const oldest = await read(`limit=10&before=${older.next_before}`)
  assert.deepEqual([oldest.ids, oldest.next_before], [ids.slice(0, 5).reverse(), null])
  const forward = await read(`limit=10&after=${oldest.next_after}`)
  assert.deepEqual(forward.ids, ids.slice(5, 15).reverse())
  const last = await read(`limit=10&after=${forward.next_after}`)
  assert.deepEqual([last.ids, last.next_after], [ids.slice(15).reverse(), null])
  // The cursor itself may be deleted meanwhile.
  await at.owner.delete(`/api/messages/${ids[15]}`)
  assert.deepEqual((await read(`limit=3&before=${ids[15]}`)).ids, ids.slice(12, 15).reverse())
  assert.deepEqual((await read(`limit=3&after=${ids[15]}`)).ids, ids.slice(16, 19).reverse())
  assert.equal((await at.owner.get(`${path}?before=${ids[3]}&after=${ids[1]}`)).status, 400)
  const foreign = await made(at.owner, `/api/channels/${at.publicId}/messages`, { content: 'other' })
  assert.equal((await at.owner.get(`${path}?before=${foreign.id}`)).status, 400)
  await bringIn(at.owner, at.workspaceId, at.stranger, { role: 'guest', channel_ids: [at.publicId] })
  assert.equal((await at.stranger.get(path)).status, 404)
})
