import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { leastMs } from '../../testing/effort.ts'
import { mentionsIn } from './mentions.ts'

const names = (text: string): readonly string[] => mentionsIn(text).names

test('W-E10 a name is called by @, in whatever stands around it', () => {
  for (const text of [
    '@bob',
    'hi @bob',
    '@Bob, look',
    '(@bob)',
    '"@bob"',
    "@bob's",
    '@bob’s',
    '@bob!',
    '@bob: yes',
    '*@bob*',
    'x\n@bob\ny',
    '你好@bob你好',
    '@bob/@bob',
    '...@bob',
    '-@bob',
    '> @bob',
    'see https://x.org/ @bob',
    '<https://x.org/@carl>@bob',
  ]) {
    assert.deepEqual(names(text), ['bob'], text)
  }
  assert.deepEqual(names('@carl and @bob and @CARL, @a_b @x-y'), ['carl', 'bob', 'a_b', 'x-y'])
})

test('a dot at the end may be of the name or of the sentence: both are offered, the longer first', () => {
  assert.deepEqual(names('ask @bob.'), ['bob.', 'bob'])
  assert.deepEqual(names('@bob... @bob-'), ['bob...', 'bob', 'bob-'])
  assert.deepEqual(names('_@bob_'), ['bob_', 'bob'])
  assert.deepEqual(names('@b.ob'), ['b.ob'])
  assert.deepEqual(names('@bob.@carl'), ['bob', 'carl'])
  assert.deepEqual(names(`@bob${'.'.repeat(40)}`), ['bob'])
})

test('addresses, doubled signs, other letters and names of impossible length mention nobody', () => {
  for (const text of [
    'a@b.com',
    '@@bob',
    '@bob@example.org',
    'x_@bob',
    'é@bob',
    '@renée',
    'Ж@bob',
    '\\@bob',
    '@b',
    '@',
    '@ bob',
    '＠bob',
    `@${'b'.repeat(33)}`,
    'mailto:a@bob.org',
  ]) {
    assert.deepEqual(mentionsIn(text), { names: [], channel: false, here: false }, text)
  }
  assert.deepEqual(names(`@${'b'.repeat(32)}`), ['b'.repeat(32)])
})

test('W-E10 @channel and @here are everybody, in any case; nobody can be called so', () => {
  assert.deepEqual(mentionsIn('@channel'), { names: [], channel: true, here: false })
  assert.deepEqual(mentionsIn('@HERE. @Channel! @bob'), { names: ['bob'], channel: true, here: true })
  assert.deepEqual(mentionsIn('@channels `@here`'), { names: ['channels'], channel: false, here: false })
})

test('W-E10 nothing in code mentions anybody', () => {
  for (const text of [
    '`@bob`',
    '``a ` @bob``',
    '```@bob```',
    '```ts\n@bob\n\n@bob\n```',
    '```\n@bob',
    'x\n```\n`@bob`\n',
    '````\n```\n@bob\n````',
    '`a\n@bob`',
    '```\n@bob```',
    '`x``@bob`',
  ]) {
    assert.deepEqual(names(text), [], text)
  }
  for (const text of [
    "don't ` @bob",
    'a ``` @bob',
    '`a` @bob `b`',
    '`a\n\n@bob`',
    '```\nx\n``` @bob',
    '`x`@bob`',
  ]) {
    assert.deepEqual(names(text), ['bob'], text)
  }
})

test('W-E10 nothing in links mentions anybody', () => {
  for (const text of [
    'https://x.org/@bob',
    'x.org/@bob',
    'WWW.x.org/a?u=@bob',
    'see:ftp://@bob/',
    '[x](https://x.org/@bob)',
  ]) {
    assert.deepEqual(names(text), [], text)
  }
  assert.deepEqual(names('[@bob](https://x.org/@carl) @eva'), ['bob', 'eva'])
})

test('reading takes linear time', () => {
  const ticks = ['`', '```', '``` ', '\n `', '\n\n']
  const links = ['a', 'a.', '://', 'http://', 'aa.@', '\\@b', 'é']
  const parts = ['@', '@a', '@a.', '@_', '@@a_', '.', '_', '-', ...ticks, ...links]
  const decreasing = Array.from({ length: 1000 }, (_, i) => '`'.repeat(1000 - i)).join(' ') + ' `a'.repeat(200_000)
  const increasing = Array.from({ length: 1400 }, (_, i) => '`'.repeat(i + 1)).join('\n\n')
  const hostile = [
    decreasing,
    increasing,
    ...parts.map((part) => part.repeat(300_000 / part.length)),
    ...parts.map((part) => `${part.repeat(300_000 / part.length)}@`),
    ...parts.map((part) => `@${part.repeat(300_000 / part.length)}é`),
    `@${'a'.repeat(300_000)}é`,
    `${'a.'.repeat(150_000)}/@`,
    ` ${'\n '.repeat(150_000)}`,
    '\n'.repeat(300_000) + '@bob',
    `@${' '.repeat(300_000)}\n`,
  ]
  for (const text of hostile) {
    const ms = leastMs(() => mentionsIn(text), 2)
    assert.ok(ms < 1000, `${ms} ms for ${JSON.stringify(text.slice(0, 20))}`)
  }
})

test('any text: names are names, each once; a name at the end of any prose is found', () => {
  const signs = ['@', '`', '```', '\n', ' ', '.', '-', '_', '\\', '://']
  const unit = fc.constantFrom(...signs, 'a', 'bob', 'x.org/', 'é', '中', 'here', 'channel')
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 40 }), (units) => {
      const got = names(units.join(''))
      assert.equal(new Set(got).size, got.length)
      for (const name of got) assert.match(name, /^[a-z0-9_.-]{2,32}$/)
    }),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.string().filter((text) => !text.includes('`')), (text) => {
      assert.ok(names(`${text}\n@bob`).includes('bob'))
    }),
  )
})
