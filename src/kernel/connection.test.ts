import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { FakeClock } from '../testing/clock.ts'
import { Peer, turn, until } from '../testing/peer.ts'
import { sessionOf, toyKernel, type Toy, type ToyParts } from '../testing/toy.ts'
import type { Connection } from './connection.ts'
import { CommandError } from './errors.ts'
import type { HubLimits } from './hub.ts'
import { accountRoom } from './session.ts'

interface Scene {
  readonly toy: Toy
  readonly clock: FakeClock
  readonly peer: Peer
  readonly connection: Connection
}

/** One open connection of user 1, its greeting taken. */
async function scene(t: TestContext, parts: ToyParts = {}, limits: Partial<HubLimits> = {}): Promise<Scene> {
  const clock = new FakeClock()
  const toy = await toyKernel(clock, limits, parts)
  t.after(() => toy.close())
  const peer = new Peer(toy)
  const connection = toy.hub.attach(toy.face, peer, { token: 'user-1', params: {}, since: undefined })
  await until(() => peer.sent.length > 0 && connection.live)
  assert.deepEqual(peer.sent.splice(0), ['["hello",null]'])
  return { toy, clock, peer, connection }
}

/** Everything sent, up to the close. */
async function closing(peer: Peer): Promise<readonly string[]> {
  await until(() => peer.sent.some((text) => text.startsWith('close ')))
  return words(peer)
}

const words = (peer: Peer): readonly string[] =>
  peer.sent.map((text) => text.replace(/^\["(error|bye)",(.*)\]$/, '$1 $2'))
const bye = (reason: string, code: number): string => `bye ${JSON.stringify({ reason, code })}`

test('who says nothing for 59.9 seconds is still there, and is cut at the first ping after 60', async (t) => {
  const { toy, clock, peer } = await scene(t)
  for (let ms = 0; ms < 59_900; ms += 100) clock.advance(100)
  assert.equal(toy.hub.connections.size, 1)
  assert.deepEqual(peer.sent, [])
  assert.deepEqual(peer.pings, [''])
  for (let ms = 0; ms < 30_200; ms += 100) clock.advance(100)
  assert.deepEqual(peer.sent, ['cut'])
  assert.equal(toy.hub.connections.size, 0)
  assert.equal(toy.hub.leftovers['counts'], 0)
})

test('a pong or a frame every 59.9 seconds is enough to stay', async (t) => {
  const { toy, clock, peer } = await scene(t)
  for (let n = 0; n < 10; n += 1) {
    for (let ms = 0; ms < 59_900; ms += 100) clock.advance(100)
    if (n % 2 === 0) peer.listener!.onPong('')
    else peer.listener!.onText('["wave",{"text":"x"}]', undefined)
    await turn()
  }
  assert.equal(toy.hub.connections.size, 1)
  assert.ok(!peer.sent.includes('cut'))
})

test('who has fallen silent is told so where the face has a code for it, and cut 5 seconds later', async (t) => {
  const { toy, clock, peer } = await scene(t, { face: { closeCode: (kind) => (kind === 'policy' ? 1008 : undefined) } })
  for (let ms = 0; ms < 61_100; ms += 100) clock.advance(100)
  assert.deepEqual(await closing(peer), [bye('timeout', 1008), 'close 1008'])
  assert.equal(toy.hub.leftovers['counts'], 0)
  clock.advance(5_100)
  assert.equal(peer.sent.at(-1), 'cut')
})

