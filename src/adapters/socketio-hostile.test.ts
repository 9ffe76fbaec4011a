import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PacketSocket, PollingSession } from '../testing/engine-client.ts'
import { seeded } from '../testing/random.ts'
import { socketIoServer, type SocketIoServer } from '../testing/socketio-server.ts'

let server: SocketIoServer

before(async () => {
  server = await socketIoServer()
})
after(async () => {
  assert.deepEqual(server.toy.errors, [])
  await server.close()
})

async function opened(): Promise<PacketSocket> {
  const socket = await PacketSocket.open(server.url)
  assert.match(await socket.enter('/toys', { token: 'user-1' }), /^40\/toys,/)
  assert.match(await socket.next(), /hello/)
  return socket
}

async function gone(): Promise<void> {
  for (let i = 0; i < 20_000 && server.toy.hub.connections.size + server.addresses.size > 0; i += 1) {
    await new Promise((turn) => setImmediate(turn))
  }
  assert.equal(server.toy.hub.connections.size, 0)
  assert.equal(server.addresses.size, 0)
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
const echo = '["echo",{"text":"still here"}]'

test('an event that cannot be understood is answered with the face\'s error, and the connection stays', async () => {
  const socket = await opened()
  const events = [
    `["echo",${nested(20_000)}]`, `[${nested(20_000)}]`, '[]', '[1]', '[null]', '["nothing",{}]', '["echo"]',
    '["echo",null]',
    '["echo",{"text":1}]', '["__proto__",{}]', '["constructor",{}]', '["toString"]', '["connect",{}]',
    '["disconnect",{}]',
    '["error",{}]', '[a]', '["echo",{"text":"x"]', '["echo",]', '[\ud800]', `["${'x'.repeat(10_000)}",{}]`,
    `["echo",{"text":"${'x'.repeat(10_000)}"}]`,
    `["echo",{${Array.from({ length: 12_000 }, (_, n) => `"${n}":1`).join()}}]`.slice(0, 30_000) + '}]',
  ]
  for (const event of events) {
    socket.send(`42/toys,${event}`)
    assert.match(await socket.next(), /^42\/toys,\["error",/, event.slice(0, 60))
    socket.send(`42/toys,7${event}`)
    assert.match(await socket.next(), /^42\/toys,\["error",/)
    assert.equal(await socket.next(), '43/toys,7[{"ok":false}]')
  }
  socket.send('42/toys,0["echo",{"text":"a","__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}}}]')
  assert.equal(await socket.next(), '43/toys,0["echoed",{"text":"a"}]')
  socket.send('42/toys,9007199254740991' + echo, '42/toys,007' + echo)
  assert.match(await socket.next(), /^43\/toys,9007199254740991\[/)
  assert.match(await socket.next(), /^43\/toys,7\[/)
  // Attachments are counted and thrown away; answers to what we never asked are overlooked.
  const first = '{"_placeholder":true,"num":0}'
  socket.send(`452-/toys,1["echo",${first},{"_placeholder":true,"num":1}]`, Buffer.from([1]), Buffer.alloc(0))
  assert.match(await socket.next(), /^42\/toys,\["error",/)
  assert.equal(await socket.next(), '43/toys,1[{"ok":false}]')
  socket.send('43/toys,12[]', '43', '43/nowhere,5["x"]', `461-/toys,3[${first}]`, Buffer.from([1]))
  socket.send(`42/toys,1${echo}`)
  assert.equal(await socket.next(), '43/toys,1["echoed",{"text":"still here"}]')
  socket.send('40/nowhere,', '40/__proto__,', '40/toys2,{}', '40')
  for (let n = 0; n < 4; n += 1) assert.match(await socket.next(), /^44.*\{"message":"Invalid namespace"\}$/)
  socket.send(`42/toys,1${echo}`)
  assert.equal(await socket.next(), '43/toys,1["echoed",{"text":"still here"}]')
  socket.ws.terminate()
  await gone()
})

test('what breaks the protocol closes the session, and nothing else', async () => {
  const witness = await opened()
  const broken: readonly (readonly (string | Buffer)[])[] = [
    ['4'], ['42'], ['42['], ['42{}'], ['42/toys,{}'], ['42/toys,abc["echo",{}]'], ['42/toys,["echo"'],
    ['42["echo",{}]'], ['42/nowhere,["echo"]'],
    ['4299999999999999999999' + echo], [`42/toys,${'9'.repeat(400)}${echo}`], ['45'], ['451'], ['451-'],
    ['451-["a"'], ['450-["a"]'],
    ['4511-/toys,["a"]'], ['45-/toys,["a"]'], ['45x-/toys,["a"]'], ['451-/toys,["a"]', '42/toys,["echo",{}]'],
    ['451-/nowhere,["a"]'], ['461-["a"', ''],
    [Buffer.from([1, 2])], ['44'], ['44/toys,{"message":"x"}'], ['47'], ['4a'], ['4-1'], ['40/toys,'],
    ['40/toys,', '40/toys,'],
    [`40/${'n'.repeat(5_000)},`], ['40[]'], ['40null'], ['40"x"'], ['401'.padEnd(20, '9') + '['],
    ['40/more,{"a":'], [`40/more,${nested(20_000)}`],
    [`40/more,{"a":${nested(20_000)}}`], ['41'], ['41/nowhere,'], ['41/toys,{}'], ['2'], ['2probe'], ['x'],
    ['9'], [''],
    Array.from({ length: 200 }, () => '40/nowhere,'),
  ]
  for (const packets of broken) {
    const socket = await opened()
    socket.send(...packets)
    await socket.closed
    let answers = 0
    while (socket.inbox.size > 0) {
      answers += 1
      assert.doesNotMatch(await socket.next(), /^43/)
    }
    assert.ok(answers <= 100, String(packets[0]))
  }
  witness.send(`42/toys,1${echo}`)
  assert.equal(await witness.next(), '43/toys,1["echoed",{"text":"still here"}]')
  witness.ws.terminate()
  await gone()
})

test('a namespace is entered once, however fast one asks', async () => {
  const session = await PollingSession.open(server.url)
  const enter = '40/toys,{"token":"user-1"}'
  assert.equal(await session.post(enter, enter, enter), 200)
  const answers = await session.poll()
  assert.match(answers[0]!, /^40\/toys,/)
  for (let n = 0; n < 50 && server.toy.hub.connections.size > 1; n += 1) await new Promise((turn) => setImmediate(turn))
  assert.equal(server.toy.hub.connections.size, 1)
  // Left and entered again, as often as a page likes.
  for (let n = 0; n < 5; n += 1) {
    await session.post('41/toys,')
    await session.post(enter)
    for (let packet = ''; !packet.includes('hello'); packet = await session.next());
  }
  assert.equal(server.toy.hub.connections.size, 1)
  await session.post('1')
  await gone()
})

test('a payload over the limit is refused as the engine does, on either transport', async () => {
  const { maxBytes } = server.socketIo
  assert.equal(maxBytes, 16 * 4_096)
  const socket = await opened()
  assert.equal((await PacketSocket.open(server.url)).opened.maxPayload, maxBytes)
  socket.send(`42/toys,["echo",{"text":"${'x'.repeat(maxBytes)}"}]`)
  assert.equal(await socket.closed, 1009)
  const session = await PollingSession.open(server.url)
  assert.equal(await session.post(`42/toys,["echo",{"text":"${'x'.repeat(maxBytes)}"}]`), 413)
  await session.post('1')
})

test('whatever comes, in whatever order, nothing fails but the session it came on', async (t) => {
  const random = seeded()
  t.diagnostic(`seed ${random.seed}`)
  const pieces = [
    '0', '1', '2', '3', '4', '5', '6', '40', '41', '42', '43', '44', '45', '46', '451-', '/toys', '/toys,', ',',
    '?', '12', '-', '[', ']', '{', '}',
    '"echo"', ':', '"', '\\', '\x1e', 'b', 'bAQID', 'probe', '\u0000', '👍', '{"token":"user-1"}', echo,
    '["crash"]', '__proto__', ' ',
  ]
  for (let round = 0; round < 60; round += 1) {
    const socket = random.next() < 0.8 ? await opened() : await PacketSocket.open(server.url)
    const session = await PollingSession.open(server.url)
    for (let n = 0; n < 12; n += 1) {
      const packet = Array.from({ length: 1 + random.int(5) }, () => random.pick(pieces)).join('')
      if (socket.ws.readyState === socket.ws.OPEN) socket.send(random.next() < 0.1 ? Buffer.from(packet) : packet)
      if (n < 3) await session.post(packet)
    }
    socket.ws.close()
  }
  const socket = await opened()
  socket.send(`42/toys,1${echo}`)
  assert.equal(await socket.next(), '43/toys,1["echoed",{"text":"still here"}]')
  socket.ws.terminate()
})
