import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded, type Random } from '../../testing/random.ts'
import type { User, World } from '../../testing/world.ts'
import { keptOf, offsetOf, quiet, toldBy, type Told } from './mischief/resuming.ts'
import { lawless, Mischief } from './mischief/testing.ts'
import { Model, readChannel, type Known } from './model.ts'
import { channelsOf, homeRoom } from './rooms.ts'
import { scene, Tab } from './testing.ts'

/** One of somebody's devices, and what it believes from what it was sent. */
class Device {
  readonly user: User
  readonly model: Model
  tab: Tab | undefined
  resumed = 0
  resyncs = 0
  private readonly world: World
  private readonly random: Random
  private position = 'now'

  constructor(world: World, user: User, random: Random) {
    this.world = world
    this.user = user
    this.random = random
    this.model = new Model(user.id)
  }

  /** Comes back to the channels it knows, or to those and all others; now and then with a position that is none. */
  come(): void {
    const { random, position, model } = this
    const resuming = position !== 'now'
    const since = resuming && random.int(12) === 0 ? 'nonsense' : position
    if (resuming) this.resumed += 1
    const join = !resuming || random.int(6) === 0 ? 'all' : model.ids
    // Who comes with all of them leaves out what they see and are no member of.
    if (join === 'all') for (const id of model.ids) model.forget(id)
    const transports = random.pick([['websocket'], ['polling'], ['polling', 'websocket']])
    this.tab = new Tab(this.world.url, { auth: { token: this.user.token, since, join }, transports })
  }

  /** What has come until this moment was seen; what was on its way comes again. */
  go(): void {
    const tab = this.tab!
    this.tab = undefined
    if (this.random.int(2) === 0 && tab.socket.connected) tab.cut()
    tab.close()
    this.take(tab.events.splice(0))
    this.model.disconnected()
  }

  async leave(channelId: number): Promise<void> {
    const { tab } = this
    if (!tab?.socket.connected) return
    await tab.ask('leave_channel', channelId)
    if (tab !== this.tab) return
    this.take(tab.events.splice(0))
    this.model.forget(channelId)
  }

  /** Everything that was sent. */
  async hear(): Promise<void> {
    if (!this.tab) return
    this.take(await this.tab.drained())
    this.model.settle()
    await this.model.readWanted(this.user)
  }

  private take(events: Tab['events']): void {
    // Refusals are told in texts.
    const told = events.filter(([name]) => !name.endsWith(':error')).map(toldBy)
    if (this.position !== 'now') this.checkOrder(told)
    for (const one of told) {
      if (one.name === 'resync') this.resyncs += 1
      this.model.apply(one)
      if (one.position !== undefined) this.position = one.position
    }
  }

  private checkOrder(told: readonly Told[]): void {
    const [first] = keptOf(told)
    if (first && !told.some(({ name }) => name === 'resync')) {
      assert.ok(offsetOf(first.position!) > offsetOf(this.position), 'what was seen comes again')
    }
  }
}

const ROUNDS = { sqlite: 36, postgres: 6 } as const

for (const storage of ['sqlite', 'postgres'] as const) {
  for (const random of [seeded()]) {
    test(`H-E1 H-R1 H-R2 old state and events are the new state, on ${storage} (seed ${random.seed})`, async () => {
      await using at = await scene({ storage, config: lawless })
      const { world, admin, agent, customer, other } = at
      const people = [admin, agent, customer, other]
      for (const tab of Object.values(at.tabs)) tab.close()
      const devices = Array.from({ length: 8 }, (_, i) => new Device(world, people[i % people.length]!, random))
      const channels = [at.publicId, at.internalId, at.privateId]
      const tabOf = (user: User): Tab | undefined => {
        const tabs = devices.filter((device) => device.user === user && device.tab?.socket.connected)
        return tabs.length > 0 ? random.pick(tabs).tab : undefined
      }
      const mischief = new Mischief({ random, admin, agent, people, channels, tabOf })
      const calm = async (): Promise<void> => {
        for (const { tab } of devices) await tab?.connected()
        // The first time for what they have asked for themselves, then for what that has caused.
        await Promise.all(devices.map(async ({ tab }) => tab?.ask('leave_channel', 2_147_483_647)))
        await quiet(world)
        await Promise.all(devices.map((device) => device.hear()))
      }
      for (const device of devices) device.come()
      for (const { tab } of devices) for (const id of channels) tab!.emit('join_channel', id)
      await calm()
      let compared = 0
      for (let round = 0; round < ROUNDS[storage]; round += 1) {
        const moving = devices.filter(() => random.int(5) === 0)
        const leaver = random.pick(devices)
        for (const { tab } of devices) if (random.int(3) === 0) tab?.emit('join_channel', random.pick(channels))
        const deeds = Array.from({ length: 4 }, () => mischief.deed())
        for (const device of moving) if (device.tab) device.go()
        else device.come()
        if (random.int(4) === 0 && !moving.includes(leaver)) deeds.push(leaver.leave(random.pick(channels)))
        await Promise.all(deeds)
        world.clock.advance(1_000)
        if (round % 3 > 0) continue
        await calm()
        for (const user of people) {
          const own = devices.filter((device) => device.user === user && device.tab)
          const connections = [...world.app.hub.rooms.members(homeRoom(user.id))]
          const inside = connections.map(({ rooms }) => idsOf(channelsOf(rooms))).toSorted()
          assert.deepEqual(own.map(({ model }) => idsOf(model.ids)).toSorted(), inside, `${user.name}, ${round}`)
          for (const id of new Set(own.flatMap(({ model }) => model.ids))) {
            const read = await readChannel(user, id)
            assert.ok(read, `${user.name} is in ${id}, which they do not see; round ${round}`)
            for (const { model } of own) {
              if (!model.ids.includes(id)) continue
              const wasRemoved = mischief.removed.has(`${id}:${user.id}`)
              compare(model.state(id), read.known, wasRemoved, `${user.name}, ${id}, round ${round}`)
              compared += 1
            }
          }
        }
      }
      const resumed = devices.reduce((sum, device) => sum + device.resumed, 0)
      const resyncs = devices.reduce((sum, device) => sum + device.resyncs, 0)
      const done = mischief.statuses.filter((status) => status < 300).length
      assert.ok(compared > ROUNDS[storage], `only ${compared} comparisons: no proof`)
      const isProof = resumed > ROUNDS[storage] / 3 && (resyncs > 0 || storage === 'postgres')
      assert.ok(isProof, `only ${resumed} resumes and ${resyncs} resyncs: no proof`)
      assert.ok(done > ROUNDS[storage], `only ${done} deeds were not refused`)
      for (const { tab } of devices) tab?.close()
    })
  }
}

/** Nobody is told that they are a member, or that they were none for a while: then their markers begin anew. */
function compare(believed: Known, known: Known, wasRemoved: boolean, what: string): void {
  const isSteady = believed.isMember && known.isMember && !wasRemoved
  if (isSteady) assert.deepEqual(believed, known, what)
  else assert.deepEqual(unmarked(believed), unmarked(known), what)
}

const unmarked = ({ name, description, topic, archived, messages }: Known): object => ({
  ...{ name, description, topic, archived, messages },
})

const idsOf = (ids: readonly number[]): string => ids.toSorted((a, b) => a - b).join()
