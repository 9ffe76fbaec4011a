import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testWorld, type User } from '../../testing/world.ts'
import {
  bringIn,
  connect,
  drained,
  expectFrames,
  made,
  posted,
  scene,
  workspaceProtocol,
  type Scene,
} from './testing.ts'

const at = (scene: Scene): string => `/api/workspaces/${scene.workspaceId}`
const member = (scene: Scene, user: User | 'me'): string =>
  `${at(scene)}/members/${user === 'me' ? 'me' : user.uuid}`
const names = (answer: { body: { items: { username: string }[] } }): string[] =>
  answer.body.items.map(({ username }) => username)

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`W-P6 members are listed who came last first; guests see the people of their channels: ${storage}`, async () => {
    await using a = await scene({ storage })
    const path = `${at(a)}/members`
    // All joined in the same millisecond: then who has the newer account.
    const all = ['guest', 'member', 'admin', 'owner']
    for (const user of [a.owner, a.admin, a.member]) assert.deepEqual(names(await user.get(path)), all)
    a.world.clock.advance(1_000)
    const late = await a.world.user('late')
    const hermit = await a.world.user('hermit')
    const cave = (await made(a.owner, `${at(a)}/channels`, { type: 'private', name: 'cave' })).id as string
    await bringIn(a.owner, a.workspaceId, late)
    await bringIn(a.owner, a.workspaceId, hermit, { role: 'guest', channel_ids: [cave] })
    assert.deepEqual(names(await a.guest.get(path)), ['guest', 'member', 'owner'])
    assert.deepEqual(names(await hermit.get(path)), ['hermit', 'owner'])

    const first = await a.member.get(`${path}?limit=4`)
    assert.deepEqual(names(first), ['hermit', 'late', 'guest', 'member'])
    assert.equal(first.body.next_before, a.member.uuid)
    assert.ok(first.body.position)
    const rest = await a.member.get(`${path}?limit=4&before=${first.body.next_before}`)
    assert.deepEqual([names(rest), rest.body.next_before], [['admin', 'owner'], null])
    assert.deepEqual(names(await a.guest.get(`${path}?limit=1&before=${a.guest.uuid}`)), ['member'])
    // Hidden and absent alike, also as a cursor.
    for (const before of [a.admin.uuid, a.stranger.uuid, 'nobody']) {
      assert.equal((await a.guest.get(`${path}?before=${before}`)).status, 400)
    }
    assert.deepEqual((await a.member.get(member(a, late))).body, {
      user_id: late.uuid,
      username: 'late',
      display_name: 'late',
      role: 'member',
      joined_at: new Date(a.world.clock.now()).toISOString(),
    })
    assert.equal((await a.guest.get(member(a, 'me'))).body.user_id, a.guest.uuid)
    assert.equal((await a.guest.get(member(a, a.owner))).status, 200)
    const absent = await a.guest.get(`${at(a)}/members/${crypto.randomUUID()}`)
    assert.equal(absent.status, 404)
    for (const user of [a.admin, late, hermit, a.stranger]) {
      const { status, body } = await a.guest.get(member(a, user))
      assert.deepEqual([status, body], [404, absent.body], user.name)
    }
    assert.equal((await a.member.get(member(a, a.stranger))).status, 404)
    assert.equal((await a.stranger.get(path)).status, 404)
    assert.equal((await a.stranger.get(member(a, a.owner))).status, 404)
  })
}

test('W-P3 W-P4 who gives which role to whom', async () => {
  const table = [
    // by, to, role, answer
    ['owner', 'admin', 'member', 200],
    ['owner', 'member', 'owner', 200],
    ['owner', 'guest', 'admin', 200],
    ['owner', 'stranger', 'member', 404],
    ['owner', 'member', 'boss', 400],
    ['admin', 'member', 'guest', 200],
    ['admin', 'guest', 'member', 200],
    ['admin', 'member', 'admin', 403],
    ['admin', 'member', 'owner', 403],
    ['admin', 'owner', 'member', 403],
    ['admin', 'admin', 'member', 403],
    ['member', 'guest', 'member', 403],
    ['member', 'member', 'admin', 403],
    ['member', 'member', 'guest', 403],
    ['guest', 'member', 'guest', 403],
    ['guest', 'guest', 'member', 403],
    // Hidden from guests.
    ['guest', 'admin', 'guest', 404],
    ['stranger', 'member', 'guest', 404],
  ] as const
  let a: (Scene & AsyncDisposable) | undefined
  for (const [by, to, role, status] of table) {
    a ??= await scene()
    const answer = await a[by].patch(member(a, a[to]), { role })
    assert.equal(answer.status, status, `${by} makes ${to} ${role}: ${JSON.stringify(answer.body)}`)
    const now = (await a.owner.get(member(a, a[to]))).body.role
    assert.equal(now, status === 200 ? role : to === 'stranger' ? undefined : to)
    if (status !== 200) {
      await expectFrames(a, {})
      continue
    }
    assert.equal(answer.body.role, role)
    await a[Symbol.asyncDispose]()
    a = undefined
  }
  await a?.[Symbol.asyncDispose]()
})

