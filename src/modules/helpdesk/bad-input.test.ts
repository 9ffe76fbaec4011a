import assert from 'node:assert/strict'
import { nested } from '../../testing/hostile.ts'
import {
  abuse, CANARY, checkRefused, documented, refused, untouched, withMembers, type Documented,
} from './bad-input/testing.ts'
import { everyone, type Data } from './testing.ts'

/** Events that are none, and arguments that are not what they should be: one fitting error each, and no trace. */

const wrongIds: readonly unknown[] = [
  true, [], {}, [1], { id: 1 }, '', ' ', 'abc', '01', '-1', '1.5', '1e3', '0x1', 'NaN', '99999999999', '\u0000',
  '1\u0000', '\ud800', '１', 0, -1, 1.5, 2 ** 31, 2 ** 53, 1e300,
]
const wrongObjects: readonly unknown[] = [true, 0, 7, '', 'x', '{}', [], [{}], [[]]]
const wrongTexts: readonly unknown[] = [0, 7, true, [], ['x'], {}, { toString: 'x' }]
const wrongChoices: readonly unknown[] = [
  '', 'ONLINE', 'text ', 'system', '__proto__', 'toString', '\u0000', '\ud800', CANARY,
]
const wrongFlags: readonly unknown[] = [0, 1, '', 'true', [], {}]
const wrongSizes: readonly unknown[] = ['1', -1, 1.5, 1e300, true, [], {}]
const choices = ['messageType', 'status', 'priority', 'callType']

function wrongFor(key: string, good: unknown): readonly unknown[] {
  if (key === 'fileSize') return wrongSizes
  if (key.endsWith('Id') && typeof good === 'number') return wrongIds
  if (typeof good === 'object') return wrongObjects
  if (typeof good === 'boolean') return wrongFlags
  return choices.includes(key) ? [...wrongTexts, ...wrongChoices] : wrongTexts
}

abuse('what is no event, and an event that is not there, is refused, whatever it is called', async (at, raw) => {
  await untouched(at, async () => {
    for (const json of [
      '[]', '[null]', '[7]', '[true]', '[["join_channel",1]]', '[{"event":"join_channel"}]',
      '[{"__proto__":["join_channel"]}]', '[}]', '[join_channel]', "['join_channel',1]", '["join_channel",]',
      '["join_channel",1]]', '["join_channel" 1]',
      '["join_channel",NaN]', '["join_channel",01]', '[\u0000]', '["\n"]', nested(2),
    ]) {
      const event = /^\["([^"]+)"/.exec(json)?.[1]
      await refused(raw, json, event)
    }
    for (const name of [
      '', ' ', 'JOIN_CHANNEL', 'join_channel ', 'chat:new_message', 'authenticated', 'connect', 'disconnect',
      'disconnecting', 'connect_error', 'error', 'newListener', 'removeListener', '__proto__', 'constructor',
      'toString', 'hasOwnProperty', 'presence:', 'presence:nothing', 'call:', 'call:incoming', '*', '%',
      '\u0000', '\ud800', '<b>', 'x'.repeat(100_000),
    ]) {
      const text = await refused(raw, JSON.stringify([name, { channelId: at.publicId }]), name)
      assert.match(text, /send one of join_channel, .+, call:ice_candidate \(INVALID\)$/)
    }
  })
})

abuse('each event without its argument, or with one of another kind, is refused as fits it', async (at, raw) => {
  await untouched(at, async () => {
    for (const [event, { argument }] of Object.entries(documented(at))) {
      if (event === 'presence:get_online_users') continue
      const scalars = event.endsWith('_channel') ? wrongIds : [...wrongTexts, ...wrongChoices]
      const wrong = typeof argument === 'object' ? [...wrongObjects, [argument]] : scalars
      const code = event === 'authenticate' ? 'UNAUTHENTICATED' : 'INVALID'
      for (const given of [undefined, null, ...wrong]) {
        // No argument at all, where there is none.
        await refused(raw, JSON.stringify(given === undefined ? [event] : [event, given]), event, code)
      }
      // What is behind the first argument is not looked for.
      await refused(raw, JSON.stringify([event, null, argument]), event, code)
    }
  })
})

abuse('each member of each argument that is missing or of another kind is refused by name', async (at, raw) => {
  let tried = 0
  await untouched(at, async () => {
    for (const [event, doc] of Object.entries(documented(at))) {
      if (typeof doc.argument !== 'object') continue
      for (const [key, good] of Object.entries(doc.argument as object)) {
        const isOptional = doc.optional?.includes(key) ?? false
        const none = isOptional || key === 'candidate' ? [] : [null]
        for (const value of [...none, ...wrongFor(key, good)]) {
          tried += 1
          const text = await refused(raw, withMembers(event, doc, { [key]: value }), event)
          assert.match(text, new RegExp(`[:;] ${key}[. ]`), `${event}.${key}: ${text}`)
        }
        if (isOptional) continue
        const absent: string = await refused(raw, withMembers(event, doc, { [key]: undefined }), event)
        const isText = event === 'chat:send_message' && key === 'message'
        assert.match(absent, isText ? /message must not be empty/ : new RegExp(`${key} is required`))
        // What is only inherited is not there.
        const rest = JSON.stringify({ ...(doc.argument as object), [key]: undefined }).slice(1)
        const proto = `"__proto__":${JSON.stringify(doc.argument)}`
        const inherited: string = `["${event}",{${proto}${rest === '}' ? '}' : `,${rest}`}]`
        assert.equal(await refused(raw, inherited, event), absent)
      }
    }
  })
  assert.ok(tried > 250, String(tried))
})

