import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { leastMs } from '../../../testing/effort.ts'
import { seeded } from '../../../testing/random.ts'
import { createFilter } from './filter.ts'
import { LANGUAGES, WORDS } from './words.ts'
import type { Language } from './words.ts'

const filter = createFilter({ languages: LANGUAGES })
const ordinary = 'Hello there, I went to the market and bought some apples, then read a book about trains. Really nice!'

test('D-M1 profanity is found however it is written', () => {
  const evasions = [
    'fuck',
    'FuCk',
    'f u c k',
    'f.u.c.k',
    'f-u-c-k',
    'f_u_c_k',
    "f'u'c'k",
    'f  u  c  k',
    'f•u•c•k',
    'f u ck',
    'fu ck',
    'fu-ck',
    'f*ck',
    'f**k',
    'fuc*',
    'sh1t',
    'sh!t',
    '5hit',
    '@ss',
    'a$$hole',
    'b!tch',
    'n1gger',
    'c*nt',
    'fuuuuuck',
    'shiiiit',
    'fu\u200bck',
    'f\u00adu\u2060ck',
    'f\u0301u\u0301c\u0301k\u0301',
    'ｆｕｃｋ',
    'fu\u0441k',
    '𝓯𝓾𝓬𝓴',
    'ⓕⓤⓒⓚ',
    '🅵🆄🅲🅺',
    'ꜰᴜᴄᴋ',
    'FUCKYOU',
    'dickhead',
    'motherfucker',
    's 😀 h 😀 i 😀 t',
  ]
  for (const text of evasions) {
    assert.equal(filter.mask(text).hits, 1, text)
    assert.match(filter.mask(`so ${text} it`).text, /^so \*+ it$/u, text)
  }
})

test('each language has its words, which are found only with its list', () => {
  const samples: Record<Language, string> = {
    en: 'bollocks',
    de: 'du Arschloch',
    fr: 'quel connard',
    es: 'vaya gilipollas',
    it: 'che stronzo',
    pt: 'caralho, pá',
  }
  for (const language of LANGUAGES) {
    const one = createFilter({ languages: [language] })
    assert.equal(one.mask(samples[language]).hits, 1, language)
    for (const other of LANGUAGES.filter((name) => name !== language)) {
      assert.equal(one.mask(samples[other]).hits, 0, `${language} ${other}`)
    }
    for (const word of WORDS[language].strong) assert.equal(one.mask(word).hits, 1, word)
    for (const word of WORDS[language].accented) assert.equal(one.mask(word).hits, 1, word)
  }
  assert.equal(filter.mask('cono, pede').hits, 0)
  assert.equal(filter.mask('SCHEISSE, Scheiße').hits, 2)
  assert.throws(() => createFilter({ languages: ['tlh' as Language] }), /languages: give some of en, de/)
})

test('innocent words that hold a bad one pass', () => {
  const words =
    'Penistone Scunthorpe cockpit cocktail Mishit assassin class Essex Dickens Hancock analysis therapist shiitake ' +
    'Sussex Arsenal Matsushita grape peacock title Uranus Georgy Negroni Fukuoka passion assume assist assess asset ' +
    'assort embarrassed harassment compass Cassandra grass basement document manuscript Janus tetanus tofu canal ' +
    'cucumber cumin Montenegro snigger buttress titanic prickly grapefruit scrape cuckoo cockatoo Middlesex Cummings ' +
    'Assange assez cumpleaños Kanal Abo dicke negro banal analog push hit as hello shall fan classic bass ' +
    "who're therapists"
  for (const word of words.split(' ')) assert.deepEqual(filter.mask(word), { text: word, hits: 0 })
  assert.equal(filter.mask(words).hits, 0)
  const sentences = [
    'Dick van Dyke',
    'Je suis en retard',
    'kung fu',
    'I am 455 m from 5 5 5',
    'in 945ms or 480s',
    'of CK perfume',
    'it is a hit',
    'con te partirò',
    "I'm a Scorpio, u?",
    'function(a) b+c 3*4*5',
    'Привет, как дела? Расскажи о себе',
    '你好，今天怎么样',
    'U.S.A. is a n.b.',
  ]
  for (const text of sentences) assert.deepEqual(filter.mask(text), { text, hits: 0 })
  for (const list of Object.values(WORDS)) {
    for (const word of list.innocent) assert.equal(filter.mask(word).hits, 0, word)
    for (const pair of list.innocentPairs) assert.equal(filter.mask(pair).hits, 0, pair)
  }
})

