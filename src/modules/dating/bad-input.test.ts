import assert from 'node:assert/strict'
import { nested } from '../../testing/hostile.ts'
import { abuse, CANARY, documented, errorTo, fieldOf, NOBODY, strangeIds, untouched } from './bad-input/testing.ts'
import { refused, send, type DatingFrame } from './testing.ts'

/** Frames that are none, and fields that are not what they should be: one documented error each, and no trace. */

abuse('an envelope that is none is refused, with the name of the event where it has one', async (at, ana) => {
  await untouched(at, ana, async () => {
    for (const text of [
      '',
      ' ',
      '{',
      'hello',
      '[]',
      '[{"event":"typing:start"}]',
      'null',
      'true',
      '0',
      '1e400',
      '"typing:start"',
      '{}',
      '\ufeff{"event":"typing:start","data":{}}',
      "{'event':'typing:start'}",
      '{"event":"typing:start",}',
      '{"event":"typing:start"}{}',
      nested(100),
      nested(16_000),
      `[${'0,'.repeat(15_000)}0]`,
      '{"event":null,"data":{}}',
      '{"event":7,"data":{}}',
      '{"event":["typing:start"],"data":{}}',
      '{"event":{"event":"typing:start"},"data":{}}',
      '{"__proto__":{"event":"typing:start","data":{}}}',
      '{"data":{"event":"typing:start","data":{}}}',
    ]) {
      const data = await errorTo(ana, text)
      assert.deepEqual([data['code'], data['request_event']], ['VALIDATION_ERROR', null], text.slice(0, 80))
    }
    for (const event of Object.keys(documented(at))) {
      for (const data of [undefined, null, [], [{}], 'x', 1, true]) {
        const told = await errorTo(ana, JSON.stringify({ event, data }))
        assert.deepEqual([told['code'], fieldOf(told), told['request_event']], ['VALIDATION_ERROR', 'data', event])
      }
      assert.equal(fieldOf(await errorTo(ana, `{"event":"${event}","__proto__":{"data":{}}}`)), 'data')
      const deepObject = `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`
      for (const inner of [nested(100), deepObject, `[${'0,'.repeat(12_000)}0]`]) {
        const { code, request_event } = await errorTo(ana, `{"event":"${event}","data":{"a":${inner}}}`)
        assert.deepEqual([code, request_event], ['VALIDATION_ERROR', event])
      }
    }
  })
})

abuse('an event that is none is named in the error, as far as that makes sense', async (at, ana) => {
  await untouched(at, ana, async () => {
    for (const event of [
      '',
      'TYPING:START',
      'typing:start ',
      'message:new',
      'error',
      '__proto__',
      'constructor',
      'toString',
      '*',
      '\u0000',
      '<b>',
    ]) {
      const data = await errorTo(ana, JSON.stringify({ event, data: {} }))
      assert.deepEqual([data['code'], fieldOf(data), data['request_event']], ['VALIDATION_ERROR', 'event', event])
    }
    for (const event of ['x'.repeat(30_000), '\ud800', '😀'.repeat(5_000)]) {
      const { code, request_event } = await errorTo(ana, JSON.stringify({ event, data: {} }))
      assert.equal(code, 'VALIDATION_ERROR')
      const named = request_event as string
      assert.ok(named.length <= 64 && named.isWellFormed())
    }
  })
})

const wrongMetadata = [null, [], [{}], '', '{}', 'x', 0, 1, true]
const wrongTexts = (good: unknown): readonly unknown[] => [
  undefined,
  null,
  0,
  1,
  -1,
  1.5,
  2 ** 53,
  true,
  false,
  [],
  [good],
  {},
  { id: good },
  { toString: good },
]

abuse('each field of each event that is missing, null or of another type is refused by name', async (at, ana) => {
  let tried = 0
  await untouched(at, ana, async () => {
    for (const [event, good] of Object.entries(documented(at))) {
      for (const [name, fitting] of Object.entries(good)) {
        const isOptional = name === 'metadata'
        for (const value of isOptional ? wrongMetadata : wrongTexts(fitting)) {
          tried += 1
          const told = await errorTo(ana, JSON.stringify({ event, data: { ...good, [name]: value } }))
          assert.deepEqual([told['code'], fieldOf(told), told['request_event']], ['VALIDATION_ERROR', name, event])
          const { error } = told['details'] as { error: string }
          if (value === undefined) assert.equal(error, 'is required')
        }
        if (isOptional) continue
        // What is only inherited is not there.
        const rest = JSON.stringify({ ...good, [name]: undefined })
        const inherited = `{"__proto__":${JSON.stringify(good)}${rest === '{}' ? '}' : `,${rest.slice(1)}`}`
        assert.equal(fieldOf(await errorTo(ana, `{"event":"${event}","data":${inherited}}`)), name)
      }
    }
  })
  assert.ok(tried > 170, String(tried))
})

abuse('an id that is nobody’s is not found or refused by name, in every place', async (at, ana) => {
  await untouched(at, ana, async () => {
    for (const [event, good] of Object.entries(documented(at))) {
      for (const [name, id] of Object.entries(good).filter(([key]) => key.endsWith('_id'))) {
        const known = id as string
        for (const strange of [...strangeIds, known.toUpperCase(), `${known} `, `{${known}}`]) {
          const data = await errorTo(ana, JSON.stringify({ event, data: { ...good, [name]: strange } }))
          assert.equal(data['request_event'], event)
          if (data['code'] === 'NOT_FOUND') continue
          assert.deepEqual([data['code'], fieldOf(data)], ['VALIDATION_ERROR', name], strange)
        }
      }
    }
  })
})

