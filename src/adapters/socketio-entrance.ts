import type { Server, Socket } from 'socket.io'
import type { Slot } from '../kernel/admission.ts'
import type { ConnectionRequest } from '../kernel/connection.ts'
import type { Face } from '../kernel/face.ts'
import type { Hub } from '../kernel/hub.ts'
import { checkParty, noteRefusal } from './admission.ts'
import { readHandshake, refusalText } from './socketio-handshake.ts'
import { connOf, decoderOf, shut, SocketLine, SocketIoTransport, type Conn } from './socketio-transport.ts'

/** A socket that is let in to a face. */
interface Entry {
  readonly face: Face
  readonly asked: ConnectionRequest
}

/** What a socket holds between the check and its being a connection. */
interface Promised {
  readonly entries: readonly Entry[]
  /** Gives it back, when the session has ended before. */
  readonly drop: () => void
}

/** Serves the faces that are in one namespace, the first of them to events that none has a command for. */
export function serveNamespace(hub: Hub, io: Server, namespace: string, faces: readonly Face[]): void {
  io.of(namespace)
    .use((socket, next) => {
      const conn = connOf(socket)
      const decoder = decoderOf(socket)
      if (!decoder.enter(namespace)) return next(new Error('You have entered this namespace already'))
      const letIn = (promised: Promised): void => {
        socket.data = promised
        // A session that goes comes back by itself when there is room; a refused namespace does not.
        if (hub.full) shut(conn)
        else next()
      }
      const refuse = (refusal: unknown): void => {
        decoder.leave(namespace)
        next(refusal as Error)
      }
      if (hub.full) return shut(conn)
      try {
        const entries = entriesOf(hub, socket, faces)
        // In the turn it came in, where nothing has to be waited for.
        if (!entries.some(({ face }) => isCheckedBefore(face))) letIn({ entries, drop })
        else admitAll(hub, conn, entries).then(letIn, refuse)
      } catch (refusal) {
        refuse(refusal)
      }
    })
    .on('connection', (socket) => {
      const promised = socket.data as Promised
      connOf(socket).off('close', promised.drop)
      forget(socket)
      const line = new SocketLine(hub, socket)
      for (const { face, asked } of promised.entries) hub.attach(face, new SocketIoTransport(line, face), asked)
    })
}

const isCheckedBefore = (face: Face): boolean => face.connectError !== undefined

/** Of who has been promised nothing. */
const drop = (): void => undefined

/** The official server keeps the handshake, and in it the token, as long as the socket lives. */
export function forget(socket: Socket): void {
  socket.data = undefined
  Object.assign(socket, { handshake: undefined })
}

/**
 * With a token all faces, without one those that do not check it before, if there are any.
 * @throws Error whose message and data are the `connect_error`
 */
function entriesOf(hub: Hub, socket: Socket, faces: readonly Face[]): readonly Entry[] {
  const { auth, url, headers } = socket.handshake
  const handshake = { auth, url, authorization: headers.authorization }
  const asked = new Map<Face, ConnectionRequest>()
  const open = faces.filter((face) => !isCheckedBefore(face))
  // Those that check a token have the first word on what cannot be read.
  for (const face of [...faces.filter(isCheckedBefore), ...open]) {
    try {
      const request = readHandshake(handshake, face)
      if (request.token !== undefined || !isCheckedBefore(face) || open.length === 0) asked.set(face, request)
    } catch (cause) {
      throw refusalOf(hub, face, cause)
    }
  }
  return faces.filter((face) => asked.has(face)).map((face) => ({ face, asked: asked.get(face)! }))
}

/**
 * Checks the token and takes a slot for each face that wants it before; what one of them refuses, all do.
 * @throws Error whose message and data are the `connect_error`
 */
async function admitAll(hub: Hub, conn: Conn, given: readonly Entry[]): Promise<Promised> {
  const slots: Slot[] = []
  const giveBack = (): void => slots.forEach((slot) => slot.release())
  const entries: Entry[] = []
  const isGone = (): boolean => conn.readyState === 'closed'
  conn.once('close', giveBack)
  for (const { face, asked } of given) {
    try {
      const admitted = isCheckedBefore(face) ? await checkParty(hub, face, asked.token, isGone) : undefined
      if (admitted) slots.push(admitted.slot)
      entries.push({ face, asked: admitted ? { ...asked, admitted } : asked })
    } catch (cause) {
      giveBack()
      conn.off('close', giveBack)
      throw refusalOf(hub, face, cause)
    }
  }
  if (isGone()) giveBack()
  return { entries, drop: giveBack }
}

function refusalOf(hub: Hub, face: Face, cause: unknown): Error {
  const error = noteRefusal(hub, face, cause)
  const told = face.connectError?.(error, hub.clock.now())
  return told ? Object.assign(new Error(told.message), { data: told.data }) : new Error(refusalText(error))
}
