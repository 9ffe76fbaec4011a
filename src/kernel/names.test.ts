import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { seeded } from '../testing/random.ts'
import { CommandError } from './errors.ts'
import { checkName, nameKey } from './names.ts'

fc.configureGlobal({ seed: seeded().seed })

/** What the client is told, or the name as it is kept. */
function judge(text: string): { readonly name: string } | { readonly fault: string } {
  try {
    return { name: checkName('name', text) }
  } catch (error) {
    assert.ok(error instanceof CommandError && error.kind === 'invalid')
    const { name: fault, ...others } = error.details ?? {}
    assert.deepEqual(others, {})
    return { fault: fault! }
  }
}

const points = (text: string): string => [...text].map((c) => `U+${c.codePointAt(0)!.toString(16)}`).join(' ')

function refused(texts: readonly string[], fault: RegExp): void {
  for (const text of texts) {
    const verdict = judge(text)
    assert.ok('fault' in verdict, `${points(text)} passed`)
    assert.match(verdict.fault, fault, points(text))
  }
}

function kept(texts: readonly string[]): void {
  for (const text of texts) assert.deepEqual(judge(text), { name: text.normalize('NFC') }, points(text))
}

test('a name loses the blanks at its ends, and several in a row become one space', () => {
  assert.deepEqual(judge('  General  '), { name: 'General' })
  assert.deepEqual(judge('a \u00a0\u3000\u2003 b'), { name: 'a b' })
  assert.deepEqual(judge('\u2800⠓⠊\u2800\u2800⠽⠕\u2800'), { name: '⠓⠊ ⠽⠕' })
})

test('a name is kept composed, so that one typed on a Mac is the one typed on a PC', () => {
  assert.deepEqual(judge('Zoe\u0308'), { name: 'Zo\u00eb' })
  assert.deepEqual(judge('\u1112\u1161\u11ab'), { name: '한' })
})

test('names of many languages pass as they are', () => {
  kept(['general', 'R&D (north) #2', "O'Brien-Łukasz", 'Đặng Thị Ngọc'])
  kept(['राष्ट्रीय', 'เก้าอี้', 'مُحَمَّد', 'שָׁלוֹם', 'მარიამ'])
  kept(['လှုံ့ဆော်', 'မြို့', 'བསྒྲུབས', 'ខ្ញុំ', '葛\u{e0100}城', '渡邉', 'ᠮᠣᠩᠭᠣᠯ', 'ᠠ\u180b', '👍', 'a', '#', '½', '½ ⅓'])
})

test('emoji pass, of several parts too: joined, skinned, flags, keycaps, text or picture', () => {
  kept(['👩‍💻', '👩🏽‍💻', '👨‍👩‍👧‍👦', '❤️', '❤︎', '❤️‍🔥', '🏳️‍🌈', '🏴‍☠️', '👁️‍🗨️', '🐦‍⬛', '🙂‍↔️', '🫱🏻‍🫲🏿', '⛹🏻‍♀️'])
  kept(['🇺🇦', '🏴󠁧󠁢󠁷󠁬󠁳󠁿', '1️⃣', '#️⃣', 'team 👩‍💻👩‍💻 red', '👍🏿', '©️', '⛓️‍💥', '🧑‍🧑‍🧒'])
})

test('joiners, variations and tags that stand anywhere else are invisible and are refused', () => {
  refused(['a\u200db', '👩\u200d', '\u200d💻'], /invisible/)
  refused(['👩\u200d\u200d💻', '👩\u200da', 'a\u200d💻', '\u0915\u094d\u200d\u0937'], /invisible/)
  refused(['👩\ufe0f\ufe0f', 'a\ufe0f', '\ufe0f', '1\ufe0f'], /invisible/)
  refused(['1\ufe0e\u20e3', '👍\ufe01', '👍\u{e0100}', 'a\u{e0100}'], /invisible/)
  refused(['葛\ufe0f', '葛\u{e0100}\u{e0101}', 'a\u180b', '👍🏿\ufe0f', '👍🏿🏿\u200d'], /invisible/)
  refused(['🏴\u{e0067}', '🏴\u{e0075}\u{e0073}\u{e0063}\u{e0061}\u{e007f}'], /invisible/)
  refused(['a\u{e0061}', '👍\u{e0061}\u{e007f}'], /invisible/)
})

test('a name with control characters or several lines is refused', () => {
  refused(['a\nb', 'a\tb', 'a\0', '\u0007a', 'a\u001b[31m'], /one line/)
  refused(['a\u0085b', 'a\u007f', 'a\u2028b', 'a\u2029b', 'name\n'], /one line/)
})

