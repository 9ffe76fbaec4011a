import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommandError } from '../kernel/errors.ts'
import { FakeClock } from '../testing/clock.ts'
import { Guard, networkOf } from './guard.ts'
import { complete } from './settings.ts'
import { identityWorld, password, secret } from './testing.ts'

const MINUTE = 60_000
const home = '192.0.2.1'
const abroad = '198.51.100.7'

const guard = (settings: object, clock = new FakeClock()) => new Guard(clock, complete({ secret, ...settings }))
const wrong = (): Promise<undefined> => Promise.resolve(undefined)
const right = (): Promise<true> => Promise.resolve(true)
const isLimited = (error: CommandError): boolean => error.kind === 'rate_limited'

test('I-5 the tenth wrong password is looked at, the eleventh try is not until the window has passed', async () => {
  await using world = await identityWorld()
  await world.register('ana')
  const body = { username: 'ana', password: 'wrong password' }
  for (let i = 0; i < 10; i += 1) assert.equal((await world.call('POST', '/login', { body })).status, 401, `try ${i}`)
  const refused = await world.call('POST', '/login', { body: { username: 'ANA', password } })
  assert.equal(refused.status, 429)
  assert.equal(refused.retryAfter, 15 * 60)
  world.clock.advance(15 * MINUTE - 1)
  assert.equal((await world.call('POST', '/login', { body: { username: 'ana', password } })).retryAfter, 1)
  world.clock.advance(1)
  assert.equal((await world.call('POST', '/login', { body: { username: 'ana', password } })).status, 200)
})

test('I-5 a stranger cannot lock the owner out: another address logs in', async () => {
  await using world = await identityWorld()
  await world.register('ana')
  const guess = { body: { username: 'ana', password: 'wrong password' }, address: abroad }
  for (let i = 0; i < 11; i += 1) await world.call('POST', '/login', guess)
  assert.equal((await world.call('POST', '/login', guess)).status, 429)
  const own = { body: { username: 'ana', password }, address: home }
  assert.equal((await world.call('POST', '/login', own)).status, 200)
})

test('I-5 success clears the count of this name from this address', async () => {
  const limited = guard({ loginFailures: 3 })
  for (let i = 0; i < 5; i += 1) {
    await limited.attempt('ana', home, wrong)
    await limited.attempt('ana', home, wrong)
    assert.equal(await limited.attempt('ana', home, right), true)
  }
})

test('I-5 one address has 50 failures, whatever the names', async () => {
  const limited = guard({})
  for (let i = 0; i < 50; i += 1) await limited.attempt(`name ${i}`, home, wrong)
  await assert.rejects(limited.attempt('another', home, right), isLimited)
  assert.equal(await limited.attempt('another', abroad, right), true)
})

test('I-5 one name has 100 failures, but not from an address it has logged in from', async () => {
  const clock = new FakeClock()
  const limited = guard({}, clock)
  assert.equal(await limited.attempt('ana', home, right), true)
  for (let i = 0; i < 100; i += 1) await limited.attempt('ana', `198.51.100.${i}`, wrong)
  await assert.rejects(limited.attempt('ana', '203.0.113.1', right), isLimited)
  assert.equal(await limited.attempt('ana', home, right), true)
  clock.advance(15 * MINUTE)
  assert.equal(await limited.attempt('ana', '203.0.113.1', right), true)
})

test('I-5 guesses sent all at once are counted one by one', async () => {
  const limited = guard({})
  let looked = 0
  const guess = async (): Promise<undefined> => {
    await new Promise((next) => setImmediate(next))
    looked += 1
    return undefined
  }
  await Promise.allSettled(Array.from({ length: 40 }, () => limited.attempt('ana', home, guess)))
  assert.equal(looked, 10)
})

test('I-5 of one address a bounded number waits, and a failure of the server counts as no guess', async () => {
  const limited = guard({ hashesWaiting: 2, loginFailures: 1 })
  const broken = async (): Promise<never> => Promise.reject(new Error('no disk'))
  const all = await Promise.allSettled(Array.from({ length: 5 }, () => limited.attempt('ana', home, broken)))
  const messages = all.map((one) => (one.status === 'rejected' ? (one.reason as Error).message : ''))
  assert.equal(messages.filter((message) => message === 'no disk').length, 3)
  assert.equal(messages.filter((message) => message.startsWith('Too many logins at this moment')).length, 2)
  assert.equal(await limited.attempt('ana', home, right), true)
})

test('I-5 a limit of 0 is none', async () => {
  const limited = guard({ loginFailures: 0, loginFailuresPerAddress: 0, loginFailuresPerName: 0 })
  for (let i = 0; i < 200; i += 1) await limited.attempt('ana', home, wrong)
})

test('I-5 what is counted is bounded', async () => {
  const limited = guard({ maxCounted: 100, loginFailures: 1, loginFailuresPerAddress: 0, loginFailuresPerName: 0 })
  for (let i = 0; i < 100; i += 1) await limited.attempt(`name ${i}`, home, wrong)
  await assert.rejects(limited.attempt('name 0', home, right), isLimited)
  await limited.attempt('one more', home, wrong)
  assert.equal(await limited.attempt('name 0', home, right), true)
})

test('I-5 the twentieth registration of an address in an hour is taken, the next is not', async () => {
  await using world = await identityWorld()
  const register = (n: number) =>
    world.call('POST', '/register', { body: { username: `user${n}`, email: `u${n}@example.com`, password } })
  for (let i = 0; i < 20; i += 1) assert.equal((await register(i)).status, 201)
  const refused = await register(20)
  assert.deepEqual([refused.status, refused.retryAfter], [429, 3600])
  world.clock.advance(60 * MINUTE)
  assert.equal((await register(20)).status, 201)
})

test('I-5 an IPv6 network counts as one, an embedded IPv4 address as itself', () => {
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), networkOf('2001:0db8:0001:0002::9'))
  assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'))
  assert.equal(networkOf('::1'), '0:0:0:0::/64')
  assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0::/64')
  assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1')
})
