import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DONE, ModelDouble, says } from '../../testing/outside/model.ts'
import { aiScene, until } from './testing-ai.ts'
import { failingWrites } from './testing-groups.ts'
import { insert, remove, userId, type Data, type Tab } from './testing.ts'

test('P-A2 an answer is told to all who have joined as it is written, in its place in the moving text, and to nobody else', async () => {
  await using at = await aiScene()
  const { prdId, world } = at
  const [asker, editor, viewer] = [await at.tab(at.owner), await at.tab(at.editor, '/'), await at.tab(at.viewer)]
  await asker.join(prdId)
  await editor.join(prdId)
  await viewer.join(prdId, 'view')
  const other = await at.prd('Elsewhere')
  // Of who may see it and has not joined, of who asked on another tab, and of who has joined something else.
  const strangers = [await at.tab(at.member), await at.tab(at.owner), await at.tab(at.editor), await at.tab(at.outsider)]
  await strangers[2]!.join(other)
  const here = [asker, editor, viewer]
  for (const tab of [...here, ...strangers]) await tab.drained()
  const edit = async (operation: object): Promise<void> => {
    await editor.done('content-update', { prdId, operation, stateVector: [] })
    for (const tab of [asker, viewer]) await tab.expect('content-update')
  }
  const toAll = async (name: Parameters<Tab['expect']>[0], fields: object): Promise<Data> => {
    let data: Data
    for (const tab of here) data = await tab.expect(name, fields as Record<string, unknown>)
    return data
  }
  await edit(insert(5, ' world, and all'))

  const speech = at.speech()
  const asked = {
    prompt: 'Add technical requirements for OAuth2 integration',
    section: 'technical-requirements',
    context: { currentContent: 'Existing content...', selectedText: 'OAuth2', cursorPosition: 5 },
  }
  const { jobId } = await asker.done('ai-prompt', { prdId, ...asked })
  assert.deepEqual(await asker.expect('ai-job-created'), {
    jobId,
    prdId,
    userId: userId(at.owner),
    status: 'queued',
    estimatedTime: 30,
  })
  const request = await at.asked(1)
  assert.match(request.user, /Add technical requirements for OAuth2/)
  assert.match(request.user, /Hello\S+ world, and all\n[^]+Existing content[^]+OAuth2/)

  speech.say('## One')
  await toAll('ai-stream-start', { jobId, prdId, userId: userId(at.owner), section: 'technical-requirements' })
  assert.deepEqual(await toAll('ai-stream-chunk', {}), { jobId, chunk: '## One', position: 5, isComplete: false })
  // Before the place, at it, and behind it.
  await edit(insert(0, 'Oh, '))
  speech.say(' two')
  await toAll('ai-stream-chunk', { chunk: ' two', position: 15 })
  await edit(insert(9, '!'))
  await edit(insert(20, '?'))
  speech.say(' three')
  await toAll('ai-stream-chunk', { chunk: ' three', position: 19 })
  // The asker's page puts in what it has been told; the answer goes on behind it.
  await asker.done('content-update', { prdId, operation: insert(9, '## One two three'), stateVector: [] })
  for (const tab of [editor, viewer]) await tab.expect('content-update')
  await edit(remove(0, 4))
  speech.say(' 😀'.slice(0, 2))
  speech.say(' 😀'.slice(2))
  await toAll('ai-stream-chunk', { chunk: ' ', position: 21 })
  await toAll('ai-stream-chunk', { chunk: '😀', position: 22 })
  // All of it is deleted: what comes now goes where it was, behind what was told since.
  await edit(remove(1, 1_000))
  speech.say(' five')
  await toAll('ai-stream-chunk', { chunk: ' five', position: 1 + ' 😀'.length })
  await world.advance(25_000)
  speech.end(1_234)
  assert.deepEqual(await toAll('ai-stream-chunk', { isComplete: true, chunk: '' }), {
    jobId,
    chunk: '',
    position: 1 + ' 😀 five'.length,
    isComplete: true,
  })
  const fullResponse = '## One two three 😀 five'
  await toAll('ai-stream-complete', { jobId, fullResponse, tokensUsed: 1_234, duration: 25_000, suggestions: [] })
  for (const tab of [...here, ...strangers]) await tab.expectNothing()
  // The server has put nothing into the text by itself.
  assert.equal((await at.owner.get(`/api/prds/${prdId}`)).body.content, 'H')
  const { body } = await at.owner.get(`/api/prds/${prdId}/ai/jobs/${jobId}`)
  const { createdAt, startedAt, endedAt, ...job } = body
  assert.deepEqual(job, {
    id: jobId,
    prdId,
    userId: userId(at.owner),
    status: 'completed',
    prompt: asked.prompt,
    section: asked.section,
    response: fullResponse,
    tokensUsed: 1_234,
    suggestions: [],
    error: null,
  })
  assert.equal(Date.parse(endedAt) - Date.parse(startedAt), 25_000)
  assert.equal(createdAt, startedAt)

  // From now on the estimate is what was measured. What may follow is no text of the answer.
  const second = at.speech()
  const next = await asker.done('ai-prompt', { prdId, prompt: 'Again' })
  await asker.expect('ai-job-created', { jobId: next.jobId, estimatedTime: 25 })
  second.say('Done.', { finish: 'stop' }, DONE)
  second.end()
  await toAll('ai-stream-start', { section: '' })
  await toAll('ai-stream-chunk', { chunk: 'Done.', position: 1 })
  await toAll('ai-stream-chunk', { chunk: '', isComplete: true })
  // A model that does not count: it is reckoned.
  const { tokensUsed } = await toAll('ai-stream-complete', { fullResponse: 'Done.', duration: 0 })
  assert.ok(tokensUsed > 0)
  const { items } = (await at.owner.get(`/api/prds/${prdId}/ai/jobs`)).body
  assert.deepEqual(items.map(({ id }: Data) => id), [next.jobId, jobId])
  assert.deepEqual((await at.editor.get(`/api/prds/${prdId}/ai/jobs`)).body.items, [])
  const rest = await at.owner.get(`/api/prds/${prdId}/ai/jobs?limit=1&before=${next.jobId}`)
  assert.deepEqual([rest.body.items.length, rest.body.nextBefore], [1, null])
})

