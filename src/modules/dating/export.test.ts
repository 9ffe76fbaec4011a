import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import sharp from 'sharp'
import { Compile } from 'typebox/compile'
import { seeded } from '../../testing/random.ts'
import { afterKill, type User, type World } from '../../testing/world.ts'
import { DatingExport } from './export-wire.ts'
import { match, ok, readAll, say, scene, type Scene } from './testing.ts'

/** Everything about a person leaves in one file, and nothing about anybody else. */

const config = {
  accessTokenMs: 1e9,
  datingWritesPerMinute: 0,
  datingMessagesPerMinute: 0,
  datingMessagesPerHour: 0,
  datingMessagesPerDay: 0,
}
const DAY = 24 * 60 * 60 * 1000
const EXPORT = '/api/dating/export'

const archives = Compile(DatingExport)

async function exported(user: User): Promise<DatingExport> {
  const archive = (await ok(user.get(EXPORT))) as DatingExport
  assert.deepEqual([...archives.Errors(archive)], [])
  return archive
}

const filesIn = ({ folder }: World): readonly string[] =>
  readdirSync(join(folder, 'files'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)

interface Uploaded {
  readonly id: string
  readonly url: string
}

async function upload(user: User, seed: number, query = ''): Promise<Uploaded> {
  const random = seeded(seed)
  const pixels = Buffer.from(Array.from({ length: 97 * 61 * 3 }, () => random.int(256)))
  const bytes = await sharp(pixels, { raw: { width: 97, height: 61, channels: 3 } })
    .jpeg()
    .toBuffer()
  const form = new FormData()
  form.set('file', new Blob([Buffer.from(bytes)]), 'me.jpg')
  return ok(user.post(`/api/dating/photos${query}`, form))
}

const bytesOf = async (world: World, url: string): Promise<Buffer> =>
  Buffer.from(await (await fetch(world.url + url)).arrayBuffer())

const METADATA = { client_id: 'c-1', mood: [1, { deep: 'ä' }] }

/** Ana has done everything that can be done here, and everything has been done to her. */
async function full(at: Scene) {
  const { ana, ben, cleo, conversationId, world } = at
  const avatar = await upload(ana, 1)
  const avatarBytes = await bytesOf(world, avatar.url)
  await ok(ana.put('/api/dating/profile', { bio: 'Ana herself', avatar_photo_id: avatar.id }))
  const dora = await world.user('dora')
  await ok(dora.put('/api/dating/profile', { bio: 'bio of dora' }))
  await ok(ana.post('/api/dating/likes', { user_id: dora.uuid }))
  await ok(cleo.post('/api/dating/likes', { user_id: ana.uuid }))
  const emil = await world.user('emil')
  await ok(ana.post('/api/dating/blocks', { user_id: emil.uuid }))
  const fritz = await world.user('fritz')
  await ok(fritz.post('/api/dating/blocks', { user_id: ana.uuid }))
  await ok(ana.put(`/api/dating/conversations/${conversationId}/sharing`, { shares: true }))
  const mine = await say(ana, conversationId, 'Hello from Ana', { metadata: METADATA })
  await readAll(ben, conversationId)
  const theirs = await say(ben, conversationId, 'Hello from Ben')
  const ciphertext = Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 7) % 256)).toString('base64')
  const sealed = await say(ben, conversationId, ciphertext, { metadata: { encrypted: true } })
  const [own, other] = [await upload(ana, 2), await upload(ben, 3)]
  const [once, otherOnce] = [await upload(ana, 4, '?ephemeral=true'), await upload(ben, 5, '?ephemeral=true')]
  const bytes = new Map([[avatar.id, avatarBytes]])
  for (const { id, url } of [own, other, once, otherOnce]) bytes.set(id, await bytesOf(world, url))
  const photos = [
    await say(ana, conversationId, own.url, { type: 'photo' }),
    await say(ben, conversationId, other.url, { type: 'photo' }),
    await say(ana, conversationId, once.url, { type: 'photo_ephemeral' }),
    await say(ben, conversationId, otherOnce.url, { type: 'photo_ephemeral' }),
  ]
  const insult = await say(ben, conversationId, 'an insult')
  await ok(
    ana.post('/api/dating/reports', {
      user_id: ben.uuid,
      conversation_id: conversationId,
      message_ids: [insult.id, sealed.id],
      reason: 'harassment',
      note: 'note of ana',
      plaintexts: [{ message_id: sealed.id, content: 'what it said' }],
    }),
  )
  await ok(ben.post('/api/dating/reports', { user_id: ana.uuid, reason: 'spam', note: 'note of ben' }))
  const { items } = await ok(at.admin.get('/api/dating/moderation/reports'))
  for (const { id } of items) await ok(at.admin.get(`/api/dating/moderation/reports/${id}`))
  for (const { id } of items) {
    await ok(at.admin.post(`/api/dating/moderation/reports/${id}/resolve`, { action: 'dismiss' }))
  }
  await readAll(ana, conversationId)
  const uploads = { avatar, own, other, once, otherOnce, bytes }
  return { dora, emil, fritz, mine, theirs, sealed, ciphertext, photos, insult, ...uploads }
}

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`an archive holds everything about its person, exactly in its shape: ${storage}`, async () => {
    await using at = await scene({ config, storage })
    const made = await full(at)
    const archive = await exported(at.ana)
    assert.deepEqual(archive.account.user_id, at.ana.uuid)
    assert.equal(archive.profile!.bio, 'Ana herself')
    assert.equal(archive.profile!.avatar_photo_id, made.avatar.id)
    // Of the match only the conversation remains that it became, beside the likes.
    assert.deepEqual(new Set(archive.likes_given.map(({ username }) => username)), new Set(['ben', 'dora']))
    assert.deepEqual(
      archive.blocks_made.map(({ username }) => username),
      ['emil'],
    )
    const [conversation, ...others] = archive.conversations
    assert.deepEqual(others, [])
    assert.equal(conversation!.id, at.conversationId)
    assert.deepEqual(conversation!.partner, { user_id: at.ben.uuid, username: 'ben' })
    assert.equal(conversation!.shares, true)
    assert.equal(conversation!.read_message_id, conversation!.messages.at(-1)!.id)
    const byId = new Map(conversation!.messages.map((message) => [message.id, message]))
    const mine = byId.get(made.mine.id)!
    assert.deepEqual([mine.content, mine.sender_id, mine.metadata], ['Hello from Ana', at.ana.uuid, METADATA])
    assert.ok(mine.viewed_at !== null && mine.delivered_at !== null)
    const theirs = byId.get(made.theirs.id)!
    assert.deepEqual([theirs.content, theirs.sender_id], ['Hello from Ben', at.ben.uuid])
    const sealed = byId.get(made.sealed.id)!
    assert.deepEqual([sealed.content, sealed.encrypted], [made.ciphertext, true])
    assert.deepEqual(
      archive.reports_filed.map(({ username, note, reason, status }) => ({ username, note, reason, status })),
      [{ username: 'ben', note: 'note of ana', reason: 'harassment', status: 'dismissed' }],
    )
    assert.deepEqual(
      archive.reports_filed[0]!.messages.map(({ message_id, disclosed }) => [message_id, disclosed]),
      [
        [made.insult.id, null],
        [made.sealed.id, 'what it said'],
      ],
    )
    const read = archive.read_by_moderators.map(({ what }) => what)
    assert.deepEqual([read.length, new Set(read)], [2, new Set(['a report about you', 'a report of yours'])])
    const counted = archive.counted.map(({ kind }) => kind)
    for (const kind of ['message', 'like', 'report', 'export']) assert.ok(counted.includes(kind), kind)
    assert.ok(archive.counted.some(({ client_id, message_id }) => client_id === 'c-1' && message_id === made.mine.id))
  })
}

