import type { Authenticator, Session } from '../kernel/session.ts'
import { toRecord, type AccountRecord } from './account.ts'
import type { Core } from './core.ts'
import { admit, readOutside } from './outside.ts'
import type { OutsideClaims, Provider } from './provider.ts'
import { findSession } from './store/sessions.ts'
import { CLOCK_TOLERANCE, refusedToken, type OwnClaims } from './tokens.ts'

/** Longer ones are refused before any work; ours have about 400 characters. */
const MAX_TOKEN_LENGTH = 8 * 1024
/** An outside key that its provider has withdrawn is believed no longer than this; the key set is kept as long. */
const OUTSIDE_REMEMBERED_MS = 10 * 60 * 1000

type Claims =
  | { readonly from: 'own'; readonly own: OwnClaims }
  | { readonly from: 'outside'; readonly outside: OutsideClaims }

interface Remembered {
  readonly claims: Claims
  /** Wall-clock milliseconds at which it must be verified anew. */
  readonly until: number
}

/**
 * A signature is checked once and remembered; the account and the login are read with every request, so that a
 * revocation, a new role and a deactivation hold from their commit on (I-8).
 */
export class TokenAuthenticator implements Authenticator {
  private readonly core: Core
  private readonly provider: Provider | undefined
  private readonly remembered = new Map<string, Remembered>()
  private readonly accounts = new Map<number, AccountRecord>()
  private readAt = 0

  constructor(core: Core, provider: Provider | undefined) {
    this.core = core
    this.provider = provider
  }

  async authenticate(token: string): Promise<Session> {
    if (token.length > MAX_TOKEN_LENGTH) throw refusedToken()
    const claims = await this.claimsOf(token)
    return claims.from === 'own' ? this.openOwn(claims.own) : this.openOutside(claims.outside)
  }

  private async claimsOf(token: string): Promise<Claims> {
    const now = this.core.clock.now()
    const known = this.remembered.get(token)
    if (known && now < known.until) return known.claims
    this.remembered.delete(token)
    const claims = await this.verify(token)
    this.remembered.set(token, { claims, until: untilOf(claims, now) })
    if (this.remembered.size > this.core.settings.maxRemembered) {
      this.remembered.delete(this.remembered.keys().next().value!)
    }
    return claims
  }

  private async verify(token: string): Promise<Claims> {
    if (this.provider?.isFor(token)) return { from: 'outside', outside: await this.provider.verify(token) }
    return { from: 'own', own: await this.core.tokens.verify(token) }
  }

  private async openOwn({ uuid, loginId, exp }: OwnClaims): Promise<Session> {
    const account = await this.accountOf(loginId, uuid)
    if (!account) throw refusedToken()
    return { account, id: String(loginId), expiresAt: exp * 1000 }
  }

  /**
   * Every change of accounts and logins of this process moves `revision`, in the turn of its commit, and what was read
   * before is not used again. Where other processes write too (PostgreSQL) nothing is kept.
   */
  private async accountOf(loginId: number, uuid: string): Promise<AccountRecord | undefined> {
    const { database, revision } = this.core
    const moved = revision.current
    if (this.readAt !== moved) {
      this.accounts.clear()
      this.readAt = moved
    }
    const known = this.accounts.get(loginId)
    if (known?.uuid === uuid) return known
    const row = await database.latest.get(findSession, { login: loginId, uuid })
    const account = row && toRecord(row)
    if (account && database.dialect === 'sqlite' && revision.current === moved && this.readAt === moved) {
      if (this.accounts.size >= this.core.settings.maxRemembered) this.accounts.clear()
      this.accounts.set(loginId, account)
    }
    return account
  }

  private async openOutside(claims: OutsideClaims): Promise<Session> {
    const { database, unitOfWork } = this.core
    let row = await database.read((reader) => readOutside(reader, claims))
    if (!row) {
      await unitOfWork.run((unit) => admit(this.core, unit, claims))
      row = await database.read((reader) => readOutside(reader, claims))
    }
    const isGood = row?.status === 'active' && row.revoked === null && claims.iat * 1000 >= row.valid_from
    if (!isGood) throw refusedToken()
    return { account: toRecord(row!), id: claims.sessionId, expiresAt: claims.exp * 1000 }
  }
}

function untilOf(claims: Claims, now: number): number {
  const { exp } = claims.from === 'own' ? claims.own : claims.outside
  const end = (exp + CLOCK_TOLERANCE) * 1000
  return claims.from === 'own' ? end : Math.min(end, now + OUTSIDE_REMEMBERED_MS)
}
