import { perform, type Caller } from '../../../kernel/action.ts'
import { conflict } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { checkEmoji } from '../emoji.ts'
import { emit, messageSubject } from '../events.ts'
import { checkTakesPart } from '../policy.ts'
import { ofChannel } from '../rooms.ts'
import { deleteReaction, insertReaction, reactionCounts } from '../store/writing.ts'
import type { Payload } from '../wire.ts'
import { reachMessage, type Parts } from './parts.ts'

type Reacted = Payload<'reaction.added'>

/** The same again is no news: it answers alike and tells nobody. */
export function addReaction(parts: Parts, caller: Caller, messageId: string, text: string): Promise<Reacted> {
  const emoji = checkEmoji(text)
  return change(parts, caller, messageId, emoji, 'reaction.added', async (unit, row, reacted) => {
    const counts = (await unit.all(reactionCounts, { message: row.message_id })).map((count) => ({
      emoji: count.emoji,
      count: Number(count.count),
    }))
    if ((await unit.run(insertReaction, { ...row, at: unit.now })) === 0) return false
    const { emojiPerMessage, reactionsPerMessage } = parts.settings
    const known = counts.some((count) => count.emoji === reacted.emoji)
    if (!known && counts.length >= emojiPerMessage) {
      throw conflict(`A message has at most ${emojiPerMessage} different emoji; add to one that is there`)
    }
    if (counts.reduce((sum, { count }) => sum + count, 0) >= reactionsPerMessage) {
      throw conflict(`A message has at most ${reactionsPerMessage} reactions`)
    }
    return true
  })
}

export async function removeReaction(parts: Parts, caller: Caller, messageId: string, text: string): Promise<void> {
  const emoji = checkEmoji(text)
  await change(parts, caller, messageId, emoji, 'reaction.removed', async (unit, row) => {
    return (await unit.run(deleteReaction, row)) > 0
  })
}



function change(
  parts: Parts,
  caller: Caller,
  messageId: string,
  emoji: string,
  type: 'reaction.added' | 'reaction.removed',
  write: (unit: Unit, row: { message_id: number; user_id: number; emoji: string }, data: Reacted) => Promise<boolean>,
): Promise<Reacted> {
  return perform(parts.unitOfWork, caller, async (unit) => {
    const { channel, message } = await reachMessage(unit, caller, messageId)
    checkTakesPart(channel)
    const data = { message_id: message.uuid, emoji, user_id: channel.actor_uuid }
    const changed = await write(unit, { message_id: message.id, user_id: caller.accountId, emoji }, data)
    if (changed) {
      const subject = messageSubject(channel.workspace_id, channel.id, message.id)
      emit(unit, channel.workspace_uuid, type, data, ofChannel(channel.uuid), { subject })
    }
    return data
  })
}
