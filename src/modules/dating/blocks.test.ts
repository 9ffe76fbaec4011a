import assert from 'node:assert/strict'
import { join as pathOf } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { pages } from '../../testing/pages.ts'
import { seeded } from '../../testing/random.ts'
import type { User, World } from '../../testing/world.ts'
import { homeRoom, joinedRoom } from './rooms.ts'
import {
  connect,
  drained,
  expectEvents,
  join,
  match,
  ok,
  open,
  refused,
  say,
  scene,
  send,
  type Scene,
} from './testing.ts'

const BLOCKS = '/api/dating/blocks'
const CONVERSATIONS = '/api/dating/conversations'
const block = (by: User, whom: User) => by.post(BLOCKS, { user_id: whom.uuid })
const like = async (by: User, whom: User) => (await ok(by.post('/api/dating/likes', { user_id: whom.uuid }))).matched

/** Two devices of Ana's, one of Ben's, all in the conversation but Ana's second. */
async function listening(a: Scene) {
  const clients = {
    ana: await connect(a.world, a.ana),
    second: await connect(a.world, a.ana),
    ben: await connect(a.world, a.ben),
  }
  for (const client of [clients.ana, clients.second]) await client.expect('user:online', { user_id: a.ben.uuid })
  for (const client of [clients.ana, clients.ben]) await join(client, a.conversationId)
  return clients
}

interface Logged {
  readonly type: string
  readonly audience: string
  readonly payload: string | null
}

function logOf(world: World): Logged[] {
  const db = new DatabaseSync(pathOf(world.folder, 'switchboard.db'), { readOnly: true })
  try {
    return db.prepare('select type, audience, payload from event_log order by "offset"').all() as unknown as Logged[]
  } finally {
    db.close()
  }
}

for (const blocker of ['ana', 'ben'] as const) {
  test(`D-P12 with many sends in flight not one event crosses a block by ${blocker}`, async (t) => {
    const random = seeded()
    t.diagnostic(`SEED=${random.seed}`)
    const config = { datingMessagesPerMinute: 0, datingFramesPerMinute: 0, datingWritesPerMinute: 0 }
    await using a = await scene({ config })
    const clients = await listening(a)
    const [by, whom] = blocker === 'ana' ? [a.ana, a.ben] : [a.ben, a.ana]
    const path = `${CONVERSATIONS}/${a.conversationId}`
    const sends: Promise<number>[] = []
    const flood = (count: number): void => {
      for (let i = 0; i < count; i += 1) {
        const user = random.pick([a.ana, a.ben])
        sends.push(user.post(`${path}/messages`, { content: `flood ${i}`, type: 'text' }).then(({ status }) => status))
        // With time standing still, a connection with more frames than it takes at once would stay paused.
        if (i % 3 > 0) continue
        const client = random.pick([clients.ana, clients.ben])
        const event = random.pick(['message:send', 'typing:start', 'typing:stop'])
        send(client, event, { conversation_id: a.conversationId, content: `flood ${i}`, type: 'text' })
      }
    }
    flood(60)
    const blocking = block(by, whom)
    flood(60)
    assert.equal((await blocking).status, 204)
    const late = await Promise.all(
      Array.from({ length: 20 }, () => whom.post(`${path}/messages`, { content: 'after it', type: 'text' })),
    )
    assert.deepEqual(new Set(late.map(({ status }) => status)), new Set([403]))
    const statuses = new Set(await Promise.all(sends))
    assert.deepEqual(
      [...statuses].filter((status) => status !== 201 && status !== 403),
      [],
    )
    for (const client of Object.values(clients)) await drained(client)

    // In the order of the log, which is that of every connection, nothing is addressed to either after the end.
    await a.world.app.unitOfWork.settled()
    const log = logOf(a.world)
    const end = log.findIndex(({ type }) => type === 'conversation.ended')
    const rooms = [homeRoom(a.ana.id), homeRoom(a.ben.id), joinedRoom(a.conversationId)]
    const crossing = log.slice(end + 1).filter(({ audience }) => rooms.some((room) => audience.includes(room)))
    assert.deepEqual(crossing, [])
    // And what was before it is not there for anybody who comes back.
    assert.deepEqual(
      log.filter(({ payload }) => payload?.includes(a.conversationId)),
      [],
    )

    const both = { ana: clients.ana, ben: clients.ben }
    await expectEvents(
      both,
      async () => {
        for (let i = 0; i < 10; i += 1) {
          await a.ana.post(`${path}/messages`, { content: 'after it', type: 'text' })
          await a.ben.post(`${path}/messages`, { content: 'after it', type: 'text' })
        }
      },
      {},
    )
  })
}

