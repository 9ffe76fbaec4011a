import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Server as EngineServer, type ServerOptions } from 'engine.io'
import { Server } from 'socket.io'
import { asCommandError, forbidden, invalid } from '../kernel/errors.ts'
import type { Endpoint, Face, SocketIoEndpoint } from '../kernel/face.ts'
import type { Hub } from '../kernel/hub.ts'
import type { Addresses } from './addresses.ts'
import { noRoom } from './handshake.ts'
import { originAllowed } from './origin.ts'
import { forget, serveNamespace } from './socketio-entrance.ts'
import { refusalText } from './socketio-handshake.ts'
import { Encoder, RawDecoder } from './socketio-parser.ts'
import { connOf, cut, decoderOf, shut, type Conn } from './socketio-transport.ts'
import { batchingServer } from './websocket.ts'

export interface SocketIoOptions {
  readonly hub: Hub
  /** Those that are not at `path` are left out; there must be one that is. */
  readonly endpoints: readonly Endpoint[]
  /** Ends with a slash; requests that leave it out are served too. */
  readonly path: string
  readonly allowedOrigins: readonly string[]
  readonly addressOf: (request: IncomingMessage) => string
  readonly addresses: Addresses
  /** Milliseconds, where Engine.IO's own are not wanted. */
  readonly engine?: Pick<ServerOptions, 'pingInterval' | 'pingTimeout' | 'upgradeTimeout'>
}

export interface SocketIo {
  readonly path: string
  /** Whether a request with this URL belongs here: on a path that is not Socket.IO's own, if it names a version. */
  serves(url: string): boolean
  /** Bytes of one payload, on either transport. */
  readonly maxBytes: number
  request(request: IncomingMessage, response: ServerResponse): void
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** After the drain, which ends all connections in an orderly way: cuts sessions that never became one. */
  close(): Promise<void>
}

/** Where every Socket.IO client looks when it is given nothing but a host. */
export const OWN_PATH = '/socket.io/'
/** Packets up to this many times a face's limit are read, so that they can be answered. */
const HEADROOM = 16
/** Milliseconds until a session must have entered a namespace: the round trip of a slow network, some times over. */
const CONNECT_MS = 10_000

/**
 * Adapter: faces on Socket.IO. The official server does the handshakes, long-polling and namespaces; events, replies
 * and fan-out are the kernel's and bypass its per-member emit: on a WebSocket they are appended to the batching
 * socket underneath, encoded once for everybody (docs/adr/0004).
 */
export function socketIo(options: SocketIoOptions): SocketIo {
  const { hub, path } = options
  const namespaces = namespacesAt(options.endpoints, path)
  const sizes = [...namespaces.values()].flat().map(({ limits }) => limits.maxFrameBytes)
  const maxBytes = Math.max(...sizes) * HEADROOM
  const doors = new Doors(options)
  const engine = new EngineServer({
    wsEngine: batchingServer(hub.flusher, hub.limits),
    maxHttpBufferSize: maxBytes,
    // Compression: its contexts cost 225–250 KB each, and a client decides how many there are.
    perMessageDeflate: false,
    httpCompression: false,
    allowEIO3: true,
    // `cors` would not guard WebSocket handshakes; this guards both transports.
    allowRequest: (request, done) => doors.check(request, engine.clientsCount, done),
    ...options.engine,
  })
  const { clients: sessions } = engine as unknown as { clients: Readonly<Record<string, Conn>> }
  // Before the official server's own, which reads the request.
  engine.on('connection', (conn: EngineConn) => doors.opened(conn))
  const io = new Server({
    parser: { Encoder, Decoder: RawDecoder },
    adapter: NoRooms as never,
    connectTimeout: CONNECT_MS,
  })
  io.bind(engine)
  for (const [namespace, faces] of namespaces) serveNamespace(hub, io, namespace, faces)
  if (!namespaces.has('/')) serveNothing(hub, io)
  const without = path.slice(0, -1)
  return {
    path,
    maxBytes,
    serves(url) {
      const [asked, query] = url.split('?', 2)
      return (asked === path || asked === without) && (path === OWN_PATH || new URLSearchParams(query).has('EIO'))
    },
    request(request, response) {
      const query = queryOf(request)
      if (!isVersionKnown(query)) return refuseVersion(response)
      const sid = query.get('sid') ?? ''
      const conn = Object.hasOwn(sessions, sid) ? sessions[sid] : undefined
      if (conn && request.method === 'GET') doors.polled(conn, response)
      engine.handleRequest(request, response)
    },
    upgrade: (request, socket, head) => engine.handleUpgrade(request, socket, head),
    async close() {
      for (const conn of Object.values(sessions)) cut(conn)
      await io.close()
    },
  }
}

