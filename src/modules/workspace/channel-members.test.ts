import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { User } from '../../testing/world.ts'
import { drained, expectFrames, made, people, posted, scene, type Scene } from './testing.ts'

/** Coming into channels and going out of them: who may, who is told, and what each gets from that moment on. */

let at: Scene & AsyncDisposable
before(async () => void (at = await scene()))
after(() => at[Symbol.asyncDispose]())

const NOBODY = '00000000-0000-4000-8000-000000000000'
const path = (id: string): string => `/api/channels/${id}`
const members = (id: string): string => `${path(id)}/members`

/** Makes a channel and takes its events off every connection. */
async function making(by: User, body: object): Promise<string> {
  const { id } = await made(by, `/api/workspaces/${at.workspaceId}/channels`, body)
  await quiet()
  return id as string
}

async function quiet(): Promise<void> {
  for (const person of people) await drained(at.listening[person])
}

/** Joins or leaves, and takes what that causes off every connection. */
async function there(by: User, id: string, user?: User): Promise<void> {
  await made(by, members(id), user ? { user_id: user.uuid } : {})
  await quiet()
}

test('joining a public channel: its members are told, the new one too; from then on they get everything', async () => {
  const id = await making(at.owner, { name: 'open' })
  await posted(at, at.owner, id, 'before')
  const { status, body } = await at.member.post(members(id))
  assert.equal(status, 200)
  assert.equal(body.joined, true)
  const got = await expectFrames(at, { owner: ['member.joined'], member: ['member.joined'] })
  const joined = [{ channel_id: id, user_id: at.member.uuid }]
  assert.deepEqual([got.owner, got.member], [joined, joined])
  await made(at.owner, `${path(id)}/messages`, { content: 'after' })
  await expectFrames(at, { owner: ['message.new'], member: ['message.new'] })
  // And what was written before they came can be read.
  const { items } = (await at.member.get(`${path(id)}/messages`)).body
  assert.deepEqual((items as { content: string }[]).map(({ content }) => content), ['after', 'before'])
  // Being there already, by any of the three ways to say it.
  for (const deed of [{}, { user_id: at.member.uuid }]) {
    assert.deepEqual((await at.member.post(members(id), deed)).body, body)
  }
  assert.equal((await at.owner.post(members(id), { user_id: at.member.uuid })).status, 200)
  await expectFrames(at, {})
})

test('of one who joins from several devices at once the others are told once', async () => {
  const id = await making(at.owner, { name: 'several' })
  const answers = await Promise.all([1, 2, 3].map(() => at.member.post(members(id))))
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200])
  await expectFrames(at, { owner: ['member.joined'], member: ['member.joined'] })
})

test('leaving a public channel: its members and who left are told; it stays in sight, its talk does not', async () => {
  const id = await making(at.owner, { name: 'leave me', user_ids: [at.member.uuid] })
  assert.equal((await at.member.delete(`${members(id)}/me`)).status, 204)
  const got = await expectFrames(at, { owner: ['member.left'], member: ['member.left'] })
  assert.deepEqual(got.member, [{ channel_id: id, user_id: at.member.uuid }])
  await made(at.owner, `${path(id)}/messages`, { content: 'now that they are gone' })
  await expectFrames(at, { owner: ['message.new'] })
  assert.equal((await at.member.get(path(id))).body.joined, false)
  assert.equal((await at.member.post(`${path(id)}/messages`, { content: 'x' })).status, 403)
  assert.equal((await at.member.delete(`${members(id)}/me`)).status, 404)
  await expectFrames(at, {})
})

