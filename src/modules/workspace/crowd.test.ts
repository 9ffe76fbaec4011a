import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Client, Frame } from '../../testing/client.ts'
import { testWorld, type User, type World } from '../../testing/world.ts'
import { Outbox } from '../../kernel/outbox.ts'
import { connect, cut, drained, made, people, scene, workspaceProtocol } from './testing.ts'

/** A workspace with many people in it: what happens once must be paid for once. */

const CROWD = 100
const config = {
  upgradesPerMinutePerAddress: 0,
  maxConnectionsPerAddress: 0,
  workspaceWritesPerMinute: 0,
  accessTokenMs: 1e9,
  pongWaitMs: 1e9,
}

interface Crowd {
  readonly world: World
  readonly workspaceId: string
  readonly users: readonly User[]
}

async function crowd(): Promise<Crowd & AsyncDisposable> {
  const world = await testWorld({ config })
  const owner = await world.user('owner')
  const { id: workspaceId } = await made(owner, '/api/workspaces', { name: 'Acme' })
  const { token } = await made(owner, `/api/workspaces/${workspaceId}/invites`, {})
  const users = await Promise.all(Array.from({ length: CROWD }, (_, i) => world.user(`user${i}`)))
  await Promise.all(users.map((user) => made(user, '/api/invites/accept', { token })))
  return { world, workspaceId, users, [Symbol.asyncDispose]: () => world.close() }
}

const all = async ({ world, workspaceId, users }: Crowd): Promise<Client[]> => {
  const clients = await Promise.all(users.map((user) => connect(world, workspaceId, user)))
  await Promise.all(clients.map((client) => drained(client)))
  return clients
}

const opened = (world: World, workspaceId: string, { token }: User): Client =>
  world.client(`/ws/${workspaceId}?token=${token}`, { protocol: workspaceProtocol })

/** How often the face writes a signal down. */
function countEncodings(t: TestContext, { app }: World): { calls: () => number } {
  const [connection] = app.hub.connections
  const { mock } = t.mock.method(connection!.face, 'signal')
  return { calls: () => mock.callCount() }
}

test(`W-S3 of ${CROWD} people a change is told to each once, and written down once`, async (t) => {
  await using at = await crowd()
  const { world, workspaceId, users } = at
  const clients = await all(at)
  const encodings = countEncodings(t, world)
  const [first] = users
  for (const status of ['away', 'online', 'away'] as const) {
    const before = encodings.calls()
    assert.equal((await first!.put(`/api/workspaces/${workspaceId}/presence`, { status })).status, 200)
    const told = await Promise.all(clients.map((client) => drained(client)))
    for (const frames of told) assert.deepEqual(frames.map(({ data }) => data), [{ user_id: first!.uuid, status }])
    assert.equal(encodings.calls() - before, 1)
    // The same again is no change.
    await first!.put(`/api/workspaces/${workspaceId}/presence`, { status })
    assert.equal(encodings.calls() - before, 1)
  }
  // Those who ask for positions are another kind of reader, and share their bytes with each other: one encoding more.
  const some = users.slice(0, 20)
  const positioned = await Promise.all(some.map((user) => connect(world, workspaceId, user, '&since=now')))
  for (const client of [...clients, ...positioned]) await drained(client)
  const before = encodings.calls()
  await users[1]!.put(`/api/workspaces/${workspaceId}/presence`, { status: 'away' })
  await Promise.all([...clients, ...positioned].map((client) => client.expect('presence.updated')))
  assert.equal(encodings.calls() - before, 2)
})

test(`W-S1 W-S3 ${CROWD} who come back at once are told of each other in the same bytes, nobody of a leaving`, async (t) => {
  await using at = await crowd()
  const { world, workspaceId, users } = at
  const clients = await all(at)
  const watching = await connect(world, workspaceId, users[0]!)
  await Promise.all(clients.map((client) => client.cut()))
  while (world.app.hub.connections.size > 1) await new Promise((turn) => setImmediate(turn))
  await world.advance(5_000)
  const appended = t.mock.method(Outbox.prototype, 'append').mock
  const encodings = countEncodings(t, world)
  const back = await Promise.all(
    users.map(async (user) => {
      const client = opened(world, workspaceId, user)
      const frames: Frame[] = []
      while (frames.length < CROWD) frames.push(await client.next())
      return [...frames, ...(await drained(client))]
    }),
  )
  for (const frames of back) {
    assert.deepEqual(new Set(frames.map(({ data }) => data['user_id'])), new Set(users.map(({ uuid }) => uuid)))
    assert.equal(frames.length, CROWD)
    assert.ok(frames.every(({ type, data }) => type === 'presence.updated' && data['status'] === 'online'))
  }
  await watching.expectNothing()
  assert.equal(encodings.calls(), 0)
  // One frame object is one piece of memory, whoever it goes to.
  const large = appended.calls.map(({ arguments: [frame] }) => frame).filter(({ bytes }) => bytes.length > 1_000)
  assert.equal(large.length, CROWD)
  assert.equal(new Set(large).size, 1)
})

