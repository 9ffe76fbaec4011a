import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { Client, Frame } from '../../testing/client.ts'
import { seeded } from '../../testing/random.ts'
import { testWorld, type User, type World } from '../../testing/world.ts'
import { Mischief, readAll, readPresence, readWanted, type Deed } from './mischief/testing.ts'
import { Model } from './model.ts'
import { bringIn, checkFrame, connect, drained, made } from './testing.ts'

const BURSTS = 4
const DEEDS = 25

const config = {
  workspaceWritesPerMinute: 0,
  workspacePings: 0,
  workspaceFrames: 1_000_000,
  workspaceAccountFrames: 0,
  accessTokenMs: 86_400_000,
  pongWaitMs: 86_400_000,
}

/** How a person stands to a workspace: `sees` and `in` are ids of channels, `knows` of people. */
interface Standing {
  readonly member: boolean
  readonly full: boolean
  readonly sees: ReadonlySet<string>
  readonly in: ReadonlySet<string>
  readonly knows: ReadonlySet<string>
}

/** Who may see what, by the rows and by the rules as they are written: not by the code that is on trial. */
class Truth {
  private readonly file: DatabaseSync
  private readonly channelOf = new Map<string, string>()

  constructor({ folder }: World) {
    this.file = new DatabaseSync(join(folder, 'switchboard.db'), { readOnly: true })
  }

  standing({ uuid }: User): Standing {
    const rows = (sql: string) => this.file.prepare(sql).all().map((row) => Object.values(row).map(String))
    const all = new Map(
      rows('select a.uuid, m.role from workspace_members m join accounts a on a.id = m.user_id') as [string, string][],
    )
    const role = all.get(uuid)
    const members = rows(
      `select c.uuid as channel, a.uuid as person
       from workspace_channel_members cm join workspace_channels c on c.id = cm.channel_id
       join accounts a on a.id = cm.user_id`,
    ) as [string, string][]
    const inside = new Set(members.filter(([, who]) => who === uuid).map(([channel]) => channel))
    const open = rows(`select uuid from workspace_channels where type = 'public'`).map(([id]) => id!)
    const full = role !== undefined && role !== 'guest'
    const met = members.filter(([channel]) => inside.has(channel)).map(([, who]) => who)
    return {
      member: role !== undefined,
      full,
      in: inside,
      sees: full ? inside.union(new Set(open)) : inside,
      knows: new Set([uuid, ...(full ? all.keys() : met)]),
    }
  }

  /** Every message there ever was, and its channel. */
  note(): void {
    const sql = `select t.uuid as id, c.uuid as channel
      from workspace_messages t join workspace_channels c on c.id = t.channel_id`
    for (const { id, channel } of this.file.prepare(sql).all()) this.channelOf.set(String(id), String(channel))
  }

  /** Whether a frame may come to somebody who stood so before the deed that caused it and stands so after it. */
  mayHear({ type, data }: Frame, before: Standing, after: Standing): boolean {
    const text = (key: string): string => data[key] as string
    switch (type) {
      case 'channel.created':
      case 'channel.updated':
        return after.sees.has(text('id'))
      case 'channel.deleted':
        return before.sees.has(text('id')) && !after.sees.has(text('id'))
      case 'member.joined':
        return after.in.has(text('channel_id'))
      case 'member.left':
        return before.in.has(text('channel_id'))
      case 'typing.start':
      case 'typing.stop':
        return before.in.has(text('channel_id'))
      case 'presence.updated':
        return before.knows.has(text('user_id')) || after.knows.has(text('user_id'))
      default: {
        const message = text('id') ?? text('message_id') ?? text('parent_message_id')
        const channel = text('channel_id') ?? this.channelOf.get(message)
        return channel !== undefined && before.in.has(channel) && after.in.has(channel)
      }
    }
  }

  close(): void {
    this.file.close()
  }
}

/** Somebody who listens while they are a member, and what they believe. */
class Watcher {
  readonly user: User
  model: Model
  client: Client | undefined
  standing: Standing
  private readonly world: World
  private readonly workspaceId: string

  constructor(world: World, workspaceId: string, user: User, standing: Standing) {
    this.world = world
    this.workspaceId = workspaceId
    this.user = user
    this.standing = standing
    this.model = new Model(user.uuid)
  }

  async come(): Promise<void> {
    this.client = await connect(this.world, this.workspaceId, this.user)
    this.model = await readAll(this.user, this.workspaceId)
    for (const [id, status] of await readPresence(this.user, this.workspaceId)) this.model.presence.set(id, status)
  }

  /** All that came after a deed; with it the close of who is not a member any more. */
  async heard(isMember: boolean): Promise<Frame[]> {
    if (isMember) return drained(this.client!)
    const { client } = this
    this.client = undefined
    await client!.expectClose(4403)
    assert.equal(client!.frames.at(-1)?.type, 'error')
    return client!.frames
  }

