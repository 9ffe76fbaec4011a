import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import type { Face } from '../kernel/face.ts'
import {
  CONNECTIONS, checkRefused, door, echoPings, handshake, limits, type Answer, type Door, type Headers,
} from '../testing/door.ts'
import { seeded } from '../testing/random.ts'
import { sessionOf } from '../testing/toy.ts'

test('a token opens a connection by header, by subprotocol and by query, the same one twice as well', async (t) => {
  const at = await door(t)
  const byProtocol = await at.knock(undefined, { 'sec-websocket-protocol': 'bearer, user-2' })
  assert.equal(byProtocol.headers['sec-websocket-protocol'], 'bearer')
  for (const answer of [
    byProtocol,
    await at.knock('user-2'),
    await at.knock(undefined, {}, '/toy?token=user-2'),
    await at.knock('user-2', { 'sec-websocket-protocol': 'bearer, user-2' }, '/toy?token=user-2'),
  ]) assert.equal(answer.status, 101)
  await at.until(() => at.toy.hub.connections.size === 4)
  for (const connection of at.toy.hub.connections) assert.deepEqual(connection.params, { place: 'here' })
})

test('no token, a bad one, another scheme or two different ones are a 401 in the words of the face', async (t) => {
  const at = await door(t)
  const cases: readonly (readonly [string | undefined, Headers, string])[] = [
    [undefined, {}, '/toy'],
    ['garbage', {}, '/toy'],
    ['user-0', {}, '/toy'],
    [undefined, { authorization: 'Basic user-1' }, '/toy'],
    [undefined, { authorization: 'user-1' }, '/toy'],
    [undefined, { authorization: 'Bearer' }, '/toy'],
    [undefined, { authorization: 'Bearer ' }, '/toy'],
    [undefined, { 'sec-websocket-protocol': 'user-1' }, '/toy'],
    [undefined, { 'sec-websocket-protocol': 'other, user-1' }, '/toy'],
    [undefined, {}, '/toy?token='],
    ['user-1', {}, '/toy?token=user-2'],
    ['user-1', { 'sec-websocket-protocol': 'bearer, user-2' }, '/toy'],
    [undefined, {}, '/toy?token=user-1&token=user-2'],
    [undefined, { authorization: ['Bearer user-1', 'Bearer user-2'] }, '/toy'],
  ]
  for (let round = 0; round < 3; round += 1) {
    for (const [token, headers, path] of cases) {
      const answer = await at.knock(token, headers, path)
      checkRefused(answer, 401, 'TOY_UNAUTHENTICATED', /^Invalid authentication token/)
      assert.equal(answer.headers['www-authenticate'], 'Bearer')
      assert.doesNotMatch(answer.body, /user-|garbage/)
    }
  }
  assert.equal(at.slots, 0)
  assert.equal(at.toy.hub.connections.size, 0)
  await at.fill('user-1')
})

test('the eleventh connection in any minute is a 429 with the time to wait; refused ones do not count', async (t) => {
  const at = await door(t)
  for (let n = 0; n < 10; n += 1) {
    const { socket } = await at.enter('user-1')
    socket.destroy()
    await at.until(() => at.slots === 0)
    at.clock.advance(1_000)
  }
  for (let n = 0; n < 30; n += 1) {
    const answer = await at.knock('user-1')
    checkRefused(answer, 429, 'TOY_RATE_LIMITED', /opened/)
    assert.equal(answer.headers['retry-after'], '50')
  }
  assert.equal((await at.knock('user-2')).status, 101)
  at.clock.advance(49_900)
  assert.equal((await at.knock('user-1')).headers['retry-after'], '1')
  at.clock.advance(100)
  assert.equal((await at.knock('user-1')).status, 101)
  assert.equal((await at.knock('user-1')).status, 429)
})

test('of twenty upgrades at once five are let in, and the rest are told that too many are open', async (t) => {
  const at = await door(t)
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const answer = await at.knock('user-1')
      answer.socket?.on('data', (data: Buffer) => echoPings(answer.socket!, data))
      return answer
    }),
  )
  assert.equal(answers.filter(({ status }) => status === 101).length, CONNECTIONS)
  for (const answer of answers.filter(({ status }) => status !== 101)) {
    checkRefused(answer, 429, 'TOY_RATE_LIMITED', /open/)
    assert.equal(answer.headers['retry-after'], undefined)
    assert.match(answer.body, /at most 5/)
  }
  assert.equal(at.toy.hub.connections.size, CONNECTIONS)
  // Refused for the slots alone, they have not used up the minute.
  await at.empty()
  for (let n = 0; n < 5; n += 1) assert.equal((await at.knock('user-1')).status, 101)
})

