import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { helpdeskSettings } from '../../config-helpdesk.ts'
import { readConfig } from '../../config.ts'
import { Raw, type Answered } from './bad-input/raw.ts'
import { checkRefused, documented, stage, type Stage } from './bad-input/testing.ts'
import { eventually, pass } from './testing-sockets.ts'
import { everyone, expectEvents, made } from './testing.ts'

/** H-L1 and H-L3 on both sides of each edge, and what floods cost others: nothing. */

const FRAMES = 60
const JOINED = 5
const MINUTE = 60_000

let at: Stage
before(async () => {
  const limits = { helpdeskMessagesPerMinute: 120, helpdeskStatusesPerMinute: 30, helpdeskCallsPerMinute: 20 }
  const config = { helpdeskFramesPerMinute: 0, ...limits, helpdeskJoinedChannels: JOINED, helpdeskWritesPerMinute: 0 }
  at = await stage({ config })
})
after(() => at?.close())

const json = (...event: readonly [string, unknown?]): string =>
  JSON.stringify(event.filter((part) => part !== undefined))
const say = (raw: Raw, message: string): Promise<Answered> =>
  raw.ask(json('chat:send_message', { channelId: at.publicId, message }))

/** The windows of all people are empty, and nobody is told anything more. */
async function rested(): Promise<void> {
  await pass(at, MINUTE)
  for (const person of everyone) await at.tabs[person].drained()
}

test('H-L1 H-L2 H-L3 the limits are those of PROTOCOL.md where nothing else is set', () => {
  const settings = helpdeskSettings(readConfig({}))
  const { frames, messages, statuses, calls } = settings
  assert.deepEqual([frames, messages, statuses, calls].map(({ limit, perMs }) => [limit, perMs]), [
    [1_200, MINUTE],
    [120, MINUTE],
    [30, MINUTE],
    [20, MINUTE],
  ])
  const { maxFrameBytes, messageCharacters, broadcastCharacters, statusCharacters, joinedChannels } = settings
  assert.deepEqual([maxFrameBytes, messageCharacters, broadcastCharacters], [131_072, 10_000, 2_000])
  assert.deepEqual([statusCharacters, joinedChannels], [140, 200])
})

test('H-L1 120 messages of a person in a minute, on whichever tab or door; of others it takes nothing', async () => {
  const { world, customer, tabs, publicId: channelId, fileMessageId: messageId } = at
  await rested()
  const mine = [await Raw.open(world.url, customer.token), await Raw.open(world.url, customer.token)]
  const rest = `/api/helpdesk/channels/${channelId}/messages`
  const announce = json('file_uploaded', { channelId, fileName: 'a.txt', fileSize: 1, fileType: '', messageId })
  for (let n = 0; n < 118; n += 1) assert.equal((await say(mine[n % 2]!, 'x')).outcome.ok, true, String(n))
  await made(customer, rest, { message: 'by post' })
  assert.equal((await mine[0]!.ask(announce)).outcome.ok, true)
  const answers = async (): Promise<readonly string[]> => {
    for (const raw of mine) await raw.drained()
    const { status, body, headers } = await customer.post(rest, { message: 'x' })
    assert.equal(status, 429)
    assert.deepEqual([body.error.code, headers.get('retry-after')], ['RATE_LIMITED', String(body.error.retry_after)])
    const over = [await say(mine[0]!, 'x'), await say(mine[1]!, 'x'), await mine[1]!.ask(announce)]
    return over.map((answered) => checkRefused(answered, 'chat:send_message', 'RATE_LIMITED'))
  }
  for (const text of await answers()) assert.match(text, /sending messages too fast; try again in 60 s/)
  await tabs.agent.done('chat:send_message', { channelId, message: 'mine' })
  await world.advance(MINUTE - 1)
  for (const text of await answers()) assert.match(text, /try again in 1 s/)
  await world.advance(1)
  for (const raw of mine) {
    assert.equal((await say(raw, 'again')).outcome.ok, true)
    await raw.close()
  }
  const heard = (await tabs.agent.drained()).filter(([name]) => !name.startsWith('presence'))
  const names = heard.map(([name]) => name)
  assert.deepEqual(names.filter((name) => name === 'chat:new_message').length, 119 + 1 + 2)
  assert.deepEqual(names.filter((name) => name === 'file_upload_notification').length, 1)
})

