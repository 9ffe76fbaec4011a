import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { io } from 'socket.io-client'
import * as Y from 'yjs'
import { startServer, type ServerProcess } from '../../testing/process.ts'
import { seeded } from '../../testing/random.ts'
import { insert, Tab, type Data } from './testing.ts'

const PLAIN = 4
/** How the server ends, each time in the middle of typing. */
const ENDS = ['SIGKILL', 'SIGKILL', 'SIGTERM'] as const
const BEHIND_EVERYTHING = 1_000_000

/** An edit of a plain client; what it inserts is found nowhere else. */
interface Typed {
  readonly content: string
  readonly position: number
  readonly stateVector: readonly number[]
}

for (const random of [seeded()]) {
  test(`kill -9 while people type loses no acknowledged edit and doubles none (seed ${random.seed})`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'switchboard-kill-'))
    let port = 0
    const start = async (): Promise<ServerProcess> => {
      const started = await startServer({
        NODE_ENV: 'production',
        SWITCHBOARD_SECRET: 'signs the tokens of this test and nothing else',
        DATA_DIR: folder,
        PORT: String(port),
        SWITCHBOARD_PRD_FRAMES_PER_MINUTE: '0',
        SWITCHBOARD_PRD_EDITS_PER_MINUTE: '0',
        SWITCHBOARD_PRD_SNAPSHOT_EDITS: '40',
        SWITCHBOARD_ACCESS_TOKEN_MS: '3600000',
      })
      port = started.ports[0]!
      return started
    }
    const clients = new Set<{ disconnect(): unknown }>()
    let server = await start()
    t.after(async () => {
      for (const each of clients) each.disconnect()
      await server.end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    })
    const url = `http://${server.url}`
    let token = ''
    const ask = async (method: string, path: string, body?: object): Promise<Data> => {
      const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
      const response = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
      return response.json()
    }
    const register = { username: 'admin', email: 'admin@example.com', password: 'a good password' }
    token = (await ask('POST', '/api/auth/register', register)).access_token as string
    const organizationId = (await ask('POST', '/api/organizations', { name: 'Acme' })).id as string
    const prdId = (await ask('POST', '/api/prds', { organizationId, title: 'Much to type', content: '' })).id as string

    const socket = io(url, {
      auth: { token },
      transports: ['websocket'],
      forceNew: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 100,
    })
    clients.add(socket)
    const activeSessionIds = [prdId]
    let rejoined = Promise.withResolvers<void>()
    let attempts = 0
    socket.on('joined-prd', () => rejoined.resolve())
    socket.emit('join-prd', { prdId, mode: 'edit' })
    await rejoined.promise
    // Section 10.2 to the letter.
    socket.on('reconnect', (attemptNumber) => {
      attempts += attemptNumber

      // Re-join all active PRD sessions
      activeSessionIds.forEach((prdId) => {
        socket.emit('join-prd', { prdId, mode: 'edit' })
      })
    })

    const acknowledged = new Map<string, { readonly typed: Typed; readonly outcome: Data }>()
    const unanswered: Typed[] = []
    const typedInYjs: string[] = []
    const doc = new Y.Doc()
    const text = doc.getText('content')
    let next = 0
    const mark = (kind: string): string => `<${kind}${(next += 1)}>`

    const connect = async (): Promise<Tab> => {
      const tab = new Tab(`${url}/prds`, { auth: { token } })
      clients.add(tab.socket)
      await tab.connected()
      await tab.done('join-prd', { prdId, mode: 'edit' })
      return tab
    }
    /** A Yjs client is level with the server: it has what it lacks, and the server what the client has. */
    const level = async (tab: Tab): Promise<void> => {
      await tab.done('sync-request', { prdId, stateVector: Y.encodeStateVector(doc) })
      const { missingUpdates, stateVector } = await tab.find('sync-response')
      for (const { update } of missingUpdates) Y.applyUpdate(doc, update)
      tab.socket.on('content-update', ({ update }: Data) => Y.applyUpdate(doc, update))
      const update = Y.encodeStateAsUpdate(doc, stateVector)
      await tab.done('content-update', { prdId, update })
    }
    const send = async (tab: Tab, typed: Typed): Promise<Data> => {
      const { content, position, stateVector } = typed
      const operation = insert(position, content)
      const outcome = await tab.done('content-update', { prdId, operation, stateVector, clientId: content })
      const known = acknowledged.get(content)
      if (known) assert.deepEqual(outcome, known.outcome, 'the same again is the first outcome')
      else acknowledged.set(content, { typed, outcome })
      return outcome.stateVector
    }

    for (const [round, end] of ENDS.entries()) {
      const tabs = await Promise.all(Array.from({ length: PLAIN }, connect))
      const rich = await connect()
      await level(rich)
      let dead = false
      let left = 60 + random.int(60)
      const loaded = Promise.withResolvers<void>()
      const goneOf = (tab: Tab) => new Promise<false>((done) => tab.socket.once('disconnect', () => done(false)))
      const isSent = async (sent: Promise<unknown>, gone: Promise<false>): Promise<boolean> => {
        // Who is cut off is told nothing: the acknowledgement never comes. An orderly end refuses what comes too late.
        const isDone = await Promise.race([sent.then(() => true, () => false), gone])
        if (isDone && (left -= 1) === 0) loaded.resolve()
        return isDone
      }
      const typePlain = async (tab: Tab): Promise<void> => {
        const gone = goneOf(tab)
        let stateVector: readonly number[] = []
        while (!dead) {
          const again = unanswered.pop()
          const position = random.pick([0, BEHIND_EVERYTHING])
          const typed = again ?? { content: mark('p'), position, stateVector }
          const sent = send(tab, typed).then((vector) => (stateVector = vector))
          if (!(await isSent(sent, gone))) return void unanswered.push(typed)
        }
      }
      const typeRich = async (tab: Tab): Promise<void> => {
        const gone = goneOf(tab)
        while (!dead) {
          const before = Y.encodeStateVector(doc)
          const content = mark('y')
          typedInYjs.push(content)
          text.insert(random.pick([0, text.length]), content)
          const update = Y.encodeStateAsUpdate(doc, before)
          if (!(await isSent(tab.done('content-update', { prdId, update }), gone))) return
        }
      }
      const typing = [...tabs.map(typePlain), typeRich(rich)]
      await Promise.race([loaded.promise, ...typing])
      assert.equal(server.child.exitCode, null, 'the end hits a living process')
      rejoined = Promise.withResolvers<void>()
      dead = true
      await server.end(end)
      await Promise.all(typing)
      server = await start()
      await rejoined.promise
      assert.equal(attempts, round + 1, 'told to join again once for each time')
    }

    const last = await connect()
    for (const typed of unanswered.splice(0)) await send(last, typed)
    for (const { typed } of [...acknowledged.values()].slice(-30)) await send(last, typed)
    const rich = await connect()
    await level(rich)
    const { content } = await ask('GET', `/api/prds/${prdId}`)
    const joined = await last.join(prdId)
    assert.equal(joined.initialState.content, content)
    await level(rich)
    assert.equal(text.toJSON(), content)
    // Each once, and nothing between them.
    const marks = content.match(/<[py]\d+>/g) as string[]
    assert.equal(marks.join(''), content)
    assert.deepEqual(marks.toSorted(), [...acknowledged.keys(), ...typedInYjs].toSorted())
    t.diagnostic(`${acknowledged.size} plain edits acknowledged, ${typedInYjs.length} made with Yjs`)
    assert.equal(await server.end('SIGTERM'), 0)
  })
}
