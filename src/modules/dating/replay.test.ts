import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { User } from '../../testing/world.ts'
import {
  checkFrame,
  connect,
  drained,
  expectEvents,
  join,
  match,
  ok,
  open,
  readAll,
  say,
  scene,
  send,
  type DatingFrame,
  type Scene,
} from './testing.ts'

/** What a device is told that was away: what it missed and may see now, once, and never what is gone. */

const patient = { config: { accessTokenMs: 1e9, pongWaitMs: 1e9 } }
const CANARY = 'canary-of-what-is-secret'

/** Coming and going is told to who comes, whether they missed anything or not. */
const presence = new Set(['user:online', 'user:offline'])

const positionOf = async (user: User): Promise<string> =>
  (await ok(user.get('/api/dating/conversations'))).position as string

/** All that a device which comes back is told before it is live, but for the greeting and who is there. */
async function replayed({ world }: Scene, user: User, since: string, query = ''): Promise<DatingFrame[]> {
  const client = open(world, user, `?since=${since}${query}`)
  await client.expect('connection:established')
  const frames = (await drained(client)).filter(({ event }) => !presence.has(event))
  await client.close()
  for (const frame of frames) {
    // What waits for who cannot resume is no event.
    const snapshot = frame.event === 'conversation:unread' && frames.some(({ event }) => event === 'resync')
    const keys = ['event', 'data', 'timestamp']
    assert.deepEqual(Object.keys(frame), snapshot ? keys : [...keys, 'position'])
    if (frame.event !== 'resync') checkFrame(frame)
  }
  return frames
}

interface Told {
  readonly message?: { readonly content: string }
  readonly last_message?: { readonly content: string }
  readonly message_id?: string
}

const told = (frames: readonly DatingFrame[]): string[] =>
  frames.map(({ event, data }) => {
    const { message, last_message, message_id } = data as unknown as Told
    return [event, message?.content ?? last_message?.content ?? message_id].join(' ').trim()
  })

const pathOf = (conversation: string): string => `/api/dating/conversations/${conversation}`
const read = (user: User, conversation: string, message_id: string) =>
  ok(user.post(`${pathOf(conversation)}/read`, { message_id }))

test('not joined, what was missed comes as conversation:unread, with its count and the last message', async () => {
  await using at = await scene(patient)
  const since = await positionOf(at.ben)
  for (const content of ['one', 'two', 'three']) await say(at.ana, at.conversationId, content)
  const frames = await replayed(at, at.ben, since)
  assert.deepEqual(
    told(frames),
    ['one', 'two', 'three'].map((content) => `conversation:unread ${content}`),
  )
  assert.deepEqual(
    frames.map(({ data }) => data['unread_count']),
    [1, 2, 3],
  )
  const { unread_count, last_message } = await ok(at.ben.get(pathOf(at.conversationId)))
  assert.deepEqual(frames.at(-1)!.data, { conversation_id: at.conversationId, unread_count, last_message })
  // From where it is now there is nothing more.
  assert.deepEqual(await replayed(at, at.ben, frames.at(-1)!.position!), [])
})

test('what was missed comes as message:new where the client says that it had joined, all or by their ids', async () => {
  await using at = await scene(patient)
  const other = await match(at.ben, at.cleo)
  for (const user of [at.ben, at.cleo]) await readAll(user, other)
  const since = await positionOf(at.ben)
  await say(at.ana, at.conversationId, 'from ana')
  await say(at.cleo, other, 'from cleo')
  const unknown = '00000000-0000-4000-8000-000000000000'
  for (const [query, expected] of [
    ['&join=all', ['message:new from ana', 'message:new from cleo']],
    [`&join=${at.conversationId}`, ['message:new from ana', 'conversation:unread from cleo']],
    [`&join=${unknown},${other},%00`, ['conversation:unread from ana', 'message:new from cleo']],
    ['&join=', ['conversation:unread from ana', 'conversation:unread from cleo']],
  ] as const) {
    assert.deepEqual(told(await replayed(at, at.ben, since, query)), expected, query)
  }
  // Whoever names a conversation of others is told nothing of it.
  assert.deepEqual(await replayed(at, at.cleo, await positionOf(at.cleo), `&join=${at.conversationId}`), [])
  const back = open(at.world, at.cleo, `?since=now&join=${at.conversationId}`)
  await back.expect('connection:established')
  await drained(back)
  await say(at.ana, at.conversationId, 'not for cleo')
  assert.deepEqual(await drained(back), [])
})

