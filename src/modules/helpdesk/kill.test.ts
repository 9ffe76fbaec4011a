import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { startServer, type ServerProcess } from '../../testing/process.ts'
import { seeded } from '../../testing/random.ts'
import { Tab, type Data } from './testing.ts'

const ROUNDS = 2
const TABS = 6
/** Commands of one tab that wait for their acknowledgements. */
const IN_FLIGHT = 8

interface Message {
  readonly id: number
  readonly message: string
}

for (const random of [seeded()]) {
  test(`H-E1 H-E3 kill -9 under load loses no message and doubles none (seed ${random.seed})`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'switchboard-kill-'))
    const env = {
      NODE_ENV: 'production',
      SWITCHBOARD_SECRET: 'signs the tokens of this test and nothing else',
      DATA_DIR: folder,
      SWITCHBOARD_HELPDESK_MESSAGES_PER_MINUTE: '0',
      SWITCHBOARD_HELPDESK_FRAMES_PER_MINUTE: '0',
      SWITCHBOARD_ACCESS_TOKEN_MS: '3600000',
    }
    let server: ServerProcess = await startServer(env)
    let token = ''
    const post = async (path: string, body: object): Promise<Data> => {
      const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
      const request = { method: 'POST', headers, body: JSON.stringify(body) }
      const response = await fetch(`http://${server.url}${path}`, request)
      return response.json()
    }
    const register = { username: 'admin', email: 'admin@example.com', password: 'a good password' }
    token = (await post('/api/auth/register', register)).access_token as string
    const channelId = (await post('/api/helpdesk/channels', { name: 'C' })).id as number

    /** By content. */
    const acknowledged = new Map<string, number>()
    const unanswered: string[] = []
    let next = 0
    const send = async (tab: Tab, message: string): Promise<void> => {
      const { ok, message: made } = await tab.done('chat:send_message', { channelId, message, clientId: message })
      assert.ok(ok && made.message === message)
      // A kept acknowledgement of a server that is dead names the message that the next one has.
      const known = acknowledged.get(message)
      assert.ok(known === undefined || known === made.id)
      acknowledged.set(message, made.id as number)
    }

    const heard: Message[] = []
    let position = 'now'
    const take = (tab: Tab): void => {
      for (const [name, data] of tab.events.splice(0) as [string, Data][]) {
        assert.notEqual(name, 'resync', 'no position is lost')
        if (data.position !== undefined) position = data.position as string
        if (name === 'chat:new_message') heard.push({ id: data.id as number, message: data.message as string })
      }
    }
    const listen = (transport: string): Tab =>
      new Tab(`http://${server.url}`, { auth: { token, since: position, join: [channelId] }, transports: [transport] })

    for (let round = 0; round < ROUNDS; round += 1) {
      if (round > 0) server = await startServer(env)
      const listener = listen(['websocket', 'polling'][round % 2]!)
      await listener.connected()
      const tabs = Array.from({ length: TABS }, () => new Tab(`http://${server.url}`, { auth: { token } }))
      let dead = false
      // The kill comes in the middle of the load, after so many messages, however fast the machine is.
      let left = 150 + random.int(150)
      const loaded = Promise.withResolvers<void>()
      const writer = async (tab: Tab, gone: Promise<false>): Promise<void> => {
        while (!dead) {
          const message = unanswered.pop() ?? `m${(next += 1)}`
          // Who is cut off is told nothing: the acknowledgement never comes.
          const sent = await Promise.race([send(tab, message).then(() => true), gone])
          if (!sent) {
            assert.ok(dead, 'the connection ends with the server')
            unanswered.push(message)
            return
          }
          left -= 1
          if (left === 0) loaded.resolve()
        }
      }
      await Promise.all(tabs.map((tab) => tab.connected()))
      const writing = tabs.flatMap((tab) => {
        const gone = new Promise<false>((resolve) => tab.socket.once('disconnect', () => resolve(false)))
        return Array.from({ length: IN_FLIGHT }, () => writer(tab, gone))
      })
      await Promise.race([loaded.promise, ...writing])
      assert.equal(server.child.exitCode, null, 'the kill hits a living process')
      dead = true
      await server.end('SIGKILL')
      await Promise.all(writing)
      for (const tab of tabs) tab.close()
      take(listener)
      listener.close()
    }

    server = await startServer(env)
    const last = new Tab(`http://${server.url}`, { auth: { token } })
    for (const message of unanswered.splice(0)) await send(last, message)
    // Twice over, a long time later, is still the same message.
    for (const message of [...acknowledged.keys()].slice(0, 20)) await send(last, message)
    const listener = listen('websocket')
    await listener.connected()
    while (heard.length < acknowledged.size) {
      await listener.next().then((event) => listener.events.unshift(event))
      take(listener)
    }
    const more = (await listener.drained()).map(([name]) => name)
    assert.ok(!more.includes('chat:new_message'), 'and none once more')
    for (const tab of [last, listener]) tab.close()
    assert.equal(await server.end('SIGTERM'), 0)

    const file = new DatabaseSync(join(folder, 'switchboard.db'))
    const rows = file.prepare('select id, content as message from helpdesk_messages order by id').all()
    const events = file
      .prepare(
        `select json_extract(payload, '$.id') as id, json_extract(payload, '$.message') as message
         from event_log where type = 'chat:new_message' order by "offset"`,
      )
      .all()
    file.close()
    rmSync(folder, { recursive: true, force: true })
    const told = (list: readonly object[]): Message[] => list.map((each) => ({ ...(each as Message) }))
    t.diagnostic(`${ROUNDS} kills, ${acknowledged.size} acknowledged`)
    const written = new Map(told(rows).map(({ id, message }) => [message, id]))
    assert.deepEqual(written, acknowledged, 'none lost, none unasked')
    assert.equal(rows.length, acknowledged.size, 'none twice')
    assert.deepEqual(told(events), told(rows), 'none without its event')
    // What a client that resumed across all the kills was told is the log: each once, in order.
    assert.deepEqual(heard, told(events))
  })
}
