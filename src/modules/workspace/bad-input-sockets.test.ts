import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Client } from '../../testing/client.ts'
import { nested } from '../../testing/hostile.ts'
import { seeded } from '../../testing/random.ts'
import { brokenFrames, masked, mutePeer, PONG } from '../../testing/raw-socket.ts'
import { abuse, alive, answerTo, enter, expectError, heard, NOBODY, state, type Stage } from './bad-input/testing.ts'
import { drained } from './testing.ts'
import { payloads } from './wire.ts'

/** Bad frames, and too many of them. The stage and its control connection: bad-input/testing.ts. */

/** So that nothing but the frame is what is refused. */
const unlimited = { config: { workspaceFrames: 0, workspaceAccountFrames: 0, workspacePings: 0 } }

const typing = (at: Stage, more: object = {}) => ({ type: 'typing', channel_id: at.sharedId, is_typing: true, ...more })

/** Text → what the message must name. */
const badFrames: readonly (readonly [string, string])[] = [
  ['', 'frame'],
  [' ', 'frame'],
  ['{', 'frame'],
  ['hello', 'frame'],
  ['{"type":"ping"', 'frame'],
  ['{"type":"ping"}}', 'frame'],
  ['{"type":"ping"}{"type":"ping"}', 'frame'],
  ['{"type":"ping",}', 'frame'],
  ["{'type':'ping'}", 'frame'],
  ['{"type":"ping\u0000"}', 'frame'],
  ['{"type":NaN}', 'frame'],
  ['\ufeff{"type":"ping"}', 'frame'],
  ['[]', 'frame'],
  ['[{"type":"ping"}]', 'frame'],
  ['null', 'frame'],
  ['true', 'frame'],
  ['0', 'frame'],
  ['-0', 'frame'],
  ['1e400', 'frame'],
  ['"ping"', 'frame'],
  [nested(100), 'frame'],
  [nested(8_000), 'frame'],
  [nested(20_000), 'frame'],
  [`{"type":"ping","data":{"a":${nested(100)}}}`, 'frame'],
  [`{"type":"ping","data":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`, 'frame'],
  [`[${'0,'.repeat(20_000)}0]`, 'frame'],
  ['{}', 'type'],
  [`{"${'k'.repeat(15_000)}":1}`, 'type'],
  ['{"__proto__":{"type":"ping","polluted":1}}', 'type'],
  ['{"constructor":{"prototype":{"type":"ping","polluted":1}}}', 'type'],
  ['{"type":null}', 'type'],
  ['{"type":1}', 'type'],
  ['{"type":true}', 'type'],
  ['{"type":["ping"]}', 'type'],
  ['{"type":{"type":"ping"}}', 'type'],
  ['{"data":{"type":"ping"}}', 'type'],
  ['{"type":""}', 'type'],
  ['{"type":"PING"}', 'type'],
  ['{"type":"ping "}', 'type'],
  ['{"type":"ping","type":"pings"}', 'type'],
  ['{"type":"__proto__"}', 'type'],
  ['{"type":"constructor"}', 'type'],
  ['{"type":"toString"}', 'type'],
  ['{"type":"*"}', 'type'],
  ['{"type":"subscribe","data":{"channel_id":"*"}}', 'type'],
  [`{"type":"${'x'.repeat(15_000)}"}`, 'type'],
  [JSON.stringify({ type: '\u0000\ud800😀\u202e'.repeat(100) }), 'type'],
  ['{"type":"authenticate"}', 'token'],
  ['{"type":"authenticate","token":1}', 'token'],
  ['{"type":"authenticate","token":null}', 'token'],
  ['{"type":"authenticate","data":{"token":["x"]}}', 'token'],
  ['{"type":"typing"}', 'channel_id'],
  ['{"type":"typing","is_typing":true}', 'channel_id'],
  ['{"type":"typing","data":null}', 'channel_id'],
  ['{"type":"typing","data":[]}', 'channel_id'],
  ['{"type":"typing","data":"x"}', 'channel_id'],
  ['{"type":"typing","data":{"data":{"channel_id":"x","is_typing":true}}}', 'channel_id'],
  ['{"type":"typing","data":{},"channel_id":"x","is_typing":true}', 'channel_id'],
  ['{"type":"typing","__proto__":{"channel_id":"x","is_typing":true}}', 'channel_id'],
  [`{"type":"typing","channel_id":"${'x'.repeat(65)}","is_typing":true}`, 'channel_id'],
  ['{"type":"typing","channel_id":"x"}', 'is_typing'],
  ['{"type":"typing","data":{"channel_id":"x"},"is_typing":true}', 'is_typing'],
]

