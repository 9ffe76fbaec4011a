import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { moduleNames } from '../../config.ts'
import { promisify } from 'node:util'
import { Manager } from 'socket.io-client'
import { checkLog, forgeries } from '../../testing/hostile.ts'
import { until } from './testing-groups.ts'
import { insert, made, scene, Tab, userId, type Data, type Namespace, type Scene } from './testing.ts'
import { timestamp } from './wire.ts'

let at: Scene
before(async () => {
  // With the helpdesk, which is on `/` too.
  at = await scene({ modules: moduleNames, config: { prdPresencesPerMinute: 101, prdEditsPerMinute: 103 } })
})
after(() => at?.close())

const namespaces: readonly Namespace[] = ['/', '/ws', '/prds', '/notifications']
const paths = ['/socket.io/', '/ws/']

/** By itself: how the token comes is what these are about. */
const opened: Tab[] = []
after(() => opened.forEach((tab) => tab.close()))
function bare(namespace: Namespace, options: object): Tab {
  const tab = new Tab(at.world.url + (namespace === '/' ? '' : namespace), options)
  opened.push(tab)
  return tab
}

test('a token in auth, query or header opens every namespace on both paths, over either transport', async () => {
  const { token } = at.member
  const ways = [
    { auth: { token } },
    { query: { token } },
    { extraHeaders: { authorization: `Bearer ${token}` } },
    { auth: { token }, query: { token: 'an older one' } },
    { auth: { token }, transports: ['polling'] },
  ]
  for (const namespace of namespaces) {
    for (const path of paths) {
      for (const way of ways) {
        const tab = await bare(namespace, { path, ...way }).connected()
        assert.deepEqual(await tab.ask('ping'), { ok: true })
        assert.deepEqual(await tab.next(), ['pong'])
        tab.close()
      }
    }
  }
})

test('a namespace offers what the document puts there, and names it to who asks for something else', async () => {
  const { prdId, organizationId } = at
  for (const namespace of namespaces) {
    const tab = await at.tab(at.member, namespace)
    if (namespace === '/notifications') {
      const { message } = await tab.refused('VALIDATION_ERROR', 'join-prd', { prdId })
      assert.match(message, /"join-prd" is not known here; send one of ping, subscribe$/)
    } else await tab.join(prdId)
    if (namespace === '/prds') await tab.refused('VALIDATION_ERROR', 'subscribe', { organizationId })
    else await tab.done('subscribe', { organizationId })
    tab.close()
  }
})

test('P-C1 without a good token no namespace is opened, and the refusal says so as the document does', async () => {
  const { token } = at.member
  const message = 'Invalid or expired token'
  const data = { code: 'AUTHENTICATION_FAILED', message, timestamp: timestamp(at.world.clock.now()) }
  const isRefused = async (tab: Tab, what: string): Promise<void> => {
    const refusal = await tab.refusedConnection()
    assert.equal(refusal.message, message, what)
    assert.deepEqual(refusal.data, data, what)
    assert.equal(tab.socket.connected, false)
    tab.close()
  }
  for (const namespace of namespaces) {
    for (const path of paths) {
      await isRefused(bare(namespace, { path, auth: { token: 'x' } }), `${namespace} on ${path}`)
      // Where the helpdesk is too, who brings no token may be one of its.
      if (namespace === '/' && path === '/socket.io/') continue
      await isRefused(bare(namespace, { path }), `${namespace} on ${path} without any`)
    }
  }
  for (const [what, forged] of Object.entries(forgeries(token))) {
    await isRefused(bare('/prds', { auth: { token: forged } }), what)
  }
  for (const wrong of [7, {}, [token], true]) {
    const refusal = await bare('/prds', { auth: { token: wrong } }).refusedConnection()
    assert.match(refusal.message, /token must be a string|Invalid/)
    assert.equal(refusal.data.code, 'VALIDATION_ERROR')
  }
  const helpdesk = await bare('/', {}).connected()
  const { ok } = await helpdesk.ask('join-prd', { prdId: at.prdId })
  assert.equal(ok, false)
  assert.deepEqual(helpdesk.events, [])
  // The client of that refusal may try again with a good one.
  const again = bare('/prds', { auth: { token: 'x' } })
  await again.refusedConnection()
  again.refusal = undefined
  again.socket.auth = { token }
  again.socket.connect()
  await again.connected()
  checkLog(at.world, [at.member])
})

