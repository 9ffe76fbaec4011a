import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../../../testing/random.ts'
import { AnswerReader, SUGGESTIONS_MARK } from './answer.ts'

/** @returns the deltas that people saw, and how it ended */
function told(...deltas: readonly string[]) {
  const reader = new AnswerReader()
  const seen = deltas.map((delta) => reader.read(delta))
  const { text, suggestions } = reader.end()
  return { text: seen.join('') + text, seen, suggestions }
}

const diagram = { type: 'diagram', description: 'Create sequence diagram' } as const

test('text passes at once and unit for unit; only what may become the mark waits', () => {
  assert.deepEqual(told('## A', '\n', '\nb ', ' c\n').seen, ['## A', '', '\n\nb ', ' c'])
  assert.equal(told('## A', '\n', '\nb ', ' c\n').text, '## A\n\nb  c\n')
  assert.deepEqual(told('a\n<!', '-- sug', 'ar -->').seen, ['a', '', '\n<!-- sugar -->'])
  assert.equal(told('a <!-- suggestions -->').text, 'a <!-- suggestions -->')
  assert.equal(told('a\n<!-- sugg').text, 'a\n<!-- sugg')
  const markup = '<script>alert(1)</script>\n<img src=x onerror=alert(1)>\r\n[x](javascript:alert(1))\n'
  assert.equal(told(markup).text, markup)
  assert.equal(told(`a\n${' '.repeat(200)}`, 'b').text, `a\n${' '.repeat(200)}b`)
  assert.deepEqual(told('').text, '')
})

test('the suggestions are read, and neither they nor their mark are text, wherever the stream is cut', () => {
  const more = { type: 'risk', description: 'Tokens may leak 😀' }
  const whole = `Text 😀\nend\n\n${SUGGESTIONS_MARK}\n\`\`\`json\n${JSON.stringify([diagram, more])}\n\`\`\`\n`
  const random = seeded()
  for (let run = 0; run < 300; run++) {
    const deltas: string[] = []
    for (let at = 0; at < whole.length;) {
      const to = at + 1 + random.int(run === 0 ? 1 : 12)
      deltas.push(whole.slice(at, to))
      at = to
    }
    const { text, seen, suggestions } = told(...deltas)
    assert.equal(text, 'Text 😀\nend', `seed ${random.seed}, run ${run}`)
    assert.ok(seen.every((delta) => delta.isWellFormed()))
    assert.deepEqual(suggestions, [diagram, more])
  }
  const sameLine = told(`${SUGGESTIONS_MARK}[${JSON.stringify(diagram)}]`)
  assert.deepEqual(sameLine, { text: '', seen: [''], suggestions: [diagram] })
  assert.deepEqual(told(`a\r\n <!--Suggestions-->\n[${JSON.stringify(diagram)}]`).suggestions, [diagram])
})

test('what is malformed in the suggestions is left out, and five are enough', () => {
  const of = (block: string) => told(`a\n${SUGGESTIONS_MARK}\n${block}`)
  for (const block of ['', 'none', '[', '[{]', '{}', 'null', '[null, 1, "x", []]', ']['.repeat(10)]) {
    assert.deepEqual(of(block), { text: 'a', seen: ['a'], suggestions: [] })
  }
  const bad: readonly unknown[] = [
    { type: 'delete', description: 'x' },
    { type: '__proto__', description: 'x' },
    { type: 'risk' },
    { type: 'risk', description: ' ' },
    { type: 'risk', description: 'x'.repeat(501) },
    { type: ['risk'], description: 'x' },
  ]
  assert.deepEqual(of(JSON.stringify([...bad, { ...diagram, extra: 1 }])).suggestions, [diagram])
  assert.equal(of(JSON.stringify(Array.from({ length: 9 }, () => diagram))).suggestions.length, 5)
  assert.deepEqual(of(JSON.stringify([{ type: 'risk', description: '\ud800a\0' }])).suggestions, [
    { type: 'risk', description: '\ufffda\ufffd' },
  ])
  assert.deepEqual(of(`${'['.repeat(8_000)}${']'.repeat(8_000)}`).suggestions, [])
  assert.deepEqual(of(`${' '.repeat(20_000)}[${JSON.stringify(diagram)}]`).suggestions, [])
})

test('what is no text becomes U+FFFD, and a pair that was cut is whole again', () => {
  assert.deepEqual(told('a\ud83d', '\ude00b').seen, ['a', '😀b'])
  assert.equal(told('a\ud83d').text, 'a\ufffd')
  assert.equal(told('\ude00\0').text, '\ufffd\ufffd')
})
