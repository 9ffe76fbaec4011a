import { parsePosition } from '../wire/position.ts'
import type { Admitted, Slot } from './admission.ts'
import { catchUp } from './catch-up.ts'
import type { Connection } from './connection.ts'
import { asCommandError, CommandError } from './errors.ts'
import type { Effect } from './event.ts'
import type { EndReason } from './face.ts'
import type { Hub } from './hub.ts'
import type { Held } from './inbox.ts'
import { accountRoom, sessionRoom, type Session } from './session.ts'
import type { Ticket } from './timing-wheel.ts'

/** The life of a connection. */
export type State =
  | { readonly at: 'awaiting-token' }
  | { readonly at: 'opening'; readonly session: Session | undefined }
  | { readonly at: 'open'; readonly session: Session }
  | { readonly at: 'closing' }
  | { readonly at: 'closed' }

/** Where the party that has left a connection stood in the log. */
interface Left {
  readonly account: number
  readonly position: string
}

export const NO_TOKEN = 'Invalid authentication token: none was presented'

/**
 * Who is the party of one connection: lets one in, keeps it while its token lasts, and lets it go. Where the face lets
 * a connection outlive a refusal (`authGraceMs`), several may follow each other (rule K-13).
 */
export class Authentication {
  /** A refused token, or one that has expired, is told, and another may follow. */
  readonly repeatable: boolean
  private readonly hub: Hub
  private readonly connection: Connection
  private readonly since: string | undefined
  private current: State = { at: 'awaiting-token' }
  /** Openings and their ends: whoever has waited across one of them is out of date. */
  private life = 0
  private slot: Slot | undefined
  private effects: Effect[] | undefined
  /** While the connection is not live: everything up to this offset has been sent to it. */
  private caughtUp = 0
  private left: Left | undefined
  /** When a token must have been presented or, once one was, when it expires. */
  private deadline: Ticket | undefined
  /** Monotonic milliseconds at which the grace after a refusal ends; undefined while nothing has been refused. */
  private graceEnds: number | undefined

  /** @param since see `ConnectionRequest` */
  constructor(hub: Hub, connection: Connection, since: string | undefined) {
    this.hub = hub
    this.connection = connection
    this.since = since
    this.repeatable = connection.face.limits.authGraceMs !== undefined
  }

  get state(): State {
    return this.current
  }

  /** Waits for the first token. */
  begin(): void {
    const { face } = this.connection
    this.schedule(face.limits.authDeadlineMs ?? this.hub.limits.authDeadlineMs, () => this.late())
  }

  /**
   * Lets in who presents a token on a connection without a party.
   * @param held the frame that presented it, where it was not the handshake
   */
  async open(token: string, held?: Held, admitted?: Admitted): Promise<void> {
    this.life += 1
    const { life, hub, connection } = this
    this.current = { at: 'opening', session: undefined }
    this.deadline?.cancel()
    // A command of the party before may have entered one after it had left them all.
    hub.rooms.leaveAll(connection)
    try {
      this.slot = admitted?.slot
      const session = admitted?.session ?? (await hub.authenticator.authenticate(token))
      if (this.life !== life) return
      const admission = hub.admission(connection.face)
      this.slot ??= admission.take(session.account.id)
      if (!this.slot && !this.repeatable) return connection.end('too_many', 'flood')
      if (!this.slot) throw admission.full
      this.current = { at: 'opening', session }
      hub.rooms.join(connection, accountRoom(session.account.id))
      hub.rooms.join(connection, sessionRoom(session.id))
      // Now that a revocation would find it: one that came in between has not.
      await hub.authenticator.authenticate(token)
      if (this.life !== life) return
      await this.enter(session, held)
    } catch (cause) {
      if (!(cause instanceof CommandError)) hub.onError(cause)
      if (this.life === life) this.fail(asCommandError(cause), held)
    }
  }

  /** The party of an open connection presents another token, of itself or of somebody else. */
  async openAgain(token: string, held: Held): Promise<void> {
    const { life, hub, connection } = this
    let admitted: Admitted | undefined
    try {
      const session = await hub.authenticator.authenticate(token)
      if (this.life === life && this.isParty(session)) {
        await this.renew(session, token)
        const frames = await connection.face.refreshed?.(session)
        if (this.life === life) return connection.greet(frames?.(this.position) ?? [], held)
      } else if (this.life === life) {
        const admission = hub.admission(connection.face)
        const slot = admission.take(session.account.id)
        if (!slot) throw admission.full
        admitted = { session, slot }
        this.leave('client', { at: 'awaiting-token' })
      }
    } catch (cause) {
      if (!(cause instanceof CommandError)) hub.onError(cause)
      return connection.refuseToken(asCommandError(cause), held)
    }
    // Awaited too when the token before has expired meanwhile: this one came in time.
    if (this.state.at === 'awaiting-token') await this.open(token, held, admitted)
  }

  /** The party presented a newer token: the session goes on until that one ends. @throws CommandError */
  async refresh(token: string): Promise<void> {
    const { life } = this
    const session = await this.hub.authenticator.authenticate(token)
    if (this.life !== life || this.current.at !== 'open') return
    if (!this.isParty(session)) {
      throw new CommandError('unauthenticated', 'The token is of another account; open a new connection for it')
    }
    await this.renew(session, token)
  }

  noteEffect(effect: Effect): void {
    this.effects?.push(effect)
  }

