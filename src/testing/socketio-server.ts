import type { AddressInfo } from 'node:net'
import type { ServerOptions } from 'engine.io'
import { pino } from 'pino'
import { Addresses, type AddressLimits } from '../adapters/addresses.ts'
import { createHttp } from '../adapters/http.ts'
import { socketIo, socketIoPaths, type SocketIo } from '../adapters/socketio.ts'
import { upgradeHandler } from '../adapters/upgrade.ts'
import { rawWebSockets } from '../adapters/ws.ts'
import { systemClock, type Clock } from '../kernel/clock.ts'
import type { SocketIoEndpoint } from '../kernel/face.ts'
import type { HubLimits } from '../kernel/hub.ts'
import { toyKernel, type Toy, type ToyParts } from './toy.ts'

export interface SocketIoServerOptions {
  /** Where the toy face is. */
  readonly namespaces?: readonly string[]
  /** In place of `namespaces`, which faces are where. */
  readonly endpoints?: (toy: Toy) => readonly SocketIoEndpoint[]
  readonly clock?: Clock
  readonly hub?: Partial<HubLimits>
  readonly parts?: ToyParts
  readonly addresses?: Partial<AddressLimits>
  readonly allowedOrigins?: readonly string[]
  readonly engine?: Pick<ServerOptions, 'pingInterval' | 'pingTimeout' | 'upgradeTimeout'>
}

/** The toy face on Socket.IO, behind the same HTTP server as everything else. */
export interface SocketIoServer {
  readonly toy: Toy
  readonly socketIo: SocketIo
  readonly addresses: Addresses
  readonly port: number
  /** `http://127.0.0.1:port` */
  readonly url: string
  close(): Promise<void>
}

export async function socketIoServer(options: SocketIoServerOptions = {}): Promise<SocketIoServer> {
  const { namespaces = ['/toys'], clock = systemClock, allowedOrigins = [] } = options
  const toy = await toyKernel(clock, options.hub, options.parts)
  const addresses = new Addresses(clock, { perMinute: 0, open: 0, ...options.addresses })
  const doors = {
    hub: toy.hub,
    endpoints:
      options.endpoints?.(toy) ??
      namespaces.map((namespace) => ({ kind: 'socketio' as const, face: toy.face, namespace })),
    allowedOrigins,
    addressOf: () => 'test',
    addresses,
  }
  const adapters = socketIoPaths(doors.endpoints).map((path) =>
    socketIo({ ...doors, path, ...(options.engine && { engine: options.engine }) }),
  )
  const http = await createHttp({
    apis: [],
    authenticator: toy.hub.authenticator,
    clock,
    metrics: toy.hub.metrics,
    log: pino({ level: 'silent' }),
    allowedOrigins,
    trustProxy: false,
    maxBodyBytes: 1_024,
    metricsToken: '',
    socketIo: adapters,
    ready: () => true,
  })
  http.server.on('upgrade', upgradeHandler({ ...doors, raw: rawWebSockets(toy.hub), socketIo: adapters }))
  await http.listen({ port: 0, host: '127.0.0.1' })
  const { port } = http.server.address() as AddressInfo
  return {
    toy,
    socketIo: adapters[0]!,
    addresses,
    port,
    url: `http://127.0.0.1:${port}`,
    async close() {
      for (const adapter of adapters) await adapter.close()
      // Clients that have just left may still be saying so.
      const cutting = setInterval(() => http.server.closeAllConnections(), 5)
      await http.close().finally(() => clearInterval(cutting))
      await toy.close()
    },
  }
}
