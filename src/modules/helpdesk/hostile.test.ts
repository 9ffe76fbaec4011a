import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { checkLog } from '../../testing/hostile.ts'
import { storedRows } from '../../testing/rows.ts'
import { helpdeskApiRoutes } from './routes.ts'
import type { Parts } from './actions/parts.ts'
import { Raw } from './bad-input/raw.ts'
import { CANARY, NO_CALL, NOBODY, stage, type Stage } from './bad-input/testing.ts'
import { eventually, onlineAs } from './testing-sockets.ts'
import { everyone, expectEvents, made, type Data, type Tab } from './testing.ts'

/** People who are who they say they are, and mean ill. `other` is the one; no frame of theirs reaches anybody. */

let at: Stage
before(async () => {
  at = await stage({ config: { helpdeskMessagesPerMinute: 120, helpdeskWritesPerMinute: 0 } })
})
after(() => at?.close())

const api = '/api/helpdesk'
const offer = { type: 'offer', sdp: `v=0 ${CANARY}` }
const stored = () => storedRows(at.world, /^helpdesk_|^event_log/)

async function quiet(): Promise<void> {
  for (const person of everyone) await at.tabs[person].drained()
}

/** Nobody hears of it, and nothing is changed. @returns what each was answered, by event and acknowledgement */
async function probed(commands: readonly (readonly [string, unknown])[]): Promise<string[]> {
  const { tabs } = at
  await quiet()
  const before = stored()
  const answers: string[] = []
  for (const [event, argument] of commands) {
    const outcome = await tabs.other.ask(event, argument)
    answers.push(JSON.stringify([outcome, tabs.other.events.splice(0)]).replaceAll(NO_CALL, '…'))
    assert.notEqual(outcome.ok, true, `${event} ${JSON.stringify(argument)}`)
  }
  await expectEvents(at, {})
  assert.deepEqual(stored(), before)
  return answers
}

/** All of them say the same. */
const alike = (answers: readonly string[]): void => assert.equal(new Set(answers).size, 1, answers.join('\n'))

test('A10 channels that are hidden answer every event byte for byte as one that is not there', async () => {
  const { privateId, internalId } = at
  const events = (channelId: number): (readonly [string, unknown])[] => [
    ['join_channel', channelId],
    ['chat:send_message', { channelId, message: CANARY, messageType: 'text', replyToId: 1 }],
    ['chat:send_message', { channelId, message: CANARY, clientId: 'c-1' }],
    ['message_read', { channelId, messageId: null }],
    ['message_read', { channelId, messageId: 1 }],
    ['chat:typing', { channelId, isTyping: true }],
    ['chat:typing', { channelId, isTyping: false }],
    ['file_uploaded', { channelId, fileName: CANARY, fileSize: 1, fileType: '', messageId: 1 }],
    ['channel_updated', { channelId, changes: { name: CANARY } }],
    ['channel_updated', { channelId, changes: { archived: true } }],
  ]
  const absent = await probed(events(NOBODY))
  for (const id of [privateId, internalId]) assert.deepEqual(await probed(events(id)), absent)
  // Of what one has not joined, leaving says the same, too.
  for (const id of [privateId, internalId, NOBODY]) {
    assert.deepEqual(await at.tabs.other.ask('leave_channel', id), { ok: true, channelId: id, left: false })
  }
  // Nor does a client get in, or learn of it, by asking to be in it from the start.
  const { other, world } = at
  const join = [privateId, internalId, NOBODY]
  const tab = await at.tab(other, { auth: { token: other.token, since: 'now', join } })
  await made(at.agent, `${api}/channels/${privateId}/messages`, { message: CANARY })
  await made(at.agent, `${api}/channels/${internalId}/messages`, { message: CANARY })
  await tab.expectNothing()
  tab.close()
  await world.advance(2_100)
})

