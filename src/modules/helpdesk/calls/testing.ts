import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Compile } from 'typebox/compile'
import { openSqlite } from '../../../adapters/sqlite/database.ts'
import { helpdeskSettings } from '../../../config-helpdesk.ts'
import { readConfig } from '../../../config.ts'
import { identityMigrations } from '../../../identity/index.ts'
import type { Reader } from '../../../kernel/database.ts'
import { CommandError } from '../../../kernel/errors.ts'
import { eventLogMigrations } from '../../../kernel/event-log.ts'
import { idempotencyMigrations } from '../../../kernel/idempotency.ts'
import { Rooms, type Room } from '../../../kernel/rooms.ts'
import type { Session } from '../../../kernel/session.ts'
import { builder } from '../../../kernel/statement.ts'
import { TimingWheel } from '../../../kernel/timing-wheel.ts'
import { GroupCommit } from '../../../kernel/unit-of-work.ts'
import { FakeClock } from '../../../testing/clock.ts'
import { emptyPglite } from '../../../testing/pglite.ts'
import { permissionsOf } from '../policy.ts'
import { homeRoom } from '../rooms.ts'
import type { HelpdeskSettings } from '../settings.ts'
import { accessPerson } from '../store/access.ts'
import { keepRights } from '../store/people.ts'
import { helpdeskMigrations, type HelpdeskTables } from '../tables.ts'
import { payloads, type EventName } from '../wire.ts'
import { Calls } from './calls.ts'

/** An event as a tab gets it. */
export interface Heard {
  readonly name: string
  // A test reads what it expects to be there; what is not there fails it.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly data: any
}

const validators = new Map((Object.keys(payloads) as EventName[]).map((name) => [name, Compile(payloads[name])]))

/** A tab of somebody, that keeps what it is sent. */
export class TestTab {
  readonly rooms = new Set<Room>()
  readonly user: number
  live = true
  session: Session | undefined
  /** Called with every event, before it is kept. */
  onHeard: (heard: Heard) => void = () => undefined
  private heard: Heard[] = []

  constructor(user: number) {
    this.user = user
    this.session = sessionOf(user)
  }

  send(text: string): void {
    const [name, data] = JSON.parse(text) as [EventName, unknown]
    assert.ok(validators.get(name)?.Check(data), text)
    assert.ok(this.session, `${text} for a tab that has gone`)
    this.onHeard({ name, data })
    this.heard.push({ name, data })
  }

  /** What has come since it was last asked. */
  news(): Heard[] {
    return this.heard.splice(0)
  }

  /** The names of what has come since it was last asked. */
  names(): string[] {
    return this.news().map(({ name }) => name)
  }
}

const sessionOf = (id: number): Session =>
  ({ account: { id, displayName: `user ${id}` }, id: `login of ${id}`, expiresAt: Infinity }) as Session

export const offer = (sdp: string) => ({ type: 'offer', sdp })
export const answer = (sdp: string) => ({ type: 'answer', sdp })
export const found = (candidate: string) => ({ candidate, sdpMid: '0' })

