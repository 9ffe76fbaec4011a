import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { checkError } from '../../testing/hostile.ts'
import { BOUNDARY, multipart, until, type Part } from '../../testing/multipart-client.ts'
import type { Answer, User } from '../../testing/world.ts'
import { abuse, NOBODY, state, upload, type Stage } from './bad-input/testing.ts'
import { bringIn, made } from './testing.ts'

/** Files and names that are not what they look like, and uploads that are meant to fill the disk. */

const MAX = 200_000
const small = { config: { workspaceAttachmentBytes: MAX, workspaceUnsentUploads: 5 } }

/** A body written by hand: names in whatever bytes they are. */
async function send(at: Stage, by: User, parts: readonly Part[], workspaceId = at.workspaceId): Promise<Answer> {
  const response = await fetch(`${at.world.url}/api/workspaces/${workspaceId}/attachments`, {
    method: 'POST',
    headers: { authorization: `Bearer ${by.token}`, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    body: new Uint8Array(multipart(parts)),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

const download = ({ world }: Stage, by: User, id: string): Promise<Response> =>
  fetch(`${world.url}/api/attachments/${id}`, { headers: { authorization: `Bearer ${by.token}` } })

/** Files on the disk, those that are being written among them. */
function onDisk({ world }: Stage): string[] {
  const entries = readdirSync(join(world.folder, 'files'), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

async function gone(at: Stage, by: User, id: string): Promise<void> {
  assert.equal((await by.delete(`/api/attachments/${id}`)).status, 204)
  await at.world.advance(1_000)
}

const badNames = [
  '../../etc/passwd', '..\\..\\windows\\system.ini', '/etc/passwd', 'C:\\x.txt', 'a/b', '.', '..', '', ' ', 'CON',
  'nul.txt', 'com1.png', 'a\u0000.png', 'a.png\u0000.html', 'a\tb', 'invoice\u202egpj.exe', 'a\u200bb.png',
  'a\ufeff.png', 'a\u2028b', 'a.exe.', 'a.png ', `${'x'.repeat(252)}.png`, `${'ü'.repeat(130)}.png`, '\ufffd',
]

abuse('A15 a file name with a path, a device, a direction or something unseen in it: nothing is kept', async (at) => {
  const [before, files] = [state(at), onDisk(at)]
  for (const filename of badNames) {
    const details = checkError(await send(at, at.mallory, [{ filename, content: 'x' }]), 400, 'VALIDATION_ERROR')
    assert.deepEqual(Object.keys(details), ['file'], JSON.stringify(filename))
  }
  for (const disposition of ['form-data; name="file"', 'attachment; filename=x', 'form-data; name="x"; filename="x"']) {
    const answer = await send(at, at.mallory, [{ disposition, content: 'x' }])
    assert.equal(answer.status, 400, disposition)
    checkError(answer, 400, 'VALIDATION_ERROR')
  }
  assert.deepEqual([state(at), onDisk(at)], [before, files])
})

abuse('A15 whatever a name holds, it stays inside Content-Disposition', async (at) => {
  for (const filename of [
    'a%22; filename=%22evil.html', "a'b;c=d.txt", 'a;filename*=UTF-8\'\'x.html', 'пример 😀.txt', 'a,b=c.txt',
    '%0d%0aSet-Cookie: x=1', '<b>.txt', 'e\u0301.txt', 'a\r\nSet-Cookie: x=1',
  ]) {
    const { status, body } = await send(at, at.mallory, [{ filename, content: 'text' }])
    assert.equal(status, 201, filename)
    const { headers } = await download(at, at.mallory, body.id)
    assert.equal(headers.get('set-cookie'), null)
    const value = headers.get('content-disposition')!
    const match = /^attachment; filename="([^"\\]*)"; filename\*=UTF-8''([\w%.!~-]*)$/.exec(value)
    assert.ok(match, value)
    assert.equal(decodeURIComponent(match[2]!), body.name)
    await gone(at, at.mallory, body.id)
  }
})

/** A picture whose header says that it has this many pixels. */
function flood(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(data.length)
    return Buffer.concat([length, Buffer.from(type), data, Buffer.alloc(4)])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 6, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const pixels = chunk('IDAT', deflateSync(Buffer.alloc(64)))
  return Buffer.concat([signature, chunk('IHDR', header), pixels, chunk('IEND', Buffer.alloc(0))])
}

const script = '<script>alert(document.domain)</script>'
const hostile: Readonly<Record<string, Buffer>> = {
  'page.png': Buffer.from(`<!doctype html><html>${script}</html>`),
  'page.html': Buffer.from(`\ufeff<html>${script}</html>`),
  'picture.svg': Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">${script}</svg>`),
  'xml.svg': Buffer.from('<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>'),
  'xhtml.jpg': Buffer.from(`<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">${script}</html>`),
  'gif.js': Buffer.from('GIF89a/*\u0000*/=1;alert(1)//', 'latin1'),
  'bmp.png': Buffer.concat([Buffer.from('BM'), Buffer.from(script)]),
  'jpeg.html': Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xfe, 0x00, 0x40]), Buffer.from(script)]),
  'signature.png': Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.from(script)]),
  'webp.html': Buffer.concat([Buffer.from('RIFF\u0010\u0000\u0000\u0000WEBPVP8 ', 'latin1'), Buffer.from(script)]),
  'pdf.png': Buffer.from('%PDF-1.4\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj'),
  'zip.txt': Buffer.from('PK\u0003\u0004'.padEnd(64, '\u0000'), 'latin1'),
  'program.txt': Buffer.concat([Buffer.from('\u007fELF\u0002\u0001\u0001', 'latin1'), Buffer.alloc(60)]),
  'script.txt': Buffer.from('#!/bin/sh\nrm -rf /\n'),
  'css.css': Buffer.from('@import url(//evil.example/x.css)'),
  'flood.png': flood(50_000, 50_000),
  'endless.png': flood(2 ** 31 - 1, 2 ** 31 - 1),
  'nothing.png': Buffer.alloc(0),
}

