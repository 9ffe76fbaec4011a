import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../../testing/random.ts'
import {
  abuse,
  CANARY,
  documented,
  errorTo,
  messageOf,
  NOBODY,
  stage,
  textOf,
  type Stage,
} from './bad-input/testing.ts'
import { checkFrame, connect, drained, ok, refused, say, scene, send } from './testing.ts'

/** Texts and metadata that break what is made of strings, encrypted ones, and frames that nobody has thought of. */

const path = (at: Stage): string => `/api/dating/conversations/${at.conversationId}/messages`

abuse('metadata comes back as it was given, whatever its members are called, but for prototypes', async (at, ana) => {
  const metadata = {
    constructor: { prototype: { polluted: 1 } },
    toString: 'x',
    hasOwnProperty: null,
    valueOf: [1, [2]],
    toJSON: 'z',
    length: 7,
    '': 0,
    '\u0000': '\u0000',
    client_id: '\u0000'.repeat(3),
    encrypted: 'true',
    big: 1e300,
    list: [{ a: {} }, null, false],
  }
  const { 'message:send': good } = documented(at)
  await drained(at.control)
  const text = JSON.stringify({ event: 'message:send', data: { ...good, metadata } })
  const proto = '"metadata":{"__proto__":{"polluted":1,"encrypted":true},'
  ana.send(text.replace('"metadata":{', proto))
  for (const frames of [await drained(ana), await drained(at.control)]) {
    const { data } = frames.find(({ event }) => event === 'message:new')!
    assert.deepEqual(messageOf(data)['metadata'], metadata)
  }
  const [last] = (await ok(at.ana.get(`${path(at)}?limit=1`))).items
  assert.deepEqual(last.metadata, metadata)
})

abuse('of doubled members the last one counts', async (at, ana) => {
  const first = `"event":"typing:start","data":1`
  const data = `"conversation_id":"x","content":"no","type":"system"`
  const valid = `"conversation_id":"${at.conversationId}","content":"${CANARY}","type":"text"`
  ana.send(`{${first},"event":"message:send","data":{${data},${valid}}}`)
  assert.equal(textOf(await ana.expect('message:new')), CANARY)
})

/** Texts that break what is put together from text; nothing in them is masked. */
const strangeTexts = [
  "'; DROP TABLE dating_messages; --",
  '" OR ""="',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '{{7*7}}#{7*7}',
  '%s%n%x',
  '\u202eevil\u202c',
  '\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627',
  'e\u0301 \u00e9',
  '\u0001\u001b[31m',
  '\\u0000 \\n \\',
  'a\r\nb\tc',
  '👨‍👩‍👧‍👦 🏳️‍🌈',
  'a\u2028b\u2029c',
  '\ufdfd',
  '{"event":"error"}',
  ' leading and trailing ',
]

abuse('texts of other systems and scripts are text: sent, stored and listed as they are', async (at, ana) => {
  const tablet = await connect(at.world, at.ben)
  for (const content of strangeTexts) {
    await drained(tablet)
    const metadata = { caption: content }
    send(ana, 'message:send', { ...documented(at)['message:send'], content, metadata })
    const message = messageOf(await ana.expect('message:new'))
    assert.deepEqual([message['content'], message['metadata']], [content, metadata])
    await drained(ana)
    const { last_message } = (await tablet.expect('conversation:unread')) as { last_message: { content: string } }
    assert.equal(last_message.content, content)
  }
  const { items } = await ok(at.ben.get(`${path(at)}?limit=${strangeTexts.length}`))
  assert.deepEqual(items.map(({ content }: { content: string }) => content).toReversed(), strangeTexts)
  await tablet.close()
  // Half a character cannot be sent on: it becomes the sign for that.
  send(ana, 'message:send', { ...documented(at)['message:send'], content: 'a\ud800b' })
  assert.equal(textOf(await ana.expect('message:new')), 'a\ufffdb')
})

const PHONE = 'call +1 415 555 2671'

abuse('D-M3 encrypted messages arrive byte for byte everywhere, whatever they look like', async (at, ana) => {
  const random = seeded()
  const { ben, conversationId } = at
  const tablet = await connect(at.world, ben)
  const metadata = { encrypted: true, iv: PHONE, note: 'mail a@example.com', deep: [{ er: ['fuck'] }] }
  const blob = () => Buffer.from(Array.from({ length: 1 + random.int(6_000) }, () => random.int(256)))
  const blobs = Array.from({ length: 30 }, (_, n) =>
    n % 2 === 0 ? blob().toString('base64') : `a${blob().toString('latin1').replaceAll('\0', '')}`,
  )
  const contents = [PHONE, 'fuck you', 'write to ana@example.com', ' ', '\u200b', ...strangeTexts, ...blobs]
  for (const content of contents) {
    await drained(tablet)
    await drained(at.control)
    send(ana, 'message:send', { conversation_id: conversationId, content, type: 'text', metadata })
    for (const client of [ana, at.control]) {
      const message = messageOf(await client.expect('message:new'))
      assert.deepEqual([message['content'], message['metadata']], [content, metadata], `seed ${random.seed}`)
    }
    await drained(ana)
    const { last_message } = (await tablet.expect('conversation:unread')) as { last_message: { content: string } }
    assert.equal(last_message.content, content)
  }
  const { items } = await ok(ben.get(`${path(at)}?limit=${contents.length}`))
  assert.deepEqual(items.map(({ content }: { content: string }) => content).toReversed(), contents)
  await tablet.close()
})

