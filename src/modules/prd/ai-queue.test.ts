import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { FakeClock } from '../../testing/clock.ts'
import { fails, says } from '../../testing/outside/model.ts'
import { afterKill, testWorld, type User, type World } from '../../testing/world.ts'
import { aiScene, until } from './testing-ai.ts'
import { Tab, userId, type Data } from './testing.ts'

const statusOf = async (user: User, prdId: string, jobId: string): Promise<string> =>
  (await user.get(`/api/prds/${prdId}/ai/jobs/${jobId}`)).body.status

/** What tells of an answer, from its beginning to its end. */
async function hears(tab: Tab, jobId: string, fullResponse: string): Promise<void> {
  await tab.expect('ai-stream-start', { jobId })
  while ((await tab.expect('ai-stream-chunk', { jobId })).isComplete === false);
  await tab.expect('ai-stream-complete', { jobId, fullResponse })
}

/** A prompt that is refused has an id, and its error is `ai-error`. */
async function refusedWith(tab: Tab, code: string, argument: object): Promise<Data> {
  const outcome = await tab.ask('ai-prompt', argument)
  assert.deepEqual([outcome.ok, outcome.code], [false, code], JSON.stringify(outcome))
  const { jobId, error } = await tab.expect('ai-error')
  assert.equal(error.code, code)
  assert.ok(outcome.message.startsWith(error.message), outcome.message)
  return { jobId, ...error }
}

test('P-A1 a prompt is refused to who may not edit, is too long, or one too many in this hour, which slides', async () => {
  const patient = { accessTokenMs: 7_200_000, pongWaitMs: 7_200_000 }
  await using at = await aiScene({ config: { prdAiPromptsPerHour: 3, prdAiPromptCharacters: 100, ...patient } })
  const { prdId, world } = at
  const [asker, viewer, reader] = [await at.tab(at.owner), await at.tab(at.viewer), await at.tab(at.editor)]
  const asked = { prdId, prompt: 'Again' }
  await asker.refused('NOT_JOINED', 'ai-prompt', asked)
  await asker.join(prdId)
  await viewer.join(prdId)
  await reader.join(prdId, 'view')
  for (const tab of [asker, viewer]) await tab.drained()
  for (const tab of [viewer, reader]) await tab.refused('FORBIDDEN', 'ai-prompt', asked)
  for (const prompt of [' \n', '\ud800', 'a\0']) await asker.refused('VALIDATION_ERROR', 'ai-prompt', { prdId, prompt })
  const long = await refusedWith(asker, 'CONTENT_TOO_LARGE', { prdId, prompt: 'x'.repeat(101) })
  assert.deepEqual([long.retryAfter, await statusOf(at.owner, prdId, long.jobId)], [undefined, 'refused'])

  const one = async (tab: Tab): Promise<void> => hears(tab, await at.ask(tab), 'Text of the model.')
  for (let n = 0; n < 3; n += 1) {
    await one(asker)
    await viewer.drained()
    await world.advance(600_000)
  }
  const over = await refusedWith(asker, 'RATE_LIMIT_EXCEEDED', asked)
  assert.deepEqual(over, {
    jobId: over.jobId,
    code: 'RATE_LIMIT_EXCEEDED',
    message: 'AI request limit exceeded for this hour',
    retryAfter: 1_800,
  })
  // It is a person's, whatever door they come by and whatever PRD it was; and other people have one of their own.
  const rest = await at.owner.post(`/api/prds/${await at.prd('Another')}/ai/jobs`, { prompt: 'Again' })
  assert.deepEqual([rest.status, rest.body.error.code, rest.headers.get('retry-after')], [429, over.code, '1800'])
  assert.equal((await at.owner.delete(`/api/prds/${prdId}`)).status, 204)
  await world.advance(60_000)
  const other = await at.prd('Another')
  for (const tab of [asker, reader]) await tab.join(other)
  await asker.drained()
  assert.equal((await refusedWith(asker, 'RATE_LIMIT_EXCEEDED', { prdId: other, prompt: 'x' })).retryAfter, 1_740)
  await at.owner.put(`/api/prds/${other}/collaborators/${userId(at.editor)}`, { role: 'editor' })
  await asker.drained()
  await reader.done('ai-prompt', { prdId: other, prompt: 'Mine' })
  await asker.find('ai-stream-complete')
  await world.advance(1_740_000)
  await asker.drained()
  await asker.done('ai-prompt', { prdId: other, prompt: 'Again' })
  await asker.find('ai-stream-complete')
  // Another one is free in ten minutes. What was refused did not count.
  assert.equal((await refusedWith(asker, 'RATE_LIMIT_EXCEEDED', { prdId: other, prompt: 'x' })).retryAfter, 600)
  assert.ok(!world.log.some((line) => line.includes('Text of the model') || line.includes('Again')))
})