abuse('A15 pages, drawings with scripts, polyglots and floods of pixels are saved and never shown', async (at) => {
  for (const [filename, content] of Object.entries(hostile)) {
    const { status, body } = await send(at, at.mallory, [{ filename, content }])
    assert.equal(status, 201, filename)
    assert.doesNotMatch(body.mime_type, /^image\/(png|jpeg|gif|webp|avif|svg)/, filename)
    assert.deepEqual([body.width, body.height], [undefined, undefined])
    const { headers } = await download(at, at.mallory, body.id)
    assert.match(headers.get('content-disposition')!, /^attachment;/, filename)
    assert.doesNotMatch(headers.get('content-type')!, /html|svg|javascript|ecmascript|css/, filename)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('content-security-policy')!, /default-src 'none'; sandbox/)
    assert.match(headers.get('cache-control')!, /no-store/)
    await gone(at, at.mallory, body.id)
  }
})

abuse('A15 a picture with a page behind it is that picture, and what is shown of it can run nothing', async (at) => {
  const png = await sharp({ create: { width: 3, height: 2, channels: 3, background: 'red' } }).png().toBuffer()
  const content = Buffer.concat([png, Buffer.from(script)])
  const { body } = await send(at, at.mallory, [{ filename: 'a.html', content }])
  assert.deepEqual([body.mime_type, body.width, body.height], ['image/png', 3, 2])
  const { headers } = await download(at, at.mallory, body.id)
  assert.equal(headers.get('content-type'), 'image/png')
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  assert.match(headers.get('content-security-policy')!, /sandbox/)
  await gone(at, at.mallory, body.id)
})

abuse('A15 more bytes than are allowed, two files, none, or half of one leave nothing behind', async (at) => {
  // A job that has been worked is known a while longer.
  const rows = () => ({ ...state(at), jobs: '' })
  const [before, files] = [rows(), onDisk(at)]
  const x = { filename: 'x.txt', content: 'x' }
  const big = { filename: 'big.bin', content: Buffer.alloc(MAX + 1) }
  checkError(await send(at, at.mallory, [big]), 413, 'PAYLOAD_TOO_LARGE')
  checkError(await send(at, at.mallory, [x, x]), 400, 'VALIDATION_ERROR')
  checkError(await send(at, at.mallory, []), 400, 'VALIDATION_ERROR')
  const fields = Array.from({ length: 100 }, () => ({ content: 'field' }))
  checkError(await send(at, at.mallory, [...fields, x]), 400, 'VALIDATION_ERROR')
  // To where they are no member, nothing is read.
  checkError(await send(at, at.mallory, [x], at.foreign.workspaceId), 404, 'NOT_FOUND')
  checkError(await send(at, at.mallory, [x], NOBODY), 404, 'NOT_FOUND')
  await abandoned(at)
  // What was scheduled to be removed has been.
  await at.world.advance(1_000)
  await until(() => onDisk(at).length === files.length, 'everything is removed')
  await at.world.advance(1_000)
  assert.deepEqual([rows(), onDisk(at)], [before, files])
}, small)