  /** The party, if there is one, leaves: its rooms, its slot, and whatever the face keeps for it. */
  leave(reason: EndReason, next: State): void {
    const { hub, connection, position, current } = this
    const session = current.at === 'open' || current.at === 'opening' ? current.session : undefined
    if (current.at === 'open' && position !== undefined) this.left = { account: current.session.account.id, position }
    this.life += 1
    this.deadline?.cancel()
    this.slot?.release()
    this.slot = undefined
    // Who stays must not hear of its own going.
    if (next.at === 'awaiting-token') connection.live = false
    if (session) hub.dismiss(connection, session, reason)
    connection.live = false
    this.effects = undefined
    hub.rooms.leaveAll(connection)
    this.current = next
  }

  private isParty({ account }: Session): boolean {
    return this.current.at === 'open' && this.current.session.account.id === account.id
  }

  /**
   * Rooms first, then what was missed, then live: subscribe, read, merge. Effects that come while the rooms are being
   * read are applied again after them, or a member removed in that moment would be let back in.
   */
  private async enter(session: Session, held: Held | undefined): Promise<void> {
    const { life, hub, connection } = this
    const { face, params } = connection
    const since = this.sinceOf(session)
    hub.rooms.join(connection, face.home(session, params))
    this.effects = []
    const from = since === undefined || since === 'now' ? undefined : parsePosition(since)
    const resuming = since !== undefined && since !== 'now'
    const opening = await face.open(session, params, resuming)
    if (this.life !== life) return
    for (const room of opening.rooms) hub.rooms.join(connection, room)
    for (const effect of this.effects) this.reapply(effect)
    this.effects = undefined
    const { cursor, resync } = hub.startOf(from, opening, resuming)
    this.caughtUp = cursor
    const frames = opening.frames(this.position, !resuming || resync)
    this.current = { at: 'open', session }
    this.keepUntil(session.expiresAt)
    connection.greet(frames, this.repeatable ? held : undefined)
    if (resync) connection.resync(cursor)
    connection.work()
    await catchUp(hub, connection, cursor, {
      gone: () => this.life !== life,
      upTo: (offset) => (this.caughtUp = offset),
      resync: (at) => connection.resync(at),
    })
    if (connection.live && this.life === life) opening.onLive?.(connection)
  }

  /** Where to start: as was asked for or, on a connection that goes on, where the same party left it. */
  private sinceOf({ account }: Session): string | undefined {
    if (this.since === undefined || !this.left) return this.since
    return this.left.account === account.id ? this.left.position : 'now'
  }

  /** Of the last event that was sent; undefined for who did not ask for positions. */
  private get position(): string | undefined {
    if (this.since === undefined) return undefined
    return this.hub.codecs.position(this.connection.live ? this.hub.fanout.offset : this.caughtUp)
  }

  private reapply(effect: Effect): void {
    if (effect.kind !== 'join' && effect.kind !== 'leave') return
    for (const room of effect.rooms) this.hub.rooms[effect.kind](this.connection, room)
  }

  /** The same party goes on under a newer token. */
  private async renew(session: Session, token: string): Promise<void> {
    const { life, hub, connection } = this
    const before = connection.session?.id
    // In both rooms while it is asked again: a revocation that came in between would not have found it.
    hub.rooms.join(connection, sessionRoom(session.id))
    try {
      await hub.authenticator.authenticate(token)
    } catch (error) {
      if (this.life === life && session.id !== before) hub.rooms.leave(connection, sessionRoom(session.id))
      throw error
    }
    if (this.life !== life) return
    // The login it came from is what revokes it from now on.
    if (before !== undefined && session.id !== before) hub.rooms.leave(connection, sessionRoom(before))
    this.current = { at: 'open', session }
    this.keepUntil(session.expiresAt)
  }

  /** Nobody could be let in. */
  private fail(error: CommandError, held: Held | undefined): void {
    // What fails once it is open is the replay: who comes back on a new connection gets all of it.
    if (!this.repeatable || this.current.at !== 'opening') return this.connection.fail(error)
    this.connection.refuseToken(error, held)
    this.leave(error.kind === 'unauthenticated' ? 'unauthenticated' : 'failed', { at: 'awaiting-token' })
    this.awaitAgain()
  }

  private expire(): void {
    const { connection } = this
    if (!this.repeatable) {
      return connection.end('token', 'expired', 'The token has expired; get a new one and connect again')
    }
    const message = 'The token has expired; get a new one and authenticate again'
    connection.refuseToken(new CommandError('unauthenticated', message))
    this.leave('expired', { at: 'awaiting-token' })
    this.awaitAgain()
  }

  /** Until the grace that began with the first refusal is over, however many tokens are tried. */
  private awaitAgain(): void {
    const { connection } = this
    const now = this.hub.clock.monotonic()
    this.graceEnds ??= now + (connection.face.limits.authGraceMs ?? 0)
    if (this.graceEnds <= now) return this.late()
    this.schedule(this.graceEnds - now, () => this.late())
    connection.work()
  }

  private late(): void {
    const message = this.graceEnds === undefined ? NO_TOKEN : 'No valid token was presented in time; connect again'
    this.connection.end('token', 'unauthenticated', message)
  }

  /** @param expiresAt wall-clock milliseconds */
  private keepUntil(expiresAt: number): void {
    this.graceEnds = undefined
    this.schedule(expiresAt - this.hub.clock.now(), () => this.expire())
  }

  private schedule(ms: number, fn: () => void): void {
    this.deadline?.cancel()
    this.deadline = this.hub.wheel.schedule(ms, fn)
  }
}
