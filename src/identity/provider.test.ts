import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import type { CommandError } from '../kernel/errors.ts'
import { identityWorld, password, type IdentityWorld } from './testing.ts'

const issuer = 'https://id.example.com'
const audience = 'switchboard-web'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwkOf = (key: KeyObject, kid: string, alg: string): object => ({
  ...key.export({ format: 'jwk' }),
  kid,
  alg,
  use: 'sig',
})
const keySet = { keys: [jwkOf(rsa.publicKey, 'r', 'RS256'), jwkOf(ec.publicKey, 'e', 'ES256')] }

interface Scene extends AsyncDisposable {
  readonly world: IdentityWorld
  /** @param claims undefined removes a claim */
  token(claims?: object, header?: object, key?: KeyObject): Promise<string>
  /** How often the key set was fetched. */
  fetched(): number
}

/** A provider on this machine that publishes its keys. */
async function scene(serves = { status: 200, body: JSON.stringify(keySet) }): Promise<Scene> {
  let fetched = 0
  const server = createServer((_, response) => {
    fetched += 1
    response.writeHead(serves.status, { 'content-type': 'application/json' }).end(serves.body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  // A test that fails before its end must not keep the process alive.
  server.unref()
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
  const world = await identityWorld({ provider: { url, issuer, audience } })
  return {
    world,
    fetched: () => fetched,
    token(claims = {}, header = {}, key = ec.privateKey) {
      const now = Math.floor(world.clock.now() / 1000)
      const all = { iss: issuer, aud: audience, sub: 'abc-1', jti: 'j1', iat: now, exp: now + 600, ...claims }
      return new SignJWT(all).setProtectedHeader({ alg: 'ES256', kid: 'e', typ: 'at+jwt', ...header }).sign(key)
    },
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

const isRefused = (error: CommandError): boolean => error.kind === 'unauthenticated'

test('I-13 an account is made at first sight and found again, by issuer and subject', async () => {
  await using at = await scene()
  const { world } = at
  await world.register('admin')
  const seen: string[] = []
  world.identity.observe({
    created: async (_, account) => void seen.push(account.username),
    updated: () => Promise.resolve(),
    statusChanged: () => Promise.resolve(),
  })
  const profile = { preferred_username: 'Jörg Müller', email: 'joerg@example.com', name: 'Jörg Müller' }
  const first = await world.authenticate(await at.token(profile))
  assert.deepEqual(
    [first.account.username, first.account.email, first.account.displayName, first.account.role],
    ['Jorg-Muller', 'joerg@example.com', 'Jörg Müller', 'reporter'],
  )
  assert.equal(first.expiresAt, world.clock.now() + 600_000)
  const later = { jti: 'j2', email: 'new@example.com' }
  const again = await world.authenticate(await at.token(later, { kid: 'r', alg: 'RS256' }, rsa.privateKey))
  assert.equal(again.account.id, first.account.id)
  assert.equal(again.account.email, 'joerg@example.com', 'what is here is not changed from outside')
  assert.notEqual(again.id, first.id)
  const other = await world.authenticate(await at.token({ sub: 'abc-2' }))
  assert.notEqual(other.account.id, first.account.id)
  assert.deepEqual(seen, ['Jorg-Muller', 'abc-2'])
  assert.equal(at.fetched(), 1)
})

test('I-13 seen for the first time twice at once, it is one account', async () => {
  await using at = await scene()
  const tokens = await Promise.all([at.token(), at.token({ jti: 'j2' })])
  const both = await Promise.all(tokens.map((token) => at.world.authenticate(token)))
  assert.equal(both[0]!.account.id, both[1]!.account.id)
  assert.equal(await at.world.identity.countAccounts(), 1)
  assert.equal(both[0]!.account.role, 'admin', 'I-2: the first account, by whichever door')
})

test('I-13 an e-mail address never links to an account that has it', async () => {
  await using at = await scene()
  const { user } = await at.world.register('ana')
  const claims = { email: 'ANA@example.com', preferred_username: 'ana' }
  const { account } = await at.world.authenticate(await at.token(claims))
  assert.notEqual(account.id, user.id)
  assert.equal(account.username, 'ana-2')
  assert.equal(account.email, `${account.uuid}@users.invalid`)
})

test('I-13 names are made unique, and of whatever there is', async () => {
  await using at = await scene()
  const names: string[] = []
  const add = async (sub: string, claims: object) => {
    names.push((await at.world.authenticate(await at.token({ sub, ...claims }))).account.username)
  }
  for (let i = 0; i < 11; i += 1) await add(`s${i}`, { preferred_username: 'x'.repeat(40) })
  await add('t1', { email: 'local.part@example.com' })
  await add('t2', { email: 'lie@example.com', email_verified: false })
  await add('名', { preferred_username: 7, email: ['a'], name: '\u202e' })
  assert.equal(names[0], 'x'.repeat(32))
  assert.equal(names[8], `${'x'.repeat(30)}-9`)
  assert.match(names[10]!, /^x{23}-[0-9a-f]{8}$/)
  assert.deepEqual(names.slice(11), ['local.part', 't2', 'user'])
  assert.equal(new Set(names).size, names.length)
})

test('I-13 what the provider did not sign for us now is refused', async (t) => {
  await using at = await scene()
  const { world } = at
  const now = Math.floor(world.clock.now() / 1000)
  const genuine = await at.token()
  const [header, payload] = genuine.split('.') as [string, string, string]
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
  const cases: Record<string, string> = {
    'another issuer': await at.token({ iss: 'https://evil.example.com' }),
    'no issuer': await at.token({ iss: undefined }),
    'another audience': await at.token({ aud: 'other' }),
    'no audience': await at.token({ aud: undefined }),
    'an unknown kid': await at.token({}, { kid: 'unknown' }),
    'a key that is not published': await at.token({}, {}, stranger.privateKey),
    'an algorithm that is not pinned': await at.token({}, { alg: 'PS256', kid: 'r' }, rsa.privateKey),
    'the key of the other algorithm': await at.token({}, { alg: 'RS256', kid: 'e' }, rsa.privateKey),
    'expired': await at.token({ iat: now - 600, exp: now - 5 }),
    'from the future': await at.token({ iat: now + 6 }),
    'not valid yet': await at.token({ nbf: now + 6 }),
    'no exp': await at.token({ exp: undefined }),
    'exp as a float': await at.token({ exp: now + 0.5 }),
    'no iat': await at.token({ iat: undefined }),
    'no sub': await at.token({ sub: undefined }),
    'an empty sub': await at.token({ sub: '' }),
    'a sub of 256 characters': await at.token({ sub: 's'.repeat(256) }),
    'a sub with a NUL': await at.token({ sub: 'a\0' }),
    'a jti that is a number': await at.token({ jti: 1 }),
    'a logout token': await at.token({}, { typ: 'logout+jwt' }),
    'no signature': `${header}.${payload}.`,
    'HS256 with the public key as the secret': hs256({ kid: 'r' }, payload, pem),
    'HS256 with the published key set as the secret': hs256({ kid: 'e' }, payload, JSON.stringify(keySet)),
    'ours for theirs: HS256 with our type': hs256({ typ: 'at+jwt' }, payload, JSON.stringify(keySet.keys[0])),
  }
  for (const [name, token] of Object.entries(cases)) {
    await t.test(name, () => assert.rejects(world.authenticate(token), isRefused))
  }
  assert.equal(await world.identity.countAccounts(), 0)
  assert.deepEqual(world.errors, [])
  await world.authenticate(genuine)
  assert.ok(at.fetched() <= 2, `${at.fetched()} fetches: unknown keys must not make us fetch each time`)
})

function hs256(header: object, payload: string, key: string): string {
  const input = `${Buffer.from(JSON.stringify({ alg: 'HS256', ...header })).toString('base64url')}.${payload}`
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
}

test('I-13 an audience list with ours in it is right, and so are tokens without typ or jti', async () => {
  await using at = await scene()
  const token = await at.token({ aud: ['account', audience], jti: undefined }, { typ: undefined })
  const list = await at.world.authenticate(token)
  assert.match(list.id, /^[\w-]{43}$/)
})

test('I-13 a malleated signature is still the same session, so that revoking it holds', async () => {
  await using at = await scene()
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const token = await at.token()
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const bytes = Buffer.from(signature, 'base64url')
  const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
  const twin = `${header}.${payload}.${other.toString('base64url')}`
  const { id } = await at.world.authenticate(token)
  assert.equal((await at.world.authenticate(twin)).id, id)
  assert.equal((await at.world.call('POST', '/logout', { token })).status, 204)
  assert.deepEqual(at.world.cuts(), [`session:${id}`])
  for (const one of [token, twin]) await assert.rejects(at.world.authenticate(one), isRefused)
  await at.world.authenticate(await at.token({ jti: 'j2' }))
})

test('I-9 logging out everywhere refuses every outside token issued before; deactivating all of them', async () => {
  await using at = await scene()
  const { world } = at
  const { user: admin } = await world.register('admin')
  const [one, two] = [await at.token(), await at.token({ jti: 'j2' })]
  const { account } = await world.authenticate(two)
  world.clock.advance(1_000)
  assert.equal((await world.call('POST', '/logout-all', { token: one })).status, 204)
  assert.deepEqual(world.cuts(), [`account:${account.id}`])
  for (const token of [one, two]) await assert.rejects(world.authenticate(token), isRefused)
  world.clock.advance(1_000)
  const three = await at.token({ jti: 'j3' })
  await world.authenticate(three)
  await world.identity.actions.setStatus({ accountId: admin.id }, account.id, 'inactive')
  await assert.rejects(world.authenticate(three), isRefused)
})

test('I-13 an outside account has no password to change or to log in with', async () => {
  await using at = await scene()
  const { world } = at
  const token = await at.token({ preferred_username: 'ana' })
  const body = { current_password: password, new_password: 'new password' }
  assert.equal((await world.call('POST', '/password', { token, body })).status, 409)
  assert.equal((await world.call('POST', '/login', { body: { username: 'ana', password } })).status, 401)
  assert.deepEqual((await world.call('GET', '/logins', { token })).body, [])
  assert.equal((await world.call('GET', '/me', { token })).body.username, 'ana')
})

test('I-13 a provider that does not answer is told of as such, and our own tokens go on', async () => {
  await using at = await scene({ status: 500, body: 'secret inside' })
  const { access_token } = await at.world.register('ana')
  await assert.rejects(at.world.authenticate(await at.token()), (error: CommandError) => {
    return error.kind === 'unavailable' && error.retryAfter === 5 && error.cause === undefined
  })
  assert.equal(at.world.errors.length, 1)
  await at.world.authenticate(access_token)
})

test('I-13 without a provider no outside token is looked at', async () => {
  await using at = await scene()
  await using other = await identityWorld()
  await assert.rejects(other.authenticate(await at.token()), isRefused)
})

test('I-12 revocations of outside tokens are removed once the tokens have ended', async () => {
  await using at = await scene()
  const { world } = at
  const token = await at.token()
  await world.call('POST', '/logout', { token })
  world.clock.advance(2 * 24 * 60 * 60 * 1000)
  await world.unitOfWork.run((unit) => world.identity.expire(unit, unit.now))
  await assert.rejects(world.authenticate(token), { kind: 'unauthenticated', message: /expired/ })
})