test('H-L1 30 changes of status and 20 calls of a person in a minute, on whichever door', async () => {
  const { world, customer, other, tabs } = at
  await rested()
  const raw = await Raw.open(world.url, customer.token)
  const set = json('presence:set_status', 'busy')
  for (let n = 0; n < 28; n += 1) assert.equal((await raw.ask(set)).outcome.ok, true)
  assert.equal((await raw.ask(json('update_presence', { status: 'online' }))).outcome.ok, true)
  assert.equal((await customer.put('/api/helpdesk/status', { status: 'away' })).status, 200)
  await raw.drained()
  const overStatus = async (seconds: number): Promise<void> => {
    const doors = [['presence:set_status', 'busy'], ['update_presence', { status: 'busy' }]] as const
    for (const [event, argument] of doors) {
      const text = checkRefused(await raw.ask(json(event, argument)), event, 'RATE_LIMITED')
      assert.match(text, new RegExp(`your status too often; try again in ${seconds} s`))
    }
    assert.equal((await customer.put('/api/helpdesk/status', { status: 'busy' })).status, 429)
  }
  await overStatus(60)
  const invitation = json('call:invite', { targetUserId: other.id, callType: 'audio', offer: {} })
  for (let n = 0; n < 20; n += 1) {
    const { outcome } = await raw.ask(invitation)
    assert.equal(outcome.ok, true)
    assert.equal((await raw.ask(json('call:end', outcome))).outcome.ok, true)
  }
  const overCalls = async (): Promise<void> => {
    const answered = await raw.ask(invitation)
    checkRefused(answered, 'call:invite', 'RATE_LIMITED')
    // The client stops ringing.
    assert.deepEqual(answered.events.map(([name]) => name), ['call:rejected', 'chat:error'])
  }
  await overCalls()
  const rings = (await tabs.other.drained()).filter(([name]) => name === 'call:incoming')
  assert.equal(rings.length, 20)
  await tabs.agent.done('presence:set_status', 'busy')
  await world.advance(MINUTE - 1)
  await raw.drained()
  await overStatus(1)
  await overCalls()
  await world.advance(1)
  await raw.drained()
  assert.equal((await raw.ask(set)).outcome.ok, true)
  const { outcome } = await raw.ask(invitation)
  assert.equal((await raw.ask(json('call:end', outcome))).outcome.ok, true)
  await raw.close()
})

test('H-L3 10 000 code points of a message, 2 000 of a broadcast, 140 of a status, and not one more', async () => {
  const { world, customer, admin, tabs, publicId: channelId } = at
  await rested()
  const raw = await Raw.open(world.url, customer.token)
  const boss = await Raw.open(world.url, admin.token)
  const text = (length: number) => ['x', '😀'].map((one) => one.repeat(length))
  const cases: readonly (readonly [Raw, string, number, string, object])[] = [
    [raw, 'chat:send_message', 10_000, 'message', { channelId }],
    [boss, 'system_broadcast', 2_000, 'message', {}],
    [raw, 'update_presence', 140, 'statusMessage', {}],
    [raw, 'update_presence', 140, 'customStatus', {}],
  ]
  for (const [by, event, most, key, rest] of cases) {
    for (const fits of text(most)) {
      assert.equal((await by.ask(json(event, { ...rest, [key]: fits }))).outcome.ok, true, event)
      await by.drained()
    }
    for (const long of text(most + 1)) {
      await by.drained()
      const told = checkRefused(await by.ask(json(event, { ...rest, [key]: long })), event, 'INVALID')
      assert.match(told, new RegExp(`${key} must not have more than ${most} characters`))
    }
  }
  const got = (await tabs.agent.drained()).map(([name]) => name)
  assert.equal(got.filter((name) => name === 'chat:new_message').length, 2)
  assert.equal(got.filter((name) => name === 'system_broadcast_received').length, 2)
  for (const one of [raw, boss]) await one.close()
})

