import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '../../testing/client.ts'
import { seeded } from '../../testing/random.ts'
import { lawless } from './mischief/testing.ts'
import { quiet } from './model.ts'
import { connect, join, match, ok, open, say, scene, send, type DatingFrame } from './testing.ts'

/** What happens at the same moment: receipts in their order, and nothing across a block or an unmatch. */

const idOf = ({ data }: DatingFrame): string =>
  (data['message_id'] ?? (data['message'] as { id: string } | undefined)?.id) as string

for (const random of [seeded()]) {
  test(`the sender's devices hear new, delivered, viewed of a message, once, in this order (seed ${random.seed})`, async () => {
    await using at = await scene({ config: lawless })
    const { conversationId: conversation_id } = at
    const senders: Client[] = []
    for (const query of ['', '', '?since=now']) senders.push(await connect(at.world, at.ana, query))
    const readers = [await connect(at.world, at.ben), await connect(at.world, at.ben)]
    await quiet(at.world, [...senders, ...readers])
    for (const client of [senders[0]!, readers[0]!]) await join(client, conversation_id)
    const ids: string[] = []
    const doing: Promise<unknown>[] = []
    for (let i = 0; i < 40; i += 1) {
      const content = `message ${i}`
      if (random.int(2) === 0) send(random.pick(senders), 'message:send', { conversation_id, content, type: 'text' })
      else doing.push(say(at.ana, conversation_id, content).then(({ id }: { id: string }) => ids.push(id)))
      // Read while its delivery is being proven, and while others are on their way.
      const message_id = ids.at(-1)
      const reader = random.pick(readers)
      if (message_id !== undefined && random.int(3) === 0) send(reader, 'message:read', { conversation_id, message_id })
      if (random.int(4) === 0) await new Promise((turn) => setImmediate(turn))
    }
    await Promise.all(doing)
    const during = await quiet(at.world, [...senders, ...readers])
    const last = (await ok(at.ana.get(`/api/dating/conversations/${conversation_id}/messages?limit=1`))).items[0]
    await ok(at.ben.post(`/api/dating/conversations/${conversation_id}/read`, { message_id: last.id }))
    const after = await quiet(at.world, [...senders, ...readers])
    const heard = during.map((frames, i) => [...frames, ...after[i]!])
    const [first] = heard
    assert.equal(first!.filter(({ event }) => event === 'message:new').length, 40)
    for (const frames of heard.slice(0, senders.length)) {
      const order = frames.map((frame) => `${frame.event} ${idOf(frame)}`)
      assert.deepEqual(
        order,
        first!.map((frame) => `${frame.event} ${idOf(frame)}`),
      )
      assert.equal(new Set(order).size, order.length, 'told twice')
      const all = frames.filter(({ event }) => event === 'message:new').map(idOf)
      for (const id of all) {
        const [sent, delivered] = [order.indexOf(`message:new ${id}`), order.indexOf(`message:delivered ${id}`)]
        // Viewed is told of a message for itself and all before it.
        const later = new Set(all.slice(all.indexOf(id)))
        const viewed = frames.findIndex((frame) => frame.event === 'message:viewed' && later.has(idOf(frame)))
        assert.ok(sent < delivered && delivered < viewed, `${id}: ${sent} ${delivered} ${viewed}`)
      }
    }
    const theirs = heard.slice(senders.length).flat()
    assert.ok(theirs.every(({ event }) => event !== 'message:delivered'))
  })
}

