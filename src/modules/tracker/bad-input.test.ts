import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { nested } from '../../testing/hostile.ts'
import { abuse, alive, answerTo, pass, ping, refused } from './bad-input/testing.ts'

/** Bad frames, and too many of them. The stage and its control connection: bad-input/testing.ts. */

/** Text → the field that `details` must name. */
const badFrames: readonly (readonly [string, string])[] = [
  ['', 'frame'],
  ['{', 'frame'],
  ['hello', 'frame'],
  ['{"type":"system","action":"ping"', 'frame'],
  ['{"type":"system","action":"ping"}}', 'frame'],
  ['{"type":"system","action":"ping",}', 'frame'],
  ["{'type':'system','action':'ping'}", 'frame'],
  ['{"type":"system\u0000","action":"ping"}', 'frame'],
  ['{"type":NaN}', 'frame'],
  ['\ufeff{"type":"system","action":"ping"}', 'frame'],
  ['[]', 'frame'],
  ['[{"type":"system","action":"ping","payload":{}}]', 'frame'],
  ['null', 'frame'],
  ['true', 'frame'],
  ['0', 'frame'],
  ['-0', 'frame'],
  ['1e400', 'frame'],
  ['"ping"', 'frame'],
  [nested(100), 'frame'],
  [nested(20_000), 'frame'],
  [`{"type":"system","action":"ping","payload":{"a":${nested(100)}}}`, 'frame'],
  [`{"type":"system","action":"ping","payload":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`, 'frame'],
  [`[${'0,'.repeat(20_000)}0]`, 'frame'],
  ['{}', 'type'],
  ['{"__proto__":{"type":"system","action":"ping"}}', 'type'],
  ['{"constructor":{"prototype":{"type":"system"}}}', 'type'],
  ['{"type":null,"action":"ping"}', 'type'],
  ['{"type":1,"action":"ping"}', 'type'],
  ['{"type":["system"],"action":"ping"}', 'type'],
  ['{"type":"system"}', 'action'],
  ['{"type":"system","action":{}}', 'action'],
  ['{"type":"__proto__","action":"__proto__"}', 'type'],
  ['{"type":"constructor","action":"prototype"}', 'type'],
  ['{"type":"system","action":"toString"}', 'type'],
  ['{"type":"system/ping","action":""}', 'type'],
  ['{"type":"system ","action":"ping"}', 'type'],
  ['{"type":"SYSTEM","action":"PING"}', 'type'],
  ['{"type":"bug_report","action":"created","payload":{"id":1}}', 'type'],
  ['{"type":"system","action":"connected","payload":{"user_id":1}}', 'type'],
  ['{"type":"subscribe","action":"*","payload":{}}', 'type'],
  [JSON.stringify({ type: '\u0000\ud800😀'.repeat(100), action: '' }), 'type'],
  ['{"type":"system","action":"authenticate"}', 'token'],
  ['{"type":"system","action":"authenticate","payload":{"token":1}}', 'token'],
  ['{"type":"system","action":"authenticate","payload":{"token":null}}', 'token'],
]

abuse('a frame that is none gets a validation_error that names the field; the connection stays', async (at) => {
  const client = await at.world.connect(at.mallory)
  // Within the window of 100 frames with what follows.
  for (const [text, field] of badFrames) {
    client.send(text)
    const { name, payload } = await answerTo(client)
    assert.equal(name, 'error/validation_error', text.slice(0, 80))
    assert.equal(payload['code'], 'invalid_data')
    assert.deepEqual(Object.keys(payload['details'] as object), [field], text.slice(0, 80))
    assert.doesNotMatch(JSON.stringify(payload), /SyntaxError|position \d|node_modules|\.ts\b/)
  }
  await alive(client)
  assert.equal(({} as Record<string, unknown>)['type'], undefined)
})

abuse('a payload that is no object is a validation_error', async (at) => {
  const client = await at.world.connect(at.mallory)
  for (const payload of [1, 'text', true, [], [1]]) {
    client.send(ping(payload))
    assert.equal((await answerTo(client)).name, 'error/validation_error', JSON.stringify(payload))
  }
  await alive(client)
})

