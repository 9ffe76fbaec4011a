import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { User } from '../../testing/world.ts'
import { drained, expectFrames, made, people, posted, scene, type Person, type Scene } from './testing.ts'

/** Channels: making, changing, archiving and deleting them, and who is told. */

let at: Scene & AsyncDisposable
before(async () => void (at = await scene()))
after(() => at[Symbol.asyncDispose]())

const full = (...names: string[]) => ({ owner: names, admin: names, member: names })
const inside = (...names: string[]) => ({ owner: names, member: names, guest: names })
const channels = (): string => `/api/workspaces/${at.workspaceId}/channels`
const path = (id: string): string => `/api/channels/${id}`

/** Makes a channel and takes its events off every connection. */
async function making(by: User, body: object): Promise<string> {
  const { id } = await made(by, channels(), body)
  for (const person of people) await drained(at.listening[person])
  return id as string
}

const KEYS = [
  'id', 'workspace_id', 'name', 'type', 'description', 'created_by', 'created_at', 'updated_at', 'archived_at',
  'is_general', 'joined',
]

test('a public channel: everybody but guests is told, its maker is in it', async () => {
  const { status, body } = await at.member.post(channels(), { name: '  Road \u00a0 map ', description: 'Where to' })
  assert.equal(status, 201)
  const got = await expectFrames(at, full('channel.created'))
  const created = { id: body.id, name: 'Road map', type: 'public', created_by: at.member.uuid }
  for (const person of ['owner', 'admin', 'member'] as const) assert.deepEqual(got[person], [created])
  assert.deepEqual(Object.keys(got.owner![0]!), ['id', 'name', 'type', 'created_by'])
  assert.deepEqual(Object.keys(body), KEYS)
  assert.deepEqual(body, {
    ...created,
    workspace_id: at.workspaceId,
    description: 'Where to',
    created_at: body.created_at,
    updated_at: body.created_at,
    archived_at: null,
    is_general: false,
    joined: true,
  })
  const { body: seen, headers } = await at.owner.get(path(body.id))
  assert.deepEqual(seen, { ...body, joined: false, member_count: 1 })
  assert.match(headers.get('switchboard-position')!, /./)
  assert.equal((await at.guest.get(path(body.id))).status, 404)
  assert.equal((await at.stranger.get(path(body.id))).status, 404)
})

test('people in it from the beginning: its creation first, to guests among them too, then who is in it', async () => {
  const user_ids = [at.admin.uuid, at.guest.uuid, at.admin.uuid, at.owner.uuid]
  const { body } = await at.owner.post(channels(), { name: 'launch', user_ids })
  const joined = ['channel.created', 'member.joined', 'member.joined']
  const got = await expectFrames(at, { owner: joined, admin: joined, guest: joined, member: ['channel.created'] })
  assert.deepEqual(got.guest!.slice(1), [
    { channel_id: body.id, user_id: at.admin.uuid },
    { channel_id: body.id, user_id: at.guest.uuid },
  ])
  // From that moment on they get everything.
  await made(at.guest, `${path(body.id)}/messages`, { content: 'here' })
  await expectFrames(at, { owner: ['message.new'], admin: ['message.new'], guest: ['message.new'] })
  assert.equal((await at.member.get(path(body.id))).body.member_count, 3)
})

test('a private channel is told to its members alone', async () => {
  const input = { name: 'plan', type: 'private', user_ids: [at.guest.uuid] }
  const { status, body } = await at.member.post(channels(), input)
  assert.equal(status, 201)
  const names = ['channel.created', 'member.joined']
  const got = await expectFrames(at, { member: names, guest: names })
  assert.equal(got.guest![0]!['type'], 'private')
  for (const outside of [at.owner, at.admin, at.stranger]) {
    const absent = await outside.get(path('00000000-0000-4000-8000-000000000000'))
    assert.equal(absent.status, 404)
    for (const method of ['get', 'patch', 'delete'] as const) {
      const answer = await outside[method](path(body.id), { name: 'x' })
      assert.deepEqual(answer.body, absent.body, `${outside.name} ${method}`)
    }
    for (const door of ['archive', 'unarchive', 'members']) {
      assert.deepEqual((await outside.post(`${path(body.id)}/${door}`)).body, absent.body, `${outside.name} ${door}`)
    }
    assert.deepEqual((await outside.get(`${path(body.id)}/members`)).body, absent.body)
    assert.deepEqual((await outside.delete(`${path(body.id)}/members/${at.guest.uuid}`)).body, absent.body)
    assert.deepEqual((await outside.delete(`${path(body.id)}/members/me`)).body, absent.body)
  }
  await expectFrames(at, {})
})

