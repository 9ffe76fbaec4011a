import { fileURLToPath } from 'node:url'
import type { Candidate } from '../candidate.ts'
import { versionOf } from '../machine.ts'
import { freePort, launch, node } from '../process.ts'
import { payload } from '../sample.ts'

const file = fileURLToPath(new URL('../servers/socketio.ts', import.meta.url))
const path = '/socket.io/?EIO=4&transport=websocket'

export const socketio: Candidate = {
  name: 'socket.io',
  about: 'stock Socket.IO server over WebSocket, io.to(room).emit; validates nothing, stores nothing',
  durable: false,
  missing: () => undefined,
  version: () => `socket.io ${versionOf('socket.io')}`,
  async start() {
    const port = await freePort()
    const server = await launch(node, [file], { PORT: String(port), NODE_ENV: 'production' }, port, '/')
    return {
      ...server,
      target: {
        port,
        members: [path],
        // Engine.IO opens with 0{...}; 40 asks for the namespace, 40{...} grants it; 2 is a ping, 3 its pong.
        join: [{ expect: '0{', send: '40' }, { expect: '40{' }],
        heartbeat: { expect: '2', send: '3' },
        prefix: '42["message"',
        publish: {
          kind: 'frame',
          path: `${path}&publisher=1`,
          before: `42["publish",${payload.before}`,
          after: `${payload.after}]`,
        },
      },
    }
  },
}
