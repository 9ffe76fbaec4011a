import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { User } from '../../testing/world.ts'
import { bringIn, connect, drained, expectFrames, made, people, scene, type Scene } from './testing.ts'

/** Direct messages: one for each set of people. */

let at: Scene & AsyncDisposable
before(async () => void (at = await scene({ config: { workspaceDmPeople: 4, workspaceChannels: 3 } })))
after(() => at[Symbol.asyncDispose]())

const channels = (): string => `/api/workspaces/${at.workspaceId}/channels`
const open = (by: User, ...others: User[]) =>
  by.post(channels(), { type: 'dm', user_ids: others.map(({ uuid }) => uuid) })

async function quiet(): Promise<void> {
  for (const person of people) await drained(at.listening[person])
}

test('W-E6 opening one tells its people, once; the same people in any order find it again', async () => {
  const { status, body } = await open(at.owner, at.member, at.admin)
  assert.equal(status, 201)
  const names = ['channel.created', 'member.joined', 'member.joined']
  const got = await expectFrames(at, { owner: names, admin: names, member: names })
  const created = { id: body.id, name: 'admin, member, owner', type: 'dm', created_by: at.owner.uuid }
  assert.deepEqual(got.member, [
    created,
    { channel_id: body.id, user_id: at.member.uuid },
    { channel_id: body.id, user_id: at.admin.uuid },
  ])
  assert.deepEqual(body, {
    ...created,
    workspace_id: at.workspaceId,
    description: '',
    created_at: body.created_at,
    updated_at: body.created_at,
    archived_at: null,
    is_general: false,
    joined: true,
    members: [at.owner.uuid, at.admin.uuid, at.member.uuid],
  })
  for (const again of [
    open(at.owner, at.admin, at.member),
    open(at.owner, at.member, at.admin, at.member, at.owner),
    open(at.member, at.owner, at.admin),
    open(at.admin, at.member, at.owner),
  ]) {
    const { status, body: found } = await again
    assert.equal(status, 200)
    assert.deepEqual(found, body)
  }
  assert.deepEqual((await at.admin.get(`/api/channels/${body.id}`)).body, { ...body, member_count: 3 })
  await expectFrames(at, {})
  await made(at.admin, `/api/channels/${body.id}/messages`, { content: 'hi' })
  await expectFrames(at, { owner: ['message.new'], admin: ['message.new'], member: ['message.new'] })
})

test('W-E6 two who open it at the same moment are in the same one', async () => {
  const answers = await Promise.all([open(at.owner, at.member), open(at.member, at.owner), open(at.owner, at.member)])
  assert.deepEqual(answers.map(({ status }) => status).toSorted((a, b) => a - b), [200, 200, 201])
  assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
  const names = ['channel.created', 'member.joined']
  await expectFrames(at, { owner: names, member: names })
})

test('with oneself alone one keeps notes', async () => {
  const { status, body } = await open(at.guest)
  assert.equal(status, 201)
  assert.deepEqual([body.name, body.members], ['guest', [at.guest.uuid]])
  await expectFrames(at, { guest: ['channel.created'] })
  assert.equal((await open(at.guest, at.guest)).body.id, body.id)
  assert.equal((await at.guest.post(`/api/channels/${body.id}/messages`, { content: 'milk' })).status, 201)
  await expectFrames(at, { guest: ['message.new'] })
})

test('nobody else sees it, admins and owners included', async () => {
  const { body } = await open(at.member, at.guest)
  await quiet()
  const absent = await at.owner.get('/api/channels/00000000-0000-4000-8000-000000000000')
  for (const user of [at.owner, at.admin]) {
    assert.deepEqual((await user.get(`/api/channels/${body.id}`)).body, absent.body)
    assert.deepEqual((await user.post(`/api/channels/${body.id}/members`)).body, absent.body)
    assert.deepEqual((await user.get(`/api/channels/${body.id}/members`)).body, absent.body)
    assert.deepEqual((await user.delete(`/api/channels/${body.id}`)).body, absent.body)
  }
  const { items } = (await at.guest.get(`/api/channels/${body.id}/members`)).body
  assert.deepEqual((items as { username: string }[]).map(({ username }) => username), ['guest', 'member'])
})

