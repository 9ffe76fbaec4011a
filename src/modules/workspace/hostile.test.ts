import assert from 'node:assert/strict'
import { checkError } from '../../testing/hostile.ts'
import type { Answer, User } from '../../testing/world.ts'
import { abuse, alive, enter, expectError, heard, NOBODY, state, upload, type Stage } from './bad-input/testing.ts'
import { bringIn, made } from './testing.ts'

/** A member, or a guest, who wants to see, touch or disturb what is not theirs. The stage: bad-input/testing.ts. */

const messages = (channelId: string): string => `/api/channels/${channelId}/messages`
const ws = (at: Stage): string => `/api/workspaces/${at.workspaceId}`

/** Somebody new in the owner's workspace. */
async function newcomer(at: Stage, name: string, invite: object = {}): Promise<User> {
  const user = await at.world.user(name)
  await bringIn(at.owner, at.workspaceId, user, invite)
  return user
}

/** All of these are answered with the same bytes, and nothing is changed or told by any of them. */
async function alike(at: Stage, asks: Asks, status: number, code: string): Promise<void> {
  await heard(at)
  const before = state(at)
  const answers = new Set<string>()
  for (const ask of asks) {
    const answer = await ask()
    if (status === 200) assert.deepEqual([answer.status, answer.body.items], [200, []])
    else {
      checkError(answer, status, code)
      answers.add(JSON.stringify(answer.body))
    }
  }
  assert.ok(answers.size <= 1, [...answers].join('\n'))
  assert.deepEqual(state(at), before)
  assert.deepEqual(await heard(at), [])
}

type Asks = readonly (() => Promise<Answer>)[]
const refusedAlike = (at: Stage, asks: Asks): Promise<void> => alike(at, asks, 400, 'VALIDATION_ERROR')
const hiddenAlike = (at: Stage, asks: Asks): Promise<void> => alike(at, asks, 404, 'NOT_FOUND')

// Ids that were guessed

abuse('A10 ids of messages in a body: hidden, elsewhere and nowhere answer alike', async (at) => {
  const { mallory, sharedId } = at
  const mine = (await made(mallory, messages(sharedId), { content: 'mine' })).id as string
  const foreign = [NOBODY, at.secretMessageId, at.foreign.messageId, 'x', at.secretId, mallory.uuid]
  const reply = (id: string) => mallory.post(messages(sharedId), { content: 'x', parent_message_id: id })
  await refusedAlike(at, foreign.map((id) => () => reply(id)))
  for (const door of ['read', 'unread']) {
    const mark = (id: string) => mallory.post(`/api/channels/${sharedId}/${door}`, { message_id: id })
    await refusedAlike(at, foreign.map((id) => () => mark(id)))
  }
  const mark = (id: string) => mallory.post(`/api/messages/${mine}/read-thread`, { message_id: id })
  await refusedAlike(at, foreign.map((id) => () => mark(id)))
})

abuse('A10 ids of files in a body: of others, sent, hidden, elsewhere and nowhere answer alike', async (at) => {
  const { owner, mallory, foreign } = at
  const unsent = (await upload(owner, at.workspaceId, 'of the owner', 'a.txt')).body.id
  const hidden = (await upload(owner, at.workspaceId, 'in secret', 'b.txt')).body.id
  const sent = (await upload(mallory, at.workspaceId, 'sent', 'c.txt')).body.id
  const elsewhere = (await upload(foreign.user, foreign.workspaceId, 'elsewhere', 'd.txt')).body.id
  await made(owner, messages(at.secretId), { attachment_ids: [hidden] })
  await made(mallory, messages(at.sharedId), { attachment_ids: [sent] })
  const ids = [NOBODY, unsent, hidden, sent, elsewhere, at.secretMessageId, 'x']
  const attach = (id: string) => mallory.post(messages(at.sharedId), { content: 'x', attachment_ids: [id] })
  await refusedAlike(at, ids.map((id) => () => attach(id)))
  const others = [NOBODY, unsent, hidden, elsewhere]
  for (const method of ['get', 'delete'] as const) {
    await hiddenAlike(at, others.map((id) => () => mallory[method](`/api/attachments/${id}`)))
  }
  await hiddenAlike(at, [hidden, elsewhere].map((id) => () => at.root.get(`/api/attachments/${id}`)))
})

abuse('A10 ids of people in a body: strangers and nobody answer alike', async (at) => {
  const { mallory } = at
  const strangers = [NOBODY, at.root.uuid, at.foreign.user.uuid, 'x']
  const { id: room } = await made(mallory, `${ws(at)}/channels`, { name: 'of mallory' })
  await refusedAlike(at, strangers.map((id) => () => mallory.post(`/api/channels/${room}/members`, { user_id: id })))
  for (const channel of [{ name: 'with strangers' }, { name: 'with strangers', type: 'private' }, { type: 'dm' }]) {
    const open = (id: string) => mallory.post(`${ws(at)}/channels`, { ...channel, user_ids: [id] })
    await refusedAlike(at, strangers.map((id) => () => open(id)))
  }
  await hiddenAlike(at, strangers.map((id) => () => mallory.get(`${ws(at)}/members/${id}`)))
})

