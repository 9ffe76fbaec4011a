import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { turn } from '../../testing/peer.ts'
import { eventually, gone, onlineAs, presence } from './testing-sockets.ts'
import { everyone, expectEvents, joinAll, made, scene, Tab, type Scene } from './testing.ts'

/** Several tabs of one person: specs/helpdesk.md, "Multi-tab Support". */

let at: Scene & AsyncDisposable
before(async () => {
  at = await scene()
  await joinAll(at, at.publicId, ['admin', 'agent'])
})
after(() => at[Symbol.asyncDispose]())

const GRACE_MS = 2_000
const toAll = Object.fromEntries(everyone.map((person) => [person, presence] as const))
/** Time of which the others notice nothing. */
const quiet = async (ms: number): Promise<void> => {
  await at.world.advance(ms)
  await expectEvents(at, {})
}

test('H-S1 a person is online with the first tab, offline with the last, and counted at all times', async () => {
  const { world, tabs } = at
  const guest = await world.user('guest')
  const first = await at.tab(guest)
  for (const [updated, update] of Object.values(await expectEvents(at, toAll)) as [object, object][]) {
    assert.deepEqual(updated, {
      userId: guest.id,
      userDisplayName: 'guest',
      status: 'online',
      statusMessage: null,
      customStatus: null,
      timestamp: new Date(world.clock.now()).toISOString(),
      reason: 'status_change',
    })
    assert.deepEqual(update, { userId: guest.id, status: 'online', connectionCount: 1 })
  }
  const second = await at.tab(guest)
  const third = await at.tab(guest, { transports: ['polling'] })
  assert.deepEqual(await onlineAs(tabs.admin, guest), ['online', 3])
  await second.done('presence:set_status', 'busy')
  assert.deepEqual((await expectEvents(at, toAll)).admin![1], { userId: guest.id, status: 'busy', connectionCount: 3 })
  await gone(at, first, 'cut')
  await quiet(GRACE_MS + 100)
  assert.deepEqual(await onlineAs(second, guest), ['busy', 2])
  await gone(at, third)
  await quiet(GRACE_MS + 100)
  assert.deepEqual(await onlineAs(second, guest), ['busy', 1])
  await gone(at, second)
  await quiet(GRACE_MS - 200)
  await world.advance(300)
  for (const [updated, update] of Object.values(await expectEvents(at, toAll)) as [Record<string, unknown>, object][]) {
    assert.deepEqual([updated['userId'], updated['status'], updated['reason']], [guest.id, 'offline', 'disconnect'])
    assert.deepEqual(update, { userId: guest.id, status: 'offline', connectionCount: 0 })
  }
  assert.equal(await onlineAs(tabs.admin, guest), undefined)
})

test('H-S1 H-E5 a tab that comes back within the grace was never away, however it went', async () => {
  const { tabs, publicId, customer } = at
  let tab = tabs.customer
  await tab.done('join_channel', publicId)
  await expectEvents(at, { admin: ['user_joined'], agent: ['user_joined'], customer: ['user_joined'] })
  for (const how of ['cut', 'close'] as const) {
    await gone(at, tab, how)
    await at.world.advance(GRACE_MS - 200)
    assert.deepEqual(await onlineAs(tabs.admin, customer), ['online', 0])
    tab = await at.tab(customer)
    Object.assign(tabs, { customer: tab })
    // As the document’s client does it: authenticated, then joined again.
    await tab.done('join_channel', publicId)
    await tab.expect('user_joined', { userId: customer.id, channelId: publicId })
    await quiet(GRACE_MS + 100)
    assert.deepEqual(await onlineAs(tabs.admin, customer), ['online', 1])
  }
  // Back, but not in the channel: out of it when the grace is over.
  await gone(at, tab)
  tab = await at.tab(customer)
  Object.assign(tabs, { customer: tab })
  await quiet(GRACE_MS - 200)
  await at.world.advance(300)
  const got = await expectEvents(at, { admin: ['user_left'], agent: ['user_left'] })
  assert.deepEqual(got.admin, got.agent)
  const { userId, userDisplayName, reason } = got.admin![0]
  assert.deepEqual([userId, userDisplayName, reason], [customer.id, 'customer', 'disconnect'])
})

