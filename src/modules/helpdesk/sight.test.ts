import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quiet } from './mischief/resuming.ts'
import { homeRoom, joinedRoom } from './rooms.ts'
import { joinAll, made, scene, Tab, type Scene } from './testing.ts'

const api = '/api/helpdesk'

const isIn = ({ world, customer }: Scene, channelId: number): boolean =>
  [...world.app.hub.rooms.members(homeRoom(customer.id))].some(({ rooms }) => rooms.has(joinedRoom(channelId)))

test('H-P3 who loses sight of a channel in the moment they come into it hears nothing of it', async (t) => {
  await using at = await scene()
  const { world, agent, customer, tabs } = at
  const { unitOfWork, hub } = world.app
  const run = unitOfWork.run.bind(unitOfWork)
  /** The next so many units are committed together, in the order in which they come. */
  const together = (count: number): void => {
    const held: (() => void)[] = []
    const mock = t.mock.method(unitOfWork, 'run', (work: Parameters<typeof run>[0]) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      held.push(resolve)
      if (held.length === count) mock.mock.restore()
      if (held.length === count) for (const go of held) go()
      return promise.then(() => run(work))
    })
  }
  const hide = async (id: number): Promise<void> => {
    assert.equal((await agent.patch(`${api}/channels/${id}`, { visibility: 'internal' })).status, 200)
  }
  const say = async (id: number): Promise<void> => {
    assert.equal((await agent.post(`${api}/channels/${id}/messages`, { message: 'not for customers' })).status, 201)
  }
  const channel = async (memberIds: readonly number[]): Promise<number> =>
    (await made(agent, `${api}/channels`, { name: 'race', memberIds })).id as number
  const turn = (): Promise<void> => new Promise((next) => setImmediate(next))

  for (const memberIds of [[], [customer.id]]) {
    const id = await channel(memberIds)
    together(2)
    tabs.customer.emit('join_channel', id)
    while (!isIn(at, id)) await turn()
    await hide(id)
    await say(id)
    await quiet(world)
    assert.ok(!isIn(at, id), 'joined and hidden in one commit')
    const heard = (await tabs.customer.drained()).map(([name]) => name)
    assert.ok(!heard.includes('chat:new_message'), String(heard))
  }

  for (const memberIds of [[], [customer.id]]) {
    const id = await channel(memberIds)
    if (memberIds.length === 0) await joinAll(at, id, ['customer'])
    const { position } = (await agent.get(`${api}/channels?limit=1`)).body
    const { promise, resolve } = Promise.withResolvers<void>()
    const mock = t.mock.method(hub.fanout, 'reach', () => promise)
    const tab = new Tab(world.url, { auth: { token: customer.token, since: position as string, join: [id] } })
    while (mock.mock.callCount() === 0) await turn()
    await hide(id)
    await say(id)
    mock.mock.restore()
    resolve()
    await quiet(world)
    assert.ok(!isIn(at, id), 'hidden between the reading of what is seen and the replay')
    const heard = (await tab.drained()).map(([name]) => name)
    assert.ok(!heard.includes('chat:new_message') && !heard.includes('user_joined'), String(heard))
    tab.close()
  }

  const id = await channel([])
  await joinAll(at, id, ['agent', 'customer'])
  together(2)
  await Promise.all([hide(id), turn().then(() => say(id))])
  const heard = (await tabs.customer.drained()).map(([name]) => name)
  assert.deepEqual(heard, ['user_left'], 'what is said right after, in the same commit, is not heard')
})

test('H-R1 who comes with a channel has joined it like everybody else', async () => {
  await using at = await scene()
  const { world, customer, agent, publicId, tabs } = at
  await joinAll(at, publicId, ['customer'])
  await tabs.customer.done('leave_channel', publicId)
  const members = async (): Promise<{ userId: number; joinedAt: string | null; leftAt: string | null }[]> =>
    (await agent.get(`${api}/channels/${publicId}/members`)).body.items
  for (let visit = 0; visit < 2; visit += 1) {
    const tab = new Tab(world.url, { auth: { token: customer.token, since: 'now', join: [publicId] } })
    await tab.find('user_joined')
    await quiet(world)
    const here = (await members()).find(({ userId }) => userId === customer.id)
    assert.deepEqual([typeof here!.joinedAt, here!.leftAt], ['string', null])
    tab.close()
    await tab.disconnected()
    while (isIn(at, publicId)) await new Promise((next) => setImmediate(next))
    for (let i = 0; i < 2; i += 1) await world.advance(2_000)
    assert.equal(typeof (await members()).find(({ userId }) => userId === customer.id)!.leftAt, 'string')
  }
})
