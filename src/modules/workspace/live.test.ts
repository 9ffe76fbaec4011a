import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  bringIn, checkFrame, connect, cut, drained, expectFrames, made, people, scene, workspaceProtocol, type Scene,
} from './testing.ts'

/** Connecting, pings, typing and presence: what is never in the log. */

/** Time passes in leaps here: nobody is to be found dead because of it. */
const patient = { config: { pongWaitMs: 24 * 60 * 60_000 } }

let at: Scene & AsyncDisposable
before(async () => void (at = await scene(patient)))
after(() => at[Symbol.asyncDispose]())

const typing = (channelId: string, is_typing: boolean) => ({ type: 'typing', channel_id: channelId, is_typing })

test('pong: nothing but its type, for a flat ping and for one in the envelope', async () => {
  const client = at.listening.member
  client.send({ type: 'ping' })
  assert.deepEqual(await client.next(), { type: 'pong' })
  client.send({ type: 'ping', data: {}, workspace_id: at.workspaceId, timestamp: new Date(0).toISOString() })
  assert.deepEqual(await client.next(), { type: 'pong' })
  // A pong of the client's is answered by nobody.
  client.send({ type: 'pong' })
  await client.expectNothing()
})

test('typing.start, typing.stop: members of the channel but the typist; flat and enveloped', async () => {
  const second = await connect(at.world, at.workspaceId, at.member)
  at.listening.member.send(typing(at.publicId, true))
  const data = { channel_id: at.publicId, user_id: at.member.uuid }
  const started = await expectFrames(at, { owner: ['typing.start'], guest: ['typing.start'] })
  assert.deepEqual(started.owner, [data])
  await second.expectNothing()
  at.listening.member.send({ type: 'typing', data: { channel_id: at.publicId, is_typing: false } })
  await at.listening.member.expectNothing()
  const stopped = await expectFrames(at, { owner: ['typing.stop'], guest: ['typing.stop'] })
  assert.deepEqual(stopped.guest, [data])
  await second.close()
})

test('W-S4 typing is told once for all devices, kept going by repeating it, and ends by silence', async () => {
  await at.world.advance(1_000)
  const second = await connect(at.world, at.workspaceId, at.member)
  const first = at.listening.member
  for (const client of [first, second, first]) {
    client.send(typing(at.publicId, true))
    await client.expectNothing()
  }
  await expectFrames(at, { owner: ['typing.start'], guest: ['typing.start'] })
  // One device stops, the other goes on.
  second.send(typing(at.publicId, false))
  await second.expectNothing()
  await expectFrames(at, {})
  await at.world.advance(6_000)
  first.send(typing(at.publicId, true))
  await first.expectNothing()
  await at.world.advance(6_000)
  await expectFrames(at, {})
  await at.world.advance(3_000)
  await expectFrames(at, { owner: ['typing.stop'], guest: ['typing.stop'] })
  // Stopping what one does not do says nothing.
  first.send(typing(at.publicId, false))
  await first.expectNothing()
  await expectFrames(at, {})
  await second.close()
})

test('typing ends with the message', async () => {
  at.listening.member.send(typing(at.privateId, true))
  await at.listening.member.expectNothing()
  await expectFrames(at, { owner: ['typing.start'], guest: ['typing.start'] })
  await made(at.member, `/api/channels/${at.privateId}/messages`, { content: 'done' })
  const names = ['message.new', 'typing.stop']
  await expectFrames(at, { owner: names, member: ['message.new'], guest: names })
})

test('typing ends with the last connection', async () => {
  const { world, workspaceId } = at
  const newcomer = await world.user('typist')
  await bringIn(at.owner, workspaceId, newcomer, { channel_ids: [at.publicId] })
  const client = await connect(world, workspaceId, newcomer)
  for (const person of people) await drained(at.listening[person])
  client.send(typing(at.publicId, true))
  await client.expectNothing()
  await cut(world, client)
  await at.listening.owner.expect('typing.start')
  await at.listening.owner.expect('typing.stop', { user_id: newcomer.uuid })
  await world.advance(11_000)
  for (const person of people) await drained(at.listening[person])
})

