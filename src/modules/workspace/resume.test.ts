import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client, Frame } from '../../testing/client.ts'
import { seeded, type Random } from '../../testing/random.ts'
import { wander, Wanderer } from '../../testing/wanderer.ts'
import { testWorld, type User, type World } from '../../testing/world.ts'
import { Mischief, readAll, readWanted } from './mischief/testing.ts'
import { Model } from './model.ts'
import { bringIn, made, workspaceProtocol } from './testing.ts'

/** Positions from which nobody can resume. */
const spoilt = ['abcdefgh.1', 'zzz', '%00nonsense%F0%9F%92%A9', '']

/** One device of a person of the workspace. */
class Device extends Wanderer {
  readonly user: User
  model: Model
  resyncs = 0
  protected readonly ping = workspaceProtocol.ping
  private readonly world: World
  private readonly workspaceId: string
  private readonly random: Random

  constructor(world: World, workspaceId: string, user: User, random: Random) {
    super()
    this.world = world
    this.workspaceId = workspaceId
    this.user = user
    this.random = random
    this.model = new Model(user.uuid)
  }

  /** Forgets everything of a workspace of which its person is not a member any more. */
  override async go(): Promise<void> {
    const { client } = this
    await super.go()
    if (client!.closed!.code === 4403) this.forget()
  }

  protected async open(since: string): Promise<Client | undefined> {
    const asked = since !== 'now' && this.random.int(12) === 0 ? this.random.pick(spoilt) : since
    const client = this.world.client(`/ws/${this.workspaceId}?token=${this.user.token}&since=${asked}`, {
      protocol: workspaceProtocol,
    })
    const first = await client.next()
    if (first.type === 'error') {
      assert.equal(first.data['code'], 'UNAUTHORIZED')
      await client.expectClose(4403)
      this.forget()
      return undefined
    }
    if (asked !== since) assert.equal(first.type, 'resync')
    if (since === 'now') this.model = await readAll(this.user, this.workspaceId)
    client.frames.unshift(first)
    return client
  }

  protected isPong({ type }: Frame): boolean {
    return type === 'pong'
  }

  protected override async take(frame: Frame): Promise<void> {
    if (frame.type !== 'resync') return super.take(frame)
    this.resyncs += 1
    this.startAt(frame.position!)
    this.model = await readAll(this.user, this.workspaceId)
  }

  protected async apply(frame: Frame, offset: number): Promise<void> {
    this.model.apply(frame, offset)
    await readWanted(this.user, this.model)
  }

  private forget(): void {
    this.startAt('now')
    this.model = new Model(this.user.uuid)
  }
}

const DEEDS = 180
const config = {
  workspaceWritesPerMinute: 0,
  workspacePings: 0,
  maxConnectionsPerAccount: 1_000,
  upgradesPerMinutePerAddress: 0,
}

for (const random of [seeded()]) test(`K-5 K-11 W-E5 W-E8 devices that come and go know what a fresh read says (seed ${random.seed})`, async () => {
  await using world = await testWorld({ config })
  const people: User[] = []
  for (const name of ['owner', 'ada', 'mia', 'max', 'gus', 'gwen']) people.push(await world.user(name))
  const [owner, ...others] = people as [User, ...User[]]
  const workspaceId = (await made(owner, '/api/workspaces', { name: 'Acme' })).id as string
  const channels = [(await owner.get(`/api/workspaces/${workspaceId}/channels`)).body.items[0].id as string]
  for (const type of ['public', 'private', 'public']) {
    const body = { type, name: `${type} ${channels.length}` }
    channels.push((await made(owner, `/api/workspaces/${workspaceId}/channels`, body)).id as string)
  }
  const roles = ['admin', 'member', 'member', 'guest', 'guest']
  for (const [i, user] of others.entries()) {
    await bringIn(owner, workspaceId, user, { role: roles[i], channel_ids: channels.slice(1, 3) })
  }
  const deviceOf = (user: User): Device => new Device(world, workspaceId, user, random)
  const devices = Array.from({ length: 36 }, (_, i) => deviceOf(people[i % people.length]!))
  // Nobody is made a guest: then a device may keep what it no longer sees (replay.test.ts, todo).
  const mischief = new Mischief(random, people, workspaceId, channels, ['member', 'admin'])
  // Three at a time: they share a transaction, and what one of them may see changes in the middle of it.
  const deeds = () => Promise.all([mischief.deed(), mischief.deed(), mischief.deed()])
  await wander(devices, random, DEEDS / 3, deeds, 1)
  const truth = new Map<User, Model>()
  for (const person of people) truth.set(person, await readAll(person, workspaceId))
  for (const { user, model, away } of devices) {
    const fresh = truth.get(user)!
    assert.equal(away, fresh.seen.length === 0, `${user.name} is let in if and only if they are a member`)
    assert.deepEqual(model.state, fresh.state, user.name)
    assert.deepEqual(model.differences(fresh), [], user.name)
  }
  const resumed = devices.reduce((sum, device) => sum + device.resumed, 0)
  const resyncs = devices.reduce((sum, device) => sum + device.resyncs, 0)
  assert.ok(resumed > 40 && resyncs > 0, `only ${resumed} resumes and ${resyncs} resyncs: no proof`)
})
