import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { createOutgoing } from '../../../adapters/outgoing.ts'
import { OutgoingError } from '../../../kernel/outgoing.ts'
import { TimingWheel } from '../../../kernel/timing-wheel.ts'
import { FakeClock } from '../../../testing/clock.ts'
import { MattermostDouble, mentionsIn } from '../../../testing/outside/mattermost.ts'
import { seeded } from '../../../testing/random.ts'
import { Mattermost, MattermostFault, type MattermostAccess } from './client.ts'
import { MattermostLink, type LinkStatus } from './link.ts'
import { messageOf, plain } from './posts.ts'

interface Setting {
  readonly double: MattermostDouble
  readonly access: MattermostAccess & { readonly secrets: { token: string } }
  readonly clock: FakeClock
  /** Calls that were made, and their ends. */
  readonly calls: Promise<unknown>[]
  /** Sockets that were opened. */
  readonly sockets: WebSocket[]
}

async function setting(t: TestContext): Promise<Setting> {
  const double = await new MattermostDouble().listen()
  const clock = new FakeClock()
  double.now = () => clock.now()
  const outgoing = createOutgoing({ clock, hosts: [], privateHosts: [new URL(double.url).host], ports: [80] })
  const [sockets, calls, said]: [WebSocket[], Promise<unknown>[], unknown[]] = [[], [], []]
  for (const method of ['log', 'error', 'warn', 'info', 'debug'] as const) {
    t.mock.method(console, method, (...words: unknown[]) => said.push(words))
  }
  t.after(async () => {
    await outgoing.close()
    await double.close()
    assert.deepEqual(said, [])
  })
  const access = {
    settings: { url: `${double.url}/`, team: 'product' },
    secrets: { token: double.token },
    fetch: (...call: Parameters<typeof outgoing.fetch>) => {
      const answer = outgoing.fetch(...call)
      calls.push(answer)
      return answer
    },
    socket: (url: string) => {
      const socket = outgoing.socket(url)
      sockets.push(socket)
      return socket
    },
  }
  return { double, access, clock, calls, sockets }
}

interface Linked extends Setting {
  readonly link: MattermostLink
  /** The next change. */
  readonly next: () => Promise<LinkStatus>
  /** Changes that nobody has waited for. */
  readonly changes: readonly LinkStatus[]
  readonly advance: (ms: number) => void
}

async function linked(t: TestContext): Promise<Linked> {
  const given = await setting(t)
  const { access, clock } = given
  const changes: LinkStatus[] = []
  let heard: (() => void) | undefined
  const wheel = new TimingWheel(clock, (error) => assert.fail(String(error)))
  const link = new MattermostLink({
    access,
    wheel,
    clock,
    random: () => 0,
    onStatus: (status) => {
      changes.push(status)
      heard?.()
    },
  })
  t.after(() => {
    link.close()
    assert.equal(wheel.size, 0, 'nothing waits for a link that was closed')
    wheel.stop()
  })
  const next = async (): Promise<LinkStatus> => {
    if (changes.length === 0) await new Promise<void>((resolve) => (heard = resolve))
    return changes.shift()!
  }
  return { ...given, link, next, changes, advance: (ms) => clock.advance(ms) }
}

const fault =
  (status: number, words: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof MattermostFault, String(error))
    assert.equal(error.status, status)
    assert.match(error.message, words)
    return true
  }

test('"Get a user", "Get a channel by name", "Create a post": who it is, where it goes, and one post', async (t) => {
  const { double, access, clock } = await setting(t)
  const product = double.channel('product-team')
  const mattermost = new Mattermost(access)
  assert.equal(await mattermost.me(), 'prd-bot')
  const channelId = await mattermost.channelId('product-team')
  assert.equal(channelId, product.id)
  const post = { channelId, message: 'Approved', nonce: 'nonce-1' }
  const first = await mattermost.post(post)
  assert.equal(await mattermost.post(post), first)
  assert.equal(double.posts.length, 1, 'a repeat within 30 seconds is the same post')
  assert.equal(await mattermost.find(channelId, 'nonce-1', clock.now()), first)
  const begun = clock.now()
  clock.advance(40_000)
  const chatter = { ...double.posts[0]!, create_at: clock.now(), props: {} }
  for (let i = 0; i < 100; i += 1) double.posts.push({ ...chatter, id: `chatter${i}` })
  assert.equal(await mattermost.find(channelId, 'nonce-1', begun), first, 'also when its nonce is forgotten')
  const asked = double.requests.length
  assert.equal(await mattermost.find(channelId, 'nonce-2', clock.now() + 1), undefined)
  assert.equal(double.requests.length, asked + 1, 'not looked for in older posts')
  assert.deepEqual(new Set(double.tokens), new Set([double.token]))
})

