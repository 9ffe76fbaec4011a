import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GRACE, HELLO, HOUR, news, pass, say, scene, WATCHED } from '../testing/party.ts'
import { turn, until } from '../testing/peer.ts'
import { TOY_ROOM } from '../testing/toy.ts'
import { userRoom } from './rooms.ts'
import { accountRoom, sessionRoom } from './session.ts'

test('K-13 a command before any token is refused and acknowledged, and the connection stays a while', async (t) => {
  const { clock, peer } = await scene(t)
  say(peer, 'echo', { text: 'x' }, 1)
  say(peer, 'echo', { text: 'x' })
  const told = '["error","unauthenticated"]'
  assert.deepEqual(await news(peer, 3), [told, 'ack 1 ["unauthenticated"]', told])
  peer.listener!.onText('{', 2)
  peer.listener!.onBinary()
  say(peer, 'token', 'x'.repeat(5_000), 3)
  // A binary frame needs no turn to be refused.
  assert.deepEqual(await news(peer, 5), [
    '["error","invalid"]', '["error","unauthenticated"]', 'ack 2 ["unauthenticated"]',
    '["error","too_large"]', 'ack 3 ["too_large"]',
  ])
  clock.advance(2_900)
  await turn()
  assert.deepEqual(peer.sent, [])
  clock.advance(200)
  assert.deepEqual(await news(peer, 2), ['["auth","unauthenticated"]', 'close 4401'])
})

test('K-13 a refused token may be followed by another, until a grace that begins with the first refusal', async (t) => {
  const { clock, peer, toy } = await scene(t)
  say(peer, 'token', 'bad', 1)
  say(peer, 'echo', { text: 'x' }, 2)
  const refused = ['["auth","unauthenticated"]', 'ack 1 ["unauthenticated"]']
  assert.deepEqual(await news(peer, 4), [...refused, '["error","unauthenticated"]', 'ack 2 ["unauthenticated"]'])
  pass(clock, peer, GRACE - 200)
  say(peer, 'token', 'bad', 1)
  assert.deepEqual(await news(peer, 2), refused)
  clock.advance(300)
  assert.deepEqual(await news(peer, 2), ['["auth","unauthenticated"]', 'close 4401'])
  assert.equal(toy.hub.leftovers['counts'], 0)
})

test('K-13 a grace that ends while a token is checked lets in who came in time, and cuts who is refused', async (t) => {
  const told = '["auth","unauthenticated"]'
  for (const [token, wanted] of [['user-1', [HELLO]], ['bad', [told, told, 'close 4401']]] as const) {
    const { clock, peer, checks } = await scene(t, { token: 'bad' })
    assert.deepEqual(await news(peer, 1), ['["auth","unauthenticated"]'])
    pass(clock, peer, GRACE - 100)
    checks.close()
    say(peer, 'token', token)
    await until(() => checks.isHolding)
    pass(clock, peer, 10_000)
    checks.open()
    assert.deepEqual(await news(peer, wanted.length), wanted)
    pass(clock, peer, GRACE + 1_000)
    await turn()
    assert.deepEqual(peer.sent, token === 'bad' ? ['cut'] : [])
  }
})

test('K-13 what comes while a token is checked is answered in order, after the greeting', async (t) => {
  const { peer, checks } = await scene(t)
  checks.close()
  say(peer, 'token', 'user-1', 1)
  say(peer, 'echo', { text: 'a' }, 2)
  say(peer, 'echo', { text: 'nobody waits' })
  say(peer, 'say', { text: 'b' }, 3)
  await turn()
  assert.deepEqual(peer.sent, [])
  checks.open()
  const answers = await news(peer, 5)
  assert.deepEqual(answers.filter((text) => !text.startsWith('["said"')), [
    HELLO, 'ack 1 ["ok"]', 'ack 2 ["echoed",{"text":"a"}]', 'ack 3 ["ok"]',
  ])
  assert.equal(answers.length, 5)
})

test('K-13 frames held while the token of the handshake is checked are refused, if it is, in order', async (t) => {
  const { peer } = await scene(t, { token: 'bad' })
  for (const ref of [1, 2]) say(peer, 'echo', { text: 'x' }, ref)
  const refused = (ref: number) => ['["error","unauthenticated"]', `ack ${ref} ["unauthenticated"]`]
  assert.deepEqual(await news(peer, 5), ['["auth","unauthenticated"]', ...refused(1), ...refused(2)])
})

