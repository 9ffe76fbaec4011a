import type { Clock } from '../../kernel/clock.ts'
import type { Ticket, TimingWheel } from '../../kernel/timing-wheel.ts'
import type { UnitOfWork } from '../../kernel/unit-of-work.ts'
import { accountsCutOff, deleteAllSessions } from './store/sessions.ts'

/** Whose connection it is, and where: a client that comes back comes to the same namespace. */
export interface Place {
  readonly accountId: number
  /** Identity of the login. */
  readonly login: string
  readonly offer: string
}

interface Lost {
  readonly login: string
  /** Monotonic milliseconds. */
  readonly until: number
  /** It had joined something. */
  readonly hadJoined: boolean
}

export interface ReturningOptions {
  readonly clock: Clock
  readonly wheel: TimingWheel
  /** Milliseconds in which a return is a return. */
  readonly forMs: number
  /** Most connections remembered; past it the longest gone are forgotten first. */
  readonly most: number
}

/**
 * Section 10.2: who is told `reconnect` when they come. A client says nothing of having been here before, so it is
 * known by its login and namespace. Of several connections of one that were lost together it cannot be told which comes
 * first: once one of them had joined something, each is told when it comes back.
 */
export class Returning {
  private readonly options: ReturningOptions
  /** By account and namespace, each the oldest first. */
  private readonly lost = new Map<string, Lost[]>()
  /** Accounts that had joined something when the process before this one ended. */
  private cut: ReadonlySet<number> = new Set()
  private count = 0
  private sweeping: Ticket | undefined

  constructor(options: ReturningOptions) {
    this.options = options
  }

  get size(): number {
    return this.count + this.cut.size
  }

  /** A connection has ended. */
  gone({ accountId, login, offer }: Place, hadJoined: boolean): void {
    const { clock, forMs, most } = this.options
    const key = keyOf(offer, accountId)
    const list = this.lost.get(key) ?? []
    list.push({ login, until: clock.monotonic() + forMs, hadJoined })
    // Behind the others: the first key is the one that longest nothing was added to.
    this.lost.delete(key)
    this.lost.set(key, list)
    this.count += 1
    if (this.count > most) this.forgetOldest()
    this.sweepLater(forMs)
  }

  /** An earlier process has ended, and with it every connection there was: whoever comes back is told. */
  cutOff(accountIds: Iterable<number>): void {
    this.cut = new Set(accountIds)
    if (this.cut.size === 0) return
    this.options.wheel.schedule(this.options.forMs, () => void (this.cut = new Set()))
  }

  /** A connection begins. @returns whether it is told that it has come back */
  take({ accountId, login, offer }: Place): boolean {
    if (this.cut.has(accountId)) return true
    const key = keyOf(offer, accountId)
    const list = this.stillLost(key)
    if (!list.some(({ hadJoined }) => hadJoined)) return false
    // Those that had joined nothing first: while one that had is left, so is the news for who comes next.
    const mine = [false, true].map((joined) => list.find((each) => each.login === login && each.hadJoined === joined))
    const found = mine[0] ?? mine[1]
    // Another login of the same person may be the same client with a new token; it takes nobody's place.
    if (found) this.keep(key, list.filter((each) => each !== found))
    return true
  }

  private stillLost(key: string): readonly Lost[] {
    const now = this.options.clock.monotonic()
    return (this.lost.get(key) ?? []).filter(({ until }) => until > now)
  }

  private keep(key: string, list: readonly Lost[]): void {
    this.count += list.length - (this.lost.get(key)?.length ?? 0)
    if (list.length === 0) this.lost.delete(key)
    else this.lost.set(key, [...list])
  }

  private forgetOldest(): void {
    const key = this.lost.keys().next().value!
    this.keep(key, this.lost.get(key)!.slice(1))
  }

  private sweepLater(ms: number): void {
    this.sweeping ??= this.options.wheel.schedule(ms, () => {
      this.sweeping = undefined
      for (const key of [...this.lost.keys()]) this.keep(key, this.stillLost(key))
      if (this.lost.size > 0) this.sweepLater(this.options.forMs)
    })
  }
}

const keyOf = (offer: string, accountId: number): string => `${offer}:${accountId}`

/** Who was cut off when the process before this one ended, in an orderly way or not. To be called once. */
export async function recall(unitOfWork: UnitOfWork, returning: Returning): Promise<void> {
  const accounts = await unitOfWork.run(async (unit) => {
    const rows = await unit.all(accountsCutOff, {})
    await unit.run(deleteAllSessions, {})
    return rows.map(({ account_id }) => account_id)
  })
  returning.cutOff(accounts)
}