test('P-A3 who joins late gets the answer so far, and who was away when it ended how it ended, once', async () => {
  await using at = await aiScene()
  const { prdId } = at
  const asker = await at.tab(at.owner)
  await asker.join(prdId)
  const speech = at.speech()
  const jobId = await at.ask(asker, 'Go on', { context: { cursorPosition: 2 } })
  await at.asked(1)
  const early = await at.tab(at.editor)
  await early.join(prdId)
  await early.expectNothing()
  for (const piece of ['One', ' two']) {
    speech.say(piece)
    await asker.find('ai-stream-chunk')
  }
  await early.drained()
  await early.done('content-update', { prdId, operation: insert(0, '>'), stateVector: [] })
  const late = await at.tab(at.viewer)
  await late.join(prdId)
  await early.expect('user-joined')
  await late.expect('ai-stream-start', { jobId, prdId, userId: userId(at.owner), section: '' })
  await late.expect('ai-stream-chunk', { jobId, chunk: 'One two', position: 3, isComplete: false })
  await late.expectNothing()
  // It goes on without who asked for it, whose connection is lost.
  asker.cut()
  await asker.disconnected()
  speech.say(' three')
  for (const tab of [early, late]) await tab.expect('ai-stream-chunk', { chunk: ' three', position: 10 })
  speech.end()
  for (const tab of [early, late]) {
    await tab.expect('ai-stream-chunk', { isComplete: true })
    await tab.expect('ai-stream-complete', { fullResponse: 'One two three' })
  }
  await early.done('content-update', { prdId, operation: insert(0, '>'), stateVector: [] })
  const back = await at.tab(at.owner, '/')
  await back.drained()
  await back.join(prdId)
  await back.expect('ai-stream-start', { jobId })
  await back.expect('ai-stream-chunk', { jobId, chunk: 'One two three', position: 4, isComplete: true })
  await back.expect('ai-stream-complete', { jobId, fullResponse: 'One two three', tokensUsed: 150 })
  await back.expectNothing()
  for (const tab of [back, await at.tab(at.owner)]) {
    await tab.join(prdId)
    assert.deepEqual((await tab.drained()).filter(([name]) => name.startsWith('ai-')), [])
  }

  // What ends while they are there is not told again; nor is an error that only they were told.
  at.model.next({ status: 401, body: '{}' })
  const failed = await at.ask(back)
  const { error } = await back.expect('ai-error', { jobId: failed })
  assert.equal(error.code, 'PROVIDER_ERROR')
  await back.expectNothing()
  const again = await at.tab(at.owner)
  await again.join(prdId)
  assert.deepEqual((await again.drained()).filter(([name]) => name.startsWith('ai-')), [])
  // Asked for over REST, by who has nothing joined: told when they come.
  const { body, status } = await at.editor.post(`/api/prds/${prdId}/ai/jobs`, { prompt: 'Please' })
  assert.deepEqual([status, body.status, body.userId], [202, 'queued', userId(at.editor)])
})