test('who comes back with a conversation joined is in it: what comes next is message:new', async () => {
  await using at = await scene(patient)
  const ana = await connect(at.world, at.ana)
  const ben = await connect(at.world, at.ben, `?since=${await positionOf(at.ben)}&join=all`)
  await drained(ana)
  const message = { conversation_id: at.conversationId, content: 'hi', type: 'text' }
  await expectEvents({ ana, ben }, () => send(ana, 'message:send', message), {
    ana: ['message:new', 'message:delivered'],
    ben: ['message:new'],
  })
})

test('receipts that were missed come in their order; a message that was missed is delivered once it has come', async () => {
  await using at = await scene(patient)
  const since = await positionOf(at.ana)
  const bens = await positionOf(at.ben)
  const { id } = await say(at.ana, at.conversationId, 'hello')
  assert.deepEqual(told(await replayed(at, at.ana, since)), ['message:new hello'])
  const ana = await connect(at.world, at.ana)
  const phone = open(at.world, at.ben, `?since=${bens}`)
  await phone.expect('connection:established')
  await phone.expect('conversation:unread')
  await ana.expect('user:online')
  await ana.expect('message:delivered', { message_id: id })
  await phone.close()
  await read(at.ben, at.conversationId, id)
  const expected = ['message:new hello', `message:delivered ${id}`, `message:viewed ${id}`]
  assert.deepEqual(told(await replayed(at, at.ana, since)), expected)
  // The other devices of the reader learn that it is read, and nothing of its delivery.
  assert.deepEqual(told(await replayed(at, at.ben, bens)), ['conversation:unread hello', `message:viewed ${id}`])
})

test('that everything up to a message was read is still told when that message has been deleted', async () => {
  await using at = await scene(patient)
  const since = await positionOf(at.ana)
  const one = await say(at.ana, at.conversationId, 'one')
  const two = await say(at.ana, at.conversationId, CANARY)
  await read(at.ben, at.conversationId, two.id)
  await ok(at.ana.delete(`/api/dating/messages/${two.id}`))
  const frames = await replayed(at, at.ana, since)
  assert.deepEqual(told(frames), [
    'message:new one',
    `message:delivered ${one.id}`,
    `message:viewed ${two.id}`,
    `message:deleted ${two.id}`,
  ])
})

test('D-E4 of a deleted message only its deletion comes, to either side, joined or not', async () => {
  await using at = await scene(patient)
  const [anas, bens] = [await positionOf(at.ana), await positionOf(at.ben)]
  await connect(at.world, at.ben)
  const gone = await say(at.ana, at.conversationId, CANARY, { metadata: { note: CANARY } })
  await say(at.ana, at.conversationId, 'stays')
  await ok(at.ben.delete(`/api/dating/messages/${gone.id}`))
  for (const query of ['', '&join=all']) {
    const name = query === '' ? 'conversation:unread' : 'message:new'
    const theirs = await replayed(at, at.ben, bens, query)
    assert.deepEqual(told(theirs), [`${name} stays`, `message:deleted ${gone.id}`])
    const own = (await replayed(at, at.ana, anas, query)).filter(({ event }) => event !== 'message:delivered')
    assert.deepEqual(told(own), ['message:new stays', `message:deleted ${gone.id}`])
    assert.ok(!JSON.stringify([theirs, own]).includes(CANARY))
  }
})

/** Everything there is to tell of a conversation, in both directions. */
async function talk(at: Scene): Promise<void> {
  const one = await say(at.ana, at.conversationId, `${CANARY} 1`)
  const two = await say(at.ben, at.conversationId, `${CANARY} 2`)
  await read(at.ben, at.conversationId, one.id)
  await read(at.ana, at.conversationId, two.id)
  await say(at.ana, at.conversationId, `${CANARY} 3`)
  await ok(at.ana.delete(`/api/dating/messages/${two.id}`))
}

for (const [what, part] of [
  ['blocked', (at: Scene) => at.ana.post('/api/dating/blocks', { user_id: at.ben.uuid })],
  ['unmatched', (at: Scene) => at.ana.delete(pathOf(at.conversationId))],
] as const) {
  test(`${what}: no message, receipt, deletion or count of before comes to either, also after a new match`, async () => {
    await using at = await scene(patient)
    const other = await match(at.ben, at.cleo)
    const since = { ana: await positionOf(at.ana), ben: await positionOf(at.ben) }
    await talk(at)
    await ok(part(at))
    await say(at.cleo, other, 'from cleo')
    for (const query of ['', '&join=all', `&join=${at.conversationId}`]) {
      assert.deepEqual(told(await replayed(at, at.ana, since.ana, query)), [])
      const event = query === '&join=all' ? 'message:new' : 'conversation:unread'
      assert.deepEqual(told(await replayed(at, at.ben, since.ben, query)), [`${event} from cleo`])
    }
    // Who begins anew is told of nothing that waits there, either.
    for (const user of [at.ana, at.ben]) {
      const fresh = open(at.world, user)
      await fresh.opened()
      const frames = await drained(fresh)
      assert.ok(!JSON.stringify(frames).includes(at.conversationId), JSON.stringify(frames))
    }
    await at.ana.delete(`/api/dating/blocks/${at.ben.uuid}`)
    const again = await match(at.ana, at.ben)
    assert.notEqual(again, at.conversationId)
    for (const person of ['ana', 'ben'] as const) {
      const frames = await replayed(at, at[person], since[person])
      const text = JSON.stringify(frames)
      assert.ok(!text.includes(CANARY) && !text.includes(at.conversationId), text)
      assert.ok(told(frames).some((line) => line.startsWith('conversation:unread') && line.includes('match')))
    }
  })
}

