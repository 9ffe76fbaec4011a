import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Static, TSchema } from 'typebox'
import type { ErrorKind } from '../wire/errors.ts'
import type { OpenFile } from './files.ts'
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

/** A route that takes one file, as `multipart/form-data` with exactly one file part, named `file`. */
export interface UploadRule {
  /** The largest file that is taken; 413 past it. The limit of other bodies does not count here. */
  readonly maxBytes: number
}

export interface Upload {
  /** As the client wrote it, paths and all: for `checkFileName`. */
  readonly filename: string
  /**
   * To be read once, while the route's code runs. It ends only when the whole body was there and was right, else it
   * throws: a CommandError too_large, or invalid for a body that is cut off, malformed or holds a second file.
   */
  readonly stream: AsyncIterable<Uint8Array>
}

/** A route that takes the body as it came, for what is signed byte by byte. */
export interface BytesRule {
  /** The longest body that is taken; 413 past it. The limit of other bodies does not count here. */
  readonly maxBytes: number
}

/** What a route answers: `body` absent is 204. */
export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly download?: Download
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
  readonly upload?: UploadRule
  readonly bytes?: BytesRule
  /** Whether the success body is a file. */
  readonly download: boolean
  /** Schema of the success body, for the documents and the tests that check it. */
  readonly reply?: TSchema
  readonly status: number
  readonly run: (call: Call<never, never, never>) => Promise<Answer>
}

type Typed<S> = S extends TSchema ? Static<S> : undefined
type WithUpload<U> = U extends UploadRule ? { readonly upload: Upload } : unknown
type WithBytes<R> = R extends BytesRule ? { readonly bytes: Uint8Array } : unknown

export interface RouteOptions<P, Q, B, U, R> {
  readonly summary: string
  readonly auth?: 'open' | 'session'
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  readonly upload?: U
  readonly bytes?: R
  /** The route answers with a `Download`. */
  readonly download?: boolean
  readonly reply?: TSchema
  /** Default: 201 for POST with a reply, 200 for other replies and downloads, else 204. */
  readonly status?: number
}

/** @example route('GET', '/projects/:id', { summary: '…', params: ById, reply: Project }, ({ params }) => …) */
export function route<
  P extends TSchema | undefined = undefined,
  Q extends TSchema | undefined = undefined,
  B extends TSchema | undefined = undefined,
  U extends UploadRule | undefined = undefined,
  R extends BytesRule | undefined = undefined,
>(
  method: Method,
  path: string,
  options: RouteOptions<P, Q, B, U, R>,
  run: (call: Call<Typed<P>, Typed<Q>, Typed<B>> & WithUpload<U> & WithBytes<R>) => Promise<unknown>,
): Route {
  const { summary, auth = 'session', params, query, body, upload, bytes, download = false, reply } = options
  const status = options.status ?? (download ? 200 : reply ? (method === 'POST' ? 201 : 200) : 204)
  return {
    method,
    path,
    summary,
    auth,
    status,
    ...(params && { params }),
    ...(query && { query }),
    ...(body && { body }),
    ...(upload && { upload }),
    ...(bytes && { bytes }),
    ...(reply && { reply }),
    download,
    // The adapter adds the upload or the bytes where the route has a rule for them.
    run: async (call) => asAnswer(await run(call as never), status),
  }
}

/** A list page's extra header, or any other answer than the plain body. */
export class Reply {
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
  /** Instead of the route's own. */
  readonly status: number | undefined
  constructor(body: unknown, headers: Readonly<Record<string, string>>, status?: number) {
    this.body = body
    this.headers = headers
    this.status = status
  }
}

/** A stored file: what may be shown is shown, everything else is to be saved under its name. */
export class Download {
  readonly file: OpenFile
  readonly filename: string
  /** What the bytes were found to be (`Media.inspect`), never what a client said of them. */
  readonly mimeType: string
  constructor(file: OpenFile, filename: string, mimeType: string) {
    this.file = file
    this.filename = filename
    this.mimeType = mimeType
  }
}

function asAnswer(result: unknown, status: number): Answer {
  if (result instanceof Download) return { status, download: result }
  if (result instanceof Reply) return { status: result.status ?? status, body: result.body, headers: result.headers }
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
  /** Told of every write that was let through: a sign that its caller is there. */
  readonly onWrite?: (session: Session) => void
}
