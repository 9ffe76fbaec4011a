import assert from 'node:assert/strict'
import type { ModuleName } from '../../config.ts'
import { eventChecker, SocketTab, type Data, type Received, type TabOptions } from '../../testing/tab.ts'
import { testWorld, type User, type World, type WorldOptions } from '../../testing/world.ts'
import { payloads, type EventName } from './wire.ts'

export type { Data, Received } from '../../testing/tab.ts'

export const checkEvent = eventChecker(payloads)

export class Tab extends SocketTab<EventName> {
  protected override check(event: Received): void {
    checkEvent(event)
  }

  protected override probe(): Promise<unknown> {
    return this.ask('leave_channel', 2_147_483_647)
  }
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
  tab(user: User, options?: TabOptions): Promise<Tab>
  close(): Promise<void>
}

/** Who comes with a token in the handshake is nobody else's client. Accounts are administered over the tracker. */
export const helpdeskAlone: readonly ModuleName[] = ['tracker', 'helpdesk']

export async function scene(options: WorldOptions = {}): Promise<Scene & AsyncDisposable> {
  const world = await testWorld({ modules: helpdeskAlone, ...options })
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
  const tab = async (user: User, how: TabOptions = {}): Promise<Tab> => {
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
