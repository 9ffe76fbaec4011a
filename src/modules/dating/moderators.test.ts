import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { User } from '../../testing/world.ts'
import {
  REPORTS,
  QUEUE,
  SUSPENSIONS,
  CONVERSATIONS,
  DAY,
  file,
  about,
  resolve,
  kept,
  type Filed,
} from './reporting/testing.ts'
import { connect, expectEvents, join, ok, open, refused, say, scene } from './testing.ts'

test('D-P3 a locked conversation takes nobody in and no message, and nobody is told or cut', async () => {
  await using a = await scene()
  const { id } = await about(a, [])
  const clients = { ana: await connect(a.world, a.ana), ben: await connect(a.world, a.ben) }
  await clients.ana.expect('user:online')
  await join(clients.ana, a.conversationId)
  await expectEvents(
    clients,
    async () => {
      for (let i = 0; i < 2; i += 1) assert.equal((await a.admin.post(`${QUEUE}/${id}/lock`)).status, 204)
    },
    {},
  )
  const data = { conversation_id: a.conversationId, content: 'x', type: 'text' }
  for (const client of Object.values(clients)) {
    await refused(client, 'message:send', data, 'FORBIDDEN')
    await refused(client, 'conversation:join', data, 'CONVERSATION_FULL')
  }
  const path = `${CONVERSATIONS}/${a.conversationId}/messages`
  const { status, body } = await a.ben.post(path, { content: 'x', type: 'text' })
  assert.deepEqual([status, body.error.code], [403, 'FORBIDDEN'])
  assert.ok(!JSON.stringify(await ok(a.ben.get(CONVERSATIONS))).includes('lock'))
  await ok(a.admin.post(`${QUEUE}/${id}/unlock`))
  await join(clients.ben, a.conversationId)
  await expectEvents(clients, () => say(a.ana, a.conversationId, 'again'), {
    ana: ['message:new', 'message:delivered'],
    ben: ['message:new'],
  })
})

test('closing the last report of a conversation lets it go on', async () => {
  await using a = await scene()
  const [first, second] = [await about(a, []), await about(a, [])]
  await ok(a.admin.post(`${QUEUE}/${first.id}/lock`))
  const writes = async (): Promise<number> =>
    (await a.ana.post(`${CONVERSATIONS}/${a.conversationId}/messages`, { content: 'x', type: 'text' })).status
  await ok(resolve(a, first.id, 'dismiss'))
  assert.equal(await writes(), 403)
  await ok(resolve(a, second.id, 'dismiss'))
  assert.equal(await writes(), 201)
})

test('removing the reported messages is a deletion by their sender, and of nothing else', async () => {
  await using a = await scene()
  const bad = await say(a.ben, a.conversationId, 'bad')
  const worse = await say(a.ben, a.conversationId, 'worse')
  const fine = await say(a.ben, a.conversationId, 'fine')
  const { id } = await about(a, [bad.id, worse.id])
  await ok(a.ana.delete(`/api/dating/messages/${worse.id}`))
  const clients = { ana: await connect(a.world, a.ana), ben: await connect(a.world, a.ben) }
  await clients.ana.expect('user:online')
  const got = await expectEvents(clients, () => ok(resolve(a, id, 'remove_messages')), {
    ana: ['message:deleted'],
    ben: ['message:deleted'],
  })
  assert.deepEqual([got.ana[0]!.data['message_id'], got.ana[0]!.data['deleted_by']], [bad.id, a.ben.uuid])
  const { items } = await ok(a.ana.get(`${CONVERSATIONS}/${a.conversationId}/messages`))
  assert.deepEqual(
    items.slice(0, -1).map((one: { id: string }) => one.id),
    [fine.id],
  )
})

test('removing messages of a conversation that has ended is told to neither', async () => {
  await using a = await scene()
  const { id: message } = await say(a.ben, a.conversationId, 'a canary')
  const { id } = await about(a, [message], { block: true })
  const clients = { ana: await connect(a.world, a.ana), ben: await connect(a.world, a.ben) }
  await expectEvents(clients, () => ok(resolve(a, id, 'remove_messages')), {})
  assert.ok(!JSON.stringify(kept(a, 'dating_messages')).includes('canary'))
})

test('D-P2 who is suspended is cut at once, and every door is shut until they are let back', async () => {
  await using a = await scene()
  const { id } = await file(a)
  const ana = await connect(a.world, a.ana)
  const clients = [await connect(a.world, a.ben), await connect(a.world, a.ben)]
  await ana.expect('user:online', { user_id: a.ben.uuid })
  await ok(resolve(a, id, 'suspend'))
  for (const client of clients) {
    await client.expect('error', { code: 'FORBIDDEN' })
    await client.expect('connection:closed', { code: 1008 })
    await client.expectClose(1008)
  }
  const paths = [
    '/api/dating/profile',
    '/api/dating/profiles',
    CONVERSATIONS,
    `${CONVERSATIONS}/${a.conversationId}`,
    `${CONVERSATIONS}/${a.conversationId}/messages`,
    '/api/dating/blocks',
  ]
  for (const path of paths) {
    const { status, body } = await a.ben.get(path)
    assert.deepEqual([status, body.error.code], [403, 'FORBIDDEN'], path)
  }
  assert.equal((await a.ben.put('/api/dating/profile', { bio: 'a new one' })).status, 403)
  assert.equal((await a.ben.post('/api/dating/likes', { user_id: a.cleo.uuid })).status, 403)
  const back = open(a.world, a.ben)
  await back.expect('error', { code: 'FORBIDDEN' })
  await back.expectClose(1008)
  assert.equal((await a.ana.get(`/api/dating/profiles/${a.ben.uuid}`)).status, 404)
  const [queued] = (await ok(a.admin.get(QUEUE))).items
  assert.deepEqual([queued.status, queued.reported.suspended], ['acted', true])

  assert.equal((await a.ana.delete(`${SUSPENSIONS}/${a.ben.uuid}`)).status, 403)
  for (let i = 0; i < 2; i += 1) assert.equal((await a.admin.delete(`${SUSPENSIONS}/${a.ben.uuid}`)).status, 204)
  assert.equal((await a.admin.delete(`${SUSPENSIONS}/no-id`)).status, 404)
  assert.equal((await ok(a.ben.get('/api/dating/profile'))).bio, 'I am ben')
  await connect(a.world, a.ben)
})

