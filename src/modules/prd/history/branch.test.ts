import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { branchFault, refOf } from './branch.ts'

const good = [
  'main', 'docs/prds', 'release-1.0', 'a', 'Übersicht', 'feature/OAuth2_x', 'x@y', 'heads/main', '文書', 'a.b',
]
const bad = [
  '', '-oProxyCommand=x', '--upload-pack=x', '-', 'ext::sh -c x', '../../x', '..', 'a..b', '.', '.git', 'a/.git/config',
  'refs/heads/main', 'refs/x', 'REFS/heads/x', 'main.lock', 'a.lock/b', 'A.LOCK', 'main.', '/main', 'main/', 'a//b',
  'a b', 'a\tb', 'a\nb', 'a\rb', 'a\0b', 'a\u007Fb', 'a~1', 'a^', 'a:b', ':main', '+a:b', 'a?b', 'a*', 'a[b', 'a\\b',
  'a@{1}',
  '@', 'HEAD', 'head', 'a\u00A0b', 'a\u2028b', 'a\u202Eb', 'a\uFEFFb', '\uD83D', 'x'.repeat(201), 'ü'.repeat(101),
]

test('the name of a branch cannot be an option, a path out of the repository or another kind of ref', () => {
  for (const name of good) assert.equal(branchFault(name), undefined, name)
  for (const name of bad) {
    assert.match(branchFault(name) ?? '', /^must /, JSON.stringify(name))
    assert.throws(() => refOf(name), /The name of a branch must/)
  }
  assert.equal(refOf('docs/prds'), 'refs/heads/docs/prds')
})

test('git takes every name that may be', () => {
  for (const name of good) assert.equal(spawnSync('git', ['check-ref-format', refOf(name)]).status, 0, name)
})