test('W-P6 guests make no channels; strangers find no workspace', async () => {
  assert.equal((await at.guest.post(channels(), { name: 'mine' })).status, 403)
  assert.equal((await at.stranger.post(channels(), { name: 'mine' })).status, 404)
  assert.equal((await at.stranger.get(channels())).status, 404)
  await expectFrames(at, {})
})

test('what is refused names its field, makes nothing and tells nobody', async () => {
  const id = '00000000-0000-4000-8000-000000000000'
  const bad: readonly (readonly [object, string])[] = [
    [{}, 'name'],
    [{ name: '' }, 'name'],
    [{ name: '   ' }, 'name'],
    [{ name: 'two\nlines' }, 'name'],
    [{ name: 'in\u200bvisible' }, 'name'],
    [{ name: 'x'.repeat(81) }, 'name'],
    [{ name: 7 }, 'name'],
    [{ name: 'x', type: 'group' }, 'type'],
    [{ name: 'x', description: 'd'.repeat(1_001) }, 'description'],
    [{ name: 'x', description: 'nul\u0000' }, 'description'],
    [{ name: 'x', user_ids: [at.stranger.uuid] }, 'user_ids'],
    [{ name: 'x', user_ids: [id] }, 'user_ids'],
    [{ name: 'x', type: 'private', user_ids: [at.guest.uuid, 'nobody'] }, 'user_ids'],
    [{ name: 'x', user_ids: ['not an id'] }, 'user_ids.0'],
    [{ name: 'x', user_ids: Array.from({ length: 101 }, () => at.guest.uuid) }, 'user_ids'],
  ]
  for (const [body, field] of bad) {
    const answer = await at.owner.post(channels(), body)
    assert.equal(answer.status, 400, JSON.stringify(body))
    assert.deepEqual(Object.keys(answer.body.error.details), [field], JSON.stringify(body))
  }
  // Somebody of another workspace and nobody at all are refused in the same words.
  const [one, other] = await Promise.all(
    [at.stranger.uuid, id].map((user) => at.owner.post(channels(), { name: 'x', user_ids: [user] })),
  )
  assert.deepEqual(one!.body, other!.body)
  await expectFrames(at, {})
  const names = (await at.owner.get(`${channels()}?q=x`)).body.items as unknown[]
  assert.deepEqual(names, [])
})

test('80 characters are a name, whatever they weigh', async () => {
  const { body } = await at.owner.post(channels(), { name: '😀'.repeat(80), type: 'private' })
  assert.equal(body.name, '😀'.repeat(80))
  assert.equal((await at.owner.patch(path(body.id), { name: '😀'.repeat(81) })).status, 400)
  await drained(at.listening.owner)
})

