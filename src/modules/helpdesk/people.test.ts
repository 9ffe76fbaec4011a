import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reader } from '../../kernel/database.ts'
import { listPeople } from './lists/people.ts'
import { expectEvents, everyone, joinAll, made, scene } from './testing.ts'
import { permissions } from './wire.ts'

const api = '/api/helpdesk'
const ofCustomers = ['chat.access', 'chat.send_messages', 'call.audio', 'call.video']

test('H-P5 people, their permissions and their statuses over REST: who may see and set what', async () => {
  await using at = await scene()
  const { admin, agent, customer, other } = at
  const rights = (id: number): string => `${api}/users/${id}/permissions`

  // What everybody has.
  const mine = await customer.get(`${api}/me`)
  assert.deepEqual(mine.body, {
    userId: customer.id,
    role: 'customer',
    permissions: ofCustomers,
    granted: [],
    denied: [],
    displayName: 'customer',
    status: 'online',
    statusMessage: null,
    customStatus: null,
  })
  const { body: own } = await customer.get(rights(customer.id))
  assert.deepEqual(own, { userId: customer.id, role: 'customer', permissions: ofCustomers, granted: [], denied: [] })
  assert.deepEqual((await admin.get(rights(admin.id))).body.permissions, permissions)
  assert.deepEqual((await admin.get(rights(agent.id))).body.role, 'agent')

  // Who may not.
  for (const user of [agent, customer]) {
    assert.equal((await user.get(rights(other.id))).status, 403, user.name)
    assert.equal((await user.put(rights(user.id), { role: 'admin' })).status, 403, user.name)
  }
  assert.equal((await customer.get(`${api}/users`)).status, 403)

  // What makes no sense says so.
  const refused: [number, object, number, RegExp][] = [
    [other.id, {}, 400, /role, granted or denied/],
    [other.id, { role: 'boss' }, 400, /role/],
    [other.id, { granted: ['chat.fly'] }, 400, /granted/],
    [other.id, { granted: 'call.audio' }, 400, /granted/],
    [other.id, { granted: ['call.audio'], denied: ['call.audio'] }, 400, /call\.audio/],
    [admin.id, { role: 'agent' }, 409, /role of the account/],
    [admin.id, { denied: ['call.audio'] }, 409, /all permissions/],
    [other.id, { role: 'admin', denied: ['call.audio'] }, 409, /all permissions/],
    [9_999, { role: 'agent' }, 404, /does not exist/],
  ]
  for (const [id, body, status, words] of refused) {
    const answer = await admin.put(rights(id), body)
    assert.equal(answer.status, status, JSON.stringify(body))
    assert.match(JSON.stringify(answer.body), words)
  }

  // Lists take the place of those there are; a permission is in one of them at most.
  const lists = { granted: ['call.view_history'], denied: ['call.video', 'call.audio'] }
  const changed = await admin.put(rights(other.id), lists)
  assert.deepEqual(changed.body, {
    userId: other.id,
    role: 'customer',
    permissions: ['chat.access', 'chat.send_messages', 'call.view_history'],
    granted: ['call.view_history'],
    denied: ['call.audio', 'call.video'],
  })
  const again = (await admin.put(rights(other.id), { granted: ['call.audio'] })).body
  assert.deepEqual([again.granted, again.denied], [['call.audio'], ['call.video']])
  const risen = (await admin.put(rights(other.id), { role: 'admin' })).body
  assert.deepEqual([risen.role, risen.permissions, risen.denied], ['admin', [...permissions], []])
  const fallen = (await admin.put(rights(other.id), { role: 'customer', granted: [] })).body
  assert.deepEqual([fallen.permissions, fallen.granted], [ofCustomers, []])

  // The list: newest first, in pages, by part of a name.
  const all = (await agent.get(`${api}/users`)).body
  assert.deepEqual(Object.keys(all), ['items', 'nextBefore', 'position'])
  assert.deepEqual(all.items.map(({ id }: { id: number }) => id), [other.id, customer.id, agent.id, admin.id])
  assert.deepEqual(all.items[1], {
    id: customer.id,
    displayName: 'customer',
    username: 'customer',
    role: 'customer',
    status: 'online',
    statusMessage: null,
    customStatus: null,
  })
  const page = (await agent.get(`${api}/users?limit=3`)).body
  assert.equal(page.nextBefore, agent.id)
  assert.deepEqual((await agent.get(`${api}/users?before=${page.nextBefore}`)).body.items.map(nameOf), ['admin'])
  assert.deepEqual((await agent.get(`${api}/users?q=AGE`)).body.items.map(nameOf), ['agent'])
  const some = (await agent.get(`${api}/users?q=e&limit=1`)).body
  assert.deepEqual([some.items.map(nameOf), some.nextBefore], [['other'], other.id])
  assert.deepEqual((await agent.get(`${api}/users?q=nobody`)).body.items, [])

  // A status is one's own; everybody hears of it.
  for (const person of everyone) await at.tabs[person].drained()
  const set = await customer.put(`${api}/status`, { status: 'away', statusMessage: 'lunch' })
  assert.deepEqual(set.body, { status: 'away', statusMessage: 'lunch', customStatus: null })
  const both = ['presence_updated', 'presence:update'] as const
  await expectEvents(at, { admin: both, agent: both, customer: both, other: both })
  assert.deepEqual((await customer.put(`${api}/status`, { statusMessage: null, customStatus: 'tickets' })).body, {
    status: 'away',
    statusMessage: null,
    customStatus: 'tickets',
  })
  assert.deepEqual((await customer.get(`${api}/status`)).body, {
    status: 'away',
    statusMessage: null,
    customStatus: 'tickets',
  })
  assert.equal((await agent.get(`${api}/users?q=customer`)).body.items[0].customStatus, 'tickets')
  assert.equal((await customer.put(`${api}/status`, { status: 'asleep' })).status, 400)
})

