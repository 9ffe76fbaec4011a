import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leastMs } from '../../testing/effort.ts'
import { checkEvent, type Data } from './testing.ts'
import { gathering, presencesIn } from './testing-presences.ts'

const CROWD = 200

test('of a crowd each gets every move of the others once, alone or in a batch, and never what it sent itself', async () => {
  await using at = await gathering('x'.repeat(1_000))
  const ids = Array.from({ length: CROWD }, (_, i) => i + 1)
  const guests = await Promise.all(ids.map((id) => at.join(id, id % 2 === 0 ? { batch: 'true' } : {})))
  const move = (): void => {
    for (const [i, { participant }] of guests.entries()) at.presences.show(participant, { cursorPosition: i })
  }
  const readAll = () => Promise.all(guests.map((guest) => guest.read()))
  move()
  const first = await readAll()
  // The first to move is told at once; then the PRD rests for as long as all of them are worth.
  assert.deepEqual(presencesIn(first[1]!).map(({ userId }) => userId), ['user_1'])
  at.clock.advance(400)
  assert.deepEqual((await readAll()).flat(), [])
  at.clock.advance(200)
  move()
  at.clock.advance(500)
  const batches = new Set<string>()
  const before = first.map(presencesIn)
  for (const [i, events] of (await readAll()).entries()) {
    const isBatching = i % 2 === 1
    assert.ok(events.every(([name]) => name === (isBatching ? 'batch-update' : 'presence-update')))
    const seen = [...before[i]!, ...presencesIn(events)].map(({ userId }) => userId as string)
    const others = guests.flatMap(({ participant }, j) => (i === j ? [] : `user_${participant.accountId}`))
    assert.deepEqual(seen.toSorted(), [...others, ...others].toSorted(), 'they have moved twice')
    // Two of each kind are looked at closely.
    for (const event of i < 4 ? events : []) checkEvent(event)
    if (!isBatching) continue
    assert.ok(events.length < 2 * (CROWD / 16 + 1), `${events.length} events`)
    for (const [, data] of events) {
      const { prdId, updates, batchId, timestamp } = data as Data
      assert.equal(prdId, 'prd_1')
      assert.match(timestamp, /^2026-01-05T12:00:0\dZ$/)
      batches.add(batchId)
      for (const { type, ...rest } of i < 4 ? (updates as Data[]) : []) {
        assert.equal(type, 'presence-update')
        assert.equal(rest.prdId, undefined)
        checkEvent(['presence-update', { prdId, ...rest }])
      }
    }
  }
  assert.ok(batches.size <= 2 * Math.ceil(CROWD / 16), 'the bytes of a batch are shared')
  const tick = leastMs(() => {
    move()
    at.clock.advance(1_000)
  }, 3)
  assert.ok(tick < 250, `${tick} ms for what happens twice a second`)
  await readAll()
  for (const guest of guests) at.leave(guest)
  assert.equal(at.hub.leftovers['presences'], 0)
})

test('P-P6 a connection batches when it asks, or when all do and it does not ask otherwise', async () => {
  await using at = await gathering('Hello', { batching: true })
  const mover = await at.join(1)
  const asked = await at.join(2, { batch: '1' })
  const declined = await at.join(3, { batch: 'false' })
  at.presences.show(mover.participant, { status: 'editing', cursorPosition: 2 })
  const [[name, batch]] = (await asked.read()) as [[string, Data]]
  assert.equal(name, 'batch-update')
  const [update] = batch.updates
  assert.deepEqual(Object.keys(batch), ['prdId', 'updates', 'batchId', 'timestamp'])
  const { type, ...shown } = update
  assert.equal(type, 'presence-update')
  assert.deepEqual(await declined.read(), [['presence-update', { prdId: 'prd_1', ...shown }]])
  assert.deepEqual(await mover.read(), [])
  const late = await at.join(4)
  assert.deepEqual(presencesIn(await late.read()), [update])
  // Of a batch of one's own update alone nothing is left.
  at.clock.advance(1_000)
  at.presences.show(late.participant, { cursorPosition: 1 })
  assert.equal((await mover.read()).length, 1)
  assert.deepEqual(await late.read(), [])
})
