import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { asCommandError, CommandError, forbidden } from '../kernel/errors.ts'
import type { Endpoint } from '../kernel/face.ts'
import type { Hub } from '../kernel/hub.ts'
import { retrySeconds, SlidingWindow } from '../kernel/limits.ts'
import { admit } from './admission.ts'
import { noRoom, readRequest, refuse } from './handshake.ts'
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

/** Who may become a connection, decided before the handshake: path, origin, the caps against floods, the face. */
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
    if (!originAllowed(origin, host, options.allowedOrigins)) {
      return refuse(socket, forbidden('This origin is not allowed here'))
    }
    const endpoint = endpoints.find((candidate) => candidate.match(path))
    if (!endpoint) return refuse(socket, new CommandError('not_found', 'No WebSocket endpoint at this path'))
    const { face } = endpoint
    const address = addressOf(request)
    const count = open.get(address) ?? 0
    const wait = window.take(address)
    if (wait > 0) {
      const retryAfter = retrySeconds(wait)
      return refuse(socket, new CommandError('rate_limited', 'Too many connections in a minute', { retryAfter }), face)
    }
    if (hub.full || (options.maxPerAddress > 0 && count >= options.maxPerAddress)) {
      return refuse(socket, noRoom('No more connections are taken now'), face)
    }
    open.set(address, count + 1)
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1
      if (left > 0) open.set(address, left)
      else open.delete(address)
    })
    let asked
    try {
      asked = readRequest(request, face, endpoint.match(path)!)
    } catch (error) {
      return refuse(socket, asCommandError(error), face)
    }
    if (!face.refusal) return raw.upgrade(face, asked, request, socket, head)
    admit(hub, face, socket, asked)
      .then((admitted) => {
        if (admitted) raw.upgrade(face, { ...asked, admitted }, request, socket, head)
      })
      .catch((error: unknown) => {
        hub.onError(error)
        socket.destroy()
      })
  }
}
