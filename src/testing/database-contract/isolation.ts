import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builder } from '../../kernel/statement.ts'
import { get, type Node, put, range, set, settlesSoon, signal, type Things } from './node.ts'
import type { World } from './world.ts'

/** What runs at the same time. */
export function isolation({ node, other }: World): void {
  test('D-3 concurrent writes that read, wait and write lose nothing, on two nodes neither', async () => {
    await node().database.write((tx) => tx.run(put, { name: 'counter', value: 0 }))
    const increment = ({ database }: Node): Promise<unknown> =>
      database.write(async (tx) => {
        const { value } = (await tx.get(get, { name: 'counter' }))!
        await tx.run(set, { name: 'counter', value: value! + 1 })
      })
    await Promise.all(range(200).flatMap(() => [increment(node()), increment(other())]))
    assert.equal(await node().value('counter'), 400)
  })

  test('D-3 writes run in the order in which they were asked for', async () => {
    const order: number[] = []
    await Promise.all(range(20).map((i) => node().database.write(async () => void order.push(i))))
    assert.deepEqual(order, range(20))
  })

  test('D-4 a read never sees what a running write has done', async () => {
    const [written, held] = [signal(), signal()]
    const writing = node().database.write(async (tx) => {
      await tx.run(put, { name: 'late', value: 1 })
      written.give()
      await held.promise
    })
    await written.promise
    const reading = node().value('late')
    // With one connection (PGlite) a read waits for the write, which is as good.
    const waited = !(await settlesSoon(reading))
    held.give()
    await writing
    if (!waited) assert.equal(await reading, undefined)
    assert.equal(await node().value('late'), 1)
    assert.equal((await node().database.latest.get(get, { name: 'late' }))?.value, 1)
  })

  test('D-4 a read sees one state throughout, whatever is committed meanwhile', async () => {
    let writing: Promise<unknown> | undefined
    const seen = await node().database.read(async (reader) => {
      const first = await reader.get(get, { name: 'meanwhile' })
      writing = node().database.write((tx) => tx.run(put, { name: 'meanwhile', value: 1 }))
      await settlesSoon(writing)
      return [first, await reader.get(get, { name: 'meanwhile' })]
    })
    assert.deepEqual(seen, [undefined, undefined])
    await writing
    assert.equal(await node().value('meanwhile'), 1)
  })

  test('D-4 a read changes nothing', async () => {
    const { database } = node()
    const insert = builder<Things>(database.dialect).insertInto('things').values({ name: 'by a read', value: 1 })
    await assert.rejects(database.read((reader) => reader.query(insert.compile())))
    assert.equal(await node().value('by a read'), undefined)
  })

  test('a read or a write that failed leaves its connection clean', async () => {
    const { database } = node()
    const wrong = builder<{ absent: { x: number } }>(database.dialect).selectFrom('absent').selectAll().compile()
    const attempts = range(30).flatMap(() => [
      database.read((reader) => reader.query(wrong)),
      database.write((tx) => tx.query(wrong)),
    ])
    for (const { status } of await Promise.allSettled(attempts)) assert.equal(status, 'rejected')
    await Promise.all(range(30).map(async () => assert.equal(await node().value('late'), 1)))
    await database.write((tx) => tx.run(put, { name: 'after failures', value: 1 }))
  })

  test('D-5 erase waits for whoever is reading, and stops nobody', async () => {
    const { database } = node()
    const [reading, held] = [signal(), signal()]
    const read = database.read(async (reader) => {
      await reader.get(get, { name: 'x' })
      reading.give()
      await held.promise
    })
    await reading.promise
    const erasing = Promise.all([database.erase(), database.erase()])
    await settlesSoon(erasing)
    held.give()
    await Promise.all([read, erasing])
    await database.write((tx) => tx.run(put, { name: 'after the erasure', value: 1 }))
  })
}
