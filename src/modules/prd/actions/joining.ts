import type { Caller } from '../../../kernel/action.ts'
import type { Connection } from '../../../kernel/connection.ts'
import { conflict } from '../../../kernel/errors.ts'
import { toId } from '../ids.ts'
import type { Participant } from '../live.ts'
import { Lane } from '../merge.ts'
import { mayEdit, modeOf } from '../policy.ts'
import { participantRoom } from '../rooms.ts'
import { deleteSession, deleteSessionsOf, insertSession } from '../store/sessions.ts'
import { frameOf, type Mode } from '../wire.ts'
import { cancelAbandoned, missedBy } from './ai-jobs.ts'
import { performOn, reachPrd, type Parts } from './parts.ts'

/** What the acknowledgement of `join-prd` tells. */
export interface Joined {
  readonly prdId: string
  /** What was asked for, or, when nothing was, what one may. */
  readonly mode: Mode
  /** The slot of the vector that is this connection's own; null for who may not edit. */
  readonly replica: number | null
  readonly stateVector: readonly number[]
}

/**
 * Section 2.1: the connection gets `joined-prd` and, from that moment of the document on, everything. Joining again is
 * the way to get the whole text anew.
 * @throws not_found; conflict past the limits
 */
export function joinPrd(
  parts: Parts,
  caller: Caller,
  connection: Connection,
  id: number,
  asked: Mode | undefined,
): Promise<Joined> {
  const { live, settings } = parts
  // One, however often the unit's work is run: it holds the slot.
  let made: Participant | undefined
  return performOn(parts, caller, id, async (unit, change) => {
    const prd = await reachPrd(unit, caller, id)
    const before = live.of(connection, id)
    if (!before) {
      checkRoom(live.joinedBy(connection).length, settings.joinedPrds, 'PRDs are joined on this connection')
      checkRoom(live.connections(id).size, settings.participants, 'connections have joined this PRD')
    }
    const mode = modeOf(prd, asked)
    const participant: Participant = before ?? made ?? {
      connection,
      prd: id,
      accountId: caller.accountId,
      name: prd.actor_name,
      mode,
      lane: undefined,
      rich: false,
      edits: 0,
      hasLeft: false,
    }
    made = participant
    const { document, content, stateVector, lane } = await change((document) => {
      let { lane } = participant
      if (mode === 'view' || !mayEdit(prd)) {
        if (lane) document.release(lane.slot, participant)
        lane = undefined
      } else if (lane) lane.advance(document.seq)
      else lane = new Lane(document.acquire(participant, caller.accountId, participant.rich ? 'rich' : 'plain'), document.seq)
      return { document, content: document.text.toString(), stateVector: [...document.vector], lane }
    })
    const welcome = parts.drafting.welcome(document)
    const missed = await missedBy(unit, document, { prd: id, account: caller.accountId })
    const session = live.nameOf(connection)
    await unit.run(deleteSession, { connection: session, prd_id: id })
    await unit.run(insertSession, {
      connection: session,
      prd_id: id,
      account_id: caller.accountId,
      mode,
      joined_at: unit.now,
    })
    unit.after(() => {
      participant.mode = mode
      // A neighbour in the group has had it thrown away: its slots are of no use.
      participant.lane = parts.documents.peek(id) === document ? lane : undefined
      if (connection.session) {
        connection.send(
          frameOf('joined-prd', {
            prdId: toId('prd', id),
            initialState: { content, version: prd.version, stateVector },
            activeUsers: [...live.activeUsers(id, caller.accountId)],
          }),
        )
        for (const { job, frames } of missed) {
          for (const told of frames) connection.send(told)
          parts.drafting.caughtUp(job)
        }
        welcome(connection)
        live.join(participant)
      } else {
        if (lane) document.release(lane.slot, participant)
        if (!parts.hub.isDraining) forgetSessions(parts, connection).catch(parts.hub.onError)
      }
    })
    return { prdId: toId('prd', id), mode, replica: lane?.slot ?? null, stateVector }
  })
}

/**
 * Section 2.2. What the AI writes for them there is cancelled, unless they have it joined on another connection.
 * @returns whether it had been joined
 */
export async function leavePrd(parts: Parts, connection: Connection, id: number): Promise<boolean> {
  const { hub, live, unitOfWork } = parts
  const participant = live.of(connection, id)
  if (!participant) return false
  const { accountId } = participant
  live.leave(connection, id)
  const session = live.nameOf(connection)
  await unitOfWork.run(async (unit) => {
    await unit.run(deleteSession, { connection: session, prd_id: id })
    const isAway = hub.rooms.members(participantRoom(id, accountId)).size === 0
    if (isAway) await cancelAbandoned(parts, unit, id, accountId)
  })
  return true
}

/** The connection has ended. */
export async function forgetSessions({ live, unitOfWork }: Parts, connection: Connection): Promise<void> {
  if (!live.hasName(connection)) return
  await unitOfWork.run((unit) => unit.run(deleteSessionsOf, { connection: live.nameOf(connection) }))
}

function checkRoom(used: number, most: number, what: string): void {
  if (used >= most) throw conflict(`${most} ${what} already; leave one first`)
}

