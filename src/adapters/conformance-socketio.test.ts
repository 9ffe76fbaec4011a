import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { PacketSocket } from '../testing/engine-client.ts'
import { socketIoServer, type SocketIoServer } from '../testing/socketio-server.ts'

/** The rules of Socket.IO protocol 5, as a client sees them. */

let server: SocketIoServer

before(async () => {
  server = await socketIoServer({ namespaces: ['/', '/custom'] })
})
after(() => server.close())

const opened = (): Promise<PacketSocket> => PacketSocket.open(server.url)

async function connected(namespace = '/'): Promise<PacketSocket> {
  const socket = await opened()
  await socket.enter(namespace, { token: 'user-1' })
  assert.match(await socket.next(), /hello/)
  return socket
}

const checkConnected = (packet: string, prefix: string): void => {
  assert.ok(packet.startsWith(prefix), packet)
  const answer = JSON.parse(packet.slice(prefix.length)) as { sid: string }
  assert.deepEqual(Object.keys(answer), ['sid'])
  assert.equal(typeof answer.sid, 'string')
}

describe('Socket.IO connect', () => {
  test('the main namespace is entered without and with a payload; the session id is not told again', async () => {
    for (const auth of [undefined, {}, { token: 'user-1' }]) {
      const socket = await PacketSocket.open(server.url)
      const answer = await socket.enter('/', auth)
      checkConnected(answer, '40')
      assert.ok(!answer.includes(socket.opened.sid))
      if (auth && 'token' in auth) assert.equal(await socket.next(), '42["hello",null]')
      socket.ws.terminate()
    }
  })

  test('a custom namespace is entered without and with a payload, with and without a comma', async () => {
    for (const packet of ['40/custom,', '40/custom', '40/custom,{}', '40/custom,{"token":"user-1"}']) {
      const socket = await opened()
      socket.send(packet)
      checkConnected(await socket.next(), '40/custom,')
      if (packet.includes('token')) assert.equal(await socket.next(), '42/custom,["hello",null]')
      socket.ws.terminate()
    }
  })

  test('several namespaces share a session, each with a party of its own', async () => {
    const socket = await opened()
    checkConnected(await socket.enter('/', { token: 'user-1' }), '40')
    assert.equal(await socket.next(), '42["hello",null]')
    checkConnected(await socket.enter('/custom', { token: 'user-2' }), '40/custom,')
    assert.equal(await socket.next(), '42/custom,["hello",null]')
    socket.send('420["echo",{"text":"a"}]', '42/custom,0["echo",{"text":"b"}]')
    assert.equal(await socket.next(), '430["echoed",{"text":"a"}]')
    assert.equal(await socket.next(), '43/custom,0["echoed",{"text":"b"}]')
    const accounts = [...server.toy.hub.connections].flatMap(({ session }) => session?.account.id ?? [])
    assert.deepEqual(accounts.slice(-2), [1, 2])
    socket.ws.terminate()
  })

  test('an unknown namespace is refused by name, and the session stays', async () => {
    const socket = await opened()
    assert.equal(await socket.enter('/random'), '44/random,{"message":"Invalid namespace"}')
    checkConnected(await socket.enter('/custom', { token: 'user-1' }), '40/custom,')
    socket.ws.terminate()
  })

  test('what is no handshake closes the session', async () => {
    for (const packet of ['4abc', '40abc', '40["a"]', '42["echo",{"text":"too early"}]']) {
      const socket = await opened()
      socket.send(packet)
      await socket.closed
      assert.equal(socket.inbox.size, 0)
    }
  })
})

describe('Socket.IO disconnect', () => {
  test('a client leaves a custom namespace and goes on in the main one', async () => {
    const socket = await connected()
    checkConnected(await socket.enter('/custom', { token: 'user-2' }), '40/custom,')
    assert.match(await socket.next(), /hello/)
    socket.send('41/custom,', '42/custom,["echo",{"text":"too late"}]', '425["echo",{"text":"a"}]')
    for (let packet = ''; packet !== '435["echoed",{"text":"a"}]'; packet = await socket.next()) {
      assert.doesNotMatch(packet, /^43\/custom/)
    }
    checkConnected(await socket.enter('/custom', { token: 'user-2' }), '40/custom,')
    socket.ws.terminate()
  })

  test('a client that leaves the main namespace is no connection any more', async () => {
    const socket = await connected()
    const count = server.toy.hub.connections.size
    socket.send('41')
    for (let i = 0; i < 20_000 && server.toy.hub.connections.size === count; i += 1) {
      await new Promise((turn) => setImmediate(turn))
    }
    assert.equal(server.toy.hub.connections.size, count - 1)
    checkConnected(await socket.enter('/', { token: 'user-1' }), '40')
    socket.ws.terminate()
  })

  test('the server tells who may not stay, and closes', async () => {
    const socket = await opened()
    checkConnected(await socket.enter('/', { token: 'nobody' }), '40')
    assert.match(await socket.next(), /^42\["error",\{"kind":"unauthenticated"/)
    assert.equal(await socket.next(), '41')
    assert.equal(await socket.closed, 4401)
  })
})

describe('Socket.IO messages', () => {
  test('events, acknowledgements and their numbers', async () => {
    const socket = await connected()
    socket.send('42["say",{"text":"a"},"more","is",{"overlooked":true}]')
    assert.equal(await socket.next(), '42["said",{"text":"a"}]')
    for (const number of [0, 1, 456, 2 ** 40]) {
      socket.send(`42${number}["echo",{"text":"a"}]`)
      assert.equal(await socket.next(), `43${number}["echoed",{"text":"a"}]`)
    }
    // An acknowledgement also of what has no answer of its own, behind what it caused.
    socket.send('427["wave",{"text":"b"}]')
    const both = [await socket.next(), await socket.next()].toSorted()
    assert.deepEqual(both, ['42["waved",{"text":"b"}]', '437[{"ok":true}]'])
    socket.ws.terminate()
  })

  test('binary attachments are collected, and refused by a face that takes none', async () => {
    const socket = await connected()
    const event = '452-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
    socket.send(event, Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6]), '420["echo",{"text":"a"}]')
    assert.match(await socket.next(), /^42\["error",\{"kind":"invalid"/)
    assert.equal(await socket.next(), '430["echoed",{"text":"a"}]')
    socket.ws.terminate()
  })

  test('what is no event, and an attachment out of place, close the session', async () => {
    const outOfPlace = [['451-["echo"]', '42["echo"]'], [Buffer.from([1])], ['45-["echo"]']]
    for (const packets of [['42{}'], ['42abc["echo"]'], ['42"echo"'], ...outOfPlace]) {
      const socket = await connected()
      socket.send(...packets)
      await socket.closed
      assert.equal(socket.inbox.size, 0)
    }
  })
})
