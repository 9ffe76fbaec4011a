import { CommandError, forbidden, invalid } from '../kernel/errors.ts'
import { newUuid } from '../kernel/ids.ts'
import type { Session } from '../kernel/session.ts'
import type { Unit } from '../kernel/unit-of-work.ts'
import { showUser, toRecord } from './account.ts'
import { addAccount, checkFree, roleOfNew } from './accounts.ts'
import type { Core } from './core.ts'
import { checkFields, keyOf } from './fields.ts'
import { endOthers, isKnown, isLive, openLogin, rotate, type OpenLogin } from './logins.ts'
import { parseRefreshToken } from './refresh.ts'
import { findById, findForLogin, findSecret, replaceHash } from './store/accounts.ts'
import { refusedToken } from './tokens.ts'
import type { Credentials, PasswordChange, Registration, Tokens } from './wire.ts'

/** Where a request comes from. */
export interface Origin {
  readonly address: string
  readonly agent: string
}

/** @throws forbidden when closed; invalid; conflict; rate_limited; unavailable */
export async function register(core: Core, input: Registration, from: Origin): Promise<Tokens> {
  const { settings } = core
  if (settings.registration === 'closed') throw forbidden('Registration is closed; ask an admin for an account')
  checkFields(input)
  core.guard.register(from.address)
  await core.database.read((reader) => checkFree(reader, input))
  const hash = await core.hasher.hash(input.password)
  const login = await core.unitOfWork.run(async (unit) => {
    await checkFree(unit, input)
    const role = await roleOfNew(unit, settings.defaultRole)
    const account = await addAccount(core, unit, { ...input, uuid: newUuid(), hash, role })
    return openLogin(unit, settings, account.id, from.agent)
  })
  return handOut(core, login)
}

/**
 * An unknown name, a wrong password and an account without one are answered alike, after the same work (I-4).
 * @throws unauthenticated; rate_limited; unavailable
 */
export async function logIn(core: Core, input: Credentials, from: Origin): Promise<Tokens> {
  // A NUL is in no name, and PostgreSQL would fail on it instead of finding nothing.
  const key = keyOf(input.username).slice(0, MAX_KEY_LENGTH).replaceAll('\0', '?')
  const found = await core.guard.attempt(key, from.address, async () => {
    const row = await core.database.read((reader) => reader.get(findForLogin, { key }))
    return (await core.hasher.verify(input.password, row?.password_hash)) ? row : undefined
  })
  if (!found) throw new CommandError('unauthenticated', 'Wrong username or password')
  const verified = found.password_hash!
  const fresh = await rehash(core, verified, input.password)
  const login = await core.unitOfWork.run(async (unit) => {
    const now = await unit.get(findSecret, { id: found.id })
    if (now?.status !== 'active') {
      throw new CommandError('unauthenticated', 'This account has been deactivated; ask an admin')
    }
    if (now.password_hash !== verified) throw changedMeanwhile()
    if (fresh !== undefined) await unit.run(replaceHash, { id: found.id, old: verified, fresh })
    return openLogin(unit, core.settings, found.id, from.agent)
  })
  return handOut(core, login)
}

/** @throws unauthenticated */
export async function refresh(core: Core, text: string): Promise<Tokens> {
  const token = parseRefreshToken(text)
  if (!token || !(await core.database.read((reader) => isKnown(reader, token)))) throw refusedRefresh()
  // Not thrown inside: what a used token has revoked must be committed.
  const login = await core.unitOfWork.run((unit) => rotate(unit, core.settings, token))
  if (!login) throw refusedRefresh()
  return handOut(core, login)
}

/** Ends every other login of the account. @throws invalid; conflict; rate_limited; unavailable; unauthenticated */
export async function changePassword(
  core: Core,
  session: Session,
  input: PasswordChange,
  from: Origin,
): Promise<void> {
  checkFields({ new_password: input.new_password })
  const { id } = session.account
  const row = await core.database.read((reader) => reader.get(findSecret, { id }))
  const old = row?.password_hash
  if (!row || typeof old !== 'string') {
    throw new CommandError('conflict', 'This account logs in through its identity provider and has no password here')
  }
  // Guessing here, with a token that was left open, is guessing all the same.
  const isRight = await core.guard.attempt(row.username_key, from.address, async () =>
    (await core.hasher.verify(input.current_password, old)) ? true : undefined,
  )
  if (!isRight) throw invalid({ current_password: 'is not the current password' })
  const fresh = await core.hasher.hash(input.new_password)
  await core.unitOfWork.run(async (unit: Unit) => {
    if (!(await isLive(unit, session))) throw refusedToken()
    if ((await unit.run(replaceHash, { id, old, fresh })) === 0) throw changedMeanwhile()
    await endOthers(unit, session, 'The password was changed; log in again')
  })
}

async function handOut(core: Core, login: OpenLogin): Promise<Tokens> {
  const row = await core.database.read((reader) => reader.get(findById, { id: login.accountId }))
  const account = toRecord(row!)
  const { token, expiresIn } = await core.tokens.issue(account.uuid, login.id, login.expiresAt)
  return {
    user: showUser(account),
    access_token: token,
    refresh_token: login.refreshToken,
    expires_in: expiresIn,
  }
}

/** A hash at today's cost, when the stored one is not; a busy moment is no reason to refuse a login. */
async function rehash(core: Core, stored: string, password: string): Promise<string | undefined> {
  if (!core.hasher.isOutdated(stored)) return undefined
  return core.hasher.hash(password).catch(() => undefined)
}

/** No name or address is longer; what is only counted must not fill the memory. */
const MAX_KEY_LENGTH = 254

const refusedRefresh = (): CommandError =>
  new CommandError('unauthenticated', 'The refresh token is not valid (any more); log in again')

const changedMeanwhile = (): CommandError =>
  new CommandError('unavailable', 'The password was changed at this very moment; try again', { retryAfter: 1 })
