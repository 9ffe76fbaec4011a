import assert from 'node:assert/strict'
import { test } from 'node:test'
import { io as connect, type Socket } from 'socket.io-client'
import { says } from '../../testing/outside/model.ts'
import { SUGGESTIONS_MARK } from './ai/answer.ts'
import { examples, runExample } from './clients/examples.ts'
import { aiScene } from './testing-ai.ts'
import { run } from './testing-groups.ts'
import { checkEvent, insert, made, replace, scene, userId, type Data, type Scene, type Tab } from './testing.ts'

/**
 * The document's code, run as it stands there: what it waits for must come to pass. Its ids are `prd_123`, `org_123`,
 * `comment_123` and `conflict_123`, so these are what ours are called.
 */

const PATIENCE_MS = 15_000

async function until(done: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while (!done()) {
    if (Date.now() > deadline) throw new Error('it does not come about')
    await new Promise((turn) => setImmediate(turn))
  }
}

/** From now on new rows of these tables are numbered from 123 on. */
async function numbered({ world }: Scene, ...tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    await run(world, `delete from sqlite_sequence where name = '${table}'`)
    await run(world, `insert into sqlite_sequence (name, seq) values ('${table}', 122)`)
  }
}

/** A page with the document's handlers. */
class Reader {
  readonly page: Record<string, unknown>
  /** What the handlers have logged, by the section they are in. */
  readonly logged = new Map<string, unknown[][]>()
  private readonly opened: Socket[] = []
  private unload: (() => void) | undefined

  constructor(at: Scene, token: string) {
    const io = (url: string, { auth, ...options }: { auth: object }): Socket => {
      assert.deepEqual(Object.keys(auth), ['token'])
      const namespace = url.startsWith('/') ? url : ''
      assert.ok(namespace !== '' || url === 'wss://api.prdtool.com')
      const socket = connect(at.world.url + namespace, {
        ...options,
        auth: { token },
        forceNew: true,
        reconnectionDelay: 1,
        reconnectionDelayMax: 1,
      })
      this.opened.push(socket)
      return socket
    }
    const addEventListener = (name: string, listener: () => void): void => {
      assert.equal(name, 'beforeunload')
      this.unload = listener
    }
    this.page = { io, activeSessionIds: ['prd_123'], window: { addEventListener } }
  }

  /** Runs a block of the document. */
  run(section: string, index = 0): void {
    const log = (...words: unknown[]): unknown => this.logged.set(section, [...this.of(section), words])
    Object.assign(this.page, runExample(section, index, { ...this.page, console: { log } }))
  }

  get socket(): Socket {
    return this.page['socket'] as Socket
  }

  /** What has been logged in a section, once there is so much of it. */
  async said(section: string, count = 1): Promise<unknown[][]> {
    await until(() => this.of(section).length >= count)
    assert.equal(this.of(section).length, count, section)
    return this.of(section)
  }

  /** The one thing that a handler has logged: the argument of this event, as the document writes it. */
  async heard(section: string, name: string): Promise<Data> {
    const [words] = await this.said(section)
    checkEvent([name, ...words!])
    this.logged.delete(section)
    return words![0]
  }

  /** The page is closed by its user. */
  leave(): void {
    this.unload!()
  }

  close(): void {
    for (const socket of this.opened) socket.disconnect()
  }

  private of(section: string): unknown[][] {
    return this.logged.get(section) ?? []
  }
}

async function told(tab: Tab, name: Parameters<Tab['find']>[0]): Promise<Data> {
  const data: Data = await tab.find(name)
  checkEvent([name, data])
  return data
}

