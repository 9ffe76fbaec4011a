import type { Selectable } from 'kysely'
import type { Account } from '../kernel/session.ts'
import type { IdentityTables } from './tables.ts'
import type { User } from './wire.ts'

/** What an account may do on the server as a whole, rising. What it may do in a module is the module's own matter. */
export const roles = ['reporter', 'developer', 'manager', 'admin'] as const
export type Role = (typeof roles)[number]

export const statuses = ['active', 'inactive'] as const
export type Status = (typeof statuses)[number]

export interface AccountRecord extends Account {
  readonly role: Role
  readonly status: Status
  /** Wall-clock milliseconds. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** A row without its secrets: the password hash is read by the statements that check it and by no other. */
export type AccountRow = Omit<Selectable<IdentityTables['accounts']>, 'username_key' | 'email_key' | 'password_hash'>

export function toRecord(row: AccountRow): AccountRecord {
  return {
    id: row.id,
    uuid: row.uuid,
    username: row.username,
    email: row.email,
    displayName: row.display_name,
    role: row.role,
    status: row.status,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** An account as it is shown to its own user. */
export function showUser(account: AccountRecord): User {
  const { id, uuid, username, email, displayName, role, status, createdAt } = account
  const created_at = new Date(createdAt).toISOString()
  return { id, uuid, username, email, display_name: displayName, role, status, created_at }
}
