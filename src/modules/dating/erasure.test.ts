import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import sharp from 'sharp'
import { seeded } from '../../testing/random.ts'
import { afterKill, type Answer, type User, type World } from '../../testing/world.ts'
import { connect, drained, expectEvents, join as joins, match, ok, refused, say, scene, type Scene } from './testing.ts'

/** Who erases their data has never been here; what is kept of them is in one list, with its reason. */

const config = {
  accessTokenMs: 1e12,
  pongWaitMs: 1e12,
  datingWritesPerMinute: 0,
  datingMessagesPerMinute: 0,
  datingMessagesPerHour: 0,
  datingMessagesPerDay: 0,
}
const DAY = 24 * 60 * 60 * 1000

/** Each is in one place of its own: what of Ana's and of what was said to her must not be found any more. */
const SECRETS = {
  bio: 'qyramid of hers',
  said: 'wyscreet words of hers',
  answered: 'xylograph words to her',
  meta: 'vymetadata',
  client: 'jy-client-id',
  before: 'kyformer conversation',
} as const

const erase = (world: World, user: User, username = user.name, more: Record<string, string> = {}): Promise<Answer> =>
  world.request('DELETE', '/api/dating/account', { username }, { authorization: `Bearer ${user.token}`, ...more })

async function erased(world: World, user: User): Promise<void> {
  const { status, body } = await erase(world, user)
  assert.equal(status, 204, JSON.stringify(body))
}

function query(world: World, text: string): Record<string, unknown>[] {
  const db = new DatabaseSync(join(world.folder, 'switchboard.db'), { readOnly: true })
  try {
    return db.prepare(text).all()
  } finally {
    db.close()
  }
}

