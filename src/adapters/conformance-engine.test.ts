import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { PacketSocket, PollingSession, type Opened } from '../testing/engine-client.ts'
import { socketIoServer, type SocketIoServer } from '../testing/socketio-server.ts'

/** The rules of Engine.IO protocol 4, as a client sees them; those of version 3 where they differ. */

const engine = { pingInterval: 20_000, pingTimeout: 10_000, upgradeTimeout: 700 }

let server: SocketIoServer
/** Its heart beats fast. */
let hasty: SocketIoServer

before(async () => {
  server = await socketIoServer({ namespaces: ['/'], engine })
  hasty = await socketIoServer({ namespaces: ['/'], engine: { pingInterval: 50, pingTimeout: 2_000 } })
})
after(() => Promise.all([server.close(), hasty.close()]))

const ask = async (query: string, method = 'GET', body?: string): Promise<[status: number, body: string]> => {
  const response = await fetch(`${server.url}/socket.io/${query}`, { method, ...(body !== undefined && { body }) })
  return [response.status, await response.text()]
}

const status = async (query: string, method?: string): Promise<number> => (await ask(query, method))[0]

/** In the engine's own form. */
const refusal = (code: number, message: string): [number, string] => [400, JSON.stringify({ code, message })]

const checkOpened = (opened: Opened, upgrades: readonly string[]): void => {
  assert.equal(typeof opened.sid, 'string')
  const { maxBytes } = server.socketIo
  const { pingInterval, pingTimeout } = engine
  assert.deepEqual(opened, { sid: opened.sid, upgrades, pingInterval, pingTimeout, maxPayload: maxBytes })
}

/** A session in the main namespace, with everything read that comes before the first answer. */
async function polling(): Promise<PollingSession> {
  const session = await PollingSession.open(server.url)
  await session.enter('/', { token: 'user-1' })
  for (let packet = ''; !packet.includes('hello'); packet = await session.next());
  return session
}

async function websocket(): Promise<PacketSocket> {
  const socket = await PacketSocket.open(server.url)
  await socket.enter('/', { token: 'user-1' })
  assert.match(await socket.next(), /hello/)
  return socket
}

async function upgrading(session: PollingSession): Promise<PacketSocket> {
  const socket = new PacketSocket(server.url, `EIO=4&transport=websocket&sid=${session.opened.sid}`)
  await new Promise((resolve) => socket.ws.on('open', resolve))
  return socket
}

