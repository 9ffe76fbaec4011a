import type { LookupFunction } from 'node:net'
import { WebSocket as WsSocket, type ClientOptions } from 'ws'
import type { Clock } from '../kernel/clock.ts'
import type { Guard } from './outgoing-guard.ts'

/** Milliseconds from the first look-up of the name to the end of the handshake. */
const HANDSHAKE_MS = 10_000
/** Bytes of one message. */
const MAX_PAYLOAD = 1_000_000
/** Nobody can have this name; nothing is connected to. */
const NOWHERE = 'wss://refused.invalid/'

const options = {
  followRedirects: false,
  maxPayload: MAX_PAYLOAD,
  perMessageDeflate: false,
  headers: { 'user-agent': 'Switchboard' },
} satisfies ClientOptions

/** As ws passes them on to node:net. */
type Options = ClientOptions & { readonly lookup: LookupFunction }

/** WebSocket clients. */
export class Sockets {
  private readonly guard: Guard
  private readonly clock: Clock
  private readonly opened = new Set<WsSocket>()

  constructor(guard: Guard, clock: Clock) {
    this.guard = guard
    this.clock = clock
  }

  /** See Outgoing.socket. */
  open(address: string, protocols: readonly string[] = []): WebSocket {
    const socket = new WsSocket(...this.target(address, protocols))
    socket.binaryType = 'arraybuffer'
    // The handshakeTimeout of ws starts anew with every byte.
    const stopTimer = this.clock.every(HANDSHAKE_MS, () => socket.terminate())
    this.opened.add(socket)
    socket.on('open', stopTimer)
    socket.on('close', () => {
      stopTimer()
      this.opened.delete(socket)
    })
    // Who listens to nothing is told nothing: an error that nobody hears must not end the process.
    socket.on('error', () => {})
    return socket as unknown as WebSocket
  }

  close(): void {
    for (const socket of this.opened) socket.terminate()
  }

  private target(address: string, protocols: readonly string[]): [string, string[], Options] {
    try {
      const url = this.guard.read(address.replace(/^ws(s?):/i, 'http$1:'))
      url.hash = ''
      return [url.href, [...protocols], { ...options, lookup: this.guard.lookup(url) }]
    } catch (error) {
      const refuse: LookupFunction = (_name, _options, done) => done(error as Error, '')
      return [NOWHERE, [...protocols], { ...options, lookup: refuse }]
    }
  }
}
