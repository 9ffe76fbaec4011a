import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client, Frame } from '../../../testing/client.ts'
import { FakeClock } from '../../../testing/clock.ts'
import { checkLog, INSIDE } from '../../../testing/hostile.ts'
import { storedRows } from '../../../testing/rows.ts'
import { Shared } from '../../../testing/shared.ts'
import { testWorld, type Answer, type User, type World, type WorldOptions } from '../../../testing/world.ts'
import type { Route } from '../../../kernel/route.ts'
import type { Parts } from '../actions/parts.ts'
import { workspaceApiRoutes } from '../routes.ts'
import { bringIn, checkFrame, connect, made, workspaceProtocol } from '../testing.ts'

/**
 * What a hostile or broken client may send, over real sockets. Mallory is a member of the owner's workspace, in its
 * general channel and in `shared`; she is not in `secret`, and not in the workspace of somebody else, `foreign`. The
 * owner's connection is the control: after each abuse the next message still reaches it, and nothing undocumented did.
 */
export interface Stage {
  readonly world: World
  /** A system administrator, who is in no workspace: nothing here is theirs. */
  readonly root: User
  readonly owner: User
  readonly mallory: User
  readonly workspaceId: string
  readonly generalId: string
  readonly sharedId: string
  readonly secretId: string
  /** Of the owner, in `secret`, with the word "quince", which is nowhere else. */
  readonly secretMessageId: string
  readonly foreign: Foreign
  readonly control: Client
  /** Closed when the test is over. */
  readonly opened: Client[]
}

interface Foreign {
  readonly user: User
  readonly workspaceId: string
  readonly channelId: string
  readonly messageId: string
}

export const NOBODY = '00000000-0000-4000-8000-000000000000'

export async function stage(options: WorldOptions = {}): Promise<Stage & AsyncDisposable> {
  const config = { workspaceWritesPerMinute: 0, accessTokenMs: 86_400_000, ...options.config }
  const world = await testWorld({ ...options, config })
  const root = await world.user('root')
  const owner = await world.user('owner')
  const mallory = await world.user('mallory')
  const [workspaceId, generalId] = await workspaceOf(owner, 'Acme')
  await bringIn(owner, workspaceId, mallory)
  const ws = `/api/workspaces/${workspaceId}`
  const shared = { name: 'shared', user_ids: [mallory.uuid] }
  const { id: sharedId } = await made(owner, `${ws}/channels`, shared)
  const { id: secretId } = await made(owner, `${ws}/channels`, { name: 'secret', type: 'private' })
  const secret = await made(owner, `/api/channels/${secretId}/messages`, { content: 'quince jam' })
  const user = await world.user('somebody')
  const [foreignId, channelId] = await workspaceOf(user, 'Elsewhere')
  const message = await made(user, `/api/channels/${channelId}/messages`, { content: 'quite similar' })
  const foreign = { user, workspaceId: foreignId, channelId, messageId: message.id as string }
  const control = await connect(world, workspaceId, owner)
  const close = () => world.close()
  const ids = { workspaceId, generalId, sharedId, secretId, secretMessageId: secret.id }
  return { world, root, owner, mallory, ...ids, foreign, control, opened: [], [Symbol.asyncDispose]: close }
}

/** @returns ids of the workspace and its general channel */
async function workspaceOf(owner: User, name: string): Promise<[workspace: string, general: string]> {
  const { id } = await made(owner, '/api/workspaces', { name })
  const { body } = await owner.get(`/api/workspaces/${id}/channels`)
  return [id, body.items[0].id]
}

/** Tests of one file share a stage where they can: those with the same options. */
const stages = new Shared<Stage & AsyncDisposable>((at) => at[Symbol.asyncDispose]())

/** A test of one abuse: after it another user's connection gets the next event, and the log has kept its secrets. */
export function abuse(
  name: string,
  run: (at: Stage) => Promise<void>,
  { todo, ...options }: WorldOptions & { readonly todo?: string } = {},
): void {
  stages.watch()
  void test(name, todo === undefined ? {} : { todo }, async () => {
    // What is known to fail has a stage of its own: it may spoil it.
    const at = await stages.get(JSON.stringify([options, todo]), () => stage(options))
    try {
      await heard(at)
      await run(at)
      await works(at)
    } finally {
      for (const client of at.opened.splice(0)) client.ws.terminate()
    }
    checkLog(at.world, [at.root, at.owner, at.mallory, at.foreign.user])
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  })
}