describe('Engine.IO handshake', () => {
  test('long-polling opens a session', async () => {
    checkOpened((await PollingSession.open(server.url)).opened, ['websocket'])
    const [, body] = await ask('?EIO=3&transport=polling')
    const [length, packet] = [body.slice(0, body.indexOf(':')), body.slice(body.indexOf(':') + 1)]
    assert.equal(packet.slice(0, Number(length)).charAt(0), '0')
    // Without the slash at the end it is the same.
    const response = await fetch(`${server.url}/socket.io?EIO=4&transport=polling`)
    assert.equal(response.status, 200)
    assert.match(await response.text(), /^0\{"sid"/)
  })

  test('long-polling refuses an unknown version, transport, session or method', async () => {
    for (const query of ['?transport=polling', '?EIO=abc&transport=polling', '?EIO=5&transport=polling']) {
      assert.deepEqual(await ask(query), refusal(5, 'Unsupported protocol version; send EIO=4 or EIO=3'))
    }
    for (const transport of ['', '&transport=abc', '&transport=__proto__', '&transport=webtransport']) {
      const query = `?EIO=4${transport}`
      assert.deepEqual(await ask(query), refusal(0, 'Transport unknown'))
    }
    for (const sid of ['abc', '__proto__', 'constructor', 'hasOwnProperty']) {
      assert.deepEqual(await ask(`?EIO=4&transport=polling&sid=${sid}`), refusal(1, 'Session ID unknown'))
    }
    for (const method of ['POST', 'PUT', 'DELETE']) {
      assert.deepEqual(await ask('?EIO=4&transport=polling', method), refusal(2, 'Bad handshake method'))
    }
    // A WebSocket that does not ask to be one, and the other version in the middle of a session.
    assert.equal(await status('?EIO=4&transport=websocket'), 400)
    const { opened } = await PollingSession.open(server.url)
    assert.equal(await status(`?EIO=3&transport=polling&sid=${opened.sid}`), 400)
  })

  test('a WebSocket opens a session, and is refused with an unknown version, transport or session', async () => {
    const { opened } = await PacketSocket.open(server.url)
    checkOpened(opened, [])
    const asked = 'EIO=4&transport=websocket'
    const wrong = ['transport=websocket', asked.replace('4', 'abc'), 'EIO=4', 'EIO=4&transport=abc', `${asked}&sid=abc`]
    for (const query of wrong) {
      const socket = new PacketSocket(server.url, query)
      assert.equal(await socket.closed, 1006, query)
      assert.equal(socket.inbox.size, 0)
    }
  })
})

describe('Engine.IO messages', () => {
  test('long-polling carries one packet, several in a payload, and binary ones', async () => {
    const session = await polling()
    const url = `?EIO=4&transport=polling&sid=${session.opened.sid}`
    assert.deepEqual(await ask(url, 'POST', '420["echo",{"text":"a"}]'), [200, 'ok'])
    assert.equal(await session.next(), '430["echoed",{"text":"a"}]')
    await session.post('421["echo",{"text":"a"}]', '422["echo",{"text":"b"}]', '423["echo",{"text":"c"}]')
    for (const n of [1, 2, 3]) assert.match(await session.next(), new RegExp(`^43${n}\\[`))
    await session.post('451-["echo",{"_placeholder":true,"num":0}]', 'bAQIDBA==', '424["echo",{"text":"d"}]')
    assert.match(await session.next(), /^42\["error"/)
    assert.match(await session.next(), /^434\[/)
    await session.post('1')
  })

  test('a packet that is none closes the session', async () => {
    const session = await polling()
    await session.post('abc')
    assert.ok(await session.isOver())
    const socket = await websocket()
    socket.send('abc')
    await socket.closed
  })

  test('a second poll while the first one waits closes the session', async () => {
    const session = await polling()
    const url = `?EIO=4&transport=polling&sid=${session.opened.sid}`
    const polls = await Promise.all([ask(url), ask(`${url}&t=1`)])
    assert.deepEqual(polls.map(([each]) => each).toSorted((a, b) => a - b), [200, 400])
    assert.equal(polls.find(([each]) => each === 200)![1], '1')
    assert.ok(await session.isOver())
  })
})

describe('Engine.IO heartbeat', () => {
  test('on both transports the server pings, and a session that answers lives on', async () => {
    const [session, socket] = [await PollingSession.open(hasty.url), await PacketSocket.open(hasty.url)]
    for (let n = 0; n < 3; n += 1) {
      assert.deepEqual(await session.poll(), ['2'])
      assert.equal(await session.post('3'), 200)
      assert.equal(await socket.next(), '2')
      socket.send('3')
    }
    assert.equal(await socket.next(), '2')
    socket.ws.terminate()
  })

  test('on both transports who does not answer is closed', async () => {
    const [session, socket] = [await PollingSession.open(hasty.url), await PacketSocket.open(hasty.url)]
    assert.equal(await socket.next(), '2')
    await socket.closed
    assert.deepEqual(await session.poll().catch((error: Error) => error.message.slice(0, 3)), '400')
  })

  test('a client of version 3 pings itself', async () => {
    const socket = new PacketSocket(hasty.url, 'EIO=3&transport=websocket&token=user-1')
    for (const expected of [/^0\{/, /^40$/, /hello/]) assert.match(await socket.next(), expected)
    for (let n = 0; n < 3; n += 1) {
      socket.send('2')
      assert.equal(await socket.next(), '3')
    }
    await socket.closed
  })
})

describe('Engine.IO close', () => {
  test('a client that closes has its poll answered, and the session is over', async () => {
    const session = await polling()
    const waiting = session.poll()
    await session.post('1')
    assert.equal((await waiting).at(-1), '6')
    assert.ok(await session.isOver())
  })

  test('a WebSocket that closes, or says so and falls silent, is over', async () => {
    const socket = await websocket()
    socket.ws.close()
    assert.equal(await socket.closed, 1005)
    const silent = await PacketSocket.open(hasty.url)
    silent.send('1')
    await silent.closed
  })
})

describe('Engine.IO upgrade', () => {
  test('a probe and an upgrade packet move the session; the poll that waits ends with a noop', async () => {
    const session = await polling()
    const socket = await upgrading(session)
    socket.send('2probe')
    assert.equal(await socket.next(), '3probe')
    for (let packet = ''; packet !== '6'; packet = await session.next());
    socket.send('5', '420["echo",{"text":"a"}]')
    assert.equal(await socket.next(), '430["echoed",{"text":"a"}]')
    // Neither polls nor another WebSocket have anything of it any more.
    assert.equal(await status(`?EIO=4&transport=polling&sid=${session.opened.sid}`), 400)
    await new PacketSocket(server.url, `EIO=4&transport=websocket&sid=${session.opened.sid}`).closed
    socket.send('421["echo",{"text":"b"}]')
    assert.equal(await socket.next(), '431["echoed",{"text":"b"}]')
    socket.ws.terminate()
  })

  test('an upgrade that is not finished, or goes wrong, leaves the session on its polls', async () => {
    const session = await polling()
    const slow = await upgrading(session)
    slow.send('2probe')
    assert.equal(await slow.next(), '3probe')
    // Another one meanwhile is not taken.
    await new PacketSocket(server.url, `EIO=4&transport=websocket&sid=${session.opened.sid}`).closed
    await slow.closed
    for (const wrong of ['4hello', 'x', '6']) {
      const socket = await upgrading(session)
      socket.send(wrong)
      await socket.closed
    }
    const gone = await upgrading(session)
    gone.ws.terminate()
    await session.post('420["echo",{"text":"a"}]')
    for (let packet = ''; packet !== '430["echoed",{"text":"a"}]'; packet = await session.next());
    await session.post('1')
  })
})