test('typing into a channel one is not in: UNAUTHORIZED, whether it exists or not; the connection stays', async () => {
  for (const id of [at.publicId, at.privateId, '00000000-0000-4000-8000-000000000000', '../..']) {
    at.listening.admin.send(typing(id, true))
    const frame = await at.listening.admin.next()
    checkFrame(frame, at.workspaceId)
    assert.equal(frame.data['code'], 'UNAUTHORIZED')
  }
  await expectFrames(at, {})
})

test('INVALID_TOKEN and UNAUTHORIZED: the upgrade is completed, one error comes, then the close', async () => {
  const { world, workspaceId, stranger, member } = at
  const cases = [
    [`/ws/${workspaceId}?token=nonsense`, 'INVALID_TOKEN', 4401],
    [`/ws/${workspaceId}`, 'INVALID_TOKEN', 4401],
    [`/ws/${workspaceId}?token=${stranger.token}`, 'UNAUTHORIZED', 4403],
    [`/ws/00000000-0000-4000-8000-000000000000?token=${member.token}`, 'UNAUTHORIZED', 4403],
    [`/ws/not-a-workspace?token=${member.token}`, 'UNAUTHORIZED', 4403],
  ] as const
  for (const [path, code, close] of cases) {
    const client = world.client(path, { protocol: workspaceProtocol })
    const frame = await client.next()
    checkFrame(frame, workspaceId)
    assert.equal(frame.data['code'], code, path)
    await client.expectClose(close)
    assert.deepEqual(client.frames, [])
  }
})

test('a token that ends closes the session with INVALID_TOKEN, unless a newer one came in time', async () => {
  await using other = await scene(patient)
  const { world, workspaceId, listening } = other
  await world.advance(10 * 60_000)
  for (const person of people) await drained(listening[person])
  const { body } = await world.request('POST', '/api/auth/refresh', { refresh_token: other.member.refreshToken })
  listening.member.send({ type: 'authenticate', token: body.access_token })
  const answer = await listening.member.next()
  assert.deepEqual([answer.type, answer.data], ['authenticated', { user_id: other.member.uuid }])
  await world.advance(6 * 60_000)
  await listening.member.expectNothing()
  const owner = (await drainedUntilClose(listening.owner)).at(-1)!
  checkFrame(owner, workspaceId)
  assert.equal(owner.data['code'], 'INVALID_TOKEN')
  await listening.owner.expectClose(4401)
})

async function drainedUntilClose(client: Scene['listening']['owner']) {
  const frames = []
  for (;;) {
    const frame = await client.next()
    frames.push(frame)
    if (frame.type === 'error') return frames
  }
}

test('presence.updated: the initial state is everybody who is not offline, each once', async () => {
  await using other = await scene(patient)
  const { world, workspaceId } = other
  const client = world.client(`/ws/${workspaceId}?token=${other.member.token}`, { protocol: workspaceProtocol })
  await client.opened()
  const frames = await drained(client)
  for (const frame of frames) checkFrame(frame, workspaceId)
  const everybody = [other.owner, other.admin, other.member, other.guest]
  assert.deepEqual(
    frames.map(({ type, data }) => `${type} ${String(data['user_id'])} ${String(data['status'])}`).toSorted(),
    everybody.map(({ uuid }) => `presence.updated ${uuid} online`).toSorted(),
  )
  await client.close()
})

