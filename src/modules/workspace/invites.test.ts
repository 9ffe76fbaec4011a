import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { builder } from '../../kernel/statement.ts'
import type { User, World } from '../../testing/world.ts'
import { bringIn, drained, expectFrames, made, scene, type Scene } from './testing.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const at = (scene: Scene): string => `/api/workspaces/${scene.workspaceId}`
const invites = (scene: Scene): string => `${at(scene)}/invites`
const accept = (user: User, token: string) => user.post('/api/invites/accept', { token })
const roleOf = async (a: Scene, user: User): Promise<string | undefined> =>
  (await a.owner.get(`${at(a)}/members/${user.uuid}`)).body.role as string | undefined
const iso = (ms: number): string => new Date(ms).toISOString()

/** Everything that is kept of commands and invitations, as text. */
function stored({ app }: World): Promise<string> {
  return app.unitOfWork.run(async (unit) => {
    const db = builder<Record<string, Record<string, unknown>>>(unit.dialect)
    const tables = ['workspace_invites', 'command_outcomes', 'event_log']
    const rows = await Promise.all(tables.map((table) => unit.query(db.selectFrom(table).selectAll().compile())))
    return JSON.stringify(rows)
  })
}

test('W-P2 a link brings whoever has it into general and the channels it names; only its hash is kept', async () => {
  await using a = await scene()
  const now = a.world.clock.now()
  const { status, body } = await a.owner.post(
    invites(a),
    { channel_ids: [a.privateId, a.privateId], max_uses: 2, expires_in: 3600, extra: 1 },
    { 'idempotency-key': 'once' },
  )
  assert.equal(status, 201)
  const { token, ...shown } = body
  assert.match(token, /^[\w-]{43}$/)
  assert.deepEqual(shown, {
    id: shown.id,
    email: null,
    role: 'member',
    channel_ids: [a.privateId],
    created_by: a.owner.uuid,
    created_at: iso(now),
    expires_at: iso(now + HOUR),
    max_uses: 2,
    uses: 0,
  })
  const kept = await stored(a.world)
  assert.ok(!kept.includes(token))
  assert.ok(kept.includes(createHash('sha256').update(token).digest('base64url')))
  assert.deepEqual((await a.admin.get(invites(a))).body.items[0], shown)

  a.world.clock.advance(1_000)
  const joined = await accept(a.stranger, token)
  assert.equal(joined.status, 201)
  const { id, name, role } = joined.body
  assert.deepEqual({ id, name, role }, { id: a.workspaceId, name: 'Acme', role: 'member' })
  const got = await expectFrames(a, {
    owner: ['member.joined', 'member.joined'],
    member: ['member.joined', 'member.joined'],
    admin: ['member.joined'],
    guest: ['member.joined'],
  })
  assert.deepEqual(got.owner!.map((one) => one['channel_id']), [a.generalId, a.privateId])
  assert.equal((await a.admin.get(invites(a))).body.items[0].uses, 1)
  assert.equal((await a.stranger.get(`/api/channels/${a.privateId}`)).body.joined, true)
})

test('an invitation lasts a week when it says nothing else, and may be a guest\'s', async () => {
  await using a = await scene()
  const { body } = await a.owner.post(invites(a), { role: 'guest', channel_ids: [a.publicId] })
  assert.equal(body.expires_at, iso(a.world.clock.now() + 7 * DAY))
  assert.equal(body.max_uses, null)
  assert.equal((await accept(a.stranger, body.token)).body.role, 'guest')
  await expectFrames(a, { owner: ['member.joined'], member: ['member.joined'], guest: ['member.joined'] })
  const { items } = (await a.stranger.get(`${at(a)}/channels`)).body
  assert.deepEqual(items.map((one: { id: string }) => one.id), [a.publicId])
})

