import assert from 'node:assert/strict'
import { checkError } from '../../testing/hostile.ts'
import type { User } from '../../testing/world.ts'
import { abuse, enter, heard, knock, NOBODY, refused, state, upload, type Stage } from './bad-input/testing.ts'
import { bringIn, drained, made } from './testing.ts'

/** Invitations that are guessed or raced for, people who are out or no longer what they were, commands sent again. */

const ws = (at: Stage): string => `/api/workspaces/${at.workspaceId}`
const messages = (channelId: string): string => `/api/channels/${channelId}/messages`

async function memberIds(at: Stage): Promise<string[]> {
  const { body } = await at.owner.get(`${ws(at)}/members?limit=200`)
  return (body.items as { user_id: string }[]).map(({ user_id }) => user_id)
}

async function people(at: Stage, name: string, count: number): Promise<User[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => at.world.user(`${name}${n}`)))
}

const out = async (at: Stage, ...users: readonly User[]): Promise<void> => {
  for (const user of users) await at.owner.delete(`${ws(at)}/members/${user.uuid}`)
}

// Invitations

abuse('an invitation is not guessed: 20 tries an hour, then RATE_LIMITED with when to try again', async (at) => {
  const guesser = await at.world.user('guesser')
  const other = await at.world.user('honest')
  const { token, id } = await made(at.owner, `${ws(at)}/invites`, {})
  const guesses = [
    id, token.slice(0, -1), `${token}x`, token.toUpperCase(), ` ${token}`, NOBODY, at.workspaceId, '%', "' or 1=1--",
    '\u0000',
  ]
  const answers = new Set<string>()
  for (let n = 0; n < 20; n += 1) {
    const answer = await guesser.post('/api/invites/accept', { token: guesses[n] ?? `guess-${n}` })
    checkError(answer, 404, 'NOT_FOUND')
    answers.add(JSON.stringify(answer.body))
  }
  assert.equal(answers.size, 1)
  // Now the right one does not pass either, and a burst was counted as it came.
  const answer = await guesser.post('/api/invites/accept', { token })
  checkError(answer, 429, 'RATE_LIMITED')
  assert.equal(answer.headers.get('retry-after'), '3600')
  assert.equal((await other.post('/api/invites/accept', { token })).status, 201)
  await at.world.advance(3_600_001)
  assert.equal((await guesser.post('/api/invites/accept', { token })).status, 201)
  await out(at, guesser, other)
}, { config: { pongWaitMs: 86_400_000 } })

abuse('A10 an invitation that is wrong, expired, revoked, used up or not theirs: nobody learns which', async (at) => {
  const { owner, world } = at
  const [taker, invited, spy] = await people(at, 'kind', 3) as [User, User, User]
  const link = async (invite: object): Promise<{ id: string; token: string }> =>
    made(owner, `${ws(at)}/invites`, invite)
  const used = await link({ max_uses: 1 })
  await made(taker, '/api/invites/accept', { token: used.token })
  const revoked = await link({})
  await owner.delete(`${ws(at)}/invites/${revoked.id}`)
  const expired = await link({ expires_in: 60 })
  await world.advance(60_001)
  const own = await link({ email: 'kind1@example.com' })
  const before = await memberIds(at)
  const answers = new Set<string>()
  for (const token of ['wrong', used.token, revoked.token, expired.token, own.id]) {
    const answer = await spy.post('/api/invites/accept', { token })
    checkError(answer, 404, 'NOT_FOUND')
    answers.add(JSON.stringify(answer.body))
  }
  for (const door of ['accept', 'decline']) {
    for (const id of [own.id, revoked.id, used.id, NOBODY, 'x']) {
      const answer = await spy.post(`/api/invites/${id}/${door}`)
      checkError(answer, 404, 'NOT_FOUND')
      answers.add(JSON.stringify(answer.body))
    }
  }
  assert.equal(answers.size, 1)
  assert.deepEqual((await spy.get('/api/invites')).body.items, [])
  assert.deepEqual(await memberIds(at), before)
  assert.equal((await invited.post(`/api/invites/${own.id}/accept`)).status, 201)
  await out(at, taker, invited)
}, { config: { pongWaitMs: 86_400_000 } })

