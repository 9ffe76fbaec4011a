import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { getExampleNumber } from 'libphonenumber-js/max'
import type { CountryCode } from 'libphonenumber-js/max'
import examples from 'libphonenumber-js/mobile/examples'
import { leastMs } from '../../../testing/effort.ts'
import { seeded } from '../../../testing/random.ts'
import type { Random } from '../../../testing/random.ts'
import { passesLuhn, remainder97 } from './accounts.ts'
import { createPersonalDataGuard } from './personal-data.ts'
import type { Kind } from './personal-data.ts'

const REGIONS: readonly CountryCode[] = [
  'US', 'GB', 'DE', 'FR', 'ES', 'IT', 'PT', 'AT', 'CH', 'NL', 'BE', 'IE', 'CA', 'AU', 'NZ', 'BR', 'MX', 'AR', 'PL',
  'CZ', 'SE', 'NO', 'DK', 'FI', 'IN', 'JP', 'ZA', 'TR', 'GR', 'RO',
]
const guard = createPersonalDataGuard({ regions: REGIONS })

const samples: Readonly<Record<Kind, readonly string[]>> = {
  email: [
    'jane@example.org', 'jane.doe+x@mail.example.co.uk', 'jane dot doe at gmail dot com', 'jane(at)gmail.com',
    'jane at gmail', 'jane [at] gmail [dot] com', 'jane @ gmail . com', 'ｊａｎｅ＠ｇｍａｉｌ．ｃｏｍ', 'jörg@müller.de',
    'jane@gmail', 'jane gmail com', 'j a n e @ g m a i l . c o m', 'j\u200bane@gma\u0301il.com',
  ],
  phone: [
    '0171 2345678', '+49 171 2345678', '+44 (0)20 7946 0958', '(415) 555-2671', '06.12.34.56.78', '0171/2345678',
    '612 345 678', 'five five five one two three four', 'four one five, five five five, two six seven one',
    'double five 5 1 2 3 4', '0 1 7 1 2 3 4 5 6 7 8', '０１７１２３４５６７８', '0️⃣1️⃣7️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣',
    '٠١٧١٢٣٤٥٦٧٨', 'o171 2345678', '0171*234*5678', 'zero1seven1 2345678', '004917123456789', '0171\u200b2345678',
  ],
  link: ['https://example.com/x?y=1', 'example.com', 'www.example.de', 't.me/bob', 'example dot com', 'bob.me'],
  handle: ['@insta_name', '@jane.doe'],
  card: ['4111 1111 1111 1111', '5555-5555-5555-4444', '378282246310005', '６０１１１１１１１１１１１１１７'],
  iban: ['DE89 3704 0044 0532 0130 00', 'GB82WEST12345698765432', 'fr14 2004 1010 0505 0001 3m02 606'],
  address: [
    '12 Baker Street', '221b Baker St', '14 Elm Drive', 'Musterstraße 12', 'Berliner Straße 5a', '12 rue de la Paix',
    'Calle Mayor 5',
  ],
}

test('D-M2 personal data of each kind is covered, one sign for each code point, and the rest is as it was', () => {
  for (const [kind, texts] of Object.entries(samples)) {
    for (const text of texts) {
      const { text: masked, found } = guard.mask(`so 👩‍👩‍👧 é: ${text}, ok`)
      assert.deepEqual(found, [kind], text)
      assert.equal(masked, `so 👩‍👩‍👧 é: ${'•'.repeat([...text].length)}, ok`, text)
    }
  }
})

test('names people have elsewhere are covered alone', () => {
  const lines: readonly (readonly [text: string, name: string])[] = [
    ['insta: bobby', 'bobby'],
    ['snap me at bobby22', 'bobby22'],
    ['my telegram is bobbyx', 'bobbyx'],
    ['kik: bob.b', 'bob.b'],
    ['find me on insta as bobby', 'bobby'],
    ['signal: bob.42', 'bob.42'],
    ['add me on snap: bobs', 'bobs'],
    ['bob#1234', 'bob#1234'],
    ['insta bob_123', 'bob_123'],
    ['IG @bob', '@bob'],
    ['insta@jane_d', 'jane_d'],
    ['snap-jane_d', 'jane_d'],
    ["my ig's jane_d", 'jane_d'],
    ['jane_d (insta)', 'jane_d'],
    ['WhatsApp name is bobbie', 'bobbie'],
    ['mein insta ist bobby', 'bobby'],
  ]
  for (const [text, name] of lines) {
    assert.deepEqual(guard.mask(text), { text: text.replace(name, '•'.repeat(name.length)), found: ['handle'] }, text)
  }
})

