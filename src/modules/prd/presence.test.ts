import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkEvent, insert, scene, userId, type Data } from './testing.ts'
import { gathering, presencesIn } from './testing-presences.ts'

test('P-P2 cursors and selections move with the text', async () => {
  await using at = await gathering('Hello world', { historyEdits: 40 })
  const { presences, document } = at
  const mover = await at.join(1)
  const watcher = await at.join(2)
  const { participant } = mover
  const pointed = () => {
    const { cursorPosition: cursor, selection } = presences.appearanceOf(1, 1)
    return { cursor, selection: selection && [selection.start, selection.end] }
  }
  assert.deepEqual(presences.show(participant, { cursorPosition: 5, selection: { start: 9, end: 6 } }), {
    status: 'viewing',
    cursorPosition: 5,
    selection: { start: 6, end: 9 },
  })
  at.edit(0, 0, 'Oh ')
  assert.deepEqual(pointed(), { cursor: 8, selection: [9, 12] })
  // At its edges nothing becomes selected, within it does; a cursor is pushed on.
  at.edit(9, 0, '<')
  at.edit(13, 0, '>')
  at.edit(11, 0, '..')
  at.edit(8, 0, '!')
  assert.equal(document.text.toString(), 'Oh Hello! <w..or>ld')
  assert.deepEqual(pointed(), { cursor: 9, selection: [11, 16] })
  at.edit(2, 10, '')
  assert.deepEqual(pointed(), { cursor: 2, selection: [2, 6] })
  at.edit(0, document.text.length, 'gone')
  assert.deepEqual(pointed(), { cursor: 4, selection: [4, 4] })
  // What nobody has been told of moves nothing yet.
  at.edit(0, 0, 'not ', false)
  assert.deepEqual(pointed(), { cursor: 4, selection: [4, 4] })
  presences.show(participant, { cursorPosition: 2 })
  presences.told(1, document.seq)
  assert.deepEqual(pointed(), { cursor: 6, selection: [8, 8] })
  assert.deepEqual(presences.show(participant, { selection: null }).selection, null)
  // Past the end, and within a surrogate pair.
  assert.equal(presences.show(participant, { cursorPosition: 9_007_199_254_740_991 }).cursorPosition, 8)
  at.edit(0, 0, '😀')
  const shown = presences.show(participant, { cursorPosition: 1, selection: { start: 1, end: 3 } })
  assert.deepEqual(shown, { status: 'viewing', cursorPosition: 2, selection: { start: 0, end: 3 } })
  // Who keeps still is brought along before the log has forgotten.
  presences.show(participant, { cursorPosition: 4, selection: null })
  for (let i = 0; i < 100; i += 1) at.edit(0, 0, 'x')
  assert.deepEqual(pointed(), { cursor: 104, selection: null })
  // Unless so much came at once that nobody knows where it stands.
  for (let i = 0; i < 60; i += 1) at.edit(0, 0, 'y', false)
  presences.told(1, document.seq)
  assert.deepEqual(pointed(), { cursor: null, selection: null })
  for (const event of await watcher.read()) checkEvent(event)
})

test('P-P3 a presence is told at once, then the latest at the end of a rest', async () => {
  await using at = await gathering('Hello world', { presenceRestMs: 300, cursorMs: 60_000 })
  const { presences, clock } = at
  const mover = await at.join(1)
  const watcher = await at.join(2)
  const seen = async () =>
    presencesIn(await watcher.read()).map(({ userId: id, cursorPosition }) => [id as string, cursorPosition as number])
  const { tickets } = at.hub.leftovers
  for (let i = 0; i < 5; i += 1) presences.show(mover.participant, { cursorPosition: i })
  assert.deepEqual(await seen(), [['user_1', 0]])
  assert.equal(at.hub.leftovers['tickets'], tickets! + 1)
  // It moves with the text while it waits.
  at.edit(0, 0, '..')
  clock.advance(200)
  assert.deepEqual(await seen(), [])
  clock.advance(100)
  assert.deepEqual(await seen(), [['user_1', 6]])
  clock.advance(1_000)
  assert.deepEqual(await seen(), [])
  // Another person does not wait for the first one's rest, only for the short one of the PRD.
  presences.show(mover.participant, { cursorPosition: 1 })
  clock.advance(10)
  const third = await at.join(3)
  presences.show(third.participant, { cursorPosition: 3 })
  assert.deepEqual(await seen(), [['user_1', 1], ['user_3', 3]])
  presences.show(mover.participant, { cursorPosition: 2 })

  // Of somebody who goes nothing is told any more.
  at.leave(mover)
  clock.advance(1_000)
  assert.deepEqual(await seen(), [])
  await third.read()
  // A cursor that was not moved for long is not shown to who comes later; the status is known to everybody.
  presences.show(third.participant, { status: 'editing' })
  clock.advance(60_000)
  const late = await at.join(4)
  assert.deepEqual(await late.read(), [])
  assert.deepEqual(presences.appearanceOf(1, 3), {
    status: 'editing',
    cursorPosition: null,
    selection: null,
    at: clock.now() - 60_000,
  })
  for (const guest of [watcher, third, late]) at.leave(guest)
  assert.equal(at.hub.leftovers['presences'], 0)
})

