import type { Connection } from './connection.ts'
import type { Hub } from './hub.ts'
import { inAudience } from './rooms.ts'

export interface CatchUpListener {
  /** Whether the connection has ended in the meantime. */
  readonly gone: () => boolean
  /** Everything up to this offset has been given. */
  readonly upTo: (offset: number) => void
  /** What was missed cannot be given whole: reload, and go on from this offset. */
  readonly resync: (offset: number) => void
}

/**
 * Gives a connection, already in its rooms, what the log has after `from` and it may see now, in order, until it is
 * where the fan-out is, and makes it live in that very turn: an event in between would be lost (rule K-5).
 */
export async function catchUp(
  { fanout, replay }: Hub,
  connection: Connection,
  from: number,
  { gone, upTo: given, resync }: CatchUpListener,
): Promise<void> {
  const { face, outbox, rooms, codec } = connection
  let cursor = from
  // An opening may have been read past what the fan-out has brought so far; its events must not come again.
  await fanout.reach(cursor)
  if (gone()) return
  while (cursor < fanout.offset) {
    const page = await replay.page(cursor, fanout.offset)
    if (gone()) return
    if (page.events.length < page.upTo - cursor) {
      // Retention has removed a part: never a partial list.
      cursor = fanout.offset
      given(cursor)
      resync(cursor)
      break
    }
    let upTo = page.upTo
    for (const event of page.events) {
      if (event.payload !== null && event.module === face.module && inAudience(rooms, event.audience)) {
        outbox.append(codec.event({ ...event, payload: event.payload }))
        // Paced by the reader: what was missed may be far more than an outbox holds. The rest is read again by then,
        // for meanwhile it may be forgotten, or be somebody else's.
        if (outbox.congested) {
          upTo = event.offset
          break
        }
      }
    }
    cursor = upTo
    given(cursor)
    await written(connection)
    if (gone()) return
  }
  connection.live = true
}

function written({ outbox }: Connection): Promise<void> {
  outbox.flush()
  return new Promise((resolve) => outbox.sink.whenDrained(resolve))
}
