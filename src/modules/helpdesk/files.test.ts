import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { badIds, checkError, checkLog } from '../../testing/hostile.ts'
import { BOUNDARY, multipart, until, type Part } from '../../testing/multipart-client.ts'
import type { Answer, User } from '../../testing/world.ts'
import { expectEvents, joinAll, made, scene, type Data, type Scene, type Someone } from './testing.ts'

/** Files: uploaded, announced with a message, read by those who see its channel, and gone for good. */

const FILES = '/api/helpdesk/files'
const MAX = 100_000

let at: Scene & AsyncDisposable
before(async () => {
  const small = { helpdeskFileBytes: MAX, helpdeskUnsentFiles: 5, helpdeskMessagesPerMinute: 0 }
  // A day passes.
  at = await scene({ config: { ...small, pongWaitMs: 1e9, accessTokenMs: 1e9 } })
})
after(() => at[Symbol.asyncDispose]())

/** A body written by hand: names in whatever bytes they are. */
async function send(by: User, channelId: number | string, parts: readonly Part[]): Promise<Answer> {
  const response = await fetch(`${at.world.url}${FILES}?channelId=${channelId}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${by.token}`, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    body: new Uint8Array(multipart(parts)),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

async function upload(by: User, channelId: number, filename: string, content?: string | Uint8Array): Promise<Data> {
  const { status, body } = await send(by, channelId, [{ filename, content: content ?? 'text' }])
  assert.equal(status, 201, JSON.stringify(body))
  return body as unknown
}

const download = (by: User, id: string): Promise<Response> =>
  fetch(`${at.world.url}${FILES}/${id}`, { headers: { authorization: `Bearer ${by.token}` } })

function onDisk(): string[] {
  const entries = readdirSync(join(at.world.folder, 'files'), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

async function gone(by: User, id: string): Promise<void> {
  assert.equal((await by.delete(`${FILES}/${id}`)).status, 204)
  await at.world.advance(1_000)
}

/** A message over REST, taken off every tab. */
async function said(by: User, channelId: number, messageType = 'file'): Promise<number> {
  const { id } = await made(by, `/api/helpdesk/channels/${channelId}/messages`, { message: 'look', messageType })
  for (const tab of Object.values(at.tabs)) await tab.drained()
  return id as number
}

const png = (): Promise<Buffer> =>
  sharp({ create: { width: 3, height: 2, channels: 3, background: 'red' } }).png().toBuffer()

async function refused(person: Someone, body: object, code: string, told: RegExp): Promise<void> {
  const outcome = await at.tabs[person].ask('file_uploaded', body)
  assert.deepEqual([outcome.ok, outcome.code], [false, code], JSON.stringify(outcome))
  assert.match(await at.tabs[person].expect('chat:error'), told)
}

test('a file is announced as what it is, whatever its sender says, and read by who sees the channel', async () => {
  const { customer, agent, other, admin, privateId } = at
  await joinAll(at, privateId, ['agent'])
  const bytes = await png()
  const file = await upload(customer, privateId, 'Plan.png', bytes)
  assert.deepEqual(file, {
    id: file.id,
    channelId: privateId,
    name: 'Plan.png',
    mimeType: 'image/png',
    size: bytes.length,
    url: `${FILES}/${file.id}`,
    uploadedBy: customer.id,
    createdAt: new Date(at.world.clock.now()).toISOString(),
    messageId: null,
  })
  // Before it is sent it is its uploader's alone.
  assert.equal((await download(agent, file.id)).status, 404)
  assert.deepEqual((await agent.get(`${FILES}?channelId=${privateId}`)).body.items, [])
  assert.deepEqual((await customer.get(`${FILES}?channelId=${privateId}`)).body.items, [file])
  const messageId = await said(customer, privateId)
  const lie = { channelId: privateId, fileName: 'Plan.png', fileSize: 1, fileType: 'text/html', messageId }
  await at.tabs.customer.done('file_uploaded', lie)
  const told = { customer: ['file_upload_notification'], agent: ['file_upload_notification'] } as const
  const got = await expectEvents(at, told)
  const notification = {
    messageId,
    channelId: privateId,
    uploadedBy: customer.id,
    uploaderName: 'customer',
    fileName: 'Plan.png',
    fileSize: bytes.length,
    fileType: 'image/png',
    uploadedAt: file.createdAt,
  }
  assert.deepEqual([got.customer, got.agent], [[notification], [notification]])
  // Said again it is told again, and is still one file.
  await at.tabs.customer.done('file_uploaded', lie)
  assert.deepEqual((await expectEvents(at, told)).agent, [notification])
  const { body } = await agent.get(`${FILES}?channelId=${privateId}`)
  assert.deepEqual(Object.keys(body), ['items', 'nextBefore', 'position'])
  assert.deepEqual(body.items, [{ ...file, messageId }])
  const shown = await agent.get(`/api/helpdesk/messages/${messageId}`)
  assert.equal(shown.body.file.url, file.url)
  for (const reader of [customer, agent, admin]) {
    const answer = await download(reader, file.id)
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes)
    assert.equal(answer.headers.get('content-type'), 'image/png')
    assert.match(answer.headers.get('content-disposition')!, /^inline; filename="Plan.png"/)
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    assert.match(answer.headers.get('content-security-policy')!, /sandbox/)
  }
  assert.equal((await download(other, file.id)).status, 404)
  checkError(await other.get(`${FILES}?channelId=${privateId}`), 404, 'NOT_FOUND')
  checkError(await other.delete(`${FILES}/${file.id}`), 404, 'NOT_FOUND')
  checkError(await customer.delete(`${FILES}/${file.id}`), 409, 'CONFLICT')
  // It stays, though it was uploaded a day ago.
  await at.world.advance(2 * 24 * 60 * 60_000)
  assert.equal((await download(agent, file.id)).status, 200)
})

test('a file elsewhere is as its sender describes it, until it is uploaded here', async () => {
  const { customer, agent, publicId } = at
  const messageId = await said(customer, publicId, 'image')
  const claimed = { fileName: 'e\u0301 👍.webm', fileSize: 2 ** 53 - 1 }
  const word = { channelId: String(publicId), messageId: String(messageId), ...claimed }
  const announce = async (more: object = {}): Promise<Data> => {
    await at.tabs.customer.done('file_uploaded', { ...word, ...more })
    return (await expectEvents(at, { customer: ['file_upload_notification'] })).customer![0]
  }
  const first = await announce({ fileType: 'Video/WebM;codecs=vp8' })
  assert.deepEqual([first.fileName, first.fileSize, first.fileType], ['é 👍.webm', 2 ** 53 - 1, 'video/webm'])
  assert.deepEqual(await announce({ fileType: 'text/plain', fileSize: 3 }), first)
  const [kept] = (await agent.get(`${FILES}?channelId=${publicId}`)).body.items
  assert.deepEqual([kept.url, kept.messageId, kept.size], [null, messageId, 2 ** 53 - 1])
  assert.equal((await download(agent, kept.id)).status, 404)
  await refused('customer', { ...word, fileName: 'another.webm' }, 'CONFLICT', /another file/)
  // An upload of the same name to another channel, or by somebody else, is not it.
  const elsewhere = await upload(customer, at.privateId, word.fileName)
  const others = await upload(agent, publicId, word.fileName)
  assert.deepEqual(await announce(), first)
  const { id } = await upload(customer, publicId, word.fileName)
  assert.deepEqual([(await announce()).fileSize, (await announce()).fileType], [4, 'text/plain'])
  const { items } = (await agent.get(`${FILES}?channelId=${publicId}`)).body
  assert.deepEqual(items.map((one: Data) => one.id), [id, others.id])
  await gone(customer, elsewhere.id)
  await gone(agent, others.id)
  const nameless = await said(customer, publicId, 'gif')
  await at.tabs.customer.done('file_uploaded', { ...word, messageId: nameless, fileType: '' })
  const { customer: got } = await expectEvents(at, { customer: ['file_upload_notification'] })
  assert.equal(got![0].fileType, 'application/octet-stream')
})

test('of two uploads by one name the newest is sent, and the other can be sent next', async () => {
  const { agent, publicId } = at
  const older = await upload(agent, publicId, 'log.txt', 'older')
  const newer = await upload(agent, publicId, 'log.txt', 'newest')
  for (const file of [newer, older]) {
    const messageId = await said(agent, publicId)
    const body = { channelId: publicId, fileName: 'log.txt', fileSize: 0, fileType: '', messageId }
    await at.tabs.agent.done('file_uploaded', body)
    const { agent: got } = await expectEvents(at, { agent: ['file_upload_notification'] })
    assert.equal(got![0].fileSize, file.size)
  }
})

test('a forged announcement reaches nobody and takes nobody’s file', async () => {
  const { admin, agent, customer, other, publicId, privateId, internalId } = at
  const own = await said(customer, publicId)
  const text = await said(customer, publicId, 'text')
  const others = await said(agent, publicId)
  const secret = await said(agent, internalId)
  const file = await upload(agent, publicId, 'salaries.txt')
  const word = { channelId: publicId, fileName: 'salaries.txt', fileSize: 4, fileType: 'text/plain', messageId: own }
  await refused('customer', { ...word, messageId: others }, 'FORBIDDEN', /Only who sent a message/)
  await refused('customer', { ...word, messageId: text }, 'CONFLICT', /messageType is file, image or gif/)
  await refused('customer', { ...word, messageId: 999_999 }, 'NOT_FOUND', /This message does not exist/)
  // A message of another channel, seen or not.
  await refused('customer', { ...word, channelId: privateId }, 'NOT_FOUND', /This message/)
  await refused('customer', { ...word, messageId: secret }, 'NOT_FOUND', /This message/)
  await refused('customer', { ...word, channelId: internalId, messageId: secret }, 'NOT_FOUND', /This channel/)
  await refused('other', { ...word, channelId: privateId }, 'NOT_FOUND', /This channel/)
  const long = ['x', '😀'].map((one) => one.repeat(256))
  for (const fileName of ['', ' ', 'a\nb', 'a\0b', 'invoice\u202egpj.exe', '\ud800', ...long]) {
    await refused('customer', { ...word, fileName }, 'INVALID', /fileName must/)
  }
  for (const fileSize of [-1, 1.5, 2 ** 53, 1e308, '4', null]) {
    await refused('customer', { ...word, fileSize }, 'INVALID', /fileSize must/)
  }
  for (const fileType of ['png', '/', 'a/', 'text/html\r\nx: y', '<b>/x', `a/${'b'.repeat(128)}`, 'a/b, c/d', 'é/x']) {
    await refused('customer', { ...word, fileType }, 'INVALID', /fileType must/)
  }
  await expectEvents(at, {})
  assert.deepEqual((await customer.get(`/api/helpdesk/messages/${own}`)).body.file, null)
  // The name alone is what the two have in common: the agent's upload stays the agent's.
  await at.tabs.customer.done('file_uploaded', { ...word, fileSize: 9 })
  assert.equal((await expectEvents(at, { customer: ['file_upload_notification'] })).customer![0].fileSize, 9)
  assert.equal((await download(customer, file.id)).status, 404)
  await gone(agent, file.id)

  const rights = `/api/helpdesk/users/${customer.id}/permissions`
  assert.equal((await admin.put(rights, { denied: ['chat.send_messages'] })).status, 200)
  await refused('customer', word, 'FORBIDDEN', /chat\.send_messages/)
  checkError(await send(customer, publicId, [{ filename: 'x.txt', content: 'x' }]), 403, 'FORBIDDEN')
  assert.equal((await admin.put(rights, { denied: ['chat.access'] })).status, 200)
  await refused('customer', word, 'FORBIDDEN', /chat\.access/)
  for (const path of [`${FILES}?channelId=${publicId}`, `${FILES}/${file.id}`]) {
    checkError(await customer.get(path), 403, 'FORBIDDEN')
  }
  checkError(await customer.delete(`${FILES}/${file.id}`), 403, 'FORBIDDEN')
  assert.equal((await admin.put(rights, { denied: [] })).status, 200)

  const { id: closed } = await made(agent, '/api/helpdesk/channels', { name: 'old' })
  const last = await said(customer, closed)
  assert.equal((await agent.patch(`/api/helpdesk/channels/${closed}`, { archived: true })).status, 200)
  for (const tab of Object.values(at.tabs)) await tab.drained()
  await refused('customer', { ...word, channelId: closed, messageId: last }, 'CONFLICT', /archived/)
  checkError(await send(customer, closed, [{ filename: 'x.txt', content: 'x' }]), 409, 'CONFLICT')
  checkError(await send(other, privateId, [{ filename: 'x.txt', content: 'x' }]), 404, 'NOT_FOUND')
  await expectEvents(at, {})
})

const badNames = [
  '../../etc/passwd', '..\\..\\system.ini', '/etc/passwd', '..', '', ' ', 'CON', 'nul.txt', 'a\u0000.png', 'a\tb',
  'invoice\u202egpj.exe', 'a\u200bb.png', 'a.exe.', `${'x'.repeat(252)}.png`, '\ufffd',
]

test('names that are paths, bodies that are none, too many bytes and too many files leave nothing behind', async () => {
  const { other, publicId } = at
  await at.world.advance(1_000)
  const before = onDisk()
  for (const filename of badNames) {
    const details = checkError(await send(other, publicId, [{ filename, content: 'x' }]), 400, 'INVALID')
    assert.deepEqual(Object.keys(details), ['file'], JSON.stringify(filename))
  }
  const x = { filename: 'x.txt', content: 'x' }
  checkError(await send(other, publicId, [{ filename: 'big.bin', content: Buffer.alloc(MAX + 1) }]), 413, 'TOO_LARGE')
  checkError(await send(other, publicId, [x, x]), 400, 'INVALID')
  checkError(await send(other, publicId, []), 400, 'INVALID')
  for (const id of badIds) checkError(await send(other, id, [x]), 400, 'INVALID')
  checkError(await send(other, 2_147_483_647, [x]), 404, 'NOT_FOUND')
  checkError(await other.post(`${FILES}?channelId=${publicId}`, { file: 'x' }), 415, 'UNSUPPORTED')
  for (const id of badIds.filter((one) => one !== '' && one !== '..%2f1')) {
    const { status } = await other.get(`${FILES}/${id}`)
    assert.ok(status === 400 || status === 404, `${id}: ${status}`)
  }
  await at.world.advance(1_000)
  await until(() => onDisk().length === before.length, 'everything is removed')
  const answers = await Promise.all(Array.from({ length: 12 }, () => send(other, publicId, [x])))
  const taken = answers.filter(({ status }) => status === 201)
  for (const answer of answers.filter(({ status }) => status !== 201)) checkError(answer, 409, 'CONFLICT')
  assert.ok(taken.length >= 1 && taken.length <= 5, `${taken.length} uploads`)
  // What nobody sends goes after a day, and its place is free again.
  await at.world.advance(24 * 60 * 60_000)
  await until(() => onDisk().length === before.length, 'nothing waits for ever')
  assert.equal((await download(other, taken[0]!.body.id)).status, 404)
  const { items } = (await other.get(`${FILES}?channelId=${publicId}`)).body
  assert.ok(items.every((one: Data) => one.messageId !== null))
})

test('what could run in a browser is saved, never shown, whatever its name says', async () => {
  const { other, publicId } = at
  const script = '<!doctype html><script>alert(1)</script>'
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
  const pages = [['cat.png', script], ['a.svg', svg], ['a%22; filename=%22b.html', script]] as const
  for (const [filename, content] of pages) {
    const file = await upload(other, publicId, filename, content)
    const { headers } = await download(other, file.id)
    assert.match(headers.get('content-disposition')!, /^attachment; filename="[^"\\]*"; filename\*=UTF-8''[\w%.!~-]*$/)
    assert.doesNotMatch(headers.get('content-type')!, /html|svg|javascript/)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    await gone(other, file.id)
  }
})

test('who loses the channel while their file comes has uploaded nothing', async () => {
  const { agent, customer, privateId, world } = at
  const files = onDisk()
  const body = multipart([{ filename: 'slow.bin', content: Buffer.alloc(50_000) }])
  const answered = new Promise<number>((resolve, reject) => {
    const sent = request(`${world.url}${FILES}?channelId=${privateId}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${customer.token}`,
        'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
        'content-length': body.length,
      },
    })
    sent.on('error', reject)
    sent.on('response', (response) => resolve(response.resume().statusCode!))
    sent.write(body.subarray(0, 20_000))
    void (async () => {
      await until(() => onDisk().length > files.length, 'something is being written')
      const path = `/api/helpdesk/channels/${privateId}/members/${customer.id}`
      assert.equal((await agent.delete(path)).status, 204)
      sent.end(body.subarray(20_000))
    })().catch(reject)
  })
  assert.equal(await answered, 404)
  await world.advance(1_000)
  await until(() => onDisk().length === files.length, 'it is removed')
  checkLog(world, [at.admin, agent, customer, at.other])
})