const clean = [
  "I'm 1.80 m", 'see you at 7', '24/7', '10/10', '2-3 drinks', 'born in 1990', 'it was 2019-2021',
  '12.05.2024 at 18:30', '2024-11-05', '05/11/24', '10:30-12:45', 'that costs 1.234,56 €', '$49.99',
  '1,000,000 people', '10 000 000', '50 000 followers', 'I have 3 close friends', '5 minutes from the road',
  "I'm 34, 178 cm, 72 kg", 'at home', 'look at me', 'at 8 at the bar', 'my insta is private', 'my snap is broken',
  'hello.how are you', 'I agree.it was late', 'version 1.2.3', 'room 101, floor 3', '6 feet 2', '3.5 km in 25 min',
  '1 2 3 4 5 6 7 8 9 10', 'one two three go', '9 to 5', 'pi is 3.14159265', '10, 20, 30, 40, 50', 'called 3 times',
  'it took 5851.959 ms', 'Arbeitsplatz 3', 'spring 2024', '2 hours down the road', '10 minutes that way',
  'Season 3, episode 12', 'bus 42 at 19:05', 'call me at 7', 'i saw it on twitter at noon', 'signal is bad here',
  'the dot on the i', 'at the end of the street', "I'm on line 5", '10% off', '8am - 10pm', '0,5 l', '2 x 200g',
  'my shoe size is 42-43', 'seven of nine', 'I gave it 9/10 and 8/10', 'one or two or three',
  '1984 by Orwell, 2001 and 2010', 'email me', 'whatsapp is easier', '25 December 2024 at 12:00',
  'on 12/11 or 13/11', '2:1, 3:0 and 2:2', '15.30 Uhr am 24.12.', '10.000 Schritte', 'auf Platz 3', 'Hi! :) <3',
  'meet me @ 8pm', 'ok... so what',
]

test('dates, times, prices, heights, scores and talk of services stay', () => {
  for (const text of clean) assert.deepEqual(guard.mask(text), { text, found: [] }, text)
})

const CARRIERS = [
  '%', 'Hey, %', 'it is % ok?', 'so: %!', 'here you go %, bye', 'tell me when you have it: %', '😀 % 😀', '%\nsee you',
]
const NAMES = ['jane', 'bob.smith', 'anna_k', 'max99', 'lena-b', 'j.r.doe']
const HOSTS = ['gmail.com', 'example.org', 'gmx.de', 'mail.example.co.uk', 'yahoo.fr', 'proton.me']
const BRANDS = ['4', '51', '55', '2221', '6011']

const full = (text: string): string =>
  text.replaceAll(/[!-~]/g, (c) => String.fromCodePoint(c.codePointAt(0)! + 0xfee0))
const digits = (random: Random, count: number): string => Array.from({ length: count }, () => random.int(10)).join('')
const inFours = (text: string, gap: string): string => text.replaceAll(/.{4}(?=.)/g, `$&${gap}`)