test('H-L3 one connection joins so many channels and no more; what it has joined, it may join again', async () => {
  const { world, agent, customer } = at
  await rested()
  const raw = await Raw.open(world.url, customer.token)
  const channels: number[] = []
  for (let n = 0; n <= JOINED; n += 1) {
    channels.push((await made(agent, '/api/helpdesk/channels', { name: `c ${n}` })).id)
  }
  const join = (id: number): Promise<Answered> => raw.ask(json('join_channel', id))
  for (const id of channels.slice(0, JOINED)) assert.equal((await join(id)).outcome.ok, true)
  const last = channels[JOINED]!
  const text = checkRefused(await join(last), 'join_channel', 'CONFLICT')
  assert.match(text, /has joined 5 channels; leave one first/)
  assert.equal((await join(channels[0]!)).outcome.ok, true)
  const other = await Raw.open(world.url, customer.token)
  assert.equal((await other.ask(json('join_channel', last))).outcome.ok, true)
  await raw.ask(json('leave_channel', channels[0]))
  await raw.drained()
  assert.equal((await join(last)).outcome.ok, true)
  // All at once, too.
  await raw.ask(json('leave_channel', last))
  await raw.drained()
  const asked = [last, channels[0]!].map((id) => raw.request(json('join_channel', id)))
  const codes: unknown[] = []
  for (const number of asked) codes.push((await raw.answer(number)).outcome.code)
  assert.deepEqual(codes, [undefined, 'CONFLICT'])
  for (const one of [raw, other]) await one.close()
})

test('everything a person had in memory is gone with their last connection', async () => {
  const { world } = at
  for (const person of everyone) at.tabs[person].close()
  await eventually(() => world.app.hub.connections.size === 0, 'the end of all connections')
  await world.advance(2 * MINUTE)
  await world.app.unitOfWork.settled()
  for (const [name, left] of Object.entries(world.app.hub.leftovers)) assert.equal(left, 0, name)
})

test('H-L1 a minute of each event at the limit passes, the next is refused as fits; a flood is cut', async () => {
  const small = await stage({ config: { helpdeskFramesPerMinute: FRAMES } })
  const { world, customer, publicId } = small
  try {
    for (const [event, { argument }] of Object.entries(documented(small))) {
      const raw = await Raw.open(world.url, customer.token)
      // The token was a command, too.
      for (let n = 1; n < FRAMES; n += 1) {
        const { events } = await raw.ask(json(event, argument))
        assert.ok(!events.some(([, text]) => /Too many requests/.test(String(text))), event)
      }
      raw.events.length = 0
      const over = checkRefused(await raw.ask(json(event, argument)), event, 'RATE_LIMITED')
      assert.match(over, /^Too many requests; try again in 60 s/)
      // Another of the same person has its own.
      const second = await Raw.open(world.url, customer.token)
      assert.equal((await second.ask('["leave_channel",1]')).outcome.ok, true)
      await second.close()
      await raw.close()
    }
    const patient = await Raw.open(world.url, customer.token)
    for (let n = 1; n < FRAMES; n += 1) await patient.ask('["leave_channel",2]')
    const late = await Raw.open(world.url, customer.token)
    for (let n = 1; n < FRAMES; n += 1) await late.ask('["leave_channel",2]')
    await world.advance(MINUTE - 1)
    checkRefused(await late.ask('["leave_channel",2]'), 'leave_channel', 'RATE_LIMITED')
    await world.advance(1)
    assert.equal((await patient.ask('["leave_channel",2]')).outcome.ok, true)
    for (const one of [patient, late]) await one.close()
    await flooded(small, publicId)
  } finally {
    await small.close()
  }
})

/** Ten times what is let through is refused, slowly; what is beyond that is cut, and the others have not noticed. */
async function flooded(small: Stage, channelId: number): Promise<void> {
  const { world, customer, tabs } = small
  for (const person of everyone) await tabs[person].drained()
  const raw = await Raw.open(world.url, customer.token)
  const ticking = setInterval(() => world.clock.advance(50), 1)
  try {
    for (let n = 0; n < FRAMES * 20; n += 1) raw.emit('["chat:typing",{"channelId":0}]')
    await tabs.agent.done('chat:send_message', { channelId, message: 'meanwhile' })
    await raw.ended()
  } finally {
    clearInterval(ticking)
  }
  const errors = raw.events.filter(([name]) => name === 'chat:error')
  assert.ok(errors.length >= FRAMES * 10 && errors.length <= FRAMES * 12, String(errors.length))
  await expectEvents(small, { agent: ['chat:new_message'], other: ['chat:new_message'] })
}