test('D-P1 who is blocked is answered as who was unmatched and as who was never there, on every door', async () => {
  await using a = await scene()
  const unmatched = await match(a.ana, a.cleo)
  const { id: message } = await say(a.ana, a.conversationId, 'words')
  const { id: other } = await say(a.ana, unmatched, 'words')
  await ok(a.ana.delete(`${CONVERSATIONS}/${unmatched}`))
  await ok(block(a.ana, a.ben))
  const people = {
    blocked: { user: a.ben, conversation: a.conversationId, message },
    unmatched: { user: a.cleo, conversation: unmatched, message: other },
    stranger: { user: a.cleo, conversation: a.conversationId, message },
    blocker: { user: a.ana, conversation: a.conversationId, message },
  }
  const answers = new Set<string>()
  for (const { user, conversation, message: id } of Object.values(people)) {
    const path = `${CONVERSATIONS}/${conversation}`
    const rest = [
      await user.get(path),
      await user.get(`${path}/messages`),
      await user.delete(path),
      await user.post(`${path}/messages`, { content: 'x', type: 'text' }),
      await user.post(`${path}/read`, { message_id: id }),
      await user.put(`${path}/sharing`, { shares: true }),
      await user.delete(`/api/dating/messages/${id}`),
    ]
    for (const { status, body } of rest) answers.add(JSON.stringify([status, body.error.code, body.error.message]))
    const client = await connect(a.world, user)
    const data = { conversation_id: conversation, message_id: id, content: 'x', type: 'text' }
    for (const event of [
      'message:send',
      'message:read',
      'message:delete',
      'typing:start',
      'typing:stop',
      'conversation:join',
      'conversation:leave',
    ]) {
      const { code, message: said } = await refused(client, event, data, 'FORBIDDEN')
      answers.add(JSON.stringify([403, code, said]))
    }
    await client.cut()
  }
  assert.equal(answers.size, 1, [...answers].join('\n'))
})

test('typing stops in silence and presence is withdrawn, and neither comes back', async () => {
  await using a = await scene()
  const clients = await listening(a)
  for (const [by, to] of [
    ['ana', 'ben'],
    ['ben', 'ana'],
  ] as const) {
    await expectEvents(clients, () => send(clients[by], 'typing:start', { conversation_id: a.conversationId }), {
      [to]: ['typing:indicator'],
    })
  }
  const got = await expectEvents(clients, () => ok(block(a.ben, a.ana)), {
    ana: ['user:offline'],
    second: ['user:offline'],
    ben: ['user:offline'],
  })
  assert.equal(got.ana[0]!.data['user_id'], a.ben.uuid)
  assert.equal(got.ben[0]!.data['user_id'], a.ana.uuid)
  await expectEvents(
    clients,
    async () => {
      // What they typed would be over now.
      await a.world.advance(20_000)
      send(clients.ana, 'user:status', { status: 'offline' })
      send(clients.ana, 'user:status', { status: 'online' })
    },
    { ana: Array(2).fill('user:status_updated'), second: Array(2).fill('user:status_updated') },
  )
  await clients.ben.cut()
  await a.world.advance(20_000)
  const back = await connect(a.world, a.ben)
  assert.deepEqual(await drained(back), [])
  for (const client of [clients.ana, clients.second]) assert.deepEqual(await drained(client), [])
})

test('what was not delivered before a block is not delivered after it, and no receipt crosses', async () => {
  await using a = await scene()
  await say(a.ana, a.conversationId, 'you will not hear of this')
  const ana = await connect(a.world, a.ana)
  await ok(block(a.ana, a.ben))
  const ben = open(a.world, a.ben)
  await ben.expect('connection:established')
  assert.deepEqual(await drained(ben), [])
  assert.deepEqual(await drained(ana), [])
  assert.deepEqual((await ok(a.ben.get(CONVERSATIONS))).items, [])
})

test('a send that is repeated after the block, with its key, is not answered with what it made', async () => {
  await using a = await scene()
  const path = `${CONVERSATIONS}/${a.conversationId}/messages`
  const again = () => a.ana.post(path, { content: 'a canary', type: 'text' }, { 'idempotency-key': 'k1' })
  assert.equal((await again()).status, 201)
  await ok(block(a.ben, a.ana))
  const { status, body } = await again()
  assert.ok(status >= 400, String(status))
  assert.ok(!JSON.stringify(body).includes('canary'))
})

