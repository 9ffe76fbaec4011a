import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { moduleNames, readConfig } from './config.ts'
import { seedDemo } from './demo.ts'
import { testWorld } from './testing/world.ts'

test('SWITCHBOARD_MODULES names the protocols that are offered; what it does not know is refused by name', () => {
  const modules = (value: string): readonly string[] => readConfig({ SWITCHBOARD_MODULES: value }).modules
  assert.deepEqual(readConfig({}).modules, moduleNames)
  assert.deepEqual(modules('dating, tracker,dating'), ['tracker', 'dating'])
  assert.throws(() => modules('tracker,chess,go'), /SWITCHBOARD_MODULES names chess, go; it may name tracker, /)
  assert.throws(() => modules(' , '), /SWITCHBOARD_MODULES must name at least one of tracker, /)
})

test('a server offers the protocols it is asked for, demo and all, and answers for no other', async (t) => {
  await using world = await testWorld({ config: { modules: ['workspace', 'dating'] } })
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-demo-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const demo = await seedDemo(world.app, folder)
  assert.deepEqual(Object.keys(demo!), ['password', 'workspaceId', 'channelId', 'conversationId'])
  const status = async (path: string): Promise<number> => (await world.request('GET', path)).status
  const offered = ['/api/workspaces', '/api/dating/profile']
  const others = ['/api/tracker/projects', '/api/helpdesk/channels', '/socket.io/?EIO=4&transport=polling', '/ws?EIO=4']
  for (const path of offered) assert.equal(await status(path), 401, path)
  for (const path of others) assert.equal(await status(path), 404, path)
  await world.advance(60_000)
})
