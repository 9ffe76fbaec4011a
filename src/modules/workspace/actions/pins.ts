import { perform, type Caller } from '../../../kernel/action.ts'
import { conflict } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { checkPins } from '../policy.ts'
import type { ChannelAccess, MessageRow } from '../store/access.ts'
import { pinMessage as pin, pinnedCount, pinnerOf, unpinMessage as unpin } from '../store/reading.ts'
import { timestamp } from '../wire.ts'
import { reachMessage, type Parts } from './parts.ts'

export interface Pin {
  message_id: string
  channel_id: string
  pinned_by: string
  pinned_at: string
}

/** Again, it stays pinned when and by whom it was. */
export function pinMessage({ unitOfWork, settings }: Parts, caller: Caller, messageId: string): Promise<Pin> {
  return perform(unitOfWork, caller, async (unit) => {
    const { channel, message } = await reachPinnable(unit, caller, messageId)
    const at = { message_id: message.uuid, channel_id: channel.uuid }
    if (message.pinned_at !== null) {
      const { uuid } = (await unit.get(pinnerOf, { id: message.id }))!
      return { ...at, pinned_by: uuid, pinned_at: timestamp(message.pinned_at) }
    }
    const { count } = (await unit.get(pinnedCount, { channel: channel.id }))!
    if (count >= settings.pinsPerChannel) {
      throw conflict(`At most ${settings.pinsPerChannel} messages of a channel are pinned; unpin another one first`)
    }
    await unit.run(pin, { id: message.id, at: unit.now, by: channel.actor_id })
    return { ...at, pinned_by: channel.actor_uuid, pinned_at: timestamp(unit.now) }
  })
}

export async function unpinMessage({ unitOfWork }: Parts, caller: Caller, messageId: string): Promise<void> {
  await perform(unitOfWork, caller, async (unit) => {
    const { message } = await reachPinnable(unit, caller, messageId)
    if (message.pinned_at !== null) await unit.run(unpin, { id: message.id })
  })
}

async function reachPinnable(
  unit: Unit,
  caller: Caller,
  messageId: string,
): Promise<{ channel: ChannelAccess; message: MessageRow }> {
  const reached = await reachMessage(unit, caller, messageId)
  checkPins(reached.channel)
  return reached
}
