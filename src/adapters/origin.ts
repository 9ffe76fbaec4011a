/**
 * Whether a browser page from `origin` may use us. No Origin means no browser, and tokens are never in cookies, so
 * those pass. Exact matches only: no prefixes, no patterns.
 *
 * @param host the Host header of the request: pages we serve ourselves may always connect.
 */
export function originAllowed(origin: string | undefined, host: string | undefined, allowed: readonly string[]): boolean {
  if (origin === undefined) return true
  if (allowed.includes(origin)) return true
  if (host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)) return true
  return allowed.includes('localhost') && /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/.test(origin)
}