test(`W-S1 W-S3 ${CROWD} who come in the same moment after the grace: each is told once of everybody`, async (t) => {
  await using at = await crowd()
  const { world, workspaceId, users } = at
  const [watcher, ...others] = users as [User, ...User[]]
  const watching = await connect(world, workspaceId, watcher)
  const encodings = countEncodings(t, world)
  const clients = others.map((user) => opened(world, workspaceId, user))
  await Promise.all(clients.map((client) => client.opened()))
  // Each knows everybody in the end, nobody is told twice the same.
  const everybody = users.map(({ uuid }) => `${uuid} online`).toSorted()
  for (const client of clients) {
    const seen: string[] = []
    while (seen.length < CROWD) {
      const { type, data } = await client.next()
      assert.equal(type, 'presence.updated')
      seen.push(`${data['user_id'] as string} ${data['status'] as string}`)
    }
    assert.deepEqual(seen.toSorted(), everybody)
    await client.expectNothing()
  }
  assert.equal((await drained(watching)).length, CROWD - 1)
  assert.equal(encodings.calls(), CROWD - 1)
  for (const client of clients.slice(0, 3)) await cut(world, client)
  await world.advance(11_000)
  assert.deepEqual((await drained(watching)).map(({ data }) => data['status']), ['offline', 'offline', 'offline'])
  assert.equal(encodings.calls(), CROWD + 2)
})

test('W-S2 who was idle and comes back, with another device or after a cut, is online to themself too', async () => {
  await using world = await testWorld({ config })
  const users = [await world.user('ana'), await world.user('bo')] as [User, User]
  const [ana, bo] = users
  const { id: workspaceId } = await made(ana, '/api/workspaces', { name: 'Acme' })
  const { token } = await made(ana, `/api/workspaces/${workspaceId}/invites`, {})
  await made(bo, '/api/invites/accept', { token })
  const first = await Promise.all(users.map((user) => connect(world, workspaceId, user)))
  await world.advance(6 * 60_000)
  for (const client of first) await drained(client)
  await cut(world, first[1]!)
  // Both in the same moment, as far as that can be brought about.
  const second = users.map((user) => opened(world, workspaceId, user))
  for (const client of second) await client.opened()
  for (const client of [...second, first[0]!]) {
    const last = new Map((await drained(client)).map(({ data }) => [data['user_id'], data['status']]))
    assert.deepEqual(last, new Map([[ana.uuid, 'online'], [bo.uuid, 'online']]))
  }
})

test('W-P6 a guest whose channel is deleted no longer knows who was in it, but still knows of themself', async () => {
  await using at = await scene()
  const { guest, listening, world, workspaceId } = at
  assert.equal((await at.owner.delete(`/api/channels/${at.publicId}`)).status, 204)
  for (const person of people) await listening[person].expect('channel.deleted')
  // They are still together in the other one.
  await listening.guest.expectNothing()
  assert.equal((await at.owner.delete(`/api/channels/${at.privateId}`)).status, 204)
  await listening.guest.expect('channel.deleted')
  const gone = (await drained(listening.guest)).map(({ data }) => [data['user_id'], data['status']] as const)
  assert.deepEqual(new Map(gone), new Map([[at.owner.uuid, 'offline'], [at.member.uuid, 'offline']]))
  for (const person of ['owner', 'member'] as const) await listening[person].expect('channel.deleted')
  for (const person of ['owner', 'admin', 'member'] as const) await listening[person].expectNothing()
  const { items } = (await guest.get(`/api/workspaces/${workspaceId}/presence`)).body
  assert.deepEqual(items, [{ user_id: guest.uuid, status: 'online' }])
  const second = await connect(world, workspaceId, guest)
  await second.expectNothing()
})
