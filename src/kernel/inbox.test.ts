import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GRACE, HELLO, news, say, scene } from '../testing/party.ts'

test('K-14 at most 1 024 frames wait; those are answered in order, what is more is refused', async (t) => {
  const limits = { frames: { limit: 2_000, perMs: 60_000 }, maxFrameBytes: 4_096, authGraceMs: GRACE }
  const { peer, checks } = await scene(t, { face: { limits } })
  checks.close()
  say(peer, 'token', 'user-1')
  for (let ref = 0; ref < 1_068; ref += 1) say(peer, 'echo', { text: `${ref}` }, ref)
  const refused = Array.from({ length: 44 }, (_, i) => ['["error","rate_limited"]', `ack ${1_024 + i} ["rate_limited"]`])
  assert.deepEqual(await news(peer, 88), refused.flat())
  checks.open()
  const answers = Array.from({ length: 1_024 }, (_, ref) => `ack ${ref} ["echoed",{"text":"${ref}"}]`)
  assert.deepEqual(await news(peer, 1_025), [HELLO, ...answers])
})

test('K-14 at most 1 MiB of text waits, though one frame alone may be larger', async (t) => {
  const limits = { frames: { limit: 1_000, perMs: 60_000 }, maxFrameBytes: 100_000, authGraceMs: GRACE }
  const { peer, commands } = await scene(t, { token: 'user-1', face: { limits } })
  assert.deepEqual(await news(peer, 1), [HELLO])
  commands.close()
  say(peer, 'enter', {}, 0)
  say(peer, 'echo', { text: 'é'.repeat(600_000) }, 1)
  say(peer, 'echo', { text: 'x' }, 2)
  assert.deepEqual(await news(peer, 2), ['["error","rate_limited"]', 'ack 2 ["rate_limited"]'])
  commands.open()
  assert.deepEqual(await news(peer, 3), ['ack 0 ["ok"]', '["error","too_large"]', 'ack 1 ["too_large"]'])
  commands.close()
  say(peer, 'enter', {}, 0)
  for (let ref = 1; ref <= 20; ref += 1) say(peer, 'echo', { text: 'x'.repeat(90_000) }, ref)
  const answers = (await news(peer, 18)).filter((text) => text.startsWith('ack'))
  assert.deepEqual(answers, Array.from({ length: 9 }, (_, i) => `ack ${12 + i} ["rate_limited"]`))
  commands.open()
  assert.equal((await news(peer, 12)).length, 12)
  say(peer, 'echo', { text: 'free again' }, 1)
  assert.deepEqual(await news(peer, 1), ['ack 1 ["echoed",{"text":"free again"}]'])
})

test('a frame over the rate is acknowledged too, and a sender who floods is cut before it has a party', async (t) => {
  const limits = { frames: { limit: 1, perMs: 60_000 }, maxFrameBytes: 4_096, authGraceMs: GRACE }
  const { peer } = await scene(t, { face: { limits } })
  for (const ref of [1, 2]) say(peer, 'echo', { text: 'x' }, ref)
  const answers = await news(peer, 4)
  assert.deepEqual(answers.filter((text) => text.startsWith('ack 2')), ['ack 2 ["rate_limited"]'])
  for (let n = 0; n < 20; n += 1) say(peer, 'echo', { text: 'x' })
  assert.equal((await news(peer, 10)).at(-1), 'close 4429')
})