abuse('binary frames are refused, and nothing in them is looked at', async (at) => {
  const client = await at.world.connect(at.mallory)
  for (const bytes of [Buffer.alloc(0), Buffer.from(ping({})), randomBytes(70_000)]) {
    client.send(bytes)
    const { name, payload } = await answerTo(client)
    assert.deepEqual([name, Object.keys(payload['details'] as object)], ['error/validation_error', ['frame']])
  }
  await alive(client)
  const unknown = at.world.client('/tracker/ws')
  await unknown.opened()
  unknown.send(Buffer.from(JSON.stringify({
    type: 'system',
    action: 'authenticate',
    payload: { token: at.mallory.token },
  })))
  await refused(unknown)
})

abuse('a ping is answered by the documented pong, whatever is in it or missing', async (at) => {
  const client = await at.world.connect(at.mallory)
  const payload = '{"__proto__":{"a":1},"constructor":{"prototype":{"a":1}}}'
  const reserved = `{"type":"system","action":"ping","payload":${payload}}`
  const texts = [
    '{"type":"system","action":"ping"}',
    '{"action":"ping","payload":null,"type":"system","extra":1}',
    '{"type":"bug_report","type":"system","action":"ping"}',
    ping({ timestamp: 'not a time', user_id: 1 }),
    reserved,
  ]
  for (const text of texts) {
    client.send(text)
    const { type, action, payload, ...rest } = await client.next()
    assert.deepEqual([type, action, rest], ['system', 'pong', {}])
    const timestamp = new Date(at.world.clock.now()).toISOString().replace(/\.\d+/, '')
    assert.deepEqual(payload, { timestamp })
  }
  assert.equal(({} as Record<string, unknown>)['a'], undefined)
})

abuse('a pong is never answered', async (at) => {
  const client = await at.world.connect(at.mallory)
  for (const payload of [undefined, {}, { timestamp: 'x' }]) client.send({ type: 'system', action: 'pong', payload })
  await client.expectNothing()
})

abuse('a frame over 64 KB is a validation_error and the connection stays; far over it, close 1009', async (at) => {
  const client = await at.world.connect(at.mallory)
  const empty = ping({ a: '' })
  const limit = 64 * 1024
  client.send(ping({ a: 'x'.repeat(limit - empty.length) }))
  assert.equal((await answerTo(client)).name, 'system/pong')
  // Bytes are counted, not characters.
  for (const a of ['x'.repeat(limit - empty.length + 1), 'ü'.repeat(limit / 2), 'x'.repeat(15 * limit)]) {
    client.send(ping({ a }))
    const { name, payload } = await answerTo(client)
    assert.deepEqual([name, Object.keys(payload['details'] as object)], ['error/validation_error', ['frame']])
  }
  await alive(client)
  client.send('x'.repeat(16 * limit + 1))
  await client.expectClose(1009)
})

// Rates

abuse('the 101st frame of a minute gets rate_limit with seconds to wait; later frames pass again', async (at) => {
  const client = await at.world.connect(at.mallory)
  for (let i = 0; i < 100; i += 1) client.send(i % 2 ? ping({}) : '{')
  for (let i = 0; i < 100; i += 1) {
    assert.equal((await answerTo(client)).name, i % 2 ? 'system/pong' : 'error/validation_error', String(i))
  }
  // So many at once are more than may wait for their turn: reading goes on after a pause, by the clock.
  at.world.clock.advance(100)
  for (const left of [60, 40, 20]) {
    client.send(ping({}))
    const { name, payload } = await answerTo(client)
    assert.deepEqual([name, payload['code'], payload['retry_after']], ['error/rate_limit', 'rate_limit_exceeded', left])
    await pass(at, 20_000, at.control)
  }
  await alive(client)
})

abuse('protocol pings count as frames', async (at) => {
  const client = await at.world.connect(at.mallory)
  for (let i = 0; i < 100; i += 1) client.ws.ping()
  client.send(ping({}))
  assert.equal((await answerTo(client)).name, 'error/rate_limit')
})

abuse('a sender that goes on for ten times its limit is cut with 4429', async (at) => {
  const client = await at.world.connect(at.mallory)
  client.ws.on('error', () => undefined)
  for (let i = 0; i < 3_000; i += 1) client.send(ping({}))
  for (let i = 0; i < 80 && !client.closed; i += 1) {
    await at.world.advance(100)
    await alive(at.control)
  }
  await client.expectClose(4429)
  const last = client.frames.at(-1)!
  assert.deepEqual([last.action, last.payload['reason']], ['disconnected', 'rate_limit'])
  assert.ok(client.frames.length < 1_200)
})
