import { createHash, createHmac, randomBytes } from 'node:crypto'
import { newSecret } from '../kernel/ids.ts'

/**
 * A refresh token: which login it is of, and the secret that is good for one use. Both are random; the first is as
 * secret as the second, or whoever can count logins could end them by presenting "used" tokens (I-10).
 */
export interface RefreshToken {
  readonly family: string
  readonly secret: string
}

const FAMILY_BYTES = 18
const FAMILY_LENGTH = 24
const FORM = /^[A-Za-z0-9_-]{67}$/

export const newRefreshToken = (): RefreshToken => ({
  family: randomBytes(FAMILY_BYTES).toString('base64url'),
  secret: newSecret(),
})

/**
 * The token after this one. Random through the salt; whoever holds this one and the salt finds the same again, and
 * nobody else: that is how a repeated request gets the same answer although only hashes are stored (I-11).
 */
export const successor = (token: RefreshToken, salt: string): RefreshToken => ({
  family: token.family,
  secret: createHmac('sha256', token.secret).update(salt).digest('base64url'),
})

export const formatRefreshToken = (token: RefreshToken): string => token.family + token.secret

/** @returns undefined for anything that formatRefreshToken cannot have made */
export function parseRefreshToken(text: string): RefreshToken | undefined {
  if (!FORM.test(text)) return undefined
  return { family: text.slice(0, FAMILY_LENGTH), secret: text.slice(FAMILY_LENGTH) }
}

/** What is stored. No salt and no cost: the input has 256 random bits. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')
