import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Mischief, Model, snapshot } from '../src/modules/tracker/model.ts'
import type { Client, Frame } from '../src/testing/client.ts'
import { seeded } from '../src/testing/random.ts'
import { wander, Wanderer } from '../src/testing/wanderer.ts'
import { testWorld, type User, type World } from '../src/testing/world.ts'
import { parsePosition } from '../src/wire/position.ts'

const open = { trackerWritesPerMinute: 0, trackerFramesPerMinute: 0, maxConnectionsPerAccount: 1_000 } as const

class Visitor extends Wanderer {
  readonly user: User
  readonly model = new Model()
  protected readonly ping = { type: 'system', action: 'ping', payload: {} }
  private readonly world: World

  constructor(world: World, user: User) {
    super()
    this.world = world
    this.user = user
  }

  protected async open(since: string): Promise<Client> {
    const client = this.world.client(`/tracker/ws?token=${this.user.token}&since=${since}`)
    const first = await client.next()
    assert.equal(first.action, 'connected')
    // It repeats the position one came with, or is the first.
    if (since === 'now') this.startAt(first.position!)
    return client
  }

  protected isPong({ action }: Frame): boolean {
    return action === 'pong'
  }

  protected apply(frame: Frame): void {
    assert.notEqual(frame.action, 'resync')
    this.model.apply(frame)
  }
}

// 347444: a project was deleted while a member was away. 183952: a report had moved, and then its new project went.
for (const random of [seeded(), seeded(347_444), seeded(183_952)]) test(`K-5 hundreds of clients, cut at random moments, end with the state of a fresh read (seed ${random.seed})`, async () => {
  await using world = await testWorld({ config: open })
  const people: User[] = [
    await world.user('admin'),
    await world.user('mia', 'manager'),
    await world.user('max', 'manager'),
    await world.user('dora', 'developer'),
    await world.user('dan', 'developer'),
    await world.user('rita'),
  ]
  const wanderers = Array.from({ length: 240 }, (_, i) => new Visitor(world, people[i % people.length]!))
  const mischief = new Mischief(random, people)
  await wander(wanderers, random, 220, () => mischief.deed())
  const truth = new Map<number, object>()
  for (const person of people) truth.set(person.id, (await snapshot(person)).state)
  for (const { user, model } of wanderers) assert.deepEqual(model.state, truth.get(user.id), user.name)
  const resumed = wanderers.reduce((sum, wanderer) => sum + wanderer.resumed, 0)
  assert.ok(resumed > 200, `only ${resumed} resumes: no proof`)
})

async function filed(user: User, project: number, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const { status } = await user.post('/api/tracker/bug-reports', { project_id: project, title: `T${i}` })
    assert.equal(status, 201)
  }
}

async function projectOf(user: User): Promise<number> {
  return (await user.post('/api/tracker/projects', { name: 'P' })).body.id as number
}

test('K-5 a storm of clients that come back to the same gap reads it once, and each gets all of it', async () => {
  await using world = await testWorld({ config: open })
  const admin = await world.user('admin')
  const project = await projectOf(admin)
  const first = await world.connect(admin, '&since=now')
  await filed(admin, project, 1)
  const { position } = await first.next()
  await first.cut()
  const report = (await admin.get('/api/tracker/bug-reports')).body.items[0].id as number
  for (let i = 0; i < 10; i += 1) {
    const batch = Array.from({ length: 100 }, (_, n) =>
      admin.post(`/api/tracker/bug-reports/${report}/comments`, { content: `${i * 100 + n}` }),
    )
    await Promise.all(batch)
  }
  const before = world.app.hub.replay.queries
  const storm = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const client = world.client(`/tracker/ws?token=${admin.token}&since=${position}`)
      await client.expect('system/connected')
      return client
    }),
  )
  for (const client of storm) {
    const offsets = new Set<number>()
    let last = 0
    for (let i = 0; i < 1_000; i += 1) {
      const frame = await client.next()
      const { offset } = parsePosition(frame.position!)!
      assert.equal(`${frame.type}/${frame.action}`, 'comment/created')
      assert.ok(offset > last)
      offsets.add((last = offset))
    }
    assert.equal(offsets.size, 1_000)
    await client.expectNothing()
  }
  assert.ok(world.app.hub.replay.queries - before < 20, `${world.app.hub.replay.queries - before} queries`)
})

