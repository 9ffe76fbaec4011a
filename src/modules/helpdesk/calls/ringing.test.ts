import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callWorld, failure } from './testing.ts'

test('H-K1 A call rings at every tab, also at one opened meanwhile, and belongs to the first that accepts it', async () => {
  await using world = await callWorld()
  const [a, a2, b, b2, c] = [world.open(1), world.open(1), world.open(2), world.open(2), world.open(3)]
  const { callId } = await world.invite(a, 2)
  const incoming = { callId, from: 1, fromName: 'user 1', callType: 'audio', offer: { type: 'offer', sdp: 'first' } }
  const b3 = world.open(2)
  for (const tab of [b, b2, b3]) assert.deepEqual(tab.news(), [{ name: 'call:incoming', data: incoming }])

  const [won, lost] = await Promise.all([world.accept(b2, callId, 'mine'), failure(world.accept(b, callId, 'late'))])
  assert.deepEqual([won, lost], [{ callId }, 'conflict'])
  const accepted = { name: 'call:accepted', data: { callId, answer: { type: 'answer', sdp: 'mine' } } }
  assert.deepEqual(a.news(), [accepted])
  for (const tab of [b, b3]) assert.deepEqual(tab.news(), [{ name: 'call:ended', data: { callId } }])
  assert.equal((await world.lastRow()).state, 'accepted')

  await world.pass(90_000)
  assert.deepEqual(await world.end(a2, callId), { callId })
  assert.deepEqual([a.names(), b2.names()], [['call:ended'], ['call:ended']])
  for (const tab of [a2, b, b3, c]) assert.deepEqual(tab.news(), [])
  const { state, reason, answered_at, ended_at, ended_by } = await world.lastRow()
  assert.deepEqual([state, reason, ended_at! - answered_at!, ended_by], ['ended', 'hung_up', 90_000, 1])
  assert.equal(world.left(), 0)
})

test('H-K2 What ends a call before it is answered is told to both sides once and is in its row', async () => {
  await using world = await callWorld()
  const [a, a2, b, b2, c] = [world.open(1), world.open(1), world.open(2), world.open(2), world.open(3)]
  const tabs = [a, a2, b, b2, c]
  const check = async (
    deed: (callId: string) => Promise<unknown>,
    heard: string[][],
    end: unknown[],
  ): Promise<void> => {
    const { callId } = await world.invite(a, 2)
    assert.deepEqual(tabs.map((tab) => tab.names()), [[], [], ['call:incoming'], ['call:incoming'], []])
    await deed(callId)
    assert.deepEqual(tabs.map((tab) => tab.names()), heard)
    const { uuid, state, reason, ended_by } = await world.lastRow()
    assert.deepEqual([uuid, state, reason, ended_by], [callId, ...end])
    assert.equal(world.left(), 0)
  }
  const [ended, rejected] = [['call:ended'], ['call:rejected']]
  const lapsed = [ended, [], ended, ended, []]
  await check((id) => world.reject(b, id), [rejected, [], [], ended, []], ['rejected', 'rejected', 2])
  await check((id) => world.end(b, id), [ended, [], [], ended, []], ['rejected', 'rejected', 2])
  await check((id) => world.end(a, id), [[], [], ended, ended, []], ['missed', 'cancelled', 1])
  await check(() => world.end(a2, undefined, 2), [ended, [], ended, ended, []], ['missed', 'cancelled', 1])
  await check((id) => world.reject(a, id), [[], [], ended, ended, []], ['missed', 'cancelled', 1])
  await check(() => world.reject(b, 'unknown', 1), [rejected, [], [], ended, []], ['rejected', 'rejected', 2])
  await check(() => world.pass(60_000), lapsed, ['missed', 'timeout', null])
  await check(() => world.grant(2, { 'call.audio': false }), lapsed, ['failed', 'not_permitted', null])
  await world.grant(2, {})
  // Whoever is faster: accepting, giving up and the clock come to one end.
  await check(
    async (id) => {
      const all = [world.end(a, id), world.accept(b, id), world.reject(b2, id), world.pass(60_000)]
      await Promise.allSettled(all)
    },
    [[], [], ended, ended, []],
    ['missed', 'cancelled', 1],
  )
})

test('H-K3 A call that cannot be is refused, tells the tab so and keeps its true reason', async () => {
  await using world = await callWorld({ people: 6, settings: { calls: { limit: 9, perMs: 60_000 } } })
  const [a, b, c] = [world.open(1), world.open(2), world.open(3)]
  await world.grant(4, { 'call.video': false })
  const d = world.open(4)
  await world.running(b, c)
  const refusal = async (target: number, callType: 'audio' | 'video' = 'audio', tab = a): Promise<unknown[]> => {
    const before = (await world.rows()).length
    const kind = await failure(world.invite(tab, target, callType))
    const [{ name, data }, ...more] = tab.news() as [{ name: string; data: { callId: string } }]
    assert.deepEqual([name, more], ['call:rejected', []])
    const row = (await world.rows())[before]
    if (row) assert.equal(row.uuid, data.callId)
    assert.equal(row?.ended_at, row?.started_at)
    return [kind, row?.state, row?.reason]
  }
  assert.deepEqual(await refusal(1), ['invalid', undefined, undefined])
  assert.deepEqual(await refusal(99), ['not_found', undefined, undefined])
  assert.deepEqual(await refusal(5), ['conflict', 'missed', 'offline'])
  assert.deepEqual(await refusal(2), ['conflict', 'busy', 'busy'])
  assert.deepEqual(await refusal(4, 'video'), ['forbidden', 'failed', 'not_permitted'])
  assert.deepEqual(await refusal(1, 'video', d), ['forbidden', undefined, undefined])
  assert.deepEqual(await refusal(1, 'audio', b), ['conflict', undefined, undefined])
  const { callId } = await world.invite(a, 4)
  assert.deepEqual(await refusal(4, 'audio', world.open(1)), ['conflict', undefined, undefined])
  assert.deepEqual(await refusal(2), ['conflict', undefined, undefined])
  await world.end(a, callId)
  for (let made = 0; made < 2; made += 1) await refusal(5)
  assert.deepEqual(await refusal(4), ['rate_limited', undefined, undefined])
  assert.deepEqual([b.news(), c.news(), d.names()], [[], [], ['call:incoming', 'call:ended']])
})

