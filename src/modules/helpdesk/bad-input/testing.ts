import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkLog } from '../../../testing/hostile.ts'
import { storedRows } from '../../../testing/rows.ts'
import { Shared } from '../../../testing/shared.ts'
import type { WorldOptions } from '../../../testing/world.ts'
import { everyone, joinAll, scene, type Data, type Scene } from '../testing.ts'
import type { ErrorEvent } from '../wire.ts'
import { Raw, type Answered } from './raw.ts'

/**
 * What a broken or hostile client may send as one of the events, on the wire itself. The customer sends it; the agent,
 * who has joined too, is the control: after each test they get the next message, and nothing came before it.
 */
export interface Stage extends Scene {
  /** From the agent to the public channel. */
  readonly messageId: number
  /** From the customer, with a file to come. */
  readonly fileMessageId: number
}

/** In what is sent, and in no line of the log and no error. */
export const CANARY = 'quincejam'
/** Well formed, and nobody's. */
export const NOBODY = 2_000_000_000
export const NO_CALL = '00000000-0000-4000-8000-000000000000'

export const unlimited = {
  helpdeskFramesPerMinute: 0,
  helpdeskMessagesPerMinute: 0,
  helpdeskStatusesPerMinute: 0,
  helpdeskCallsPerMinute: 0,
}

export async function stage(options: WorldOptions = {}): Promise<Stage> {
  const at = await scene({ ...options, config: { ...unlimited, ...options.config } })
  const { agent, customer } = at.tabs
  const { publicId: channelId } = at
  const sent = async (tab: typeof agent, messageType: string): Promise<number> =>
    (await tab.done('chat:send_message', { channelId, message: 'x', messageType })).message.id
  const messageId = await sent(agent, 'text')
  const fileMessageId = await sent(customer, 'file')
  await joinAll(at, channelId, ['agent', 'other'])
  return { ...at, messageId, fileMessageId }
}

const stages = new Shared<Stage>((at) => at.close())

/** A test of one abuse, over a connection of its own; the stage is that of all tests of the file. */
export function abuse(name: string, run: (at: Stage, raw: Raw) => Promise<void>): void {
  stages.watch()
  void test(name, async () => {
    const at = await stages.get('', () => stage())
    const raw = await Raw.open(at.world.url, at.customer.token)
    try {
      await raw.drained()
      for (const person of everyone) await at.tabs[person].drained()
      await run(at, raw)
      assert.ok(!raw.closed)
      await works(at, raw)
    } finally {
      await raw.close()
    }
  })
}

/** The server goes on, for both of the two, and the log has kept what is theirs. */
export async function works(at: Stage, raw: Raw): Promise<void> {
  const { world, tabs, publicId: channelId } = at
  const message = 'the control'
  const { outcome, events } = await raw.ask(JSON.stringify(['chat:send_message', { channelId, message }]))
  assert.equal(outcome.ok, true, JSON.stringify(outcome))
  assert.deepEqual(events.map(([name]) => name), ['chat:new_message'])
  await tabs.agent.expect('chat:new_message', { message })
  await tabs.agent.expectNothing()
  assert.equal(raw.unasked, 0)
  checkLog(world, [at.admin, at.agent, at.customer, at.other])
  assert.ok(!world.log.some((line) => line.includes(CANARY)))
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
}

/** Of each event: its documented argument, and what of it may be missing. */
export interface Documented {
  readonly argument: unknown
  readonly optional?: readonly string[]
}

export function documented(at: Stage): Readonly<Record<string, Documented>> {
  const { publicId: channelId, messageId, fileMessageId } = at
  const targetUserId = at.other.id
  return {
    authenticate: { argument: at.customer.token },
    join_channel: { argument: channelId },
    leave_channel: { argument: channelId },
    'chat:send_message': {
      argument: { channelId, message: CANARY, messageType: 'text', replyToId: messageId, clientId: 'c-1' },
      optional: ['messageType', 'replyToId', 'clientId'],
    },
    message_read: { argument: { channelId, messageId }, optional: ['messageId'] },
    'chat:typing': { argument: { channelId, isTyping: true } },
    update_presence: {
      argument: { status: 'busy', statusMessage: CANARY, customStatus: CANARY },
      optional: ['status', 'statusMessage', 'customStatus'],
    },
    'presence:set_status': { argument: 'online' },
    'presence:get_online_users': { argument: undefined },
    file_uploaded: {
      argument: { channelId, fileName: CANARY, fileSize: 1, fileType: 'image/png', messageId: fileMessageId },
      optional: ['fileType'],
    },
    system_broadcast: { argument: { message: CANARY, priority: 'low' }, optional: ['priority'] },
    channel_updated: { argument: { channelId, changes: { name: CANARY } } },
    'call:invite': { argument: { targetUserId, callType: 'audio', offer: { type: 'offer', sdp: CANARY } } },
    'call:accept': { argument: { callId: NO_CALL, answer: { sdp: CANARY } } },
    'call:reject': { argument: { callId: NO_CALL, targetUserId }, optional: ['callId', 'targetUserId'] },
    'call:end': { argument: { callId: NO_CALL, targetUserId }, optional: ['callId', 'targetUserId'] },
    'call:ice_candidate': { argument: { targetUserId, candidate: { candidate: CANARY } } },
  }
}

export const errorEventFor = (event: unknown): ErrorEvent => {
  if (event === 'authenticate') return 'auth:error'
  if (event === 'system_broadcast') return 'broadcast:error'
  return event === 'update_presence' || String(event).startsWith('presence:') ? 'presence:error' : 'chat:error'
}

/** The one error that answers a command, by event and acknowledgement in the same words. @returns its text */
export function checkRefused({ events, outcome }: Answered, event: unknown, code: string): string {
  const told = event === 'call:invite' ? events.filter(([name]) => name !== 'call:rejected') : events
  const about = `${String(event)}: ${JSON.stringify({ events, outcome }).slice(0, 400)}`
  assert.equal(told.length, 1, about)
  const [name, text] = told[0] as [string, string]
  assert.equal(name, errorEventFor(event), about)
  assert.match(text, new RegExp(`^[A-Z].{3,600} \\(${code}\\)$`), about)
  if (event === 'presence:get_online_users') assert.deepEqual(outcome, [])
  else assert.deepEqual(outcome, { ok: false, code, error: text }, about)
  // What was to be said is in no error, nor is anything of our inside.
  assert.ok(!text.includes(CANARY), about)
  assert.doesNotMatch(text, /node_modules|\.ts\b|sqlite|typebox|SyntaxError|position \d|helpdesk_/i)
  return text
}

export async function refused(raw: Raw, json: string, event: unknown, code = 'INVALID'): Promise<string> {
  return checkRefused(await raw.ask(json), event, code)
}

/** Refused without a trace, and told to nobody else. */
export async function untouched(at: Stage, run: () => Promise<void>): Promise<void> {
  const before = storedRows(at.world, /^helpdesk_|^event_log/)
  await run()
  for (const person of everyone) await at.tabs[person].expectNothing()
  assert.deepEqual(storedRows(at.world, /^helpdesk_|^event_log/), before)
}

/** The event, with members of its argument in place of the documented ones. */
export const withMembers = (event: string, { argument }: Documented, members: Data): string =>
  JSON.stringify([event, { ...(argument as object), ...members }])
