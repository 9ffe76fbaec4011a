import type { Reader } from '../kernel/database.ts'
import { CommandError, forbidden, invalid, notFound } from '../kernel/errors.ts'
import { once } from '../kernel/idempotency.ts'
import { newUuid } from '../kernel/ids.ts'
import type { Unit } from '../kernel/unit-of-work.ts'
import { roles, toRecord, type AccountRecord, type Role, type Status } from './account.ts'
import type { Actor, Core } from './core.ts'
import { checkFields, cleanDisplayName, keyOf } from './fields.ts'
import { endAll } from './logins.ts'
import {
  findAny,
  findById,
  insertAccount,
  otherActiveAdmin,
  ownerOfEmail,
  ownerOfName,
  updateProfile,
  updateStatus,
} from './store/accounts.ts'

export interface NewAccount {
  readonly username: string
  readonly email: string
  readonly password: string
  readonly display_name?: string | undefined
}

export interface AccountChanges {
  readonly email?: string | undefined
  readonly display_name?: string | undefined
  readonly role?: Role | undefined
}

/** @throws forbidden unless an admin acts; invalid; conflict when the name or the address is taken */
export async function createAccount(
  core: Core,
  actor: Actor,
  input: NewAccount & { readonly role?: Role | undefined },
): Promise<AccountRecord> {
  // Before the hash, for it is dear; again below, for that is when it counts.
  await core.database.read((reader) => checkAdmin(reader, actor))
  checkFields(input)
  checkRole(input.role)
  const hash = await core.hasher.hash(input.password)
  return perform(core, actor, async (unit) => {
    await checkFree(unit, input)
    return addAccount(core, unit, { ...input, uuid: newUuid(), hash, role: input.role ?? core.settings.defaultRole })
  })
}

/**
 * @throws forbidden unless an admin acts; not_found; invalid; conflict when the address is taken or nobody would be
 * admin any more
 */
export function updateAccount(core: Core, actor: Actor, id: number, changes: AccountChanges): Promise<AccountRecord> {
  return perform(core, actor, async (unit) => {
    checkFields(changes)
    checkRole(changes.role)
    const before = await reach(unit, id)
    const email = changes.email ?? before.email
    const role = changes.role ?? before.role
    const displayName = changes.display_name === undefined ? before.displayName : cleanDisplayName(changes.display_name)
    if (email === before.email && role === before.role && displayName === before.displayName) return before
    const email_key = keyOf(email)
    if (email_key !== keyOf(before.email) && (await unit.get(ownerOfEmail, { key: email_key }))) throw taken('email')
    if (role !== 'admin') await checkNotLastAdmin(unit, before)
    await unit.run(updateProfile, { id, email, email_key, display_name: displayName, role, at: unit.now })
    const after = await reach(unit, id)
    for (const observer of core.observers) await observer.updated(unit, before, after, actor.accountId)
    return after
  })
}

/**
 * Deactivating ends every login and cuts every connection at once.
 * @throws forbidden unless an admin acts; not_found; conflict when nobody would be admin
 */
export function setStatus(core: Core, actor: Actor, id: number, status: Status): Promise<AccountRecord> {
  return perform(core, actor, async (unit) => {
    const before = await reach(unit, id)
    if (before.status === status) return before
    if (status === 'inactive') await checkNotLastAdmin(unit, before)
    await unit.run(updateStatus, { id, status, at: unit.now })
    const after = await reach(unit, id)
    for (const observer of core.observers) {
      await observer.statusChanged(unit, after, before.status, actor.accountId)
    }
    // After the observers: the last thing the account's own connections hear is why.
    if (status === 'inactive') await endAll(unit, id, 'This account has been deactivated')
    return after
  })
}

/** The first account of a server is its admin, by whichever door it comes (I-2). */
export const roleOfNew = async (unit: Unit, defaultRole: Role): Promise<Role> =>
  (await unit.get(findAny, {})) ? defaultRole : 'admin'

/** The one place where an account begins. What it is given has been checked. */
export async function addAccount(
  core: Core,
  unit: Unit,
  input: Omit<NewAccount, 'password'> & { readonly uuid: string; readonly hash: string | null; readonly role: Role },
): Promise<AccountRecord> {
  const { uuid, username, email, role } = input
  const row = await unit.get(insertAccount, {
    uuid,
    username,
    username_key: keyOf(username),
    email,
    email_key: keyOf(email),
    display_name: input.display_name === undefined ? username : cleanDisplayName(input.display_name),
    password_hash: input.hash,
    role,
    at: unit.now,
  })
  const account = await reach(unit, row!.id)
  for (const observer of core.observers) await observer.created(unit, account, account.createdAt)
  return account
}

/** @throws CommandError conflict */
export async function checkFree(reader: Reader, input: { username: string; email: string }): Promise<void> {
  if (await reader.get(ownerOfName, { key: keyOf(input.username) })) throw taken('username')
  if (await reader.get(ownerOfEmail, { key: keyOf(input.email) })) throw taken('email')
}

function perform(core: Core, actor: Actor, work: (unit: Unit) => Promise<AccountRecord>): Promise<AccountRecord> {
  const { accountId, clientKey } = actor
  return core.unitOfWork.run(async (unit) => {
    await checkAdmin(unit, actor)
    const client = clientKey === undefined ? undefined : { accountId, key: clientKey }
    return once(unit, client, () => work(unit), (account) => `account:${account.id}`)
  })
}

async function checkAdmin(reader: Reader, actor: Actor): Promise<void> {
  const row = await reader.get(findById, { id: actor.accountId })
  if (row?.role !== 'admin' || row.status !== 'active') throw forbidden('Only an admin may do this')
}

/** @throws not_found */
async function reach(reader: Reader, id: number): Promise<AccountRecord> {
  const row = await reader.get(findById, { id })
  if (!row) throw notFound('This account')
  return toRecord(row)
}

/** @throws conflict when the account is an active admin and there is no other */
async function checkNotLastAdmin(unit: Unit, account: AccountRecord): Promise<void> {
  if (account.role !== 'admin' || account.status !== 'active') return
  if (await unit.get(otherActiveAdmin, { id: account.id })) return
  throw new CommandError('conflict', 'This is the last active admin; make another account admin first')
}

function checkRole(role: Role | undefined): void {
  if (role !== undefined && !roles.includes(role)) throw invalid({ role: `must be one of ${roles.join(', ')}` })
}

const taken = (field: 'username' | 'email'): CommandError =>
  new CommandError('conflict', `This ${field} is taken`, { details: { [field]: 'is taken' } })