test('W-P3 the last owner who can act stays one', async () => {
  await using a = await scene()
  for (const role of ['admin', 'member', 'guest']) {
    const { status, body } = await a.owner.patch(member(a, 'me'), { role })
    assert.equal(status, 409)
    assert.match(JSON.stringify(body), /last owner/)
  }
  assert.equal((await a.owner.delete(member(a, 'me'))).status, 409)
  assert.equal((await a.owner.delete(member(a, a.owner))).status, 409)
  assert.equal((await a.owner.patch(member(a, 'me'), { role: 'owner' })).status, 200)
  await a.owner.patch(member(a, a.admin), { role: 'owner' })
  // The first account of a server administers it. An owner who cannot log in is none that could act.
  const account = `/api/tracker/users/${a.admin.id}/status`
  await a.owner.post(account, { status: 'inactive' })
  assert.equal((await a.owner.patch(member(a, 'me'), { role: 'admin' })).status, 409)
  assert.equal((await a.owner.delete(member(a, 'me'))).status, 409)
  await a.owner.post(account, { status: 'active' })
  assert.equal((await a.owner.delete(member(a, 'me'))).status, 204)
  assert.equal((await a.owner.get(at(a))).status, 404)
})

test('W-E1 the same role again changes nothing and tells nobody', async () => {
  await using a = await scene()
  for (const user of [a.admin, a.member, a.guest]) {
    assert.equal((await a.owner.patch(member(a, user), { role: user.name })).status, 200)
  }
  await expectFrames(a, {})
})

test('W-E5 who becomes a guest loses sight of public channels they are not in, at once and in a resume', async () => {
  await using a = await scene()
  const open = (await made(a.owner, `${at(a)}/channels`, { type: 'public', name: 'open' })).id as string
  await expectFrames(a, { owner: ['channel.created'], admin: ['channel.created'], member: ['channel.created'] })
  const { position } = (await a.member.get(`${at(a)}/channels`)).body

  const { status, body } = await a.admin.patch(member(a, a.member), { role: 'guest' })
  assert.deepEqual([status, body.role], [200, 'guest'])
  const got = await expectFrames(a, { member: ['channel.deleted'] })
  assert.deepEqual(got.member, [{ id: open }])

  // What is public is not theirs any more; where they are they stay, general among it.
  await posted(a, a.owner, open, 'not for guests')
  await made(a.owner, `${at(a)}/channels`, { type: 'public', name: 'newer' })
  await expectFrames(a, { owner: ['channel.created'], admin: ['channel.created'] })
  for (const channel of [a.publicId, a.privateId, a.generalId]) {
    await made(a.owner, `/api/channels/${channel}/messages`, { content: 'hi' })
    await a.listening.member.expect('message.new', { channel_id: channel })
  }
  const seen = (await a.member.get(`${at(a)}/channels`)).body.items as { id: string }[]
  assert.deepEqual(new Set(seen.map(({ id }) => id)), new Set([a.publicId, a.privateId, a.generalId]))
  assert.equal((await a.member.get(`/api/channels/${open}`)).status, 404)

  const back = await resumed(a, a.member, position)
  assert.deepEqual(
    back.map(({ type, data }) => [type, data['id'] === open ? 'open' : '']),
    [['channel.deleted', 'open'], ['message.new', ''], ['message.new', ''], ['message.new', '']],
  )
})

/** What comes to somebody who connects with a position, presences left out. */
async function resumed(a: Scene, user: User, position: string) {
  const path = `/ws/${a.workspaceId}?token=${user.token}&since=${position}`
  const client = a.world.client(path, { protocol: workspaceProtocol })
  await client.opened()
  return (await drained(client)).filter(({ type }) => type !== 'presence.updated')
}

