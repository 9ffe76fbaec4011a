import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Static, TSchema } from 'typebox'
import type { ErrorKind } from '../wire/errors.ts'
import type { Window } from './limits.ts'
import type { Session } from './session.ts'

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

/** What a route's code gets: rebuilt from the schemas, already authenticated. */
export interface Call<P, Q, B> {
  readonly session: Session
  readonly params: P
  readonly query: Q
  readonly body: B
  /** The caller's own id of this command (`Idempotency-Key`), if it gave one. */
  readonly clientKey: string | undefined
  /** Address of the caller, for limits; from a proxy's header only when proxies are trusted. */
  readonly address: string
  readonly raw: { readonly request: IncomingMessage; readonly response: ServerResponse }
}

/** What a route answers: `body` absent is 204. */
export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A door over HTTP, as data: one schema validates, types and documents it; the adapter serves it. */
export interface Route {
  readonly method: Method
  /** Under the module's prefix, in fastify's pattern syntax. */
  readonly path: string
  readonly summary: string
  /** `open` routes take no token. */
  readonly auth: 'open' | 'session'
  readonly params?: TSchema
  readonly query?: TSchema
  readonly body?: TSchema
  /** Schema of the success body, for the documents and the tests that check it. */
  readonly reply?: TSchema
  readonly status: number
  readonly run: (call: Call<never, never, never>) => Promise<Answer>
}

type Typed<S> = S extends TSchema ? Static<S> : undefined

export interface RouteOptions<P, Q, B> {
  readonly summary: string
  readonly auth?: 'open' | 'session'
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  readonly reply?: TSchema
  /** Default: 201 for POST with a reply, 204 without a reply, else 200. */
  readonly status?: number
}

/** @example route('GET', '/projects/:id', { summary: '…', params: ById, reply: Project }, ({ params }) => …) */
export function route<
  P extends TSchema | undefined = undefined,
  Q extends TSchema | undefined = undefined,
  B extends TSchema | undefined = undefined,
>(
  method: Method,
  path: string,
  options: RouteOptions<P, Q, B>,
  run: (call: Call<Typed<P>, Typed<Q>, Typed<B>>) => Promise<unknown>,
): Route {
  const { summary, auth = 'session', params, query, body, reply } = options
  const status = options.status ?? (reply ? (method === 'POST' ? 201 : 200) : 204)
  return {
    method,
    path,
    summary,
    auth,
    status,
    ...(params && { params }),
    ...(query && { query }),
    ...(body && { body }),
    ...(reply && { reply }),
    run: async (call) => asAnswer(await run(call), status),
  }
}

/** A list page's extra header, or any other answer than the plain body. */
export class Reply {
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
  constructor(body: unknown, headers: Readonly<Record<string, string>>) {
    this.body = body
    this.headers = headers
  }
}

function asAnswer(result: unknown, status: number): Answer {
  if (result instanceof Reply) return { status, body: result.body, headers: result.headers }
  return result === undefined ? { status } : { status, body: result }
}

/** The names of errors where a document gives none. */
export const plainCodes: Readonly<Record<ErrorKind, string>> = {
  unauthenticated: 'invalid_token',
  forbidden: 'forbidden',
  not_found: 'not_found',
  invalid: 'invalid_data',
  conflict: 'conflict',
  too_large: 'payload_too_large',
  unsupported: 'unsupported_media_type',
  rate_limited: 'rate_limit_exceeded',
  internal: 'internal_error',
  unavailable: 'unavailable',
}

/** REST routes of one module under one prefix. */
export interface Api {
  readonly prefix: string
  readonly tag: string
  readonly routes: readonly Route[]
  /** The module's name of each kind of error. */
  readonly codes: Readonly<Record<ErrorKind, string>>
  /** Writes (everything but GET) one account may make. */
  readonly writes: Window
}