test('K-10 what was missed may be more than an outbox holds: it arrives whole, at the pace of the reader', async () => {
  await using world = await testWorld({ config: { ...open, maxPendingBytes: 16 * 1024 } })
  const admin = await world.user('admin')
  const project = await projectOf(admin)
  const { position } = (await admin.get('/api/tracker/bug-reports')).body as { position: string }
  const description = 'x'.repeat(10_000)
  for (let i = 0; i < 40; i += 1) {
    await admin.post('/api/tracker/bug-reports', { project_id: project, title: 'T', description })
  }
  const client = await world.connect(admin, `&since=${position}`)
  for (let i = 0; i < 40; i += 1) await client.expect('bug_report/created')
  await client.expectNothing()
})

test('K-11 nobody is given events of a project they have left meanwhile, not even what was meant for them alone', async () => {
  await using world = await testWorld({ config: open })
  const admin = await world.user('admin')
  const bo = await world.user('bo', 'developer')
  const project = await projectOf(admin)
  const members = `/api/tracker/projects/${project}/members`
  const client = await world.connect(bo, '&since=now')
  await filed(admin, project, 1)
  const { position } = (await bo.get('/api/tracker/projects')).body as { position: string }
  await client.cut()
  await admin.post(members, { user_id: bo.id })
  const report = (await admin.get('/api/tracker/bug-reports')).body.items[0].id as number
  await admin.post(`/api/tracker/bug-reports/${report}/assign`, { assignee_id: bo.id })
  await admin.post(`/api/tracker/bug-reports/${report}/comments`, { content: 'secret' })
  await admin.delete(`${members}/${bo.id}`)
  await filed(admin, project, 1)
  const back = await world.connect(bo, `&since=${position}`)
  await back.expect('project/deleted', { id: project })
  await back.expectNothing()
})

for (const [what, since] of [
  ['of another epoch', 'abcdefgh.1'],
  ['from the future', 'FUTURE'],
  ['that is none', '%00nonsense%F0%9F%92%A9'],
] as const) {
  test(`K-5 a position ${what} gets one resync, a fresh position, and live events`, async () => {
    await using world = await testWorld()
    const admin = await world.user('admin')
    const project = await projectOf(admin)
    const { position } = (await admin.get('/api/tracker/projects')).body as { position: string }
    const client = await world.connect(admin, `&since=${since === 'FUTURE' ? `${position}zzz` : since}`)
    const frame = await client.next()
    assert.deepEqual(Object.keys(frame), ['type', 'action', 'payload', 'position'])
    assert.equal(frame.action, 'resync')
    assert.equal(frame.position, position)
    await filed(admin, project, 1)
    await client.expect('bug_report/created')
    await client.expectNothing()
  })
}

test('K-5 a position older than the log gets one resync, never a part', async () => {
  await using world = await testWorld({ config: { eventRetentionMs: 60_000, accessTokenMs: 86_400_000 } })
  const admin = await world.user('admin')
  const project = await projectOf(admin)
  const { position } = (await admin.get('/api/tracker/projects')).body as { position: string }
  await filed(admin, project, 5)
  await world.advance(2 * 60 * 60_000)
  await filed(admin, project, 3)
  const client = await world.connect(admin, `&since=${position}`)
  const frame = await client.next()
  assert.equal(frame.action, 'resync')
  await client.expectNothing()
})

test('K-5 who does not ask sees the documented frames and nothing of the past', async () => {
  await using world = await testWorld()
  const admin = await world.user('admin')
  const project = await projectOf(admin)
  const client = await world.connect(admin)
  await filed(admin, project, 1)
  assert.deepEqual(Object.keys(await client.next()), ['type', 'action', 'payload'])
  await client.expectNothing()
})