test('a name with format characters is refused: zero-width, direction, soft hyphen, byte order mark', () => {
  const format = [
    '\u200b', '\u200c', '\u200d', '\u2060', '\u202a',
    '\u202e', '\u2066', '\u2069', '\u200e', '\u200f', '\u061c',
  ]
  for (const c of [...format, '\u00ad', '\ufeff', '\u180e', '\u2063', '\ufff9', '\u{1d173}', '\u{e0001}', '\u0600']) {
    refused([c, `${c}admin`, `ad${c}min`, `admin${c}`], /invisible/)
  }
})

test('a name with letters that are drawn as nothing is refused', () => {
  for (const c of ['\u3164', '\u115f', '\u1160', '\uffa0', '\u034f', '\u17b4', '\u17b5']) {
    refused([c, `admin${c}`, `ad${c}min`], /invisible/)
  }
})

test('a name with private, unassigned or halved characters is refused', () => {
  refused(['\ue000', 'a\uf8ff', '\u{f0000}', 'a\u{10fffd}'], /private or unassigned/)
  refused(['a\u0378', '\uffff', 'a\ufdd0', 'a\u{1fffe}'], /private or unassigned/)
  refused(['\ud800', 'a\udc00', '\udc00\ud800', '😀\ud83d'], /surrogate/)
})

test('a name of blanks or marks alone is refused', () => {
  refused(['', ' ', '\u00a0\u3000', '\u2800', ' \u2800 \u2003'], /blank/)
  refused(['\u0301', ' \u0301', '\u0301\u0302\u0303', '\u0915\u093f'.slice(1), '\u20dd'], /letter, a digit or a symbol/)
})

test('a name that climbs over the lines around it is refused', () => {
  assert.deepEqual(judge('a\u0316\u0317\u0318'), { name: 'a\u0316\u0317\u0318' })
  // The first of them becomes one with its letter.
  assert.deepEqual(judge('e\u0301\u0302\u0303\u0304'), { name: 'é\u0302\u0303\u0304' })
  refused(['a\u0316\u0317\u0318\u0319', 'é\u0302\u0303\u0304\u0305'], /marks/)
  refused(['ก็็็็็', 'x\u20dd\u20dd\u20dd\u20dd', `b${'\u0489'.repeat(9)}`], /marks/)
  refused([`လ${'\u102f'.repeat(7)}`, `क${'\u093e'.repeat(7)}`, `a${'\u0301'.repeat(31)}`], /marks/)
})

test('a word with letters of two alphabets that look alike is refused; beside each other words may be of any', () => {
  refused(['gеneral', 'pаypal', 'αdmin', 'Аdmin', 'ցeneral', 'team sһared'], /alphabets/)
  for (const name of ['общий general', '10 kΩ', 'Δt', 'β-Test', 'ελληνικά', 'Привет', 'Ωmega']) {
    assert.equal(checkName('name', name), name)
  }
})

test('the fault is told of the field it is in', () => {
  const details = { display_name: 'must not be blank' }
  assert.throws(() => checkName('display_name', ' '), { name: 'CommandError', kind: 'invalid', details })
})

test('names that read alike share a key', () => {
  const alike = [
    ['General', 'general ', 'ＧＥＮＥＲＡＬ', ' GENERAL', 'gene\u00adral', 'ge\u200bneral', '𝔊eneral'],
    ['Straße', 'STRASSE', 'STRAẞE', 'strasse'],
    ['ΟΔΟΣ', 'οδος', 'οδοσ'],
    ['a b', 'A\u00a0\u3000B', 'a\u2800b', 'a\tb', '\na \n b\n'],
    ['Zoë', 'zoe\u0308', 'ZOE\u0308'],
    ['❤', '❤️', '❤︎'],
    ['ﬁle', 'FILE', 'ﬁ\u200dle'],
    ['ſet', 'SET'],
    ['한', '\u1112\u1161\u11ab'],
    ['No. 5', 'no. ⁵'],
  ]
  for (const names of alike) assert.equal(new Set(names.map(nameKey)).size, 1, names.map(nameKey).join(' | '))
  const keys = new Set(alike.map(([first]) => nameKey(first!)))
  assert.equal(keys.size, alike.length)
})

