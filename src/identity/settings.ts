import type { JWTVerifyGetKey } from 'jose'
import type { Role } from './account.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Cost of one password hash. */
export interface HashCost {
  /** KiB. */
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
}

/** An outside identity provider whose tokens are accepted besides our own. */
export interface ProviderSettings {
  /** Where its key set is. */
  readonly url: string
  /** What its tokens must say in `iss` and `aud`. */
  readonly issuer: string
  readonly audience: string
  /** Instead of fetching the key set: for tests. */
  readonly keys?: JWTVerifyGetKey
}

export interface IdentitySettings {
  /** Signs access tokens; at least 32 bytes. */
  readonly secret: Uint8Array
  readonly registration: 'open' | 'closed'
  /** Of every account but the first, which is admin. */
  readonly defaultRole: Role
  readonly accessTokenMs: number
  /** Life of a refresh token that is not used; every use begins it anew. */
  readonly refreshTokenMs: number
  /** Life of a login, however often it is refreshed. */
  readonly loginMs: number
  /** How long the token just replaced may come again (I-11); 0: not at all. */
  readonly refreshGraceMs: number
  /** Live logins of one account; a further one ends the one unused for longest. */
  readonly maxLogins: number
  readonly hashCost: HashCost
  /** Hashes computed at once: each takes a thread of the pool that files and DNS use too, and its memory. */
  readonly hashesAtOnce: number
  /** Hashes that wait, and logins of one address that wait for each other; one more is refused with `unavailable`. */
  readonly hashesWaiting: number
  /** Failed logins in `failureWindowMs` for one name from one address. Each limit: 0 switches it off. */
  readonly loginFailures: number
  /** The same from one address, whatever the names: an office behind one address still fits. */
  readonly loginFailuresPerAddress: number
  /** The same for one name, whatever the addresses: far above the first, or anybody could lock anybody out. */
  readonly loginFailuresPerName: number
  readonly failureWindowMs: number
  /** Tries to register from one address in an hour. */
  readonly registrationsPerAddress: number
  /** Names and addresses that are counted at once: what bounds the memory of all these limits. */
  readonly maxCounted: number
  /** Verified access tokens remembered, so that their signature is not checked again with every request. */
  readonly maxRemembered: number
  /** Requests other than GET one account may make in a minute. */
  readonly writesPerMinute: number
  readonly provider?: ProviderSettings | undefined
}

/** Hash cost: the first choice of OWASP's password storage cheat sheet for little memory. */
export const defaults = {
  registration: 'open',
  defaultRole: 'reporter',
  accessTokenMs: 15 * MINUTE,
  refreshTokenMs: 30 * DAY,
  loginMs: 90 * DAY,
  refreshGraceMs: 10 * SECOND,
  maxLogins: 100,
  hashCost: { memory: 19 * 1024, passes: 2, parallelism: 1 },
  hashesAtOnce: 2,
  hashesWaiting: 64,
  loginFailures: 10,
  loginFailuresPerAddress: 50,
  loginFailuresPerName: 100,
  failureWindowMs: 15 * MINUTE,
  registrationsPerAddress: 20,
  maxCounted: 100_000,
  maxRemembered: 10_000,
  writesPerMinute: 60,
} as const satisfies Omit<IdentitySettings, 'secret'>

export const REGISTRATION_WINDOW_MS = HOUR

/** What must be given and what may be. */
export type IdentityOptions = Pick<IdentitySettings, 'secret'> & Partial<IdentitySettings>

const MIN_SECRET_BYTES = 32

/** @throws Error when the secret is too short to sign with */
export function complete(options: IdentityOptions): IdentitySettings {
  if (options.secret.length < MIN_SECRET_BYTES) {
    throw new Error(`The secret that signs tokens must have at least ${MIN_SECRET_BYTES} bytes`)
  }
  return { ...defaults, ...options }
}
