import assert from 'node:assert/strict'
import { checkError } from '../../testing/hostile.ts'
import type { Answer, User } from '../../testing/world.ts'
import {
  abuse, alive, answerTo, enter, expectError, heard, knock, state, upload, type Stage,
} from './bad-input/testing.ts'
import { bringIn, drained, made } from './testing.ts'

/** Every limit from both sides: at it passes, over it is refused with the limit named and leaves no trace. */

const ws = (at: Stage): string => `/api/workspaces/${at.workspaceId}`
const path = (at: Stage): string => `/ws/${at.workspaceId}?token=${at.mallory.token}`
const messages = (channelId: string): string => `/api/channels/${channelId}/messages`
const typing = (at: Stage, is_typing = true) => ({ type: 'typing', channel_id: at.sharedId, is_typing })

/** Refused, with what is allowed in its words, without a trace. */
async function over(at: Stage, ask: () => Promise<Answer>, status: 400 | 409 | 413, says: RegExp): Promise<void> {
  await heard(at)
  const before = state(at)
  const answer = await ask()
  const code = { 400: 'VALIDATION_ERROR', 409: 'CONFLICT', 413: 'PAYLOAD_TOO_LARGE' }[status]
  const details = checkError(answer, status, code)
  assert.match(`${answer.body.error.message} ${Object.values(details).join(' ')}`, says)
  assert.deepEqual(state(at), before)
  assert.deepEqual(await heard(at), [])
}

const passes = async (ask: Promise<Answer>): Promise<Answer['body']> => {
  const { status, body } = await ask
  assert.ok(status === 200 || status === 201 || status === 204, JSON.stringify(body))
  return body
}

async function newcomers(at: Stage, name: string, count: number): Promise<User[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => at.world.user(`${name}${n}`)))
}

// W-L1: frames

abuse('W-L1 the third frame passes, the fourth waits: of this connection alone; pings are free', async (at) => {
  const [client, second] = [await enter(at), await enter(at)]
  for (let n = 0; n < 3; n += 1) client.send(typing(at, n % 2 === 0))
  await alive(client)
  client.send(typing(at))
  await expectError(client, 'RATE_LIMITED', /try again in 10 s$/)
  // A flooding sender is read a little slower.
  await at.world.advance(4_000)
  client.send(typing(at))
  await expectError(client, 'RATE_LIMITED', /try again in 6 s$/)
  await at.world.advance(100)
  await alive(client)
  second.send(typing(at, false))
  await alive(second)
  // Refused frames do not count: ten seconds after the first it is over.
  await at.world.advance(5_900)
  client.send(typing(at, false))
  await alive(client)
}, { config: { workspaceFrames: 3 } })

abuse('W-L1 S16 what one connection may not send, many of the same person may not either; others may', async (at) => {
  const clients = [await enter(at), await enter(at), await enter(at)]
  for (const client of clients) {
    for (let n = 0; n < 2; n += 1) client.send(typing(at, n === 0))
    await alive(client)
  }
  // Each has one left of its own, and together they have one.
  clients[0]!.send(typing(at))
  await alive(clients[0]!)
  for (const client of [...clients.slice(1), await enter(at)]) {
    client.send(typing(at))
    await expectError(client, 'RATE_LIMITED', /try again in 10 s$/)
  }
  at.control.send(typing(at))
  at.control.send(typing(at, false))
  await alive(at.control)
  await at.world.advance(10_001)
  clients[1]!.send(typing(at, false))
  await alive(clients[1]!)
}, { config: { workspaceFrames: 3, workspaceAccountFrames: 7 } })

