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

const ROUNDS = 5
const WRITERS = 32

const random = seeded()

interface Frame {
  readonly type: string
  readonly action?: string
  readonly payload?: { readonly content: string }
  readonly data?: { readonly content: string }
  readonly position?: string
}

/** What is written and heard of one module. */
interface Subject {
  readonly socket: string
  readonly path: string
  /** What a command is named by: the same again must not be a second one. */
  readonly body: (content: string) => object
  readonly content: (frame: Frame) => string | undefined
  readonly rows: string
  readonly events: string
}

/** A client that resumes from its last position whenever there is a server, and keeps what it was told. */
class Listener {
  readonly heard: string[] = []
  readonly subject: Subject
  private position = 'now'

  constructor(subject: Subject) {
    this.subject = subject
  }

  /** @returns once connected; `until` the connection ends */
  async listen(url: string, token: string): Promise<{ ended: Promise<void>; ws: WebSocket }> {
    const ws = new WebSocket(`ws://${url}${this.subject.socket}?token=${token}&since=${this.position}`)
    ws.on('error', () => undefined)
    ws.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame
      assert.ok(frame.action !== 'resync' && frame.type !== 'resync', 'no position is lost')
      if (frame.position) this.position = frame.position
      const content = this.subject.content(frame)
      if (content !== undefined) this.heard.push(content)
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

test(`K-1 K-6 W-E2 kill -9 under load loses nothing that was acknowledged (seed ${random.seed})`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-kill-'))
  const env = {
    NODE_ENV: 'production',
    SWITCHBOARD_SECRET: 'signs the tokens of this test and nothing else',
    DATA_DIR: folder,
    LOG_LEVEL: 'info',
    SWITCHBOARD_TRACKER_WRITES_PER_MINUTE: '0',
    SWITCHBOARD_WORKSPACE_WRITES_PER_MINUTE: '0',
    SWITCHBOARD_ACCESS_TOKEN_MS: '3600000',
  }
  let server: ServerProcess = await startServer(env)
  const register = { username: 'admin', email: 'admin@example.com', password: 'a good password' }
  const login = (await (await post(server.url, '/api/auth/register', register)).json()) as { access_token: string }
  const token = login.access_token
  const made = async (path: string, body: object): Promise<{ id: string }> =>
    (await (await post(server.url, path, body, token)).json()) as { id: string }
  const { id: project } = await made('/api/tracker/projects', { name: 'P' })
  const { id: report } = await made('/api/tracker/bug-reports', { project_id: project, title: 'T' })
  const { id: workspace } = await made('/api/workspaces', { name: 'W' })
  const { id: channel } = await made(`/api/workspaces/${workspace}/channels`, { name: 'C' })
  const subjects: readonly Subject[] = [
    {
      socket: '/tracker/ws',
      path: `/api/tracker/bug-reports/${report}/comments`,
      body: (content) => ({ content }),
      content: ({ type, payload }) => (type === 'comment' ? payload!.content : undefined),
      rows: 'select content from tracker_comments order by id',
      events: `select json_extract(payload, '$.content') from event_log where type = 'comment/created' order by "offset"`,
    },
    {
      socket: `/ws/${workspace}`,
      path: `/api/channels/${channel}/messages`,
      body: (content) => ({ content, client_id: content }),
      content: ({ type, data }) => (type === 'message.new' ? data!.content : undefined),
      rows: 'select content from workspace_messages order by id',
      events: `select json_extract(payload, '$.data.content') from event_log where type = 'message.new' order by "offset"`,
    },
  ]
  const acknowledged = new Map(subjects.map((subject) => [subject, [] as string[]]))
  const listeners = subjects.flatMap((subject) => [new Listener(subject), new Listener(subject)])
  let next = 0
  // A command that was not answered is sent again under its own id, to the next server.
  const unanswered: { readonly subject: Subject; readonly content: string }[] = []
  const write = async (subject: Subject, content: string): Promise<void> => {
    const key = subject.socket === '/tracker/ws' ? content : ''
    const response = await post(server.url, subject.path, subject.body(content), token, key)
    assert.equal(response.status, 201)
    await response.arrayBuffer()
    acknowledged.get(subject)!.push(content)
  }

  for (let round = 0; round < ROUNDS; round += 1) {
    if (round > 0) server = await startServer(env)
    const listening = await Promise.all(listeners.map((listener) => listener.listen(server.url, token)))
    let dead = false
    // The kill comes in the middle of the load, after so many writes, however fast the machine is.
    let left = 80 + random.int(160)
    const loaded = Promise.withResolvers<void>()
    const writer = async (): Promise<void> => {
      while (!dead) {
        next += 1
        const { subject, content } = unanswered.pop() ?? { subject: subjects[next % 2]!, content: `c${next}` }
        try {
          await write(subject, content)
          left -= 1
          if (left === 0) loaded.resolve()
        } catch (error) {
          if (!dead) throw error
          unanswered.push({ subject, content })
        }
      }
    }
    const writing = Array.from({ length: WRITERS }, writer)
    await Promise.race([loaded.promise, ...writing])
    assert.equal(server.child.exitCode, null, 'the kill hits a living process')
    dead = true
    await server.end('SIGKILL')
    await Promise.all(writing)
    await Promise.all(listening.map(({ ended }) => ended))
  }

  server = await startServer(env)
  for (const { subject, content } of unanswered.splice(0)) await write(subject, content)
  const catching = await Promise.all(listeners.map((listener) => listener.listen(server.url, token)))
  const behind = ({ heard, subject }: Listener) => heard.length < acknowledged.get(subject)!.length
  for (let i = 0; i < 500 && listeners.some(behind); i += 1) await wait(10)
  for (const { ws } of catching) ws.terminate()
  assert.equal(await server.end('SIGTERM'), 0)

  const file = new DatabaseSync(join(folder, 'switchboard.db'))
  const column = (sql: string): string[] => file.prepare(sql).all().map((row) => String(Object.values(row)[0]))
  const offsets = column('select "offset" from event_log order by "offset"').map(Number)
  assert.deepEqual(column('PRAGMA integrity_check'), ['ok'])
  const written = subjects.map((subject) => ({ subject, rows: column(subject.rows), events: column(subject.events) }))
  file.close()
  rmSync(folder, { recursive: true, force: true })

  const counts = [...acknowledged.values()].map((contents) => contents.length)
  t.diagnostic(`${ROUNDS} kills, ${counts.join(' and ')} acknowledged, ${offsets.length} events`)
  for (const { subject, rows, events } of written) {
    const none = { lost: [], silent: [], phantom: [], twice: [] }
    assert.deepEqual(compare(acknowledged.get(subject)!, rows, events), none, subject.path)
    // What a client that resumed across all the kills was told is the log: each once, in order.
    for (const { heard } of listeners.filter((listener) => listener.subject === subject)) assert.deepEqual(heard, events)
  }
  assert.deepEqual(
    offsets,
    offsets.map((_, i) => i + 1),
  )
})