test('P-C1 P-C2 a token that has expired opens nothing, and one that expires in a session ends it with an error', async () => {
  await using own = await scene({ config: { accessTokenMs: 60_000 } })
  const { world, owner, editor, prdId } = own
  const cut: Tab[] = []
  for (const namespace of namespaces) cut.push(await own.tab(owner, namespace))
  await cut[2]!.join(prdId)
  await world.advance(30_000)
  const fresh = async ({ refreshToken }: { refreshToken: string }): Promise<string> =>
    (await world.request('POST', '/api/auth/refresh', { refresh_token: refreshToken })).body.access_token as string
  const renewed = await own.tab({ ...editor, token: await fresh(editor) })
  await renewed.join(prdId)
  const reasons: string[] = []
  for (const tab of cut) tab.socket.on('disconnect', (reason) => reasons.push(reason))
  await world.advance(30_500)
  for (const tab of cut) {
    const error = await tab.find('error')
    assert.deepEqual(Object.keys(error), ['code', 'message', 'timestamp'])
    assert.equal(error.code, 'AUTHENTICATION_FAILED')
    assert.match(error.message, /expired/)
    await tab.disconnected()
  }
  assert.deepEqual(reasons, cut.map(() => 'io server disconnect'))
  // The others are told after the grace; who came with a newer token stays.
  for (let i = 0; i < 6; i += 1) await world.advance(1_000)
  const late = await refusalOf(own, owner.token)
  assert.equal(late.data.code, 'AUTHENTICATION_FAILED')
  await renewed.expect('user-left', { userId: userId(owner) })
  await renewed.expectNothing()

  // A logout and a deactivation cut at once, and let nobody in again.
  const { token } = renewed.socket.auth as { token: string }
  const bearer = { authorization: `Bearer ${token}` }
  assert.equal((await world.request('POST', '/api/auth/logout', undefined, bearer)).status, 204)
  assert.equal((await renewed.find('error')).code, 'AUTHENTICATION_FAILED')
  await renewed.disconnected()
  const gone = await refusalOf(own, token)
  assert.deepEqual([gone.message, gone.data.code], ['Invalid or expired token', 'AUTHENTICATION_FAILED'])
  checkLog(world, [owner, editor])
})

async function refusalOf({ world }: Scene, token: string): Promise<Error & { data?: Data }> {
  const tab = new Tab(`${world.url}/prds`, { auth: { token } })
  const refusal = await tab.refusedConnection()
  tab.close()
  return refusal
}

test('P-C3 ping is answered by pong, and the server sends ping by itself, neither with an argument', async () => {
  const tabs: Tab[] = []
  for (const namespace of namespaces) tabs.push(await at.tab(at.member, namespace))
  const pings = tabs.map((tab) => {
    const heard: unknown[][] = []
    tab.socket.on('ping', (...args: unknown[]) => heard.push(args))
    return heard
  })
  for (let i = 0; i < 6; i += 1) {
    await at.world.advance(5_000)
    for (const tab of tabs) await tab.drained()
  }
  for (const heard of pings) {
    assert.ok(heard.length >= 1 && heard.length <= 2, String(heard.length))
    assert.deepEqual(heard, heard.map(() => []))
  }
  // As the document shows it, without a callback.
  for (const tab of tabs) {
    tab.emit('ping')
    assert.deepEqual(await tab.next(), ['pong'])
    tab.close()
  }
})

