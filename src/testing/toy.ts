import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Type from 'typebox'
import { memoryBus } from '../adapters/bus-memory.ts'
import { openSqlite } from '../adapters/sqlite/database.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Database } from '../kernel/database.ts'
import { CommandError, invalid } from '../kernel/errors.ts'
import { eventLog, eventLogMigrations } from '../kernel/event-log.ts'
import { command, type Face } from '../kernel/face.ts'
import { Hub, type HubLimits } from '../kernel/hub.ts'
import { idempotencyMigrations } from '../kernel/idempotency.ts'
import { jobMigrations } from '../kernel/jobs.ts'
import { messageOf } from '../kernel/message.ts'
import { Metrics } from '../kernel/metrics.ts'
import { userRoom } from '../kernel/rooms.ts'
import type { Authenticator, Session } from '../kernel/session.ts'
import { GroupCommit } from '../kernel/unit-of-work.ts'
import { Bytes } from '../wire/bytes.ts'

export const TOY_ROOM = 'toy:room'

/**
 * The smallest protocol: a command that is answered, one that makes an event, one that makes a signal; and with
 * `binary`, one that sends bytes back and one that gives them to everybody else.
 */
export interface Toy {
  readonly hub: Hub
  readonly face: Face
  readonly database: Database
  readonly unitOfWork: GroupCommit
  readonly errors: unknown[]
  close(): Promise<void>
}

const limits: HubLimits = {
  maxPendingBytes: 64 * 1024,
  pingIntervalMs: 30_000,
  pongWaitMs: 60_000,
  authDeadlineMs: 3_000,
  maxConnections: 10_000,
  maxConnectionsPerAccount: 10_000,
}

/** What a test wants otherwise. */
export interface ToyParts {
  readonly face?: Partial<Face>
  readonly authenticate?: Authenticator['authenticate']
}

/**
 * The kernel with a toy module, on a temporary database. A token is `user-<n>` or, for several logins of one account,
 * `user-<n>-<login>`. Frames are `["name", data]`.
 */
export async function toyKernel(
  clock: Clock,
  options: Partial<HubLimits> = {},
  { face, authenticate = (token) => Promise.resolve(sessionOf(token, clock)) }: ToyParts = {},
): Promise<Toy> {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-toy-'))
  const database = openSqlite(join(folder, 'toy.db'))
  await database.migrate({ ...eventLogMigrations, ...jobMigrations, ...idempotencyMigrations })
  const bus = memoryBus()
  const errors: unknown[] = []
  const unitOfWork = new GroupCommit({ database, clock, publish: (events) => bus.publish(events) })
  const hub = new Hub({
    database,
    clock,
    bus,
    metrics: new Metrics(),
    limits: { ...limits, ...options },
    head: await database.read((reader) => eventLog.head(reader)),
    onError: (error) => void errors.push(error),
    busy: () => unitOfWork.busy,
    onForget: () => undefined,
    authenticator: { authenticate },
  })
  return {
    hub,
    database,
    unitOfWork,
    errors,
    face: { ...toyFace(unitOfWork, database, () => hub), ...face },
    async close() {
      await unitOfWork.settled()
      hub.stop()
      await database.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** @throws CommandError unauthenticated */
export function sessionOf(token: string, clock: Clock): Session {
  const id = Number(/^user-(\d+)(-\w+)?$/.exec(token)?.[1])
  if (!id) throw new CommandError('unauthenticated', 'Invalid authentication token')
  const username = `user${id}`
  const account = { id, uuid: '', username, email: '', displayName: username, role: 'reporter', status: 'active' }
  return { account, id: token, expiresAt: clock.now() + 3_600_000 }
}

function toyFace(unitOfWork: GroupCommit, database: Database, hub: () => Hub): Face {
  const line = (name: string, json: string): string => `["${name}",${json}]`
  const Words = Type.Object({ text: Type.String() })
  return {
    module: 'toy',
    limits: { frames: { limit: 1_000, perMs: 60_000 }, maxFrameBytes: 4_096 },
    commands: new Map([
      ['echo', command(Words, (_, { text }) => JSON.stringify(['echoed', { text }]))],
      [
        'say',
        command(Words, async (_, { text }) => {
          const audience = { to: [TOY_ROOM] }
          const event = { module: 'toy', type: 'said', audience, payload: { text }, subject: `said:${text}` }
          await unitOfWork.run((unit) => Promise.resolve(unit.emit(event)))
        }),
      ],
      [
        'wave',
        command(Words, (_, { text }) =>
          hub().signal({ module: 'toy', type: 'waved', audience: { to: [TOY_ROOM] }, payload: { text } }),
        ),
      ],
      [
        'bytes',
        command(Type.Object({ data: Bytes(1_024) }), ({ connection }, { data }) => {
          connection.send(messageOf(['bytes', { data, name: 'back' }]))
          return JSON.stringify([{ size: data.length }])
        }),
      ],
      [
        'cast',
        command(Type.Object({ data: Bytes(1_024) }), ({ connection }, { data }) => {
          const audience = { to: [TOY_ROOM] }
          hub().signal({ module: 'toy', type: 'cast', audience, payload: { data }, keep: true, exceptConnection: connection })
        }),
      ],
      ['crash', command(Type.Object({}), () => Promise.reject(new Error('a secret of the inside')))],
    ]),
    home: (session) => userRoom('toy', session.account.id),
    decode(frame) {
      if (!Array.isArray(frame) || typeof frame[0] !== 'string') throw invalid({ frame: 'must be ["name", {…}]' })
      return { name: frame[0], data: (frame[1] as unknown) ?? {} }
    },
    token: (frame) => (Array.isArray(frame) && frame[0] === 'token' ? String(frame[1]) : undefined),
    event: (type, payload, _, position) =>
      position === undefined ? line(type, payload) : `["${type}",${payload},"${position}"]`,
    signal: (type, payload) => messageOf([type, payload]),
    error: ({ kind, message }) => line('error', JSON.stringify({ kind, message })),
    outcome: (error) => JSON.stringify([{ ok: error === undefined }]),
    resync: (position) => line('resync', JSON.stringify(position)),
    open: () =>
      database.read(async (reader) => {
        const { offset } = await eventLog.head(reader)
        return { offset, rooms: [TOY_ROOM], frames: (position) => [line('hello', JSON.stringify(position ?? null))] }
      }),
    farewell: (_, reason, __, code) => line('bye', JSON.stringify({ reason, code })),
    heartbeat: () => undefined,
  }
}
