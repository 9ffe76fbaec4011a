import assert from 'node:assert/strict'
import { test } from 'node:test'
import { afterKill, type World } from '../../testing/world.ts'
import { run, until } from './testing-groups.ts'
import { scene, Tab, type Namespace } from './testing.ts'

const config = { prdReconnectMs: 10_000 }

/** Without a word, and the server has noticed. */
async function lose({ app }: World, tabs: readonly Tab[]): Promise<void> {
  const before = app.hub.connections.size
  for (const tab of tabs) tab.cut()
  await until(() => app.hub.connections.size <= before - tabs.length)
  await app.unitOfWork.settled()
}

const isTold = async (tab: Tab): Promise<boolean> => {
  const events = await tab.drained()
  assert.ok(events.length === 0 || (events.length === 1 && events[0]![0] === 'reconnect' && events[0]![1] === 1))
  return events.length === 1
}

test('P-C4 who lost a connection that had joined a PRD is told so when they come back, once', async () => {
  await using at = await scene({ config })
  const { world, prdId } = at
  const come = async (user = at.owner, namespace?: Namespace): Promise<boolean> => isTold(await at.tab(user, namespace))
  const here = async (namespace?: Namespace): Promise<Tab> => {
    const tab = await at.tab(at.owner, namespace)
    await tab.drained()
    return tab
  }
  const joined = async (namespace?: Namespace): Promise<Tab> => {
    const tab = await here(namespace)
    await tab.join(prdId)
    return tab
  }
  const sessions = async (): Promise<number> => (await run(world, 'select * from prd_sessions')).length

  assert.equal(await come(), false)
  await lose(world, [await joined()])
  assert.deepEqual(
    [await come(at.editor), await come(at.owner, '/'), await come(at.owner, '/notifications')],
    [false, false, false],
  )
  assert.deepEqual([await come(), await come()], [true, false])
  assert.equal(await sessions(), 0)

  // Which of them comes first cannot be known: one that had joined nothing does not take the other's place.
  await lose(world, [await here('/'), await joined('/')])
  for (const told of [true, true, false]) assert.equal(await come(at.owner, '/'), told)
  // Nor does another device.
  await lose(world, [await joined()])
  const password = 'owner-password'
  const { body } = await world.request('POST', '/api/auth/login', { username: 'owner', password })
  assert.equal(await come({ ...at.owner, token: body.access_token as string }), true)
  assert.equal(await come(), true)

  // Who says goodbye as section 10.3 shows has not lost anything.
  const leaver = await joined()
  await leaver.done('leave-prd', { prdId })
  leaver.close()
  await lose(world, [await here()])
  assert.equal(await come(), false)
  await lose(world, [await joined()])
  await world.advance(10_100)
  assert.equal(await come(), false)

  for (const connection of world.app.hub.connections) connection.transport.terminate()
  await until(() => world.app.hub.connections.size === 0)
  for (let i = 0; i < 4; i += 1) await world.advance(10_100)
  const { returning, presences } = world.app.hub.leftovers
  assert.deepEqual([returning, presences, await sessions()], [0, 0, 0])
})

test('after a crash, and after an orderly end, everybody who had joined a PRD is told', async () => {
  await using at = await scene({ config })
  const { prdId } = at
  const owner = await at.tab(at.owner)
  await owner.join(prdId)
  await (await at.tab(at.editor)).drained()
  const come = async (world: World, { token }: { token: string }): Promise<boolean> => {
    const tab = await new Tab(`${world.url}/prds`, { auth: { token } }).connected()
    return isTold(tab).finally(() => tab.close())
  }
  await using second = await afterKill(at.world, { config })
  for (const told of [true, true]) assert.equal(await come(second, at.owner), told)
  assert.equal(await come(second, at.editor), false)
  assert.deepEqual(await run(second, 'select * from prd_sessions'), [])
  await second.advance(10_100)
  assert.equal(await come(second, at.owner), false)
  const again = await new Tab(`${second.url}/prds`, { auth: { token: at.owner.token } }).connected()
  await again.join(prdId)
  const drained = second.app.hub.drain(100)
  const ticking = setInterval(() => second.clock.advance(100), 1)
  await drained.finally(() => clearInterval(ticking))
  assert.equal((await run(second, 'select * from prd_sessions')).length, 1)
})
