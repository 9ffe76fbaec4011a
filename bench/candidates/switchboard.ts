import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Candidate, Running } from '../candidate.ts'
import { versionOf } from '../machine.ts'
import { freePort, launch, node, root, scratch } from '../process.ts'

const NO_LIMIT = '0'
const MANY = '1000000'
/** Limits protect a server from one address with thousands of connections; here that is the point. */
const limits = {
  SWITCHBOARD_TRACKER_WRITES_PER_MINUTE: NO_LIMIT,
  SWITCHBOARD_WORKSPACE_WRITES_PER_MINUTE: NO_LIMIT,
  SWITCHBOARD_HELPDESK_WRITES_PER_MINUTE: NO_LIMIT,
  SWITCHBOARD_HELPDESK_FRAMES_PER_MINUTE: NO_LIMIT,
  SWITCHBOARD_HELPDESK_MESSAGES_PER_MINUTE: NO_LIMIT,
  SWITCHBOARD_HELPDESK_STATUSES_PER_MINUTE: NO_LIMIT,
  SWITCHBOARD_PRD_FRAMES_PER_MINUTE: NO_LIMIT,
  SWITCHBOARD_PRD_COMMANDS_PER_MINUTE: NO_LIMIT,
  SWITCHBOARD_PRD_EDITS_PER_MINUTE: NO_LIMIT,
  SWITCHBOARD_PRD_PRESENCES_PER_MINUTE: NO_LIMIT,
  SWITCHBOARD_PRD_WRITES_PER_MINUTE: NO_LIMIT,
  SWITCHBOARD_MAX_CONNECTIONS_PER_ACCOUNT: MANY,
  SWITCHBOARD_MAX_CONNECTIONS_PER_ADDRESS: MANY,
  SWITCHBOARD_MAX_CONNECTIONS: MANY,
  SWITCHBOARD_UPGRADES_PER_MINUTE_PER_ADDRESS: NO_LIMIT,
  SWITCHBOARD_REGISTRATIONS_PER_ADDRESS: MANY,
}
/** What is not measured is made cheap: an account costs a hash, and tokens outlive the run. */
const preparation = {
  SWITCHBOARD_PASSWORD_MEMORY_KIB: '8',
  SWITCHBOARD_ACCESS_TOKEN_MS: String(6 * 60 * 60 * 1000),
}
/** Where this server writes a CPU profile when it ends: for `bench/profile.ts`, never for a figure. */
export const profiles = process.env['BENCH_PROFILE']
/** Requests at one time while things are prepared. */
const AT_ONCE = 32

export interface Account {
  user: { id: number; uuid: string }
  access_token: string
}

export const post = async <T>(port: number, path: string, body: unknown, token?: string): Promise<T> => {
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

export const register = (port: number, username: string): Promise<Account> =>
  post(port, '/api/auth/register', { username, email: `${username}@example.test`, password: 'Bench-Passw0rd-1' })

/** Makes `count` things, some at a time, in their order. */
export const several = async <T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> => {
  const made: T[] = []
  let next = 0
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      made[index] = await make(index)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return made
}

export interface Setting {
  env?: Record<string, string>
  /** Further arguments of Node. */
  args?: string[]
  /** Where its files are and stay; an empty folder of its own, which goes with it, when not given. */
  folder?: string
}

/** Starts this server, on an empty database unless `folder` has one, and lets `prepare` fill it. */
export const startServer = async <T>(
  prepare: (port: number) => Promise<T>,
  { env = {}, args = [], folder: given }: Setting = {},
): Promise<Running<T>> => {
  const { folder, remove } = given === undefined ? scratch('switchboard') : { folder: given, remove: () => {} }
  const port = await freePort()
  const basic = {
    PORT: String(port),
    HOST: '127.0.0.1',
    EXTRA_PORTS: '',
    DATA_DIR: folder,
    LOG_LEVEL: 'warn',
    SWITCHBOARD_DEMO: 'false',
    NODE_ENV: 'production',
    SWITCHBOARD_SECRET: 'signs the tokens of a bench run, nothing else',
  }
  let server: Awaited<ReturnType<typeof launch>> | undefined
  const stop = async (): Promise<void> => {
    await server?.stop()
    remove()
  }
  try {
    const all = { ...basic, ...limits, ...preparation, ...env, ...(profiles && { SWITCHBOARD_DRAIN_MS: '0' }) }
    const profiling = profiles ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : []
    server = await launch(node, [...profiling, ...args, 'src/main.ts'], all, port, '/readyz')
    return { pid: server.pid, target: await prepare(port), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What all candidates that are this server have in common. */
export const ours: Pick<Candidate, 'durable' | 'missing' | 'version'> = {
  durable: true,
  missing: () => (existsSync(join(root, 'src/main.ts')) ? undefined : 'src/main.ts does not exist'),
  version: () => `switchboard ${versionOf('.')}`,
}
