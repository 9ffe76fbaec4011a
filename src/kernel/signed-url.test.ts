import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../testing/random.ts'
import { signer } from './signed-url.ts'

const secret = new TextEncoder().encode('a secret of at least thirty-two characters')
const photos = signer(secret, 'photos')
const PATH = '/photos/1/file'
const CLAIMS = { use: 'once', for: 'a b&c=d' }
const EXPIRES = 1_700_000_000_000
const NOW = EXPIRES - 1
const signed = (): string => photos.sign(PATH, EXPIRES, CLAIMS)

test('what was signed is believed until it expires', () => {
  assert.deepEqual(photos.verify(PATH, signed(), NOW), CLAIMS)
  assert.deepEqual(photos.verify(PATH, `?${signed()}`, 0), CLAIMS)
  assert.deepEqual(photos.verify(PATH, photos.sign(PATH, EXPIRES), NOW), {})
  assert.equal(photos.verify(PATH, signed(), EXPIRES), undefined)
  assert.equal(photos.verify(PATH, signed(), EXPIRES + 1), undefined)
})

test('the order of the claims does not matter, neither to who signs nor to who asks', () => {
  const { use, for: whom } = CLAIMS
  assert.equal(new URLSearchParams(photos.sign(PATH, EXPIRES, { for: whom, use })).get('signature'), signatureOf())
  const turned = [...new URLSearchParams(signed())].toReversed()
  assert.deepEqual(photos.verify(PATH, new URLSearchParams(turned).toString(), NOW), CLAIMS)
})

test('another path, purpose or secret is not what was signed', () => {
  for (const path of ['/photos/2/file', '/photos/1/thumbnail', '/photos/1/file/', '', `${PATH}?use=once`]) {
    assert.equal(photos.verify(path, signed(), NOW), undefined, path)
  }
  const other = new TextEncoder().encode('a secret of at least thirty-two characters.')
  for (const stranger of [signer(secret, 'exports'), signer(secret, ''), signer(other, 'photos')]) {
    assert.equal(stranger.verify(PATH, signed(), NOW), undefined)
    assert.equal(photos.verify(PATH, stranger.sign(PATH, EXPIRES, CLAIMS), NOW), undefined)
  }
})

test('parameters that are changed, missing, added or doubled are refused', () => {
  const names = ['use', 'for', 'expires', 'signature']
  for (const name of names) {
    const changed = new URLSearchParams(signed())
    changed.set(name, `${changed.get(name)}0`)
    assert.equal(photos.verify(PATH, changed.toString(), NOW), undefined, `${name} changed`)
    const doubled = new URLSearchParams(signed())
    doubled.append(name, doubled.get(name)!)
    assert.equal(photos.verify(PATH, doubled.toString(), NOW), undefined, `${name} doubled`)
    const missing = new URLSearchParams(signed())
    missing.delete(name)
    assert.equal(photos.verify(PATH, missing.toString(), NOW), undefined, `${name} missing`)
    const empty = new URLSearchParams(signed())
    empty.set(name, '')
    assert.equal(photos.verify(PATH, empty.toString(), NOW), undefined, `${name} empty`)
  }
  for (const added of ['x=1', '__proto__=1', 'x', 'Expires=1', 'expires[]=1', 'constructor=']) {
    assert.equal(photos.verify(PATH, `${signed()}&${added}`, NOW), undefined, added)
    assert.equal(photos.verify(PATH, `${added}&${signed()}`, NOW), undefined, added)
  }
})

test('a later expiry, however it is written, is not what was signed', () => {
  for (const expires of [EXPIRES + 1, 'Infinity', '1e99', `0${EXPIRES}`, ` ${EXPIRES}`, `${EXPIRES}.0`, 'NaN']) {
    const changed = new URLSearchParams(signed())
    changed.set('expires', String(expires))
    assert.equal(photos.verify(PATH, changed.toString(), NOW), undefined, String(expires))
  }
})

test('a signature is written in one way only', () => {
  const right = signatureOf()
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const sibling = alphabet[alphabet.indexOf(right.at(-1)!) ^ 1]!
  const classic = right.replaceAll('-', '+').replaceAll('_', '/')
  const short = right.slice(0, -1)
  const zeros = '0'.repeat(43)
  const accents = 'é'.repeat(43)
  const ways = [`${short}${sibling}`, `${right}=`, `${classic}=`, right.toUpperCase(), short, '', zeros, accents]
  for (const signature of ways) {
    const changed = new URLSearchParams(signed())
    changed.set('signature', signature)
    assert.equal(photos.verify(PATH, changed.toString(), NOW), undefined, signature)
  }
})

test('what one claim says cannot be moved into another', () => {
  const query = photos.sign(PATH, EXPIRES, { a: 'b&c=d' })
  for (const other of ['a=b&c=d', 'a=b%26c&d=', 'a=b%26c%3Dd&c=d', 'a%3Db%26c=d']) {
    const { expires, signature } = Object.fromEntries(new URLSearchParams(query)) as Record<string, string>
    assert.equal(photos.verify(PATH, `${other}&expires=${expires}&signature=${signature}`, NOW), undefined, other)
  }
})

test('a claim may not be named as what every URL has', () => {
  assert.throws(() => photos.sign(PATH, EXPIRES, { expires: '1' }), /name/)
  assert.throws(() => photos.sign(PATH, EXPIRES, { signature: '1' }), /name/)
})

test('whatever is signed comes back, and no other text is believed', () => {
  const { seed } = seeded()
  const name = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((text) => !['expires', 'signature'].includes(text))
  const value = fc.string({ unit: 'grapheme', maxLength: 20 })
  const claims = fc.dictionary(name, value, { maxKeys: 5, noNullPrototype: true })
  const past = fc.nat(2 ** 40)
  fc.assert(
    fc.property(fc.string(), past, claims, (path, expires, said) => {
      assert.deepEqual(photos.verify(path, photos.sign(path, expires + 1, said), expires), said)
    }),
    { seed },
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), (query) => {
      assert.equal(photos.verify(PATH, query, 0), undefined)
    }),
    { seed },
  )
})

const signatureOf = (): string => new URLSearchParams(signed()).get('signature')!