test('photos leave byte for byte: one’s own and those sent to be kept, but not what was to be seen once', async () => {
  await using at = await scene({ config })
  const made = await full(at)
  const { photos } = await exported(at.ana)
  assert.deepEqual(
    new Map(photos.map(({ id, mine }) => [id, mine])),
    new Map([...[made.avatar, made.own, made.once].map(({ id }) => [id, true] as const), [made.other.id, false]]),
  )
  for (const photo of photos) {
    const bytes = Buffer.from(photo.data!, 'base64')
    assert.ok(bytes.equals(made.bytes.get(photo.id)!), photo.id)
    assert.deepEqual([photo.size, photo.width, photo.height], [bytes.length, 97, 61])
  }
  // What it was sent in is known, and what it showed is not.
  const { conversations } = await exported(at.ana)
  const secret = conversations[0]!.messages.find(({ id }) => id === made.photos[3].id)!
  assert.deepEqual([secret.type, secret.content, secret.photo_id], ['photo_ephemeral', '', made.otherOnce.id])
  await ok(at.ben.delete(`/api/dating/conversations/${at.conversationId}`))
  const after = await exported(at.ana)
  assert.ok(
    after.photos.every(({ mine }) => mine),
    'whose conversation has ended shows no photos any more',
  )
})

test('an archive says nothing of others but what they have written to its person', async () => {
  await using at = await scene({ config })
  const made = await full(at)
  await ok(at.ben.post('/api/dating/likes', { user_id: made.dora.uuid }))
  await ok(at.ben.post('/api/dating/blocks', { user_id: made.emil.uuid }))
  const elsewhere = await match(at.ben, at.cleo)
  await say(at.ben, elsewhere, 'said to Cleo')
  await ok(at.admin.put('/api/dating/profile', { bio: 'the moderator' }))
  const { body, headers } = await at.ana.get(EXPORT)
  assert.match(headers.get('content-disposition')!, /^attachment; filename="dating-export\.json"/)
  assert.equal(headers.get('cache-control'), 'private, no-store')
  const text = JSON.stringify(body)
  const strangers = [at.cleo, made.fritz, at.admin]
  for (const { name, uuid } of strangers) assert.ok(!text.includes(uuid) && !text.includes(`"${name}"`), name)
  const secrets = ['@example.com', 'note of ben', 'said to Cleo', 'I am ben', 'bio of dora', elsewhere]
  for (const secret of secrets) assert.ok(!text.includes(secret), secret)
  assert.ok(text.includes('note of ana'), 'the search finds what is there')
})

