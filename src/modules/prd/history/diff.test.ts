import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { applyPatch } from 'diff'
import { leastMs } from '../../../testing/effort.ts'
import { seeded, type Random } from '../../../testing/random.ts'
import { editsBetween, unifiedDiff } from './diff.ts'

const random = seeded()

const patchOf = (from: string, to: string): string =>
  unifiedDiff({ name: 'prd_12.md', from: { label: '1.2.0', text: from }, to: { label: '1.3.0', text: to } })

function check(from: string, to: string): void {
  checkPatch(from, to)
  checkEdits(from, to)
}

function checkPatch(from: string, to: string): void {
  const patch = patchOf(from, to)
  const where = JSON.stringify([from.slice(0, 300), to.slice(0, 300)])
  assert.equal(patch, patchOf(from, to), where)
  if (from === to) assert.equal(patch, '')
  else assert.equal(applyPatch(from, patch, { autoConvertLineEndings: false }), to, where)
}

function checkEdits(from: string, to: string): void {
  const where = JSON.stringify([from.slice(0, 300), to.slice(0, 300)])
  let text = from
  let done = 0
  for (const { at, removed, inserted } of editsBetween(from, to)) {
    assert.ok(at >= done && removed + inserted.length > 0, where)
    text = text.slice(0, at) + inserted + text.slice(at + removed)
    done = at + inserted.length
    if (text.length < 5_000) assert.ok(text.isWellFormed() && inserted.isWellFormed(), where)
  }
  assert.equal(text, to, where)
}

const WORDS = ['the', 'shall', 'OAuth2', 'limit', '😀', '😁', '👩‍👩‍👧', 'é', '漢字', ' ', '  ', '-', '.', '\t', '\r']
const prose = (random: Random, words: number, newlines: number): string =>
  Array.from({ length: words }, () => (random.int(newlines) === 0 ? '\n' : random.pick(WORDS))).join('')

test('whatever was changed, the edits and the patch make the new text of the old', (t) => {
  t.diagnostic(`seed ${random.seed}`)
  for (let i = 0; i < 1_000; i += 1) {
    const from = prose(random, random.int(60), 2 + random.int(8))
    let to = from
    for (let changes = random.int(5); changes > 0; changes -= 1) {
      // A place between code points: what is cut there is whole.
      const points = [...to]
      const at = random.int(points.length + 1)
      points.splice(at, random.int(6), prose(random, random.int(4), 3))
      to = points.join('')
    }
    check(from, to)
    check(from, prose(random, random.int(30), 3))
  }
  const small = ['', 'a', '\n', 'a\n', 'a\r\n', 'a\n\n', '😀', '😁', '😀😁']
  for (const from of small) for (const to of small) check(from, to)
})

test('what did not change is left alone', () => {
  const from = '# Login\n\nUsers shall log in with OAuth2 tokens.\n\nOld paragraph.\n\n## Limits\n100 a minute 😀\n'
  const to = '# Login\n\nUsers must log in with OAuth2 keys.\n\n## Limits\n100 a minute 😁\nand an hour\n'
  assert.deepEqual(editsBetween(from, to), [
    { at: 15, removed: 5, inserted: 'must' },
    { at: 39, removed: 22, inserted: 'keys' },
    { at: 69, removed: 2, inserted: '😁\nand an hour' },
  ])
  assert.equal(patchOf(from, to), `--- a/prd_12.md\t1.2.0
+++ b/prd_12.md\t1.3.0
@@ -1,8 +1,7 @@
 # Login
${' '}
-Users shall log in with OAuth2 tokens.
-
-Old paragraph.
+Users must log in with OAuth2 keys.
${' '}
 ## Limits
-100 a minute 😀
+100 a minute 😁
+and an hour
`)
  const moved = editsBetween('one two three four five six', 'one TWO three four FIVE six')
  assert.deepEqual(moved, [{ at: 4, removed: 3, inserted: 'TWO' }, { at: 19, removed: 4, inserted: 'FIVE' }])
})

