/** A load generator that cannot notice a lying server measures nothing: here servers lie. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Target, TOKEN } from '../candidate.ts'
import { commands } from './commands.ts'
import { fanout, type FanoutResult } from './fanout.ts'
import { encode, Frames } from './frame.ts'
import { driverBound } from './meter.ts'
import { content } from './publisher.ts'
import { Requester } from './request.ts'

type Relay = (members: WebSocket[], text: string, sequence: number) => void

const honest: Relay = (members, text) => members.forEach((member) => member.send(text))

const measure = async (relay: Relay): Promise<FanoutResult> => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const members: WebSocket[] = []
  let sequence = 0
  server.on('connection', (socket, request) => {
    if (request.url !== '/publish') members.push(socket)
    else socket.on('message', (data) => relay(members, (data as Buffer).toString(), sequence++))
    socket.send('hello you')
  })
  const target: Target = {
    port: (server.address() as { port: number }).port,
    members: ['/', '/other'],
    join: [{ expect: 'hello', send: 'thanks' }],
    prefix: '{"type":"comment"',
    publish: { kind: 'frame', path: '/publish', before: '{"type":"comment","c":"', after: '"}' },
  }
  try {
    const sizes = { members: 10, inFlight: 4, contentBytes: 40 }
    const times = { warmupMs: 20, windowMs: 60, minBatches: 2, stallMs: 500 }
    return await fanout({ pid: process.pid, target, ...sizes, ...times })
  } finally {
    for (const client of server.clients) client.terminate()
    server.close()
  }
}

test('an honest server is valid and every delivery is counted', async () => {
  const result = await measure(honest)
  assert.deepEqual(result.invalid, [])
  assert.equal(result.received, result.published * 10)
  assert.ok(result.published >= 8 && result.batchMs.length === result.published / 4)
  assert.equal(result.frameBytes, '{"type":"comment","c":"'.length + 40 + 2)
})

test('frames of other kinds are not deliveries', async () => {
  const result = await measure((members, text) => {
    for (const member of members) {
      member.send('{"type":"system","action":"ping"}')
      member.ping('are you there')
    }
    honest(members, text, 0)
  })
  assert.deepEqual(result.invalid, [])
})

const expectInvalid = async (pattern: RegExp, relay: Relay): Promise<void> => {
  const { invalid } = await measure(relay)
  assert.match(invalid.join('; '), pattern)
}

test('a lost frame is found', () =>
  expectInvalid(/lost/, (members, text, n) => honest(n === 9 ? members.slice(1) : members, text, n)))

test('a frame too many is found', () =>
  expectInvalid(/more than 100 %/, (members, text, n) => {
    honest(members, text, n)
    if (n % 4 === 3) setTimeout(() => members[0]?.send(text), 100)
  }))

test('a frame lost here and doubled there is found', () =>
  expectInvalid(/some members/, (members, text, n) =>
    honest(n === 5 ? [members[1]!, ...members.slice(1)] : members, text, n),
  ))

test('a member that is cut is found', () =>
  expectInvalid(/cut/, (members, text, n) => {
    honest(members, text, n)
    if (n === 6) members[3]?.terminate()
  }))

/** Everybody says who they are, each publisher on a socket of its own; `accepts` says which messages are answered. */
const measureAnswered = async (accepts: (sequence: number) => boolean): Promise<FanoutResult & { said: string[] }> => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const members: WebSocket[] = []
  const said: string[] = []
  let sequence = 0
  server.on('connection', (socket, request) => {
    socket.send('hello')
    socket.on('message', (data) => {
      const text = (data as Buffer).toString()
      if (text.startsWith('{"m":"')) {
        honest(members, text, 0)
        if (accepts(sequence++)) socket.send('accepted')
        return
      }
      said.push(`${request.url} ${text}`)
      if (request.url === '/') members.push(socket)
      socket.send('welcome')
    })
  })
  const target: Target = {
    port: (server.address() as { port: number }).port,
    members: ['/'],
    tokens: ['a', 'b', 'c'],
    join: [{ expect: 'hello', send: `I am ${TOKEN}` }, { expect: 'welcome' }],
    prefix: '{"m":"',
    publish: { kind: 'frame', path: '/publish', before: '{"m":"', after: '"}', accepted: 'accepted', token: 1 },
  }
  try {
    const sizes = { members: 4, inFlight: 2, contentBytes: 20 }
    const times = { warmupMs: 1, windowMs: 20, minBatches: 2, stallMs: 300 }
    return { ...(await fanout({ pid: process.pid, target, ...sizes, ...times })), said: said.toSorted() }
  } finally {
    for (const client of server.clients) client.terminate()
    server.close()
  }
}

test('each connection, and each publisher on a socket of its own, has its token', async () => {
  const { said, invalid } = await measureAnswered(() => true)
  assert.deepEqual(invalid, [])
  assert.deepEqual(said, [
    '/ I am a',
    '/ I am a',
    '/ I am b',
    '/ I am c',
    '/publish I am b',
    '/publish I am c',
  ])
})

test('a message that is delivered and never answered is found', async () => {
  const { invalid } = await measureAnswered((sequence) => sequence !== 5)
  assert.match(invalid.join('; '), /a publish was not answered within 300 ms/)
})