test('P-A5 two people take turns; of one person so many may wait and no more; a failing model is tried again later', async () => {
  await using at = await aiScene({ config: { prdAiConcurrency: 1, prdAiQueued: 2 } })
  const { prdId, world, model } = at
  const [first, second] = [await at.tab(at.owner), await at.tab(at.editor)]
  for (const tab of [first, second]) await tab.join(prdId)
  await first.drained()
  const speech = at.speech()
  const jobs = [await at.ask(first, 'first 1')]
  await at.asked(1)
  for (const prompt of ['first 2', 'first 3']) jobs.push(await at.ask(first, prompt))
  const over = await refusedWith(first, 'RATE_LIMIT_EXCEEDED', { prdId, prompt: 'first 4' })
  assert.deepEqual([over.retryAfter, /waiting already/.test(over.message)], [120, true])
  const { jobId, ok } = await second.done('ai-prompt', { prdId, prompt: 'second 1' })
  assert.equal(ok, true)
  assert.equal((await second.expect('ai-job-created')).estimatedTime, 120)
  jobs.push(jobId, await at.ask(second, 'second 2'))
  speech.say('x')
  speech.end()
  for (const tab of [first, second]) for (let n = 0; n < 5; n += 1) await tab.find('ai-stream-complete')
  const prompts = model.requests.map(({ user }) => /(first|second) \d/.exec(user)![0])
  assert.deepEqual(prompts, ['first 1', 'second 1', 'first 2', 'second 2', 'first 3'])

  // Before its first word it is tried again, in a while or when the model says; meanwhile it is the turn of others.
  model.next(fails(500), fails(429, { 'retry-after': '7' }), says('At last'))
  const patient = await at.ask(first, 'first 5')
  await at.asked(6)
  await until(async () => (await statusOf(at.owner, prdId, patient)) === 'queued', 'the second try')
  await world.advance(900)
  assert.equal(model.requests.length, 6)
  await world.advance(100)
  await at.asked(7)
  await until(async () => (await statusOf(at.owner, prdId, patient)) === 'queued', 'the third try')
  model.next(says('Between'))
  const between = await at.ask(second)
  model.forget()
  model.next(says('Between'), says('At last'))
  await hears(second, between, 'Between')
  await first.find('ai-stream-complete')
  await world.advance(6_900)
  assert.equal(model.requests.length, 8)
  await world.advance(100)
  await hears(first, patient, 'At last')
  await second.drained()
  // Three times and no more; one who wants to be left alone for long is not asked again.
  model.next(fails(500), fails(500), fails(500), fails(429, { 'retry-after': '90' }))
  let count = 8
  const vain = await at.ask(first)
  for (const ms of [1_000, 4_000]) {
    await at.asked((count += 1))
    await until(async () => (await statusOf(at.owner, prdId, vain)) === 'queued', 'another try')
    await world.advance(ms)
  }
  assert.equal((await first.expect('ai-error', { jobId: vain })).error.code, 'PROVIDER_ERROR')
  const busy = await at.ask(first)
  assert.equal((await first.expect('ai-error', { jobId: busy })).error.retryAfter, 90)
  // Only who asked was told; and nothing is left of all this in memory.
  await second.expectNothing()
  await until(() => world.app.hub.leftovers['ai jobs'] === 0, 'the end')
})

