import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import type { Candidate, Coediting, Desk, Running, Stored } from '../candidate.ts'
import { ours, post, register, several, startServer } from './switchboard.ts'

/** Documents that everybody in one organization may edit. */
const desk = async (port: number, client: Desk['client'], { documents, people }: Coediting): Promise<Desk> => {
  const admin = await register(port, 'benchadmin')
  const create = <T>(path: string, body: unknown): Promise<T> => post<T>(port, path, body, admin.access_token)
  const { id: organizationId } = await create<{ id: string }>('/api/organizations', { name: 'bench' })
  const accounts = await several(people, async (index) => {
    const username = `bench${index}`
    const account = await register(port, username)
    await create(`/api/organizations/${organizationId}/members`, { username, role: 'member' })
    return account
  })
  const made = await several(documents, (index) =>
    create<{ id: string }>('/api/prds', { organizationId, title: `Document ${index}`, access: 'edit' }),
  )
  return {
    client,
    port,
    tokens: accounts.map(({ access_token }) => access_token),
    documents: made.map(({ id }) => id),
  }
}

const stored = (folder: string, document: string): Stored => {
  const database = new DatabaseSync(join(folder, 'switchboard.db'), { readOnly: true })
  const id = Number(document.split('_')[1])
  const get = (query: string): Record<string, unknown> => database.prepare(query).get(id) ?? {}
  const { bytes } = get('SELECT length(state) AS bytes FROM prd_snapshots WHERE prd_id = ?')
  const log = get(
    `SELECT count(*) AS rows, sum(length(CAST(inserted AS BLOB)) + coalesce(length("update"), 0)) AS bytes
      FROM prd_operations WHERE prd_id = ?`,
  )
  database.close()
  return { snapshotBytes: Number(bytes ?? 0), logRows: Number(log['rows'] ?? 0), logBytes: Number(log['bytes'] ?? 0) }
}

/** The same server and road for both; the client decides which language is spoken. */
const candidate = (client: 'plain' | 'rich', about: string): Candidate => ({
  ...ours,
  name: `prd-${client}`,
  about,
  edit: ({ folder, desk: known, ...coediting }): Promise<Running<Desk>> =>
    startServer(async (port) => (known ? { ...known, port } : desk(port, client, coediting)), {
      env: { SWITCHBOARD_MODULES: 'prd' },
      ...(folder !== undefined && { folder }),
    }),
  stored,
})

export const prdRich = candidate(
  'rich',
  'this server, prd module: Yjs updates over Socket.IO, inspected, authorised, durable, logged, delivered',
)
export const prdPlain = candidate(
  'plain',
  'this server, prd module: operations over Socket.IO, rebased, authorised, durable, logged, delivered',
)