abuse('ids of other people’s conversations and messages give no access and no hint', async (at, ana) => {
  const { conversationId, otherId, foreignId, messageId, foreignMessageId } = at
  await untouched(at, ana, async () => {
    for (const [event, good] of Object.entries(documented(at))) {
      if (event === 'user:status') continue
      await refused(ana, event, { ...good, conversation_id: foreignId }, 'FORBIDDEN')
      if (!('message_id' in good)) continue
      const answers = new Set<string>()
      for (const [conversation_id, message_id] of [
        [conversationId, foreignMessageId],
        [otherId, foreignMessageId],
        [otherId, messageId],
        [otherId, NOBODY],
        [conversationId, conversationId],
        [conversationId, at.ana.uuid],
      ]) {
        answers.add(JSON.stringify(await refused(ana, event, { conversation_id, message_id }, 'NOT_FOUND')))
      }
      assert.equal(answers.size, 1)
      // Of what is not theirs, one cannot find out which messages it has.
      const elsewhere = (message_id: string) => ({ conversation_id: foreignId, message_id })
      const theirs = await refused(ana, event, elsewhere(foreignMessageId), 'FORBIDDEN')
      assert.deepEqual(await refused(ana, event, elsewhere(NOBODY), 'FORBIDDEN'), theirs)
    }
  })
})

abuse('types, statuses and texts that the document does not know are refused by name', async (at, ana) => {
  const { 'message:send': good } = documented(at)
  await untouched(at, ana, async () => {
    const unknown = ['', 'TEXT', 'text ', 'system', 'video', '__proto__', 'toString', '\u0000', CANARY.repeat(1_000)]
    for (const type of unknown) {
      assert.equal(fieldOf(await refused(ana, 'message:send', { ...good, type }, 'INVALID_MESSAGE_TYPE')), 'type')
    }
    for (const status of ['', 'ONLINE', 'online ', 'typing', '__proto__', '\u0000', 'x'.repeat(30_000)]) {
      assert.equal(fieldOf(await refused(ana, 'user:status', { status }, 'VALIDATION_ERROR')), 'status')
    }
    const nothing = ['', ' ', '\n\t', '\u200b', '\u2060\ufeff', '\u202e', '\u0301', '\u2028']
    for (const content of [...nothing, '\u0000', `a\u0000${CANARY}`]) {
      const data = await refused(ana, 'message:send', { ...good, content }, 'VALIDATION_ERROR')
      assert.deepEqual([data['message'], fieldOf(data)], ['Invalid message content', 'content'])
    }
    const long = { ...good, content: CANARY.repeat(3_000) }
    assert.equal(fieldOf(await refused(ana, 'message:send', long, 'MESSAGE_TOO_LARGE')), 'content')
  })
})

abuse('D-L5 no more text is looked through than eight thousand characters, metadata and all', async (at, ana) => {
  const { 'message:send': good } = documented(at)
  const place = { ...good, type: 'location', content: '' }
  await untouched(at, ana, async () => {
    const long = { ...place, content: 'a '.repeat(4_001) }
    assert.equal(fieldOf(await refused(ana, 'message:send', long, 'MESSAGE_TOO_LARGE')), 'content')
    const notes = { ...place, metadata: { notes: Array.from({ length: 9 }, () => 'b '.repeat(500)) } }
    assert.equal(fieldOf(await refused(ana, 'message:send', notes, 'MESSAGE_TOO_LARGE')), 'metadata')
  })
  send(ana, 'message:send', { ...place, metadata: { note: 'b '.repeat(4_000) } })
  await ana.expect('message:new')
})

abuse(
  'D-L5 metadata has at most two hundred members, however nested; texts over REST have an end, too',
  async (at, ana) => {
    const { 'message:send': good } = documented(at)
    const path = `/api/dating/conversations/${at.conversationId}/messages`
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 1]))
    await untouched(at, ana, async () => {
      const list = Array.from({ length: 200 }, () => 1)
      for (const metadata of [many(201), many(2_500), { a: many(200) }, { a: list }, { a: [many(100), many(100)] }]) {
        const data = await refused(ana, 'message:send', { ...good, metadata }, 'VALIDATION_ERROR')
        assert.equal(fieldOf(data), 'metadata')
      }
      // More than a frame holds; over REST it comes in.
      send(ana, 'message:send', { ...good, metadata: many(10_000) })
      const frame = (await ana.next()) as unknown as DatingFrame
      assert.deepEqual([frame.data['code'], frame.data['request_event']], ['MESSAGE_TOO_LARGE', null])
      for (const [count, field] of [
        [9_990, 'metadata'],
        [10_010, 'frame'],
      ] as const) {
        const { status, body } = await at.ana.post(path, { ...good, metadata: many(count) })
        assert.deepEqual([status, body.error.code, Object.keys(body.error.details)], [400, 'VALIDATION_ERROR', [field]])
      }
      for (const content of [CANARY.repeat(10_000), CANARY.repeat(120_000)]) {
        const { status, body } = await at.ana.post(path, { ...good, content })
        assert.deepEqual([status, body.error.code], [413, 'MESSAGE_TOO_LARGE'])
      }
    })
    send(ana, 'message:send', { ...good, metadata: many(200) })
    await ana.expect('message:new')
  },
)
