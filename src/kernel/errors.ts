import { errors, type ErrorKind } from '../wire/errors.ts'

/** Field name → what is wrong with it and what would be right. */
export type ErrorDetails = Readonly<Record<string, string>>

/**
 * The one way to refuse a command. Thrown by policy, actions and decoders; each module maps `kind` to the code of
 * its own document. `message` is for the person at the other end: it says what to do.
 */
export class CommandError extends Error {
  readonly kind: ErrorKind
  readonly details: ErrorDetails | undefined
  /** Seconds until a retry can succeed; only for rate_limited and unavailable. */
  readonly retryAfter: number | undefined
  /** REST status: that of its kind, unless HTTP has a more exact one. */
  readonly http: number
  /** A code more exact than that of its kind, where the module's document has one. */
  readonly code: string | undefined

  constructor(
    kind: ErrorKind,
    message: string,
    options: { details?: ErrorDetails; retryAfter?: number; http?: number; code?: string } = {},
  ) {
    super(message)
    this.name = 'CommandError'
    this.kind = kind
    this.details = options.details
    this.retryAfter = options.retryAfter
    this.http = options.http ?? errors[kind].http
    this.code = options.code
  }
}

export const notFound = (what: string): CommandError =>
  new CommandError('not_found', `${what} does not exist, or you may not see it`)

/** 410: it was there, which the caller may know, and will not be again. */
export const gone = (message: string): CommandError => new CommandError('not_found', message, { http: 410 })

/** The state of the thing does not allow it. */
export const conflict = (message: string): CommandError => new CommandError('conflict', message)

export const forbidden = (message: string): CommandError => new CommandError('forbidden', message)

export const invalid = (details: ErrorDetails, message = 'Invalid request data'): CommandError =>
  new CommandError('invalid', message, { details })

/** What a client is told of a failure that was not foreseen: nothing of its inside. */
export function asCommandError(cause: unknown): CommandError {
  return cause instanceof CommandError
    ? cause
    : new CommandError('internal', 'The server failed; nothing was changed. Try again later.')
}