test('who is brought into a private channel gets its creation first; who leaves it gets its removal last', async () => {
  const id = await making(at.owner, { name: 'den', type: 'private' })
  await posted(at, at.owner, id, 'history')
  const { status, body } = await at.owner.post(members(id), { user_id: at.member.uuid })
  assert.equal(status, 200)
  assert.equal(body.joined, true)
  const got = await expectFrames(at, { owner: ['member.joined'], member: ['channel.created', 'member.joined'] })
  const created = { id, name: 'den', type: 'private', created_by: at.owner.uuid }
  assert.deepEqual(got.member, [created, { channel_id: id, user_id: at.member.uuid }])
  const { items } = (await at.member.get(`${path(id)}/messages`)).body
  assert.equal(items[0].content, 'history')
  // A plain member brings in others too.
  assert.equal((await at.member.post(members(id), { user_id: at.admin.uuid })).body.joined, true)
  await expectFrames(at, {
    owner: ['member.joined'],
    member: ['member.joined'],
    admin: ['channel.created', 'member.joined'],
  })
  assert.equal((await at.member.delete(`${members(id)}/${at.member.uuid}`)).status, 204)
  const left = await expectFrames(at, {
    owner: ['member.left'],
    admin: ['member.left'],
    member: ['member.left', 'channel.deleted'],
  })
  assert.deepEqual(left.member![1], { id })
  assert.equal((await at.member.get(path(id))).status, 404)
  await made(at.owner, `${path(id)}/messages`, { content: 'without them' })
  await expectFrames(at, { owner: ['message.new'], admin: ['message.new'] })
})

test('in one and the same turn: who goes gets nothing that comes after, who comes everything', async () => {
  const id = await making(at.owner, { name: 'turn', type: 'private', user_ids: [at.guest.uuid] })
  const say = (content: string) => at.owner.post(`${path(id)}/messages`, { content })
  const answers = await Promise.all([
    say('one'),
    at.owner.delete(`${members(id)}/${at.guest.uuid}`),
    say('two'),
    at.owner.post(members(id), { user_id: at.member.uuid }),
    say('three'),
  ])
  assert.ok(answers.every(({ status }) => status < 300))
  // Whatever order the server took them in, each has been told a whole story.
  const all = await drained(at.listening.owner)
  const order = all.map(({ type }) => type)
  const gone = order.indexOf('member.left')
  const come = order.indexOf('member.joined')
  assert.deepEqual(order.toSorted(), ['member.joined', 'member.left', 'message.new', 'message.new', 'message.new'])
  const guest = await drained(at.listening.guest)
  assert.deepEqual(guest.map(({ type }) => type), [...order.slice(0, gone + 1), 'channel.deleted'])
  const member = await drained(at.listening.member)
  assert.deepEqual(member.map(({ type }) => type), ['channel.created', ...order.slice(come)])
  const { items } = (await at.member.get(`${path(id)}/messages`)).body
  assert.equal(items.length, 3)
})

test('W-P6 guests join nothing and bring in nobody; they are brought in, and may go', async () => {
  const id = await making(at.owner, { name: 'for guests', user_ids: [at.member.uuid] })
  const absent = await at.guest.post(members(NOBODY))
  assert.equal(absent.status, 404)
  assert.deepEqual((await at.guest.post(members(id))).body, absent.body)
  assert.equal((await at.guest.post(members(at.publicId), { user_id: at.admin.uuid })).status, 403)
  assert.equal((await at.member.post(members(id), { user_id: at.guest.uuid })).status, 200)
  await expectFrames(at, {
    owner: ['member.joined'],
    member: ['member.joined'],
    guest: ['channel.created', 'member.joined'],
  })
  assert.equal((await at.guest.post(members(id))).body.joined, true)
  assert.equal((await at.guest.delete(`${members(id)}/me`)).status, 204)
  await expectFrames(at, {
    owner: ['member.left'],
    member: ['member.left'],
    guest: ['member.left', 'channel.deleted'],
  })
  assert.equal((await at.guest.get(path(id))).status, 404)
})

test('W-P10 who is in a channel brings others in; admins also where they only see it', async () => {
  const id = await making(at.owner, { name: 'bring' })
  assert.equal((await at.member.post(members(id), { user_id: at.guest.uuid })).status, 403)
  assert.equal((await at.admin.post(members(id), { user_id: at.member.uuid })).body.joined, false)
  await expectFrames(at, { owner: ['member.joined'], member: ['member.joined'] })
  assert.equal((await at.member.post(members(id), { user_id: at.guest.uuid })).status, 200)
  await quiet()
  // An admin does not see a private one they are not in.
  assert.equal((await at.admin.post(members(at.privateId), { user_id: at.admin.uuid })).status, 404)
  assert.equal((await at.admin.post(members(at.privateId))).status, 404)
})

