import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { test } from 'node:test'
import fc from 'fast-check'
import sharp from 'sharp'
import { fileServer, MAX_BYTES, type FileServer } from '../testing/file-server.ts'
import { BOUNDARY, multipart, oneFile, RawClient, send, until, type Part } from '../testing/multipart-client.ts'
import { seeded } from '../testing/random.ts'

const nothingKept = (server: FileServer): Promise<void> =>
  until(async () => (await server.kept()).length === 0, 'nothing is kept')

test('a file is stored as it is, its type found in its bytes, its name as the client wrote it', async () => {
  await using server = await fileServer()
  const png = await sharp({ create: { width: 7, height: 5, channels: 3, background: '#fff' } }).png().toBuffer()
  for (const chunked of [false, true]) {
    const answer = await send(server, oneFile(png, 'Zażółć "%22" 🦊.html'.replaceAll('"', '\\"')), { chunked })
    const { id, ...rest } = answer.body
    assert.equal(answer.status, 201, JSON.stringify(answer.body))
    assert.deepEqual(rest, {
      name: 'Zażółć "%22" 🦊.html',
      size: png.length,
      mimeType: 'image/png',
      width: 7,
      height: 5,
    })
    assert.ok((await server.kept()).includes(id))
  }
})

test('browsers and their FormData are understood, small fields beside the file as well', async () => {
  await using server = await fileServer()
  const form = new FormData()
  form.append('caption', 'hello')
  form.append('file', new Blob(['content'], { type: 'text/html' }), 'ä.txt')
  form.append('after', 'the file')
  const headers = { authorization: 'Bearer a-token' }
  const response = await fetch(server.url, { method: 'POST', headers, body: form })
  assert.equal(response.status, 201)
  const { name, size, mimeType } = (await response.json()) as { name: string; size: number; mimeType: string }
  assert.deepEqual({ name, size, mimeType }, { name: 'ä.txt', size: 7, mimeType: 'text/plain' })
})

test('a file name reaches the check unaltered, and is refused there', async () => {
  await using server = await fileServer()
  const paths = ['../../etc/passwd', 'dir/a.txt', 'C:\\fakepath\\a.txt', 'a\\\\b', '/', '..']
  for (const filename of [...paths, '', 'a\0b', 'a\u202eb', 'nul.txt', 'x'.repeat(256)]) {
    const { status, body } = await send(server, oneFile('content', filename))
    assert.equal(status, 400, JSON.stringify(filename))
    assert.match(body.error.details.file, /name/, JSON.stringify(filename))
  }
  const latin = Buffer.from(oneFile('content', 'caf?.txt'))
  latin[latin.indexOf('?')] = 0xe9
  assert.equal((await send(server, latin)).status, 400)
  for (const disposition of [
    'form-data; name="file"; filename="a"; filename="../b"',
    "form-data; name=\"file\"; filename*=UTF-8''..%2Fb",
    'form-data; name="file"; filename="a"; filename*=UTF-8\'\'..%2Fb',
  ]) {
    const { status, body } = await send(server, multipart([{ disposition, content: 'x' }]))
    // Whichever of two names is taken is the one that is checked.
    assert.ok(status === 400 || body.name === 'a', `${disposition}: ${JSON.stringify(body)}`)
  }
})

const file = (name: string, content: string): Part => ({ name, filename: 'a.txt', content })
const fields = (count: number, content = 'x'): Part[] =>
  Array.from({ length: count }, (_, i) => ({ name: `field${i}`, content }))

