import { perform, type Caller } from '../../../kernel/action.ts'
import { invalid } from '../../../kernel/errors.ts'
import { statements } from '../../../kernel/statement.ts'
import { emit, messageSubject } from '../events.ts'
import { homeRoom, joinedRoom } from '../rooms.ts'
import type { MessageRow } from '../store/access.ts'
import type { HelpdeskTables } from '../tables.ts'
import { timestamp, type MessageType, type Payload } from '../wire.ts'
import { reachMessage, reachToSend, TOO_FAST, type Parts } from './parts.ts'

const sql = statements<HelpdeskTables>()
const insertMessage = sql<Omit<MessageRow, 'id'>>()((db, p) =>
  db
    .insertInto('helpdesk_messages')
    .values({
      channel_id: p.channel_id,
      user_id: p.user_id,
      content: p.content,
      type: p.type,
      reply_to_id: p.reply_to_id,
      created_at: p.created_at,
    })
    .returning('id'),
)

export interface NewMessage {
  readonly channelId: number
  readonly message: string
  readonly messageType: MessageType
  readonly replyToId: number | null
}

/**
 * What `clientId` of a message is kept under: it names one message of one channel, on either door, and must not be
 * taken for a client's name of another command.
 */
export const messageKey = (channelId: number, clientId: string | undefined): string | undefined =>
  clientId === undefined ? undefined : `helpdesk:message:${channelId}:${clientId}`

/** Its author need not have joined the channel, only see it; their own tabs get it all the same. */
export async function sendMessage(
  parts: Parts,
  caller: Caller,
  { channelId, message, messageType, replyToId }: NewMessage,
): Promise<Payload<'chat:new_message'>> {
  parts.windows.messages.pass(caller.accountId, TOO_FAST)
  checkContent(message, messageType, parts.settings.messageCharacters)
  // What is kept must read as what was sent: storage has no place for half a character.
  const content = message.toWellFormed()
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const channel = await reachToSend(unit, caller, channelId)
    if (replyToId !== null) await reachMessage(unit, channel, replyToId)
    const { id } = (await unit.get(insertMessage, {
      channel_id: channel.id,
      user_id: channel.actor_id,
      content,
      type: messageType,
      reply_to_id: replyToId,
      created_at: unit.now,
    }))!
    const subject = messageSubject(channel.id, id)
    about(subject)
    const payload: Payload<'chat:new_message'> = {
      id,
      channelId: channel.id,
      userId: channel.actor_id,
      userDisplayName: channel.actor_name,
      message: content,
      messageType,
      replyToId,
      timestamp: timestamp(unit.now),
    }
    const audience = { to: [joinedRoom(channel.id), homeRoom(channel.actor_id)] }
    emit(unit, 'chat:new_message', payload, audience, { subject })
    return payload
  })
}

/** What is said with a file or a picture may be nothing at all. */
const mayBeEmpty: ReadonlySet<MessageType> = new Set(['file', 'image', 'gif'])

function checkContent(message: string, type: MessageType, max: number): void {
  if (message.includes('\0')) throw invalid({ message: 'must not have NUL characters' })
  if (message.trim() === '' && !mayBeEmpty.has(type)) throw invalid({ message: 'must not be empty' })
  // Cheap first: no text has more code points than units.
  if (message.length > max && [...message].length > max) {
    throw invalid({ message: `must not have more than ${max} characters` })
  }
}
