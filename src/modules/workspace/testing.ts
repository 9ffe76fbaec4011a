import assert from 'node:assert/strict'
import { Compile } from 'typebox/compile'
import type { Client, Frame, Protocol } from '../../testing/client.ts'
import { testWorld, type User, type World, type WorldOptions } from '../../testing/world.ts'
import { payloads, type FrameName } from './wire.ts'

/** Frames are `{type, data, workspace_id, timestamp}`. */
export const workspaceProtocol: Protocol = {
  nameOf: ({ type }) => type,
  dataOf: ({ data }) => data,
  ping: { type: 'ping' },
  pong: 'pong',
}

/** A workspace with one person of each role in it and a stranger outside of it. All but the stranger listen. */
export interface Scene {
  readonly world: World
  readonly owner: User
  readonly admin: User
  readonly member: User
  readonly guest: User
  readonly stranger: User
  readonly workspaceId: string
  /** Everybody but the guest is in it. */
  readonly generalId: string
  /** A public channel that the owner, the member and the guest are in; the admin is not. */
  readonly publicId: string
  /** A private channel that the owner, the member and the guest are in; the admin is not. */
  readonly privateId: string
  /** Connections of everybody above, with nothing on them any more. */
  readonly listening: Readonly<Record<Person, Client>>
}

export type Person = 'owner' | 'admin' | 'member' | 'guest'
export const people: readonly Person[] = ['owner', 'admin', 'member', 'guest']

export async function scene(options: WorldOptions = {}): Promise<Scene & AsyncDisposable> {
  const world = await testWorld({ modules: ['tracker', 'workspace'], ...options })
  const owner = await world.user('owner')
  const admin = await world.user('admin')
  const member = await world.user('member')
  const guest = await world.user('guest')
  const stranger = await world.user('stranger')
  const workspaceId = (await made(owner, '/api/workspaces', { name: 'Acme' })).id as string
  const ws = `/api/workspaces/${workspaceId}`
  const channel = async (type: string, name: string): Promise<string> =>
    (await made(owner, `${ws}/channels`, { type, name })).id as string
  const publicId = await channel('public', 'design')
  const privateId = await channel('private', 'secrets')
  await bringIn(owner, workspaceId, admin, { role: 'admin' })
  await bringIn(owner, workspaceId, member, { role: 'member', channel_ids: [publicId, privateId] })
  await bringIn(owner, workspaceId, guest, { role: 'guest', channel_ids: [publicId, privateId] })
  const { body } = await owner.get(`${ws}/channels?limit=200`)
  const generalId = (body.items as { id: string; is_general: boolean }[]).find((one) => one.is_general)!.id
  const users = { owner, admin, member, guest }
  const listening = {} as Record<Person, Client>
  for (const person of people) listening[person] = await connect(world, workspaceId, users[person])
  for (const person of people) await drained(listening[person])
  return {
    world, ...users, stranger, workspaceId, generalId, publicId, privateId, listening,
    [Symbol.asyncDispose]: () => world.close(),
  }
}

/** Invites an account and accepts for it. */
export async function bringIn(by: User, workspaceId: string, who: User, invite: object = {}): Promise<void> {
  const { token } = await made(by, `/api/workspaces/${workspaceId}/invites`, invite)
  await made(who, '/api/invites/accept', { token })
}

// What is expected to be there fails the test when it is not.
// eslint-disable-next-line typescript/no-explicit-any
export async function made(by: User, path: string, body: object): Promise<any> {
  const answer = await by.post(path, body)
  assert.ok(answer.status === 200 || answer.status === 201, `${path}: ${JSON.stringify(answer.body)}`)
  return answer.body as unknown
}

/** Opens a connection and waits until it is live: its own presence or somebody else's has come, and a pong. */
export async function connect(world: World, workspaceId: string, user: User, query = ''): Promise<Client> {
  const path = `/ws/${workspaceId}?token=${user.token}${query}`
  const client = world.client(path, { protocol: workspaceProtocol })
  // Each connection is told once of its own person.
  for (;;) {
    const { type, data } = await client.next()
    if (type === 'presence.updated' && data['user_id'] === user.uuid) break
  }
  await drained(client)
  return client
}

/** Reads until a pong that was asked for now; what came before is thrown away and returned. */
export async function drained(client: Client): Promise<Frame[]> {
  // What leaves in the next turn of the server's loop comes before the second pong.
  const frames: Frame[] = []
  for (let round = 0; round < 2; round += 1) {
    client.send(workspaceProtocol.ping)
    for (;;) {
      const frame = await client.next()
      if (frame.type === 'pong') break
      frames.push(frame)
    }
  }
  return frames
}

/** The client goes without a word, and the server has noticed. */
export async function cut({ app }: World, client: Client): Promise<void> {
  const before = app.hub.connections.size
  await client.cut()
  while (app.hub.connections.size >= before) await new Promise((turn) => setImmediate(turn))
}

const validators = new Map(
  (Object.keys(payloads) as FrameName[]).map((name) => [name, Compile(payloads[name])] as const),
)

/** The exact envelope and data of the document, keys and types. */
export function checkFrame(frame: Frame, workspaceId: string): void {
  const keys = frame.type === 'error' ? ['type', 'data', 'timestamp'] : ['type', 'data', 'workspace_id', 'timestamp']
  assert.deepEqual(Object.keys(frame), keys)
  const { type, data, workspace_id, timestamp } = frame as Frame & { workspace_id?: string; timestamp: string }
  if (type !== 'error') assert.equal(workspace_id, workspaceId)
  assert.match(timestamp, /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/)
  const validator = validators.get(type as FrameName)
  assert.ok(validator, `${type} is not in the document`)
  assert.ok(validator.Check(data), `${type}: ${JSON.stringify([...validator.Errors(data)])}`)
}

/**
 * Exactly these frames come to exactly these people, in this order, as the document writes them; to everybody else
 * comes nothing. Whom a guest comes to know by it is not looked at unless it is expected (live.test.ts does).
 */
export async function expectFrames(
  { listening, workspaceId }: Pick<Scene, 'listening' | 'workspaceId'>,
  expected: Partial<Record<Person, readonly string[]>>,
): Promise<Partial<Record<Person, Record<string, unknown>[]>>> {
  const got: Partial<Record<Person, Record<string, unknown>[]>> = {}
  for (const person of people) {
    const client = listening[person]
    const names = expected[person] ?? []
    const beside = person === 'guest' && !names.includes('presence.updated')
    const next = async (): Promise<Frame> => {
      const frame = await client.next()
      return beside && frame.type === 'presence.updated' ? next() : frame
    }
    for (const name of names) {
      const frame = await next()
      assert.equal(frame.type, name, `${person} got ${JSON.stringify(frame)}`)
      checkFrame(frame, workspaceId)
      ;(got[person] ??= []).push(frame.data)
    }
  }
  for (const person of people) {
    if (person !== 'guest' || expected.guest?.includes('presence.updated')) await listening[person].expectNothing()
    else assert.deepEqual((await drained(listening.guest)).filter(({ type }) => type !== 'presence.updated'), [])
  }
  return got
}

/** Sends a message and takes its event off every connection. */
export async function posted(at: Scene, by: User, channelId: string, body: object | string): Promise<string> {
  const message = await made(by, `/api/channels/${channelId}/messages`, typeof body === 'string' ? { content: body } : body)
  for (const person of people) await drained(at.listening[person])
  return message.id as string
}
