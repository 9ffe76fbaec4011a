import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { pages } from '../../testing/pages.ts'
import { REPORTS, QUEUE, CONVERSATIONS, DAY, file, about, resolve, kept } from './reporting/testing.ts'
import { connect, expectEvents, match, ok, readAll, say, scene } from './testing.ts'

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`D-P4 a moderator sees who was reported and why, and the reported messages alone: ${storage}`, async () => {
    await using a = await scene({ storage })
    const reported: { id: string }[] = []
    for (const words of ['reported one', 'reported two']) reported.push(await say(a.ben, a.conversationId, words))
    await say(a.ben, a.conversationId, 'an unreported canary')
    await readAll(a.ana, a.conversationId)
    await say(a.ana, a.conversationId, 'another unreported canary')
    const clients = { ana: await connect(a.world, a.ana), ben: await connect(a.world, a.ben) }
    await clients.ana.expect('user:online')
    await clients.ana.expect('message:delivered')
    let id = ''
    await expectEvents(
      clients,
      async () => {
        const filed = await about(
          a,
          reported.map((one) => one.id),
          { note: 'he will not stop' },
        )
        assert.deepEqual(Object.keys(filed), ['id', 'status'])
        assert.equal(filed.status, 'open')
        id = filed.id
      },
      {},
    )
    a.world.clock.advance(90_000)
    const { items } = await ok(a.admin.get(QUEUE))
    assert.deepEqual(items, [
      {
        id,
        status: 'open',
        reason: 'harassment',
        reported: { id: a.ben.uuid, username: 'ben', display_name: items[0].reported.display_name, suspended: false },
        message_count: 2,
        reports_of_person: 1,
        age_seconds: 90,
        created_at: '2026-01-05T12:00:00Z',
        resolved_at: null,
      },
    ])
    const detail = await ok(a.admin.get(`${QUEUE}/${id}`))
    assert.deepEqual(Object.keys(detail), [
      ...Object.keys(items[0]!),
      'bio',
      'reporter',
      'note',
      'conversation',
      'evidence',
      'resolution',
      'resolved_by',
    ])
    assert.deepEqual([detail.note, detail.bio, detail.reporter.id], ['he will not stop', 'I am ben', a.ana.uuid])
    assert.deepEqual(detail.conversation, { id: a.conversationId, locked: false, ended: false })
    assert.deepEqual(detail.evidence[0], {
      message_id: reported[0]!.id,
      type: 'text',
      content: 'reported one',
      encrypted: false,
      disclosed: null,
      photo: null,
      created_at: '2026-01-05T12:00:00Z',
      delivered_at: '2026-01-05T12:00:00Z',
      viewed_at: '2026-01-05T12:00:00Z',
    })
    assert.equal(detail.evidence.length, 2)
    assert.ok(!JSON.stringify([items, detail]).includes('canary'))

    for (const action of ['lock', 'unlock']) await ok(a.admin.post(`${QUEUE}/${id}/${action}`))
    await ok(resolve(a, id, 'dismiss'))
    const closed = await ok(a.admin.get(`${QUEUE}/${id}`))
    assert.deepEqual([closed.status, closed.resolution, closed.resolved_by], ['dismissed', 'dismiss', a.admin.uuid])
    assert.deepEqual((await ok(a.admin.get(`${QUEUE}?status=open`))).items, [])
    assert.equal((await ok(a.admin.get(`${QUEUE}?status=dismissed`))).items.length, 1)
  })
}

test('every reading of a report is kept, with who has read it', async () => {
  await using a = await scene()
  const { id } = await file(a)
  await ok(a.admin.get(QUEUE))
  assert.deepEqual(kept(a, 'dating_report_reads'), [])
  await ok(a.admin.get(`${QUEUE}/${id}`))
  a.world.clock.advance(5_000)
  await ok(a.admin.get(`${QUEUE}/${id}`))
  const at = a.world.clock.now()
  assert.deepEqual(
    kept(a, 'dating_report_reads').map((row) => [row['moderator_id'], row['at']]),
    [
      [a.admin.id, at - 5_000],
      [a.admin.id, at],
    ],
  )
  assert.equal((await a.ana.get(`${QUEUE}/${id}`)).status, 403)
  assert.equal(kept(a, 'dating_report_reads').length, 2)
})

test('evidence stays as it was, whatever becomes of the messages', async () => {
  await using a = await scene()
  const { id: message } = await say(a.ben, a.conversationId, 'words')
  const { id } = await about(a, [message])
  await ok(a.ben.delete(`/api/dating/messages/${message}`))
  await ok(a.ben.delete(`${CONVERSATIONS}/${a.conversationId}`))
  const { evidence, conversation } = await ok(a.admin.get(`${QUEUE}/${id}`))
  assert.deepEqual([evidence[0].content, conversation.ended], ['words', true])
})

test('after an unmatch and after a block one still reports what is there, but nothing that was deleted', async () => {
  await using a = await scene()
  const { id: left } = await say(a.ben, a.conversationId, 'left')
  const { id: deleted } = await say(a.ben, a.conversationId, 'deleted')
  await ok(a.ben.delete(`/api/dating/messages/${deleted}`))
  await ok(a.ben.delete(`${CONVERSATIONS}/${a.conversationId}`))
  await ok(a.ben.post('/api/dating/blocks', { user_id: a.ana.uuid }))
  await about(a, [left])
  const { status, body } = await a.ana.post(REPORTS, {
    user_id: a.ben.uuid,
    reason: 'spam',
    conversation_id: a.conversationId,
    message_ids: [deleted],
  })
  assert.deepEqual([status, Object.keys(body.error.details)], [400, ['message_ids']])
})