test('A10 every door over REST to a hidden channel answers as if it were not there', async () => {
  const { world, other, privateId, internalId } = at
  const routes = helpdeskApiRoutes({ settings: {} } as Parts).filter(({ path }) => path.startsWith('/channels/:id'))
  assert.ok(routes.length >= 8)
  const bodies: Readonly<Record<string, Data>> = {
    PATCH: { topic: CANARY },
    '/channels/:id/members': { userId: other.id },
    '/channels/:id/messages': { message: CANARY },
    '/channels/:id/read': { messageId: null },
  }
  const before = stored()
  const answer = async (method: string, path: string, body?: unknown): Promise<string> => {
    const headers = { authorization: `Bearer ${other.token}` }
    const { status, body: told } = await world.request(method, path, method === 'GET' ? undefined : body, headers)
    assert.equal(status, 404)
    return JSON.stringify(told)
  }
  for (const { method, path } of routes) {
    const of = (id: number) => `${api}${path.replace(':id', String(id)).replace(':userId', String(other.id))}`
    const body = method === 'DELETE' ? undefined : (bodies[method] ?? bodies[path])
    alike(await Promise.all([privateId, internalId, NOBODY].map((id) => answer(method, of(id), body))))
  }
  alike(await Promise.all([privateId, internalId, NOBODY].map((id) => answer('GET', `${api}/files?channelId=${id}`))))
  assert.deepEqual(stored(), before)
  const hidden = await made(at.agent, `${api}/channels/${privateId}/messages`, { message: CANARY })
  alike(await Promise.all([hidden.id, NOBODY].map((id) => answer('GET', `${api}/messages/${id}`))))
  const seen = async (path: string): Promise<string> => JSON.stringify((await other.get(`${api}${path}`)).body)
  for (const path of [`/messages/search?q=${CANARY}`, '/channels', '/unread', '/files?channelId=1']) {
    assert.doesNotMatch(await seen(path), /backstage|ticket 1/)
  }
  assert.equal((await other.get(`${api}/messages/search?q=${CANARY}`)).body.items.length, 0)
})

test('A10 ids of messages that are hidden, elsewhere or nowhere answer alike, wherever one may be named', async () => {
  const { agent, publicId: channelId, privateId } = at
  const elsewhere = (await made(agent, `${api}/channels`, { name: 'elsewhere' })).id as number
  const ids = [NOBODY, (await made(agent, `${api}/channels/${privateId}/messages`, { message: 'x' })).id]
  ids.push((await made(agent, `${api}/channels/${elsewhere}/messages`, { message: 'x' })).id)
  const about = { channelId, fileName: 'a', fileSize: 1, fileType: '' }
  alike(await probed(ids.map((replyToId) => ['chat:send_message', { channelId, message: 'x', replyToId }])))
  alike(await probed(ids.map((messageId) => ['message_read', { channelId, messageId }])))
  alike(await probed(ids.map((messageId) => ['file_uploaded', { ...about, messageId }])))
})

test('H-E7 a file that is another’s, or is not what is said of it, is told by nobody', async () => {
  const { world, agent, other, customer, publicId: channelId, messageId, fileMessageId, tabs } = at
  const upload = async (token: string, name: string, text: string): Promise<Data> => {
    const form = new FormData()
    form.set('file', new Blob([text]), name)
    const headers = { authorization: `Bearer ${token}` }
    return (await world.request('POST', `${api}/files?channelId=${channelId}`, form, headers)).body
  }
  const theirs = await upload(agent.token, 'wages.txt', 'of everybody')
  const said = { channelId, fileName: 'wages.txt', fileSize: 1, fileType: 'text/plain' }
  await probed([
    ['file_uploaded', { ...said, messageId }],
    ['file_uploaded', { ...said, messageId: fileMessageId }],
    ['file_uploaded', { ...said, messageId: fileMessageId, uploadedBy: customer.id, userId: customer.id }],
    ['file_uploaded', { ...said, fileName: '../../etc/passwd\n', messageId }],
  ])
  const { message: mine } = await tabs.other.done('chat:send_message', { channelId, message: '', messageType: 'file' })
  const { message: text } = await tabs.other.done('chat:send_message', { channelId, message: 'no file' })
  await probed([['file_uploaded', { ...said, messageId: text.id }]])
  // Of its name alone they make no file of theirs: it is one that is kept elsewhere.
  await tabs.other.done('file_uploaded', { ...said, messageId: mine.id })
  const { body } = await other.get(`${api}/messages/${mine.id}`)
  assert.deepEqual([body.file.url, body.file.size], [null, 1])
  assert.equal((await other.get(`${api}/files/${theirs.id}`)).status, 404)
  assert.equal((await agent.get(`${api}/files/${theirs.id}`)).status, 200)
  // What is here is told as it is.
  await upload(other.token, 'own.txt', 'thirteen char')
  const { message: own } = await tabs.other.done('chat:send_message', { channelId, message: '', messageType: 'file' })
  await quiet()
  const lie = { channelId, fileName: 'own.txt', fileSize: 1, fileType: 'application/pdf', messageId: own.id }
  await tabs.other.done('file_uploaded', lie)
  const told = await tabs.agent.expect('file_upload_notification', { fileSize: 13, uploadedBy: other.id })
  assert.notEqual(told.fileType, 'application/pdf')
  // And once told, it stays what it is.
  await tabs.other.ask('file_uploaded', { ...lie, fileName: 'other.txt', fileSize: 7 })
  const now = (await other.get(`${api}/messages/${own.id}`)).body.file
  assert.deepEqual([now.name, now.size], ['own.txt', 13])
  await quiet()
})

