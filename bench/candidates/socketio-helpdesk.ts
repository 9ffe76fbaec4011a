import type { Candidate, Crowd } from '../candidate.ts'
import { versionOf } from '../machine.ts'
import { counting } from './counting.ts'
import { enter, ENTERED, heartbeat, path, PRESENCE_UPDATE, sightingsOf } from './socketio.ts'
import { startStock } from './stock.ts'

/** Number of the acknowledgement that has the list. */
const LIST = 1

/** Presence as the helpdesk's document shows it, the obvious way; everything else about it is `socketio.ts`. */
export const socketioHelpdesk: Candidate = {
  name: 'socket.io-helpdesk',
  about: 'stock Socket.IO server, io.emit of both presence events of the helpdesk; knows no accounts, stores nothing',
  durable: false,
  missing: () => undefined,
  version: () => `socket.io ${versionOf('socket.io')}`,
  async gather({ people }) {
    const { counter, ...setting } = await counting()
    const ids = Array.from({ length: people }, (_, index) => String(index + 1))
    const target: Omit<Crowd, 'port'> = {
      members: ids.map((id) => `${path}&user=${id}`),
      join: [
        enter,
        { expect: ENTERED, send: `42${LIST}["presence:get_online_users"]` },
        { expect: `43${LIST}[[` },
      ],
      heartbeat,
      prefix: `${PRESENCE_UPDATE}${people},`,
      publish: {
        kind: 'frame',
        path: `${path}&user=${people}`,
        before: '42["update_presence",{"status":',
        contents: ['"away"  ', '"online"'],
        after: '}]',
      },
      counter,
      ids,
      sightings: sightingsOf(`43${LIST}[[{"userId":`),
    }
    return startStock('crowd-helpdesk.ts', target, setting)
  },
}
