import type { Generated } from 'kysely'
import type { Migrations } from '../kernel/database.ts'
import { numberedTable, timeType } from '../kernel/tables.ts'
import type { Role, Status } from './account.ts'

/** Times are wall-clock milliseconds. */
export interface IdentityTables {
  accounts: {
    id: Generated<number>
    uuid: string
    username: string
    /** What no two accounts share: see fields.ts. */
    username_key: string
    email: string
    email_key: string
    display_name: string
    /** PHC string; null for an account of an outside provider. */
    password_hash: string | null
    role: Role
    status: Status
    created_at: number
    updated_at: number
  }
  /** Who an account is at an outside provider. */
  account_identities: {
    issuer: string
    subject: string
    account_id: number
    /** Tokens issued before this have been revoked. */
    valid_from: number
    created_at: number
  }
  /** One login and its whole family of refresh tokens. */
  logins: {
    id: Generated<number>
    account_id: number
    /** Hash of the part all tokens of the family share: what tells a used token from an invented one. */
    family_hash: string
    /** Hash of the secret of the token that is valid now. */
    secret_hash: string
    /** Hash of the secret it replaced, and what makes the one from the other (I-11). */
    previous_hash: string | null
    successor_salt: string | null
    rotated_at: number
    expires_at: number
    /** The absolute end: `expires_at` is never moved past it. */
    ends_at: number
    created_at: number
    used_at: number
    revoked_at: number | null
    /** For the list of own logins; may be empty. */
    user_agent: string
  }
  /** Outside tokens logged out before their end. */
  revoked_sessions: {
    session_id: string
    ends_at: number
  }
}

export const identityMigrations: Migrations = {
  'identity-001-tables': async (db, dialect) => {
    const { schema } = db
    const time = timeType(dialect)
    const table = (name: string) => numberedTable(db, dialect, name)
    await table('accounts')
      .addColumn('uuid', 'text', (c) => c.notNull().unique())
      .addColumn('username', 'text', (c) => c.notNull())
      .addColumn('username_key', 'text', (c) => c.notNull().unique())
      .addColumn('email', 'text', (c) => c.notNull())
      .addColumn('email_key', 'text', (c) => c.notNull().unique())
      .addColumn('display_name', 'text', (c) => c.notNull())
      .addColumn('password_hash', 'text')
      .addColumn('role', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('updated_at', time, (c) => c.notNull())
      .execute()
    await schema
      .createTable('account_identities')
      .addColumn('issuer', 'text', (c) => c.notNull())
      .addColumn('subject', 'text', (c) => c.notNull())
      .addColumn('account_id', 'integer', (c) => c.notNull().references('accounts.id'))
      .addColumn('valid_from', time, (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('account_identities_pk', ['issuer', 'subject'])
      .execute()
    await schema.createIndex('account_identities_account').on('account_identities').column('account_id').execute()
    await table('logins')
      .addColumn('account_id', 'integer', (c) => c.notNull().references('accounts.id'))
      .addColumn('family_hash', 'text', (c) => c.notNull().unique())
      .addColumn('secret_hash', 'text', (c) => c.notNull())
      .addColumn('previous_hash', 'text')
      .addColumn('successor_salt', 'text')
      .addColumn('rotated_at', time, (c) => c.notNull())
      .addColumn('expires_at', time, (c) => c.notNull())
      .addColumn('ends_at', time, (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('used_at', time, (c) => c.notNull())
      .addColumn('revoked_at', time)
      .addColumn('user_agent', 'text', (c) => c.notNull())
      .execute()
    await schema.createIndex('logins_account').on('logins').column('account_id').execute()
    await schema.createIndex('logins_expires').on('logins').column('expires_at').execute()
    await schema
      .createTable('revoked_sessions')
      .addColumn('session_id', 'text', (c) => c.primaryKey())
      .addColumn('ends_at', time, (c) => c.notNull())
      .execute()
    await schema.createIndex('revoked_sessions_ends').on('revoked_sessions').column('ends_at').execute()
  },
}
