import type { Clock } from '../../kernel/clock.ts'
import { Presence } from '../../kernel/presence.ts'
import type { Ticket, TimingWheel } from '../../kernel/timing-wheel.ts'

export type Status = 'online' | 'away' | 'offline'

/** How a person stands in a workspace, as everybody there sees it. */
export interface Standing {
  readonly workspace: string
  readonly accountId: number
  readonly userId: string
  readonly status: Status
  /** Wall clock, milliseconds, when the status became this. */
  readonly since: number
}

export interface Arrival {
  readonly accountId: number
  readonly userId: string
  /** The person's own setting, as it is kept. Of somebody who is present already, setAway has told it. */
  readonly away: boolean
}

export interface RosterOptions {
  readonly wheel: TimingWheel
  readonly clock: Clock
  /** Milliseconds a person stays present after the last connection went, so that a reconnect is invisible. */
  readonly graceMs: number
  /** Milliseconds without activity on any device after which a person is away; 0: never. */
  readonly idleMs: number
  /** Called exactly when the status of a person in a workspace changes; what was announced is what `present` gives. */
  readonly announce: (change: Standing) => void
}

/** An account that is present somewhere: activity is one thing for all its workspaces and devices. */
interface Account {
  readonly id: number
  readonly persons: Set<Person>
  /** Monotonic time of the last activity. */
  last: number
  idle: boolean
  idling: Ticket | undefined
}

interface Person {
  readonly account: Account
  readonly place: Place
  away: boolean
  standing: Standing
}

interface Place {
  readonly workspace: string
  readonly persons: Map<number, Person>
  version: number
}

/**
 * Who is online, away or offline in each workspace. A person is present from the first connection until a grace
 * after the last; away, while present, by their own setting for that workspace or because the account did nothing
 * on any device for the idle time. Whoever is not kept here is offline.
 */
export class Roster<C> {
  private readonly options: RosterOptions
  private readonly presence: Presence<Person, C, void>
  private readonly accounts = new Map<number, Account>()
  private readonly places = new Map<string, Place>()
  /** One count for all workspaces, so that one that empties and fills again does not repeat a version. */
  private changes = 0

  constructor(options: RosterOptions) {
    this.options = options
    const { wheel, graceMs } = options
    this.presence = new Presence({ wheel, graceMs, onOffline: (person) => this.forget(person) })
  }

  /** A connection of the person has opened. */
  arrive(workspace: string, arrival: Arrival, connection: C): void {
    const account = this.accounts.get(arrival.accountId) ?? this.newAccount(arrival.accountId)
    const place = this.places.get(workspace) ?? this.newPlace(workspace)
    const person = place.persons.get(account.id) ?? this.newPerson(place, account, arrival)
    this.presence.add(person, connection)
    const woken = this.wake(account)
    // Who is new first: until then `present` would give somebody of whom nothing was said.
    this.refresh(person)
    if (woken) this.refreshAll(account)
  }

  /** A connection has closed; again, or one that never arrived, is nothing. */
  leave(workspace: string, accountId: number, connection: C): void {
    const person = this.find(workspace, accountId)
    if (person) this.presence.remove(person, connection)
  }

  /** The account did something. Called on every request: two look-ups, and no ticket unless it was idle. */
  active(accountId: number): void {
    const account = this.accounts.get(accountId)
    if (account && this.wake(account)) this.refreshAll(account)
  }

  /** The person's setting for this workspace was changed. It wins over activity; ending it is activity. */
  setAway(workspace: string, accountId: number, away: boolean): void {
    const person = this.find(workspace, accountId)
    if (person) person.away = away
    if (!away) this.active(accountId)
    if (person) this.refresh(person)
  }

  /** Removed from the workspace: gone at once, without a grace. */
  evict(workspace: string, accountId: number): void {
    const person = this.find(workspace, accountId)
    if (person && this.presence.drop(person)) this.forget(person)
  }

  statusOf(workspace: string, accountId: number): Status {
    return this.find(workspace, accountId)?.standing.status ?? 'offline'
  }

  /** Everybody who is not offline, those in their grace included. */
  *present(workspace: string): Iterable<Standing> {
    for (const person of this.places.get(workspace)?.persons.values() ?? []) yield person.standing
  }

  /** Differs whenever what `present` gives differs, and changes for nothing else: a key for its encoded form. */
  version(workspace: string): number {
    return this.places.get(workspace)?.version ?? 0
  }

  /** Everything kept; zero when all have gone and their graces are over. */
  get size(): number {
    return this.presence.size + this.accounts.size + this.places.size
  }

  private find(workspace: string, accountId: number): Person | undefined {
    return this.places.get(workspace)?.persons.get(accountId)
  }

  private newAccount(id: number): Account {
    const last = this.options.clock.monotonic()
    const account: Account = { id, persons: new Set(), last, idle: false, idling: undefined }
    this.accounts.set(id, account)
    this.watch(account, this.options.idleMs)
    return account
  }

  private newPlace(workspace: string): Place {
    const place: Place = { workspace, persons: new Map(), version: 0 }
    this.places.set(workspace, place)
    return place
  }

  private newPerson(place: Place, account: Account, { userId, away }: Arrival): Person {
    const { workspace } = place
    const standing: Standing = { workspace, accountId: account.id, userId, status: 'offline', since: 0 }
    const person: Person = { account, place, away, standing }
    place.persons.set(account.id, person)
    account.persons.add(person)
    return person
  }

  private forget(person: Person): void {
    const { account, place } = person
    place.persons.delete(account.id)
    if (place.persons.size === 0) this.places.delete(place.workspace)
    account.persons.delete(person)
    if (account.persons.size === 0) {
      account.idling?.cancel()
      this.accounts.delete(account.id)
    }
    this.refresh(person)
  }

  /** True when it was idle. */
  private wake(account: Account): boolean {
    account.last = this.options.clock.monotonic()
    if (!account.idle) return false
    account.idle = false
    this.watch(account, this.options.idleMs)
    return true
  }

  /** Activity moves no ticket: the ticket looks at the last activity when it fires, and puts itself off. */
  private watch(account: Account, ms: number): void {
    const { wheel, clock, idleMs } = this.options
    if (idleMs === 0) return
    account.idling = wheel.schedule(ms, () => {
      const rest = account.last + idleMs - clock.monotonic()
      if (rest > 0) return this.watch(account, rest)
      account.idle = true
      this.refreshAll(account)
    })
  }

  private refreshAll(account: Account): void {
    for (const person of account.persons) this.refresh(person)
  }

  /** The only place where a status changes: what it now is, compared with what was last said. */
  private refresh(person: Person): void {
    const status = this.statusNow(person)
    if (status === person.standing.status) return
    person.standing = { ...person.standing, status, since: this.options.clock.now() }
    person.place.version = this.changes += 1
    this.options.announce(person.standing)
  }

  private statusNow(person: Person): Status {
    if (!this.presence.has(person)) return 'offline'
    return person.away || person.account.idle ? 'away' : 'online'
  }
}