test('only members of the workspace are brought in; of anybody else nothing is to be learnt', async () => {
  const ids = [at.stranger.uuid, NOBODY, 'x']
  const answers = await Promise.all(ids.map((user_id) => at.owner.post(members(at.publicId), { user_id })))
  for (const { status, body } of answers) {
    assert.equal(status, 400)
    assert.deepEqual(Object.keys(body.error.details), ['user_id'])
    assert.deepEqual(body, answers[0]!.body)
  }
  assert.equal((await at.owner.post(members(at.publicId), { user_id: 7 })).status, 400)
  await expectFrames(at, {})
})

test('W-P7 who made a channel and admins take people out of it; admins and owners only an owner', async () => {
  const id = await making(at.member, { name: 'kick', user_ids: [at.guest.uuid, at.admin.uuid, at.owner.uuid] })
  const kick = async (by: User, who: User): Promise<number> => (await by.delete(`${members(id)}/${who.uuid}`)).status
  assert.equal(await kick(at.guest, at.member), 403)
  assert.equal(await kick(at.stranger, at.member), 404)
  assert.equal(await kick(at.member, at.admin), 403)
  assert.equal(await kick(at.member, at.owner), 403)
  assert.equal(await kick(at.admin, at.owner), 403)
  assert.equal(await kick(at.owner, at.stranger), 404)
  await expectFrames(at, {})
  assert.equal(await kick(at.member, at.guest), 204)
  const left = ['member.left']
  const got = await expectFrames(at, { owner: left, admin: left, member: left, guest: [...left, 'channel.deleted'] })
  assert.deepEqual(got.owner, [{ channel_id: id, user_id: at.guest.uuid }])
  assert.equal(await kick(at.owner, at.guest), 404)
  assert.equal(await kick(at.admin, at.member), 204)
  // It goes on without the one who made it, who manages it still.
  await expectFrames(at, { owner: left, admin: left, member: left })
  assert.equal((await at.member.patch(path(id), { description: 'mine' })).status, 200)
  await quiet()
  assert.equal(await kick(at.owner, at.admin), 204)
  await expectFrames(at, { owner: left, admin: left })
})

test('W-P8 nobody but a guest goes out of the general channel', async () => {
  const id = at.generalId
  assert.equal((await at.member.delete(`${members(id)}/me`)).status, 409)
  assert.equal((await at.owner.delete(`${members(id)}/${at.member.uuid}`)).status, 409)
  assert.equal((await at.owner.delete(`${members(id)}/me`)).status, 409)
  await expectFrames(at, {})
  await there(at.owner, id, at.guest)
  assert.equal((await at.owner.delete(`${members(id)}/${at.guest.uuid}`)).status, 204)
  const left = ['member.left']
  await expectFrames(at, { owner: left, admin: left, member: left, guest: [...left, 'channel.deleted'] })
  await there(at.owner, id, at.guest)
  assert.equal((await at.guest.delete(`${members(id)}/me`)).status, 204)
  await quiet()
})

test('a private channel that its last member has left is seen by nobody; its name is free', async () => {
  const id = await making(at.member, { name: 'alone', type: 'private' })
  assert.equal((await at.member.delete(`${members(id)}/me`)).status, 204)
  await expectFrames(at, { member: ['member.left', 'channel.deleted'] })
  for (const user of [at.owner, at.admin, at.member, at.guest]) {
    assert.equal((await user.get(path(id))).status, 404)
    assert.equal((await user.post(members(id))).status, 404)
  }
  assert.equal((await at.member.post(`/api/workspaces/${at.workspaceId}/channels`, { name: 'alone' })).status, 201)
  await quiet()
})

test('W-P5 the people of a channel are for those who see it', async () => {
  const list = async (user: User, id: string) => user.get(members(id))
  const { status, body } = await list(at.admin, at.publicId)
  assert.equal(status, 200)
  const items = body.items as { user_id: string }[]
  assert.deepEqual(items.map(({ user_id }) => user_id), [at.guest.uuid, at.member.uuid, at.owner.uuid])
  const { joined_at, ...first } = items[0] as { user_id: string; joined_at: string }
  assert.deepEqual(first, { user_id: at.guest.uuid, username: 'guest', display_name: 'guest', role: 'guest' })
  assert.match(joined_at, /Z$/)
  assert.match(body.position, /./)
  assert.equal((await list(at.guest, at.publicId)).status, 200)
  for (const [user, id] of [[at.admin, at.privateId], [at.guest, at.generalId], [at.stranger, at.publicId]] as const) {
    assert.equal((await list(user, id)).status, 404, user.name)
  }
})
