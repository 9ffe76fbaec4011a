import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { FakeClock } from '../testing/clock.ts'
import { PacketSocket, PollingSession } from '../testing/engine-client.ts'
import { socketIoServer, type SocketIoServer, type SocketIoServerOptions } from '../testing/socketio-server.ts'

async function started(t: TestContext, options?: SocketIoServerOptions): Promise<SocketIoServer> {
  const server = await socketIoServer(options)
  t.after(() => server.close())
  return server
}

async function until(done: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 20_000 && !done(); i += 1) await new Promise((turn) => setImmediate(turn))
  assert.ok(done(), `${what} did not happen`)
}

/** How a handshake on each transport is answered. */
async function knock({ url }: SocketIoServer, headers: Record<string, string> = {}): Promise<[number, string]> {
  const response = await fetch(`${url}/socket.io/?EIO=4&transport=polling`, { headers })
  return [response.status, await response.text()]
}

async function knockOnWebSocket({ url }: SocketIoServer, headers: Record<string, string> = {}): Promise<string> {
  const { ws, closed } = new PacketSocket(url, undefined, { headers })
  return new Promise((resolve) => {
    ws.on('unexpected-response', (_, response) => {
      let body = ''
      response.on('data', (data: Buffer) => (body += data.toString()))
      response.on('end', () => resolve(`${response.statusCode} ${body}`))
    })
    ws.on('open', () => {
      ws.close()
      void closed.then(() => resolve('101'))
    })
  })
}

test('pages of listed origins may come on both transports, others are told why not', async (t) => {
  const server = await started(t, { allowedOrigins: ['localhost', 'https://app.example'] })
  const local = ['http://localhost', 'http://localhost:80', 'http://127.0.0.1', 'http://localhost:5173']
  for (const origin of [...local, 'https://app.example']) {
    const response = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`, { headers: { origin } })
    assert.equal(response.status, 200, origin)
    assert.equal(response.headers.get('access-control-allow-origin'), origin)
    assert.equal(response.headers.get('access-control-allow-credentials'), 'true')
    assert.match(response.headers.get('vary') ?? '', /Origin/)
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(response.headers.get('cache-control'), 'no-store')
    assert.equal(await knockOnWebSocket(server, { origin }), '101', origin)
    const preflight = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers.get('access-control-allow-origin'), origin)
    assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /POST/)
    assert.equal(preflight.headers.get('access-control-allow-headers'), 'authorization')
  }
  for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example', 'https://app.example.evil']) {
    assert.deepEqual(await knock(server, { origin }), [403, '{"code":4,"message":"This origin is not allowed here"}'])
    assert.equal(await knockOnWebSocket(server, { origin }), '400 This origin is not allowed here')
    const { headers } = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`, { headers: { origin } })
    assert.equal(headers.get('access-control-allow-origin'), null)
  }
})

test('an address opens so many in a minute and has so many open; an upgrade is no other one', async (t) => {
  const clock = new FakeClock()
  const server = await started(t, { clock, addresses: { perMinute: 6, open: 3 } })
  const polling = await PollingSession.open(server.url)
  const upgrading = new PacketSocket(server.url, `EIO=4&transport=websocket&sid=${polling.opened.sid}`)
  await new Promise((resolve) => upgrading.ws.on('open', resolve))
  upgrading.send('2probe')
  assert.equal(await upgrading.next(), '3probe')
  upgrading.send('5')
  const second = await PacketSocket.open(server.url)
  const third = await PollingSession.open(server.url)
  const full = 'No more connections are taken now; try again in 5 s'
  assert.deepEqual(await knock(server), [403, JSON.stringify({ code: 4, message: full })])
  assert.equal(await knockOnWebSocket(server), `400 ${full}`)
  // The third goes: there is room for one more, but the minute has had its six.
  await third.post('1')
  clock.advance(10_000)
  await PacketSocket.open(server.url)
  const [status, body] = await knock(server)
  assert.deepEqual([status, body], [403, '{"code":4,"message":"Too many connections in a minute; try again in 50 s"}'])
  second.ws.terminate()
  upgrading.ws.terminate()
  clock.advance(60_000)
  await PacketSocket.open(server.url)
  await server.socketIo.close()
  await until(() => server.addresses.size === 0, 'the end of all sessions')
})

test('a handshake that comes to nothing is not counted as open', async (t) => {
  const server = await started(t, { addresses: { open: 1 } })
  for (const bad of [{ 'sec-websocket-version': '7' }, { 'sec-websocket-key': 'short' }]) {
    const headers = { connection: 'Upgrade', upgrade: 'websocket', ...bad }
    const { request } = await import('node:http')
    const path = '/socket.io/?EIO=4&transport=websocket'
    const status = await new Promise((resolve) =>
      request({ port: server.port, path, headers }, (response) => resolve(response.resume().statusCode)).end(),
    )
    assert.equal(status, 400)
    await until(() => server.addresses.size === 0, 'giving its place back')
  }
  assert.equal(await knockOnWebSocket(server), '101')
})

test('a draining server takes no more, answers the polls that wait, and sends stock clients elsewhere', async (t) => {
  const server = await started(t)
  const { hub } = server.toy
  const polling = await PollingSession.open(server.url)
  await polling.enter('/toys', { token: 'user-1' })
  assert.match(await polling.next(), /hello/)
  const socket = await PacketSocket.open(server.url)
  await socket.enter('/toys', { token: 'user-2' })
  assert.match(await socket.next(), /hello/)
  const waiting = polling.poll()
  const drained = hub.drain(0)
  assert.deepEqual(await knock(server), [
    403,
    '{"code":4,"message":"No more connections are taken now; try again in 5 s"}',
  ])
  // No DISCONNECT: a client that is told that one does not come back by itself.
  const bye = '42/toys,["bye",{"reason":"drain","code":1001}]'
  assert.equal((await waiting)[0], bye)
  assert.equal((await polling.poll()).at(-1), '1')
  assert.equal(await socket.next(), bye)
  assert.equal(await socket.closed, 1001)
  await drained
})

