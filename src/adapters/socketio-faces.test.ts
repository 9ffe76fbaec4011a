import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { io, type Socket } from 'socket.io-client'
import Type from 'typebox'
import { CommandError } from '../kernel/errors.ts'
import { command, type Face, type SocketIoEndpoint } from '../kernel/face.ts'
import type { Session } from '../kernel/session.ts'
import { FakeClock } from '../testing/clock.ts'
import { PacketSocket, PollingSession } from '../testing/engine-client.ts'
import { socketIoServer, type SocketIoServer } from '../testing/socketio-server.ts'
import { sessionOf, type Toy } from '../testing/toy.ts'

/**
 * The toy is let in by anybody; the plan checks its token before. Both are in the main namespace, the plan alone in
 * `/plans` and, the same again, in `/alias`; the path `/ws/` has the plan only.
 */
let server: SocketIoServer
const clock = new FakeClock()
/** What the next checks of a token wait for. */
let checking: Promise<void> = Promise.resolve()

async function authenticate(token: string): Promise<Session> {
  await checking
  if (token === 'user-500') throw new CommandError('unavailable', 'The keys cannot be read')
  const session = sessionOf(token, clock)
  return token === 'user-600' ? { ...session, expiresAt: clock.now() + 5_000 } : session
}

const line = (name: string, data: unknown): string => JSON.stringify([name, data])

function planOf({ face }: Toy): Face {
  return {
    ...face,
    module: 'plan',
    limits: { ...face.limits, connectionsPerAccount: 2, probeMs: 1 },
    commands: new Map([
      ['draw', command(Type.Object({}), () => line('drawn', 'by the plan'))],
      ['echo', command(Type.Object({}), () => line('never', 'the toy has it'))],
    ]),
    home: () => 'plan:home',
    connectError: ({ kind, message }, at) => ({ message: `plan: ${message}`, data: { kind, at } }),
    authenticationError: ({ message }) => line('plan error', message),
    error: ({ kind }) => line('plan error', kind),
    farewell: () => undefined,
    open: () =>
      Promise.resolve({ offset: 0, rooms: ['plan:room'], frames: () => [line('plan hello', null)] }),
  }
}

function endpoints(toy: Toy): readonly SocketIoEndpoint[] {
  const plan = planOf(toy)
  const kind = 'socketio'
  return [
    { kind, face: toy.face, namespace: '/' },
    { kind, face: plan, namespace: '/', paths: ['/socket.io/', '/ws/'] },
    { kind, face: plan, namespace: '/plans', paths: ['/socket.io/', '/ws/'] },
    { kind, face: plan, namespace: '/alias' },
  ]
}

before(async () => {
  server = await socketIoServer({ clock, parts: { authenticate }, endpoints })
})
after(async () => {
  assert.deepEqual(server.toy.errors, [])
  await server.close()
  for (const [name, size] of Object.entries(server.toy.hub.leftovers)) assert.equal(size, 0, name)
})

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function until(done: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 20_000 && !done(); i += 1) await turn()
  assert.ok(done(), what)
}

const gone = (): Promise<void> => until(() => server.toy.hub.connections.size === 0, 'connections are left')

async function entered(namespace: string, token: string, hellos: number): Promise<PacketSocket> {
  const socket = await PacketSocket.open(server.url)
  assert.match(await socket.enter(namespace, { token }), /^40/)
  for (let n = 0; n < hellos; n += 1) assert.match(await socket.next(), /hello/)
  return socket
}

const modules = (): readonly string[] => [...server.toy.hub.connections].map(({ face }) => face.module)

