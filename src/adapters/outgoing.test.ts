import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTcp, type AddressInfo, type Server as TcpServer } from 'node:net'
import { after, test } from 'node:test'
import { createServer as createTls } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { WebSocketServer } from 'ws'
import { OutgoingError, type Outgoing, type OutgoingReason } from '../kernel/outgoing.ts'
import { FakeClock } from '../testing/clock.ts'
import { createOutgoing, type Resolve } from './outgoing.ts'

const atEnd: (() => unknown)[] = []
after(async () => {
  for (const end of atEnd.toReversed()) await end()
})

/** Counts connections and answers nothing. */
interface Listener {
  readonly port: number
  readonly connections: () => number
}

async function listener(host: string, port = 0): Promise<Listener> {
  let connections = 0
  const server: TcpServer = createTcp((socket) => {
    connections++
    socket.on('error', () => {}).destroy()
  })
  server.listen(port, host)
  await once(server, 'listening')
  atEnd.push(() => server.close())
  return { port: (server.address() as AddressInfo).port, connections: () => connections }
}

async function web(answer: RequestListener): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

type Options = Partial<Parameters<typeof createOutgoing>[0]>

function outgoing(options: Options = {}): Outgoing {
  const made = createOutgoing({ hosts: ['*'], privateHosts: ['127.0.0.1'], ports: [443], ...options })
  atEnd.push(() => made.close())
  return made
}

const names =
  (table: Readonly<Record<string, readonly string[]>>): Resolve =>
  (name) =>
    Promise.resolve(table[name] ?? [])

async function fails(call: Promise<unknown>, reason: OutgoingReason): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof OutgoingError, String(error))
    assert.equal(error.reason, reason)
    assert.doesNotMatch(error.message, /\d+\.\d+|127|ECONN|::/, 'it tells nothing about our network')
    return true
  })
}

/** Of a socket that must not open: what the client is told. */
async function refusedSocket(outside: Outgoing, url: string): Promise<void> {
  const socket = outside.socket(url)
  const told: string[] = []
  socket.addEventListener('open', () => told.push('open'))
  socket.addEventListener('error', () => told.push('error'))
  await new Promise((resolve) => {
    socket.addEventListener('close', resolve)
  })
  assert.deepEqual(told, ['error'])
}

test('A13 nothing is connected to by a private literal, whoever asks and however it is written', async () => {
  const four = await listener('127.0.0.1')
  const six = await listener('::1', four.port)
  const closed = outgoing({ privateHosts: [], ports: [four.port] })
  const hosts = [
    ...['127.0.0.1', '127.1', '0x7f000001', '2130706433', '[::1]', '[::ffff:127.0.0.1]', 'localhost', 'localhost.'],
    ...['a.localhost', '127。0。0。1', 'user@127.0.0.1', '0.0.0.0', '[::]'],
  ]
  for (const host of hosts) {
    await fails(closed.fetch(`https://${host}:${four.port}/`), 'refused')
    await fails(closed.fetch(`http://${host}:${four.port}/`), 'refused')
    await refusedSocket(closed, `wss://${host}:${four.port}/`)
  }
  assert.equal(four.connections() + six.connections(), 0)
})

test('A13 a name is refused when any of its addresses is not public', async () => {
  const four = await listener('127.0.0.1')
  const six = await listener('::1', four.port)
  const table: Record<string, string[]> = {
    'private.example': ['127.0.0.1'],
    'six.example': ['::1'],
    'mapped.example': ['::ffff:127.0.0.1'],
    'mixed.example': ['8.8.8.8', '127.0.0.1'],
    'metadata.example': ['169.254.169.254'],
    'nat64.example': ['64:ff9b::7f00:1'],
    'zone.example': ['fe80::1%lo'],
    'garbage.example': ['not an address'],
  }
  const closed = outgoing({ privateHosts: [], ports: [four.port], resolve: names(table) })
  for (const name of Object.keys(table)) {
    await fails(closed.fetch(`https://${name}:${four.port}/`), 'refused')
    await refusedSocket(closed, `wss://${name}:${four.port}/`)
  }
  await fails(closed.fetch(`https://nobody.example:${four.port}/`), 'unreachable')
  assert.equal(four.connections() + six.connections(), 0)
})

test('A13 a name is looked up once for a connection, and what it led to then is connected to', async () => {
  const first = await listener('127.0.0.2')
  const second = await listener('127.0.0.1', first.port)
  let asked = 0
  const rebinding: Resolve = () => Promise.resolve(asked++ === 0 ? ['127.0.0.2'] : ['127.0.0.1'])
  // The network stands in for public addresses, which a test has none of.
  const outside = outgoing({ privateHosts: ['127.0.0.2/32'], ports: [first.port], resolve: rebinding })
  await fails(outside.fetch(`https://rebinding.example:${first.port}/`), 'unreachable')
  assert.deepEqual([asked, first.connections()], [1, 1])
  await fails(outside.fetch(`https://rebinding.example:${first.port}/`), 'refused')
  await refusedSocket(outside, `wss://rebinding.example:${first.port}/`)
  assert.deepEqual([asked, first.connections(), second.connections()], [3, 1, 0])
})

