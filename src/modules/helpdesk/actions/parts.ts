import type { Caller } from '../../../kernel/action.ts'
import type { Clock } from '../../../kernel/clock.ts'
import type { Database, Reader } from '../../../kernel/database.ts'
import { forbidden, notFound } from '../../../kernel/errors.ts'
import type { FileStore } from '../../../kernel/files.ts'
import type { SlidingWindow } from '../../../kernel/limits.ts'
import type { Media } from '../../../kernel/media.ts'
import type { UnitOfWork } from '../../../kernel/unit-of-work.ts'
import type { Live } from '../live.ts'
import { checkLives, checkMay, checkSees } from '../policy.ts'
import type { HelpdeskSettings } from '../settings.ts'
import {
  accessChannel,
  accessPerson,
  findMessage,
  type ChannelAccess,
  type MessageRow,
  type PersonAccess,
} from '../store/access.ts'

/** What the actions of this module work with. */
export interface Parts {
  readonly database: Database
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly settings: HelpdeskSettings
  readonly files: FileStore
  readonly media: Media
  /** By account; in memory, as a restart forgives nobody more than a minute. */
  readonly windows: {
    readonly messages: SlidingWindow<number>
    readonly statuses: SlidingWindow<number>
  }
  /** Who is there, who has joined what, and who types. */
  readonly live: Live
}

type Who = Pick<Caller, 'accountId'>

/** @throws forbidden when the account is not active any more */
export async function reachPerson(reader: Reader, { accountId }: Who): Promise<PersonAccess> {
  const person = await reader.get(accessPerson, { actor: accountId })
  if (!person) throw forbidden('This account is not active')
  return person
}

/** @throws not_found when absent or hidden, forbidden without chat.access */
export async function reachChannel(reader: Reader, caller: Who, id: number): Promise<ChannelAccess> {
  const channel = await reader.get(accessChannel, { id, actor: caller.accountId })
  // Who may not chat learns nothing of which channels there are.
  if (!channel) checkMay(await reachPerson(reader, caller), 'chat.access')
  return checkSees(channel)
}

/** What is told to who sends too much, be it messages or files: each reaches everybody in the channel. */
export const TOO_FAST = 'You are sending messages too fast'

/** A channel that something can be sent to now. @throws not_found, forbidden, conflict when archived */
export async function reachToSend(reader: Reader, caller: Who, id: number): Promise<ChannelAccess> {
  const channel = await reachChannel(reader, caller, id)
  checkMay(channel, 'chat.send_messages')
  checkLives(channel)
  return channel
}

/** A message of a channel. @throws not_found */
export async function reachMessage(reader: Reader, channel: ChannelAccess, id: number): Promise<MessageRow> {
  const message = await reader.get(findMessage, { channel: channel.id, id })
  if (!message) throw notFound('This message')
  return message
}
