import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '../../testing/client.ts'
import { seeded } from '../../testing/random.ts'
import { testWorld, type User, type World } from '../../testing/world.ts'
import { lawless, Mischief } from './mischief/testing.ts'
import { Model, partnersOf, quiet, readAll, readState, readWanted } from './model.ts'
import { checkFrame, connect, match, ok, type DatingFrame } from './testing.ts'

const DEEDS = 60
const CHECK_EVERY = 4

/** One of somebody's devices, and what it believes from what it was sent. */
class Device {
  readonly user: User
  readonly world: World
  client: Client | undefined
  model: Model

  constructor(world: World, user: User) {
    this.world = world
    this.user = user
    this.model = new Model(user.uuid)
  }

  async come(): Promise<void> {
    this.client = await connect(this.world, this.user)
    this.model = new Model(this.user.uuid)
    await readAll(this.user, this.model)
    // Who is there was told when it came.
    const { items } = await ok(this.user.get('/api/dating/conversations'))
    for (const { partner } of items) if (partner.online) this.model.online.add(partner.id)
  }

  async go(): Promise<void> {
    const { client } = this
    this.client = undefined
    await client!.cut()
  }

  hear(frame: DatingFrame, mine: ReadonlySet<string>, what: string): void {
    const told = `${this.user.name} was sent ${JSON.stringify(frame)} after "${what}"`
    checkFrame(frame)
    const { data } = frame
    const { conversation_id: id } = (data['message'] ?? data) as { conversation_id?: string }
    assert.ok(id === undefined || mine.has(id), `${told}, of a conversation that is not theirs`)
    this.model.apply(frame)
    assert.deepEqual(this.model.oddities, [], told)
  }
}

for (const random of [seeded()]) {
  test(`D-E8 no change forgets its event: what was known, with the events, is what REST says (seed ${random.seed})`, async () => {
    await using world = await testWorld({ config: lawless })
    const people: User[] = []
    for (const name of ['ana', 'ben', 'cleo']) people.push(await world.user(name))
    for (const user of people) await ok(user.put('/api/dating/profile', { bio: '' }))
    await match(people[0]!, people[1]!)
    await match(people[0]!, people[2]!)
    // Who has one device is away with it.
    const devices = [...people, ...people.slice(0, 2), people[0]!].map((user) => new Device(world, user))
    const there = (): Device[] => devices.filter(({ client }) => client)
    const deviceOf = (user: User): Client | undefined => {
      const own = there().filter((device) => device.user === user)
      return own.length === 0 ? undefined : random.pick(own).client
    }
    const mischief = new Mischief(random, people, deviceOf)
    const standing = async () => {
      const each = people.map(async (user) => [user, await partnersOf(user)] as const)
      return new Map(await Promise.all(each))
    }
    let before = await standing()
    const hear = async (what: string): Promise<void> => {
      const listening = there()
      const frames = await quiet(
        world,
        listening.map(({ client }) => client!),
      )
      const after = await standing()
      for (const [i, device] of listening.entries()) {
        const mine = new Set([...before.get(device.user)!.keys(), ...after.get(device.user)!.keys()])
        for (const frame of frames[i]!) if (frame.event !== 'error') device.hear(frame, mine, what)
        await readWanted(device.user, device.model)
      }
      before = after
    }
    for (const device of devices) await device.come()
    await hear('all came')
    for (let i = 0; i < DEEDS; i += 1) {
      const device = random.pick(devices)
      const coming = random.int(6) === 0
      if (coming && device.client) await device.go()
      else if (coming) await device.come()
      const what = coming ? `${device.user.name} came or went` : await mischief.deed()
      world.clock.advance(1_000 + random.int(2) * 4_000)
      await hear(what)
      if (i % CHECK_EVERY !== 0) continue
      for (const user of people) {
        const [state, partners] = [await readState(user), before.get(user)!]
        for (const { model } of there().filter((one) => one.user === user)) {
          assert.deepEqual(model.stateOf(partners), state, `${user.name}, deed ${i}: ${what}`)
        }
      }
    }
    const done = mischief.statuses.filter((status) => status < 300).length
    assert.ok(done > DEEDS / 4, `only ${done} deeds were not refused`)
  })
}
