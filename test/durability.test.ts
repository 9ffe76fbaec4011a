import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { startServer, type ServerProcess } from '../src/testing/process.ts'
import { seeded } from '../src/testing/random.ts'

const ROUNDS = 10
const WRITERS = 32

const random = seeded()

interface Frame {
  readonly type: string
  readonly action: string
  readonly payload: { readonly id: number; readonly content: string }
  readonly position?: string
}

/** A client that resumes from its last position whenever there is a server, and keeps what it was told. */
class Listener {
  readonly heard: string[] = []
  private position = 'now'

  /** @returns once connected; `until` the connection ends */
  async listen(url: string, token: string): Promise<{ ended: Promise<void>; ws: WebSocket }> {
    const ws = new WebSocket(`ws://${url}/tracker/ws?token=${token}&since=${this.position}`)
    ws.on('error', () => undefined)
    ws.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame
      assert.notEqual(frame.action, 'resync')
      if (frame.position) this.position = frame.position
      if (frame.type === 'comment') this.heard.push(frame.payload.content)
    })
    const ended = new Promise<void>((done) => ws.once('close', () => done()))
    await new Promise((open) => ws.once('open', open))
    return { ended, ws }
  }
}

async function post(url: string, path: string, body: object, token = '', key = ''): Promise<Response> {
  return fetch(`http://${url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token && { authorization: `Bearer ${token}` }),
      ...(key && { 'idempotency-key': key }),
    },
    body: JSON.stringify(body),
  })
}

/** What is lost, twice or without its event. Empty lists mean that all is well. */
function compare(acknowledged: readonly string[], rows: readonly string[], events: readonly string[]) {
  const twice = (list: readonly string[]) => list.filter((item, i) => list.indexOf(item) !== i)
  const [rowSet, eventSet] = [new Set(rows), new Set(events)]
  return {
    lost: acknowledged.filter((content) => !rowSet.has(content)),
    silent: rows.filter((content) => !eventSet.has(content)),
    phantom: events.filter((content) => !rowSet.has(content)),
    twice: [...twice(rows), ...twice(events)],
  }
}

test('the comparison finds what it looks for', () => {
  assert.deepEqual(compare(['a', 'b'], ['a', 'c', 'c'], ['a', 'd']), {
    lost: ['b'],
    silent: ['c', 'c'],
    phantom: ['d'],
    twice: ['c'],
  })
})

test(`K-1 kill -9 under load loses nothing that was acknowledged (seed ${random.seed})`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-kill-'))
  const env = {
    NODE_ENV: 'production',
    SWITCHBOARD_SECRET: 'signs the tokens of this test and nothing else',
    DATA_DIR: folder,
    LOG_LEVEL: 'info',
    SWITCHBOARD_TRACKER_WRITES_PER_MINUTE: '0',
    SWITCHBOARD_ACCESS_TOKEN_MS: '3600000',
  }
  const acknowledged: string[] = []
  const listeners = [new Listener(), new Listener()]
  let server: ServerProcess = await startServer(env)
  const register = { username: 'admin', email: 'admin@example.com', password: 'a good password' }
  const login = (await (await post(server.url, '/api/auth/register', register)).json()) as { access_token: string }
  const token = login.access_token
  const project = (await (await post(server.url, '/api/tracker/projects', { name: 'P' }, token)).json()) as { id: number }
  const input = { project_id: project.id, title: 'T' }
  const report = (await (await post(server.url, '/api/tracker/bug-reports', input, token)).json()) as { id: number }
  const path = `/api/tracker/bug-reports/${report.id}/comments`
  let next = 0
  // A command that was not answered is sent again under its own id, to the next server.
  const unanswered: string[] = []

  for (let round = 0; round < ROUNDS; round += 1) {
    const started = Date.now()
    if (round > 0) server = await startServer(env)
    assert.ok(Date.now() - started < 5_000, 'ready again within five seconds')
    const listening = await Promise.all(listeners.map((listener) => listener.listen(server.url, token)))
    let dead = false
    const writer = async (): Promise<void> => {
      while (!dead) {
        const content = unanswered.pop() ?? `c${(next += 1)}`
        try {
          const response = await post(server.url, path, { content }, token, content)
          assert.equal(response.status, 201)
          await response.arrayBuffer()
          acknowledged.push(content)
        } catch (error) {
          if (!dead) throw error
          unanswered.push(content)
        }
      }
    }
    const writing = Array.from({ length: WRITERS }, writer)
    await wait(100 + random.next() * 400)
    assert.equal(server.child.exitCode, null, 'the kill hits a living process')
    dead = true
    await server.end('SIGKILL')
    await Promise.all(writing)
    await Promise.all(listening.map(({ ended }) => ended))
  }

  server = await startServer(env)
  for (const content of unanswered.splice(0)) {
    assert.equal((await post(server.url, path, { content }, token, content)).status, 201)
    acknowledged.push(content)
  }
  const catching = await Promise.all(listeners.map((listener) => listener.listen(server.url, token)))
  for (let i = 0; i < 500 && listeners.some((listener) => listener.heard.length < acknowledged.length); i += 1) {
    await wait(10)
  }
  for (const { ws } of catching) ws.terminate()
  assert.equal(await server.end('SIGTERM'), 0)

  const file = new DatabaseSync(join(folder, 'switchboard.db'))
  const column = (sql: string): string[] => file.prepare(sql).all().map((row) => String(Object.values(row)[0]))
  const rows = column('select content from tracker_comments order by id')
  const events = column(
    `select json_extract(payload, '$.content') from event_log where type = 'comment/created' order by "offset"`,
  )
  const offsets = column('select "offset" from event_log order by "offset"').map(Number)
  assert.deepEqual(column('PRAGMA integrity_check'), ['ok'])
  file.close()
  rmSync(folder, { recursive: true, force: true })

  t.diagnostic(`${ROUNDS} kills, ${acknowledged.length} acknowledged, ${offsets.length} events`)
  assert.ok(acknowledged.length >= 500, `only ${acknowledged.length} writes were acknowledged: no load, no proof`)
  assert.deepEqual(compare(acknowledged, rows, events), { lost: [], silent: [], phantom: [], twice: [] })
  assert.deepEqual(
    offsets,
    offsets.map((_, i) => i + 1),
  )
  // What a client that resumed across all the kills was told is the log: each once, in order.
  for (const { heard } of listeners) assert.deepEqual(heard, events)
})