test('several namespaces share one connection and its rooms; each event comes once to each', async () => {
  const { world, prdId, organizationId, owner, editor } = at
  const manager = new Manager(world.url, { reconnection: false, transports: ['websocket'] })
  const heard: [string, string, Data][] = []
  const auth = { token: owner.token }
  const sockets = (['/prds', '/notifications', '/', '/ws'] as const).map((namespace) => {
    const socket = manager.socket(namespace, { auth })
    socket.onAny((name: string, data: unknown) => {
      if (['content-update', 'notification', 'user-joined'].includes(name)) heard.push([namespace, name, data])
    })
    return socket
  })
  const [prds, notifications, main, alias] = sockets as [Data, Data, Data, Data]
  try {
    await until(() => sockets.every(({ connected }) => connected))
    for (const socket of [prds, main, alias]) {
      assert.equal((await socket.emitWithAck('join-prd', { prdId })).ok, true)
    }
    assert.equal((await notifications.emitWithAck('subscribe', { organizationId })).ok, true)
    const other = await at.tab(editor)
    const joined = await other.join(prdId)
    assert.deepEqual(joined.activeUsers.map((one: Data) => one.userId), [userId(owner)])
    const operation = insert(0, 'x')
    await other.done('content-update', { prdId, operation, stateVector: joined.initialState.stateVector })
    await made(editor, '/api/prds', { organizationId, title: 'Shared' }).then(({ id }) =>
      editor.put(`/api/prds/${id}/collaborators/${userId(owner)}`, { role: 'viewer' }),
    )
    const count = (wanted: string): string[] =>
      heard.filter(([, name]) => name === wanted).map(([namespace]) => namespace).toSorted()
    for (const socket of [prds, main, alias, notifications]) await socket.emitWithAck('ping')
    assert.deepEqual(count('content-update'), ['/', '/prds', '/ws'])
    assert.deepEqual(count('user-joined'), ['/', '/prds', '/ws'])
    assert.deepEqual(count('notification'), ['/', '/notifications', '/ws'])
    // One of them going is no going of the person, nor of the others.
    prds.disconnect()
    await other.expectNothing()
    assert.equal((await main.emitWithAck('ping')).ok, true)
    assert.equal((await prds.io.engine.id).length > 0, true)
    const answer = await alias.emitWithAck('content-update', { prdId, operation: insert(0, 'y'), stateVector: [] })
    assert.equal(answer.ok, true)
    await other.expect('content-update', { userId: userId(owner) })
    other.close()
  } finally {
    for (const socket of sockets) socket.disconnect()
  }
})

test('by long-polling people edit and hear as over a WebSocket', async () => {
  const prdId = await at.prd('Hello')
  const slow = await at.tab(at.owner, '/prds', { transports: ['polling'] })
  const fast = await at.tab(at.editor)
  const { stateVector } = (await slow.join(prdId)).initialState
  await fast.join(prdId)
  await slow.expect('user-joined', { prdId })
  await slow.done('content-update', { prdId, operation: insert(5, ' there'), stateVector })
  assert.equal((await fast.expect('content-update')).operation.content, ' there')
  await fast.done('content-update', { prdId, operation: insert(0, 'Oh! '), stateVector: [] })
  assert.equal((await slow.expect('content-update')).operation.content, 'Oh! ')
  slow.close()
  fast.close()
})

const rateLimited = { message: 'Rate limit exceeded', remaining: 0 }