abuse('what is nested 33 or 20 000 deep, or has too many members, is refused before it is walked', async (at, raw) => {
  const deep = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  await untouched(at, async () => {
    for (const [event, { argument }] of Object.entries(documented(at))) {
      const start = typeof argument === 'object' ? `${JSON.stringify(argument).slice(0, -1)},` : '{'
      for (const inner of [nested(31), nested(20_000), deep(31), deep(10_000), '['.repeat(20_000)]) {
        const text = await refused(raw, `["${event}",${start}"a":${inner}}]`, event)
        assert.match(text, /must not be nested more than 32 deep/)
      }
      const many = await refused(raw, `["${event}",${start}"a":[${'0,'.repeat(10_001)}0]}]`, event)
      assert.match(many, /must not have more than 10000 members/)
      // In an argument that is not looked at, it would be read all the same.
      await refused(raw, `["${event}",${JSON.stringify(argument ?? null)},${nested(32)}]`, event)
    }
  })
  // 32 deep is relayed as it came.
  const { other, tabs } = at
  const offer: Data = JSON.parse(deep(30))
  const invitation = { targetUserId: other.id, callType: 'audio', offer }
  const { outcome } = await raw.ask(JSON.stringify(['call:invite', invitation]))
  assert.equal(outcome.ok, true, JSON.stringify(outcome))
  assert.deepEqual((await tabs.other.expect('call:incoming')).offer, offer)
  assert.equal((await raw.ask(JSON.stringify(['call:end', outcome]))).outcome.ok, true)
})

const POLLUTING =
  '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":"x","hasOwnProperty":1'