/** What a command that must fail has failed with. */
export async function failure(command: Promise<unknown>): Promise<string> {
  const outcome = await command.then(
    (value) => assert.fail(`it succeeded: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
  assert.ok(outcome instanceof CommandError, String(outcome))
  return outcome.kind
}

export interface CallWorldOptions {
  readonly people?: number
  readonly storage?: 'sqlite' | 'postgres'
  readonly settings?: Partial<HelpdeskSettings>
}

/** Calls on a real database, with tabs and time in the test's hand. People are 1, 2, …. */
export async function callWorld({ people = 4, storage = 'sqlite', settings: own = {} }: CallWorldOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-calls-'))
  const clock = new FakeClock()
  const database = storage === 'sqlite' ? openSqlite(join(folder, 'test.db')) : await emptyPglite()
  await database.migrate({
    ...eventLogMigrations,
    ...idempotencyMigrations,
    ...identityMigrations,
    ...helpdeskMigrations,
  })
  await database.write(async (tx) => {
    const into = builder<HelpdeskTables>(storage).insertInto('accounts')
    for (let id = 1; id <= people; id += 1) await tx.query(into.values(account(id)).compile())
  })
  const errors: unknown[] = []
  const onFailed = (error: unknown): void => void errors.push(error)
  const unitOfWork = new GroupCommit({ database, clock, publish: () => undefined, onFailed })
  const settings = { ...helpdeskSettings(readConfig({})), calls: { limit: 0, perMs: 1 }, ...own }
  const process = () => {
    const rooms = new Rooms<TestTab>()
    const wheel = new TimingWheel(clock, (error) => void errors.push(error))
    const sizes: (() => number)[] = []
    const hub = {
      rooms,
      wheel,
      isDraining: false,
      keeps: (_: string, size: () => number) => void sizes.push(size),
      onError: (error: unknown) => void errors.push(error),
    }
    const isThere = (user: number): boolean => rooms.members(homeRoom(user)).size > 0
    const calls = new Calls({ hub, database, unitOfWork, clock, settings, isThere })
    return { hub, rooms, wheel, calls, left: () => wheel.size + sizes.reduce((sum, size) => sum + size(), 0) }
  }
  const allCalls = builder<HelpdeskTables>(storage).selectFrom('helpdesk_calls').selectAll().orderBy('id').compile()
  let current = process()

  const world = {
    clock,
    errors,
    settings,
    get calls() {
      return current.calls
    },
    open(user: number): TestTab {
      const tab = new TestTab(user)
      current.rooms.join(tab, homeRoom(user))
      current.calls.opened(tab, tab.session!)
      return tab
    },
    close(tab: TestTab): void {
      current.calls.closed(tab, tab.user)
      tab.live = false
      tab.session = undefined
      current.rooms.leaveAll(tab)
    },
    /** Moves time, and waits until what that has caused is written. */
    async pass(ms: number): Promise<void> {
      clock.advance(ms)
      await unitOfWork.settled()
    },
    read: <T>(read: (reader: Reader) => Promise<T>) => database.read(read),
    rows: () => database.read((reader) => reader.query(allCalls)),
    /** The last one that was made. */
    async lastRow() {
      const row = (await world.rows()).at(-1)
      assert.ok(row)
      return row
    },
    async grant(user: number, grants: Record<string, boolean>): Promise<void> {
      await unitOfWork.run((unit) =>
        unit.run(keepRights, { user_id: user, role: 'customer', grants: JSON.stringify(grants) }),
      )
      const person = await database.read((reader) => reader.get(accessPerson, { actor: user }))
      current.calls.permissionsChanged(user, permissionsOf(person!))
      await unitOfWork.settled()
    },
    /** The process ends without a word, and another one begins. */
    async restart(): Promise<void> {
      await unitOfWork.settled()
      current.wheel.stop()
      current = process()
      await current.calls.start()
    },
    /** What is in memory: zero without calls. */
    left: () => current.left(),
    /** A call of 1 with 2, on these tabs, that has been accepted. @returns its id */
    async running(a: TestTab, b: TestTab, callType: 'audio' | 'video' = 'audio'): Promise<string> {
      const { callId } = await world.invite(a, b.user, callType)
      await world.accept(b, callId)
      for (const tab of [a, b]) tab.news()
      return callId
    },
    invite: (tab: TestTab, target: number, callType: 'audio' | 'video' = 'audio', sdp = 'first') =>
      current.calls.invite(tab, sessionOf(tab.user), { target, callType, offer: offer(sdp) }),
    accept: (tab: TestTab, callId: string, sdp = 'yes') =>
      current.calls.accept(tab, sessionOf(tab.user), { callId, answer: answer(sdp) }),
    reject: (tab: TestTab, callId?: string, target?: number) =>
      current.calls.reject(tab, sessionOf(tab.user), { callId, target }),
    end: (tab: TestTab, callId?: string, target?: number) =>
      current.calls.end(tab, sessionOf(tab.user), { callId, target }),
    candidate: (tab: TestTab, target: number, text: string) =>
      current.calls.candidate(tab, sessionOf(tab.user), { target, candidate: found(text) }),
    async [Symbol.asyncDispose](): Promise<void> {
      await unitOfWork.settled()
      current.wheel.stop()
      await database.close()
      rmSync(folder, { recursive: true, force: true })
      assert.deepEqual(errors, [])
    },
  }
  return world
}

export type CallWorld = Awaited<ReturnType<typeof callWorld>>

const account = (id: number) => ({
  id,
  uuid: `account ${id}`,
  username: `user${id}`,
  username_key: `user${id}`,
  email: `user${id}@example.com`,
  email_key: `user${id}@example.com`,
  display_name: `user ${id}`,
  password_hash: null,
  role: 'developer' as const,
  status: 'active' as const,
  created_at: 0,
  updated_at: 0,
})