test('K-16 a socket with a token is a connection of each face, and an event goes to the one that has its command', async () => {
  const socket = await entered('/', 'user-1', 2)
  assert.deepEqual(modules(), ['toy', 'plan'])
  const asked = [
    ['421["draw",{}]', '431["drawn","by the plan"]'],
    ['422["echo",{"text":"a"}]', '432["echoed",{"text":"a"}]'],
    ['423[ "\\u0064raw" ,{}]', '433["drawn","by the plan"]'],
  ] as const
  for (const [event, answer] of asked) {
    socket.send(event)
    assert.equal(await socket.next(), answer)
  }
  for (const [ref, event] of [[4, '["neither",{}]'], [5, '[7]'], [6, `["${'x'.repeat(200)}"]`]] as const) {
    socket.send(`42${ref}${event}`)
    // In the words of the first.
    assert.match(await socket.next(), /^42\["error",\{"kind":"invalid"/)
    assert.equal(await socket.next(), `43${ref}[{"ok":false}]`)
  }
  const { hub } = server.toy
  hub.signal({ module: 'plan', type: 'moved', audience: { to: ['plan:room'] }, payload: { n: 1 } })
  hub.signal({ module: 'toy', type: 'waved', audience: { to: ['toy:room'] }, payload: { n: 2 } })
  assert.equal(await socket.next(), '42["moved",{"n":1}]')
  assert.equal(await socket.next(), '42["waved",{"n":2}]')
  socket.ws.terminate()
  await gone()
  // The same by long-polling, with one queue for both.
  const polling = await PollingSession.open(server.url)
  await polling.enter('/', { token: 'user-1' })
  for (let n = 0; n < 2; n += 1) assert.match(await polling.next(), /hello/)
  await polling.post('421["draw",{}]', '422["echo",{"text":"a"}]')
  const answers = [await polling.next(), await polling.next()].toSorted()
  assert.deepEqual(answers, ['431["drawn","by the plan"]', '432["echoed",{"text":"a"}]'])
  const [toy, plan] = [...hub.connections]
  assert.equal(toy!.outbox, plan!.outbox)
  await polling.post('1')
  await gone()
})

test('K-16 without a token it is of the faces that need none, and as if the others were not there', async () => {
  const socket = await PacketSocket.open(server.url)
  assert.match(await socket.enter('/'), /^40/)
  assert.deepEqual(modules(), ['toy'])
  socket.send('42["token","user-1"]')
  assert.match(await socket.next(), /hello/)
  socket.send('421["draw",{}]')
  assert.match(await socket.next(), /^42\["error",\{"kind":"invalid","message":"Invalid request data"/)
  assert.equal(await socket.next(), '431[{"ok":false}]')
  socket.ws.terminate()
  await gone()
})

test('K-16 when one face closes the connection the socket goes, and with it the other', async () => {
  const { hub } = server.toy
  for (const module of ['toy', 'plan']) {
    const socket = await entered('/', 'user-1', 2)
    const [closing] = [...hub.connections].filter(({ face }) => face.module === module)
    closing!.end('token', 'revoked')
    assert.match(await socket.next(), module === 'toy' ? /^42\["error"/ : /^42\["plan error"/)
    if (module === 'toy') assert.match(await socket.next(), /^42\["bye"/)
    assert.equal(await socket.next(), '41')
    assert.equal(await socket.closed, 4401)
    await gone()
    // Of a session with other namespaces this one alone.
    const shared = await entered('/plans', 'user-2', 1)
    await shared.enter('/', { token: 'user-1' })
    for (let n = 0; n < 2; n += 1) await shared.next()
    const [ending] = [...hub.connections].filter((each) => each.face.module === module && each.session?.account.id === 1)
    ending!.end('token', 'revoked')
    for (let packet = ''; packet !== '41'; packet = await shared.next());
    await until(() => hub.connections.size === 1, 'the other face is left')
    shared.send('42/plans,1["draw",{}]')
    assert.equal(await shared.next(), '43/plans,1["drawn","by the plan"]')
    shared.ws.terminate()
    await gone()
  }
})

const refusal = (kind: string, message: string): object => ({ message: `plan: ${message}`, data: { kind, at: clock.now() } })

test('who is refused before is told by a connect_error with data, and may try again on the same session', async () => {
  const socket = await PacketSocket.open(server.url)
  const told = async (namespace: string, auth?: object): Promise<unknown> => {
    const answer = await socket.enter(namespace, auth)
    assert.match(answer, /^44/)
    return JSON.parse(answer.slice(answer.indexOf('{')))
  }
  const none = await told('/plans')
  assert.match(JSON.stringify(none), /^\{"message":"plan: Invalid authentication token: none was presented/)
  const bad = refusal('unauthenticated', 'Invalid authentication token')
  // In the main namespace too, where the toy would have let it in.
  for (const namespace of ['/plans', '/']) assert.deepEqual(await told(namespace, { token: 'nobody' }), bad)
  assert.deepEqual(await told('/plans', { token: 'user-500' }), refusal('unavailable', 'The keys cannot be read'))
  assert.match(JSON.stringify(await told('/plans', { token: 7 })), /"kind":"invalid"/)
  assert.equal(server.toy.hub.connections.size, 0)
  assert.match(await socket.enter('/plans', { token: 'user-1' }), /^40\/plans,\{"sid"/)
  assert.equal(await socket.next(), '42/plans,["plan hello",null]')
  // Each namespace of a session is checked.
  assert.deepEqual(await told('/alias', { token: 'nobody' }), bad)
  socket.ws.terminate()
  await gone()
  const stock = io(`${server.url}/plans`, { auth: { token: 'nobody' }, transports: ['polling'], forceNew: true })
  const error = await new Promise<Error & { data?: unknown }>((resolve) => stock.once('connect_error', resolve))
  assert.deepEqual({ message: error.message, data: error.data }, bad)
  stock.disconnect()
})

test('one face in several namespaces counts its connections together, and shares its rooms', async () => {
  const [one, two] = [await entered('/plans', 'user-1', 1), await entered('/alias', 'user-1', 1)]
  const third = await PacketSocket.open(server.url)
  const answer = await third.enter('/', { token: 'user-1' })
  assert.match(answer, /^44\{"message":"plan: Too many connections are open"/)
  assert.deepEqual(modules(), ['plan', 'plan'])
  const signal = { module: 'plan', type: 'moved', audience: { to: ['plan:room'] }, payload: { n: 1 } }
  server.toy.hub.signal(signal)
  assert.equal(await one.next(), '42/plans,["moved",{"n":1}]')
  assert.equal(await two.next(), '42/alias,["moved",{"n":1}]')
  two.ws.terminate()
  await until(() => server.toy.hub.connections.size === 1, 'gone')
  assert.match(await third.enter('/', { token: 'user-1' }), /^40/)
  for (const socket of [one, third]) socket.ws.terminate()
  await gone()
})

test('while a token is checked nothing is taken, and who goes gives back what was theirs', async () => {
  const { hub } = server.toy
  let open = (): void => undefined
  const close = (): void => void (checking = new Promise((resolve) => (open = resolve)))
  close()
  const early = await PacketSocket.open(server.url)
  early.send('40/plans,{"token":"user-1"}', '42/plans,["draw",{}]')
  await early.closed
  const leaving = await PacketSocket.open(server.url)
  leaving.send('40/plans,{"token":"user-1"}', '40/plans,{"token":"user-1"}')
  assert.match(await leaving.next(), /^44\/plans,\{"message":"You have entered this namespace already"\}/)
  leaving.ws.terminate()
  await leaving.closed
  for (let n = 0; n < 20; n += 1) await turn()
  open()
  await until(() => hub.leftovers['counts'] === 0, 'slots are left')
  assert.equal(hub.connections.size, 0)
  // Too late is refused, and what comes of the check afterwards gives its slot back.
  close()
  const late = await PacketSocket.open(server.url)
  late.send('40/plans,{"token":"user-1"}')
  await until(() => hub.leftovers['tickets']! > 0, 'no check began')
  clock.advance(3_100)
  assert.match(await late.next(), /^44\/plans,\{"message":"plan: The token could not be checked in time; try again"/)
  open()
  for (let n = 0; n < 20; n += 1) await turn()
  assert.equal(hub.leftovers['counts'], 0)
  // The token expires in a session: told in the face's words, then the end.
  late.send('40/plans,{"token":"user-600"}')
  for (const expected of [/^40\/plans/, /plan hello/]) assert.match(await late.next(), expected)
  clock.advance(5_100)
  assert.match(await late.next(), /^42\/plans,\["plan error","The token has expired/)
  assert.equal(await late.next(), '41/plans,')
  await late.closed
  await gone()
})

test('on another path only what names a version of Engine.IO is Socket.IO\'s', async () => {
  for (const path of ['/ws/', '/ws']) {
    assert.equal((await fetch(`${server.url}${path}?EIO=4&transport=polling`)).status, 200)
    assert.equal((await fetch(`${server.url}${path}?token=x`)).status, 404)
    assert.equal((await fetch(`${server.url}${path}`, { method: 'POST', body: 'x' })).status, 404)
  }
  assert.equal((await fetch(`${server.url}/ws/socket.io.js`)).status, 404)
  assert.equal((await fetch(`${server.url}/socket.io/socket.io.js`)).status, 200)
  const raw = new WebSocket(`${server.url.replace('http', 'ws')}/ws?token=user-1`)
  await new Promise((resolve) => raw.addEventListener('error', resolve))
  for (const transport of ['websocket', 'polling']) {
    const options = { path: '/ws/', transports: [transport], auth: { token: 'user-1' }, forceNew: true }
    const socket: Socket = io(`${server.url}/plans`, options)
    await new Promise((resolve) => socket.once('plan hello', resolve))
    assert.deepEqual(await socket.emitWithAck('draw', {}), 'drawn')
    socket.disconnect()
    // The toy is not there: the plan has the namespace for itself, and wants a token.
    const refused = io(server.url, { ...options, auth: {} })
    const error = await new Promise<Error>((resolve) => refused.once('connect_error', resolve))
    assert.match(error.message, /none was presented/)
    refused.disconnect()
    const nowhere = io(`${server.url}/alias`, options)
    const unknown = await new Promise<Error>((resolve) => nowhere.once('connect_error', resolve))
    assert.equal(unknown.message, 'Invalid namespace')
    nowhere.disconnect()
  }
  await gone()
})
