import assert from 'node:assert/strict'
import { nested } from '../../testing/hostile.ts'
import { seeded, type Random } from '../../testing/random.ts'
import { Raw } from './bad-input/raw.ts'
import { abuse, CANARY, checkRefused, documented, refused, untouched } from './bad-input/testing.ts'
import { errorEventOf } from './failures.ts'
import { everyone } from './testing.ts'

/** Packets that are too large, binary or broken, commands by the thousand, and random ones. */

const LIMIT = 131_072

/** An event of exactly that many bytes of UTF-8. */
function sized(event: string, argument: object, bytes: number, filler = 'x'): string {
  const empty = JSON.stringify([event, { ...argument, pad: '' }])
  const room = bytes - Buffer.byteLength(empty)
  const each = Buffer.byteLength(filler)
  const pad = filler.repeat(Math.floor(room / each)) + 'x'.repeat(room % each)
  return JSON.stringify([event, { ...argument, pad }])
}

abuse('H-L2 131 072 bytes of a command are read; one more is refused, and 1 MB no worse', async (at, raw) => {
  const message = { channelId: at.publicId, message: 'fits' }
  for (const filler of ['x', 'é', '😀']) {
    const { outcome } = await raw.ask(sized('chat:send_message', message, LIMIT, filler))
    assert.equal(outcome.ok, true, JSON.stringify(outcome))
    await at.tabs.agent.expect('chat:new_message', { message: 'fits' })
  }
  for (const person of everyone) await at.tabs[person].drained()
  await untouched(at, async () => {
    for (const event of [...Object.keys(documented(at)), 'no_such_event']) {
      for (const bytes of [LIMIT + 1, 1_000_000]) {
        const { events, outcome } = await raw.ask(sized(event, { channelId: at.publicId, message: CANARY }, bytes))
        assert.deepEqual([events.length, events[0]![0]], [1, errorEventOf(event)], event)
        // Its callback takes a list and nothing else.
        if (event === 'presence:get_online_users') assert.deepEqual(outcome, [])
        else assert.equal(outcome.code, 'TOO_LARGE', event)
        assert.match(String(events[0]![1]), /must not be over 131072 bytes \(TOO_LARGE\)$/)
      }
    }
    for (const filler of ['é', '😀']) {
      checkRefused(await raw.ask(sized('chat:typing', {}, LIMIT + 1, filler)), 'chat:typing', 'TOO_LARGE')
    }
  })
})

abuse('H-L2 16 times as much, and what breaks the protocol, ends its own connection and no other', async (at, raw) => {
  const { world, customer } = at
  const ending = async (send: (other: Raw) => void): Promise<void> => {
    const other = await Raw.open(world.url, customer.token)
    send(other)
    await other.ended()
  }
  await ending((other) => other.emit(sized('chat:typing', {}, 16 * LIMIT + 1)))
  for (const packet of [
    '9', '4', '4x', '47', '42', '42{}', '42"x"', '42[', '42]', '42["join_channel",1', '42/elsewhere,["join_channel",1]',
    '4299999999999999999999["join_channel",1]', '45["x"]', '450-["x"]', '4511-["x"]', '45-["x"]', '41[]', '40{', '4/',
  ]) {
    await ending((other) => other.packet(packet))
  }
  // An attachment is promised, and a text comes.
  await ending((other) => {
    other.packet('451-["file_uploaded",{"_placeholder":true,"num":0}]')
    other.emit('["join_channel",1]')
  })
  await ending((other) => other.packet(Buffer.from([1, 2, 3])))
  // A promise that is not kept costs its own connection nothing but that; it goes when the client does.
  const waiting = await Raw.open(world.url, customer.token)
  waiting.packet('451-["file_uploaded",{"_placeholder":true,"num":0}]')
  await waiting.close()
  // The client's own acknowledgements are of nothing that was asked.
  raw.packet('431["x"]')
  raw.packet(`436${nested(20_000)}`)
  await world.advance(2_100)
  for (const person of everyone) await at.tabs[person].drained()
})

abuse('binary attachments are refused in words, whatever event they are of', async (at, raw) => {
  await untouched(at, async () => {
    for (const event of Object.keys(documented(at))) {
      const placeholder = '{"_placeholder":true,"num":0}'
      raw.packet(`451-["${event}",${placeholder}]`)
      raw.packet(Buffer.from(CANARY))
      const events = await raw.drained()
      assert.equal(events.length, 1, event)
      assert.match(String(events[0]![1]), /binary frames are not accepted \(INVALID\)$/)
    }
    raw.packet('452-["chat:send_message",{"a":{"_placeholder":true,"num":0},"b":{"_placeholder":true,"num":1e9}}]')
    for (let n = 0; n < 2; n += 1) raw.packet(Buffer.alloc(100_000))
    assert.equal((await raw.drained()).length, 1)
    // Words in place of an attachment are an argument like any other.
    await refused(raw, '["chat:send_message",{"_placeholder":true,"num":0}]', 'chat:send_message')
  })
})

