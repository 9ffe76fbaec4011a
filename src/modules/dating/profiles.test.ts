import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/compile'
import sharp from 'sharp'
import { pages } from '../../testing/pages.ts'
import type { User } from '../../testing/world.ts'
import { match, ok, scene } from './testing.ts'
import { OwnProfile, Profile } from './routes/shapes.ts'

const PROFILE = '/api/dating/profile'
const PROFILES = '/api/dating/profiles'

async function upload(user: User, world: { url: string }, query = ''): Promise<string> {
  const bytes = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#a33' } })
    .png()
    .toBuffer()
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(bytes)]), 'me.png')
  const response = await fetch(`${world.url}/api/dating/photos${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${user.token}` },
    body: form,
  })
  const body = (await response.json()) as { id: string }
  assert.equal(response.status, 201, JSON.stringify(body))
  return body.id
}

const namesSeenBy = async (user: User): Promise<string[]> =>
  (await pages<{ username: string }>(user, PROFILES)).map(({ username }) => username)

test('a profile is made with the first PUT, and each later one is all of it', async () => {
  await using a = await scene()
  const dora = await a.world.user('dora')
  assert.equal((await dora.get(PROFILE)).status, 404)
  const made = await ok(dora.put(PROFILE, { bio: 'Climbs 😀' }))
  assert.deepEqual([...Compile(OwnProfile).Errors(made)], [])
  const { created_at, ...rest } = made
  assert.deepEqual(rest, {
    user_id: dora.uuid,
    username: 'dora',
    display_name: rest.display_name,
    bio: 'Climbs 😀',
    avatar_url: null,
    avatar_photo_id: null,
    hidden: false,
  })
  a.world.clock.advance(60_000)
  const changed = await ok(dora.put(PROFILE, { bio: '', hidden: true }))
  assert.deepEqual([changed.bio, changed.hidden, changed.created_at], ['', true, created_at])
  assert.deepEqual(await ok(dora.get(PROFILE)), changed)
})

test('a bio has at most 500 code points, and shows no personal data', async () => {
  await using a = await scene()
  const put = (bio: unknown) => a.ana.put(PROFILE, { bio })
  assert.equal((await put('😀'.repeat(500))).status, 200)
  const { status, body } = await put('😀'.repeat(501))
  assert.deepEqual([status, body.error.code, Object.keys(body.error.details)], [400, 'VALIDATION_ERROR', ['bio']])
  for (const bio of [undefined, null, 7, 'a\u0000b']) assert.equal((await put(bio)).status, 400, String(bio))
  const { bio } = await ok(put('Write to me: ana.smith@example.com'))
  assert.ok(!bio.includes('ana.smith@example.com') && bio.startsWith('Write to me'), bio)
  assert.equal((await ok(a.cleo.get(`${PROFILES}/${a.ana.uuid}`))).bio, bio)
})

test('an avatar is an upload of their own that is in no message; the one before it goes', async () => {
  await using a = await scene()
  const [first, second, once, foreign] = [
    await upload(a.ana, a.world),
    await upload(a.ana, a.world),
    await upload(a.ana, a.world, '?ephemeral=true'),
    await upload(a.ben, a.world),
  ]
  for (const avatar_photo_id of [once, foreign, 'no-such-photo']) {
    const { status, body } = await a.ana.put(PROFILE, { bio: '', avatar_photo_id })
    assert.deepEqual([status, Object.keys(body.error.details)], [400, ['avatar_photo_id']], avatar_photo_id)
  }
  const { avatar_url, avatar_photo_id } = await ok(a.ana.put(PROFILE, { bio: '', avatar_photo_id: first }))
  assert.equal(avatar_photo_id, first)
  assert.equal((await a.world.request('GET', avatar_url)).status, 200)
  const seen = await ok(a.cleo.get(`${PROFILES}/${a.ana.uuid}`))
  assert.deepEqual([...Compile(Profile).Errors(seen)], [])
  assert.equal((await a.world.request('GET', seen.avatar_url)).status, 200)
  // The same again is no change.
  await ok(a.ana.put(PROFILE, { bio: 'again', avatar_photo_id: first }))
  assert.equal((await a.ana.get(`/api/dating/photos/${first}`)).status, 200)
  await ok(a.ana.put(PROFILE, { bio: '', avatar_photo_id: second }))
  assert.equal((await a.ana.get(`/api/dating/photos/${first}`)).status, 404)
  assert.equal((await ok(a.ana.put(PROFILE, { bio: '' }))).avatar_url, null)
  assert.equal((await a.ana.get(`/api/dating/photos/${second}`)).status, 404)
})