const filesIn = ({ folder }: World, under = ''): readonly string[] =>
  readdirSync(join(folder, under), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

/** Where something still is: in the bytes of a file of the data folder, in a row, or in what was logged. */
function found(world: World, canaries: readonly (string | Buffer)[]): string[] {
  const places: string[] = []
  for (const path of filesIn(world)) {
    const bytes = readFileSync(path)
    for (const [n, canary] of canaries.entries()) {
      if (bytes.includes(canary)) places.push(`${nameOf(canary, n)} in ${path.slice(world.folder.length)}`)
    }
  }
  for (const { name } of query(world, `select name from sqlite_master where type = 'table'`)) {
    const rows = JSON.stringify(query(world, `select * from "${String(name)}"`))
    for (const canary of canaries) {
      if (typeof canary === 'string' && rows.includes(canary)) places.push(`${canary} in a row of ${String(name)}`)
    }
  }
  for (const canary of canaries) {
    if (typeof canary !== 'string') continue
    if (world.log.some((line) => line.includes(canary))) places.push(`${canary} in what the server has logged`)
  }
  return places
}

const nameOf = (canary: string | Buffer, n: number): string => (typeof canary === 'string' ? canary : `bytes ${n}`)

/** Jobs have run, again and again where they go on in portions, and what was erased has left the files. */
async function forgotten(world: World, canaries: readonly (string | Buffer)[]): Promise<void> {
  for (let seconds = 0; seconds < 40 && found(world, canaries).length > 0; seconds += 1) {
    await world.advance(1_000)
    // The files are cleared behind everybody's back.
    for (let turns = 0; turns < 20; turns += 1) await new Promise((turn) => setImmediate(turn))
  }
  assert.deepEqual(found(world, canaries), [])
}

interface Uploaded {
  readonly id: string
  readonly url: string
  /** What is in its bytes alone. */
  readonly canary: Buffer
}

async function upload(world: World, user: User, seed: number, kind = ''): Promise<Uploaded> {
  const random = seeded(seed)
  const pixels = Buffer.from(Array.from({ length: 200 * 100 * 3 }, () => random.int(256)))
  const picture = await sharp(pixels, { raw: { width: 200, height: 100, channels: 3 } })
    .jpeg()
    .toBuffer()
  const form = new FormData()
  form.set('file', new Blob([Buffer.from(picture)]), 'me.jpg')
  const { id, url } = await ok(user.post(`/api/dating/photos${kind}`, form))
  const bytes = Buffer.from(await (await fetch(world.url + (url as string))).arrayBuffer())
  return { id, url, canary: bytes.subarray(bytes.length / 2, bytes.length / 2 + 64) }
}

interface Lived {
  readonly canaries: readonly (string | Buffer)[]
  readonly photos: readonly Uploaded[]
  readonly messages: readonly string[]
  readonly formerId: string
}

/** Ana has a profile and a photo, says and shows things, is answered, has parted from Cleo and has an upload. */
async function lived(at: Scene): Promise<Lived> {
  const { world, ana, ben, cleo, conversationId } = at
  const photos = [
    await upload(world, ana, 1),
    await upload(world, ana, 2),
    await upload(world, ben, 3),
    await upload(world, ana, 4, '?ephemeral=true'),
    await upload(world, ben, 5, '?ephemeral=true'),
    await upload(world, ana, 6),
  ] as const
  const [avatar, hers, his, herSecret, hisSecret] = photos
  await ok(ana.put('/api/dating/profile', { bio: SECRETS.bio, avatar_photo_id: avatar.id }))
  const path = `/api/dating/conversations/${conversationId}/messages`
  const keyed = await ana.post(
    path,
    { content: SECRETS.said, type: 'text', metadata: { note: SECRETS.meta, client_id: SECRETS.client } },
    { 'idempotency-key': 'once' },
  )
  assert.equal(keyed.status, 201)
  const answer = await say(ben, conversationId, SECRETS.answered)
  await say(ana, conversationId, hers.url, { type: 'photo' })
  await say(ben, conversationId, his.url, { type: 'photo' })
  await say(ana, conversationId, herSecret.url, { type: 'photo_ephemeral' })
  const seen = await say(ben, conversationId, hisSecret.url, { type: 'photo_ephemeral' })
  await ok(ana.post(`/api/dating/conversations/${conversationId}/read`, { message_id: seen.id }))
  const formerId = await match(ana, cleo)
  await say(cleo, formerId, SECRETS.before)
  await ok(cleo.delete(`/api/dating/conversations/${formerId}`))
  return {
    canaries: [...Object.values(SECRETS), ...photos.map(({ canary }) => canary)],
    photos,
    messages: [keyed.body.id as string, answer.id as string],
    formerId,
  }
}

/** Every door at which something of Ana's could be. */
async function hidden(at: Scene, { photos, messages, formerId }: Lived, canaries: readonly (string | Buffer)[]) {
  const conversations = [at.conversationId, formerId].map((id) => `/api/dating/conversations/${id}`)
  const paths = [
    '/api/dating/profiles',
    `/api/dating/profiles/${at.ana.uuid}`,
    '/api/dating/conversations',
    '/api/dating/export',
    ...conversations,
    ...conversations.map((path) => `${path}/messages`),
    ...messages.map((id) => `/api/dating/messages/${id}`),
    ...photos.map(({ id }) => `/api/dating/photos/${id}`),
  ]
  for (const user of [at.ana, at.ben, at.cleo, at.admin]) {
    for (const path of paths) {
      const text = JSON.stringify((await user.get(path)).body)
      for (const canary of canaries) {
        if (typeof canary === 'string') assert.ok(!text.includes(canary), `${user.name} reads ${canary} at ${path}`)
      }
    }
    for (const path of paths.filter((one) => one.startsWith(conversations[0]!))) {
      assert.equal((await user.get(path)).status, 404, `${user.name} at ${path}`)
    }
  }
  for (const { url } of photos) assert.ok((await fetch(at.world.url + url)).status >= 400, url)
}

test('who erases their data leaves nothing of both sides in rows, files, events, outcomes or doors', async () => {
  await using at = await scene({ config })
  const all = await lived(at)
  for (const canary of all.canaries) assert.ok(found(at.world, [canary]).length > 0, 'the search finds what is there')
  await erased(at.world, at.ana)
  // At once, before any job has run.
  await hidden(at, all, all.canaries)
  await forgotten(at.world, all.canaries)
  await hidden(at, all, all.canaries)
  for (const table of ['likes', 'conversations', 'participants', 'messages', 'photos', 'reports']) {
    assert.deepEqual(query(at.world, `select * from dating_${table}`), [], table)
  }
  assert.deepEqual(filesIn(at.world, 'files'), [])
  assert.deepEqual(query(at.world, `select kind, key from jobs where kind like 'dating.%'`), [])
  const { profile, conversations, photos, likes_given, blocks_made, reports_filed, counted } = await ok(
    at.ana.get('/api/dating/export'),
  )
  assert.equal(profile, null)
  assert.deepEqual([conversations, photos, likes_given, blocks_made, reports_filed], [[], [], [], [], []])
  // The archives that `hidden` asked for, after the erasure.
  assert.ok(counted.every(({ kind }: { kind: string }) => kind === 'export'))
})

for (const when of ['before any job has run', 'after the jobs have run'] as const) {
  test(`killed after an erasure, ${when}: the next start ends it`, async () => {
    await using at = await scene({ config })
    const all = await lived(at)
    await erased(at.world, at.ana)
    if (when === 'after the jobs have run') await at.world.app.jobs.runDue()
    await using next = await afterKill(at.world, { config })
    await forgotten(next, all.canaries)
    assert.deepEqual(filesIn(next, 'files'), [])
  })
}

test('what is too much at once goes in portions, also when killed; a new beginning is left alone', async () => {
  await using at = await scene({ config })
  const all = await lived(at)
  for (let n = 0; n < 900; n += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, i) => say(at.ben, at.conversationId, `answer ${n + i}`)))
  }
  await say(at.ana, at.conversationId, 'zylast words')
  const canaries = [...all.canaries, 'zylast words']
  await erased(at.world, at.ana)
  assert.ok(
    found(at.world, ['zylast words']).some((place) => place.includes('dating_messages')),
    'the newest go last',
  )
  await hidden(at, all, canaries)
  // Of the same moment as the erasure.
  await ok(at.ana.put('/api/dating/profile', { bio: 'a new beginning' }))
  const again = await match(at.ana, at.ben)
  await say(at.ana, again, 'hello again')
  await using next = await afterKill(at.world, { config })
  await forgotten(next, canaries)
  for (let n = 0; n < 5; n += 1) await next.advance(1_000)
  const joined = 'dating_conversations c join dating_messages t on t.conversation_id = c.id'
  const left = query(next, `select c.uuid, t.content from ${joined}`)
  assert.deepEqual(
    left.filter(({ content }) => content === 'hello again').map(({ uuid }) => uuid),
    [again],
  )
  assert.ok(left.every(({ uuid }) => uuid === again))
  assert.deepEqual(query(next, "select bio from dating_profiles where bio like 'a new%'").length, 1)
})

