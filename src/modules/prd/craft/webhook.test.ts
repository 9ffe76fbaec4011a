import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signatureFor, TOLERANCE_MS, verifyDelivery } from './webhook.ts'

/** The example of the Standard Webhooks specification. */
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const ID = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
const SENT = 1_614_265_330
const BODY = '{"test": 2432232314}'
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
const NOW = SENT * 1_000

const signed = (changes: Record<string, string | undefined> = {}) => ({
  'webhook-id': ID,
  'webhook-timestamp': String(SENT),
  'webhook-signature': SIGNATURE,
  ...changes,
})
const verify = (headers = signed(), { secret = SECRET, body = BODY, now = NOW } = {}) =>
  verifyDelivery(secret, headers, Buffer.from(body), now)

test('a delivery signed as the Standard Webhooks specification shows is taken', () => {
  assert.deepEqual(verify(), { id: ID, sentAt: NOW })
  assert.equal(signatureFor(SECRET, ID, SENT, BODY), SIGNATURE)
  const several = `v1a,x v1,AAAA ${SIGNATURE}`
  assert.ok(verify(signed({ 'webhook-signature': several })), 'one of several, while the secret is being changed')
  const plain = 'a secret that is no Base64'
  assert.ok(verify(signed({ 'webhook-signature': signatureFor(plain, ID, SENT, BODY) }), { secret: plain }))
})

test('what is altered, late, early, unsigned or signed by another is refused', () => {
  assert.equal(verify(signed(), { body: `${BODY} ` }), undefined)
  for (const [name, value] of [
    ['webhook-id', 'msg_other'],
    ['webhook-id', undefined],
    ['webhook-timestamp', String(SENT + 1)],
    ['webhook-timestamp', `${SENT}.0`],
    ['webhook-timestamp', undefined],
    ['webhook-signature', undefined],
    ['webhook-signature', ''],
    ['webhook-signature', SIGNATURE.slice(3)],
    ['webhook-signature', SIGNATURE.replace('v1', 'v2')],
    ['webhook-signature', `v1,${'A'.repeat(100_000)}`],
    ['webhook-signature', `${'v1,x '.repeat(10)}${SIGNATURE}`],
  ] as const) {
    assert.equal(verify(signed({ [name]: value })), undefined, `${name}: ${value?.slice(0, 60)}`)
  }
  const last = NOW + TOLERANCE_MS
  assert.ok(verify(signed(), { now: last }) && verify(signed(), { now: NOW - TOLERANCE_MS }))
  assert.equal(verify(signed(), { now: last + 1 }), undefined)
  assert.equal(verify(signed(), { now: NOW - TOLERANCE_MS - 1 }), undefined)
  assert.equal(verify(signed(), { secret: 'another' }), undefined)
  assert.equal(verifyDelivery(undefined, signed(), Buffer.from(BODY), NOW), undefined)
})

test('a secret that decodes to next to nothing is taken as it is written', () => {
  const empty = signatureFor('', ID, SENT, BODY)
  for (const secret of ['whsec_', 'whsec_!!!!', 'whsec_AAAA']) {
    assert.equal(verify(signed({ 'webhook-signature': empty }), { secret }), undefined)
    assert.ok(verify(signed({ 'webhook-signature': signatureFor(secret, ID, SENT, BODY) }), { secret }))
  }
})

test('ids that are no single visible word, or too long, are refused though they are signed', () => {
  for (const id of ['', 'a b', 'x'.repeat(201), 'ä']) {
    const headers = signed({ 'webhook-id': id, 'webhook-signature': signatureFor(SECRET, id, SENT, BODY) })
    assert.equal(verify(headers), undefined, id)
  }
})