test('an invitation by e-mail is for one account, which accepts or declines it', async () => {
  await using a = await scene()
  const { status, body } = await a.admin.post(invites(a), { email: 'STRANGER@example.com' })
  assert.equal(status, 201)
  assert.deepEqual([body.token, body.email, body.max_uses], [null, 'STRANGER@example.com', 1])
  const listed = (await a.owner.get(invites(a))).body.items[0]
  assert.equal(listed.email, 'stranger@example.com')
  const { items } = (await a.stranger.get('/api/invites')).body
  assert.deepEqual(items, [
    {
      id: body.id,
      workspace_id: a.workspaceId,
      workspace_name: 'Acme',
      role: 'member',
      invited_by: 'admin',
      created_at: body.created_at,
      expires_at: body.expires_at,
    },
  ])
  const other = await a.world.user('other')
  assert.deepEqual((await other.get('/api/invites')).body.items, [])
  for (const deed of ['accept', 'decline']) {
    assert.equal((await other.post(`/api/invites/${body.id}/${deed}`)).status, 404)
    assert.equal((await a.stranger.post(`/api/invites/none/${deed}`)).status, 404)
  }
  assert.equal((await a.admin.post(invites(a), { email: 'stranger@example.com' })).status, 409)

  assert.equal((await a.stranger.post(`/api/invites/${body.id}/decline`)).status, 204)
  assert.equal((await a.stranger.post(`/api/invites/${body.id}/decline`)).status, 404)
  assert.equal((await a.stranger.post(`/api/invites/${body.id}/accept`)).status, 404)
  assert.deepEqual((await a.stranger.get('/api/invites')).body.items, [])
  assert.deepEqual((await a.owner.get(invites(a))).body.items.filter((one: { email: string }) => one.email), [])

  const again = await made(a.admin, invites(a), { email: 'stranger@example.com', channel_ids: [] })
  const accepted = await a.stranger.post(`/api/invites/${again.id}/accept`)
  assert.deepEqual([accepted.status, accepted.body.id], [201, a.workspaceId])
  const told = { owner: ['member.joined'], admin: ['member.joined'], member: ['member.joined'] }
  await expectFrames(a, told)
  // A second click on it is no failure.
  assert.equal((await a.stranger.post(`/api/invites/${again.id}/accept`)).status, 201)
  assert.deepEqual((await a.stranger.get('/api/invites')).body.items, [])
  await expectFrames(a, {})
})

test('an address without an account, of a member, or with uses', async () => {
  await using a = await scene()
  const { status, body } = await a.owner.post(invites(a), { email: 'nobody@example.com' })
  assert.equal(status, 404)
  assert.match(JSON.stringify(body), /send its link/)
  assert.equal((await a.owner.post(invites(a), { email: 'member@example.com' })).status, 409)
  assert.equal((await a.owner.post(invites(a), { email: 'stranger@example.com', max_uses: 2 })).status, 400)
  await a.owner.post(`/api/tracker/users/${a.stranger.id}/status`, { status: 'inactive' })
  assert.equal((await a.owner.post(invites(a), { email: 'stranger@example.com' })).status, 404)
})

test('whose address has changed since has not told it to the workspace', async () => {
  await using a = await scene()
  await made(a.owner, invites(a), { email: 'stranger@example.com' })
  a.world.clock.advance(1)
  await a.owner.patch(`/api/tracker/users/${a.stranger.id}`, { email: 'private@example.com' })
  const { items } = (await a.admin.get(invites(a))).body
  assert.equal(items[0].email, null)
  assert.equal((await a.stranger.get('/api/invites')).body.items.length, 1)
})

test('W-P2 W-P3 who invites whom as what', async () => {
  await using a = await scene()
  const table = [
    ['owner', 'admin', 201],
    ['owner', 'owner', 400],
    ['admin', 'member', 201],
    ['admin', 'admin', 403],
    ['member', 'member', 403],
    ['guest', 'member', 403],
    ['stranger', 'member', 404],
  ] as const
  for (const [by, role, status] of table) {
    assert.equal((await a[by].post(invites(a), { role })).status, status, `${by} invites as ${role}`)
  }
  for (const [by, status] of [['admin', 200], ['member', 403], ['guest', 403], ['stranger', 404]] as const) {
    assert.equal((await a[by].get(invites(a))).status, status, by)
  }
  const { id } = await made(a.owner, invites(a), {})
  const revoking = [['member', 403], ['guest', 403], ['stranger', 404], ['admin', 204], ['admin', 204]] as const
  for (const [by, status] of revoking) {
    assert.equal((await a[by].delete(`${invites(a)}/${id}`)).status, status, by)
  }
  assert.equal((await a.owner.delete(`${invites(a)}/none`)).status, 404)
  await expectFrames(a, {})
})

