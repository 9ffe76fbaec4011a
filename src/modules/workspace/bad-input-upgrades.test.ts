import assert from 'node:assert/strict'
import { once } from 'node:events'
import { checkError, forgeries } from '../../testing/hostile.ts'
import { badOrigins, goodOrigins, handshakeOf, mutePeer, rawSocket, upgrade } from '../../testing/raw-socket.ts'
import type { User } from '../../testing/world.ts'
import {
  abuse, alive, answerTo, enter, expectError, heard, knock, NOBODY, refused, type Stage,
} from './bad-input/testing.ts'
import { bringIn, drained, made } from './testing.ts'

/** Who comes in, by which path and with which token; and what happens to them while they do. */

const path = (at: Stage, user: User = at.mallory, id = at.workspaceId): string => `/ws/${id}?token=${user.token}`
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

abuse("A6 pages of other origins are refused in the handshake; ours and this machine's are not", async (at) => {
  const own = at.world.url
  for (const origin of goodOrigins(own)) {
    assert.equal((await upgrade(at.world, path(at), { origin })).status, 101, origin)
  }
  assert.equal((await upgrade(at.world, path(at), {})).status, 101)
  for (const origin of badOrigins(own)) {
    const { status, body } = await upgrade(at.world, path(at), { origin })
    assert.equal(status, 403, origin)
    assert.deepEqual(Object.keys(JSON.parse(body).error), ['code', 'message'])
    const answer = await at.world.request('GET', '/api/workspaces', undefined, { origin })
    assert.equal(answer.headers.get('access-control-allow-origin'), null, origin)
  }
})

abuse('a path that is no workspace is a 404 before the handshake', async (at) => {
  const id = at.workspaceId
  for (const target of [
    '/', '/ws/', '/ws//', `/ws/${id}/`, `/ws/${id}/x`, `/ws//${id}`, `//ws/${id}`, `/WS/${id}`, `/%77s/${id}`,
    `/ws%2f${id}`, `/api/ws/${id}`, `/ws/${'x'.repeat(201)}`, `/ws/${'x'.repeat(10_000)}`, `/x/../ws/${id}/..`,
  ]) {
    const { status, body } = await upgrade(at.world, `${target}?token=${at.mallory.token}`, {})
    assert.equal(status, 404, target.slice(0, 80))
    assert.deepEqual(Object.keys(JSON.parse(body).error), ['code', 'message'])
  }
  for (const [name, value] of [
    ['sec-websocket-key', 'short'],
    ['sec-websocket-version', '7'],
    ['upgrade', 'h2c'],
  ] as const) {
    const { status } = await upgrade(at.world, path(at), { [name]: value })
    assert.ok(status >= 400 && status < 500, name)
  }
})

abuse('whatever else stands for the workspace is UNAUTHORIZED, alike for what is foreign and nothing', async (at) => {
  const answers = new Set<string>()
  const id = at.workspaceId
  for (const target of [
    at.foreign.workspaceId, NOBODY, at.sharedId, at.mallory.uuid, 'x', 'x'.repeat(200), '*', '%00', `${id}%00`,
    `${id}%20`,    `${id}%2f`, `${id}%2F..`, `%2e%2e%2f${id}`, `${id};x`, `${id}.`, encodeURIComponent("' or 1=1--"),
    encodeURIComponent('😀\u202e'), '%E0%A4%A', '%zz', '%ff%fe', '..', '.', '__proto__', id.slice(1), `0${id}`,
  ]) {
    const socket = await mutePeer(at.world, `/ws/${target}?token=${at.mallory.token}`, '"UNAUTHORIZED"')
    socket.destroy()
    if (!/^[\w-]+$/.test(target)) continue
    const client = knock(at, path(at, at.mallory, target))
    const { data } = await client.next()
    answers.add(JSON.stringify(data))
    await client.expectClose(4403)
    assert.deepEqual(client.frames, [])
  }
  assert.equal(answers.size, 1)
  // Neither a system administrator nor a member of another workspace is more than a stranger here.
  for (const user of [at.root, at.foreign.user]) await refused(knock(at, path(at, user)), 'UNAUTHORIZED', 4403)
})

abuse('an id in capitals is the same workspace, and the envelope names it as it is', async (at) => {
  const client = knock(at, path(at, at.mallory, at.workspaceId.toUpperCase()))
  await client.opened()
  await alive(client)
  await made(at.owner, `/api/channels/${at.sharedId}/messages`, { content: 'hello' })
  const { type, workspace_id } = (await answerTo(client)) as { type: string; workspace_id?: string }
  assert.deepEqual([type, workspace_id], ['message.new', at.workspaceId])
})