test('git applies the patch', { skip: spawnSync('git', ['--version']).status !== 0 }, (t) => {
  t.diagnostic(`seed ${random.seed}`)
  const folder = mkdtempSync(join(tmpdir(), 'diff-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'prd_12.md')
  for (let i = 0; i < 12; i += 1) {
    const from = prose(random, 200, 3)
    const to = from.replaceAll('limit', () => random.pick(WORDS)).slice(0, -random.int(3) || undefined).toWellFormed()
    writeFileSync(file, from)
    const env = { ...process.env, GIT_CEILING_DIRECTORIES: folder, GIT_CONFIG_GLOBAL: '/dev/null' }
    const input = patchOf(from, to)
    const { status, stderr } = spawnSync('git', ['apply', '--whitespace=nowarn', '-'], { cwd: folder, env, input })
    assert.equal(status, from === to ? 128 : 0, stderr.toString())
    assert.equal(readFileSync(file, 'utf8'), to)
  }
})

test('a label is one line of the header, whatever it says', () => {
  const label = '1.0\n+++ b/other\r\n@@ -1 +1 @@\0'
  const patch = unifiedDiff({ name: 'prd_1.md', from: { label, text: 'a' }, to: { label: '', text: 'b' } })
  const header = ['--- a/prd_1.md\t1.0 +++ b/other @@ -1 +1 @@', '+++ b/prd_1.md', '@@ -1,1 +1,1 @@']
  assert.deepEqual(patch.split('\n').slice(0, 3), header)
})

test('hostile texts take bounded effort and get a right answer', (t) => {
  t.diagnostic(`seed ${random.seed}`)
  const letters = (alphabet: string, length: number): string => {
    let text = ''
    for (let i = 0; i < length; i += 1) text += alphabet[random.int(alphabet.length)]!
    return text
  }
  const hostile: readonly (readonly [string, (units: number) => readonly [string, string]])[] = [
    ['nothing in common', (units) => [letters('abc d\n', units), letters('xyz\tw\r', units)]],
    ['few kinds of lines', (units) => [letters('ab\n', units), letters('ab\n', units)]],
    ['few kinds of words', (units) => [letters('ab ', units), letters('ab ', units)]],
    ['one word', (units) => ['ab'.repeat(units / 2), 'ba'.repeat(units / 2)]],
    ['only signs', (units) => [letters('.,;', units), letters('.,;', units)]],
    ['only ends of lines', (units) => ['\n'.repeat(units), '\r\n'.repeat(units / 2)]],
    ['periods that do not meet', (units) => ['a\nb\nc\n'.repeat(units / 6), 'a\nb\n'.repeat(units / 4)]],
    ['unique again and again', (units) => [nested(units / 6, 0), nested(units / 6, 1)]],
    ['pairs', (units) => ['😀'.repeat(units / 2), '😁😀'.repeat(units / 4)]],
  ]
  for (const [what, texts] of hostile) {
    check(...texts(9_600))
    const [from, to] = texts(what === 'nothing in common' ? 1_000_000 : 240_000)
    const edits = leastMs(() => checkEdits(from, to), 1)
    const patch = leastMs(() => patchOf(from, to), 1)
    t.diagnostic(`${what}: edits ${edits.toFixed(0)} ms, patch ${patch.toFixed(0)} ms`)
    assert.ok(edits < 2_000 && patch < 3_000, what)
  }
  checkPatch('a\nb\n'.repeat(51_000), 'c\na\n'.repeat(51_000))
})

/** Taking its ends away makes the next line unique, all the way in. */
function nested(lines: number, step: number): string {
  return Array.from({ length: lines }, (_, i) => `${i % 2 ? i + 2 + step : i}\n`).join('')
}

test('a thousand edits at most, the nearest taken together', () => {
  const lines = Array.from({ length: 3_000 }, (_, i) => `line ${i} ${i % 2 ? 'stays' : 'goes'} ${'.'.repeat(i % 40)}\n`)
  const from = lines.join('')
  const to = from.replaceAll('goes', 'went')
  assert.equal(editsBetween(from, to).length, 1_000)
  assert.equal(editsBetween(from, from.replaceAll('9 stays', '9 remains')).length, 300)
  check(from, to)
})
