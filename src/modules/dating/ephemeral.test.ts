import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import sharp from 'sharp'
import { seeded } from '../../testing/random.ts'
import { afterKill, type User, type World } from '../../testing/world.ts'
import type { Photo } from './photo-wire.ts'
import { connect, drained, expectEvents, ok, say, scene, type Scene } from './testing.ts'

/** An ephemeral photo is opened once, and then there is nothing left of it: no file, no row, no event, no door. */

const config = { accessTokenMs: 1e9, pongWaitMs: 1e9, datingWritesPerMinute: 0, datingFramesPerMinute: 0 }
const HOUR = 3_600_000

interface Sent {
  readonly photo: Photo
  readonly messageId: string
  /** What is only in the bytes of the photo and of its thumbnail, and what only its rows say. */
  readonly canaries: readonly Buffer[]
}

const picture = (seed: number): Promise<Buffer> => {
  const random = seeded(seed)
  const pixels = Buffer.from(Array.from({ length: 400 * 300 * 3 }, () => random.int(256)))
  return sharp(pixels, { raw: { width: 400, height: 300, channels: 3 } })
    .jpeg()
    .toBuffer()
}

const bytesOf = async (world: World, url: string): Promise<Buffer> => {
  const answer = await fetch(world.url + url)
  assert.equal(answer.status, 200)
  return Buffer.from(await answer.arrayBuffer())
}

async function sent(at: Scene, metadata: object = {}, seed = 7): Promise<Sent> {
  const form = new FormData()
  form.set('file', new Blob([Buffer.from(await picture(seed))]), 'me.jpg')
  const photo = (await ok(at.ana.post('/api/dating/photos?ephemeral=true', form))) as Photo
  const canaries = await Promise.all(
    [photo.url, photo.thumbnail_url].map(async (url) => {
      const bytes = await bytesOf(at.world, url)
      return bytes.subarray(bytes.length / 2, bytes.length / 2 + 64)
    }),
  )
  const message = await say(at.ana, at.conversationId, photo.url, { type: 'photo_ephemeral', metadata })
  assert.equal(message.content, `/api/dating/messages/${message.id}/open`, 'the message shows no address of the file')
  return { photo, messageId: message.id as string, canaries }
}

const open = (user: User, { messageId }: Sent, headers?: Record<string, string>) =>
  user.post(`/api/dating/messages/${messageId}/open`, {}, headers)

const statusOf = async (world: World, url: string, init: RequestInit = {}): Promise<number> => {
  const answer = await fetch(world.url + url, init)
  await answer.arrayBuffer()
  return answer.status
}

const filesIn = ({ folder }: World): readonly string[] =>
  readdirSync(join(folder, 'files'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)

/** Where something of it still is: bytes in any file of the data folder, or a row that names the photo. */
function found({ folder }: World, { photo, canaries, messageId }: Sent): readonly string[] {
  const places: string[] = []
  const door = `/api/dating/messages/${messageId}/open`
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    if (entry.name === photo.id) places.push('the file')
    const bytes = readFileSync(path)
    for (const [n, canary] of canaries.entries()) {
      if (bytes.includes(canary)) places.push(`canary ${n} in ${entry.name}`)
    }
  }
  const file = new DatabaseSync(join(folder, 'switchboard.db'), { readOnly: true })
  for (const { name } of file.prepare(`select name from sqlite_master where type = 'table'`).all()) {
    const rows = file.prepare(`select * from "${String(name)}"`).all()
    const told = rows.filter((row) => {
      // The client's key of the deed stays, so that a retry does not do it again.
      const text = JSON.stringify(row).replace(`POST ${door}`, '')
      return text.includes(photo.id) || text.includes(door)
    })
    if (told.length > 0) places.push(`${told.length} rows of ${String(name)}`)
  }
  file.close()
  return places
}

/** Jobs have run, and what was erased has left the files. */
async function destroyed(world: World, of: Sent): Promise<void> {
  for (let seconds = 0; seconds < 10 && found(world, of).length > 0; seconds += 1) {
    await world.advance(1_000)
    for (let turns = 0; turns < 20; turns += 1) await new Promise((turn) => setImmediate(turn))
  }
  assert.deepEqual(found(world, of), [])
}