test('H-E5 others see the first tab of a person join and the last one leave; a tab sees its own joining', async () => {
  const { world, tabs, customer, publicId, privateId } = at
  const second = await at.tab(customer)
  const joined = {
    userId: customer.id,
    userDisplayName: 'customer',
    userRole: 'customer',
    channelId: publicId,
    joinedAt: new Date(world.clock.now()).toISOString(),
  }
  assert.deepEqual(await tabs.customer.done('join_channel', String(publicId)), { ok: true, channelId: publicId })
  const all = { admin: ['user_joined'], agent: ['user_joined'], customer: ['user_joined'] } as const
  const got = await expectEvents(at, all)
  for (const person of ['admin', 'agent', 'customer'] as const) assert.deepEqual(got[person], [joined])
  await second.expectNothing()

  await second.done('join_channel', publicId)
  await second.expect('user_joined', joined)
  await expectEvents(at, {})
  // Again on the same tab: answered again.
  await second.done('join_channel', publicId)
  await second.expect('user_joined', joined)
  await expectEvents(at, {})

  await made(customer, `/api/helpdesk/channels/${publicId}/messages`, { message: 'once in each tab' })
  const message = ['chat:new_message'] as const
  await expectEvents(at, { admin: message, agent: message, customer: message })
  await second.expect('chat:new_message')
  await second.expectNothing()

  // By word with one, without a word with the other.
  assert.equal((await tabs.customer.done('leave_channel', publicId)).left, true)
  assert.equal((await tabs.customer.done('leave_channel', publicId)).left, false)
  await quiet(GRACE_MS + 100)
  await gone(at, second, 'cut')
  await quiet(GRACE_MS - 200)
  await world.advance(300)
  const told = await expectEvents(at, { admin: ['user_left'], agent: ['user_left'] })
  assert.equal(told.admin![0].reason, 'disconnect')

  // Without a word with one, by word with the last: at once.
  const third = await at.tab(customer)
  for (const tab of [third, tabs.customer]) await tab.done('join_channel', publicId)
  for (const person of everyone) await tabs[person].drained()
  await gone(at, third)
  await quiet(GRACE_MS + 100)
  await tabs.customer.done('leave_channel', publicId)
  const left = await expectEvents(at, { admin: ['user_left'], agent: ['user_left'] })
  assert.deepEqual(left.admin, [
    {
      userId: customer.id,
      userDisplayName: 'customer',
      channelId: publicId,
      leftAt: new Date(world.clock.now()).toISOString(),
      reason: 'leave',
    },
  ])
  // What happens in one channel is not told in another.
  await joinAll(at, privateId, ['agent'])
  await tabs.customer.done('join_channel', privateId)
  await expectEvents(at, { agent: ['user_joined'], customer: ['user_joined'] })
  await tabs.customer.done('leave_channel', privateId)
  await expectEvents(at, { agent: ['user_left'] })
  await tabs.agent.done('leave_channel', privateId)
})