for (const [what, by] of [
  ['a block', 'ana'],
  ['an unmatch', 'ben'],
] as const) {
  test(`D-P12 50 sends and their receipts in flight: nothing reaches a device once ${what} is answered`, async () => {
    await using at = await scene({ config: lawless })
    const { conversationId: conversation_id } = at
    const clients: Client[] = []
    for (const user of [at.ana, at.ana, at.ben, at.ben]) clients.push(await connect(at.world, user))
    await quiet(at.world, clients)
    for (const client of [clients[0]!, clients[2]!]) await join(client, conversation_id)
    // One that wakes up later still has receipts to cause.
    clients[3]!.ws.pause()
    const speak = (i: number): void => {
      const client = clients[(i % 2) * 2]!
      send(client, 'message:send', { conversation_id, content: `message ${i}`, type: 'text' })
      send(client, 'typing:start', { conversation_id })
    }
    for (let i = 0; i < 25; i += 1) speak(i)
    const path = `/api/dating/conversations/${conversation_id}`
    const parting = by === 'ana' ? at.ana.post('/api/dating/blocks', { user_id: at.ben.uuid }) : at.ben.delete(path)
    for (let i = 25; i < 50; i += 1) speak(i)
    assert.equal((await parting).status, 204)
    clients[3]!.ws.resume()
    // What was written to a socket before the answer may still be in it; it is all before the answer to this.
    await quiet(at.world, clients)
    const { status } = await at.ana.post(`${path}/messages`, { content: 'after', type: 'text' })
    assert.equal(status, 403)
    for (let i = 0; i < 10; i += 1) speak(i)
    for (const frames of await quiet(at.world, clients)) {
      assert.deepEqual(
        frames.filter(({ data }) => data['code'] !== 'FORBIDDEN'),
        [],
      )
    }
    assert.equal(at.world.app.hub.leftovers['receipts'], 0)
    assert.equal(at.world.app.hub.leftovers['typists'], 0)
  })
}

for (const [what, since] of [
  ['comes', ''],
  ['comes back', '?since=now&join=all'],
] as const) {
  test(`who ${what} and is blocked before they have caught up does not see the other there`, async () => {
    await using at = await scene({ config: lawless })
    const ana = await connect(at.world, at.ana)
    const { fanout } = at.world.app.hub
    const reach = fanout.reach.bind(fanout)
    const [reached, passed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    // Who reads slowly is as long on the way as they like.
    fanout.reach = async (offset) => {
      reached.resolve()
      await passed.promise
      return reach(offset)
    }
    const ben = open(at.world, at.ben, since)
    await reached.promise
    await ok(at.ana.post('/api/dating/blocks', { user_id: at.ben.uuid }))
    fanout.reach = reach
    passed.resolve()
    await ben.expect('connection:established')
    const [bens, anas] = await quiet(at.world, [ben, ana])
    assert.deepEqual([bens, anas], [[], []])
  })
}

test('who is found while somebody comes is seen by them', async () => {
  await using at = await scene({ config: lawless })
  const cleo = await connect(at.world, at.cleo)
  const { fanout } = at.world.app.hub
  const reach = fanout.reach.bind(fanout)
  const [reached, passed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  fanout.reach = async (offset) => {
    reached.resolve()
    await passed.promise
    return reach(offset)
  }
  const ben = open(at.world, at.ben)
  await reached.promise
  await match(at.ben, at.cleo)
  fanout.reach = reach
  passed.resolve()
  await ben.expect('connection:established')
  const [bens, cleos] = await quiet(at.world, [ben, cleo])
  for (const [frames, other] of [
    [bens!, at.cleo],
    [cleos!, at.ben],
  ] as const) {
    assert.ok(frames.some(({ event, data }) => event === 'user:online' && data['user_id'] === other.uuid))
  }
})

test('of what a slow reader has still to catch up with nothing comes once they are blocked', async () => {
  await using at = await scene({ config: { ...lawless, maxPendingBytes: 20_000 } })
  const { conversationId } = at
  const { position } = await ok(at.ben.get('/api/dating/conversations'))
  for (let i = 0; i < 20; i += 1) await say(at.ana, conversationId, `${i} `.padEnd(2_000, 'x'))
  const { fanout, connections } = at.world.app.hub
  const reach = fanout.reach.bind(fanout)
  const [full, drained] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  fanout.reach = (offset) => {
    // A socket whose peer does not read for a while.
    const { sink } = [...connections][0]!.outbox
    const whenDrained = sink.whenDrained.bind(sink)
    sink.whenDrained = (fn) => {
      full.resolve()
      void drained.promise.then(() => whenDrained(fn))
    }
    return reach(offset)
  }
  const ben = open(at.world, at.ben, `?since=${position}&join=all`)
  await full.promise
  fanout.reach = reach
  await ok(at.ana.post('/api/dating/blocks', { user_id: at.ben.uuid }))
  await ben.expect('connection:established')
  // These had been written to the socket.
  const before = (await quiet(at.world, [ben]))[0]!.length
  assert.ok(before > 0 && before < 20, `${before} of 20`)
  drained.resolve()
  assert.deepEqual(await quiet(at.world, [ben]), [[]])
})
