import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { checkLog, forgeries } from '../../testing/hostile.ts'
import { eventually, onlineAs, pass, presence, refused } from './testing-sockets.ts'
import { everyone, expectEvents, joinAll, made, scene, Tab, type Scene } from './testing.ts'
import type { ErrorEvent } from './wire.ts'

/** Who is let in, and who is put out: specs/helpdesk.md, "Authentication", and H-C1 to H-C5 of PROTOCOL.md. */

let at: Scene & AsyncDisposable
before(async () => void (at = await scene()))
after(() => at[Symbol.asyncDispose]())

const ME = { ok: true }
const ONLINE_TOLD = Object.fromEntries(everyone.map((person) => [person, presence] as const))

test('H-C1 what the document’s examples emit back to back is run in order, whatever the transport', async () => {
  const { world, customer, publicId, tabs } = at
  const say = (tab: Tab): void => {
    tab.emit('authenticate', customer.token)
    tab.emit('join_channel', publicId)
    tab.emit('chat:send_message', { channelId: publicId, message: 'Hello', messageType: 'text' })
  }
  const check = async (tab: Tab): Promise<void> => {
    const me = { userId: customer.id, displayName: 'customer', role: 'customer' }
    assert.deepEqual(await tab.expect('authenticated'), me)
    await tab.expect('user_joined', { userId: customer.id, channelId: publicId })
    await tab.expect('chat:new_message', { message: 'Hello' })
    // The tab that was there already is one of the sender's, and has not joined.
    await expectEvents(at, { customer: ['chat:new_message'] })
    await tab.expectNothing()
    await tab.done('leave_channel', publicId)
    tab.close()
  }
  for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
    const early = new Tab(world.url, { transports })
    say(early)
    await check(early)
  }
  const late = new Tab(world.url)
  late.socket.on('connect', () => say(late))
  await check(late)
  await eventually(() => world.app.hub.connections.size === Object.keys(tabs).length, 'the going of the tabs')
  await at.world.advance(2_100)
  await expectEvents(at, {})
})

test('H-C1 before a token each command gets its error event and is not run; the connection stays', async () => {
  const { world, customer, publicId } = at
  const messages = `/api/helpdesk/channels/${publicId}/messages`
  const { items } = (await customer.get(messages)).body
  const tab = new Tab(world.url)
  const callId = '0b0c6f5e-0000-4000-8000-000000000000'
  const commands: readonly [ErrorEvent, string, unknown?][] = [
    ['chat:error', 'join_channel', publicId],
    ['chat:error', 'leave_channel', publicId],
    ['chat:error', 'chat:send_message', { channelId: publicId, message: 'x', messageType: 'text', replyToId: null }],
    ['chat:error', 'message_read', { channelId: publicId, messageId: null }],
    ['chat:error', 'chat:typing', { channelId: publicId, isTyping: true }],
    ['presence:error', 'update_presence', { status: 'busy', statusMessage: 'x', customStatus: 'y' }],
    ['chat:error', 'file_uploaded', { channelId: publicId, fileName: 'a', fileSize: 1, fileType: '', messageId: 1 }],
    ['broadcast:error', 'system_broadcast', { message: 'x', priority: 'high' }],
    ['chat:error', 'channel_updated', { channelId: publicId, changes: { name: 'x' } }],
    ['chat:error', 'call:invite', { targetUserId: at.agent.id, callType: 'audio', offer: {} }],
    ['chat:error', 'call:accept', { callId, answer: {}, targetUserId: at.agent.id }],
    ['chat:error', 'call:reject', { callId, targetUserId: at.agent.id }],
    ['chat:error', 'call:end', { callId, targetUserId: at.agent.id }],
    ['chat:error', 'call:ice_candidate', { targetUserId: at.agent.id, candidate: null }],
    ['presence:error', 'presence:set_status', 'busy'],
    ['presence:error', 'presence:get_online_users'],
    ['chat:error', 'no_such_event', {}],
    ['auth:error', 'authenticate', 'garbage'],
  ]
  for (const [event, name, ...args] of commands) {
    await refused(tab, [name, ...args], event, 'UNAUTHENTICATED')
    // H-C5: an acknowledgement is an addition, for who asks for one.
    tab.emit(name, ...args)
    assert.match(await tab.expect(event), /\(UNAUTHENTICATED\)$/)
  }
  await expectEvents(at, {})
  assert.deepEqual((await customer.get(messages)).body.items, items)
  assert.deepEqual(await onlineAs(at.tabs.admin, customer), ['online', 1])
  assert.deepEqual(await tab.ask('authenticate', customer.token), ME)
  await tab.expect('authenticated', { userId: customer.id })
  await tab.expectNothing()
  assert.deepEqual(await onlineAs(at.tabs.admin, customer), ['online', 2])
  tab.close()
})

