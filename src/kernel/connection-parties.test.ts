import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HELLO, HOUR, news, pass, say, scene } from '../testing/party.ts'
import { Peer, turn, until } from '../testing/peer.ts'
import { seeded } from '../testing/random.ts'
import { TOY_ROOM } from '../testing/toy.ts'
import { userRoom } from './rooms.ts'
import { accountRoom, sessionRoom } from './session.ts'

test('K-13 a token revoked between its two checks lets nobody in, at first or instead of another', async (t) => {
  const { peer, checks, revoked, connection, toy, left } = await scene(t)
  for (const [token, before] of [['user-1', []], ['user-2', ['1 client']]] as const) {
    checks.close()
    say(peer, 'token', token, 1)
    await until(() => checks.isHolding)
    checks.open()
    checks.close()
    await until(() => checks.isHolding)
    revoked.add(token)
    checks.open()
    assert.deepEqual(await news(peer, 2), ['["auth","unauthenticated"]', 'ack 1 ["unauthenticated"]'])
    assert.deepEqual([connection.rooms.size, toy.hub.leftovers['counts']], [0, 0])
    assert.deepEqual(left.splice(0), [...before, `${token.at(-1)} unauthenticated`])
    revoked.delete('user-1')
    say(peer, 'token', 'user-1')
    assert.deepEqual(await news(peer, 1), [HELLO])
  }
})

test('K-13 a newer token that is revoked in between is told, and its login is not kept', async (t) => {
  const { peer, checks, revoked, connection, toy } = await scene(t, { token: 'user-1-a' })
  assert.deepEqual(await news(peer, 1), [HELLO])
  checks.close()
  say(peer, 'token', 'user-1-b', 1)
  await until(() => checks.isHolding)
  checks.open()
  checks.close()
  await until(() => checks.isHolding)
  revoked.add('user-1-b')
  checks.open()
  assert.deepEqual(await news(peer, 2), ['["auth","unauthenticated"]', 'ack 1 ["unauthenticated"]'])
  assert.equal(connection.session?.id, 'user-1-a')
  assert.equal(toy.hub.rooms.members(sessionRoom('user-1-b')).size, 0)
  assert.equal(toy.hub.rooms.members(sessionRoom('user-1-a')).size, 1)
})

test('K-13 a token that expires while a newer one is checked gives way to it, of whichever account', async (t) => {
  const { clock, peer, checks, left } = await scene(t, { token: 'user-1' })
  assert.deepEqual(await news(peer, 1), [HELLO])
  for (const next of ['user-1', 'user-2', 'bad']) {
    checks.close()
    pass(clock, peer, HOUR - 100)
    say(peer, 'token', next, 1)
    await until(() => checks.isHolding)
    clock.advance(200)
    checks.open()
    const [told, ...rest] = await news(peer, 3)
    assert.equal(told, '["auth","unauthenticated"]')
    assert.deepEqual(rest, next === 'bad' ? [told, 'ack 1 ["unauthenticated"]'] : [HELLO, 'ack 1 ["ok"]'])
  }
  assert.deepEqual(left, ['1 expired', '1 expired', '2 expired'])
})

test('K-13 revoked, or gone, while it is let in as another: nothing is left of either', async (t) => {
  const { toy, peer, openings, attach, clock } = await scene(t, { token: 'user-1' })
  const other = attach().peer
  for (const each of [peer, other]) assert.deepEqual(await news(each, 1), [HELLO])
  openings.close()
  for (const each of [peer, other]) say(each, 'token', 'user-2', 1)
  await until(() => toy.hub.rooms.members(userRoom('toy', 2)).size === 2 && openings.isHolding)
  other.listener!.onClosed()
  for (const each of [...toy.hub.rooms.members(accountRoom(2))]) each.close('right', 'Your account was deactivated')
  openings.open()
  assert.deepEqual(await news(peer, 2), ['["error","forbidden"]', 'close 4403'])
  peer.listener!.onClosed()
  clock.advance(10_000)
  await turn()
  assert.deepEqual(other.sent, [])
  assert.deepEqual(new Set(Object.values(toy.hub.leftovers)), new Set([0]))
})

