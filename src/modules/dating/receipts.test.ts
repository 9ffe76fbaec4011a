import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import type { Client } from '../../testing/client.ts'
import { afterKill, type User, type World } from '../../testing/world.ts'
import { connect, drained, join, ok, open, say, scene, send, type DatingFrame, type Scene } from './testing.ts'

/** Delivered is what a device of the recipient has provably consumed; viewed is what its person has read. */

const patient = { config: { pongWaitMs: 1e9, accessTokenMs: 1e9 } }

const told = (frames: readonly DatingFrame[]): string[] =>
  frames.map(({ event, data }) => {
    const { message_id, message } = data as { message_id?: string; message?: { id: string } }
    return `${event} ${message_id ?? message?.id}`
  })

const messages = ({ conversationId }: Pick<Scene, 'conversationId'>): string =>
  `/api/dating/conversations/${conversationId}/messages`

/** What REST says of the delivery of a message. */
async function deliveredAt(at: Scene, user: User, id: string): Promise<string | null> {
  const { items } = await ok(user.get(messages(at)))
  return items.find((item: { id: string }) => item.id === id).delivered_at
}

/** Everything that is being proven is, or waits for somebody who does not answer. */
async function settled({ app }: World, ...clients: Client[]): Promise<DatingFrame[][]> {
  const frames = clients.map((): DatingFrame[] => [])
  for (let round = 0; round < 3; round += 1) {
    await app.unitOfWork.settled()
    for (const [i, client] of clients.entries()) frames[i]!.push(...(await drained(client)))
  }
  return frames
}

/** A client that answers no ping by itself. @returns it and the payloads it was pinged with */
async function silent(world: World, user: User): Promise<{ ws: WebSocket; pings: Buffer[] }> {
  const ws = new WebSocket(`${world.ws}/ws`, { autoPong: false, headers: { authorization: `Bearer ${user.token}` } })
  const pings: Buffer[] = []
  ws.on('error', () => undefined)
  ws.on('ping', (payload: Buffer) => pings.push(payload))
  await new Promise((resolve) => ws.once('message', resolve))
  return { ws, pings }
}

const until = async (done: () => boolean): Promise<void> => {
  while (!done()) await new Promise((turn) => setImmediate(turn))
}

test('D-E2 a message is delivered when the client of its recipient has read it, not when it was written', async () => {
  await using at = await scene(patient)
  const ana = await connect(at.world, at.ana)
  const ben = await connect(at.world, at.ben)
  await join(ben, at.conversationId)
  await settled(at.world, ana, ben)
  ben.ws.pause()
  const { id } = await say(at.ana, at.conversationId, 'are you there?')
  const [before] = await settled(at.world, ana)
  assert.deepEqual(told(before!), [`message:new ${id}`])
  assert.equal(await deliveredAt(at, at.ana, id), null)
  ben.ws.resume()
  const { delivered_at } = await ana.expect('message:delivered', { message_id: id, conversation_id: at.conversationId })
  assert.equal(await deliveredAt(at, at.ana, id), delivered_at)
  const [anas, bens] = await settled(at.world, ana, ben)
  // Once, and never to the recipient.
  assert.deepEqual([told(anas!), told(bens!)], [[], [`message:new ${id}`]])
})

