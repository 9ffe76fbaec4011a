import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Candidate, Running, Target } from '../candidate.ts'
import { versionOf } from '../machine.ts'
import { freePort, launch, node, root, scratch } from '../process.ts'

const MEMBERS = 5
const NO_LIMIT = '0'
/** Limits protect a server from one address with thousands of connections; here that is the point. */
const limits = {
  SWITCHBOARD_TRACKER_WRITES_PER_MINUTE: NO_LIMIT,
  SWITCHBOARD_MAX_CONNECTIONS_PER_ACCOUNT: '1000000',
  SWITCHBOARD_MAX_CONNECTIONS_PER_ADDRESS: '1000000',
  SWITCHBOARD_MAX_CONNECTIONS: '1000000',
  SWITCHBOARD_UPGRADES_PER_MINUTE_PER_ADDRESS: NO_LIMIT,
}

interface Account {
  user: { id: string | number }
  access_token: string
}

const post = async <T>(port: number, path: string, body: unknown, token?: string): Promise<T> => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  })
  const text = await response.text()
  if (response.status !== 201) throw new Error(`POST ${path} answered ${response.status}: ${text.slice(0, 300)}`)
  return JSON.parse(text) as T
}

/** A project with five members, and a bug report of the admin: the admin's own comments notify nobody. */
const prepare = async (port: number): Promise<Target> => {
  const register = (username: string): Promise<Account> =>
    post(port, '/api/auth/register', { username, email: `${username}@example.test`, password: 'Bench-Passw0rd-1' })
  const admin = await register('benchadmin')
  const project = await post<{ id: string | number }>(
    port,
    '/api/tracker/projects',
    { name: 'Bench', description: 'Load of the bench' },
    admin.access_token,
  )
  const tokens: string[] = []
  for (let i = 1; i <= MEMBERS; i++) {
    const member = await register(`benchmember${i}`)
    const path = `/api/tracker/projects/${project.id}/members`
    await post(port, path, { user_id: member.user.id }, admin.access_token)
    tokens.push(member.access_token)
  }
  const report = await post<{ id: string | number }>(
    port,
    '/api/tracker/bug-reports',
    { project_id: project.id, title: 'Bench', description: 'Takes the comments', priority: 'low' },
    admin.access_token,
  )
  return {
    port,
    members: tokens.map((token) => `/tracker/ws?token=${token}`),
    join: [{ expect: '{"type":"system","action":"connected"' }],
    prefix: '{"type":"comment","action":"created"',
    publish: {
      kind: 'http',
      path: `/api/tracker/bug-reports/${report.id}/comments`,
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${admin.access_token}` },
      before: '{"content":"',
      after: '"}',
    },
  }
}

export const switchboard: Candidate = {
  name: 'switchboard',
  about: 'this server, tracker module: REST, validated, authorised, durable, logged, delivered',
  durable: true,
  missing: () => (existsSync(join(root, 'src/main.ts')) ? undefined : 'src/main.ts does not exist'),
  version: () => `switchboard ${versionOf('.')}`,
  async start(): Promise<Running> {
    const { folder, remove } = scratch('switchboard')
    const port = await freePort()
    const env = {
      PORT: String(port),
      HOST: '127.0.0.1',
      EXTRA_PORTS: '',
      DATA_DIR: folder,
      LOG_LEVEL: 'warn',
      SWITCHBOARD_DEMO: 'false',
      NODE_ENV: 'production',
      SWITCHBOARD_SECRET: 'signs the tokens of a bench run, nothing else',
      ...limits,
    }
    let server: Awaited<ReturnType<typeof launch>> | undefined
    const stop = async (): Promise<void> => {
      await server?.stop()
      remove()
    }
    try {
      server = await launch(node, ['src/main.ts'], env, port, '/readyz')
      return { pid: server.pid, target: await prepare(port), stop }
    } catch (error) {
      await stop()
      throw error
    }
  },
}
