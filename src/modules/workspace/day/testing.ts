import assert from 'node:assert/strict'
import type { Client, Frame } from '../../../testing/client.ts'
import { testWorld, type User, type World } from '../../../testing/world.ts'
import { checkFrame, drained, made, workspaceProtocol } from '../testing.ts'

/** A thing of any list: what of it a person would read. */
interface Item {
  readonly id: string
  readonly user_id: string
  readonly message?: Item
  readonly parent?: Item
  readonly unread_replies?: number
  readonly username?: string
  readonly role?: string
  readonly status?: string
  readonly type?: string
  readonly name?: string
  readonly content?: string
  readonly deleted_at?: string | null
}

/** People at their devices, and what they see there, as lines a person could read out. */
export class Team {
  readonly world: World
  workspaceId = ''
  private readonly users = new Map<string, User>()
  private readonly screens = new Map<string, Client>()
  /** Of people and channels, by id. */
  private readonly names = new Map<string, string>()
  /** Of messages, by id: what they last said. */
  private readonly texts = new Map<string, string>()

  private constructor(world: World) {
    this.world = world
  }

  static async gather(names: readonly string[]): Promise<Team & AsyncDisposable> {
    const config = { pongWaitMs: 1e9, accessTokenMs: 1e9 }
    const team = new Team(await testWorld({ config }))
    for (const name of names) {
      const user = await team.world.user(name)
      team.users.set(name, user)
      team.names.set(user.uuid, name)
    }
    return Object.assign(team, { [Symbol.asyncDispose]: () => team.world.close() })
  }

  user(name: string): User {
    return this.users.get(name)!
  }

  /** A path in the workspace. */
  in(path: string): string {
    return `/api/workspaces/${this.workspaceId}${path}`
  }

  /** Somebody sits down at a device: `cy`, `cy phone`. What was to be seen at once is returned. */
  async sits(device: string, since = ''): Promise<string[]> {
    const user = this.user(device.split(' ')[0]!)
    const path = `/ws/${this.workspaceId}?token=${user.token}${since}`
    const client = this.world.client(path, { protocol: workspaceProtocol })
    await client.opened()
    this.screens.set(device, client)
    return this.looks(device)
  }

  screen(device: string): Client {
    return this.screens.get(device)!
  }

  /** The device is gone without a word. */
  async loses(device: string): Promise<void> {
    const before = this.world.app.hub.connections.size
    await this.screen(device).cut()
    this.screens.delete(device)
    while (this.world.app.hub.connections.size >= before) await new Promise((turn) => setImmediate(turn))
  }

  /** The device was shown the door. */
  async shutOut(device: string, code: number): Promise<void> {
    await this.screen(device).expectClose(code)
    this.screens.delete(device)
  }

  async channel(by: string, name: string, type: 'public' | 'private', others: readonly string[] = []): Promise<string> {
    const user_ids = others.map((other) => this.user(other).uuid)
    const { id } = await made(this.user(by), this.in('/channels'), { name, type, user_ids })
    this.names.set(id, `#${name}`)
    return id as string
  }

  async direct(by: string, others: readonly string[]): Promise<string> {
    const user_ids = others.map((other) => this.user(other).uuid)
    const { id } = await made(this.user(by), this.in('/channels'), { type: 'dm', user_ids })
    this.names.set(id, `(${[by, ...others].toSorted().join()})`)
    return id as string
  }

  async says(by: string, channel: string, content: string, more: object = {}): Promise<string> {
    const { id } = await made(this.user(by), `/api/channels/${channel}/messages`, { content, ...more })
    return id as string
  }

  /** What has come to one device since the last look. */
  async looks(device: string): Promise<string[]> {
    return (await drained(this.screen(device))).map((frame) => this.read(frame))
  }

  /** What has come to each device since the last look, and nothing else, and to the others nothing. */
  async see(expected: Readonly<Record<string, readonly string[]>>): Promise<void> {
    const seen: Record<string, string[]> = {}
    for (const device of this.screens.keys()) {
      const lines = await this.looks(device)
      if (lines.length > 0 || expected[device]) seen[device] = lines
    }
    assert.deepEqual(seen, expected)
  }

  /** What somebody finds in a list: a line for each thing. */
  async finds(name: string, path: string): Promise<string[]> {
    const { status, body } = await this.user(name).get(path)
    assert.equal(status, 200, JSON.stringify(body))
    return (body.items as Item[]).map((item) => this.readItem(item))
  }

  /** Unread and mentions of a channel, as a sidebar shows them. */
  async badge(name: string, channel: string): Promise<string> {
    const { items } = (await this.user(name).get(this.in('/unread'))).body
    const found = (items as { channel_id: string; unread_count: number; mention_count: number }[]).find(
      (item) => item.channel_id === channel,
    )
    return `${found?.unread_count} unread, ${found?.mention_count} for me`
  }

  knows(id: string, name: string): void {
    this.names.set(id, name)
  }

  private readItem(item: Item): string {
    if (item.message) return this.readItem(item.message)
    if (item.parent) return `${this.readItem(item.parent)} (${item.unread_replies} new replies)`
    if (item.username) return `${item.username}, ${item.role}`
    if (item.status) return `${this.names.get(item.user_id)} is ${item.status}`
    if (item.type) return item.type === 'dm' ? this.names.get(item.id)! : `#${item.name}`
    return `${this.names.get(item.user_id)}: ${item.deleted_at === null ? item.content : '(deleted)'}`
  }

  private read(frame: Frame): string {
    const { position: _, ...documented } = frame
    checkFrame(documented, this.workspaceId)
    const { type, data } = frame
    const text = (key: string): string => data[key] as string
    const channel = this.names.get(text(type.startsWith('channel.') ? 'id' : 'channel_id'))
    const who = this.names.get(text('user_id'))
    const about = `"${this.texts.get(text('message_id') ?? text('parent_message_id') ?? text('id'))}"`
    switch (type) {
      case 'message.new': {
        const files = (data['attachments'] as { name: string }[]).map(({ name }) => ` [${name}]`).join('')
        this.texts.set(text('id'), text('content'))
        return `${channel} ${who}: ${data['parent_message_id'] ? '↳ ' : ''}${text('content')}${files}`
      }
      case 'message.updated':
        return `${about} now says: ${text('content')}`
      case 'message.deleted':
        return `${about} is deleted`
      case 'reaction.added':
        return `${who} ${text('emoji')} ${about}`
      case 'reaction.removed':
        return `${who} no longer ${text('emoji')} ${about}`
      case 'thread.updated':
        return `${about} has ${text('reply_count')} replies`
      case 'typing.start':
        return `${who} types in ${channel}`
      case 'typing.stop':
        return `${who} stops typing in ${channel}`
      case 'presence.updated':
        return `${who} is ${text('status')}`
      case 'channel.created':
        return `there is ${text('type') === 'dm' ? channel : `#${text('name')}`}`
      case 'channel.updated':
        return `${channel} is #${text('name')}: ${text('description')}`
      case 'channel.deleted':
        return `there is no ${channel}`
      case 'member.joined':
        return `${who} comes into ${channel}`
      case 'member.left':
        return `${who} leaves ${channel}`
      default:
        return `${type} ${text('code') ?? ''}`
    }
  }
}

/** The same for each of these people. */
export const each = (devices: readonly string[], ...lines: readonly string[]): Record<string, readonly string[]> =>
  Object.fromEntries(devices.map((device) => [device, lines]))