const pathsOf = ({ paths = [OWN_PATH] }: SocketIoEndpoint): readonly string[] => paths

/** All paths that have any endpoints. */
export function socketIoPaths(endpoints: readonly Endpoint[]): readonly string[] {
  return [...new Set(endpoints.flatMap((endpoint) => (endpoint.kind === 'socketio' ? pathsOf(endpoint) : [])))]
}

/** The faces of each namespace, in their order. */
function namespacesAt(endpoints: readonly Endpoint[], path: string): ReadonlyMap<string, readonly Face[]> {
  const here = endpoints.filter((each) => each.kind === 'socketio').filter((each) => pathsOf(each).includes(path))
  const names = [...new Set(here.map(({ namespace }) => namespace))]
  return new Map(names.map((name) => [name, here.filter((each) => each.namespace === name).map(({ face }) => face)]))
}

const queryOf = ({ url }: IncomingMessage): URLSearchParams => new URL(url ?? '/', 'http://unused').searchParams

const UNKNOWN_VERSION = 'Unsupported protocol version; send EIO=4 or EIO=3'

/** The engine would take whatever is not 4 for a client of version 3. */
const isVersionKnown = (query: URLSearchParams): boolean => ['3', '4'].includes(query.get('EIO') ?? '')

function refuseVersion(response: ServerResponse): void {
  response.writeHead(400, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify({ code: EngineServer.errors.UNSUPPORTED_PROTOCOL_VERSION, message: UNKNOWN_VERSION }))
}

type EngineConn = Conn & { request: IncomingMessage | undefined }

/** Who may open a session, and when it is over. */
class Doors {
  private readonly options: SocketIoOptions
  private readonly leaving = new WeakMap<IncomingMessage, () => void>()
  private readonly answers = new WeakMap<Conn, ServerResponse>()

  constructor(options: SocketIoOptions) {
    this.options = options
  }

  /**
   * Asked once for a session, on whichever transport it begins.
   * @param open sessions there are, those that are in no namespace among them
   */
  check(request: IncomingMessage, open: number, done: (message: string | null, allowed: boolean) => void): void {
    const { hub, allowedOrigins, addresses, addressOf } = this.options
    const { origin, host } = request.headers
    try {
      if (!isVersionKnown(queryOf(request))) throw invalid({}, UNKNOWN_VERSION)
      if (!originAllowed(origin, host, allowedOrigins)) throw forbidden('This origin is not allowed here')
      if (hub.full || open >= hub.limits.maxConnections) throw noRoom('No more connections are taken now')
      const leave = addresses.enter(addressOf(request))
      this.leaving.set(request, leave)
      const { res } = request as { res?: ServerResponse }
      // Of a WebSocket, and of a handshake by polling that came to nothing.
      if (res) res.once('close', () => this.leaving.has(request) && leave())
      else request.socket.once('close', leave)
    } catch (error) {
      return done(refusalText(asCommandError(error)), false)
    }
    done(null, true)
  }

  opened(conn: EngineConn): void {
    const { request } = conn
    if (!request) return
    const leave = this.leaving.get(request)
    this.leaving.delete(request)
    if (conn.transport.name === 'polling') {
      conn.once('close', () => {
        leave?.()
        // The engine keeps a transport that was not being polled for half a minute more.
        conn.transport.shouldClose?.()
      })
    }
    conn.request = remains(request)
  }

  /** Who asks for more and has not read the last answer reads too slowly; it would have both waiting for it. */
  polled(conn: Conn, response: ServerResponse): void {
    const last = this.answers.get(conn)
    if (last?.writableEnded && !last.writableFinished && !last.destroyed) cut(conn)
    this.answers.set(conn, response)
  }
}

/** What of the request a namespace that is entered later may still ask for; the rest is kilobytes for life. */
function remains({ url, headers: { authorization } }: IncomingMessage): IncomingMessage {
  return { url, headers: { authorization }, _query: {}, connection: {} } as unknown as IncomingMessage
}

/** The main namespace has no face: only EIO3 clients enter it, for they cannot do without. */
function serveNothing(hub: Hub, io: Server): void {
  io.of('/')
    .use((socket, next) => next(connOf(socket).protocol === 3 ? undefined : new Error('Invalid namespace')))
    .on('connection', (socket) => {
      forget(socket)
      hub.wheel.schedule(CONNECT_MS, () => {
        if (!decoderOf(socket).isReadBeside('/')) shut(connOf(socket))
      })
    })
}

/** Rooms are the kernel's. */
class NoRooms {
  init(): void {}
  close(): void {}
  addAll(): void {}
  del(): void {}
  delAll(): void {}
  socketRooms(): undefined {}
}
