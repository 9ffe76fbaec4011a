import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommandError } from '../kernel/errors.ts'
import { leastMs } from '../testing/effort.ts'
import { checkFields, keyOf, passes } from './fields.ts'

type Field = Parameters<typeof passes>[0]

const good: Partial<Record<Field, readonly string[]>> = {
  username: ['ab', 'Ana', 'a.b_c-9', 'x'.repeat(32)],
  email: ['a@b.co', 'first.last+tag@sub.example.org', `${'l'.repeat(64)}@example.com`, "o'neil@example.ie"],
  password: ['12345678', 'x'.repeat(200), '😀'.repeat(200), 'with spaces in it'],
  display_name: ['A', 'Zoë 名前 O’Neil', '❤️ emoji', 'x'.repeat(80), '  padded  '],
}

const bad: Partial<Record<Field, readonly string[]>> = {
  username: ['', 'a', 'x'.repeat(33), 'with space', 'ünder', 'a@b', 'a/b', 'a\n', 'а'.repeat(3), 'a\u200bb'],
  email: [
    '',
    'a',
    'a@b',
    '@b.co',
    'a@',
    'a b@c.de',
    'a@b..co',
    'a@-b.co',
    'a@b.co\r\nBcc: x@y.zz',
    `${'l'.repeat(65)}@example.com`,
    `a@${'b'.repeat(64)}.co`,
    `a@${'b.'.repeat(130)}co`,
    'x@users.invalid',
    'x@USERS.invalid',
  ],
  password: ['', '1234567', 'x'.repeat(201), '😀'.repeat(7), `${'x'.repeat(8)}\ud800`],
  display_name: [
    '',
    '   ',
    'x'.repeat(81),
    'a\nb',
    'a\u0000',
    'a\u202eb',
    'a\u200bb',
    '\u2066x',
    '\u3164',
    'a\u{e0041}',
    '\ufeffa',
  ],
}

for (const field of Object.keys(good) as Field[]) {
  test(`I-3 ${field}: what is right passes, what is wrong is named`, () => {
    for (const value of good[field]!) assert.ok(passes(field, value), JSON.stringify(value))
    for (const value of bad[field]!) {
      assert.ok(!passes(field, value), JSON.stringify(value))
      assert.throws(
        () => checkFields({ [field]: value }),
        (error: CommandError) => error.kind === 'invalid' && error.details![field]!.startsWith('must'),
      )
    }
  })
}

test('I-3 every bad field is named at once; absent ones are not', () => {
  assert.throws(
    () => checkFields({ username: '!', email: 'x', display_name: undefined }),
    (error: CommandError) => Object.keys(error.details!).join() === 'username,email',
  )
})

test('I-1 case and compatibility forms make no difference', () => {
  assert.equal(keyOf('ANA'), keyOf('ana'))
  assert.equal(keyOf('ａｎａ'), 'ana')
})

test('I-3 checks take no time over hostile text', () => {
  const took = leastMs(() => {
    for (const text of ['a'.repeat(1_000), 'a.'.repeat(500), `${'a'.repeat(64)}@${'a-'.repeat(90)}`, '@'.repeat(1_000)]) {
      for (const field of Object.keys(good) as Field[]) passes(field, text)
    }
  })
  assert.ok(took < 100, `${took} ms`)
})