test('H-K6 S15 a call of others, ringing or running, is reached by no event and told from none', async () => {
  const { agent, customer, tabs } = at
  await quiet()
  const commands = (callId: string): (readonly [string, unknown])[] => [
    ...[undefined, agent.id, customer.id, NOBODY].flatMap((targetUserId): (readonly [string, unknown])[] => [
      ['call:accept', { callId, answer: offer, targetUserId }],
      ['call:reject', { callId, targetUserId }],
      ['call:end', { callId, targetUserId }],
    ]),
    ...[agent.id, customer.id].flatMap((targetUserId): (readonly [string, unknown])[] => [
      ['call:ice_candidate', { targetUserId, candidate: { candidate: CANARY } }],
      ['call:ice_candidate', { targetUserId, candidate: { candidate: CANARY }, callId, from: agent.id }],
      ['call:end', { targetUserId }],
      ['call:reject', { targetUserId }],
    ]),
    ['call:accept', { callId: ` ${callId}`, answer: offer }],
    ['call:end', { callId: callId.toUpperCase() }],
  ]
  const absent = await probed(commands(NO_CALL))
  const invitation = { targetUserId: customer.id, callType: 'video', offer }
  const { callId } = await tabs.agent.done('call:invite', invitation)
  const hidden = async (): Promise<void> => {
    const answers = await probed(commands(callId))
    assert.deepEqual(answers.map((text) => text.replaceAll(callId, '…')), absent)
  }
  await hidden()
  await tabs.customer.done('call:accept', { callId, answer: offer })
  await tabs.agent.expect('call:accepted')
  await hidden()
  assert.equal((await at.other.get(`${api}/calls/${callId}`)).status, 404)
  await tabs.customer.done('call:ice_candidate', { targetUserId: agent.id, candidate: { candidate: CANARY } })
  await tabs.agent.expect('call:ice_candidate', { from: customer.id })
  await tabs.customer.done('call:end', { callId })
  await tabs.agent.expect('call:ended')
  await hidden()
  // To who calls one of them, the other is only busy.
  const again = await tabs.agent.done('call:invite', invitation)
  await quiet()
  for (const targetUserId of [agent.id, customer.id]) {
    const outcome = await tabs.other.ask('call:invite', { targetUserId, callType: 'audio', offer })
    assert.equal(outcome.code, 'CONFLICT')
    const rejected = await tabs.other.expect('call:rejected')
    assert.notEqual(rejected.callId, again.callId)
    await tabs.other.expect('chat:error')
  }
  await expectEvents(at, {})
  await tabs.agent.done('call:end', again)
  await tabs.customer.expect('call:ended', { callId: again.callId })
  await quiet()
})

test('A11 names and texts with markup come as the text they are; names that deceive are refused', async () => {
  const { world, admin, other, tabs, publicId: channelId } = at
  const path = `/api/tracker/users/${other.id}`
  const name = `<img src=x onerror=alert(1)>"'&{{7*7}}`
  assert.equal((await admin.patch(path, { display_name: name })).status, 200)
  for (const bad of ['a\u0000', 'a\u0007b', '\u202eadmin', 'a\nb', '\u200b', '\ud800']) {
    assert.equal((await admin.patch(path, { display_name: bad })).status, 400, JSON.stringify(bad))
  }
  const tab = await at.tab(other)
  const messages = [
    name, '</script><script>alert(1)</script>', 'javascript:alert(1)', '\u202eevil', '\u2028"]42["x"]', ']',
  ]
  await quiet()
  for (const message of messages) {
    await tab.done('chat:send_message', { channelId, message })
    await tabs.agent.expect('chat:new_message', { message, userDisplayName: name })
  }
  await tab.done('update_presence', { statusMessage: name, customStatus: '</title>' })
  await tabs.agent.expect('presence_updated', { statusMessage: name, customStatus: '</title>', userDisplayName: name })
  await tabs.agent.expect('presence:update')
  const { headers, body } = await other.get(`${api}/channels/${channelId}/messages?limit=6`)
  assert.match(headers.get('content-type')!, /^application\/json/)
  assert.deepEqual(body.items.map(({ message }: Data) => message).toReversed(), messages)
  tab.close()
  assert.equal((await admin.patch(path, { display_name: 'other' })).status, 200)
  await world.advance(2_100)
  await quiet()
})