abuse('A10 an admin invites into no channel they do not see, and learns of none', async (at) => {
  const admin = await newcomer(at, 'admin', { role: 'admin' })
  const { id: dmId } = await made(at.owner, `${ws(at)}/channels`, { type: 'dm', user_ids: [at.mallory.uuid] })
  const ids = [NOBODY, at.secretId, at.foreign.channelId, dmId, 'x']
  for (const role of ['member', 'guest']) {
    await hiddenAlike(at, ids.map((id) => () => admin.post(`${ws(at)}/invites`, { role, channel_ids: [id] })))
  }
  await hiddenAlike(at, [at.secretId, dmId, NOBODY].map((id) => () => admin.post(`/api/channels/${id}/members`)))
  await at.owner.delete(`${ws(at)}/members/${admin.uuid}`)
})

abuse('A10 things of another workspace in the routes of this one are not there', async (at) => {
  const { foreign, owner } = at
  // The owner is a member elsewhere as well, so that nothing is hidden but by the path.
  await bringIn(foreign.user, foreign.workspaceId, owner)
  const { id: linkId } = await made(foreign.user, `/api/workspaces/${foreign.workspaceId}/invites`, {})
  await hiddenAlike(at, [
    () => owner.delete(`${ws(at)}/invites/${linkId}`),
    () => owner.delete(`${ws(at)}/invites/${NOBODY}`),
  ])
  await hiddenAlike(at, [
    () => owner.patch(`${ws(at)}/members/${foreign.user.uuid}`, { role: 'member' }),
    () => owner.delete(`${ws(at)}/members/${foreign.user.uuid}`),
    () => owner.delete(`${ws(at)}/members/${NOBODY}`),
  ])
  await hiddenAlike(at, [
    () => owner.post(`${ws(at)}/invites`, { channel_ids: [foreign.channelId] }),
    () => owner.post(`${ws(at)}/invites`, { channel_ids: [NOBODY] }),
  ])
  await alike(at, [
    () => owner.get(`${ws(at)}/search?q=similar`),
    () => owner.get(`${ws(at)}/search?q=similar&channel_id=${foreign.channelId}`),
    () => owner.get(`${ws(at)}/search?q=similar&user_id=${foreign.user.uuid}`),
  ], 200, '')
  const theirs = (await upload(owner, foreign.workspaceId, 'uploaded elsewhere', 'a.txt')).body.id
  await refusedAlike(at, [
    () => owner.post(messages(at.sharedId), { content: 'x', attachment_ids: [theirs] }),
    () => owner.post(messages(at.sharedId), { content: 'x', attachment_ids: [NOBODY] }),
  ])
  await refusedAlike(at, [
    () => owner.post(`/api/channels/${at.sharedId}/members`, { user_id: foreign.user.uuid }),
    () => owner.post(`/api/channels/${at.sharedId}/members`, { user_id: NOBODY }),
  ])
  // A connection to one workspace does not hear the other.
  await made(foreign.user, messages(foreign.channelId), { content: 'over there' })
  assert.deepEqual(await heard(at), [])
  await owner.delete(`/api/workspaces/${foreign.workspaceId}/members/me`)
})

// A private channel

abuse('W-P5 a private channel is not found by search, name, list, count, mention, unread or thread', async (at) => {
  const { owner, mallory, secretId, secretMessageId } = at
  const admin = await newcomer(at, 'curious', { role: 'admin' })
  await made(owner, messages(secretId), { content: '@mallory @curious @channel @here quince' })
  await made(owner, `/api/messages/${secretMessageId}/replies`, { content: 'quince, @mallory' })
  await made(owner, `/api/messages/${secretMessageId}/pin`, {})
  for (const spy of [mallory, admin]) {
    for (const query of [
      'q=quince', `q=quince&channel_id=${secretId}`, `q=quince&user_id=${owner.uuid}`, 'q=qu', 'q=jam',
    ]) {
      assert.deepEqual((await spy.get(`${ws(at)}/search?${query}`)).body.items, [], query)
    }
    for (const list of [
      'channels', 'channels?q=secret', 'channels?type=private', 'channels?archived=true', 'unread', 'mentions',
      'threads',
    ]) {
      const { status, body } = await spy.get(`${ws(at)}/${list}`)
      assert.equal(status, 200, list)
      assert.doesNotMatch(JSON.stringify(body), new RegExp(`${secretId}|${secretMessageId}|quince|"secret"`), list)
    }
  }
  // A name is refused only for what its maker sees.
  for (const type of ['public', 'private']) {
    const { status, body } = await mallory.post(`${ws(at)}/channels`, { name: 'secret', type })
    assert.equal(status, 201)
    assert.equal((await mallory.delete(`/api/channels/${body.id}`)).status, 204)
  }
  const known = await owner.post(`${ws(at)}/channels`, { name: 'Secret', type: 'private' })
  checkError(known, 409, 'CONFLICT')
  await owner.delete(`${ws(at)}/members/${admin.uuid}`)
})

