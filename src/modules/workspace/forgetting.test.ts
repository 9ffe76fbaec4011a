import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { afterKill, type User, type World } from '../../testing/world.ts'
import { connect, made, people, scene, type Scene } from './testing.ts'

/** W-E4: what is deleted is gone, from wherever it could be found: rows, log, outcomes, index, files, bytes, doors. */

/** Each begins with a letter of its own: the search index stores what words have in common only once. */
const SECRETS = ['qyramid', 'wyscreet', 'xylograph', 'jyfile', 'vyname', 'kyreply', 'zydescribed'] as const
const [FIRST, EDITED, BYTES, FILE, NAME, REPLY, DESCRIBED] = SECRETS

const config = { accessTokenMs: 1e9, pongWaitMs: 1e9, workspaceWritesPerMinute: 0 }

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

/** Where a secret still is: in bytes of a file, in a row, or in the search index. */
function found({ folder, log }: World, secrets: readonly string[] = SECRETS): string[] {
  const places: string[] = []
  for (const path of filesIn(folder)) {
    const bytes = readFileSync(path)
    for (const secret of secrets) if (bytes.includes(secret)) places.push(`${secret} in ${path.slice(folder.length)}`)
  }
  const file = new DatabaseSync(join(folder, 'switchboard.db'), { readOnly: true })
  for (const table of file.prepare(`select name from sqlite_master where type = 'table'`).all()) {
    const name = String(table['name'])
    const rows = JSON.stringify(file.prepare(`select * from "${name}"`).all())
    for (const secret of secrets) if (rows.includes(secret)) places.push(`${secret} in a row of ${name}`)
  }
  const index = file.prepare('select rowid from workspace_messages_fts where workspace_messages_fts match ?')
  for (const secret of secrets) {
    const hits = index.all(secret)
    if (hits.length > 0) places.push(`${secret} in the index`)
    if (log.some((line) => line.includes(secret))) places.push(`${secret} in what the server has logged`)
  }
  file.close()
  return places
}

/** Jobs have run, again and again where they go on in portions, and what was erased has left the files. */
async function forgotten(world: World, secrets: readonly string[] = SECRETS): Promise<void> {
  for (let seconds = 0; seconds < 30 && found(world, secrets).length > 0; seconds += 1) {
    await world.advance(1_000)
    // The files are cleared behind everybody's back.
    for (let turns = 0; turns < 20; turns += 1) await new Promise((turn) => setImmediate(turn))
  }
  assert.deepEqual(found(world, secrets), [])
}

type Written = Readonly<Record<'channel' | 'message' | 'reply' | 'file', string>>

/** Everything a person can read of a workspace. */
async function doors(at: Scene, user: User, ids: Written): Promise<string> {
  const ws = `/api/workspaces/${at.workspaceId}`
  const paths = [
    '/api/workspaces', '/api/invites', ws,
    ...['members', 'invites', 'channels', 'unread', 'mentions', 'threads'].map((door) => `${ws}/${door}`),
    `${ws}/channels?archived=true`,
    ...SECRETS.map((secret) => `${ws}/search?q=${secret}`),
    ...['', '/messages', '/members', '/pins'].map((door) => `/api/channels/${ids.channel}${door}`),
    `/api/channels/${ids.channel}/messages?after=${ids.message}`,
    ...[ids.message, ids.reply].flatMap((id) => [`/api/messages/${id}`, `/api/messages/${id}/replies`]),
    `/api/attachments/${ids.file}`,
  ]
  const answers = await Promise.all(paths.map((path) => user.get(path)))
  return answers.map(({ status, body }, i) => `${paths[i]}: ${status} ${JSON.stringify(body)}`).join('\n')
}

async function hiddenFromAll(at: Scene, ids: Written, secrets: readonly string[] = SECRETS): Promise<void> {
  for (const person of people) {
    // What one asks for is in the question.
    const read = (await doors(at, at[person], ids)).replaceAll(/q=\w+/g, '')
    for (const secret of secrets) assert.ok(!read.includes(secret), `${person} reads ${secret}: ${read}`)
  }
}

