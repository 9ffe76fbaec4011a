import type { Caller } from '../../../kernel/action.ts'
import type { Clock } from '../../../kernel/clock.ts'
import type { Database, Reader } from '../../../kernel/database.ts'
import { notFound } from '../../../kernel/errors.ts'
import type { FileStore } from '../../../kernel/files.ts'
import type { Media } from '../../../kernel/media.ts'
import type { UnitOfWork } from '../../../kernel/unit-of-work.ts'
import { checkInside, checkSees } from '../policy.ts'
import {
  accessChannel,
  accessChannelOf,
  accessWorkspace,
  findMessage,
  findThread,
  type ChannelAccess,
  type MessageRow,
  type WorkspaceAccess,
} from '../store/access.ts'
import type { Live } from '../live.ts'
import type { WorkspaceSettings } from '../settings.ts'

/** What the actions of this module work with. */
export interface Parts {
  readonly database: Database
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly settings: WorkspaceSettings
  readonly files: FileStore
  readonly media: Media
  /** Who is there and who types. */
  readonly live: Live
}

/** @throws not_found when absent or not theirs */
export async function reachWorkspace(reader: Reader, caller: Pick<Caller, 'accountId'>, uuid: string): Promise<WorkspaceAccess> {
  return checkInside(await reader.get(accessWorkspace, { uuid, actor: caller.accountId }))
}

/** @throws not_found when absent or hidden */
export async function reachChannel(reader: Reader, caller: Pick<Caller, 'accountId'>, uuid: string): Promise<ChannelAccess> {
  return checkSees(await reader.get(accessChannel, { uuid, actor: caller.accountId }))
}

/** @throws not_found when absent, deleted or hidden */
export const reachMessage = (reader: Reader, caller: Pick<Caller, 'accountId'>, uuid: string): Promise<Reached> =>
  reach(reader, caller, uuid, findMessage)

/** A message with the thread under it, which outlives a deleted message. @throws not_found */
export const reachThread = (reader: Reader, caller: Pick<Caller, 'accountId'>, uuid: string): Promise<Reached> =>
  reach(reader, caller, uuid, findThread)

interface Reached {
  readonly channel: ChannelAccess
  readonly message: MessageRow
}

async function reach(
  reader: Reader,
  { accountId: actor }: Pick<Caller, 'accountId'>,
  uuid: string,
  find: typeof findMessage,
): Promise<Reached> {
  const what = 'This message'
  const channel = checkSees(await reader.get(accessChannelOf, { message: uuid, actor }), what)
  const message = await reader.get(find, { uuid })
  if (!message) throw notFound(what)
  return { channel, message }
}
