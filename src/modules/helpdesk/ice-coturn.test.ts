import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coturnMissing, startCoturn } from '../../testing/coturn.ts'
import { allocate } from '../../testing/turn-client.ts'
import { turnCredential } from './ice.ts'

const SECRET = 'a secret of the tests'

test('a TURN server takes our credentials until they expire, and no others', { skip: coturnMissing }, async () => {
  await using coturn = await startCoturn(SECRET)
  // The server's own clock decides.
  const now = Math.floor(Date.now() / 1000)
  const good = turnCredential(SECRET, now + 3600, 42)
  const answer = await allocate(coturn.port, good)
  assert.ok('lifetime' in answer && answer.lifetime > 0, JSON.stringify(answer))

  const refused = { error: 401 }
  assert.deepEqual(await allocate(coturn.port, turnCredential(SECRET, now - 60, 42)), refused, 'expired')
  assert.deepEqual(await allocate(coturn.port, turnCredential('another secret', now + 3600, 42)), refused, 'forged')
  const longer = { ...good, username: good.username.replace(/^\d+/, (expires) => String(Number(expires) + 3600)) }
  assert.deepEqual(await allocate(coturn.port, longer), refused, 'its life made longer')
  assert.deepEqual(await allocate(coturn.port, { ...good, username: `${now + 3600}:43` }), refused, 'for somebody else')
})
