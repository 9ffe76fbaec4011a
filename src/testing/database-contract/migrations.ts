import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Migrations } from '../../kernel/database.ts'
import { everything, put, get } from './node.ts'
import type { World } from './world.ts'

/** Each once, each whole or not at all, beside everything else. */
export function migrations({ node }: World): void {
  test('D-2 migrations run once, and one that fails leaves nothing and can be mended', async () => {
    const { database } = node()
    await database.migrate(everything)
    const half: Migrations = {
      ...everything,
      'contract-002-half': async (db) => {
        await db.schema.createTable('half').addColumn('x', 'integer').execute()
        throw new Error('in the middle')
      },
    }
    await assert.rejects(database.migrate(half), /contract-002-half/)
    const whole: Migrations = {
      ...everything,
      'contract-002-half': (db) => db.schema.createTable('half').addColumn('x', 'integer').execute(),
    }
    await database.migrate(whole)
    await database.migrate(whole)
  })

  test('D-4 reads and writes go on beside a migration', async () => {
    const { database } = node()
    const more: Migrations = {
      ...everything,
      'contract-002-half': () => Promise.resolve(),
      'contract-003-more': (db) => db.schema.createTable('more').addColumn('x', 'integer').execute(),
    }
    const reading = database.read(async (reader) => {
      await reader.get(get, { name: 'x' })
      await turn()
      await reader.get(get, { name: 'x' })
    })
    await Promise.all([
      reading,
      database.migrate(more),
      database.write((tx) => tx.run(put, { name: 'beside a migration', value: 1 })),
    ])
    assert.equal(await node().value('beside a migration'), 1)
  })
}
