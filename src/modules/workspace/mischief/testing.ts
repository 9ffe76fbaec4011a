import assert from 'node:assert/strict'
import type { Random } from '../../../testing/random.ts'
import type { Answer, User } from '../../../testing/world.ts'
import { parsePosition } from '../../../wire/position.ts'
import { Model, type Message, type Read } from '../model.ts'

const offsetOf = (position: string): number => parsePosition(position)!.offset

/** A list and where in the log it was read; nothing when it is hidden (by now). */
async function readList(user: User, path: string): Promise<{ items: unknown[]; at: number } | undefined> {
  const { status, body } = await user.get(`${path}${path.includes('?') ? '&' : '?'}limit=200`)
  if (status === 404) return undefined
  assert.equal(status, 200, JSON.stringify(body))
  assert.ok((body.next_before ?? null) === null, `${path} has more than one page`)
  return { items: body.items as unknown[], at: offsetOf(body.position as string) }
}

/** One channel as a person finds it over REST; nothing when they do not see it (any more). */
export async function readChannel(user: User, id: string): Promise<Read | undefined> {
  const one = await user.get(`/api/channels/${id}`)
  if (one.status === 404) return undefined
  assert.equal(one.status, 200, JSON.stringify(one.body))
  const members = await readList(user, `/api/channels/${id}/members`)
  const history = await readList(user, `/api/channels/${id}/messages`)
  if (!members || !history) return undefined
  const messages = history.items as readonly Message[]
  const replies: Map<string, { items: readonly Message[]; at: number }> = new Map()
  for (const { id: root, reply_count } of messages) {
    // Without replies there is nothing to read; with none any more there is nothing to find.
    const under = reply_count > 0 ? await readList(user, `/api/messages/${root}/replies`) : undefined
    if (under) replies.set(root, under as { items: readonly Message[]; at: number })
  }
  return {
    channel: one.body as Read['channel'],
    at: offsetOf(one.headers.get('switchboard-position')!),
    members: (members.items as { user_id: string }[]).map(({ user_id }) => user_id),
    membersAt: members.at,
    history: messages,
    historyAt: history.at,
    replies,
  }
}

/** What REST says at this moment, as a person sees it: nothing to who is not a member. */
export async function readAll(user: User, workspaceId: string): Promise<Model> {
  const model = new Model(user.uuid)
  for (const archived of [false, true]) {
    const path = `/api/workspaces/${workspaceId}/channels?archived=${archived}`
    for (const { id } of ((await readList(user, path))?.items ?? []) as { id: string }[]) {
      const read = await readChannel(user, id)
      if (read) model.learn(read)
    }
  }
  return model
}

/** Who is there, as a person sees it. */
export async function readPresence(user: User, workspaceId: string): Promise<Map<string, string>> {
  const { status, body } = await user.get(`/api/workspaces/${workspaceId}/presence`)
  assert.equal(status, 200)
  return new Map((body.items as { user_id: string; status: string }[]).map((item) => [item.user_id, item.status]))
}

/** Reads what is in channels into which the person has come. */
export async function readWanted(user: User, model: Model): Promise<void> {
  for (const id of model.wanted) {
    const read = await readChannel(user, id)
    if (read) model.learn(read)
  }
  model.wanted.clear()
}

/** What was done, and by whom a channel was founded with it. */
export interface Deed {
  readonly what: string
  readonly status: number
  readonly founded?: { readonly by: User; readonly id: string }
}

const emoji = ['👍', '❤️', '🎉', '🚀']

/** Random deeds by random people; many are refused, which is part of it. */
export class Mischief {
  private readonly random: Random
  private readonly people: readonly User[]
  private readonly workspaceId: string
  private readonly channels: string[]
  private readonly messages: { readonly id: string; readonly channel: string }[] = []
  private readonly roles: readonly string[]
  private deeds = 0

  /**
   * @param people everybody who acts; the first is owner and stays so
   * @param channels that are there already; the first cannot be deleted
   * @param roles that are given to those who are members
   */
  constructor(
    random: Random,
    people: readonly User[],
    workspaceId: string,
    channels: readonly string[],
    roles: readonly string[] = ['guest', 'member', 'admin'],
  ) {
    this.roles = roles
    this.random = random
    this.people = people
    this.workspaceId = workspaceId
    this.channels = [...channels]
  }

  /** Something is tried, and when it is refused mostly something else. */
  async deed(): Promise<Deed> {
    let deed = await this.attempt()
    for (let more = this.random.int(4); more > 0 && deed.status >= 300; more -= 1) deed = await this.attempt()
    return deed
  }

