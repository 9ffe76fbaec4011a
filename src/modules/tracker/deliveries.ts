import type { Connection } from '../../kernel/connection.ts'
import type { LogEvent } from '../../kernel/event.ts'
import type { Hub } from '../../kernel/hub.ts'
import { Receipts } from '../../kernel/receipts.ts'
import { deliveredNotifications } from './actions/index.ts'
import type { Tracker } from './actions/tracker.ts'
import { userRoom } from './rooms.ts'

/** Marks notifications as delivered when that is proven; one that was not is given again after the next `connected`. */
export class Deliveries {
  private readonly receipts: Receipts

  constructor(tracker: Tracker, hub: Hub) {
    this.receipts = new Receipts({
      connectionsOf: (user) => hub.rooms.members(userRoom(user)),
      onReceived: (user, until) => {
        deliveredNotifications(tracker, user, until).catch((error: unknown) => hub.onError(error))
      },
    })
  }

  /** A connection has been sent what its user had missed, up to this notification. */
  onCaughtUp(connection: Connection, until: number | undefined): void {
    const user = connection.session?.account.id
    if (user !== undefined && until !== undefined) this.receipts.caughtUp(connection, user, until)
  }

  onDelivered(event: LogEvent): void {
    if (!event.type.startsWith('notification/') || event.payload === null) return
    const { id, user_id } = JSON.parse(event.payload) as { id: number; user_id: number }
    this.receipts.sent(user_id, id)
  }
}