abuse('W-P5 every deed to a private channel and what is in it answers as if it were not there', async (at) => {
  const { mallory, secretId, secretMessageId, owner } = at
  await made(owner, `/api/messages/${secretMessageId}/reactions`, { emoji: '👍' })
  const thumb = encodeURIComponent('👍')
  const channel = (id: string): Asks => [
    () => mallory.get(`/api/channels/${id}`),
    () => mallory.get(`/api/channels/${id}/members`),
    () => mallory.get(`/api/channels/${id}/pins`),
    () => mallory.get(`/api/channels/${id}/messages?before=${secretMessageId}`),
    () => mallory.post(messages(id), { content: 'x' }),
    () => mallory.post(`/api/channels/${id}/members`, { user_id: owner.uuid }),
    () => mallory.delete(`/api/channels/${id}/members/me`),
    () => mallory.post(`/api/channels/${id}/read`, { message_id: secretMessageId }),
    () => mallory.post(`/api/channels/${id}/archive`),
    () => mallory.patch(`/api/channels/${id}`, { type: 'public' }),
    () => mallory.delete(`/api/channels/${id}`),
  ]
  await hiddenAlike(at, [...channel(secretId), ...channel(at.foreign.channelId), ...channel(NOBODY)])
  const message = (id: string): Asks => [
    () => mallory.get(`/api/messages/${id}`),
    () => mallory.get(`/api/messages/${id}/replies`),
    () => mallory.post(`/api/messages/${id}/replies`, { content: 'x' }),
    () => mallory.patch(`/api/messages/${id}`, { content: 'x' }),
    () => mallory.delete(`/api/messages/${id}`),
    () => mallory.post(`/api/messages/${id}/reactions`, { emoji: '👍' }),
    () => mallory.delete(`/api/messages/${id}/reactions/${thumb}`),
    () => mallory.post(`/api/messages/${id}/pin`),
    () => mallory.post(`/api/messages/${id}/follow`),
    () => mallory.post(`/api/messages/${id}/read-thread`),
  ]
  await hiddenAlike(at, [...message(secretMessageId), ...message(at.foreign.messageId), ...message(NOBODY)])
})

abuse('W-P11 nobody edits, and no member deletes, what another wrote: by patch, retry or other fields', async (at) => {
  const { owner, mallory, sharedId } = at
  const { id } = await made(owner, messages(sharedId), { content: 'of the owner', client_id: 'same' })
  await heard(at)
  const path = `/api/messages/${id}`
  checkError(await mallory.patch(path, { content: 'forged' }), 403, 'UNAUTHORIZED')
  checkError(await mallory.patch(path, { content: 'forged', user_id: mallory.uuid }), 403, 'UNAUTHORIZED')
  checkError(await mallory.delete(path), 403, 'UNAUTHORIZED')
  // Another person's id of a command is not theirs.
  const forged = { content: 'forged', client_id: 'same', id, user_id: owner.uuid }
  const mine = await made(mallory, messages(sharedId), forged)
  assert.notEqual(mine.id, id)
  assert.equal(mine.user_id, mallory.uuid)
  assert.equal((await owner.get(path)).body.content, 'of the owner')
  assert.deepEqual((await heard(at)).map(({ type }) => type), ['message.new'])
})

// Noise

abuse('W-E10 a guest calls nobody but by name: sending, replying and editing, in whatever spelling', async (at) => {
  const { owner, sharedId } = at
  const guest = await newcomer(at, 'guest', { role: 'guest', channel_ids: [sharedId] })
  const { id } = await made(guest, messages(sharedId), { content: 'hello' })
  await heard(at)
  const before = state(at)
  for (const call of [
    '@channel', '@here', '@CHANNEL', '@Here', 'x @channel.', '(@here)', '**@channel**', '`x` @channel',
    '@channel @owner', '\n@here',
  ]) {
    checkError(await guest.post(messages(sharedId), { content: call }), 403, 'UNAUTHORIZED')
    checkError(await guest.post(`/api/messages/${id}/replies`, { content: call }), 403, 'UNAUTHORIZED')
    checkError(await guest.patch(`/api/messages/${id}`, { content: call }), 403, 'UNAUTHORIZED')
  }
  assert.deepEqual(state(at), before)
  assert.deepEqual(await heard(at), [])
  const count = async () => (await owner.get(`${ws(at)}/mentions`)).body.items.length as number
  const known = await count()
  // What calls nobody may be written.
  for (const text of [
    '@here@', '`@channel`', 'a@channel', 'https://x.y/@here', '@chan\u200bnel', '＠channel', '@channels',
    '@\u2060here', '@cһannel',
  ]) {
    assert.equal((await guest.patch(`/api/messages/${id}`, { content: text })).status, 200, text)
    assert.equal(await count(), known, text)
  }
  await guest.patch(`/api/messages/${id}`, { content: 'but @owner by name' })
  assert.equal(await count(), known + 1)
  await owner.delete(`${ws(at)}/members/${guest.uuid}`)
})

