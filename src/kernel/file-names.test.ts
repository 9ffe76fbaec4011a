import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../testing/random.ts'
import { CommandError } from './errors.ts'
import { checkFileName, contentDisposition } from './file-names.ts'

const { seed } = seeded()

test('names that people give are taken as they are', () => {
  for (const name of [
    'a',
    'report.pdf',
    '.gitignore',
    'no extension',
    'Résumé – final (2).docx',
    '履歴書.pdf',
    'שלום.txt',
    '🦊.png',
    'it\'s "quoted"; 100%.txt',
    'a..b',
    '-rf',
    'console.log',
    'com10.txt',
    'my con.txt',
    'x'.repeat(255),
    `${'ż'.repeat(127)}x`,
  ]) {
    assert.equal(checkFileName(name), name)
  }
})

test('a name is the same whichever system it came from', () => {
  assert.equal(checkFileName('cafe\u0301.txt'), 'caf\u00e9.txt')
})

test('names that lead elsewhere, hide what they are or cannot be saved are refused with advice', () => {
  for (const [advice, names] of [
    [/must have a name$/, ['']],
    [/without \/ and \\/, ['a/b', '../etc/passwd', '/', 'C:\\fakepath\\a.txt', '\\', 'a\\']],
    [/not \. or \.\./, ['.', '..']],
    [
      /invisible characters/,
      ['a\0b', 'a\nb', 'a\r\nX-Evil: 1', '\x7f', '\x85', 'a\u202egnp.exe', '\u2066a', 'a\u200bb', 'a\ufeff', '\u00ad'],
    ],
    [/invisible characters/, ['a\u2028b', '\ud83d', 'a\udc00.txt', 'not utf-8 \ufffd', '\u{e0041}']],
    [/end in a dot or a space/, ['a.', 'a ', 'a. ', 'a\u00a0', '...', ' ']],
    [
      /device of Windows/,
      ['con', 'CON', 'nul.txt', 'Aux.tar.gz', 'com1', 'COM9.log', 'lpt0.x', 'com¹', 'prn .txt', 'conin$', 'nul:x'],
    ],
    [/at most 255 bytes/, ['x'.repeat(256), 'ż'.repeat(128), '🦊'.repeat(64)]],
  ] as const) {
    for (const name of names) {
      assert.throws(
        () => checkFileName(name),
        (error) => {
          assert.ok(error instanceof CommandError && error.kind === 'invalid')
          assert.match(error.details!['file']!, advice)
          return true
        },
        JSON.stringify(name),
      )
    }
  }
})

test('what is taken can be saved, and is taken again as it is', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' })), (name) => {
      let taken: string
      try {
        taken = checkFileName(name)
      } catch (error) {
        assert.ok(error instanceof CommandError)
        return
      }
      assert.equal(checkFileName(taken), taken)
      assert.doesNotMatch(taken, /[/\\\p{Cc}\p{Cf}\p{Cs}]/u)
      assert.ok(Buffer.byteLength(taken) <= 255)
    }),
    { seed, numRuns: 2_000 },
  )
})

test('a disposition names the file twice: for everybody, and in full', () => {
  assert.equal(contentDisposition('inline', 'cat.png'), `inline; filename="cat.png"; filename*=UTF-8''cat.png`)
  assert.equal(
    contentDisposition('attachment', `€ "rates"\\100%'(*).txt`),
    `attachment; filename="_ _rates__100_'(*).txt"; filename*=UTF-8''%E2%82%AC%20%22rates%22%5C100%25%27%28%2A%29.txt`,
  )
})

test('no name breaks out of a disposition, not even one that was never checked', () => {
  const breaking = ['"', '\\', '\r\n', '\n', '\0', ';', "'", '%', '=']
  const nasty = fc.constantFrom(...breaking, 'x', '🦊', '\ud800', '\udfff', '\u202e')
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: nasty })), (name) => {
      const header = contentDisposition('attachment', name)
      const match = /^attachment; filename="([ !#$&-[\]-~]*)"; filename\*=UTF-8''([\w!#$&+\-.^`|~%]*)$/.exec(header)
      assert.ok(match, JSON.stringify(header))
      assert.equal(decodeURIComponent(match[2]!), name.toWellFormed())
    }),
    { seed, numRuns: 2_000 },
  )
})
