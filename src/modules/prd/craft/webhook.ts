import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/**
 * Craft.io publishes no webhooks. What tells us of changes (an automation, a relay) signs by the Standard Webhooks
 * specification: the headers `webhook-id`, `webhook-timestamp` (Unix seconds) and `webhook-signature` (one or more
 * `v1,` with the Base64 of an HMAC-SHA256, spaces between them) over `id.timestamp.body`. The key is what follows
 * `whsec_` in the secret, from Base64, else the UTF-8 of the secret.
 */

/** How far apart the clocks may be, and how long a delivery may take, milliseconds. */
export const TOLERANCE_MS = 300_000
const MOST_SIGNATURES = 10
/** Bytes, by the same specification 24; some make them shorter. */
const LEAST_KEY = 16
/** Stands for the secret where there is none, so that this takes as long as a wrong signature. */
const NOBODYS = randomBytes(32).toString('hex')

export interface Delivery {
  readonly id: string
  /** Wall-clock milliseconds, in whole seconds. */
  readonly sentAt: number
}

/**
 * Whether somebody who knows the secret has sent this body within the last five minutes; whether it comes again is for
 * the caller to see. The digests are compared in constant time.
 * @param secret undefined: there is none, and nothing is right
 * @param now wall-clock milliseconds
 * @returns undefined for whatever is wrong with it
 */
export function verifyDelivery(
  secret: string | undefined,
  headers: IncomingHttpHeaders,
  body: Uint8Array,
  now: number,
): Delivery | undefined {
  const id = one(headers['webhook-id'])
  const timestamp = one(headers['webhook-timestamp'])
  const digest = digestOf(secret ?? NOBODYS, `${id}.${timestamp}.`, body)
  const given = one(headers['webhook-signature']).split(' ', MOST_SIGNATURES)
  // All of them are looked at, so that the time tells nothing.
  const isSigned = given.filter((signature) => isEqual(digest, signature)).length > 0
  const sentAt = /^[1-9]\d{0,10}$/.test(timestamp) ? Number(timestamp) * 1_000 : Number.NaN
  const isTimely = Math.abs(now - sentAt) <= TOLERANCE_MS
  if (secret === undefined || !isSigned || !isTimely || !/^[\x21-\x7e]{1,200}$/.test(id)) return undefined
  return { id, sentAt }
}

/** The header's value for a delivery: what a relay does, and our tests. */
export function signatureFor(secret: string, id: string, timestamp: number, body: string): string {
  return `v1,${digestOf(secret, `${id}.${timestamp}.`, Buffer.from(body)).toString('base64')}`
}

function digestOf(secret: string, before: string, body: Uint8Array): Buffer {
  return createHmac('sha256', keyOf(secret)).update(before).update(body).digest()
}

function keyOf(secret: string): Buffer {
  const decoded = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : undefined
  // What is no Base64 leaves a key that anybody could guess.
  return decoded && decoded.length >= LEAST_KEY ? decoded : Buffer.from(secret)
}

function isEqual(digest: Buffer, signature: string): boolean {
  if (!signature.startsWith('v1,')) return false
  const given = Buffer.from(signature.slice(3, 64), 'base64')
  return given.length === digest.length && timingSafeEqual(given, digest)
}

const one = (header: string | string[] | undefined): string => (typeof header === 'string' ? header : '')
