import type { Connection } from '../../../kernel/connection.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { effect } from '../events.ts'
import { toId } from '../ids.ts'
import { seesPrd, type Standing } from '../policy.ts'
import { homeRoom, joinedRoom, participantRoom } from '../rooms.ts'
import { deleteJoined, joinedBy, joinedOf } from '../store/joined.ts'
import { frame } from '../wire.ts'
import { cancelUnentitled } from './ai-jobs.ts'
import type { Parts } from './parts.ts'
import { sightLost, type Loss } from './telling.ts'

/** What takes people out of PRDs they have open: from the commit on they get nothing more of them. */

/**
 * To be called in the unit that took a right away, after its rows were changed: who does not see a PRD any more leaves
 * it on every connection, is told `left-prd`, and the others are told that they left.
 */
export async function loseSight(parts: Parts, unit: Unit, loss: Loss): Promise<void> {
  await sightLost(unit, loss)
  await cancelUnentitled(parts, unit, 'prd' in loss ? { prd: loss.prd } : { accountId: loss.accountId })
  const joined: readonly Place[] =
    'prd' in loss
      ? await unit.all(joinedOf, { prd: loss.prd })
      : await unit.all(joinedBy, { account: loss.accountId, organization: loss.organization })
  const blind = joined.filter((standing) => !seesPrd(standing))
  if (blind.length === 0) return
  for (const { prd_id: prd, actor_id: account } of blind) await unit.run(deleteJoined, { prd, account })
  // In the commit itself for what the log brings, in the same commit group too; edits come after it, in its order.
  effect(
    unit,
    'prd.hidden',
    blind.map(({ prd_id: prd, actor_id: account }) => {
      const of = participantRoom(prd, account)
      return { kind: 'leave', of, rooms: [joinedRoom(prd), of] } as const
    }),
  )
  unit.after(() => {
    for (const { prd_id: prd, actor_id: account } of blind) {
      for (const connection of [...parts.hub.rooms.members(homeRoom(account))]) expel(parts, connection, prd)
    }
  })
}

interface Place extends Standing {
  readonly prd_id: number
}

function expel({ live }: Parts, connection: Connection, prd: number): void {
  if (!live.of(connection, prd)) return
  sayLeft(connection, prd, 'forbidden')
  live.leave(connection, prd)
}

/** To be called in the unit that deletes the PRD: then everybody is out of it, and it is not in memory any more. */
export function closePrd(parts: Parts, unit: Unit, prd: number): void {
  const { documents } = parts
  const document = documents.peek(prd)
  if (document) documents.release(unit, document, () => false)
  unit.after(() => expelAll(parts, prd))
}

function expelAll({ live, hub }: Parts, prd: number): void {
  const open = live.participants(prd)
  for (const { connection } of open) {
    sayLeft(connection, prd, 'deleted')
    // Nobody is told that the others left.
    hub.rooms.leave(connection, joinedRoom(prd))
  }
  for (const { connection } of open) live.leave(connection, prd)
}

function sayLeft(connection: Connection, prd: number, reason: 'deleted' | 'forbidden'): void {
  connection.send(frame('left-prd', JSON.stringify({ prdId: toId('prd', prd), reason })))
}