abuse('A8 a frame that is none gets one VALIDATION_ERROR saying what is wrong; the connection stays', async (at) => {
  const client = await enter(at)
  for (const [text, about] of badFrames) {
    client.send(text)
    await expectError(client, 'VALIDATION_ERROR', about).catch((error: unknown) =>
      assert.fail(`${text.slice(0, 80)}: ${String(error)}`),
    )
  }
  await alive(client)
  assert.deepEqual(await heard(at), [])
  client.send(typing(at))
  await alive(client)
  await at.control.expect('typing.start', { user_id: at.mallory.uuid })
}, unlimited)

abuse('a field of another type is named, flat and in the envelope', async (at) => {
  const client = await enter(at)
  const wrong = {
    channel_id: [1, true, null, [], [at.sharedId], {}, { id: at.sharedId }],
    is_typing: ['true', '', 1, 0, null, [], {}],
  }
  for (const [field, values] of Object.entries(wrong)) {
    for (const value of values) {
      const data = { channel_id: at.sharedId, is_typing: true, [field]: value }
      for (const frame of [{ type: 'typing', ...data }, { type: 'typing', data }, { ...typing(at), data }]) {
        client.send(frame)
        await expectError(client, 'VALIDATION_ERROR', field)
      }
    }
  }
  assert.deepEqual(await heard(at), [])
}, unlimited)

abuse('S2 a thousand frames of pieces of documented ones: each is answered or silent, none is fatal', async (at) => {
  const random = seeded()
  const client = await enter(at)
  const names = ['type', 'data', 'channel_id', 'is_typing', 'token', 'workspace_id', '__proto__', 'constructor', '']
  const leaves = [
    'ping', 'pong', 'typing', 'authenticate', at.sharedId, at.secretId, '', '\u0000', '\ud800', 'x'.repeat(200), true,
    false, null, 0, -0, 1e21, 2 ** 53,
  ]
  const value = (depth: number): unknown => {
    const kind = random.int(depth > 3 ? 3 : 6)
    if (kind < 3) return random.pick(leaves)
    if (kind === 3) return Array.from({ length: random.int(3) }, () => value(depth + 1))
    return Object.fromEntries(Array.from({ length: 1 + random.int(4) }, () => [random.pick(names), value(depth + 1)]))
  }
  for (let n = 0; n < 1_000; n += 1) {
    const framed = { type: random.pick(leaves), ...(value(3) as object), data: value(1) }
    let text = JSON.stringify(n % 3 === 0 ? value(0) : framed)
    if (random.int(4) === 0) text = text.slice(0, random.int(text.length))
    client.send(text)
    client.send({ type: 'ping' })
    for (let frame = await answerTo(client); frame.type !== 'pong'; frame = await answerTo(client)) {
      assert.equal(frame.type, 'error', text)
      assert.match(String(frame.data['code']), /^(VALIDATION_ERROR|UNAUTHORIZED|INVALID_TOKEN)$/, text)
    }
    // A frame that was a ping has a pong of its own, which the next round takes for its answer.
    await drained(client)
  }
}, unlimited)

abuse('binary frames are refused, and nothing in them is looked at', async (at) => {
  const client = await enter(at)
  const good = Buffer.from(JSON.stringify(typing(at)))
  for (const bytes of [Buffer.alloc(0), Buffer.from('{"type":"ping"}'), good, randomBytes(17_000)]) {
    client.send(bytes)
    await expectError(client, 'VALIDATION_ERROR', 'frame')
  }
  await alive(client)
  assert.deepEqual(await heard(at), [])
})

