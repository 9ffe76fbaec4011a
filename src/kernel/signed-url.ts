import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/** What a URL says besides its path, and cannot be made to say otherwise. */
export type Claims = Readonly<Record<string, string>>

/**
 * URLs that are their own permission, for whoever cannot send a token: the source of an `<img>`. One is good for its
 * path, its claims and its purpose, and until it expires; who has it needs nothing else, so it is to be short-lived and
 * never logged. RFC 2104 (HMAC-SHA-256) with a key of its own for each purpose (RFC 5869).
 */
export interface Signer {
  /**
   * @param path what is opened, as the server names it: behind a proxy not what the client asked for
   * @param expiresAt wall clock, milliseconds; from this moment on it is refused
   * @returns a query string, without the question mark
   * @throws Error for a claim named `expires` or `signature`: a fault of ours
   */
  sign(path: string, expiresAt: number, claims?: Claims): string
  /**
   * @param query as it was sent, with or without the question mark
   * @param now wall clock, milliseconds
   * @returns the claims, or undefined when anything of it is not as it was signed, is twice there, or has expired
   */
  verify(path: string, query: string, now: number): Claims | undefined
}

const EXPIRES = 'expires'
const SIGNATURE = 'signature'
/** Far beyond every signature of ours: what is longer is not even taken apart. */
const MAX_QUERY_CHARACTERS = 2_048

/** @param secret the server's own, at least 32 bytes of it unknown to everybody else */
export function signer(secret: Uint8Array, purpose: string): Signer {
  const key = Buffer.from(hkdfSync('sha256', secret, '', `signed-url:${purpose}`, 32))
  // Written as JSON, so that no two of them are written alike.
  const signatureOf = (path: string, expires: string, claims: Claims): string =>
    createHmac('sha256', key)
      .update(JSON.stringify([path, expires, Object.entries(claims).toSorted(byName)]))
      .digest('base64url')
  return {
    sign(path, expiresAt, claims = {}) {
      if (EXPIRES in claims || SIGNATURE in claims) throw new Error('A claim has a name that every signed URL uses')
      const expires = String(expiresAt)
      const query = { ...claims, [EXPIRES]: expires, [SIGNATURE]: signatureOf(path, expires, claims) }
      return new URLSearchParams(query).toString()
    },
    verify(path, query, now) {
      if (query.length > MAX_QUERY_CHARACTERS) return undefined
      const sent = [...new URLSearchParams(query)]
      const { [EXPIRES]: expires, [SIGNATURE]: signature, ...claims } = Object.fromEntries(sent)
      if (expires === undefined || signature === undefined) return undefined
      if (Object.keys(claims).length + 2 !== sent.length) return undefined
      if (!equal(signature, signatureOf(path, expires, claims))) return undefined
      return now < Number(expires) ? claims : undefined
    },
  }
}

const byName = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : 1)

/** In the same time wherever they differ. As texts, since the last character of base64 can be written in four ways. */
function equal(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}