test('no two public channels have one name, however it is written', async () => {
  await making(at.owner, { name: 'Straße' })
  for (const name of ['Straße', 'STRASSE', 'straße ', 'Ｓtraße']) {
    for (const type of ['public', 'private']) {
      const { status, body } = await at.member.post(channels(), { name, type })
      assert.equal(status, 409, `${type} ${name}`)
      assert.match(body.error.message, /#Straße/)
    }
  }
  await expectFrames(at, {})
})

test('a private channel one does not see cannot be found out by its name', async () => {
  await making(at.member, { name: 'Project X', type: 'private' })
  // Who is in it is told; who is not may use the name, for either type.
  assert.equal((await at.member.post(channels(), { name: 'project x', type: 'private' })).status, 409)
  assert.equal((await at.admin.post(channels(), { name: 'project x', type: 'private' })).status, 201)
  assert.equal((await at.owner.post(channels(), { name: 'project x' })).status, 201)
  const renamed = await making(at.owner, { name: 'Project Y', type: 'private' })
  await making(at.member, { name: 'Project Z', type: 'private' })
  assert.equal((await at.owner.patch(path(renamed), { name: 'Project Z' })).status, 200)
  assert.equal((await at.owner.patch(path(renamed), { name: 'Project X' })).status, 409)
  for (const person of people) await drained(at.listening[person])
})

test('of two who give one name at once, one is refused', async () => {
  const all = [at.owner, at.admin, at.member]
  const answers = await Promise.all(all.map((user) => user.post(channels(), { name: 'Race' })))
  assert.deepEqual(answers.map(({ status }) => status).toSorted((a, b) => a - b), [201, 409, 409])
  await expectFrames(at, full('channel.created'))
})

test('the same Idempotency-Key brings the same channel: one row, one event', async () => {
  const once = () => at.owner.post(channels(), { name: 'once' }, { 'idempotency-key': 'make-once' })
  const [one, other] = await Promise.all([once(), once()])
  assert.deepEqual([one.status, other.status], [201, 201])
  assert.deepEqual(one.body, other.body)
  await expectFrames(at, full('channel.created'))
  // What was kept for it is gone with the channel, and a late retry does not make it again.
  assert.equal((await at.owner.delete(path(one.body.id))).status, 204)
  await expectFrames(at, full('channel.deleted'))
  assert.equal((await once()).status, 404)
  await expectFrames(at, {})
})

test('channel.updated: all three keys, to everybody who sees the channel; the same again is no event', async () => {
  const id = at.publicId
  const change = { name: 'Design!', description: 'Updated description' }
  const { status, body } = await at.owner.patch(path(id), change)
  assert.equal(status, 200)
  const names = ['channel.updated']
  const got = await expectFrames(at, { ...full(...names), guest: names })
  for (const person of people) assert.deepEqual(got[person], [{ id, ...change }])
  assert.deepEqual([body.name, body.description, body.joined], ['Design!', 'Updated description', true])
  assert.deepEqual((await at.owner.patch(path(id), change)).body, body)
  await expectFrames(at, {})
  // One of them alone still tells both.
  assert.equal((await at.owner.patch(path(id), { description: '' })).status, 200)
  assert.deepEqual((await expectFrames(at, { ...full(...names), guest: names })).admin, [
    { id, name: 'Design!', description: '' },
  ])
  assert.equal((await at.owner.patch(path(at.privateId), { description: 'hush' })).status, 200)
  await expectFrames(at, inside('channel.updated'))
})

test('a name may be written differently, but not become that of another', async () => {
  const id = await making(at.owner, { name: 'first' })
  const other = await making(at.owner, { name: 'second' })
  assert.equal((await at.owner.patch(path(id), { name: 'FIRST' })).body.name, 'FIRST')
  await expectFrames(at, full('channel.updated'))
  assert.equal((await at.owner.patch(path(id), { name: 'Second' })).status, 409)
  assert.equal((await at.owner.patch(path(id), {})).status, 400)
  await expectFrames(at, {})
  // The old name is free at once.
  assert.equal((await at.owner.patch(path(id), { name: 'third' })).status, 200)
  assert.equal((await at.owner.patch(path(other), { name: 'first' })).status, 200)
  for (const person of people) await drained(at.listening[person])
})

test('W-P7 who made it and admins who see it change, archive and delete a channel', async () => {
  const id = await making(at.member, { name: 'of a member', user_ids: [at.guest.uuid, at.owner.uuid] })
  const hidden = await making(at.member, { name: 'hidden', type: 'private', user_ids: [at.guest.uuid, at.owner.uuid] })
  const deeds: readonly ((user: User, channel: string) => Promise<{ status: number }>)[] = [
    (user, channel) => user.patch(path(channel), { description: user.name }),
    (user, channel) => user.post(`${path(channel)}/archive`),
    (user, channel) => user.post(`${path(channel)}/unarchive`),
  ]
  for (const deed of deeds) {
    for (const [user, open, closed] of [
      [at.guest, 403, 403],
      [at.stranger, 404, 404],
      [at.admin, 200, 404],
      [at.owner, 200, 200],
      [at.member, 200, 200],
    ] as const) {
      assert.equal((await deed(user, id)).status, open, user.name)
      assert.equal((await deed(user, hidden)).status, closed, user.name)
    }
  }
  // A member who did not make it, in it or not.
  assert.equal((await at.member.patch(path(at.publicId), { description: 'x' })).status, 403)
  for (const [user, status] of [[at.guest, 403], [at.stranger, 404], [at.admin, 404], [at.member, 204]] as const) {
    assert.equal((await user.delete(path(hidden))).status, status, user.name)
  }
  for (const [user, status] of [[at.guest, 403], [at.stranger, 404], [at.admin, 204], [at.member, 404]] as const) {
    assert.equal((await user.delete(path(id))).status, status, user.name)
  }
  for (const person of people) await drained(at.listening[person])
})

test('W-P8 the general channel gets another name, but is not archived, deleted or made private', async () => {
  const id = at.generalId
  assert.equal((await at.owner.patch(path(id), { name: 'lobby', description: '' })).body.is_general, true)
  await expectFrames(at, full('channel.updated'))
  assert.equal((await at.owner.patch(path(id), { type: 'private' })).status, 409)
  assert.equal((await at.owner.post(`${path(id)}/archive`)).status, 409)
  const { status, body } = await at.owner.delete(path(id))
  assert.equal(status, 409)
  assert.match(body.error.message, /#lobby/)
  // Where it was already so, nothing happens.
  assert.equal((await at.owner.post(`${path(id)}/unarchive`)).status, 200)
  await expectFrames(at, {})
})

test('an archived channel is read and nothing else, until it is taken out', async () => {
  const id = await making(at.owner, { name: 'old', user_ids: [at.member.uuid, at.guest.uuid] })
  const message = await posted(at, at.member, id, 'as it was')
  const { status, body } = await at.owner.post(`${path(id)}/archive`)
  assert.equal(status, 200)
  const told = { ...full('channel.updated'), guest: ['channel.updated'] }
  assert.deepEqual((await expectFrames(at, told)).guest, [{ id, name: 'old', description: '' }])
  assert.match(body.archived_at, /Z$/)
  assert.deepEqual((await at.owner.post(`${path(id)}/archive`)).body, body)
  for (const refused of [
    at.owner.patch(path(id), { name: 'new' }),
    at.owner.patch(path(id), { type: 'private' }),
    at.member.post(`${path(id)}/messages`, { content: 'x' }),
    at.admin.post(`${path(id)}/members`),
    at.owner.post(`${path(id)}/members`, { user_id: at.admin.uuid }),
  ]) {
    assert.equal((await refused).status, 409)
  }
  await expectFrames(at, {})
  assert.equal((await at.guest.get(`/api/messages/${message}`)).status, 200)
  const list = async (query: string): Promise<string[]> =>
    ((await at.owner.get(`${channels()}?limit=200&${query}`)).body.items as { id: string }[]).map((one) => one.id)
  assert.ok(!(await list('')).includes(id))
  assert.deepEqual(await list('archived=true'), [id])
  // Its name stays its own.
  const taken = await at.admin.post(channels(), { name: 'Old' })
  assert.match(taken.body.error.message, /in the archive/)
  // Who does not want to see it any more may go.
  assert.equal((await at.member.delete(`${path(id)}/members/me`)).status, 204)
  await expectFrames(at, inside('member.left'))
  assert.equal((await at.owner.post(`${path(id)}/unarchive`)).body.archived_at, null)
  await expectFrames(at, told)
  assert.equal((await at.guest.post(`${path(id)}/messages`, { content: 'again' })).status, 201)
  for (const person of people) await drained(at.listening[person])
})

test('channel.deleted: everybody who saw it, guests in it too; then nothing of it is left', async () => {
  for (const type of ['public', 'private']) {
    const id = await making(at.owner, { name: `gone ${type}`, type, user_ids: [at.member.uuid, at.guest.uuid] })
    const message = await posted(at, at.guest, id, 'a word')
    await at.owner.post(`/api/messages/${message}/reactions`, { emoji: '👍' })
    for (const person of people) await drained(at.listening[person])
    assert.equal((await at.owner.delete(path(id))).status, 204)
    const told: Partial<Record<Person, string[]>> = { ...inside('channel.deleted') }
    if (type === 'public') told.admin = ['channel.deleted']
    const got = await expectFrames(at, told)
    assert.deepEqual(got.guest, [{ id }])
    for (const user of [at.owner, at.member, at.guest, at.admin]) {
      assert.equal((await user.get(path(id))).status, 404)
      assert.equal((await user.get(`/api/messages/${message}`)).status, 404)
      assert.equal((await user.post(`${path(id)}/messages`, { content: 'x' })).status, 404)
    }
    assert.equal((await at.owner.delete(path(id))).status, 404)
    // Nobody types in it, or is in its rooms, any more.
    at.listening.guest.send({ type: 'typing', channel_id: id, is_typing: true })
    await at.listening.guest.expect('error', { code: 'UNAUTHORIZED' })
  }
  await expectFrames(at, {})
})
