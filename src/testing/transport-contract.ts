import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Toy } from './toy.ts'

/** A stock client of one transport, speaking the toy protocol. */
export interface ToyClient {
  send(name: string, data: object): void
  /** Sends and waits for the answer to exactly this message. */
  ask(name: string, data: object): Promise<unknown>
  /** The next thing received: `[name, data]`. */
  next(): Promise<readonly unknown[]>
  /** What a client of this kind can send that is under every size limit and dies in a naive server. */
  sendNested(depth: number): void
  sendBinary(): void
  readonly closed: Promise<void>
  close(): void
}

export interface TransportKind {
  start(): Promise<{ toy: Toy; connect(token: string): Promise<ToyClient>; stop(): Promise<void> }>
}

/** One suite for every adapter: the promises of kernel/transport.ts, with a stock client at the other end. */
export function transportContract(name: string, kind: TransportKind): void {
  describe(`transport contract: ${name}`, () => {
    let world: Awaited<ReturnType<TransportKind['start']>>
    before(async () => {
      world = await kind.start()
    })
    after(() => world.stop())

    const hello = async (token: string): Promise<ToyClient> => {
      const client = await world.connect(token)
      assert.equal((await client.next())[0], 'hello')
      return client
    }

    test('one command, its reply, one event and one signal pass', async () => {
      const [ana, bo] = [await hello('user-1'), await hello('user-2')]
      assert.deepEqual(await ana.ask('echo', { text: 'hé 👍' }), { text: 'hé 👍' })
      ana.send('say', { text: 'one' })
      for (const client of [ana, bo]) assert.deepEqual(await client.next(), ['said', { text: 'one' }])
      bo.send('wave', { text: 'two' })
      for (const client of [ana, bo]) assert.deepEqual(await client.next(), ['waved', { text: 'two' }])
      ana.close()
      bo.close()
    })

    test('T-1 what is sent arrives in order, replies and events together', async () => {
      const client = await hello('user-1')
      for (let i = 0; i < 300; i += 1) {
        world.toy.hub.signal({ module: 'toy', type: 'n', audience: { to: ['toy:room'] }, payload: { i } })
        if (i % 100 === 50) await new Promise((resolve) => setImmediate(resolve))
      }
      for (let i = 0; i < 300; i += 1) assert.deepEqual(await client.next(), ['n', { i }])
      client.close()
    })

    test('K-2 an event is encoded once and its frames share one write', async () => {
      const clients = await Promise.all(['user-1', 'user-2', 'user-3'].map(hello))
      const { metrics } = world.toy.hub
      const before = (await metrics.writes.get()).values[0]!.value
      for (let i = 0; i < 10; i += 1) {
        world.toy.hub.signal({ module: 'toy', type: 'n', audience: { to: ['toy:room'] }, payload: { i } })
      }
      for (const client of clients) for (let i = 0; i < 10; i += 1) await client.next()
      const writes = (await metrics.writes.get()).values[0]!.value - before
      // Half a write per frame at the very most, whatever handshakes are still going on.
      assert.ok(writes < 5 * clients.length, `${writes} writes for 10 frames to each of ${clients.length}`)
      for (const client of clients) client.close()
    })

    test('T-2 what was sent before the close arrives before it', async () => {
      const client = await hello('user-1')
      for (const connection of world.toy.hub.connections) {
        if (connection.session?.account.id === 1) connection.end('drain', 'drain')
      }
      assert.deepEqual(await client.next(), ['bye', { reason: 'drain', code: 1001 }])
      await client.closed
    })

    test('T-2 nothing comes after the close, and what is sent to who has closed is lost without an error', async () => {
      const client = await hello('user-8')
      const [connection] = [...world.toy.hub.connections].filter((c) => c.session?.account.id === 8)
      connection!.end('drain', 'drain')
      connection!.send('["late",{}]')
      assert.equal((await client.next())[0], 'bye')
      await client.closed
      connection!.send('["later",{}]')
      connection!.end('drain', 'drain')
      const none = await Promise.race([client.next(), Promise.resolve('nothing')])
      assert.equal(none, 'nothing')
    })

    test('T-3 a client that goes is forgotten', async () => {
      const client = await hello('user-7')
      client.close()
      await client.closed
      const gone = (): boolean => [...world.toy.hub.connections].every((c) => c.session?.account.id !== 7)
      for (let i = 0; i < 1_000 && !gone(); i += 1) await new Promise((resolve) => setImmediate(resolve))
      assert.ok(gone())
    })

    test('K-9 20 000 nested arrays are one refused frame, and the connection stays', async () => {
      const client = await hello('user-1')
      client.sendNested(20_000)
      assert.equal((await client.next())[0], 'error')
      assert.deepEqual(await client.ask('echo', { text: 'still here' }), { text: 'still here' })
      client.close()
    })

    test('K-9 a binary message is one refused frame, and the connection stays', async () => {
      const client = await hello('user-1')
      client.sendBinary()
      assert.equal((await client.next())[0], 'error')
      assert.deepEqual(await client.ask('echo', { text: 'still here' }), { text: 'still here' })
      client.close()
    })

    test('K-9 an exception in a handler is one error without its inside, and the connection stays', async () => {
      const client = await hello('user-1')
      client.send('crash', {})
      const [name, data] = await client.next()
      assert.equal(name, 'error')
      assert.doesNotMatch(JSON.stringify(data), /secret/)
      assert.deepEqual(await client.ask('echo', { text: 'still here' }), { text: 'still here' })
      client.close()
    })
  })
}
