import type { Clock } from '../../kernel/clock.ts'
import type { Connection } from '../../kernel/connection.ts'
import { CommandError } from '../../kernel/errors.ts'
import type { LogEvent } from '../../kernel/event.ts'
import type { Hub } from '../../kernel/hub.ts'
import { retrySeconds, SlidingWindow } from '../../kernel/limits.ts'
import type { Presence } from '../../kernel/presence.ts'
import { Receipts } from '../../kernel/receipts.ts'
import type { Room } from '../../kernel/rooms.ts'
import { Typists, type TypingPerson } from '../../kernel/typists.ts'
import { homeRoom, joinedRoom, MODULE } from './rooms.ts'
import type { DatingSettings } from './settings.ts'
import { frameOf, timestamp, type EventName, type Payload, type UserStatus } from './wire.ts'

/** A person as others are told of them. */
export interface Person {
  readonly id: number
  readonly uuid: string
  readonly username: string
}

/** Who has just come, on one connection. */
export interface Arrival {
  readonly person: Person
  /** As they set it last. */
  readonly status: UserStatus
}

interface Present {
  readonly person: Person
  status: UserStatus
  /** Whether the others see them online, and since when (wall clock, milliseconds). */
  shown: boolean
  since: number
}

export interface LiveOptions {
  readonly hub: Hub
  readonly clock: Clock
  readonly settings: DatingSettings
  /** Everybody a person talks to now. */
  readonly partnersOf: (user: number) => Promise<readonly Person[]>
  /** Newest message to a person that is not proven to have arrived, and the offset of the log that was read at. */
  readonly newestTo: (user: number) => Promise<{ readonly message: number | undefined; readonly offset: number }>
  readonly onReceived: (user: number, until: number) => void
}

/** What is never kept: who is there, who types, and which message is being proven to have arrived. */
export class Live {
  private readonly options: LiveOptions
  private readonly presence: Presence<number, Connection, undefined>
  private readonly present = new Map<number, Present>()
  /** Announcements of one person go out one after the other. */
  private readonly telling = new Map<number, Promise<void>>()
  /** Reads of somebody's partners that are under way. */
  private readonly looks = new Set<{ readonly user: number; stale: boolean }>()
  private readonly typists: Typists<Connection>
  private readonly typingLimit: SlidingWindow<number>
  private readonly receipts: Receipts

  constructor(options: LiveOptions) {
    const { hub, clock, settings } = options
    this.options = options
    this.presence = hub.presence<number, Connection, undefined>({
      graceMs: settings.presenceGraceMs,
      onOffline: (user) => this.leave(user),
    })
    this.typingLimit = new SlidingWindow(clock, settings.typing)
    this.typists = new Typists({
      wheel: hub.wheel,
      clock,
      expiryMs: settings.typingMs,
      signal: (conversation, person, typing) => this.tellTyping(conversation, person as TypingPerson & Person, typing),
    })
    this.receipts = new Receipts({
      connectionsOf: (user) => [...hub.rooms.members(homeRoom(user))].filter((connection) => connection.live),
      onReceived: options.onReceived,
    })
    hub.keeps('presences', () => this.present.size + this.telling.size + this.looks.size)
    hub.keeps('typists', () => this.typists.size)
    hub.keeps('receipts', () => this.receipts.size)
  }

  /** A connection has caught up. It is told who of its person's partners is there; what it was sent is asked for. */
  opened(connection: Connection, { person, status }: Arrival): void {
    // What had been set for the last time they were here ends with it, but for who does not want to be seen.
    if (!this.present.has(person.id)) {
      const next = status === 'offline' ? 'online' : status
      this.present.set(person.id, { person, status: next, shown: false, since: this.options.clock.now() })
      if (next !== 'invisible') this.show(person.id, true)
    }
    this.presence.add(person.id, connection)
    this.greet(connection, person.id)
    this.proveWhatWasMissed(connection, person.id)
  }

  closed(connection: Connection, user: number): void {
    this.typists.gone(connection)
    this.presence.remove(user, connection, undefined)
  }

  /** What others are told of a person now. */
  isOnline(user: number): boolean {
    const there = this.present.get(user)
    return there !== undefined && there.shown && there.status !== 'invisible'
  }

  /** The person has set it; the document tells the others of online and offline alone. */
  setStatus(user: number, status: UserStatus): void {
    const there = this.present.get(user)
    if (!there) return
    there.status = status
    if (status === 'online') this.show(user, true)
    if (status === 'offline') this.show(user, false)
  }

  /**
   * Starts and stops count together. @throws rate_limited for a start too many; a stop too many still is one, so that
   * nobody seems to type for ever.
   */
  typing(connection: Connection, conversation: string, person: Person, isTyping: boolean): void {
    const wait = this.typingLimit.take(person.id)
    if (!isTyping) return this.typists.stop(conversation, person.uuid, connection)
    if (wait > 0) {
      throw new CommandError('rate_limited', 'Too many typing indicators', { retryAfter: retrySeconds(wait) })
    }
    this.typists.start(conversation, { ...person, accountId: person.id, userId: person.uuid }, connection)
  }

  /** This connection has left the conversation. */
  stopTyping(connection: Connection, conversation: string, userId: string): void {
    this.typists.stop(conversation, userId, connection)
  }