test('the one who erases is cut off; the other sees them go, and a conversation that is not there', async () => {
  await using at = await scene({ config })
  const [ana, ben, tablet, cleo] = [
    await connect(at.world, at.ana),
    await connect(at.world, at.ben),
    await connect(at.world, at.ben),
    await connect(at.world, at.cleo),
  ]
  for (const client of [ana, ben, tablet]) await drained(client)
  await joins(ana, at.conversationId)
  await joins(ben, at.conversationId)
  await say(at.ben, at.conversationId, 'are you there?')
  await drained(ana)
  await expectEvents({ ben, tablet, cleo }, () => erased(at.world, at.ana), {
    ben: ['user:offline'],
    tablet: ['user:offline'],
  })
  await ana.expect('error', { code: 'FORBIDDEN' })
  await ana.expect('connection:closed')
  await ana.expectClose(1008)
  const { conversationId: conversation_id } = at
  await refused(ben, 'message:send', { conversation_id, content: 'hello?', type: 'text' }, 'NOT_FOUND')
  await refused(ben, 'conversation:join', { conversation_id }, 'NOT_FOUND')
  await refused(ben, 'typing:start', { conversation_id }, 'NOT_FOUND')
  assert.deepEqual((await ok(at.ben.get('/api/dating/conversations'))).items, [])
  // Their presence goes for good, without a second word.
  at.world.clock.advance(60_000)
  assert.deepEqual(await drained(ben), [])
  // The account is what it was.
  assert.equal((await at.ana.get('/api/auth/me')).status, 200)
  const back = await connect(at.world, at.ana)
  assert.deepEqual(await drained(back), [])
})

test('nothing of before is replayed to who resumes, neither to the other side nor to the one who erased', async () => {
  await using at = await scene({ config })
  const { position } = await ok(at.ben.get('/api/dating/conversations'))
  await say(at.ana, at.conversationId, SECRETS.said)
  const ana = await connect(at.world, at.ana)
  ana.send({ event: 'user:status', data: { status: 'away' } })
  await ana.expect('user:status_updated')
  await erased(at.world, at.ana)
  for (const user of [at.ana, at.ben]) {
    const client = at.world.client(`/ws?since=${position}&join=all`, {
      headers: { authorization: `Bearer ${user.token}` },
    })
    const first = (await client.next()) as unknown as { event: string }
    assert.equal(first.event, 'connection:established')
    client.send({ event: 'nothing', data: {} })
    const second = (await client.next()) as unknown as { event: string }
    assert.equal(second.event, 'error', 'the answer to what was just sent comes first')
  }
})

test('only the own user name, typed again, erases; and erasing what is not there is no error', async () => {
  await using at = await scene({ config })
  for (const name of ['ben', 'ANA', '', 'ana ']) {
    const { status, body } = await erase(at.world, at.ana, name)
    assert.equal(status, 400, name)
    assert.match(JSON.stringify(body), /VALIDATION_ERROR/)
  }
  const headers = { authorization: `Bearer ${at.ana.token}` }
  assert.equal((await at.world.request('DELETE', '/api/dating/account', undefined, headers)).status, 400)
  assert.equal((await at.world.request('DELETE', '/api/dating/account', { username: 'ana' })).status, 401)
  await ok(at.ana.get(`/api/dating/conversations/${at.conversationId}`))
  await erased(at.world, at.ana)
  await erased(at.world, at.ana)
})