test('a message that was deleted comes back in no archive, not even as evidence of a report', async () => {
  await using at = await scene({ config })
  const made = await full(at)
  await ok(at.ben.delete(`/api/dating/messages/${made.insult.id}`))
  assert.ok(!JSON.stringify(await exported(at.ana)).includes('an insult'))
})

test('an archive of many pages has every message once, in order', async () => {
  await using at = await scene({ config })
  const said = Array.from({ length: 450 }, (_, n) => `message ${n}`)
  for (const content of said) await say(at.ana, at.conversationId, content)
  const { conversations } = await exported(at.ana)
  assert.deepEqual(
    conversations[0]!.messages.slice(1).map(({ content }) => content),
    said,
  )
})

test('five archives a day, and nothing of them stays on the disk', async () => {
  await using at = await scene({ config: { ...config, accessTokenMs: 3 * DAY } })
  await upload(at.ana, 1)
  const before = filesIn(at.world)
  for (let n = 0; n < 5; n += 1) await exported(at.ana)
  const sixth = await at.ana.get(EXPORT)
  assert.equal(sixth.status, 429)
  assert.equal(sixth.body.error?.code ?? sixth.body.code, 'RATE_LIMITED')
  assert.deepEqual(filesIn(at.world), before)
  await exported(at.ben)
  at.world.clock.advance(DAY)
  await exported(at.ana)
  assert.equal((await at.world.request('GET', EXPORT)).status, 401)
})

test('what a crash leaves of an archive that was being sent is gone soon after the next start', async () => {
  await using at = await scene({ config })
  for (let n = 0; n < 250; n += 1) await say(at.ana, at.conversationId, `message ${n}`)
  const before = filesIn(at.world)
  const running = at.ana.get(EXPORT)
  // Its job is there before its first byte.
  const jobs = ({ folder }: World): string[] => {
    const db = new DatabaseSync(join(folder, 'switchboard.db'), { readOnly: true })
    try {
      return db
        .prepare(`select key from jobs where kind = 'dating.file'`)
        .all()
        .map(({ key }) => String(key))
    } finally {
      db.close()
    }
  }
  while (jobs(at.world).length === 0) await new Promise((turn) => setImmediate(turn))
  await using next = await afterKill(at.world, { config })
  assert.equal(jobs(next).length, 1)
  await ok(running)
  assert.deepEqual(jobs(at.world), [], 'one that was sent has left none')
  await next.advance(15 * 60 * 1000)
  assert.deepEqual(filesIn(next), before)
  assert.deepEqual(jobs(next), [])
})

/**
 * Where each column of the module is found in an archive; or, after a dash, why it is not there. A column that is in
 * neither way in this list fails the test below.
 */
