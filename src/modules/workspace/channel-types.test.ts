import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Frame } from '../../testing/client.ts'
import type { User } from '../../testing/world.ts'
import { drained, expectFrames, made, people, scene, workspaceProtocol, type Scene } from './testing.ts'

/** Channels that come into sight and go out of it: made private, made public, deleted; live and after an absence. */

let at: Scene & AsyncDisposable
before(async () => void (at = await scene()))
after(() => at[Symbol.asyncDispose]())

const channels = (): string => `/api/workspaces/${at.workspaceId}/channels`
const path = (id: string): string => `/api/channels/${id}`

async function quiet(): Promise<void> {
  for (const person of people) await drained(at.listening[person])
}

async function making(by: User, body: object): Promise<string> {
  const { id } = await made(by, channels(), body)
  await quiet()
  return id as string
}

async function turn(id: string, type: 'public' | 'private', by = at.owner): Promise<void> {
  assert.equal((await by.patch(path(id), { type })).body.type, type)
}

/** A person goes away, on one device at least; what that device is given when it comes back, as names and ids. */
async function absent(user: User): Promise<() => Promise<string[]>> {
  const { position } = (await user.get(channels())).body as { position: string }
  return async () => {
    const url = `/ws/${at.workspaceId}?token=${user.token}&since=${position}`
    const client = at.world.client(url, { protocol: workspaceProtocol })
    const frames: Frame[] = []
    // Who is there follows upon what was missed.
    for (;;) {
      const frame = await client.next()
      if (frame.type === 'presence.updated') break
      frames.push(frame)
    }
    await drained(client)
    await client.close()
    await quiet()
    return frames.map(({ type }) => type)
  }
}

test('made private: who is not in it gets its removal and nothing more, who is in it its change', async () => {
  const id = await making(at.owner, { name: 'close me', user_ids: [at.guest.uuid] })
  await turn(id, 'private')
  const gone = ['channel.deleted']
  const kept = ['channel.updated']
  const got = await expectFrames(at, { owner: kept, guest: kept, admin: gone, member: gone })
  assert.deepEqual(got.admin, [{ id }])
  assert.deepEqual(got.guest, [{ id, name: 'close me', description: '' }])
  for (const user of [at.admin, at.member]) assert.equal((await user.get(path(id))).status, 404)
  await made(at.guest, `${path(id)}/messages`, { content: 'among us' })
  await at.owner.patch(path(id), { name: 'closed' })
  await expectFrames(at, { owner: ['message.new', ...kept], guest: ['message.new', ...kept] })
  // Its name is free for those who do not see it.
  assert.equal((await at.admin.post(channels(), { name: 'closed' })).status, 201)
  await quiet()
})

test('made public: who did not see it gets its creation and all there is to know; guests do not', async () => {
  const input = { name: 'open me', type: 'private', description: 'Come in', user_ids: [at.owner.uuid] }
  const id = await making(at.member, input)
  await turn(id, 'public', at.member)
  const got = await expectFrames(at, {
    owner: ['channel.updated'],
    member: ['channel.updated'],
    admin: ['channel.created', 'channel.updated'],
  })
  assert.deepEqual(got.admin, [
    { id, name: 'open me', type: 'public', created_by: at.member.uuid },
    { id, name: 'open me', description: 'Come in' },
  ])
  assert.equal((await at.guest.get(path(id))).status, 404)
  assert.equal((await at.admin.post(`${path(id)}/members`)).status, 200)
  const joined = ['member.joined']
  await expectFrames(at, { owner: joined, member: joined, admin: joined })
  // The same again is nothing.
  await turn(id, 'public', at.member)
  await expectFrames(at, {})
})

test('made public under a name that is taken: refused, and it stays private', async () => {
  await making(at.admin, { name: 'Taken' })
  const id = await making(at.owner, { name: 'mine', type: 'private', user_ids: [at.admin.uuid] })
  const other = await making(at.owner, { name: 'x', type: 'private' })
  assert.equal((await at.owner.patch(path(other), { type: 'public', name: 'taken' })).status, 409)
  assert.equal((await at.owner.patch(path(id), { name: 'TAKEN' })).status, 409)
  await expectFrames(at, {})
  assert.equal((await at.owner.get(path(id))).body.type, 'private')
})

test('a channel is made private or public only by somebody who is in it', async () => {
  const id = await making(at.member, { name: 'outside' })
  assert.equal((await at.admin.patch(path(id), { type: 'private' })).status, 403)
  assert.equal((await at.admin.patch(path(id), { description: 'seen' })).status, 200)
  await quiet()
  // A member who did not make it may not, in it or not; a guest neither.
  assert.equal((await at.member.patch(path(at.publicId), { type: 'private' })).status, 403)
  assert.equal((await at.guest.patch(path(at.publicId), { type: 'private' })).status, 403)
  await expectFrames(at, {})
})

