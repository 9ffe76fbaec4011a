import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { CommandError } from '../../kernel/errors.ts'
import { eventLog } from '../../kernel/event-log.ts'
import { GroupCommit, type Unit } from '../../kernel/unit-of-work.ts'
import { seeded, type Random } from '../random.ts'
import { get, Node, put, range, said, within } from './node.ts'
import type { World } from './world.ts'

/** Group commit over the database: commands together, each for itself. */
export function groups({ node, other }: World): void {
  test('K-1 a failing command undoes only itself, before or after its first write', async () => {
    const { unitOfWork, published } = node()
    const command = (key: string, failing: boolean) =>
      unitOfWork.run(async (unit) => {
        await unit.run(put, { name: key, value: 1 })
        unit.emit(said(key))
        if (failing) throw new CommandError('conflict', key)
        return key
      })
    const refused = unitOfWork.run(async (unit) => {
      await unit.get(get, { name: 'x' })
      unit.emit(said('refused'))
      throw new CommandError('forbidden', 'refused')
    })
    const settled = await Promise.allSettled([command('a', false), command('b', true), refused, command('c', false)])
    assert.deepEqual(
      settled.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason.message))),
      ['a', 'b', 'refused', 'c'],
    )
    assert.deepEqual([await node().value('a'), await node().value('b'), await node().value('c')], [1, undefined, 1])
    assert.deepEqual(published.splice(0).map((event) => event.payload), ['{"text":"a"}', '{"text":"c"}'])
  })

  test('K-1 a statement that fails in the database does not spoil the commands beside it', async () => {
    const add = (name: string) => node().unitOfWork.run((unit) => unit.run(put, { name, value: 1 }))
    const settled = await Promise.allSettled([add('d1'), add('a'), add('d2')])
    assert.deepEqual(settled.map((outcome) => outcome.status), ['fulfilled', 'rejected', 'fulfilled'])
    assert.deepEqual([await node().value('d1'), await node().value('d2')], [1, 1])
  })

  test('K-1 nor does one whose failure its command has caught', async () => {
    const { unitOfWork } = node()
    const neighbour = unitOfWork.run((unit) => unit.run(put, { name: 'neighbour', value: 1 }))
    const catching = unitOfWork.run(async (unit) => {
      await unit.run(put, { name: 'catching', value: 1 })
      await unit.run(put, { name: 'a', value: 2 }).catch(() => undefined)
    })
    const [beside, caught] = await Promise.allSettled([neighbour, catching])
    assert.equal(beside.status, 'fulfilled')
    assert.equal(await node().value('neighbour'), 1)
    assert.equal(await node().value('catching'), caught.status === 'fulfilled' ? 1 : undefined)
  })

  test('K-1 what is published is committed', async () => {
    let seen: Promise<unknown> | undefined
    const watching = new GroupCommit({
      database: node().database,
      clock: node().clock,
      publish: (events) => void (events.length > 0 && (seen = node().value('seen'))),
    })
    await watching.run(async (unit) => {
      await unit.run(put, { name: 'seen', value: 7 })
      unit.emit(said('seen'))
    })
    assert.equal(await seen, 7)
  })

  test('K-3 whatever fails, on two nodes at once: offsets have no gap and appear in order', async (t) => {
    const random = seeded()
    t.diagnostic(`SEED=${random.seed}`)
    const start = (await node().head()).offset
    const small = [node(), other()].map(({ database, clock }) => new Node(database, clock, 1 + random.int(40)))
    const kept: string[] = []
    const running: Promise<unknown>[] = []
    let done = false
    const watching = watch(node(), start, () => done)
    for (const i of range(500)) {
      const { unitOfWork } = random.pick(small)
      const command = randomCommand(random, `r-${i}`)
      const note = (): void => void kept.push(`r-${i}`)
      running.push(unitOfWork.run(command).then(note, () => undefined))
      if (random.int(10) === 0) await turn()
    }
    await Promise.all(running)
    done = true
    await watching
    const logged = (await node().log()).filter((event) => event.offset > start)
    assert.deepEqual(logged.map((event) => event.offset), range(logged.length, start + 1))
    for (const { published } of small) {
      const offsets = published.map((event) => event.offset)
      assert.deepEqual(offsets, offsets.toSorted((a, b) => a - b))
    }
    const published = small.flatMap((one) => one.published).sort((a, b) => a.offset - b.offset)
    assert.deepEqual(published, logged)
    // Every command that was not refused, whole: its row, and its two events one after the other.
    assert.ok(kept.length > 100 && kept.length < 450, `${kept.length} of 500 kept`)
    const texts = logged.map((event) => (JSON.parse(event.payload!) as { text: string }).text)
    assert.deepEqual(texts.filter((_, i) => i % 2 === 0).map((text) => text.replace('/1', '')).sort(), kept.toSorted())
    for (const [i, text] of texts.entries()) if (i % 2 === 1) assert.equal(text, texts[i - 1]!.replace('/1', '/2'))
    const rows = await node().database.latest.all(within, { from: 'r-', to: 'r.' })
    assert.deepEqual(rows.map((row) => row.name).sort(), kept.toSorted())
  })
}

/** A row and two events, or one of the ways to fail. */
function randomCommand(random: Random, name: string): (unit: Unit) => Promise<void> {
  const kinds = ['kept', 'kept', 'kept', 'refused before', 'refused after', 'crashed', 'duplicate', 'inner'] as const
  const kind = random.pick(kinds)
  return async (unit) => {
    unit.emit(said(`${name}/1`))
    await unit.get(get, { name })
    if (kind === 'refused before') throw new CommandError('forbidden', 'no')
    if (kind === 'inner') {
      await unit.savepoint(() => unit.run(put, { name: 'a', value: 1 })).catch(() => undefined)
    }
    await unit.run(put, { name, value: 1 })
    if (kind === 'duplicate') await unit.run(put, { name: 'a', value: 1 })
    unit.emit(said(`${name}/2`))
    if (kind === 'refused after') throw new CommandError('conflict', 'no')
    if (kind === 'crashed') throw new TypeError('no')
  }
}

/** Reads on from where it was, like a node that follows the log: nothing may appear behind it. */
async function watch(node: Node, from: number, done: () => boolean): Promise<void> {
  let position = from
  for (let last = false; !last; await turn()) {
    last = done()
    const { head, events } = await node.database.read(async (reader) => {
      const { offset } = await eventLog.head(reader)
      return { head: offset, events: await eventLog.read(reader, position, offset) }
    })
    assert.deepEqual(events.map((event) => event.offset), range(head - position, position + 1))
    position = head
  }
}
