import { closes, type CloseKind } from '../wire/closes.ts'
import { errors } from '../wire/errors.ts'
import type { Admitted } from './admission.ts'
import { Authentication, NO_TOKEN } from './authentication.ts'
import type { Codec } from './codec.ts'
import { Confirmations } from './confirmations.ts'
import { commandOf } from './dispatch.ts'
import { asCommandError, CommandError } from './errors.ts'
import type { Effect } from './event.ts'
import type { EndReason, Face, FaceParams } from './face.ts'
import type { Receiver } from './fanout.ts'
import { FloodGauge } from './flood.ts'
import { parseJson } from './gate.ts'
import type { Hub } from './hub.ts'
import { Inbox, type Held } from './inbox.ts'
import { retrySeconds } from './limits.ts'
import { restore, type Attachments, type Message } from './message.ts'
import type { Outbox } from './outbox.ts'
import type { Room } from './rooms.ts'
import type { Session } from './session.ts'
import type { Ticket } from './timing-wheel.ts'
import type { Ref, Transport, TransportListener } from './transport.ts'

export interface ConnectionRequest {
  readonly token: string | undefined
  readonly params: FaceParams
  /** `?since=`: a position, or `now` for positions without a replay. Absent: the document's frames, nothing more. */
  readonly since: string | undefined
  /** Who comes, where that was found out before the handshake. */
  readonly admitted?: Admitted
}

/** Commands that may wait for the one before them; past it the sender is paused. */
const MAX_WAITING = 64
/** Streamed commands under way at once: they share commits, and a group of those takes about as many. */
const MAX_STREAMING = 256
/** UTF-16 units of a frame that is too large to read which tell what it was to be. */
const HEAD = 128
const PAUSE_MS = 50
/** Milliseconds a peer has to finish the closing handshake. */
const CLOSE_GRACE_MS = 5_000
const MIN_BEAT_MS = 1_000

/** One transport connection: what comes in, what goes out, and its end. Who is on it: see `Authentication`. */
export class Connection implements Receiver, TransportListener {
  readonly face: Face
  readonly transport: Transport
  readonly rooms = new Set<Room>()
  readonly params: FaceParams
  codec: Codec
  live = false
  stamp = 0
  /** Monotonic milliseconds of the last sign of life. */
  seen: number
  private readonly hub: Hub
  private readonly authentication: Authentication
  private readonly admitted: Session | undefined
  private readonly inbox = new Inbox()
  /** Streamed commands under way. */
  private readonly streaming = new Set<Promise<void>>()
  private floods: FloodGauge | undefined
  private stalled = false
  private working = false
  /** Ends the pause of a sender who has sent more than can be worked at once. */
  private readOn: (() => void) | undefined
  private tickets: { heartbeat?: Ticket; close?: Ticket } = {}
  private confirmations: Confirmations | undefined

  constructor(hub: Hub, face: Face, transport: Transport, request: ConnectionRequest) {
    this.hub = hub
    this.face = face
    this.transport = transport
    this.params = request.params
    this.admitted = request.admitted?.session
    this.authentication = new Authentication(hub, this, request.since)
    this.codec = hub.codecs.for(face, transport.framing, request.since !== undefined)
    this.seen = hub.clock.monotonic()
    transport.listen(this)
    this.beat()
    if (request.token === undefined && face.token) this.authentication.begin()
    else void this.authentication.open(request.token ?? '', undefined, request.admitted)
  }

  get outbox(): Outbox {
    return this.transport.outbox
  }

  /** Undefined until authenticated and after the end. */
  get session(): Session | undefined {
    const { state } = this.authentication
    return state.at === 'open' ? state.session : undefined
  }

  get isOpen(): boolean {
    return this.session !== undefined
  }

  /** Of a face without binary events there is nothing to keep: they are refused. */
  get maxAttachmentBytes(): number {
    return this.face.binary ? this.face.limits.maxFrameBytes : 0
  }

  /** A message for this connection alone. */
  send(message: Message): void {
    this.outbox.appendAlone(this.transport.framing(message))
  }

  /**
   * @param request the frame that is refused
   * @param ref by which its sender waits for an acknowledgement
   */
  refuse(error: CommandError, request?: string, ref?: Ref): void {
    const isTooLarge = request !== undefined && Buffer.byteLength(request) > this.face.limits.maxFrameBytes
    const frame = isTooLarge ? request.slice(0, HEAD) : request
    this.tell(error, this.face.error(error, frame))
    if (ref !== undefined) this.transport.reply(this.face.outcome(error, frame), ref)
  }

  /** What is wrong with the authentication itself, not with a command. */
  refuseToken(error: CommandError, held?: Held): void {
    this.tell(error, this.face.authenticationError?.(error) ?? this.face.error(error, held?.text))
    if (held?.ref !== undefined) this.transport.reply(this.face.outcome(error, held.text), held.ref)
  }

