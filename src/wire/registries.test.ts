import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closes } from './closes.ts'
import { errors } from './errors.ts'

test('a close code has one meaning, and its range is one an application may use', () => {
  const all = Object.values(closes)
  assert.equal(new Set(all.map(({ code }) => code)).size, all.length)
  assert.equal(new Set(all.map(({ meaning }) => meaning)).size, all.length)
  for (const { code } of all) {
    // 1004–1006 and 1015 are never sent (RFC 6455, 7.4.1).
    assert.ok([1000, 1001, 1008, 1009, 1011].includes(code) || (code >= 4400 && code <= 4499), String(code))
  }
})

test('the range of a close is its retry policy: 4400–4407 do not come back unchanged', () => {
  for (const [kind, { code, retry }] of Object.entries(closes)) {
    if (code >= 4400 && code < 4408) assert.equal(retry, false, kind)
    if (code >= 4408) assert.equal(retry, true, kind)
  }
})

test('an error has one meaning, and an HTTP status that fits whether a retry may succeed', () => {
  const all = Object.entries(errors)
  assert.equal(new Set(all.map(([, { meaning }]) => meaning)).size, all.length)
  assert.equal(new Set(all.map(([, { http }]) => http)).size, all.length)
  for (const [kind, { http, retry }] of all) {
    assert.ok(http >= 400 && http < 600, kind)
    assert.equal(retry, http === 429 || http >= 500, kind)
  }
})
