import type { Duplex } from 'node:stream'
import type { Admitted } from '../kernel/admission.ts'
import type { ConnectionRequest } from '../kernel/connection.ts'
import { asCommandError, CommandError } from '../kernel/errors.ts'
import type { Face } from '../kernel/face.ts'
import type { Hub } from '../kernel/hub.ts'
import { noRoom, refuse } from './handshake.ts'

/**
 * Checks the token and takes a slot before the handshake. The slot is given back when the socket closes, whether or
 * not it has become a connection.
 * @returns undefined when the peer has gone or has been answered by HTTP
 */
export async function admit(
  hub: Hub,
  face: Face,
  socket: Duplex,
  { token }: ConnectionRequest,
): Promise<Admitted | undefined> {
  let over = false
  const fail = (cause: unknown): void => {
    if (over) return
    over = true
    if (!(cause instanceof CommandError)) hub.onError(cause)
    const error = asCommandError(cause)
    hub.metrics.errors.inc({ module: face.module, kind: error.kind })
    refuse(socket, error, face)
  }
  const deadline = hub.wheel.schedule(face.limits.authDeadlineMs ?? hub.limits.authDeadlineMs, () =>
    fail(noRoom('The token could not be checked in time; try again')),
  )
  try {
    const session = await hub.authenticator.authenticate(presented(token))
    // Who is not there any more must not use up what may be opened.
    if (over || socket.destroyed) return undefined
    const slot = await hub.admission(face).claim(session.account.id)
    if (over || socket.destroyed) {
      slot.release()
      return undefined
    }
    socket.once('close', () => slot.release())
    if (hub.full) throw noRoom('No more connections are taken now')
    return { session, slot }
  } catch (error) {
    fail(error)
    return undefined
  } finally {
    deadline.cancel()
  }
}

function presented(token: string | undefined): string {
  if (token) return token
  const fault = token === undefined ? 'none was presented' : 'more than one, or an empty one, was presented'
  throw new CommandError(
    'unauthenticated',
    `Invalid authentication token: ${fault}; send one, as Authorization: Bearer <token>`,
  )
}
