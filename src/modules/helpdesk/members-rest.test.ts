import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import type { User } from '../../testing/world.ts'
import { Member } from './routes/shapes.ts'
import { everyone, expectEvents, joinAll, made, scene, type Data } from './testing.ts'

const isMember = Compile(Member)

test('members are brought in and taken out by who may, and everybody for themself', async () => {
  await using at = await scene({ config: { helpdeskChannelMembers: 3 } })
  const { admin, agent, customer, other, publicId, internalId, privateId } = at
  const members = (id: number): string => `/api/helpdesk/channels/${id}/members`
  const listed = async (by: User, id: number, query = ''): Promise<Data[]> => {
    const { status, body } = await by.get(members(id) + query)
    assert.equal(status, 200, JSON.stringify(body))
    for (const member of body.items) assert.ok(isMember.Check(member), JSON.stringify(member))
    return body.items as Data[]
  }

  const [first, second] = await listed(customer, privateId)
  assert.deepEqual(first, {
    userId: customer.id,
    displayName: 'customer',
    role: 'customer',
    addedBy: agent.id,
    addedAt: first.addedAt,
    joinedAt: null,
    leftAt: null,
  })
  assert.deepEqual([second.userId, second.role], [agent.id, 'agent'])
  assert.deepEqual(await listed(customer, privateId, `?limit=1&before=${customer.id}`), [second])

  // Oneself, where one sees it; others by the permission; nobody where it is hidden.
  const add = (by: User, id: number, user: number) => by.post(members(id), { userId: user })
  const alone = await add(customer, publicId, customer.id)
  assert.equal(alone.status, 200)
  assert.ok(isMember.Check(alone.body), JSON.stringify(alone.body))
  assert.equal(alone.body.addedBy, customer.id)
  assert.equal((await add(customer, publicId, other.id)).status, 403)
  assert.equal((await add(other, privateId, other.id)).status, 404)
  assert.equal((await add(customer, internalId, customer.id)).status, 404)
  assert.equal((await add(agent, privateId, 99_999)).status, 400)
  assert.equal((await add(agent, privateId, other.id)).body.addedBy, agent.id)
  assert.equal((await add(admin, privateId, other.id)).body.addedBy, agent.id, 'who is a member stays as they were')
  assert.equal((await add(agent, privateId, admin.id)).status, 409)
  assert.equal((await other.get(`/api/helpdesk/channels/${privateId}`)).body.memberCount, 3)

  const remove = async (by: User, id: number, user: number): Promise<number> =>
    (await by.delete(`${members(id)}/${user}`)).status
  assert.equal(await remove(customer, privateId, other.id), 403)
  assert.equal(await remove(other, privateId, other.id), 204)
  assert.equal(await remove(other, privateId, other.id), 404)
  assert.equal(await remove(agent, privateId, other.id), 404)
  assert.equal(await remove(admin, privateId, agent.id), 204)
  assert.equal(await remove(agent, privateId, customer.id), 404)
  assert.deepEqual((await listed(admin, privateId)).map(({ userId }) => userId), [customer.id])
})

test('who is taken out hears nothing more, on any tab, from that moment on', async () => {
  await using at = await scene()
  const { agent, customer, tabs, privateId, publicId } = at
  const path = `/api/helpdesk/channels/${privateId}`
  const second = await at.tab(customer)
  await joinAll(at, privateId, ['customer', 'agent'])
  await joinAll(at, publicId, ['customer', 'agent'])
  await second.done('join_channel', privateId)
  for (const person of everyone) await tabs[person].drained()
  await second.drained()

  assert.equal((await agent.delete(`${path}/members/${customer.id}`)).status, 204)
  await made(agent, `${path}/messages`, { message: 'he is gone' })
  const told = await expectEvents(at, { agent: ['user_left', 'chat:new_message'], customer: ['user_left'] })
  const { leftAt, ...left } = told.customer![0] as { leftAt: string }
  assert.ok(leftAt)
  assert.deepEqual(left, { userId: customer.id, userDisplayName: 'customer', channelId: privateId, reason: 'leave' })
  await second.expect('user_left', { channelId: privateId })
  await second.expectNothing()
  for (const [name, data] of [
    ['join_channel', privateId],
    ['chat:send_message', { channelId: privateId, message: 'x' }],
    ['message_read', { channelId: privateId, messageId: null }],
  ] as const) {
    assert.equal((await second.ask(name, data)).code, 'NOT_FOUND', name)
  }
  for (const person of everyone) await tabs[person].drained()

  // What is open to them they may come back to, and be told of again.
  assert.equal((await customer.delete(`/api/helpdesk/channels/${publicId}/members/${customer.id}`)).status, 204)
  await expectEvents(at, { agent: ['user_left'], customer: ['user_left'] })
  await made(agent, `/api/helpdesk/channels/${publicId}/messages`, { message: 'anybody?' })
  await expectEvents(at, { agent: ['chat:new_message'] })
  await tabs.customer.done('join_channel', publicId)
  await expectEvents(at, { agent: ['user_joined'], customer: ['user_joined'] })
})
