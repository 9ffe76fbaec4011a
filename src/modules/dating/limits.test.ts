import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '../../testing/client.ts'
import { storedRows } from '../../testing/rows.ts'
import { afterKill, type Answer, type User, type World } from '../../testing/world.ts'
import { takeUse } from './actions/uses.ts'
import { checkFrame, connect, drained, join, match, ok, scene, send, type DatingFrame } from './testing.ts'

/** The numbers of specs/dating.md, at which it passes, and over which it does not. Connections have their own file. */

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Nobody is cut or logged out while the test moves by days. */
const patient = { accessTokenMs: 7 * DAY, pongWaitMs: 7 * DAY, datingFramesPerMinute: 0 }

type Scene = Awaited<ReturnType<typeof scene>>

let said = 0

/** What a message is answered, past everything that others cause. */
async function answerTo(client: Client, data: Record<string, unknown>, by: User): Promise<DatingFrame> {
  send(client, 'message:send', data)
  for (;;) {
    const frame = (await client.next()) as unknown as DatingFrame
    checkFrame(frame)
    if (frame.event === 'error' && frame.data['request_event'] === 'message:send') return frame
    const message = frame.data['message'] as { content: string; sender_id: string } | undefined
    if (message?.content === data['content'] && message?.sender_id === by.uuid) return frame
  }
}

const words = (conversation_id: string, metadata = {}) => ({
  conversation_id,
  content: `words ${(said += 1)}`,
  type: 'text',
  metadata,
})

const idOf = (frame: DatingFrame): string => {
  assert.equal(frame.event, 'message:new', JSON.stringify(frame))
  return (frame.data['message'] as { id: string }).id
}

/** The doors of one person: two connections and REST. Each passes, or is refused for so many seconds. */
async function doors({ conversationId }: Pick<Scene, 'conversationId'>, world: World, user: User) {
  const clients = [await connect(world, user), await connect(world, user)]
  const rest = (): Promise<Answer> => {
    const { content, type } = words(conversationId)
    const bearer = { authorization: `Bearer ${user.token}` }
    return world.request('POST', `/api/dating/conversations/${conversationId}/messages`, { content, type }, bearer)
  }
  return {
    clients,
    passes: async (door: number, metadata = {}): Promise<string> => {
      if (door % 3 === 2) {
        const { status, body } = await rest()
        assert.equal(status, 201, JSON.stringify(body))
        return body.id as string
      }
      return idOf(await answerTo(clients[door % 3]!, words(conversationId, metadata), user))
    },
    refuses: async (seconds: number): Promise<void> => {
      for (const client of clients) {
        const { event, data } = await answerTo(client, words(conversationId), user)
        assert.deepEqual([event, data['code'], data['details']], ['error', 'RATE_LIMITED', { retry_after: seconds }])
      }
      const { status, body, headers } = await rest()
      assert.deepEqual([status, body.error.code, body.error.retry_after], [429, 'RATE_LIMITED', seconds])
      assert.equal(headers.get('retry-after'), String(seconds))
    },
  }
}

/** So many of a day's uses, at this moment, as if they had been taken one by one. */
function fill({ world }: Scene, user: User, count: number, kind: 'message' | 'conversation' = 'message') {
  return world.app.unitOfWork.run(async (unit) => {
    for (let n = 0; n < count; n += 1) await takeUse(unit, user.id, kind, [])
  })
}

test('D-L1 messages: thirty in a minute pass over all doors together, the next one has to wait for the first', async () => {
  await using at = await scene({ config: patient })
  const { clock } = at.world
  const { passes, refuses } = await doors(at, at.world, at.ana)
  const ids: string[] = []
  for (let n = 0; n < 30; n += 1) {
    ids.push(await passes(n))
    clock.advance(1_000)
  }
  await refuses(30)
  // What is refused does not count, and what is deleted has been sent all the same.
  for (const id of ids.slice(0, 3)) await ok(at.ana.delete(`/api/dating/messages/${id}`))
  clock.advance(29_999)
  await refuses(1)
  const ben = await doors(at, at.world, at.ben)
  await ben.passes(0)
  clock.advance(1)
  await passes(2)
  await refuses(1)
  clock.advance(1_000)
  await passes(1)
  await refuses(1)
})

