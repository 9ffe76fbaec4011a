import { perform } from '../../../kernel/action.ts'
import { type CommandError, conflict, forbidden, invalid, notFound } from '../../../kernel/errors.ts'
import { newUuid } from '../../../kernel/ids.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { reachPerson } from '../actions/parts.ts'
import { checkMay, type Person } from '../policy.ts'
import { accessPerson } from '../store/access.ts'
import { insertCall, openCallOf, type CallReason, type CallRow } from '../store/calls.ts'
import type { CallState } from '../tables.ts'
import { frameOf } from '../wire.ts'
import { isTabOf, type Tab } from './leg.ts'
import { afterCommit, liveCall, type CallParts, type Conclusion } from './parts.ts'
import { checkMayBeCalled, mayCall, otherParty, permissionFor } from './policy.ts'
import type { Invitation } from './shapes.ts'

/** The id of a call that rings or runs now. */
export interface Placed {
  readonly callId: string
}

/** A call that cannot be. */
interface Refused {
  readonly error: Error
  /** Of the row that says so, where there is one. */
  readonly callId?: string
  /** The call by which the other was faster. */
  readonly faster?: string
}

/**
 * Calls somebody. From the tab that is in a call with them already it is another offer for that call.
 * @throws CommandError when it cannot be; the tab has then been told by `call:rejected`, which comes before the error,
 * that it need not wait
 */
export async function invite(parts: CallParts, tab: Tab, user: number, invitation: Invitation): Promise<Placed> {
  const outcome = await place(parts, tab, user, invitation).catch((error: Error): Refused => ({ error }))
  if (!('error' in outcome)) return outcome
  refuse(parts, tab, user, invitation.target, outcome.callId)
  const faster = parts.board.get(outcome.faster ?? '')
  if (faster?.ringing && isTabOf(tab, user)) parts.board.ring(faster, tab)
  throw outcome.error
}

/** An invite that is not even one. */
export const refuseInvalid = (tab: Tab): void => tab.send(frameOf('call:rejected', { callId: newUuid() }))

/** A tab that is in this very call rings on, or talks on: only its new offer is refused. */
function refuse({ board }: CallParts, tab: Tab, user: number, target: number, callId = newUuid()): void {
  const current = board.between(user, target)
  if (current?.legOf(user).tab !== tab) tab.send(frameOf('call:rejected', { callId }))
  else if (!current.ringing) tab.send(frameOf('call:rejected', { callId: current.id }))
}

async function place(parts: CallParts, tab: Tab, user: number, invitation: Invitation): Promise<Placed | Refused> {
  const { board, window, unitOfWork } = parts
  if (!board.between(user, invitation.target)) {
    window.pass(user, 'Too many calls')
  }
  const conclude = await perform(unitOfWork, { accountId: user }, async (unit) => {
    const caller = await reachPerson(unit, { accountId: user })
    checkMay(caller, permissionFor(invitation.callType))
    if (invitation.target === user) throw invalid({ targetUserId: 'must be somebody else: you cannot call yourself' })
    const callee = await unit.get(accessPerson, { actor: invitation.target })
    if (!callee) throw notFound('This person')
    const open = await unit.get(openCallOf, { user })
    if (open) return again(unit, parts, tab, callee, open, user, invitation)
    return begin(unit, parts, tab, caller, callee, invitation)
  })
  return conclude()
}

async function begin(
  unit: Unit,
  { board, isThere }: CallParts,
  tab: Tab,
  caller: Person,
  callee: Person,
  { callType: type, offer }: Invitation,
): Promise<Conclusion<Placed | Refused>> {
  const id = newUuid()
  const write = (state: CallState, reason: CallReason | null): Promise<number> => {
    const ended = state === 'ringing' ? null : unit.now
    const parties = { caller: caller.actor_id, callee: callee.actor_id }
    return unit.run(insertCall, { uuid: id, ...parties, type, state, reason, now: unit.now, ended })
  }
  const name = callee.actor_name
  if (!mayCall(callee, type)) {
    await write('failed', 'not_permitted')
    return refused(id, forbidden(`${name} may not have ${type} calls`))
  }
  if (!isThere(callee.actor_id)) {
    await write('missed', 'offline')
    return refused(id, conflict(`${name} is not connected; try again later`))
  }
  if (await unit.get(openCallOf, { user: callee.actor_id })) {
    await write('busy', 'busy')
    return refused(id, conflict(`${name} is in another call; try again later`))
  }
  await write('ringing', null)
  return afterCommit(unit, () => {
    board.begin({
      id,
      type,
      offer,
      caller: { user: caller.actor_id, name: caller.actor_name, tab },
      callee: { user: callee.actor_id, name },
    })
    return { callId: id }
  })
}

const refused = (callId: string, error: CommandError): Conclusion<Refused> => () => ({ callId, error })

/** The caller is in a call already. */
function again(
  unit: Unit,
  { board }: CallParts,
  tab: Tab,
  callee: Person,
  open: CallRow,
  user: number,
  { target, callType: type, offer }: Invitation,
): Conclusion<Placed | Refused> {
  const callId = open.uuid
  if (otherParty(open, user) !== target) throw conflict('You are in another call; end it first')
  if (open.state === 'ringing' && open.callee_id === user) {
    const error = conflict(`${open.caller_name} is calling you: accept that call`)
    return () => ({ error, faster: callId })
  }
  checkMayBeCalled(callee, type)
  return afterCommit(unit, () => {
    const call = liveCall(board, callId)
    const leg = board.claim(call, user, tab)
    if (call.ringing) {
      if (type !== call.type) throw conflict(`This call rings as ${call.type}; end it to call by ${type}`)
      board.offerAgain(call, offer)
    } else {
      if (call.renegotiation && call.renegotiation.by !== leg) {
        throw conflict(`${call.otherOf(leg).name} has made an offer: accept or reject it first`)
      }
      board.renegotiate(call, { by: leg, type }, offer)
    }
    return { callId }
  })
}

