import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { RawData, WebSocket } from 'ws'
import type { ConnectionRequest } from '../kernel/connection.ts'
import type { Face } from '../kernel/face.ts'
import type { Hub } from '../kernel/hub.ts'
import type { Outbox } from '../kernel/outbox.ts'
import type { Transport, TransportListener } from '../kernel/transport.ts'
import { PROTOCOL } from './handshake.ts'
import { batchingServer, messageFrame, pauseReading, type BatchingWebSocket } from './websocket.ts'

export interface RawWebSockets {
  /** Takes over an upgrade request of this face, already admitted (origin, caps, a slot where the face wants one). */
  upgrade(face: Face, asked: ConnectionRequest, request: IncomingMessage, socket: Duplex, head: Buffer): void
}

/** Frames up to this many times a face's limit are read, so that they can be answered; beyond it 1009. */
const HEADROOM = 16

/** Adapter: our faces on raw WebSockets. */
export function rawWebSockets(hub: Hub): RawWebSockets {
  const Server = batchingServer(hub.flusher, hub.limits)
  const servers = new Map<Face, InstanceType<typeof Server>>()
  const serverOf = (face: Face) => {
    let server = servers.get(face)
    if (!server) {
      server = new Server({
        noServer: true,
        clientTracking: false,
        // No compression: its contexts cost 225–250 KB a connection.
        perMessageDeflate: false,
        maxPayload: face.limits.maxFrameBytes * HEADROOM,
        // Pings count as frames, so they are answered in onPing.
        autoPong: false,
        handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
      })
      servers.set(face, server)
    }
    return server
  }
  return {
    upgrade(face, asked, request, socket, head) {
      serverOf(face).handleUpgrade(request, socket, head, (ws) => {
        hub.attach(face, new WsTransport(ws, hub), asked)
      })
    },
  }
}

// One function of each for all connections: a closure each would be a kilobyte for every idle one.

const listenerOf = (ws: WebSocket): TransportListener | undefined => (ws as BatchingWebSocket).listener

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  if (isBinary) listenerOf(this)?.onBinary()
  else listenerOf(this)?.onText((data as Buffer).toString(), undefined)
}

function onPing(this: WebSocket, data: Buffer): void {
  this.pong(data)
  listenerOf(this)?.onPing()
}

function onPong(this: WebSocket, data: Buffer): void {
  listenerOf(this)?.onPong(data.toString('latin1'))
}

/** `ws` closes by itself after a protocol error; that is its answer, and onClosed follows. */
function onError(): void {}

function onClose(this: WebSocket): void {
  listenerOf(this)?.onClosed()
}

class WsTransport implements Transport {
  readonly framing = messageFrame
  private readonly ws: BatchingWebSocket
  private readonly hub: Hub

  constructor(ws: BatchingWebSocket, hub: Hub) {
    this.ws = ws
    this.hub = hub
  }

  get outbox(): Outbox {
    return this.ws.outbox
  }

  get midMessage(): boolean {
    return this.ws.midMessage
  }

  listen(listener: TransportListener): void {
    const { ws } = this
    ws.listener = listener
    ws.on('message', onMessage)
    ws.on('ping', onPing)
    ws.on('pong', onPong)
    ws.on('error', onError)
    ws.on('close', onClose)
  }

  reply(text: string): void {
    this.outbox.appendAlone(this.framing(text))
  }

  ping(payload: string): void {
    if (this.ws.readyState === this.ws.OPEN) this.ws.ping(payload)
  }

  pause(ms: number): (() => void) | undefined {
    return pauseReading(this.ws, ms, this.hub)
  }

  close(code: number, reason: string): void {
    this.ws.close(code, reason)
  }

  terminate(): void {
    this.ws.terminate()
  }
}