abuse('W-L1 five pings in ten seconds are answered, the sixth is told to wait; frames go on', async (at) => {
  const client = knock(at, path(at))
  await client.opened()
  for (let n = 0; n < 5; n += 1) client.send({ type: 'ping' })
  for (let n = 0; n < 5; n += 1) assert.equal((await answerTo(client)).type, 'pong')
  client.send({ type: 'ping' })
  await expectError(client, 'RATE_LIMITED', /try again in 10 s$/)
  await at.world.advance(100)
  client.send('{')
  await expectError(client, 'VALIDATION_ERROR', 'frame')
  await at.world.advance(10_000)
  client.send({ type: 'ping' })
  assert.equal((await answerTo(client)).type, 'pong')
}, { config: { workspacePings: 5 } })

abuse('W-L1 a frame of 256 bytes passes, one of 257 does not, however few characters it has', async (at) => {
  const client = await enter(at)
  const ping = (bytes: number, filler: string): string => {
    const text = (count: number) => JSON.stringify({ type: 'ping', a: filler.repeat(count) })
    const rest = bytes - Buffer.byteLength(text(0))
    assert.equal(rest % Buffer.byteLength(filler), 0)
    return text(rest / Buffer.byteLength(filler))
  }
  for (const filler of ['x', 'ü', '😀']) {
    const empty = Buffer.byteLength(JSON.stringify({ type: 'ping', a: '' }))
    const size = Buffer.byteLength(filler)
    const fits = 256 - ((256 - empty) % size)
    client.send(ping(fits, filler))
    assert.equal((await answerTo(client)).type, 'pong')
    client.send(ping(fits + size, filler))
    await expectError(client, 'VALIDATION_ERROR', /frame must not be over 256 bytes$/)
  }
}, { config: { workspaceMaxFrameBytes: 256 } })

abuse('a person has so many connections; the next is closed with 4429, and one that goes makes room', async (at) => {
  const first = await enter(at)
  for (let n = 0; n < 2; n += 1) await enter(at)
  const fourth = knock(at, path(at))
  await fourth.expectClose(4429)
  await first.close()
  await enter(at)
}, { config: { maxConnectionsPerAccount: 3 } })

abuse('W-L1 who is over the limit now and then, not in a flood, is never cut', async (at) => {
  const client = await enter(at)
  for (let n = 0; n < 15; n += 1) {
    client.send(typing(at))
    client.send(typing(at))
    await expectError(client, 'RATE_LIMITED', /try again in/)
    await at.world.advance(10_001)
    await alive(client)
  }
}, {
  config: { workspaceFrames: 1, pongWaitMs: 86_400_000 },
})

abuse('W-L1 where frames have no limit, one ping too many is still only told to wait', async (at) => {
  const client = knock(at, path(at))
  await client.opened()
  for (let n = 0; n < 6; n += 1) client.send({ type: 'ping' })
  const answers: string[] = []
  for (let n = 0; n < 6; n += 1) answers.push((await answerTo(client)).type)
  // What is refused is refused at once; the others are answered in turn.
  assert.deepEqual(answers.toSorted(), ['error', 'pong', 'pong', 'pong', 'pong', 'pong'])
  assert.equal(client.closed, undefined)
}, {
  config: { workspaceFrames: 0, workspacePings: 5 },
})

// W-L2: writes

abuse('W-L2 the ninth write in a minute is 429 with retry_after, whatever it is; reading goes on', async (at) => {
  const writer = await at.world.user('writer')
  for (let n = 0; n < 8; n += 1) checkError(await writer.post('/api/workspaces', {}), 400, 'VALIDATION_ERROR')
  const login = { username: 'writer', password: 'writer-password' }
  const { access_token } = (await at.world.request('POST', '/api/auth/login', login)).body
  const asks = [
    () => writer.post('/api/workspaces', { name: 'W' }),
    () => writer.patch(ws(at), { name: 'W' }),
    () => writer.put(`${ws(at)}/presence`, { status: 'away' }),
    () => writer.delete(ws(at)),
    () => upload(writer, at.workspaceId, 'x', 'x.txt'),
    () => at.world.request('POST', '/api/workspaces', { name: 'W' }, { authorization: `Bearer ${access_token}` }),
  ]
  await at.world.advance(20_000)
  const before = state(at)
  for (const ask of asks) {
    const answer = await ask()
    checkError(answer, 429, 'RATE_LIMITED')
    assert.equal(answer.body.error.retry_after, 40)
    assert.equal(answer.headers.get('retry-after'), '40')
  }
  assert.deepEqual(state(at), before)
  for (let n = 0; n < 20; n += 1) await passes(writer.get('/api/workspaces'))
  await passes(at.mallory.post(messages(at.sharedId), { content: 'others' }))
  await at.world.advance(40_001)
  await passes(writer.post('/api/workspaces', { name: 'W' }))
}, { config: { workspaceWritesPerMinute: 8, pongWaitMs: 86_400_000 } })

