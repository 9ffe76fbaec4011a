import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { io, type Socket } from 'socket.io-client'
import { PacketSocket, PollingSession } from '../testing/engine-client.ts'
import { socketIoServer, type SocketIoServer } from '../testing/socketio-server.ts'

const io2 = createRequire(import.meta.url)('socket.io-client-2') as (url: string, options: object) => Socket

let server: SocketIoServer

before(async () => {
  server = await socketIoServer({ parts: { face: { binary: true } }, namespaces: ['/toys', '/more'] })
})
after(async () => {
  assert.deepEqual(server.toy.errors, [])
  await server.close()
  for (const [name, size] of Object.entries(server.toy.hub.leftovers)) assert.equal(size, 0, name)
})

const first = '{"_placeholder":true,"num":0}'
const echo = '["echo",{"text":"still here"}]'

async function opened(namespace = '/toys', account = 1): Promise<PacketSocket> {
  const socket = await PacketSocket.open(server.url)
  await socket.enter(namespace, { token: `user-${account}` })
  assert.match(await socket.next(), /hello/)
  return socket
}

async function gone(): Promise<void> {
  for (let i = 0; i < 20_000 && server.toy.hub.connections.size > 0; i += 1) {
    await new Promise((turn) => setImmediate(turn))
  }
  assert.equal(server.toy.hub.connections.size, 0)
}

const heard = (socket: Socket, event: string): Promise<unknown> =>
  new Promise((resolve) => socket.once(event, (data: unknown) => resolve(data)))

test('stock clients of both versions send and get bytes on both transports, acknowledged', async () => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, n) => n))
  const witness = await opened('/more', 9)
  for (const version of [4, 2]) {
    for (const transport of ['websocket', 'polling']) {
      const options = { transports: [transport], forceNew: true, reconnection: false }
      const token = { token: 'user-1' }
      const socket = version === 4
        ? io(`${server.url}/toys`, { ...options, auth: token })
        : io2(`${server.url}/toys`, { ...options, query: token })
      await heard(socket, 'hello')
      for (const data of [all, Buffer.alloc(0), Buffer.alloc(1_024, 7)]) {
        const back = heard(socket, 'bytes')
        const acknowledged = await new Promise((resolve) => socket.emit('bytes', { data }, resolve))
        assert.deepEqual(acknowledged, { size: data.length }, `version ${version}, ${transport}`)
        assert.deepEqual(await back, { data, name: 'back' }, `version ${version}, ${transport}`)
      }
      // To everybody but its sender, in each one's namespace.
      socket.emit('cast', { data: all })
      assert.equal(await witness.next(), `451-/more,["cast",{"data":${first}}]`)
      assert.equal(await witness.next(), `binary ${all.toString('hex')}`)
      witness.send(`451-/more,["cast",{"data":${first}}]`, Buffer.from([1, 2]))
      assert.deepEqual(await heard(socket, 'cast'), { data: Buffer.from([1, 2]) })
      socket.disconnect()
    }
  }
  witness.ws.terminate()
  await gone()
})

test('bytes and texts keep their order, on either transport', async () => {
  const packets = (n: number): [string, Buffer, string] => [
    `451-/toys,${2 * n}["bytes",{"data":${first}}]`,
    Buffer.from([n]),
    `42/toys,${2 * n + 1}${echo}`,
  ]
  const socket = await opened()
  for (let n = 0; n < 20; n += 1) socket.send(...packets(n))
  for (let n = 0; n < 20; n += 1) {
    assert.equal(await socket.next(), `451-/toys,["bytes",{"data":${first},"name":"back"}]`)
    assert.equal(await socket.next(), `binary ${Buffer.from([n]).toString('hex')}`)
    assert.equal(await socket.next(), `43/toys,${2 * n}[{"size":1}]`)
    assert.equal(await socket.next(), `43/toys,${2 * n + 1}["echoed",{"text":"still here"}]`)
  }
  socket.ws.terminate()
  const polling = await PollingSession.open(server.url)
  await polling.enter('/toys', { token: 'user-1' })
  assert.match(await polling.next(), /hello/)
  const [event, bytes, text] = packets(3)
  await polling.post(event, `b${bytes.toString('base64')}`, text)
  assert.equal(await polling.next(), `451-/toys,["bytes",{"data":${first},"name":"back"}]`)
  assert.equal(await polling.next(), 'bAw==')
  assert.equal(await polling.next(), '43/toys,6[{"size":1}]')
  assert.match(await polling.next(), /^43\/toys,7/)
  await polling.post('1')
  await gone()
})