abuse('A5 of twenty who take an invitation for one at once, one is in; twenty times it is used once', async (at) => {
  const crowd = await people(at, 'crowd', 20)
  const before = await memberIds(at)
  const { token } = await made(at.owner, `${ws(at)}/invites`, { max_uses: 1 })
  const answers = await Promise.all(crowd.map((user) => user.post('/api/invites/accept', { token })))
  assert.deepEqual(answers.map(({ status }) => status).filter((status) => status !== 404), [201])
  const after = await memberIds(at)
  assert.equal(after.length, before.length + 1)
  const { token: second } = await made(at.owner, `${ws(at)}/invites`, { max_uses: 2 })
  const [one, two] = crowd.filter(({ uuid }) => !after.includes(uuid)) as [User, User]
  const again = await Promise.all(Array.from({ length: 19 }, () => one.post('/api/invites/accept', { token: second })))
  assert.ok(again.every(({ status }) => status === 201))
  // The second use is still there.
  assert.equal((await two.post('/api/invites/accept', { token: second })).status, 201)
  assert.equal((await memberIds(at)).length, before.length + 3)
  await out(at, ...crowd)
})

abuse('W-P3 nobody gives themself, or by an invitation, more than they may give', async (at) => {
  const { owner, mallory, world } = at
  const admin = await world.user('climber')
  const helper = await world.user('helper')
  await bringIn(owner, at.workspaceId, admin, { role: 'admin' })
  const before = state(at)
  for (const role of ['owner', 'admin', 'member', 'guest']) {
    checkError(await mallory.patch(`${ws(at)}/members/me`, { role }), 403, 'UNAUTHORIZED')
    checkError(await mallory.patch(`${ws(at)}/members/${admin.uuid}`, { role }), 403, 'UNAUTHORIZED')
  }
  for (const role of ['owner', 'admin']) {
    checkError(await admin.patch(`${ws(at)}/members/${mallory.uuid}`, { role }), 403, 'UNAUTHORIZED')
    checkError(await admin.patch(`${ws(at)}/members/${owner.uuid}`, { role }), 403, 'UNAUTHORIZED')
  }
  checkError(await admin.delete(`${ws(at)}/members/${owner.uuid}`), 403, 'UNAUTHORIZED')
  checkError(await admin.post(`${ws(at)}/invites`, { role: 'admin' }), 403, 'UNAUTHORIZED')
  checkError(await owner.post(`${ws(at)}/invites`, { role: 'owner' }), 400, 'VALIDATION_ERROR')
  checkError(await mallory.post(`${ws(at)}/invites`, {}), 403, 'UNAUTHORIZED')
  assert.deepEqual(state(at), before)
  // What an admin gave out is worth nothing once they are none, and stays so.
  const { token } = await made(admin, `${ws(at)}/invites`, {})
  await owner.patch(`${ws(at)}/members/${admin.uuid}`, { role: 'member' })
  checkError(await helper.post('/api/invites/accept', { token }), 404, 'NOT_FOUND')
  await owner.patch(`${ws(at)}/members/${admin.uuid}`, { role: 'admin' })
  checkError(await helper.post('/api/invites/accept', { token }), 404, 'NOT_FOUND')
  await out(at, admin)
})

// Who is out, or less than before