test('it is what its people are: nobody changes it, leaves it or brings anybody in', async () => {
  const { id } = (await open(at.owner, at.admin)).body as { id: string }
  await quiet()
  const path = `/api/channels/${id}`
  for (const refused of [
    at.owner.patch(path, { name: 'x' }),
    at.owner.patch(path, { type: 'public' }),
    at.owner.delete(path),
    at.owner.post(`${path}/archive`),
    at.owner.post(`${path}/unarchive`),
    at.owner.post(`${path}/members`, { user_id: at.member.uuid }),
    at.owner.delete(`${path}/members/me`),
    at.owner.delete(`${path}/members/${at.admin.uuid}`),
  ]) {
    assert.equal((await refused).status, 409)
  }
  const { status, body } = await at.owner.post(`${path}/members`)
  assert.deepEqual([status, body.members], [200, [at.owner.uuid, at.admin.uuid]])
  await expectFrames(at, {})
})

test('who is unknown, too many or not named is refused, in the same words whoever it is', async () => {
  const id = '00000000-0000-4000-8000-000000000000'
  const ask = (body: object) => at.owner.post(channels(), { type: 'dm', ...body })
  const [stranger, nobody] = await Promise.all([ask({ user_ids: [at.stranger.uuid] }), ask({ user_ids: [id] })])
  assert.equal(stranger.status, 400)
  assert.deepEqual(stranger.body, nobody.body)
  assert.deepEqual(Object.keys(stranger.body.error.details), ['user_ids'])
  assert.deepEqual(Object.keys((await ask({})).body.error.details), ['user_ids'])
  const five = await ask({ user_ids: [at.admin.uuid, at.member.uuid, at.guest.uuid, at.stranger.uuid] })
  assert.match(five.body.error.details.user_ids, /at most 3 besides yourself/)
  await expectFrames(at, {})
})

test('W-P6 guests write to those they share a channel with, and do not find out who else is there', async () => {
  // Nobody has put the admin together with the guest.
  const hidden = await open(at.guest, at.admin)
  const absent = await at.guest.post(channels(), { type: 'dm', user_ids: ['00000000-0000-4000-8000-000000000000'] })
  assert.equal(hidden.status, 400)
  assert.deepEqual(hidden.body, absent.body)
  assert.deepEqual((await open(at.guest, at.member, at.admin)).body, absent.body)
  assert.deepEqual((await open(at.guest, at.stranger)).body, absent.body)
  await expectFrames(at, {})
  assert.equal((await open(at.guest, at.owner)).status, 201)
  await quiet()
  // An admin finds the guest; from then on they are in a channel together.
  const { body } = await open(at.admin, at.guest)
  await quiet()
  assert.deepEqual((await open(at.guest, at.admin)).body, body)
})

test('the bound on channels does not count direct messages', async () => {
  assert.equal((await at.owner.post(channels(), { name: 'fourth' })).status, 409)
  assert.equal((await open(at.admin, at.member)).status, 201)
  await quiet()
})

test('who was out of the workspace is in it again when somebody opens it', async () => {
  const { body } = await open(at.owner, at.member, at.guest)
  await made(at.owner, `/api/channels/${body.id}/messages`, { content: 'before' })
  await quiet()
  assert.equal((await at.owner.delete(`/api/workspaces/${at.workspaceId}/members/${at.member.uuid}`)).status, 204)
  await at.listening.member.expectClose(4403)
  assert.equal((await open(at.owner, at.member, at.guest)).status, 400)
  assert.deepEqual((await at.guest.get(`/api/channels/${body.id}`)).body.members, [at.owner.uuid, at.guest.uuid])
  await bringIn(at.owner, at.workspaceId, at.member)
  const listening = { ...at.listening, member: await connect(at.world, at.workspaceId, at.member) }
  for (const person of people) await drained(listening[person])
  // Being back in the workspace is not yet being in its private talks.
  assert.equal((await at.member.get(`/api/channels/${body.id}`)).status, 404)
  const again = await at.member.post(channels(), { type: 'dm', user_ids: [at.guest.uuid, at.owner.uuid] })
  assert.equal(again.status, 200)
  assert.deepEqual(again.body, body)
  await expectFrames(
    { listening, workspaceId: at.workspaceId },
    { owner: ['member.joined'], guest: ['member.joined'], member: ['channel.created', 'member.joined'] },
  )
  const { items } = (await at.member.get(`/api/channels/${body.id}/messages`)).body
  assert.equal(items[0].content, 'before')
})
