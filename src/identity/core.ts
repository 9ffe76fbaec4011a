import type { Clock } from '../kernel/clock.ts'
import type { Database } from '../kernel/database.ts'
import type { Account } from '../kernel/session.ts'
import type { Unit, UnitOfWork } from '../kernel/unit-of-work.ts'
import type { Guard } from './guard.ts'
import type { Hasher } from './hasher.ts'
import type { IdentitySettings } from './settings.ts'
import type { AccessTokens } from './tokens.ts'

/** What the actions of identity work with. */
export interface Core {
  readonly database: Database
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly settings: IdentitySettings
  readonly hasher: Hasher
  readonly guard: Guard
  readonly tokens: AccessTokens
  /** Moves with every unit of identity that is committed. */
  readonly revision: { readonly current: number }
  readonly observers: readonly AccountObserver[]
}

/** What a module makes of a change to an account, in the unit of the change (I-15). */
export interface AccountObserver {
  /** @param createdAt wall-clock milliseconds */
  created(unit: Unit, account: Account, createdAt: number): Promise<void>
  /** @param changedBy id of the account that did it */
  updated(unit: Unit, before: Account, after: Account, changedBy: number): Promise<void>
  statusChanged(unit: Unit, account: Account, oldStatus: string, changedBy: number): Promise<void>
}

/** Who acts, and their own id of the command if they gave one: the same id again has no second effect. */
export interface Actor {
  readonly accountId: number
  readonly clientKey?: string | undefined
}
