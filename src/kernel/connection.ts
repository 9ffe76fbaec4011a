import { closes, type CloseKind } from '../wire/closes.ts'
import { errors } from '../wire/errors.ts'
import { parsePosition } from '../wire/position.ts'
import type { Admitted, Slot } from './admission.ts'
import { catchUp } from './catch-up.ts'
import type { Codec } from './codec.ts'
import { Confirmations } from './confirmations.ts'
import { dispatch } from './dispatch.ts'
import { asCommandError, CommandError } from './errors.ts'
import type { Effect } from './event.ts'
import type { EndReason, Face, FaceParams } from './face.ts'
import type { Receiver } from './fanout.ts'
import { parseJson } from './gate.ts'
import type { Hub } from './hub.ts'
import { retrySeconds } from './limits.ts'
import type { Outbox } from './outbox.ts'
import type { Room } from './rooms.ts'
import { accountRoom, sessionRoom, type Session } from './session.ts'
import type { Ticket } from './timing-wheel.ts'
import type { Ref, Transport, TransportListener } from './transport.ts'

type State =
  | { readonly at: 'awaiting-token' }
  | { readonly at: 'opening'; session: Session | undefined }
  | { readonly at: 'open'; session: Session }
  | { readonly at: 'closing' }
  | { readonly at: 'closed' }

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
const PAUSE_MS = 50
/** Refused frames that are not forgiven yet, as a multiple of the limit, after which a flooding sender is cut. */
const FLOOD_FACTOR = 10
/** Milliseconds a peer has to finish the closing handshake. */
const CLOSE_GRACE_MS = 5_000
const MIN_BEAT_MS = 1_000