/** The control gets the next message; what came to it before was all documented. */
async function works({ owner, workspaceId, sharedId, control }: Stage): Promise<void> {
  const { id } = await made(owner, `/api/channels/${sharedId}/messages`, { content: 'Control' })
  for (;;) {
    const frame = await control.next()
    if (frame.type === 'pong') continue
    checkFrame(frame, workspaceId)
    if (frame.data['id'] === id) return
  }
}

/** Frames that come to somebody because others are there: not answers. */
const AROUND = ['presence.updated', 'typing.start', 'typing.stop']

/** The next frame that is an answer, checked to the key. */
export async function answerTo(client: Client): Promise<Frame> {
  for (;;) {
    const frame = await client.next()
    if (frame.type === 'pong') {
      assert.deepEqual(frame, { type: 'pong' })
      return frame
    }
    checkFrame(frame, (frame as { workspace_id?: string }).workspace_id ?? '')
    if (!AROUND.includes(frame.type)) return frame
  }
}

/** The next answer is an error with this code, which says what is wrong with this field, and nothing of our inside. */
export async function expectError(client: Client, code: string, about: string | RegExp): Promise<void> {
  const { type, data } = await answerTo(client)
  const { message } = data as { message: string }
  assert.equal(type, 'error', JSON.stringify(data))
  assert.equal(data['code'], code, message)
  assert.match(message, typeof about === 'string' ? new RegExp(`: ${about} \\S`) : about)
  assert.ok(message.length < 300, message)
  assert.doesNotMatch(message, INSIDE)
}

export async function alive(client: Client): Promise<void> {
  client.send(workspaceProtocol.ping)
  assert.equal((await answerTo(client)).type, 'pong')
}

/** Time passes in steps that no heartbeat takes for silence; each of the clients answers in each of them. */
export async function pass({ world }: Stage, ms: number, ...clients: readonly Client[]): Promise<void> {
  for (let left = ms; left > 0; left -= 20_000) {
    await world.advance(Math.min(left, 20_000))
    for (const client of clients) await alive(client)
  }
}

/** One error, the close, and nothing else. */
export async function refused(client: Client, code: string, close: number): Promise<void> {
  await expectError(client, code, /\S/)
  await client.expectClose(close)
  assert.deepEqual(client.frames, [])
}

export async function enter(at: Stage, user = at.mallory, query = ''): Promise<Client> {
  const client = await connect(at.world, at.workspaceId, user, query)
  at.opened.push(client)
  return client
}

/** A connection of which nothing is expected: to be refused, or to be looked at by the test. */
export function knock({ world, opened }: Stage, path: string, options: object = {}): Client {
  const client = world.client(path, { protocol: workspaceProtocol, ...options })
  opened.push(client)
  return client
}

/** Every frame that has come to the control until now, but presences. */
export async function heard({ control, workspaceId }: Stage): Promise<Frame[]> {
  const frames: Frame[] = []
  for (let round = 0; round < 2; round += 1) {
    control.send(workspaceProtocol.ping)
    for (let frame = await control.next(); frame.type !== 'pong'; frame = await control.next()) {
      checkFrame(frame, workspaceId)
      // People come and go.
      if (frame.type !== 'presence.updated') frames.push(frame)
    }
  }
  return frames
}

/** Rows of the module, of the log, of jobs and of stored outcomes. */
export const state = ({ world }: Pick<Stage, 'world'>): Record<string, string> =>
  storedRows(world, /^(workspace_|event_log|jobs$|command_outcomes$)/)

/** The module's own list of its doors; what they need to run is not there. */
export const routes = (): readonly Route[] =>
  workspaceApiRoutes({
    clock: new FakeClock(),
    settings: { messageCharacters: 10_000, attachmentsPerMessage: 10, attachmentBytes: 25 * 1024 * 1024 },
  } as unknown as Parts)

export async function upload(by: User, workspaceId: string, bytes: Uint8Array | string, name: string): Promise<Answer> {
  const form = new FormData()
  form.append('file', new Blob([bytes as Uint8Array<ArrayBuffer>]), name)
  return by.post(`/api/workspaces/${workspaceId}/attachments`, form)
}
