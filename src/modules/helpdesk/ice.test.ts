import assert from 'node:assert/strict'
import { test } from 'node:test'
import { iceConfiguration, isStunUrl, isTurnUrl, turnCredential, type IceSettings } from './ice.ts'

const bare: IceSettings = { stunUrls: [], turnUrls: [], turnSecret: '', turnCredentialMs: 3_600_000, icePolicy: 'all' }

test('a TURN credential is the HMAC of its expiry and account, to the letter of the draft', () => {
  // Made with: printf 1767615600:42 | openssl dgst -sha1 -hmac north -binary | base64
  assert.deepEqual(turnCredential('north', 1_767_615_600, 42), {
    username: '1767615600:42',
    credential: 'MTOxeHtSVIwiAakc5meVjFzqXEg=',
  })
})

test('without servers in the settings a browser is told of none, and nothing expires', () => {
  assert.deepEqual(iceConfiguration(bare, 42, 0), { iceServers: [], iceTransportPolicy: 'all', expiresAt: null })
})

test('STUN comes without credentials, TURN with ones that are good for the set time from now', () => {
  const settings: IceSettings = {
    ...bare,
    stunUrls: ['stun:a.example:3478'],
    turnUrls: ['turn:b.example:3478?transport=udp', 'turns:b.example'],
    turnSecret: 'north',
    icePolicy: 'relay',
  }
  assert.deepEqual(iceConfiguration(settings, 42, Date.UTC(2026, 0, 5, 11, 20) + 999), {
    iceServers: [
      { urls: settings.stunUrls },
      { urls: settings.turnUrls, ...turnCredential('north', 1_767_615_600, 42) },
    ],
    iceTransportPolicy: 'relay',
    expiresAt: '2026-01-05T12:20:00.000Z',
  })
})

test('addresses a browser would refuse are told from those it takes', () => {
  for (const url of ['stun:a.example', 'stuns:a.example:5349', 'stun:[2001:db8::1]:3478', 'STUN:10.0.0.1']) {
    assert.ok(isStunUrl(url), url)
  }
  for (const url of ['turn:a.example', 'turns:a.example:5349?transport=tcp', 'turn:[::1]:3478?transport=udp']) {
    assert.ok(isTurnUrl(url), url)
  }
  for (const url of ['a.example', 'stun://a.example', 'stun:', 'stun:a.example?transport=udp', 'turn:a.example', '']) {
    assert.ok(!isStunUrl(url), url)
  }
  for (const url of ['turn://a.example', 'turn:a?transport=sctp', 'turn:a b', 'turn:a:port', 'stun:a.example']) {
    assert.ok(!isTurnUrl(url), url)
  }
})