abuse('W-E8 who is removed keeps nothing: connection, invitation, upload, conversation, position', async (at) => {
  const { owner, world, sharedId, workspaceId } = at
  const gone = await world.user('gone')
  const friend = await world.user('friend')
  await bringIn(owner, workspaceId, gone, { role: 'admin', channel_ids: [sharedId] })
  const client = await enter(at, gone, '&since=now')
  const other = await enter(at, gone)
  const { id: mine } = await made(gone, messages(sharedId), { content: 'mine' })
  const { position } = (await drained(client)).findLast(({ type }) => type === 'message.new')!
  const { token } = await made(gone, `${ws(at)}/invites`, {})
  const file = (await upload(gone, workspaceId, 'unsent', 'a.txt')).body.id
  const sent = (await upload(gone, workspaceId, 'sent', 'b.txt')).body.id
  await made(gone, messages(sharedId), { attachment_ids: [sent] })
  const { id: dm } = await made(gone, `${ws(at)}/channels`, { type: 'dm', user_ids: [owner.uuid] })
  for (const one of [client, other]) await drained(one)
  client.send({ type: 'typing', channel_id: sharedId, is_typing: true })
  await drained(client)
  assert.equal((await owner.delete(`${ws(at)}/members/${gone.uuid}`)).status, 204)
  for (const one of [client, other]) {
    await one.expectClose(4403)
    assert.equal(one.frames.at(-1)!.data['code'], 'UNAUTHORIZED')
    // Its own going is all that may come before.
    assert.ok(one.frames.every(({ type }) => /^(member\.left|channel\.deleted|error|presence\.updated)$/.test(type)))
  }
  await made(owner, messages(sharedId), { content: 'behind their back' })
  for (const query of ['', '&since=now', `&since=${position}`]) {
    await refused(knock(at, `/ws/${workspaceId}?token=${gone.token}${query}`), 'UNAUTHORIZED', 4403)
  }
  checkError(await friend.post('/api/invites/accept', { token }), 404, 'NOT_FOUND')
  for (const path of [
    ws(at), `${ws(at)}/channels`, `${ws(at)}/members`, `${ws(at)}/search?q=mine`, `${ws(at)}/unread`,
    `${ws(at)}/presence`, `/api/channels/${sharedId}`, messages(sharedId), messages(dm), `/api/messages/${mine}`,
    `/api/attachments/${file}`, `/api/attachments/${sent}`,
  ]) checkError(await gone.get(path), 404, 'NOT_FOUND')
  const before = state(at)
  checkError(await gone.post(messages(sharedId), { content: 'x', attachment_ids: [file] }), 404, 'NOT_FOUND')
  checkError(await gone.patch(`/api/messages/${mine}`, { content: 'x' }), 404, 'NOT_FOUND')
  checkError(await gone.delete(`/api/messages/${mine}`), 404, 'NOT_FOUND')
  checkError(await upload(gone, workspaceId, 'x', 'x.txt'), 404, 'NOT_FOUND')
  assert.deepEqual(state(at), before)
  assert.deepEqual((await gone.get('/api/workspaces')).body.items, [])
  // Back again, an old position gives nothing of what was said in between.
  await bringIn(owner, workspaceId, gone, { channel_ids: [sharedId] })
  const back = knock(at, `/ws/${workspaceId}?token=${gone.token}&since=${position}`)
  await back.opened()
  assert.doesNotMatch(JSON.stringify(await drained(back)), /behind their back/)
  await out(at, gone)
  await heard(at)
})

abuse('A5 a kick in the middle of a stream: not one message more after its answer', async (at) => {
  const { owner, mallory, sharedId } = at
  const client = await enter(at)
  let streaming = true
  const sent: string[] = []
  const stream = (async () => {
    for (let n = 0; streaming && n < 500; n += 1) {
      sent.push((await made(owner, messages(sharedId), { content: `m${n}` })).id)
    }
  })()
  while (sent.length < 30) await new Promise((turn) => setImmediate(turn))
  assert.equal((await owner.delete(`/api/channels/${sharedId}/members/${mallory.uuid}`)).status, 204)
  const told = sent.length
  while (sent.length < told + 30) await new Promise((turn) => setImmediate(turn))
  streaming = false
  await stream
  const frames = await drained(client)
  const left = frames.findIndex(({ type, data }) => type === 'member.left' && data['user_id'] === mallory.uuid)
  assert.ok(left > 0)
  assert.deepEqual(frames.slice(left + 1).filter(({ type }) => type !== 'presence.updated'), [])
  const got = frames.filter(({ type }) => type === 'message.new').map(({ data }) => data['id'])
  // In order and without a gap, up to the kick.
  assert.deepEqual(got, sent.slice(0, got.length))
  assert.ok(got.length <= told + 1)
  await made(owner, `/api/channels/${sharedId}/members`, { user_id: mallory.uuid })
  await heard(at)
})

