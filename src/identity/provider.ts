import { createHash } from 'node:crypto'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import type { Clock } from '../kernel/clock.ts'
import { CommandError } from '../kernel/errors.ts'
import type { ProviderSettings } from './settings.ts'
import { checked, refusedToken, timesOf } from './tokens.ts'

/** What a verified token of the outside provider says. */
export interface OutsideClaims {
  readonly issuer: string
  readonly subject: string
  /** Stands for this one token: by it a single one is revoked. */
  readonly sessionId: string
  /** Seconds since 1970. */
  readonly iat: number
  readonly exp: number
  /** What an account is made of at first sight; none of it is checked yet. */
  readonly profile: { readonly username: unknown; readonly email: unknown; readonly name: unknown }
}

const ALGORITHMS = ['RS256', 'ES256']
/** Kinds of token that open a session. A logout token has the same issuer, audience and keys, and must not. */
const TYPES = new Set(['jwt', 'at+jwt', 'application/at+jwt'])

/** Tokens of an outside identity provider, verified with its published keys. */
export class Provider {
  private readonly settings: ProviderSettings
  private readonly clock: Clock
  private readonly keys: JWTVerifyGetKey
  private readonly onError: (error: unknown) => void

  constructor(settings: ProviderSettings, clock: Clock, onError: (error: unknown) => void) {
    this.settings = settings
    this.clock = clock
    this.keys = settings.keys ?? createRemoteJWKSet(new URL(settings.url))
    this.onError = onError
  }

  /** Whether a token is of the kind verified here, by what it says itself. */
  isFor(token: string): boolean {
    try {
      return ALGORITHMS.includes(decodeProtectedHeader(token).alg ?? '')
    } catch {
      return false
    }
  }

  /** @throws CommandError unauthenticated, or unavailable when the keys cannot be had */
  async verify(token: string): Promise<OutsideClaims> {
    const { typ = 'jwt' } = decodeProtectedHeader(token) as { readonly typ?: unknown }
    if (typeof typ !== 'string' || !TYPES.has(typ.toLowerCase())) throw refusedToken()
    const { issuer, audience } = this.settings
    const verification = jwtVerify(token, this.keys, {
      algorithms: ALGORITHMS,
      issuer,
      audience,
      requiredClaims: ['sub', 'exp', 'iat'],
      // Any age, but not from the future.
      maxTokenAge: Number.MAX_SAFE_INTEGER,
      ...timesOf(this.clock),
    })
    try {
      return read(issuer, await checked(verification))
    } catch (error) {
      if (error instanceof CommandError) throw error
      this.onError(error)
      throw new CommandError('unavailable', 'The identity provider does not answer; try again', { retryAfter: 5 })
    }
  }
}

function read(issuer: string, claims: JWTPayload): OutsideClaims {
  const { sub, jti, iat, exp } = claims
  const isWhole = Number.isSafeInteger(iat) && Number.isSafeInteger(exp)
  if (!isWhole || !isShort(sub) || !(jti === undefined || isShort(jti))) throw refusedToken()
  const sessionId = createHash('sha256').update(`${issuer}|${sub}|${jti ?? iat}`).digest('base64url')
  const email = claims['email_verified'] === false ? undefined : claims['email']
  const profile = { username: claims['preferred_username'], email, name: claims['name'] }
  return { issuer, subject: sub, sessionId, iat: iat!, exp: exp!, profile }
}

/** Nor with a NUL, which PostgreSQL cannot store. */
const isShort = (value: unknown): value is string => typeof value === 'string' && /^[^\0]{1,255}$/.test(value)
