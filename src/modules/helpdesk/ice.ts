import { createHmac } from 'node:crypto'
import type { HelpdeskSettings } from './settings.ts'
import { timestamp } from './wire.ts'

/** What of the settings decides how the parties of a call find a way to each other. */
export type IceSettings = Pick<
  HelpdeskSettings,
  'stunUrls' | 'turnUrls' | 'turnSecret' | 'turnCredentialMs' | 'icePolicy'
>

/** As in W3C's RTCIceServer. */
export interface IceServer {
  readonly urls: readonly string[]
  readonly username?: string
  readonly credential?: string
}

/** What a page gives to its RTCPeerConnection, and until when that is good. */
export interface IceConfiguration {
  readonly iceServers: readonly IceServer[]
  readonly iceTransportPolicy: 'all' | 'relay'
  /** ISO-8601 UTC; null: nothing of it expires. */
  readonly expiresAt: string | null
}

/**
 * Time-limited credentials of draft-uberti-behave-turn-rest-00, section 2.2, which a TURN server with the same secret
 * accepts until they expire, without asking us.
 * @param expires unix time in seconds
 */
export function turnCredential(
  secret: string,
  expires: number,
  accountId: number,
): Required<Pick<IceServer, 'username' | 'credential'>> {
  const username = `${expires}:${accountId}`
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') }
}

/** @param now wall clock, milliseconds */
export function iceConfiguration(settings: IceSettings, accountId: number, now: number): IceConfiguration {
  const { stunUrls, turnUrls, turnSecret, turnCredentialMs, icePolicy } = settings
  const expires = Math.floor((now + turnCredentialMs) / 1000)
  const stun = stunUrls.length > 0 ? [{ urls: stunUrls }] : []
  const turn = turnUrls.length > 0 ? [{ urls: turnUrls, ...turnCredential(turnSecret, expires, accountId) }] : []
  return {
    iceServers: [...stun, ...turn],
    iceTransportPolicy: icePolicy,
    expiresAt: turn.length > 0 ? timestamp(expires * 1000) : null,
  }
}

// RFC 7064 and RFC 7065, without the escapes nobody's host name needs.
const HOST = String.raw`(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?`
const STUN_URL = new RegExp(`^stuns?:${HOST}$`, 'i')
const TURN_URL = new RegExp(String.raw`^turns?:${HOST}(?:\?transport=(?:udp|tcp))?$`, 'i')

/** Whether a browser takes it: for a single bad address it refuses the whole list, in the middle of a call. */
export const isStunUrl = (url: string): boolean => STUN_URL.test(url)
export const isTurnUrl = (url: string): boolean => TURN_URL.test(url)
