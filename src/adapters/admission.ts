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
  try {
    const admitted = await checkParty(hub, face, token, () => socket.destroyed)
    if (admitted) socket.once('close', () => admitted.slot.release())
    return admitted
  } catch (cause) {
    refuse(socket, noteRefusal(hub, face, cause), face)
    return undefined
  }
}

/**
 * Who presents a token, with a slot for a connection that is about to be opened, in the face's time for it.
 * @returns undefined when nobody waits for it any more
 * @throws CommandError unauthenticated; rate_limited: there is no slot; unavailable: it took too long, or we are full
 */
export function checkParty(
  hub: Hub,
  face: Face,
  token: string | undefined,
  isGone: () => boolean,
): Promise<Admitted | undefined> {
  return new Promise((resolve, reject) => {
    let isLate = false
    const deadline = hub.wheel.schedule(face.limits.authDeadlineMs ?? hub.limits.authDeadlineMs, () => {
      isLate = true
      reject(noRoom('The token could not be checked in time; try again'))
    })
    claim(hub, face, token, () => isLate || isGone())
      .finally(() => deadline.cancel())
      .then(resolve, reject)
  })
}

async function claim(
  hub: Hub,
  face: Face,
  token: string | undefined,
  isOver: () => boolean,
): Promise<Admitted | undefined> {
  const session = await hub.authenticator.authenticate(presented(token))
  // Who is not there any more must not use up what may be opened.
  if (isOver()) return undefined
  const slot = await hub.admission(face).claim(session.account.id)
  if (!isOver() && !hub.full) return { session, slot }
  slot.release()
  if (isOver()) return undefined
  throw noRoom('No more connections are taken now')
}

/** What who is refused is to be told; what nobody has foreseen is told to us as well. */
export function noteRefusal(hub: Hub, face: Face, cause: unknown): CommandError {
  if (!(cause instanceof CommandError)) hub.onError(cause)
  const error = asCommandError(cause)
  hub.metrics.errors.inc({ module: face.module, kind: error.kind })
  return error
}

function presented(token: string | undefined): string {
  if (token) return token
  const fault = token === undefined ? 'none was presented' : 'more than one, or an empty one, was presented'
  throw new CommandError(
    'unauthenticated',
    `Invalid authentication token: ${fault}; send one, as Authorization: Bearer <token>`,
  )
}
