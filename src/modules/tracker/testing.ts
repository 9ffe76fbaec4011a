import assert from 'node:assert/strict'
import { Compile } from 'typebox/compile'
import type { Client } from '../../testing/client.ts'
import { testWorld, type User, type World, type WorldOptions } from '../../testing/world.ts'
import { payloads, type FrameName } from './wire.ts'

/** A project with one person of each role in it, an admin outside of it and a stranger, all listening. */
export interface Scene {
  readonly world: World
  readonly admin: User
  readonly manager: User
  readonly developer: User
  readonly reporter: User
  readonly stranger: User
  readonly projectId: number
  /** Connections of everybody above, past their `connected`. */
  readonly listening: Readonly<Record<Person, Client>>
}

export type Person = 'admin' | 'manager' | 'developer' | 'reporter' | 'stranger'
export const people: readonly Person[] = ['admin', 'manager', 'developer', 'reporter', 'stranger']

export async function scene(options: WorldOptions = {}): Promise<Scene & AsyncDisposable> {
  const world = await testWorld({ modules: ['tracker'], ...options })
  const admin = await world.user('admin')
  const manager = await world.user('manager', 'manager')
  const developer = await world.user('developer', 'developer')
  const reporter = await world.user('reporter')
  const stranger = await world.user('stranger', 'developer')
  const project = await manager.post('/api/tracker/projects', { name: 'Shop', description: 'All of it' })
  assert.equal(project.status, 201)
  const projectId = project.body.id as number
  for (const { id } of [developer, reporter]) {
    assert.equal((await manager.post(`/api/tracker/projects/${projectId}/members`, { user_id: id })).status, 201)
  }
  const users = { admin, manager, developer, reporter, stranger }
  const listening = {} as Record<Person, Client>
  for (const person of people) listening[person] = await world.connect(users[person])
  return { world, ...users, projectId, listening, [Symbol.asyncDispose]: () => world.close() }
}

const validators = new Map(
  (Object.keys(payloads) as FrameName[]).map((name) => [name, Compile(payloads[name])] as const),
)

/** The exact envelope and payload of the document, keys and types. */
export function checkFrame(frame: object): void {
  const { type, action, payload } = frame as { type: string; action: string; payload: unknown }
  assert.deepEqual(Object.keys(frame), ['type', 'action', 'payload'])
  const validator = validators.get(`${type}/${action}` as FrameName)
  assert.ok(validator, `${type}/${action} is not in the document`)
  assert.ok(validator.Check(payload), `${type}/${action}: ${JSON.stringify([...validator.Errors(payload)])}`)
}

/**
 * Exactly these frames come to exactly these people, in this order, as the document writes them; to everybody else
 * comes nothing.
 */
export async function expectFrames(
  { listening }: Scene,
  expected: Partial<Record<Person, readonly string[]>>,
): Promise<Partial<Record<Person, Record<string, unknown>[]>>> {
  const got: Partial<Record<Person, Record<string, unknown>[]>> = {}
  for (const person of people) {
    const client = listening[person]
    for (const name of expected[person] ?? []) {
      const frame = await client.next()
      assert.equal(`${frame.type}/${frame.action}`, name, `${person} got ${JSON.stringify(frame)}`)
      checkFrame(frame)
      ;(got[person] ??= []).push(frame.payload)
    }
  }
  for (const person of people) await listening[person].expectNothing()
  return got
}

/** Files a report and takes its event off every connection. */
export async function filedReport(at: Scene, by: User = at.reporter): Promise<number> {
  const { status, body } = await by.post('/api/tracker/bug-reports', {
    project_id: at.projectId,
    title: 'Bug Title',
    description: 'Bug Description',
    priority: 'high',
  })
  assert.equal(status, 201)
  for (const person of ['admin', 'manager', 'developer', 'reporter'] as const) {
    await at.listening[person].expect('bug_report/created')
  }
  return body.id as number
}
