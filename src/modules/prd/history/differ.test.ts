import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editsBetween, unifiedDiff } from './diff.ts'
import { Differ, isLong } from './differ.ts'

const before = 'one line\n'.repeat(4_000)
const after = `${before.slice(0, 9_000)}and another 😀\n${before.slice(9_000)}`
const file = (text: string) => ({
  name: 'prd_1.md',
  from: { label: '1.0.0', text: before },
  to: { label: 'current', text },
})

test('long texts are compared elsewhere, to the same result', async () => {
  const differ = new Differ()
  assert.equal(isLong(before, after), true)
  assert.deepEqual(await differ.edits(before, after), editsBetween(before, after))
  assert.equal(await differ.difference(file(after)), unifiedDiff(file(after)))
  assert.equal(await differ.difference(file('short')), unifiedDiff(file('short')))
})

test('a comparison that cannot be made fails alone, and too many are refused', async () => {
  const lost = new Differ({ script: new URL('data:text/javascript,'), mostWaiting: 1 })
  const [first, second] = await Promise.allSettled([lost.edits(before, after), lost.edits(before, after)])
  for (const { reason } of [first, second] as PromiseRejectedResult[]) assert.equal(reason.kind, 'unavailable')
  const broken = new Differ({ script: new URL('data:text/javascript,throw new Error("gone")') })
  await assert.rejects(broken.edits(before, after), /gone/)
  assert.deepEqual(await broken.edits('a', 'b'), editsBetween('a', 'b'))
})