abuse('10 000 joins in one burst are each answered, while others are served, and are one joining', async (at, raw) => {
  const { world, tabs, publicId } = at
  const ticking = setInterval(() => world.clock.advance(50), 1)
  try {
    const numbers: string[] = []
    for (let n = 0; n < 10_000; n += 1) numbers.push(raw.request(`["join_channel",${publicId}]`))
    await tabs.agent.done('chat:send_message', { channelId: at.internalId, message: 'meanwhile' })
    const told = { user_joined: 0, 'chat:error': 0 }
    const answered = { ok: 0, RATE_LIMITED: 0 }
    for (const number of numbers) {
      const { events, outcome } = await raw.answer(number)
      for (const [name] of events) told[name as keyof typeof told] += 1
      answered[(outcome.code ?? 'ok') as keyof typeof answered] += 1
    }
    // More than a thousand do not wait for each other.
    assert.deepEqual(told, { user_joined: answered.ok, 'chat:error': answered.RATE_LIMITED })
    assert.equal(answered.ok + answered.RATE_LIMITED, 10_000)
    assert.ok(answered.ok >= 1_000, JSON.stringify(answered))
  } finally {
    clearInterval(ticking)
  }
  const told = (await tabs.agent.drained()).filter(([name]) => name === 'user_joined')
  assert.deepEqual(told.length, 1)
  const { outcome } = await raw.ask(`["leave_channel",${publicId}]`)
  assert.equal(outcome.left, true)
  await tabs.agent.expect('user_left', { reason: 'leave' })
})

/** Text, numbers, lists and objects as nobody writes them, and now and then what is documented. */
function anything(random: Random, good: unknown, depth = 0): unknown {
  const strings = [
    '', 'x', '1', '-1', '\u0000', '\ud800', '__proto__', 'constructor', 'a'.repeat(300), CANARY, '😀', 'online',
  ]
  const numbers = [0, -0, 1, 2, 3, -1, 0.5, 2 ** 31 - 1, 2 ** 31, 2 ** 53, -1e300, 1e300]
  switch (random.int(depth > 4 ? 4 : 8)) {
    case 0:
      return random.pick(strings)
    case 1:
      return random.pick(numbers)
    case 2:
      return random.pick([null, true, false])
    case 3:
      return good
    case 4:
      return Array.from({ length: random.int(4) }, () => anything(random, good, depth + 1))
    case 5:
      return Object.fromEntries(
        Array.from({ length: random.int(4) }, () => [random.pick(strings), anything(random, good, depth + 1)]),
      )
    default: {
      if (typeof good !== 'object' || good === null) return anything(random, good, depth + 1)
      const members = Object.entries(good).map(([key, value]) => {
        return [key, random.int(3) > 0 ? value : anything(random, value, depth + 1)]
      })
      return Object.fromEntries(members.filter(() => random.int(10) > 0))
    }
  }
}

abuse('random JSON in random events: one acknowledgement for each, and no connection ends', async (at, raw) => {
  const random = seeded()
  const { world, tabs } = at
  const docs = Object.entries(documented(at))
  const about = `SEED=${random.seed}`
  let accepted = 0
  for (let n = 0; n < 1_500; n += 1) {
    const [event, { argument }] = random.pick(docs)
    const name = random.int(20) === 0 ? anything(random, event) : event
    const args = Array.from({ length: random.int(8) === 0 ? random.int(4) : 1 }, () => anything(random, argument))
    const json = JSON.stringify([name, ...args])
    const asked = `${about} ${json.slice(0, 300)}`
    const { events, outcome } = await raw.ask(json).catch((error: unknown) => assert.fail(`${asked}: ${String(error)}`))
    const errors = events.filter(([told]) => told.endsWith(':error'))
    const isList = Array.isArray(outcome)
    assert.ok(errors.length <= 1, asked)
    if (isList) assert.equal(name, 'presence:get_online_users', asked)
    else assert.equal(outcome.ok, errors.length === 0, asked)
    if (errors.length === 1) assert.match(String(errors[0]![1]), /^[A-Z][^]+ \([A-Z_]+\)$/, asked)
    accepted += errors.length === 0 ? 1 : 0
    // Calls must not only be refused because there is one.
    if (n % 50 === 0) await raw.ask(JSON.stringify(['call:end', { targetUserId: at.other.id }]))
  }
  assert.ok(accepted > 100 && accepted < 1_400, `${about}: ${accepted}`)
  assert.equal(raw.unasked, 0)
  await raw.ask(JSON.stringify(['call:end', { targetUserId: at.other.id }]))
  await raw.ask(JSON.stringify(['leave_channel', at.publicId]))
  await raw.drained()
  // Each of what others were told is an event of the document.
  for (const person of everyone) await tabs[person].drained()
  await world.app.unitOfWork.settled()
})
