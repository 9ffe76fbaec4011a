import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CommandError } from '../../kernel/errors.ts'
import { leastMs } from '../../testing/effort.ts'
import { checkEmoji } from './emoji.ts'

const JOINER = '\u{200d}'
const STYLE = '\u{fe0f}'
const TONES = ['', '\u{1f3fb}', '\u{1f3fc}', '\u{1f3fd}', '\u{1f3fe}', '\u{1f3ff}']

const refused = (text: string): void =>
  assert.throws(
    () => checkEmoji(text),
    (error: CommandError) => error.kind === 'invalid' && 'emoji' in (error.details ?? {}),
    JSON.stringify(text.slice(0, 20)),
  )

/** Every emoji this Node knows: candidates are built from their parts, and its own property says which are one. */
function everyEmoji(): ReadonlySet<string> {
  const found = new Set<string>()
  const one = /^\p{RGI_Emoji}$/v
  const add = (...parts: readonly string[]): void => {
    const text = parts.join(JOINER)
    if (one.test(text)) found.add(text)
  }
  const characters: string[] = []
  for (let code = 0; code < 0x20000; code += 1) {
    const text = String.fromCodePoint(code)
    if (/\p{Emoji}/v.test(text)) characters.push(text)
  }
  const styled = characters.map((text) => (/\p{Emoji_Presentation}/v.test(text) ? text : text + STYLE))
  const hands = characters.filter((text) => /\p{Emoji_Modifier_Base}/v.test(text))
  const toned = hands.flatMap((text) => TONES.map((tone) => text + tone))
  for (const text of [...styled, ...toned, ...characters.map((key) => `${key}${STYLE}\u{20e3}`)]) add(text)
  const letters = Array.from({ length: 26 }, (_, i) => String.fromCodePoint(0x1f1e6 + i))
  for (const a of letters) for (const b of letters) add(a + b)
  for (const land of ['gbeng', 'gbsct', 'gbwls']) {
    add(`🏴${Array.from(land, (c) => String.fromCodePoint(0xe0000 + c.charCodeAt(0))).join('')}\u{e007f}`)
  }
  for (const a of new Set([...styled, ...toned])) for (const b of styled) add(a, b)
  for (const a of [...found].filter((text) => text.includes(JOINER))) for (const b of styled) add(a, b)
  const people = ['👨', '👩', '🧑'].flatMap((text) => TONES.map((t) => text + t))
  const between = ['❤️', `❤️${JOINER}💋`, '🤝', '🐰', '\u{1faef}']
  for (const a of people) for (const middle of between) for (const b of people) add(a, middle, b)
  const kin = ['👨', '👩', '🧑', '👦', '👧', '🧒']
  for (const a of kin) for (const b of kin) for (const c of kin) for (const d of kin) add(a, b, c, d)
  return found
}

const known = everyEmoji()
const all = [...known]

test('every emoji is its own canonical form, and is found from the one without U+FE0F', () => {
  assert.ok(all.length > 3700, `only ${all.length}`)
  for (const emoji of all) {
    assert.equal(checkEmoji(emoji), emoji)
    assert.equal(checkEmoji(emoji.replaceAll(STYLE, '')), emoji)
  }
})

test('W-E11 what is drawn alike is one reaction, wherever U+FE0F is left out or put in', () => {
  assert.equal(checkEmoji('❤'), '❤️')
  assert.equal(checkEmoji('1\u{20e3}'), '1️⃣')
  const detective = '\u{1f575}\u{fe0f}\u{200d}\u{2642}\u{fe0f}'
  const forms = ['\u{1f575}\u{200d}\u{2642}', '\u{1f575}\u{fe0f}\u{200d}\u{2642}', '\u{1f575}\u{200d}\u{2642}\u{fe0f}']
  for (const text of forms) assert.equal(checkEmoji(text), detective)
  const emoji = fc.constantFrom(...all)
  fc.assert(
    fc.property(emoji, fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), (text, where) => {
      const varied = Array.from(text.replaceAll(STYLE, ''), (c, i) => (where[i % 12] ? c + STYLE : c)).join('')
      assert.equal(checkEmoji(varied), text)
    }),
  )
  fc.assert(fc.property(emoji, emoji, (a, b) => (known.has(a + b) ? assert.ok(checkEmoji(a + b)) : refused(a + b))))
})

test('everything that is not exactly one emoji is refused', () => {
  const plain = ['', ' ', 'a', '1', '#', ':smile:', 'ä', '中', '\0', '<b>', '__proto__']
  const several = ['👍 ', ' 👍', '👍👍', '👍a', '👍\0', '🇿🇿', '👨\u{200d}', '\u{200d}👨']
  const halves = [STYLE, JOINER, '\u{20e3}', '🇦', '\ud83d', '🏴\u{e0067}', '❤\u{fe0e}']
  for (const text of [...plain, ...several, ...halves]) refused(text)
  const took = leastMs(() => {
    refused(JOINER.repeat(10_240))
    refused(`👨${JOINER}`.repeat(5_000))
    refused(STYLE.repeat(1_000_000))
  })
  assert.ok(took < 500, `${took} ms`)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        const emoji = checkEmoji(text)
        assert.equal(checkEmoji(emoji), emoji)
      } catch (error) {
        assert.ok(error instanceof CommandError)
      }
    }),
  )
})
