import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { leastMs } from '../../../testing/effort.ts'
import { seeded } from '../../../testing/random.ts'
import { LANGUAGES, createModeration } from './index.ts'
import { createPhones } from './phones.ts'
import { createSplitNumber } from './window.ts'

const settings = { languages: LANGUAGES, regions: ['DE', 'US', 'GB', 'FR', 'ES'] } as const
const masking = createModeration({ ...settings, mode: 'mask' })
const refusing = createModeration({ ...settings, mode: 'refuse' })
const alone = { previous: [], sharesPersonal: false }

test('D-M1 D-M2 profanity is covered or refused, personal data is covered until both share it', () => {
  const text = 'shit, call 0171 2345678'
  assert.deepEqual(masking.review(text, alone), { text: '****, call ••••••••••••', refused: false, masked: true })
  assert.deepEqual(refusing.review(text, alone), { text: '****, call ••••••••••••', refused: true, masked: true })
  assert.deepEqual(masking.review(text, { ...alone, sharesPersonal: true }), {
    text: '****, call 0171 2345678',
    refused: false,
    masked: true,
  })
  assert.deepEqual(refusing.review('call 0171 2345678', alone).refused, false)
  assert.deepEqual(refusing.review('see you at 7', alone), { text: 'see you at 7', refused: false, masked: false })
  assert.deepEqual(masking.review('', alone), { text: '', refused: false, masked: false })
})

test('D-M2 the end of a number begun in other messages is covered', () => {
  const previous = ['hi', '0171', '234']
  assert.deepEqual(masking.review('5678!', { ...alone, previous }), { text: '••••!', refused: false, masked: true })
  assert.deepEqual(masking.review('five 6 7 eight', { ...alone, previous }).text, '•••• • • •••••')
  assert.deepEqual(masking.review('5678', { previous, sharesPersonal: true }).masked, false)
})

const splits = createSplitNumber(createPhones(settings.regions).isNumber)

test('pieces that are almost only digits make a number', () => {
  const numbers: readonly (readonly string[])[] = [
    ['0171', '234', '5678'],
    ['0171 234', '5678'],
    ['+49', '171', '2345678'],
    ['zero one seven one', '234', 'five six seven eight'],
    ['so', '415', '555', 'and 2671'],
    ['０１７１', '2️⃣3️⃣4️⃣', '5678'],
    ['0171...', '...234', '-5678'],
    ['1984', '0171', '2345678'],
  ]
  for (const pieces of numbers) assert.equal(splits(pieces.slice(0, -1), pieces.at(-1)!), true, pieces.join(' | '))
})

test('talk with numbers in it makes none', () => {
  const talks: readonly (readonly string[])[] = [
    ['0171', 'how old are you?', '2345678'],
    ['7', '8', '9'],
    ['at 7', '30', '8'],
    ['2 drinks', '0171', 'see you at 7'],
    ['1990', '1991', '1992'],
    ['18:30', '19:00', '20:15'],
    ['10/10', '24/7'],
    ['0171', '234', 'me too'],
    [],
    ['5678'],
    ['0'.repeat(400), '5678'],
    ['234', '0171 is not my number', '5678'],
  ]
  for (const pieces of talks) assert.equal(splits(pieces.slice(0, -1), pieces.at(-1) ?? ''), false, pieces.join(' | '))
})

const pieces = ['0171', '234', ' ', 'f', 'u', 'ck', '*', '•', '@', 'a.de', '\ud800', '\u200b', '１']

test('whatever the texts, a review ends, and as many code points come out', (t) => {
  const { seed } = seeded()
  t.diagnostic(`SEED=${seed}`)
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 100 }),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units)),
    fc.array(fc.constantFrom(...pieces), { maxLength: 20 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, fc.array(text, { maxLength: 4 }), fc.boolean(), (content, previous, sharesPersonal) => {
      const { text: out, masked } = masking.review(content, { previous, sharesPersonal })
      assert.equal([...out].length, [...content].length)
      assert.equal(masked, out !== content)
    }),
    { seed, numRuns: 2_000 },
  )
})

test('an ordinary message takes far less than its delivery', (t) => {
  const texts = [
    'Hey! I had a great time yesterday, shall we meet at 7 again?',
    'My number is 0171 2345678, text me whenever you like',
  ]
  for (const text of texts) {
    const ms = leastMs(() => {
      for (let i = 0; i < 50; i += 1) masking.review(text, { ...alone, previous: ['hi', 'how are you', '7'] })
    })
    t.diagnostic(`${(ms / 50).toFixed(3)} ms`)
    assert.ok(ms / 50 < 50, `${ms / 50} ms`)
  }
})

test('messages before, however long, are not slow', () => {
  const previous = Array.from({ length: 50 }, () => '1 '.repeat(16_000))
  assert.ok(leastMs(() => splits(previous, '5678'), 3) < 2_000)
  assert.ok(leastMs(() => masking.review('1 '.repeat(16_000), { ...alone, previous }), 3) < 2_000)
})
