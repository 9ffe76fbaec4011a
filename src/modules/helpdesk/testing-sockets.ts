import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import type { User } from '../../testing/world.ts'
import { everyone, type Data, type Scene, type Tab } from './testing.ts'
import type { ErrorEvent } from './wire.ts'

/** What the tests of connections and presence have in common. */

export const presence = ['presence_updated', 'presence:update'] as const

/** The command is refused by this event and by its acknowledgement, in the same words, and by nothing else. */
export async function refused(
  tab: Tab,
  [name, ...args]: readonly [string, ...unknown[]],
  event: ErrorEvent,
  code: string,
): Promise<string> {
  const outcome = await tab.ask(name, ...args)
  const text = (await tab.expect(event)) as string
  assert.match(text, new RegExp(`^\\S.* \\(${code}\\)$`, 's'), name)
  assert.deepEqual(outcome, name === 'presence:get_online_users' ? [] : { ok: false, code, error: text }, name)
  assert.deepEqual(tab.events, [], name)
  return text
}

/** Milliseconds a peer's going may take to be noticed, on a machine that has much else to do. */
const PATIENCE = 15_000

/** The network has its own time: what a socket's end causes in the server is waited for, not guessed. */
export async function eventually(done: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE
  while (!done()) {
    assert.ok(Date.now() < deadline, `${what} did not happen`)
    await wait(2)
  }
}

/** The tab goes, and the server has noticed it. */
export async function gone({ world }: Pick<Scene, 'world'>, tab: Tab, how: 'close' | 'cut' = 'close'): Promise<void> {
  const { connections } = world.app.hub
  const before = connections.size
  tab[how]()
  await eventually(() => connections.size < before, 'the going of the tab')
}

/**
 * Time passes in steps that leave nobody silent for long enough to be taken for dead.
 * @param ms milliseconds
 * @param more tabs besides those of the scene that give a sign of life; what comes to any of them is kept
 */
export async function pass(
  { world, tabs }: Pick<Scene, 'world' | 'tabs'>,
  ms: number,
  more: readonly Tab[] = [],
): Promise<void> {
  const living = [...everyone.map((person) => tabs[person]), ...more]
  for (let left = ms; left > 0; left -= STEP_MS) {
    await world.advance(Math.min(left, STEP_MS))
    for (const tab of living) tab.events.push(...(await tab.drained()))
  }
}

const STEP_MS = 25_000

/** As the callback of the document gets it. */
export async function onlineUsers(tab: Tab): Promise<Data[]> {
  return (await tab.ask('presence:get_online_users')) as Data[]
}

/** Of one person in that list; undefined when they are not in it. */
export async function onlineAs(tab: Tab, { id }: Pick<User, 'id'>): Promise<readonly [string, number] | undefined> {
  const entry = (await onlineUsers(tab)).find(({ userId }) => userId === id)
  return entry && [entry.status, entry.connectionCount]
}