test('messages: one that is refused for another reason does not count', async () => {
  await using at = await scene({ config: patient })
  const { clients, passes, refuses } = await doors(at, at.world, at.ana)
  const { conversationId: conversation_id } = at
  const text = { conversation_id, content: 'words', type: 'text' }
  for (let n = 0; n < 30; n += 1) {
    for (const bad of [{ content: '' }, { type: 'system' }, { conversation_id: at.ana.uuid }]) {
      assert.equal((await answerTo(clients[0]!, { ...text, ...bad }, at.ana)).event, 'error')
    }
    await passes(n)
  }
  await refuses(60)
})

test('D-E6 D-L1 messages: the same client_id again is answered with the first one, and does not count', async () => {
  await using at = await scene({ config: patient })
  const { conversationId: conversation_id } = at
  const { clients, passes, refuses } = await doors(at, at.world, at.ana)
  const ben = await connect(at.world, at.ben)
  await join(ben, conversation_id)
  const again = { ...words(conversation_id), metadata: { client_id: 'c-1' } }
  const first = idOf(await answerTo(clients[0]!, again, at.ana))
  await drained(clients[1]!)
  for (let n = 0; n < 5; n += 1) assert.equal(idOf(await answerTo(clients[n % 2]!, again, at.ana)), first)
  for (let n = 1; n < 30; n += 1) await passes(n, { client_id: `c${n}` })
  await refuses(60)
  // Also when nothing else passes any more.
  await drained(clients[1]!)
  for (const client of clients) assert.equal(idOf(await answerTo(client, again, at.ana)), first)
  const answer = await ok(at.ana.post(`/api/dating/conversations/${conversation_id}/messages`, again))
  assert.equal(answer.id, first)
  const { items } = await ok(at.ana.get(`/api/dating/conversations/${conversation_id}/messages?limit=100`))
  const texts = items.map(({ content }: { content: string }) => content) as string[]
  assert.equal(texts.filter((content) => content === again.content).length, 1)
  const told = (await drained(ben)).filter(({ event }) => event === 'message:new')
  assert.equal(told.length, 30)
})

test('D-E6 messages: a client_id is of one conversation; what it made and was deleted is not made again', async () => {
  await using at = await scene({ config: patient })
  const other = await match(at.ana, at.cleo)
  const [ana, ben] = [await connect(at.world, at.ana), await connect(at.world, at.ben)]
  const metadata = { client_id: 'c-1' }
  const here = { ...words(at.conversationId), metadata }
  const there = { ...words(other), metadata }
  const first = idOf(await answerTo(ana, here, at.ana))
  const second = idOf(await answerTo(ana, there, at.ana))
  assert.notEqual(idOf(await answerTo(ben, here, at.ben)), first)
  await drained(ana)
  assert.equal(idOf(await answerTo(ana, here, at.ana)), first)
  assert.equal(idOf(await answerTo(ana, there, at.ana)), second)
  await ok(at.ben.delete(`/api/dating/messages/${first}`))
  await drained(ana)
  assert.equal((await answerTo(ana, here, at.ana)).data['code'], 'NOT_FOUND')
  assert.equal(idOf(await answerTo(ana, there, at.ana)), second)
})

test('D-L1 messages: five hundred in an hour and two thousand in a day, sliding', async () => {
  await using at = await scene({ config: patient })
  const { clock } = at.world
  const { passes, refuses } = await doors(at, at.world, at.ana)
  const started = clock.now()
  const goTo = (ms: number) => clock.advance(started + ms - clock.now())
  await fill(at, at.ana, 1)
  goTo(2 * MINUTE)
  await fill(at, at.ana, 498)
  goTo(10 * MINUTE)
  await passes(0)
  await refuses(50 * 60)
  goTo(HOUR - 1)
  await refuses(1)
  goTo(HOUR)
  await passes(1)
  await refuses(120)
  goTo(2 * HOUR)
  await fill(at, at.ana, 1_498)
  goTo(4 * HOUR)
  await passes(2)
  await refuses(20 * 3_600)
  goTo(DAY - 1)
  await refuses(1)
  goTo(DAY)
  await passes(0)
  await refuses(120)
  await at.world.app.unitOfWork.settled()
})

