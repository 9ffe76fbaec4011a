import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heard, keptOf, quiet, resuming, type Told } from './mischief/resuming.ts'
import { everyone, joinAll, made, scene, Tab } from './testing.ts'

const api = '/api/helpdesk'
const names = (told: readonly Told[]): string[] => told.map(({ name }) => name)
const polling = { transports: ['polling'] }

test('H-R1 H-R2 who asks gets positions and what was missed of what is kept, over either transport', async (t) => {
  await using at = await scene({ config: { pongWaitMs: 1e9 } })
  const { world, admin, agent, customer, other, tabs, publicId, internalId, privateId } = at
  const join = [publicId, privateId]
  const open: Tab[] = []
  t.after(() => open.forEach((tab) => tab.close()))
  const come = async (since: string, how = {}, token = customer.token, channels: readonly number[] | string = join) => {
    const tab = await resuming(world, token, { since, join: channels, how })
    open.push(tab)
    return tab
  }
  const say = (message: string, channelId = publicId): Promise<{ message: { id: number } }> =>
    tabs.agent.done('chat:send_message', { channelId, message })
  const keptDeeds = async (what: string): Promise<void> => {
    const { id } = (await say(`${what} said`)).message
    await tabs.agent.done('chat:typing', { channelId: publicId, isTyping: true })
    await tabs.agent.done('message_read', { channelId: publicId, messageId: id })
    await tabs.agent.done('message_read', { channelId: publicId, messageId: null })
    await tabs.agent.done('update_presence', { status: 'busy', statusMessage: what })
    await tabs.agent.done('channel_updated', { channelId: publicId, changes: { topic: what } })
    const file = { channelId: privateId, fileName: 'a.txt', fileSize: 1, fileType: 'text/plain' }
    const said = { channelId: privateId, message: what, messageType: 'file' }
    const { message } = await tabs.agent.done('chat:send_message', said)
    await tabs.agent.done('file_uploaded', { ...file, messageId: message.id })
    await tabs.admin.done('system_broadcast', { message: what })
    await say('behind the scenes', internalId)
  }
  const ofKept = [
    'chat:new_message',
    'message_read_receipt',
    'message_read_receipt',
    'channel_updated',
    'chat:new_message',
    'file_upload_notification',
    'system_broadcast_received',
  ]
  await joinAll(at, publicId, everyone)

  const witness = await come('now')
  const poller = await come('now', polling)
  const leaver = await come('now')
  await t.test('positions are for who asks, of what is kept, and the same for all', async () => {
    assert.deepEqual(names((await heard(witness)).slice(0, 1)), ['authenticated'])
    await heard(poller)
    await heard(leaver)
    await keptDeeds('one')
    const told = await heard(witness)
    assert.deepEqual(names(keptOf(told)), ofKept)
    for (const name of ['chat:user_typing', 'presence_updated', 'presence:update']) {
      assert.ok(names(told).includes(name), `${name} is told, without a position`)
    }
    assert.deepEqual(await heard(poller), told)
    const unasked = await tabs.customer.drained()
    assert.ok(unasked.length >= ofKept.length - 2)
    assert.ok(unasked.every(([, data]) => !Object.hasOwn(data as object, 'position')))
  })

  const position = keptOf(await heard(leaver)).at(-1)!.position!
  leaver.cut()
  await leaver.disconnected()
  let missed: Told[] = []
  await t.test('what was missed comes in order, and once, before what is new', async () => {
    await keptDeeds('two')
    missed = keptOf(await heard(witness))
    assert.deepEqual(names(missed), ofKept)
    for (const how of [{}, polling, { transports: ['polling', 'websocket'] }]) {
      const back = await come(position, how)
      const told = await heard(back)
      // Presences and typing are of the moment; who one is, and where one is in, is told anew.
      assert.deepEqual(names(told).filter((name) => name !== 'user_joined'), ['authenticated', ...ofKept])
      assert.deepEqual(keptOf(told), missed)
      const joined = told.filter(({ name }) => name === 'user_joined').map(({ data }) => data.channelId)
      assert.deepEqual(joined.toSorted((a, b) => a - b), join)
      back.close()
    }
    const all = await come(position, { query: { join: 'all' } }, customer.token, 'all')
    assert.deepEqual(keptOf(await heard(all)), missed, 'all: the channels of which one is a member')
    const middle = await come(missed[2]!.position!)
    await say('three')
    const more = await heard(middle)
    assert.deepEqual(keptOf(more).slice(0, 4), missed.slice(3))
    assert.deepEqual(keptOf(more).slice(4), keptOf(await heard(witness)))
    const nowhere = await come(position, {}, customer.token, '')
    assert.deepEqual(names(keptOf(await heard(nowhere))), ['system_broadcast_received'], 'of no channel without join')
    const lists = (await customer.get(`${api}/channels/${publicId}/messages`)).body.position as string
    await say('four')
    const fromRest = await come(lists)
    assert.deepEqual(keptOf(await heard(fromRest)).map(({ data }) => data.message), ['four'])
    for (const tab of [all, middle, nowhere, fromRest]) tab.close()
    await heard(witness)
  })

  await t.test('a position that is none is answered by resync, and what is new comes', async () => {
    const [epoch] = position.split('.') as [string]
    for (const since of ['', 'zzz', 'abcdefgh.1', '%00 nonsense \u{1f4a9}', `${epoch}.999999`, `${epoch}.-1`]) {
      for (const how of [{}, polling]) {
        const back = await come(since, how)
        const told = await heard(back)
        assert.deepEqual(names(told).slice(0, 2), ['authenticated', 'resync'], since)
        assert.deepEqual(keptOf(told), [], since)
        await say('after it')
        const [fresh] = keptOf(await heard(back))
        assert.equal(fresh!.data.message, 'after it')
        const again = await come(told[1]!.position!)
        assert.deepEqual(keptOf(await heard(again)), [fresh], 'the position of a resync is one to resume from')
        for (const tab of [back, again]) tab.close()
      }
    }
    const bad = [{ since: 7 }, { since: 'x'.repeat(201) }, { since: position, join: { 1: true } }, { join: [[1]] }]
    for (const auth of bad) {
      const refused = new Tab(world.url, { auth: { token: customer.token, ...auth } })
      const { message } = await new Promise<Error>((fail) => refused.socket.once('connect_error', fail))
      assert.match(message, /since must be|join must be/)
      refused.close()
    }
    const wanted = `0,-1,1e3,999999,x,__proto__,${publicId}`
    const odd = await come(position, {}, customer.token, wanted)
    assert.equal(names(await heard(odd)).filter((name) => name === 'user_joined').length, 1)
    odd.close()
    await heard(witness)
  })

  await t.test('what was deleted, and channels one does not see any more, are not replayed', async () => {
    const shut = (await made(agent, `${api}/channels`, { name: 'shut', memberIds: [customer.id] })).id as number
    const gone = (await made(agent, `${api}/channels`, { name: 'gone', memberIds: [customer.id] })).id as number
    const inner = (await made(agent, `${api}/channels`, { name: 'inner', memberIds: [other.id] })).id as number
    const every = [publicId, internalId, privateId, shut, gone, inner]
    const before = (await admin.get(`${api}/channels`)).body.position as string
    for (const id of every) {
      await say(`in ${id}`, id)
      await made(agent, `${api}/channels/${id}/read`, { messageId: null })
    }
    await made(agent, `${api}/channels/${gone}/members`, { userId: other.id })
    assert.equal((await agent.patch(`${api}/channels/${shut}`, { visibility: 'internal' })).status, 200)
    assert.equal((await agent.delete(`${api}/channels/${gone}`)).status, 204)
    assert.equal((await agent.delete(`${api}/channels/${privateId}/members/${customer.id}`)).status, 204)
    assert.equal((await agent.patch(`${api}/channels/${inner}`, { visibility: 'private' })).status, 200)
    const channelsOf = async (token: string): Promise<Set<number>> => {
      const back = await come(before, {}, token, every)
      const told = await heard(back)
      back.close()
      const joined = told.filter(({ name }) => name === 'user_joined').map(({ data }) => data.channelId as number)
      const of = new Set(keptOf(told).map(({ data }) => data.channelId as number))
      assert.deepEqual(new Set(joined), of, 'in those of which one is told')
      return of
    }
    assert.deepEqual(await channelsOf(customer.token), new Set([publicId]))
    assert.deepEqual(await channelsOf(other.token), new Set([publicId, inner]))
    assert.deepEqual(await channelsOf(admin.token), new Set([publicId, privateId, inner]))
    assert.equal((await admin.put(`${api}/users/${agent.id}/permissions`, { role: 'customer' })).status, 200)
    // What one has said and read oneself one may hear of: no more than that.
    const back = await come(before, {}, agent.token, every)
    for (const { name, data } of keptOf(await heard(back))) {
      if (![publicId, privateId, inner].includes(data.channelId as number)) {
        assert.equal(name.startsWith('channel') ? data.updatedBy : data.userId, agent.id, name)
      }
    }
    assert.equal((await admin.put(`${api}/users/${customer.id}/permissions`, { denied: ['chat.access'] })).status, 200)
    const out = await come(before, {}, customer.token, every)
    assert.deepEqual(names(await heard(out)), ['authenticated'])
    for (const tab of [back, out]) tab.close()
    assert.equal((await admin.put(`${api}/users/${agent.id}/permissions`, { role: 'agent' })).status, 200)
    assert.equal((await admin.put(`${api}/users/${customer.id}/permissions`, { denied: [] })).status, 200)
  })

  await t.test('a token that expires, and a fresh one on the same connection, lose nothing', async () => {
    const fresh = async (refresh_token: string): Promise<string> =>
      (await world.request('POST', '/api/auth/refresh', { refresh_token })).body.access_token as string
    const speaker = async (token: string, text: string): Promise<void> => {
      const path = `${api}/channels/${publicId}/messages`
      const { status } = await world.request('POST', path, { message: text }, { authorization: `Bearer ${token}` })
      assert.equal(status, 201)
    }
    const asksNot = tabs.other
    const [stays, polls] = [await come('now', {}, other.token), await come('now', polling, other.token)]
    for (const tab of [stays, polls, asksNot]) await tab.drained()
    await say('before')
    await world.advance(900_000)
    for (const tab of [stays, polls, asksNot]) {
      assert.match(String(await tab.find('auth:error')), /UNAUTHENTICATED/)
    }
    const agentToken = await fresh(agent.refreshToken)
    for (const text of ['unheard', 'unseen']) await speaker(agentToken, text)
    const otherToken = await fresh(other.refreshToken)
    for (const tab of [stays, polls, asksNot]) await tab.done('authenticate', otherToken)
    await quiet(world)
    await speaker(agentToken, 'after')
    for (const tab of [stays, polls]) {
      const told = keptOf(await heard(tab)).map(({ data }) => data.message)
      assert.deepEqual(told, ['unheard', 'unseen', 'after'])
    }
    const heardAnew = (await asksNot.drained()).map(([name]) => name)
    assert.ok(!heardAnew.includes('chat:new_message'), 'who asks for nothing comes anew')
  })
})
