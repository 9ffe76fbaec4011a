import type { Candidate, Step } from '../candidate.ts'
import { versionOf } from '../machine.ts'
import { payload } from '../sample.ts'
import { gatherStock, stock } from './stock.ts'

const path = '/socket.io/?EIO=4&transport=websocket'
/** Engine.IO opens with 0{...}; 40 asks for the namespace, 40{...} grants it; 2 is a ping, 3 its pong. */
const join: Step[] = [{ expect: '0{', send: '40' }, { expect: '40{' }]
const heartbeat: Step = { expect: '2', send: '3' }

export const socketio: Candidate = {
  name: 'socket.io',
  about: 'stock Socket.IO server over WebSocket, io.to(room).emit; validates nothing, stores nothing',
  durable: false,
  missing: () => undefined,
  version: () => `socket.io ${versionOf('socket.io')}`,
  start: () =>
    stock('socketio.ts', {
      members: [path],
      join,
      heartbeat,
      prefix: '42["message"',
      publish: {
        kind: 'frame',
        path: `${path}&publisher=1`,
        before: `42["publish",${payload.before}`,
        after: `${payload.after}]`,
      },
    }),
  gather: (gathering) =>
    gatherStock('crowd-socketio.ts', gathering, {
      path: `${path}&`,
      one: '42["presence.updated",{"data":{"user_id":"',
      list: '42["presence.list",[{"user_id":"',
      change: '42["status",{"user_id":"',
      changeEnd: '}]',
      join,
      heartbeat,
    }),
}