test('H-C1 a connection that does not try ends after 10 seconds, whatever else it sends', async () => {
  const { world } = at
  const silent = new Tab(world.url)
  const talking = new Tab(world.url)
  for (const tab of [silent, talking]) await tab.connected()
  await world.advance(9_800)
  await refused(talking, ['join_channel', 1], 'chat:error', 'UNAUTHENTICATED')
  assert.deepEqual([silent.events, silent.socket.connected, talking.socket.connected], [[], true, true])
  await world.advance(300)
  for (const tab of [silent, talking]) {
    assert.match(await tab.expect('auth:error'), /\(UNAUTHENTICATED\)$/)
    await tab.disconnected()
  }
})

test('H-C2 no forged token is taken, as an event or in the handshake, and a good one may follow it', async () => {
  const { world, agent, customer } = at
  const forged: [string, unknown][] = Object.entries(forgeries(agent.token))
  forged.push(['a refresh token', agent.refreshToken], ['an object', { token: agent.token }], ['nothing', undefined])
  forged.push(['a list', [agent.token]], ['a number', 42], ['null', null], ['with its scheme', `Bearer ${agent.token}`])
  const tab = new Tab(world.url)
  for (const [name, token] of forged) {
    const text = await refused(tab, ['authenticate', token], 'auth:error', 'UNAUTHENTICATED')
    assert.ok(!text.includes(agent.token), name)
  }
  const { 'alg none': none, 'a signature of another secret': alien } = forgeries(agent.token)
  for (const token of [none, alien, agent.refreshToken]) {
    const other = new Tab(world.url, { auth: { token } })
    assert.match(await other.expect('auth:error'), /\(UNAUTHENTICATED\)$/)
    await refused(other, ['join_channel', 1], 'chat:error', 'UNAUTHENTICATED')
    assert.deepEqual(await other.ask('authenticate', customer.token), ME)
    await other.expect('authenticated', { userId: customer.id })
    other.close()
  }
  await expectEvents(at, {})
  assert.deepEqual(await tab.ask('authenticate', customer.token), ME)
  await tab.expect('authenticated', { userId: customer.id, role: 'customer' })
  tab.close()
  // The handshake's own token is an addition: `authenticated` comes, and `authenticate` may.
  const handshake = new Tab(world.url, { auth: { token: customer.token } })
  await handshake.expect('authenticated', { userId: customer.id })
  assert.deepEqual(await handshake.ask('authenticate', customer.token), ME)
  await handshake.expect('authenticated', { userId: customer.id })
  await handshake.expectNothing()
  handshake.close()
  checkLog(world, [agent, customer])
})

test('H-C2 after a refusal the connection ends in 45 seconds, however many tokens are tried', async () => {
  const { world } = at
  const tab = new Tab(world.url)
  await refused(tab, ['authenticate', 'bad'], 'auth:error', 'UNAUTHENTICATED')
  await pass(at, 44_000)
  await refused(tab, ['authenticate', 'worse'], 'auth:error', 'UNAUTHENTICATED')
  await pass(at, 1_100)
  assert.match(await tab.expect('auth:error'), /in time.*\(UNAUTHENTICATED\)$/)
  await tab.disconnected()
  await expectEvents(at, {})
})

