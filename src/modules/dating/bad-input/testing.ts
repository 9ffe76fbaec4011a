import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '../../../testing/client.ts'
import { checkLog } from '../../../testing/hostile.ts'
import { storedRows } from '../../../testing/rows.ts'
import { Shared } from '../../../testing/shared.ts'
import type { WorldOptions } from '../../../testing/world.ts'
import {
  checkFrame,
  connect,
  drained,
  join,
  match,
  say,
  scene,
  send,
  type DatingFrame,
  type Scene,
} from '../testing.ts'

/**
 * What a hostile or broken client may send as one of the eight events, over real sockets. Ana sends it; Ben, who has
 * joined, is the control: after each test he gets the next message, and nothing undocumented came before it.
 */
export interface Stage extends Scene {
  /** Of Ana and Cleo. */
  readonly otherId: string
  /** Of Ben and Cleo. */
  readonly foreignId: string
  /** From Ben to Ana. */
  readonly messageId: string
  readonly foreignMessageId: string
  readonly control: Client
}

/** Well formed, and nobody's. */
export const NOBODY = '00000000-0000-4000-8000-000000000000'
/** In what is sent, and in no line of the log and no error. */
export const CANARY = 'quincejam'

const unlimited = {
  datingFramesPerMinute: 0,
  datingMessagesPerMinute: 0,
  datingMessagesPerHour: 0,
  datingMessagesPerDay: 0,
  datingTypingPerMinute: 0,
  datingConnectionsPerMinute: 0,
  datingWritesPerMinute: 0,
}

export async function stage(options: WorldOptions = {}): Promise<Stage & AsyncDisposable> {
  const at = await scene({ ...options, config: { ...unlimited, ...options.config } })
  const { world, ana, ben, cleo, conversationId } = at
  const [otherId, foreignId] = [await match(ana, cleo), await match(ben, cleo)]
  const { id: messageId } = await say(ben, conversationId, 'from ben')
  const { id: foreignMessageId } = await say(cleo, foreignId, 'not for ana')
  const control = await connect(world, ben)
  await join(control, conversationId)
  const close = () => world.close()
  return { ...at, otherId, foreignId, messageId, foreignMessageId, control, [Symbol.asyncDispose]: close }
}

const stages = new Shared<Stage>((at) => at.world.close())

/** A test of one abuse, over a connection of its own; the stage is that of all tests of the file. */
export function abuse(name: string, run: (at: Stage, ana: Client) => Promise<void>): void {
  stages.watch()
  void test(name, async () => {
    const at = await stages.get('', () => stage())
    const ana = await connect(at.world, at.ana)
    try {
      await run(at, ana)
      assert.equal(ana.closed, undefined)
      await works(at, ana)
    } finally {
      await ana.cut()
    }
  })
}

/** The server goes on, for both of the two, and the log has kept what is theirs. */
export async function works({ world, conversationId, control, ...people }: Stage, ana: Client): Promise<void> {
  const content = 'the control'
  send(ana, 'message:send', { conversation_id: conversationId, content, type: 'text' })
  const frames = [await drained(ana), await drained(control)]
  for (const received of frames) {
    for (const frame of received) checkFrame(frame)
    assert.ok(received.some(({ event, data }) => event === 'message:new' && textOf(data) === content))
  }
  checkLog(world, [people.admin, people.ana, people.ben, people.cleo])
  assert.doesNotMatch(world.log.join('\n'), new RegExp(CANARY))
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
}

/** `message` of a `message:new`. */
export const messageOf = (data: Record<string, unknown>) => data['message'] as Record<string, unknown>
export const textOf = (data: Record<string, unknown>): unknown => messageOf(data)['content']

/** The documented form of each event. */
export function documented(at: Pick<Stage, 'conversationId' | 'messageId'>) {
  const conversation_id = at.conversationId
  const about = { conversation_id, message_id: at.messageId }
  return {
    'message:send': { conversation_id, content: CANARY, type: 'text', metadata: {} },
    'message:read': about,
    'message:delete': about,
    'typing:start': { conversation_id },
    'typing:stop': { conversation_id },
    'conversation:join': { conversation_id },
    'conversation:leave': { conversation_id },
    'user:status': { status: 'online' },
  } satisfies Record<string, Record<string, unknown>>
}

/** The one error that answers a frame. */
export async function errorTo(client: Client, text: string): Promise<Record<string, unknown>> {
  client.send(text)
  const frame = (await client.next()) as unknown as DatingFrame
  checkFrame(frame)
  assert.equal(frame.event, 'error', `${text.slice(0, 200)}: ${JSON.stringify(frame).slice(0, 300)}`)
  // What was to be said is in no error.
  assert.doesNotMatch(JSON.stringify(frame.data), new RegExp(CANARY))
  return frame.data
}

export const fieldOf = ({ details }: Record<string, unknown>): unknown => (details as { field?: string }).field

/** Refused without a trace, and told to nobody else. */
export async function untouched(at: Stage, ana: Client, run: () => Promise<void>): Promise<void> {
  await drained(at.control)
  const before = storedRows(at.world, /^dating_|^event_log/)
  await run()
  assert.deepEqual(await drained(ana), [])
  assert.deepEqual(storedRows(at.world, /^dating_|^event_log/), before)
  assert.deepEqual(await drained(at.control), [])
}

export const strangeIds = [
  '',
  ' ',
  '0',
  '-1',
  '1e3',
  'null',
  'undefined',
  '*',
  '%',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  'a\u0000',
  '\ud800',
  '😀',
  '\u202e',
  '../x',
  "' or 1=1 --",
  "'; drop table dating_messages; --",
  'x'.repeat(64),
  'x'.repeat(65),
  'x'.repeat(30_000),
  NOBODY,
]
