import { perform, type Caller } from '../../../kernel/action.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { conversationSubject, emit, messageSubject } from '../events.ts'
import { homeRoom } from '../rooms.ts'
import type { MessageRow } from '../store/access.ts'
import { deliverUpto, markDelivered, moveReadMark, undelivered, viewUpto } from '../store/reading.ts'
import { timestamp, type Payload } from '../wire.ts'
import { expireSoon } from './photo-files.ts'
import { reachMessage, type Parts, type Reached } from './parts.ts'

export interface Viewed {
  readonly payload: Payload<'message:viewed'>
  /** Own, or read before: nobody but who asked is told. */
  readonly repeated: boolean
}

/**
 * Everything from the other side up to and including this message is read; once. The author and all devices of the
 * reader are told, with this message's id.
 */
export function readMessages(parts: Parts, caller: Caller, uuid: string, conversation?: string): Promise<Viewed> {
  return perform(parts.unitOfWork, caller, async (unit) => {
    const reached = await reachMessage(unit, caller, uuid, conversation)
    return view(unit, parts, reached.conversation, reached.message)
  })
}

/** The same for what has been reached already. */
export async function view(unit: Unit, parts: Parts, conversation: Reached, message: MessageRow): Promise<Viewed> {
  const user = conversation.actor_id
  const at = { conversation: conversation.id, user, until: message.id, now: unit.now }
  const payload = (ms: number, id = message.uuid): Payload<'message:viewed'> => ({
    message_id: id,
    conversation_id: conversation.uuid,
    viewed_at: timestamp(ms),
  })
  const before = { payload: payload(message.viewed_at ?? unit.now), repeated: true }
  if (message.sender_id === user) return before
  const moved = await unit.run(moveReadMark, at)
  const delivered = await unit.all(deliverUpto, at)
  // Who has read it has received it: the author hears so in this order.
  for (const row of delivered) tellDelivered(unit, conversation.uuid, row)
  const viewed = await unit.all(viewUpto, at)
  for (const row of viewed) if (row.type === 'photo_ephemeral') await expireSoon(unit, parts, row)
  if (moved === 0 && viewed.length === 0) return before
  const told = payload(unit.now)
  // It outlives its message: it speaks of all before it, too.
  const extra = { subject: conversationSubject(conversation.id) }
  const [me, partner] = [homeRoom(user), homeRoom(conversation.partner_id)]
  // Of a word of the server, or where nothing of the partner's was new, it is no news of theirs; what they wrote is.
  const newest = viewed.reduce<MessageRow | undefined>((a, b) => (a && a.id > b.id ? a : b), undefined)
  if (newest && message.sender_id === null) {
    emit(unit, 'message:viewed', payload(unit.now, newest.uuid), { to: [partner] }, extra)
    emit(unit, 'message:viewed', told, { to: [me] }, extra)
  } else emit(unit, 'message:viewed', told, { to: newest ? [partner, me] : [me] }, extra)
  return { payload: told, repeated: false }
}

/** Receipts of one commit: somebody who was away for a year has more, and gets them in portions. */
const PORTION = 500

/**
 * A device of this person has provably consumed everything up to this message. Each sender is told once of each.
 * @param until id of the newest one
 */
export async function confirmDelivery(parts: Pick<Parts, 'unitOfWork'>, user: number, until: number): Promise<void> {
  for (;;) {
    const count = await parts.unitOfWork.run(async (unit) => {
      const rows = await unit.all(undelivered, { user, until, limit: PORTION })
      for (const row of rows) {
        if ((await unit.run(markDelivered, { id: row.id, now: unit.now })) === 0) continue
        tellDelivered(unit, row.conversation, row)
      }
      return rows.length
    })
    if (count < PORTION) return
  }
}

function tellDelivered(
  unit: Unit,
  conversation: string,
  row: Pick<MessageRow, 'id' | 'uuid' | 'conversation_id' | 'sender_id'>,
): void {
  if (row.sender_id === null) return
  const payload = { message_id: row.uuid, conversation_id: conversation, delivered_at: timestamp(unit.now) }
  emit(
    unit,
    'message:delivered',
    payload,
    { to: [homeRoom(row.sender_id)] },
    {
      subject: messageSubject(row.conversation_id, row.id),
    },
  )
}