test('messages: the count survives a server that was killed', async () => {
  await using at = await scene({ config: patient })
  const before = await doors(at, at.world, at.ana)
  for (let n = 0; n < 30; n += 1) await before.passes(n)
  at.world.clock.advance(20_000)
  await using world = await afterKill(at.world, { config: patient })
  const { passes, refuses } = await doors(at, world, at.ana)
  await refuses(40)
  world.clock.advance(39_999)
  await refuses(1)
  world.clock.advance(1)
  await passes(0)
})

test('D-L2 typing: twenty in a minute, stops included; a start too many is refused, a stop too many clears', async () => {
  await using at = await scene({ config: { ...patient, datingTypingMs: DAY } })
  const { conversationId: conversation_id } = at
  const [phone, tablet] = [await connect(at.world, at.ana), await connect(at.world, at.ana)]
  const [ben, cleo] = [await connect(at.world, at.ben), await connect(at.world, at.cleo)]
  await join(ben, conversation_id)
  const typing = async (client: Client, what: 'start' | 'stop') => {
    send(client, `typing:${what}`, { conversation_id })
    const frames = await drained(client)
    for (const frame of frames) checkFrame(frame)
    const errors = frames.filter(({ event }) => event === 'error')
    return errors.map(({ data }) => [data['code'], data['details'], data['request_event']])
  }
  const heard = async () => {
    const frames = (await drained(ben)).filter(({ event }) => event === 'typing:indicator')
    return frames.map(({ data }) => data['is_typing'])
  }
  for (let n = 0; n < 9; n += 1) {
    assert.deepEqual(await typing(tablet, 'stop'), [])
    assert.deepEqual(await typing(phone, 'start'), [])
  }
  assert.deepEqual(await typing(phone, 'stop'), [])
  assert.deepEqual(await typing(phone, 'start'), [])
  assert.deepEqual(await heard(), [true, false, true])
  const refusal = (seconds: number) => [['RATE_LIMITED', { retry_after: seconds }, 'typing:start']]
  for (const client of [phone, tablet]) assert.deepEqual(await typing(client, 'start'), refusal(60))
  assert.deepEqual(await typing(phone, 'stop'), [])
  assert.deepEqual(await heard(), [false])
  for (let n = 0; n < 3; n += 1) assert.deepEqual(await typing(tablet, 'stop'), [])
  // Somebody else has a count of their own, and what is not theirs does not count.
  assert.deepEqual(await typing(ben, 'start'), [])
  for (let n = 0; n < 3; n += 1) assert.equal((await typing(cleo, 'start'))[0]![0], 'FORBIDDEN')
  at.world.clock.advance(59_999)
  assert.deepEqual(await typing(phone, 'start'), refusal(1))
  at.world.clock.advance(1)
  assert.deepEqual(await typing(tablet, 'start'), [])
  assert.deepEqual(await heard(), [true])
})

test('D-L4 conversations: the like that would make the 51st of a day changes nothing; a day later it makes it', async () => {
  await using at = await scene({ config: patient })
  const { world, ana, cleo } = at
  const others = [await world.user('dora'), await world.user('ella'), await world.user('fay')] as const
  const [dora, ella, fay] = others
  for (const user of others) await ok(user.put('/api/dating/profile', { bio: 'here' }))
  for (const user of [cleo, dora, ella]) await ok(user.post('/api/dating/likes', { user_id: ana.uuid }))
  const likes = (user: User) => ana.post('/api/dating/likes', { user_id: user.uuid })
  await fill(at, ana, 1, 'conversation')
  world.clock.advance(HOUR)
  await fill(at, ana, 48, 'conversation')
  assert.equal((await ok(likes(cleo))).matched, true)
  const before = storedRows(world, /^dating_/)
  const refused = await likes(dora)
  const { code, retry_after } = refused.body.error
  assert.deepEqual([refused.status, code, retry_after], [429, 'RATE_LIMITED', 23 * 3_600])
  assert.deepEqual(storedRows(world, /^dating_/), before)
  // One that makes no conversation is none.
  assert.equal((await ok(likes(fay))).matched, false)
  world.clock.advance(23 * HOUR - 1)
  assert.equal((await likes(dora)).status, 429)
  world.clock.advance(1)
  const made = await ok(likes(dora))
  assert.deepEqual([made.matched, typeof made.conversation_id], [true, 'string'])
  assert.equal((await likes(ella)).status, 429)
})