test('what a name leads to decides whether it may have another port, or no TLS', async () => {
  const { url } = await web((_request, response) => void response.end('inside'))
  const { port } = new URL(url)
  const elsewhere = await listener('127.0.0.2', Number(port))
  const table = {
    'inside.example': ['127.0.0.1'],
    'outside.example': ['127.0.0.2'],
    'both.example': ['127.0.0.1', '8.8.8.8'],
  }
  const outside = outgoing({ privateHosts: ['127.0.0.1/32'], resolve: names(table) })
  assert.equal(await (await outside.fetch(`http://inside.example:${port}`)).text(), 'inside')
  await fails(outside.fetch(`http://outside.example:${port}`), 'refused')
  await fails(outside.fetch(`http://both.example:${port}`), 'refused')
  assert.equal(elsewhere.connections(), 0)
})

test('TLS names the host that was asked for, whatever address it has', async () => {
  const named: string[] = []
  const server = createTls({
    SNICallback: (name, done) => {
      named.push(name)
      done(new Error('no certificate'))
    },
  })
  server.on('tlsClientError', () => {}).listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd.push(() => server.close())
  const { port } = server.address() as AddressInfo
  const resolve = names({ 'a.example': ['127.0.0.1'] })
  const outside = outgoing({ privateHosts: ['127.0.0.0/8'], ports: [port], resolve })
  await fails(outside.fetch(`https://a.example.:${port}/`), 'unreachable')
  await refusedSocket(outside, `wss://a.example.:${port}/`)
  assert.deepEqual(named, ['a.example', 'a.example'])
})

test('A13 redirects are not followed, by no status and to nowhere', async () => {
  const target = await listener('127.0.0.1')
  const { url, server } = await web((request, response) => {
    const status = Number(request.url!.slice(1))
    response.writeHead(status, { location: `http://127.0.0.1:${target.port}/` }).end()
  })
  server.on('upgrade', (_request, socket) => {
    socket.end(`HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:${target.port}/\r\n\r\n`)
  })
  const outside = outgoing()
  for (const status of [301, 302, 303, 307, 308]) {
    await fails(outside.fetch(`${url}/${status}`, { redirect: 'follow' }), 'redirect')
  }
  await refusedSocket(outside, url)
  assert.equal((await outside.fetch(`${url}/300`)).status, 300)
  assert.equal((await outside.fetch(`${url}/304`)).body, null)
  assert.equal(target.connections(), 0)
})

test('A13 a call is over after its time, whatever it waits for', async () => {
  const clock = new FakeClock()
  const asked = Promise.withResolvers<void>()
  const { url } = await web((request, response) => {
    if (request.url === '/slow') response.write('one byte at a time')
    else asked.resolve()
  })
  const outside = outgoing({ clock })
  const silent = outside.fetch(url)
  await asked.promise
  clock.advance(10_000)
  await fails(silent, 'timeout')

  const slow = await outside.fetch(`${url}/slow`, {}, { timeoutMs: 2_000 })
  const reader = slow.body!.getReader()
  assert.equal((await reader.read()).done, false)
  clock.advance(2_000)
  await fails(reader.read(), 'timeout')

  const unanswered = outgoing({ clock, resolve: () => new Promise(() => {}) })
  const nameless = unanswered.fetch('https://nobody.example/')
  const socket = refusedSocket(unanswered, 'wss://nobody.example/')
  clock.advance(10_000)
  await fails(nameless, 'timeout')
  await socket
})

test("the caller's own signal ends a call with its own reason", async () => {
  const { url } = await web((_request, response) => void response.write('…'))
  const outside = outgoing()
  const controller = new AbortController()
  const answer = await outside.fetch(url, { signal: controller.signal })
  controller.abort(new Error('no longer wanted'))
  await assert.rejects(answer.text(), { message: 'no longer wanted' })
  await assert.rejects(outside.fetch(url, { signal: controller.signal }), { message: 'no longer wanted' })
})

