import type { Connection } from './connection.ts'

export interface ReceiptsOptions {
  /** Live connections of a person on this module. */
  readonly connectionsOf: (user: number) => Iterable<Connection>
  /** A device of theirs has consumed everything up to `until`. */
  readonly onReceived: (user: number, until: number) => void
}

/** Up to which of the things sent to them a person has been sent, has received, and whom that is being asked. */
interface Progress {
  sent: number
  received: number
  readonly asked: Set<Connection>
}

/**
 * Proof of delivery: a client's stack echoes a ping that was sent after a thing, so it has consumed the thing. A write
 * into a dead connection is no delivery. One question per connection at a time, however much is sent to its person, and
 * the first device that answers is enough.
 */
export class Receipts {
  private readonly options: ReceiptsOptions
  private readonly progress = new Map<number, Progress>()

  constructor(options: ReceiptsOptions) {
    this.options = options
  }

  /** A connection has been sent what its person had missed, up to `until`. */
  caughtUp(connection: Connection, user: number, until: number): void {
    connection.confirm((received) => {
      if (received) this.options.onReceived(user, until)
    })
  }

  /** Things with rising numbers have been put into the outboxes of a person's connections. */
  sent(user: number, number: number): void {
    const progress = this.progress.get(user) ?? { sent: number, received: -1, asked: new Set() }
    this.progress.set(user, progress)
    progress.sent = Math.max(progress.sent, number)
    this.ask(user, progress)
  }

  /** People who are being asked; zero when everybody has answered or gone. */
  get size(): number {
    return this.progress.size
  }

  /** Whom nothing is being asked: one that does not answer must not keep another, that has come since, from it. */
  private ask(user: number, progress: Progress): void {
    const { sent, asked } = progress
    for (const connection of this.options.connectionsOf(user)) {
      if (asked.has(connection)) continue
      asked.add(connection)
      connection.confirm((received) => {
        asked.delete(connection)
        if (received) this.received(user, progress, sent)
        else this.settle(user, progress)
      })
    }
    this.settle(user, progress)
  }

  private received(user: number, progress: Progress, until: number): void {
    if (until > progress.received) {
      progress.received = until
      this.options.onReceived(user, until)
    }
    if (progress.received < progress.sent) this.ask(user, progress)
    else this.settle(user, progress)
  }

  /** All has arrived, or there is nobody left who could say so; answers that come later say nothing new. */
  private settle(user: number, progress: Progress): void {
    if (progress.received < progress.sent && progress.asked.size > 0) return
    if (this.progress.get(user) === progress) this.progress.delete(user)
  }
}