abuse('encrypted messages are bounded as all are, and what only looks like the mark is none', async (at, ana) => {
  const metadata = { encrypted: true }
  const sizes: readonly (readonly [number, number])[] = [
    [32_768, 201],
    [32_769, 413],
    [0, 400],
  ]
  for (const [size, expected] of sizes) {
    const { status } = await at.ana.post(path(at), { content: 'x'.repeat(size), type: 'text', metadata })
    assert.equal(status, expected)
  }
  for (const encrypted of ['true', 1, {}, [true], null]) {
    await drained(ana)
    const marked = { ...documented(at)['message:send'], content: PHONE, metadata: { encrypted } }
    send(ana, 'message:send', marked)
    const content = textOf(await ana.expect('message:new'))
    assert.doesNotMatch(String(content), /2671/)
  }
})

test('encrypted messages count towards the limit of a minute', async () => {
  await using at = await stage({ config: { datingMessagesPerMinute: 3 } })
  const ana = await connect(at.world, at.ana)
  const metadata = { encrypted: true }
  const data = { conversation_id: at.conversationId, content: 'AAAA', type: 'text', metadata }
  for (let n = 0; n < 3; n += 1) {
    send(ana, 'message:send', data)
    await ana.expect('message:new')
    await drained(ana)
  }
  assert.deepEqual((await refused(ana, 'message:send', data, 'RATE_LIMITED'))['details'], { retry_after: 60 })
})

test('what one of the two databases would not take is answered by both alike', async () => {
  await using at = await scene({ storage: 'postgres' })
  const ana = await connect(at.world, at.ana)
  const { 'message:send': good, 'user:status': _, ...others } = documented({ ...at, messageId: NOBODY })
  for (const id of ['\u0000', 'a\u0000', '\ud800', '\udfff😀', '\u202e', NOBODY]) {
    for (const [event, data] of Object.entries({ ...others, 'message:send': good })) {
      for (const name of Object.keys(data).filter((key) => key.endsWith('_id'))) {
        const { code } = await errorTo(ana, JSON.stringify({ event, data: { ...data, [name]: id } }))
        assert.equal(code, id === NOBODY ? 'NOT_FOUND' : 'VALIDATION_ERROR', `${event} ${JSON.stringify(id)}`)
      }
    }
  }
  for (const metadata of [
    { client_id: '\u0000' },
    { client_id: '\ud800' },
    { '\u0000': '\u0000\ud800' },
    { client_id: '😀'.repeat(32) },
  ]) {
    send(ana, 'message:send', { ...good, metadata })
    assert.deepEqual(messageOf(await ana.expect('message:new'))['metadata'], metadata)
    await drained(ana)
  }
})

abuse('fifteen hundred mutations of documented frames: all answers are documented, none is fatal', async (at, ana) => {
  const random = seeded()
  const ids: string[] = []
  for (let n = 0; n < 60; n += 1) ids.push((await say(at.ben, at.conversationId, `words ${n}`)).id)
  await drained(ana)
  const leaves = [
    null,
    true,
    false,
    0,
    -0,
    -1,
    1e21,
    2 ** 53,
    '',
    ' ',
    '\u0000',
    '\ud800',
    'x'.repeat(300),
    NOBODY,
    CANARY,
    'text',
    'gift',
    'location',
    'photo',
    'photo_ephemeral',
    'system',
    'away',
    at.otherId,
    at.foreignId,
    at.foreignMessageId,
    at.ana.uuid,
    'https://example.com/x.jpg',
    [],
    {},
    [[]],
    { encrypted: true },
    { client_id: 'c' },
    { ttl: -1, size: 1e9, url: 'javascript:1' },
    '\u202e<b>',
  ]
  const names = [
    'event',
    'data',
    'conversation_id',
    'message_id',
    'content',
    'type',
    'metadata',
    'status',
    '__proto__',
    'constructor',
    'toString',
  ]
  const mutated = (value: unknown, depth = 0): unknown => {
    if (random.int(depth === 0 ? 30 : 14) === 0) return random.pick(leaves)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    const members = Object.entries(value).filter(() => random.int(20) > 0)
    if (random.int(4) === 0) members.push([random.pick(names), random.pick(leaves)])
    return Object.fromEntries(members.map(([key, inner]) => [key, depth < 3 ? mutated(inner, depth + 1) : inner]))
  }
  const next = (): string => {
    const conversationId = random.int(12) === 0 ? at.foreignId : at.conversationId
    const [event, data] = random.pick(Object.entries(documented({ conversationId, messageId: random.pick(ids) })))
    let text = JSON.stringify(mutated({ event, data, timestamp: '2026-01-05T12:00:00Z' }))
    if (random.int(10) === 0) text = text.slice(0, random.int(text.length))
    if (random.int(10) === 0) text = text.replace(/"(\w+)":/, '"$1":1,"$1":')
    return text
  }
  const seen = new Map<string, number>()
  for (let n = 0; n < 1_500; n += 1) {
    const text = next()
    ana.send(text)
    for (const frame of n % 3 === 2 ? await drained(ana) : []) {
      checkFrame(frame)
      const kind = frame.event === 'error' ? String(frame.data['code']) : frame.event
      assert.notEqual(kind, 'INTERNAL_ERROR', `seed ${random.seed}: ${text}`)
      seen.set(kind, (seen.get(kind) ?? 0) + 1)
    }
    assert.equal(ana.closed, undefined, `seed ${random.seed}: ${text}`)
  }
  for (const kind of [
    'VALIDATION_ERROR',
    'NOT_FOUND',
    'FORBIDDEN',
    'INVALID_MESSAGE_TYPE',
    'message:new',
    'message:viewed',
    'message:deleted',
    'conversation:joined',
    'conversation:left',
    'user:status_updated',
  ]) {
    assert.ok(seen.has(kind), `seed ${random.seed}, ${kind}: ${JSON.stringify([...seen])}`)
  }
})
