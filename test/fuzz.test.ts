import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkFrame } from '../src/modules/tracker/testing.ts'
import { payloads } from '../src/modules/tracker/wire.ts'
import type { Client } from '../src/testing/client.ts'
import { seeded, type Random } from '../src/testing/random.ts'
import { testWorld, type User, type World } from '../src/testing/world.ts'

/**
 * A real server against text that is nearly a frame. What fails is repeated with SEED=… in the environment; the seed is
 * printed with each run.
 */
const random = seeded()
process.stdout.write(`SEED=${random.seed}\n`)

const FRAMES = 6_000
const SOCKETS = 6
const BATCH = 40
const REQUESTS = 1_500

// What is thrown

const time = '2024-01-20T10:30:00Z'
const values: Readonly<Record<string, unknown>> = {
  title: 'Bug Title',
  description: 'Bug Description',
  status: 'pending',
  old_status: 'pending',
  new_status: 'resolved',
  priority: 'high',
  content: 'Comment content',
  name: 'Project Name',
  username: 'john_doe',
  email: 'john@example.com',
  role: 'developer',
  message: 'You have been assigned',
  code: 'invalid_data',
  details: { field: 'error_description' },
  reason: 'client_disconnect',
  retry_after: 60,
}

/** Every frame of the document, and the one a client authenticates by. */
function documented(token: string): object[] {
  const frames = Object.entries(payloads).map(([name, schema]) => {
    const [type, action] = name.split('/')
    const keys = Object.keys(schema.properties)
    const value = (key: string) => values[key] ?? (/_at$|timestamp|next_reminder/.test(key) ? time : 1)
    return { type, action, payload: Object.fromEntries(keys.map((key) => [key, value(key)])) }
  })
  const authenticate = { type: 'system', action: 'authenticate', payload: { token } }
  const pings = Array.from({ length: 6 }, () => ({ type: 'system', action: 'ping', payload: {} }))
  return [...frames, authenticate, authenticate, ...pings]
}

/** JSON text that no value of ours would give. */
const oddities = [
  '-0',
  '1e400',
  '-1e400',
  '1e-400',
  '9007199254740993',
  '123456789012345678901234567890',
  '0.1e1',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u0000"',
  '"\u0000"',
  '"\u2028"',
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '"hasOwnProperty"',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"toJSON":1,"toString":2,"valueOf":3,"then":4,"length":-1}',
  '{"type":"system","action":"ping"}',
  '""',
  'null',
  'true',
  '[]',
  '{}',
  '[[]]',
  'NaN',
  'Infinity',
  'undefined',
  '0x10',
  '01',
  '+1',
  "'x'",
  '"',
  '"\\x"',
  '"\\u12"',
] as const

const RESERVED = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
  '',
  '\u0000',
  'type',
  'payload',
]

const nested = (depth: number, inside: string): string => `${'{"a":['.repeat(depth)}${inside}${']}'.repeat(depth)}`

/** Members of a JSON object as text, so that a key can come twice and a value can be no JSON. */
type Members = [key: string, text: string][]
const members = (value: object): Members => Object.entries(value).map(([key, inner]) => [key, JSON.stringify(inner)])
const written = (list: Members): string => `{${list.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`

/** One change of the structure. */
function mutate(by: Random, list: Members): void {
  const at = by.int(list.length || 1)
  const key = list[at]?.[0] ?? 'type'
  switch (by.int(9)) {
    case 0:
      list.splice(at, 1)
      break
    case 1:
      list.push([key, by.pick(oddities)])
      break
    case 2:
      list.unshift([by.pick(RESERVED), by.pick(oddities)])
      break
    case 3:
      list.push([key, list[at]?.[1] ?? '1'])
      break
    case 4:
      list[at] = [key, nested(by.pick([1, 15, 16, 17, 50, 2_000]), by.pick(oddities))]
      break
    case 5:
      list[at] = [key, `[${Array.from({ length: by.pick([1, 100, 10_001]) }, () => '0').join(',')}]`]
      break
    case 6:
      list[at] = [by.pick(RESERVED), list[at]?.[1] ?? '{}']
      break
    case 7:
      list[at] = [key, JSON.stringify(by.pick(['x', 'ü', '\u0000', '😀', '{', '"', '\\']).repeat(by.int(300)))]
      break
    default:
      list[at] = [key, by.pick(oddities)]
  }
}

/** Damage to the text itself. */
function damage(by: Random, text: string): string {
  const at = by.int(text.length + 1)
  switch (by.int(4)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return text.slice(0, at) + String.fromCharCode(by.int(0x80)) + text.slice(at + 1)
    case 2:
      return text.slice(0, at) + text.slice(by.int(text.length + 1))
    default:
      return text + text
  }
}