test('D-P11 a like from behind a block is answered like any other, and never makes a match', async () => {
  await using a = await scene()
  await ok(block(a.cleo, a.ana))
  assert.deepEqual(await ok(a.ana.post('/api/dating/likes', { user_id: a.cleo.uuid })), {
    matched: false,
    conversation_id: null,
  })
  const refusal = await a.cleo.post('/api/dating/likes', { user_id: a.ana.uuid })
  assert.deepEqual([refusal.status, refusal.body.error.code], [403, 'FORBIDDEN'])
  assert.equal((await a.cleo.delete(`${BLOCKS}/${a.ana.uuid}`)).status, 204)
  assert.equal(await like(a.cleo, a.ana), false)
  assert.equal(await like(a.ana, a.cleo), true)
})

test('a like of before the block is gone too, given or received', async () => {
  await using a = await scene()
  assert.equal(await like(a.ana, a.cleo), false)
  await ok(block(a.cleo, a.ana))
  await ok(a.cleo.delete(`${BLOCKS}/${a.ana.uuid}`))
  assert.equal(await like(a.cleo, a.ana), false)
  await ok(block(a.cleo, a.ana))
  await ok(a.cleo.delete(`${BLOCKS}/${a.ana.uuid}`))
  assert.equal(await like(a.ana, a.cleo), false)
})

test('D-P12 taking a block back brings nothing back, and nobody is told of the one or the other', async () => {
  await using a = await scene()
  await say(a.ben, a.conversationId, 'before it')
  await ok(block(a.ana, a.ben))
  const clients = { ana: await connect(a.world, a.ana), ben: await connect(a.world, a.ben) }
  await expectEvents(
    clients,
    async () => {
      await ok(a.ana.delete(`${BLOCKS}/${a.ben.uuid}`))
      await ok(a.ana.delete(`${BLOCKS}/${a.ben.uuid}`))
      await ok(block(a.ana, a.ben))
      await ok(block(a.ana, a.ben))
      await ok(block(a.ben, a.ana))
      await ok(a.ana.delete(`${BLOCKS}/${a.ben.uuid}`))
    },
    {},
  )
  assert.equal((await a.ana.get(`${CONVERSATIONS}/${a.conversationId}`)).status, 403)
  // Ben's own still stands.
  assert.equal((await a.ben.get(`/api/dating/profiles/${a.ana.uuid}`)).status, 404)
  assert.equal((await a.ana.get(`/api/dating/profiles/${a.ben.uuid}`)).status, 404)
  await ok(a.ben.delete(`${BLOCKS}/${a.ana.uuid}`))
  assert.equal((await a.ana.get(`/api/dating/profiles/${a.ben.uuid}`)).status, 200)
})

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`whom one has blocked: the latest first, in pages, seen by nobody else: ${storage}`, async () => {
    await using a = await scene({ storage })
    const dora = await a.world.user('dora')
    for (const user of [a.ben, dora, a.cleo]) {
      a.world.clock.advance(1_000)
      await ok(block(a.ana, user))
    }
    const names = (await pages<{ username: string }>(a.ana, BLOCKS)).map(({ username }) => username)
    assert.deepEqual(names, ['cleo', 'dora', 'ben'])
    const first = await ok(a.ana.get(`${BLOCKS}?limit=2`))
    assert.deepEqual(Object.keys(first.items[0]), ['user_id', 'username', 'display_name', 'blocked_at'])
    const rest = await ok(a.ana.get(`${BLOCKS}?limit=2&before=${first.next_before}`))
    assert.deepEqual([rest.items.length, rest.items[0].user_id, rest.next_before], [1, a.ben.uuid, null])
    assert.deepEqual((await ok(a.ben.get(BLOCKS))).items, [])
  })
}

test('nobody blocks themself, or somebody who is not there', async () => {
  await using a = await scene()
  const table = [
    [a.ana.uuid, 400],
    ['00000000-0000-4000-8000-000000000000', 404],
    ['no-id', 404],
    [7, 400],
  ] as const
  for (const [user_id, status] of table) {
    assert.equal((await a.ana.post(BLOCKS, { user_id })).status, status, String(user_id))
    assert.equal((await a.ana.delete(`${BLOCKS}/${user_id}`)).status, status === 400 && user_id !== 7 ? 400 : 404)
  }
})
