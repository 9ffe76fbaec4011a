import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify, type JWK } from 'jose'
import { identityWorld, secret } from './testing.ts'

/** Tokens that must not be accepted, each made from what an attacker, or a careless signer, can have. */

const encode = (value: string | object): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

const hmac = (input: string, key: Uint8Array | string): string =>
  createHmac('sha256', key).update(input).digest('base64url')

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
const jwk = rsa.publicKey.export({ format: 'jwk' })
/** Of the provider that is trusted while they try; its public key is public. */
const providerKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }) as JWK

interface Genuine {
  readonly token: string
  readonly parts: readonly [string, string, string]
  readonly claims: Record<string, unknown>
  /** Seconds. */
  readonly now: number
}

const good = { alg: 'HS256', typ: 'at+jwt' }

/** Signed with the real secret: what must be refused even then. */
const signed = (header: string | object, claims: string | object, key: Uint8Array | string = secret): string => {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${hmac(input, key)}`
}

const byRsa = (header: object, claims: object): string => {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), rsa.privateKey).toString('base64url')}`
}

const byEc = (header: object, claims: object): string => {
  const input = `${encode(header)}.${encode(claims)}`
  const key = { key: ec.privateKey, dsaEncoding: 'ieee-p1363' } as const
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`
}

const without = (claims: object, name: string): object =>
  Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name))

const raw = (claims: object, name: string, text: string): string =>
  JSON.stringify({ ...without(claims, name), [name]: '@' }).replace('"@"', text)

const forgeries: Readonly<Record<string, (from: Genuine) => string>> = {
  'nothing': () => '',
  'no dots': () => 'token',
  'two parts': ({ parts }) => `${parts[0]}.${parts[1]}`,
  'four parts': ({ token }) => `${token}.`,
  'five parts, as an encrypted one': ({ parts }) => `${parts[0]}.${parts[1]}.${parts[2]}.${parts[1]}.${parts[2]}`,
  'a prefix': ({ token }) => ` ${token}`,
  'a suffix': ({ token }) => `${token}\n`,
  'alg none, no signature': ({ claims }) => `${encode({ ...good, alg: 'none' })}.${encode(claims)}.`,
  'alg None': ({ claims }) => `${encode({ ...good, alg: 'None' })}.${encode(claims)}.`,
  'alg nOnE, the old signature': ({ claims, parts }) =>
    `${encode({ ...good, alg: 'nOnE' })}.${encode(claims)}.${parts[2]}`,
  'the header of ours, no signature': ({ parts }) => `${parts[0]}.${parts[1]}.`,
  'the signature of another payload': ({ parts, claims }) =>
    `${parts[0]}.${encode({ ...claims, sid: '2' })}.${parts[2]}`,
  'a signature cut short': ({ parts }) => `${parts[0]}.${parts[1]}.${parts[2].slice(0, 22)}`,
  'a signature spelled otherwise': ({ parts }) => {
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const index = last.indexOf(parts[2].at(-1)!)
    return `${parts[0]}.${parts[1]}.${parts[2].slice(0, -1)}${last[index ^ 1]}`
  },
  'a padded signature': ({ token }) => `${token}=`,
  'another secret': ({ claims }) => signed(good, claims, 'another secret'),
  'an empty secret': ({ claims }) => signed(good, claims, ''),
  'HS384 with the secret': ({ claims }) => {
    const input = `${encode({ ...good, alg: 'HS384' })}.${encode(claims)}`
    return `${input}.${createHmac('sha384', secret).update(input).digest('base64url')}`
  },
  'RS256 with a key of their own': ({ claims }) => byRsa({ ...good, alg: 'RS256' }, claims),
  'ES256 with a key of their own': ({ claims }) => byEc({ ...good, alg: 'ES256' }, claims),
  'HS256 with a public key as the secret': ({ claims }) => signed(good, claims, pem),
  "HS256 with the provider's public key as the secret": ({ claims }) =>
    signed({ ...good, kid: 'provider' }, claims, JSON.stringify(providerKey)),
  "RS256 with the provider's kid": ({ claims }) => byRsa({ ...good, alg: 'RS256', kid: 'provider' }, claims),
  'RS256 and a typ that is a number': ({ claims }) => byRsa({ alg: 'RS256', typ: 1, kid: 'provider' }, claims),
  'jwk in the header': ({ claims }) => byRsa({ ...good, alg: 'RS256', jwk }, claims),
  'jwk in the header, symmetric': ({ claims }) =>
    signed({ ...good, jwk: { kty: 'oct', k: encode('mine') } }, claims, 'mine'),
  'jku in the header': ({ claims }) => byRsa({ ...good, alg: 'RS256', jku: 'http://127.0.0.1:9/keys' }, claims),
  'x5u in the header': ({ claims }) => byRsa({ ...good, alg: 'RS256', x5u: 'http://127.0.0.1:9/cert' }, claims),
  'x5c in the header': ({ claims }) => byRsa({ ...good, alg: 'RS256', x5c: [encode(pem)] }, claims),
  'kid of a path, empty secret': ({ claims }) => signed({ ...good, kid: '../../dev/null' }, claims, ''),
  'kid of SQL': ({ claims }) => signed({ ...good, kid: "' OR 1=1--" }, claims),
  'kid of a NUL': ({ claims }) => signed({ ...good, kid: '\0' }, claims),
  'kid of 10 KB': ({ claims }) => signed({ ...good, kid: 'k'.repeat(10_240) }, claims),
  'kid, unknown': ({ claims }) => signed({ ...good, kid: 'unknown' }, claims),
  'crit': ({ claims }) => signed({ ...good, crit: ['x'], x: 1 }, claims),
  'b64 false': ({ claims }) => signed({ ...good, b64: false, crit: ['b64'] }, claims),
  'zip': ({ claims }) => signed({ ...good, zip: 'DEF' }, claims),
  'a header with alg twice': ({ claims }) => signed('{"alg":"none","alg":"HS256","typ":"at+jwt"}', claims),
  'a header that is no object': ({ claims }) => signed('[]', claims),
  'no alg': ({ claims }) => signed({ typ: 'at+jwt' }, claims),
  'no typ': ({ claims }) => signed({ alg: 'HS256' }, claims),
  'typ JWT, as an ID token': ({ claims }) => signed({ alg: 'HS256', typ: 'JWT' }, claims),
  'typ of a refresh token': ({ claims }) => signed({ alg: 'HS256', typ: 'rt+jwt' }, claims),
  'expired': ({ claims, now }) => signed(good, { ...claims, iat: now - 900, exp: now - 5 }),
  'nbf in the future': ({ claims, now }) => signed(good, { ...claims, nbf: now + 6 }),
  'iat in the future': ({ claims, now }) => signed(good, { ...claims, iat: now + 6 }),
  'older than any of ours': ({ claims, now }) => signed(good, { ...claims, iat: now - 906, exp: now + 900 }),
  'no exp': ({ claims }) => signed(good, without(claims, 'exp')),
  'exp as text': ({ claims, now }) => signed(good, { ...claims, exp: String(now + 900) }),
  'exp as a float': ({ claims, now }) => signed(good, { ...claims, exp: now + 900.5 }),
  'exp as 1e400': ({ claims }) => signed(good, raw(claims, 'exp', '1e400')),
  'exp past all whole numbers': ({ claims }) => signed(good, { ...claims, exp: 1e300 }),
  'exp null': ({ claims }) => signed(good, { ...claims, exp: null }),
  'no iat': ({ claims }) => signed(good, without(claims, 'iat')),
  'no aud': ({ claims }) => signed(good, without(claims, 'aud')),
  'another aud': ({ claims }) => signed(good, { ...claims, aud: 'tracker' }),
  'aud as a list with ours in it': ({ claims }) => signed(good, { ...claims, aud: ['switchboard', 'other'] }),
  'no iss': ({ claims }) => signed(good, without(claims, 'iss')),
  'another iss': ({ claims }) => signed(good, { ...claims, iss: 'https://switchboard' }),
  'no sub': ({ claims }) => signed(good, without(claims, 'sub')),
  'sub of an account that is not': ({ claims }) =>
    signed(good, { ...claims, sub: '00000000-0000-4000-8000-000000000000' }),
  'sub as a number': ({ claims }) => signed(good, { ...claims, sub: 1 }),
  'sub of SQL': ({ claims }) => signed(good, { ...claims, sub: "' OR 1=1--" }),
  'no sid': ({ claims }) => signed(good, without(claims, 'sid')),
  'sid of no login': ({ claims }) => signed(good, { ...claims, sid: '99' }),
  'sid of another account': ({ claims }) => signed(good, { ...claims, sid: '2' }),
  'sid as a number': ({ claims }) => signed(good, { ...claims, sid: 1 }),
  'sid of SQL': ({ claims }) => signed(good, { ...claims, sid: '1 OR 1=1' }),
  'sid spelled otherwise': ({ claims }) => signed(good, { ...claims, sid: '01' }),
  'no jti': ({ claims }) => signed(good, without(claims, 'jti')),
  'a claim twice': ({ claims }) => signed(good, JSON.stringify(claims).replace('{', '{"sub":"x",')),
  'claims with spaces': ({ claims }) => signed(good, JSON.stringify(claims, null, 1)),
  'claims that are a list': () => signed(good, '[]'),
  'claims that are no JSON': () => signed(good, '{'),
  'claims nested 20 000 deep': ({ claims }) => signed(good, raw(claims, 'x', '['.repeat(20_000) + ']'.repeat(20_000))),
  '1 MB': ({ claims }) => signed(good, { ...claims, x: 'x'.repeat(1 << 20) }),
}

test(`I-6 none of ${Object.keys(forgeries).length} forged tokens is accepted`, async (t) => {
  await using world = await identityWorld({
    provider: {
      url: 'http://127.0.0.1:9/keys',
      issuer: 'switchboard',
      audience: 'switchboard',
      keys: createLocalJWKSet({ keys: [{ ...providerKey, kid: 'provider', alg: 'RS256' }] }),
    },
  })
  const { access_token: token } = await world.register('ana')
  await world.register('bo')
  const parts = token.split('.') as [string, string, string]
  const claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString()) as Record<string, unknown>
  const genuine: Genuine = { token, parts, claims, now: world.clock.now() / 1000 }
  assert.equal(signed(good, claims), token, 'the forger writes as we do')
  await world.authenticate(signed(good, { ...claims, jti: 'another' }))
  for (const [name, forge] of Object.entries(forgeries)) {
    await t.test(name, async () => {
      const forged = forge(genuine)
      assert.notEqual(forged, token)
      await assert.rejects(world.authenticate(forged), (error: Error & { kind?: string }) => {
        assert.equal(error.kind, 'unauthenticated', String(error))
        assert.equal(error.cause, undefined)
        return !error.message.includes(parts[2])
      })
    })
  }
  assert.equal((await world.authenticate(token)).id, '1')
  assert.deepEqual(world.errors, [])
})

test('I-6 the table would find a lax verifier: jose without our pins accepts many of it', async () => {
  await using world = await identityWorld()
  const { access_token: token } = await world.register('ana')
  const parts = token.split('.') as [string, string, string]
  const claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString()) as Record<string, unknown>
  const genuine: Genuine = { token, parts, claims, now: world.clock.now() / 1000 }
  let accepted = 0
  for (const forge of Object.values(forgeries)) {
    const outcome = jwtVerify(forge(genuine), secret, { currentDate: new Date(world.clock.now()) })
    accepted += await outcome.then(() => 1, () => 0)
  }
  assert.ok(accepted > 20, `${accepted} accepted`)
})

test('I-6 a secret that is too short signs nothing', async () => {
  const short = new TextEncoder().encode('canary-of-31-bytes-canary-canar')
  await assert.rejects(identityWorld({ secret: short }), (error: Error) => {
    return /at least 32 bytes/.test(error.message) && !error.message.includes('canary')
  })
})
