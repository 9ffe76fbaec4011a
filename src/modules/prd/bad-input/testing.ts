import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkLog, INSIDE } from '../../../testing/hostile.ts'
import { storedRows } from '../../../testing/rows.ts'
import { Shared } from '../../../testing/shared.ts'
import { insert, replace, scene, userId, type Scene, type Tab } from '../testing.ts'
import type { ErrorCode } from '../wire.ts'

/**
 * What a broken or hostile client may send as one of the events. An editor sends it, who has joined; the owner has
 * joined too and is the control: after each test each of the two gets the other's next edit, and nothing came before.
 */
export interface Stage extends Scene {
  readonly hostile: Tab
  readonly control: Tab
  /** On the PRD, by the owner, and a reply to it. */
  readonly commentId: string
  readonly replyId: string
  /** Open, between the two. */
  readonly conflictId: string
  /** By the editor; there is no AI, so that it was refused. */
  readonly jobId: string
  /** Of another organisation, and the organisation. */
  readonly foreignId: string
  readonly foreignOrganizationId: string
  /** Of the same organisation, and not to be seen by the editor. */
  readonly hiddenId: string
}

/** In what is sent, and in no line of the log and no error. */
export const CANARY = 'quincejam'

async function stage(): Promise<Stage> {
  const at = await scene({ config: { prdCommandsPerMinute: 0, prdPresencesPerMinute: 0, prdPresenceRestMs: 1 } })
  const { prdId, owner, editor, outsider } = at
  // On `/`, which has all events, where the helpdesk is not.
  const [control, hostile] = [await at.tab(owner), await at.tab(editor, '/', { path: '/ws/' })]
  const { stateVector } = (await control.join(prdId)).initialState
  await hostile.join(prdId)
  await control.done('content-update', { prdId, operation: replace(0, 5, 'mine'), stateVector })
  await hostile.done('content-update', { prdId, operation: replace(0, 5, 'yours'), stateVector })
  const { conflictId } = (await hostile.find('conflict-detected')).conflicts[0]
  const { commentId } = await control.done('add-comment', { prdId, position: 0, content: 'first' })
  const { reply } = await control.done('reply-comment', { commentId, content: 'second' })
  const other = await outsider.post('/api/organizations', { name: 'Elsewhere' })
  const foreign = await outsider.post('/api/prds', { organizationId: other.body.id, title: 'Theirs' })
  const hidden = await owner.post('/api/prds', { organizationId: at.organizationId, title: 'Hidden', access: 'none' })
  await hostile.ask('ai-prompt', { prdId, prompt: 'x' })
  const { jobId } = await hostile.find('ai-error')
  for (const tab of [control, hostile]) await tab.drained()
  return {
    ...at,
    control,
    hostile,
    jobId,
    commentId,
    replyId: reply.id,
    conflictId,
    foreignId: foreign.body.id,
    foreignOrganizationId: other.body.id,
    hiddenId: hidden.body.id,
  }
}

const stages = new Shared<Stage>((at) => at.close())

/** A test of one abuse; the stage is that of all tests of the file. */
export function abuse(name: string, run: (at: Stage) => Promise<void>): void {
  stages.watch()
  void test(name, async () => {
    const at = await stages.get('', stage)
    for (const tab of [at.hostile, at.control]) await tab.drained()
    await run(at)
    await works(at)
  })
}

/** The server goes on, for both of the two, and the log has kept what is theirs. */
async function works({ hostile, control, prdId, world, ...at }: Stage): Promise<void> {
  for (const [from, to, user] of [[hostile, control, at.editor], [control, hostile, at.owner]] as const) {
    await from.expectNothing()
    await from.done('content-update', { prdId, operation: insert(0, '.'), stateVector: [] })
    const { operation } = await to.expect('content-update', { userId: userId(user) })
    assert.equal(operation.content, '.')
  }
  for (const tab of [hostile, control]) await tab.expectNothing()
  checkLog(world, [at.admin, at.owner, at.editor])
  assert.ok(!world.log.some((line) => line.includes(CANARY)))
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
}