test('P-A4 whatever ends the right or the wish for an answer cancels it, and it is told', async () => {
  await using at = await aiScene()
  const { prdId, world, model, organizationId } = at
  const [asker, owner, viewer] = [await at.tab(at.editor), await at.tab(at.owner), await at.tab(at.viewer)]
  for (const tab of [asker, owner, viewer]) await tab.join(prdId)
  const all = [asker, owner, viewer]
  let count = 0
  /** One that is being written, and told. */
  const begin = async (isTold = true, tab = asker): Promise<string> => {
    const speech = at.speech()
    for (const each of [...all, tab]) await each.drained()
    const { jobId } = await tab.done('ai-prompt', { prdId, prompt: 'x' })
    await tab.find('ai-job-created')
    await at.asked((count += 1))
    if (isTold) {
      speech.say('Some')
      for (const each of new Set([...all, tab])) await each.find('ai-stream-chunk')
    }
    return jobId
  }
  /** The model has been hung up on. */
  const isOver = async (jobId: string): Promise<void> => {
    assert.equal(await model.requests[count - 1]!.ended, false)
    assert.equal(await statusOf(at.admin, prdId, jobId), 'cancelled')
  }
  const told = async (jobId: string, ...tabs: Tab[]): Promise<void> => {
    for (const tab of tabs) {
      const data = await tab.expect('ai-error', { jobId })
      assert.deepEqual([data.error.code, 'retryAfter' in data.error], ['CANCELLED', false])
    }
  }

  // By who asked: before the first word nobody else has heard of it.
  const silent = await begin(false)
  const ack = await asker.done('ai-cancel', { prdId, jobId: silent })
  assert.deepEqual(ack, { ok: true, jobId: silent, status: 'cancelled' })
  await told(silent, asker)
  await isOver(silent)
  assert.equal((await asker.done('ai-cancel', { prdId, jobId: silent })).status, 'cancelled')
  for (const tab of all) await tab.expectNothing()
  // By who manages the PRD, over REST too; by nobody else.
  const managed = await begin()
  await viewer.refused('FORBIDDEN', 'ai-cancel', { prdId, jobId: managed })
  await owner.done('ai-cancel', { prdId, jobId: managed })
  await told(managed, ...all)
  await isOver(managed)
  const rest = await begin()
  await asker.refused('NOT_FOUND', 'ai-cancel', { prdId, jobId: 'job_999999' })
  const elsewhere = await at.prd('x')
  await asker.refused('NOT_FOUND', 'ai-cancel', { prdId: elsewhere, jobId: rest })
  assert.equal((await at.editor.delete(`/api/prds/${prdId}/ai/jobs/${rest}`)).status, 204)
  await told(rest, ...all)
  await isOver(rest)

  // By leaving, on the last connection.
  const second = await at.tab(at.editor)
  await second.join(prdId)
  const left = await begin()
  await asker.done('leave-prd', { prdId })
  await owner.expectNothing()
  await second.done('leave-prd', { prdId })
  await told(left, asker)
  for (const tab of [owner, viewer]) {
    await tab.expect('user-left')
    await told(left, tab)
  }
  await isOver(left)
  assert.equal(second.events.length, 1 + 1, 'what was written')
  await second.drained()
  await asker.join(prdId)

  // With the right to edit, and with all others.
  const share = `/api/prds/${prdId}/collaborators/${userId(at.editor)}`
  const demoted = await begin()
  await at.owner.put(share, { role: 'viewer' })
  await told(demoted, ...all)
  await isOver(demoted)
  await at.owner.put(share, { role: 'editor' })
  const member = await begin()
  await at.admin.patch(`/api/organizations/${organizationId}/members/${userId(at.editor)}`, { role: 'viewer' })
  await told(member, ...all)
  await isOver(member)
  await at.admin.patch(`/api/organizations/${organizationId}/members/${userId(at.editor)}`, { role: 'member' })
  const removed = await begin()
  await at.admin.delete(`/api/organizations/${organizationId}/members/${userId(at.editor)}`)
  await told(removed, ...all)
  await asker.expect('left-prd')
  await isOver(removed)
  // Access that everybody had.
  await at.owner.patch(`/api/prds/${prdId}`, { access: 'edit' })
  const colleague = await at.tab(at.member)
  await colleague.join(prdId)
  all.splice(0, 1)
  const open = await begin(true, colleague)
  await at.owner.patch(`/api/prds/${prdId}`, { access: 'view' })
  await told(open, colleague, ...all)
  await isOver(open)
  // With the account.
  await at.owner.patch(`/api/prds/${prdId}`, { access: 'edit' })
  const closed = await begin(true, colleague)
  await at.admin.post(`/api/tracker/users/${at.member.id}/status`, { status: 'inactive' })
  await told(closed, ...all)
  await isOver(closed)
  // With the PRD; also what waits to be tried again.
  model.next(fails(500))
  await at.owner.post(`/api/prds/${prdId}/ai/jobs`, { prompt: 'x' })
  await at.asked((count += 1))
  const last = await begin(false, owner).catch(() => assert.fail('it waits for the other'))
  await at.owner.delete(`/api/prds/${prdId}`)
  for (const tab of [owner]) {
    const names = (await tab.drained()).map(([name]) => name)
    assert.deepEqual(names, ['ai-error', 'ai-error', 'left-prd'])
  }
  assert.equal(await model.requests[count - 1]!.ended, false)
  assert.ok(last)
  await until(() => world.app.hub.leftovers['ai jobs'] === 0, 'the end')
  await world.advance(60_000)
  assert.equal(model.requests.length, count)
})