test('D-E7 D-P7 it is opened by who it was sent to, once; its address works once, for the whole photo', async () => {
  await using at = await scene({ config })
  const of = await sent(at, { ttl: 60 })
  for (const [user, status] of [
    [at.ana, 403],
    [at.cleo, 403],
    [at.admin, 403],
  ] as const) {
    assert.equal((await open(user, of)).status, status, user.name)
  }
  assert.equal((await at.ben.post('/api/dating/messages/nothing/open')).status, 404)
  const { status, body } = await open(at.ben, of)
  assert.equal(status, 200)
  assert.deepEqual(Object.keys(body), ['url', 'expires_at'])
  const again = await open(at.ben, of)
  assert.deepEqual([again.status, again.body.error.code], [410, 'NOT_FOUND'])
  const url = body.url as string
  for (const init of [{ method: 'HEAD' }, { headers: { range: 'bytes=0-' } }, { headers: { range: 'bytes=0-0' } }]) {
    assert.equal(await statusOf(at.world, url, init), 410, JSON.stringify(init))
  }
  assert.equal(await statusOf(at.world, `${url}&x=1`), 403)
  assert.ok((await bytesOf(at.world, url)).includes(of.canaries[0]!))
  for (const init of [{}, { method: 'HEAD' }, { headers: { range: 'bytes=0-' } }]) {
    assert.equal(await statusOf(at.world, url, init), 410)
  }
})

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`${storage}: of many who come at once, one opens it, and one gets it; then it ends`, async () => {
    await using at = await scene({ config, storage })
    const of = await sent(at, { ttl: 60 })
    const opened = await Promise.all(Array.from({ length: 20 }, () => open(at.ben, of)))
    const good = opened.filter(({ status }) => status === 200)
    assert.equal(good.length, 1)
    assert.ok(opened.every(({ status }) => status === 200 || status === 410))
    const got = await Promise.all(Array.from({ length: 20 }, () => statusOf(at.world, good[0]!.body.url as string)))
    assert.deepEqual(
      got.toSorted((a, b) => a - b),
      [200, ...Array.from({ length: 19 }, () => 410)],
    )
    await at.world.advance(60_000)
    await at.world.advance(1_000)
    assert.equal((await open(at.ben, of)).status, 404)
    assert.deepEqual(filesIn(at.world), [])
  })
}

test('a retry after a lost answer gets the same address, which works once all the same', async () => {
  await using at = await scene({ config })
  const of = await sent(at, { ttl: 60 })
  const key = { 'idempotency-key': 'a-key' }
  const [first, second] = [await open(at.ben, of, key), await open(at.ben, of, key)]
  assert.deepEqual([first.status, second.status], [200, 200])
  assert.deepEqual(first.body, second.body)
  assert.equal(await statusOf(at.world, first.body.url as string), 200)
  assert.equal(await statusOf(at.world, second.body.url as string), 410)
  await at.world.advance(60_000)
  await destroyed(at.world, of)
})

test('what was sent is shown by no address of before, and to nobody by another door', async () => {
  await using at = await scene({ config })
  const of = await sent(at)
  for (const url of [of.photo.url, of.photo.thumbnail_url]) assert.equal(await statusOf(at.world, url), 410)
  for (const user of [at.ana, at.ben, at.cleo]) {
    assert.equal((await user.get(`/api/dating/photos/${of.photo.id}`)).status, 404, user.name)
  }
  const list = await ok(at.ben.get(`/api/dating/conversations/${at.conversationId}/messages`))
  assert.ok(!JSON.stringify(list).includes(of.photo.id))
})

test('D-E7 to open it is to view it; when its time is over its sender has deleted it, and it is gone', async () => {
  await using at = await scene({ config })
  const of = await sent(at, { ttl: 30 })
  const clients = { ana: await connect(at.world, at.ana), ben: await connect(at.world, at.ben) }
  await at.world.app.unitOfWork.settled()
  for (const client of Object.values(clients)) await drained(client)
  let url = ''
  await expectEvents(
    clients,
    async () => {
      url = (await ok(open(at.ben, of))).url as string
    },
    { ana: ['message:viewed'], ben: ['message:viewed'] },
  )
  assert.equal(await statusOf(at.world, url), 200)
  await at.world.advance(29_000)
  assert.ok(found(at.world, of).includes('the file'))
  const frames = await expectEvents(clients, () => at.world.advance(1_000), {
    ana: ['message:deleted'],
    ben: ['message:deleted'],
  })
  for (const [frame] of Object.values(frames)) {
    assert.deepEqual([frame!.data['message_id'], frame!.data['deleted_by']], [of.messageId, at.ana.uuid])
  }
  assert.equal((await open(at.ben, of)).status, 404)
  assert.equal(await statusOf(at.world, url), 403, 'it has expired with the photo')
  await destroyed(at.world, of)
})