abuse('a ping is answered by the documented pong, whatever is in it; a pong is never answered', async (at) => {
  const client = await enter(at)
  for (const text of [
    '{"type":"ping"}',
    '{"data":null,"type":"ping","extra":1}',
    '{"type":"typing","type":"ping"}',
    '{"type":"ping","data":[],"workspace_id":7}',
    '{"type":"ping","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
    `{"type":"ping","data":{"a":"${'x'.repeat(10_000)}"}}`,
  ]) {
    client.send(text)
    assert.deepEqual(await client.next(), { type: 'pong' })
  }
  for (const data of [undefined, {}, { timestamp: 'x' }, 1]) client.send({ type: 'pong', data })
  await client.expectNothing()
})

abuse('S4 a frame over 16 KiB is a VALIDATION_ERROR and the connection stays; far over it, close 1009', async (at) => {
  const client = await enter(at)
  const limit = 16 * 1024
  const ping = (a: string) => JSON.stringify({ type: 'ping', a })
  client.send(ping('x'.repeat(limit - ping('').length)))
  assert.deepEqual(await client.next(), { type: 'pong' })
  // Bytes are counted, not characters.
  for (const a of ['x'.repeat(limit - ping('').length + 1), 'ü'.repeat(limit / 2), 'x'.repeat(15 * limit)]) {
    client.send(ping(a))
    await expectError(client, 'VALIDATION_ERROR', /frame must not be over 16384 bytes/)
  }
  await alive(client)
  client.send('x'.repeat(16 * limit + 1))
  await client.expectClose(1009)
})

abuse('A9 what a client says of who, where and when it types is not what others are told', async (at) => {
  const client = await enter(at)
  await heard(at)
  const lies = {
    user_id: at.owner.uuid, workspace_id: at.foreign.workspaceId, timestamp: '1970-01-01T00:00:00.000Z', id: 'polluted',
    status: 'online', username: 'owner', position: 'x.1', channel: at.secretId, polluted: { deep: ['polluted'] },
  }
  const flat = `{"__proto__":{"user_id":"polluted"},${JSON.stringify(typing(at, lies)).slice(1)}`
  const enveloped = JSON.stringify({ ...lies, type: 'typing', data: { ...typing(at, lies), type: 'message.new' } })
  for (const text of [flat, enveloped]) {
    client.send(text)
    await alive(client)
    const name = 'typing.start'
    const data = { channel_id: at.sharedId, user_id: at.mallory.uuid }
    const timestamp = new Date(at.world.clock.now()).toISOString()
    assert.deepEqual(await heard(at), [{ type: name, data, workspace_id: at.workspaceId, timestamp }])
    client.send(typing(at, { is_typing: false }))
    await alive(client)
    await at.control.expect('typing.stop', data)
    // Who has just begun is not told of again at once.
    await at.world.advance(10_000)
  }
})

abuse('what the server says is not for clients to say', async (at) => {
  const client = await enter(at)
  await heard(at)
  const before = state(at)
  const data = {
    id: NOBODY, channel_id: at.sharedId, user_id: at.owner.uuid, content: 'forged', status: 'offline', emoji: '👍',
    message_id: at.secretMessageId, name: 'forged', type: 'public', message: 'forged', code: 'INTERNAL_ERROR',
  }
  for (const type of [...Object.keys(payloads), 'resync', 'message', 'message.send', 'presence', 'join']) {
    client.send({ type, data, workspace_id: at.workspaceId, timestamp: new Date(0).toISOString() })
    await expectError(client, 'VALIDATION_ERROR', 'type')
  }
  assert.deepEqual(await heard(at), [])
  assert.deepEqual(state(at), before)
}, unlimited)

