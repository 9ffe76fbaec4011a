import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builder } from '../../kernel/statement.ts'
import { count, get, put, range, remove, set, type Things, within } from './node.ts'
import type { World } from './world.ts'

/** What goes in comes out, the same in both dialects. */
export function values({ node }: World): void {
  test('D-1 text comes back as it was written', async () => {
    const texts = ['', "o'é👍", '%_\\', '\u00e9 e\u0301', '\u{10FFFF}', '\r\n\t', '$1 ?', 'x'.repeat(100_000)]
    await node().database.write(async (tx) => {
      for (const name of texts) assert.equal(await tx.run(put, { name, value: name.length }), 1)
    })
    for (const name of texts) {
      const row = await node().database.latest.get(get, { name })
      assert.deepEqual({ ...row }, { name, value: name.length })
    }
  })

  test('D-1 half of a surrogate pair becomes the replacement character', async () => {
    await node().database.write((tx) => tx.run(put, { name: 'half \ud83d.', value: 1 }))
    assert.equal(await node().value('half \ufffd.'), 1)
  })

  test('D-1 text with NUL is stored whole (SQLite) or refused (PostgreSQL), never cut', async () => {
    const { database } = node()
    const writing = database.write((tx) => tx.run(put, { name: 'nul\0after', value: 1 }))
    if (database.dialect === 'postgres') await assert.rejects(writing)
    else await writing
    assert.equal(await node().value('nul\0after').catch(() => 1), 1)
    assert.equal(await node().value('nul'), undefined)
  })

  test('D-1 numbers are numbers up to 2^53 - 1, null is null, and what is larger is refused, not rounded', async () => {
    const { database } = node()
    const numbers = { zero: 0, largest: Number.MAX_SAFE_INTEGER, smallest: Number.MIN_SAFE_INTEGER, none: null }
    await database.write(async (tx) => {
      for (const [name, value] of Object.entries(numbers)) await tx.run(put, { name, value })
    })
    for (const [name, value] of Object.entries(numbers)) assert.equal(await node().value(name), value)
    assert.equal(typeof (await database.latest.get(count, {}))!.count, 'number')
    await database.write((tx) => tx.run(put, { name: 'too large', value: 2 ** 53 }))
    await assert.rejects(node().value('too large'))
    assert.equal(await database.write((tx) => tx.run(remove, { name: 'too large' })), 1)
    assert.equal(await node().value('largest'), Number.MAX_SAFE_INTEGER)
  })

  test('a statement says how many rows it changed, and finds none as well as several', async () => {
    const { database } = node()
    await database.write(async (tx) => {
      assert.equal(await tx.run(put, { name: 'changed', value: 1 }), 1)
      assert.equal(await tx.run(set, { name: 'changed', value: 2 }), 1)
      assert.equal(await tx.run(set, { name: 'nobody', value: 2 }), 0)
      assert.equal(await tx.get(get, { name: 'nobody' }), undefined)
      assert.deepEqual(await tx.all(within, { from: 'nobody', to: 'nobody/' }), [])
      assert.equal(await tx.run(remove, { name: 'changed' }), 1)
    })
  })

  test('queries built for one call run too, with lists', async () => {
    const { database } = node()
    await database.write(async (tx) => {
      for (const i of range(40)) await tx.run(put, { name: `list-${i}`, value: i % 4 === 0 ? null : i })
    })
    const base = builder<Things>(database.dialect).selectFrom('things').select('name')
    const listed = (names: readonly string[]) =>
      base.where('name', 'in', names).where('value', 'is not', null).compile()
    const find = async (names: readonly string[]) =>
      (await database.read((reader) => reader.query(listed(names)))).map((row) => row.name).sort()
    assert.deepEqual(await find(['list-1', 'list-4', 'list-7', 'nobody']), ['list-1', 'list-7'])
    assert.equal((await find(range(500).map((i) => `list-${i}`))).length, 30)
  })

  test('text is ordered by its bytes, whatever the language of the server', async () => {
    const names = ['b:1', 'b:1/', 'b:1/x', 'b:10', 'b:1#x', 'B:1/x', 'b:1\\x', 'b:1:x', 'b:１/x', 'b:2']
    await node().database.write(async (tx) => {
      for (const name of names) await tx.run(put, { name, value: 1 })
    })
    const under = await node().database.latest.all(within, { from: 'b:1/', to: 'b:10' })
    assert.deepEqual(under.map((row) => row.name), ['b:1/', 'b:1/x'])
    const all = await node().database.latest.all(within, { from: 'B:', to: 'b;' })
    const bytes = names.map((name) => Buffer.from(name)).sort((a, b) => a.compare(b))
    assert.deepEqual(all.map((row) => row.name), bytes.map(String))
  })
}
