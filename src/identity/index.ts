import type { Clock } from '../kernel/clock.ts'
import type { Database, Reader } from '../kernel/database.ts'
import type { Api } from '../kernel/route.ts'
import type { Authenticator } from '../kernel/session.ts'
import type { Unit, UnitOfWork } from '../kernel/unit-of-work.ts'
import { toRecord, type AccountRecord, type Role, type Status } from './account.ts'
import { createAccount, setStatus, updateAccount, type AccountChanges, type NewAccount } from './accounts.ts'
import { TokenAuthenticator } from './authenticator.ts'
import type { AccountObserver, Actor, Core } from './core.ts'
import { Guard } from './guard.ts'
import { Hasher } from './hasher.ts'
import { Provider } from './provider.ts'
import { identityApi } from './routes.ts'
import { complete, type IdentityOptions } from './settings.ts'
import { countAll, findById, listById } from './store/accounts.ts'
import { deleteLogins } from './store/logins.ts'
import { deleteRevoked } from './store/sessions.ts'
import { AccessTokens } from './tokens.ts'

export { roles, statuses, type AccountRecord, type Role, type Status } from './account.ts'
export type { AccountChanges, NewAccount } from './accounts.ts'
export type { AccountObserver, Actor } from './core.ts'
export type { IdentityOptions, IdentitySettings, ProviderSettings } from './settings.ts'
export { identityMigrations, type IdentityTables } from './tables.ts'

/** What admins do to accounts, for the admin routes of modules. Only an active admin may; read as it happens. */
export interface IdentityActions {
  createAccount(actor: Actor, input: NewAccount & { readonly role?: Role | undefined }): Promise<AccountRecord>
  updateAccount(actor: Actor, id: number, changes: AccountChanges): Promise<AccountRecord>
  setStatus(actor: Actor, id: number, status: Status): Promise<AccountRecord>
}

export interface Identity {
  readonly authenticator: Authenticator
  readonly api: Api
  readonly actions: IdentityActions
  /** From now on this observer takes part in every change of an account. */
  observe(observer: AccountObserver): void
  /** Removes logins and revocations that ended long ago. @param now wall-clock milliseconds */
  expire(unit: Unit, now: number): Promise<void>
  findAccount(reader: Reader, id: number): Promise<AccountRecord | undefined>
  /** The newest first. @param page.before only accounts with a lower id */
  listAccounts(reader: Reader, page: { limit: number; before?: number | undefined }): Promise<AccountRecord[]>
  countAccounts(): Promise<number>
}

export interface IdentityParts {
  readonly database: Database
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly settings: IdentityOptions
  /** Failures nobody is told of, like a provider whose keys cannot be had. */
  readonly onError: (error: unknown) => void
}

/** Milliseconds a login is kept after its end. */
const KEPT_MS = 24 * 60 * 60 * 1000
const MAX_ID = 2_147_483_647

/** Accounts, logins and tokens: one for all protocols. See README.md. @throws Error when the secret is too short */
export function createIdentity({ database, unitOfWork, clock, settings: options, onError }: IdentityParts): Identity {
  const settings = complete(options)
  const { hashCost: cost, hashesAtOnce: atOnce, hashesWaiting: waiting } = settings
  const observers: AccountObserver[] = []
  const revision = { current: 0 }
  const core: Core = {
    database,
    unitOfWork: {
      run: (work) =>
        unitOfWork.run((unit) => {
          unit.after(() => (revision.current += 1))
          return work(unit)
        }),
    },
    revision,
    clock,
    settings,
    observers,
    hasher: new Hasher({ cost, atOnce, waiting }),
    guard: new Guard(clock, settings),
    tokens: new AccessTokens(settings.secret, clock, settings.accessTokenMs),
  }
  const provider = settings.provider && new Provider(settings.provider, clock, onError)
  return {
    authenticator: new TokenAuthenticator(core, provider),
    api: identityApi(core),
    actions: {
      createAccount: (actor, input) => createAccount(core, actor, input),
      updateAccount: (actor, id, changes) => updateAccount(core, actor, id, changes),
      setStatus: (actor, id, status) => setStatus(core, actor, id, status),
    },
    observe: (observer) => void observers.push(observer),
    async expire(unit, now) {
      await unit.run(deleteLogins, { before: now - KEPT_MS })
      await unit.run(deleteRevoked, { now: now - KEPT_MS })
    },
    async findAccount(reader, id) {
      const row = await reader.get(findById, { id })
      return row && toRecord(row)
    },
    async listAccounts(reader, { limit, before = MAX_ID }) {
      return (await reader.all(listById, { limit, before })).map(toRecord)
    },
    countAccounts: () =>
      database.read(async (reader) => Number((await reader.get(countAll, {}))!.count)),
  }
}
