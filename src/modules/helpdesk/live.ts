import type { Clock } from '../../kernel/clock.ts'
import type { Connection } from '../../kernel/connection.ts'
import type { LogEvent } from '../../kernel/event.ts'
import type { Hub } from '../../kernel/hub.ts'
import type { Presence } from '../../kernel/presence.ts'
import { Typists, type TypingPerson } from '../../kernel/typists.ts'
import { permissionsOf, roleOf, seesChannel, type Person, type Standing } from './policy.ts'
import { allRoom, channelsOf, chatRoom, homeRoom, joinedRoom, MODULE } from './rooms.ts'
import type { HelpdeskSettings } from './settings.ts'
import type { PersonAccess } from './store/access.ts'
import {
  frameOf,
  timestamp,
  type EventName,
  type OnlineUser,
  type Payload,
  type Permission,
  type PresenceStatus,
} from './wire.ts'

/** What a person shows of themself. */
export interface Status {
  readonly status: PresenceStatus
  readonly statusMessage: string | null
  readonly customStatus: string | null
}

/** Somebody with a tab, or in the grace after the last one went. */
interface Present extends Status {
  readonly person: Person
}

/** What decides whether a joined channel is still seen when the rights of who joined it change. */
type JoinedAs = Pick<Standing, 'visibility' | 'member'>

export interface LiveOptions {
  readonly hub: Hub
  readonly clock: Clock
  readonly settings: HelpdeskSettings
  /** The last tab of somebody has left a channel without a word. */
  readonly onLeft: (channel: number, user: number) => void
  /** What somebody who is there may do is another thing now. */
  readonly onChanged: (user: number, held: ReadonlySet<Permission>) => void
}

/** One beginning a second is what a person can mean; a hostile client means to reach a whole room with each frame. */
const TYPING_REST_MS = 1_000

const keyOf = (channel: number, user: number): string => `${channel}:${user}`

/** What is true only while people are connected: who is there, who has joined what, who types. Never in the log. */
export class Live {
  private readonly options: LiveOptions
  private readonly presence: Presence<number, Connection, undefined>
  private readonly people = new Map<number, Present>()
  /** What was set while the first tab of somebody was on its way in. */
  private readonly early = new WeakMap<Connection, { readonly user: number; readonly status: Status }>()
  /** By channel and person: their tabs that have joined it. */
  private readonly joined: Presence<string, Connection, undefined>
  private readonly standings = new Map<string, JoinedAs & { readonly name: string }>()
  private readonly typists: Typists<Connection>
  private changes = 0
  private online: string | undefined

  constructor(options: LiveOptions) {
    const { hub, clock, settings } = options
    this.options = options
    const { presenceGraceMs: graceMs } = settings
    this.presence = hub.presence({ graceMs, onOffline: (user) => this.left(user) })
    this.joined = hub.presence({ graceMs, onOffline: (key) => this.droppedOut(key) })
    this.typists = new Typists({
      wheel: hub.wheel,
      clock,
      expiryMs: settings.typingMs,
      restMs: TYPING_REST_MS,
      isOpen: (connection) => (connection as Connection).session !== undefined,
      signal: (place, person, typing) =>
        this.tellTyping(Number(place), person as TypingPerson & { name: string }, typing),
    })
    hub.keeps('presences', () => this.people.size + this.standings.size)
    hub.keeps('typists', () => this.typists.size)
    clock.every(settings.sweepMs, () => this.sweep())
  }

  /** Another one than before: rights have changed meanwhile, and what was read before need not hold any more. */
  get version(): number {
    return this.changes
  }

  /** A tab has come and is live. What its person had set for an earlier visit holds, but nobody comes in as offline. */
  opened(connection: Connection, person: PersonAccess): void {
    const user = person.actor_id
    const first = !this.people.has(user)
    if (first) {
      const early = this.early.get(connection)
      this.people.set(user, { person, ...(early?.user === user ? early.status : statusOnComing(person)) })
    }
    this.presence.add(user, connection)
    this.online = undefined
    if (first) this.announce(user, 'status_change')
  }

  closed(connection: Connection, user: number): void {
    this.typists.gone(connection)
    for (const channel of channelsOf(connection.rooms)) this.joined.remove(keyOf(channel, user), connection, undefined)
    this.presence.remove(user, connection, undefined)
    this.online = undefined
  }

  /** Has a tab, or had one a moment ago. */
  isThere(user: number): boolean {
    return this.presence.has(user)
  }

