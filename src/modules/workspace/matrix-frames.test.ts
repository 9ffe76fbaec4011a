import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Clock } from '../../kernel/clock.ts'
import type { Client } from '../../testing/client.ts'
import type { Parts } from './actions/parts.ts'
import { workspaceFace } from './face.ts'
import type { Live } from './live.ts'
import { receipts, type Receipt } from './matrix/receipts.ts'
import { Cast, columns, insiders, listeners, type Column, type Kind } from './matrix/testing.ts'
import { connect, drained, workspaceProtocol } from './testing.ts'
import { payloads } from './wire.ts'

/** The policy of the socket as tables: what each person may send, and who gets which event of which channel. */

let at: Cast
before(async () => {
  at = await Cast.begin({ pongWaitMs: 24 * 60 * 60_000 })
  await at.quiet()
})
after(() => at?.[Symbol.asyncDispose]())

/** What comes back: `una` is the error UNAUTHORIZED, a number is the close; `ok`: nothing, it is done. */
const sent: Readonly<Record<string, string>> = {
  //                  own  owo  adi  ado  mak  mei  meo  gui  guo  str  rem  ano
  'connect':         ' ok   ok   ok   ok   ok   ok   ok   ok   ok 4403 4403 4401',
  'ping':            'pong pong pong pong pong pong pong pong pong 4403 4403 4401',
  'pong':            ' ok   ok   ok   ok   ok   ok   ok   ok   ok 4403 4403 4401',
  'authenticate':    'auth auth auth auth auth auth auth auth auth 4403 4403 4401',
  'typing public':   ' ok  una   ok  una   ok   ok  una   ok  una 4403 4403 4401',
  'typing private':  ' ok  una   ok  una   ok   ok  una   ok  una 4403 4403 4401',
  'typing dm':       ' ok  una   ok  una   ok   ok  una   ok  una 4403 4403 4401',
  'typing archived': ' ok  una   ok  una   ok   ok  una   ok  una 4403 4403 4401',
  'typing general':  ' ok   ok   ok   ok   ok   ok   ok  una  una 4403 4403 4401',
}

/** Opens a connection of theirs. @returns the code it is closed with, if it is */
async function opened(who: Column): Promise<Client | string> {
  const token = who === 'ano' ? 'garbage' : at.user(who).token
  const client = at.world.client(`/ws/${at.workspaceId}?token=${token}`, { protocol: workspaceProtocol })
  // The presence of somebody, or the last word.
  const { type } = await client.next()
  if (type !== 'error') return client
  if (!client.closed) await new Promise((done) => client.ws.once('close', done))
  return String(client.closed!.code)
}

async function send(line: string, who: Column): Promise<string> {
  const [type, kind] = line.split(' ') as [string, Kind | undefined]
  if (!(insiders as readonly Column[]).includes(who) || type === 'connect') {
    const client = await opened(who)
    if (typeof client === 'string') return client
    await client.close()
    return 'ok'
  }
  const client = at.listening[who]
  if (type === 'ping') {
    client.send({ type })
    return (await client.next()).type
  }
  const more = type === 'authenticate' ? { token: at.user(who).token } : kind && { channel_id: at.channels[kind] }
  client.send({ type, ...more, is_typing: true })
  const frames = await drained(client)
  if (frames.length === 0) return 'ok'
  assert.equal(frames.length, 1)
  return frames[0]!.type === 'authenticated' ? 'auth' : String(frames[0]!.data['code']).slice(0, 3).toLowerCase()
}

test('W-P1 W-P5 W-P9 who may send what: signals are in no table, and what is refused reaches nobody', async (t) => {
  const { version } = at
  for (const [line, row] of Object.entries(sent)) {
    await t.test(line, async () => {
      const words = row.trim().split(/\s+/)
      const got: string[] = []
      for (const [i, who] of columns.entries()) {
        got.push(await send(line, who))
        // Who is told of somebody's typing is in the table below.
        if (line.startsWith('typing') && words[i] === 'ok') await at.quiet()
        else await at.expectNothing()
      }
      assert.deepEqual(got, words)
      await at.world.advance(10_000)
      await at.quiet()
    })
  }
  assert.equal(at.version, version)
})

test('the table has a row for every frame that a client may send', () => {
  const { commands } = workspaceFace({ settings: {} } as Parts, {} as Live, {} as Clock)
  const rows = new Set(Object.keys(sent).map((line) => line.split(' ')[0]!))
  assert.deepEqual([...commands.keys()].toSorted(), [...rows].filter((row) => row !== 'connect').toSorted())
})

/** Those who listen in this order, and mei's second device. */
const places = [...listeners, 'me2'] as const

/** How often each person got each event, as the table writes it. */
async function received(second: Client, receipt: Receipt): Promise<Record<string, string>> {
  await at.quiet()
  await drained(second)
  await receipt.run(at)
  const frames: Record<string, readonly string[]> = await at.quiet()
  frames['me2'] = (await drained(second)).map(({ type }) => type)
  const mark = (count: number): string => (count === 0 ? '.' : count === 1 ? 'x' : String(count))
  const row = (type: string): string =>
    places.map((who) => mark(frames[who]!.filter((one) => one === type).length)).join(' ')
  return Object.fromEntries([...new Set(Object.values(frames).flat())].map((type) => [type, row(type)]))
}

test('W-P5 W-P6 W-E3 W-E5 W-S4 who gets what', async (t) => {
  const second = await connect(at.world, at.workspaceId, at.users.mei)
  const known = new Set<string>()
  for (const receipt of receipts) {
    await t.test(receipt.deed, async () => {
      assert.deepEqual(await received(second, receipt), receipt.gets)
      for (const type of Object.keys(receipt.gets)) known.add(type)
    })
  }
  assert.deepEqual([...known, 'error'].toSorted(), Object.keys(payloads).toSorted())
})