for (const [name, code] of [['its own', 1008], ['the usual', 4401]] as const) {
  const face = code === 1008 ? { closeCode: () => 1008 } : {}

  test(`an expired token: the error, the farewell with the real code, the close with ${name} code`, async (t) => {
    const { clock, peer } = await scene(t, { face })
    for (let left = 3_600_000; left > 0; left -= 30_000) {
      clock.advance(30_000)
      peer.listener!.onPong('')
    }
    clock.advance(100)
    const message = 'The token has expired; get a new one and connect again'
    const error = `error ${JSON.stringify({ kind: 'unauthenticated', message })}`
    assert.deepEqual(await closing(peer), [error, bye('expired', code), `close ${code}`])
  })

  test(`a revoked token: the error, the farewell with the real code, the close with ${name} code`, async (t) => {
    const { toy, peer } = await scene(t, { face })
    for (const each of toy.hub.rooms.members(accountRoom(1))) each.close('token', 'You have logged out')
    const error = `error ${JSON.stringify({ kind: 'unauthenticated', message: 'You have logged out' })}`
    assert.deepEqual(await closing(peer), [error, bye('revoked', code), `close ${code}`])
  })
}

test('a drain and a flood end with a farewell that names the code of the close', async (t) => {
  const first = await scene(t)
  first.connection.end('drain', 'drain')
  assert.deepEqual(await closing(first.peer), [bye('drain', 1001), 'close 1001'])
  const { peer } = await scene(t, { face: { limits: { frames: { limit: 1, perMs: 60_000 }, maxFrameBytes: 4_096 } } })
  for (let n = 0; n < 20; n += 1) peer.listener!.onText('["wave",{"text":"x"}]', undefined)
  assert.deepEqual((await closing(peer)).slice(-2), [bye('flood', 4429), 'close 4429'])
})

test('who reads too slowly is sent the farewell last, if it ever reads again', async (t) => {
  const { toy, peer, connection } = await scene(t, {}, { maxPendingBytes: 1_024 })
  peer.bufferedBytes = 1_000
  connection.send(`["much","${'x'.repeat(2_000)}"]`)
  assert.deepEqual((await closing(peer)).slice(-2), [bye('slow', 4408), 'close 4408'])
  assert.equal(toy.hub.leftovers['counts'], 0)
})

test('a close that the client begins has no farewell, whatever comes at the same time', async (t) => {
  const { peer, connection } = await scene(t)
  peer.listener!.onClosed()
  connection.end('drain', 'drain')
  connection.close('token', 'You have logged out')
  await turn()
  assert.deepEqual(peer.sent, [])
})

/** A connection of a face that checks tokens before the handshake, whose opening does as the test says. */
async function admitted(t: TestContext, open: () => Promise<never>): Promise<{ toy: Toy; peer: Peer }> {
  const clock = new FakeClock()
  const toy = await toyKernel(clock, {}, { face: { open, refusal: () => '{}' } })
  t.after(() => toy.close())
  const peer = new Peer(toy)
  const session = sessionOf('user-1', clock)
  const slot = await toy.hub.admission(toy.face).claim(1)
  toy.hub.attach(toy.face, peer, { token: 'user-1', params: {}, since: undefined, admitted: { session, slot } })
  return { toy, peer }
}

test('an opening that fails is an error and a farewell to a party known before the handshake', async (t) => {
  const { toy, peer } = await admitted(t, () => Promise.reject(new Error('a secret of the inside')))
  await until(() => peer.sent.at(-1) === 'close 1011')
  assert.match(words(peer)[0]!, /^error .*"internal"/)
  assert.doesNotMatch(peer.sent.join(), /secret/)
  assert.deepEqual((await closing(peer)).slice(1), [bye('failed', 1011), 'close 1011'])
  assert.equal(toy.errors.length, 1)
  assert.equal(toy.hub.leftovers['counts'], 0)
})

test('a drain while a party known before the handshake is being let in says farewell and frees its slot', async (t) => {
  const { toy, peer } = await admitted(t, () => new Promise(() => undefined))
  await turn()
  for (const connection of toy.hub.connections) connection.end('drain', 'drain')
  assert.deepEqual(await closing(peer), [bye('drain', 1001), 'close 1001'])
  assert.equal(toy.hub.leftovers['counts'], 0)
})