test('H-K4 Two who call each other have one call, the one that was first', async () => {
  await using world = await callWorld()
  const [a, b, b2] = [world.open(1), world.open(2), world.open(2)]
  const [first, second] = await Promise.all([world.invite(a, 2), failure(world.invite(b, 1))])
  assert.equal(second, 'conflict')
  const [rung, rejected, again] = b.news()
  assert.deepEqual([rung!.name, rejected!.name, again], ['call:incoming', 'call:rejected', rung])
  assert.notEqual(rejected!.data.callId, first.callId)
  assert.deepEqual([a.names(), b2.names()], [[], ['call:incoming']])
  assert.equal((await world.rows()).length, 1)
  await world.accept(b, first.callId)
  assert.deepEqual([a.names(), b2.names()], [['call:accepted'], ['call:ended']])
})

test('A second offer for a call that rings takes the place of the first', async () => {
  await using world = await callWorld()
  const [a, b] = [world.open(1), world.open(2)]
  const { callId } = await world.invite(a, 2)
  await world.candidate(a, 2, 'of the first')
  assert.deepEqual(await world.invite(a, 2, 'audio', 'second'), { callId })
  await world.candidate(a, 2, 'of the second')
  assert.deepEqual(b.news().map(({ data }) => [data.callId, data.offer.sdp]), [[callId, 'first'], [callId, 'second']])
  await world.accept(b, callId)
  assert.deepEqual(b.news().map(({ data }) => data.candidate.candidate), ['of the second'])
  assert.equal((await world.rows()).length, 1)
})

test('H-K5 Candidates that come before the answer reach the tab that answers, in order, and no other', async () => {
  await using world = await callWorld({ settings: { callCandidates: 3 } })
  const [a, a2, b, b2, c] = [world.open(1), world.open(1), world.open(2), world.open(2), world.open(3)]
  assert.equal(await failure(world.candidate(a, 2, 'too early')), 'not_found')
  const { callId } = await world.invite(a, 2)
  for (const name of ['a1', 'a2', 'a3']) await world.candidate(a, 2, name)
  assert.equal(await failure(world.candidate(a, 2, 'a4')), 'rate_limited')
  assert.equal(await failure(world.candidate(a2, 2, 'of another tab')), 'conflict')
  assert.equal(await failure(world.candidate(c, 2, 'of a third')), 'not_found')
  await world.candidate(b, 1, 'loses')
  await world.candidate(b2, 1, 'wins')
  for (const tab of [a, a2]) assert.deepEqual(tab.news(), [])
  for (const tab of [b, b2]) assert.deepEqual(tab.names(), ['call:incoming'])

  await world.accept(b2, callId)
  const seen = (tab: typeof a) => tab.news().map(({ name, data }) => data.candidate?.candidate ?? name)
  assert.deepEqual([seen(a), seen(b2)], [['call:accepted', 'wins'], ['a1', 'a2', 'a3']])
  assert.deepEqual(seen(b), ['call:ended'])
  await world.candidate(a, 2, 'a5')
  await world.candidate(b2, 1, 'b5')
  assert.equal(await failure(world.candidate(b, 1, 'of a tab that lost')), 'conflict')
  assert.deepEqual([seen(a), seen(b2), seen(b)], [['b5'], ['a5'], []])

  await world.end(a, callId)
  assert.deepEqual(await world.candidate(b2, 1, 'late'), { dropped: true })
  assert.deepEqual(await world.end(b2, undefined, 1), { callId })
  await world.pass(31_000)
  assert.equal(await failure(world.candidate(b2, 1, 'far too late')), 'not_found')
  assert.equal(await failure(world.end(b2, undefined, 1)), 'not_found')
  assert.deepEqual([seen(a), seen(a2), seen(c)], [[], [], []])
})

test('H-K6 A third party reaches no call, and learns not even that there is one', async () => {
  await using world = await callWorld()
  const [a, b, c] = [world.open(1), world.open(2), world.open(3)]
  const { callId } = await world.invite(a, 2)
  b.news()
  const tries = [
    () => world.accept(c, callId),
    () => world.reject(c, callId),
    () => world.end(c, callId, 1),
    () => world.accept(c, 'unknown'),
    () => world.end(c, undefined, 2),
  ]
  for (const attempt of tries) assert.equal(await failure(attempt()), 'not_found')
  assert.equal(await failure(world.accept(a, callId)), 'conflict')
  // Whom a party names besides makes no difference.
  await world.end(b, callId, 3)
  assert.deepEqual([a.names(), b.names(), c.names()], [['call:ended'], [], []])
})