test('a connect that fails stops the cell', async () => {
  const server = createServer((socket) => socket.end('HTTP/1.1 503 Busy\r\n\r\n')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const publish = { kind: 'frame', path: '/', before: '', after: '' } as const
  const sizes = { members: 3, inFlight: 1, contentBytes: 20, warmupMs: 1, windowMs: 1, minBatches: 1 }
  const target = { port, members: ['/'], join: [], prefix: 'x', publish }
  await assert.rejects(fanout({ pid: process.pid, target, ...sizes }), /3 of 3 connects failed: .*503/)
  server.close()
})

test('a server that refuses every publish is found', async () => {
  const server = createHttp((_, response) => response.writeHead(403, { 'content-length': 0 }).end())
  server.listen(0, '127.0.0.1')
  const sockets = new WebSocketServer({ server })
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const publish = { kind: 'http', path: '/', headers: {}, before: '', after: '' } as const
  const target = { port, members: ['/'], join: [], prefix: 'm', publish }
  const sizes = { members: 2, inFlight: 3, contentBytes: 20, warmupMs: 1, windowMs: 1, minBatches: 1, stallMs: 200 }
  const { invalid } = await fanout({ pid: process.pid, target, ...sizes })
  assert.match(invalid.join('; '), /nothing was published in the window; 3 publishes failed; lost: 0 of 6/)
  for (const client of sockets.clients) client.terminate()
  server.close()
})

test('a window in which the driver was the bottleneck is found', () => {
  const cost = { elapsedMs: 1000, serverWrites: 0, foreignCpuUs: 0 }
  assert.match(driverBound({ ...cost, driverCpuUs: 960_000, serverCpuUs: 700_000 }) ?? '', /driver 96%, server 70%/)
  assert.equal(driverBound({ ...cost, driverCpuUs: 960_000, serverCpuUs: 950_000 }), undefined)
  assert.equal(driverBound({ ...cost, driverCpuUs: 500_000, serverCpuUs: 700_000 }), undefined)
})

test('refused commands are found, and do not count as accepted', async () => {
  let requests = 0
  const server = createServer((socket) =>
    socket.on('error', () => {}).on('data', () => {
      const status = ++requests === 50 ? '429 Too Many' : '201 Created'
      socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\n{}`)
    }),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const publish = { kind: 'http', path: '/', headers: {}, before: '{', after: '}' } as const
  const target = { port, members: [], join: [], prefix: '', publish }
  const order = { pid: process.pid, target, connections: 4, contentBytes: 20, warmupMs: 0, windowMs: 200 }
  const result = await commands(order)
  assert.deepEqual(result.invalid, ['1 commands answered 429'])
  assert.ok(result.accepted > 0 && result.accepted < requests)
  server.close()
})

test('frames are found however the network cuts them', () => {
  const unmasked = (text: string): Buffer => {
    const body = Buffer.from(text)
    const header = body.length < 126 ? [0x81, body.length] : [0x81, 126, body.length >> 8, body.length & 255]
    return Buffer.concat([Buffer.from(header), body])
  }
  const ping = Buffer.from([0x89, 3, 1, 2, 3])
  const texts = [`event ${'x'.repeat(200)}`, 'event', 'even', 'other', `event ${'y'.repeat(20)}`]
  const stream = Buffer.concat([ping, ...texts.map(unmasked), ping])
  for (let size = 1; size <= stream.length; size++) {
    const seen: unknown[] = []
    const frames = new Frames(Buffer.from('event'), 8, {
      counted: (bytes) => seen.push(bytes),
      other: (chunk, start, end) => seen.push(chunk.toString('latin1', start, end)),
      control: (opcode, payload) => seen.push([opcode, ...payload]),
    })
    for (let at = 0; at < stream.length; at += size) frames.take(stream, at, Math.min(stream.length, at + size))
    assert.deepEqual(seen, [[9, 1, 2, 3], 206, 5, 'even', 'other', 26, [9, 1, 2, 3]])
  }
})

test('client frames unmask to their payload, and a content has its length', () => {
  for (const length of [0, 125, 126, 65_535, 65_536]) {
    const frame = encode('a'.repeat(length))
    const key = frame.subarray(frame.length - length - 4, frame.length - length)
    const body = frame.subarray(frame.length - length).map((byte, i) => byte ^ key[i & 3]!)
    assert.equal(Buffer.from(body).toString(), 'a'.repeat(length))
  }
  assert.equal(content(7, 16), 'm0000000007 xxxx')
})

test('an answer in pieces is one answer; an unreadable one is a failure', async () => {
  const pieces = ['HTTP/1.1 201 Cre', 'ated\r\nContent-Le', 'ngth: 4\r\n\r\n{', '"a"', 'HTTP/1.1 200 OK\r\n\r\n']
  const server = createServer((socket) => {
    socket.on('error', () => {}).setNoDelay()
    pieces.forEach((piece, i) => setTimeout(() => socket.write(piece), 20 * i))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const answers: number[] = []
  let sent = 0
  await new Promise<void>((resolve) => {
    const { port } = server.address() as { port: number }
    const requester = new Requester(port, () => requester.send('x'), (status) => {
      answers.push(status)
      if (++sent < 2) requester.send('x')
      else resolve()
    })
  })
  assert.deepEqual(answers, [201, 0])
  server.close()
})
