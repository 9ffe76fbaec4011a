import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { World } from '../../testing/world.ts'
import { abuse, alive, type Stage } from './bad-input/testing.ts'

// Upgrades

interface Handshake {
  readonly status: number
  readonly body: string
}

/** What an upgrade request with these headers is answered. */
async function upgrade({ url }: World, path: string, headers: Record<string, string>): Promise<Handshake> {
  const handshake = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
  }
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { headers: { ...handshake, ...headers }, agent: false })
    sent.on('error', reject)
    sent.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve({ status: response.statusCode!, body: '' })
    })
    sent.on('response', (response) => {
      let body = ''
      response.on('data', (data: Buffer) => (body += data.toString()))
      response.on('end', () => resolve({ status: response.statusCode!, body }))
    })
    sent.end()
  })
}

abuse('pages of other origins are refused in the handshake; ours and this machine\'s are not', async (at) => {
  const path = `/tracker/ws?token=${at.mallory.token}`
  const own = at.world.url
  const good = [
    own,
    own.replace('http', 'https'),
    'http://localhost',
    'http://localhost:5173',
    'https://127.0.0.1:8443',
    'http://[::1]:3000',
  ]
  for (const origin of good) assert.equal((await upgrade(at.world, path, { origin })).status, 101, origin)
  assert.equal((await upgrade(at.world, path, {})).status, 101)
  const bad = [
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'http://evil.example/localhost',
    'http://localhost@evil.example',
    'http://127.0.0.1.evil.example',
    'http://localhost:123456',
    `${own}.evil.example`,
    'file://',
    'chrome-extension://localhost',
  ]
  for (const origin of bad) {
    const { status, body } = await upgrade(at.world, path, { origin })
    assert.equal(status, 403, origin)
    assert.deepEqual(Object.keys(JSON.parse(body).error), ['code', 'message'])
    const answer = await at.world.request('GET', '/api/tracker/projects', undefined, { origin })
    assert.equal(answer.headers.get('access-control-allow-origin'), null, origin)
  }
})

abuse('an upgrade that is not one, or at no endpoint, is answered and ended', async (at) => {
  const token = `?token=${at.mallory.token}`
  for (const path of [
    '/',
    '/tracker',
    '/tracker/ws/',
    '/tracker/ws/x',
    '/TRACKER/WS',
    '/%74racker/ws',
    '//tracker/ws',
  ]) {
    const { status, body } = await upgrade(at.world, path + token, {})
    assert.equal(status, 404, path)
    assert.deepEqual(Object.keys(JSON.parse(body).error), ['code', 'message'])
  }
  for (const [name, value] of [
    ['sec-websocket-key', 'short'],
    ['sec-websocket-version', '7'],
    ['upgrade', 'h2c'],
  ] as const) {
    const { status } = await upgrade(at.world, `/tracker/ws${token}`, { [name]: value })
    assert.ok(status >= 400 && status < 500, name)
  }
  // Not absolute, not a path: nothing of it may throw.
  for (const target of [
    '//[',
    '/tracker/ws?token=%E0%A4%A',
    'http://[/tracker/ws',
    '*',
    '/tracker/ws?since=%00&since=x',
    '\\',
  ]) {
    const socket = raw(at.world)
    socket.write(handshakeOf(target))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.match(answer.toString(), /^HTTP\/1\.1 (101|4\d\d) /, target)
    socket.destroy()
  }
})

// Sockets

function raw({ url }: World): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  return socket
}

const handshakeOf = (target: string): string =>
  [
    `GET ${target} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '\r\n',
  ].join('\r\n')

/** A peer that speaks the handshake and then only what the test writes: no pong comes by itself. */
async function mute(at: Stage): Promise<Socket> {
  const socket = raw(at.world)
  let got = ''
  socket.write(handshakeOf(`/tracker/ws?token=${at.mallory.token}`))
  while (!got.includes('"connected"')) got += ((await once(socket, 'data')) as [Buffer])[0].toString('latin1')
  socket.resume()
  return socket
}

const masked = (first: number, text = ''): Buffer =>
  Buffer.concat([Buffer.from([first, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
const PONG = masked(0x8a)

async function endsWithin(at: Stage, socket: Socket, ms: number, each: () => void = () => undefined): Promise<void> {
  const gone = once(socket, 'close')
  for (let left = ms; left > 0 && !socket.closed; left -= 10_000) {
    await at.world.advance(10_000)
    // Twice around: what each side has written has been read.
    await alive(at.control)
    each()
    await alive(at.control)
  }
  await gone
}

abuse('a peer that has gone without a word is found by the pings', async (at) => {
  const socket = await mute(at)
  await endsWithin(at, socket, 120_000)
})

abuse('half a frame and then silence is cut', async (at) => {
  const socket = await mute(at)
  socket.write(masked(0x81, 'x'.repeat(100)).subarray(0, 50))
  await endsWithin(at, socket, 120_000)
})

abuse('a message that never ends is cut though its sender answers pings', async (at) => {
  const socket = await mute(at)
  socket.write(masked(0x01, '{"type":'))
  await endsWithin(at, socket, 120_000, () => socket.write(PONG))
})

abuse('a quiet peer that answers pings stays', async (at) => {
  const socket = await mute(at)
  for (let i = 0; i < 15; i += 1) {
    await at.world.advance(10_000)
    socket.write(PONG)
    await alive(at.control)
  }
  assert.equal(socket.destroyed, false)
  socket.destroy()
})

abuse('bytes that are no WebSocket frame end that connection alone', async (at) => {
  const frames = [
    Buffer.from([0x81, 0x02, 0x7b, 0x7d]), // not masked
    masked(0xf1, '{}'), // reserved bits
    masked(0x83, '{}'), // an opcode that is none
    masked(0x80, '{}'), // the rest of nothing
    masked(0x09, 'x'), // a ping in pieces
    Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]), // no UTF-8
    Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), // 2^64 bytes
    Buffer.from([0x88, 0x81, 0, 0, 0, 0, 1]), // half a close code
    randomBytes(200),
  ]
  for (const frame of frames) {
    const socket = await mute(at)
    const gone = once(socket, 'close')
    socket.end(frame)
    await gone
  }
})
