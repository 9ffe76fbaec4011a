import assert from 'node:assert/strict'
import { eventChecker, SocketTab, type Data, type Received, type TabOptions } from '../../testing/tab.ts'
import { testWorld, type User, type World, type WorldOptions } from '../../testing/world.ts'
import { additions, payloads, type EventName } from './wire.ts'

export type { Data, Received, TabOptions } from '../../testing/tab.ts'

export type Namespace = '/' | '/ws' | '/prds' | '/notifications'

const shapes = { ...payloads, ...additions }
export const checkEvent = eventChecker(shapes)

/** Heartbeats and what is another module's are left out. */
export class Tab extends SocketTab<EventName | keyof typeof additions> {
  /** The command must be refused with this code, in the acknowledgement and as an event. */
  async refused(code: string, name: string, ...args: unknown[]): Promise<Data> {
    const outcome = (await this.ask(name, ...args)) as { ok: boolean; code: string }
    assert.equal(outcome.code, code, `${name}: ${JSON.stringify(outcome)}`)
    if (code !== 'RATE_LIMIT_EXCEEDED') await this.expect('error', { code })
    return outcome
  }

  /** Joins a PRD; what that tells this tab is taken off. @returns `joined-prd` and the acknowledgement */
  async join(prdId: string, mode?: 'edit' | 'view'): Promise<Data> {
    const ack = (await this.done('join-prd', { prdId, ...(mode && { mode }) })) as object
    return { ...((await this.find('joined-prd')) as object), ack }
  }

  override async drained(): Promise<Received[]> {
    return (await super.drained()).filter(([name]) => name !== 'pong')
  }

  protected override check(event: Received): void {
    checkEvent(event)
  }

  protected override probe(): Promise<unknown> {
    return this.ask('ping')
  }

  protected override keeps(name: string): boolean {
    return name !== 'ping' && (Object.hasOwn(shapes, name) || name === 'resync')
  }
}

export type Someone = 'owner' | 'editor' | 'viewer' | 'member' | 'outsider'
export const everyone: readonly Someone[] = ['owner', 'editor', 'viewer', 'member', 'outsider']

/** People of an organisation and a PRD in it, and somebody who is in neither. */
export interface Scene extends Record<Someone, User> {
  readonly world: World
  /** Made by the admin of the server, who administers it. */
  readonly organizationId: string
  readonly admin: User
  /** Owned by `owner`, with `editor` and `viewer` by name; a member of the organisation may view it. Its text: 'Hello'. */
  readonly prdId: string
  /** Connected, on `/prds` unless another namespace is named. */
  tab(user: User, namespace?: Namespace, options?: TabOptions): Promise<Tab>
  /** Another PRD like the first. */
  prd(content: string, title?: string): Promise<string>
  close(): Promise<void>
}

/** Doubles of other systems, which are on this machine, may be called; what the AI says is passed on at once. */
export async function scene({ config, ...options }: WorldOptions = {}): Promise<Scene & AsyncDisposable> {
  const reaching = { outgoingPrivate: ['127.0.0.1'], prdAiChunkMs: 0 }
  const world = await testWorld({ modules: ['tracker', 'prd'], config: { ...reaching, ...config }, ...options })
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
  const users = {} as Record<Someone, User>
  for (const name of everyone) users[name] = await world.user(name)
  const organizationId = (await made(admin, '/api/organizations', { name: 'Acme' })).id as string
  for (const name of ['owner', 'editor', 'viewer', 'member'] as const) {
    await made(admin, `/api/organizations/${organizationId}/members`, { userId: userId(users[name]), role: 'member' })
  }
  const prd = async (content: string, title = 'User Authentication'): Promise<string> => {
    const { id } = await made(users.owner, '/api/prds', { organizationId, title, content })
    for (const role of ['editor', 'viewer'] as const) {
      const answer = await users.owner.put(`/api/prds/${id}/collaborators/${userId(users[role])}`, { role })
      assert.ok(answer.status < 300, JSON.stringify(answer.body))
    }
    return id as string
  }
  const prdId = await prd('Hello')
  const tab = (user: User, namespace: Namespace = '/prds', how: TabOptions = {}): Promise<Tab> => {
    const auth = { token: user.token, ...(how.auth as object | undefined) }
    const one = new Tab(world.url + (namespace === '/' ? '' : namespace), { ...how, auth })
    opened.push(one)
    return one.connected()
  }
  return { world, admin, ...users, organizationId, prdId, tab, prd }
}

export const userId = ({ id }: Pick<User, 'id'>): string => `user_${id}`

export async function made(by: User, path: string, body: object): Promise<Data> {
  const answer = await by.post(path, body)
  assert.ok(answer.status === 200 || answer.status === 201, `${path}: ${JSON.stringify(answer.body)}`)
  return answer.body as unknown
}

/** Section 2.3, as a plain client sends it. */
export const insert = (position: number, content: string) => ({ type: 'insert', position, content, timestamp: 1 })
export const remove = (position: number, length: number) => ({ type: 'delete', position, length, timestamp: 1 })
export const replace = (position: number, length: number, content: string) => ({
  type: 'replace',
  position,
  length,
  content,
  timestamp: 1,
})