test('names that read differently have different keys', () => {
  const names = [
    'general', 'genera1', 'géneral', 'gen eral', 'general-2', 'zoe', 'zoë',
    '👍', '👍🏿', '1', 'l', 'i', 'j', 'ö', 'oe',
  ]
  assert.equal(new Set(names.map(nameKey)).size, names.length)
})

const assigned = (c: number): boolean => !/[\p{Cn}\p{Co}\p{Cs}]/u.test(String.fromCodePoint(c))

test('every character there is: what passes passes again as it is, and its key is stable', () => {
  let passed = 0
  for (let c = 0; c < 0x11_0000; c += 1) {
    if (!assigned(c)) continue
    const text = `a${String.fromCodePoint(c)}Σ`
    const key = nameKey(text)
    if (nameKey(key) !== key) assert.fail(points(text))
    const verdict = judge(text)
    if ('fault' in verdict) continue
    passed += 1
    if (checkName('name', verdict.name) !== verdict.name || nameKey(verdict.name) !== key) assert.fail(points(text))
  }
  assert.ok(passed > 150_000)
})

const tricky = fc.constantFrom(
  ...[' ', '\u00a0', '\u2800', 'a', 'Σ', 'ς', 'ß', 'ẞ', 'İ', 'ı', 'ΐ'],
  ...['ᾳ', 'ŉ', 'ﬁ', 'ﷺ', '¨', '가', 'ᄀ', 'ᅡ', 'ᆨ', '한', '葛', 'ᠠ'],
  ...['\u0301', '\u0316', '\u0344', '\u0345', '\u0307', '\u0f71'],
  ...['\u05b0', '\u102f', '\u093e', '\u20e3', '\u3099', '\u0489'],
  ...['👩', '💻', '🏿', '❤', '\u200d', '\ufe0f', '\ufe0e', '\u{e0100}', '\u180b', '1', '#', '🏴', '\u{e0067}', '\u{e007f}'],
  ...['\n', '\0', '\u202e', '\u3164', '\u034f', '\ue000', '\u0378', '\ud83d', '\udc69'],
)
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: tricky, maxLength: 12 }),
)

test('any text: a name that is kept is kept again as it is, can be seen, and has the key it came with', () => {
  fc.assert(
    fc.property(text, (text) => {
      const verdict = judge(text)
      if ('fault' in verdict) return assert.match(verdict.fault, /^must /)
      const { name } = verdict
      assert.deepEqual(judge(name), { name })
      assert.equal(name, name.normalize('NFC'))
      assert.doesNotMatch(name, /^ | {2}| $|[\p{Cc}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u)
      assert.match(name, /[\p{L}\p{N}\p{P}\p{S}]/u)
      const invisible = name.match(/[\p{Cf}]/gu) ?? []
      assert.ok(invisible.every((c) => c === '\u200d' || /[\u{e0020}-\u{e007f}]/u.test(c)), points(name))
      assert.equal(nameKey(name), nameKey(text))
      assert.notEqual(nameKey(name), '')
      // The same characters in another form are judged alike.
      assert.deepEqual(judge(text.normalize('NFD')), { name })
    }),
    { numRuns: 2_000 },
  )
})

test('any text: a key is its own key, and is that of its other forms and cases', () => {
  fc.assert(
    fc.property(text, (text) => {
      const key = nameKey(text)
      for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'] as const) assert.equal(nameKey(text.normalize(form)), key)
      // Case only of composed text: of a letter whose marks are in disorder, toUpperCase makes another one.
      const composed = text.replaceAll(/\p{Default_Ignorable_Code_Point}/gu, '').normalize('NFKC')
      for (const other of [key, composed.toUpperCase(), composed.toLowerCase(), ` ${text}\u3000`]) {
        assert.equal(nameKey(other), key)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a megabyte of anything is judged in a moment, marks without end above all', () => {
  const marks = ['\u0301\u0316', '\u0344', 'a\u0301\u0316', `a${'\u0301\u0316'.repeat(15)}`]
  const joints = ['👩\u200d', '\u200d', '👩‍💻', '👩\ufe0f', '葛\u{e0100}', '🏴\u{e0067}']
  const others = [' ', '\u00a0a', "Σ'", '¨', '\u1100\u1161']
  for (const unit of [...marks, ...joints, ...others]) {
    const long = unit.repeat(1_000_000 / unit.length)
    const start = performance.now()
    judge(long)
    nameKey(long)
    const took = performance.now() - start
    // Milliseconds where it is linear; a minute and more where it is not.
    assert.ok(took < 5_000, `${points(unit)}: ${took} ms`)
  }
})