test('D-L5 a text has two thousand code points, whatever they are made of; one more is MESSAGE_TOO_LARGE', async () => {
  await using at = await scene({ config: patient })
  const { conversationId: conversation_id } = at
  const ana = await connect(at.world, at.ana)
  const path = `/api/dating/conversations/${conversation_id}/messages`
  const family = '👨‍👩‍👧‍👦'
  assert.equal([...family].length, 7)
  for (const fits of [
    'x'.repeat(2_000),
    '😀'.repeat(2_000),
    'e\u0301'.repeat(1_000),
    `${family.repeat(285)}hello`,
    '\u0627\u0644'.repeat(1_000),
  ]) {
    assert.equal([...fits].length, 2_000)
    const text = { conversation_id, content: fits, type: 'text' }
    const { message } = (await answerTo(ana, text, at.ana)).data as { message: { content: string } }
    assert.equal(message.content, fits)
    assert.equal((await ok(at.ana.post(path, text))).content, fits)
    await drained(ana)
    for (const more of ['x', '😀', '\u0301', '\u200d', ' ']) {
      const over = { ...text, content: fits + more }
      const { data } = await answerTo(ana, over, at.ana)
      const { field, error } = data['details'] as Record<string, string>
      const why = 'must have at most 2000 characters'
      assert.deepEqual([data['code'], field, error], ['MESSAGE_TOO_LARGE', 'content', why])
      const { status, body } = await at.ana.post(path, over)
      assert.deepEqual([status, body.error.code], [413, 'MESSAGE_TOO_LARGE'])
    }
  }
})

test('D-L5 a frame of 32768 bytes is read, one byte more is MESSAGE_TOO_LARGE, far more closes', async () => {
  await using at = await scene({ config: patient })
  const { conversationId: conversation_id } = at
  const ana = await connect(at.world, at.ana)
  let number = 0
  for (const filler of ['x', 'ü', '€', '😀']) {
    const content = `frame ${(number += 1)}`
    const frame = (ignored: string) =>
      JSON.stringify({ event: 'message:send', data: { conversation_id, content, type: 'text' }, ignored })
    const room = 32_768 - Buffer.byteLength(frame(''))
    const size = Buffer.byteLength(filler)
    const fitting = frame('y'.repeat(room % size) + filler.repeat(Math.floor(room / size)))
    assert.equal(Buffer.byteLength(fitting), 32_768)
    ana.send(fitting)
    await ana.expect('message:new')
    const character = frame(filler.repeat(Math.ceil((room + 1) / size)))
    for (const over of [fitting.replace('"ignored":"', '"ignored":"z'), character]) {
      ana.send(over)
      const answer = (await ana.next()) as unknown as DatingFrame
      checkFrame(answer)
      assert.deepEqual([answer.data['code'], answer.data['request_event']], ['MESSAGE_TOO_LARGE', null])
      assert.equal((answer.data['details'] as { field: string }).field, 'frame')
    }
    assert.deepEqual(await drained(ana), [])
  }
  ana.send('x'.repeat(16 * 32_768))
  assert.equal((await ana.expect('error'))['code'], 'MESSAGE_TOO_LARGE')
  ana.send('x'.repeat(16 * 32_768 + 1))
  await ana.expectClose(1009)
  await connect(at.world, at.ana)
})
