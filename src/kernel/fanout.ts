import type { Clock } from './clock.ts'
import type { Codec } from './codec.ts'
import type { BusReceiver } from './bus.ts'
import type { Effect, LogEvent, Signal } from './event.ts'
import type { CloseKind } from '../wire/closes.ts'
import type { Outbox, Frame } from './outbox.ts'
import { inAudience, type Audience, type Member, type Rooms } from './rooms.ts'

/** What the fan-out needs to know of a connection. */
export interface Receiver extends Member {
  readonly codec: Codec
  readonly outbox: Outbox
  /** False until it has caught up with the log: the replay gives it what comes meanwhile. */
  readonly live: boolean
  /** True once it has been sent what it starts with: it may not be live yet. */
  readonly isOpen: boolean
  /** Mark of the last fan-out that reached it: what makes "in several rooms" still "once". Kept by Fanout. */
  stamp: number
  /** A room change by an event while the connection is still reading which rooms it belongs to. */
  noteEffect(effect: Effect): void
  close(kind: CloseKind, reason: string): void
}

export interface FanoutOptions<R extends Receiver> {
  readonly clock: Clock
  readonly rooms: Rooms<R>
  /** Reads the log where the bus left a gap. */
  readonly read: (after: number, until: number) => Promise<readonly LogEvent[]>
  /** Rows of the log have changed: what was read from it before must not be used. */
  readonly onRewrite: (effect: Effect) => void
  readonly onDelivered: (deliveries: number, event: LogEvent) => void
  readonly onError: (error: unknown) => void
}

/**
 * Brings committed events to this node's connections, in the order of the log, each once (rule K-4). Hints from the
 * bus may be missing or out of order; the offsets tell, and the log fills in.
 */
export class Fanout<R extends Receiver> implements BusReceiver {
  private readonly options: FanoutOptions<R>
  private last: number
  private filling: Promise<void> | undefined
  private stamp = 0
  private wanted = 0
  private reached: { offset: number; resolve: () => void }[] = []

  constructor(offset: number, options: FanoutOptions<R>) {
    this.last = offset
    this.options = options
  }

  /** Offset of the last event that was brought to everybody here. */
  get offset(): number {
    return this.last
  }

  events(events: readonly LogEvent[]): void {
    for (const event of events) {
      if (event.offset <= this.last) continue
      // Each of them is committed, so that one read can bring them all.
      if (event.offset > this.last + 1) return this.fill(Math.max(...events.map(({ offset }) => offset)))
      this.deliver(event)
    }
  }

  /** Resolves once everything up to `offset` has been delivered here. */
  async reach(offset: number): Promise<void> {
    if (offset <= this.last) return
    this.fill(offset)
    await new Promise<void>((resolve) => this.reached.push({ offset, resolve }))
  }

  /** Reads what the bus did not bring. Also called now and then with the head of the log, against silent deafness. */
  fill(until: number): void {
    this.wanted = Math.max(this.wanted, until)
    if (this.filling || this.wanted <= this.last) return
    this.filling = this.options
      .read(this.last, this.wanted)
      .then((events) => {
        this.filling = undefined
        // What the log itself leaves out, retention has removed: to ask again would be to ask for ever.
        for (const event of events) if (event.offset > this.last) this.deliver(event)
        // Hints that came while the log was read were passed over.
        if (events.length > 0) this.fill(this.wanted)
      })
      .catch((error: unknown) => {
        this.filling = undefined
        this.options.onError(error)
      })
  }

  signal(signal: Signal): void {
    const at = this.options.clock.now()
    const frames = new FrameCache((codec) => codec.signal(signal, at))
    const { audience, keep = false, exceptConnection } = signal
    const give = (receiver: R): void => {
      if (keep || !receiver.outbox.congested) receiver.outbox.append(frames.for(receiver.codec))
    }
    this.each(audience, give, { toAllOpen: keep, except: exceptConnection })
  }

  private deliver(event: LogEvent): void {
    this.last = event.offset
    // Who comes in hears the event that says so, and so does who goes out.
    for (const effect of event.effects) if (!isParting(effect)) this.apply(effect)
    if (hasPayload(event)) this.attempt(() => this.send(event))
    for (const effect of event.effects) if (isParting(effect)) this.apply(effect)
    if (this.reached.length > 0) this.settleReached()
  }

  private send(event: LogEvent & { payload: string }): void {
    const frames = new FrameCache((codec) => codec.event(event))
    const deliveries = this.each(event.audience, (receiver) => receiver.outbox.append(frames.for(receiver.codec)))
    this.options.onDelivered(deliveries, event)
  }

  /** A module's fault in one place must not leave somebody in a room, or a connection open, in another. */
  private attempt(fn: () => void): void {
    try {
      fn()
    } catch (error) {
      this.options.onError(error)
    }
  }

  /**
   * @param options.toAllOpen to those, too, who have not caught up with the log
   * @param options.except who is left out; elsewhere than by the mark it would be asked of every member
   */
  private each(
    audience: Audience,
    give: (receiver: R) => void,
    { toAllOpen = false, except }: { toAllOpen?: boolean; except?: Pick<Receiver, 'stamp'> | undefined } = {},
  ): number {
    const { rooms } = this.options
    const whole = !audience.within && !audience.except
    const stamp = (this.stamp += 1)
    if (except) except.stamp = stamp
    let count = 0
    for (const room of audience.to) {
      for (const receiver of rooms.members(room)) {
        if (receiver.stamp === stamp || !(receiver.live || (toAllOpen && receiver.isOpen))) continue
        receiver.stamp = stamp
        if (!whole && !inAudience(receiver.rooms, audience)) continue
        give(receiver)
        count += 1
      }
    }
    return count
  }

  private apply(effect: Effect): void {
    const { rooms } = this.options
    switch (effect.kind) {
      case 'join':
      case 'leave':
        for (const receiver of [...rooms.members(effect.of)]) {
          receiver.noteEffect(effect)
          for (const room of effect.rooms) rooms[effect.kind](receiver, room)
        }
        return
      case 'close':
        for (const receiver of [...rooms.members(effect.of)]) {
          this.attempt(() => receiver.close(effect.close, effect.reason))
        }
        return
      case 'forget':
      case 'readdress':
        return this.attempt(() => this.options.onRewrite(effect))
    }
  }

  private settleReached(): void {
    const waiting = this.reached
    this.reached = waiting.filter((wait) => wait.offset > this.last)
    for (const wait of waiting) if (wait.offset <= this.last) wait.resolve()
  }
}

/** Frames of one message by codec, with the last one at hand: members of a room nearly always share it. */
class FrameCache {
  private readonly make: (codec: Codec) => Frame
  private codec: Codec | undefined
  private frame: Frame | undefined
  private others: Map<Codec, Frame> | undefined

  constructor(make: (codec: Codec) => Frame) {
    this.make = make
  }

  for(codec: Codec): Frame {
    if (this.codec === codec) return this.frame!
    this.others ??= new Map()
    let frame = this.others.get(codec)
    if (!frame) this.others.set(codec, (frame = this.make(codec)))
    this.codec = codec
    this.frame = frame
    return frame
  }
}

const hasPayload = (event: LogEvent): event is LogEvent & { payload: string } => event.payload !== null

const isParting = (effect: Effect): boolean => effect.kind === 'leave' || effect.kind === 'close'
