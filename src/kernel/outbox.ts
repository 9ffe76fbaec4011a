/** One encoded message, ready for the wire of its transport. Shared by every connection that gets the same bytes. */
export interface Frame {
  readonly bytes: Buffer
}

/**
 * A sequence of frames that is pending for at least one connection. Connections with the same pending sequence share
 * one node (hash consing: appending a frame follows or creates `then(frame)`), so its bytes are joined once however
 * many connections it goes to.
 */
export class BatchNode {
  readonly frame: Frame | undefined
  readonly parent: BatchNode | undefined
  /** Bytes of the whole sequence. */
  readonly size: number
  readonly length: number
  private joined: Buffer | undefined
  // Nearly always one successor: a room's members get the same next frame.
  private nextFrame: Frame | undefined
  private nextNode: BatchNode | undefined
  private others: Map<Frame, BatchNode> | undefined

  constructor(parent?: BatchNode, frame?: Frame) {
    this.parent = parent
    this.frame = frame
    this.size = (parent?.size ?? 0) + (frame?.bytes.length ?? 0)
    this.length = (parent?.length ?? 0) + (frame ? 1 : 0)
  }

  followedBy(frame: Frame): BatchNode {
    if (this.nextFrame === frame) return this.nextNode!
    if (this.nextFrame === undefined) {
      this.nextFrame = frame
      this.nextNode = new BatchNode(this, frame)
      return this.nextNode
    }
    this.others ??= new Map()
    let node = this.others.get(frame)
    if (!node) {
      node = new BatchNode(this, frame)
      this.others.set(frame, node)
    }
    return node
  }

  /** The sequence with `frame` last, not shared: for a frame only one connection will ever get. */
  followedByAlone(frame: Frame): BatchNode {
    return new BatchNode(this, frame)
  }

  frames(): Frame[] {
    const frames: Frame[] = []
    for (let node: BatchNode | undefined = this; node?.frame; node = node.parent) frames.push(node.frame)
    return frames.reverse()
  }

  bytes(): Buffer {
    if (this.length === 1) return this.frame!.bytes
    this.joined ??= Buffer.concat(
      this.frames().map((frame) => frame.bytes),
      this.size,
    )
    return this.joined
  }
}

/** Where a batch goes: one write of a transport. */
export interface Sink {
  /** @param done called when the bytes have left for the kernel's socket buffer, in order; absent when nobody waits. */
  write(batch: BatchNode, done: (() => void) | undefined): void
  /** Bytes accepted by `write` that the peer's network has not taken yet. */
  readonly bufferedBytes: number
  /** More waits than may: the owner closes the connection as a slow consumer. Called once. */
  overflow(): void
  /** Calls back once when bufferedBytes has gone down to zero, or at once when it is. */
  whenDrained(fn: () => void): void
}

export interface OutboxLimits {
  /** Bytes that may wait for one connection; past half of it signals are dropped, past it the connection is cut. */
  readonly maxPendingBytes: number
}

/**
 * What one connection has still to be sent. Frames of one event-loop turn leave in one write (rule K-2). An outbox
 * past its bound reports it once to its sink and takes nothing more that is shared.
 */
export class Outbox {
  readonly sink: Sink
  private readonly flusher: Flusher
  private readonly limits: OutboxLimits
  private pending: BatchNode | undefined
  private waiting: (() => void)[] | undefined
  private state: 'open' | 'overflown' | 'sealed' | 'closed' = 'open'

  constructor(flusher: Flusher, sink: Sink, limits: OutboxLimits) {
    this.flusher = flusher
    this.sink = sink
    this.limits = limits
  }

  /** Appends a frame that others get too. */
  append(frame: Frame): void {
    if (this.state !== 'open') return
    this.pending = (this.pending ?? this.flusher.enlist(this)).followedBy(frame)
  }

  /** Appends a frame of this connection alone. @param done called when it has been written. */
  appendAlone(frame: Frame, done?: () => void): void {
    if (this.state === 'closed' || this.state === 'sealed') return
    this.pending = (this.pending ?? this.flusher.enlist(this)).followedByAlone(frame)
    if (done) (this.waiting ??= []).push(done)
  }

  get hasPending(): boolean {
    return this.pending !== undefined
  }

  get pendingBytes(): number {
    return (this.pending?.size ?? 0) + this.sink.bufferedBytes
  }

  /** True when signals (typing, cursors) should be left out for this connection. */
  get congested(): boolean {
    return this.pendingBytes > this.limits.maxPendingBytes / 2
  }

  /** Called by the flusher, once a turn. */
  flush(): void {
    const batch = this.pending
    const waiting = this.waiting
    this.pending = undefined
    this.waiting = undefined
    if (!batch || this.state === 'closed') return
    const unread = this.sink.bufferedBytes
    // Who has taken everything so far is not slow, however large this one batch is.
    if (this.state === 'open' && unread > 0 && unread + batch.size > this.limits.maxPendingBytes) {
      this.state = 'overflown'
      this.sink.overflow()
      return
    }
    this.flusher.written(batch)
    this.sink.write(batch, waiting && (() => waiting.forEach((done) => done())))
  }

  /** The last frame has been appended: what is pending still goes out, nothing comes after it. */
  seal(): void {
    if (this.state !== 'closed') this.state = 'sealed'
  }

  close(): void {
    this.state = 'closed'
    this.pending = undefined
    this.waiting = undefined
  }
}

/** What one socket write costs, roughly, in milliseconds: the time a flush may be held back is measured by it. */
const WRITE_MS = 0.008
const MAX_HOLD_MS = 5

export interface FlusherOptions {
  /** More is about to come: commands are being committed at this moment. */
  readonly busy: () => boolean
  /** Milliseconds, never stepping back. */
  readonly monotonic: () => number
  readonly onWrite: (batch: BatchNode) => void
  readonly onError: (error: unknown) => void
}

/**
 * Flushes every dirty outbox once per event-loop turn. One per process. While commands are being committed whose events
 * will go to the same sockets, a flush waits for them, but never longer than it would itself take: a room of a thousand
 * gains a write per member and message, a room of two notices nothing.
 */
export class Flusher {
  private root = new BatchNode()
  private dirty: Outbox[] = []
  private scheduled = false
  private since = 0
  private readonly options: FlusherOptions

  constructor(options: FlusherOptions) {
    this.options = options
  }

  /** @returns the empty sequence to append to. */
  enlist(outbox: Outbox): BatchNode {
    this.dirty.push(outbox)
    if (!this.scheduled) {
      this.scheduled = true
      this.since = this.options.monotonic()
      setImmediate(() => this.flushOrHold())
    }
    return this.root
  }

  written(batch: BatchNode): void {
    this.options.onWrite(batch)
  }

  get waiting(): number {
    return this.dirty.length
  }

  private flushOrHold(): void {
    const { busy, monotonic } = this.options
    const patience = Math.min(this.dirty.length * WRITE_MS, MAX_HOLD_MS)
    if (busy() && monotonic() - this.since < patience) setImmediate(() => this.flushOrHold())
    else this.flush()
  }

  private flush(): void {
    const dirty = this.dirty
    this.dirty = []
    this.scheduled = false
    // A new root drops every node of this turn: nothing holds them once they are written.
    this.root = new BatchNode()
    for (const outbox of dirty) {
      try {
        outbox.flush()
      } catch (error) {
        // The others still have to be written: nobody would enlist them again.
        this.options.onError(error)
      }
    }
  }
}