test('K-13 who is put out of a room while being let in again is not in it', async (t) => {
  const { peer, openings, connection, emit } = await scene(t, { token: 'user-1' })
  assert.deepEqual(await news(peer, 1), [HELLO])
  openings.close()
  say(peer, 'token', 'user-2')
  await until(() => openings.isHolding)
  await emit('out', TOY_ROOM, [{ kind: 'leave', of: userRoom('toy', 2), rooms: [TOY_ROOM] }])
  await emit('the other one', TOY_ROOM, [{ kind: 'leave', of: userRoom('toy', 1), rooms: ['toy:user:2'] }])
  openings.open()
  assert.deepEqual(await news(peer, 1), [HELLO])
  assert.deepEqual([connection.rooms.has(TOY_ROOM), connection.rooms.has(userRoom('toy', 2))], [false, true])
})

test('K-13 a command still running when its party has left enters no room for the next', async (t) => {
  const { peer, clock, commands, connection } = await scene(t, { token: 'user-1' })
  assert.deepEqual(await news(peer, 1), [HELLO])
  commands.close()
  say(peer, 'enter', {}, 1)
  say(peer, 'token', 'user-2', 2)
  await until(() => commands.isHolding)
  pass(clock, peer, HOUR + 100)
  commands.open()
  const wanted = ['["auth","unauthenticated"]', 'ack 1 ["ok"]', HELLO, 'ack 2 ["ok"]']
  assert.deepEqual(await news(peer, 4), wanted)
  assert.equal(connection.rooms.has('toy:secret'), false)
})

test('K-13 an opening that fails is told, and may be tried again', async (t) => {
  let failing = true
  const fault = (): Promise<never> => Promise.reject(new Error('a secret of the inside'))
  const { peer, toy, connection } = await scene(t, {
    token: 'user-1',
    face: {
      open: () =>
        failing ? fault() : Promise.resolve({ offset: 0, rooms: [TOY_ROOM], frames: () => [HELLO] }),
    },
  })
  assert.deepEqual(await news(peer, 1), ['["auth","internal"]'])
  assert.deepEqual([toy.errors.length, connection.rooms.size, toy.hub.leftovers['counts']], [1, 0, 0])
  failing = false
  say(peer, 'token', 'user-1', 1)
  assert.deepEqual(await news(peer, 2), [HELLO, 'ack 1 ["ok"]'])
})

// Positions

const said = (text: string): string => `["said",{"text":"${text}"}`
const start = (frames: readonly string[]): readonly string[] => frames.map((text) => text.replace(/,"[^"{}]*"\]$/, ''))

test('K-13 the same party goes on where it left the log, another one from now', async (t) => {
  const { peer, clock, emit } = await scene(t, { token: 'user-1', since: 'now', tokenMs: 1_000 })
  assert.deepEqual(start(await news(peer, 1)), ['["hello"'])
  await emit('a')
  const [a] = await news(peer, 1)
  const position = /"([^"]+)"\]$/.exec(a!)![1]!
  clock.advance(1_100)
  await emit('b')
  await emit('of 2', userRoom('toy', 2))
  await emit('c', userRoom('toy', 1))
  say(peer, 'token', 'user-1')
  const back = await news(peer, 4)
  assert.deepEqual(back.slice(0, 2), ['["auth","unauthenticated"]', `["hello","${position}"]`])
  assert.deepEqual(start(back.slice(2)), [said('b'), said('c')])
  await emit('d')
  say(peer, 'token', 'user-1-b')
  const [d, again] = await news(peer, 2)
  const newest = /"([^"]+)"\]$/.exec(d!)![1]!
  assert.equal(again, `["again","user-1-b","${newest}"]`)
  say(peer, 'token', 'user-2')
  assert.equal((await news(peer, 1))[0], `["hello","${newest}"]`)
  await emit('e')
  assert.deepEqual(start(await news(peer, 1)), [said('e')])
  await emit('f', userRoom('toy', 1))
  say(peer, 'token', 'user-1')
  assert.deepEqual(start(await news(peer, 1)), ['["hello"'])
  await emit('g')
  assert.deepEqual(start(await news(peer, 1)), [said('g')])
})

