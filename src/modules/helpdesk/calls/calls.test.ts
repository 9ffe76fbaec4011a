import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { expectEvents, scene, type Data, type Tab } from '../testing.ts'
import { answer, found, offer } from './testing.ts'

/** What a command is answered that is refused: an acknowledgement, and the event with the same words. */
async function refused(tab: Tab, code: string, name: string, ...args: unknown[]): Promise<string> {
  const outcome = await tab.ask(name, ...args)
  assert.deepEqual([outcome.ok, outcome.code], [false, code], `${name} ${JSON.stringify(args)?.slice(0, 200)}`)
  if (name === 'call:invite') await tab.expect('call:rejected')
  const [event, text] = await tab.next()
  assert.deepEqual([event, text], ['chat:error', outcome.error])
  return outcome.error as string
}

test('H-K10 A call as the document writes it reaches its two tabs alone, and none of it is kept', async () => {
  await using it = await scene()
  const { agent, customer, tabs, world } = it
  const second = await it.tab(customer)
  for (const tab of Object.values(tabs)) await tab.drained()
  // Ids may come out of an address bar.
  const invite = { targetUserId: String(customer.id), callType: 'video', offer: offer('secret-sdp'), extra: 1 }
  const { callId } = await tabs.agent.done('call:invite', invite)
  const incoming = { callId, from: agent.id, fromName: 'agent', callType: 'video', offer: offer('secret-sdp') }
  assert.deepEqual(await second.expect('call:incoming'), incoming)
  await tabs.agent.done('call:ice_candidate', { targetUserId: customer.id, candidate: found('secret-address') })
  await tabs.agent.done('call:ice_candidate', { targetUserId: customer.id, candidate: null })
  assert.deepEqual((await expectEvents(it, { customer: ['call:incoming'] })).customer, [incoming])

  // Whom an answer names besides the call makes no difference.
  const accept = { callId, answer: answer('secret-sdp'), targetUserId: it.other.id }
  await tabs.customer.done('call:accept', accept)
  const got = await expectEvents(it, {
    agent: ['call:accepted'],
    customer: ['call:ice_candidate', 'call:ice_candidate'],
  })
  assert.deepEqual(got.agent, [{ callId, answer: answer('secret-sdp') }])
  assert.deepEqual(got.customer, [
    { from: agent.id, candidate: found('secret-address') },
    { from: agent.id, candidate: null },
  ])
  assert.deepEqual(await second.expect('call:ended'), { callId })

  tabs.customer.cut()
  await tabs.customer.disconnected()
  const back = await it.tab(customer)
  await tabs.agent.done('call:ice_candidate', { targetUserId: customer.id, candidate: found('secret-address') })
  assert.deepEqual(await back.expect('call:ice_candidate'), { from: agent.id, candidate: found('secret-address') })
  await tabs.agent.done('call:end', { callId: null, targetUserId: customer.id })
  assert.deepEqual(await back.expect('call:ended'), { callId })
  await second.expectNothing()

  await world.app.unitOfWork.settled()
  const files = readdirSync(world.folder).filter((name) => name.startsWith('switchboard.db'))
  const kept = files.map((name) => readFileSync(join(world.folder, name), 'latin1')).join() + world.log.join()
  assert.ok(kept.includes(callId))
  assert.doesNotMatch(kept, /secret-(sdp|address)/)
})

