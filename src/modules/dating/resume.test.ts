import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client, Frame } from '../../testing/client.ts'
import { seeded, type Random } from '../../testing/random.ts'
import { wander, Wanderer } from '../../testing/wanderer.ts'
import { testWorld, type User, type World } from '../../testing/world.ts'
import { lawless, Mischief } from './mischief/testing.ts'
import { Model, partnersOf, quiet, readAll, readState, readWanted } from './model.ts'
import { checkFrame, datingProtocol, match, ok, open, type DatingFrame } from './testing.ts'

/** Positions from which nobody can resume. */
const spoilt = ['abcdefgh.1', 'zzz', '%00nonsense%F0%9F%92%A9', '']

/** One device of somebody, that comes back with or without the conversations it had joined. */
class Device extends Wanderer {
  readonly user: User
  readonly model: Model
  resyncs = 0
  protected readonly ping = datingProtocol.ping
  private readonly world: World
  private readonly random: Random

  constructor(world: World, user: User, random: Random) {
    super()
    this.world = world
    this.user = user
    this.random = random
    this.model = new Model(user.uuid)
  }

  get socket(): Client | undefined {
    return this.client
  }

  /** What came while everybody waited for quiet. */
  async heard(frames: readonly DatingFrame[]): Promise<void> {
    for (const frame of frames) await this.take(frame as unknown as Frame)
  }

  protected async open(since: string): Promise<Client> {
    const asked = since !== 'now' && this.random.int(12) === 0 ? this.random.pick(spoilt) : since
    const some = [...(await partnersOf(this.user)).keys()].filter(() => this.random.int(2) === 0)
    const joined = this.random.pick(['', '&join=all', `&join=${some.join()}`])
    // Coming and going is never repeated: who is there is told to who comes.
    this.model.online.clear()
    const client = open(this.world, this.user, `?since=${asked}${joined}`)
    const first = (await client.next()) as unknown as DatingFrame
    assert.equal(first.event, 'connection:established')
    if (since === 'now') {
      this.startAt(first.position!)
      await readAll(this.user, this.model)
    }
    return client
  }

  protected isPong(frame: Frame): boolean {
    return datingProtocol.nameOf(frame) === datingProtocol.pong
  }

  protected override async take(frame: Frame): Promise<void> {
    const { event } = frame as unknown as DatingFrame
    if (event === 'resync') {
      this.resyncs += 1
      this.startAt(frame.position!)
      await readAll(this.user, this.model)
    } else if (frame.position === undefined) this.model.apply(frame as unknown as DatingFrame, undefined, false)
    else await super.take(frame)
  }

  protected async apply(frame: Frame, offset: number): Promise<void> {
    const told = frame as unknown as DatingFrame
    checkFrame(told)
    this.model.apply(told, offset, false)
    assert.deepEqual(this.model.oddities, [], `${this.user.name}: ${JSON.stringify(frame)}`)
    await readWanted(this.user, this.model)
  }
}

const DEEDS = 48

for (const random of [seeded()]) {
  test(`D-E8 devices cut at any moment know in the end what one knows that stayed (seed ${random.seed})`, async () => {
    await using world = await testWorld({ config: lawless })
    const people: User[] = []
    for (const name of ['ana', 'ben', 'cleo']) people.push(await world.user(name))
    for (const user of people) await ok(user.put('/api/dating/profile', { bio: '' }))
    await match(people[0]!, people[1]!)
    await match(people[1]!, people[2]!)
    const stayers = people.map((user) => new Device(world, user, random))
    for (const stayer of stayers) await stayer.come()
    const devices = Array.from({ length: 12 }, (_, i) => new Device(world, people[i % people.length]!, random))
    const mischief = new Mischief(random, people, (user) => stayers.find((device) => device.user === user)?.socket)
    const deeds = async () => {
      await Promise.all([mischief.deed(), mischief.deed(), mischief.deed()])
      world.clock.advance(1_000)
    }
    await wander(devices, random, DEEDS, deeds, 1)
    for (const stayer of stayers) await stayer.catchUp()
    const all = [...devices, ...stayers]
    const frames = await quiet(
      world,
      all.map(({ socket }) => socket!),
    )
    for (const [i, device] of all.entries()) await device.heard(frames[i]!)
    for (const user of people) {
      const [state, partners] = [await readState(user), await partnersOf(user)]
      for (const device of all.filter((one) => one.user === user)) {
        assert.deepEqual(device.model.stateOf(partners), state, user.name)
      }
    }
    const resumed = devices.reduce((sum, device) => sum + device.resumed, 0)
    const resyncs = devices.reduce((sum, device) => sum + device.resyncs, 0)
    assert.ok(resumed > 20 && resyncs > 0, `only ${resumed} resumes and ${resyncs} resyncs: no proof`)
  })
}
