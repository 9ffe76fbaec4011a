import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommandError } from '../kernel/errors.ts'
import { Hasher } from './hasher.ts'

const cost = { memory: 8, passes: 1, parallelism: 1 }
const hasher = new Hasher({ cost, atOnce: 2, waiting: 4 })

test('I-4 a hash is in PHC form, salted, and verifies its password alone', async () => {
  const [one, two] = [await hasher.hash('pass word'), await hasher.hash('pass word')]
  assert.match(one, /^\$argon2id\$v=19\$m=8,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.notEqual(one, two)
  assert.equal(await hasher.verify('pass word', one), true)
  assert.equal(await hasher.verify('pass worD', one), false)
  assert.equal(await hasher.verify('', one), false)
})

test('I-4 nothing to compare with, and nothing readable, is a wrong password', async () => {
  for (const stored of [undefined, null, '', 'plain', '$argon2i$v=19$m=8,t=1,p=1$AAAA$AAAA']) {
    assert.equal(await hasher.verify('anything', stored), false)
  }
})

test('I-4 a password is the same however a keyboard composes it', async () => {
  assert.equal(await hasher.verify('caf\u0065\u0301', await hasher.hash('caf\u00e9')), true)
})

test('I-4 a hash made at another cost verifies and is outdated', async () => {
  const old = await new Hasher({ cost: { ...cost, passes: 2 }, atOnce: 1, waiting: 1 }).hash('pass word')
  assert.equal(await hasher.verify('pass word', old), true)
  assert.equal(hasher.isOutdated(old), true)
  assert.equal(hasher.isOutdated(await hasher.hash('pass word')), false)
})

test('I-4 a known vector of another implementation verifies', async () => {
  // From the test suite of the reference implementation.
  const stored = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  assert.equal(await hasher.verify('password', stored), true)
})

test('I-4 as many run as may, as many wait as may, the next is refused; then all is as before', async () => {
  const six = Array.from({ length: 6 }, () => hasher.hash('pass word'))
  await assert.rejects(hasher.hash('pass word'), (error: CommandError) => {
    return error.kind === 'unavailable' && error.retryAfter === 2
  })
  assert.equal(new Set(await Promise.all(six)).size, 6)
  await hasher.hash('pass word')
})

test('I-4 the place of one that is done goes to the next in line, not to both', async () => {
  const single = new Hasher({ cost, atOnce: 1, waiting: 1 })
  const [first, second] = [single.hash('pass word'), single.hash('pass word')]
  await first
  const third = single.hash('pass word')
  await assert.rejects(single.hash('pass word'), { kind: 'unavailable' })
  await Promise.all([second, third])
})
