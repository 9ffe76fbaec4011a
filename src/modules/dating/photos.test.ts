import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import { Compile } from 'typebox/compile'
import { seeded } from '../../testing/random.ts'
import { afterKill, type User, type World } from '../../testing/world.ts'
import { Photo } from './photo-wire.ts'
import { match, ok, say, scene } from './testing.ts'

/** D-P5 … D-P8: who may see photos, what is kept of them, and when they go. */

const config = { accessTokenMs: 1e9, datingWritesPerMinute: 0 }
const CAMERA = 'Canarycam 3000'

/** Noise, so that no two are alike. */
const picture = (seed = 7, width = 90, height = 60): Promise<Buffer> => {
  const random = seeded(seed)
  const pixels = Buffer.from(Array.from({ length: width * height * 3 }, () => random.int(256)))
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .withExif({ IFD0: { Make: CAMERA }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '52/1 31/1 12/1' } })
    .jpeg()
    .toBuffer()
}

const upload = (user: User, bytes: Uint8Array, query = '') => {
  const form = new FormData()
  form.set('file', new Blob([Buffer.from(bytes)]), 'me.jpg')
  return user.post(`/api/dating/photos${query}`, form)
}
const uploaded = async (user: User, query = '', seed = 7): Promise<Photo> =>
  ok(upload(user, await picture(seed), query))