test('P-L1 the 101st command in a minute is dropped and told so, the connection stays, ping and leave-prd are free', async () => {
  const { prdId, world } = at
  const tab = await at.tab(at.owner)
  const other = await at.tab(at.owner)
  const ask = async (name: string, argument: object, count: number): Promise<Data[]> =>
    Promise.all(Array.from({ length: count }, () => tab.ask(name, argument)))
  const { stateVector } = (await tab.join(prdId)).initialState
  await world.advance(20_000)
  assert.ok((await ask('sync-request', { prdId, stateVector }, 99)).every(({ ok }) => ok))
  await tab.drained()
  const [refused] = await ask('sync-request', { prdId, stateVector }, 1)
  assert.deepEqual(refused, {
    ok: false,
    code: 'RATE_LIMIT_EXCEEDED',
    message: 'Rate limit exceeded; try again in 40 s',
  })
  // The oldest was 20 s ago: the next may come in 40.
  const told = { ...rateLimited, retryAfter: 40, limit: 100, resetTime: timestamp(world.clock.now() + 40_000) }
  assert.deepEqual(await tab.expect('rate-limit'), told)
  // A flood of what is refused is answered, and changes nothing.
  assert.ok((await ask('add-comment', { prdId, position: 0, content: 'flood' }, 300)).every(({ ok }) => !ok))
  assert.equal((await tab.drained()).filter(([name]) => name === 'rate-limit').length, 300)
  assert.ok((await ask('ping', {}, 200)).every(({ ok }) => ok))
  await tab.drained()
  // Refused tries do not count, and a window is of one connection.
  assert.equal((await other.ask('sync-request', { prdId, stateVector })).ok, true)
  other.close()

  // Edits and presence have windows of their own.
  assert.ok((await ask('presence-update', { prdId, cursorPosition: 0 }, 101)).every(({ ok }) => ok))
  assert.equal((await tab.ask('presence-update', { prdId, cursorPosition: 0 })).code, 'RATE_LIMIT_EXCEEDED')
  assert.deepEqual(await tab.expect('rate-limit', { limit: 101 }), { ...told, retryAfter: 60, limit: 101,
    resetTime: timestamp(world.clock.now() + 60_000) })
  const operation = insert(0, 'x')
  assert.ok((await ask('content-update', { prdId, operation, stateVector: [] }, 103)).every(({ ok }) => ok))
  assert.equal((await tab.ask('content-update', { prdId, operation, stateVector: [] })).code, 'RATE_LIMIT_EXCEEDED')
  await tab.expect('rate-limit', { limit: 103, retryAfter: 60 })
  const { body } = await at.owner.get(`/api/prds/${prdId}`)
  assert.match(body.content, /^x{103}[^x]/)

  assert.ok((await ask('leave-prd', { prdId }, 200)).every(({ ok }) => ok))
  await world.advance(40_100)
  await tab.drained()
  // Just the one that had passed then.
  assert.equal((await tab.ask('join-prd', { prdId })).ok, true)
  await tab.find('joined-prd')
  assert.equal((await tab.ask('join-prd', { prdId })).code, 'RATE_LIMIT_EXCEEDED')
  await tab.expect('rate-limit', { limit: 100, retryAfter: 20 })
  tab.close()
})

/** The system's own: others do not see its packages. */
const python = '/usr/bin/python3'
const pythonMissing = await promisify(execFile)(python, ['-c', 'import socketio, aiohttp']).then(
  () => false as const,
  () => 'the packages python3-socketio and python3-aiohttp are not installed',
)

test("python's client joins, edits, and hears the others, on either path and transport", { skip: pythonMissing }, async () => {
  const script = join(import.meta.dirname, 'clients/python_client.py')
  const { world, editor } = at
  for (const [transport, path] of [['websocket', 'socket.io'], ['polling', 'ws']] as const) {
    const prdId = await at.prd('Hello')
    const tab = await at.tab(at.owner)
    await tab.join(prdId)
    const child = spawn(python, [script, world.url, editor.token, transport, path, prdId], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 20_000,
    })
    let complaints = ''
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
    const lines: Data[] = []
    for await (const line of createInterface(child.stdout)) {
      const said: Data = JSON.parse(line)
      if (said[0] === 'ready') {
        await tab.done('content-update', { prdId, operation: insert(0, 'Oh! '), stateVector: [] })
      } else lines.push(said)
    }
    assert.equal(await ended, 0, complaints)
    const of = (name: string): Data => lines.find(([each]) => each === name)?.[1]
    assert.equal(of('joined-prd').initialState.content, 'Hello')
    assert.deepEqual(of('edited').operations, [{ type: 'insert', position: 5, content: ' ä\u{1f40d}' }])
    assert.equal(of('content-update').operation.content, 'Oh! ')
    assert.equal(of('error').code, 'NOT_FOUND')
    await tab.expect('user-joined', { prdId })
    assert.equal((await tab.expect('content-update')).operation.content, ' ä\u{1f40d}')
    await tab.expect('user-left', { userId: userId(editor) })
    tab.close()
  }
})
