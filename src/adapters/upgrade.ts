import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Endpoint } from '../kernel/face.ts'
import type { Hub } from '../kernel/hub.ts'
import { retrySeconds, SlidingWindow } from '../kernel/limits.ts'
import { originAllowed } from './origin.ts'
import type { RawWebSockets } from './ws.ts'

export interface UpgradeOptions {
  readonly hub: Hub
  readonly endpoints: readonly Endpoint[]
  readonly raw: RawWebSockets
  readonly allowedOrigins: readonly string[]
  readonly addressOf: (request: IncomingMessage) => string
  /** Per minute and address; 0: no limit. */
  readonly upgradesPerMinute: number
  /** Per address; 0: no limit. */
  readonly maxPerAddress: number
}

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** Who may become a connection, decided before the handshake: path, origin, and the caps against floods. */
export function upgradeHandler(options: UpgradeOptions): UpgradeHandler {
  const { hub, raw, addressOf } = options
  const endpoints = options.endpoints.filter((endpoint) => endpoint.kind === 'websocket')
  const window = new SlidingWindow<string>(hub.clock, { limit: options.upgradesPerMinute, perMs: 60_000 })
  const open = new Map<string, number>()
  return (request, socket, head) => {
    // A peer that resets during the handshake must not become an uncaught error.
    socket.on('error', () => socket.destroy())
    const path = (request.url ?? '/').split('?', 1)[0]!
    const { origin, host } = request.headers
    if (!originAllowed(origin, host, options.allowedOrigins)) return refuse(socket, 403, 'This origin is not allowed here')
    const endpoint = endpoints.find((candidate) => candidate.match(path))
    if (!endpoint) return refuse(socket, 404, 'No WebSocket endpoint at this path')
    const address = addressOf(request)
    const count = open.get(address) ?? 0
    const wait = window.take(address)
    if (wait > 0) return refuse(socket, 429, 'Too many connections in a minute', retrySeconds(wait))
    if (hub.full || (options.maxPerAddress > 0 && count >= options.maxPerAddress)) {
      return refuse(socket, 503, 'No more connections are taken now', 5)
    }
    open.set(address, count + 1)
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1
      if (left > 0) open.set(address, left)
      else open.delete(address)
    })
    raw.upgrade(endpoint.face, endpoint.match(path)!, request, socket, head)
  }
}

function refuse(socket: Duplex, status: number, message: string, retryAfter?: number): void {
  const body = JSON.stringify({ error: { code: STATUS_CODES[status]!.toLowerCase().replaceAll(' ', '_'), message } })
  const headers = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
  ]
  socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}
