import { perform, type Caller } from '../../../kernel/action.ts'
import { invalid, notFound } from '../../../kernel/errors.ts'
import { newUuid } from '../../../kernel/ids.ts'
import { broadcastSubject, effect, emit } from '../events.ts'
import { checkMay } from '../policy.ts'
import { allRoom } from '../rooms.ts'
import { deleteBroadcastRow, insertBroadcast } from '../store/broadcasts.ts'
import { timestamp, type Payload, type Priority } from '../wire.ts'
import { reachPerson, type Parts } from './parts.ts'

export interface NewBroadcast {
  readonly message: string
  /** Default: normal. */
  readonly priority?: Priority | undefined
}

/**
 * To everybody who is authenticated, its sender too (specs/helpdesk.md, "System broadcast").
 * @throws forbidden without chat.send_broadcasts, invalid for a message that is blank or too long
 */
export async function sendBroadcast(
  { unitOfWork, settings }: Pick<Parts, 'unitOfWork' | 'settings'>,
  caller: Caller,
  { message: given, priority = 'normal' }: NewBroadcast,
): Promise<Payload<'system_broadcast_received'>> {
  checkMessage(given, settings.broadcastCharacters)
  // Storage has no place for half a character.
  const message = given.toWellFormed()
  return perform(unitOfWork, caller, async (unit, about) => {
    const person = await reachPerson(unit, caller)
    checkMay(person, 'chat.send_broadcasts')
    const uuid = newUuid()
    await unit.run(insertBroadcast, { uuid, message, priority, sent_by: person.actor_id, sent_at: unit.now })
    const payload: Payload<'system_broadcast_received'> = {
      message,
      priority,
      from: person.actor_name,
      broadcastAt: timestamp(unit.now),
      broadcastId: uuid,
    }
    const subject = broadcastSubject(uuid)
    about(subject)
    emit(unit, 'system_broadcast_received', payload, { to: [allRoom] }, { subject })
    return payload
  })
}

function checkMessage(message: string, max: number): void {
  if (message.includes('\0')) throw invalid({ message: 'must not have NUL characters' })
  if (message.trim() === '') throw invalid({ message: 'must not be empty' })
  // Cheap first: no text has more code points than units.
  if (message.length > max && [...message].length > max) {
    throw invalid({ message: `must not have more than ${max} characters` })
  }
}

/** Who was there has read it; nobody is shown it any more, in the list or on coming back. */
export async function deleteBroadcast(
  { unitOfWork }: Pick<Parts, 'unitOfWork'>,
  caller: Caller,
  uuid: string,
): Promise<void> {
  await perform(unitOfWork, caller, async (unit) => {
    checkMay(await reachPerson(unit, caller), 'chat.send_broadcasts')
    if ((await unit.run(deleteBroadcastRow, { uuid })) === 0) throw notFound('This broadcast')
    effect(unit, 'broadcast.deleted', [{ kind: 'forget', subject: broadcastSubject(uuid) }])
  })
}
