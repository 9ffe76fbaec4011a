import assert from 'node:assert/strict'
import { Compile } from 'typebox/compile'
import type { Client, Frame, Protocol } from '../../testing/client.ts'
import { testWorld, type User, type World, type WorldOptions } from '../../testing/world.ts'
import { payloads, type EventName } from './wire.ts'

/** `{event, data, timestamp}`, as tests read it. */
export interface DatingFrame {
  readonly event: string
  readonly data: Record<string, unknown>
  readonly timestamp: string
  readonly position?: string
}

const eventOf = (frame: Frame): string => (frame as unknown as DatingFrame).event

/** The document has no ping in JSON: what is unknown is refused by its name, after everything that came before it. */
const FENCE = 'fence'

export const datingProtocol: Protocol = {
  nameOf: (frame) => (frame.data['request_event'] === FENCE ? FENCE : eventOf(frame)),
  dataOf: ({ data }) => data,
  ping: { event: FENCE, data: {} },
  pong: FENCE,
}

export type Person = 'ana' | 'ben' | 'cleo'

/** Ana and Ben have matched; Cleo has a profile and nobody. The admin is a moderator. */
export interface Scene {
  readonly world: World
  readonly admin: User
  readonly ana: User
  readonly ben: User
  readonly cleo: User
  /** Of Ana and Ben. */
  readonly conversationId: string
}

export async function scene(options: WorldOptions = {}): Promise<Scene & AsyncDisposable> {
  const world = await testWorld({ modules: ['tracker', 'dating'], ...options })
  const admin = await world.user('admin')
  const [ana, ben, cleo] = [await world.user('ana'), await world.user('ben'), await world.user('cleo')]
  for (const user of [ana, ben, cleo]) await ok(user.put('/api/dating/profile', { bio: `I am ${user.name}` }))
  const conversationId = await match(ana, ben)
  // The word of the server that tells of the match has been read.
  for (const user of [ana, ben]) await readAll(user, conversationId)
  return { world, admin, ana, ben, cleo, conversationId, [Symbol.asyncDispose]: () => world.close() }
}

// What is expected to be there fails the test when it is not.
// eslint-disable-next-line typescript/no-explicit-any
export async function ok(answering: ReturnType<User['get']>): Promise<any> {
  const answer = await answering
  assert.ok(answer.status >= 200 && answer.status < 300, `${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body as unknown
}

/** Both like each other. @returns the conversation */
export async function match(a: User, b: User): Promise<string> {
  await ok(a.post('/api/dating/likes', { user_id: b.uuid }))
  const { conversation_id } = await ok(b.post('/api/dating/likes', { user_id: a.uuid }))
  assert.ok(typeof conversation_id === 'string')
  return conversation_id
}

export async function readAll(user: User, conversationId: string): Promise<void> {
  const path = `/api/dating/conversations/${conversationId}`
  const [last] = (await ok(user.get(`${path}/messages?limit=1`))).items as { id: string }[]
  if (last) await ok(user.post(`${path}/read`, { message_id: last.id }))
}

/** A message over REST. @returns what the document calls `message` */
// eslint-disable-next-line typescript/no-explicit-any
export const say = (user: User, conversationId: string, content: string, more: object = {}): Promise<any> =>
  ok(user.post(`/api/dating/conversations/${conversationId}/messages`, { content, type: 'text', ...more }))

/** A stock client with its header, after `connection:established` and everything that was waiting. */
export async function connect(world: World, user: User, query = ''): Promise<Client> {
  const client = open(world, user, query)
  await client.expect('connection:established', { user_id: user.uuid })
  await drained(client)
  return client
}

export const open = (world: World, user: User, query = ''): Client =>
  world.client(`/ws${query}`, { protocol: datingProtocol, headers: { authorization: `Bearer ${user.token}` } })

export async function join(client: Client, conversationId: string): Promise<void> {
  send(client, 'conversation:join', { conversation_id: conversationId })
  await client.expect('conversation:joined', { conversation_id: conversationId })
}

export const send = (client: Client, event: string, data: unknown): void => client.send({ event, data })

/** Reads until the answer to something that was sent now. @returns what came before */
export async function drained(client: Client): Promise<DatingFrame[]> {
  const frames: DatingFrame[] = []
  // What leaves in the next turn of the server's loop comes before the second answer.
  for (let round = 0; round < 2; round += 1) {
    client.send(datingProtocol.ping)
    for (;;) {
      const frame = await client.next()
      if (datingProtocol.nameOf(frame) === FENCE) break
      frames.push(frame as unknown as DatingFrame)
    }
  }
  return frames
}

const validators = new Map(
  (Object.keys(payloads) as EventName[]).map((name) => [name, Compile(payloads[name])] as const),
)

/** The exact envelope and data of the document, keys and types. */
export function checkFrame(frame: DatingFrame): void {
  const keys =
    frame.position === undefined ? ['event', 'data', 'timestamp'] : ['event', 'data', 'timestamp', 'position']
  assert.deepEqual(Object.keys(frame), keys)
  const validator = validators.get(frame.event as EventName)
  assert.ok(validator, `${frame.event} is in no document`)
  assert.deepEqual([...validator.Errors(frame.data)], [], JSON.stringify(frame))
  assert.match(frame.timestamp, /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/)
}

/**
 * Who is sent what by a deed, to the frame: each client's events, in order, exact in their keys, nobody anything else.
 * @returns the frames of each client
 */
export async function expectEvents<K extends string>(
  clients: Readonly<Record<K, Client>>,
  deed: () => unknown,
  expected: Readonly<Partial<Record<K, readonly string[]>>>,
): Promise<Record<K, DatingFrame[]>> {
  const names = Object.keys(clients) as K[]
  for (const name of names) await drained(clients[name])
  await deed()
  const got = {} as Record<K, DatingFrame[]>
  for (const name of names) {
    const frames: DatingFrame[] = []
    for (const want of expected[name] ?? []) {
      const frame = (await clients[name].next()) as unknown as DatingFrame
      assert.equal(frame.event, want, `${name}: ${JSON.stringify(frame)}`)
      frames.push(frame)
    }
    frames.push(...(await drained(clients[name])))
    got[name] = frames
  }
  for (const name of names) {
    assert.deepEqual(
      got[name].map(({ event }) => event),
      expected[name] ?? [],
      name,
    )
    for (const frame of got[name]) checkFrame(frame)
  }
  return got
}

/** The error that answers the next thing. */
export async function refused(
  client: Client,
  event: string,
  data: unknown,
  code: string,
): Promise<Record<string, unknown>> {
  send(client, event, data)
  const frame = (await client.next()) as unknown as DatingFrame
  checkFrame(frame)
  assert.equal(frame.event, 'error', JSON.stringify(frame))
  assert.deepEqual([frame.data['code'], frame.data['request_event']], [code, event], JSON.stringify(frame))
  return frame.data
}
