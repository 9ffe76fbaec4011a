import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { bringIn, drained, made, workspaceProtocol } from '../src/modules/workspace/testing.ts'
import { testWorld, type World } from '../src/testing/world.ts'

const CYCLES = 1_000
const TYPISTS = 500

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

async function heapOf(): Promise<number> {
  for (let i = 0; i < 3; i += 1) {
    collect()
    await new Promise((turn) => setImmediate(turn))
  }
  return process.memoryUsage().heapUsed
}

/** Comes and goes in one of the ways clients do. */
async function visit(world: World, token: string, i: number): Promise<void> {
  const query = ['', '&since=now', '&since=nonsense', ''][i % 4]
  const client = world.client(`/tracker/ws?token=${i % 7 === 0 ? 'bad' : token}${query}`)
  if (i % 7 === 0) return client.expectClose(4401)
  if (i % 5 === 0) {
    await client.opened()
    return client.cut()
  }
  await client.expect('system/connected')
  if (i % 3 === 0) await client.cut()
  else await client.close()
}

function assertEmpty({ app: { hub } }: World): void {
  for (const [name, left] of Object.entries(hub.leftovers)) assert.equal(left, 0, name)
  assert.equal(hub.queuedBytes, 0)
}

test(`K-7 K-12 after ${CYCLES} clients have come and gone nothing of them is left`, async () => {
  await using world = await testWorld({ config: { upgradesPerMinutePerAddress: 0 } })
  const user = await world.user('ana')
  const { hub } = world.app
  const round = async (from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, n) => visit(world, user.token, i + n)))
      world.forgetClients()
    }
    for (let i = 0; i < 10_000 && hub.connections.size > 0; i += 1) await new Promise((turn) => setImmediate(turn))
    // The grace of presence, and what waits for it.
    world.clock.advance(10_000)
  }
  await round(0, 500)
  const before = await heapOf()
  await round(500, CYCLES)
  const after = await heapOf()
  assertEmpty(world)
  const growth = after - before
  assert.ok(growth < 5 * 1024 * 1024, `the heap grew by ${growth} bytes over ${CYCLES - 500} connections`)
})

test(`K-12 W-S1 W-S4 after ${TYPISTS} have come to a workspace, typed there and gone, nothing of them is left`, async () => {
  const config = { upgradesPerMinutePerAddress: 0, workspaceFrames: 1_000, workspaceAccountFrames: 100_000 }
  await using world = await testWorld({ config })
  const owner = await world.user('owner')
  const { id: workspace } = await made(owner, '/api/workspaces', { name: 'W' })
  const { items } = (await owner.get(`/api/workspaces/${workspace}/channels`)).body as { items: { id: string }[] }
  const users = [owner]
  for (const role of ['member', 'guest', 'member']) {
    const user = await world.user(`user${users.length}`)
    await bringIn(owner, workspace, user, { role, channel_ids: [items[0]!.id] })
    users.push(user)
  }
  const visitWorkspace = async (i: number): Promise<void> => {
    const token = i % 11 === 0 ? 'bad' : users[i % users.length]!.token
    const query = ['', '&since=now', '&since=nonsense'][i % 3]
    const client = world.client(`/ws/${workspace}?token=${token}${query}`, { protocol: workspaceProtocol })
    if (i % 11 === 0) return client.expectClose(4401)
    await client.opened()
    // Some go before they are quite there.
    if (i % 7 === 0) return client.cut()
    client.send({ type: 'typing', channel_id: items[0]!.id, is_typing: true })
    client.send({ type: 'typing', channel_id: `no-channel-${i}`, is_typing: true })
    if (i % 4 === 0) client.send({ type: 'typing', channel_id: items[0]!.id, is_typing: false })
    await drained(client)
    if (i % 2 === 0) await client.cut()
    else await client.close()
  }
  for (let i = 0; i < TYPISTS; i += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, n) => visitWorkspace(i + n)))
    world.clock.advance(2_000)
  }
  const { connections } = world.app.hub
  for (let i = 0; i < 10_000 && connections.size > 0; i += 1) await new Promise((turn) => setImmediate(turn))
  // The last who typed, the graces of presence, and the windows of the limits.
  for (let i = 0; i < 4; i += 1) await world.advance(5_000)
  assertEmpty(world)
})

/** A client that shakes hands and then never reads. */
function deaf(world: World, token: string): Promise<Socket> {
  const { hostname, port } = new URL(world.url)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.write(
    `GET /tracker/ws?token=${token} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  return new Promise((resolve) => {
    socket.once('data', () => {
      socket.pause()
      resolve(socket)
    })
  })
}

test('K-10 who stops reading is cut at the bound, and costs the others nothing', async () => {
  const maxPendingBytes = 256 * 1024
  await using world = await testWorld({ config: { maxPendingBytes, trackerWritesPerMinute: 0, pingIntervalMs: 86_400_000 } })
  const admin = await world.user('ana')
  const project = (await admin.post('/api/tracker/projects', { name: 'P' })).body.id as number
  const good = await world.connect(admin)
  const stuck = await Promise.all([deaf(world, admin.token), deaf(world, admin.token)])
  const { hub } = world.app
  const description = 'x'.repeat(18_000)
  let highest = 0
  let sent = 0
  // The kernel's own socket buffers take some megabytes first; then the bound is what counts.
  while (hub.connections.size > 1 && sent < 2_000) {
    const body = { project_id: project, title: `T${sent}`, description }
    const answers = await Promise.all(Array.from({ length: 5 }, () => admin.post('/api/tracker/bug-reports', body)))
    for (const { status } of answers) assert.equal(status, 201)
    sent += answers.length
    for (let i = 0; i < answers.length; i += 1) await good.expect('bug_report/created')
    highest = Math.max(highest, hub.queuedBytes)
    world.clock.advance(6_000)
    await new Promise((turn) => setImmediate(turn))
  }
  assert.equal(hub.connections.size, 1, `still there after ${sent} events`)
  assert.ok(highest < 3 * (maxPendingBytes + 5 * 20_000), `${highest} bytes were queued`)
  assert.equal((await hub.metrics.slowConsumers.get()).values[0]!.value, 2)
  await good.expectNothing()
  for (const socket of stuck) socket.destroy()
})
