import { conflict, forbidden, gone, notFound, type CommandError } from '../../kernel/errors.ts'
import type { MessageRow, PhotoRow } from './store/access.ts'

/** Who may see, send, open and delete photos. Each decides from rows that were read in the transaction of the deed. */

const WHAT = 'This photo'
/** For who has an address of it. */
export const photoGone = (): CommandError => gone('This photo is gone')

/** How an account stands to a photo. */
export interface PhotoStanding extends PhotoRow {
  readonly actor_id: number
  /** Uuid of the message it is in, while there is one. */
  readonly message: string | null
  /** Of its conversation. */
  readonly ended_at: number | null
  /** Their id when they are one of the two of its conversation. */
  readonly member: number | null
  /** Its owner, when it is the avatar of their profile. */
  readonly avatar_of: number | null
  /** Of the account. */
  readonly owner_status: string
  readonly owner_hidden: number | null
  readonly owner_suspended_at: number | null
  /** Their id when they have a profile. */
  readonly profile: number | null
  readonly suspended_at: number | null
  /** Blocks between the two, in either direction. */
  readonly blocks: number | string
  /** Conversations of the two that last. */
  readonly matches: number | string
}

/**
 * D-P5: a photo in a message is seen by the two of its conversation while that lasts, an ephemeral one by nobody this
 * way; an avatar by everybody with a profile whom nothing keeps apart from its owner; any other by who uploaded it.
 * @throws not_found for everybody else, and when there is none
 */
export function checkSeesPhoto<P extends PhotoStanding>(photo: P | undefined): P {
  if (!photo || photo.suspended_at !== null) throw notFound(WHAT)
  if (photo.message_id !== null) {
    const isTheirs = photo.message !== null && photo.member !== null && photo.ended_at === null
    if (!isTheirs || photo.kind === 'photo_ephemeral') throw notFound(WHAT)
    return photo
  }
  if (photo.owner_id === photo.actor_id) return photo
  if (photo.avatar_of === null || photo.profile === null || photo.owner_suspended_at !== null) throw notFound(WHAT)
  if (photo.owner_status !== 'active' || Number(photo.blocks) > 0) throw notFound(WHAT)
  if (photo.owner_hidden === 1 && Number(photo.matches) === 0) throw notFound(WHAT)
  return photo
}

/**
 * D-P6: a signed address shows what it was made for while that may be seen: not after the conversation has ended or the
 * message or the photo went, and an ephemeral photo that was sent only by the one address of its opening.
 * @param isOnce whether it is that one
 * @throws gone
 */
export function checkStillShown(photo: PhotoPlace | undefined, isOnce: boolean): PhotoPlace {
  if (!photo) throw photoGone()
  if (photo.message_id === null) {
    if (isOnce || photo.owner_suspended_at !== null) throw photoGone()
    return photo
  }
  if (photo.message === null || photo.ended_at !== null) throw photoGone()
  if ((photo.kind === 'photo_ephemeral') !== isOnce) throw photoGone()
  return photo
}

export type PhotoPlace = PhotoRow & Pick<PhotoStanding, 'message' | 'ended_at' | 'owner_suspended_at'>

/** D-P7: an ephemeral photo is opened by who it was sent to. @returns the photo @throws forbidden, conflict */
export function checkOpens(message: MessageRow, actor: number): string {
  if (message.type !== 'photo_ephemeral' || message.photo === null) {
    throw conflict('Only an ephemeral photo that was uploaded here is opened; others are shown')
  }
  if (message.recipient_id !== actor) throw forbidden('Only who an ephemeral photo was sent to may open it')
  return message.photo
}

/** D-P8: an upload is deleted by who made it, while it is in no message and no profile. @throws not_found */
export function checkDeletesUpload(photo: PhotoStanding | undefined): void {
  if (!photo || photo.owner_id !== photo.actor_id || photo.message_id !== null || photo.avatar_of !== null) {
    throw notFound('This upload')
  }
}
