import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { asCommandError, CommandError, forbidden } from '../kernel/errors.ts'
import type { Endpoint } from '../kernel/face.ts'
import type { Hub } from '../kernel/hub.ts'
import type { Addresses } from './addresses.ts'
import { admit } from './admission.ts'
import { noRoom, readRequest, refuse } from './handshake.ts'
import { originAllowed } from './origin.ts'
import type { SocketIo } from './socketio.ts'
import type { RawWebSockets } from './ws.ts'

export interface UpgradeOptions {
  readonly hub: Hub
  readonly endpoints: readonly Endpoint[]
  readonly raw: RawWebSockets
  /** Each has its own path, and they have their own form of refusal. */
  readonly socketIo?: readonly Pick<SocketIo, 'serves' | 'upgrade'>[]
  readonly allowedOrigins: readonly string[]
  readonly addressOf: (request: IncomingMessage) => string
  readonly addresses: Addresses
}

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** Who may become a connection, decided before the handshake: path, origin, the caps against floods, the face. */
export function upgradeHandler(options: UpgradeOptions): UpgradeHandler {
  const { hub, raw, socketIo = [], addressOf, addresses } = options
  const endpoints = options.endpoints.filter((endpoint) => endpoint.kind === 'websocket')
  return (request, socket, head) => {
    // A peer that resets during the handshake must not become an uncaught error.
    socket.on('error', destroy)
    const { url = '/' } = request
    const path = url.split('?', 1)[0]!
    const engine = socketIo.find((each) => each.serves(url))
    if (engine) return engine.upgrade(request, socket, head)
    const { origin, host } = request.headers
    if (!originAllowed(origin, host, options.allowedOrigins)) {
      return refuse(socket, forbidden('This origin is not allowed here'))
    }
    const endpoint = endpoints.find((candidate) => candidate.match(path))
    if (!endpoint) return refuse(socket, new CommandError('not_found', 'No WebSocket endpoint at this path'))
    const { face } = endpoint
    let asked
    try {
      if (hub.full) throw noRoom('No more connections are taken now')
      socket.once('close', addresses.enter(addressOf(request)))
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

function destroy(this: Duplex): void {
  this.destroy()
}