let key = 0
/** Every command with a client id, so that its outcome is kept. */
const keyed = async (by: User, path: string, body: unknown) => {
  const { status, body: answer } = await by.post(path, body, { 'idempotency-key': `key-${(key += 1)}` })
  assert.ok(status < 300, `${path}: ${JSON.stringify(answer)}`)
  return answer
}

const uploaded = async (at: Scene, by: User): Promise<string> => {
  const form = new FormData()
  form.append('file', new Blob([`${BYTES} in a file`]), `${FILE}.txt`)
  const { status, body } = await by.post(`/api/workspaces/${at.workspaceId}/attachments`, form)
  assert.equal(status, 201)
  return body.id as string
}

/** A message with everything that can hang on it, and a reply. */
async function written(at: Scene, channel: string): Promise<Written> {
  const file = await uploaded(at, at.member)
  const body = { content: `${FIRST} for @guest and @channel`, attachment_ids: [file] }
  const { id: message } = await keyed(at.member, `/api/channels/${channel}/messages`, body)
  const { id: reply } = await keyed(at.member, `/api/messages/${message}/replies`, { content: `${REPLY} says @owner` })
  await at.member.patch(`/api/messages/${message}`, { content: `${EDITED} for @guest and @channel` })
  await keyed(at.guest, `/api/messages/${message}/reactions`, { emoji: '🦄' })
  await keyed(at.owner, `/api/messages/${message}/pin`, {})
  await keyed(at.owner, `/api/messages/${message}/follow`, {})
  return { channel, message, reply, file }
}

test('W-E4 a deleted message leaves no trace: rows, log, outcomes, index, bytes, its file, any door', async () => {
  await using at = await scene({ config })
  const ids = await written(at, at.privateId)
  const secrets = [FIRST, EDITED, BYTES, FILE]
  assert.ok(secrets.every((secret) => found(at.world, [secret]).length > 0), 'the search finds what is there')
  const { position } = (await at.member.get(`/api/channels/${at.privateId}/messages`)).body as { position: string }
  await at.member.delete(`/api/messages/${ids.message}`)
  // At once, before anything has been cleared away.
  await hiddenFromAll(at, ids, secrets)
  await forgotten(at.world, secrets)
  await hiddenFromAll(at, ids, secrets)
  // Others' words stay.
  const { items } = (await at.guest.get(`/api/messages/${ids.message}/replies`)).body
  assert.equal(items[0].content, `${REPLY} says @owner`)
  await at.member.delete(`/api/messages/${ids.reply}`)
  await forgotten(at.world)
  await hiddenFromAll(at, ids)
  const back = await connect(at.world, at.workspaceId, at.member, `&since=${position.replace(/\..*/, '.0')}`)
  await back.expectNothing()
})

test('W-E4 a deleted channel leaves no trace of itself and of what was in it', async () => {
  await using at = await scene({ config })
  const ws = `/api/workspaces/${at.workspaceId}`
  const body = { name: NAME, type: 'private', description: DESCRIBED, user_ids: [at.member.uuid, at.guest.uuid] }
  const { id: channel } = await keyed(at.owner, `${ws}/channels`, body)
  await keyed(at.owner, `/api/channels/${channel}/members`, { user_id: at.admin.uuid })
  const ids = await written(at, channel)
  assert.ok(SECRETS.every((secret) => found(at.world, [secret]).length > 0))
  assert.equal((await at.owner.delete(`/api/channels/${channel}`)).status, 204)
  await hiddenFromAll(at, ids)
  await forgotten(at.world)
})

