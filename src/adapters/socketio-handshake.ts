import { invalid, type CommandError } from '../kernel/errors.ts'
import type { ConnectionRequest } from '../kernel/connection.ts'
import type { Face, FaceParams } from '../kernel/face.ts'
import { joined } from './handshake.ts'

/** What a Socket.IO socket came with. */
export interface SocketHandshake {
  /** Of the CONNECT packet; an EIO3 client's is the query of its namespace. */
  readonly auth: Readonly<Record<string, unknown>>
  /** Of the request that opened the session. */
  readonly url: string
  readonly authorization: string | undefined
}

/** Characters of a position; ours have fewer than fifty. */
const MAX_SINCE = 200

/**
 * What a socket asks for: each of `token`, `since` and the face's `queryParams` from `auth` first, since a client that
 * has several namespaces on one connection loses the query of the second, then from the query; the token last from
 * `Authorization: Bearer`. What is null or undefined has not been given.
 *
 * What is given and cannot be read is refused: a client whose `since` or `join` were overlooked would miss events and
 * never know.
 * @throws CommandError invalid
 */
export function readHandshake({ auth, url, authorization }: SocketHandshake, face: Face): ConnectionRequest {
  const { searchParams } = new URL(url, 'http://unused')
  const given = (name: string): unknown => (Object.hasOwn(auth, name) ? auth[name] : undefined) ?? undefined
  const text = (name: string): string | undefined => {
    const value = given(name) ?? searchParams.get(name) ?? undefined
    if (value !== undefined && typeof value !== 'string') throw invalid({ [name]: 'must be a string' })
    return value
  }
  const since = text('since')
  if (since !== undefined && since.length > MAX_SINCE) throw invalid({ since: 'must be a position or "now"' })
  const params: [name: string, values: string][] = []
  for (const name of face.queryParams ?? []) {
    const values = joined(name, valuesOf(name, given(name)) ?? searchParams.getAll(name))
    if (values !== '') params.push([name, values])
  }
  return {
    // An empty one is what a page sends that has none yet.
    token: (text('token') || undefined) ?? /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1],
    since,
    params: Object.fromEntries(params) satisfies FaceParams,
  }
}

function valuesOf(name: string, value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined
  const values = Array.isArray(value) ? (value as readonly unknown[]) : [value]
  if (values.some((each) => typeof each !== 'string' && typeof each !== 'number')) {
    throw invalid({ [name]: 'must be a string, a number, or an array of those' })
  }
  return values.map(String)
}

/** A refusal as the message of a `connect_error`, for people: what was wrong, and where. */
export function refusalText({ message, details, retryAfter }: CommandError): string {
  const faults = Object.entries(details ?? {}).map(([name, fault]) => `${name} ${fault}`)
  const told = faults.length > 0 ? `${message}: ${faults.join('; ')}` : message
  return retryAfter === undefined ? told : `${told}; try again in ${retryAfter} s`
}
