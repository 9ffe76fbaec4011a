import type { Clock } from '../../../kernel/clock.ts'
import { OutgoingError } from '../../../kernel/outgoing.ts'
import type { Place } from './secrets.ts'

export interface BreakerLimits {
  /** Calls that fail in a row: then it opens. */
  readonly failures: number
  /** Milliseconds it stays open; then one call is tried. */
  readonly restMs: number
}

interface State {
  failures: number
  /** By the monotonic clock. */
  restsUntil: number
  isTrying: boolean
}

/** While a call is tried, others come back after it. */
const TRIAL_MS = 1_000

/**
 * A circuit breaker for each integration of each organisation: what does not answer is left alone for a while, so that
 * neither it nor our jobs are kept busy. Calls that cannot be made, take too long, or are answered with a 5xx count;
 * an answer of any other kind closes it.
 */
export class Breakers {
  private readonly clock: Clock
  private readonly limits: BreakerLimits
  private readonly states = new Map<string, State>()

  constructor(clock: Clock, limits: BreakerLimits) {
    this.clock = clock
    this.limits = limits
  }

  /** @throws OutgoingError open, with the time to wait; whatever `call` throws */
  async run(place: Place, call: () => Promise<Response>): Promise<Response> {
    const key = keyOf(place)
    const state = this.states.get(key)
    if (state && state.failures >= this.limits.failures) this.enter(state)
    try {
      const response = await call()
      if (response.status >= 500) this.failed(key)
      else this.states.delete(key)
      return response
    } catch (error) {
      const reason = error instanceof OutgoingError ? error.reason : undefined
      if (reason === 'unreachable' || reason === 'timeout') this.failed(key)
      else if (reason === 'redirect' || reason === 'too_large') this.states.delete(key)
      throw error
    } finally {
      if (state) state.isTrying = false
    }
  }

  /** Its settings were changed, or somebody wants to know how it is now. */
  reset(place: Place): void {
    this.states.delete(keyOf(place))
  }

  private enter(state: State): void {
    const wait = state.restsUntil - this.clock.monotonic()
    if (wait > 0 || state.isTrying) {
      throw new OutgoingError('open', undefined, { retryAfterMs: Math.max(wait, TRIAL_MS) })
    }
    state.isTrying = true
  }

  private failed(key: string): void {
    const state = this.states.get(key) ?? { failures: 0, restsUntil: 0, isTrying: false }
    state.failures++
    state.restsUntil = this.clock.monotonic() + this.limits.restMs
    this.states.set(key, state)
  }
}

const keyOf = ({ organization, kind }: Place): string => `${organization}:${kind}`
