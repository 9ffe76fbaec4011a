import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import {
  badOrigins, brokenFrames, goodOrigins, handshakeOf, masked, mutePeer, PONG, rawSocket, upgrade,
} from '../../testing/raw-socket.ts'
import { abuse, alive, type Stage } from './bad-input/testing.ts'

// Upgrades

abuse('pages of other origins are refused in the handshake; ours and this machine\'s are not', async (at) => {
  const path = `/tracker/ws?token=${at.mallory.token}`
  const own = at.world.url
  for (const origin of goodOrigins(own)) assert.equal((await upgrade(at.world, path, { origin })).status, 101, origin)
  assert.equal((await upgrade(at.world, path, {})).status, 101)
  for (const origin of badOrigins(own)) {
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
    const socket = rawSocket(at.world)
    socket.write(handshakeOf(target))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.match(answer.toString(), /^HTTP\/1\.1 (101|4\d\d) /, target)
    socket.destroy()
  }
})

// Sockets

const mute = (at: Stage) => mutePeer(at.world, `/tracker/ws?token=${at.mallory.token}`, '"connected"')

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
  for (const frame of brokenFrames()) {
    const socket = await mute(at)
    const gone = once(socket, 'close')
    socket.end(frame)
    await gone
  }
})