test('W-S1 online at once, offline after the grace; a reconnect within it is invisible; one person, many devices', async () => {
  const { world, workspaceId } = at
  const newcomer = await world.user('newcomer')
  await bringIn(at.owner, workspaceId, newcomer)
  for (const person of people) await drained(at.listening[person])
  const client = await connect(world, workspaceId, newcomer)
  const online = { user_id: newcomer.uuid, status: 'online' }
  const told = { owner: ['presence.updated'], admin: ['presence.updated'], member: ['presence.updated'] }
  // The guest is in no channel with them.
  assert.deepEqual((await expectFrames(at, told)).admin, [online])
  const second = await connect(world, workspaceId, newcomer)
  await client.close()
  await world.advance(60_000)
  await expectFrames(at, {})
  await cut(world, second)
  await world.advance(9_000)
  const third = await connect(world, workspaceId, newcomer)
  await world.advance(60_000)
  await expectFrames(at, {})
  await cut(world, third)
  await world.advance(11_000)
  assert.deepEqual((await expectFrames(at, told)).owner, [{ ...online, status: 'offline' }])
})

test('W-S2 away by idleness, back by typing or writing, pings and reading are nothing; away by saying so', async () => {
  await using other = await scene(patient)
  const { world, workspaceId, listening, member, owner } = other
  const told = { owner: ['presence.updated'], admin: ['presence.updated'], member: ['presence.updated'], guest: ['presence.updated'] }
  const keepActive = async () => {
    for (const user of [owner, other.admin, other.guest]) await user.put(`/api/workspaces/${workspaceId}/presence`, { status: 'online' })
  }
  await world.advance(4 * 60_000)
  await keepActive()
  await member.get(`/api/channels/${other.publicId}/messages`)
  await listening.member.expectNothing()
  await world.advance(61_000)
  const away = await expectFrames(other, told)
  assert.deepEqual(away.owner, [{ user_id: member.uuid, status: 'away' }])
  listening.member.send(typing(other.publicId, true))
  await listening.member.expect('presence.updated', { user_id: member.uuid, status: 'online' })
  for (const person of people) await drained(listening[person])
  // By saying so: it lasts whatever they do, and across a reconnect.
  const answer = await member.put(`/api/workspaces/${workspaceId}/presence`, { status: 'away' })
  assert.deepEqual(answer.body, { user_id: member.uuid, status: 'away' })
  await expectFrames(other, told)
  await made(member, `/api/channels/${other.generalId}/messages`, { content: 'still away' })
  for (const person of ['owner', 'admin', 'member'] as const) await listening[person].expect('message.new')
  await expectFrames(other, {})
  const { items } = (await owner.get(`/api/workspaces/${workspaceId}/presence`)).body
  assert.deepEqual(
    (items as { user_id: string; status: string }[]).find(({ user_id }) => user_id === member.uuid)?.status,
    'away',
  )
  await member.put(`/api/workspaces/${workspaceId}/presence`, { status: 'online' })
  assert.deepEqual((await expectFrames(other, told)).guest, [{ user_id: member.uuid, status: 'online' }])
})

