import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reader } from '../../../kernel/database.ts'
import { OutgoingError, type Outgoing } from '../../../kernel/outgoing.ts'
import { FakeClock } from '../../../testing/clock.ts'
import type { PrdSettings } from '../settings.ts'
import { openIntegration, type Opened } from './access.ts'
import { Breakers } from './breaker.ts'
import { sealSecrets } from './secrets.ts'

const secret = new TextEncoder().encode('a secret of the tests, 32 bytes or more')

/** What was called, and the integration as it is stored. */
async function opened(settings: object): Promise<{ readonly calls: unknown[]; readonly git: Opened<'git'> }> {
  const calls: unknown[] = []
  const outgoing = {
    fetch: (url, _init, limits) => {
      calls.push([String(url), limits])
      return Promise.reject(new OutgoingError('unreachable'))
    },
    socket: (url) => {
      calls.push(url)
      return {} as WebSocket
    },
  } as Outgoing
  const row = {
    settings: JSON.stringify(settings),
    secrets: sealSecrets(secret, { organization: 1, kind: 'git' }, { token: 'token' }),
    updated_at: 7,
  }
  const parts = {
    outgoing,
    secret,
    settings: { callMs: 10_000 } as PrdSettings,
    breakers: new Breakers(new FakeClock(), { failures: 2, restMs: 1_000 }),
  }
  const reader = { get: () => Promise.resolve(row) } as unknown as Reader
  return { calls, git: (await openIntegration(parts, reader, 1, 'git'))! }
}

test('calls have the time of the settings unless they ask for another, and rest when nothing answers', async () => {
  const { calls, git } = await opened({ url: 'https://git.example/a.git' })
  assert.deepEqual([git.secrets, git.updatedAt], [{ token: 'token' }, 7])
  const { fetch } = git
  await assert.rejects(fetch('https://git.example/b'), { reason: 'unreachable' })
  const own = { timeoutMs: 1, maxBytes: 2 }
  await assert.rejects(fetch(new URL('https://git.example/c'), {}, own), { reason: 'unreachable' })
  await assert.rejects(fetch('https://git.example/d'), { reason: 'open' })
  assert.deepEqual(calls, [
    ['https://git.example/b', { timeoutMs: 10_000 }],
    ['https://git.example/c', own],
  ])
})

test('A13 its tokens go to the server of its settings and to no other', async () => {
  const { calls, git } = await opened({ url: 'https://git.example/a.git' })
  const elsewhere = [
    ...['http://git.example/', 'https://git.example:8443/', 'https://git.example.evil/', 'https://a.git.example'],
    ...['https://git.example@evil.example/', '//git.example', '', 'nonsense'],
  ]
  for (const url of elsewhere) {
    await assert.rejects(git.fetch(url), { message: 'This is not the server of this integration' }, url)
    assert.throws(() => git.socket(url.replace('http', 'ws')), { reason: 'refused' }, url)
  }
  assert.deepEqual(calls, [])
  git.socket('wss://git.example/live')
  assert.deepEqual(calls, ['wss://git.example/live'])
  await assert.rejects((await opened({})).git.fetch('https://git.example/'), { reason: 'refused' })
})