test('what somebody may no longer do ends at once on what they have open, until they may again', async () => {
  await using at = await scene()
  const { admin, agent, customer, tabs, publicId, internalId } = at
  const set = async (id: number, body: object): Promise<void> => {
    assert.equal((await admin.put(`${api}/users/${id}/permissions`, body)).status, 200)
  }
  await joinAll(at, publicId, ['admin', 'customer', 'agent'])
  await joinAll(at, internalId, ['admin', 'agent'])

  // Without chat.access the customer hears nothing of the chat, and the chat hears that they have gone.
  await set(customer.id, { denied: ['chat.access'] })
  const goes = ['user_left', 'presence_updated', 'presence:update'] as const
  const got = await expectEvents(at, {
    admin: goes,
    agent: goes,
    customer: ['user_left'],
    other: ['presence_updated', 'presence:update'],
  })
  assert.deepEqual([got.other?.[0].status, got.other?.[1].status], ['offline', 'offline'])
  await made(agent, `${api}/channels/${publicId}/messages`, { message: 'just us' })
  await expectEvents(at, { admin: ['chat:new_message'], agent: ['chat:new_message'] })
  const refusal = await tabs.customer.ask('chat:send_message', { channelId: publicId, message: 'me too' })
  assert.equal(refusal.code, 'FORBIDDEN')
  await tabs.customer.expect('chat:error')
  assert.equal((await customer.get(`${api}/status`)).status, 403)
  assert.deepEqual((await customer.get(`${api}/me`)).body.denied, ['chat.access'])

  // With it they are there again, though in no channel until they join.
  await set(customer.id, { denied: [] })
  const comes = ['presence_updated', 'presence:update'] as const
  await expectEvents(at, { admin: comes, agent: comes, customer: comes, other: comes })
  await tabs.customer.done('join_channel', publicId)
  for (const person of everyone) await tabs[person].drained()

  // No agent any more: out of what agents have to themselves, and of nothing else.
  await set(agent.id, { role: 'customer' })
  const left = await expectEvents(at, { admin: ['user_left'], agent: ['user_left'] })
  assert.equal(left.agent?.[0].channelId, internalId)
  await made(admin, `${api}/channels/${internalId}/messages`, { message: 'they are gone' })
  await expectEvents(at, { admin: ['chat:new_message'] })
  await made(customer, `${api}/channels/${publicId}/messages`, { message: 'hello' })
  const hello = ['chat:new_message'] as const
  await expectEvents(at, { admin: hello, agent: hello, customer: hello })
  assert.equal((await agent.get(`${api}/users`)).status, 403)
})