// W-L3: how much of everything

abuse('W-L3 characters of a message are code points: sending, replying, editing', async (at) => {
  const { mallory, sharedId } = at
  const { id } = await passes(mallory.post(messages(sharedId), { content: 'x'.repeat(20) }))
  await passes(mallory.patch(`/api/messages/${id}`, { content: '😀'.repeat(20) }))
  await passes(mallory.post(`/api/messages/${id}/replies`, { content: 'é'.repeat(20) }))
  for (const content of ['x'.repeat(21), '😀'.repeat(21), 'e\u0301'.repeat(11), ' '.repeat(21)]) {
    for (const ask of [
      () => mallory.post(messages(sharedId), { content }),
      () => mallory.patch(`/api/messages/${id}`, { content }),
      () => mallory.post(`/api/messages/${id}/replies`, { content }),
    ]) await over(at, ask, 400, /\b20 characters/)
  }
}, { config: { workspaceMessageCharacters: 20 } })

abuse('W-L3 files: bytes of one, number in a message, number unsent', async (at) => {
  const { mallory, sharedId } = at
  const ids: string[] = []
  for (const size of [1_000, 1, 0]) {
    ids.push((await passes(upload(mallory, at.workspaceId, new Uint8Array(size), 'x.bin'))).id)
  }
  await over(at, () => upload(mallory, at.workspaceId, 'x', 'x.txt'), 409, /\b3 uploads/)
  await over(at, () => mallory.post(messages(sharedId), { attachment_ids: ids }), 400, /\b2 items/)
  await passes(mallory.post(messages(sharedId), { attachment_ids: ids.slice(0, 2) }))
  const large = await upload(mallory, at.workspaceId, new Uint8Array(1_001), 'x.bin')
  checkError(large, 413, 'PAYLOAD_TOO_LARGE')
  assert.match(large.body.error.message, /\b1000 bytes/)
  await passes(upload(mallory, at.workspaceId, 'x', 'x.txt'))
  await passes(upload(mallory, at.workspaceId, 'x', 'x.txt'))
}, { config: { workspaceAttachmentBytes: 1_000, workspaceAttachmentsPerMessage: 2, workspaceUnsentUploads: 3 } })

abuse('W-L3 S9 a reaction bomb: emoji of a message, reactions on it, by one or by many at once', async (at) => {
  const { mallory, owner, sharedId } = at
  const { id } = await made(owner, messages(sharedId), { content: 'react' })
  const reactions = `/api/messages/${id}/reactions`
  for (const emoji of ['👍', '❤️', '🎉']) await passes(mallory.post(reactions, { emoji }))
  await over(at, () => mallory.post(reactions, { emoji: '👀' }), 409, /\b3 different emoji/)
  // The same again is none more, in whatever form.
  await passes(mallory.post(reactions, { emoji: '❤' }))
  await passes(owner.post(reactions, { emoji: '👍' }))
  await over(at, () => owner.post(reactions, { emoji: '🎉' }), 409, /\b4 reactions/)
  await passes(mallory.delete(`${reactions}/${encodeURIComponent('🎉')}`))
  const answers = await Promise.all(['🎉', '👀', '🚀', '🔥', '✅', '🙏'].map((emoji) => owner.post(reactions, { emoji })))
  assert.deepEqual(answers.map(({ status }) => status).filter((status) => status !== 409), [200])
  assert.equal((await owner.get(`/api/messages/${id}`)).body.reactions.length, 4)
}, { config: { workspaceEmojiPerMessage: 3, workspaceReactionsPerMessage: 4 } })

