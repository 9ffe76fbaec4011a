import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Config } from '../../../config.ts'
import type { Client } from '../../../testing/client.ts'
import { testWorld, type Answer, type User, type World } from '../../../testing/world.ts'
import { bringIn, connect, drained, made } from '../testing.ts'
import type { Role } from '../wire.ts'

/**
 * The people of the matrix, one column each. `…i` is in the channel that a row is about, `…o` is not.
 *
 * own, owo: owners. adi, ado: admins. mak: the member who made the channel. mei, meo: members. gui, guo: guests, each
 * in a channel of their own besides. str: a member of another workspace, and the administrator of the whole system.
 * rem: a member of this one, and of the channel, until a moment ago. ano: without a token, and with one that is none.
 */
export const columns = [
  'own', 'owo', 'adi', 'ado', 'mak', 'mei', 'meo', 'gui', 'guo', 'str', 'rem', 'ano',
] as const
export type Column = (typeof columns)[number]
export const insiders = columns.slice(0, 9)
/** Everybody with a connection to a workspace; the stranger's is to their own. */
export const listeners = columns.slice(0, 10)

/** What a row may be about. The archived channel is a public one; in `general` is everybody but guests. */
export const kinds = ['public', 'private', 'dm', 'archived', 'general'] as const
export type Kind = (typeof kinds)[number]

export const roleOf: Readonly<Partial<Record<Column, Role>>> = {
  own: 'owner', owo: 'owner',
  adi: 'admin', ado: 'admin',
  mak: 'member', mei: 'member', meo: 'member',
  gui: 'guest', guo: 'guest',
}
const inside: readonly Column[] = ['own', 'adi', 'mak', 'mei', 'gui']
const fellows: Readonly<Record<Kind, readonly Column[]>> = {
  public: inside, private: inside, dm: inside, archived: inside, general: columns.slice(0, 7),
}

/** No id of a test world. */
export const ABSENT = '00000000-0000-4000-8000-000000000000'

/** What a call is about: what stands in its path, its query and its body. */
export interface Target {
  readonly id?: string
  readonly user_id?: string
  readonly invite_id?: string
  readonly emoji?: string
  readonly query?: string
  readonly body?: unknown
}

let numbers = 0
export const unique = (): string => `n${(numbers += 1)}`

/** A workspace with everybody in it, a channel of each kind, in each a message, a reply and a file of a friend's. */
export class Cast {
  readonly world: World
  readonly users = {} as Record<Exclude<Column, 'ano'>, User>
  workspaceId = ''
  readonly channels = {} as Record<Kind, string>
  /** The friend's, with a reply, a file and a reaction; it calls everybody. */
  readonly messages = {} as Record<Kind, string>
  readonly files = {} as Record<Kind, string>
  /** What `rem` has left behind. */
  readonly left = { messages: {} as Record<Kind, string>, upload: '', sent: '' }
  readonly listening = {} as Record<Column, Client>
  // Played by nobody. In every channel: a member, a guest, an admin. Out of all but `general`: a member.
  friend!: User
  visitor!: User
  boss!: User
  newcomer!: User
  /** Of spare workspaces. */
  patron!: User
  foreignId = ''
  private guestDoor = ''
  private inArchive = 0
  private open: Promise<unknown> | undefined
  private readonly eye: DatabaseSync

  private constructor(world: World) {
    this.world = world
    this.eye = new DatabaseSync(join(world.folder, 'switchboard.db'), { readOnly: true })
  }

  static async begin(more: Partial<Config> = {}): Promise<Cast> {
    const config = {
      ...more,
      workspaceWritesPerMinute: 0, workspacePings: 0, workspaceFrames: 0, trackerWritesPerMinute: 0,
      workspacesPerAccount: 500, workspaceInvites: 5_000, workspaceUnsentUploads: 500,
    }
    const cast = new Cast(await testWorld({ config }))
    try {
      await cast.gather()
      return cast
    } catch (error) {
      await cast[Symbol.asyncDispose]()
      throw error
    }
  }