/** Begins an upload and goes away in the middle of it. */
async function abandoned(at: Stage): Promise<void> {
  const sent = request(`${at.world.url}/api/workspaces/${at.workspaceId}/attachments`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${at.mallory.token}`,
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      'content-length': 100_000,
    },
  })
  sent.on('error', () => undefined)
  sent.write(multipart([{ filename: 'half.bin', content: Buffer.alloc(50_000) }], ''))
  await until(() => onDisk(at).length > 0, 'something is being written')
  sent.destroy()
}

abuse('W-L3 uploads that nobody sends do not fill the disk: one after the other, or all at once', async (at) => {
  const ids: string[] = []
  for (let n = 0; n < 5; n += 1) ids.push((await upload(at.mallory, at.workspaceId, 'x', `${n}.txt`)).body.id)
  const { body } = await upload(at.mallory, at.workspaceId, 'x', 'more.txt')
  assert.equal(body.error.code, 'CONFLICT')
  for (const id of ids) await gone(at, at.mallory, id)
  const more = Array.from({ length: 30 }, (_, n) => upload(at.mallory, at.workspaceId, 'x', `${n}.txt`))
  const answers = await Promise.all(more)
  const taken = answers.filter(({ status }) => status === 201)
  for (const answer of answers.filter(({ status }) => status !== 201)) checkError(answer, 409, 'CONFLICT')
  await at.world.advance(1_000)
  assert.ok(taken.length <= 5, `${taken.length} uploads`)
  assert.ok(onDisk(at).length <= 5, `${onDisk(at).length} files`)
  for (const one of taken) await gone(at, at.mallory, one.body.id)
}, small)

abuse('W-L3 uploads are counted by account, not by workspace', async (at) => {
  const { mallory } = at
  const ids: string[] = []
  for (let n = 0; n < 5; n += 1) ids.push((await upload(mallory, at.workspaceId, 'x', `${n}.txt`)).body.id)
  const { id: other } = await made(mallory, '/api/workspaces', { name: 'Another' })
  checkError(await upload(mallory, other, 'x', 'sixth.txt'), 409, 'CONFLICT')
  for (const id of ids) await gone(at, mallory, id)
  await mallory.delete(`/api/workspaces/${other}`)
}, small)

abuse('who is removed while their file comes has uploaded nothing', async (at) => {
  const { owner, world, workspaceId } = at
  const person = await world.user('leaving')
  await bringIn(owner, workspaceId, person)
  const files = onDisk(at)
  const body = multipart([{ filename: 'slow.bin', content: Buffer.alloc(50_000) }])
  const answered = new Promise<number>((resolve, reject) => {
    const sent = request(`${world.url}/api/workspaces/${workspaceId}/attachments`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${person.token}`,
        'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
        'content-length': body.length,
      },
    })
    sent.on('error', reject)
    sent.on('response', (response) => resolve(response.resume().statusCode!))
    sent.write(body.subarray(0, 20_000))
    void (async () => {
      await until(() => onDisk(at).length > files.length, 'something is being written')
      assert.equal((await owner.delete(`/api/workspaces/${workspaceId}/members/${person.uuid}`)).status, 204)
      sent.end(body.subarray(20_000))
    })().catch(reject)
  })
  assert.equal(await answered, 404)
  await world.advance(1_000)
  await until(() => onDisk(at).length === files.length, 'it is removed')
})

// Names that people tell apart

const unseen = [
  'a\u200bb', 'a\u200db', '\u2060', 'a\u00adb', 'a\ufeffb', '\u3164', 'a\u180eb', 'a\u202eb', 'a\u2066b',
  '\u{e0061}\u{e0062}', '\ufe0f',
]
const controls = [
  'a\nb', 'a\tb', 'a\u0007', '\u007fa', 'a\u0085b', 'a\u2028b', '\ue000', '\u{10ffff}', '', ' ', '\u00a0', '\u2800',
  '\u2003\u3000',
]
const heaps = [`z${'\u0301'.repeat(40)}`, `z${'\u0335\u0489\u0301'.repeat(3)}`, 'x'.repeat(81), '😀'.repeat(81)]

abuse('W-L4 names of workspaces and channels hold nothing that cannot be seen, and nothing that climbs', async (at) => {
  const before = state(at)
  for (const name of [...unseen, ...controls, ...heaps]) {
    for (const ask of [
      () => at.owner.post('/api/workspaces', { name }),
      () => at.owner.patch(`/api/workspaces/${at.workspaceId}`, { name }),
      () => at.owner.post(`/api/workspaces/${at.workspaceId}/channels`, { name }),
      () => at.owner.post(`/api/workspaces/${at.workspaceId}/channels`, { name, type: 'private' }),
      () => at.owner.patch(`/api/channels/${at.sharedId}`, { name }),
    ]) {
      const answer = await ask()
      assert.deepEqual(Object.keys(checkError(answer, 400, 'VALIDATION_ERROR')), ['name'], JSON.stringify(name))
    }
  }
  assert.deepEqual(state(at), before)
})

abuse('W-L4 another spelling of a channel that is there is that channel', async (at) => {
  for (const name of ['SHARED', 'Shared', ' shared ', 'ｓｈａｒｅｄ', 'ſhared', '𝓼𝓱𝓪𝓻𝓮𝓭', 'general', 'GENERAL', 'Ｇeneral']) {
    checkError(await at.mallory.post(`/api/workspaces/${at.workspaceId}/channels`, { name }), 409, 'CONFLICT')
  }
})

abuse('W-L4 letters of another alphabet that look alike make no second channel of the same name', async (at) => {
  for (const name of ['gеneral', 'ѕhared', 'shаred', 'sһared', 'shαred', 'ցeneral']) {
    const answer = await at.mallory.post(`/api/workspaces/${at.workspaceId}/channels`, { name })
    assert.match(checkError(answer, 400, 'VALIDATION_ERROR')['name']!, /alphabets/, name)
  }
})
