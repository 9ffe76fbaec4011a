import type { CommandError } from '../../kernel/errors.ts'
import type { ErrorEvent } from './wire.ts'

/** How failures are said: events with a bare string, and acknowledgements. */

/** Longest event name that is looked for in a frame that is refused. */
const EVENT = /^\["([^"\\]{1,64})"/

/** The name of the event a frame brings; undefined when it has none that could be ours. */
export const eventOf = (request: string): string | undefined => EVENT.exec(request)?.[1]

/** Which of the document's error events answers a client event. */
export function errorEventOf(event: string | undefined): ErrorEvent {
  if (event === 'authenticate') return 'auth:error'
  if (event === 'system_broadcast') return 'broadcast:error'
  if (event === 'update_presence' || event?.startsWith('presence:')) return 'presence:error'
  return 'chat:error'
}

export const errorCode = ({ kind }: CommandError): string => kind.toUpperCase()

/** For people first; programs find the code at the end, in parentheses. */
export function errorText(cause: CommandError): string {
  const faults = Object.entries(cause.details ?? {}).map(([field, fault]) =>
    field === 'body' ? `the argument ${fault}` : `${field} ${fault}`,
  )
  const told = faults.length > 0 ? `${cause.message}: ${faults.join('; ')}` : cause.message
  const retry = cause.retryAfter === undefined ? '' : `; try again in ${cause.retryAfter} s`
  return `${told}${retry} (${errorCode(cause)})`
}

/** The one argument of an acknowledgement callback. */
export const acknowledge = (outcome: object = {}): string => JSON.stringify([{ ok: true, ...outcome }])

export const failed = (cause: CommandError): string =>
  JSON.stringify([{ ok: false, code: errorCode(cause), error: errorText(cause) }])