test("P-C4 all that the document's examples wait for comes to pass", async () => {
  await using at = await aiScene({ config: { prdCommandsPerMinute: 0, prdAiPromptsPerHour: 1 } })
  const { world, owner, editor, admin, prdId: other } = at
  await numbered(at, 'prd_prds', 'prd_organizations', 'prd_comments', 'prd_conflicts', 'prd_replies', 'prd_ai_jobs')
  assert.equal((await made(owner, '/api/organizations', { name: 'Examples' })).id, 'org_123')
  const members = '/api/organizations/org_123/members'
  for (const user of [editor, admin]) await made(owner, members, { userId: userId(user) })
  const body = { organizationId: 'org_123', title: 'User Authentication', access: 'edit', content: 'PRD content...' }
  assert.equal((await made(owner, '/api/prds', body)).id, 'prd_123')
  const prdId = 'prd_123'
  const mike = await at.tab(editor)
  await mike.join(prdId)

  const page = new Reader(at, owner.token)
  try {
    page.run('1.2')
    page.run('1.3')
    await page.said('1.3')
    assert.equal(page.logged.get('1.3')![0]![0], 'Connected:')
    for (const [section, index] of [
      ['2.1', 1], ['2.3', 1], ['2.4', 1], ['3.2', 0], ['3.3', 0], ['3.3', 1], ['4.1', 1],
      ['4.2', 0], ['4.2', 1], ['4.2', 2], ['4.3', 0], ['4.4', 0], ['5.1', 1], ['5.2', 0], ['5.2', 1],
      ['5.3', 0], ['6.1', 1], ['7.1', 0], ['7.2', 0], ['9.1', 0], ['9.2', 0], ['10.2', 0], ['10.3', 0], ['12.0', 0],
    ] as const) {
      page.run(section, index)
    }

    page.run('2.1', 0)
    const joined = await page.heard('2.1', 'joined-prd')
    assert.equal(joined.initialState.content, 'PRD content...')
    assert.deepEqual(joined.activeUsers.map((one: Data) => one.name), ['editor'])
    assert.equal((await told(mike, 'user-joined')).user.name, 'owner')
    const late = await at.tab(admin)
    await late.join(prdId)
    assert.equal((await page.heard('3.3', 'user-joined')).user.name, 'admin')
    await late.done('leave-prd', { prdId })
    assert.deepEqual(await page.heard('3.3', 'user-left'), { prdId, userId: userId(admin), name: 'admin' })

    // Position 1245 of a short text is its end.
    page.run('2.3', 0)
    assert.equal((await told(mike, 'content-update')).operation.position, 14)
    assert.equal((await at.owner.get(`/api/prds/${prdId}`)).body.content, 'PRD content...New text content')
    await mike.done('content-update', { prdId, operation: insert(0, 'The '), stateVector: [] })
    const update = await page.heard('2.3', 'content-update')
    assert.deepEqual([update.userName, update.operation.content], ['editor', 'The '])
    // With vectors that are not ours, as they stand there.
    page.run('2.4', 0)
    const { missingUpdates, stateVector } = await page.heard('2.4', 'sync-response')
    assert.deepEqual([missingUpdates, stateVector.slice(0, 5)], [[], [1, 0, 1, 0, 1]])

    page.run('3.1')
    const shown = await told(mike, 'presence-update')
    assert.deepEqual([shown.status, shown.userName], ['editing', 'owner'])
    await mike.done('presence-update', { prdId, status: 'editing', cursorPosition: 3, selection: { start: 1, end: 3 } })
    await world.advance(1_000)
    const presence = await page.heard('3.2', 'presence-update')
    assert.deepEqual([presence.cursorPosition, presence.selection], [3, { start: 1, end: 3 }])

    const text = '## OAuth2 Integration\n\nThe system shall support'
    const offer = [{ type: 'diagram', description: 'Create sequence diagram for OAuth flow' }]
    at.model.next(says(text, `\n${SUGGESTIONS_MARK}\n${JSON.stringify(offer)}`))
    page.run('4.1', 0)
    const job = await page.heard('4.1', 'ai-job-created')
    assert.deepEqual([job.jobId, job.userId, job.status, job.estimatedTime], ['job_123', userId(owner), 'queued', 30])
    const [start, ...chunks] = (await page.said('4.2', 4)).map(([data]) => data as Data)
    const complete = chunks.pop()
    checkEvent(['ai-stream-start', start])
    for (const chunk of chunks) checkEvent(['ai-stream-chunk', chunk])
    checkEvent(['ai-stream-complete', complete])
    const { length: end } = (await at.owner.get(`/api/prds/${prdId}`)).body.content
    assert.deepEqual(chunks.map(({ chunk, position, isComplete }) => [chunk, position, isComplete]), [
      [text, end, false],
      ['', end + text.length, true],
    ])
    assert.deepEqual([complete.fullResponse, complete.tokensUsed, complete.suggestions], [text, 150, offer])
    page.run('4.1', 0)
    const { error } = await page.heard('4.3', 'ai-error')
    assert.deepEqual(error, {
      code: 'RATE_LIMIT_EXCEEDED',
      message: 'AI request limit exceeded for this hour',
      retryAfter: 3_600,
    })

    page.run('5.1', 0)
    const { version } = await page.heard('5.1', 'version-created')
    assert.deepEqual([version.version, version.changelog], ['1.1.0', 'Added OAuth2 technical requirements'])
    await told(mike, 'version-created')

    // Both change the same words, and neither has seen the other's.
    const known = (await mike.join(prdId)).initialState.stateVector
    page.socket.emit('content-update', { prdId, operation: replace(4, 3, 'Mine'), stateVector: known })
    await told(mike, 'content-update')
    await mike.done('content-update', { prdId, operation: replace(4, 3, 'Theirs'), stateVector: known })
    const { conflicts } = await page.heard('5.3', 'conflict-detected')
    assert.deepEqual(conflicts, [
      { position: 4, yourChange: 'Mine', theirChange: 'Theirs', conflictId: 'conflict_123' },
    ])
    await page.heard('2.3', 'content-update')
    page.run('5.3', 1)
    assert.equal((await page.heard('2.3', 'content-update')).operation.content, 'Final merged content')
    assert.match((await at.owner.get(`/api/prds/${prdId}`)).body.content, /^The Final merged content /)

    page.run('6.1', 0)
    const comment = await page.heard('6.1', 'comment-added')
    assert.deepEqual([comment.commentId, comment.content], ['comment_123', 'Should we consider rate limiting here?'])
    assert.equal((await told(mike, 'comment-added')).author.name, 'owner')
    page.run('6.2')
    const { reply } = await page.heard('6.2', 'comment-replied')
    assert.equal(reply.content, 'Yes, 100 requests per minute should be sufficient')
    page.run('6.3')
    assert.equal((await page.heard('6.3', 'comment-resolved')).resolvedBy.name, 'owner')
    assert.equal((await told(mike, 'comment-resolved')).commentId, 'comment_123')

    page.run('11.2')
    await until(() => (page.page['notificationSocket'] as Socket).connected)
    const subscriber = page.page['notificationSocket'] as Socket
    const activities: Data[] = []
    subscriber.on('activity-update', (activity) => activities.push(activity))
    await subscriber.emitWithAck('ping')
    // Section 7 listens on the first socket.
    assert.equal((await page.socket.emitWithAck('subscribe', { organizationId: 'org_123' })).ok, true)
    const approver = { approverIds: [userId(editor)] }
    await made(owner, `/api/prds/${prdId}/approvals`, approver)
    const { type } = (await page.heard('7.2', 'activity-update')).activity
    assert.equal(type, 'approval_requested')
    await until(() => activities.length === 1)
    checkEvent(['activity-update', activities[0]])
    const [{ id }] = (await editor.get(`/api/prds/${prdId}/approvals`)).body.items
    await made(editor, `/api/prds/${prdId}/approvals/${id}/approve`, {})
    const approved = await page.heard('7.1', 'notification')
    assert.deepEqual([approved.type, approved.title, approved.data.approver], ['prd_approved', 'PRD Approved', 'editor'])
    assert.match(approved.message, /"User Authentication"/)
    page.logged.delete('7.2')

    page.run('11.1')
    const prds = page.page['prdSocket'] as Socket
    const again: Data[] = []
    prds.on('joined-prd', (data) => again.push(data))
    await until(() => again.length === 1)
    checkEvent(['joined-prd', again[0]])
    prds.disconnect()

    page.run('10.1')
    assert.deepEqual(await page.said('10.1'), [['Pong received']])
    const stories = `# Login\n\n## User Stories\n\n${'- As a user, I want to log in so that I see my data.\n'.repeat(2)}`
    await mike.done('content-update', { prdId, operation: insert(0, stories), stateVector: [] })
    await page.heard('2.3', 'content-update')
    for (let i = 0; i < 31; i += 1) {
      await world.advance(10_000)
      for (const one of [mike, late]) await one.ask('ping')
      await page.socket.emitWithAck('leave-prd', { prdId: other })
    }
    await until(() => (page.logged.get('10.1') ?? []).some(([words]) => words === 'Ping received'))
    const saving = (await page.said('5.2', 2)).map(([data]) => data)
    checkEvent(['auto-save-start', saving[0]])
    checkEvent(['auto-save-complete', saving[1]])
    assert.equal((saving[1] as Data).nextSaveIn, 300)
    await until(() => page.logged.has('4.4'))
    checkEvent(['ai-suggestion', ...page.logged.get('4.4')![0]!])

    page.socket.emit('join-prd', { prdId: 'prd_404' })
    assert.equal((await page.heard('9.1', 'error')).code, 'NOT_FOUND')

    // The client comes back by itself, and the handler joins again.
    page.logged.clear()
    const { engine } = page.socket.io
    ;(engine.transport as unknown as { ws: { close(): void } }).ws.close()
    assert.deepEqual(await page.said('10.2'), [['Reconnected after', 1, 'attempts']])
    assert.equal((await page.heard('2.1', 'joined-prd')).prdId, prdId)
    assert.deepEqual((await page.said('1.3', 2)).map(([words]) => words), ['Disconnected:', 'Connected:'])
    await mike.drained()
    page.leave()
    await until(() => !page.socket.connected)
    assert.equal((await told(mike, 'user-left')).userId, userId(owner))
    for (let i = 0; i < 3; i += 1) await world.advance(1_000)
    await mike.expectNothing()
    // What has not been run here is in a test of its own.
    assert.deepEqual([...page.logged].filter(([section]) => section === '1.3').flat(2).includes('Connection error:'), false)
  } finally {
    page.close()
  }
})

