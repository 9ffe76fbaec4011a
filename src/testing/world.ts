import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { memoryBus } from '../adapters/bus-memory.ts'
import { openDiskFiles } from '../adapters/files-disk.ts'
import { sharpMedia } from '../adapters/media.ts'
import { createOutgoing, type Resolve } from '../adapters/outgoing.ts'
import { openSqlite } from '../adapters/sqlite/database.ts'
import { createApp, migrations, type App } from '../app.ts'
import { outgoingOptions } from '../config-integrations.ts'
import { readConfig, type Config, type ModuleName } from '../config.ts'
import type { Database } from '../kernel/database.ts'
import { eventLog } from '../kernel/event-log.ts'
import { Client, type ClientOptions } from './client.ts'
import { FakeClock } from './clock.ts'
import { emptyPglite } from './pglite.ts'

export interface WorldOptions {
  readonly storage?: 'sqlite' | 'postgres'
  readonly config?: Partial<Config>
  readonly clock?: FakeClock
  /** Protocols it offers, where not all: each takes time to set up. The tracker has the door to people's roles. */
  readonly modules?: readonly ModuleName[]
  /** What names stand for, for calls to other systems; the machine's own answers without it. */
  readonly resolve?: Resolve
  /** What another world has left behind: taken over, not copied. SQLite only. */
  readonly folder?: string
}

export interface Answer {
  readonly status: number
  // A test reads what it expects to be there; what is not there fails it.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly body: any
  readonly headers: Headers
}

/** An account and its door to REST. */
export interface User {
  readonly id: number
  readonly uuid: string
  readonly name: string
  readonly token: string
  readonly refreshToken: string
  get(path: string): Promise<Answer>
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  patch(path: string, body?: unknown): Promise<Answer>
  put(path: string, body?: unknown): Promise<Answer>
  delete(path: string): Promise<Answer>
}

/** The whole server on a real port and a real database, with time in the test's hand. */
export class World {
  readonly app: App
  readonly clock: FakeClock
  readonly url: string
  readonly ws: string
  /** Lines of the log so far; for proofs that something is not in it. */
  readonly log: readonly string[]
  readonly folder: string
  private readonly clients: Client[] = []
  private open = true

  constructor(app: App, clock: FakeClock, port: number, folder: string, log: readonly string[]) {
    this.app = app
    this.clock = clock
    this.url = `http://127.0.0.1:${port}`
    this.ws = `ws://127.0.0.1:${port}`
    this.folder = folder
    this.log = log
  }

  /** Registers an account; the first one of a world is admin. With a role, the admin gives it. */
  async user(name: string, role?: string): Promise<User> {
    const password = `${name}-password`
    const email = `${name}@example.com`
    const { status, body } = await this.request('POST', '/api/auth/register', { username: name, email, password })
    if (status !== 201) throw new Error(`${name} was not registered: ${JSON.stringify(body)}`)
    const user = this.as(name, body)
    this.first ??= user
    if (role !== undefined) await this.first.patch(`/api/tracker/users/${user.id}`, { role })
    return user
  }

  private first: User | undefined

  /** Waits for `connected`, which must come first. */
  async connect(user: User, query = ''): Promise<Client> {
    const client = this.client(`/tracker/ws?token=${user.token}${query}`)
    await client.expect('system/connected', { user_id: user.id })
    return client
  }

  client(path: string, options?: ClientOptions): Client {
    const client = new Client(this.ws + path, options)
    this.clients.push(client)
    return client
  }

  /** Clients that have gone need not be remembered for the end. */
  forgetClients(): void {
    this.clients.length = 0
  }

  async request(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(body !== undefined && !(body instanceof FormData) && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' || body instanceof FormData ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const json = response.headers.get('content-type')?.includes('json') ?? false
    return { status: response.status, headers: response.headers, body: json ? (JSON.parse(text) as unknown) : text }
  }

  /** Moves time, lets due jobs and timers run, and waits until what they caused is committed and sent. */
  async advance(ms: number): Promise<void> {
    this.clock.advance(ms)
    await this.app.jobs.runDue()
    await this.app.unitOfWork.settled()
  }

  private as(name: string, login: { user: { id: number; uuid: string }; access_token: string; refresh_token: string }): User {
    const token = login.access_token
    const bearer = { authorization: `Bearer ${token}` }
    return {
      id: login.user.id,
      uuid: login.user.uuid,
      name,
      token,
      refreshToken: login.refresh_token,
      get: (path) => this.request('GET', path, undefined, bearer),
      post: (path, body, headers) => this.request('POST', path, body ?? {}, { ...bearer, ...headers }),
      patch: (path, body) => this.request('PATCH', path, body ?? {}, bearer),
      put: (path, body) => this.request('PUT', path, body ?? {}, bearer),
      delete: (path) => this.request('DELETE', path, undefined, bearer),
    }
  }

  /** Ends the server; the folder goes with it. */
  async close(): Promise<void> {
    if (!this.open) return
    this.open = false
    for (const client of this.clients) client.ws.terminate()
    const ticking = setInterval(() => this.clock.advance(100), 1)
    await this.app.close().finally(() => clearInterval(ticking))
    rmSync(this.folder, { recursive: true, force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** The same data as a process finds it that starts after this one was killed in this very moment. */
export async function afterKill(world: World, options: WorldOptions = {}): Promise<World> {
  await world.app.unitOfWork.settled()
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-test-'))
  cpSync(world.folder, folder, { recursive: true })
  return testWorld({ clock: new FakeClock(world.clock.now()), ...options, folder })
}

/** @example await using world = await testWorld() */
export async function testWorld(options: WorldOptions = {}): Promise<World> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'switchboard-test-'))
  const clock = options.clock ?? new FakeClock()
  const config: Config = {
    ...readConfig({}),
    host: '127.0.0.1',
    port: 0,
    extraPorts: [],
    dataDir: folder,
    drainMs: 200,
    passwordMemoryKib: 8,
    registrationsPerAddress: 0,
    ...(options.modules && { modules: options.modules }),
    ...options.config,
  }
  const log: string[] = []
  const app = await createApp({
    config,
    clock,
    database: await openStorage(options.storage ?? 'sqlite', folder),
    bus: memoryBus(),
    files: await openDiskFiles(join(folder, 'files')),
    media: sharpMedia(),
    outgoing: createOutgoing({ ...outgoingOptions(config), ...(options.resolve && { resolve: options.resolve }) }),
    secret: new TextEncoder().encode('a secret of the tests, 32 bytes or more'),
    log: pino({ level: 'debug' }, { write: (line) => void log.push(line) }),
  })
  const [address] = await app.listen()
  return new World(app, clock, address!.port, folder, log)
}

async function openStorage(storage: 'sqlite' | 'postgres', folder: string): Promise<Database> {
  if (storage === 'postgres') return emptyPglite()
  const path = join(folder, 'switchboard.db')
  if (existsSync(path)) return openSqlite(path)
  writeFileSync(path, await (template ??= migrated()))
  const database = openSqlite(path)
  // Positions of one world mean nothing in another.
  await database.write((tx) => eventLog.beginEpoch(tx))
  return database
}

/** An empty database with all tables, made once in a process: to make them takes as long as all the rest of a world. */
let template: Promise<Buffer> | undefined

async function migrated(): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-template-'))
  const path = join(folder, 'switchboard.db')
  const database = openSqlite(path)
  await database.migrate(migrations)
  await database.close()
  const bytes = readFileSync(path)
  rmSync(folder, { recursive: true, force: true })
  return bytes
}