  private async attempt(): Promise<Deed> {
    const { random } = this
    const by = random.pick(this.people)
    const n = (this.deeds += 1)
    const channel = random.pick(this.channels)
    const kind = random.int(100)
    const did = (what: string, { status }: Answer): Deed => ({ what: `${n}: ${by.name} ${what}`, status })
    const ws = `/api/workspaces/${this.workspaceId}`
    const at = `/api/channels/${channel}`
    const other = random.pick(this.people)
    if (kind < 9) return this.make(by, n, kind < 6 ? random.pick(['public', 'private']) : 'dm')
    if (kind < 16) return did(`joins ${channel}`, await by.post(`${at}/members`))
    if (kind < 22) {
      return did(`brings ${other.name} into ${channel}`, await by.post(`${at}/members`, { user_id: other.uuid }))
    }
    if (kind < 25) return did(`leaves ${channel}`, await by.delete(`${at}/members/me`))
    if (kind < 28) return did(`kicks ${other.name} from ${channel}`, await by.delete(`${at}/members/${other.uuid}`))
    if (kind < 31) {
      const change = random.pick([{ name: `n${n}` }, { description: `d${n}` }])
      return did(`changes ${channel}`, await by.patch(at, change))
    }
    if (kind < 35) {
      const type = random.pick(['public', 'private'])
      return did(`makes ${channel} ${type}`, await by.patch(at, { type }))
    }
    if (kind < 36) return did(`archives ${channel}`, await by.post(`${at}/archive`))
    if (kind < 37) return did(`unarchives ${channel}`, await by.post(`${at}/unarchive`))
    if (kind < 39) return did(`deletes ${channel}`, await by.delete(at))
    if (kind < 55) return this.write(by, n, channel, { content: `message ${n}` })
    const about = random.pick(this.messages)
    if (!about) return this.write(by, n, channel, { content: `message ${n}` })
    const it = `/api/messages/${about.id}`
    if (kind < 64) return this.write(by, n, about.channel, { content: `reply ${n}`, parent_message_id: about.id })
    if (kind < 69) return did(`edits ${about.id}`, await by.patch(it, { content: `edit ${n}` }))
    if (kind < 75) return did(`deletes ${about.id}`, await by.delete(it))
    const face = random.pick(emoji)
    if (kind < 82) return did(`${face} ${about.id}`, await by.post(`${it}/reactions`, { emoji: face }))
    if (kind < 85) {
      return did(`un${face} ${about.id}`, await by.delete(`${it}/reactions/${encodeURIComponent(face)}`))
    }
    // Whoever is owner stays in charge of the rest, or the workspace would be empty soon.
    const boss = random.pick([by, this.people[0]!])
    const whom = random.pick(this.people.slice(1))
    if (kind < 90) {
      const role = random.pick(this.roles)
      return did(`makes ${whom.name} ${role}`, await boss.patch(`${ws}/members/${whom.uuid}`, { role }))
    }
    if (kind < 94) {
      const status = random.pick(['away', 'online'])
      return did(`says ${status}`, await by.put(`${ws}/presence`, { status }))
    }
    if (kind < 95) return did('leaves the workspace', await by.delete(`${ws}/members/me`))
    if (kind < 96) return did(`removes ${whom.name}`, await boss.delete(`${ws}/members/${whom.uuid}`))
    return this.invite(boss, n, whom)
  }

  private async make(by: User, n: number, type: string): Promise<Deed> {
    const { random } = this
    const user_ids = this.people.filter(() => random.int(4) === 0).map(({ uuid }) => uuid)
    const body = { type, user_ids, ...(type !== 'dm' && { name: `c${n}` }) }
    const { status, body: channel } = await by.post(`/api/workspaces/${this.workspaceId}/channels`, body)
    const what = `${n}: ${by.name} makes ${type} ${channel.id} with ${user_ids.join()}`
    if (status >= 300) return { what, status }
    this.channels.push(channel.id)
    return status === 201 ? { what, status, founded: { by, id: channel.id } } : { what, status }
  }

  private async write(by: User, n: number, channel: string, message: object): Promise<Deed> {
    const { status, body } = await by.post(`/api/channels/${channel}/messages`, message)
    if (status === 201) this.messages.push({ id: body.id, channel })
    return { what: `${n}: ${by.name} writes in ${channel}`, status }
  }

  private async invite(boss: User, n: number, whom: User): Promise<Deed> {
    const { random } = this
    const role = random.pick(['guest', 'member', 'member'])
    const channel_ids = [random.pick([this.channels[0]!, random.pick(this.channels)])]
    const invite = { role, channel_ids, ...(random.int(2) === 0 && { email: `${whom.name}@example.com` }) }
    const what = `${n}: ${boss.name} invites ${whom.name} as ${role}`
    const made = await boss.post(`/api/workspaces/${this.workspaceId}/invites`, invite)
    if (made.status >= 300) return { what, status: made.status }
    const { id, token } = made.body as { id: string; token: string | null }
    const { status } =
      token === null ? await whom.post(`/api/invites/${id}/accept`) : await whom.post('/api/invites/accept', { token })
    return { what, status }
  }
}
