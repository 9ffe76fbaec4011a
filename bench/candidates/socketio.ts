import type { Candidate, Sighting, Step } from '../candidate.ts'
import { versionOf } from '../machine.ts'
import { payload } from '../sample.ts'
import { gatherStock, stock } from './stock.ts'

export const path = '/socket.io/?EIO=4&transport=websocket'
/** Engine.IO opens with 0{...}; 40 asks for the namespace; 2 is a ping, 3 its pong. */
export const enter: Step = { expect: '0{', send: '40' }
/** What a granted namespace begins with. */
export const ENTERED = '40{'
export const heartbeat: Step = { expect: '2', send: '3' }
const join: Step[] = [enter, { expect: ENTERED }]

/** The second of the two events by which the helpdesk tells a change of presence, up to whose it is. */
export const PRESENCE_UPDATE = '42["presence:update",{"userId":'

/** What the helpdesk's events of presence say; `list` is how its list begins, up to the first id. */
export const sightingsOf = (list: string): Sighting[] => [
  { before: PRESENCE_UPDATE, after: ',"status":"online"', online: true },
  { before: PRESENCE_UPDATE, after: ',"status":"offline"', online: false },
  // The number of connections follows.
  { before: list, after: ',"status":"online","connectionCount":', skip: 1, between: '},{"userId":', online: true },
]

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
