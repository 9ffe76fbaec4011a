/** Bounds of one call to the outside. */
export interface CallLimits {
  /** Milliseconds for the whole call, its body included. Default 10 000. */
  readonly timeoutMs?: number
  /** Bytes of the answer's body, unpacked. Default 1 000 000. */
  readonly maxBytes?: number
  /** The operator set this address by environment: it may be private and on any port. The rest of the guard stays. */
  readonly trusted?: boolean
}

/**
 * - refused: this address may not be called
 * - unreachable: no connection, no name, or it broke off
 * - timeout: not done in time
 * - too_large: the answer is longer than allowed
 * - redirect: it answered with a redirect, which is never followed
 * - open: it has failed so often that it is left alone for a while
 */
export type OutgoingReason = 'refused' | 'unreachable' | 'timeout' | 'too_large' | 'redirect' | 'open'

/** Why another system did not do its part. Its message is our own words and may be shown. */
export abstract class OutsideFault extends Error {
  /** Milliseconds until another try makes sense, where that is known. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, retryAfterMs?: number) {
    super(message)
    this.name = this.constructor.name
    this.retryAfterMs = retryAfterMs
  }

  /** Whether the same may go well later, with nobody changing anything. */
  abstract readonly isPassing: boolean
}

/** Why a call to the outside brought nothing. */
export class OutgoingError extends OutsideFault {
  readonly reason: OutgoingReason

  constructor(reason: OutgoingReason, message: string = messages[reason], options: { retryAfterMs?: number } = {}) {
    super(message, options.retryAfterMs)
    this.reason = reason
  }

  get isPassing(): boolean {
    return this.reason === 'unreachable' || this.reason === 'timeout' || this.reason === 'open'
  }
}

const messages: Readonly<Record<OutgoingReason, string>> = {
  refused: 'This address may not be called from here',
  unreachable: 'The other server cannot be reached',
  timeout: 'The other server did not answer in time',
  too_large: 'The answer of the other server is too long',
  redirect: 'The other server answered with a redirect; enter the address it leads to',
  open: 'The other server has failed several times and is left alone for a while',
}

/**
 * The port for calls to addresses that people enter: only http and https to public addresses and allowed ports,
 * with bounds on time and size, no redirects, no cookies, no proxy of the environment.
 */
export interface Outgoing {
  /**
   * Standard fetch semantics, but `init.redirect` is not heeded: a redirect is an error. Reading the body fails with an
   * OutgoingError, too, when it is too long or too late. `init.signal` ends the call with its own reason.
   * @throws OutgoingError
   */
  fetch(url: string | URL, init?: RequestInit, limits?: CallLimits): Promise<Response>
  /**
   * A standard-shaped WebSocket client (messages of at most 1 MB) through the same guard. What cannot be called gives
   * its `error` and `close` events like any server that cannot be reached.
   * @param url ws, wss, http or https
   */
  socket(url: string, protocols?: readonly string[]): WebSocket
  /**
   * An address that might be called; names are looked up only when it is.
   * @param field of the setting, for the error's details
   * @throws CommandError invalid, when it never can be: scheme, user information, port, host, private literal
   */
  check(url: string, field: string): URL
}
