import type { Clock } from './clock.ts'
import type { Ticket, TimingWheel } from './timing-wheel.ts'

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
   * Places in which one connection can be typing at once. A person types in one; without a bound a hostile client
   * fills the memory of the server and the screens of everybody.
   */
  readonly maxPlaces?: number
  /**
   * Milliseconds from one beginning of a person in a place to the next that is told: a client that says on and off
   * in turns must not reach everybody in the place each time. A beginning in between is told when they are over, if
   * it still holds. 0: at once, the default.
   */
  readonly restMs?: number
  /** Whether a connection is still there, asked when a beginning was put off. */
  readonly isOpen?: (connection: unknown) => boolean
  /** Called when a person begins to type in a place with any device, and when they no longer do with the last. */
  readonly signal: (place: string, person: TypingPerson, typing: boolean) => void
}

/** A person who types in a place, with one device or more. */
interface Typist<C> {
  readonly place: string
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
  private readonly maxPlaces: number
  /** Of each place the typists by their userId, which is what events name. */
  private readonly places = new Map<string, Map<string, Typist<C>>>()
  /** The shares of each connection, the one refreshed longest ago first. */
  private readonly connections = new Map<C, Set<Share<C>>>()
  /** By place and person. */
  private readonly resting = new Map<string, Rest<C>>()

  constructor(options: TypistsOptions) {
    this.options = options
    this.maxPlaces = options.maxPlaces ?? 16
  }

  /** The device types there, or still does. In one place too many, it stops in the one it left alone longest. */
  start(place: string, person: TypingPerson, connection: C): void {
    const share = this.find(place, person.userId)?.devices.get(connection)
    if (share) return this.prolong(share)
    const rest = this.resting.get(keyOf(place, person.userId))
    if (rest) return void (rest.again = { person, connection })
    this.add(place, person, connection)
    const shares = this.connections.get(connection)
    if (!shares || shares.size <= this.maxPlaces) return
    const [oldest] = shares
    if (oldest) this.end(oldest)
  }

  /** The device no longer types there; of one that did not, nothing is said. */
  stop(place: string, userId: string, connection: C): void {
    const share = this.find(place, userId)?.devices.get(connection)
    if (share) this.end(share)
    const rest = this.resting.get(keyOf(place, userId))
    if (rest?.again?.connection === connection) rest.again = undefined
  }

  /** They posted there, or left it: no device of theirs types there any more. */
  stopAll(place: string, userId: string): void {
    for (const share of this.find(place, userId)?.devices.values() ?? []) this.end(share)
    const rest = this.resting.get(keyOf(place, userId))
    if (rest) rest.again = undefined
  }

  /** The connection has closed. */
  gone(connection: C): void {
    for (const share of this.connections.get(connection) ?? []) this.end(share)
  }

  /** The place is deleted: nobody is left who would want to hear that somebody stopped. */
  closed(place: string): void {
    for (const typist of this.places.get(place)?.values() ?? []) {
      for (const share of typist.devices.values()) this.release(share)
    }
    this.places.delete(place)
  }

  /** Everything kept; zero when nobody types. */
  get size(): number {
    return this.places.size + this.connections.size + this.resting.size
  }

  private find(place: string, userId: string): Typist<C> | undefined {
    return this.places.get(place)?.get(userId)
  }

  private add(place: string, person: TypingPerson, connection: C): void {
    const known = this.find(place, person.userId)
    const typist = known ?? this.newTypist(place, person)
    const share: Share<C> = { typist, connection, until: 0, ending: undefined }
    typist.devices.set(connection, share)
    this.prolong(share)
    this.watch(share, this.options.expiryMs)
    if (!known) this.options.signal(place, typist.person, true)
  }

  private newTypist(place: string, person: TypingPerson): Typist<C> {
    const typist: Typist<C> = { place, person, devices: new Map(), since: this.options.clock.monotonic() }
    let typists = this.places.get(place)
    if (!typists) this.places.set(place, (typists = new Map()))
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
    const { place, person, devices } = share.typist
    this.release(share)
    devices.delete(share.connection)
    if (devices.size > 0) return
    const typists = this.places.get(place)
    typists?.delete(person.userId)
    if (typists?.size === 0) this.places.delete(place)
    this.options.signal(place, person, false)
    this.rest(share.typist)
  }

  private rest({ place, person, since }: Typist<C>): void {
    const { restMs = 0, clock, wheel, isOpen = () => true } = this.options
    const left = since + restMs - clock.monotonic()
    if (left <= 0) return
    const key = keyOf(place, person.userId)
    wheel.schedule(left, () => {
      const again = this.resting.get(key)?.again
      this.resting.delete(key)
      if (again && isOpen(again.connection)) this.start(place, again.person, again.connection)
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

const keyOf = (place: string, userId: string): string => `${place} ${userId}`