test('one star stands for each code point, and the rest is as it was, byte for byte', () => {
  assert.deepEqual(filter.mask('é😀 fu\u200bck\u0301! 👩‍👩‍👧 ｏｋ'), { text: 'é😀 ******! 👩‍👩‍👧 ｏｋ', hits: 1 })
  assert.deepEqual(filter.mask('𝓯𝓾𝓬𝓴'), { text: '****', hits: 1 })
  assert.deepEqual(filter.mask('fucking shit'), { text: '******* ****', hits: 2 })
  assert.deepEqual(filter.mask('\ud800 fuck \udc00'), { text: '\ud800 **** \udc00', hits: 1 })
})

const pieces = [
  ...'fuckshitadn ',
  'fuck',
  'ass',
  'sh',
  'it',
  'f*ck',
  '*',
  '**',
  '•',
  '••',
  '.',
  '-',
  ' ',
  ' ',
  '@',
  '$',
  '1',
  '\u200b',
  '\u0301',
  'ｆ',
  'с',
  '😀',
  '\ud800',
  'nique',
  ' ta ',
  'porco',
  'dio',
  'coño',
  "'",
  '\n',
]

test('whatever the text, masking ends, keeps its length, and finds nothing the second time', (t) => {
  const { seed } = seeded()
  t.diagnostic(`SEED=${seed}`)
  const any = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units)),
    fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(any, (text) => {
      const { text: masked, hits } = filter.mask(text)
      assert.equal([...masked].length, [...text].length)
      const before = [...text]
      for (const [i, point] of [...masked].entries()) if (point !== before[i]) assert.equal(point, '*')
      assert.equal(masked === text, hits === 0)
      assert.deepEqual(filter.mask(masked), { text: masked, hits: 0 })
    }),
    { seed, numRuns: 3_000 },
  )
})

test('bad words are found in any ordinary sentence, spaced and dressed up at random', (t) => {
  const random = seeded()
  t.diagnostic(`SEED=${random.seed}`)
  const dress: readonly ((word: string) => string)[] = [
    (word) => word,
    (word) => word.toUpperCase(),
    (word) => [...word].join(random.pick([' ', '.', '-', '_', ' . ', '\u00a0'])),
    (word) => [...word].join(random.pick(['\u200b', '\u2060', '\u0301', '\u00ad'])),
    (word) => word.replaceAll(/[aeios]/g, (letter) => ({ a: '@', e: '3', i: '1', o: '0', s: '$' })[letter]!),
    (word) => [...word].map((letter) => String.fromCodePoint(letter.codePointAt(0)! + 0xfee0)).join(''),
    (word) => [...word].map((letter) => String.fromCodePoint(letter.codePointAt(0)! - 97 + 0x1d41a)).join(''),
    (word) => word.replace(/[aeiou]/, (letter) => letter.repeat(2 + random.int(6))),
  ]
  const words = ['fuck', 'shit', 'cunt', 'bitch', 'pussy', 'whore', 'slut', 'arschloch', 'puta', 'stronzo', 'connard']
  const plain = ordinary.split(' ')
  for (let i = 0; i < 1_000; i += 1) {
    const at = random.int(plain.length)
    const bad = random.pick(dress)(random.pick(words))
    const text = [...plain.slice(0, at), `"${bad}"`, ...plain.slice(at)].join(' ')
    assert.equal(filter.mask(text).hits, 1, text)
  }
})

test('no text is slow', () => {
  const units = [
    'a',
    'a ',
    '@',
    '.',
    'a@',
    '1',
    '1 ',
    ' ',
    '\u0301',
    '\u200b',
    '😀',
    'ass ',
    'assa ',
    'a*',
    'f u',
    'f*',
    '*',
    'fuck',
    'i!',
    'кириллица',
    '\ud800',
    'aab',
    'a.',
    'van dyke ',
  ]
  for (const unit of units) {
    for (const points of [2_000, 32_000]) {
      const text = unit.repeat(Math.ceil(points / [...unit].length))
      const ms = leastMs(() => filter.mask(text), 3)
      assert.ok(ms < 2_000, `${JSON.stringify(unit)} to ${points}: ${ms.toFixed(0)} ms`)
    }
  }
})