test('the list has nobody blocked, matched, hidden, suspended, switched off or without a profile', async () => {
  await using a = await scene()
  const users = {} as Record<string, User>
  for (const name of ['hid', 'sus', 'off', 'blocked', 'blocker', 'bare', 'matched', 'fan']) {
    users[name] = await a.world.user(name)
    a.world.clock.advance(1_000)
    if (name !== 'bare') await ok(users[name].put(PROFILE, { bio: name, hidden: name === 'hid' }))
  }
  const { sus, off, blocked, blocker, matched, fan } = users
  const before = await namesSeenBy(a.cleo)
  assert.deepEqual(before.slice(0, 6), ['fan', 'matched', 'blocker', 'blocked', 'off', 'sus'])
  assert.deepEqual(new Set(before.slice(6)), new Set(['ana', 'ben']))

  const { id } = await ok(a.ana.post('/api/dating/reports', { user_id: sus!.uuid, reason: 'spam' }))
  await ok(a.admin.post(`/api/dating/moderation/reports/${id}/resolve`, { action: 'suspend' }))
  await ok(a.admin.post(`/api/tracker/users/${off!.id}/status`, { status: 'inactive' }))
  await ok(a.cleo.post('/api/dating/blocks', { user_id: blocked!.uuid }))
  await ok(blocker!.post('/api/dating/blocks', { user_id: a.cleo.uuid }))
  await match(a.cleo, matched!)
  await ok(fan!.post('/api/dating/likes', { user_id: a.cleo.uuid }))
  const after = await namesSeenBy(a.cleo)
  assert.deepEqual([after[0], new Set(after.slice(1))], ['fan', new Set(['ana', 'ben'])])

  const status = async (by: User, whom: User): Promise<number> => (await by.get(`${PROFILES}/${whom.uuid}`)).status
  const answers = await Promise.all(Object.values(users).map((user) => status(a.cleo, user)))
  assert.deepEqual(Object.fromEntries(Object.keys(users).map((name, i) => [name, answers[i]])), {
    hid: 404,
    sus: 404,
    off: 404,
    blocked: 404,
    blocker: 404,
    bare: 404,
    matched: 200,
    fan: 200,
  })
})

test('D-P10 nobody can tell a profile that has blocked them from one that is hidden or was never there', async () => {
  await using a = await scene()
  const [hid, gone] = [await a.world.user('hid'), await a.world.user('gone')]
  await ok(hid.put(PROFILE, { bio: '', hidden: true }))
  await ok(a.ana.post('/api/dating/blocks', { user_id: a.cleo.uuid }))
  const answers = []
  for (const id of [a.ana.uuid, hid.uuid, gone.uuid, '00000000-0000-4000-8000-000000000000', 'no-id']) {
    const { status, body } = await a.cleo.get(`${PROFILES}/${id}`)
    answers.push(JSON.stringify({ status, body }))
  }
  assert.equal(new Set(answers).size, 1, answers.join('\n'))
  assert.ok(answers[0]!.includes('NOT_FOUND'))
})

test('D-P10 a hidden profile is shown to who it has matched with, and to its owner', async () => {
  await using a = await scene()
  await ok(a.ana.put(PROFILE, { bio: 'I hide', hidden: true }))
  assert.equal((await ok(a.ben.get(`${PROFILES}/${a.ana.uuid}`))).bio, 'I hide')
  assert.equal((await ok(a.ana.get(`${PROFILES}/${a.ana.uuid}`))).bio, 'I hide')
  assert.equal((await a.cleo.get(`${PROFILES}/${a.ana.uuid}`)).status, 404)
  await ok(a.ben.delete(`/api/dating/conversations/${a.conversationId}`))
  assert.equal((await a.ben.get(`${PROFILES}/${a.ana.uuid}`)).status, 404)
})

test('D-P9 who has no profile looks at nobody and likes nobody', async () => {
  await using a = await scene()
  const dora = await a.world.user('dora')
  for (const path of [PROFILES, `${PROFILES}/${a.ana.uuid}`]) {
    const { status, body } = await dora.get(path)
    assert.deepEqual([status, body.error.code], [403, 'FORBIDDEN'])
    assert.match(body.error.message, /PUT \/api\/dating\/profile/)
  }
})

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`the list goes on where the page before it ended, whoever comes and goes in between: ${storage}`, async () => {
    await using a = await scene({ storage })
    for (let i = 0; i < 5; i += 1) {
      // Two of them at the same moment.
      if (i !== 3) a.world.clock.advance(1_000)
      await ok((await a.world.user(`p${i}`)).put(PROFILE, { bio: '' }))
    }
    const all = await namesSeenBy(a.cleo)
    assert.equal(all.length, 7)
    const seen: string[] = []
    let before = ''
    for (;;) {
      const { items, next_before, position } = await ok(a.cleo.get(`${PROFILES}?limit=2${before}`))
      assert.ok(typeof position === 'string')
      seen.push(...items.map(({ username }: { username: string }) => username))
      // The last of the page goes; a newcomer is of no page to come.
      if (seen.length === 2) {
        const last = items[1] as { user_id: string }
        await ok(a.cleo.post('/api/dating/blocks', { user_id: last.user_id }))
        await ok((await a.world.user('late')).put(PROFILE, { bio: '' }))
      }
      if (next_before === null) break
      before = `&before=${next_before}`
    }
    assert.deepEqual(seen, all)
    const { status, body } = await a.cleo.get(`${PROFILES}?before=nonsense`)
    assert.deepEqual([status, Object.keys(body.error.details)], [400, ['before']])
  })
}
