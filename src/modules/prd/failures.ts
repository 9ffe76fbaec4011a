import { CommandError, type ErrorDetails } from '../../kernel/errors.ts'
import type { ErrorKind } from '../../wire/errors.ts'
import { toId } from './ids.ts'
import { frameOf, timestamp, type AiErrorCode, type ErrorCode, type Payload } from './wire.ts'

/** How failures are said: section 9, and the acknowledgements that are an addition. */

/** A refusal with a code of its own. */
export class PrdError extends CommandError {
  declare readonly code: ErrorCode

  constructor(code: ErrorCode, kind: ErrorKind, message: string, details?: ErrorDetails) {
    super(kind, message, { code, ...(details && { details }) })
  }
}

/** Section 4.3: a prompt that is not taken; it has a job all the same, which is all that is told of it. */
export class AiRefusal extends CommandError {
  declare readonly code: AiErrorCode
  readonly job: number

  constructor(job: number, code: AiErrorCode, message: string, retryAfter?: number) {
    super(aiKinds[code], message, { code, ...(retryAfter !== undefined && { retryAfter }) })
    this.job = job
  }
}

const aiKinds: Readonly<Record<AiErrorCode, ErrorKind>> = {
  RATE_LIMIT_EXCEEDED: 'rate_limited',
  AI_NOT_CONFIGURED: 'conflict',
  PROVIDER_ERROR: 'unavailable',
  TIMEOUT: 'unavailable',
  CANCELLED: 'conflict',
  CONTENT_TOO_LARGE: 'too_large',
}

/** The argument of `ai-error`. @param retryAfter seconds; only where a later try may succeed */
export const aiError = (job: number, code: AiErrorCode, message: string, retryAfter?: number): Payload<'ai-error'> => ({
  jobId: toId('job', job),
  error: { code, message, ...(retryAfter !== undefined && { retryAfter }) },
})

export const notJoined = (): PrdError =>
  new PrdError('NOT_JOINED', 'conflict', 'Join this PRD first: this connection has not, or not any more')

export const invalidOperation = (message: string): PrdError => new PrdError('INVALID_OPERATION', 'invalid', message)

export const invalidUpdate = (message: string): PrdError => new PrdError('INVALID_UPDATE', 'invalid', message)

export const staleState = (): PrdError =>
  new PrdError(
    'STALE_STATE',
    'conflict',
    'This state is too old to build on; send sync-request or join the PRD again, then repeat the edit',
  )

/** One too many, and of how many. */
export class TooMany extends CommandError {
  readonly limit: number

  constructor(limit: number, retryAfter: number) {
    super('rate_limited', 'Rate limit exceeded', { retryAfter })
    this.limit = limit
  }
}

const codes: Readonly<Record<ErrorKind, ErrorCode>> = {
  unauthenticated: 'AUTHENTICATION_FAILED',
  forbidden: 'FORBIDDEN',
  not_found: 'NOT_FOUND',
  invalid: 'VALIDATION_ERROR',
  conflict: 'CONFLICT',
  too_large: 'TOO_LARGE',
  unsupported: 'UNSUPPORTED',
  rate_limited: 'RATE_LIMIT_EXCEEDED',
  internal: 'INTERNAL_ERROR',
  unavailable: 'UNAVAILABLE',
}
export { codes as errorCodesByKind }

export const errorCode = (cause: CommandError): ErrorCode =>
  cause instanceof PrdError ? cause.code : codes[cause.kind]

const ackCode = (cause: CommandError): ErrorCode | AiErrorCode =>
  cause instanceof AiRefusal ? cause.code : errorCode(cause)

/** For people: what was wrong, where, and when to try again. */
export function errorText(cause: CommandError): string {
  const faults = Object.entries(cause.details ?? {}).map(([field, fault]) =>
    field === 'body' ? `the argument ${fault}` : `${field} ${fault}`,
  )
  const told = faults.length > 0 ? `${cause.message}: ${faults.join('; ')}` : cause.message
  return cause.retryAfter === undefined ? told : `${told}; try again in ${cause.retryAfter} s`
}

/** @param limit what applies where the refusal does not say it */
export function errorFrame(cause: CommandError, at: number, limit: number): string {
  if (cause instanceof AiRefusal) {
    return frameOf('ai-error', aiError(cause.job, cause.code, cause.message, cause.retryAfter))
  }
  if (cause.kind !== 'rate_limited') {
    return frameOf('error', { code: errorCode(cause), message: errorText(cause), timestamp: timestamp(at) })
  }
  const retryAfter = cause.retryAfter ?? 1
  return frameOf('rate-limit', {
    message: 'Rate limit exceeded',
    retryAfter,
    limit: cause instanceof TooMany ? cause.limit : limit,
    remaining: 0,
    resetTime: timestamp(at + retryAfter * 1_000),
  })
}

/** The one argument of an acknowledgement callback. */
export const acknowledge = (outcome: object = {}): string => JSON.stringify([{ ok: true, ...outcome }])

export const failed = (cause: CommandError): string =>
  JSON.stringify([{ ok: false, code: ackCode(cause), message: errorText(cause) }])