test('who does not ask sees the documented frames alone; who does sees one key more, but on signals', async () => {
  await using at = await scene(patient)
  const plain = await connect(at.world, at.ben)
  const asking = open(at.world, at.ben, '?since=now')
  const greeting = (await asking.next()) as unknown as DatingFrame
  assert.deepEqual(Object.keys(greeting), ['event', 'data', 'timestamp', 'position'])
  await drained(asking)
  const ana = await connect(at.world, at.ana)
  for (const client of [plain, asking]) await client.expect('user:online')
  for (const client of [plain, asking]) await join(client, at.conversationId)
  await drained(plain)
  await say(at.ana, at.conversationId, 'hi')
  const [one, other] = [await plain.next(), await asking.next()] as unknown as DatingFrame[]
  assert.deepEqual(Object.keys(one!), ['event', 'data', 'timestamp'])
  const { position, ...rest } = other!
  assert.deepEqual(rest, one)
  assert.ok(position !== undefined && position > greeting.position!)
  send(ana, 'typing:start', { conversation_id: at.conversationId })
  for (const client of [plain, asking]) {
    const frame = (await client.next()) as unknown as DatingFrame
    assert.deepEqual([frame.event, Object.keys(frame)], ['typing:indicator', ['event', 'data', 'timestamp']])
  }
})

for (const [what, spoil] of [
  ['of another epoch', (position: string) => `abcdefgh.${position.split('.')[1]}`],
  ['from the future', (position: string) => `${position}zz`],
  ['that is none', () => '%00nonsense%F0%9F%92%A9'],
  ['that is empty', () => ''],
] as const) {
  test(`a position ${what}: one resync with a fresh position, and life goes on from there`, async () => {
    await using at = await scene(patient)
    await say(at.ana, at.conversationId, 'not repeated')
    const frames = await replayed(at, at.ben, spoil(await positionOf(at.ben)))
    // What waits for them is told as to anybody who comes.
    assert.deepEqual(told(frames.slice(0, 1)), ['conversation:unread not repeated'])
    assert.deepEqual(
      frames.slice(1).map(({ event, data }) => [event, data]),
      [['resync', {}]],
    )
    await say(at.ana, at.conversationId, 'after it')
    assert.deepEqual(told(await replayed(at, at.ben, frames[1]!.position!)), ['conversation:unread after it'])
  })
}

test('a position older than the log: one resync, never a part', async () => {
  await using at = await scene({ config: { ...patient.config, eventRetentionMs: 60_000 } })
  const since = await positionOf(at.ben)
  for (const content of ['one', 'two']) await say(at.ana, at.conversationId, content)
  await at.world.advance(2 * 60 * 60_000)
  await say(at.ana, at.conversationId, 'new')
  assert.deepEqual(told(await replayed(at, at.ben, since)), ['resync'])
})

test('erased: nothing of the person comes to who had talked to them, and nothing of before to themself', async () => {
  await using at = await scene(patient)
  const since = { ana: await positionOf(at.ana), ben: await positionOf(at.ben) }
  await talk(at)
  const gone = await at.world.request(
    'DELETE',
    '/api/dating/account',
    { username: 'ana' },
    {
      authorization: `Bearer ${at.ana.token}`,
    },
  )
  assert.ok(gone.status < 300, JSON.stringify(gone.body))
  for (const query of ['', '&join=all', `&join=${at.conversationId}`]) {
    const frames = await replayed(at, at.ben, since.ben, query)
    const text = JSON.stringify(frames)
    assert.ok(!text.includes(CANARY) && !text.includes(at.ana.uuid) && !text.includes(at.conversationId), text)
    assert.ok(!JSON.stringify(await replayed(at, at.ana, since.ana, query)).includes(CANARY))
  }
})
