import type { Clock } from '../../../kernel/clock.ts'
import { OutsideFault } from '../../../kernel/outgoing.ts'
import type { Ticket, TimingWheel } from '../../../kernel/timing-wheel.ts'
import { Mattermost, MattermostFault, type MattermostAccess } from './client.ts'
import { MattermostSession } from './session.ts'

/** How a link to a Mattermost server stands (section 8.3). */
export interface LinkStatus {
  /** `disconnected` is tried again by itself; after an `error` somebody should change the settings. */
  readonly status: 'connected' | 'disconnected' | 'error'
  /** Our own words; null while there is nothing wrong. */
  readonly error: string | null
}

export interface LinkOptions {
  readonly access: MattermostAccess
  readonly wheel: Pick<TimingWheel, 'schedule'>
  readonly clock: Pick<Clock, 'monotonic'>
  /** 0 <= n < 1; spreads the attempts of many organizations. */
  readonly random?: () => number
  /** On each change. */
  readonly onStatus: (status: LinkStatus) => void
}

/** From the opened socket to Mattermost's hello, milliseconds. */
const HELLO_MS = 15_000
/** Mattermost's own clients ping as often; one that has not answered at half of the time is gone. */
const PING_MS = 30_000
const PONG_MS = 15_000
/** Between two attempts, at first and at most. A token that was refused is tried as rarely from the start. */
const RETRY_MS = 1_000
const RETRY_MOST_MS = 300_000
/** A connection that lasted so long makes the next attempt the first one again. */
const STEADY_MS = 60_000

const refused = 'Mattermost does not accept the token; enter a new one'

/**
 * The link of one organization to its Mattermost server: connected again whenever it is lost, each time anew, with a
 * growing pause between attempts. Each attempt asks over REST first, since the WebSocket does not say why it is closed.
 */
export class MattermostLink {
  private readonly options: LinkOptions
  private current: LinkStatus = { status: 'disconnected', error: null }
  private session: MattermostSession | undefined
  private asking: AbortController | undefined
  private ticket: Ticket | undefined
  private failures = 0
  private connectedAt = 0
  private isClosed = false

  constructor(options: LinkOptions) {
    this.options = options
  }

  get status(): LinkStatus {
    return this.current
  }

  open(): void {
    void this.attempt()
  }

  /** For good; nothing is told any more. */
  close(): void {
    this.isClosed = true
    this.asking?.abort()
    this.ticket?.cancel()
    this.session?.end()
    this.session = undefined
  }

  private async attempt(): Promise<void> {
    this.asking = new AbortController()
    try {
      await new Mattermost(this.options.access, this.asking.signal).me()
      if (this.isClosed) return
      this.session = new MattermostSession(this.options.access, {
        onHello: () => this.greeted(),
        onEnd: (reason) => this.lost(reason),
      })
    } catch (error) {
      return this.failed(error)
    }
    this.wait(HELLO_MS, () => this.lost('Mattermost did not greet over its WebSocket in time'))
  }

  private failed(error: unknown): void {
    if (this.isClosed) return
    if (error instanceof MattermostFault && (error.status === 401 || error.status === 403)) {
      return this.again({ status: 'error', error: refused }, RETRY_MOST_MS)
    }
    if (!(error instanceof OutsideFault)) return this.again({ status: 'disconnected', error: 'Mattermost cannot be reached' })
    const status = error.isPassing ? 'disconnected' : 'error'
    this.again({ status, error: error.message }, error.retryAfterMs)
  }

  private greeted(): void {
    this.connectedAt = this.options.clock.monotonic()
    this.tell({ status: 'connected', error: null })
    this.wait(PING_MS, () => this.ping())
  }

  private ping(): void {
    this.wait(PONG_MS, () => this.lost('Mattermost has stopped answering'))
    this.session?.ping(() => this.wait(PING_MS, () => this.ping()))
  }

  private lost(reason: string): void {
    if (this.isClosed) return
    this.session?.end()
    this.session = undefined
    const lasted = this.options.clock.monotonic() - this.connectedAt
    if (this.current.status === 'connected' && lasted >= STEADY_MS) this.failures = 0
    this.again({ status: 'disconnected', error: reason })
  }

  /** @param leastMs not before that */
  private again(status: LinkStatus, leastMs = 0): void {
    const pause = Math.min(RETRY_MOST_MS, RETRY_MS * 2 ** Math.min(this.failures, 20))
    this.failures += 1
    const { random = Math.random } = this.options
    this.wait(Math.max(leastMs, pause) * (1 + random() / 2), () => void this.attempt())
    this.tell(status)
  }

  /** One thing is waited for at a time. */
  private wait(ms: number, then: () => void): void {
    this.ticket?.cancel()
    this.ticket = this.options.wheel.schedule(ms, then)
  }

  private tell(status: LinkStatus): void {
    const { current } = this
    if (current.status === status.status && current.error === status.error) return
    this.current = status
    this.options.onStatus(status)
  }
}