abuse('S9 a storm of @channel and @here is one row or one for each who is there, and one mention each', async (at) => {
  const { owner, mallory, sharedId } = at
  const { mention_count: before } = (await unread(owner, at)).find(({ channel_id }) => channel_id === sharedId)!
  const call = '@channel @here @owner '.repeat(450)
  for (let n = 0; n < 50; n += 1) await made(mallory, messages(sharedId), { content: call })
  const mine = (await unread(owner, at)).find(({ channel_id }) => channel_id === sharedId)!
  assert.equal(mine.mention_count, before + 50)
  assert.equal((await unread(mallory, at)).find(({ channel_id }) => channel_id === sharedId)!.mention_count, 0)
  await heard(at)
})

async function unread(user: User, at: Stage): Promise<{ channel_id: string; mention_count: number }[]> {
  return (await user.get(`${ws(at)}/unread`)).body.items
}

abuse('a direct message reaches only who shares a workspace, and of guests only those put together', async (at) => {
  const { mallory, sharedId } = at
  const guest = await newcomer(at, 'walled', { role: 'guest', channel_ids: [sharedId] })
  const apart = await newcomer(at, 'apart')
  const open = (...user_ids: readonly string[]) => guest.post(`${ws(at)}/channels`, { type: 'dm', user_ids })
  await refusedAlike(at, [apart.uuid, at.root.uuid, NOBODY].map((id) => () => open(id)))
  // Nor is anybody taken along.
  checkError(await open(mallory.uuid, apart.uuid), 400, 'VALIDATION_ERROR')
  assert.equal((await open(mallory.uuid)).status, 201)
  // The same people again, in any order and number, are the same conversation.
  const ids = [[guest.uuid, mallory.uuid], [mallory.uuid, mallory.uuid], [mallory.uuid, guest.uuid, mallory.uuid]]
  const answers = await Promise.all(ids.map((user_ids) => open(...user_ids)))
  assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
  for (const user of [guest, apart]) await at.owner.delete(`${ws(at)}/members/${user.uuid}`)
})

abuse('A11 markup is text: it comes back as it went in, as JSON that no browser takes for a page', async (at) => {
  const payloads = [
    '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', 'javascript:alert(1)', '{{7*7}}',
    '"><svg/onload=alert(1)>', ']]>', '<!--', '\u2028</script>',
  ]
  for (const content of payloads) {
    const { id } = await made(at.mallory, messages(at.sharedId), { content })
    const frame = (await heard(at)).find(({ type }) => type === 'message.new')!
    assert.equal(frame.data['content'], content)
    const { headers, body } = await at.owner.get(`/api/messages/${id}`)
    assert.equal(body.content, content)
    assert.match(headers.get('content-type')!, /^application\/json/)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('content-security-policy')!, /default-src 'none'/)
  }
})

abuse('A7 what people write, call and search for is in no line of the log', async (at) => {
  const { owner, mallory, sharedId } = at
  const canary = 'zanzibarquince'
  const { token } = await made(owner, `${ws(at)}/invites`, {})
  await made(mallory, messages(sharedId), { content: `${canary} \n{"level":50,"msg":"forged"}` })
  await mallory.get(`${ws(at)}/search?q=${canary}`)
  await mallory.post(messages(sharedId), { content: canary, parent_message_id: NOBODY })
  await upload(mallory, at.workspaceId, canary, `${canary}.txt`)
  await mallory.post('/api/invites/accept', { token })
  await mallory.post('/api/invites/accept', { token: canary })
  const client = await enter(at)
  client.send(`{"type":"${canary}"}`)
  await expectError(client, 'VALIDATION_ERROR', 'type')
  await alive(client)
  const log = at.world.log.join('\n')
  for (const secret of [canary, token, at.mallory.token]) assert.ok(!log.includes(secret))
  const metrics = String((await at.world.request('GET', '/metrics')).body)
  for (const secret of [canary, token, at.mallory.uuid, at.workspaceId]) assert.ok(!metrics.includes(secret))
})
