import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { socketIoServer } from '../testing/socketio-server.ts'

// Debian's own, for which python3-socketio and python3-aiohttp are packages; another one need not have them.
const python = '/usr/bin/python3'
const isInstalled = spawnSync(python, ['-c', 'import socketio, aiohttp']).status === 0
const script = new URL('../testing/socketio_client.py', import.meta.url).pathname

test('python\'s client connects, is acknowledged, and gets and sends events and bytes', { skip: !isInstalled }, async (t) => {
  const server = await socketIoServer({ parts: { face: { binary: true } } })
  t.after(() => server.close())
  for (const transport of ['websocket', 'polling']) {
    const { stdout } = await promisify(execFile)(python, [script, server.url, transport], { timeout: 60_000 })
    const lines = stdout.trim().split('\n').map((line) => JSON.parse(line) as unknown)
    assert.deepEqual(lines, [
      ['transport', transport],
      ['hello', null],
      ['echo', ['echoed', { text: 'hé 👍' }]],
      ['call', { size: 512 }],
      ['bytes', 'back', true],
      ['said', { text: 'one' }],
      ['ended', 'disconnect'],
    ])
  }
})
