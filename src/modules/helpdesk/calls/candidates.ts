import { CommandError, notFound } from '../../../kernel/errors.ts'
import { frameOf } from '../wire.ts'
import type { LiveCall, Ringing } from './call.ts'
import type { Tab } from './leg.ts'
import { justEnded } from './naming.ts'
import type { CallParts } from './parts.ts'
import type { FoundCandidate } from './shapes.ts'

/** What became of a candidate. */
export type Taken = { readonly callId: string } | { readonly dropped: true }

/**
 * A network address at which a party of the call with `target` can be reached, for the tab at the other end and for
 * nobody else. It is in memory alone.
 * @throws CommandError not_found without such a call, conflict from another tab than that of the call, rate_limited
 * when too many wait already
 */
export async function passCandidate(
  parts: CallParts,
  tab: Tab,
  user: number,
  { target, candidate }: FoundCandidate,
): Promise<Taken> {
  const { board, database, clock } = parts
  const call = board.between(user, target)
  if (!call) {
    if (await justEnded(database.latest, user, target, clock.now())) return { dropped: true }
    throw notFound('A call between you and this person')
  }
  const frame = frameOf('call:ice_candidate', { from: user, candidate })
  if (call.ringing) hold(parts, call, call.ringing, tab, user, frame)
  else forward(parts, call, tab, user, frame)
  return { callId: call.id }
}

function hold(
  { board, settings }: CallParts,
  call: LiveCall,
  ringing: Ringing,
  tab: Tab,
  user: number,
  frame: string,
): void {
  const isCaller = call.caller.user === user
  if (isCaller) board.claim(call, user, tab)
  const held = isCaller ? ringing.candidates : (ringing.tabs.get(tab) ?? [])
  if (held.length >= settings.callCandidates) throw tooMany()
  held.push(frame)
  if (!isCaller) ringing.tabs.set(tab, held)
}

function forward({ board, settings }: CallParts, call: LiveCall, tab: Tab, user: number, frame: string): void {
  const other = call.otherOf(board.claim(call, user, tab))
  if (other.backlog >= settings.callCandidates) throw tooMany()
  other.pass('call:ice_candidate', frame)
}

const tooMany = (): CommandError =>
  new CommandError('rate_limited', 'Too many candidates wait for the other side already; wait until it has them', {
    retryAfter: 1,
  })
