import type { ActiveUser, Mode, Payload, PresenceStatus } from '../modules/prd/wire.ts'
import { transformPosition, type Edit } from '../modules/prd/merge.ts'
import { PlainDocument, type Acknowledgement, type Origin, type Refusal } from './prd-document.ts'
import type { Missing, Update } from './prd-rejoin.ts'

export type { Edit } from '../modules/prd/merge.ts'
export type { Origin, Refusal } from './prd-document.ts'

/** A socket of socket.io-client, 4.x: what is used of it. */
export interface PrdSocket {
  readonly connected: boolean
  on(event: string, listener: (argument: unknown) => void): unknown
  off(event: string, listener: (argument: unknown) => void): unknown
  emit(event: string, ...args: unknown[]): unknown
}

/**
 * `offline`: what is typed is kept and sent later; `joining`; `saving`: something typed is not acknowledged yet;
 * `saved`: everything typed is durable on the server; `closed`: for good.
 */
export type PrdStatus = 'offline' | 'joining' | 'saving' | 'saved' | 'closed'

/** Why the document was closed: by `leave`, by the server, or because it cannot be joined (the code of the refusal). */
export interface PrdClosing {
  readonly code: string
  readonly message: string
}

type PresenceUpdate = Payload<'presence-update'>

export interface PrdClientOptions {
  readonly socket: PrdSocket
  /** As on the wire: `prd_12`. */
  readonly prdId: string
  /** Absent: edit where one may, else view. */
  readonly mode?: Mode
  /** The text has changed: each edit stands on the text after the one before it. */
  readonly onChange?: (edits: readonly Edit[], origin: Origin) => void
  /** An edit was refused, and is not in the text any more. */
  readonly onRefused?: (refusal: Refusal) => void
  readonly onStatus?: (status: PrdStatus) => void
  /** Who else is there, at each joining; `user-joined` and `user-left` tell of the changes. */
  readonly onPeople?: (activeUsers: readonly ActiveUser[]) => void
  /** Offsets are of the text here. */
  readonly onPresence?: (presence: PresenceUpdate) => void
  readonly onClosed?: (closing: PrdClosing) => void
  /** Calls back after as many milliseconds; default `setTimeout`. */
  readonly wait?: (ms: number, then: () => void) => void
  /** What operations are named by: different for every client that ever was. Default: random. */
  readonly name?: string
}

/** What one shows of oneself: section 3.1. Offsets are of the text here. */
export interface Showing {
  readonly status?: PresenceStatus
  readonly cursorPosition?: number | null
  readonly selection?: { readonly start: number; readonly end: number } | null
}

/** Who follows the text besides the one it is shown to. */
export interface PrdWatcher {
  /** The text was brought to what the server has; offsets of the server can be told from here on. */
  joined(): void
  changed(edits: readonly Edit[]): void
}

type Answer = { readonly ok: true } | { readonly ok: false; readonly code: string; readonly message: string }
type JoinAnswer = Answer & { readonly replica: number | null }

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 30_000

/**
 * Says to try again, after joining again; a session that has ended is about to be disconnected, and may come back with
 * another token. An internal error may be such a one; not if it comes again and again.
 */
const passing = new Set(['UNAVAILABLE', 'NOT_JOINED', 'AUTHENTICATION_FAILED', 'INTERNAL_ERROR'])
const TRIES = 4

/**
 * A PRD that is edited together with others: specs/prd.md over the caller's socket. It joins whenever the socket
 * connects, brings what was missed, and sends what was typed meanwhile; each edit is applied once, however often the
 * connection is lost. One client per PRD and socket.
 *
 * @example
 * const prd = new PrdClient({ socket: io(url + '/prds', { auth: { token } }), prdId: 'prd_12', onChange: show })
 * prd.edit({ at: 0, removed: 0, inserted: 'Hello ' })
 */
export class PrdClient {
  readonly document: PlainDocument
  private readonly options: PrdClientOptions
  private readonly name: string
  private readonly listeners: readonly (readonly [event: string, listener: (argument: unknown) => void])[]
  private operations = 0
  /** Which joining this is: what belongs to one before it is not listened to. */
  private attempt = 0
  /** The server has this connection among those that joined. */
  private isIn = false
  private initial: Payload<'joined-prd'> | undefined
  private isClosed = false
  private failures = 0
  private retryAfterMs = 0
  private showing: Showing = {}
  /** The server has forgotten it, or was never told. */
  private isShown = true
  private told: PrdStatus = 'offline'
  private isResting = false
  private waiting: (() => void)[] = []
  private readonly watchers = new Set<PrdWatcher>()

  constructor(options: PrdClientOptions) {
    this.options = options
    this.name = options.name ?? randomName()
    this.document = new PlainDocument({
      nextId: () => `${this.name}-${(this.operations += 1)}`,
      onChange: (edits, origin) => this.changed(edits, origin),
      onRefused: options.onRefused,
    })
    this.listeners = this.listen()
    for (const [event, listener] of this.listeners) options.socket.on(event, listener)
    if (options.socket.connected) this.join()
  }