  /** @param held the frame that presented the token, if it is to be acknowledged */
  greet(frames: readonly string[], held: Held | undefined): void {
    for (const frame of frames) this.send(frame)
    if (held?.ref !== undefined) this.transport.reply(this.face.outcome(undefined, held.text), held.ref)
  }

  resync(offset: number): void {
    this.send(this.face.resync(this.hub.codecs.position(offset), this.hub.clock.now()))
  }

  /**
   * Calls back once: with true when the peer's stack has provably consumed everything sent so far (it echoed a ping
   * that came after), with false when the connection ended before that or a thousand later questions are waiting too.
   */
  confirm(fn: (received: boolean) => void): void {
    if (this.authentication.state.at === 'closed') return fn(false)
    this.confirmations ??= new Confirmations(this.hub.onError)
    this.transport.ping(this.confirmations.ask(fn))
  }

  /** The party presented a newer token: the session goes on until that one ends. @throws CommandError */
  refresh(token: string): Promise<void> {
    return this.authentication.refresh(token)
  }

  /** The server ends it: a last word in the document's form, then the close. Nothing is delivered any more. */
  end(close: CloseKind, reason: EndReason, message?: string): void {
    if (this.isEnding) return
    const session = this.session ?? (this.authentication.state.at === 'opening' ? this.admitted : undefined)
    const at = this.hub.clock.now()
    const code = this.face.closeCode?.(close, reason) ?? closes[close].code
    if (close === 'token') {
      this.refuseToken(new CommandError('unauthenticated', message ?? 'Invalid authentication token'))
    }
    if (close === 'right' && message !== undefined) this.refuse(new CommandError('forbidden', message))
    const farewell = session && this.face.farewell(session, reason, at, code)
    for (const frame of [farewell ?? []].flat()) this.send(frame)
    this.authentication.leave(reason, { at: 'closing' })
    this.transport.close(code, reason)
    this.tickets.close = this.hub.wheel.schedule(CLOSE_GRACE_MS, () => this.transport.terminate())
  }

  /** The peer is gone, as it seems. Its slot is free at once; a last word is tried where the face has a code for it. */
  lose(): void {
    const hasCode = this.face.closeCode?.('policy', 'timeout') !== undefined
    this.end('policy', 'timeout')
    // Our own code would tell a peer that was only asleep not to come back.
    if (!hasCode) this.transport.terminate()
  }

  /** Nobody could be let in, or the replay has failed. */
  fail(error: CommandError): void {
    if (error.kind === 'unauthenticated') return this.end('token', 'unauthenticated', error.message)
    this.refuse(error)
    // What may succeed later must not be closed with a code that says it never will.
    const comesBack = errors[error.kind].retry
    this.end(comesBack ? 'internal' : 'right', comesBack ? 'failed' : 'unauthenticated')
  }

  /** Handles what is held, one frame after the other, so that a client's order is kept across slow commands. */
  work(): void {
    if (!this.working) void this.handleAll()
  }

  // Receiver

  noteEffect(effect: Effect): void {
    this.authentication.noteEffect(effect)
  }

  close(kind: CloseKind, reason: string): void {
    this.end(kind, 'revoked', reason)
  }

  // TransportListener

  onText(text: string, ref: Ref): void {
    this.take(text, ref)
  }

  onBinary(text?: string, ref?: Ref, attachments?: Attachments): void {
    if (this.face.binary && text !== undefined && attachments) return this.take(text, ref, attachments)
    if (!this.mayReceive(false, text, ref)) return
    if (!this.session && !this.authentication.repeatable) return this.end('token', 'unauthenticated', NO_TOKEN)
    const details = { frame: 'must be a text frame with JSON; binary frames are not accepted' }
    this.refuse(new CommandError('invalid', 'Invalid request data', { details }), text, ref)
  }

  onPing(): void {
    this.mayReceive(true)
  }

  onPong(payload: string): void {
    this.seen = this.hub.clock.monotonic()
    this.confirmations?.answer(payload)
  }

  onOverflow(): void {
    this.hub.metrics.slowConsumers.inc({ module: this.face.module })
    this.end('slow', 'slow')
  }

  onClosed(): void {
    if (this.authentication.state.at === 'closed') return
    this.authentication.leave('client', { at: 'closed' })
    this.tickets.heartbeat?.cancel()
    this.tickets.close?.cancel()
    this.inbox.clear()
    this.hub.forget(this)
    this.confirmations?.end()
  }

  private take(text: string, ref: Ref, attachments?: Attachments): void {
    if (!this.mayReceive(this.face.limits.pings !== undefined && this.face.isPing?.(text), text, ref)) return
    this.hub.metrics.framesIn.inc({ module: this.face.module })
    if (this.inbox.length >= MAX_WAITING) this.readOn = this.transport.pause(PAUSE_MS) ?? this.readOn
    try {
      this.inbox.add(text, ref, attachments)
    } catch (error) {
      return this.refuse(asCommandError(error), text, ref)
    }
    this.work()
  }