test('who had no profile when they were suspended gets none to be seen by it', async () => {
  await using a = await scene()
  const dora = await a.world.user('dora')
  const { id } = await ok(a.ana.post(REPORTS, { user_id: dora.uuid, reason: 'fake' }))
  await ok(resolve(a, id, 'suspend'))
  assert.equal((await dora.put('/api/dating/profile', { bio: '' })).status, 403)
  await ok(a.admin.delete(`${SUSPENSIONS}/${dora.uuid}`))
  const { items } = await ok(a.cleo.get('/api/dating/profiles'))
  assert.ok(!JSON.stringify(items).includes('dora'))
})

test('D-P4 a report is closed once, and then nothing more is done with it', async () => {
  await using a = await scene()
  const { id } = await about(a, [])
  const answers = await Promise.all([resolve(a, id, 'dismiss'), resolve(a, id, 'suspend')])
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((x, y) => x - y),
    [204, 409],
  )
  assert.equal((await a.admin.post(`${QUEUE}/${id}/lock`)).status, 409)
  assert.equal((await resolve(a, id, 'forgive')).status, 400)
  assert.equal((await resolve(a, 'no-id', 'dismiss')).status, 404)
  const bare = await file(a)
  for (const action of ['lock', 'unlock']) {
    assert.equal((await a.admin.post(`${QUEUE}/${bare.id}/${action}`)).status, 409, action)
  }
})

test('D-P4 reports are for moderators alone, and one of a moderator is not for them', async () => {
  await using a = await scene()
  const { id } = await file(a)
  const doors = (user: User, report: string) => [
    user.get(QUEUE),
    user.get(`${QUEUE}/${report}`),
    user.post(`${QUEUE}/${report}/lock`),
    user.post(`${QUEUE}/${report}/unlock`),
    user.post(`${QUEUE}/${report}/resolve`, { action: 'dismiss' }),
    user.delete(`${SUSPENSIONS}/${a.cleo.uuid}`),
  ]
  for (const user of [a.ana, a.ben, a.cleo]) {
    for (const report of [id, 'no-id']) {
      for (const { status, body } of await Promise.all(doors(user, report))) {
        assert.deepEqual([status, body.error.code], [403, 'FORBIDDEN'])
      }
    }
  }
  const own = await ok(a.cleo.post(REPORTS, { user_id: a.admin.uuid, reason: 'other' }))
  assert.deepEqual(
    (await ok(a.admin.get(QUEUE))).items.map((one: Filed) => one.id),
    [id],
  )
  for (const answer of (await Promise.all(doors(a.admin, own.id))).slice(1, 5)) assert.equal(answer.status, 404)
  const second = await a.world.user('second', 'admin')
  assert.equal((await ok(second.get(`${QUEUE}/${own.id}`))).reporter.id, a.cleo.uuid)
})

test('a closed report is removed with its readings when its time is over; an open one stays', async () => {
  const reportRetention = 30 * DAY
  await using a = await scene({ config: { datingReportRetentionMs: reportRetention, accessTokenMs: 90 * DAY } })
  const [closed, waiting] = [await file(a), await file(a)]
  await ok(a.admin.get(`${QUEUE}/${closed.id}`))
  await ok(resolve(a, closed.id, 'dismiss'))
  await a.world.advance(reportRetention - 1)
  assert.equal(kept(a, 'dating_reports').length, 2)
  await a.world.advance(1)
  assert.deepEqual(
    kept(a, 'dating_reports').map((row) => row['uuid']),
    [waiting.id],
  )
  assert.deepEqual(kept(a, 'dating_report_reads'), [])
})

test('a note, a plaintext and the words of a message are in no line of the log', async () => {
  await using a = await scene()
  const cipher = await say(a.ben, a.conversationId, 'Y2FuYXJ5LWNpcGhlcg==', { metadata: { encrypted: true } })
  const plain = await say(a.ben, a.conversationId, 'canary-plain')
  const more = { plaintexts: [{ message_id: cipher.id, content: 'canary-disclosed' }], note: 'canary-note' }
  const { id } = await about(a, [cipher.id, plain.id], more)
  await a.ana.post(REPORTS, { user_id: a.ben.uuid, reason: 'canary-reason', note: 'canary-note' })
  await ok(a.admin.get(`${QUEUE}/${id}`))
  await ok(resolve(a, id, 'suspend'))
  assert.ok(!/canary|Y2FuYXJ5/.test(a.world.log.join('\n')))
})
