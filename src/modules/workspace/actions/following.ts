import { perform, type Caller } from '../../../kernel/action.ts'
import type { Reader } from '../../../kernel/database.ts'
import { invalid } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { findParent } from '../store/writing.ts'
import type { MessageRow } from '../store/access.ts'
import { advanceThread, findFollow, messageIn, newestReply, putFollow, threadStanding } from '../store/reading.ts'
import { reachThread, type Parts } from './parts.ts'

/** How a person stands to a thread. */
export interface ThreadStanding {
  message_id: string
  following: boolean
  last_read_message_id: string | null
  unread_replies: number
}

/** From now on: what was written before is not unread. */
export function followThread({ unitOfWork }: Parts, caller: Caller, messageId: string): Promise<ThreadStanding> {
  return perform(unitOfWork, caller, async (unit) => {
    const root = await reachRoot(unit, caller, messageId)
    const user = caller.accountId
    if ((await unit.get(findFollow, { root: root.id, user }))?.following !== 1) {
      await unit.run(putFollow, { root: root.id, user, following: 1, read: await endOf(unit, root) })
    }
    return standingIn(unit, caller, root)
  })
}

/** Said by the person, it stays: neither a mention nor a reply of their own makes them follow again. */
export async function unfollowThread({ unitOfWork }: Parts, caller: Caller, messageId: string): Promise<void> {
  await perform(unitOfWork, caller, async (unit) => {
    const root = await reachRoot(unit, caller, messageId)
    const user = caller.accountId
    if ((await unit.get(findFollow, { root: root.id, user }))?.following === 0) return
    await unit.run(putFollow, { root: root.id, user, following: 0, read: 0 })
  })
}

/** Replies up to one have been read; without one, all. Never back. Who does not follow has no marker to move. */
export function markThreadRead(
  { unitOfWork }: Parts,
  caller: Caller,
  messageId: string,
  replyId: string | undefined,
): Promise<ThreadStanding> {
  return perform(unitOfWork, caller, async (unit) => {
    const root = await reachRoot(unit, caller, messageId)
    const read = replyId === undefined ? await endOf(unit, root) : await find(unit, root, replyId)
    await unit.run(advanceThread, { root: root.id, user: caller.accountId, read })
    return standingIn(unit, caller, root)
  })
}

/** @throws not_found, or invalid with the thread's own message for one of its replies */
async function reachRoot(reader: Reader, caller: Caller, messageId: string): Promise<MessageRow> {
  const { message } = await reachThread(reader, caller, messageId)
  if (message.parent_id === null) return message
  const root = await reader.get(findParent, { id: message.parent_id })
  throw invalid({ id: `must be the message that starts the thread: ${root!.uuid}` })
}

async function endOf(unit: Unit, root: MessageRow): Promise<number> {
  return (await unit.get(newestReply, { root: root.id }))?.id ?? root.id
}

async function find(unit: Unit, root: MessageRow, uuid: string): Promise<number> {
  const message = await unit.get(messageIn, { uuid, channel: root.channel_id })
  if (!message || (message.id !== root.id && message.parent_id !== root.id)) {
    throw invalid({ message_id: 'must be a message of this thread' })
  }
  return message.id
}

async function standingIn(unit: Unit, caller: Caller, root: MessageRow): Promise<ThreadStanding> {
  const row = await unit.get(threadStanding, { root: root.id, user: caller.accountId })
  return {
    message_id: root.uuid,
    following: row !== undefined,
    last_read_message_id: row?.last_read_message_id ?? null,
    unread_replies: row?.unread_replies ?? 0,
  }
}