test('anything but one file in the part named file is refused, says why and leaves nothing', async () => {
  await using server = await fileServer()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const large = 'y'.repeat(200_000)
  const attachment = 'attachment; name="file"; filename="a"'
  const cutHead = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"`
  const otherBoundary = Buffer.from(oneFile('x').toString().replaceAll(BOUNDARY, 'other'))
  const refused: readonly [string, Buffer, RegExp][] = [
    ['no part', multipart([]), /file: is required/],
    ['only fields', multipart(fields(2)), /file: is required/],
    ['file as a field', multipart([{ name: 'file', content: 'x' }]), /file: is required/],
    ['a part without names', multipart([{ disposition: 'form-data', content: 'x' }]), /file: is required/],
    ['an attachment', multipart([{ disposition: attachment, content: 'x' }]), /file: is required/],
    ['another name', multipart([file('photo', 'x')]), /part named file/],
    ['another name, large', multipart([file('photo', large)]), /part named file/],
    ['two files', multipart([file('file', 'x'), file('file', 'y')]), /only file/],
    ['two large files', multipart([file('file', large), file('file', large)]), /only file/],
    ['another file after it', multipart([file('file', large), file('photo', 'x')]), /only file/],
    ['nine fields', multipart([...fields(9), file('file', 'x')]), /8 fields of 1024 bytes/],
    ['nine fields after it', multipart([file('file', large), ...fields(9)]), /8 fields of 1024 bytes/],
    ['a large field', multipart([...fields(1, 'x'.repeat(1_025)), file('file', 'x')]), /8 fields of 1024 bytes/],
    ['nothing', Buffer.alloc(0), /body: is not well-formed/],
    ['noise', Buffer.from(large), /body: is not well-formed/],
    ['another boundary', otherBoundary, /body: is not well-formed/],
    ['no end', multipart([file('file', large)], ''), /body: is not well-formed/],
    ['half an end', multipart([file('file', large)], `--${BOUNDARY}`), /body: is not well-formed/],
    ['an end cut short', multipart([file('file', large)], `--${BOUNDARY}-`), /body: is not well-formed/],
    ['a head without an end', Buffer.from(cutHead), /body: is not well-formed/],
  ]
  for (const [what, body, details] of refused) {
    for (const chunked of [false, true]) {
      const answer = await send(server, body, { agent, chunked })
      assert.equal(answer.status, 400, `${what}: ${JSON.stringify(answer.body)}`)
      assert.equal(answer.body.error.code, 'invalid_data', what)
      const [name, advice] = Object.entries(answer.body.error.details as Record<string, string>)[0]!
      assert.match(`${name}: ${advice}`, details, what)
    }
  }
  await nothingKept(server)
  // The connection is as good as new: nothing of a refused body was taken for a request.
  assert.equal((await send(server, oneFile('x'), { agent })).status, 201)
  assert.equal(server.connections(), 1)
  assert.ok(server.log.every((line) => !line.includes('request failed')), server.log.join(''))
  agent.destroy()
})

test('a body of another kind is not an upload, an upload is no body of another kind', async () => {
  await using server = await fileServer()
  const others = ['multipart/mixed; boundary=x', 'multipart/form-data-x; boundary=x', 'nonsense', '*/*']
  for (const type of ['application/json', ...others]) {
    const { status, body } = await send(server, oneFile('x'), { headers: { 'content-type': type } })
    assert.equal(status, 415, type)
    assert.equal(body.error.code, 'unsupported_media_type', type)
  }
  assert.equal((await fetch(server.url, { method: 'POST', headers: { authorization: 'Bearer a-token' } })).status, 415)
  for (const path of ['/note', '/note?x=1']) assert.equal((await send(server, oneFile('x'), { path })).status, 415)
  const json = { 'content-type': 'application/json' }
  assert.equal((await send(server, Buffer.from('{"text":"x"}'), { path: '/note', headers: json })).status, 204)
  const long = Buffer.from(JSON.stringify({ text: 'x'.repeat(3_000) }))
  assert.equal((await send(server, long, { path: '/note', headers: json })).status, 413)
  assert.deepEqual(server.calls, ['note'])
})

test('a boundary that two readers might read in two ways is refused before anything is read', async () => {
  await using server = await fileServer()
  const sent = async (parameters: string): Promise<number> => {
    const headers = { 'content-type': `multipart/form-data${parameters}` }
    return (await send(server, oneFile('x'), { headers })).status
  }
  for (const good of [
    `; boundary=${BOUNDARY}`,
    `;boundary="${BOUNDARY}"`,
    `; BOUNDARY=${BOUNDARY}; charset=utf-8`,
    ` ; charset=utf-8 ; boundary=${BOUNDARY} `,
  ]) {
    assert.equal(await sent(good), 201, good)
  }
  for (const bad of [
    '',
    ';',
    '; boundary',
    '; boundary=',
    '; boundary=""',
    '; boundary=" "',
    `; boundary="${BOUNDARY} "`,
    `; boundary=${'x'.repeat(71)}`,
    `; boundary=${BOUNDARY}; boundary=other`,
    `; boundary=other; boundary=${BOUNDARY}`,
    `; boundary="${BOUNDARY}`,
    `; boundary=${BOUNDARY}"`,
    `; boundary=${BOUNDARY} x`,
    `; boundary="${BOUNDARY}\\""`,
    `; boundary=${BOUNDARY}\u00e9`,
    `, multipart/form-data; boundary=${BOUNDARY}`,
  ]) {
    const status = await sent(bad)
    assert.ok(status === 400 || status === 415, `${bad}: ${status}`)
  }
  assert.equal(server.calls.length, 4)
})

