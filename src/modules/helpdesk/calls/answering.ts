import { perform } from '../../../kernel/action.ts'
import { conflict } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { reachPerson } from '../actions/parts.ts'
import { checkMay } from '../policy.ts'
import { answerCall, findCall, retypeCall, type CallRow } from '../store/calls.ts'
import type { Placed } from './inviting.ts'
import type { Tab } from './leg.ts'
import { reachNamed } from './naming.ts'
import { afterCommit, finish, isOver, liveCall, type CallParts, type Conclusion } from './parts.ts'
import { checkAnswers, checkMayBeCalled, checkParty, otherParty, permissionFor } from './policy.ts'
import type { Acceptance, Description, NamedCall } from './shapes.ts'

/**
 * The first tab of the callee to say so has the call; in a running call it answers an offer of the other party.
 * @throws CommandError not_found, forbidden, or conflict when there is nothing (any more) that this tab could answer
 */
export async function accept(
  parts: CallParts,
  tab: Tab,
  user: number,
  { callId, answer }: Acceptance,
): Promise<Placed> {
  const conclude = await perform(parts.unitOfWork, { accountId: user }, async (unit) => {
    const row = checkParty(await unit.get(findCall, { uuid: callId }), user)
    if (row.state === 'ringing') return answerRinging(unit, parts, tab, user, row, answer)
    if (row.state === 'accepted') return answerOffer(unit, parts, tab, user, row, answer)
    throw isOver()
  })
  return conclude()
}

/**
 * The callee does not want it, on whichever tab; the caller who says so gives it up. In a running call it refuses an
 * offer, and the call goes on. A call that is over stays as it is.
 * @throws CommandError not_found, or conflict when the call runs and there is no offer to refuse
 */
export async function reject(parts: CallParts, tab: Tab, user: number, named: NamedCall): Promise<Placed> {
  const conclude = await perform(parts.unitOfWork, { accountId: user }, async (unit) => {
    const row = await reachNamed(unit, user, named)
    if (row.state === 'accepted') return refuseOffer(unit, parts, tab, user, row)
    if (row.state === 'ringing') {
      const isCallee = row.callee_id === user
      await finish(unit, parts.board, row, unanswered(row, user), { by: tab, rejected: isCallee })
    }
    return () => ({ callId: row.uuid })
  })
  return conclude()
}

/**
 * Hangs up, on whichever tab; before it was answered the caller gives up and the callee refuses. A call that is over
 * stays as it is: both may hang up at once.
 * @throws CommandError not_found
 */
export function end(parts: CallParts, tab: Tab, user: number, named: NamedCall): Promise<Placed> {
  return perform(parts.unitOfWork, { accountId: user }, async (unit) => {
    const row = await reachNamed(unit, user, named)
    if (row.state === 'ringing') await finish(unit, parts.board, row, unanswered(row, user), { by: tab })
    if (row.state === 'accepted') {
      await finish(unit, parts.board, row, { state: 'ended', reason: 'hung_up', by: user }, { by: tab })
    }
    return { callId: row.uuid }
  })
}

const unanswered = (row: CallRow, by: number) =>
  row.callee_id === by
    ? ({ state: 'rejected', reason: 'rejected', by } as const)
    : ({ state: 'missed', reason: 'cancelled', by } as const)

async function answerRinging(
  unit: Unit,
  { board }: CallParts,
  tab: Tab,
  user: number,
  row: CallRow,
  answer: Description,
): Promise<Conclusion<Placed>> {
  checkAnswers(row, user)
  checkMay(await reachPerson(unit, { accountId: user }), permissionFor(row.type))
  await unit.run(answerCall, { uuid: row.uuid, now: unit.now })
  return afterCommit(unit, () => {
    board.accept(liveCall(board, row.uuid), tab, answer)
    return { callId: row.uuid }
  })
}

async function answerOffer(
  unit: Unit,
  { board }: CallParts,
  tab: Tab,
  user: number,
  row: CallRow,
  answer: Description,
): Promise<Conclusion<Placed>> {
  const offered = board.get(row.uuid)?.renegotiation
  const type = offered?.type === 'video' ? 'video' : row.type
  if (offered && offered.by.user !== user && type !== row.type) {
    checkMay(await reachPerson(unit, { accountId: user }), permissionFor(type))
    checkMayBeCalled(await reachPerson(unit, { accountId: otherParty(row, user) }), type)
    await unit.run(retypeCall, { uuid: row.uuid, type })
  }
  return afterCommit(unit, () => {
    const call = liveCall(board, row.uuid)
    const leg = board.claim(call, user, tab)
    const { renegotiation } = call
    if (!renegotiation || renegotiation.by === leg) throw nothingOffered()
    // It came after the permissions were looked at.
    if (renegotiation.type === 'video' && type !== 'video') throw nothingOffered()
    call.renegotiation = undefined
    call.type = type
    renegotiation.by.give('call:accepted', { callId: row.uuid, answer })
    return { callId: row.uuid }
  })
}

function refuseOffer(unit: Unit, { board }: CallParts, tab: Tab, user: number, row: CallRow): Conclusion<Placed> {
  return afterCommit(unit, () => {
    const call = liveCall(board, row.uuid)
    const leg = board.claim(call, user, tab)
    const { renegotiation } = call
    if (!renegotiation || renegotiation.by === leg) throw conflict('This call runs; to hang up, send call:end')
    call.renegotiation = undefined
    renegotiation.by.give('call:rejected', { callId: row.uuid })
    return { callId: row.uuid }
  })
}

const nothingOffered = () => conflict('There is no offer that waits for your answer')
