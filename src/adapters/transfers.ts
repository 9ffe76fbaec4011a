import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Clock } from '../kernel/clock.ts'

/** A body or a file on its way. */
interface Transfer {
  readonly socket: Socket
  readonly since: number
  readonly isDone: () => boolean
  /** Bytes the socket has moved by now in the direction that counts. */
  readonly moved: () => number
  readonly before: number
  /** Past it nobody listens any more. */
  readonly maxBytes: number
}

const GRACE_MS = 30_000
/** A bad line in the country: 25 MiB in 27 minutes. Who moves less holds a connection rather than uses it. */
const BYTES_PER_MS = 16.384
const EVERY_MS = 1_000
/** Headers, and what came in the second before anybody looked. */
const SLACK_BYTES = 1024 * 1024

/**
 * How long a body may take depends on its size, which node's own `requestTimeout` does not know: here it is whatever
 * keeps up with the slowest line that is served. Those that stall are cut off, and the rest when the server stops.
 */
export class Transfers {
  private readonly clock: Clock
  private readonly running = new Set<Transfer>()
  private readonly stopWatching: () => void

  constructor(clock: Clock) {
    this.clock = clock
    this.stopWatching = clock.every(EVERY_MS, () => this.watch())
  }

  /** @param maxBytes of the body */
  receive(request: IncomingMessage, maxBytes: number): void {
    const { headers, socket } = request
    if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0') return
    this.add(socket, () => request.complete, (socket) => socket.bytesRead, maxBytes + SLACK_BYTES)
  }

  send(response: ServerResponse): void {
    const { socket } = response
    this.add(socket, () => response.writableFinished, (socket) => socket.bytesWritten, Infinity)
  }

  stop(): void {
    this.stopWatching()
    for (const transfer of this.running) if (!transfer.isDone()) transfer.socket.destroy()
    this.running.clear()
  }

  private add(
    socket: Socket | null,
    isDone: () => boolean,
    movedBy: (socket: Socket) => number,
    maxBytes: number,
  ): void {
    // A request that was injected, as the demo's are, has no line that could be slow.
    if (!(socket instanceof Socket)) return
    const moved = (): number => movedBy(socket)
    this.running.add({ socket, since: this.clock.monotonic(), isDone, moved, before: moved(), maxBytes })
  }

  private watch(): void {
    const now = this.clock.monotonic()
    for (const transfer of this.running) {
      const { socket, since, isDone, moved, before, maxBytes } = transfer
      const bytes = moved() - before
      const wanted = (now - since - GRACE_MS) * BYTES_PER_MS
      if (isDone() || socket.destroyed) this.running.delete(transfer)
      else if (bytes < wanted || bytes > maxBytes) socket.destroy()
    }
  }
}
