import assert from 'node:assert/strict'
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import { Compile } from 'typebox/compile'
import { testWorld, type User, type World, type WorldOptions } from '../../testing/world.ts'
import { payloads, type EventName } from './wire.ts'

export type Received = readonly [name: string, ...args: unknown[]]
// A test reads what it expects to be there; what is not there fails it.
// eslint-disable-next-line typescript/no-explicit-any
export type Data = any

/** Milliseconds after which an event that does not come fails the test. */
const PATIENCE = 15_000

/** A stock `socket.io-client` that keeps what it is sent until the test asks for it, in order. */
export class Tab {
  readonly socket: Socket
  /** Everything received and not yet taken. */
  readonly events: Received[] = []
  private wake: () => void = () => undefined

  constructor(url: string, options: Partial<ManagerOptions & SocketOptions> = {}) {
    this.socket = io(url, { forceNew: true, reconnection: false, transports: ['websocket'], ...options })
    this.socket.onAny((name: string, ...args: unknown[]) => {
      this.events.push([name, ...args])
      this.wake()
    })
    this.socket.on('disconnect', () => this.wake())
    this.socket.on('connect', () => this.wake())
  }

  /** The next event, whatever it is. */
  async next(): Promise<Received> {
    await this.until(() => this.events.length > 0, 'an event')
    return this.events.shift()!
  }

  /** The next event, which must be this one, as the document writes it. @returns its argument */
  async expect(name: EventName, fields: Record<string, unknown> = {}): Promise<Data> {
    await this.until(() => this.events.length > 0, name)
    const event = this.events.shift()!
    assert.equal(event[0], name, JSON.stringify(event))
    checkEvent(event)
    const data = event[1] as Record<string, unknown>
    for (const [key, value] of Object.entries(fields)) assert.deepEqual(data[key], value, key)
    return data
  }

  /** The first event of this name among those that come; what comes before it is thrown away. */
  async find(name: EventName): Promise<Data> {
    for (;;) {
      const event = await this.next()
      if (event[0] === name) return event[1]
    }
  }

  /** Nothing is on its way: what the server has sent before comes before its acknowledgement. */
  async expectNothing(): Promise<void> {
    assert.deepEqual(await this.drained(), [])
  }

  /** Everything that has come, and what comes before two acknowledgements that are asked for now. */
  async drained(): Promise<Received[]> {
    for (let round = 0; round < 2; round += 1) await this.ask('leave_channel', 2_147_483_647)
    return this.events.splice(0)
  }

  /** @returns what the acknowledgement callback is given */
  async ask(name: string, ...args: unknown[]): Promise<Data> {
    return (await this.socket.timeout(PATIENCE).emitWithAck(name, ...args)) as unknown
  }

  /** The command must succeed. */
  async done(name: string, ...args: unknown[]): Promise<Data> {
    const outcome = (await this.ask(name, ...args)) as { ok: boolean }
    assert.equal(outcome.ok, true, `${name}: ${JSON.stringify(outcome)}`)
    return outcome
  }

  emit(name: string, ...args: unknown[]): void {
    this.socket.emit(name, ...args)
  }

  async connected(): Promise<void> {
    await this.until(() => this.socket.connected, 'the connection')
  }

  async disconnected(): Promise<void> {
    await this.until(() => !this.socket.connected, 'the disconnection')
  }

  /** Says goodbye. */
  close(): void {
    this.socket.disconnect()
  }

  /** Gone without a word, as a laptop that is shut. */
  cut(): void {
    const engine = this.socket.io.engine as unknown as { transport: { ws?: { terminate?(): void }; close(): void } }
    if (engine.transport.ws?.terminate) engine.transport.ws.terminate()
    else engine.transport.close()
  }

  private async until(done: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE
    while (!done()) {
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`${what} did not come; waiting: ${JSON.stringify(this.events)}`)
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.wake = resolve
        timer = setTimeout(resolve, left)
      })
      clearTimeout(timer)
    }
  }
}

const validators = new Map((Object.keys(payloads) as EventName[]).map((name) => [name, Compile(payloads[name])] as const))