/** From a good frame to one that is nearly one, and often still is. */
function mutated(by: Random, frame: object): string {
  const outer = members(frame)
  const payload = outer.find(([key]) => key === 'payload')!
  const inner = members((frame as { payload: object }).payload)
  for (let i = by.int(3); i > 0; i -= 1) mutate(by, inner)
  payload[1] = written(inner)
  if (by.int(3) === 0) mutate(by, outer)
  const text = written(outer)
  return by.int(5) === 0 ? damage(by, text) : text
}

/** Text that no frame was the beginning of; fast-check knows more kinds of it than we do. */
function samples(count: number): string[] {
  const size = { maxLength: 200 } as const
  const anything = fc.anything({ withNullPrototype: true, maxDepth: 4 })
  const action = fc.constantFrom('ping', 'pong', 'authenticate')
  const made = fc.oneof(
    fc.json({ maxDepth: 5 }),
    fc.string({ unit: 'binary', ...size }),
    fc.uint8Array(size).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc.record({ type: anything, action: anything, payload: anything }).map((value) => text(value)),
    fc.record({ type: fc.constant('system'), action, payload: anything }).map(text),
  )
  return fc.sample(made, { seed: random.seed, numRuns: count })
}

function text(value: unknown): string {
  try {
    return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? Number(inner) : inner)) ?? ''
  } catch {
    return '{'
  }
}

// What must hold

function checkUnharmed(world: World): void {
  assert.doesNotMatch(world.log.join('\n'), /unforeseen|uncaught|unhandled|request failed|not written/i)
  assert.deepEqual(Object.keys(Object.prototype), [])
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  assert.deepEqual(
    Object.getOwnPropertyNames(Object.prototype).filter((name) => /^(polluted|type|payload|a)$/.test(name)),
    [],
  )
}

const limitless = { trackerFramesPerMinute: 0, trackerWritesPerMinute: 0, accessTokenMs: 3_600_000 }

test('no frame harms the server or another user; every answer is documented', { timeout: 60_000 }, async () => {
  await using world = await testWorld({ config: limitless })
  const admin = await world.user('admin')
  const manager = await world.user('manager', 'manager')
  const mallory = await world.user('mallory', 'developer')
  const { id: project_id } = (await manager.post('/api/tracker/projects', { name: 'Shop' })).body as { id: number }
  const control = await world.connect(manager)
  const corpus = documented(mallory.token)
  const texts = samples(2_000)
  const sockets: Client[] = []
  for (let i = 0; i < SOCKETS; i += 1) sockets.push(await world.connect(mallory))
  const told: unknown[] = []
  let sent = 0
  let answers = 0
  for (let round = 0; sent < FRAMES; round += 1) {
    for (const socket of sockets) {
      for (let i = 0; i < BATCH; i += 1) {
        socket.send(random.int(6) === 0 ? random.pick(texts) : mutated(random, random.pick(corpus)))
        sent += 1
      }
    }
    const title = `Control ${round}`
    const filed = await admin.post('/api/tracker/bug-reports', { project_id, title })
    assert.equal(filed.status, 201)
    told.push(filed.body)
    // Refused by its name: after that answer, all of this round's have come.
    for (const socket of sockets) socket.send({ type: 'system', action: 'mark', payload: {} })
    // Reading goes on after a pause, by the clock, where more has come than may wait.
    world.clock.advance(100)
    for (const socket of sockets) answers += await answersUntilMark(world, socket)
  }
  for (const report of told) assert.deepEqual(await control.expect('bug_report/created'), report)
  await control.expectNothing()
  for (const socket of sockets) assert.equal(socket.closed, undefined)
  assert.ok(answers > sent / 2, `${answers} answers to ${sent} frames`)
  checkUnharmed(world)
})

/** Every answer until the one to the mark is checked. @returns how many they were */
async function answersUntilMark(world: World, socket: Client): Promise<number> {
  let count = 0
  for (;;) {
    const waiting = socket.next()
    const ticking = setInterval(() => world.clock.advance(100), 5)
    const frame = await waiting.finally(() => clearInterval(ticking))
    if (frame.action === 'ping') continue
    checkFrame(frame)
    assert.ok(frame.type === 'system' || frame.type === 'error', JSON.stringify(frame))
    assert.doesNotMatch(JSON.stringify(frame), /node_modules|\.ts:\d|SyntaxError|TypeError/)
    count += 1
    if (JSON.stringify(frame.payload).includes('system/mark')) return count
  }
}

test('a first frame that is nearly an authenticate ends that connection alone', { timeout: 60_000 }, async () => {
  await using world = await testWorld({ config: limitless })
  const user = await world.user('admin')
  const control = await world.connect(user)
  const good = { type: 'system', action: 'authenticate', payload: { token: user.token } }
  for (let i = 0; i < 300; i += 1) {
    const socket = world.client('/tracker/ws')
    await socket.opened()
    socket.send(mutated(random, good))
    const frame = await socket.next()
    checkFrame(frame)
    if (frame.action === 'connected') await socket.close()
    else await socket.expectClose(4401)
  }
  await control.expectNothing()
  checkUnharmed(world)
})