  get ws(): string {
    return `/api/workspaces/${this.workspaceId}`
  }

  isIn(kind: Kind, who: Column): boolean {
    return fellows[kind].includes(who)
  }

  user(who: Column): User {
    return this.users[who as Exclude<Column, 'ano'>]
  }

  private async gather(): Promise<void> {
    const { world, users } = this
    // The first account of all is the system's administrator.
    for (const who of ['str', ...insiders, 'rem'] as const) if (who !== 'ano') users[who] = await world.user(who)
    const { own, owo, adi, mak, mei, gui, rem, str } = users
    this.patron = await world.user('patron')
    this.foreignId = (await made(str, '/api/workspaces', { name: 'Elsewhere' })).id
    this.workspaceId = (await made(own, '/api/workspaces', { name: 'Acme' })).id
    const newcomers = ['friend', 'visitor', 'boss', 'newcomer'] as const
    for (const name of newcomers) this[name] = await world.user(name)
    const { friend, visitor, boss, newcomer } = this
    for (const who of [owo, mak, mei, users.meo, rem, friend, newcomer]) await bringIn(own, this.workspaceId, who)
    for (const who of [adi, users.ado, boss]) await bringIn(own, this.workspaceId, who, { role: 'admin' })
    await own.patch(`${this.ws}/members/${owo.uuid}`, { role: 'owner' })
    const place = async (by: User): Promise<string> =>
      (await made(by, `${this.ws}/channels`, { type: 'private', name: unique() })).id
    this.guestDoor = await place(own)
    const other = await place(owo)
    for (const who of [gui, visitor]) await bringIn(own, this.workspaceId, who, this.asGuest)
    await bringIn(owo, this.workspaceId, users.guo, { role: 'guest', channel_ids: [other] })
    this.channels.general = await this.generalOf(own, this.workspaceId)
    for (const kind of ['public', 'private', 'archived'] as const) {
      this.channels[kind] = await this.newLiving(kind, [rem])
    }
    this.channels.dm = (await made(mak, `${this.ws}/channels`, {
      type: 'dm',
      user_ids: [own, adi, mei, gui, friend, rem].map(({ uuid }) => uuid),
    })).id
    for (const kind of kinds) await this.furnish(kind)
    this.left.upload = await this.upload(rem)
    this.left.sent = this.files.public
    await made(mak, `/api/channels/${this.channels.archived}/archive`, {})
    await own.delete(`${this.ws}/members/${rem.uuid}`)
    for (const who of listeners) {
      this.listening[who] = await connect(world, who === 'str' ? this.foreignId : this.workspaceId, this.user(who))
    }
  }

  /** What a link for a guest of `own`'s is. */
  get asGuest(): object {
    return { role: 'guest', channel_ids: [this.guestDoor] }
  }

  private async furnish(kind: Kind): Promise<void> {
    const { friend } = this
    const path = `/api/channels/${this.channels[kind]}/messages`
    this.files[kind] = await this.upload(friend)
    const content = `needle @channel ${unique()}`
    const message = await made(friend, path, { content, attachment_ids: [this.files[kind]] })
    this.messages[kind] = message.id
    await made(friend, path, { content: 'a reply', parent_message_id: message.id })
    await made(friend, `/api/messages/${message.id}/reactions`, { emoji: '👍' })
    this.left.messages[kind] = (await made(this.users.rem, path, { content: 'of old' })).id
  }

  async generalOf(by: User, workspaceId: string): Promise<string> {
    const { body } = await by.get(`/api/workspaces/${workspaceId}/channels?limit=200`)
    return (body.items as { id: string; is_general: boolean }[]).find((one) => one.is_general)!.id
  }