test('an address that is not used ends with the photo', async () => {
  await using at = await scene({ config })
  const of = await sent(at, { ttl: 20 })
  const { url, expires_at } = (await ok(open(at.ben, of))) as { url: string; expires_at: string }
  assert.ok(Math.abs(Date.parse(expires_at) - at.world.clock.now() - 20_000) < 1_000)
  await at.world.advance(20_000)
  assert.equal(await statusOf(at.world, url), 403)
  await destroyed(at.world, of)
})

test('one that is to last no time can still be fetched after it was opened, and goes with that', async () => {
  await using at = await scene({ config })
  const of = await sent(at, { ttl: 0 })
  const { url } = (await ok(open(at.ben, of))) as { url: string }
  await at.world.advance(9_000)
  assert.ok((await bytesOf(at.world, url)).includes(of.canaries[0]!))
  await at.world.advance(1)
  await destroyed(at.world, of)
})

test('who reads past it without opening it lets it end as well', async () => {
  await using at = await scene({ config })
  const of = await sent(at, { ttl: 30 })
  await ok(at.ben.post(`/api/dating/conversations/${at.conversationId}/read`, { message_id: of.messageId }))
  await at.world.advance(29_000)
  assert.ok(found(at.world, of).includes('the file'))
  await at.world.advance(1_000)
  await destroyed(at.world, of)
  assert.equal((await open(at.ben, of)).status, 404)
})

test('D-E7 one that nobody opens ends after a week', async () => {
  await using at = await scene({ config })
  const of = await sent(at)
  await at.world.advance(7 * 24 * HOUR - 1_000)
  assert.ok(found(at.world, of).includes('the file'))
  await at.world.advance(1_000)
  await destroyed(at.world, of)
})

test('a deleted one is gone at once', async () => {
  await using at = await scene({ config })
  const of = await sent(at)
  await ok(at.ana.delete(`/api/dating/messages/${of.messageId}`))
  assert.equal((await open(at.ben, of)).status, 404)
  await destroyed(at.world, of)
})

test('a conversation that ends opens nothing any more, not even what was opened', async () => {
  await using at = await scene({ config })
  const of = await sent(at, { ttl: 60 })
  const { url } = (await ok(open(at.ben, of))) as { url: string }
  const other = await sent(at, { ttl: 60 }, 8)
  await ok(at.ana.post('/api/dating/blocks', { user_id: at.ben.uuid }))
  assert.equal(await statusOf(at.world, url), 410)
  assert.equal((await open(at.ben, other)).status, 403)
  await destroyed(at.world, of)
  await destroyed(at.world, other)
})

for (const when of ['viewed and destroyed', 'destroyed and removed from the disk'] as const) {
  test(`K-8 killed between ${when}: the next start makes an end of it`, async () => {
    await using at = await scene({ config })
    const of = await sent(at, { ttl: 30 })
    await ok(open(at.ben, of))
    if (when !== 'viewed and destroyed') await ok(at.ana.delete(`/api/dating/messages/${of.messageId}`))
    assert.ok(found(at.world, of).includes('the file'))
    await using next = await afterKill(at.world, { config })
    await next.advance(30_000)
    await destroyed(next, of)
  })
}

test('K-8 a server that was off for a month destroys what was due, and tells nobody what it was', async () => {
  await using at = await scene({ config })
  const of = await sent(at)
  await using next = await afterKill(at.world, { config })
  await next.advance(30 * 24 * HOUR)
  await destroyed(next, of)
  for (const { log } of [at.world, next]) {
    assert.ok(!log.some((line) => line.includes(of.photo.id) || line.includes('signature')))
  }
})

test('what is no ephemeral photo of ours is not opened', async () => {
  await using at = await scene({ config })
  for (const [content, type] of [
    ['hello', 'text'],
    ['https://example.com/a.jpg', 'photo_ephemeral'],
  ] as const) {
    const { id } = await say(at.ana, at.conversationId, content, { type })
    const { status, body } = await at.ben.post(`/api/dating/messages/${id}/open`)
    assert.deepEqual([status, body.error.code], [409, 'CONFLICT'])
  }
})
