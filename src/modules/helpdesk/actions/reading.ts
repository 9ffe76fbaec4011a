import { perform, type Caller } from '../../../kernel/action.ts'
import { statements } from '../../../kernel/statement.ts'
import { channelSubject, emit, messageSubject } from '../events.ts'
import { homeRoom, joinedRoom } from '../rooms.ts'
import type { HelpdeskTables } from '../tables.ts'
import { timestamp, type Payload } from '../wire.ts'
import { reachChannel, reachMessage, type Parts } from './parts.ts'

const sql = statements<HelpdeskTables>()
const newestOf = sql<{ channel: number }>()((db, p) =>
  db.selectFrom('helpdesk_messages').select('id').where('channel_id', '=', p.channel).orderBy('id', 'desc').limit(1),
)
/** Never back: a tab that is late says nothing new. */
const moveMarker = sql<{ channel: number; user: number; to: number }>()((db, p) =>
  db
    .updateTable('helpdesk_members')
    .set({ last_read_id: p.to })
    .where('channel_id', '=', p.channel)
    .where('user_id', '=', p.user)
    .where('last_read_id', '<', p.to),
)

/**
 * @param messageId up to and including which; null: everything up to now, which the receipt repeats
 * @returns the receipt that everybody who has joined the channel gets, the reader's own tabs too
 */
export function readMessages(
  parts: Pick<Parts, 'unitOfWork'>,
  caller: Caller,
  channelId: number,
  messageId: number | null,
): Promise<Payload<'message_read_receipt'>> {
  return perform(parts.unitOfWork, caller, async (unit) => {
    const channel = await reachChannel(unit, caller, channelId)
    const upTo =
      messageId === null
        ? await unit.get(newestOf, { channel: channel.id })
        : await reachMessage(unit, channel, messageId)
    if (upTo) await unit.run(moveMarker, { channel: channel.id, user: channel.actor_id, to: upTo.id })
    const receipt: Payload<'message_read_receipt'> = {
      userId: channel.actor_id,
      userDisplayName: channel.actor_name,
      channelId: channel.id,
      messageId,
      readAt: timestamp(unit.now),
    }
    const subject = messageId === null ? channelSubject(channel.id) : messageSubject(channel.id, messageId)
    const audience = { to: [joinedRoom(channel.id), homeRoom(channel.actor_id)] }
    emit(unit, 'message_read_receipt', receipt, audience, { subject })
    return receipt
  })
}