  private async newLiving(kind: Kind, more: readonly User[] = []): Promise<string> {
    const { own, adi, mak, mei, gui } = this.users
    const people = [own, adi, mei, gui, this.friend, this.visitor, this.boss, ...more]
    const type = kind === 'private' ? 'private' : 'public'
    const user_ids = people.map(({ uuid }) => uuid)
    return (await made(mak, `${this.ws}/channels`, { type, name: unique(), user_ids })).id
  }

  /** Another one with the same people, where there can be one. */
  async newChannel(kind: Kind): Promise<string> {
    if (kind === 'dm' || kind === 'general') return this.channels[kind]
    const id = await this.newLiving(kind)
    if (kind === 'archived') await made(this.users.mak, `/api/channels/${id}/archive`, {})
    return id
  }

  /** Does something in a channel, whether it is archived or not; several may at once. */
  async within<T>(kind: Kind, deed: (path: string) => Promise<T>): Promise<T> {
    const path = `/api/channels/${this.channels[kind]}`
    if (kind !== 'archived') return deed(path)
    if ((this.inArchive += 1) === 1) this.open = made(this.users.mak, `${path}/unarchive`, {})
    await this.open
    const result = await deed(path)
    if ((this.inArchive -= 1) === 0) await made(this.users.mak, `${path}/archive`, {})
    return result
  }

  newMessage(kind: Kind, by: User = this.friend): Promise<string> {
    return this.within(kind, async (path) => (await made(by, `${path}/messages`, { content: 'words' })).id as string)
  }

  /** Written when they were in the channel, if they are not. */
  async ownMessage(kind: Kind, who: Column): Promise<string> {
    if (who === 'rem' || who === 'ano') return this.left.messages[kind]
    const user = this.users[who]
    if (this.isIn(kind, who)) return this.newMessage(kind, user)
    return this.within(kind, async (path) => {
      await made(this.users.own, `${path}/members`, { user_id: user.uuid })
      const { id } = await made(user, `${path}/messages`, { content: 'before I went' })
      assert.equal((await user.delete(`${path}/members/me`)).status, 204)
      return id as string
    })
  }

  async upload(by: User, id = this.workspaceId): Promise<string> {
    const target = { id, body: aFile() }
    const answer = await this.request('POST /workspaces/:id/attachments', target, by.token)
    assert.equal(answer.status, 201, JSON.stringify(answer.body))
    return answer.body.id as string
  }

  /** Somebody new in the workspace and the public channel. */
  async pawn(role: Role): Promise<User> {
    const { own } = this.users
    const user = await this.world.user(unique())
    await bringIn(own, this.workspaceId, user, role === 'guest' ? this.asGuest : {})
    await made(own, `/api/channels/${this.channels.public}/members`, { user_id: user.uuid })
    if (role !== 'guest' && role !== 'member') await own.patch(`${this.ws}/members/${user.uuid}`, { role })
    return user
  }

  /** Another workspace in which somebody is what they are here. */
  async spare(who: Column): Promise<string> {
    const { id } = await made(this.patron, '/api/workspaces', { name: 'Spare' })
    const role = roleOf[who]
    if (role === undefined) return this.workspaceId
    const user = this.user(who)
    const channel_ids = role === 'guest' ? [await this.generalOf(this.patron, id)] : []
    await bringIn(this.patron, id, user, { role: role === 'owner' ? 'admin' : role, channel_ids })
    if (role === 'owner') await this.patron.patch(`/api/workspaces/${id}/members/${user.uuid}`, { role })
    return id as string
  }

  /** Changes with every commit that wrote something, of events as well. */
  get version(): number {
    return Number(this.eye.prepare('PRAGMA data_version').get()!['data_version'])
  }

  /** A digest of every table. */
  dump(): Readonly<Record<string, string>> {
    const tables = this.eye.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()
    const digest = (name: string): string =>
      createHash('sha256').update(JSON.stringify(this.eye.prepare(`SELECT * FROM "${name}"`).all())).digest('hex')
    return Object.fromEntries(tables.map(({ name }) => [name, digest(String(name))]))
  }