const makers: Readonly<Record<Kind, (random: Random) => string>> = {
  email(random) {
    const address = `${random.pick(NAMES)}@${random.pick(HOSTS)}`
    return random.pick([
      () => address,
      () => address.toUpperCase(),
      () => full(address),
      () => address.replaceAll('.', ' dot ').replace('@', ' at '),
      () => address.replace('@', random.pick(['(at)', ' [at] ', ' (at) ', '{at}'])),
      () => address.replace('@', ' @ '),
    ])()
  },
  phone(random) {
    const number = getExampleNumber(random.pick(REGIONS), examples)!
    const national = number.formatNational()
    const plain = national.replaceAll(/\D/g, '')
    return random.pick([
      () => number.number,
      () => number.formatInternational(),
      () => national,
      () => plain,
      () => [...plain].join(random.pick([' ', '.', '-', ' - '])),
      () => full(plain),
      () => plain.replaceAll(/\d/g, '$&\ufe0f\u20e3'),
      () => [...plain].map((d) => 'zero one two three four five six seven eight nine'.split(' ')[Number(d)]).join(' '),
    ])()
  },
  link: (random) =>
    random.pick(['https://', 'http://', 'www.', '']) +
    random.pick(['example', 'my-page', 'bobby']) +
    random.pick(['.com', '.org', '.net/a?b=1', '.de/x', '.io', '.app']),
  handle: (random) =>
    random.pick(['insta: ', 'my snap is ', 'add me on telegram: ', 'kik: ', '@', 'ig @', 'snap me at ']) +
    random.pick(['bobby_x', 'jane.doe99', 'lena_k', 'xo_anna']),
  card(random) {
    const start = random.pick(BRANDS)
    const body = start + digits(random, 15 - start.length)
    const check = [...'0123456789'].find((digit) => passesLuhn(body + digit))!
    const number = body + check
    return random.pick([number, inFours(number, ' '), inFours(number, '-'), full(number)])
  },
  iban(random) {
    const [country, bank] = random.pick<readonly [string, string]>([
      ['DE', digits(random, 18)],
      ['GB', `WEST${digits(random, 14)}`],
      ['NL', `ABNA${digits(random, 10)}`],
    ])
    const check = 98 - remainder97(`${country}00${bank}`.toLowerCase())
    const account = country + String(check).padStart(2, '0') + bank
    return random.pick([account, inFours(account, ' '), account.toLowerCase()])
  },
  address(random) {
    const house = 1 + random.int(200)
    return random.pick([
      () => `${house} ${random.pick(['Baker', 'Old Mill', 'Elm'])} ${random.pick(['Street', 'St', 'Road', 'Ave'])}`,
      () => `${random.pick(['Garten', 'Haupt', 'Bahnhof'])}${random.pick(['straße', 'str.', 'weg', 'allee'])} ${house}`,
      () => `${house} ${random.pick(['rue de la Paix', 'avenue Victor Hugo', 'rue du Bac'])}`,
      () => `${random.pick(['Calle Mayor', 'Avenida del Mar', 'Rua Augusta'])} ${house}`,
    ])()
  },
}

function cleanLine(random: Random): string {
  const n = (from: number, to: number): number => from + random.int(to - from + 1)
  return random.pick([
    () => `I'm ${n(18, 80)}, ${n(150, 200)} cm, ${n(45, 110)} kg`,
    () => `I'm 1.${n(50, 99)} m tall and ${n(18, 80)} years old`,
    () => `see you at ${n(1, 12)}:${n(10, 59)} on ${n(1, 28)}.${n(1, 12)}.${n(2020, 2030)}`,
    () => `${n(2020, 2030)}-0${n(1, 9)}-${n(10, 28)} would be fine, or ${n(1, 28)}/${n(1, 12)}`,
    () => `it was $${n(1, 9999)}.${n(10, 99)}, not ${n(1, 999)} €`,
    () => `I have ${n(2, 9)} close friends and ${n(2, 9)}-${n(10, 12)} drinks`,
    () => `that is ${n(1, 999)},${n(100, 999)} people`,
    () => `I lived there from ${n(1990, 2005)} to ${n(2006, 2024)}, ${n(1990, 2005)}-${n(2006, 2024)}`,
    () => `${n(1, 10)}/10, would go again ${n(1, 9)} times`,
    () => `bus ${n(1, 400)} at ${n(10, 23)}:${n(10, 59)}, then ${n(2, 30)} minutes down the road`,
    () => `let's meet at the bar at ${n(1, 12)}, I'm at home until ${n(1, 12)} pm`,
    () => `it's ${n(1, 40)}.${n(1, 9)} degrees in room ${n(1, 900)}`,
    () => random.pick(clean),
    () => `${random.pick(clean)} and ${random.pick(clean)}`,
  ])()
}