test('the way to a TURN server is told to who may call, with credentials that no cache keeps', async () => {
  const url = 'turn:turn.example.com:3478?transport=udp'
  const settings = { helpdeskTurnUrls: [url], helpdeskTurnSecret: 'north', helpdeskTurnCredentialMs: 3_600_000 }
  await using at = await scene({ config: settings })
  const { admin, customer, world } = at
  const answer = await customer.get(`${api}/ice-servers`)
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  const { iceServers, ...rest } = answer.body
  const expires = Math.floor(world.clock.now() / 1000) + 3600
  assert.deepEqual(rest, { iceTransportPolicy: 'all', expiresAt: new Date(expires * 1000).toISOString() })
  assert.deepEqual(Object.keys(iceServers[0]), ['urls', 'username', 'credential'])
  assert.deepEqual([iceServers.length, iceServers[0].urls], [1, [url]])
  assert.equal(iceServers[0].username, `${expires}:${customer.id}`)

  const rights = `${api}/users/${customer.id}/permissions`
  assert.equal((await admin.put(rights, { denied: ['call.video'] })).status, 200)
  assert.equal((await customer.get(`${api}/ice-servers`)).status, 200)
  assert.equal((await admin.put(rights, { denied: ['call.video', 'call.audio'] })).status, 200)
  assert.equal((await customer.get(`${api}/ice-servers`)).status, 403)
  assert.ok(!world.log.some((line) => line.includes(iceServers[0].credential)))
})

const nameOf = ({ username }: { username: string }): string => username

test('a search looks at so many accounts in one request, and says where to go on', async () => {
  const everyoneIsNamed = (id: number) => (id % 4_000 === 0 ? 'Åsa' : 'Bo')
  const reader = {
    all: (_: unknown, { before, limit }: { before: number; limit: number }) => {
      const newest = Math.min(before - 1, 12_000)
      const ids = Array.from({ length: Math.max(0, Math.min(limit, newest)) }, (_one, i) => newest - i)
      return Promise.resolve(ids.map((id) => ({ id, username: `u${id}`, display_name: everyoneIsNamed(id) })))
    },
  } as unknown as Reader
  const seen: [number[], number | undefined][] = []
  for (let before: number | undefined; ; ) {
    const { rows, next } = await listPeople(reader, { limit: 2, before, q: 'åSA' })
    seen.push([rows.map(({ id }) => id), next])
    if (next === undefined) break
    before = next
  }
  assert.deepEqual(seen, [[[12_000, 8_000], 7_001], [[4_000], 2_001], [[], undefined]])
})

test('who becomes an admin of the server is an admin here at once, and no longer than that', async () => {
  await using at = await scene()
  const { admin, other, tabs, privateId } = at
  const be = async (role: string): Promise<void> => {
    assert.equal((await admin.patch(`/api/tracker/users/${other.id}`, { role })).status, 200)
  }
  assert.equal((await tabs.other.ask('join_channel', privateId)).code, 'NOT_FOUND')
  await tabs.other.expect('chat:error')
  await be('admin')
  await tabs.other.done('join_channel', privateId)
  await tabs.other.drained()
  await be('reporter')
  assert.equal((await tabs.other.expect('user_left')).channelId, privateId)
  assert.equal((await other.get(`${api}/users`)).status, 403)
})