abuse('A10 typing where one is not is UNAUTHORIZED, alike for what is hidden, elsewhere and nowhere', async (at) => {
  const client = await enter(at)
  await heard(at)
  const answers = new Set<string>()
  const room = `channel:${at.secretId}`
  for (const channel_id of [
    at.secretId, at.foreign.channelId, NOBODY, '', '*', 'general', '__proto__', at.workspaceId, at.mallory.uuid, room,
    at.sharedId.toUpperCase(), `${at.sharedId} `, '../x', "' or 1=1", '\u0000', '\ud800',
  ]) {
    for (const is_typing of [true, false]) {
      client.send(typing(at, { channel_id, is_typing }))
      const { type, data } = await answerTo(client)
      assert.deepEqual([type, data['code']], ['error', 'UNAUTHORIZED'], channel_id)
      answers.add(JSON.stringify(data))
    }
  }
  assert.equal(answers.size, 1)
  assert.deepEqual(await heard(at), [])
}, unlimited)

// Bytes

const mute = (at: Stage): Promise<Socket> =>
  mutePeer(at.world, `/ws/${at.workspaceId}?token=${at.mallory.token}`, '"presence.updated"')

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

abuse('bytes that are no WebSocket frame end that connection alone', async (at) => {
  for (const frame of brokenFrames()) {
    const socket = await mute(at)
    const gone = once(socket, 'close')
    socket.end(frame)
    await gone
  }
})

abuse('S6 half a frame, and pieces that never end, are cut in time; who answers pings stays', async (at) => {
  const half = await mute(at)
  half.write(masked(0x81, 'x'.repeat(100)).subarray(0, 50))
  await endsWithin(at, half, 120_000)
  const endless = await mute(at)
  endless.write(masked(0x01, '{"type":'))
  await endsWithin(at, endless, 120_000, () => endless.write(PONG))
  const quiet = await mute(at)
  for (let n = 0; n < 10; n += 1) {
    await at.world.advance(10_000)
    quiet.write(PONG)
    await alive(at.control)
  }
  assert.equal(quiet.destroyed, false)
  quiet.destroy()
})

// Rates

/** Sends until the server has had enough. @returns how many frames came back */
async function flood(at: Stage, client: Client, send: (n: number) => void, count: number): Promise<number> {
  client.ws.on('error', () => undefined)
  for (let n = 0; n < count; n += 1) send(n)
  for (let n = 0; n < 400 && !client.closed; n += 1) {
    await at.world.advance(100)
    await alive(at.control)
  }
  await client.expectClose(4429)
  return client.frames.length
}

abuse('W-L1 a typing flood: others are told a little, its sender RATE_LIMITED and cut far beyond it', async (at) => {
  const client = await enter(at)
  await heard(at)
  const seen: string[] = []
  at.control.ws.on('message', (data: Buffer) => seen.push((JSON.parse(data.toString()) as { type: string }).type))
  const answered = await flood(at, client, (n) => client.send(typing(at, { is_typing: n % 2 === 0 })), 3_000)
  assert.ok(answered <= 600, String(answered))
  assert.ok(client.frames.every(({ type, data }) => type === 'error' && data['code'] === 'RATE_LIMITED'))
  // Sixty frames passed: on and off, thirty times each.
  assert.ok(seen.filter((type) => type.startsWith('typing')).length <= 60)
})

for (const [name, send, first] of [
  ['pings', (client: Client) => client.send({ type: 'ping' }), 200],
  ['protocol pings', (client: Client) => client.ws.ping(), 0],
  ['frames that are none', (client: Client) => client.send('{'), 60],
  ['binary frames', (client: Client) => client.send(Buffer.from([1])), 60],
  ['frames over the size', (client: Client) => client.send('x'.repeat(17_000)), 60],
] as const) {
  abuse(`W-L1 a flood of ${name} does not pass either, and is cut far beyond the limit`, async (at) => {
    const client = await enter(at)
    const begun = at.world.clock.now()
    await flood(at, client, () => send(client), 2_500)
    const limited = client.frames.filter(({ data }) => data?.['code'] === 'RATE_LIMITED')
    const windows = Math.ceil((at.world.clock.now() - begun) / 10_000)
    // Ten times what is let through, and what each window forgives.
    const allowed = name.endsWith('pings') ? 200 : 60
    assert.ok(limited.length <= allowed * (10 + windows), String(limited.length))
    // What was let through waits its turn; a sender that is cut before gets no answer to it.
    assert.ok(client.frames.length - limited.length <= first * windows)
  })
}