test('what is for good ends with DISCONNECT, and leaves other namespaces alone', async (t) => {
  const server = await started(t, { namespaces: ['/toys', '/more'] })
  const { hub } = server.toy
  const socket = await PacketSocket.open(server.url)
  await socket.enter('/toys', { token: 'user-1' })
  assert.match(await socket.next(), /hello/)
  await socket.enter('/more', { token: 'user-1' })
  assert.match(await socket.next(), /hello/)
  const [toys, more] = [...hub.connections]
  toys!.end('token', 'revoked')
  toys!.send('["late",{}]')
  assert.match(await socket.next(), /^42\/toys,\["error"/)
  assert.equal(await socket.next(), '42/toys,["bye",{"reason":"revoked","code":4401}]')
  assert.equal(await socket.next(), '41/toys,')
  // What was under way then is no fault of the client's.
  socket.send('42/toys,["echo",{"text":"late"}]', '42/more,1["echo",{"text":"here"}]')
  assert.equal(await socket.next(), '43/more,1["echoed",{"text":"here"}]')
  assert.deepEqual([...hub.connections], [more])
  more!.end('token', 'revoked')
  for (let n = 0; n < 2; n += 1) await socket.next()
  assert.equal(await socket.next(), '41/more,')
  assert.equal(await socket.closed, 4401)
  await until(() => hub.connections.size === 0, 'closing')
})

test('what is asked for comes from auth, then the query, then the header; what is unreadable is refused', async (t) => {
  const server = await started(t, { parts: { face: { queryParams: ['join'] } } })
  const { hub } = server.toy
  const params = async (auth: object, query = '', headers: Record<string, string> = {}): Promise<unknown> => {
    const socket = new PacketSocket(server.url, `EIO=4&transport=websocket${query}`, { headers })
    await socket.next()
    const answer = await socket.enter('/toys', auth)
    if (answer.startsWith('44')) {
      socket.ws.terminate()
      return (JSON.parse(answer.slice(answer.indexOf('{'))) as { message: string }).message
    }
    const hello = await socket.next()
    const [connection] = [...hub.connections]
    const found = [connection?.session?.account.id, hello.includes('null') ? 'plain' : 'positioned', connection?.params]
    socket.ws.terminate()
    await until(() => hub.connections.size === 0, 'closing')
    return found
  }
  const bearer = { authorization: 'Bearer user-3' }
  assert.deepEqual(await params({ token: 'user-1' }, '&token=user-2&since=now', bearer), [1, 'positioned', {}])
  assert.deepEqual(await params({ token: null, since: null }, '&token=user-2', bearer), [2, 'plain', {}])
  assert.deepEqual(await params({ token: '' }, '', bearer), [3, 'plain', {}])
  const joined = { since: 'now', join: [1, '2,3', ''] }
  assert.deepEqual(await params(joined, '&join=9', bearer), [3, 'positioned', { join: '1,2,3' }])
  assert.deepEqual(await params({ join: 7 }, '', bearer), [3, 'plain', { join: '7' }])
  assert.deepEqual(await params({}, '&join=4,5&join=6', bearer), [3, 'plain', { join: '4,5,6' }])
  const most = Array.from({ length: 64 }, () => 'x'.repeat(200))
  assert.deepEqual(await params({ join: most }, '', bearer), [3, 'plain', { join: most.join(',') }])
  const faults: readonly (readonly [object, RegExp])[] = [
    [{ token: 5 }, /token must be a string/],
    [{ since: 5 }, /since must be a string/],
    [{ since: 'x'.repeat(201) }, /since must be a position/],
    [{ join: {} }, /join must be a string, a number, or an array/],
    [{ join: [[1]] }, /join must be a string, a number, or an array/],
    [{ join: Array.from({ length: 65 }, () => 'x') }, /join must not have more than 64 values/],
    [{ join: 'x'.repeat(201) }, /join must not have a value of more than 200 characters/],
  ]
  for (const [auth, message] of faults) assert.match(String(await params(auth, '', bearer)), message)
  await until(() => hub.connections.size === 0, 'closing')
})

test('the stock browser client is served as by the official server, and not sent twice', async (t) => {
  const server = await started(t)
  for (const name of ['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js']) {
    const response = await fetch(`${server.url}/socket.io/${name}?v=1`)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'text/javascript; charset=utf-8')
    assert.equal(response.headers.get('cache-control'), 'public, max-age=0')
    assert.match(await response.text(), /Socket\.IO v4/)
    const etag = response.headers.get('etag')!
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await fetch(`${server.url}/socket.io/${name}`, { headers: { 'if-none-match': known } })
      assert.equal(again.status, 304, known)
    }
    const changed = await fetch(`${server.url}/socket.io/${name}`, { headers: { 'if-none-match': '"other"' } })
    assert.equal(changed.status, 200)
    const map = await fetch(`${server.url}/socket.io/${name}.map`, { headers: { 'accept-encoding': 'identity' } })
    assert.equal(((await map.json()) as { version: number }).version, 3)
  }
  for (const path of ['nothing.js', '../package.json', '..%2fpackage.json', 'socket.io.js/x']) {
    assert.equal((await fetch(`${server.url}/socket.io/${path}`)).status, 404, path)
  }
})