test('the examples of connect_error, rate-limit and batch-update hear of these', async () => {
  await using at = await scene({ config: { prdCommandsPerMinute: 2, prdBatching: true, prdPresenceRestMs: 1 } })
  await numbered(at, 'prd_prds')
  const prdId = await at.prd('Hello')
  const refused = new Reader(at, 'no token')
  const page = new Reader(at, at.owner.token)
  try {
    refused.run('1.2')
    refused.run('1.3')
    const [[words, error]] = (await refused.said('1.3')) as [[string, Error & { data: Data }]]
    assert.deepEqual([words, error.message], ['Connection error:', 'Invalid or expired token'])
    assert.equal(error.data.code, 'AUTHENTICATION_FAILED')
    page.run('1.2')
    page.run('9.2')
    page.run('2.2')
    page.run('12.0')
    for (let i = 0; i < 3; i += 1) page.run('2.1', 0)
    assert.equal((await page.heard('9.2', 'rate-limit')).limit, 2)
    const mike = await at.tab(at.editor)
    await mike.join(prdId)
    await mike.done('presence-update', { prdId, status: 'editing', cursorPosition: 3 })
    const { updates } = await page.heard('12.0', 'batch-update')
    assert.deepEqual(updates.map((one: Data) => [one.type, one.userId]), [['presence-update', userId(at.editor)]])
  } finally {
    refused.close()
    page.close()
  }
})

test('every code block of the document is run', () => {
  const blocks = [...examples].map(([section, { length }]) => `${section}: ${length}`)
  assert.deepEqual(blocks, [
    '1.2: 1', '1.3: 1', '2.1: 2', '2.2: 1', '2.3: 2', '2.4: 2', '3.1: 1', '3.2: 1', '3.3: 2', '4.1: 2', '4.2: 3',
    '4.3: 1', '4.4: 1', '5.1: 2', '5.2: 2',
    '5.3: 2', '6.1: 2', '6.2: 1', '6.3: 1', '7.1: 1', '7.2: 1', '9.1: 1', '9.2: 1', '10.1: 1', '10.2: 1', '10.3: 1',
    '11.1: 1', '11.2: 1', '12.0: 1',
  ])
})
