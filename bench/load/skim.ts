import type { WebSocket } from 'ws'

type Listener = (data: Buffer | ArrayBuffer, isBinary: boolean) => void

/**
 * Takes frames of a client library's socket before the library sees them: what nobody looks at costs the load generator
 * next to nothing, whatever the library.
 * @param isTaken told each frame; those it says yes to go no further
 */
export const skim = (socket: WebSocket, isTaken: (bytes: Uint8Array, isBinary: boolean) => boolean): void => {
  const listeners = socket.listeners('message') as Listener[]
  socket.removeAllListeners('message')
  socket.on('message', (data: Buffer | ArrayBuffer, isBinary: boolean) => {
    if (isTaken(data instanceof ArrayBuffer ? new Uint8Array(data) : data, isBinary)) return
    for (const listener of listeners) listener.call(socket, data, isBinary)
  })
}
