import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import type { User } from '../../testing/world.ts'
import { expectFrames, made, people, drained, scene, type Scene } from './testing.ts'

/** Files: uploaded, sent, read by those who see the message, and gone for good. */

let at: Scene & AsyncDisposable
before(async () => void (at = await scene({ config: { workspaceAttachmentBytes: 100_000, workspaceUnsentUploads: 5 } })))
after(() => at[Symbol.asyncDispose]())

async function upload(by: User, bytes: Uint8Array | string, name: string, workspaceId = at.workspaceId) {
  const form = new FormData()
  form.append('file', new Blob([typeof bytes === 'string' ? bytes : new Uint8Array(bytes)], { type: 'image/png' }), name)
  return by.post(`/api/workspaces/${workspaceId}/attachments`, form)
}

const download = (by: User, id: string): Promise<Response> =>
  fetch(`${at.world.url}/api/attachments/${id}`, { headers: { authorization: `Bearer ${by.token}` } })

const onDisk = (id: string): boolean => existsSync(join(at.world.folder, 'files', id.slice(0, 2), id))

const png = (): Promise<Buffer> =>
  sharp({ create: { width: 30, height: 20, channels: 3, background: 'red' } }).png().toBuffer()

test('an image is uploaded, sent and shown with its size in pixels to everybody in the channel, and to nobody else', async () => {
  const bytes = await png()
  const { status, body } = await upload(at.member, bytes, 'plan.png')
  assert.equal(status, 201)
  const attachment = {
    id: body.id,
    name: 'plan.png',
    url: `/api/attachments/${body.id}`,
    mime_type: 'image/png',
    size: bytes.length,
    width: 30,
    height: 20,
  }
  assert.deepEqual(body, attachment)
  // Before it is sent it is its uploader's alone (W-P14).
  assert.equal((await download(at.owner, body.id)).status, 404)
  assert.equal((await download(at.member, body.id)).status, 200)
  const message = await made(at.member, `/api/channels/${at.privateId}/messages`, { content: '', attachment_ids: [body.id] })
  assert.deepEqual(message.attachments, [attachment])
  const got = await expectFrames(at, { owner: ['message.new'], member: ['message.new'], guest: ['message.new'] })
  assert.deepEqual(got.guest![0]!['attachments'], [attachment])
  const answer = await download(at.guest, body.id)
  assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes)
  assert.equal(answer.headers.get('content-type'), 'image/png')
  assert.match(answer.headers.get('content-disposition')!, /^inline; filename="plan.png"/)
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  assert.match(answer.headers.get('content-security-policy')!, /sandbox/)
  for (const outsider of [at.admin, at.stranger]) assert.equal((await download(outsider, body.id)).status, 404)
})

test('W-P14 its type comes from the bytes: a page by the name of a picture is saved, not shown', async () => {
  const { body } = await upload(at.member, '<!doctype html><script>alert(1)</script>', 'cat.png')
  assert.notEqual(body.mime_type, 'image/png')
  assert.equal(body.width, undefined)
  const answer = await download(at.member, body.id)
  assert.match(answer.headers.get('content-disposition')!, /^attachment/)
  await answer.arrayBuffer()
  assert.equal((await at.member.delete(`/api/attachments/${body.id}`)).status, 204)
})

