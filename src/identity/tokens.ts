import { createSecretKey, type KeyObject } from 'node:crypto'
import { errors, jwtVerify, SignJWT, type JWTVerifyOptions } from 'jose'
import type { Clock } from '../kernel/clock.ts'
import { CommandError } from '../kernel/errors.ts'
import { newUuid } from '../kernel/ids.ts'

/** What a verified access token of ours says. */
export interface OwnClaims {
  readonly uuid: string
  readonly loginId: number
  /** Seconds since 1970. */
  readonly exp: number
}

/** Seconds by which two clocks may differ. */
export const CLOCK_TOLERANCE = 5

const NAME = 'switchboard'
const HEADER = { alg: 'HS256', typ: 'at+jwt' }
/**
 * Every token of ours begins with exactly this. Nothing in a header is ever a choice of whoever presents it: another
 * algorithm, a key of its own, a path to a key are refused before any of it is looked at.
 */
const ENCODED_HEADER = Buffer.from(JSON.stringify(HEADER)).toString('base64url')
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const LOGIN_ID = /^[1-9]\d{0,14}$/

/** Access tokens: JWTs signed with HS256, short-lived, checked against the database by the authenticator. */
export class AccessTokens {
  private readonly key: KeyObject
  private readonly clock: Clock
  private readonly seconds: number

  constructor(secret: Uint8Array, clock: Clock, lifeMs: number) {
    this.key = createSecretKey(secret)
    this.clock = clock
    this.seconds = Math.ceil(lifeMs / 1000)
  }

  /** @param notAfter wall-clock milliseconds: the end of the login, which no token of it outlives */
  async issue(uuid: string, loginId: number, notAfter: number): Promise<{ token: string; expiresIn: number }> {
    const iat = Math.floor(this.clock.now() / 1000)
    const exp = Math.min(iat + this.seconds, Math.floor(notAfter / 1000))
    const claims = { iss: NAME, aud: NAME, sub: uuid, sid: String(loginId), jti: newUuid(), iat, exp }
    return { token: await new SignJWT(claims).setProtectedHeader(HEADER).sign(this.key), expiresIn: exp - iat }
  }

  /** @throws CommandError unauthenticated */
  async verify(token: string): Promise<OwnClaims> {
    const [header, payload, ...rest] = token.split('.', 4)
    if (header !== ENCODED_HEADER || rest.length !== 1 || !isCanonical(rest[0]!)) throw refusedToken()
    const claims = await checked(
      jwtVerify(token, this.key, {
        algorithms: ['HS256'],
        typ: HEADER.typ,
        issuer: NAME,
        audience: NAME,
        requiredClaims: ['sub', 'sid', 'jti', 'exp', 'iat'],
        // Also what refuses a token issued in the future.
        maxTokenAge: this.seconds,
        ...timesOf(this.clock),
      }),
    )
    // As we write them: no member twice, no number that is another one after parsing.
    if (JSON.stringify(claims) !== Buffer.from(payload!, 'base64url').toString()) throw refusedToken()
    const { sub, sid, exp, aud } = claims
    const isOurs = aud === NAME && isText(sub, UUID) && isText(sid, LOGIN_ID) && Number.isSafeInteger(exp)
    if (!isOurs) throw refusedToken()
    return { uuid: sub, loginId: Number(sid), exp: exp! }
  }
}

/** The times of a token are compared with the injected clock. */
export const timesOf = (clock: Clock): Pick<JWTVerifyOptions, 'clockTolerance' | 'currentDate'> => ({
  clockTolerance: CLOCK_TOLERANCE,
  currentDate: new Date(clock.now()),
})

/**
 * What went wrong with a token is told in our words and without its cause: jose's errors carry the claims.
 * @throws CommandError unauthenticated; whatever is not about the token is thrown as it is
 */
export async function checked<T>(verification: Promise<{ payload: T }>): Promise<T> {
  try {
    return (await verification).payload
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw expiredToken()
    if (error instanceof errors.JOSEError && REFUSALS.has(error.code)) throw refusedToken()
    throw error
  }
}

/** jose's failures that a token is to blame for; the others are of the key set or ours. */
const REFUSALS = new Set<string>([
  errors.JWTClaimValidationFailed.code,
  errors.JWTInvalid.code,
  errors.JWSInvalid.code,
  errors.JWSSignatureVerificationFailed.code,
  errors.JOSEAlgNotAllowed.code,
  errors.JOSENotSupported.code,
  errors.JWKSNoMatchingKey.code,
  errors.JWKSMultipleMatchingKeys.code,
])

export const refusedToken = (): CommandError =>
  new CommandError('unauthenticated', 'The access token is not valid; log in again')

const expiredToken = (): CommandError =>
  new CommandError('unauthenticated', 'The access token has expired; refresh it or log in again')

const isText = (value: unknown, pattern: RegExp): value is string => typeof value === 'string' && pattern.test(value)

/** One signature has one spelling: the unused last bits of base64url would allow several. */
const isCanonical = (text: string): boolean => Buffer.from(text, 'base64url').toString('base64url') === text
