import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../../testing/random.ts'
import { lawless } from './mischief/testing.ts'
import { drained, match, open, scene, send } from './testing.ts'

const CLIENTS = 200
const AT_ONCE = 20

for (const random of [seeded()]) {
  test(`of ${CLIENTS} clients that came, typed, wrote and went nothing is left (seed ${random.seed})`, async () => {
    await using at = await scene({ config: { ...lawless, datingFramesPerMinute: 1_000, datingTypingPerMinute: 1_000 } })
    const { world, conversationId } = at
    const other = await match(at.ben, at.cleo)
    const conversations = new Map([
      [at.ana, conversationId],
      [at.ben, conversationId],
      [at.cleo, other],
    ])
    const position = (await at.ana.get('/api/dating/conversations')).body.position as string
    const users = [...conversations.keys()]
    const visit = async (i: number): Promise<void> => {
      const user = users[i % users.length]!
      const conversation_id = conversations.get(user)!
      const query = ['', '?since=now', '?since=nonsense', `?since=${position}&join=all`, '?join=all'][i % 5]
      const client = open(world, user, query)
      await client.opened()
      // Some go before they are quite there, and some never read what they are sent.
      if (i % 7 === 0) return client.cut()
      if (i % 11 === 0) client.ws.pause()
      send(client, 'conversation:join', { conversation_id })
      send(client, 'typing:start', { conversation_id })
      if (i % 2 === 0) send(client, 'message:send', { conversation_id, content: `from client ${i}`, type: 'text' })
      if (i % 3 === 0) send(client, 'user:status', { status: random.pick(['online', 'away', 'offline']) })
      if (i % 4 === 0) send(client, 'conversation:leave', { conversation_id })
      if (i % 11 !== 0) await drained(client)
      if (i % 2 === 0 || i % 11 === 0) await client.cut()
      else await client.close()
    }
    for (let i = 0; i < CLIENTS; i += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => visit(i + n)))
      world.forgetClients()
      world.clock.advance(2_000)
    }
    const { hub, unitOfWork } = world.app
    for (let i = 0; i < 10_000 && hub.connections.size > 0; i += 1) await new Promise((turn) => setImmediate(turn))
    // The last who typed, the graces of presence, and the windows of the limits.
    for (let i = 0; i < 15; i += 1) await world.advance(5_000)
    await unitOfWork.settled()
    assert.deepEqual(
      ['receipts', 'typists', 'presences'].filter((name) => !(name in hub.leftovers)),
      [],
    )
    for (const [name, left] of Object.entries(hub.leftovers)) assert.equal(left, 0, name)
    assert.equal(hub.queuedBytes, 0)
  })
}
