import { fileURLToPath } from 'node:url'
import type { Candidate } from '../candidate.ts'
import { versionOf } from '../machine.ts'
import { freePort, launch, node } from '../process.ts'
import { event } from '../sample.ts'

const file = fileURLToPath(new URL('../servers/ws.ts', import.meta.url))

export const ws: Candidate = {
  name: 'ws',
  about: 'stock ws server, client.send(text) per member; validates nothing, stores nothing',
  durable: false,
  missing: () => undefined,
  version: () => `ws ${versionOf('ws')}`,
  async start() {
    const port = await freePort()
    const server = await launch(node, [file], { PORT: String(port), NODE_ENV: 'production' }, port, '/')
    return {
      ...server,
      target: {
        port,
        members: ['/'],
        join: [],
        prefix: '{"type":"comment"',
        publish: { kind: 'frame', path: '/publish', ...event },
      },
    }
  },
}
