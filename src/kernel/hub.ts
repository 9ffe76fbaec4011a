import type { Position } from '../wire/position.ts'
import { Admission } from './admission.ts'
import type { Bus } from './bus.ts'
import type { Clock } from './clock.ts'
import { Codecs, type Framing } from './codec.ts'
import { Connection, type ConnectionRequest } from './connection.ts'
import type { Database } from './database.ts'
import { eventLog } from './event-log.ts'
import type { LogEvent, Signal } from './event.ts'
import type { EndReason, Face, Opening } from './face.ts'
import { Fanout } from './fanout.ts'
import { SlidingWindow } from './limits.ts'
import type { Metrics } from './metrics.ts'
import { Flusher, type Frame, type OutboxLimits } from './outbox.ts'
import { Presence, type PresenceOptions } from './presence.ts'
import { Replay } from './replay.ts'
import { Rooms } from './rooms.ts'
import { accountRoom, type Authenticator, type Session } from './session.ts'
import { TimingWheel } from './timing-wheel.ts'
import type { Transport } from './transport.ts'

export interface HubLimits extends OutboxLimits {
  readonly pingIntervalMs: number
  readonly pongWaitMs: number
  readonly authDeadlineMs: number
  readonly maxConnections: number
  readonly maxConnectionsPerAccount: number
}

export interface HubOptions {
  readonly database: Database
  readonly clock: Clock
  readonly bus: Bus
  readonly metrics: Metrics
  readonly authenticator: Authenticator
  readonly limits: HubLimits
  /** Where the log stood when this process began. */
  readonly head: Position
  /** Commands are being committed at this moment. */
  readonly busy: () => boolean
  readonly onError: (error: unknown) => void
  /** Something was erased from the log. */
  readonly onForget: () => void
}

interface FaceState {
  readonly admission: Admission
  readonly frames: SlidingWindow<Connection>
  readonly accountFrames: SlidingWindow<number> | undefined
  readonly pings: SlidingWindow<Connection> | undefined
  heartbeat: { readonly text: string; readonly frames: Map<Framing, Frame> } | undefined
}

/** Milliseconds a probed connection has to answer, where the face does not say. */
const PROBE_MS = 2_000
/** Milliseconds between two slices of a drain. */
const SLICE_MS = 100
/** Milliseconds between two comparisons of the fan-out with the log. */
const VERIFY_MS = 2_000

/** Everything about this node's connections that is more than one connection. */
export class Hub {
  readonly clock: Clock
  readonly metrics: Metrics
  readonly authenticator: Authenticator
  readonly limits: HubLimits
  readonly onError: (error: unknown) => void
  readonly wheel: TimingWheel
  readonly codecs: Codecs
  readonly flusher: Flusher
  readonly replay: Replay
  readonly fanout: Fanout<Connection>
  readonly rooms = new Rooms<Connection>()
  readonly connections = new Set<Connection>()
  private readonly database: Database
  private readonly bus: Bus
  private readonly epoch: string
  private readonly faces = new Map<Face, FaceState>()
  private readonly kept: { readonly name: string; readonly size: () => number }[] = []
  private readonly stopVerifying: () => void
  private draining = false

  constructor(options: HubOptions) {
    const { clock, database, metrics, onError } = options
    this.clock = clock
    this.database = database
    this.bus = options.bus
    this.metrics = metrics
    this.authenticator = options.authenticator
    this.limits = options.limits
    this.onError = onError
    this.epoch = options.head.epoch
    this.codecs = new Codecs(this.epoch)
    this.wheel = new TimingWheel(clock, onError)
    this.flusher = new Flusher({
      busy: options.busy,
      monotonic: () => clock.monotonic(),
      onWrite: (batch) => {
        metrics.writes.inc()
        metrics.bytesOut.inc(batch.size)
      },
      onError,
    })
    const read = (after: number, until: number) => database.read((reader) => eventLog.read(reader, after, until))
    this.replay = new Replay({ read })
    this.fanout = new Fanout<Connection>(options.head.offset, {
      clock,
      rooms: this.rooms,
      read,
      onRewrite: (effect) => {
        this.replay.forget()
        if (effect.kind === 'forget') options.onForget()
      },
      onDelivered: (deliveries, event) => {
        metrics.deliveries.inc({ module: event.module }, deliveries)
        metrics.eventLag.observe(Math.max(0, clock.now() - event.at) / 1000)
        if (deliveries > 0) this.tellFaces(event)
      },
      onError,
    })
    this.bus.subscribe(this.fanout)
    this.stopVerifying = clock.every(VERIFY_MS, () => void this.verify())
  }

  /** The server is going away: who leaves now has not left. */
  get isDraining(): boolean {
    return this.draining
  }

  /** True when no further connection is taken. */
  get full(): boolean {
    return this.draining || this.connections.size >= this.limits.maxConnections
  }

  /** A transport that has been accepted becomes a connection of a face. */
  attach(face: Face, transport: Transport, request: ConnectionRequest): Connection {
    const connection = new Connection(this, face, transport, request)
    this.connections.add(connection)
    this.metrics.connections.inc({ module: face.module })
    return connection
  }

  forget(connection: Connection): void {
    this.connections.delete(connection)
    this.metrics.connections.dec({ module: connection.face.module })
    const { frames, pings } = this.state(connection.face)
    frames.forget(connection)
    pings?.forget(connection)
  }

  /** To this and every other node; leaves out connections that read slowly. */
  signal(signal: Signal): void {
    this.bus.signal(signal)
  }

  /** Who counts the connections of each account on this face. */
  admission(face: Face): Admission {
    return this.state(face).admission
  }