abuse('targets that are no path throw nothing', async (at) => {
  for (const target of [
    '//[', `/ws/${at.workspaceId}?token=%E0%A4%A`, 'http://[/ws/x', '*', '\\', '/ws/x?since=%00&since=x',
    '/ws/\u00ff\u00fe', '/ws/x?token[]=1&token[a]=2', `/ws/x?${'token=x&'.repeat(1_000)}`, '/ws/x#y',
    `/ws/${at.workspaceId}?__proto__[polluted]=1`,
  ]) {
    const socket = rawSocket(at.world)
    socket.write(handshakeOf(target), 'latin1')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.match(answer.toString(), /^HTTP\/1\.1 (101|4\d\d) /, target)
    socket.destroy()
  }
})

abuse('A1 a token that is none is refused at every door: INVALID_TOKEN and 4401, over REST 401', async (at) => {
  const others = { 'a refresh token': at.mallory.refreshToken, 'an id': at.mallory.uuid, 'a number': '1' }
  for (const [name, token] of Object.entries({ ...forgeries(at.mallory.token), ...others })) {
    const fail = (error: unknown) => assert.fail(`${name}: ${String(error)}`)
    const base = `/ws/${at.workspaceId}`
    await refused(knock(at, `${base}?token=${token}`), 'INVALID_TOKEN', 4401).catch(fail)
    if (/^[\w.-]+$/.test(token)) {
      for (const door of [bearer(token), { protocols: ['bearer', token] }]) {
        await refused(knock(at, base, door), 'INVALID_TOKEN', 4401).catch(fail)
      }
    }
    const answer = await at.world.request('GET', '/api/workspaces', undefined, { authorization: `Bearer ${token}` })
    checkError(answer, 401, 'INVALID_TOKEN')
  }
  await refused(knock(at, `/ws/${at.workspaceId}`), 'INVALID_TOKEN', 4401)
  // A first frame is no door here: the check is over before it is read.
  const late = knock(at, `/ws/${at.workspaceId}`)
  late.ws.once('open', () => late.send({ type: 'authenticate', token: at.mallory.token }))
  await refused(late, 'INVALID_TOKEN', 4401)
})

abuse('two different tokens at once are no token; the same one twice is one', async (at) => {
  const { mallory, owner, workspaceId } = at
  const base = `/ws/${workspaceId}`
  await refused(knock(at, path(at), bearer(owner.token)), 'INVALID_TOKEN', 4401)
  await refused(knock(at, `${path(at)}&token=${owner.token}`), 'INVALID_TOKEN', 4401)
  await refused(knock(at, path(at), { protocols: ['bearer', owner.token] }), 'INVALID_TOKEN', 4401)
  const both = { ...bearer(mallory.token), protocols: ['bearer', owner.token] }
  await refused(knock(at, base, both), 'INVALID_TOKEN', 4401)
  for (const client of [
    knock(at, path(at), bearer(mallory.token)),
    knock(at, base, bearer(mallory.token)),
    knock(at, base, { protocols: ['bearer', mallory.token] }),
  ]) {
    await client.opened()
    await alive(client)
  }
})

abuse('A3 an authenticate frame changes nothing but how long the session lasts', async (at) => {
  const client = await enter(at)
  for (const token of ['garbage', '', at.owner.token, at.mallory.refreshToken, 'x'.repeat(10_000)]) {
    client.send({ type: 'authenticate', token })
    await expectError(client, 'INVALID_TOKEN', /\w/)
  }
  client.send({ type: 'typing', channel_id: at.sharedId, is_typing: true })
  await alive(client)
  await at.control.expect('typing.start', { user_id: at.mallory.uuid })
  client.send({ type: 'typing', channel_id: at.sharedId, is_typing: false })
  await alive(client)
})

abuse("A3 somebody else's position gives only what one may see oneself; what is none is one resync", async (at) => {
  const reader = await enter(at, at.owner, '&since=now')
  await made(at.owner, `/api/channels/${at.secretId}/messages`, { content: 'a secret to come' })
  const { position } = (await drained(reader)).at(-1)!
  await made(at.owner, `/api/channels/${at.secretId}/messages`, { content: 'a secret later' })
  await made(at.owner, `/api/channels/${at.sharedId}/messages`, { content: 'for both' })
  const client = knock(at, `${path(at)}&since=${position}`)
  await client.opened()
  const text = JSON.stringify(await drained(client))
  assert.doesNotMatch(text, /secret/)
  assert.match(text, /for both/)
  const [epoch, offset] = position!.split('.') as [string, string]
  for (const since of [
    '', 'x', '%00', '0', '-1', `${epoch}.`, `${epoch}.-1`, `${epoch}.zzzzzzzzzz`, `other.${offset}`,
    `${epoch}.${offset}.1`, position!.toUpperCase(), `${position}%20`, 'x'.repeat(10_000),
    '2026-01-01T00:00:00.000Z', "' or 1=1",
  ]) {
    const lost = knock(at, `${path(at)}&since=${since}`)
    await lost.opened()
    const frames = await drained(lost)
    const resyncs = frames.filter(({ type }) => type === 'resync')
    assert.equal(resyncs.length, 1, since.slice(0, 80))
    assert.deepEqual(Object.keys(resyncs[0]!), ['type', 'data', 'timestamp', 'position'])
    assert.ok(frames.every(({ type }) => ['resync', 'presence.updated'].includes(type)), JSON.stringify(frames))
  }
  await reader.close()
})

