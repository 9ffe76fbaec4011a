import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '../../testing/client.ts'
import { seeded } from '../../testing/random.ts'
import { testWorld, type User } from '../../testing/world.ts'
import { Mischief, Model, snapshot } from './model.ts'

const BURSTS = 4
const DEEDS = 25

/** The next pong, and everything before it into the model: all that was sent until now has been applied. */
async function catchUp(client: Client, model: Model): Promise<number> {
  client.send({ type: 'system', action: 'ping', payload: {} })
  for (let frames = 0; ; frames += 1) {
    const frame = await client.next()
    if (frame.type === 'system' && frame.action === 'pong') return frames
    assert.notEqual(frame.type, 'error', JSON.stringify(frame))
    model.apply(frame)
  }
}

for (const offset of [0, 1]) {
  const random = seeded(Number(process.env['SEED'] ?? 7) + offset)
  test(`T-E5 T-E6 no change forgets its event: old state + events = state read anew, for everybody (seed ${random.seed})`, async () => {
    await using world = await testWorld({ config: { trackerWritesPerMinute: 0, trackerFramesPerMinute: 0 } })
    const people: User[] = [
      await world.user('admin'),
      await world.user('mia', 'manager'),
      await world.user('max', 'manager'),
      await world.user('dora', 'developer'),
      await world.user('dan', 'developer'),
      await world.user('rita'),
    ]
    const watching = await Promise.all(
      people.map(async (user) => ({ user, model: new Model(), client: await world.connect(user) })),
    )
    const mischief = new Mischief(random, people)
    let done = 0
    for (let burst = 0; burst < BURSTS; burst += 1) {
      for (let i = 0; i < DEEDS; i += 1) if ((await mischief.deed()) < 300) done += 1
      world.clock.advance(1_000)
      for (const { user, model, client } of watching) {
        await catchUp(client, model)
        assert.deepEqual(model.state, (await snapshot(user)).state, `${user.name}, burst ${burst}`)
      }
    }
    assert.ok(done > BURSTS * DEEDS * 0.15, `only ${done} deeds were not refused`)
  })
}