test('five connections of one account are no bound for another', async (t) => {
  const at = await door(t)
  for (const token of ['user-1', 'user-2', 'user-3']) await at.fill(token)
  assert.equal(at.toy.hub.connections.size, 15)
})

test('the dead give up their slots to who comes, after the time they have to answer; the living stay', async (t) => {
  const at = await door(t)
  const living = [await at.enter('user-1'), await at.enter('user-1')]
  const dead = await at.fill('user-1', 3)
  let answer: Answer | undefined
  const knocking = at.knock('user-1').then((got) => (answer = got))
  // Asked of all five; two of them answer.
  await at.until(() => at.toy.hub.leftovers['tickets']! > 11)
  for (let ms = 0; ms < 1_900; ms += 100) {
    at.clock.advance(100)
    await new Promise((turn) => setImmediate(turn))
  }
  assert.equal(answer, undefined)
  assert.equal(at.toy.hub.connections.size, 5)
  at.clock.advance(200)
  await knocking
  assert.equal(answer!.status, 101)
  await at.until(() => dead.every(({ destroyed }) => destroyed), 'the end of the dead')
  for (const { socket } of living) assert.equal(socket.destroyed, false)
  await at.until(() => at.toy.hub.connections.size === 3)
})

test('who sends anything at all while it is asked is alive', async (t) => {
  const at = await door(t)
  const five = await at.fill('user-1')
  at.clock.advance(100)
  const knocking = at.knock('user-1')
  await at.until(() => at.toy.hub.leftovers['tickets']! > 11)
  at.clock.advance(100)
  for (const socket of five) socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]))
  await at.until(() => [...at.toy.hub.connections].every(({ seen }) => seen === 200))
  at.clock.advance(2_000)
  assert.equal((await knocking).status, 429)
  assert.equal(at.toy.hub.connections.size, 5)
})

test('a slot that comes free while the others are asked is given away at once', async (t) => {
  const at = await door(t)
  const [first] = await at.fill('user-1')
  const knocking = at.knock('user-1')
  await at.until(() => at.toy.hub.leftovers['tickets']! > 11)
  first!.destroy()
  assert.equal((await knocking).status, 101)
})

test('a handshake that fails gives its slot back', async (t) => {
  const at = await door(t)
  const bad: Headers = { 'sec-websocket-key': 'short', 'sec-websocket-version': '7', upgrade: 'h2c' }
  for (const headers of Object.entries(bad).map((entry) => Object.fromEntries([entry]))) {
    const { status } = await at.knock('user-1', headers)
    assert.ok(status >= 400 && status < 500, JSON.stringify(headers))
  }
  await at.until(() => at.slots === 0, 'the slots to come back')
  await at.fill('user-1')
})

test('who goes while the token is being checked or the others are asked takes no slot', async (t) => {
  let check: (() => void)[] | undefined = []
  const at: Door = await door(t, {
    async authenticate(token) {
      if (check) await new Promise<void>((resolve) => check!.push(resolve))
      return sessionOf(token, at.clock)
    },
  })
  const open = at.toy.hub.wheel.size
  const gone = rawKnock(at)
  await at.until(() => check!.length === 1)
  gone.resetAndDestroy()
  await at.until(() => at.toy.hub.wheel.size > open)
  const late = check
  check = undefined
  for (const go of late) go()
  await at.until(() => at.toy.hub.wheel.size === open && at.slots === 0)
  const five = await at.fill('user-1')
  const waiting = rawKnock(at)
  await at.until(() => at.toy.hub.leftovers['tickets']! > 11)
  waiting.resetAndDestroy()
  five[0]!.destroy()
  await at.until(() => at.toy.hub.connections.size === 4)
  const answer = await at.enter('user-1')
  assert.equal(answer.status, 101)
})

