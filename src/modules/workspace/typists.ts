import type { Clock } from '../../kernel/clock.ts'
import type { Ticket, TimingWheel } from '../../kernel/timing-wheel.ts'

export interface TypingPerson {
  readonly accountId: number
  readonly userId: string
}

export interface TypistsOptions {
  readonly wheel: TimingWheel
  readonly clock: Clock
  /** Milliseconds after which a device that said nothing more no longer types. */
  readonly expiryMs: number
  /**
   * Channels in which one connection can be typing at once. A person types in one; without a bound a hostile client
   * fills the memory of the server and the screens of everybody.
   */
  readonly maxChannels?: number
  /**
   * Milliseconds from one beginning of a person in a channel to the next that is told: a client that says on and off
   * in turns must not reach everybody in the channel each time. A beginning in between is told when they are over, if
   * it still holds. 0: at once, the default.
   */
  readonly restMs?: number
  /** Whether a connection is still there, asked when a beginning was put off. */
  readonly isOpen?: (connection: unknown) => boolean
  /** Called when a person begins to type in a channel with any device, and when they no longer do with the last. */
  readonly signal: (channel: string, person: TypingPerson, typing: boolean) => void
}

/** A person who types in a channel, with one device or more. */
interface Typist<C> {
  readonly channel: string
  readonly person: TypingPerson
  readonly devices: Map<C, Share<C>>
  /** Monotonic. */
  readonly since: number
}

/** Somebody who has begun and stopped a moment ago. */
interface Rest<C> {
  /** They have begun again. */
  again: { readonly person: TypingPerson; readonly connection: C } | undefined
}

/** One device's part in it. */
interface Share<C> {
  readonly typist: Typist<C>
  readonly connection: C
  /** Monotonic time at which it ends by itself. */
  until: number
  ending: Ticket | undefined
}

/** Who types where. Typing is never kept: it ends by word, by silence, or with the connection. */
export class Typists<C> {
  private readonly options: TypistsOptions
  private readonly maxChannels: number
  /** Of each channel the typists by their userId, which is what events name. */
  private readonly channels = new Map<string, Map<string, Typist<C>>>()
  /** The shares of each connection, the one refreshed longest ago first. */
  private readonly connections = new Map<C, Set<Share<C>>>()
  /** By channel and person. */
  private readonly resting = new Map<string, Rest<C>>()

  constructor(options: TypistsOptions) {
    this.options = options
    this.maxChannels = options.maxChannels ?? 16
  }

  /** The device types there, or still does. In one channel too many, it stops in the one it left alone longest. */
  start(channel: string, person: TypingPerson, connection: C): void {
    const share = this.find(channel, person.userId)?.devices.get(connection)
    if (share) return this.prolong(share)
    const rest = this.resting.get(keyOf(channel, person.userId))
    if (rest) return void (rest.again = { person, connection })
    this.add(channel, person, connection)
    const shares = this.connections.get(connection)
    if (!shares || shares.size <= this.maxChannels) return
    const [oldest] = shares
    if (oldest) this.end(oldest)
  }

  /** The device no longer types there; of one that did not, nothing is said. */
  stop(channel: string, userId: string, connection: C): void {
    const share = this.find(channel, userId)?.devices.get(connection)
    if (share) this.end(share)
    const rest = this.resting.get(keyOf(channel, userId))
    if (rest?.again?.connection === connection) rest.again = undefined
  }

  /** They posted there, or left it: no device of theirs types there any more. */
  stopAll(channel: string, userId: string): void {
    for (const share of this.find(channel, userId)?.devices.values() ?? []) this.end(share)
    const rest = this.resting.get(keyOf(channel, userId))
    if (rest) rest.again = undefined
  }

  /** The connection has closed. */
  gone(connection: C): void {
    for (const share of this.connections.get(connection) ?? []) this.end(share)
  }

  /** The channel is deleted: nobody is left who would want to hear that somebody stopped. */
  closed(channel: string): void {
    for (const typist of this.channels.get(channel)?.values() ?? []) {
      for (const share of typist.devices.values()) this.release(share)
    }
    this.channels.delete(channel)
  }

  /** Everything kept; zero when nobody types. */
  get size(): number {
    return this.channels.size + this.connections.size + this.resting.size
  }

  private find(channel: string, userId: string): Typist<C> | undefined {
    return this.channels.get(channel)?.get(userId)
  }

  private add(channel: string, person: TypingPerson, connection: C): void {
    const known = this.find(channel, person.userId)
    const typist = known ?? this.newTypist(channel, person)
    const share: Share<C> = { typist, connection, until: 0, ending: undefined }
    typist.devices.set(connection, share)
    this.prolong(share)
    this.watch(share, this.options.expiryMs)
    if (!known) this.options.signal(channel, typist.person, true)
  }

  private newTypist(channel: string, person: TypingPerson): Typist<C> {
    const typist: Typist<C> = { channel, person, devices: new Map(), since: this.options.clock.monotonic() }
    let typists = this.channels.get(channel)
    if (!typists) this.channels.set(channel, (typists = new Map()))
    typists.set(person.userId, typist)
    return typist
  }

  /** Moves no ticket, so that a key held down costs nothing: the ticket looks at `until` when it fires. */
  private prolong(share: Share<C>): void {
    share.until = this.options.clock.monotonic() + this.options.expiryMs
    let shares = this.connections.get(share.connection)
    if (!shares) this.connections.set(share.connection, (shares = new Set()))
    shares.delete(share)
    shares.add(share)
  }

  private watch(share: Share<C>, ms: number): void {
    share.ending = this.options.wheel.schedule(ms, () => {
      const rest = share.until - this.options.clock.monotonic()
      if (rest > 0) this.watch(share, rest)
      else this.end(share)
    })
  }

  private end(share: Share<C>): void {
    const { channel, person, devices } = share.typist
    this.release(share)
    devices.delete(share.connection)
    if (devices.size > 0) return
    const typists = this.channels.get(channel)
    typists?.delete(person.userId)
    if (typists?.size === 0) this.channels.delete(channel)
    this.options.signal(channel, person, false)
    this.rest(share.typist)
  }

  private rest({ channel, person, since }: Typist<C>): void {
    const { restMs = 0, clock, wheel, isOpen = () => true } = this.options
    const left = since + restMs - clock.monotonic()
    if (left <= 0) return
    const key = keyOf(channel, person.userId)
    wheel.schedule(left, () => {
      const again = this.resting.get(key)?.again
      this.resting.delete(key)
      if (again && isOpen(again.connection)) this.start(channel, again.person, again.connection)
    })
    this.resting.set(key, { again: undefined })
  }

  /** The connection and the wheel know nothing of it any more. */
  private release(share: Share<C>): void {
    share.ending?.cancel()
    const shares = this.connections.get(share.connection)
    shares?.delete(share)
    if (shares?.size === 0) this.connections.delete(share.connection)
  }
}

const keyOf = (channel: string, userId: string): string => `${channel} ${userId}`
