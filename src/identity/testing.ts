import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Compile } from 'typebox/compile'
import { openSqlite } from '../adapters/sqlite/database.ts'
import type { Database } from '../kernel/database.ts'
import type { LogEvent } from '../kernel/event.ts'
import { eventLogMigrations } from '../kernel/event-log.ts'
import { CommandError, type ErrorDetails } from '../kernel/errors.ts'
import { idempotencyMigrations } from '../kernel/idempotency.ts'
import type { Call, Method } from '../kernel/route.ts'
import { compile } from '../kernel/schema.ts'
import type { Session } from '../kernel/session.ts'
import { GroupCommit } from '../kernel/unit-of-work.ts'
import { FakeClock } from '../testing/clock.ts'
import { createIdentity, identityMigrations, type Identity, type IdentityOptions } from './index.ts'
import type { Tokens } from './wire.ts'

export const secret = new TextEncoder().encode('a secret of the tests, 32 bytes or more')
export const password = 'correct horse'

/** Identity on a real database in a file, with time in the test's hand. */
export interface IdentityWorld extends AsyncDisposable {
  readonly identity: Identity
  readonly clock: FakeClock
  readonly database: Database
  readonly unitOfWork: GroupCommit
  /** Everything emitted so far. */
  readonly events: LogEvent[]
  readonly errors: unknown[]
  /** Through a door, as the HTTP adapter would: decoded, authenticated, its answer checked against its schema. */
  call(method: Method, path: string, options?: CallOptions): Promise<Answered>
  register(username: string): Promise<Tokens>
  /** `close` effects since the last time it was asked: which rooms were cut. */
  cuts(): string[]
  authenticate(token: string): Promise<Session>
}

export interface CallOptions {
  readonly body?: unknown
  readonly token?: string | undefined
  readonly address?: string
  readonly agent?: string
}

export interface Answered {
  readonly status: number
  // A test reads what it expects to be there; what is not there fails it.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly body: any
  readonly headers: Readonly<Record<string, string>>
  readonly message: string
  readonly details: ErrorDetails
  readonly retryAfter: number | undefined
}

export async function identityWorld(settings: Partial<IdentityOptions> = {}): Promise<IdentityWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-identity-'))
  const clock = new FakeClock()
  const database = openSqlite(join(folder, 'test.db'))
  await database.migrate({ ...eventLogMigrations, ...idempotencyMigrations, ...identityMigrations })
  const events: LogEvent[] = []
  const errors: unknown[] = []
  const unitOfWork = new GroupCommit({ database, clock, publish: (group) => void events.push(...group) })
  const identity = createIdentity({
    database,
    unitOfWork,
    clock,
    onError: (error) => void errors.push(error),
    settings: { secret, hashCost: { memory: 8, passes: 1, parallelism: 1 }, ...settings },
  })
  let asked = 0
  const authenticate = (token: string): Promise<Session> => identity.authenticator.authenticate(token)
  const call = (method: Method, path: string, options: CallOptions = {}): Promise<Answered> =>
    serve(identity, method, path, options)
  return {
    identity,
    clock,
    database,
    unitOfWork,
    events,
    errors,
    call,
    authenticate,
    async register(username) {
      const body = { username, email: `${username}@example.com`, password }
      const answer = await call('POST', '/register', { body, address: `host of ${username}` })
      if (answer.status !== 201) throw new Error(`${username} was not registered: ${answer.message}`)
      return answer.body as Tokens
    },
    cuts() {
      const fresh = events.slice(asked)
      asked = events.length
      return fresh.flatMap((event) => event.effects).flatMap((effect) => (effect.kind === 'close' ? [effect.of] : []))
    },
    async [Symbol.asyncDispose]() {
      await unitOfWork.settled()
      await database.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function serve(identity: Identity, method: Method, path: string, options: CallOptions): Promise<Answered> {
  const { api, authenticator } = identity
  const [, first, id] = path.split('/')
  const pattern = id === undefined ? `/${first}` : `/${first}/:id`
  const route = api.routes.find((candidate) => candidate.method === method && candidate.path === pattern)!
  const none = { body: undefined, headers: {}, message: '', details: {}, retryAfter: undefined }
  try {
    const session = route.auth === 'session' ? await authenticator.authenticate(options.token ?? '') : undefined
    const call: Call<unknown, unknown, unknown> = {
      session: session!,
      params: route.params && compile(route.params, { coerce: true })({ id }),
      query: undefined,
      body: route.body && compile(route.body)(options.body ?? {}),
      clientKey: undefined,
      address: options.address ?? '192.0.2.1',
      raw: {
        request: { headers: { 'user-agent': options.agent } } as unknown as IncomingMessage,
        response: {} as ServerResponse,
      },
    }
    const answer = await route.run(call as Call<never, never, never>)
    if (route.reply && !Compile(route.reply).Check(answer.body)) throw new Error(`${path} answered out of its schema`)
    return { ...none, status: answer.status, body: answer.body, headers: answer.headers ?? {} }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    const { http, message, details = {}, retryAfter } = error
    return { ...none, status: http, message, details, retryAfter }
  }
}
