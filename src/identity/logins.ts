import { notFound } from '../kernel/errors.ts'
import type { Reader } from '../kernel/database.ts'
import type { Room } from '../kernel/rooms.ts'
import { accountRoom, sessionRoom, type Session } from '../kernel/session.ts'
import type { Unit } from '../kernel/unit-of-work.ts'
import { formatRefreshToken, hashOf, newRefreshToken, successor, type RefreshToken } from './refresh.ts'
import type { IdentitySettings } from './settings.ts'
import {
  findFamily,
  findLive,
  insertLogin,
  liveLogins,
  revokeLogin,
  revokeLogins,
  rotateLogin,
} from './store/logins.ts'
import { insertRevoked, refuseBefore } from './store/sessions.ts'
import type { Login } from './wire.ts'

/** A login whose tokens are to be handed out. */
export interface OpenLogin {
  readonly id: number
  readonly accountId: number
  readonly refreshToken: string
  /** Wall-clock milliseconds. */
  readonly expiresAt: number
}

type Lives = Pick<IdentitySettings, 'refreshTokenMs' | 'loginMs' | 'refreshGraceMs' | 'maxLogins'>

const MAX_AGENT_LENGTH = 200

/** @param agent the client's own name of itself, shown in the list of logins and believed nowhere */
export async function openLogin(unit: Unit, lives: Lives, accountId: number, agent: string): Promise<OpenLogin> {
  const live = await unit.all(liveLogins, { account: accountId, now: unit.now })
  const surplus = live.slice(lives.maxLogins - 1).map((login) => login.id)
  await revoke(unit, surplus, 'This login has ended: there were too many of this account')
  const token = newRefreshToken()
  const ends = unit.now + lives.loginMs
  const expires = Math.min(unit.now + lives.refreshTokenMs, ends)
  const row = await unit.get(insertLogin, {
    account: accountId,
    family: hashOf(token.family),
    secret: hashOf(token.secret),
    expires,
    ends,
    at: unit.now,
    agent: agent.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, MAX_AGENT_LENGTH),
  })
  return { id: row!.id, accountId, refreshToken: formatRefreshToken(token), expiresAt: expires }
}

/** Whether there is a login of this family at all; what is not known is refused without taking part in a write. */
export const isKnown = async (reader: Reader, token: RefreshToken): Promise<boolean> =>
  (await reader.get(findFamily, { family: hashOf(token.family) })) !== undefined

/**
 * Trades a refresh token for the next one (I-10). One that was traded before, by its owner or by a thief, ends the
 * login: whichever of the two comes second is found out. The exception is the token traded last, within the grace
 * (I-11): two tabs of a client that wake together, or one whose answer was lost, get the same next token.
 *
 * @returns undefined when the token is not good (any more); what was revoked for it must be committed
 */
export async function rotate(unit: Unit, lives: Lives, token: RefreshToken): Promise<OpenLogin | undefined> {
  const login = await unit.get(findFamily, { family: hashOf(token.family) })
  const isLive = login?.revoked_at === null && login.expires_at > unit.now && login.status === 'active'
  if (!isLive) return undefined
  const open = { id: login.id, accountId: login.account_id }
  const presented = hashOf(token.secret)
  if (presented === login.secret_hash) {
    const salt = newRefreshToken().secret
    const next = successor(token, salt)
    const expires = Math.min(unit.now + lives.refreshTokenMs, login.ends_at)
    const secret = hashOf(next.secret)
    await unit.run(rotateLogin, { id: login.id, secret, previous: presented, salt, expires, at: unit.now })
    return { ...open, refreshToken: formatRefreshToken(next), expiresAt: expires }
  }
  const inGrace = unit.now - login.rotated_at < lives.refreshGraceMs
  if (presented === login.previous_hash && inGrace) {
    const next = successor(token, login.successor_salt!)
    return { ...open, refreshToken: formatRefreshToken(next), expiresAt: login.expires_at }
  }
  await revoke(unit, [login.id], 'A used refresh token came again: this login has ended, log in again')
  return undefined
}

/** Of an own token its login, of an outside one the token itself. */
export async function endSession(unit: Unit, session: Session, reason: string): Promise<void> {
  const login = loginOf(session)
  if (login !== undefined) return revoke(unit, [login], reason)
  await unit.run(insertRevoked, { session: session.id, ends: session.expiresAt })
  cut(unit, [sessionRoom(session.id)], reason)
}

/** Everything an account is logged in with, outside tokens included (I-9). */
export async function endAll(unit: Unit, accountId: number, reason: string): Promise<void> {
  await unit.run(revokeLogins, { account: accountId, at: unit.now })
  await unit.run(refuseBefore, { account: accountId, at: unit.now })
  cut(unit, [accountRoom(accountId)], reason)
}

/** All logins of an account but this session's. */
export async function endOthers(unit: Unit, session: Session, reason: string): Promise<void> {
  const live = await unit.all(liveLogins, { account: session.account.id, now: unit.now })
  const own = loginOf(session)
  const others = live.map((login) => login.id).filter((id) => id !== own)
  await revoke(unit, others, reason)
}

/** @throws not_found for another account's login as for an absent one */
export async function endLogin(unit: Unit, accountId: number, id: number): Promise<void> {
  if (!(await unit.get(findLive, { id, account: accountId }))) throw notFound('This login')
  await revoke(unit, [id], 'This login was ended from another one')
}

/** The session's own login, still there? What was revoked a moment ago must change nothing any more. */
export async function isLive(unit: Unit, session: Session): Promise<boolean> {
  const id = loginOf(session)
  return id !== undefined && (await unit.get(findLive, { id, account: session.account.id })) !== undefined
}

export async function listLogins(reader: Reader, session: Session, now: number): Promise<Login[]> {
  const rows = await reader.all(liveLogins, { account: session.account.id, now })
  const iso = (ms: number): string => new Date(ms).toISOString()
  return rows.map((row) => ({
    id: row.id,
    created_at: iso(row.created_at),
    used_at: iso(row.used_at),
    expires_at: iso(row.expires_at),
    user_agent: row.user_agent,
    current: row.id === loginOf(session),
  }))
}

/** Session ids of outside tokens are hashes and never numbers. */
const loginOf = (session: Session): number | undefined =>
  /^\d{1,15}$/.test(session.id) ? Number(session.id) : undefined

async function revoke(unit: Unit, ids: readonly number[], reason: string): Promise<void> {
  const ended: Room[] = []
  for (const id of ids) {
    if ((await unit.run(revokeLogin, { id, at: unit.now })) > 0) ended.push(sessionRoom(String(id)))
  }
  if (ended.length > 0) cut(unit, ended, reason)
}

/** Open connections go in the order of the log, on every node; the reason is what their people are told. */
function cut(unit: Unit, rooms: readonly Room[], reason: string): void {
  unit.emit({
    module: 'identity',
    type: 'login_revoked',
    audience: { to: [] },
    effects: rooms.map((of) => ({ kind: 'close', of, close: 'token', reason })),
  })
}