test('attachments that are not what their event says are one error, and the connection stays', async () => {
  const socket = await opened()
  const place = (num: unknown): string => JSON.stringify({ _placeholder: true, num })
  const one = Buffer.from([1])
  const bad: readonly (readonly [event: string, parts: readonly Buffer[], kind: string])[] = [
    [`["bytes",{"data":${place(1)}}]`, [one], 'invalid'],
    [`["bytes",{"data":${place(-1)}}]`, [one], 'invalid'],
    [`["bytes",{"data":${place(0.5)}}]`, [one], 'invalid'],
    [`["bytes",{"data":${place('0')}}]`, [one], 'invalid'],
    [`["bytes",{"data":{"_placeholder":true}}]`, [one], 'invalid'],
    [`["bytes",{"data":{"_placeholder":false,"num":0}}]`, [one, one], 'invalid'],
    [`["bytes",{"data":${first},"more":${first}}]`, [one], 'invalid'],
    [`["bytes",{"data":${first}}]`, [one, one], 'invalid'],
    ['["bytes",{"data":"AQ=="}]', [one], 'invalid'],
    [`["bytes",${first}]`, [one], 'invalid'],
    [`["echo",{"text":${first}}]`, [one], 'invalid'],
    [`["echo",${first}]`, [one], 'invalid'],
    [`[${first}]`, [one], 'invalid'],
    [`["bytes",{"data":${'['.repeat(40)}${first}${']'.repeat(40)}}]`, [one], 'invalid'],
    [`["bytes",{"data":${first}}]`, [Buffer.alloc(1_025)], 'invalid'],
    [`["bytes",{"data":${first}}]`, [Buffer.alloc(4_097)], 'too_large'],
    [`["bytes",{"data":${place(1)}}]`, [Buffer.alloc(3_000), Buffer.alloc(3_000)], 'too_large'],
    [`["bytes",{"data":${first}}]`, Array.from({ length: 11 }, () => one), 'invalid'],
  ]
  for (const [event, parts, kind] of bad) {
    socket.send(`45${parts.length}-/toys,7${event}`, ...parts)
    assert.match(await socket.next(), new RegExp(`^42/toys,\\["error",\\{"kind":"${kind}"`), event)
    assert.equal(await socket.next(), '43/toys,7[{"ok":false}]', event)
  }
  // Not a binary event: a placeholder is an object like any other.
  socket.send(`42/toys,["bytes",{"data":${first}}]`)
  assert.match(await socket.next(), /^42\/toys,\["error",\{"kind":"invalid"/)
  // A member that would be a prototype is none.
  socket.send(`451-/toys,8["bytes",{"__proto__":{"a":1},"data":${first}}]`, one)
  assert.match(await socket.next(), /^451-/)
  assert.equal(await socket.next(), 'binary 01')
  assert.equal(await socket.next(), '43/toys,8[{"size":1}]')
  socket.send(`42/toys,1${echo}`)
  assert.equal(await socket.next(), '43/toys,1["echoed",{"text":"still here"}]')
  socket.ws.terminate()
  await gone()
})

test('what announces more than it may, or never comes, ends with its session', async () => {
  const huge = await opened()
  huge.send(`451-/toys,["bytes",{"data":${first}}]`, Buffer.alloc(16 * 4_096 + 1))
  assert.equal(await huge.closed, 1009)
  for (const packets of [[`45101-/toys,["bytes",{"data":${first}}]`], [`451-/toys,["bytes",{"data":${first}}]`, '2']]) {
    const socket = await opened()
    socket.send(...packets)
    await socket.closed
    assert.equal(socket.inbox.size, 0)
  }
  const silent = await opened()
  silent.send(`452-/toys,["bytes",{"data":${first}}]`, Buffer.from([1]))
  silent.ws.close()
  await silent.closed
  // What is on its way has to come before a namespace is left.
  const leaving = await opened('/more')
  await leaving.enter('/toys', { token: 'user-1' })
  assert.match(await leaving.next(), /hello/)
  leaving.send(`451-/toys,["bytes",{"data":${first}}]`, '41/toys,')
  await leaving.closed
  leaving.ws.terminate()
  await gone()
})
