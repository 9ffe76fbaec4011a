import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { testWorld } from '../testing/world.ts'

test('operators see that it lives, whether it takes commands, and what it does', async () => {
  await using world = await testWorld()
  const admin = await world.user('admin')
  const client = await world.connect(admin)
  await admin.post('/api/tracker/projects', { name: 'P' })
  await client.expect('project/created')
  assert.equal((await world.request('GET', '/healthz')).status, 200)
  assert.deepEqual((await world.request('GET', '/readyz')).body, { status: 'ready' })
  const { body } = await world.request('GET', '/metrics')
  for (const line of [
    'switchboard_connections{module="tracker"} 1',
    'switchboard_deliveries_total{module="tracker"} 1',
    'switchboard_frames_in_total',
    'switchboard_queue_bytes 0',
    'switchboard_commit_group_size_count',
    'switchboard_commit_seconds_bucket',
    'switchboard_event_lag_seconds_count',
    'switchboard_errors_total',
  ]) {
    assert.ok(body.includes(line), line)
  }
})

test('metrics are for this machine, or for who has the token, and not for what a proxy lets in', async () => {
  await using open = await testWorld()
  const proxied = { 'x-forwarded-for': '203.0.113.7' }
  assert.equal((await open.request('GET', '/metrics', undefined, proxied)).status, 404)
  await using closed = await testWorld({ config: { metricsToken: 'a token for metrics' } })
  assert.equal((await closed.request('GET', '/metrics')).status, 404)
  const authorization = 'Bearer a token for metrics'
  assert.equal((await closed.request('GET', '/metrics', undefined, { authorization })).status, 200)
})

test('the documents list every door with its schemas, and can be browsed', async () => {
  await using world = await testWorld()
  const { body } = await world.request('GET', '/api/openapi.json')
  const doors = Object.entries(body.paths as Record<string, Record<string, { security?: unknown; summary: string }>>)
  for (const path of ['/api/auth/login', '/api/tracker/bug-reports', '/api/tracker/bug-reports/{id}/comments']) {
    assert.ok(body.paths[path], path)
  }
  for (const [path, methods] of doors) {
    for (const [method, { summary }] of Object.entries(methods)) assert.ok(summary, `${method} ${path}`)
  }
  const page = await world.request('GET', '/docs/')
  assert.equal(page.status, 200)
  assert.match(page.headers.get('content-security-policy')!, /script-src/)
})

test('answers are data: nothing may sniff, frame, keep or run them', async () => {
  await using world = await testWorld()
  for (const path of ['/healthz', '/api/tracker/projects', '/nowhere']) {
    const { headers } = await world.request('GET', path)
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
    assert.equal(headers.get('cache-control'), 'no-store', path)
    assert.match(headers.get('content-security-policy')!, /default-src 'none'/, path)
    assert.equal(headers.get('referrer-policy'), 'no-referrer', path)
    assert.equal(headers.get('x-powered-by'), null, path)
  }
})

test('what cannot be read as a request is answered in our words, and nothing else of the connection is read', async () => {
  await using world = await testWorld()
  const send = async (bytes: string): Promise<string> => {
    const socket = connect(Number(new URL(world.url).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(bytes)
    return text(socket)
  }
  const cases = [
    ['GARBAGE\r\n\r\n', '400 Bad Request'],
    ['GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', '400 Bad Request'],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, '431 Request Header Fields Too Large'],
  ] as const
  for (const [bytes, status] of cases) {
    const answer = await send(bytes)
    assert.ok(answer.startsWith(`HTTP/1.1 ${status}\r\n`), answer)
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as { error: object }
    assert.deepEqual(Object.keys(body.error), ['code', 'message'])
    assert.match(answer, /nosniff/)
  }
})

test('browser pages of listed origins may call, others are not told that they may', async () => {
  await using world = await testWorld({ config: { allowedOrigins: ['https://app.example'] } })
  const asked = async (origin: string): Promise<string | null> =>
    (await world.request('GET', '/healthz', undefined, { origin })).headers.get('access-control-allow-origin')
  assert.equal(await asked('https://app.example'), 'https://app.example')
  for (const origin of ['https://app.example.evil', 'http://app.example', 'https://app.example:444', 'null']) {
    assert.equal(await asked(origin), null, origin)
  }
})

test('K-6 a write that is sent again under its own id is done once', async () => {
  await using world = await testWorld()
  const admin = await world.user('admin')
  const client = await world.connect(admin)
  const send = () => admin.post('/api/tracker/projects', { name: 'P' }, { 'idempotency-key': 'one' })
  const answers = await Promise.all([send(), send(), send()])
  assert.deepEqual(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1)
  assert.deepEqual(answers.map(({ status }) => status), [201, 201, 201])
  await client.expect('project/created')
  await client.expectNothing()
  const bad = await admin.post('/api/tracker/projects', { name: 'P' }, { 'idempotency-key': 'x'.repeat(300) })
  assert.equal(bad.status, 400)
})