test('a presence of guests: who becomes one is told of with the channels they are in', async () => {
  await using a = await scene()
  await a.owner.patch(member(a, a.member), { role: 'guest' })
  await drained(a.listening.member)
  const { guest } = a.listening
  await a.member.put(`${at(a)}/presence`, { status: 'away' })
  await guest.expect('presence.updated', { user_id: a.member.uuid, status: 'away' })
  await a.listening.member.expect('presence.updated', { user_id: a.member.uuid, status: 'away' })
  // The admin shares general with them now, and nothing with the guest.
  await a.admin.put(`${at(a)}/presence`, { status: 'away' })
  await a.listening.member.expect('presence.updated', { user_id: a.admin.uuid, status: 'away' })
  await guest.expectNothing()
})

test('W-E5 W-E7 who is a guest no more sees every public channel, and comes into general', async () => {
  await using a = await scene()
  const open = (await made(a.owner, `${at(a)}/channels`, { type: 'public', name: 'open' })).id as string
  await expectFrames(a, { owner: ['channel.created'], admin: ['channel.created'], member: ['channel.created'] })
  const { position } = (await a.guest.get(`${at(a)}/channels`)).body
  assert.equal((await a.admin.patch(member(a, a.guest), { role: 'member' })).status, 200)
  const got = await expectFrames(a, {
    guest: ['channel.created', 'channel.created', 'member.joined'],
    owner: ['member.joined'],
    admin: ['member.joined'],
    member: ['member.joined'],
  })
  const joined = { channel_id: a.generalId, user_id: a.guest.uuid }
  assert.deepEqual(got.owner, [joined])
  assert.deepEqual(got.guest, [
    { id: a.generalId, name: 'general', type: 'public', created_by: a.owner.uuid },
    { id: open, name: 'open', type: 'public', created_by: a.owner.uuid },
    joined,
  ])
  await made(a.owner, `${at(a)}/channels`, { type: 'public', name: 'newer' })
  const all = ['channel.created']
  await expectFrames(a, { owner: all, admin: all, member: all, guest: all })
  const back = await resumed(a, a.guest, position)
  const told = ['channel.created', 'channel.created', 'member.joined', 'channel.created']
  assert.deepEqual(back.map(({ type }) => type), told)
  assert.equal((await a.guest.get(at(a))).body.member_count, 4)
})

test('W-E8 who is removed leaves every channel before everybody and is closed; nothing reaches them', async () => {
  await using a = await scene()
  const elsewhereId = (await made(a.member, '/api/workspaces', { name: 'Elsewhere' })).id as string
  const elsewhere = await connect(a.world, elsewhereId, a.member)
  const second = await connect(a.world, a.workspaceId, a.member)
  await made(a.member, `${at(a)}/channels`, { type: 'dm', user_ids: [a.admin.uuid] })
  for (const client of [...Object.values(a.listening), second]) await drained(client)
  const { position } = (await a.member.get(`${at(a)}/channels`)).body

  assert.equal((await a.admin.delete(member(a, a.member))).status, 204)
  const { member: own, ...others } = a.listening
  const rooms = [a.generalId, a.publicId, a.privateId]
  for (const client of [own, second]) {
    for (const channel_id of rooms) {
      await client.expect('member.left', { channel_id, user_id: a.member.uuid })
      if (channel_id === a.privateId) await client.expect('channel.deleted', { id: channel_id })
    }
    await client.expect('member.left')
    await client.expect('channel.deleted')
    await client.expect('error', { code: 'UNAUTHORIZED', message: 'You are no longer in this workspace' })
    await client.expectClose(4403)
    assert.equal(client.frames.length, 0)
  }
  const seen = {
    owner: ['member.left', 'member.left', 'member.left', 'presence.updated'],
    admin: ['member.left', 'member.left', 'presence.updated'],
    guest: ['member.left', 'member.left', 'presence.updated'],
  }
  for (const person of ['owner', 'admin', 'guest'] as const) {
    for (const name of seen[person]) {
      const data = await others[person].expect(name, { user_id: a.member.uuid })
      if (name === 'presence.updated') assert.equal(data['status'], 'offline')
    }
    await others[person].expectNothing()
  }

  await made(a.owner, `/api/channels/${a.privateId}/messages`, { content: 'now that they are gone' })
  await made(a.owner, `${at(a)}/channels`, { type: 'public', name: 'newer' })
  await elsewhere.expectNothing()
  assert.equal((await a.member.get(`/api/workspaces/${elsewhereId}`)).status, 200)
  for (const path of [at(a), `${at(a)}/members`, `/api/channels/${a.generalId}/messages`]) {
    assert.equal((await a.member.get(path)).status, 404, path)
  }
  const back = a.world.client(`/ws/${a.workspaceId}?token=${a.member.token}&since=${position}`)
  await back.expectClose(4403)
  assert.deepEqual(back.frames.map(({ type, data }) => [type, data['code']]), [['error', 'UNAUTHORIZED']])
  assert.deepEqual(own.frames, [])
  assert.equal((await a.owner.get(member(a, a.member))).status, 404)
  assert.equal((await a.admin.delete(member(a, a.member))).status, 404)
})