  /** Files on the disk, whole or in part. */
  get fileCount(): number {
    const entries = readdirSync(join(this.world.folder, 'files'), { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).length
  }

  /** Whatever is under way has come to its end, and every connection is empty. @returns what was on them */
  async quiet(): Promise<Record<string, readonly string[]>> {
    const { app } = this.world
    await app.jobs.runDue()
    await app.unitOfWork.settled()
    const frames = await Promise.all(listeners.map((who) => drained(this.listening[who])))
    return Object.fromEntries(listeners.map((who, i) => [who, frames[i]!.map(({ type }) => type)]))
  }

  async expectNothing(): Promise<void> {
    await Promise.all(listeners.map((who) => this.listening[who].expectNothing()))
  }

  async call(route: string, target: Target, who: Column): Promise<Answer> {
    if (who !== 'ano') return this.request(route, target, this.users[who].token)
    const [none, garbage] = await Promise.all([this.request(route, target), this.request(route, target, 'garbage')])
    assert.equal(none.status, garbage.status)
    return none
  }

  private request(route: string, target: Target, token?: string): Promise<Answer> {
    const [method, pattern] = route.split(' ') as [string, string]
    const path = pattern.replaceAll(/:(\w+)/g, (_, name: keyof Target) => encodeURIComponent(String(target[name])))
    const query = target.query === undefined ? '' : `?${target.query}`
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return this.world.request(method, `/api${path}${query}`, target.body, headers)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.eye.close()
    await this.world.close()
  }
}

export function aFile(): FormData {
  const form = new FormData()
  form.append('file', new Blob(['some words']), 'words.txt')
  return form
}

/** What the cells of a row are about. With `each` it depends on the person; else one is shared by who is refused. */
export type Thing<K extends string> = (at: Cast, key: K, who: Column) => Target | Promise<Target>

export interface Door {
  readonly route: string
  /** Tells doors of one route apart. */
  readonly deed: string
  readonly thing: Thing<string>
  readonly each: boolean
  readonly rows: Readonly<Record<string, string>>
  readonly after: ((at: Cast, who: Column) => Promise<unknown>) | undefined
  /** One after the other: what one does the next would find done. */
  readonly inTurn: boolean
  /** Refused only after something was written, which is undone: the file was written to, its contents are the same. */
  readonly late: boolean
}

/** One deed: a row for each thing it may be done to; in it a word for each column. */
export function door<K extends string>(
  route: string,
  deed: string,
  thing: Thing<K>,
  rows: Readonly<Partial<Record<K, string>>>,
  options: Partial<Pick<Door, 'each' | 'inTurn' | 'late' | 'after'>> = {},
): Door {
  const known = { route, deed, thing: thing as Thing<string>, rows: rows as Record<string, string> }
  return { ...known, each: false, inTurn: false, late: false, after: undefined, ...options }
}

export const channel: Thing<Kind> = (at, kind) => ({ id: at.channels[kind] })
export const newChannel: Thing<Kind> = async (at, kind) => ({ id: await at.newChannel(kind) })
export const message: Thing<Kind> = (at, kind) => ({ id: at.messages[kind] })
export const newMessage: Thing<Kind> = async (at, kind) => ({ id: await at.newMessage(kind) })
/** Needs `each`. */
export const ownMessage: Thing<Kind> = async (at, kind, who) => ({ id: await at.ownMessage(kind, who) })
export const file: Thing<Kind> = (at, kind) => ({ id: at.files[kind] })
export const workspace = (at: Cast): Target => ({ id: at.workspaceId })
export const nothing = (): Target => ({})

/** The same thing with something more in the call. */
export const giving =
  <K extends string>(thing: Thing<K>, more: Target | Thing<K>): Thing<K> =>
  async (at, key, who) => ({
    ...(await thing(at, key, who)),
    ...(typeof more === 'function' ? await more(at, key, who) : more),
  })
