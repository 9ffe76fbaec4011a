import assert from 'node:assert/strict'
import { test } from 'node:test'
import { raised } from './semver.ts'

test('a version is raised by its type and the parts below become 0', () => {
  assert.equal(raised('1.2.0', 'minor'), '1.3.0')
  assert.equal(raised('1.2.3', 'major'), '2.0.0')
  assert.equal(raised('1.2.3', 'minor'), '1.3.0')
  assert.equal(raised('1.2.3', 'patch'), '1.2.4')
  assert.equal(raised('0.0.0', 'patch'), '0.0.1')
  assert.equal(raised('9.99.999', 'minor'), '9.100.0')
})

test('what is not major.minor.patch is a fault of the server', () => {
  for (const wrong of ['', '1', '1.2', 'v1.2.3', '1.2.3-rc.1', '01.2.3', '1.2.3\n', '1.-2.3']) {
    assert.throws(() => raised(wrong, 'patch'), /major\.minor\.patch/, JSON.stringify(wrong))
  }
})