test('A13 an answer is as long as allowed and no longer, as sent and as unpacked', async () => {
  const mega = Buffer.alloc(1024 * 1024)
  const { url } = await web((request, response) => {
    if (request.url === '/fits') response.end(Buffer.alloc(1_000_000))
    if (request.url === '/announced') response.writeHead(200, { 'content-length': 10 * mega.length }).write(mega)
    if (request.url === '/chunked') for (let i = 0; i < 10; i++) response.write(mega)
    if (request.url === '/bomb') {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(10 * mega.length)))
    }
    if (request.url === '/twice') {
      const packed = gzipSync(gzipSync(Buffer.alloc(10 * mega.length)))
      response.writeHead(200, { 'content-encoding': 'gzip, gzip' }).end(packed)
    }
    if (request.url === '/headers') response.writeHead(200, { 'x-long': 'x'.repeat(100_000) }).end()
    if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': 100 }).write('half', () => response.destroy())
    }
  })
  const outside = outgoing()
  assert.equal((await (await outside.fetch(`${url}/fits`)).arrayBuffer()).byteLength, 1_000_000)
  for (const path of ['/announced', '/chunked', '/bomb', '/twice', '/headers']) {
    await fails(
      outside.fetch(url + path).then((answer) => answer.text()),
      'too_large',
    )
  }
  await fails(
    outside.fetch(`${url}/fits`, {}, { maxBytes: 999_999 }).then((answer) => answer.text()),
    'too_large',
  )
  await fails(
    outside.fetch(`${url}/cut`).then((answer) => answer.text()),
    'unreachable',
  )
  const { port } = await listener('127.0.0.1')
  await fails(outside.fetch(`http://127.0.0.1:${port}`), 'unreachable')
})

test('A13 no cookies are kept, no proxy of the environment is used, no header is split', async () => {
  const proxy = await listener('127.0.0.1')
  const seen: unknown[] = []
  const { url } = await web((request, response) => {
    const { method, url: path, headers } = request
    seen.push([method, path, headers['cookie'], headers['user-agent'], headers['x-a']])
    response.writeHead(200, { 'set-cookie': 'a=b' }).end('fine')
  })
  const variables = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']
  const before = variables.map((name) => [name, process.env[name]] as const)
  for (const name of variables) process.env[name] = name.startsWith('NODE') ? '1' : `http://127.0.0.1:${proxy.port}`
  try {
    const outside = outgoing()
    const first = await outside.fetch(url, { method: 'POST', body: 'text', headers: { 'X-A': '1' } })
    assert.deepEqual([first.headers.get('set-cookie'), first.url, await first.text()], [null, `${url}/`, 'fine'])
    await (await outside.fetch(new URL(`${url}/a b\r\nx`), { headers: { 'user-agent': 'git/1' } })).text()
    await fails(outside.fetch(`${url}/a\r\nX-Evil: 1`), 'refused')
    await assert.rejects(outside.fetch(url, { headers: { authorization: 'Bearer s3cret\r\nX-Evil: 1' } }), (error) => {
      assert.ok(error instanceof OutgoingError && error.reason === 'refused')
      assert.doesNotMatch(String(error) + error.stack!, /s3cret/)
      return true
    })
    await refusedSocket(outside, url)
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
  assert.deepEqual(seen, [
    ['POST', '/', undefined, 'Switchboard', '1'],
    ['GET', '/a%20bx', undefined, 'git/1', undefined],
    ['GET', '/', undefined, 'Switchboard', undefined],
  ])
  assert.equal(proxy.connections(), 0)
})

test('an address of the operator may be private, on any port; the rest is as strict', async () => {
  const { url } = await web((_request, response) => void response.writeHead(302, { location: '/' }).end())
  const closed = outgoing({ privateHosts: [] })
  await fails(closed.fetch(url), 'refused')
  await fails(closed.fetch(url, {}, { trusted: true }), 'redirect')
  await fails(closed.fetch(url), 'refused')
  await fails(closed.fetch('file:///etc/passwd', {}, { trusted: true }), 'refused')
})

test('a WebSocket is a standard one, whose messages are bounded', async () => {
  const { url, server } = await web((_request, response) => void response.end())
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'b' })
  sockets.on('connection', (socket) => {
    socket.on('error', () => {})
    socket.on('message', (data: Buffer, isBinary) => {
      socket.send(data.toString() === 'long' ? 'x'.repeat(1_000_001) : data, { binary: isBinary })
    })
  })
  const clock = new FakeClock()
  const socket = outgoing({ clock }).socket(`${url.replace('http', 'ws')}/path#hash`, ['a', 'b'])
  const opened = Promise.withResolvers<unknown>()
  socket.addEventListener('open', opened.resolve)
  await opened.promise
  clock.advance(60_000)
  assert.deepEqual([socket.protocol, socket.readyState], ['b', 1])
  const heard: unknown[] = []
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener('message', ({ data }) => heard.push(data))
    socket.addEventListener('close', ({ code }) => resolve(code))
  })
  socket.send('text')
  socket.send(new Uint8Array([1, 2]))
  socket.send('long')
  assert.equal(await closed, 1006)
  assert.deepEqual(heard, ['text', new Uint8Array([1, 2]).buffer])
})

test('closing ends what is open', async () => {
  const { url, server } = await web(() => {})
  const sockets = new WebSocketServer({ server })
  const made = createOutgoing({ hosts: [], privateHosts: ['127.0.0.1'], ports: [] })
  const socket = made.socket(url)
  await once(sockets, 'connection')
  const closed = new Promise((resolve) => {
    socket.addEventListener('close', resolve)
  })
  const call = made.fetch(url)
  await once(server, 'request')
  await made.close()
  await Promise.all([closed, fails(call, 'unreachable')])
})
