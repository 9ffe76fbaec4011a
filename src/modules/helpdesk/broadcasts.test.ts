import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { checkError } from '../../testing/hostile.ts'
import { everyone, expectEvents, scene, Tab, type Data, type Scene } from './testing.ts'

/** Broadcasts: to everybody who is authenticated, kept until somebody takes them back. */

const BROADCASTS = '/api/helpdesk/broadcasts'

let at: Scene & AsyncDisposable
before(async () => void (at = await scene()))
after(() => at[Symbol.asyncDispose]())

const toAll = Object.fromEntries(everyone.map((person) => [person, ['system_broadcast_received']] as const))

test('an admin’s broadcast reaches everybody, the admin too, by the name of who sent it, and is kept', async () => {
  const { broadcastId } = await at.tabs.admin.done('system_broadcast', { message: 'Back at 10', priority: 'high' })
  const got = await expectEvents(at, toAll)
  const broadcast = {
    message: 'Back at 10',
    priority: 'high',
    from: 'admin',
    broadcastAt: new Date(at.world.clock.now()).toISOString(),
    broadcastId,
  }
  for (const person of everyone) assert.deepEqual(got[person], [broadcast])
  const overRest = await at.admin.post(BROADCASTS, { message: 'Never mind' }, { 'idempotency-key': 'once' })
  assert.equal(overRest.status, 201)
  assert.deepEqual((await expectEvents(at, toAll)).customer, [overRest.body])
  assert.equal(overRest.body.priority, 'normal')
  // Once, however often it is asked for.
  const again = await at.admin.post(BROADCASTS, { message: 'Never mind' }, { 'idempotency-key': 'once' })
  assert.deepEqual(again.body, overRest.body)
  await expectEvents(at, {})
  const { body } = await at.customer.get(`${BROADCASTS}?limit=1`)
  assert.deepEqual(Object.keys(body), ['items', 'nextBefore', 'position'])
  assert.deepEqual(body.items, [overRest.body])
  assert.deepEqual((await at.customer.get(`${BROADCASTS}?before=${body.nextBefore}`)).body.items, [broadcast])
})

test('broadcasts are for everybody, sending them for who has chat.send_broadcasts', async () => {
  const rights = (id: number): string => `/api/helpdesk/users/${id}/permissions`
  for (const person of ['customer', 'agent'] as const) {
    const outcome = await at.tabs[person].ask('system_broadcast', { message: 'Boo' })
    assert.deepEqual([outcome.ok, outcome.code], [false, 'FORBIDDEN'])
    assert.match(await at.tabs[person].expect('broadcast:error'), /chat\.send_broadcasts.*\(FORBIDDEN\)$/)
    checkError(await at[person].post(BROADCASTS, { message: 'Boo' }), 403, 'FORBIDDEN')
    checkError(await at[person].delete(`${BROADCASTS}/x`), 403, 'FORBIDDEN')
  }
  await expectEvents(at, {})
  assert.equal((await at.admin.put(rights(at.agent.id), { granted: ['chat.send_broadcasts'] })).status, 200)
  assert.equal((await at.admin.put(rights(at.other.id), { denied: ['chat.access'] })).status, 200)
  for (const person of everyone) await at.tabs[person].drained()
  await at.tabs.agent.done('system_broadcast', { message: 'Hello' })
  // It needs nobody's chat.access.
  assert.equal((await expectEvents(at, toAll)).other![0].from, 'agent')
  assert.equal((await at.other.get(BROADCASTS)).body.items[0].message, 'Hello')
  assert.equal((await at.admin.put(rights(at.agent.id), { granted: [] })).status, 200)
  assert.equal((await at.admin.put(rights(at.other.id), { denied: [] })).status, 200)
  for (const person of everyone) await at.tabs[person].drained()
})

test('a broadcast that says nothing, or too much, is refused by its field', async () => {
  for (const message of ['', ' \n', 'x'.repeat(2_001), '😀'.repeat(2_001), 'a\0b']) {
    const outcome = await at.tabs.admin.ask('system_broadcast', { message })
    assert.deepEqual([outcome.ok, outcome.code], [false, 'INVALID'])
    assert.match(await at.tabs.admin.expect('broadcast:error'), /: message must .*\(INVALID\)$/)
    assert.deepEqual(Object.keys(checkError(await at.admin.post(BROADCASTS, { message }), 400, 'INVALID')), ['message'])
  }
  checkError(await at.admin.post(BROADCASTS, { message: 'x', priority: 'urgent' }), 400, 'INVALID')
  await expectEvents(at, {})
  await at.tabs.admin.done('system_broadcast', { message: '😀'.repeat(2_000), priority: 'low' })
  await expectEvents(at, toAll)
})

test('who comes back is told what was broadcast meanwhile, but nothing that was taken back', async () => {
  const { position } = (await at.customer.get(BROADCASTS)).body
  const kept = (await at.admin.post(BROADCASTS, { message: 'kept' })).body
  const taken = (await at.admin.post(BROADCASTS, { message: 'taken back' })).body
  assert.equal((await at.admin.delete(`${BROADCASTS}/${taken.broadcastId}`)).status, 204)
  for (const id of [taken.broadcastId, 'x', '1', '%F0%9F%98%80']) {
    const { status } = await at.admin.delete(`${BROADCASTS}/${id}`)
    assert.ok(status === 404 || status === 400, id)
  }
  const { items } = (await at.agent.get(BROADCASTS)).body
  assert.ok(items.every(({ message }: { message: string }) => message !== 'taken back'))
  const back = new Tab(at.world.url, { auth: { token: at.customer.token, since: position } })
  await back.find('authenticated')
  const replayed = (await back.drained()).filter(([name]) => name === 'system_broadcast_received')
  back.close()
  assert.deepEqual(replayed.map(([, data]) => (data as Data).broadcastId), [kept.broadcastId])
})