/** Of each event: its documented argument, and what of it may be missing. */
export interface Documented {
  readonly argument: Readonly<Record<string, unknown>>
  readonly optional?: readonly string[]
  /** What is answered where the thing it names is not there, or hidden. */
  readonly absent: ErrorCode | 'ok'
}

/** All client events but `ping`, which has no argument. */
export function documented(at: Stage): Readonly<Record<string, Documented>> {
  const { prdId, commentId, replyId, conflictId, jobId, organizationId } = at
  return {
    'join-prd': { argument: { prdId, mode: 'edit' }, optional: ['mode'], absent: 'NOT_FOUND' },
    'leave-prd': { argument: { prdId }, absent: 'ok' },
    'content-update': {
      argument: { prdId, operation: insert(0, CANARY), stateVector: [1], clientId: 'c-1' },
      optional: ['stateVector', 'clientId'],
      absent: 'NOT_JOINED',
    },
    'sync-request': { argument: { prdId, stateVector: [1] }, absent: 'NOT_FOUND' },
    'presence-update': {
      argument: { prdId, status: 'editing', cursorPosition: 1, selection: { start: 0, end: 1 } },
      optional: ['status', 'cursorPosition', 'selection'],
      absent: 'NOT_JOINED',
    },
    'ai-prompt': {
      argument: { prdId, prompt: CANARY, section: CANARY, context: { currentContent: CANARY, cursorPosition: 1 } },
      optional: ['section', 'context'],
      absent: 'NOT_JOINED',
    },
    'ai-cancel': { argument: { prdId, jobId }, absent: 'NOT_FOUND' },
    'create-version': { argument: { prdId, changelog: CANARY, versionType: 'minor' }, absent: 'NOT_FOUND' },
    'resolve-conflict': {
      argument: { prdId, conflictId, resolution: 'merge', mergedContent: CANARY },
      optional: ['mergedContent'],
      absent: 'NOT_JOINED',
    },
    'add-comment': {
      argument: { prdId, position: 0, content: CANARY, selection: { start: 0, end: 1, text: CANARY } },
      optional: ['selection'],
      absent: 'NOT_FOUND',
    },
    'reply-comment': { argument: { commentId, content: CANARY }, absent: 'NOT_FOUND' },
    'resolve-comment': { argument: { commentId }, absent: 'NOT_FOUND' },
    'reopen-comment': { argument: { commentId }, absent: 'NOT_FOUND' },
    'delete-comment': { argument: { commentId }, absent: 'NOT_FOUND' },
    'delete-reply': { argument: { commentId, replyId }, absent: 'NOT_FOUND' },
    subscribe: { argument: { organizationId }, absent: 'FORBIDDEN' },
  }
}

/** Refused by one error event, and the acknowledgement in the same words. @returns these */
export async function refused(at: Stage, code: ErrorCode, event: string, ...args: readonly unknown[]): Promise<string> {
  const { hostile, world } = at
  const outcome = await hostile.ask(event, ...args)
  const events = hostile.events.splice(0)
  const shown = (value: unknown): string => JSON.stringify(value).slice(0, 400)
  const about = `${event.slice(0, 40)} ${shown(args)}: ${shown({ outcome, events })}`
  assert.equal(outcome.ok, false, about)
  assert.equal(outcome.code, code, about)
  const { message } = outcome as { message: string }
  const timestamp = `${new Date(world.clock.now()).toISOString().slice(0, 19)}Z`
  assert.deepEqual(events, [['error', { code, message, timestamp }]], about)
  assert.deepEqual(outcome, { ok: false, code, message })
  assert.match(message, /^[A-Za-z].{3,1000}$/)
  assert.ok(!message.includes(CANARY), about)
  assert.doesNotMatch(message, INSIDE, about)
  return message
}

/** Refused without a trace, and told to nobody else. */
export async function untouched(at: Stage, run: () => Promise<void>): Promise<void> {
  const stored = (): Record<string, string> => storedRows(at.world, /^prd_|^event_log/)
  const before = stored()
  await run()
  for (const tab of [at.control, at.hostile]) await tab.expectNothing()
  assert.deepEqual(stored(), before)
}