const get = (world: World, url: string, init: RequestInit = {}): Promise<Response> => fetch(world.url + url, init)
const statusOf = async (world: World, url: string): Promise<number> => (await get(world, url)).status
const files = ({ folder }: World): readonly string[] =>
  readdirSync(join(folder, 'files'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)

test('an upload is kept as what its pixels are made into, and shown by addresses that need no token', async () => {
  await using at = await scene({ config })
  const original = await picture()
  assert.ok(original.includes(CAMERA))
  const photo = (await ok(upload(at.ana, original))) as Photo
  assert.deepEqual([...Compile(Photo).Errors(photo)], [])
  assert.deepEqual([photo.kind, photo.width, photo.height, photo.mime_type], ['photo', 90, 60, 'image/jpeg'])
  assert.equal(files(at.world).length, 2, 'the upload itself is not kept')
  for (const [url, edge] of [
    [photo.url, 90],
    [photo.thumbnail_url, 90],
  ] as const) {
    const answer = await get(at.world, url)
    assert.equal(answer.status, 200)
    const bytes = Buffer.from(await answer.arrayBuffer())
    assert.ok(!bytes.includes(CAMERA) && !bytes.includes('Exif'))
    assert.equal((await sharp(bytes).metadata()).width, edge)
    const names = ['content-type', 'cache-control', 'x-content-type-options', 'content-disposition']
    assert.deepEqual(
      names.map((name) => answer.headers.get(name)),
      ['image/jpeg', 'private, no-store', 'nosniff', 'inline; filename="photo.jpg"; filename*=UTF-8\'\'photo.jpg'],
    )
  }
  assert.equal(photo.size, (await (await get(at.world, photo.url)).arrayBuffer()).byteLength)
  assert.ok(!at.world.log.some((line) => line.includes('signature')), 'addresses are not logged')
})

test('what is no picture, or too large, is refused, and nothing of it is left', async () => {
  const whole = await picture()
  await using at = await scene({ config: { ...config, datingPhotoBytes: whole.length + 100 } })
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
  for (const bytes of [Buffer.from('text'), svg, whole.subarray(0, whole.length / 2), Buffer.alloc(0)]) {
    const { status, body } = await upload(at.ana, bytes)
    assert.deepEqual([status, body.error.code], [400, 'VALIDATION_ERROR'])
    assert.match(body.error.details.file, /JPEG/)
  }
  // What follows the picture counts, too.
  assert.equal((await upload(at.ana, Buffer.concat([whole, Buffer.alloc(101)]))).status, 413)
  const large = await upload(at.ana, Buffer.concat([whole, Buffer.alloc(101)]))
  assert.deepEqual([large.status, large.body.error.code], [413, 'MESSAGE_TOO_LARGE'])
  await at.world.advance(1_000)
  assert.deepEqual(files(at.world), [])
  assert.equal((await upload(at.ana, Buffer.concat([whole, Buffer.alloc(100)]))).status, 201)
})

test('D-P6 an address shows one photo, as it was signed, for a while', async () => {
  await using at = await scene({ config })
  const [photo, other] = [await uploaded(at.ana), await uploaded(at.ana, '', 8)]
  const signature = photo.url.split('?')[1]!
  for (const url of [
    `/api/dating/photos/${photo.id}/file`,
    `/api/dating/photos/${photo.id}/thumbnail?${signature}`,
    `/api/dating/photos/${other.id}/file?${signature}`,
    `${photo.url}&once=1`,
    `${photo.url}&${signature}`,
    photo.url.replace('expires=', 'expires=9'),
    photo.url.slice(0, -1),
    '/api/dating/photos/nothing/file',
  ]) {
    const answer = await get(at.world, url, { headers: { authorization: `Bearer ${at.ana.token}` } })
    const { error } = (await answer.json()) as { error: { code: string } }
    assert.deepEqual([answer.status, error.code], [403, 'FORBIDDEN'], url)
  }
  assert.equal(await statusOf(at.world, photo.url), 200)
  await at.world.advance(15 * 60_000)
  assert.equal(await statusOf(at.world, photo.url), 403)
  const fresh = (await ok(at.ana.get(`/api/dating/photos/${photo.id}`))) as Photo
  assert.deepEqual(Object.keys(fresh), Object.keys(photo))
  assert.equal(await statusOf(at.world, fresh.url), 200)
  assert.equal(await statusOf(at.world, fresh.thumbnail_url), 200)
})

const mayAsk = async (photo: Photo, people: Readonly<Record<string, User>>): Promise<readonly string[]> => {
  const may: string[] = []
  for (const [name, user] of Object.entries(people)) {
    const { status, body } = await user.get(`/api/dating/photos/${photo.id}`)
    if (status === 200) may.push(name)
    else assert.deepEqual([status, body.error.code], [404, 'NOT_FOUND'])
  }
  return may
}

test('D-P5 addresses are for who uploaded it, then for the two it was sent between, and for nobody else', async () => {
  await using at = await scene({ config })
  const { ana, ben, cleo, admin } = at
  const people = { ana, ben, cleo, admin }
  const photo = await uploaded(ana)
  assert.deepEqual(await mayAsk(photo, people), ['ana'])
  await say(ana, at.conversationId, photo.url, { type: 'photo' })
  assert.deepEqual(await mayAsk(photo, people), ['ana', 'ben'])
  assert.equal((await cleo.get('/api/dating/photos/nothing')).status, 404)
  await match(ben, cleo)
  assert.deepEqual(await mayAsk(photo, people), ['ana', 'ben'])
})

test('D-E4 a photo is gone with its message, for who has its address as well', async () => {
  await using at = await scene({ config })
  const photo = await uploaded(at.ana)
  const message = await say(at.ana, at.conversationId, photo.url, { type: 'photo' })
  const shown = message.content as string
  assert.equal(await statusOf(at.world, shown), 200)
  await ok(at.ben.delete(`/api/dating/messages/${message.id}`))
  for (const url of [photo.url, photo.thumbnail_url, shown]) assert.equal(await statusOf(at.world, url), 410)
  assert.deepEqual(await mayAsk(photo, { ana: at.ana, ben: at.ben }), [])
  await at.world.advance(1_000)
  assert.deepEqual(files(at.world), [])
})

test('D-P6 when a conversation ends, nobody sees its photos any more', async () => {
  await using at = await scene({ config })
  const photo = await uploaded(at.ana)
  await say(at.ana, at.conversationId, photo.url, { type: 'photo' })
  await ok(at.ben.post('/api/dating/blocks', { user_id: at.ana.uuid }))
  assert.equal(await statusOf(at.world, photo.url), 410)
  assert.equal(await statusOf(at.world, photo.thumbnail_url), 410)
  assert.deepEqual(await mayAsk(photo, { ana: at.ana, ben: at.ben }), [])
})

test('D-P5 an avatar is for everybody with a profile whom nobody keeps apart, and stays', async () => {
  await using at = await scene({ config })
  const { ana, ben, cleo, admin } = at
  const people = { ana, ben, cleo, admin }
  const photo = await uploaded(ana)
  await ok(ana.put('/api/dating/profile', { bio: 'me', avatar_photo_id: photo.id }))
  assert.deepEqual(await mayAsk(photo, people), ['ana', 'ben', 'cleo'], 'the admin has no profile')
  assert.equal((await ana.delete(`/api/dating/photos/${photo.id}`)).status, 404)
  await at.world.advance(25 * 3_600_000)
  assert.deepEqual(await mayAsk(photo, people), ['ana', 'ben', 'cleo'])
  await ok(ana.put('/api/dating/profile', { bio: 'me', avatar_photo_id: photo.id, hidden: true }))
  assert.deepEqual(await mayAsk(photo, people), ['ana', 'ben'], 'hidden from who is no match')
  await ok(ana.put('/api/dating/profile', { bio: 'me', avatar_photo_id: photo.id }))
  await ok(cleo.post('/api/dating/blocks', { user_id: ana.uuid }))
  assert.deepEqual(await mayAsk(photo, people), ['ana', 'ben'], 'blocked')
  await ok(ana.put('/api/dating/profile', { bio: 'me' }))
  assert.deepEqual(await mayAsk(photo, people), [])
  await at.world.advance(1_000)
  assert.deepEqual(files(at.world), [])
})

test('D-P8 only so many uploads wait to be sent, also of those on their way at once', async () => {
  await using at = await scene({ config: { ...config, datingUnsentPhotos: 3 } })
  const bytes = await picture()
  const answers = await Promise.all(Array.from({ length: 8 }, () => upload(at.ana, bytes)))
  const statuses = answers.map(({ status }) => status)
  assert.deepEqual(
    statuses.toSorted((a, b) => a - b),
    [201, 201, 201, 409, 409, 409, 409, 409],
  )
  assert.equal((await upload(at.ben, bytes)).status, 201, 'another person has their own')
  const [first, second] = answers.filter(({ status }) => status === 201).map(({ body }) => body as Photo)
  assert.equal((await at.ben.delete(`/api/dating/photos/${first!.id}`)).status, 404)
  assert.equal((await at.ana.delete(`/api/dating/photos/${first!.id}`)).status, 204)
  assert.equal(await statusOf(at.world, first!.url), 410)
  assert.equal((await upload(at.ana, bytes)).status, 201)
  assert.equal((await upload(at.ana, bytes)).status, 409)
  await say(at.ana, at.conversationId, second!.url, { type: 'photo' })
  assert.equal((await upload(at.ana, bytes)).status, 201)
})

test('K-8 what nobody sends is removed after a day, also after a kill; what was sent stays', async () => {
  await using at = await scene({ config })
  const [unsent, sent] = [await uploaded(at.ana), await uploaded(at.ana, '', 8)]
  await say(at.ana, at.conversationId, sent.url, { type: 'photo' })
  assert.equal(files(at.world).length, 4)
  await using next = await afterKill(at.world, { config })
  await next.advance(24 * 3_600_000 - 1)
  assert.equal(files(next).length, 4)
  await next.advance(2)
  await next.advance(1_000)
  assert.equal(files(next).length, 2)
  assert.ok(files(next).includes(sent.id))
  const bearer = { authorization: `Bearer ${at.ana.token}` }
  assert.equal((await next.request('GET', `/api/dating/photos/${unsent.id}`, undefined, bearer)).status, 404)
  assert.equal((await next.request('GET', `/api/dating/photos/${sent.id}`, undefined, bearer)).status, 200)
})

test('D-P8 a photo is sent once, by who uploaded it, as what it is', async () => {
  await using at = await scene({ config })
  const path = `/api/dating/conversations/${at.conversationId}/messages`
  const photo = await uploaded(at.ana)
  const ephemeral = await uploaded(at.ana, '?ephemeral=true', 8)
  assert.equal(ephemeral.kind, 'photo_ephemeral')
  for (const [user, content, type] of [
    [at.ben, photo.url, 'photo'],
    [at.ana, photo.url, 'photo_ephemeral'],
    [at.ana, ephemeral.url, 'photo'],
  ] as const) {
    const { status, body } = await user.post(path, { content, type })
    assert.deepEqual([status, body.error.code], [400, 'VALIDATION_ERROR'])
  }
  await ok(at.ana.post(path, { content: photo.url, type: 'photo' }))
  assert.equal((await at.ana.post(path, { content: photo.url, type: 'photo' })).status, 400)
  assert.equal((await upload(at.ana, await picture(), '?ephemeral=maybe')).status, 400)
})
