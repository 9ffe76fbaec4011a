import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import sharp from 'sharp'
import { fileServer, type FileServer } from '../testing/file-server.ts'
import { oneFile, RawClient, send, until, type Answer } from '../testing/multipart-client.ts'

const store = async (server: FileServer, content: string | Uint8Array, name: string): Promise<string> => {
  const { status, body } = await send(server, oneFile(content, name))
  assert.equal(status, 201, JSON.stringify(body))
  return body.id as string
}
const get = (server: FileServer, id: string, method = 'GET'): Promise<Answer> =>
  send(server, Buffer.alloc(0), { path: `/${id}`, method })
const picture = (): Promise<Buffer> =>
  sharp({ create: { width: 7, height: 5, channels: 3, background: '#fff' } }).png().toBuffer()
const ask = (id: string): string => `GET /api/files/${id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a-token\r\n\r\n`

/** Never read, so that what is sent has to wait. */
const deafClient = (server: FileServer, id: string): RawClient => {
  const client = new RawClient(server)
  client.socket.pause()
  return client.write(ask(id))
}

test('a file comes back as it was, under its name, and may do nothing where it is shown', async () => {
  await using server = await fileServer()
  const image = await picture()
  const html = '<script>alert(1)</script>'
  for (const [content, name, type, disposition] of [
    [image, 'ä.png', 'image/png', `inline; filename="_.png"; filename*=UTF-8''%C3%A4.png`],
    [image, 'a.html', 'image/png', `inline; filename="a.html"; filename*=UTF-8''a.html`],
    [html, 'a.png', 'text/plain; charset=utf-8', `attachment; filename="a.png"; filename*=UTF-8''a.png`],
    ['\0', 'x;y.bin', 'application/octet-stream', `attachment; filename="x;y.bin"; filename*=UTF-8''x%3By.bin`],
    ['', 'empty', 'text/plain; charset=utf-8', `attachment; filename="empty"; filename*=UTF-8''empty`],
  ] as const) {
    const id = await store(server, content, name)
    const url = `${server.url}/${id}`
    const response = await fetch(url, { headers: { authorization: 'Bearer a-token' } })
    assert.equal(response.status, 200)
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(content))
    const length = String(Buffer.from(content).length)
    for (const headers of [Object.fromEntries(response.headers), (await get(server, id, 'HEAD')).headers]) {
      assert.deepEqual(
        {
          type: headers['content-type'],
          length: headers['content-length'],
          disposition: headers['content-disposition'],
          sniff: headers['x-content-type-options'],
          policy: headers['content-security-policy'],
          cache: headers['cache-control'],
        },
        {
          type,
          length,
          disposition,
          sniff: 'nosniff',
          policy: "default-src 'none'; sandbox",
          cache: 'private, no-store',
        },
      )
    }
  }
  await until(() => server.opened.every(({ stream }) => stream.destroyed), 'every file is closed')
})

test('what is not there, or not for this caller, is refused as everything else is', async () => {
  await using server = await fileServer()
  const missing = await get(server, 'missing')
  assert.deepEqual([missing.status, missing.body.error.code], [404, 'not_found'])
  const stranger = { path: '/missing', method: 'GET', headers: { authorization: '' } }
  assert.equal((await send(server, Buffer.alloc(0), stranger)).status, 401)
})

test('an open door needs no token, and gets the query as it was sent; what is gone is gone', async () => {
  await using server = await fileServer()
  const id = await store(server, await picture(), 'a.png')
  const query = 'signature=a%2Fb&signature=c&x'
  for (const [authorization, method] of [['', 'GET'], ['Bearer of-nobody', 'GET'], ['', 'HEAD']] as const) {
    const options = { path: `/signed/${id}?${query}`, method, headers: { authorization } }
    const { status, headers } = await send(server, Buffer.alloc(0), options)
    assert.deepEqual([status, headers['cache-control']], [200, 'private, no-store'])
    assert.equal(server.calls.at(-1), `${method} /api/files/signed/${id}?${query} nobody`)
  }
  const { status, body } = await send(server, Buffer.alloc(0), { path: `/signed/nothing?${query}`, method: 'GET' })
  assert.deepEqual([status, body], [410, { error: { code: 'not_found', message: 'This file is gone' } }])
  assert.ok(!server.log.some((line) => line.includes('signature')), 'addresses are not logged')
})

test('a reader that goes away closes the file', async () => {
  await using server = await fileServer()
  const id = await store(server, new Uint8Array(2_900_000), 'large')
  for (let i = 0; i < 5; i++) {
    // Larger than what the system takes on the reader's behalf.
    server.offer({ size: 1e9, stream: endless() })
    const client = deafClient(server, id)
    await until(() => server.opened.length === i + 1, 'the download has begun')
    assert.ok(!server.opened[i]!.stream.destroyed)
    client.socket.destroy()
    await until(() => server.opened[i]!.stream.destroyed, 'the file is closed')
  }
  assert.equal((await get(server, id)).status, 200)
  assert.deepEqual(server.log, [])
})

