import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Incoming } from './incoming.ts'

test('what is on its way is counted for each account, until it has come or has failed', async () => {
  const incoming = new Incoming()
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const counts: number[] = []
  const one = incoming.during(1, (coming) => (counts.push(coming), first.promise))
  const two = incoming.during(1, (coming) => (counts.push(coming), second.promise))
  await incoming.during(2, async (coming) => void counts.push(coming))
  assert.deepEqual(counts, [1, 2, 1])
  first.resolve()
  await one
  assert.equal(await incoming.during(1, async (coming) => coming), 2)
  second.reject(new Error('cut off'))
  await assert.rejects(two, /cut off/)
  assert.equal(await incoming.during(1, async (coming) => coming), 1)
  assert.equal(incoming.size, 0)
})