test('W-P6 guests know the people of their channels: on coming in, when others come, when they become one or none', async () => {
  await using other = await scene(patient)
  const { world, workspaceId, listening, owner, admin, member, guest } = other
  // What comes is who is online, in any order.
  const seen = async (person: 'guest' | 'member' | 'owner' | 'admin') => {
    const frames = (await drained(listening[person])).filter(({ type }) => type === 'presence.updated')
    return frames.map(({ data }) => `${String(data['user_id'])} ${String(data['status'])}`).toSorted()
  }
  const online = (...users: { uuid: string }[]) => users.map(({ uuid }) => `${uuid} online`).toSorted()
  // The admin is in no channel with the guest, until they join one.
  await made(admin, `/api/channels/${other.publicId}/members`, {})
  assert.deepEqual(await seen('guest'), online(admin))
  assert.deepEqual(await seen('member'), [])
  // Somebody new is unknown to the guest, until the guest is put where they are.
  const newcomer = await world.user('newcomer')
  await bringIn(owner, workspaceId, newcomer)
  const client = await connect(world, workspaceId, newcomer)
  assert.deepEqual(await seen('guest'), [])
  assert.deepEqual(await seen('owner'), online(newcomer))
  const { id } = await made(newcomer, `/api/workspaces/${workspaceId}/channels`, { name: 'new things' })
  await made(newcomer, `/api/channels/${id}/members`, { user_id: guest.uuid })
  assert.deepEqual(await seen('guest'), online(newcomer))
  assert.deepEqual(await seen('owner'), [])
  // Out of the one channel they share: offline for the guest, who comes back to know them by the next.
  await made(newcomer, `/api/channels/${id}/members`, { user_id: owner.uuid })
  await newcomer.delete(`/api/channels/${id}/members/me`)
  assert.deepEqual(await seen('guest'), [`${newcomer.uuid} offline`])
  await made(newcomer, `/api/channels/${id}/members`, {})
  assert.deepEqual(await seen('guest'), online(newcomer))
  // Removed from the workspace: offline at once, for the guest too.
  await owner.delete(`/api/workspaces/${workspaceId}/members/${newcomer.uuid}`)
  await client.expectClose(4403)
  assert.deepEqual(await seen('guest'), [`${newcomer.uuid} offline`])
  assert.deepEqual(await seen('admin').then((frames) => frames.at(-1)), `${newcomer.uuid} online`)
  // A guest who becomes a member knows everybody; one who is made a guest only the people of their channels.
  const role = (who: { uuid: string }, name: string) =>
    owner.patch(`/api/workspaces/${workspaceId}/members/${who.uuid}`, { role: name })
  await role(guest, 'member')
  assert.deepEqual(await seen('guest'), online(owner, admin, member, guest))
  await drained(listening.member)
  const visitor = await world.user('visitor')
  const alone = await made(owner, `/api/workspaces/${workspaceId}/channels`, { type: 'private', name: 'alone' })
  await bringIn(owner, workspaceId, visitor, { role: 'guest', channel_ids: [alone.id] })
  await connect(world, workspaceId, visitor)
  assert.deepEqual(await seen('member'), online(visitor))
  await role(member, 'guest')
  assert.deepEqual(await seen('member'), [`${visitor.uuid} offline`])
  await role(member, 'member')
  assert.deepEqual(await seen('member'), online(owner, admin, member, guest, visitor))
})

test('W-L1 the connections of one account share a limit too, and its refusals do not count for the connection', async () => {
  await using other = await scene({ config: { ...patient.config, workspaceAccountFrames: 10 } })
  const { world, workspaceId, member, listening } = other
  const second = await connect(world, workspaceId, member)
  for (let n = 0; n < 10; n += 1) (n % 2 === 0 ? second : listening.member).send(typing(other.publicId, true))
  await second.expectNothing()
  await listening.member.expectNothing()
  for (const client of [second, listening.member]) {
    client.send(typing(other.publicId, true))
    await client.expect('error', { code: 'RATE_LIMITED' })
  }
  await world.advance(10_000)
  await second.expectNothing()
  second.send(typing(other.publicId, true))
  await second.expectNothing()
})

test('W-L1 the 61st frame in ten seconds is dropped with RATE_LIMITED; pings pass all the while; then it is forgiven', async () => {
  const client = at.listening.guest
  await at.world.advance(11_000)
  for (let n = 0; n < 60; n += 1) client.send(typing(at.publicId, true))
  await client.expectNothing()
  client.send(typing(at.publicId, false))
  const frame = await client.next()
  checkFrame(frame, at.workspaceId)
  assert.equal(frame.data['code'], 'RATE_LIMITED')
  assert.match(frame.data['message'] as string, /try again in \d+ s/)
  // A flooding sender is read a little slower.
  await at.world.advance(200)
  await client.expectNothing()
  await at.world.advance(10_000)
  client.send(typing(at.publicId, false))
  await client.expectNothing()
  for (const person of people) await drained(at.listening[person])
})