test('"Errors" and "Rate limiting": what Mattermost refuses is told in our words, never in its own', async (t) => {
  const { double, access } = await setting(t)
  const closed = double.channel('closed', { isPrivate: true, isMember: false })
  const mattermost = new Mattermost(access)
  for (const name of ['unknown', 'closed', '../../users/me', 'Product Team']) {
    await assert.rejects(mattermost.channelId(name), fault(404, /There is no channel .* in the team product/))
  }
  assert.equal(double.requests.length, 2, 'what cannot be a name is not asked for')
  const post = { channelId: closed.id, message: 'Hello', nonce: 'nonce' }
  await assert.rejects(mattermost.post(post), fault(403, /does not allow this to the token's account/))
  double.fail(429, 500, 503)
  for (const status of [429, 500, 503]) {
    await assert.rejects(mattermost.me(), (error) => {
      assert.ok(fault(status, new RegExp(`status ${status}`))(error))
      assert.ok((error as MattermostFault).isPassing)
      return !(error as Error).message.includes('secret words')
    })
  }
  access.secrets.token = 'another-token'
  await assert.rejects(new Mattermost(access).me(), fault(401, /does not accept the token; enter a new one/))
  const html = { ...access, fetch: () => Promise.resolve(new Response('<html>Welcome</html>')) }
  await assert.rejects(new Mattermost(html).me(), fault(200, /is not Mattermost/))
  await double.close()
  await assert.rejects(mattermost.me(), (error) => error instanceof OutgoingError && error.reason === 'unreachable')
  await assert.rejects(
    new Mattermost({ ...access, settings: { url: 'http://169.254.169.254', team: 'product' } }).me(),
    (error) => error instanceof OutgoingError && error.reason === 'refused',
  )
})

test('"WebSocket": connected once the server has said hello, and again whenever it is lost', async (t) => {
  const { double, link, next, advance, changes, sockets } = await linked(t)
  assert.deepEqual(link.status, { status: 'disconnected', error: null })
  link.open()
  assert.deepEqual(await next(), { status: 'connected', error: null })
  assert.equal(double.connections, 1)
  assert.deepEqual(double.frames[0], { action: 'authentication_challenge', seq: 1, data: { token: double.token } })
  assert.equal(double.requests.join(), 'GET /api/v4/users/me 200')

  // Events in their order are none of its business.
  const heard = once(sockets[0]!, 'message')
  double.publish('posted', { post: '{}' })
  await heard

  double.dropSockets()
  assert.deepEqual(await next(), { status: 'disconnected', error: 'The connection to Mattermost was lost' })
  advance(999)
  assert.equal(double.requests.length, 1, 'not before a second has gone')
  advance(101)
  assert.deepEqual(await next(), { status: 'connected', error: null })
  const frames = double.frames.slice(-2)
  assert.deepEqual(frames.map(({ seq }) => seq), [1, 2], 'each connection counts anew')

  double.publish('posted', {}, 3)
  assert.equal((await next()).error, 'An event of Mattermost was lost on the way')
  advance(2_100)
  assert.equal((await next()).status, 'connected')
  assert.deepEqual(changes, [])
})

test('A server that has gone is tried again with growing pauses, and found when it is back', async (t) => {
  const { double, link, next, advance, calls, sockets } = await linked(t)
  link.open()
  await next()
  advance(61_000)
  await double.close()
  assert.equal((await next()).status, 'disconnected')
  for (const pause of [1_000, 2_000, 4_000, 8_000]) {
    advance(pause + 100)
    if (pause === 1_000) assert.equal((await next()).error, 'The other server cannot be reached')
    else await ended(calls)
  }
  await double.listen()
  advance(15_900)
  assert.equal(double.requests.length, 1, 'not before its pause is over')
  advance(200)
  assert.deepEqual(await next(), { status: 'connected', error: null })
  link.close()
  await once(sockets.at(-1)!, 'close')
  assert.equal(link.status.status, 'connected', 'what was closed tells nothing more')
})

test('A peer that answers no ping is given up; one that answers is kept', async (t) => {
  const { double, link, next, advance, changes, sockets } = await linked(t)
  link.open()
  await next()
  for (let i = 0; i < 3; i += 1) {
    const pong = once(sockets[0]!, 'message')
    advance(30_100)
    await pong
  }
  assert.equal(double.frames.filter(({ action }) => action === 'ping').length, 4, 'one at the opening, three since')
  double.isDeaf = true
  advance(30_100)
  assert.deepEqual(changes, [])
  advance(15_100)
  assert.deepEqual(await next(), { status: 'disconnected', error: 'Mattermost has stopped answering' })
})

test('A server that sends more than anybody could want to read is left', async (t) => {
  const { double, link, next, advance } = await linked(t)
  link.open()
  await next()
  const post = 'x'.repeat(900_000)
  for (let i = 0; i < 30; i += 1) double.publish('posted', { post })
  advance(30_100)
  await double.until(() => double.frames.filter(({ action }) => action === 'ping').length === 2)
  for (let i = 0; i < 40; i += 1) double.publish('posted', { post })
  assert.deepEqual(await next(), { status: 'disconnected', error: 'Mattermost sends more than can be read' })
})

test('A token that is refused is an error that is not tried over and over', async (t) => {
  const { double, access, link, next, advance, calls } = await linked(t)
  access.secrets.token = 'wrong-token'
  link.open()
  const refused = { status: 'error', error: 'Mattermost does not accept the token; enter a new one' } as const
  assert.deepEqual(await next(), refused)
  advance(299_000)
  await ended(calls)
  assert.equal(double.requests.length, 1)
  assert.equal(double.frames.length, 0, 'the WebSocket was not even opened')
  access.secrets.token = double.token
  advance(1_100)
  assert.equal((await next()).status, 'connected')
  double.revoke()
  assert.equal((await next()).status, 'disconnected')
  advance(2_100)
  assert.deepEqual(await next(), refused)
})

test('A server that lets no WebSocket through, or does not greet, is disconnected with the reason', async (t) => {
  const { double, link, next, advance } = await linked(t)
  double.refusesUpgrades = true
  link.open()
  assert.match((await next()).error!, /a proxy before it may not let WebSockets through/)
  double.refusesUpgrades = false
  double.isSullen = true
  advance(1_100)
  await double.until(() => double.frames.length > 0)
  advance(15_100)
  const error = 'Mattermost did not greet over its WebSocket in time'
  assert.deepEqual(await next(), { status: 'disconnected', error })
})

test('Nobody is called by what people wrote, and nothing of it is Markdown', () => {
  const tricks = ['@channel', '@all', '@here', '@sarah', '&#64;all', '&#x40;here', String.raw`\@channel`, '&commat;all']
  const random = seeded()
  for (const trick of tricks) assert.deepEqual(mentionsIn(plain(trick)), [], trick)
  assert.deepEqual(mentionsIn('Hello @channel, &#64;all \\@here'), ['@channel', '@all', '@here'])
  const pieces = ['@', '&', '#', '64', ';', 'x40', '\\', 'channel', 'amp', ' ', '\n', '.', ':', '](', '`', '<', 'é']
  for (let round = 0; round < 2_000; round += 1) {
    const text = Array.from({ length: 1 + random.int(12) }, () => random.pick(pieces)).join('')
    assert.deepEqual(mentionsIn(plain(text)), [], `seed ${random.seed}: ${JSON.stringify(text)}`)
  }
  const title = 'Login [now](http://evil.example) **@all**\n# big'
  assert.equal(
    messageOf({ type: 'prd_approved', title, link: 'https://prds.example.com/prds/prd_1', actor: 'Sarah @here' }),
    ':white_check_mark: **[Login \\[now\\](http://evil.example) \\*\\*@\u200ball\\*\\* \\# big]' +
      '(https://prds.example.com/prds/prd_1)** has been approved by Sarah @\u200bhere',
  )
  assert.equal(
    messageOf({ type: 'prd_rejected', title: 'Login', actor: 'Sarah', text: 'Too\nlong' }),
    ':x: **Login** has been rejected by Sarah\n> Too long',
  )
  assert.equal(
    messageOf({ type: 'version_created', title: 'Login', actor: 'Sarah', version: '1.3.0', text: '' }),
    ':bookmark: Sarah made version 1.3.0 of **Login**',
  )
  const mentioned = ['A', 'B', 'C', 'D', 'E', 'F', 'G']
  assert.match(
    messageOf({ type: 'comment_mention', title: 'Login', actor: 'Sarah', text: 'x'.repeat(1_000), mentioned }),
    /^:speech_balloon: Sarah mentioned A, B, C, D, E and 2 others in a comment on \*\*Login\*\*\n> x{299}…$/,
  )
})

/** Calls have been answered, and the answers heeded. */
async function ended(calls: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(calls)
  await new Promise((turn) => setImmediate(turn))
}