test('W-E4 a deleted workspace leaves no trace, its invitations and uploads that nobody sent among it', async () => {
  await using at = await scene({ config })
  const ws = `/api/workspaces/${at.workspaceId}`
  await at.owner.patch(ws, { name: NAME })
  await keyed(at.owner, `${ws}/invites`, { email: `${at.stranger.name}@example.com`, role: 'member' })
  const ids = await written(at, at.publicId)
  await uploaded(at, at.guest)
  await at.owner.patch(`/api/channels/${at.publicId}`, { description: DESCRIBED })
  assert.ok(SECRETS.every((secret) => found(at.world, [secret]).length > 0))
  assert.equal((await at.owner.delete(ws)).status, 204)
  for (const person of people) await at.listening[person].expectClose(4403)
  await hiddenFromAll(at, ids)
  await forgotten(at.world)
  const file = new DatabaseSync(join(at.world.folder, 'switchboard.db'), { readOnly: true })
  const tables = file.prepare(`select name from sqlite_master where type = 'table' and name like 'workspace%'`).all()
  const left = tables
    .map(({ name }) => String(name))
    .filter((name) => !name.includes('_fts'))
    .map((name) => [name, file.prepare(`select count(*) as n from "${name}"`).get()!['n']] as const)
    .filter(([, count]) => count !== 0)
  file.close()
  assert.deepEqual(left, [])
})

for (const what of ['message', 'channel', 'workspace'] as const) {
  test(`W-E4 K-8 killed after the ${what} was deleted and before its file was: the next start removes it`, async () => {
    await using at = await scene({ config })
    const ids = await written(at, at.publicId)
    const id = what === 'workspace' ? at.workspaceId : ids[what]
    assert.equal((await at.owner.delete(`/api/${what}s/${id}`)).status, 204)
    assert.ok(found(at.world, [BYTES]).length > 0, 'no job has run yet')
    await using next = await afterKill(at.world, { config })
    await forgotten(next, [BYTES])
  })
}

test('W-E4 killed after the commit and before the bytes were erased: the next start erases them', async () => {
  await using at = await scene({ config })
  const ids = await written(at, at.publicId)
  assert.equal((await at.owner.delete(`/api/channels/${ids.channel}`)).status, 204)
  await using next = await afterKill(at.world, { config })
  await forgotten(next, [FIRST, EDITED, BYTES, FILE, REPLY])
})

test('W-E4 what is too much for one transaction goes in portions, also when killed in between; nobody reads it', async () => {
  await using at = await scene({ config })
  const user_ids = [at.member.uuid, at.guest.uuid]
  const { id: channel } = await made(at.owner, `/api/workspaces/${at.workspaceId}/channels`, { name: 'talk', user_ids })
  const many = Array.from({ length: 900 }, (_, n) => n)
  for (let n = 0; n < many.length; n += 50) {
    const some = many.slice(n, n + 50).map((i) => ({ content: `m${i}` }))
    await Promise.all(some.map((body) => made(at.owner, `/api/channels/${channel}/messages`, body)))
  }
  const ids = await written(at, channel)
  assert.equal((await at.owner.delete(`/api/channels/${channel}`)).status, 204)
  await hiddenFromAll(at, ids)
  const secrets = [FIRST, EDITED, BYTES, FILE, REPLY]
  assert.ok(found(at.world, [EDITED]).some((place) => place.includes('workspace_messages')), 'the newest go last')
  await using next = await afterKill(at.world, { config })
  await forgotten(next, secrets)
})

test('W-E2 W-E4 the client id of a deleted message brings nothing back', async () => {
  await using at = await scene({ config })
  const path = `/api/channels/${at.publicId}/messages`
  const body = { content: FIRST, client_id: 'c-1' }
  const { id } = await made(at.member, path, body)
  await at.member.delete(`/api/messages/${id}`)
  // The answer was lost, and the message deleted on another device: the client tries again.
  const { status } = await at.member.post(path, body)
  assert.equal(status, 404)
  await forgotten(at.world, [FIRST])
})

test('W-E4 who joins by an old invitation does not find a channel that is gone', async () => {
  await using at = await scene({ config })
  const { id: channel } = await made(at.owner, `/api/workspaces/${at.workspaceId}/channels`, { name: NAME })
  const channel_ids = [channel, at.publicId]
  const { token } = await made(at.owner, `/api/workspaces/${at.workspaceId}/invites`, { channel_ids })
  await at.owner.delete(`/api/channels/${channel}`)
  await made(at.stranger, '/api/invites/accept', { token })
  const { items } = (await at.stranger.get(`/api/workspaces/${at.workspaceId}/channels?joined=true`)).body
  assert.deepEqual((items as { id: string }[]).map(({ id }) => id).toSorted(), [at.publicId, at.generalId].toSorted())
  await forgotten(at.world)
})
