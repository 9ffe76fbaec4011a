import { notFound } from '../../../kernel/errors.ts'
import type { Reader } from '../../../kernel/database.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { findCall, openCallOf, recentCall, type CallRow } from '../store/calls.ts'
import { isParty, otherParty } from './policy.ts'
import type { NamedCall } from './shapes.ts'

/**
 * How long what still comes for a call that has ended means that call: both sides may end it at once, and candidates
 * are on their way.
 */
const LATE_MS = 30_000

/**
 * The call that a party means: by its id or, without one or with one that is not theirs, the call with the person that
 * is named.
 * @throws CommandError not_found
 */
export async function reachNamed(unit: Unit, user: number, { callId, target }: NamedCall): Promise<CallRow> {
  const named = callId === undefined ? undefined : await unit.get(findCall, { uuid: callId })
  if (named && isParty(named, user)) return named
  const open = target === undefined ? undefined : await unit.get(openCallOf, { user })
  if (open && otherParty(open, user) === target) return open
  const recent = target === undefined ? undefined : await justEnded(unit, user, target, unit.now)
  if (!recent) throw notFound('This call')
  return recent
}

/** @param now wall clock, milliseconds */
export async function justEnded(
  reader: Pick<Reader, 'get'>,
  user: number,
  other: number,
  now: number,
): Promise<CallRow | undefined> {
  const since = now - LATE_MS
  const made = await reader.get(recentCall, { caller: user, callee: other, since })
  const taken = await reader.get(recentCall, { caller: other, callee: user, since })
  return made && taken ? (made.id > taken.id ? made : taken) : (made ?? taken)
}
