import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { WebSocket } from 'ws'
import { startServer } from '../src/testing/process.ts'

const folders: string[] = []
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'switchboard-process-'))
  folders.push(made)
  return made
}
after(() => folders.forEach((made) => rmSync(made, { recursive: true, force: true })))

const production = { NODE_ENV: 'production', SWITCHBOARD_SECRET: 'signs the tokens of this test and nothing else' }

async function login(url: string, path: string, body: object): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`http://${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  return ((await response.json()) as { access_token: string }).access_token
}

test('SIGTERM tells and closes everybody in slices, answers what is under way, and ends with 0 in bounded time', async () => {
  const server = await startServer({ ...production, DATA_DIR: folder(), SWITCHBOARD_DRAIN_MS: '600' })
  const account = { username: 'ana', email: 'ana@example.com', password: 'a password' }
  const token = await login(server.url, '/api/auth/register', account)
  const ends: { reason: unknown; code: number; at: number }[] = []
  const clients = await Promise.all(
    Array.from({ length: 90 }, async () => {
      const ws = new WebSocket(`ws://${server.url}/tracker/ws?token=${token}`)
      let reason: unknown
      ws.on('message', (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as { action: string; payload: { reason?: unknown } }
        if (frame.action === 'disconnected') ({ reason } = frame.payload)
      })
      const ended = new Promise<void>((done) => {
        ws.on('close', (code) => {
          ends.push({ reason, code, at: Date.now() })
          done()
        })
      })
      await new Promise((connected) => ws.once('message', connected))
      return { ended }
    }),
  )
  // One that never finishes its handshake, one that has and never reads again.
  const [host, port] = server.url.split(':')
  const half = connect({ host: host!, port: Number(port) })
  half.on('error', () => undefined)
  half.write('GET /tracker/ws HTTP/1.1\r\nHost: x\r\n')
  const deaf = new WebSocket(`ws://${server.url}/tracker/ws?token=${token}`)
  deaf.on('error', () => undefined)
  await new Promise((connected) => deaf.once('message', connected))
  deaf.pause()
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const body = JSON.stringify({ name: 'P' })
  const underWay = Array.from({ length: 20 }, () =>
    fetch(`http://${server.url}/api/tracker/projects`, { method: 'POST', headers, body }).then(({ status }) => status),
  )
  const started = Date.now()
  const exit = server.end('SIGTERM')
  while (ends.length === 0) await new Promise((turn) => setImmediate(turn))
  assert.equal((await fetch(`http://${server.url}/readyz`)).status, 503)
  const refused = await new Promise<number | undefined>((done) => {
    const late = new WebSocket(`ws://${server.url}/tracker/ws?token=${token}`)
    late.on('unexpected-response', (_, response) => done(response.statusCode))
    late.on('error', () => done(undefined))
  })
  assert.equal(refused, 503)
  await Promise.all(clients.map(({ ended }) => ended))
  for (const { reason, code } of ends) assert.deepEqual([reason, code], ['server_shutdown', 1001])
  const spread = Math.max(...ends.map(({ at }) => at)) - Math.min(...ends.map(({ at }) => at))
  assert.ok(spread >= 300, `closed within ${spread} ms: not in slices`)
  for (const status of await Promise.all(underWay)) assert.ok(status === 201 || status === 503, String(status))
  half.destroy()
  assert.equal(await exit, 0)
  assert.ok(Date.now() - started < 12_000)
  deaf.terminate()
})

test('production refuses to start without a secret, and says which setting it wants', async () => {
  await assert.rejects(startServer({ NODE_ENV: 'production', DATA_DIR: folder() }), /SWITCHBOARD_SECRET/)
})

test('a setting that makes no sense is refused by name', async () => {
  await assert.rejects(startServer({ DATA_DIR: folder(), SWITCHBOARD_DRAIN_MS: 'soon' }), /SWITCHBOARD_DRAIN_MS/)
})

test('production makes no demo accounts and prints no password', async () => {
  const made = folder()
  const server = await startServer({ ...production, DATA_DIR: made })
  assert.doesNotMatch(server.output(), /[Pp]assword/)
  assert.equal(existsSync(join(made, 'demo.json')), false)
  assert.equal(await server.end('SIGTERM'), 0)
})

test('a first start makes the folder, the secret and the demo; the second keeps them; a taken extra port is a warning', async () => {
  const made = join(folder(), 'new')
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((listening) => taken.once('listening', listening))
  const port = (taken.address() as AddressInfo).port
  const first = await startServer({ DATA_DIR: made, EXTRA_PORTS: String(port) })
  const password = /Password of all four: (\S+)/.exec(first.output())![1]!
  assert.match(first.output(), /extra port is taken/)
  assert.equal(first.ports.length, 1)
  assert.equal(statSync(join(made, 'secret')).mode & 0o777, 0o600)
  for (const username of ['admin', 'alice', 'bob', 'carol']) {
    assert.ok(await login(first.url, '/api/auth/login', { username, password }), username)
  }
  const token = await login(first.url, '/api/auth/login', { username: 'carol', password })
  const headers = { authorization: `Bearer ${token}` }
  const reports = await (await fetch(`http://${first.url}/api/tracker/bug-reports`, { headers })).json()
  assert.equal((reports as { items: unknown[] }).items.length, 3)
  assert.equal(await first.end('SIGTERM'), 0)
  const second = await startServer({ DATA_DIR: made })
  assert.match(second.output(), new RegExp(password))
  // Tokens of before are still good: the secret was kept.
  assert.equal((await fetch(`http://${second.url}/api/auth/me`, { headers })).status, 200)
  assert.equal(await second.end('SIGTERM'), 0)
  taken.close()
})