test('what stands behind the end of a body is no second body, and a body has one length', async () => {
  await using server = await fileServer()
  const hidden = `GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`
  const { status } = await send(server, Buffer.concat([oneFile('x'), Buffer.from(hidden)]))
  assert.equal(status, 201)
  const body = oneFile('x').toString()
  const start = 'POST /api/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a-token\r\n'
  const type = `Content-Type: multipart/form-data; boundary=${BOUNDARY}\r\n`
  for (const lengths of [
    `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n`,
    `Content-Length: ${body.length}\r\nContent-Length: ${body.length + 5}\r\n`,
    'Transfer-Encoding: chunked, identity\r\n',
    'Content-Length: +5\r\n',
  ]) {
    const client = new RawClient(server).write(`${start}${lengths}${type}\r\n${body}${hidden}`)
    await until(() => client.isClosed, 'the connection is closed')
    assert.match(client.text, /^HTTP\/1\.1 400 /, lengths)
    assert.equal(client.text.match(/HTTP\/1\.1/g)?.length, 1, lengths)
  }
  assert.equal((await server.kept()).length, 1)
})

test('exactly the limit is taken, one byte more is not, whether its length was told or not', async () => {
  await using server = await fileServer()
  for (const chunked of [false, true]) {
    assert.equal((await send(server, oneFile(new Uint8Array(MAX_BYTES)), { chunked })).status, 201)
    for (const more of [1, 100_000, 2_000_000]) {
      const { status, body } = await send(server, oneFile(new Uint8Array(MAX_BYTES + more)), { chunked })
      assert.equal(status, 413)
      assert.equal(body.error.code, 'file_too_large')
      assert.match(body.error.message, /3000000 bytes/)
    }
    const preamble = Buffer.concat([Buffer.alloc(MAX_BYTES + 70_000), Buffer.from('\r\n'), oneFile('x')])
    assert.equal((await send(server, preamble, { chunked })).status, 413)
  }
  assert.equal((await server.kept()).length, 2)
})

test('who may not, is too fast or says that it is too much is answered before the body is read', async () => {
  await using server = await fileServer({ writes: 2 })
  const answers = async (status: number, client: RawClient): Promise<void> => {
    await until(() => client.text.startsWith(`HTTP/1.1 ${status} `), `${status} is answered`)
    client.socket.destroy()
  }
  await answers(401, new RawClient(server).head(1_000_000, { authorization: 'Bearer wrong' }))
  await answers(401, new RawClient(server).head('chunked', { authorization: '' }).write('5\r\nhello\r\n'))
  await answers(413, new RawClient(server).head(MAX_BYTES + 100_000))
  const begun = oneFile('x'.repeat(9)).subarray(0, 120)
  await answers(403, new RawClient(server).head(1_000_000, { path: '/forbidden' }).write(begun))
  await answers(429, new RawClient(server).head(1_000_000))
  assert.deepEqual(server.calls, [])
})

test('a route that does not want the file any more has answered, and the connection goes on', async () => {
  await using server = await fileServer()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (const size of [10, 200_000, 2_900_000]) {
    const { status, body } = await send(server, oneFile(new Uint8Array(size)), { path: '/forbidden', agent })
    assert.deepEqual([status, body.error.code], [403, 'forbidden'])
  }
  assert.equal((await send(server, oneFile('x'), { agent })).status, 201)
  assert.equal(server.connections(), 1)
  agent.destroy()
})

test('a client that goes away leaves nothing, wherever it stopped', async () => {
  await using server = await fileServer()
  const body = oneFile(new Uint8Array(500_000))
  for (const part of [0, 20, 150, 300_000, body.length - 3]) {
    const client = new RawClient(server).head(body.length).write(body.subarray(0, part))
    if (part > 200) await until(async () => (await server.kept()).length > 0, 'it is being written')
    client.socket.destroy()
    await nothingKept(server)
  }
  // It has sent everything, and goes before anybody reads it.
  const gone = new RawClient(server).head(body.length, { path: '/late' }).write(body.subarray(0, 50_000))
  await until(() => server.calls.includes('late'), 'the route runs')
  gone.write(body.subarray(50_000))
  await new Promise((resolve) => setTimeout(resolve, 50))
  gone.socket.destroy()
  await nothingKept(server)
  assert.ok(server.log.every((line) => !line.includes('request failed')), server.log.join(''))
})

