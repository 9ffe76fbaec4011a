import type { Connection } from '../../kernel/connection.ts'
import type { LogEvent } from '../../kernel/event.ts'
import type { Hub } from '../../kernel/hub.ts'
import { deliveredNotifications } from './actions/index.ts'
import type { Tracker } from './actions/tracker.ts'
import { userRoom } from './rooms.ts'

/** Up to which notification a user's client has been sent, and has provably received. */
interface Progress {
  sent: number
  asking: boolean
}

/**
 * Marks notifications as delivered once a client's stack has echoed a ping that was sent after them: a write into a
 * dead connection is not a delivery, and such a notification is given again after the next `connected`. One question
 * per user at a time, however many notifications there are.
 */
export class Deliveries {
  private readonly tracker: Tracker
  private readonly hub: Hub
  private readonly progress = new Map<number, Progress>()

  constructor(tracker: Tracker, hub: Hub) {
    this.tracker = tracker
    this.hub = hub
  }

  /** A connection has been sent what its user had missed, up to this notification. */
  onCaughtUp(connection: Connection, until: number | undefined): void {
    const user = connection.session?.account.id
    if (user === undefined || until === undefined) return
    connection.confirm((received) => {
      if (received) this.mark(user, until)
    })
  }

  onDelivered(event: LogEvent): void {
    if (!event.type.startsWith('notification/') || event.payload === null) return
    const { id, user_id } = JSON.parse(event.payload) as { id: number; user_id: number }
    const progress = this.progress.get(user_id) ?? { sent: 0, asking: false }
    this.progress.set(user_id, progress)
    progress.sent = Math.max(progress.sent, id)
    if (!progress.asking) this.ask(user_id, progress)
  }

  private ask(user: number, progress: Progress): void {
    const asked = progress.sent
    const connections = this.hub.rooms.members(userRoom(user))
    let open = connections.size
    if (open === 0) return void this.progress.delete(user)
    progress.asking = true
    let answered = false
    for (const connection of connections) {
      connection.confirm((received) => {
        open -= 1
        if (answered || (!received && open > 0)) return
        answered = true
        progress.asking = false
        if (received) this.mark(user, asked)
        if (progress.sent > asked) this.ask(user, progress)
        else this.progress.delete(user)
      })
    }
  }

  private mark(user: number, until: number): void {
    deliveredNotifications(this.tracker, user, until).catch((error: unknown) => this.hub.onError(error))
  }
}