  get text(): string {
    return this.document.text
  }

  get status(): PrdStatus {
    if (this.isClosed) return 'closed'
    if (!this.options.socket.connected) return 'offline'
    if (this.document.phase !== 'joined') return 'joining'
    return this.document.isSaved ? 'saved' : 'saving'
  }

  /**
   * Edits the text here at once, and the server's as soon as may be.
   * @returns the edit as it was made (surrogate pairs are edited whole); undefined when it changes nothing
   * @throws InvalidOperation; Error when the PRD is not joined for editing, or closed
   */
  edit(edit: Edit): Edit | undefined {
    if (this.isClosed) throw new Error('This PRD is closed here: make a new PrdClient')
    const made = this.document.edit(edit)
    this.pump()
    return made
  }

  /** Shows the others where one is; told again after each joining. */
  show(showing: Showing): void {
    this.showing = { ...this.showing, ...showing }
    this.isShown = false
    this.pump()
  }

  /** @returns what ends it */
  watch(watcher: PrdWatcher): () => void {
    this.watchers.add(watcher)
    return () => void this.watchers.delete(watcher)
  }

  /** Resolves once everything typed is durable on the server, or the PRD is closed here. */
  saved(): Promise<void> {
    if (this.status === 'saved' || this.isClosed) return Promise.resolve()
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  /** Leaves the PRD for good; what is not saved yet is lost (see `saved`). */
  leave(): void {
    if (this.isClosed) return
    if (this.isIn && this.options.socket.connected) this.options.socket.emit('leave-prd', { prdId: this.options.prdId })
    this.close({ code: 'LEFT', message: 'You have left this PRD' })
  }

  private listen(): typeof this.listeners {
    const ours =
      <T extends { readonly prdId: string }>(heard: (data: T) => void) =>
      (data: unknown): void => {
        if ((data as T | undefined)?.prdId === this.options.prdId) heard(data as T)
      }
    return [
      ['connect', () => this.join()],
      ['disconnect', () => this.disconnected()],
      ['joined-prd', ours<Payload<'joined-prd'>>((data) => void (this.initial = data))],
      ['content-update', ours<Update & { prdId: string }>((data) => this.step(this.document.receive(data)))],
      ['sync-response', ours<Missing & { prdId: string }>((data) => this.step(this.document.synced(data)))],
      ['presence-update', ours<PresenceUpdate>((data) => this.seen(data))],
      ['batch-update', ours<{ prdId: string; updates: readonly object[] }>((data) => this.unpack(data))],
      ['left-prd', ours<{ prdId: string; reason: string }>(({ reason }) => this.expelled(reason))],
      ['rate-limit', (data) => void (this.retryAfterMs = (data as Payload<'rate-limit'>).retryAfter * 1_000)],
    ]
  }

  private disconnected(): void {
    this.attempt += 1
    this.isIn = false
    this.document.lose()
    this.tellStatus()
  }

  /** Also on a connection that has joined: a new joining is the only one that takes operations made before it. */
  private join(): void {
    const { socket, prdId, mode } = this.options
    const attempt = (this.attempt += 1)
    this.document.lose()
    this.isResting = false
    this.initial = undefined
    this.isShown = Object.keys(this.showing).length === 0
    if (this.isIn) socket.emit('leave-prd', { prdId })
    this.isIn = false
    this.tellStatus()
    socket.emit('join-prd', { prdId, ...(mode && { mode }) }, (answer: JoinAnswer) => {
      if (attempt !== this.attempt) return
      if (answer.ok) this.joined(answer)
      else if (this.isPassing(answer.code)) this.later(() => this.join(), answer.code)
      else this.close(answer)
    })
  }

  private joined({ replica }: JoinAnswer): void {
    const { initial } = this
    this.isIn = true
    if (!initial) return this.later(() => this.join())
    this.initial = undefined
    const isInStep = this.document.joined(initial.initialState, replica)
    for (const watcher of this.watchers) watcher.joined()
    this.options.onPeople?.(initial.activeUsers)
    if (isInStep) this.sync()
    this.step(isInStep)
  }

  private sync(): void {
    const stateVector = this.document.asks
    if (!stateVector) return
    const { attempt } = this
    const { socket, prdId } = this.options
    socket.emit('sync-request', { prdId, stateVector }, (answer: Answer) => {
      if (attempt !== this.attempt || answer.ok) return
      if (this.isPassing(answer.code)) this.later(() => this.join(), answer.code)
      else this.step(this.document.synced(undefined))
    })
  }

  /** After everything that came. */
  private step(isInStep: boolean): void {
    if (!isInStep) return this.later(() => this.join())
    this.pump()
  }

  private pump(): void {
    const { attempt } = this
    const { socket, prdId } = this.options
    const outgoing = socket.connected && !this.isResting ? this.document.next() : undefined
    if (outgoing) {
      const { clientId, operation, stateVector } = outgoing
      // A callback, no promise: that would be told after what comes next on the socket, and its place is what counts.
      socket.emit('content-update', { prdId, operation, stateVector, clientId }, (answer: Answer) => {
        if (attempt === this.attempt) this.answered(clientId, answer)
      })
    }
    if (!this.isShown && socket.connected && this.document.phase === 'joined') this.present()
    this.tellStatus()
  }

  private answered(clientId: string, answer: Answer): void {
    if (answer.ok) {
      this.failures = 0
      return this.step(this.document.acknowledge(clientId, answer as Answer & Acknowledgement))
    }
    if (answer.code === 'RATE_LIMIT_EXCEEDED') {
      this.document.unsend(clientId)
      this.isResting = true
      return this.later(() => this.pump(), answer.code)
    }
    const isFinal = answer.code === 'INTERNAL_ERROR' && this.failures >= TRIES
    if (passing.has(answer.code) && !isFinal) {
      this.document.lose()
      return this.later(() => this.join())
    }
    this.step(this.document.refuse(clientId, answer))
  }

  private isPassing(code: string): boolean {
    return code === 'RATE_LIMIT_EXCEEDED' || (passing.has(code) && this.failures < TRIES) || code === 'UNAVAILABLE'
  }

  /** Once it may succeed, unless the connection is another by then. */
  private later(then: () => void, code?: string): void {
    const { attempt } = this
    const isToldWhen = code === 'RATE_LIMIT_EXCEEDED' && this.retryAfterMs > 0
    const ms = isToldWhen ? this.retryAfterMs : Math.min(FIRST_WAIT_MS * 2 ** this.failures, LONGEST_WAIT_MS)
    this.failures += 1
    this.retryAfterMs = 0
    this.tellStatus()
    const wait = this.options.wait ?? ((after, call) => void setTimeout(call, after))
    wait(ms, () => {
      if (attempt !== this.attempt) return
      this.isResting = false
      then()
    })
  }

  private present(): void {
    const { socket, prdId } = this.options
    this.isShown = true
    const { cursorPosition, selection } = this.showing
    const at = (position: number): number => this.document.outside(position)
    socket.emit('presence-update', {
      prdId,
      ...this.showing,
      ...(typeof cursorPosition === 'number' && { cursorPosition: at(cursorPosition) }),
      ...(selection && { selection: { start: at(selection.start), end: at(selection.end) } }),
    })
  }

  /** What one shows moves with the text, so that it can be told again after a joining. */
  private changed(edits: readonly Edit[], origin: Origin): void {
    const moved = (position: number): number =>
      edits.reduce((at, edit) => transformPosition(at, edit, 'right'), position)
    const { cursorPosition, selection } = this.showing
    this.showing = {
      ...this.showing,
      ...(typeof cursorPosition === 'number' && { cursorPosition: moved(cursorPosition) }),
      ...(selection && { selection: { start: moved(selection.start), end: moved(selection.end) } }),
    }
    for (const watcher of this.watchers) watcher.changed(edits)
    this.options.onChange?.(edits, origin)
  }

  private seen({ cursorPosition, selection, ...presence }: PresenceUpdate): void {
    const at = (position: number): number => this.document.inside(position)
    this.options.onPresence?.({
      ...presence,
      cursorPosition: cursorPosition === null ? null : at(cursorPosition),
      selection: selection && { start: at(selection.start), end: at(selection.end) },
    })
  }

  /** Section 12. */
  private unpack({ prdId, updates }: { readonly prdId: string; readonly updates: readonly object[] }): void {
    for (const { type, ...data } of updates as readonly { readonly type: string }[]) {
      if (type === 'presence-update') this.seen({ prdId, ...data } as PresenceUpdate)
      else if (type === 'content-update') this.step(this.document.receive(data as Update))
    }
  }

  private expelled(reason: string): void {
    const message = reason === 'deleted' ? 'This PRD was deleted' : 'You may not see this PRD any more'
    this.close({ code: reason === 'deleted' ? 'NOT_FOUND' : 'FORBIDDEN', message })
  }

  private close({ code, message }: PrdClosing): void {
    this.isClosed = true
    this.isIn = false
    this.attempt += 1
    for (const [event, listener] of this.listeners) this.options.socket.off(event, listener)
    this.document.lose()
    this.tellStatus()
    this.options.onClosed?.({ code, message })
  }

  private tellStatus(): void {
    const { status } = this
    if (status === 'saved') this.failures = 0
    if (status === 'saved' || status === 'closed') for (const resolve of this.waiting.splice(0)) resolve()
    if (status === this.told) return
    this.told = status
    this.options.onStatus?.(status)
  }
}

function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