abuse('W-L3 people a message calls by name: sending and editing; the same one twice is one', async (at) => {
  const { mallory, owner, sharedId } = at
  const people = await newcomers(at, 'called', 3)
  for (const user of people) await bringIn(owner, at.workspaceId, user, { channel_ids: [sharedId] })
  const two = '@called0 @called1 @called0 @called1. @nobody @stranger'
  const { id } = await passes(mallory.post(messages(sharedId), { content: two }))
  const content = `${two} @called2`
  await over(at, () => mallory.post(messages(sharedId), { content }), 400, /\b2 people/)
  await over(at, () => mallory.patch(`/api/messages/${id}`, { content }), 400, /\b2 people/)
  await passes(mallory.patch(`/api/messages/${id}`, { content: `${two} \`@called2\` @channel` }))
}, { config: { workspaceMentionsPerMessage: 2 } })

abuse('W-L3 S9 a pin bomb: pins of a channel, one after the other or at once', async (at) => {
  const { mallory, sharedId } = at
  const ids: string[] = []
  for (let n = 0; n < 8; n += 1) ids.push((await made(mallory, messages(sharedId), { content: `m${n}` })).id)
  const answers = await Promise.all(ids.slice(1).map((id) => mallory.post(`/api/messages/${id}/pin`)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 2)
  await over(at, () => mallory.post(`/api/messages/${ids[0]}/pin`), 409, /\b2 messages/)
  const pinned = (await mallory.get(`/api/channels/${sharedId}/pins`)).body.items as { message: { id: string } }[]
  await passes(mallory.post(`/api/messages/${pinned[0]!.message.id}/pin`))
  await passes(mallory.delete(`/api/messages/${pinned[0]!.message.id}/pin`))
  await passes(mallory.post(`/api/messages/${ids[0]}/pin`))
}, { config: { workspacePinsPerChannel: 2 } })

abuse('W-L3 S9 a channel bomb: channels of a workspace, direct messages not among them', async (at) => {
  const { mallory, owner } = at
  // general, shared and secret are there.
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, n) => {
      return mallory.post(`${ws(at)}/channels`, { name: `bomb${n}`, type: n % 2 ? 'private' : 'public' })
    }),
  )
  const taken = answers.filter(({ status }) => status === 201)
  assert.equal(taken.length, 2)
  await over(at, () => owner.post(`${ws(at)}/channels`, { name: 'more' }), 409, /\b5 channels/)
  await passes(mallory.post(`${ws(at)}/channels`, { type: 'dm', user_ids: [owner.uuid] }))
  await passes(mallory.delete(`/api/channels/${taken[0]!.body.id}`))
  await passes(owner.post(`${ws(at)}/channels`, { name: 'more' }))
}, { config: { workspaceChannels: 5 } })

abuse('W-L3 members of a workspace, also when the last place is raced for; who is in is not refused', async (at) => {
  const people = await newcomers(at, 'member', 6)
  const { token } = await made(at.owner, `${ws(at)}/invites`, {})
  const answers = await Promise.all(people.map((user) => user.post('/api/invites/accept', { token })))
  assert.equal(answers.filter(({ status }) => status === 201).length, 2)
  const outside = people.filter((_, n) => answers[n]!.status !== 201)
  await over(at, () => outside[0]!.post('/api/invites/accept', { token }), 409, /full/)
  await passes(at.mallory.post('/api/invites/accept', { token }))
  const inside = people.find((_, n) => answers[n]!.status === 201)!
  await passes(at.owner.delete(`${ws(at)}/members/${inside.uuid}`))
  await passes(outside[0]!.post('/api/invites/accept', { token }))
}, { config: { workspaceMembers: 4 } })