const columns: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  dating_profiles: {
    user_id: 'account.user_id',
    bio: 'profile.bio',
    avatar: 'profile.avatar_photo_id',
    status: 'profile.status',
    hidden: 'profile.hidden',
    suspended_at: 'profile.suspended_at',
    created_at: 'profile.created_at',
    updated_at: 'profile.updated_at',
  },
  dating_likes: {
    user_id: 'account.user_id',
    liked_id: 'likes_given[].user_id',
    created_at: 'likes_given[].created_at',
  },
  dating_blocks: {
    user_id: 'account.user_id',
    blocked_id: 'blocks_made[].user_id',
    created_at: 'blocks_made[].created_at',
  },
  dating_conversations: {
    id: '- a number of ours; the uuid stands for it',
    uuid: 'conversations[].id',
    created_at: 'conversations[].created_at',
    ended_at: 'conversations[].ended_at',
    locked_at: '- says that somebody has been reported, and so who has reported',
    active_at: 'conversations[].active_at',
  },
  dating_participants: {
    conversation_id: 'conversations[].id',
    user_id: 'account.user_id',
    partner_id: 'conversations[].partner.user_id',
    shares: 'conversations[].shares',
    read_id: 'conversations[].read_message_id',
  },
  dating_messages: {
    id: '- a number of ours; the uuid stands for it',
    uuid: 'conversations[].messages[].id',
    conversation_id: 'conversations[].id',
    sender_id: 'conversations[].messages[].sender_id',
    recipient_id: '- the one of the two who has not sent it',
    type: 'conversations[].messages[].type',
    content: 'conversations[].messages[].content',
    metadata: 'conversations[].messages[].metadata',
    encrypted: 'conversations[].messages[].encrypted',
    photo: 'conversations[].messages[].photo_id',
    created_at: 'conversations[].messages[].created_at',
    delivered_at: 'conversations[].messages[].delivered_at',
    viewed_at: 'conversations[].messages[].viewed_at',
  },
  dating_uses: {
    id: '- a number of ours',
    user_id: 'account.user_id',
    kind: 'counted[].kind',
    at: 'counted[].at',
    client_id: 'counted[].client_id',
    message: 'counted[].message_id',
  },
  dating_photos: {
    uuid: 'photos[].id',
    thumbnail: '- the name of a file that is made from the photo',
    owner_id: 'photos[].mine',
    kind: 'photos[].kind',
    mime_type: 'photos[].mime_type',
    size: 'photos[].size',
    width: 'photos[].width',
    height: 'photos[].height',
    message_id: 'photos[].message_id',
    created_at: 'photos[].created_at',
    opened_at: 'photos[].opened_at',
    fetched_at: 'photos[].fetched_at',
  },
  dating_reports: {
    id: '- a number of ours; the uuid stands for it',
    uuid: 'reports_filed[].id',
    reporter_id: 'account.user_id',
    reported_id: 'reports_filed[].user_id',
    conversation_id: 'reports_filed[].conversation_id',
    reason: 'reports_filed[].reason',
    note: 'reports_filed[].note',
    evidence: 'reports_filed[].messages',
    status: 'reports_filed[].status',
    resolution: '- what was done about somebody else',
    resolved_by: '- a moderator in office, who is to be safe from those they judge',
    created_at: 'reports_filed[].created_at',
    resolved_at: 'reports_filed[].resolved_at',
  },
  dating_report_reads: {
    id: '- a number of ours',
    report_id: 'read_by_moderators[].what',
    moderator_id: '- a moderator in office, who is to be safe from those they judge',
    at: 'read_by_moderators[].date',
  },
}

/** Values at a path like `photos[].id`. */
const valuesAt = (value: unknown, path: string): unknown[] =>
  path.split('.').reduce<unknown[]>(
    (found, step) => {
      const name = step.replace('[]', '')
      const next = found.map((one) => (one as Record<string, unknown>)[name])
      return step.endsWith('[]') ? next.flatMap((one) => one as unknown[]) : next
    },
    [value],
  )

test('every column of the module is in the archive, or is left out for a reason that is written down', async () => {
  await using at = await scene({ config })
  await full(at)
  const db = new DatabaseSync(join(at.world.folder, 'switchboard.db'), { readOnly: true })
  const tables = db.prepare(`select name from sqlite_master where type = 'table' and name like 'dating_%'`).all()
  const actual = Object.fromEntries(
    tables.map(({ name }) => {
      const info = db.prepare(`pragma table_info("${String(name)}")`).all()
      return [String(name), info.map((column) => String(column['name'])).toSorted()]
    }),
  )
  db.close()
  const known = Object.fromEntries(Object.entries(columns).map(([name, map]) => [name, Object.keys(map).toSorted()]))
  assert.deepEqual(actual, known, 'say of the new column where it is in the archive, or why it is not')
  const archive = await exported(at.ana)
  for (const [table, map] of Object.entries(columns)) {
    for (const [column, place] of Object.entries(map)) {
      if (place.startsWith('- ')) assert.ok(place.length > 10, `${table}.${column} needs a reason`)
      else {
        const values = valuesAt(archive, place)
        const isThere = values.length > 0 && values.every((value) => value !== undefined)
        assert.ok(isThere, `${table}.${column} is not at ${place}`)
      }
    }
  }
})
