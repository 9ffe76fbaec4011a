import { perform, type Caller } from '../../../kernel/action.ts'
import { gone } from '../../../kernel/errors.ts'
import { jobs, type JobHandler } from '../../../kernel/jobs.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { messageSubject } from '../events.ts'
import { checkOpens, checkStillShown, photoGone } from '../photo-policy.ts'
import type { Opened } from '../photo-wire.ts'
import { findMessage } from '../store/access.ts'
import { ephemeralsOf, markFetched, markOpened, placeOfMessage, placeOfPhoto } from '../store/photos.ts'
import { timestamp } from '../wire.ts'
import { removeMessage } from './messages.ts'
import { reachMessage, type Parts } from './parts.ts'
import { DESTROY, endOf } from './photo-files.ts'
import type { OpenPhoto } from './photos.ts'
import { view } from './reading.ts'

/** For a telephone with a bad connection to come for what it has just opened, however short the photo is to last. */
const FETCH_MS = 10_000

/**
 * Opens an ephemeral photo, once: its message is viewed, and it is destroyed when its time is over. A retry with the
 * same client id gets the same address.
 * @throws gone the second time
 */
export function openEphemeral(parts: Parts, caller: Caller, message: string): Promise<Opened> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const reached = await reachMessage(unit, caller, message)
    const photo = checkOpens(reached.message, caller.accountId)
    about(messageSubject(reached.conversation.id, reached.message.id))
    if ((await unit.run(markOpened, { uuid: photo, now: unit.now })) === 0) {
      throw gone('This photo has been opened; it opens once')
    }
    await view(unit, parts, reached.conversation, reached.message)
    const due = Math.max(endOf(reached.message, parts, unit.now), unit.now + FETCH_MS)
    await jobs.schedule(unit, DESTROY, message, due)
    const until = Math.min(due, parts.photoUrls.expiresAt(unit.now))
    return { url: parts.photoUrls.once(photo, until), expires_at: timestamp(until) }
  })
}

/**
 * The file, for the first who comes with the one address; whatever becomes of the transfer, there is no second.
 * @param photo its uuid
 * @throws gone
 */
export async function fetchEphemeral(parts: Parts, photo: string): Promise<OpenPhoto> {
  const file = await parts.files.open(photo)
  if (!file) throw photoGone()
  try {
    const mimeType = await parts.unitOfWork.run(async (unit) => {
      const row = checkStillShown(await unit.get(placeOfPhoto, { uuid: photo }), true)
      if ((await unit.run(markFetched, { uuid: photo, now: unit.now })) === 0) throw photoGone()
      const message = (await unit.get(findMessage, { uuid: row.message! }))!
      await jobs.schedule(unit, DESTROY, message.uuid, Math.max(endOf(message, parts, unit.now), unit.now))
      return row.mime_type
    })
    return { file, mimeType }
  } catch (error) {
    file.stream.destroy()
    throw error
  }
}

/** The photo's time is over, seen or not: the message goes as if its sender had deleted it, and the bytes with it. */
export const destroyEphemeral: JobHandler = async ({ key: uuid }, unit) => {
  const message = await unit.get(findMessage, { uuid })
  const place = await unit.get(placeOfMessage, { uuid })
  if (!message || !place) return
  // Who has parted is told nothing of the other any more.
  const people = place.ended_at === null ? [message.sender_id!, message.recipient_id!] : []
  await removeMessage(unit, place, people, message, place.sender)
}

/** A conversation ends: its ephemeral photos end with it. For whoever unmatches or blocks. */
export async function endEphemerals(unit: Unit, conversation: number): Promise<void> {
  const photos = await unit.all(ephemeralsOf, { conversation })
  for (const { uuid } of photos) await jobs.schedule(unit, DESTROY, uuid, unit.now)
}