test('no body or query makes REST fail, and every refusal has the one shape', { timeout: 60_000 }, async () => {
  await using world = await testWorld({ config: limitless })
  const admin = await world.user('admin')
  const { id: project } = (await admin.post('/api/tracker/projects', { name: 'Shop' })).body as { id: number }
  const report = (await admin.post('/api/tracker/bug-reports', { project_id: project, title: 'T' })).body.id as number
  const comment = (await admin.post(`/api/tracker/bug-reports/${report}/comments`, { content: 'C' })).body.id as number
  const words = samples(2_000)
  const seen = new Map<number, number>()
  for (let i = 0; i < REQUESTS; i += BATCH) {
    const calls = Array.from({ length: BATCH }, () => wild(admin, world, words, { project, report, comment }))
    for (const { status, body, asked } of await Promise.all(calls)) {
      seen.set(status, (seen.get(status) ?? 0) + 1)
      assert.ok(status < 500, `${status} for ${asked}`)
      if (status < 400) continue
      assert.deepEqual(Object.keys(body), ['error'], asked)
      const { code, message, details, retry_after, ...rest } = body.error
      assert.deepEqual([typeof code, typeof message, rest], ['string', 'string', {}], asked)
      assert.ok(details === undefined || Object.values(details).every((said) => typeof said === 'string'), asked)
      assert.equal(retry_after, undefined, asked)
    }
  }
  // Neither all refused nor all taken: the wild calls are near enough to good ones.
  assert.ok((seen.get(400) ?? 0) > 100 && (seen.get(200) ?? 0) + (seen.get(201) ?? 0) > 100, JSON.stringify([...seen]))
  assert.equal((await admin.get(`/api/tracker/projects/${project}`)).status, 200)
  checkUnharmed(world)
})

interface Ids {
  readonly project: number
  readonly report: number
  readonly comment: number
}

/** A call that is nearly a good one. Nothing is deleted, and the admin stays one, so that the next finds something. */
async function wild(admin: User, world: World, words: readonly string[], ids: Ids) {
  const good: readonly (readonly [string, string, object])[] = [
    ['POST', '/projects', { name: 'P', description: 'D' }],
    ['PATCH', `/projects/${ids.project}`, { name: 'P', description: 'D' }],
    ['POST', `/projects/${ids.project}/members`, { user_id: 1, username: 'admin' }],
    [
      'POST',
      '/bug-reports',
      { project_id: ids.project, title: 'T', description: 'D', priority: 'low', assignee_id: 1 },
    ],
    ['PATCH', `/bug-reports/${ids.report}`, { title: 'T', status: 'closed', priority: 'low', assignee_id: null }],
    ['POST', `/bug-reports/${ids.report}/status`, { status: 'closed' }],
    ['POST', `/bug-reports/${ids.report}/assign`, { assignee_id: 1 }],
    ['POST', `/bug-reports/${ids.report}/comments`, { content: 'C' }],
    ['PATCH', `/comments/${ids.comment}`, { content: 'C' }],
    ['PATCH', '/users/1', { email: 'admin@example.com', display_name: 'A' }],
    [
      'GET',
      '/bug-reports',
      { q: 'bug', limit: 3, before: 9, project_id: 1, status: 'pending', priority: 'low', assignee_id: 1 },
    ],
    ['GET', '/projects', { limit: 3, before: 9 }],
    ['GET', '/notifications', { limit: 3, before: 9, unread: true }],
    ['GET', '/users', { limit: 3, before: 9 }],
    ['GET', `/bug-reports/${ids.report}/comments`, { limit: 3, before: 9 }],
  ]
  const [method, path, fields] = random.pick(good)
  let url = `/api/tracker${path}`
  let body: string | undefined
  if (method === 'GET') {
    const query = new URLSearchParams()
    for (const [key, value] of Object.entries(fields)) {
      if (random.int(3) === 0) query.append(key, String(value))
      const wrong = random.pick(random.int(2) ? words : oddities)
      if (random.int(4) === 0) query.append(random.int(5) ? key : random.pick(RESERVED), wrong)
    }
    url += `?${query.toString()}`
    if (random.int(8) === 0) url += `&q=%${random.pick(['', 'zz', '00', 'ff', 'c3%28', 'ed%a0%80'])}`
  } else {
    const list = members(fields)
    for (let i = random.int(3); i > 0; i -= 1) mutate(random, list)
    body = random.int(10) === 0 ? random.pick(words) : written(list)
    if (random.int(8) === 0) body = damage(random, body)
    const id = encodeURIComponent(random.pick(words).slice(0, 60).toWellFormed())
    if (random.int(12) === 0) url = url.replace(/\d+/, () => id)
  }
  const answer = await world.request(method, url, body, { authorization: `Bearer ${admin.token}` })
  return { ...answer, asked: `SEED=${random.seed}: ${method} ${url} ${body?.slice(0, 300) ?? ''}` }
}