test('H-L1 S16 many tabs of one person send no more than one', async () => {
  const { world, other, tabs, publicId: channelId } = at
  await world.advance(60_000)
  await quiet()
  const many = await Promise.all(Array.from({ length: 8 }, () => Raw.open(world.url, other.token)))
  await quiet()
  const asked = many.map((raw) => {
    const command = JSON.stringify(['chat:send_message', { channelId, message: CANARY }])
    return [raw, Array.from({ length: 30 }, () => raw.request(command))] as const
  })
  const codes: Record<string, number> = { ok: 0 }
  for (const [raw, numbers] of asked) {
    for (const number of numbers) {
      const { code = 'ok' } = (await raw.answer(number)).outcome
      codes[code] = (codes[code] ?? 0) + 1
    }
  }
  assert.deepEqual(codes, { ok: 120, RATE_LIMITED: 120 })
  const got = (await tabs.agent.drained()).filter(([name]) => name === 'chat:new_message')
  assert.equal(got.length, 120)
  for (const raw of many) await raw.close()
  await eventually(() => world.app.hub.connections.size === everyone.length, 'the going of the tabs')
})

test('S7 hundreds of silent sockets are gone after ten seconds, and hinder nobody until then', async () => {
  const { world, tabs, publicId: channelId, agent } = at
  await quiet()
  const { connections } = world.app.hub
  const before = connections.size
  const silent = await Promise.all(Array.from({ length: 300 }, () => Raw.open(world.url)))
  assert.equal(connections.size, before + 300)
  const served = async (): Promise<void> => {
    await tabs.customer.done('chat:send_message', { channelId, message: 'still served' })
    await tabs.agent.expect('chat:new_message', { message: 'still served' })
    assert.deepEqual(await onlineAs(tabs.customer, agent), ['online', 1])
    await quiet()
  }
  await served()
  // They hear of nothing, and are nobody to others.
  assert.ok(silent.every(({ events }) => events.length === 0))
  await world.advance(9_000)
  assert.equal(connections.size, before + 300)
  await served()
  await world.advance(1_100)
  for (const raw of silent) {
    await raw.ended()
    assert.deepEqual(raw.events.map(([name]) => name), ['auth:error'])
  }
  await eventually(() => connections.size === before, 'the end of the silent')
  await served()
})

test('A7 no token, no text of anybody, no offer, candidate or name of a file is in any line of the log', async () => {
  const { world, tabs, publicId: channelId, agent } = at
  const sender: Tab = tabs.customer
  const { message } = await sender.done('chat:send_message', { channelId, message: CANARY, messageType: 'file' })
  const file = { channelId, fileName: `${CANARY}.txt`, fileSize: 1, fileType: '', messageId: message.id }
  await sender.done('file_uploaded', file)
  await sender.ask('chat:send_message', { channelId, message: CANARY, replyToId: NOBODY })
  await sender.done('update_presence', { statusMessage: CANARY })
  await tabs.admin.done('system_broadcast', { message: CANARY })
  await sender.ask(CANARY, CANARY)
  await sender.ask('authenticate', CANARY)
  await sender.done('call:invite', { targetUserId: agent.id, callType: 'audio', offer })
  await sender.done('call:ice_candidate', { targetUserId: agent.id, candidate: { candidate: CANARY } })
  await sender.ask('call:ice_candidate', { targetUserId: agent.id, candidate: CANARY.repeat(10_000) })
  await sender.done('call:end', { targetUserId: agent.id })
  await at.customer.get(`${api}/messages/search?q=${CANARY}`)
  await at.customer.post(`${api}/channels/${channelId}/messages`, { message: CANARY, messageType: CANARY })
  const broken = await Raw.open(world.url, at.customer.token)
  broken.packet(`42["${CANARY}"`)
  await broken.ended()
  checkLog(world, [at.admin, at.agent, at.customer, at.other])
  const leaks = world.log.filter((line) => line.includes(CANARY) || line.includes('v=0'))
  assert.deepEqual(leaks.slice(0, 3), [])
})