test('K-13 whose token expires has left, and may come back on the same connection', async (t) => {
  const { toy, clock, peer, connection, left, emit } = await scene(t, { token: 'user-1' })
  assert.deepEqual(await news(peer, 1), [HELLO])
  pass(clock, peer, HOUR + 100)
  assert.deepEqual(await news(peer, 1), ['["auth","unauthenticated"]'])
  assert.deepEqual(left, ['1 expired'])
  assert.deepEqual([connection.session, connection.live, connection.rooms.size], [undefined, false, 0])
  assert.equal(toy.hub.leftovers['counts'], 0)
  await emit('missed')
  toy.hub.signal({ module: 'toy', type: 'waved', audience: { to: [TOY_ROOM] }, payload: {} })
  say(peer, 'echo', { text: 'x' }, 1)
  assert.deepEqual(await news(peer, 2), ['["error","unauthenticated"]', 'ack 1 ["unauthenticated"]'])
  pass(clock, peer, GRACE - 1_000)
  say(peer, 'token', 'user-1', 2)
  assert.deepEqual(await news(peer, 2), [HELLO, 'ack 2 ["ok"]'])
  pass(clock, peer, GRACE)
  await emit('heard')
  assert.deepEqual(await news(peer, 1), ['["said",{"text":"heard"}]'])
  pass(clock, peer, HOUR - GRACE + 100)
  assert.deepEqual(await news(peer, 1), ['["auth","unauthenticated"]'])
  pass(clock, peer, GRACE + 100)
  assert.deepEqual(await news(peer, 2), ['["auth","unauthenticated"]', 'close 4401'])
  assert.deepEqual(left, ['1 expired', '1 expired'])
})

test('K-13 a newer token of the same account keeps the session, and its login is what revokes it', async (t) => {
  const { toy, clock, peer, connection, left } = await scene(t, { token: 'user-1-a' })
  assert.deepEqual(await news(peer, 1), [HELLO])
  pass(clock, peer, HOUR - 10_000)
  say(peer, 'token', 'user-1-b', 1)
  assert.deepEqual(await news(peer, 2), ['["again","user-1-b",null]', 'ack 1 ["ok"]'])
  say(peer, 'token', 'bad', 2)
  assert.deepEqual(await news(peer, 2), ['["auth","unauthenticated"]', 'ack 2 ["unauthenticated"]'])
  pass(clock, peer, HOUR - 10_000)
  say(peer, 'echo', { text: 'on' }, 3)
  assert.deepEqual(await news(peer, 1), ['ack 3 ["echoed",{"text":"on"}]'])
  assert.deepEqual(left, [])
  assert.equal(toy.hub.rooms.members(sessionRoom('user-1-a')).size, 0)
  for (const each of toy.hub.rooms.members(sessionRoom('user-1-b'))) each.close('token', 'You have logged out')
  assert.deepEqual(await news(peer, 3), [
    '["auth","unauthenticated"]', '["bye",{"reason":"revoked","code":4401}]', 'close 4401',
  ])
  assert.deepEqual([left, connection.rooms.size], [['1 revoked'], 0])
})

test('K-13 a token of another account: one party leaves whole, the other is let in whole', async (t) => {
  const { toy, peer, connection, left, emit } = await scene(t, { token: 'user-1' })
  assert.deepEqual(await news(peer, 1), [HELLO])
  toy.hub.rooms.join(connection, WATCHED)
  say(peer, 'token', 'user-2', 1)
  assert.deepEqual(await news(peer, 2), [HELLO, 'ack 1 ["ok"]'])
  assert.deepEqual(left, ['1 client'])
  const rooms = [accountRoom(2), sessionRoom('user-2'), TOY_ROOM, userRoom('toy', 2)]
  assert.deepEqual([...connection.rooms].toSorted(), rooms)
  assert.equal(toy.hub.leftovers['counts'], 1)
  await emit('not for it', userRoom('toy', 1))
  await emit('for it', userRoom('toy', 2))
  assert.deepEqual(await news(peer, 1), ['["said",{"text":"for it"}]'])
})

test('K-13 an account with no connection left is told so, and whoever is on the connection stays on it', async (t) => {
  const { peer, attach, left } = await scene(t, { token: 'user-1', limits: { maxConnectionsPerAccount: 1 } })
  assert.deepEqual(await news(peer, 1), [HELLO])
  const second = attach('user-1').peer
  assert.deepEqual(await news(second, 1), ['["auth","rate_limited"]'])
  say(second, 'token', 'user-2', 1)
  assert.deepEqual(await news(second, 2), [HELLO, 'ack 1 ["ok"]'])
  say(second, 'token', 'user-1', 2)
  say(second, 'echo', { text: 'still 2' }, 3)
  const wanted = ['["auth","rate_limited"]', 'ack 2 ["rate_limited"]', 'ack 3 ["echoed",{"text":"still 2"}]']
  assert.deepEqual(await news(second, 3), wanted)
  assert.deepEqual(left, [])
  peer.listener!.onClosed()
  say(second, 'token', 'user-1', 4)
  assert.deepEqual(await news(second, 2), [HELLO, 'ack 4 ["ok"]'])
})