test('P-P1 of several tabs the latest counts, and what a tab showed goes with it', async () => {
  await using at = await gathering('Hello world', { presenceRestMs: 1 })
  const { presences, clock } = at
  const first = await at.join(1)
  const second = await at.join(1)
  const watcher = await at.join(2)
  presences.show(first.participant, { status: 'editing', cursorPosition: 3, selection: { start: 1, end: 3 } })
  assert.equal(presencesIn(await second.read()).length, 1, 'other tabs of the sender get it')
  assert.deepEqual(await first.read(), [])
  clock.advance(100)
  presences.show(second.participant, { cursorPosition: 7 })
  const [[, latest]] = (await first.read()) as [[string, Data]]
  // What the second did not say is as the first had said.
  assert.deepEqual([latest.status, latest.cursorPosition, latest.selection], ['editing', 7, { start: 1, end: 3 }])
  await watcher.read()
  clock.advance(100)
  at.leave(second, false)
  const [withdrawn] = presencesIn(await watcher.read())
  assert.deepEqual([withdrawn.status, withdrawn.cursorPosition, withdrawn.selection], ['viewing', null, null])
  assert.equal(presencesIn(await first.read()).length, 1)
  clock.advance(100)
  // The last tab was lost: until the grace is over, it may come back, and it does not meet itself.
  presences.show(first.participant, { status: 'editing', cursorPosition: 2 })
  at.leave(first, false)
  assert.equal(presencesIn(await watcher.read()).length, 1)
  const back = await at.join(1)
  assert.deepEqual(await back.read(), [])
  assert.equal(presences.statusOf(1, 1), 'editing')
  const beside = await at.join(1)
  presences.show(back.participant, { cursorPosition: 4 })
  clock.advance(100)
  await beside.read()
  const third = await at.join(1)
  assert.deepEqual(presencesIn(await third.read()).map(({ cursorPosition }) => cursorPosition), [4])
  // Who falls back to viewing is seen so.
  back.participant.mode = 'view'
  presences.joined(back.participant)
  assert.equal(presences.statusOf(1, 1), 'viewing')
  assert.equal(presences.show(back.participant, { status: 'ai-prompting' }).status, 'viewing')
})

test('P-P4 P-P5 presence on the wire', async () => {
  await using at = await scene()
  const { prdId, world } = at
  const owner = await at.tab(at.owner)
  const second = await at.tab(at.owner, '/')
  const editor = await at.tab(at.editor, '/', { auth: { batch: 'true' } })
  const viewer = await at.tab(at.viewer)
  await owner.refused('NOT_JOINED', 'presence-update', { prdId, status: 'editing' })
  await owner.refused('NOT_JOINED', 'presence-update', { prdId: 'prd_999', status: 'editing' })
  const joined = await owner.join(prdId)
  for (const tab of [second, editor, viewer]) await tab.join(prdId)
  for (const tab of [owner, second, editor, viewer]) await tab.drained()

  await owner.refused('VALIDATION_ERROR', 'presence-update', { prdId, status: 'away' })
  await owner.refused('VALIDATION_ERROR', 'presence-update', { prdId, cursorPosition: -1 })
  await owner.refused('VALIDATION_ERROR', 'presence-update', { prdId, selection: { start: 1.5, end: 2 } })
  const { stateVector } = joined.initialState
  owner.emit('content-update', { prdId, operation: insert(5, ' world'), stateVector })
  const selection = { start: 6, end: 11 }
  const ack = await owner.done('presence-update', { prdId, status: 'editing', cursorPosition: 11, selection })
  const shown = { status: 'editing', cursorPosition: 11, selection }
  assert.deepEqual(ack, { ok: true, ...shown })
  await owner.expectNothing()
  for (const tab of [second, viewer]) {
    await tab.expect('content-update')
    const update = await tab.expect('presence-update', { prdId, userId: userId(at.owner), userName: 'owner', ...shown })
    assert.equal(update.avatar, null)
    assert.equal(update.timestamp, world.clock.now())
    await tab.expectNothing()
  }
  await editor.expect('content-update')
  const batch = await editor.expect('batch-update', { prdId })
  assert.equal(batch.updates[0].cursorPosition, 11)
  await editor.expectNothing()

  // Who comes later is told where the others are, after what it has joined.
  const late = await at.tab(at.member)
  await late.done('join-prd', { prdId, mode: 'view' })
  const { activeUsers } = await late.expect('joined-prd')
  assert.equal(activeUsers.find((user: Data) => user.userId === userId(at.owner)).status, 'editing')
  await late.expect('presence-update', { userId: userId(at.owner), ...shown })
  await late.expectNothing()
  world.clock.advance(1_000)
  const seen = await late.done('presence-update', { prdId, status: 'editing', cursorPosition: 0 })
  assert.equal(seen.status, 'viewing')

  const { status, body } = await at.viewer.get(`/api/prds/${prdId}/presence`)
  assert.equal(status, 200, JSON.stringify(body))
  const present = body.items.find((item: Data) => item.userId === userId(at.owner))
  const { color } = activeUsers.find((user: Data) => user.userId === userId(at.owner))
  const who = { userId: userId(at.owner), name: 'owner', avatar: null, color }
  assert.deepEqual(present, { ...who, ...shown, timestamp: world.clock.now() - 1_000 })
  assert.equal(body.items.length, 4)
  assert.equal((await at.outsider.get(`/api/prds/${prdId}/presence`)).status, 404)

  for (const tab of [owner, second, editor, viewer, late]) tab.close()
  for (let i = 0; i < 100 && world.app.hub.connections.size > 0; i += 1) await new Promise((turn) => setImmediate(turn))
  await world.advance(5_000)
  assert.equal(world.app.hub.leftovers['presences'], 0)
})
