import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ConnectionRequest } from '../kernel/connection.ts'
import { CommandError, invalid } from '../kernel/errors.ts'
import type { Face, FaceParams } from '../kernel/face.ts'

/** The subprotocol that carries a token, for clients that cannot set a header: `bearer, <token>`. */
export const PROTOCOL = 'bearer'
/** Of one parameter of the query; far above what a face can make sense of. */
const MAX_VALUES = 64
const MAX_VALUE_CHARACTERS = 200
/** Seconds after which a server that is full may be asked again. */
const RETRY_S = 5

/**
 * What an upgrade request asks for.
 * @param params those of the path
 * @throws CommandError invalid: a parameter of the query has too many or too long values
 */
export function readRequest(request: IncomingMessage, face: Face, params: FaceParams): ConnectionRequest {
  const { searchParams } = new URL(request.url ?? '/', 'ws://unused')
  return {
    token: tokenOf(request, searchParams),
    since: searchParams.get('since') ?? undefined,
    params: face.queryParams ? { ...queryOf(searchParams, face.queryParams), ...params } : params,
  }
}

/** `Authorization: Bearer`, `Sec-WebSocket-Protocol: bearer, <token>` or `?token=`; two different ones are no token. */
function tokenOf(request: IncomingMessage, query: URLSearchParams): string | undefined {
  const headers = request.headersDistinct['authorization'] ?? []
  const offered = request.headers['sec-websocket-protocol']?.split(',').map((part) => part.trim()) ?? []
  const found = new Set([
    ...headers.map((header) => /^Bearer (.+)$/i.exec(header)?.[1]),
    offered[0] === PROTOCOL ? offered[1] : undefined,
    ...query.getAll('token'),
  ])
  found.delete(undefined)
  return found.size > 1 ? '' : [...found][0]
}

function queryOf(query: URLSearchParams, names: readonly string[]): FaceParams {
  return Object.fromEntries(
    names.map((name) => [name, joined(name, query.getAll(name))] as const).filter(([, values]) => values !== ''),
  )
}

/**
 * The values of one parameter: those given apart and those joined by commas, in their order, without empty ones.
 * @throws CommandError invalid: too many, or one is too long
 */
export function joined(name: string, given: readonly string[]): string {
  const values = given.flatMap((value) => value.split(',')).filter((value) => value !== '')
  if (values.length > MAX_VALUES) throw invalid({ [name]: `must not have more than ${MAX_VALUES} values` })
  if (values.some((value) => value.length > MAX_VALUE_CHARACTERS)) {
    throw invalid({ [name]: `must not have a value of more than ${MAX_VALUE_CHARACTERS} characters` })
  }
  return values.join(',')
}

export const noRoom = (message: string): CommandError =>
  new CommandError('unavailable', message, { retryAfter: RETRY_S })

/** Answers an upgrade request by plain HTTP: in the words of its face, if it has any for this, else in ours. */
export function refuse(socket: Duplex, error: CommandError, face?: Face): void {
  const { http: status, message, details, retryAfter } = error
  const code = STATUS_CODES[status]!.toLowerCase().replaceAll(' ', '_')
  const body = face?.refusal?.(error) ?? JSON.stringify({ error: { code, message, ...(details && { details }) } })
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
    ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
  ]
  // What came after the request is thrown away, or the reset that unread bytes cause could overtake the answer.
  socket.resume()
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}