  /** What others see of a person now. */
  statusOf(user: number): Status {
    const there = this.people.get(user)
    if (!there || !mayChat(there.person)) return { status: 'offline', statusMessage: null, customStatus: null }
    const { status, statusMessage, customStatus } = there
    return { status, statusMessage, customStatus }
  }

  /** JSON of a list of `OnlineUser`: one for everybody who asks while nothing changes. */
  get onlineUsers(): string {
    return (this.online ??= JSON.stringify(this.listOnline()))
  }

  /** The person has set it, on any door; everybody is told, whether or not it is another one than before. */
  statusSet(user: number, status: Status): void {
    const there = this.people.get(user)
    if (!there) {
      const { rooms } = this.options.hub
      for (const connection of rooms.members(homeRoom(user))) this.early.set(connection, { user, status })
      return
    }
    this.people.set(user, { ...there, ...status })
    this.online = undefined
    this.announce(user, 'status_change')
  }

  /** The connection is in the channel's room and may be there. The others are told of a person's first tab. */
  join(connection: Connection, channel: number, standing: Standing): void {
    const user = standing.actor_id
    const key = keyOf(channel, user)
    const first = !this.joined.has(key)
    this.joined.add(key, connection)
    const { visibility, member, actor_name: name } = standing
    this.standings.set(key, { visibility, member, name })
    const payload: Payload<'user_joined'> = {
      userId: user,
      userDisplayName: name,
      userRole: roleOf(standing),
      channelId: channel,
      joinedAt: this.now(),
    }
    if (first) this.signal('user_joined', payload, [joinedRoom(channel)], [homeRoom(user)])
    // Who joins may wait for it: the document gives no other answer.
    connection.send(frameOf('user_joined', payload))
  }

  /** This tab has left. @returns whether it was the last of its person: then the others are told. */
  leave(connection: Connection, channel: number, user: number): boolean {
    this.typists.stop(String(channel), String(user), connection)
    this.options.hub.rooms.leave(connection, joinedRoom(channel))
    const key = keyOf(channel, user)
    const tabs = this.joined.holders(key)
    // One that is still being opened does not hold it yet, and must not take the others out.
    if (tabs.size > 1 || !tabs.has(connection)) {
      this.joined.remove(key, connection, undefined)
      return false
    }
    return this.out(channel, user, [joinedRoom(channel)])
  }

  /** They may not be there any more: all of their tabs are out, at once, and none of them hears of the others. */
  expel(channel: number, ...users: readonly number[]): void {
    this.changes += 1
    const { rooms } = this.options.hub
    for (const user of users) {
      for (const connection of rooms.members(homeRoom(user))) {
        this.typists.stop(String(channel), String(user), connection)
        rooms.leave(connection, joinedRoom(channel))
      }
    }
    for (const user of users) this.out(channel, user, [joinedRoom(channel), homeRoom(user)])
  }

  /** Somebody who may have joined already is a member from now on. */
  becameMember(channel: number, user: number): void {
    const key = keyOf(channel, user)
    const standing = this.standings.get(key)
    if (standing) this.standings.set(key, { ...standing, member: user })
  }

  /** Nobody may be there any more. */
  closeChannel(channel: number): void {
    this.typists.closed(String(channel))
    this.expel(channel, ...this.joinedBy(channel))
  }

  /** Who does not see the channel any more is out of it. */
  visibilityChanged(channel: number, visibility: Standing['visibility']): void {
    this.changes += 1
    const gone = this.joinedBy(channel).filter((user) => {
      const key = keyOf(channel, user)
      const standing = { ...this.standings.get(key)!, visibility }
      this.standings.set(key, standing)
      const person = this.people.get(user)?.person
      return !person || !seesChannel({ ...person, ...standing })
    })
    this.expel(channel, ...gone)
  }

  /** What a person may do is another thing now; holds for what they have open in this same turn. */
  personChanged(person: Person): void {
    this.changes += 1
    const user = person.actor_id
    const {
      hub: { rooms },
      onChanged,
    } = this.options
    // Also of somebody whose tabs have gone: a call waits longer for them than others do.
    onChanged(user, permissionsOf(person))
    const there = this.people.get(user)
    if (!there) return
    const before = mayChat(there.person)
    const after = mayChat(person)
    for (const key of this.standings.keys()) {
      const [channel, of] = key.split(':').map(Number) as [number, number]
      if (of === user && !seesChannel({ ...person, ...this.standings.get(key)! })) this.expel(channel, user)
    }
    if (before && !after) this.announce(user, 'status_change', 'offline')
    for (const connection of rooms.members(homeRoom(user))) rooms[after ? 'join' : 'leave'](connection, chatRoom)
    this.people.set(user, { ...there, person })
    this.online = undefined
    if (after && !before) this.announce(user, 'status_change')
  }

