import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogEvent } from '../../kernel/event.ts'
import { eventLog } from '../../kernel/event-log.ts'
import { range, said } from './node.ts'
import type { World } from './world.ts'

/** The event log: written, read in pages, cut at its old end. */
export function log({ node }: World): void {
  test('K-3 an event comes back from the log as it was published', async () => {
    const effects = [{ kind: 'join', of: 'toy:room', rooms: ['toy:other'] }] as const
    node().published.splice(0)
    await node().emit(
      said('nul \0, 👍', { subject: 'report:5/é', effects }),
      { module: 'toy', type: 'silent', audience: { to: [], except: ['toy:room'] } },
    )
    const logged = (await node().log()).slice(-2)
    assert.deepEqual(logged, node().published.splice(0))
    assert.deepEqual(JSON.parse(logged[0]!.payload!), { text: 'nul \0, 👍' })
    assert.deepEqual(logged[0]!.effects, effects)
    assert.deepEqual([logged[1]!.payload, logged[1]!.subject, logged[1]!.at], [null, null, node().clock.now()])
  })

  test('K-5 the log is read in pages that meet', async () => {
    await node().emit(...range(25).map((i) => said(`page ${i}`)))
    const { offset } = await node().head()
    const { database } = node()
    const pages: LogEvent[] = []
    for (let after = offset - 25; after < offset; after += 7) {
      pages.push(...(await database.read((reader) => eventLog.read(reader, after, Math.min(after + 7, offset)))))
    }
    assert.deepEqual(pages, (await node().log()).slice(-25))
    assert.deepEqual(await database.read((reader) => eventLog.read(reader, offset, offset + 100)), [])
  })

  test('K-5 retention removes the oldest events and says up to where', async () => {
    const old = await node().head()
    node().clock.advance(10_000)
    await node().emit(said('young'))
    const prune = (): Promise<void> =>
      node().unitOfWork.run((unit) => eventLog.prune(unit, node().clock.now() - 5_000))
    await prune()
    await prune()
    const head = await node().head()
    assert.deepEqual([head.pruned, head.offset], [old.offset, old.offset + 1])
    assert.deepEqual((await node().log()).map((event) => event.payload), ['{"text":"young"}'])
    node().clock.advance(10_000)
    await prune()
    assert.deepEqual([(await node().head()).pruned, await node().log()], [head.offset, []])
    await node().emit(said('next'))
    assert.deepEqual((await node().log()).map((event) => event.offset), [head.offset + 1])
  })

  test('K-5 a new epoch is another log', async () => {
    const old = await node().head()
    await node().database.write((tx) => eventLog.beginEpoch(tx))
    const head = await node().head()
    assert.notEqual(head.epoch, old.epoch)
    assert.equal(head.offset, old.offset)
  })
}
