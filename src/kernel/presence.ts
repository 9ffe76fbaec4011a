import type { Ticket, TimingWheel } from './timing-wheel.ts'

interface Lease<C> {
  readonly connections: Set<C>
  leaving: Ticket | undefined
}

export interface PresenceOptions<K, L> {
  readonly wheel: TimingWheel
  /** Milliseconds a key stays present after its last connection went, so that a reconnect is invisible. */
  readonly graceMs: number
  readonly onOnline?: (key: K) => void
  /** @param last what was said of the connection that went last. */
  readonly onOffline?: (key: K, last: L) => void
}

/** Who is there: a lease per connection, one presence per key (a user) however many connections hold it. */
export class Presence<K, C, L> {
  private readonly options: PresenceOptions<K, L>
  private readonly leases = new Map<K, Lease<C>>()

  constructor(options: PresenceOptions<K, L>) {
    this.options = options
  }

  add(key: K, connection: C): void {
    const lease = this.leases.get(key)
    if (lease) {
      lease.leaving?.cancel()
      lease.leaving = undefined
      lease.connections.add(connection)
      return
    }
    this.leases.set(key, { connections: new Set([connection]), leaving: undefined })
    this.options.onOnline?.(key)
  }

  remove(key: K, connection: C, last: L): void {
    const lease = this.leases.get(key)
    if (!lease?.connections.delete(connection) || lease.connections.size > 0) return
    lease.leaving = this.options.wheel.schedule(this.options.graceMs, () => {
      this.leases.delete(key)
      this.options.onOffline?.(key, last)
    })
  }

  /** Gone this moment, whoever holds the key: no grace and no onOffline. False when it was not there. */
  drop(key: K): boolean {
    this.leases.get(key)?.leaving?.cancel()
    return this.leases.delete(key)
  }

  has(key: K): boolean {
    return this.leases.has(key)
  }

  /** Connections that hold the key now; 0 during the grace. */
  count(key: K): number {
    return this.leases.get(key)?.connections.size ?? 0
  }

  holders(key: K): ReadonlySet<C> {
    return this.leases.get(key)?.connections ?? nobody
  }

  /** Keys present, those in their grace included. */
  get size(): number {
    return this.leases.size
  }
}

const nobody: ReadonlySet<never> = new Set()
