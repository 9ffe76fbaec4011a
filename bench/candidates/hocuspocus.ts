import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Candidate } from '../candidate.ts'
import { versionOf } from '../machine.ts'
import { freePort, launch, node, root } from '../process.ts'

const server = fileURLToPath(new URL('../servers/hocuspocus.ts', import.meta.url))
const fileIn = (folder: string): string => join(folder, 'hocuspocus.sqlite')

export const hocuspocus: Candidate = {
  name: 'hocuspocus',
  about: 'stock Hocuspocus, its own provider as the client; in editing it stores nothing, in trace whole documents',
  durable: false,
  missing: () =>
    existsSync(join(root, 'node_modules/@hocuspocus/server')) ? undefined : '@hocuspocus/server is not installed',
  version: () => `hocuspocus ${versionOf('@hocuspocus/server')}, provider ${versionOf('@hocuspocus/provider')}`,
  async edit({ documents, folder, desk }) {
    const port = await freePort()
    const env = { PORT: String(port), NODE_ENV: 'production', ...(folder !== undefined && { STORE: fileIn(folder) }) }
    const launched = await launch(node, [server], env, port, '/')
    const names = desk?.documents ?? Array.from({ length: documents }, (_, index) => `document-${index}`)
    return { ...launched, target: { client: 'hocuspocus', port, tokens: [], documents: names } }
  },
  stored(folder, document) {
    const database = new DatabaseSync(fileIn(folder), { readOnly: true })
    const row = database.prepare('SELECT length(data) AS bytes FROM documents WHERE name = ?').get(document)
    database.close()
    return { snapshotBytes: Number(row?.['bytes'] ?? 0), logRows: 0, logBytes: 0 }
  },
}