test('H-C4 authenticating again as the same account is answered, and changes nothing', async () => {
  const { world, customer, tabs, publicId } = at
  await joinAll(at, publicId, ['admin', 'customer'])
  const login = { username: 'customer', password: 'customer-password' }
  const { body } = await world.request('POST', '/api/auth/login', login)
  const before = await onlineAs(tabs.admin, customer)
  for (const token of [customer.token, body.access_token as string]) {
    assert.deepEqual(await tabs.customer.ask('authenticate', token), ME)
    await tabs.customer.expect('authenticated', { userId: customer.id, displayName: 'customer', role: 'customer' })
    await expectEvents(at, {})
  }
  await refused(tabs.customer, ['authenticate', 'bad'], 'auth:error', 'UNAUTHENTICATED')
  assert.deepEqual(await onlineAs(tabs.admin, customer), before)
  await made(at.agent, `/api/helpdesk/channels/${publicId}/messages`, { message: 'still there?' })
  await expectEvents(at, { admin: ['chat:new_message'], customer: ['chat:new_message'], agent: ['chat:new_message'] })
  // The token it goes on with is the last one that was good: the login of that one ends it, the first one’s does not.
  await tabs.customer.done('authenticate', customer.token)
  await tabs.customer.drained()
  const bearer = { authorization: `Bearer ${body.access_token}` }
  assert.equal((await world.request('POST', '/api/auth/logout', {}, bearer)).status, 204)
  await expectEvents(at, {})
  for (const person of ['admin', 'customer'] as const) await tabs[person].done('leave_channel', publicId)
  for (const person of everyone) await tabs[person].drained()
})

test('H-C4 authenticating as another account leaves everything of the first behind', async () => {
  const { world, admin, agent, other, tabs, publicId, privateId } = at
  const mover = await world.user('mover')
  const messages = `/api/helpdesk/channels/${publicId}/messages`
  assert.equal((await agent.post(`/api/helpdesk/channels/${privateId}/members`, { userId: mover.id })).status, 200)
  const tab = await at.tab(mover)
  for (const id of [publicId, privateId]) await tab.done('join_channel', id)
  await joinAll(at, publicId, ['admin'])
  await tab.done('chat:typing', { channelId: publicId, isTyping: true })
  await expectEvents(at, { admin: ['chat:user_typing'] })
  await tab.drained()

  assert.deepEqual(await tab.ask('authenticate', other.token), ME)
  await tab.expect('authenticated', { userId: other.id, displayName: 'other', role: 'customer' })
  const typing = await expectEvents(at, { admin: ['chat:user_typing'] })
  assert.equal(typing.admin![0].isTyping, false)
  assert.deepEqual(await onlineAs(tabs.admin, mover), ['online', 0])
  assert.deepEqual(await onlineAs(tabs.admin, other), ['online', 2])
  await world.advance(2_100)
  const [left, , offline] = (await expectEvents(at, { ...ONLINE_TOLD, admin: ['user_left', ...presence] })).admin!
  assert.deepEqual([left.userId, left.reason], [mover.id, 'disconnect'])
  assert.deepEqual([offline.userId, offline.status], [mover.id, 'offline'])
  assert.deepEqual((await tab.drained()).map(([name]) => name), [...presence])

  // Of the one who has gone it hears nothing; of the one it is now, everything.
  await made(mover, messages, { message: 'mine' })
  await made(agent, `/api/helpdesk/channels/${privateId}/messages`, { message: 'ours' })
  await made(admin, messages, { message: 'to all' })
  await expectEvents(at, { admin: ['chat:new_message', 'chat:new_message'], agent: ['chat:new_message'] })
  await tab.expectNothing()
  assert.deepEqual(await tab.done('leave_channel', publicId), { ok: true, channelId: publicId, left: false })
  await refused(tab, ['join_channel', privateId], 'chat:error', 'NOT_FOUND')
  await made(other, messages, { message: 'by other' })
  await tab.expect('chat:new_message', { userId: other.id })
  await expectEvents(at, { admin: ['chat:new_message'], other: ['chat:new_message'] })
  await tabs.admin.done('leave_channel', publicId)
  for (const person of everyone) await tabs[person].drained()
  tab.close()
})