test('K-13 a replay stops with its party and goes on with it, and gives nothing to another', async (t) => {
  const options = { token: 'user-1', since: 'now', tokenMs: 1_000 }
  const { toy, clock, emit, peer: first, connection } = await scene(t, options)
  const position = /"([^"]+)"\]$/.exec((await news(first, 1))[0]!)![1]!
  // Each alone is more than a reader is given before it has taken the one before.
  for (const letter of ['a', 'b', 'c']) await emit(letter.repeat(40_000))
  const slow = (): { peer: Peer; drained: (() => void)[] } => {
    const peer = new Peer(toy)
    const drained: (() => void)[] = []
    peer.whenDrained = (fn) => void drained.push(fn)
    toy.hub.attach(connection.face, peer, { token: 'user-1', params: {}, since: position })
    return { peer, drained }
  }
  const [one, two] = [slow(), slow()]
  const letters = (frames: readonly string[]): string =>
    frames.flatMap((text) => /"text":"(\w)/.exec(text)?.[1] ?? []).join('')
  await until(() => one.drained.length === 1 && two.drained.length === 1)
  for (const { peer } of [one, two]) assert.equal(letters(await news(peer, 2)), 'a')
  say(two.peer, 'token', 'user-2')
  assert.deepEqual(start(await news(two.peer, 1)), ['["hello"'])
  for (const { peer } of [one, two]) peer.whenDrained = (fn) => fn()
  for (const fn of two.drained) fn()
  for (let n = 0; n < 20; n += 1) await turn()
  clock.advance(1_100)
  for (const fn of one.drained) fn()
  for (const { peer } of [one, two]) assert.deepEqual(await news(peer, 1), ['["auth","unauthenticated"]'])
  say(one.peer, 'token', 'user-1')
  await until(() => letters(one.peer.sent) === 'bc')
  await turn()
  assert.deepEqual([letters(one.peer.sent), two.peer.sent], ['bc', []])
})

const random = seeded()

test(`K-13 who leaves and comes back at any moment gets all, each once (seed ${random.seed})`, async (t) => {
  const { peer, clock, emit, connection } = await scene(t, { token: 'user-1', since: 'now', tokenMs: 500 })
  await until(() => connection.live)
  const running: Promise<void>[] = []
  let count = 0
  let returns = 0
  for (let step = 0; step < 600; step += 1) {
    const dice = random.next()
    if (dice < 0.5) running.push(emit(`${(count += 1)}`))
    else if (dice < 0.65) clock.advance(500)
    else if (dice < 0.8) say(peer, 'token', random.next() < 0.2 ? 'bad' : 'user-1')
    else if (dice < 0.85) say(peer, 'token', `user-1-${step}`)
    else await turn()
    if (step % 50 === 49) await Promise.all(running.splice(0))
    peer.listener!.onPong('')
    // The grace must not end while the dice are against it.
    if (connection.session === undefined && step % 20 === 0) say(peer, 'token', 'user-1')
  }
  await Promise.all(running)
  say(peer, 'token', 'user-1')
  await until(() => connection.live)
  await emit('end')
  await until(() => peer.sent.some((text) => text.startsWith('["said",{"text":"end"')))
  returns = peer.sent.filter((text) => text.startsWith('["hello"')).length
  assert.ok(returns > 10, `only ${returns} returns: no proof`)
  assert.ok(!peer.sent.some((text) => text.startsWith('["resync"')))
  const got = peer.sent.flatMap((text) => /^\["said",\{"text":"(\w+)"/.exec(text)?.[1] ?? [])
  assert.deepEqual(got, [...Array.from({ length: count }, (_, i) => `${i + 1}`), 'end'])
})