test('D-E1 D-E2 over five devices a message is delivered once, told to every device of its sender, in this order', async () => {
  await using at = await scene(patient)
  const senders = [await connect(at.world, at.ana), await connect(at.world, at.ana)]
  const readers: Client[] = []
  for (let i = 0; i < 5; i += 1) readers.push(await connect(at.world, at.ben))
  await settled(at.world, ...senders, ...readers)
  for (const client of [...readers.slice(0, 2), senders[0]!]) await join(client, at.conversationId)
  await settled(at.world, ...senders, ...readers)
  readers[0]!.ws.pause()
  readers[4]!.ws.pause()
  const [one, two] = [await say(at.ana, at.conversationId, 'one'), await say(at.ana, at.conversationId, 'two')]
  const awake = readers.slice(1, 4)
  const frames = await settled(at.world, ...senders, ...awake)
  readers[0]!.ws.resume()
  readers[4]!.ws.resume()
  const late = await settled(at.world, ...senders, readers[0]!, readers[4]!)
  for (const own of frames.slice(0, 2)) {
    const names = told(own)
    assert.equal(names.length, 4)
    for (const { id } of [one, two]) {
      const [sent, delivered] = [names.indexOf(`message:new ${id}`), names.indexOf(`message:delivered ${id}`)]
      assert.ok(sent !== -1 && sent < delivered, names.join())
    }
  }
  assert.deepEqual(late.slice(0, 2), [[], []])
  for (const theirs of [...frames.slice(2), ...late.slice(2)]) {
    assert.equal(theirs.length, 2)
    assert.ok(theirs.every(({ event }) => event !== 'message:delivered'))
  }
})

test('D-E2 for a recipient who was away it is when they next connect, on the first device, and not again', async () => {
  await using at = await scene(patient)
  const ana = await connect(at.world, at.ana)
  const ids: string[] = []
  for (const content of ['one', 'two', 'three']) ids.push((await say(at.ana, at.conversationId, content)).id)
  assert.deepEqual(
    told((await settled(at.world, ana))[0]!),
    ids.map((id) => `message:new ${id}`),
  )
  const ben = open(at.world, at.ben)
  await ben.expect('connection:established')
  await ana.expect('user:online')
  const [first] = await settled(at.world, ana, ben)
  assert.deepEqual(
    told(first!),
    ids.map((id) => `message:delivered ${id}`),
  )
  const tablet = await connect(at.world, at.ben)
  await ben.close()
  const again = await connect(at.world, at.ben)
  const [later, ...theirs] = await settled(at.world, ana, tablet, again)
  assert.deepEqual(later, [])
  for (const frames of theirs) assert.deepEqual(frames, [])
})

test('a pong that nobody asked for proves nothing; the echo of the ping does', async () => {
  await using at = await scene(patient)
  const ana = await connect(at.world, at.ana)
  const { ws, pings } = await silent(at.world, at.ben)
  await settled(at.world, ana)
  const before = pings.length
  const { id } = await say(at.ana, at.conversationId, 'hello')
  await until(() => pings.length > before)
  for (const guess of ['', 'x', '0'.repeat(36), id, at.conversationId]) ws.pong(guess)
  // Read by the server before what follows it on the same connection.
  ws.send('{')
  await new Promise((resolve) => ws.once('message', resolve))
  assert.deepEqual(told((await settled(at.world, ana))[0]!), [`message:new ${id}`])
  assert.equal(await deliveredAt(at, at.ana, id), null)
  ws.pong(pings.at(-1))
  await ana.expect('message:delivered', { message_id: id })
  // The same echo again, and of an older ping: nothing new.
  for (const payload of pings) ws.pong(payload)
  ws.send('{')
  await new Promise((resolve) => ws.once('message', resolve))
  assert.deepEqual(await settled(at.world, ana), [[]])
  ws.terminate()
})

test('what was written into a connection that then died is not delivered; at the next connect it is', async () => {
  await using at = await scene(patient)
  const ana = await connect(at.world, at.ana)
  const ben = await connect(at.world, at.ben)
  await settled(at.world, ana, ben)
  ben.ws.pause()
  const { id } = await say(at.ana, at.conversationId, 'into the tunnel')
  await settled(at.world, ana)
  await ben.cut()
  await until(() => at.world.app.hub.connections.size === 1)
  assert.deepEqual(await settled(at.world, ana), [[]])
  assert.equal(await deliveredAt(at, at.ana, id), null)
  assert.equal(at.world.app.hub.leftovers['receipts'], 0)
  const back = await connect(at.world, at.ben)
  await ana.expect('message:delivered', { message_id: id })
  assert.deepEqual(await settled(at.world, ana, back), [[], []])
})