test('an answer whose end cannot be written ends with an error once the database is to be had again', async (t) => {
  await using at = await aiScene()
  const { prdId, world } = at
  const asker = await at.tab(at.owner)
  await asker.join(prdId)
  const speech = at.speech()
  const jobId = await at.ask(asker)
  speech.say('Some')
  await asker.find('ai-stream-chunk')
  const restore = failingWrites(t, world)
  const failures = (): number => world.log.filter((line) => line.includes('was not written')).length
  speech.end()
  await until(() => failures() === 2, 'the failing')
  restore()
  await world.advance(1_000)
  const { error } = await asker.expect('ai-error', { jobId })
  assert.equal(error.code, 'PROVIDER_ERROR')
  at.model.next(says('Next'))
  await at.ask(asker)
  await asker.find('ai-stream-complete')
})

test("P-A6 an organization's own model answers in place of the server's, whose key it does not get, or none does", async () => {
  await using at = await aiScene({ config: { aiApiKey: 'key-of-the-server' } })
  const { prdId, organizationId, model } = at
  const own = await new ModelDouble().start()
  try {
    const asker = await at.tab(at.owner)
    await asker.join(prdId)
    const path = `/api/organizations/${organizationId}/integrations/ai`
    const set = async (body: object): Promise<void> => {
      const answer = await at.admin.put(path, body)
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
    }
    const health = async (): Promise<string> => {
      const { items } = (await at.admin.get(`/api/organizations/${organizationId}/integrations`)).body
      return items[0].status
    }
    const keyAt = async (double: ModelDouble): Promise<string | undefined> => {
      await at.ask(asker)
      await asker.find('ai-stream-complete')
      return double.requests.at(-1)!.headers.authorization
    }
    assert.equal(await keyAt(model), 'Bearer key-of-the-server')
    await set({ enabled: true, baseUrl: own.baseUrl })
    assert.deepEqual([await keyAt(own), await health()], [undefined, 'ok'])
    await set({ enabled: true, baseUrl: own.baseUrl, model: 'theirs', apiKey: 'key-of-theirs' })
    assert.deepEqual([await keyAt(own), own.requests.at(-1)!.body!['model']], ['Bearer key-of-theirs', 'theirs'])
    own.next({ status: 401, body: '{}' })
    await at.ask(asker)
    await asker.expect('ai-error')
    assert.equal(await health(), 'failing')
    await set({ enabled: false })
    assert.equal((await asker.ask('ai-prompt', { prdId, prompt: 'x' })).code, 'AI_NOT_CONFIGURED')
    assert.equal((await asker.expect('ai-error')).error.code, 'AI_NOT_CONFIGURED')
    assert.equal(model.requests.length, 1)
    assert.equal((await at.admin.delete(path)).status, 204)
    assert.equal(await keyAt(model), 'Bearer key-of-the-server')
    assert.equal(own.requests.length, 3)
  } finally {
    await own.stop()
  }
})