test('only messages of the reported person in a conversation of the two are reported', async () => {
  await using a = await scene()
  const other = await match(a.ana, a.cleo)
  const foreign = await match(a.ben, a.cleo)
  const own = await say(a.ana, a.conversationId, 'own')
  const theirs = await say(a.ben, a.conversationId, 'theirs')
  const elsewhere = await say(a.cleo, other, 'x')
  const [system] = (await ok(a.ana.get(`${CONVERSATIONS}/${other}/messages`))).items.slice(-1)
  const conversation_id = a.conversationId
  const table = [
    [{ message_ids: [theirs.id] }, 400, 'conversation_id'],
    [{ conversation_id, message_ids: [own.id] }, 400, 'message_ids'],
    [{ conversation_id, message_ids: [elsewhere.id] }, 400, 'message_ids'],
    [{ conversation_id, message_ids: ['no-id'] }, 400, 'message_ids'],
    [{ conversation_id: other, message_ids: [system.id] }, 403, undefined],
    [{ conversation_id: other }, 403, undefined],
    [{ conversation_id: foreign }, 403, undefined],
    [{ conversation_id: 'no-id' }, 404, undefined],
    [{ conversation_id, message_ids: Array(51).fill(theirs.id) }, 400, 'message_ids'],
    [{ note: 'a'.repeat(1_001) }, 400, 'note'],
    [{ reason: 'dislike' }, 400, 'reason'],
    [{ user_id: a.ana.uuid }, 400, 'user_id'],
    [{ user_id: '00000000-0000-4000-8000-000000000000' }, 404, undefined],
  ] as const
  for (const [more, status, field] of table) {
    const answer = await a.ana.post(REPORTS, { user_id: a.ben.uuid, reason: 'spam', ...more })
    const said = JSON.stringify([more, answer.body])
    assert.equal(answer.status, status, said)
    if (field) assert.deepEqual(Object.keys(answer.body.error.details), [field], said)
  }
  assert.deepEqual(kept(a, 'dating_reports'), [])
  // The same one twice is one.
  const { id } = await about(a, [theirs.id, theirs.id])
  assert.equal((await ok(a.admin.get(`${QUEUE}/${id}`))).evidence.length, 1)
})

test('D-M3 of an encrypted message the reporter says what it said, and of no other', async () => {
  await using a = await scene()
  const cipher = await say(a.ben, a.conversationId, 'Zm9vYmFyYmF6cXV4', { metadata: { encrypted: true } })
  const plain = await say(a.ben, a.conversationId, 'plain')
  const plaintexts = [{ message_id: cipher.id, content: 'what it said' }]
  const { id } = await about(a, [cipher.id, plain.id], { plaintexts })
  const { evidence } = await ok(a.admin.get(`${QUEUE}/${id}`))
  assert.deepEqual(
    evidence.map((one: Record<string, unknown>) => [one['content'], one['encrypted'], one['disclosed']]),
    [
      ['Zm9vYmFyYmF6cXV4', true, 'what it said'],
      ['plain', false, null],
    ],
  )
  for (const message_id of [plain.id, 'no-id']) {
    const { status, body } = await a.ana.post(REPORTS, {
      user_id: a.ben.uuid,
      reason: 'spam',
      conversation_id: a.conversationId,
      message_ids: [cipher.id, plain.id],
      plaintexts: [{ message_id, content: 'x' }],
    })
    assert.deepEqual([status, Object.keys(body.error.details)], [400, ['plaintexts']])
  }
})

test('of a reported photo only what is known of it is kept, and not the photo', async () => {
  await using a = await scene()
  const bytes = await sharp({ create: { width: 12, height: 8, channels: 3, background: '#3a3' } })
    .png()
    .toBuffer()
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(bytes)]), 'x.png')
  const authorization = `Bearer ${a.ben.token}`
  const uploaded = await ok(a.world.request('POST', '/api/dating/photos', form, { authorization }))
  const path = `/api/dating/photos/${uploaded.id}/file`
  const { id: message } = await say(a.ben, a.conversationId, path, { type: 'photo' })
  const { id } = await about(a, [message])
  await ok(a.ben.delete(`/api/dating/messages/${message}`))
  const [one] = (await ok(a.admin.get(`${QUEUE}/${id}`))).evidence
  assert.deepEqual([one.type, one.content], ['photo', ''])
  assert.deepEqual(Object.keys(one.photo), ['mime_type', 'size', 'width', 'height'])
  assert.deepEqual([one.photo.width, one.photo.height], [12, 8])
  assert.ok(!JSON.stringify(kept(a, 'dating_reports')).includes(uploaded.id))
})

test('reporting and blocking are one deed', async () => {
  await using a = await scene()
  const { id: message } = await say(a.ben, a.conversationId, 'words')
  await about(a, [message], { block: true })
  assert.equal((await a.ben.get(`${CONVERSATIONS}/${a.conversationId}`)).status, 403)
  assert.equal((await ok(a.ana.get('/api/dating/blocks'))).items[0].user_id, a.ben.uuid)
})

test('the reports of a day are limited on their edge; what is refused blocks nobody', async () => {
  await using a = await scene({ config: { datingReportsPerDay: 2, accessTokenMs: 3 * DAY } })
  await file(a)
  await file(a)
  const { status, body } = await a.ana.post(REPORTS, { user_id: a.ben.uuid, reason: 'spam', block: true })
  assert.deepEqual([status, body.error.code], [429, 'RATE_LIMITED'])
  assert.deepEqual((await ok(a.ana.get('/api/dating/blocks'))).items, [])
  a.world.clock.advance(DAY)
  await file(a)
  const queue = await pages<{ reports_of_person: number }>(a.admin, QUEUE)
  assert.deepEqual(
    queue.map((one) => one.reports_of_person),
    [3, 3, 3],
  )
})