test('Calls that are badly asked for are refused with a word on what to do', async () => {
  await using it = await scene()
  const { customer, tabs } = it
  const tab = tabs.agent
  const targetUserId = customer.id
  const good = { targetUserId, callType: 'audio', offer: offer('x') }
  const bad: readonly (readonly [string, ...unknown[]])[] = [
    ['call:invite'],
    ['call:invite', null],
    ['call:invite', 'text', 3],
    ['call:invite', [good]],
    ['call:invite', { ...good, targetUserId: 0 }],
    ['call:invite', { ...good, targetUserId: '1e3' }],
    ['call:invite', { ...good, targetUserId: { $gt: 0 } }],
    ['call:invite', { ...good, callType: 'hologram' }],
    ['call:invite', { ...good, offer: undefined }],
    ['call:invite', { ...good, offer: 'v=0' }],
    ['call:invite', { ...good, targetUserId: it.agent.id }],
    ['call:accept', { callId: 7, answer: answer('x') }],
    ['call:accept', { callId: 'x'.repeat(65), answer: answer('x') }],
    ['call:accept', { callId: 'x', answer: [] }],
    ['call:reject', { callId: {} }],
    ['call:end', { callId: '' }],
    ['call:end', 'x'],
    ['call:ice_candidate', { targetUserId, candidate: 'candidate:1' }],
    ['call:ice_candidate', { targetUserId }],
  ]
  for (const [name, ...args] of bad) await refused(tab, 'INVALID', name, ...args)
  assert.match(await refused(tab, 'INVALID', 'call:invite', { ...good, callType: 'x' }), /callType .*audio, video/)
  await refused(tab, 'TOO_LARGE', 'call:invite', { ...good, offer: offer('x'.repeat(65_536)) })
  await refused(tab, 'TOO_LARGE', 'call:accept', { callId: 'x', answer: answer('x'.repeat(65_536)) })
  const candidate = found('x'.repeat(4_096))
  await refused(tab, 'TOO_LARGE', 'call:ice_candidate', { targetUserId, candidate })
  for (const name of ['call:reject', 'call:end']) await refused(tab, 'NOT_FOUND', name, {})
  await refused(tab, 'NOT_FOUND', 'call:ice_candidate', { targetUserId, candidate: null })
  await refused(tab, 'NOT_FOUND', 'call:invite', { ...good, targetUserId: 2_147_483_647 })
  await expectEvents(it, {})
})

test('The history tells what became of calls to whom it may concern', async () => {
  await using it = await scene()
  const { admin, agent, customer, other, tabs, world } = it
  const call = async (from: Tab, to: number): Promise<string> =>
    (await from.done('call:invite', { targetUserId: to, callType: 'audio', offer: offer('x') })).callId as string
  const answered = await call(tabs.agent, customer.id)
  await tabs.customer.done('call:accept', { callId: answered, answer: answer('x') })
  await world.advance(9_600)
  await tabs.agent.done('call:end', { callId: answered })
  const late = await tabs.agent.done('call:ice_candidate', { targetUserId: customer.id, candidate: null })
  assert.equal(late.dropped, true)
  const rejected = await call(tabs.customer, agent.id)
  await tabs.agent.done('call:reject', { callId: rejected })
  const foreign = await call(tabs.customer, other.id)
  await tabs.customer.done('call:end', { targetUserId: other.id })

  const list = async (user: typeof agent, query = ''): Promise<Data> => {
    const { status, body } = await user.get(`/api/helpdesk/calls${query}`)
    assert.equal(status, 200, JSON.stringify(body))
    return body
  }
  const { items, nextBefore } = await list(agent, '?limit=1')
  assert.deepEqual(
    items.map(({ id, state, reason, durationSeconds }: Data) => [id, state, reason, durationSeconds]),
    [[rejected, 'rejected', 'rejected', null]],
  )
  const second = await list(agent, `?limit=1&before=${nextBefore}`)
  const [{ startedAt, answeredAt, endedAt, ...shown }] = second.items
  assert.deepEqual([second.items.length, second.nextBefore], [1, null])
  assert.deepEqual(shown, {
    id: answered,
    callerId: agent.id,
    callerName: 'agent',
    calleeId: customer.id,
    calleeName: 'customer',
    callType: 'audio',
    state: 'ended',
    reason: 'hung_up',
    durationSeconds: 10,
  })
  assert.deepEqual([startedAt, Date.parse(endedAt) - Date.parse(answeredAt)], [answeredAt, 9_600])
  const ids = (body: Data): string[] => body.items.map(({ id }: Data) => id)
  assert.deepEqual(ids(await list(admin, `?userId=${customer.id}`)), [foreign, rejected, answered])
  assert.deepEqual(ids(await list(admin)), [])

  const status = async (user: typeof agent, path: string): Promise<number> =>
    (await user.get(`/api/helpdesk/calls${path}`)).status
  assert.equal(await status(customer, ''), 403)
  assert.equal(await status(agent, `?userId=${customer.id}`), 403)
  const seen = [customer, other, agent, admin].map((user) => status(user, `/${foreign}`))
  assert.deepEqual(await Promise.all(seen), [200, 200, 404, 200])
  assert.equal(await status(admin, '/none'), 404)
})