function rawKnock({ port }: Door): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  const lines = Object.entries({ host: 'x', authorization: 'Bearer user-1', ...handshake() })
  socket.write(`GET /toy HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
  return socket
}

test('a token that is not checked in time is a 503, and what the check brings later is not used', async (t) => {
  let answer: (() => void) | undefined
  const at: Door = await door(t, {
    authenticate: (token) => new Promise((resolve) => (answer = () => resolve(sessionOf(token, at.clock)))),
  })
  const knocking = at.knock('user-1')
  await at.until(() => answer !== undefined)
  at.clock.advance(29_900)
  at.clock.advance(200)
  const refused = await knocking
  checkRefused(refused, 503, 'TOY_UNAVAILABLE', /in time/)
  assert.equal(refused.headers['retry-after'], '5')
  answer!()
  await new Promise((turn) => setImmediate(turn))
  assert.equal(at.slots, 0)
  assert.equal(at.toy.hub.wheel.size, 0)
})

test('a failure of the check is a 500 that says nothing of its inside', async (t) => {
  const at = await door(t, { authenticate: () => Promise.reject(new Error('a secret of the inside')) })
  const answer = await at.knock('user-1')
  checkRefused(answer, 500, 'TOY_INTERNAL', /failed/)
  assert.doesNotMatch(answer.body, /secret/)
  assert.equal(at.toy.errors.length, 1)
})

test('a server that begins to drain while a token is being checked lets nobody in', async (t) => {
  let answer: (() => void) | undefined
  const at: Door = await door(t, {
    authenticate: (token) => new Promise((resolve) => (answer = () => resolve(sessionOf(token, at.clock)))),
  })
  const knocking = at.knock('user-1')
  await at.until(() => answer !== undefined)
  await at.toy.hub.drain(0)
  answer!()
  checkRefused(await knocking, 503, 'TOY_UNAVAILABLE', /No more connections/)
  await at.until(() => at.slots === 0, 'the slot to come back')
})

test('a full server is a 503 in the words of the face', async (t) => {
  const at = await door(t, {}, { maxConnections: 5 })
  await at.fill('user-2')
  checkRefused(await at.knock('user-1'), 503, 'TOY_UNAVAILABLE', /No more connections/)
  assert.equal(at.slots, 1)
})

test('what the face wants of the query comes with its params, and too much of it is a 400', async (t) => {
  const at = await door(t, { face: { queryParams: ['join', 'place', 'none'] } })
  const path = '/toy?join=a,b&join=&x=y&join=c,,%64&place=there'
  assert.equal((await at.knock('user-1', {}, path)).status, 101)
  await at.until(() => at.toy.hub.connections.size === 1)
  for (const { params } of at.toy.hub.connections) assert.deepEqual(params, { join: 'a,b,c,d', place: 'here' })
  const many = (count: number): string => `/toy?join=${Array.from({ length: count }, (_, n) => n).join(',')}`
  assert.equal((await at.knock('user-1', {}, many(64))).status, 101)
  assert.equal((await at.knock('user-1', {}, `/toy?join=${'x'.repeat(200)}`)).status, 101)
  for (const bad of [many(65), `${many(64)}&join=x`, `/toy?join=${'x'.repeat(201)}`]) {
    checkRefused(await at.knock('user-1', {}, bad), 400, 'TOY_INVALID', /Invalid request data/)
  }
  assert.equal(at.slots, 1)
})

test('a face without words of its own lets in first and refuses in frames, by its own limit', async (t) => {
  const { opens: _, ...frames } = limits
  const face: Partial<Face> = { limits: { ...frames, connectionsPerAccount: 2 } }
  const at = await door(t, { face: { ...face, refusal: undefined as never } })
  const closeOf = (token: string): Promise<number> =>
    new Promise((resolve) => new WebSocket(`ws://127.0.0.1:${at.port}/toy?token=${token}`).on('close', resolve))
  assert.equal(await closeOf('garbage'), 4401)
  await at.fill('user-1', 2)
  assert.equal(await closeOf('user-1'), 4429)
})

test('whoever comes and goes in whatever order, an account never has more than five and ends with none', async (t) => {
  const random = seeded()
  t.diagnostic(`seed ${random.seed}`)
  const { opens: _, ...free } = limits
  const at = await door(t, { face: { limits: free } })
  const sockets: Socket[] = []
  for (let n = 0; n < 60; n += 1) {
    const token = `user-${1 + random.int(2)}`
    const knock = () => at.knock(token, random.next() < 0.2 ? { 'sec-websocket-key': 'bad' } : {})
    const coming = Array.from({ length: 1 + random.int(8) }, knock)
    if (sockets.length > 0 && random.next() < 0.5) sockets.splice(random.int(sockets.length), 1)[0]!.destroy()
    let left = coming.length
    const answers = Promise.all(coming.map((each) => each.finally(() => (left -= 1))))
    // The silent are cut in their time, and who waited for it comes in.
    for (let i = 0; i < 20_000 && left > 0; i += 1) {
      if (i % 20 === 19) at.clock.advance(100)
      await new Promise((turn) => setImmediate(turn))
    }
    for (const { status, socket } of await answers) {
      assert.ok([101, 400, 429].includes(status), String(status))
      if (!socket) continue
      socket.on('data', (data: Buffer) => random.next() < 0.7 && echoPings(socket, data))
      sockets.push(socket)
    }
    for (const account of [1, 2]) {
      const open = [...at.toy.hub.connections].filter(({ session }) => session?.account.id === account).length
      assert.ok(open <= CONNECTIONS, `${open} connections of user-${account}`)
    }
  }
  await at.empty()
})