/** Exactly the keys and types of the document. */
export function checkEvent([name, data, ...rest]: Received): void {
  const validator = validators.get(name as EventName)
  assert.ok(validator, `${name} is not in the document`)
  assert.ok(validator.Check(data), `${name}: ${JSON.stringify(data)}`)
  assert.deepEqual(rest, [], `${name} has one argument`)
}

export type Someone = 'admin' | 'agent' | 'customer' | 'other'
export const everyone: readonly Someone[] = ['admin', 'agent', 'customer', 'other']

/** One person of each role, and a second customer; each with a tab that nothing waits on. */
export interface Scene {
  readonly world: World
  readonly admin: User
  readonly agent: User
  readonly customer: User
  readonly other: User
  readonly tabs: Readonly<Record<Someone, Tab>>
  /** Open to everybody; nobody has joined it. */
  readonly publicId: number
  /** Agents and admins. */
  readonly internalId: number
  /** The agent and the customer. */
  readonly privateId: number
  tab(user: User, options?: Partial<ManagerOptions & SocketOptions>): Promise<Tab>
  close(): Promise<void>
}

export async function scene(options: WorldOptions = {}): Promise<Scene & AsyncDisposable> {
  const world = await testWorld(options)
  const opened: Tab[] = []
  const close = async (): Promise<void> => {
    for (const one of opened) one.close()
    await world.close()
  }
  try {
    return { ...(await furnish(world, opened)), close, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

async function furnish(world: World, opened: Tab[]): Promise<Omit<Scene, 'close'>> {
  const admin = await world.user('admin')
  const agent = await world.user('agent')
  const customer = await world.user('customer')
  const other = await world.user('other')
  const role = await admin.put(`/api/helpdesk/users/${agent.id}/permissions`, { role: 'agent' })
  assert.equal(role.status, 200, JSON.stringify(role.body))
  const channel = async (name: string, body: object = {}): Promise<number> =>
    (await made(agent, '/api/helpdesk/channels', { name, ...body })).id as number
  const publicId = await channel('support')
  const internalId = await channel('backstage', { visibility: 'internal' })
  const privateId = await channel('ticket 1', { visibility: 'private', memberIds: [customer.id] })
  const tab = async (user: User, how: Partial<ManagerOptions & SocketOptions> = {}): Promise<Tab> => {
    const one = new Tab(world.url, how)
    opened.push(one)
    one.emit('authenticate', user.token)
    await one.find('authenticated')
    await one.drained()
    return one
  }
  const tabs = {} as Record<Someone, Tab>
  const users = { admin, agent, customer, other }
  for (const person of everyone) tabs[person] = await tab(users[person])
  for (const person of everyone) await tabs[person].drained()
  return { world, ...users, tabs, publicId, internalId, privateId, tab }
}

export async function made(by: User, path: string, body: object): Promise<Data> {
  const answer = await by.post(path, body)
  assert.ok(answer.status === 200 || answer.status === 201, `${path}: ${JSON.stringify(answer.body)}`)
  return answer.body as unknown
}

/** These people's tabs join the channel, and what that tells everybody is taken off. */
export async function joinAll({ tabs }: Pick<Scene, 'tabs'>, channelId: number, who: readonly Someone[]): Promise<void> {
  for (const person of who) await tabs[person].done('join_channel', channelId)
  for (const person of everyone) await tabs[person].drained()
}

/**
 * Exactly these events come to exactly these people, in this order, as the document writes them; to everybody else
 * comes nothing.
 */
export async function expectEvents(
  { tabs }: Pick<Scene, 'tabs'>,
  expected: Partial<Record<Someone, readonly EventName[]>>,
): Promise<Partial<Record<Someone, Data[]>>> {
  const got: Partial<Record<Someone, Data[]>> = {}
  for (const person of everyone) {
    for (const name of expected[person] ?? []) (got[person] ??= []).push(await tabs[person].expect(name))
  }
  for (const person of everyone) {
    const more = await tabs[person].drained()
    assert.deepEqual(more, [], `${person} got more: ${JSON.stringify(more)}`)
  }
  return got
}