test('a device that does not answer does not keep one that has come since from proving what it was sent', async () => {
  await using at = await scene(patient)
  const ana = await connect(at.world, at.ana)
  const asleep = await connect(at.world, at.ben)
  await settled(at.world, ana, asleep)
  asleep.ws.pause()
  const one = await say(at.ana, at.conversationId, 'one')
  await ana.expect('message:new')
  const awake = await connect(at.world, at.ben)
  await ana.expect('message:delivered', { message_id: one.id })
  await settled(at.world, ana, awake)
  const two = await say(at.ana, at.conversationId, 'two')
  await ana.expect('message:new')
  await ana.expect('message:delivered', { message_id: two.id })
})

test('D-E3 viewed implies delivered: the author hears of it first, also when no device has answered', async () => {
  await using at = await scene(patient)
  const senders = [await connect(at.world, at.ana), await connect(at.world, at.ana)]
  const ben = await connect(at.world, at.ben)
  await settled(at.world, ...senders, ben)
  ben.ws.pause()
  const [one, two] = [await say(at.ana, at.conversationId, 'one'), await say(at.ana, at.conversationId, 'two')]
  await settled(at.world, ...senders)
  await ok(at.ben.post(`/api/dating/conversations/${at.conversationId}/read`, { message_id: two.id }))
  const expected = [`message:delivered ${one.id}`, `message:delivered ${two.id}`, `message:viewed ${two.id}`]
  for (const frames of await settled(at.world, ...senders)) assert.deepEqual(told(frames), expected)
  ben.ws.resume()
  assert.deepEqual(await settled(at.world, ...senders), [[], []])
})

test('a word of the server that is read tells the partner which of theirs was', async () => {
  await using at = await scene(patient)
  const { conversationId: conversation_id } = at
  const { id } = await say(at.ana, conversation_id, 'mine')
  const sharing = `/api/dating/conversations/${conversation_id}/sharing`
  for (const user of [at.ana, at.ben]) await ok(user.put(sharing, { shares: true }))
  const [word] = (await ok(at.ben.get(`${messages(at)}?limit=1`))).items
  assert.equal(word.type, 'system')
  const ana = await connect(at.world, at.ana)
  const ben = await connect(at.world, at.ben)
  await settled(at.world, ana, ben)
  send(ben, 'message:read', { conversation_id, message_id: word.id })
  await ben.expect('message:viewed', { message_id: word.id })
  await ana.expect('message:viewed', { message_id: id })
  assert.deepEqual(await settled(at.world, ana, ben), [[], []])
})

test('D-E2 a restart: what was not proven before it is proven after it, what was is not told again', async () => {
  await using at = await scene(patient)
  const ana = await connect(at.world, at.ana)
  const ben = await connect(at.world, at.ben)
  await settled(at.world, ana, ben)
  const known = await say(at.ana, at.conversationId, 'known')
  await settled(at.world, ana, ben)
  ben.ws.pause()
  const lost = await say(at.ana, at.conversationId, 'lost')
  await settled(at.world, ana)
  const { delivered_at } = (await ok(at.ana.get(messages(at)))).items[1]
  await using world = await afterKill(at.world, patient)
  const anaAgain = await connect(world, at.ana)
  const benAgain = await connect(world, at.ben)
  await anaAgain.expect('user:online')
  const [frames] = await settled(world, anaAgain, benAgain)
  assert.deepEqual(told(frames!), [`message:delivered ${lost.id}`])
  const { body } = await world.request('GET', messages(at), undefined, { authorization: `Bearer ${at.ana.token}` })
  assert.deepEqual(
    body.items.slice(0, 2).map((item: { id: string }) => item.id),
    [lost.id, known.id],
  )
  assert.equal(body.items[1].delivered_at, delivered_at)
  assert.ok(body.items[0].delivered_at !== null)
})