  /** Two people have found each other: each learns whether the other is there. */
  matched(a: Person, b: Person): void {
    this.lookAgain(a, b)
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const there = this.present.get(one.id)
      if (there && this.isOnline(one.id)) this.signal('user:online', online(there), [homeRoom(other.id)])
    }
  }

  /** They do not see each other any more. To each the other has gone, which is all there is to see. */
  parted(conversation: string | undefined, a: Person, b: Person): void {
    this.lookAgain(a, b)
    if (conversation !== undefined) this.typists.closed(conversation)
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (this.present.get(one.id)?.shown) this.signal('user:offline', this.offline(one), [homeRoom(other.id)])
    }
  }

  onDelivered({ type, payload, subject, audience }: LogEvent): void {
    if (payload === null || subject === null) return
    if (type !== 'conversation:unread' && type !== 'message:new') return
    const number = Number(/message:(\d+)$/.exec(subject)?.[1])
    const [room, home] = audience.to
    const recipients = this.accountsIn(room!)
    if (type === 'message:new') {
      const { message, sender } = JSON.parse(payload) as Payload<'message:new'>
      // Who has sent it does not type any more.
      this.typists.stopAll(message.conversation_id, sender.id)
      // A word of the server has no sender's room beside the conversation's.
      for (const user of home === undefined ? [] : this.accountsIn(home)) recipients.delete(user)
    }
    for (const user of recipients) this.receipts.sent(user, number)
  }

  private accountsIn(room: Room): Set<number> {
    const accounts = new Set<number>()
    for (const { session } of this.options.hub.rooms.members(room)) if (session) accounts.add(session.account.id)
    return accounts
  }

  private leave(user: number): void {
    const there = this.present.get(user)
    if (!there) return
    if (there.shown) this.show(user, false)
    this.present.delete(user)
  }

  private show(user: number, shown: boolean): void {
    const there = this.present.get(user)
    if (!there || there.shown === shown) return
    there.shown = shown
    there.since = this.options.clock.now()
    const [type, data] = shown
      ? (['user:online', online(there)] as const)
      : (['user:offline', this.offline(there.person)] as const)
    this.tellPartners(user, type, data)
  }

  /** Who of their partners is there now: a client that catches up reads as slowly as it likes. */
  private greet(connection: Connection, user: number): void {
    this.withPartners(user, (partners) => {
      for (const { id } of partners) {
        const there = this.present.get(id)
        if (there && this.isOnline(id) && connection.live) connection.send(onlineFrame(there))
      }
    }).catch(this.options.hub.onError)
  }

  /** A match or a parting that comes while partners are being read is told first: `tell` must not undo it. */
  private async withPartners(user: number, tell: (partners: readonly Person[]) => void): Promise<void> {
    const look = { user, stale: false }
    this.looks.add(look)
    try {
      for (;;) {
        look.stale = false
        const partners = await this.options.partnersOf(user)
        if (!look.stale) return tell(partners)
      }
    } finally {
      this.looks.delete(look)
    }
  }

  private lookAgain(...people: readonly Person[]): void {
    for (const look of this.looks) if (people.some(({ id }) => id === look.user)) look.stale = true
  }

  private tellPartners<N extends EventName>(user: number, type: N, data: Payload<N>): void {
    const before = this.telling.get(user) ?? Promise.resolve()
    const turn = before
      .then(() =>
        this.withPartners(user, (partners) => {
          if (!this.options.hub.isDraining)
            this.signal(
              type,
              data,
              partners.map(({ id }) => homeRoom(id)),
            )
        }),
      )
      .catch(this.options.hub.onError)
      .finally(() => {
        if (this.telling.get(user) === turn) this.telling.delete(user)
      })
    this.telling.set(user, turn)
  }

  /** Asks only when everything that was committed before the question has been put into its outbox. */
  private proveWhatWasMissed(connection: Connection, user: number): void {
    const { hub, newestTo } = this.options
    newestTo(user)
      .then(async ({ message, offset }) => {
        if (message === undefined) return
        await hub.fanout.reach(offset)
        if (connection.live) this.receipts.caughtUp(connection, user, message)
      })
      .catch(hub.onError)
  }

  private tellTyping(conversation: string, person: TypingPerson & Person, typing: boolean): void {
    this.options.hub.signal({
      module: MODULE,
      type: 'typing:indicator' satisfies EventName,
      audience: { to: [joinedRoom(conversation)], except: [homeRoom(person.id)] },
      payload: {
        conversation_id: conversation,
        user_id: person.uuid,
        username: person.username,
        is_typing: typing,
        timestamp: timestamp(this.options.clock.now()),
      } satisfies Payload<'typing:indicator'>,
    })
  }

  private signal<N extends EventName>(type: N, payload: Payload<N>, to: readonly string[]): void {
    if (to.length > 0) this.options.hub.signal({ module: MODULE, type, audience: { to }, payload })
  }

  private offline({ uuid, username }: Person): Payload<'user:offline'> {
    return { user_id: uuid, username, offline_at: timestamp(this.options.clock.now()) }
  }
}

const online = ({ person, since }: Present): Payload<'user:online'> => ({
  user_id: person.uuid,
  username: person.username,
  online_at: timestamp(since),
})

const onlineFrame = (there: Present): string => frameOf('user:online', online(there), there.since)