test('the client id of an erased message brings nothing back', async () => {
  await using at = await scene({ config })
  const path = `/api/dating/conversations/${at.conversationId}/messages`
  const body = { content: SECRETS.said, type: 'text' }
  const headers = { 'idempotency-key': 'once' }
  assert.equal((await at.ana.post(path, body, headers)).status, 201)
  await erased(at.world, at.ana)
  assert.equal((await at.ana.post(path, body, headers)).status, 404)
})

test('a suspension outlasts an erasure, a profile of the suspended does not', async () => {
  await using at = await scene({ config })
  await ok(at.ana.put('/api/dating/profile', { bio: SECRETS.bio }))
  const { id } = await ok(at.ben.post('/api/dating/reports', { user_id: at.ana.uuid, reason: 'fake' }))
  await ok(at.admin.post(`/api/dating/moderation/reports/${id}/resolve`, { action: 'suspend' }))
  await erased(at.world, at.ana)
  assert.equal((await at.ana.put('/api/dating/profile', { bio: 'me again' })).status, 403)
  await forgotten(at.world, [SECRETS.bio])
  await ok(at.ana.get('/api/dating/export'))
})

test('who has blocked somebody stays safe from them after they have erased their data and come back', async () => {
  await using at = await scene({ config })
  await ok(at.ben.post('/api/dating/blocks', { user_id: at.ana.uuid }))
  await erased(at.world, at.ana)
  await ok(at.ana.put('/api/dating/profile', { bio: 'me again' }))
  assert.equal((await at.ana.get(`/api/dating/profiles/${at.ben.uuid}`)).status, 404)
  assert.equal((await ok(at.ben.get('/api/dating/blocks'))).items.length, 1)
})

const RETENTION = 30 * DAY

test('reports outlast an erasure: one’s own without a name, those about one for their time and no longer', async () => {
  await using at = await scene({ config: { ...config, datingReportRetentionMs: RETENTION } })
  const hers = await say(at.ana, at.conversationId, 'an insult of hers')
  const his = await say(at.ben, at.conversationId, 'an insult of his')
  const { conversationId: conversation_id } = at
  const report = (by: User, of: User, { id }: { id: string }, note: string): Promise<{ id: string }> => {
    const body = { user_id: of.uuid, conversation_id, message_ids: [id], reason: 'harassment', note }
    return ok(by.post('/api/dating/reports', body))
  }
  const about = await report(at.ben, at.ana, hers, 'see what she wrote')
  const filed = await report(at.ana, at.ben, his, 'see what he wrote')
  const closed = await report(at.ana, at.ben, his, 'it is decided')
  const queue = '/api/dating/moderation/reports'
  await ok(at.admin.post(`${queue}/${closed.id}/resolve`, { action: 'dismiss' }))
  await ok(at.admin.get(`${queue}/${about.id}`))
  await erased(at.world, at.ana)
  const open = await ok(at.admin.get(`${queue}/${filed.id}`))
  assert.deepEqual([open.reporter, open.note], [null, 'see what he wrote'])
  assert.equal(open.evidence[0].content, 'an insult of his')
  assert.deepEqual([open.reported.username, open.conversation], ['ben', null])
  assert.equal((await ok(at.admin.get(`${queue}/${closed.id}`))).note, '')
  const kept = await ok(at.admin.get(`${queue}/${about.id}`))
  assert.deepEqual([kept.reported.username, kept.evidence[0].content], ['ana', 'an insult of hers'])
  assert.deepEqual((await ok(at.ana.get('/api/dating/export'))).reports_filed, [])
  // Once more does not prolong it, and nobody needs to have decided.
  at.world.clock.advance(DAY)
  await erased(at.world, at.ana)
  const left = () => query(at.world, 'select uuid from dating_reports').map(({ uuid }) => uuid)
  await at.world.advance(RETENTION - DAY - 1)
  assert.ok(left().includes(about.id))
  await at.world.advance(1)
  assert.ok(!left().includes(about.id))
  assert.ok(left().includes(filed.id), 'that one is about Ben, and open')
  const orphans = 'select * from dating_report_reads where report_id not in (select id from dating_reports)'
  assert.deepEqual(query(at.world, orphans), [])
})

test('on the other database nothing is found after an erasure either, at once and after its jobs', async () => {
  await using at = await scene({ config, storage: 'postgres' })
  const all = await lived(at)
  for (let n = 0; n < 50; n += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, i) => say(at.ben, at.conversationId, `answer ${n + i}`)))
  }
  await erased(at.world, at.ana)
  await hidden(at, all, all.canaries)
  for (let n = 0; n < 5; n += 1) await at.world.advance(1_000)
  await hidden(at, all, all.canaries)
  assert.deepEqual(filesIn(at.world, 'files'), [])
})