test('downloads leave no file open', { skip: process.platform !== 'linux' }, async () => {
  await using server = await fileServer()
  const id = await store(server, new Uint8Array(2_900_000), 'large')
  const count = async (): Promise<number> => (await readdir('/proc/self/fd')).length
  const before = await count()
  const clients = Array.from({ length: 20 }, () => deafClient(server, id))
  await until(() => server.opened.length === 20, 'all have begun')
  for (const client of clients) client.socket.destroy()
  await until(async () => (await count()) <= before, 'all handles are closed')
})

test('a disk that fails is an error before the first byte, and a broken connection after it', async () => {
  await using server = await fileServer()
  server.offer({ size: 10, stream: failingStream() })
  const early = await get(server, 'x')
  assert.deepEqual([early.status, early.body.error.code], [500, 'internal_error'])
  assert.match(early.headers['content-type']!, /json/)
  assert.equal(early.headers['content-disposition'], undefined)
  server.offer({ size: 10, stream: failingStream(Buffer.from('12345')) })
  await assert.rejects(get(server, 'x'), /aborted|hang up|ECONNRESET/)
  assert.equal(server.log.length, 2)
})

test('a file that is not as long as it was breaks the connection, and is logged', async () => {
  await using server = await fileServer()
  for (const content of ['12345', '12345678901']) {
    server.offer({ size: 10, stream: Readable.from([...content].map((byte) => Buffer.from(byte))) })
    const client = new RawClient(server).write(ask('x'))
    await until(() => client.isClosed, 'the connection is closed')
    assert.ok(client.text.endsWith(`\r\n\r\n${content.slice(0, 10)}`), client.text)
  }
  const logged = server.log.map((line) => (JSON.parse(line) as { err: { message: string } }).err.message)
  assert.deepEqual(logged, ['A file is shorter than it was', 'A file is longer than it was'])
})

test('a reader that does not read is cut off, a slow one is not', async () => {
  await using server = await fileServer()
  const stream = new PassThrough()
  server.offer({ size: 1e9, stream })
  const slow = new RawClient(server).write(ask('x'))
  await until(() => server.opened.length === 1, 'the download has begun')
  const deaf = endless()
  server.offer({ size: 1e12, stream: deaf })
  const deafSocket = deafClient(server, 'x')
  await until(() => server.opened.length === 2, 'the other has begun')
  // What the system has taken for the deaf one counts as read: a few megabytes.
  await until(async () => {
    stream.write(Buffer.alloc(100_000))
    await new Promise((resolve) => setTimeout(resolve, 1))
    server.clock.advance(5_000)
    return deaf.destroyed
  }, 'the deaf one is cut off')
  assert.ok(!slow.isClosed && !stream.destroyed)
  deafSocket.socket.destroy()
  slow.socket.destroy()
})

test('a server that stops does not wait for downloads', async () => {
  const server = await fileServer()
  server.offer({ size: 1e12, stream: endless() })
  const client = deafClient(server, 'x')
  await until(() => server.opened.length === 1, 'the download has begun')
  await server.close()
  await until(() => server.opened[0]!.stream.destroyed, 'the file is closed')
  client.socket.destroy()
})

test('the documents show uploads as forms with a file and downloads as bytes', async () => {
  await using server = await fileServer()
  const documents = await fetch(`http://127.0.0.1:${server.port}/api/openapi.json`)
  const { paths } = (await documents.json()) as { paths: Record<string, Record<'get' | 'post', Documented>> }
  const { post } = paths['/api/files/']!
  assert.deepEqual(post.requestBody, {
    required: true,
    content: {
      'multipart/form-data': {
        schema: {
          type: 'object',
          properties: { file: { type: 'string', format: 'binary', description: 'One file of at most 3000000 bytes' } },
          required: ['file'],
        },
      },
    },
  })
  assert.deepEqual(Object.keys(post.responses), ['201'])
  const binary = { schema: { type: 'string', format: 'binary' } }
  assert.deepEqual(paths['/api/files/{id}']!.get.responses, {
    200: { description: 'The file', content: { 'application/octet-stream': binary } },
  })
})

interface Documented {
  readonly requestBody: unknown
  readonly responses: Readonly<Record<string, unknown>>
}

const endless = (): Readable =>
  new Readable({
    read() {
      this.push(Buffer.alloc(65_536))
    },
  })

const failingStream = (...chunks: readonly Buffer[]): Readable =>
  Readable.from(
    (async function* () {
      yield* chunks
      await new Promise((resolve) => setTimeout(resolve, 20))
      throw new Error('EIO')
    })(),
  )