test('who leaves by themself; who is invited again begins anew', async () => {
  await using a = await scene()
  const { position } = (await a.guest.get(`${at(a)}/channels`)).body
  assert.equal((await a.guest.delete(member(a, 'me'))).status, 204)
  await a.listening.guest.expect('member.left', { channel_id: a.publicId })
  await a.listening.guest.expect('channel.deleted', { id: a.publicId })
  await a.listening.guest.expect('member.left', { channel_id: a.privateId })
  // The two they have known by it.
  await a.listening.guest.expect('presence.updated', { status: 'offline' })
  await a.listening.guest.expect('presence.updated', { status: 'offline' })
  await a.listening.guest.expect('channel.deleted', { id: a.privateId })
  await a.listening.guest.expect('error')
  await a.listening.guest.expectClose(4403)
  await made(a.owner, `/api/channels/${a.privateId}/messages`, { content: 'in between' })
  await made(a.owner, `/api/channels/${a.publicId}/messages`, { content: 'in between' })
  await bringIn(a.owner, a.workspaceId, a.guest, { role: 'guest', channel_ids: [a.publicId] })
  assert.equal((await a.guest.get(`/api/channels/${a.privateId}`)).status, 404)
  // What they were sent in their other life is no start for this one.
  const back = await resumed(a, a.guest, position)
  assert.deepEqual(back.map(({ type }) => type), ['resync'])
  const again = await resumed(a, a.guest, back[0]!.position!)
  assert.deepEqual(again, [])
})

test('W-P4 who removes whom', async () => {
  await using a = await scene()
  const second = await a.world.user('second')
  await bringIn(a.owner, a.workspaceId, second, { role: 'admin' })
  for (const person of Object.values(a.listening)) await drained(person)
  const table = [
    [a.member, a.guest, 403],
    [a.guest, a.member, 403],
    [a.guest, a.admin, 404],
    [a.stranger, a.member, 404],
    [a.admin, second, 403],
    [a.admin, a.owner, 403],
    [a.admin, a.stranger, 404],
  ] as const
  for (const [by, whom, status] of table) {
    assert.equal((await by.delete(member(a, whom))).status, status, `${by.name} removes ${whom.name}`)
  }
  await expectFrames(a, {})
  assert.equal((await second.delete(member(a, 'me'))).status, 204)
  assert.equal((await a.owner.delete(member(a, a.admin))).status, 204)
  assert.equal((await a.owner.get(at(a))).body.member_count, 3)
})

test('a connection that is being opened while its person is removed is closed too', async () => {
  await using a = await scene()
  const opening = Array.from({ length: 20 }, () => a.world.client(`/ws/${a.workspaceId}?token=${a.member.token}`))
  await opening[0]!.opened()
  assert.equal((await a.admin.delete(member(a, a.member))).status, 204)
  for (const client of opening) await client.expectClose(4403)
})

test('a deactivated account stays a member and can do nothing until it is activated', async () => {
  await using world = await testWorld()
  const ana = await world.user('ana')
  const bo = await world.user('bo')
  const { id } = await made(ana, '/api/workspaces', { name: 'Acme' })
  await bringIn(ana, id, bo)
  await ana.post(`/api/tracker/users/${bo.id}/status`, { status: 'inactive' })
  assert.equal((await bo.get(`/api/workspaces/${id}`)).status, 401)
  assert.equal((await ana.get(`/api/workspaces/${id}/members/${bo.uuid}`)).body.role, 'member')
  assert.equal((await ana.delete(`/api/workspaces/${id}/members/${bo.uuid}`)).status, 204)
  assert.equal((await ana.get(`/api/workspaces/${id}`)).body.member_count, 1)
})