abuse('A8 keys that would be a prototype pollute nothing and reach nobody, in any event', async (at, raw) => {
  const { agent } = at.tabs
  for (const [event, doc] of Object.entries(documented(at))) {
    if (typeof doc.argument !== 'object') continue
    await raw.drained()
    await agent.drained()
    const json = JSON.stringify(doc.argument)
    // Beside what is documented, and within each object that is the client's own.
    const within = json.replaceAll(/(:\{)/g, `$1${POLLUTING},`)
    const { events } = await raw.ask(`["${event}",{${POLLUTING},${within.slice(1)}]`)
    await at.world.app.unitOfWork.settled()
    const heard: Data[] = [...events, ...(await raw.drained())]
    for (const person of everyone) heard.push(...(await at.tabs[person].drained()))
    // Every one of them has exactly the documented keys, or the test had failed already.
    for (const told of heard) {
      const text = JSON.stringify(told)
      assert.doesNotMatch(text, /__proto__/, event)
      if (!event.startsWith('call:')) assert.doesNotMatch(text, /polluted|toString|hasOwnProperty/, event)
    }
    if (event === 'call:invite') await raw.ask(JSON.stringify(['call:end', { targetUserId: at.other.id }]))
  }
  for (const json of [
    '["__proto__",{"polluted":1}]', '["join_channel",{"__proto__":1}]', `["presence:set_status",{${POLLUTING}}]`,
    '["chat:send_message",{"__proto__":{"channelId":1,"message":"x"}}]', `["authenticate",{${POLLUTING}}]`,
  ]) {
    const event = (JSON.parse(json) as [string])[0]
    await refused(raw, json, event, event === 'authenticate' ? 'UNAUTHENTICATED' : 'INVALID')
  }
  assert.deepEqual(Object.keys(Object.prototype), [])
  // It was renamed on the way.
  await at.agent.patch(`/api/helpdesk/channels/${at.publicId}`, { name: 'support' })
  await agent.drained()
})

abuse('A9 what the server sets itself cannot be set by a client', async (at, raw) => {
  const { customer, tabs, publicId: channelId } = at
  const forged = {
    id: 1, userId: at.admin.id, userDisplayName: 'admin', timestamp: '1970-01-01T00:00:00.000Z', from: 'admin',
    uploadedBy: at.admin.id, uploaderName: 'admin', updatedBy: at.admin.id, readAt: 'x', role: 'admin', callId: 'x',
    broadcastId: 'x', position: '1:1', reason: 'disconnect', connectionCount: 1_000,
  }
  await raw.ask(JSON.stringify(['chat:send_message', { ...forged, channelId, message: 'x', messageType: 'text' }]))
  const sent = await tabs.agent.expect('chat:new_message', { userId: customer.id, userDisplayName: 'customer' })
  assert.equal(sent.timestamp, new Date(at.world.clock.now()).toISOString())
  assert.notEqual(sent.id, 1)
  await raw.ask(JSON.stringify(['message_read', { ...forged, channelId, messageId: null }]))
  await tabs.agent.expect('message_read_receipt', { userId: customer.id, userDisplayName: 'customer' })
  await raw.ask(JSON.stringify(['update_presence', { ...forged, status: 'online' }]))
  await tabs.agent.expect('presence_updated', { userId: customer.id, reason: 'status_change' })
  await tabs.agent.expect('presence:update', { userId: customer.id, connectionCount: 2 })
})

abuse('NUL is refused wherever text is kept; half a character is made whole first', async (at, raw) => {
  const { tabs, publicId: channelId } = at
  const fresh = { channelId, message: '', messageType: 'file' }
  const messageId = (await raw.ask(JSON.stringify(['chat:send_message', fresh]))).outcome.message.id
  await tabs.agent.expect('chat:new_message')
  const docs = documented({ ...at, fileMessageId: messageId })
  for (const person of everyone) await tabs[person].drained()
  await untouched(at, async () => {
    for (const [event, key] of [
      ['chat:send_message', 'message'], ['update_presence', 'statusMessage'], ['update_presence', 'customStatus'],
      ['file_uploaded', 'fileName'], ['file_uploaded', 'fileType'],
    ] as const) {
      for (const text of ['\u0000', `a\u0000${CANARY}`]) {
        const told = await refused(raw, withMembers(event, docs[event] as Documented, { [key]: text }), event)
        assert.match(told, new RegExp(`${key} must`), event)
      }
    }
    await refused(raw, withMembers('file_uploaded', docs['file_uploaded']!, { fileName: 'a\ud800' }), 'file_uploaded')
    assert.equal((await tabs.admin.ask('system_broadcast', { message: 'a\u0000' })).code, 'INVALID')
    await tabs.admin.expect('broadcast:error')
    for (const changes of [{ name: 'a\u0000' }, { description: 'a\u0000' }, { topic: 'a\u0000' }]) {
      assert.equal((await tabs.agent.ask('channel_updated', { channelId, changes })).code, 'INVALID')
      await tabs.agent.expect('chat:error')
    }
  })
  for (const half of ['\ud800', 'a\udc00b', '\udc00\ud800']) {
    const whole = half.toWellFormed()
    const { outcome } = await raw.ask(JSON.stringify(['chat:send_message', { channelId, message: half }]))
    assert.equal(outcome.message.message, whole)
    await tabs.agent.expect('chat:new_message', { message: whole })
    const kept = await at.customer.get(`/api/helpdesk/messages/${outcome.message.id}`)
    assert.equal(kept.body.message, whole)
    const presence = { status: 'away', statusMessage: half, customStatus: half }
    const set = (await raw.ask(JSON.stringify(['update_presence', presence]))).outcome.presence
    assert.deepEqual([set.statusMessage, set.customStatus], [whole, whole])
    await tabs.agent.expect('presence_updated', { statusMessage: whole, customStatus: whole })
    await tabs.agent.expect('presence:update')
    await tabs.admin.done('system_broadcast', { message: half })
    await tabs.agent.expect('system_broadcast_received', { message: whole })
    await raw.drained()
  }
})

abuse('further arguments are ignored; a callback is answered once, and only where there is one', async (at, raw) => {
  const { publicId: channelId, tabs } = at
  const more = [1, 'x', null, { channelId: at.privateId }, [1]]
  for (const [event, { argument }] of Object.entries(documented(at))) {
    const isList = event === 'presence:get_online_users'
    const { outcome } = await raw.ask(JSON.stringify([event, ...(isList ? [] : [argument]), ...more]))
    assert.equal(Array.isArray(outcome), isList, event)
    assert.equal(typeof outcome.ok, isList ? 'undefined' : 'boolean', event)
    await raw.drained()
    // Without a callback nothing but the document's own events comes.
    raw.emit(JSON.stringify(isList ? [event] : [event, argument]))
    await raw.drained()
    assert.equal(raw.unasked, 0, event)
    if (event === 'call:invite') await raw.ask(JSON.stringify(['call:end', { targetUserId: at.other.id }]))
  }
  // The document's own callback may be left out: then there is no answer at all.
  raw.emit('["presence:get_online_users"]')
  assert.deepEqual(await raw.drained(), [])
  // Numbers of acknowledgements that are strange come back as they were; the same one twice is answered twice.
  for (const number of ['0', '9007199254740991']) {
    raw.packet(`42${number}["chat:typing",{"channelId":${channelId}}]`)
    checkRefused(await raw.answer(number), 'chat:typing', 'INVALID')
  }
  for (const person of everyone) await tabs[person].drained()
  await at.agent.patch(`/api/helpdesk/channels/${channelId}`, { name: 'support' })
  await tabs.agent.drained()
})
