import type { Candidate } from '../candidate.ts'
import { versionOf } from '../machine.ts'
import { event } from '../sample.ts'
import { gatherStock, stock } from './stock.ts'

export const ws: Candidate = {
  name: 'ws',
  about: 'stock ws server, client.send(text) per member; validates nothing, stores nothing',
  durable: false,
  missing: () => undefined,
  version: () => `ws ${versionOf('ws')}`,
  start: () =>
    stock('ws.ts', {
      members: ['/'],
      join: [],
      prefix: '{"type":"comment"',
      publish: { kind: 'frame', path: '/publish', ...event },
    }),
  gather: (gathering) =>
    gatherStock('crowd-ws.ts', gathering, {
      path: '/?',
      one: '{"type":"presence.updated","data":{"user_id":"',
      list: '{"type":"presence.list","data":[{"user_id":"',
      change: '{"user_id":"',
      changeEnd: '}',
      join: [{ expect: '{"type":"presence.list"' }],
    }),
}
