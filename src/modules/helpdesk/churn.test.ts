import assert from 'node:assert/strict'
import type { Server as EngineServer } from 'engine.io'
import { Server } from 'socket.io'
import { test } from 'node:test'
import { seeded } from '../../testing/random.ts'
import { lawless } from './mischief/testing.ts'
import { scene, Tab, type Data } from './testing.ts'

const CLIENTS = 168
const AT_ONCE = 24

for (const random of [seeded()]) {
  test(`of ${CLIENTS} clients that came, typed, wrote and went nothing is left (seed ${random.seed})`, async (t) => {
    let engine: EngineServer | undefined
    let sockets: (() => number) | undefined
    const attach = Reflect.get(Server.prototype, 'bind') as (engine: EngineServer) => Server
    t.mock.method(Server.prototype, 'bind', function (this: Server, given: EngineServer) {
      engine = given
      sockets = () => this.of('/').sockets.size
      return attach.call(this, given)
    })
    await using at = await scene({ config: lawless })
    const { world, admin, agent, customer, other, publicId, privateId } = at
    const position = (await agent.get('/api/helpdesk/channels')).body.position as string
    const users = [admin, agent, customer, other]
    const visit = async (i: number): Promise<void> => {
      const { token } = users[i % users.length]!
      const never = i % 17 === 0
      // A session by polling of which nothing is heard any more is ended by the engine's own timer, in real seconds.
      const transports = never ? ['websocket'] : [['websocket'], ['polling'], ['polling', 'websocket']][i % 3]!
      const since = [undefined, 'now', 'nonsense', position][i % 4]
      const auth = i % 5 === 0 ? {} : { token, ...(since !== undefined && { since, join: 'all' }) }
      const tab = new Tab(world.url, { transports, auth })
      // Some go before they are quite there, and some are never let in.
      if (never) return tab.close()
      await tab.connected()
      if (i % 19 === 0) return random.int(2) === 0 ? tab.cut() : tab.close()
      if (i % 7 === 0) tab.emit('authenticate', 'nonsense')
      if (i % 5 === 0 && i % 3 > 0) tab.emit('authenticate', token)
      tab.emit('join_channel', publicId)
      tab.emit('join_channel', privateId)
      tab.emit('chat:typing', { channelId: publicId, isTyping: true })
      if (i % 2 === 0) tab.emit('chat:send_message', { channelId: publicId, message: `from client ${i}` })
      if (i % 3 === 0) tab.emit('update_presence', { status: random.pick(['online', 'away', 'busy', 'offline']) })
      if (i % 4 === 0) tab.emit('leave_channel', publicId)
      // As somebody else, on the same connection.
      if (i % 11 === 0) tab.emit('authenticate', users[(i + 1) % users.length]!.token)
      if (i % 6 > 0) await tab.drained()
      if (i % 2 === 0) tab.cut()
      tab.close()
    }
    for (let i = 0; i < CLIENTS; i += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => visit(i + n)))
      world.clock.advance(2_000)
    }
    for (const tab of Object.values(at.tabs)) tab.close()
    const { hub, unitOfWork } = world.app
    const busy = (): boolean => hub.connections.size > 0 || engine!.clientsCount > 0
    for (let i = 0; i < 10_000 && busy(); i += 1) {
      await new Promise((turn) => setImmediate(turn))
      // Who went without a word while it polled is looked for by time.
      world.clock.advance(100)
    }
    // The last who typed, the graces of presence and of who was never let in, and the windows of the limits.
    for (let i = 0; i < 15; i += 1) await world.advance(5_000)
    await unitOfWork.settled()
    assert.deepEqual(
      ['typists', 'presences', 'calls'].filter((name) => !(name in hub.leftovers)),
      [],
    )
    for (const [name, left] of Object.entries(hub.leftovers)) assert.equal(left, 0, name)
    assert.equal(hub.queuedBytes, 0)
    assert.equal(engine!.clientsCount, 0)
    assert.equal(sockets!(), 0)
    const { items } = (await agent.get(`/api/helpdesk/channels/${publicId}/members`)).body as { items: Data[] }
    assert.equal(items.length, users.length)
    assert.ok(items.every(({ leftAt }) => leftAt !== null), 'everybody is known to have left')
  })
}