  /** An authenticated connection ends; it still is in its rooms. */
  dismiss(connection: Connection, session: Session, reason: EndReason): void {
    try {
      connection.face.onClosed?.(connection, session, reason)
    } catch (error) {
      this.onError(error)
    }
  }

  /** Who is there, as a module sees it. Nobody goes offline because the server does. */
  presence<K, C, L>(options: Omit<PresenceOptions<K, L>, 'wheel'>): Presence<K, C, L> {
    const presence = new Presence<K, C, L>({
      ...options,
      wheel: this.wheel,
      onOffline: (key, last) => {
        if (!this.draining) options.onOffline?.(key, last)
      },
    })
    this.keeps('presences', () => presence.size)
    return presence
  }

  /** Something a module keeps in memory for its connections: with them it must go to zero. */
  keeps(name: string, size: () => number): void {
    this.kept.push({ name, size })
  }

  /** Lets a frame, or a ping, through and returns 0, or the milliseconds until one would be let through. */
  takeFrame(connection: Connection, ping: boolean): number {
    const { frames, accountFrames, pings } = this.state(connection.face)
    if (ping && pings) return pings.take(connection)
    const account = connection.session?.account.id
    // Asked first: what one limit refuses must not count for the other.
    const wait = account === undefined ? 0 : (accountFrames?.wait(account) ?? 0)
    if (wait > 0) return wait
    const own = frames.take(connection)
    if (own === 0 && account !== undefined) accountFrames?.take(account)
    return own
  }

  /** The face's own ping; connections that beat in the same moment share its bytes. */
  sendHeartbeat(connection: Connection): void {
    const text = connection.face.heartbeat(this.clock.now())
    if (text === undefined) return
    const state = this.state(connection.face)
    if (state.heartbeat?.text !== text) state.heartbeat = { text, frames: new Map() }
    const { framing } = connection.transport
    let frame = state.heartbeat.frames.get(framing)
    if (!frame) state.heartbeat.frames.set(framing, (frame = framing(text)))
    connection.outbox.append(frame)
  }

  /**
   * Where a connection starts to read the log: at what it has seen, or, when that cannot be known any more (another
   * epoch, a position from the future or from before the party was one, not a position), at what it was opened with,
   * told to reload.
   */
  startOf(
    since: Position | undefined,
    { offset, resumableFrom = 0 }: Opening,
    resuming: boolean,
  ): { cursor: number; resync: boolean } {
    if (!resuming) return { cursor: offset, resync: false }
    const known = since?.epoch === this.epoch && since.offset <= offset && since.offset >= resumableFrom
    return known ? { cursor: since.offset, resync: false } : { cursor: offset, resync: true }
  }

  /** Finds events the bus never brought: a subscription can go silently deaf. */
  async verify(): Promise<void> {
    try {
      const head = await this.database.read((reader) => eventLog.head(reader))
      this.fanout.fill(head.offset)
    } catch (error) {
      this.onError(error)
    }
  }

  /**
   * Closes every connection with 1001 in slices spread over `ms` milliseconds, so that they do not all come back to
   * another node at once, then waits for the last to go, bounded by the close grace.
   */
  async drain(ms: number): Promise<void> {
    this.draining = true
    const all = [...this.connections]
    const slices = Math.max(1, Math.floor(ms / SLICE_MS))
    const size = Math.ceil(all.length / slices)
    for (let i = 0; i < all.length; i += size) {
      for (const connection of all.slice(i, i + size)) connection.end('drain', 'drain')
      if (i + size < all.length) await this.sleep(SLICE_MS)
    }
    while (this.connections.size > 0) await this.sleep(SLICE_MS)
  }

  stop(): void {
    this.stopVerifying()
    this.wheel.stop()
  }

  /** What must be zero when everybody has gone. */
  get leftovers(): Readonly<Record<string, number>> {
    const states = [...this.faces.values()]
    const left: Record<string, number> = {
      connections: this.connections.size,
      rooms: this.rooms.size,
      counts: states.reduce((sum, state) => sum + state.admission.size, 0),
      windows: states.reduce((sum, state) => sum + state.frames.size + (state.pings?.size ?? 0), 0),
      tickets: this.wheel.size,
      dirtyOutboxes: this.flusher.waiting,
    }
    for (const { name, size } of this.kept) left[name] = (left[name] ?? 0) + size()
    return left
  }

  get queuedBytes(): number {
    let bytes = 0
    for (const connection of this.connections) bytes += connection.outbox.pendingBytes
    return bytes
  }

  private tellFaces(event: LogEvent): void {
    for (const face of this.faces.keys()) if (face.module === event.module) face.onDelivered?.(event)
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.wheel.schedule(ms, resolve))
  }

  private state(face: Face): FaceState {
    let state = this.faces.get(face)
    if (!state) {
      const { frames, accountFrames, pings } = face.limits
      state = {
        admission: this.admissionOf(face),
        frames: new SlidingWindow(this.clock, frames),
        accountFrames: accountFrames && new SlidingWindow(this.clock, accountFrames),
        pings: pings && new SlidingWindow(this.clock, pings),
        heartbeat: undefined,
      }
      this.faces.set(face, state)
    }
    return state
  }
  private admissionOf(face: Face): Admission {
    const { connectionsPerAccount, opens, probeMs } = face.limits
    return new Admission({
      clock: this.clock,
      wheel: this.wheel,
      connections: connectionsPerAccount ?? this.limits.maxConnectionsPerAccount,
      opens,
      probeMs: probeMs ?? PROBE_MS,
      openOf: (account) => [...this.rooms.members(accountRoom(account))].filter((each) => each.face === face),
    })
  }
}