  /** What the server would send them is what they may see: no room is left, none is missing. */
  checkRooms(): void {
    const { standing, user, workspaceId } = this
    const wanted = [`workspace:${workspaceId}:user:${user.id}`]
    if (standing.full) wanted.push(`workspace:${workspaceId}:full`)
    for (const id of standing.in) {
      wanted.push(`workspace:channel:${id}`, ...(standing.full ? [] : [`workspace:guests:${id}`]))
    }
    const [connection] = [...this.world.app.hub.connections].filter(({ session }) => session?.account.id === user.id)
    const rooms = [...connection!.rooms].filter((room) => room.startsWith('workspace:'))
    assert.deepEqual(rooms.toSorted(), wanted.toSorted(), user.name)
  }

  typing(channel_id: string, is_typing: boolean): void {
    this.client?.send({ type: 'typing', channel_id, is_typing })
  }
}

async function hear(truth: Truth, watchers: readonly Watcher[], deed: Deed, workspaceId: string): Promise<void> {
  truth.note()
  await Promise.all(
    watchers.map(async (watcher) => {
      const { user, model, standing: before } = watcher
      const after = truth.standing(user)
      watcher.standing = after
      if (!before.member) return after.member && (await watcher.come())
      for (const frame of await watcher.heard(after.member)) {
        checkFrame(frame, workspaceId)
        if (frame.type === 'error') continue
        const told = `${user.name} was sent ${JSON.stringify(frame)} after "${deed.what}"`
        assert.ok(truth.mayHear(frame, before, after), `${told}, which they must not see`)
        model.apply(frame)
        assert.deepEqual(model.oddities, [], told)
      }
      if (deed.founded?.by === user) model.founded(deed.founded.id)
      // What is told of a new channel is all there is to know of it.
      if (deed.founded) model.wanted.delete(deed.founded.id)
      await readWanted(user, model)
    }),
  )
}

for (const offset of [0]) {
  const random = seeded(Number(process.env['SEED'] ?? 7) + offset)
  const rules = 'W-E1 W-E3 W-E5 W-E6 W-E7 W-E8 W-P5 W-P6'
  test(`${rules} no change forgets its event or tells too much: old state + events = new state (seed ${random.seed})`, async () => {
    await using world = await testWorld({ config })
    const names = ['owner', 'ada', 'mia', 'max', 'gus', 'gwen']
    const people: User[] = []
    for (const name of names) people.push(await world.user(name))
    const [owner, ...others] = people as [User, ...User[]]
    const workspaceId = (await made(owner, '/api/workspaces', { name: 'Acme' })).id as string
    const ws = `/api/workspaces/${workspaceId}`
    const channels: string[] = []
    for (const type of ['public', 'private', 'public']) {
      channels.push((await made(owner, `${ws}/channels`, { type, name: `${type} ${channels.length}` })).id as string)
    }
    const roles = ['admin', 'member', 'member', 'guest', 'guest']
    for (const [i, user] of others.entries()) {
      await bringIn(owner, workspaceId, user, { role: roles[i], channel_ids: channels.slice(0, 2) })
    }
    const general = (await owner.get(`${ws}/channels?q=general`)).body.items[0].id as string
    const truth = new Truth(world)
    const watchers = people.map((user) => new Watcher(world, workspaceId, user, truth.standing(user)))
    for (const watcher of watchers) await watcher.come()
    for (const { client, model, user } of watchers) {
      await drained(client!)
      for (const [id, status] of await readPresence(user, workspaceId)) model.presence.set(id, status)
    }
    const mischief = new Mischief(random, people, workspaceId, [general, ...channels])
    const statuses: number[] = []
    for (let burst = 0; burst < BURSTS; burst += 1) {
      for (let i = 0; i < DEEDS; i += 1) {
        random.pick(watchers).typing(random.pick(channels), random.int(2) === 0)
        for (const { client } of watchers) if (client) await client.opened()
        const deed = await mischief.deed()
        statuses.push(deed.status)
        await hear(truth, watchers, deed, workspaceId)
        world.clock.advance(1_000)
      }
      // Who has come back with the last deed has been seen.
      await hear(truth, watchers, { what: 'nothing', status: 200 }, workspaceId)
      for (const watcher of watchers) {
        const { user, model, client } = watcher
        if (!client) continue
        watcher.checkRooms()
        const fresh = await readAll(user, workspaceId)
        assert.deepEqual(model.state, fresh.state, `${user.name}, burst ${burst}`)
        assert.deepEqual(model.differences(fresh), [], `${user.name}, burst ${burst}`)
        assert.deepEqual(model.presence, await readPresence(user, workspaceId), `${user.name}, burst ${burst}`)
      }
    }
    for (const { client } of watchers) await client?.close()
    truth.close()
    const done = statuses.filter((status) => status < 300).length
    assert.ok(done > statuses.length * 0.4, `only ${done} deeds were not refused`)
  })
}