/** One transport connection and, once authenticated, one party on it. Its life is one union: see `State`. */
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
  private readonly since: string | undefined
  private readonly admitted: Session | undefined
  private slot: Slot | undefined
  private state: State = { at: 'awaiting-token' }
  private endReason: EndReason = 'client'
  private stalled = false
  /** Frames refused and not forgiven; up to when they have been forgiven, in monotonic milliseconds. */
  private refused = { count: 0, since: 0 }
  private inbox: { readonly text: string; readonly ref: Ref }[] = []
  private working = false
  private effects: Effect[] | undefined
  private tickets: { heartbeat?: Ticket; deadline?: Ticket } = {}
  private confirmations: Confirmations | undefined

  constructor(hub: Hub, face: Face, transport: Transport, request: ConnectionRequest) {
    this.hub = hub
    this.face = face
    this.transport = transport
    this.params = request.params
    this.since = request.since
    this.admitted = request.admitted?.session
    this.slot = request.admitted?.slot
    this.codec = hub.codecs.for(face, transport.framing, request.since !== undefined)
    this.seen = hub.clock.monotonic()
    transport.listen(this)
    this.beat()
    if (request.token === undefined && face.token) this.awaitToken()
    else void this.open(request.token ?? '')
  }

  get outbox(): Outbox {
    return this.transport.outbox
  }

  /** Undefined until authenticated and after the end. */
  get session(): Session | undefined {
    return this.state.at === 'open' ? this.state.session : undefined
  }

  /** A frame for this connection alone. */
  send(text: string): void {
    this.outbox.appendAlone(this.transport.framing(text))
  }

  /** @param request the frame that is refused */
  refuse(error: CommandError, request?: string): void {
    this.hub.metrics.errors.inc({ module: this.face.module, kind: error.kind })
    const readable = request !== undefined && Buffer.byteLength(request) <= this.face.limits.maxFrameBytes
    this.send(this.face.error(error, readable ? request : undefined))
  }

  /**
   * Calls back once: with true when the peer's stack has provably consumed everything sent so far (it echoed a ping
   * that came after), with false when the connection ended before that or a thousand later questions are waiting too.
   */
  confirm(fn: (received: boolean) => void): void {
    if (this.state.at === 'closed') return fn(false)
    this.confirmations ??= new Confirmations(this.hub.onError)
    this.transport.ping(this.confirmations.ask(fn))
  }

  /** The party presented a newer token: the session goes on until that one ends. @throws CommandError */
  async refresh(token: string): Promise<void> {
    const session = await this.hub.authenticator.authenticate(token)
    if (this.state.at !== 'open') return
    // In both rooms while it is asked again: a revocation that came in between would not have found it.
    this.hub.rooms.join(this, sessionRoom(session.id))
    await this.hub.authenticator.authenticate(token)
    if (this.state.at !== 'open') return
    if (session.account.id !== this.state.session.account.id) {
      throw new CommandError('unauthenticated', 'The token is of another account; open a new connection for it')
    }
    // The login it came from is what revokes it from now on.
    if (session.id !== this.state.session.id) this.hub.rooms.leave(this, sessionRoom(this.state.session.id))
    this.state.session = session
    this.watchExpiry(session)
  }

  /** The server ends it: a last word in the document's form, then the close. Nothing is delivered any more. */
  end(close: CloseKind, reason: EndReason, message?: string): void {
    if (this.state.at === 'closing' || this.state.at === 'closed') return
    const session = this.session ?? this.admitted
    const at = this.hub.clock.now()
    const code = this.face.closeCode?.(close, reason) ?? closes[close].code
    if (close === 'token') this.refuse(new CommandError('unauthenticated', message ?? 'Invalid authentication token'))
    if (close === 'right' && message !== undefined) this.refuse(new CommandError('forbidden', message))
    const farewell = session && this.face.farewell(session, reason, at, code)
    for (const frame of [farewell ?? []].flat()) this.send(frame)
    this.endReason = reason
    this.detach()
    this.state = { at: 'closing' }
    this.transport.close(code, reason)
    this.tickets.deadline?.cancel()
    this.tickets.deadline = this.hub.wheel.schedule(CLOSE_GRACE_MS, () => this.transport.terminate())
  }

  /** The peer is gone, as it seems. Its slot is free at once; a last word is tried where the face has a code for it. */
  lose(): void {
    const hasCode = this.face.closeCode?.('policy', 'timeout') !== undefined
    this.end('policy', 'timeout')
    // Our own code would tell a peer that was only asleep not to come back.
    if (!hasCode) this.transport.terminate()
  }

  // Receiver

  noteEffect(effect: Effect): void {
    this.effects?.push(effect)
  }

  close(kind: CloseKind, reason: string): void {
    this.end(kind, 'revoked', reason)
  }

  // TransportListener

  onText(text: string, ref: Ref): void {
    if (!this.mayReceive(this.face.limits.pings !== undefined && this.face.isPing?.(text), text)) return
    this.hub.metrics.framesIn.inc({ module: this.face.module })
    if (this.inbox.length >= MAX_WAITING) this.transport.pause(PAUSE_MS)
    this.inbox.push({ text, ref })
    if (!this.working) void this.work()
  }

  onBinary(): void {
    if (!this.mayReceive()) return
    if (this.state.at !== 'open') return this.end('token', 'unauthenticated', NO_TOKEN)
    const details = { frame: 'must be a text frame with JSON; binary frames are not accepted' }
    this.refuse(new CommandError('invalid', 'Invalid request data', { details }))
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
    if (this.state.at === 'closed') return
    this.detach()
    this.state = { at: 'closed' }
    this.tickets.heartbeat?.cancel()
    this.tickets.deadline?.cancel()
    this.inbox = []
    this.hub.forget(this)
    this.confirmations?.end()
  }

  /** Size, rate and sign of life; false when the frame is not to be looked at. */
  private mayReceive(ping = false, text?: string): boolean {
    if (this.state.at === 'closing' || this.state.at === 'closed') return false
    this.seen = this.hub.clock.monotonic()
    const wait = this.hub.takeFrame(this, ping)
    if (wait === 0) return true
    if (this.isFlood(ping)) this.end('too_many', 'flood')
    else {
      this.transport.pause(PAUSE_MS)
      this.refuse(new CommandError('rate_limited', 'Too many requests', { retryAfter: retrySeconds(wait) }), text)
    }
    return false
  }

  /** Far more than is let through: not a client that is a little fast now and then. */
  private isFlood(ping: boolean): boolean {
    const { frames, accountFrames, pings } = this.face.limits
    const { limit, perMs } = ping && pings ? pings : frames.limit > 0 ? frames : (accountFrames ?? frames)
    const windows = Math.floor((this.hub.clock.monotonic() - this.refused.since) / perMs)
    // Each window forgives as many as it lets through: a flood that is read slowly is one all the same.
    this.refused.count = Math.max(0, this.refused.count - windows * limit) + 1
    this.refused.since += windows * perMs
    return this.refused.count > limit * FLOOD_FACTOR
  }

  /** Frames are handled one after the other, so that a client's order is kept across slow commands. */
  private async work(): Promise<void> {
    this.working = true
    while (this.inbox.length > 0 && this.state.at !== 'opening') {
      const { text, ref } = this.inbox.shift()!
      try {
        await this.handle(text, ref)
      } catch (cause) {
        if (!(cause instanceof CommandError)) this.hub.onError(cause)
        const error = asCommandError(cause)
        this.refuse(error, text)
        if (ref !== undefined) this.transport.reply(this.face.outcome(error), ref)
      }
    }
    this.working = false
  }

  private async handle(text: string, ref: Ref): Promise<void> {
    const state = this.state
    switch (state.at) {
      case 'awaiting-token': {
        const token = this.tokenIn(text)
        if (token === undefined) return this.end('token', 'unauthenticated', NO_TOKEN)
        return this.open(token)
      }
      case 'open': {
        if (Buffer.byteLength(text) > this.face.limits.maxFrameBytes) throw tooLarge(this.face)
        const reply = await dispatch({ connection: this, session: state.session }, text)
        if (reply !== undefined || ref !== undefined) this.transport.reply(reply ?? this.face.outcome(undefined), ref)
        return
      }
      case 'opening':
      case 'closing':
      case 'closed':
        return
    }
  }

  private awaitToken(): void {
    const deadline = this.face.limits.authDeadlineMs ?? this.hub.limits.authDeadlineMs
    this.tickets.deadline = this.hub.wheel.schedule(deadline, () => this.end('token', 'unauthenticated', NO_TOKEN))
  }

  private tokenIn(text: string): string | undefined {
    try {
      return this.face.token?.(parseJson(text))
    } catch {
      return undefined
    }
  }

  private async open(token: string): Promise<void> {
    this.state = { at: 'opening', session: undefined }
    this.tickets.deadline?.cancel()
    try {
      const session = this.admitted ?? (await this.hub.authenticator.authenticate(token))
      if (!this.stillOpening()) return
      this.slot ??= this.hub.admission(this.face).take(session.account.id)
      if (!this.slot) return this.end('too_many', 'flood')
      this.state = { at: 'opening', session }
      this.hub.rooms.join(this, accountRoom(session.account.id))
      this.hub.rooms.join(this, sessionRoom(session.id))
      // Now that a revocation would find it: one that came in between has not.
      await this.hub.authenticator.authenticate(token)
      if (!this.stillOpening()) return
      await this.enter(session)
    } catch (error) {
      if (error instanceof CommandError && error.kind === 'unauthenticated') {
        return this.end('token', 'unauthenticated', error.message)
      }
      if (!(error instanceof CommandError)) this.hub.onError(error)
      const refusal = asCommandError(error)
      this.refuse(refusal)
      // What may succeed later must not be closed with a code that says it never will.
      const comesBack = errors[refusal.kind].retry
      this.end(comesBack ? 'internal' : 'right', comesBack ? 'failed' : 'unauthenticated')
    }
  }

  /**
   * Rooms first, then what was missed, then live: subscribe, read, merge. Effects that come while the rooms are being
   * read are applied again after them, or a member removed in that moment would be let back in.
   */
  private async enter(session: Session): Promise<void> {
    const { rooms, codecs } = this.hub
    const { since } = this
    rooms.join(this, this.face.home(session, this.params))
    this.effects = []
    const from = since === undefined || since === 'now' ? undefined : parsePosition(since)
    const resuming = since !== undefined && since !== 'now'
    const opening = await this.face.open(session, this.params, resuming)
    if (!this.stillOpening()) return
    for (const room of opening.rooms) rooms.join(this, room)
    for (const effect of this.effects) this.reapply(effect)
    this.effects = undefined
    const { cursor, resync } = this.hub.startOf(from, opening, resuming)
    const position = since === undefined ? undefined : codecs.position(cursor)
    for (const frame of opening.frames(position, !resuming || resync)) this.send(frame)
    if (resync) this.sendResync(cursor)
    this.state = { at: 'open', session }
    this.watchExpiry(session)
    if (!this.working) void this.work()
    await catchUp(this.hub, this, cursor, {
      gone: () => this.session === undefined,
      resync: (at) => this.sendResync(at),
    })
    if (this.live) opening.onLive?.(this)
  }

  private sendResync(cursor: number): void {
    this.send(this.face.resync(this.hub.codecs.position(cursor), this.hub.clock.now()))
  }

  private stillOpening(): boolean {
    return this.state.at === 'opening'
  }

  private reapply(effect: Effect): void {
    if (effect.kind !== 'join' && effect.kind !== 'leave') return
    for (const room of effect.rooms) this.hub.rooms[effect.kind](this, room)
  }

  private watchExpiry(session: Session): void {
    this.tickets.deadline?.cancel()
    const left = session.expiresAt - this.hub.clock.now()
    this.tickets.deadline = this.hub.wheel.schedule(left, () =>
      this.end('token', 'expired', 'The token has expired; get a new one and connect again'),
    )
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

  private detach(): void {
    const session = this.state.at === 'open' || this.state.at === 'opening' ? this.state.session : undefined
    this.slot?.release()
    this.slot = undefined
    if (session) this.hub.dismiss(this, session, this.endReason)
    this.live = false
    this.hub.rooms.leaveAll(this)
  }
}

const NO_TOKEN = 'Invalid authentication token: none was presented'

const tooLarge = (face: Face): CommandError =>
  new CommandError('too_large', 'Invalid request data', {
    details: { frame: `must not be over ${face.limits.maxFrameBytes} bytes` },
  })