abuse('W-E5 who was made a guest while away is given the end of what they lost, and nothing else of it', async (at) => {
  const { owner, world, sharedId, workspaceId } = at
  const person = await world.user('lessened')
  await bringIn(owner, workspaceId, person, { channel_ids: [sharedId] })
  const { id: open } = await made(owner, `${ws(at)}/channels`, { name: 'plans' })
  await made(person, `/api/channels/${open}/members`, {})
  const client = await enter(at, person, '&since=now')
  await made(owner, messages(open), { content: 'while they were there' })
  const { position } = (await drained(client)).findLast(({ type }) => type === 'message.new')!
  await client.close()
  await made(owner, messages(open), { content: 'before the demotion' })
  const { id: later } = await made(owner, `${ws(at)}/channels`, { name: 'made later' })
  await owner.delete(`/api/channels/${open}/members/${person.uuid}`)
  await owner.patch(`${ws(at)}/members/${person.uuid}`, { role: 'guest' })
  await owner.patch(`/api/channels/${open}`, { description: 'after the demotion' })
  await made(owner, messages(open), { content: 'after the demotion' })
  await made(owner, messages(sharedId), { content: 'still theirs' })
  const back = knock(at, `/ws/${workspaceId}?token=${person.token}&since=${position}`)
  await back.opened()
  const frames = await drained(back)
  const text = JSON.stringify(frames)
  assert.doesNotMatch(text, /demotion|made later/)
  assert.match(text, /still theirs/)
  const named = frames.filter(({ type }) => type.startsWith('channel.'))
  assert.ok(named.every(({ type, data }) => type === 'channel.deleted' || data['id'] === sharedId), text)
  assert.ok(!frames.some(({ type, data }) => type === 'channel.created' && data['id'] !== sharedId))
  await out(at, person)
  for (const id of [open, later]) await owner.delete(`/api/channels/${id}`)
  await heard(at)
})

// The same command again

abuse("an Idempotency-Key is its sender's: the same of another person is another command", async (at) => {
  const { owner, mallory, sharedId, foreign } = at
  const key = { 'idempotency-key': 'same' }
  const answers = await Promise.all([
    owner.post(messages(sharedId), { content: 'of the owner' }, key),
    mallory.post(messages(sharedId), { content: 'of mallory' }, key),
    foreign.user.post(messages(foreign.channelId), { content: 'of somebody' }, key),
  ])
  assert.deepEqual(answers.map(({ body }) => body.content), ['of the owner', 'of mallory', 'of somebody'])
  const again = await mallory.post(messages(sharedId), { content: 'another text' }, key)
  assert.equal(again.body.id, answers[1].body.id)
  // A client id that looks like what is stored is not it.
  const first = await made(mallory, messages(sharedId), { content: 'first', client_id: 'c-1' })
  const stored = { 'idempotency-key': `message:${sharedId}:c-2` }
  const copy = await mallory.post(messages(sharedId), { content: 'second' }, stored)
  assert.notEqual(copy.body.id, first.id)
  await heard(at)
})

abuse('one Idempotency-Key for two different commands is not answered with the other one', async (at) => {
  const { mallory, sharedId } = at
  const key = { 'idempotency-key': 'for-two' }
  await mallory.post(messages(sharedId), { content: 'a message' }, key)
  const answer = await mallory.post('/api/workspaces', { name: 'A workspace' }, key)
  assert.ok(answer.status === 201 || (answer.status >= 400 && answer.status < 500), JSON.stringify(answer.body))
  if (answer.status === 201) assert.equal(answer.body.name, 'A workspace')
})