test('a token revoked between the check and the handshake opens nothing', async (t) => {
  const clock = new FakeClock()
  const revoked = () => Promise.reject(new CommandError('unauthenticated', 'Invalid authentication token'))
  const face = { refusal: () => '{}', closeCode: () => 1008 }
  const toy = await toyKernel(clock, {}, { face, authenticate: revoked })
  t.after(() => toy.close())
  const peer = new Peer(toy)
  const session = sessionOf('user-1', clock)
  const slot = await toy.hub.admission(toy.face).claim(1)
  toy.hub.attach(toy.face, peer, { token: 'user-1', params: {}, since: undefined, admitted: { session, slot } })
  await until(() => peer.sent.at(-1) === 'close 1008')
  assert.match(words(peer)[0]!, /^error /)
  assert.deepEqual((await closing(peer)).slice(1), [bye('unauthenticated', 1008), 'close 1008'])
  assert.deepEqual({ ...toy.hub.leftovers, connections: 0, tickets: 0, dirtyOutboxes: 0 }, {
    connections: 0, rooms: 0, counts: 0, windows: 0, tickets: 0, dirtyOutboxes: 0,
  })
})

// Proofs of receipt

test('only the very payload of a ping proves receipt, and for all that was asked before it', async (t) => {
  const { peer, connection } = await scene(t)
  const got: string[] = []
  for (const name of ['a', 'b', 'c']) connection.confirm((received) => void got.push(`${name} ${received}`))
  const [first, second, third] = peer.pings
  assert.equal(new Set(peer.pings).size, 3)
  const forged = ['', 'c1', 'c5', 'c999', 'c1e9', 'cInfinity', 'c', 'NaN', '0', second!.slice(1), `${second}x`,
    second!.toUpperCase(), second!.replace(/.$/, (end) => (end === '0' ? '1' : '0')), '\0', 'é'.repeat(60)]
  for (const payload of forged) peer.listener!.onPong(payload)
  assert.deepEqual(got, [])
  peer.listener!.onPong(second!)
  assert.deepEqual(got, ['a true', 'b true'])
  for (const payload of [first!, second!]) peer.listener!.onPong(payload)
  assert.deepEqual(got, ['a true', 'b true'])
  peer.listener!.onPong(third!)
  assert.deepEqual(got, ['a true', 'b true', 'c true'])
})

test("a ping of one connection's proves nothing for another", async (t) => {
  const { toy, peer, connection } = await scene(t)
  const other = new Peer(toy)
  const second = toy.hub.attach(toy.face, other, { token: 'user-2', params: {}, since: undefined })
  await until(() => second.live)
  const got: string[] = []
  connection.confirm((received) => void got.push(`one ${received}`))
  second.confirm((received) => void got.push(`two ${received}`))
  other.listener!.onPong(peer.pings[0]!)
  peer.listener!.onPong(other.pings[0]!)
  assert.deepEqual(got, [])
  other.listener!.onPong(other.pings[0]!)
  assert.deepEqual(got, ['two true'])
})

test('what is not proved when the connection ends was not received, nor is what is asked afterwards', async (t) => {
  const { peer, connection } = await scene(t)
  const got: boolean[] = []
  connection.confirm((received) => void got.push(received))
  peer.listener!.onClosed()
  connection.confirm((received) => void got.push(received))
  peer.listener!.onPong(peer.pings[0]!)
  assert.deepEqual(got, [false, false])
})

test('of what a peer leaves unanswered a thousand wait at most, and a fault in one hinders no other', async (t) => {
  const { toy, peer, connection } = await scene(t)
  const got: string[] = []
  for (let n = 0; n < 1_002; n += 1) connection.confirm((received) => void got.push(`${n} ${received}`))
  assert.deepEqual(got.splice(0), ['0 false', '1 false'])
  connection.confirm(() => {
    throw new Error('a fault of the one who asked')
  })
  connection.confirm((received) => void got.push(`last ${received}`))
  peer.listener!.onPong(peer.pings.at(-1)!)
  assert.equal(got.at(-1), 'last true')
  assert.equal(got.length, 1_001)
  assert.equal(toy.errors.length, 1)
})
