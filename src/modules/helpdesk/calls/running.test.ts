import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listCalls } from '../lists/calls.ts'
import type { CallRow } from '../store/calls.ts'
import { callWorld, failure, type TestTab } from './testing.ts'

const GRACE = 15_000

const said = (tab: TestTab): string[] =>
  tab.news().map(({ name, data }) => data.candidate?.candidate ?? data.offer?.sdp ?? data.answer?.sdp ?? name)

test('H-K7 A tab that drops does not end its call: what is meant for it waits for the next one', async () => {
  await using world = await callWorld({ settings: { callCandidates: 3 } })
  const [a, a2, b] = [world.open(1), world.open(1), world.open(2)]
  const callId = await world.running(a, b)
  world.close(a)
  for (const name of ['1', '2', '3']) await world.candidate(b, 1, name)
  assert.equal(await failure(world.candidate(b, 1, '4')), 'rate_limited')
  await world.pass(GRACE - 200)
  const back = world.open(1)
  assert.deepEqual([said(back), said(a2)], [['1', '2', '3'], []])
  await world.pass(GRACE)
  await world.candidate(back, 2, '5')
  assert.deepEqual(said(b), ['5'])

  // A tab that was there all the time takes over as soon as it speaks.
  world.close(back)
  await world.candidate(b, 1, '6')
  await world.candidate(a2, 2, '7')
  assert.deepEqual([said(a2), said(b)], [['6'], ['7']])
  const late = world.open(1)
  assert.equal(await failure(world.candidate(late, 2, '8')), 'conflict')

  world.close(a2)
  world.close(late)
  await world.pass(GRACE)
  assert.deepEqual(b.names(), ['call:ended'])
  const { state, reason, ended_by } = await world.lastRow()
  assert.deepEqual([state, reason, ended_by], ['ended', 'lost', null])
  // It may come back and still show the call.
  assert.deepEqual(world.open(1).news(), [{ name: 'call:ended', data: { callId } }])
  assert.deepEqual([world.open(1).news(), world.left()], [[], 0])
})

test('A caller who drops while it rings has the same grace, a callee as long as it rings', async () => {
  await using world = await callWorld()
  const [a, b] = [world.open(1), world.open(2)]
  const first = await world.invite(a, 2)
  world.close(a)
  await world.candidate(b, 1, 'early')
  await world.accept(b, first.callId)
  assert.deepEqual(said(world.open(1)), ['yes', 'early'])
  await world.end(b, first.callId)

  const a2 = world.open(1)
  await world.invite(a2, 2)
  world.close(b)
  await world.pass(GRACE * 2)
  const b2 = world.open(2)
  assert.deepEqual(b2.names(), ['call:incoming'])
  world.close(a2)
  await world.pass(GRACE)
  assert.deepEqual(b2.names(), ['call:ended'])
  const { state, reason } = await world.lastRow()
  assert.deepEqual([state, reason], ['missed', 'lost'])
  await world.pass(GRACE)
  assert.equal(world.left(), 0)
})

test('A tab that goes while its word is being written has a grace from then on', async () => {
  await using world = await callWorld()
  const [a, b] = [world.open(1), world.open(2)]
  const inviting = world.invite(a, 2)
  world.close(a)
  const { callId } = await inviting
  const a2 = world.open(1)
  assert.deepEqual(b.names(), ['call:incoming'])
  const accepting = world.accept(b, callId)
  world.close(b)
  await accepting
  await world.candidate(a2, 2, 'waits')
  assert.deepEqual([a2.names(), said(world.open(2))], [['call:accepted'], ['waits']])
  await world.end(a2, callId)
  assert.equal(world.left(), 0)
})

test('A restart keeps what runs for the grace and misses what rang', async () => {
  await using world = await callWorld()
  const callId = await world.running(world.open(1), world.open(2))
  const lost = await world.running(world.open(3), world.open(4))
  await world.restart()
  const [a, b] = [world.open(1), world.open(2)]
  await world.candidate(a, 2, 'again')
  assert.deepEqual(said(b), ['again'])
  await world.pass(GRACE)
  await world.end(b, callId)
  assert.deepEqual([a.names(), b.names()], [['call:ended'], []])
  const ringing = await world.invite(a, 2)
  await world.restart()
  const ends = Object.fromEntries((await world.rows()).map(({ uuid, state, reason }) => [uuid, [state, reason]]))
  assert.deepEqual(ends, {
    [callId]: ['ended', 'hung_up'],
    [lost]: ['ended', 'lost'],
    [ringing.callId]: ['missed', 'restart'],
  })
  assert.equal(world.left(), 0)
})