test('W-P10 an invitation brings people only where its maker could bring them', async () => {
  await using a = await scene()
  const dm = (await made(a.owner, `${at(a)}/channels`, { type: 'dm', user_ids: [a.member.uuid] })).id as string
  const archived = (await made(a.owner, `${at(a)}/channels`, { name: 'old' })).id as string
  await a.owner.post(`/api/channels/${archived}/archive`)
  const other = (await made(a.owner, '/api/workspaces', { name: 'Other' })).id as string
  const foreign = (await made(a.owner, `/api/workspaces/${other}/channels`, { name: 'foreign' })).id as string
  const table = [
    [a.owner, [a.privateId, a.publicId], 201],
    [a.admin, [a.publicId], 201],
    [a.admin, [a.privateId], 404],
    [a.owner, [dm], 409],
    [a.owner, [archived], 409],
    [a.owner, [foreign], 404],
    [a.owner, ['none'], 404],
    [a.owner, [''], 400],
    [a.owner, Array.from({ length: 51 }, () => a.publicId), 400],
  ] as const
  for (const [by, channel_ids, status] of table) {
    assert.equal((await by.post(invites(a), { channel_ids })).status, status, JSON.stringify(channel_ids))
  }
  assert.equal((await a.owner.post(invites(a), { role: 'guest' })).status, 400)
  for (const expires_in of [59, 30 * 86_400 + 1, 1.5, '60', null]) {
    assert.equal((await a.owner.post(invites(a), { expires_in })).status, 400, String(expires_in))
  }
  for (const max_uses of [0, -1, 100_001]) assert.equal((await a.owner.post(invites(a), { max_uses })).status, 400)
})

test('wrong, expired, used up, revoked, void: one and the same answer', async () => {
  await using a = await scene()
  const second = await a.world.user('second')
  const used = await made(a.owner, invites(a), { max_uses: 1 })
  await made(second, '/api/invites/accept', { token: used.token })
  const revoked = await made(a.owner, invites(a), {})
  await a.admin.delete(`${invites(a)}/${revoked.id}`)
  const expired = await made(a.owner, invites(a), { expires_in: 60 })
  const lasting = await made(a.owner, invites(a), { expires_in: 61 })
  a.world.clock.advance(MINUTE)
  const wrong = await accept(a.stranger, 'A'.repeat(43))
  assert.equal(wrong.status, 404)
  for (const token of [used.token, revoked.token, expired.token, expired.id, 'short', 'ä\u0000']) {
    const { status, body } = await accept(a.stranger, token)
    assert.deepEqual([status, body], [404, wrong.body], token)
  }
  assert.equal(await roleOf(a, a.stranger), undefined)
  for (const token of ['', 'x'.repeat(201), 7]) {
    assert.equal((await a.stranger.post('/api/invites/accept', { token })).status, 400)
  }
  assert.equal((await accept(a.stranger, lasting.token)).status, 201)
})

test('a member who accepts stays what they are and uses nothing up', async () => {
  await using a = await scene()
  const { id, token } = await made(a.owner, invites(a), { role: 'admin', max_uses: 1, channel_ids: [a.privateId] })
  for (const user of [a.guest, a.admin, a.owner]) {
    const { status, body } = await accept(user, token)
    assert.deepEqual([status, body.id, body.role], [201, a.workspaceId, user.name])
  }
  const { items } = (await a.owner.get(invites(a))).body
  assert.equal(items.find((one: { id: string }) => one.id === id).uses, 0)
  await expectFrames(a, {})
  assert.equal((await accept(a.stranger, token)).body.role, 'admin')
  // The one whose click came twice.
  assert.equal((await accept(a.stranger, token)).status, 201)
})

test('a link for one lets one in, however many come at once', async () => {
  await using a = await scene()
  const users = [a.stranger]
  for (let i = 0; i < 4; i += 1) users.push(await a.world.user(`rival${i}`))
  const { token } = await made(a.owner, invites(a), { max_uses: 1 })
  const answers = await Promise.all(users.map((user) => accept(user, token)))
  assert.deepEqual(answers.map(({ status }) => status).toSorted((x, y) => x - y), [201, 404, 404, 404, 404])
  assert.equal((await a.owner.get(at(a))).body.member_count, 5)
})

