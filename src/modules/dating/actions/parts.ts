import type { Caller } from '../../../kernel/action.ts'
import type { Clock } from '../../../kernel/clock.ts'
import type { Database, Reader } from '../../../kernel/database.ts'
import { notFound } from '../../../kernel/errors.ts'
import type { FileStore } from '../../../kernel/files.ts'
import type { Media } from '../../../kernel/media.ts'
import type { UnitOfWork } from '../../../kernel/unit-of-work.ts'
import type { Live } from '../live.ts'
import type { Moderation } from '../moderation/index.ts'
import { checkReaches } from '../policy.ts'
import type { DatingSettings } from '../settings.ts'
import {
  accessConversation,
  conversationOf,
  findMessage,
  type ConversationAccess,
  type MessageRow,
} from '../store/access.ts'

/** What the actions of this module work with. */
export interface Parts {
  readonly database: Database
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly settings: DatingSettings
  readonly files: FileStore
  readonly media: Media
  readonly moderation: Moderation
  readonly photoUrls: PhotoUrls
  /** Who is there and who types. */
  readonly live: Live
}

/** Signed addresses of photos, relative to this server; each works for a while. Times are wall clock, milliseconds. */
export interface PhotoUrls {
  /** @param photo its uuid */
  file(photo: string, now: number): string
  thumbnail(photo: string, now: number): string
  /** Until when addresses that are made now work. */
  expiresAt(now: number): number
  /** The one address of an ephemeral photo that has been opened: it works once. */
  once(photo: string, expiresAt: number): string
  /**
   * @param query as it was sent
   * @returns undefined when it is not signed for this, or has expired
   */
  verify(photo: string, part: 'file' | 'thumbnail', query: string, now: number): { readonly once: boolean } | undefined
}

type Who = Pick<Caller, 'accountId'>

/** A conversation the caller takes part in. */
export interface Reached extends ConversationAccess {
  readonly member: number
  readonly shares: number
  readonly read_id: number
  readonly partner_id: number
  readonly partner_uuid: string
  readonly partner_username: string
  readonly partner_shares: number
}

/** @throws not_found when there is none, forbidden when it is not theirs or no longer */
export async function reachConversation(reader: Reader, caller: Who, uuid: string): Promise<Reached> {
  return checkReaches(await reader.get(accessConversation, { uuid, actor: caller.accountId })) as Reached
}

/**
 * A message of a conversation the caller takes part in.
 * @param conversation its uuid; absent: whichever the message is in
 * @throws not_found when there is none in this conversation
 */
export async function reachMessage(
  reader: Reader,
  caller: Who,
  uuid: string,
  conversation?: string,
): Promise<{ readonly conversation: Reached; readonly message: MessageRow }> {
  const place = conversation ?? (await reader.get(conversationOf, { message: uuid }))?.uuid
  if (place === undefined) throw notFound('This message')
  const reached = await reachConversation(reader, caller, place)
  const message = await reader.get(findMessage, { uuid })
  if (!message || message.conversation_id !== reached.id) throw notFound('This message')
  return { conversation: reached, message }
}