abuse('A2 who logs out or is deactivated is closed at once with INVALID_TOKEN, and does not come back', async (at) => {
  const { world, root, owner, workspaceId } = at
  const out = await world.user('out')
  const off = await world.user('off')
  for (const user of [out, off]) await bringIn(owner, workspaceId, user)
  const [first, second] = [await enter(at, out), await enter(at, off)]
  await out.post('/api/auth/logout')
  await root.post(`/api/tracker/users/${off.id}/status`, { status: 'inactive' })
  for (const client of [first, second]) {
    await expectError(client, 'INVALID_TOKEN', /\w/)
    await client.expectClose(4401)
  }
  for (const user of [out, off]) await refused(knock(at, path(at, user)), 'INVALID_TOKEN', 4401)
})

// Races: what is decided while somebody connects.

/** Lets the other side get a little further each time. */
async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await new Promise((turn) => setImmediate(turn))
}

abuse('A5 who is removed while connecting is out in the end, and gets nothing that was sent after', async (at) => {
  const { world, owner, workspaceId, sharedId } = at
  const person = await world.user('removed')
  for (let round = 0; round < 16; round += 1) {
    await bringIn(owner, workspaceId, person, { channel_ids: [sharedId] })
    const since = round % 2 === 0 ? '' : '&since=now'
    const client = knock(at, `${path(at, person)}${since}`)
    await turns(round)
    const removed = owner.delete(`/api/workspaces/${workspaceId}/members/${person.uuid}`)
    await turns(16 - round)
    assert.equal((await removed).status, 204)
    await made(owner, `/api/channels/${sharedId}/messages`, { content: 'after they were removed' })
    await client.expectClose(4403)
    assert.doesNotMatch(JSON.stringify(client.frames), /after they were removed/, `round ${round}`)
    assert.equal(client.frames.at(-1)?.data['code'], 'UNAUTHORIZED', `round ${round}`)
  }
  await heard(at)
})

abuse('A5 who is made a guest or taken out of a channel while connecting hears nothing of it any more', async (at) => {
  const { world, owner, workspaceId, sharedId } = at
  const ws = `/api/workspaces/${workspaceId}`
  const person = await world.user('demoted')
  await bringIn(owner, workspaceId, person)
  const { id: openId } = await made(owner, `${ws}/channels`, { name: 'open' })
  for (let round = 0; round < 16; round += 1) {
    await owner.patch(`${ws}/members/${person.uuid}`, { role: 'member' })
    await made(owner, `/api/channels/${sharedId}/members`, { user_id: person.uuid })
    const client = knock(at, `${path(at, person)}${round % 2 === 0 ? '' : '&since=now'}`)
    await turns(round)
    const demoted = owner.patch(`${ws}/members/${person.uuid}`, { role: 'guest' })
    const kicked = owner.delete(`/api/channels/${sharedId}/members/${person.uuid}`)
    await turns(16 - round)
    assert.deepEqual([(await demoted).status, (await kicked).status], [200, 204])
    await made(owner, `/api/channels/${sharedId}/messages`, { content: 'after they were kicked' })
    await owner.patch(`/api/channels/${openId}`, { description: `guests do not see this ${round}` })
    await client.opened()
    const text = JSON.stringify(await drained(client))
    assert.doesNotMatch(text, /after they were kicked|guests do not see this/, `round ${round}`)
    client.send({ type: 'typing', channel_id: sharedId, is_typing: true })
    await expectError(client, 'UNAUTHORIZED', /\w/)
    await client.close()
  }
  await heard(at)
})

abuse('A5 who logs out while connecting is out in the end', async (at) => {
  const { world, owner, workspaceId } = at
  const login = { username: 'hasty', password: 'hasty-password' }
  const person = await world.user('hasty')
  await bringIn(owner, workspaceId, person)
  for (let round = 0; round < 12; round += 1) {
    const { access_token: token } = (await world.request('POST', '/api/auth/login', login)).body
    const client = knock(at, `/ws/${workspaceId}?token=${token}`)
    await turns(round)
    await world.request('POST', '/api/auth/logout', undefined, { authorization: `Bearer ${token}` })
    await client.expectClose(4401)
    assert.equal(client.frames.at(-1)?.data['code'], 'INVALID_TOKEN')
  }
})
