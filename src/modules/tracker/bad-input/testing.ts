import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '../../../testing/client.ts'
import { checkLog } from '../../../testing/hostile.ts'
import { testWorld, type User, type World, type WorldOptions } from '../../../testing/world.ts'
import { checkFrame } from '../testing.ts'

/**
 * What a hostile or broken client may send, over real sockets. Mallory shares no project with anybody, so what comes
 * to her is an answer to her; the manager is the control: after each abuse the next event still reaches her.
 */
export interface Stage {
  readonly world: World
  readonly admin: User
  readonly manager: User
  readonly mallory: User
  readonly projectId: number
  readonly control: Client
}

export async function stage(options: WorldOptions = {}): Promise<Stage & AsyncDisposable> {
  const world = await testWorld({ ...options, config: { trackerWritesPerMinute: 0, ...options.config } })
  const admin = await world.user('admin')
  const manager = await world.user('manager', 'manager')
  const mallory = await world.user('mallory', 'developer')
  const { body } = await manager.post('/api/tracker/projects', { name: 'Shop' })
  const control = await world.connect(manager)
  const close = () => world.close()
  return { world, admin, manager, mallory, projectId: body.id, control, [Symbol.asyncDispose]: close }
}

/** A test of one abuse: after it another user's connection gets the next event, and the log has kept its secrets. */
export function abuse(name: string, run: (at: Stage) => Promise<void>, options: WorldOptions = {}): void {
  void test(name, async () => {
    await using at = await stage(options)
    await run(at)
    await works(at)
    checkLog(at.world, [at.admin, at.manager, at.mallory])
  })
}

async function works({ admin, projectId, control }: Stage): Promise<void> {
  const { status, body } = await admin.post('/api/tracker/bug-reports', { project_id: projectId, title: 'Control' })
  assert.equal(status, 201)
  for (;;) {
    const frame = await control.next()
    if (frame.type === 'system') continue
    assert.equal(`${frame.type}/${frame.action}`, 'bug_report/created')
    return assert.deepEqual(frame.payload, body)
  }
}

/** The next frame that is not the server's own ping. */
export async function answerTo(client: Client): Promise<{ name: string; payload: Record<string, unknown> }> {
  for (;;) {
    const frame = await client.next()
    checkFrame(frame)
    const name = `${frame.type}/${frame.action}`
    if (name !== 'system/ping') return { name, payload: frame.payload }
  }
}

export async function alive(client: Client): Promise<void> {
  client.send({ type: 'system', action: 'ping' })
  assert.equal((await answerTo(client)).name, 'system/pong')
}

/** Time passes in steps that no heartbeat takes for silence; each of the clients answers in each of them. */
export async function pass({ world }: Stage, ms: number, ...clients: readonly Client[]): Promise<void> {
  for (let left = ms; left > 0; left -= 20_000) {
    await world.advance(Math.min(left, 20_000))
    for (const client of clients) await alive(client)
  }
}

export async function refused(client: Client): Promise<void> {
  const { name, payload } = await answerTo(client)
  assert.equal(name, 'error/auth_error')
  assert.equal(payload['code'], 'invalid_token')
  await client.expectClose(4401)
  assert.deepEqual(client.frames, [])
}

export const ping = (payload: unknown): string => JSON.stringify({ type: 'system', action: 'ping', payload })

export const api = '/api/tracker'
