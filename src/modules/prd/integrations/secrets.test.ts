import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSecrets, sealSecrets } from './secrets.ts'

const secret = new TextEncoder().encode('a secret of the tests, 32 bytes or more')
const place = { organization: 1, kind: 'jira' } as const

test('secrets come back where they were sealed, and are sealed anew each time', () => {
  const secrets = { apiToken: 'tökén', other: '' }
  const sealed = sealSecrets(secret, place, secrets)
  assert.deepEqual(openSecrets(secret, place, sealed), secrets)
  assert.notEqual(sealSecrets(secret, place, secrets), sealed)
  assert.doesNotMatch(Buffer.from(sealed, 'base64url').toString('latin1'), /apiToken|t.k.n/)
})

test('they open for no other organization, kind or server, and not once a bit was changed', () => {
  const sealed = sealSecrets(secret, place, { apiToken: 'token' })
  assert.equal(openSecrets(secret, { ...place, organization: 11 }, sealed), undefined)
  assert.equal(openSecrets(secret, { ...place, kind: 'git' }, sealed), undefined)
  assert.equal(openSecrets(new TextEncoder().encode('another secret, 32 bytes or more'), place, sealed), undefined)
  const bytes = Buffer.from(sealed, 'base64url')
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes)
    changed[i]! ^= 1
    assert.equal(openSecrets(secret, place, changed.toString('base64url')), undefined, `byte ${i}`)
  }
  for (const text of ['', 'x', sealed.slice(0, 30), sealed.slice(0, -2), '💥']) {
    assert.equal(openSecrets(secret, place, text), undefined)
  }
})