test('of thousands of lines, what is personal is found and what is not is left', (t) => {
  const random = seeded()
  t.diagnostic(`SEED=${random.seed}`)
  const kinds = Object.keys(makers) as Kind[]
  const tally = new Map(kinds.map((kind) => [kind, { of: 0, hit: 0, wrong: 0 }]))
  const wrong: string[] = []
  for (let i = 0; i < 2_800; i += 1) {
    const kind = kinds[i % kinds.length]!
    const line = random.pick(CARRIERS).replace('%', () => makers[kind](random))
    const { found } = guard.mask(line)
    tally.get(kind)!.of += 1
    if (found.includes(kind)) tally.get(kind)!.hit += 1
    for (const other of found) if (other !== kind) tally.get(other)!.wrong += 1
    if (found.length !== 1 || found[0] !== kind) wrong.push(`${kind}: ${line} → ${found.join()}`)
  }
  for (let i = 0; i < 1_200; i += 1) {
    const line = cleanLine(random)
    for (const kind of guard.mask(line).found) {
      tally.get(kind)!.wrong += 1
      wrong.push(`clean: ${line} → ${kind}`)
    }
  }
  for (const [kind, { of, hit, wrong: others }] of tally) {
    const recall = hit / of
    const precision = hit / (hit + others)
    t.diagnostic(`${kind}: recall ${recall.toFixed(3)}, precision ${precision.toFixed(3)}`)
    const missed = wrong.filter((line) => line.startsWith(kind)).slice(0, 20)
    assert.ok(recall >= 0.95, `${kind}: recall ${recall}\n${missed.join('\n')}`)
    assert.ok(precision >= 0.97, `${kind}: precision ${precision}\n${wrong.slice(0, 20).join('\n')}`)
  }
})

const pieces = [
  '0171', '234', '5678', ' ', ' ', '.', '-', '+49', '@', 'bob', 'gmail', '.com', ' at ', ' dot ', 'insta: ', '•',
  '••', '12', '/', ':', 'one ', 'five ', 'double ', 'DE89', '3704 0044 0532 0130 00', '4111 1111 1111 1111',
  ' Street', 'Straße ', '\u200b', '\u0301', '１', '\ud800', '2024', '#1234', '(', ')', ',', '\n', 'rue de ', 'x',
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
      const { text: masked, found } = guard.mask(text)
      const before = [...text]
      assert.equal([...masked].length, before.length)
      for (const [i, point] of [...masked].entries()) if (point !== before[i]) assert.equal(point, '•')
      if (found.length === 0) assert.equal(masked, text)
      assert.deepEqual(guard.mask(masked), { text: masked, found: [] })
    }),
    { seed, numRuns: 2_000 },
  )
})

test('a region nobody knows is refused at the start', () => {
  assert.throws(() => createPersonalDataGuard({ regions: ['XX'] }), /regions: XX is no ISO 3166-1 code/)
})

test('no text is slow', () => {
  const own = createPersonalDataGuard({ regions: ['US', 'GB', 'DE', 'FR', 'ES'] })
  const units = [
    'a', '@', '.', 'a@', '1', '1 ', '12 ', '123 4567 ', ' ', '\u0301', '\u200b', '😀', 'a.', 'a at ', 'a at b dot ',
    '0171 2345678 ', 'x 1 a ', 'de12 ', '4111 1111 1111 1111 ', '@ab ', 'insta: ab1 ', '１', '( at )', '[', 'str. ',
    'weg 1', '-', '+', '+1', 'one ', 'double ', 'rue ', '1 rue ', 'calle a ', 'dot ', 'a dot b ', 'a.b@', 'a.co ',
    'http://', '$1 ', '1,', '1,000 ', '1:', 'snap me ', 'bob#1', '\ud800', '2024-10-', 'via A ',
  ]
  for (const unit of units) {
    for (const points of [2_000, 32_000]) {
      const text = unit.repeat(Math.ceil(points / [...unit].length))
      const ms = leastMs(() => own.mask(text), 3)
      assert.ok(ms < 2_000, `${JSON.stringify(unit)} to ${points}: ${ms.toFixed(0)} ms`)
    }
  }
})
