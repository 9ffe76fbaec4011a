import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { compileFunction } from 'node:vm'
import { io as io4, type Socket } from 'socket.io-client'
import type { User } from '../../testing/world.ts'
import { EXAMPLES_URL, usageExamples } from './clients/examples.ts'
import { joinedRoom } from './rooms.ts'
import { everyone, joinAll, scene, type Data, type Scene } from './testing.ts'

type Connect = (url: string, options: object) => Socket

const io2 = createRequire(import.meta.url)('socket.io-client-2') as Connect

const PATIENCE_MS = 20_000

/** What the page of the examples shows. */
interface Shown {
  readonly socket: Socket
  readonly sendMessage: (channelId: number, text: string) => void
  readonly updateStatus: (status: string, message?: string) => void
  readonly logged: unknown[][]
  readonly messages: Data[]
  readonly presences: Data[]
}

/** The examples as a page runs them, with a client of whatever version. */
function run(connect: Connect, { world }: Scene, token: string, options: object): Shown {
  const [logged, messages, presences]: [unknown[][], Data[], Data[]] = [[], [], []]
  const code = `${usageExamples()}\nreturn { socket, sendMessage, updateStatus }`
  const names = ['io', 'localStorage', 'console', 'displayMessage', 'updateUserPresence']
  type Page = Pick<Shown, 'socket' | 'sendMessage' | 'updateStatus'>
  const start = compileFunction(code, names) as (...args: unknown[]) => Page
  const io = (url: string): Socket => {
    assert.equal(url, EXAMPLES_URL)
    return connect(world.url, { forceNew: true, ...options })
  }
  const page = start(
    io,
    { getItem: (key: string) => (key === 'jwt' ? token : null) },
    { log: (...words: unknown[]) => logged.push(words) },
    (message: Data) => messages.push(message),
    (userId: number, status: string) => presences.push([userId, status]),
  )
  return { ...page, logged, messages, presences }
}

const clients: readonly (readonly [string, Connect, object])[] = [
  ['socket.io-client 4', io4, {}],
  ['socket.io-client 4, polling', io4, { transports: ['polling'] }],
  ['socket.io-client 2 (EIO3)', io2, {}],
  ['socket.io-client 2 (EIO3), polling', io2, { transports: ['polling'] }],
  ['socket.io-client 2 (EIO3), websocket', io2, { transports: ['websocket'] }],
]

test("the document's usage examples work with the stock clients of Socket.IO 4 and 2", async (t) => {
  await using at = await scene({ config: { helpdeskStatusesPerMinute: 0 } })
  const { tabs, customer, agent } = at
  assert.equal(at.publicId, 1, 'the channel that the examples join')
  await joinAll(at, 1, ['agent'])
  for (const [name, connect, options] of clients) {
    await t.test(name, async () => {
      const shown = run(connect, at, customer.token, options)
      const joined = await tabs.agent.find('user_joined')
      assert.equal(joined.userId, customer.id)
      assert.deepEqual(shown.logged, [['Connected as:', 'customer']])
      shown.sendMessage(1, `hello from ${name}`)
      const { userId, channelId, message, messageType } = await tabs.agent.find('chat:new_message')
      assert.deepEqual({ userId, channelId, message, messageType }, {
        userId: customer.id,
        channelId: 1,
        message: `hello from ${name}`,
        messageType: 'text',
      })
      shown.updateStatus('busy', 'in a call')
      const { status, statusMessage, customStatus } = await tabs.agent.find('presence_updated')
      assert.deepEqual([status, statusMessage, customStatus], ['busy', 'in a call', 'Working on tickets'])
      await tabs.agent.done('update_presence', { status: 'away' })
      await tabs.agent.done('chat:send_message', { channelId: 1, message: `and hello, ${name}` })
      await until(() => shown.messages.length > 1)
      assert.deepEqual(shown.messages.map((told) => told.message), [`hello from ${name}`, `and hello, ${name}`])
      assert.deepEqual(shown.presences.slice(-2), [
        [customer.id, 'busy'],
        [agent.id, 'away'],
      ])
      shown.socket.disconnect()
      await at.world.app.unitOfWork.settled()
      await until(() => at.world.app.hub.rooms.members(joinedRoom(1)).size === 1)
      // Past the grace in which a coming back is not noticed.
      for (let i = 0; i < 3; i += 1) await at.world.advance(2_000)
      for (const person of everyone) await tabs[person].drained()
    })
  }
})

async function until(done: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while (!done()) {
    assert.ok(Date.now() < deadline, 'it does not come about')
    await new Promise((turn) => setImmediate(turn))
  }
}

/** The system's own: others do not see its packages. */
const python = '/usr/bin/python3'

const pythonMissing = async (): Promise<string | false> => {
  const imports = promisify(execFile)(python, ['-c', 'import socketio, aiohttp'])
  return imports.then(() => false as const, () => 'the packages python3-socketio and python3-aiohttp are not installed')
}

/** @param transport websocket or polling */
async function runPython(at: Scene, user: User, transport: string): Promise<void> {
  const { tabs, publicId, world } = at
  const script = join(import.meta.dirname, 'clients/python_client.py')
  const child = spawn(python, [script, world.url, user.token, transport, String(publicId)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
  })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const answers: Record<string, Data> = {}
  const events: [string, Data][] = []
  for await (const line of createInterface(child.stdout)) {
    const [kind, name, data] = JSON.parse(line) as [string, string, Data]
    if (kind === 'answer') answers[name] = data
    if (kind === 'event') events.push([name, data])
    if (kind === 'ready') await tabs.agent.done('chat:send_message', { channelId: publicId, message: 'goodbye' })
  }
  assert.equal(await ended, 0, complaints)
  const of = (wanted: string): Data[] => events.filter(([name]) => name === wanted).map(([, data]) => data as unknown)
  assert.deepEqual(of('authenticated'), [{ userId: user.id, displayName: user.name, role: 'customer' }])
  assert.equal(of('user_joined').filter(({ userId }) => userId === user.id).length, 1)
  assert.ok(answers['online'].some((one: Data) => one.userId === user.id && one.status === 'online'))
  const said = `python says ä\u{1f40d} over ${transport}`
  assert.equal(answers['sent'].message.message, said)
  assert.deepEqual(of('chat:new_message').map(({ message }) => message), [said, 'goodbye'])
  const [busy, away] = of('presence_updated').filter(({ userId }) => userId === user.id).slice(-2)
  assert.deepEqual([busy.status, busy.statusMessage, busy.customStatus, away.status], ['busy', transport, null, 'away'])
  assert.match(of('chat:error').join(), /\(NOT_FOUND\)$/)
  assert.match(of('broadcast:error').join(), /\(FORBIDDEN\)$/)
  assert.match(of('presence:error').join(), /\(INVALID\)$/)
  assert.equal(answers['read'].receipt.userId, user.id)
  const heard = await tabs.agent.drained()
  const byUser = (name: string): Data[] =>
    heard.filter(([each, data]) => each === name && (data as Data).userId === user.id).map(([, data]) => data)
  assert.deepEqual(byUser('chat:user_typing').map(({ isTyping }) => isTyping), [true, false])
  assert.equal(byUser('chat:new_message')[0].message, said)
  assert.equal(byUser('message_read_receipt').length, 1)
}

test("Debian's python client does the same over websocket and polling", { skip: await pythonMissing() }, async () => {
  await using at = await scene()
  await joinAll(at, at.publicId, ['agent'])
  at.tabs.customer.close()
  await at.tabs.customer.disconnected()
  await runPython(at, at.customer, 'websocket')
  await runPython(at, at.other, 'polling')
})