  typing(connection: Connection, channel: number, person: TypingPerson & { name: string }, isTyping: boolean): void {
    if (isTyping) this.typists.start(String(channel), person, connection)
    else this.typists.stop(String(channel), person.userId, connection)
  }

  onDelivered({ type, payload }: LogEvent): void {
    if (type !== 'chat:new_message' || payload === null || this.typists.size === 0) return
    // Who has sent it does not type any more.
    const { channelId, userId } = JSON.parse(payload) as Payload<'chat:new_message'>
    this.typists.stopAll(String(channelId), String(userId))
  }

  /** Connections that nobody answers on any more, and leases of such that have gone unnoticed. */
  private sweep(): void {
    const { hub, clock } = this.options
    for (const connection of hub.rooms.members(allRoom)) {
      if (clock.monotonic() - connection.seen > hub.limits.pongWaitMs) connection.lose()
    }
    for (const user of this.people.keys()) {
      for (const connection of this.presence.holders(user)) {
        if (!hub.connections.has(connection)) this.closed(connection, user)
      }
    }
  }

  private listOnline(): OnlineUser[] {
    const online: OnlineUser[] = []
    for (const [userId, { person, status }] of this.people) {
      if (status === 'offline' || !mayChat(person)) continue
      online.push({ userId, status, connectionCount: this.presence.count(userId) })
    }
    return online
  }

  /** People with a tab in it, or in the grace after their last. */
  private joinedBy(channel: number): number[] {
    return [...this.standings.keys()]
      .map((key) => key.split(':').map(Number) as [number, number])
      .filter(([of]) => of === channel)
      .map(([, user]) => user)
  }

  private left(user: number): void {
    this.announce(user, 'disconnect', 'offline')
    this.people.delete(user)
    this.online = undefined
  }

  private droppedOut(key: string): void {
    const [channel, user] = key.split(':').map(Number) as [number, number]
    this.tellLeft(channel, user, 'disconnect', [joinedRoom(channel)])
    this.options.onLeft(channel, user)
  }

  private out(channel: number, user: number, told: readonly string[]): boolean {
    if (!this.joined.drop(keyOf(channel, user))) return false
    this.tellLeft(channel, user, 'leave', told)
    return true
  }

  private tellLeft(channel: number, user: number, reason: 'leave' | 'disconnect', to: readonly string[]): void {
    const key = keyOf(channel, user)
    const userDisplayName = this.standings.get(key)?.name ?? ''
    this.standings.delete(key)
    this.signal('user_left', { userId: user, userDisplayName, channelId: channel, leftAt: this.now(), reason }, to)
  }

  /** Both events of the document, old and new, from the one state there is. */
  private announce(user: number, reason: Payload<'presence_updated'>['reason'], shown?: PresenceStatus): void {
    const there = this.people.get(user)
    if (!there || !mayChat(there.person)) return
    const { person, statusMessage, customStatus } = there
    const status = shown ?? there.status
    this.signal(
      'presence_updated',
      {
        userId: user,
        userDisplayName: person.actor_name,
        status,
        statusMessage,
        customStatus,
        timestamp: this.now(),
        reason,
      },
      [chatRoom],
    )
    this.signal('presence:update', { userId: user, status, connectionCount: this.presence.count(user) }, [chatRoom])
  }

  private tellTyping(channel: number, person: TypingPerson & { name: string }, isTyping: boolean): void {
    const payload = { userId: person.accountId, userDisplayName: person.name, isTyping, channelId: channel }
    this.signal('chat:user_typing', payload, [joinedRoom(channel)], [homeRoom(person.accountId)])
  }

  private signal<N extends EventName>(
    type: N,
    payload: Payload<N> & object,
    to: readonly string[],
    except?: readonly string[],
  ): void {
    this.options.hub.signal({ module: MODULE, type, audience: { to, except }, payload })
  }

  private now(): string {
    return timestamp(this.options.clock.now())
  }
}

const mayChat = (person: Person): boolean => permissionsOf(person).has('chat.access')

function statusOnComing({ status, status_message, custom_status }: PersonAccess): Status {
  const shown = status === null || status === 'offline' ? 'online' : status
  return { status: shown, statusMessage: status_message, customStatus: custom_status }
}