test('H-C3 a logout cuts the tabs of that login, a deactivation all of them, at once', async () => {
  const { world, admin } = at
  const leaver = await world.user('leaver')
  const { body } = await world.request('POST', '/api/auth/login', { username: 'leaver', password: 'leaver-password' })
  const first = await at.tab(leaver)
  const second = await at.tab({ ...leaver, token: body.access_token as string })
  for (const person of everyone) await at.tabs[person].drained()
  assert.equal((await leaver.post('/api/auth/logout')).status, 204)
  assert.match(await first.expect('auth:error'), /\(UNAUTHENTICATED\)$/)
  await first.disconnected()
  await world.advance(2_100)
  await expectEvents(at, {})
  await second.expectNothing()
  assert.equal((await admin.post(`/api/tracker/users/${leaver.id}/status`, { status: 'inactive' })).status, 200)
  assert.match(await second.expect('auth:error'), /deactivated.*\(UNAUTHENTICATED\)$/)
  await second.disconnected()
  assert.deepEqual(await onlineAs(at.tabs.admin, leaver), ['online', 0])
  await world.advance(2_100)
  const told = await expectEvents(at, ONLINE_TOLD)
  assert.deepEqual([told.other![0].userId, told.other![0].reason], [leaver.id, 'disconnect'])
  const back = new Tab(world.url, { auth: { token: body.access_token } })
  assert.match(await back.expect('auth:error'), /\(UNAUTHENTICATED\)$/)
  back.close()
})

test('H-C3 whose token expires is told, is in no room any more, and may come back on the same connection', async () => {
  await using at = await scene({ config: { accessTokenMs: 60_000 } })
  const { world, admin, agent, customer, other, tabs, publicId } = at
  const messages = `/api/helpdesk/channels/${publicId}/messages`
  const fresh = async ({ refreshToken }: { refreshToken: string }): Promise<string> =>
    (await world.request('POST', '/api/auth/refresh', { refresh_token: refreshToken })).body.access_token as string
  await joinAll(at, publicId, ['admin', 'customer', 'other'])
  await pass(at, 30_000)
  const admins = await fresh(admin)
  await tabs.admin.done('authenticate', admins)
  await tabs.admin.drained()
  const say = (message: string): Promise<{ status: number }> =>
    world.request('POST', messages, { message }, { authorization: `Bearer ${admins}` })

  await world.advance(31_000)
  for (const user of [agent, customer, other]) {
    const tab = tabs[user.name as 'agent']
    assert.match(await tab.expect('auth:error'), /expired.*\(UNAUTHENTICATED\)$/)
    await refused(tab, ['join_channel', publicId], 'chat:error', 'UNAUTHENTICATED')
  }
  await tabs.admin.expectNothing()
  assert.equal((await say('who is there?')).status, 201)
  await tabs.admin.expect('chat:new_message')
  // Back within the grace: nobody has noticed.
  assert.deepEqual(await tabs.other.ask('authenticate', await fresh(other)), ME)
  await tabs.other.expect('authenticated', { userId: other.id })
  await tabs.admin.expectNothing()
  await world.advance(2_100)
  const events = (await tabs.admin.drained()) as [string, { userId: number; reason?: string }][]
  const expected = [
    ['user_left', customer.id, 'disconnect'],
    // It is online again, but has not joined again.
    ['user_left', other.id, 'disconnect'],
    ...[agent, customer].flatMap(({ id }) => [
      ['presence_updated', id, 'disconnect'],
      ['presence:update', id, undefined],
    ]),
  ]
  const told = events.map(([name, { userId, reason }]) => [name, userId, reason])
  // In whatever order the connections were cut.
  const lines = (list: readonly unknown[][]): Set<string> => new Set(list.map((each) => each.join(' ')))
  assert.deepEqual([lines(told), told.length], [lines(expected), expected.length])
  for (const person of ['agent', 'customer'] as const) assert.deepEqual(tabs[person].events, [], person)

  assert.deepEqual(await tabs.customer.ask('authenticate', await fresh(customer)), ME)
  await tabs.customer.expect('authenticated', { userId: customer.id })
  await tabs.customer.drained()
  await tabs.admin.drained()
  await tabs.other.drained()
  assert.equal((await say('and now?')).status, 201)
  await tabs.admin.expect('chat:new_message')
  for (const person of ['customer', 'other'] as const) await tabs[person].expectNothing()
  await tabs.customer.done('join_channel', publicId)
  await tabs.admin.expect('user_joined', { userId: customer.id })

  // Who brings no other one is cut 45 seconds after theirs has ended.
  await world.advance(41_800)
  assert.deepEqual([tabs.agent.events, tabs.agent.socket.connected], [[], true])
  for (const person of ['admin', 'customer', 'other'] as const) await tabs[person].drained()
  await world.advance(1_300)
  assert.match(await tabs.agent.expect('auth:error'), /\(UNAUTHENTICATED\)$/)
  await tabs.agent.disconnected()
})