test('an upload is sent once, by who uploaded it, in its workspace', async () => {
  const path = `/api/channels/${at.publicId}/messages`
  const { id } = (await upload(at.member, 'some text', 'notes.txt')).body
  const others = await at.owner.post(path, { content: 'mine now', attachment_ids: [id] })
  assert.equal(others.status, 400)
  assert.match(others.body.error.details['attachment_ids.0'], /upload of yours/)
  assert.equal((await at.member.post(path, { content: 'twice', attachment_ids: [id, id] })).status, 400)
  await expectFrames(at, {})
  const sent = await made(at.member, path, { content: 'once', attachment_ids: [id] })
  assert.equal(sent.attachments[0].mime_type, 'text/plain')
  assert.equal((await at.member.post(path, { content: 'again', attachment_ids: [id] })).status, 400)
  assert.equal((await at.member.delete(`/api/attachments/${id}`)).status, 404)
  const { id: elsewhere } = await made(at.member, '/api/workspaces', { name: 'Elsewhere' })
  const foreign = (await upload(at.member, 'x', 'x.txt', elsewhere)).body
  assert.equal((await at.member.post(path, { content: 'mixed', attachment_ids: [foreign.id] })).status, 400)
  assert.equal((await upload(at.stranger, 'x', 'x.txt')).status, 404)
  for (const person of people) await drained(at.listening[person])
})

test('W-E4 with its message a file goes from the disk; with nobody sending it too, after a day', async () => {
  const { id } = (await upload(at.member, 'to be deleted', 'a.txt')).body
  const message = await made(at.member, `/api/channels/${at.publicId}/messages`, { content: 'x', attachment_ids: [id] })
  assert.ok(onDisk(id))
  await at.world.advance(1_000)
  assert.ok(onDisk(id))
  await at.member.delete(`/api/messages/${message.id}`)
  assert.equal((await download(at.member, id)).status, 404)
  await at.world.advance(1_000)
  assert.ok(!onDisk(id))
  const unsent = (await upload(at.guest, 'forgotten', 'b.txt')).body.id as string
  await at.world.advance(1_000)
  assert.ok(onDisk(unsent))
  await using later = await scene({ config: { pongWaitMs: 1e9, accessTokenMs: 1e9 } })
  const form = new FormData()
  form.append('file', new Blob(['forgotten']), 'b.txt')
  const stale = (await later.guest.post(`/api/workspaces/${later.workspaceId}/attachments`, form)).body.id as string
  const path = join(later.world.folder, 'files', stale.slice(0, 2), stale)
  assert.ok(existsSync(path))
  await later.world.advance(24 * 60 * 60_000)
  assert.ok(!existsSync(path))
  assert.equal((await later.guest.get(`/api/attachments/${stale}`)).status, 404)
  for (const person of people) await drained(at.listening[person])
})

test('W-L3 the files of a workspace have a limit together; what is deleted makes room', async () => {
  await using other = await scene({ config: { workspaceStorageBytes: 1_000 } })
  const put = (bytes: number) => {
    const form = new FormData()
    form.append('file', new Blob([new Uint8Array(bytes)]), 'a.bin')
    return other.member.post(`/api/workspaces/${other.workspaceId}/attachments`, form)
  }
  const first = await put(600)
  assert.equal(first.status, 201)
  const refused = await put(401)
  assert.equal(refused.status, 409)
  assert.match(refused.body.error.message, /1000 bytes/)
  assert.deepEqual((await Promise.all([put(300), put(300)])).map(({ status }) => status).toSorted((a, b) => a - b), [201, 409])
  await other.member.delete(`/api/attachments/${first.body.id}`)
  assert.equal((await put(600)).status, 201)
})

test('W-L3 the size of a file, their number in a message, and uploads that nobody sends have limits', async () => {
  const large = await upload(at.admin, new Uint8Array(100_001), 'large.bin')
  assert.equal(large.status, 413)
  assert.match(JSON.stringify(large.body), /100000/)
  const { status } = await upload(at.admin, new Uint8Array(100_000), 'fits.bin')
  assert.equal(status, 201)
  for (let n = 0; n < 4; n += 1) assert.equal((await upload(at.admin, 'x', `${n}.txt`)).status, 201)
  const more = await upload(at.admin, 'x', 'more.txt')
  assert.equal(more.status, 409)
  assert.match(more.body.error.message, /5 uploads/)
  const ids = Array.from({ length: 11 }, () => 'x')
  const many = await at.owner.post(`/api/channels/${at.publicId}/messages`, { content: 'x', attachment_ids: ids })
  assert.equal(many.status, 400)
})
