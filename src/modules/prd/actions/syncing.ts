import type { Unit } from '../../../kernel/unit-of-work.ts'
import { messageOf } from '../../../kernel/message.ts'
import { MemoryLog } from '../document/log.ts'
import { readHistory } from '../document/documents.ts'
import { staleState } from '../failures.ts'
import { toId } from '../ids.ts'
import { Lane, operationOf, StaleState, type EditLog, type LoggedEdit } from '../merge.ts'
import { frameOf } from '../wire.ts'
import { richLane, type Sender } from './editing.ts'
import { performOn, reachPrd, type Change, type Parts } from './parts.ts'

/** Edits of one answer: whoever lacks more is quicker with the whole text. */
const MOST = 10_000
/** Of no replica: who asks has made no edits of its own. */
const NOBODY = -1

/**
 * Section 2.4: what a client lacks, to it alone. To numbers it gets operations, each on the text after the one before
 * it; to a Yjs state vector in bytes a Yjs update and the server's own state vector, and from then on updates.
 * @throws not_found; PrdError STALE_STATE, INVALID_UPDATE
 */
export function sync(
  parts: Parts,
  { caller, connection }: Pick<Sender, 'caller' | 'connection'>,
  id: number,
  known: readonly number[] | Uint8Array,
): Promise<void> {
  return performOn(parts, caller, id, async (unit, change) => {
    await reachPrd(unit, caller, id)
    const prdId = toId('prd', id)
    const participant = parts.live.of(connection, id)
    if (known instanceof Uint8Array) {
      const answer = await change((document) => {
        const update = document.missing(known)
        if (participant?.lane) richLane(document, participant, participant.lane).advance(document.seq)
        return { prdId, missingUpdates: [{ update }], stateVector: document.stateVector() }
      })
      return unit.after(() => {
        if (participant) parts.live.becomeRich(participant)
        connection.send(messageOf(['sync-response', answer]))
      })
    }
    const lane = participant?.lane ?? new Lane(NOBODY, 0)
    const { missing, stateVector } = await missingOf(unit, change, lane, known, id)
    if (missing.length > MOST) throw staleState()
    const missingUpdates = missing.map((edit) => ({
      operation: operationOf(edit),
      timestamp: edit.time,
      userId: toId('user', edit.accountId),
    }))
    unit.after(() => connection.send(frameOf('sync-response', { prdId, missingUpdates, stateVector })))
  })
}

interface Missing {
  readonly missing: readonly LoggedEdit[]
  readonly stateVector: number[]
}

/** From memory, or, when that does not reach back so far, from the database. */
async function missingOf(unit: Unit, change: Change, lane: Lane, known: readonly number[], id: number): Promise<Missing> {
  try {
    return await change((document) => read(lane, known, document.log, document.vector))
  } catch (cause) {
    if (!(cause instanceof StaleState)) throw cause
  }
  const history = await readHistory(unit, id, MOST)
  try {
    return await change((document) =>
      read(lane, known, new MemoryLog(document.seq, history, history.length), document.vector),
    )
  } catch (cause) {
    if (cause instanceof StaleState) throw staleState()
    throw cause
  }
}

const read = (lane: Lane, known: readonly number[], log: EditLog, vector: readonly number[]): Missing => ({
  missing: lane.missing(known, log),
  stateVector: [...vector],
})