test('name and type at once: the others learn neither', async () => {
  const id = await making(at.owner, { name: 'plans' })
  assert.equal((await at.owner.patch(path(id), { name: 'Layoffs', type: 'private' })).status, 200)
  const got = await expectFrames(at, {
    owner: ['channel.updated'],
    admin: ['channel.deleted'],
    member: ['channel.deleted'],
  })
  assert.ok(!JSON.stringify([got.admin, got.member]).includes('Layoffs'))
})

test('replayed: made private while somebody was away', async () => {
  const known = await making(at.owner, { name: 'known', user_ids: [at.guest.uuid] })
  const back = { member: await absent(at.member), guest: await absent(at.guest) }
  const fresh = await making(at.owner, { name: 'unknown', description: 'secret by now', user_ids: [at.guest.uuid] })
  await at.owner.patch(path(fresh), { description: 'still public' })
  await turn(known, 'private')
  await turn(fresh, 'private')
  assert.equal((await at.owner.patch(path(fresh), { name: 'nobody knows' })).status, 200)
  await quiet()
  // What was public then is not theirs any more: they are told only that both are gone.
  assert.deepEqual(await back.member(), ['channel.deleted', 'channel.deleted'])
  assert.deepEqual(await back.guest(), [
    'channel.created', 'member.joined', 'channel.updated', // fresh
    'channel.updated', 'channel.updated', // both made private
    'channel.updated', // renamed
  ])
})

test('replayed: made public while somebody was away', async () => {
  const id = await making(at.owner, { name: 'soon', type: 'private', user_ids: [at.guest.uuid] })
  const back = { member: await absent(at.member), guest: await absent(at.guest), owner: await absent(at.owner) }
  await made(at.owner, `${path(id)}/messages`, { content: 'before' })
  await at.owner.patch(path(id), { description: 'still private' })
  await turn(id, 'public')
  await quiet()
  assert.deepEqual(await back.member(), ['channel.created', 'channel.updated'])
  assert.deepEqual(await back.guest(), ['message.new', 'channel.updated', 'channel.updated'])
  assert.deepEqual(await back.owner(), ['message.new', 'channel.updated', 'channel.updated'])
})

test('replayed: a channel that became public, and that one has joined meanwhile, is not met unannounced', async () => {
  const id = await making(at.owner, { name: 'later public', type: 'private' })
  const back = await absent(at.member)
  at.world.clock.advance(1_000)
  await turn(id, 'public')
  await quiet()
  // The person joins on another device, and is told there what anybody is who joins.
  await made(at.member, `${path(id)}/members`, {})
  await expectFrames(at, { owner: ['member.joined'], member: ['member.joined'] })
  assert.deepEqual(await back(), ['channel.updated', 'channel.created', 'member.joined'])
})

test('replayed: there and back again, private and public, ends with what is true', async () => {
  const id = await making(at.owner, { name: 'swing' })
  const back = { member: await absent(at.member), owner: await absent(at.owner) }
  for (const type of ['private', 'public', 'private', 'public'] as const) await turn(id, type)
  await quiet()
  // Of the news of a time when it was public, only that of the last.
  assert.deepEqual(await back.member(), ['channel.deleted', 'channel.deleted', 'channel.created', 'channel.updated'])
  assert.deepEqual(await back.owner(), Array.from({ length: 4 }, () => 'channel.updated'))
})

test('replayed: deleted while somebody was away, who gets its removal and nothing else', async () => {
  const hidden = await making(at.owner, { name: 'h', type: 'private', user_ids: [at.member.uuid, at.guest.uuid] })
  const open = await making(at.owner, { name: 'o', user_ids: [at.guest.uuid] })
  const back = { member: await absent(at.member), guest: await absent(at.guest), admin: await absent(at.admin) }
  for (const id of [hidden, open]) {
    await made(at.owner, `${path(id)}/messages`, { content: 'gone with it' })
    await at.owner.patch(path(id), { description: 'gone with it' })
    assert.equal((await at.owner.delete(path(id))).status, 204)
  }
  await quiet()
  assert.deepEqual(await back.member(), ['channel.deleted', 'channel.deleted'])
  assert.deepEqual(await back.guest(), ['channel.deleted', 'channel.deleted'])
  assert.deepEqual(await back.admin(), ['channel.deleted'])
})

test('replayed: taken out while away, and brought in while away', async () => {
  const out = await making(at.owner, { name: 'out', type: 'private', user_ids: [at.member.uuid] })
  const into = await making(at.owner, { name: 'into', type: 'private' })
  const back = await absent(at.member)
  await made(at.owner, `${path(out)}/messages`, { content: 'while they were in it' })
  await at.owner.delete(`${path(out)}/members/${at.member.uuid}`)
  await made(at.owner, `${path(out)}/messages`, { content: 'without them' })
  await made(at.owner, `${path(into)}/members`, { user_id: at.member.uuid })
  await made(at.owner, `${path(into)}/messages`, { content: 'with them' })
  await quiet()
  assert.deepEqual(await back(), [
    'member.left',
    'channel.deleted',
    'channel.created',
    'member.joined',
    'message.new',
  ])
})