test('an upload may take as long as its line needs, one that stalls is cut off', async () => {
  await using server = await fileServer()
  const body = oneFile(new Uint8Array(2_000_000))
  const slow = new RawClient(server).head(body.length)
  const stalled = new RawClient(server).head(body.length).write(body.subarray(0, 10_000))
  const note = 'POST /api/files/note HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a-token\r\n'
  const json = new RawClient(server).write(`${note}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`)
  const unread = new RawClient(server).head('chunked', { authorization: '' }).write('1\r\nx\r\n')
  await until(async () => (await server.kept()).length === 1 && unread.text !== '', 'they have begun')
  // 20 kB a second, a little more than is asked for: a hundred seconds.
  for (let sent = 0; sent < body.length; sent += 100_000) {
    slow.write(body.subarray(sent, sent + 100_000))
    await until(() => slow.socket.bytesWritten >= sent && slow.socket.writableLength === 0, 'it is sent')
    await new Promise((resolve) => setTimeout(resolve, 10))
    for (let second = 0; second < 5; second++) server.clock.advance(1_000)
  }
  await until(() => slow.text.startsWith('HTTP/1.1 201 '), 'the slow one is stored')
  await until(() => stalled.isClosed && json.isClosed && unread.isClosed, 'the others are cut off')
  await until(async () => (await server.kept()).length === 1, 'only the whole file is kept')
})

test('who was refused may finish what was begun, and is cut off past that', async () => {
  await using server = await fileServer()
  const chunk = `100000\r\n${'x'.repeat(0x10_0000)}\r\n`
  const client = new RawClient(server).head('chunked', { authorization: '' }).write(chunk)
  await until(() => client.text.startsWith('HTTP/1.1 401 '), 'it is refused')
  server.clock.advance(1_000)
  client.write(`5\r\nhello\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`)
  await until(() => client.text.includes('{"status":"ok"}'), 'the next request is answered')
  const flood = new RawClient(server).head('chunked', { authorization: '' })
  for (let i = 0; i < 5; i++) flood.write(chunk)
  // Long before it would be too slow.
  await until(() => (server.clock.advance(200), flood.isClosed), 'it is cut off')
  client.socket.destroy()
})

test('a server that stops does not wait for uploads', async () => {
  const server = await fileServer()
  const client = new RawClient(server).head(1_000_000).write(oneFile(new Uint8Array(100_000)))
  await until(async () => (await server.kept()).length > 0, 'it is being written')
  await server.close()
  await until(() => client.isClosed, 'the connection is closed')
})

test('two hundred uploads at once are not held in memory', async () => {
  await using server = await fileServer()
  const body = oneFile(Buffer.alloc(2_000_000, 'x'))
  let most = 0
  const base = process.memoryUsage().rss
  const watching = setInterval(() => (most = Math.max(most, process.memoryUsage().rss - base)), 5)
  const agent = new Agent({ maxSockets: 200 })
  const answers = await Promise.all(Array.from({ length: 200 }, () => send(server, body, { agent })))
  clearInterval(watching)
  assert.ok(answers.every(({ status }) => status === 201))
  assert.equal((await server.kept()).length, 200)
  // 400 MB went through; what the clients in this process hold of it counts here as well.
  assert.ok(most < 250_000_000, `${most} bytes`)
})

test('no body hangs or stores anything but what it was answered for: bytes changed, cut and repeated', async () => {
  await using server = await fileServer()
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  const whole = multipart([...fields(1), file('file', 'content\r\n--xX'), ...fields(1)])
  const inserted = fc.constantFrom('\r\n', '--', `--${BOUNDARY}`, '"', '\0', ';', ':', '')
  const edit = fc.tuple(fc.nat(whole.length), fc.nat(12), inserted)
  let stored = 0
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { maxLength: 4 }), fc.boolean(), async (edits, chunked) => {
      let body = whole.toString()
      for (const [at, cut, insert] of edits) body = body.slice(0, at) + insert + body.slice(at + cut)
      const { status } = await send(server, Buffer.from(body), { agent, chunked })
      assert.ok(status === 201 || status === 400, `${status}: ${JSON.stringify(body)}`)
      if (status === 201) stored += 1
    }),
    { seed: seeded().seed, numRuns: 200 },
  )
  assert.ok(stored > 0)
  assert.equal((await server.kept()).length, stored)
  assert.ok(server.log.every((line) => !line.includes('request failed')), server.log.join(''))
  agent.destroy()
})