abuse('W-L3 workspaces of an account, made one after the other or at once', async (at) => {
  const { mallory } = at
  const names = Array.from({ length: 6 }, (_, n) => `W${n}`)
  const answers = await Promise.all(names.map((name) => mallory.post('/api/workspaces', { name })))
  const taken = answers.filter(({ status }) => status === 201)
  assert.equal(taken.length, 2)
  await over(at, () => mallory.post('/api/workspaces', { name: 'more' }), 409, /\b2 workspaces/)
  await passes(mallory.delete(`/api/workspaces/${taken[0]!.body.id}`))
  await passes(mallory.post('/api/workspaces', { name: 'more' }))
}, { config: { workspacesPerAccount: 2 } })

abuse('W-L3 open invitations of a workspace; what is used up, revoked or expired makes room', async (at) => {
  const { owner, world } = at
  const ask = (invite: object = {}) => owner.post(`${ws(at)}/invites`, invite)
  // The one that Mallory came by is open.
  const first = await passes(ask({ max_uses: 1 }))
  const second = await passes(ask())
  await passes(ask({ expires_in: 60 }))
  await over(at, () => ask(), 409, /\b4 open invitations/)
  await passes((await world.user('taker')).post('/api/invites/accept', { token: first.token }))
  await passes(ask())
  await over(at, () => ask(), 409, /\b4 open invitations/)
  await passes(owner.delete(`${ws(at)}/invites/${second.id}`))
  await passes(ask())
  await over(at, () => ask(), 409, /\b4 open invitations/)
  await world.advance(60_001)
  await passes(ask())
}, { config: { workspaceInvites: 4, pongWaitMs: 86_400_000 } })

abuse('W-L3 people of a direct message, the one who opens it among them', async (at) => {
  const { mallory, owner } = at
  const people = await newcomers(at, 'talker', 3)
  for (const user of people) await bringIn(owner, at.workspaceId, user)
  const open = (...users: readonly User[]) => {
    const user_ids = users.map(({ uuid }) => uuid)
    return mallory.post(`${ws(at)}/channels`, { type: 'dm', user_ids })
  }
  await passes(open(people[0]!, people[1]!))
  await passes(open(people[0]!, people[1]!, mallory, people[0]!))
  await over(at, () => open(...people), 400, /\b2 besides yourself/)
}, { config: { workspaceDmPeople: 3 } })

abuse('W-L3 names have 80 characters, descriptions 1000', async (at) => {
  const { mallory, owner } = at
  const [whole, long] = ['n'.repeat(80), 'n'.repeat(81)]
  const longest = { name: '😀'.repeat(80), description: 'd'.repeat(1_000) }
  const channel = await passes(mallory.post(`${ws(at)}/channels`, longest))
  await passes(mallory.patch(`/api/channels/${channel.id}`, { name: whole }))
  await passes(owner.patch(ws(at), { name: whole }))
  await over(at, () => mallory.patch(`/api/channels/${channel.id}`, { name: long }), 400, /\b80 characters/)
  const described = { description: 'd'.repeat(1_001) }
  await over(at, () => mallory.patch(`/api/channels/${channel.id}`, described), 400, /\b1000 characters/)
  await over(at, () => owner.patch(ws(at), { name: long }), 400, /\b80 characters/)
  await over(at, () => mallory.post('/api/workspaces', { name: long }), 400, /\b80 characters/)
})

abuse('pages have at most 200 of anything, and nobody gets more by asking', async (at) => {
  const { mallory, sharedId } = at
  for (const list of [messages(sharedId), `${ws(at)}/channels`, `${ws(at)}/members`, `${ws(at)}/mentions`]) {
    await passes(mallory.get(`${list}?limit=200`))
    await over(at, () => mallory.get(`${list}?limit=201`), 400, /\b200\b/)
  }
  await drained(at.control)
})
