import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tx } from '../../kernel/database.ts'
import { everything, put, count, range, signal, settlesSoon } from './node.ts'
import type { World } from './world.ts'

/** All of a write or nothing of it. */
export function transactions({ node }: World): void {
  test('D-2 a write that fails leaves nothing', async () => {
    const failing = node().database.write(async (tx) => {
      await tx.run(put, { name: 'gone', value: 1 })
      throw new Error('no')
    })
    await assert.rejects(failing, /no/)
    assert.equal(await node().value('gone'), undefined)
  })

  test('D-2 a write that caught the failure of a statement is there as a whole, or rejects', async () => {
    const { database } = node()
    await database.write((tx) => tx.run(put, { name: 'taken', value: 1 }))
    const writing = database.write(async (tx) => {
      await tx.run(put, { name: 'before the failure', value: 1 })
      await tx.run(put, { name: 'taken', value: 2 }).catch(() => undefined)
    })
    const resolved = await writing.then(
      () => true,
      () => false,
    )
    assert.equal(await node().value('before the failure'), resolved ? 1 : undefined)
  })

  test('D-2 a failed savepoint is undone alone, a failed statement in it too', async () => {
    await node().database.write(async (tx) => {
      await tx.run(put, { name: 'kept', value: 1 })
      await assert.rejects(tx.savepoint(() => tx.run(put, { name: 'kept', value: 2 })))
      await assert.rejects(
        tx.savepoint(async () => {
          await tx.run(put, { name: 'undone', value: 1 })
          throw new Error('no')
        }),
        /no/,
      )
      await tx.savepoint(() => tx.run(put, { name: 'second', value: 2 }))
    })
    assert.deepEqual(
      [await node().value('kept'), await node().value('undone'), await node().value('second')],
      [1, undefined, 2],
    )
  })

  test('D-2 savepoints nest, and hundreds of failed ones do no harm', async () => {
    const failing = async (tx: Tx, name: string): Promise<never> => {
      await tx.run(put, { name, value: 1 })
      throw new Error('no')
    }
    await node().database.write(async (tx) => {
      await tx.savepoint(async () => {
        await tx.run(put, { name: 'outer', value: 1 })
        await assert.rejects(tx.savepoint(() => failing(tx, 'inner, failed')))
      })
      await assert.rejects(
        tx.savepoint(async () => {
          await tx.savepoint(() => tx.run(put, { name: 'inner, undone by the outer', value: 1 }))
          await failing(tx, 'outer, failed')
        }),
      )
      for (const i of range(200)) await assert.rejects(tx.savepoint(() => failing(tx, `failed-${i}`)))
      await tx.run(put, { name: 'after all', value: 1 })
    })
    const names = ['outer', 'inner, failed', 'inner, undone by the outer', 'outer, failed', 'failed-7', 'after all']
    const found = await Promise.all(names.map((name) => node().value(name)))
    assert.deepEqual(found, [1, undefined, undefined, undefined, undefined, 1])
  })
}

/** Runs last: the database is closed then. */
export function closing({ node, opened }: World): void {
  test('D-1 closing lets finish what runs, and after opening again everything is there', async () => {
    const { database } = node()
    const rows = (await database.latest.get(count, {}))!.count
    assert.ok(rows > 300)
    const [reading, held] = [signal(), signal()]
    const read = database.read(async (reader) => {
      reading.give()
      await held.promise
      return (await reader.get(count, {}))!.count
    })
    await reading.promise
    const write = database.write((tx) => tx.run(put, { name: 'the last', value: 1 }))
    const closed = database.close()
    await settlesSoon(closed)
    held.give()
    assert.ok((await read) >= rows)
    await write
    await closed
    await database.close()
    await assert.rejects(database.read((reader) => reader.get(count, {})))
    await assert.rejects(database.write((tx) => tx.get(count, {})))
    const again = await opened().reopen?.()
    if (!again) return
    const known = { 'contract-002-half': () => Promise.resolve(), 'contract-003-more': () => Promise.resolve() }
    await again.migrate({ ...everything, ...known })
    assert.equal((await again.latest.get(count, {}))!.count, rows + 1)
    await again.close()
  })
}