test('H-E5 joining and leaving in a burst, with tabs that go in the middle of it, leaves nobody behind', async () => {
  const { world, tabs, publicId } = at
  const busy = await world.user('busy')
  const opened: Tab[] = []
  for (let i = 0; i < 4; i += 1) opened.push(await at.tab(busy))
  for (const person of everyone) await tabs[person].drained()
  for (const tab of opened) {
    for (let i = 0; i < 10; i += 1) tab.emit(i % 2 === 0 ? 'join_channel' : 'leave_channel', publicId)
    tab.emit('join_channel', publicId)
  }
  // Two are cut while they are at it, two stay to the end.
  opened[0]!.cut()
  opened[1]!.close()
  for (const tab of opened.slice(2)) await tab.drained()
  await eventually(() => world.app.hub.connections.size === everyone.length + 2, 'the going of two tabs')
  await world.app.unitOfWork.settled()
  await world.advance(GRACE_MS + 100)
  const events = (await tabs.admin.drained()).map(([name]) => name)
  // Each joining that was told has been followed by its leaving, but the last.
  assert.deepEqual(events.filter((_, i) => i % 2 === 0).filter((name) => name !== 'user_joined'), [])
  assert.deepEqual(events.filter((_, i) => i % 2 === 1).filter((name) => name !== 'user_left'), [])
  assert.equal(events.at(-1), 'user_joined')
  assert.deepEqual(await onlineAs(tabs.admin, busy), ['online', 2])
  for (const tab of opened.slice(2)) await gone(at, tab)
  await world.advance(GRACE_MS + 100)
  const told = (await tabs.admin.drained()).map(([name]) => name)
  assert.deepEqual(told.toSorted(), [...presence, 'user_left'].toSorted())
  await tabs.agent.drained()
  await tabs.customer.drained()
  await tabs.other.drained()
})

test('H-E5 a tab that leaves while it is still being opened takes no other one out', async (t) => {
  const { world, tabs, customer, publicId } = at
  await joinAll(at, publicId, ['customer'])
  let open = (): void => undefined
  const held = new Promise<void>((resolve) => (open = resolve))
  const { fanout } = world.app.hub
  const reach = t.mock.method(fanout, 'reach', () => held)
  const second = new Tab(world.url, { auth: { token: customer.token, since: 'now', join: [publicId] } })
  await second.find('authenticated')
  assert.equal((await second.done('leave_channel', publicId)).left, true)
  reach.mock.restore()
  open()
  await second.expectNothing()
  await expectEvents(at, {})
  await made(at.agent, `/api/helpdesk/channels/${publicId}/messages`, { message: 'still in it' })
  const message = ['chat:new_message'] as const
  await expectEvents(at, { admin: message, agent: message, customer: message })
  await second.expectNothing()
  await gone(at, second)
  await tabs.customer.done('leave_channel', publicId)
  await expectEvents(at, { admin: ['user_left'], agent: ['user_left'] })
})

test('H-P3 whoever joins a channel in the moment it is closed to them is out of it', async () => {
  const { tabs, agent, customer } = at
  const { id } = await made(agent, '/api/helpdesk/channels', { name: 'to be closed' })
  const path = `/api/helpdesk/channels/${id}`
  for (let round = 0; round < 12; round += 1) {
    const joining = tabs.customer.ask('join_channel', id)
    // As many turns as it takes to come before, in one commit with it, and after.
    for (let i = 0; i < round; i += 1) await turn()
    const [, closed] = await Promise.all([joining, agent.patch(path, { visibility: 'internal' })])
    assert.equal(closed.status, 200)
    await tabs.customer.drained()
    await made(agent, `${path}/messages`, { message: `internal ${round}` })
    await tabs.customer.expectNothing()
    assert.equal((await agent.patch(path, { visibility: 'public' })).status, 200)
    assert.equal((await tabs.customer.done('leave_channel', id)).left, false)
  }
  assert.equal((await customer.get(path)).status, 200)
  for (const person of everyone) await tabs[person].drained()
})

test('when everybody has gone, nothing of them is kept', async () => {
  const { world, tabs, publicId } = at
  await tabs.agent.done('chat:typing', { channelId: publicId, isTyping: true })
  for (const tab of Object.values(tabs)) tab.close()
  await eventually(() => world.app.hub.connections.size === 0, 'the going of all')
  await world.advance(GRACE_MS + 100)
  await world.app.unitOfWork.settled()
  await world.advance(60_000)
  const left = Object.entries(world.app.hub.leftovers).filter(([, size]) => size !== 0)
  assert.deepEqual(left, [])
})