  /** Size, rate and sign of life; false when the frame is not to be looked at. */
  private mayReceive(ping = false, text?: string, ref?: Ref): boolean {
    if (this.isEnding) return false
    this.seen = this.hub.clock.monotonic()
    const wait = this.hub.takeFrame(this, ping)
    if (wait === 0) return true
    const { frames, accountFrames, pings } = this.face.limits
    const exceeded = ping && pings ? pings : frames.limit > 0 ? frames : (accountFrames ?? frames)
    this.floods ??= new FloodGauge(this.hub.clock)
    if (this.floods.refused(exceeded)) this.end('too_many', 'flood')
    else {
      this.transport.pause(PAUSE_MS)
      this.refuse(new CommandError('rate_limited', 'Too many requests', { retryAfter: retrySeconds(wait) }), text, ref)
    }
    return false
  }

  private async handleAll(): Promise<void> {
    this.working = true
    while (this.authentication.state.at !== 'opening') {
      const held = this.inbox.next()
      if (!held) break
      await this.guard(held, () => this.handle(held))
      if (this.readOn && this.inbox.length < MAX_WAITING / 2) {
        this.readOn()
        this.readOn = undefined
      }
    }
    this.working = false
  }

  /** What it throws is told to who sent the frame. */
  private async guard(held: Held, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (cause) {
      if (!(cause instanceof CommandError)) this.hub.onError(cause)
      this.refuse(asCommandError(cause), held.text, held.ref)
    }
  }

  private async handle(held: Held): Promise<void> {
    const { face, authentication } = this
    const { state, repeatable } = authentication
    if (state.at !== 'awaiting-token' && state.at !== 'open') return
    if ((state.at === 'open' || repeatable) && held.bytes > face.limits.maxFrameBytes) throw tooLarge(face)
    if (state.at === 'awaiting-token') {
      const token = this.tokenIn(held.text)
      if (token !== undefined) return authentication.open(token, held)
      if (!repeatable) return this.end('token', 'unauthenticated', NO_TOKEN)
      throw new CommandError('unauthenticated', 'Authenticate first: this connection has no valid token')
    }
    const parsed = parseJson(held.text)
    const frame = held.attachments ? restore(parsed, held.attachments) : parsed
    const token = repeatable ? this.tokenOf(frame) : undefined
    if (token !== undefined) return authentication.openAgain(token, held)
    const { command, data } = commandOf(face, frame)
    let isAnswered = false
    const answer = (reply: string | undefined): void => {
      if (!isAnswered) this.answer(held, reply)
      isAnswered = true
    }
    const context = { connection: this, session: state.session, reply: answer }
    const run = async (): Promise<void> => answer((await command.run(context, data)) ?? undefined)
    if (!command.streamed) {
      await Promise.all(this.streaming)
      return run()
    }
    if (this.streaming.size >= MAX_STREAMING) await Promise.race(this.streaming)
    const running = this.guard(held, run)
    this.streaming.add(running)
    void running.then(() => this.streaming.delete(running))
  }

  private answer(held: Held, reply: string | undefined): void {
    const { face } = this
    const isAnswered = held.ref !== undefined || (reply !== undefined && !face.acknowledged)
    if (isAnswered) this.transport.reply(reply ?? face.outcome(undefined, held.text), held.ref)
  }

  private tokenIn(text: string): string | undefined {
    try {
      return this.tokenOf(parseJson(text))
    } catch {
      return undefined
    }
  }

  private tokenOf(frame: unknown): string | undefined {
    try {
      return this.face.token?.(frame)
    } catch {
      return undefined
    }
  }

  private beat(next = this.hub.limits.pingIntervalMs): void {
    const { wheel, limits, clock } = this.hub
    this.tickets.heartbeat = wheel.schedule(next, () => {
      const silent = clock.monotonic() - this.seen
      const stalledAgain = this.stalled && this.transport.midMessage
      if (silent > limits.pongWaitMs || stalledAgain) return this.lose()
      this.stalled = this.transport.midMessage
      this.transport.ping('')
      if (this.live) this.hub.sendHeartbeat(this)
      // Whoever fell silent just after a ping is not given another interval on top.
      this.beat(Math.min(limits.pingIntervalMs, Math.max(MIN_BEAT_MS, limits.pongWaitMs - silent + 1)))
    })
  }

  private get isEnding(): boolean {
    const { at } = this.authentication.state
    return at === 'closing' || at === 'closed'
  }

  private tell(error: CommandError, frame: string): void {
    this.hub.metrics.errors.inc({ module: this.face.module, kind: error.kind })
    this.send(frame)
  }
}

const tooLarge = (face: Face): CommandError =>
  new CommandError('too_large', 'Invalid request data', {
    details: { frame: `must not be over ${face.limits.maxFrameBytes} bytes` },
  })