/** Ends it as an orderly stop does, and leaves what it has stored. */
async function stopped({ app, clock }: World): Promise<void> {
  const ticking = setInterval(() => clock.advance(100), 1)
  await app.close().finally(() => clearInterval(ticking))
}

test('P-A4 a restart ends what is being written, which is told to who comes back, and goes on with what waits', async () => {
  await using at = await aiScene({ config: { prdAiConcurrency: 1 } })
  const { prdId, world, model, editor, owner } = at
  const config = { aiBaseUrl: model.baseUrl, aiModel: 'model-of-tests' }
  const tabs: Tab[] = []
  const tab = async (of: World, user: User): Promise<Tab> => {
    const one = await new Tab(`${of.url}/prds`, { auth: { token: user.token } }).connected()
    tabs.push(one)
    await one.drained()
    return one
  }
  const first = await at.tab(owner)
  await first.join(prdId)
  const speech = at.speech()
  const running = await at.ask(first, 'one')
  await at.asked(1)
  speech.say('Some')
  await first.find('ai-stream-chunk')
  model.next(says('Two'))
  const { jobId: waiting } = (await editor.post(`/api/prds/${prdId}/ai/jobs`, { prompt: 'two' })).body

  const comesBack = async (next: World): Promise<void> => {
    const back = await tab(next, owner)
    await back.join(prdId)
    const { error } = await back.expect('ai-error', { jobId: running })
    assert.equal(error.code, 'CANCELLED')
    assert.match(error.message, /restarted/)
    await back.expectNothing()
    const again = await tab(next, owner)
    await again.join(prdId)
    assert.deepEqual((await again.drained()).map(([name]) => name), [])
    const other = await tab(next, editor)
    await other.join(prdId)
    await hears(other, waiting, 'Two')
  }
  try {
    // Killed.
    const second = await afterKill(world, { config: { outgoingPrivate: ['127.0.0.1'], prdAiChunkMs: 0, ...config } })
    try {
      await at.asked(2)
      const { log } = second
      await until(async () => (await statusIn(second, editor, prdId, waiting)) === 'completed', 'the other one')
      await comesBack(second)
      assert.ok(!log.some((line) => line.includes('unforeseen')))
    } finally {
      await second.close()
    }
    // Stopped in an orderly way.
    model.next(says('Two'))
    await stopped(world)
    assert.equal(await model.requests[0]!.ended, false)
    const modules = ['tracker', 'prd'] as const
    const third = await testWorld({
      modules,
      folder: world.folder,
      clock: new FakeClock(world.clock.now()),
      config: { outgoingPrivate: ['127.0.0.1'], prdAiChunkMs: 0, ...config },
    })
    try {
      await until(async () => (await statusIn(third, editor, prdId, waiting)) === 'completed', 'the other one')
      await comesBack(third)
    } finally {
      await third.close()
    }
  } finally {
    for (const one of tabs) one.close()
  }
})

const statusIn = async (world: World, { token }: User, prdId: string, jobId: string): Promise<string> => {
  await turn()
  const headers = { authorization: `Bearer ${token}` }
  return (await world.request('GET', `/api/prds/${prdId}/ai/jobs/${jobId}`, undefined, headers)).body.status
}