test('W-P2 an invitation is worth what its inviter may do when it is accepted', async () => {
  await using a = await scene()
  const admin = `${at(a)}/members/${a.admin.uuid}`
  const token = async (by: User, role: string): Promise<string> =>
    (await made(by, invites(a), { role })).token as string

  // Demoted: void, and not brought back to life by a new promotion.
  const first = await token(a.admin, 'member')
  await made(a.admin, invites(a), { email: 'stranger@example.com' })
  await a.owner.patch(admin, { role: 'member' })
  assert.equal((await accept(a.stranger, first)).status, 404)
  assert.deepEqual((await a.stranger.get('/api/invites')).body.items, [])
  await a.owner.patch(admin, { role: 'admin' })
  assert.equal((await accept(a.stranger, first)).status, 404)

  // An owner who becomes an admin: only what admins may not give.
  await a.owner.patch(admin, { role: 'owner' })
  const [asAdmin, asMember] = [await token(a.admin, 'admin'), await token(a.admin, 'member')]
  await a.owner.patch(admin, { role: 'admin' })
  assert.equal((await accept(a.stranger, asAdmin)).status, 404)

  // An inviter who is inactive: as long as that lasts.
  const mine = await made(a.admin, invites(a), { email: 'stranger@example.com' })
  await a.owner.post(`/api/tracker/users/${a.admin.id}/status`, { status: 'inactive' })
  assert.equal((await accept(a.stranger, asMember)).status, 404)
  assert.equal((await a.stranger.post(`/api/invites/${mine.id}/accept`)).status, 404)
  assert.deepEqual((await a.stranger.get('/api/invites')).body.items, [])
  await a.owner.post(`/api/tracker/users/${a.admin.id}/status`, { status: 'active' })
  assert.equal((await a.stranger.get('/api/invites')).body.items.length, 1)

  // Removed, and let in again.
  const second = await a.world.user('second')
  await bringIn(a.owner, a.workspaceId, second, { role: 'admin' })
  const last = await token(second, 'member')
  assert.equal((await a.owner.delete(`${at(a)}/members/${second.uuid}`)).status, 204)
  assert.equal((await accept(a.stranger, last)).status, 404)
  await bringIn(a.owner, a.workspaceId, second, { role: 'admin' })
  assert.equal((await accept(a.stranger, last)).status, 404)
  assert.equal(await roleOf(a, a.stranger), undefined)
})

test('a channel that has gone out of the inviter\'s sight in between is left out', async () => {
  await using a = await scene()
  const channel = async (type: string, name: string): Promise<string> =>
    (await made(a.owner, `${at(a)}/channels`, { type, name })).id as string
  const [gone, hidden, archived, kept] = [
    await channel('public', 'gone'),
    await channel('public', 'hidden'),
    await channel('public', 'archived'),
    await channel('public', 'kept'),
  ]
  const { token } = await made(a.admin, invites(a), { role: 'guest', channel_ids: [gone, hidden, archived, kept] })
  assert.equal((await a.owner.delete(`/api/channels/${gone}`)).status, 204)
  assert.equal((await a.owner.patch(`/api/channels/${hidden}`, { type: 'private' })).status, 200)
  assert.equal((await a.owner.post(`/api/channels/${archived}/archive`)).status, 200)
  assert.equal((await accept(a.stranger, token)).status, 201)
  const { items } = (await a.stranger.get(`${at(a)}/channels?archived=true`)).body
  const live = (await a.stranger.get(`${at(a)}/channels`)).body.items
  assert.deepEqual([...items, ...live].map((one: { id: string }) => one.id), [kept])
})

test('a workspace takes no more members and keeps no more open invitations than the limits', async () => {
  await using a = await scene({ config: { workspaceMembers: 5, workspaceInvites: 3 } })
  const second = await a.world.user('second')
  // What the scene has made has no end of uses, so each is open still.
  const { status, body } = await a.owner.post(invites(a), {})
  assert.equal(status, 409)
  assert.match(JSON.stringify(body), /revoke some/)
  const { items } = (await a.owner.get(invites(a))).body
  await a.owner.delete(`${invites(a)}/${items[0].id}`)
  const { token } = await made(a.owner, invites(a), { expires_in: 60 })
  assert.equal((await accept(a.stranger, token)).status, 201)
  const full = await accept(second, token)
  assert.equal(full.status, 409)
  assert.match(JSON.stringify(full.body), /full/)
  // Expired: it does not count any more.
  a.world.clock.advance(MINUTE)
  assert.equal((await a.owner.post(invites(a), {})).status, 201)
})