test('PostgreSQL keeps calls as SQLite does', async () => {
  await using world = await callWorld({ storage: 'postgres' })
  const [a, b] = [world.open(1), world.open(2)]
  const first = await world.running(a, b)
  await world.invite(b, 1, 'video')
  await world.accept(a, first)
  assert.equal(await failure(world.invite(world.open(3), 2)), 'conflict')
  await world.end(a, first)
  assert.deepEqual(await world.candidate(b, 1, 'late'), { dropped: true })
  const second = await world.invite(b, 1)
  await world.restart()
  const pages = await world.read(async (reader) => [
    await listCalls(reader, 1, { limit: 1 }),
    await listCalls(reader, 2, { limit: 9, before: 3 }),
  ])
  const word = (row: CallRow): unknown[] => [row.uuid, row.state, row.reason, row.type]
  const shown = pages.map(({ rows, next }) => [next, ...rows.map(word)])
  const busy = (await world.rows())[1]!.uuid
  assert.deepEqual(shown, [
    [3, [second.callId, 'missed', 'restart', 'audio']],
    [undefined, [busy, 'busy', 'busy', 'audio'], [first, 'ended', 'hung_up', 'video']],
  ])
})

test('The longest call ends, over restarts too', async () => {
  await using world = await callWorld({ settings: { callMs: 3_600_000 } })
  await world.running(world.open(1), world.open(2))
  await world.pass(3_000_000)
  await world.restart()
  const [a, b] = [world.open(1), world.open(2)]
  await world.pass(599_000)
  assert.deepEqual([a.names(), b.names()], [[], []])
  await world.pass(1_000)
  assert.deepEqual([a.names(), b.names(), (await world.lastRow()).reason], [['call:ended'], ['call:ended'], 'too_long'])
  assert.equal(world.left(), 0)
})

test('H-K8 A running call is negotiated anew between its two tabs', async () => {
  await using world = await callWorld()
  const [a, a2, b, b2] = [world.open(1), world.open(1), world.open(2), world.open(2)]
  const callId = await world.running(a, b)
  b2.news()
  assert.deepEqual(await world.invite(b, 1, 'video', 'with a picture'), { callId })
  const payload = { callId, from: 2, fromName: 'user 2', callType: 'video' }
  const incoming = { name: 'call:incoming', data: { ...payload, offer: { type: 'offer', sdp: 'with a picture' } } }
  assert.deepEqual(a.news(), [incoming])

  // Both at once: the first offer stands, and the call goes on.
  assert.equal(await failure(world.invite(a, 2, 'audio', 'crossing')), 'conflict')
  assert.deepEqual(a.news(), [{ name: 'call:rejected', data: { callId } }])
  assert.equal(await failure(world.accept(b, callId)), 'conflict')
  assert.equal(await failure(world.accept(a2, callId)), 'conflict')
  assert.equal(await failure(world.invite(a2, 2)), 'conflict')
  assert.equal(a2.news()[0]?.name, 'call:rejected')
  await world.accept(a, callId, 'seen')
  assert.deepEqual([said(b), (await world.lastRow()).type], [['seen'], 'video'])
  assert.equal(await failure(world.accept(a, callId)), 'conflict')

  await world.invite(a, 2, 'video', 'and again')
  await world.reject(b, callId)
  assert.deepEqual([a.news(), said(b)], [[{ name: 'call:rejected', data: { callId } }], ['and again']])
  assert.equal(await failure(world.reject(b, callId)), 'conflict')

  // Of the offers that wait for a tab that is lost only the last can be answered.
  world.close(b)
  await world.invite(a, 2, 'video', 'lost')
  await world.invite(a, 2, 'video', 'kept')
  const back = world.open(2)
  assert.deepEqual(said(back), ['kept'])
  await world.accept(back, callId)
  assert.deepEqual([a.names(), a2.news(), b2.news()], [['call:accepted'], [], []])
  assert.equal((await world.lastRow()).state, 'accepted')
})

test('H-K9 Video is added only where both may have video calls, and who loses the permission ends the call', async () => {
  await using world = await callWorld()
  const [a, b] = [world.open(1), world.open(2)]
  const callId = await world.running(a, b)
  await world.grant(2, { 'call.video': false })
  assert.equal(await failure(world.invite(a, 2, 'video')), 'forbidden')
  assert.deepEqual(a.news(), [{ name: 'call:rejected', data: { callId } }])
  assert.equal(await failure(world.invite(b, 1, 'video')), 'forbidden')
  b.news()
  await world.grant(2, {})
  await world.invite(a, 2, 'video')
  await world.grant(1, { 'call.video': false })
  assert.equal(await failure(world.accept(b, callId)), 'forbidden')
  await world.grant(1, {})
  await world.accept(b, callId)
  assert.deepEqual([a.names(), b.names()], [['call:accepted'], ['call:incoming']])
  await world.grant(1, { 'call.audio': false })
  assert.deepEqual([a.names(), b.names()], [[], []])
  await world.grant(1, { 'call.video': false })
  assert.deepEqual([a.names(), b.names()], [['call:ended'], ['call:ended']])
  const { state, reason, type } = await world.lastRow()
  assert.deepEqual([state, reason, type, world.left()], ['ended', 'not_permitted', 'video', 0])
})