test('attack: an account that guesses tokens has twenty tries an hour, also all at once', async () => {
  await using a = await scene()
  const { token } = await made(a.owner, invites(a), { expires_in: 7200 })
  const guesses = Array.from({ length: 50 }, (_, i) => accept(a.stranger, `${i}`.padStart(43, 'A')))
  const answers = await Promise.all(guesses)
  assert.equal(answers.filter(({ status }) => status === 404).length, 20)
  const refused = answers.filter(({ status }) => status === 429)
  assert.equal(refused.length, 30)
  assert.equal(refused[0]!.headers.get('Retry-After'), '3600')
  // The right one neither, until the hour is over; others do not notice.
  assert.equal((await accept(a.stranger, token)).status, 429)
  const second = await a.world.user('second')
  assert.equal((await accept(second, token)).status, 201)
  a.world.clock.advance(HOUR)
  const login = { username: 'stranger', password: 'stranger-password' }
  const { body } = await a.world.request('POST', '/api/auth/login', login)
  const bearer = { authorization: `Bearer ${body.access_token}` }
  assert.equal((await a.world.request('POST', '/api/invites/accept', { token }, bearer)).status, 201)
})

test('the same Idempotency-Key makes one invitation, and tells its secret once', async () => {
  await using a = await scene()
  const before = (await a.owner.get(invites(a))).body.items.length as number
  const key = { 'idempotency-key': 'k' }
  const answers = await Promise.all([1, 2, 3].map(() => a.owner.post(invites(a), { max_uses: 1 }, key)))
  answers.push(await a.owner.post(invites(a), { max_uses: 1 }, key))
  const tokens = answers.map(({ body }) => body.token as string | null).filter((token) => token !== null)
  assert.equal(tokens.length, 1)
  assert.equal(new Set(answers.map(({ body }) => body.id as string)).size, 1)
  assert.equal((await a.owner.get(invites(a))).body.items.length, before + 1)
  assert.equal((await accept(a.stranger, tokens[0]!)).status, 201)
})

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`invitations are listed newest first, in pages, only while they are open: ${storage}`, async () => {
    await using a = await scene({ storage })
    for (const { id } of (await a.owner.get(invites(a))).body.items) await a.owner.delete(`${invites(a)}/${id}`)
    const ids: string[] = []
    for (let i = 0; i < 5; i += 1) ids.unshift((await made(a.owner, invites(a), { max_uses: 1 })).id as string)
    await a.owner.delete(`${invites(a)}/${ids[1]}`)
    await made(a.owner, invites(a), { expires_in: 60 })
    a.world.clock.advance(MINUTE)
    const shown = (answer: { body: { items: { id: string }[] } }) => answer.body.items.map(({ id }) => id)
    const first = await a.admin.get(`${invites(a)}?limit=2`)
    assert.deepEqual([shown(first), first.body.next_before], [[ids[0], ids[2]], ids[2]])
    assert.ok(first.body.position)
    assert.deepEqual(Object.keys(first.body.items[0]).includes('token'), false)
    const rest = await a.admin.get(`${invites(a)}?limit=2&before=${ids[2]}`)
    assert.deepEqual([shown(rest), rest.body.next_before], [ids.slice(3), null])
    assert.equal((await a.admin.get(`${invites(a)}?before=none`)).status, 400)

    // The same for those of an account, of several workspaces.
    const own: string[] = []
    for (let i = 0; i < 3; i += 1) {
      const { id } = await made(a.owner, '/api/workspaces', { name: `W${i}` })
      const invite = await made(a.owner, `/api/workspaces/${id}/invites`, { email: 'stranger@example.com' })
      own.unshift(invite.id as string)
    }
    const mine = await a.stranger.get('/api/invites?limit=2')
    assert.deepEqual([shown(mine), mine.body.next_before], [own.slice(0, 2), own[1]])
    assert.deepEqual(shown(await a.stranger.get(`/api/invites?limit=2&before=${own[1]}`)), own.slice(2))
    assert.equal((await a.stranger.get(`/api/invites?before=${ids[0]}`)).status, 400)
    assert.equal((await a.stranger.post(`/api/invites/${own[0]}/accept`)).status, 201)
    assert.equal((await a.stranger.post(`/api/invites/${own[1]}/decline`)).status, 204)
    assert.deepEqual(shown(await a.stranger.get('/api/invites')), own.slice(2))
    await drained(a.listening.owner)
  })
}
