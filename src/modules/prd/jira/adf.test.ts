import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../../../testing/random.ts'
import { adfToMarkdown } from './adf.ts'
import { escapeInline, escapeStart, oneLine, plainOf, type AdfNode } from './inline.ts'
import { markdownToAdf } from './markdown.ts'

const text = (value: string, ...types: string[]): AdfNode =>
  ({ type: 'text', text: value, ...(types.length > 0 && { marks: types.map((type) => ({ type })) }) })
const paragraph = (...content: AdfNode[]): AdfNode => ({ type: 'paragraph', content })

test('what acceptance criteria are written with becomes nodes of the Atlassian Document Format', () => {
  const markdown = [
    '### Why',
    'A **bold** and _slanted_ word, `code`, ~~gone~~ and [a page](https://example.com/a_(b)).',
    '',
    '- one',
    '- two  ',
    '  more',
    '  1. deep',
    '',
    '- [ ] open',
    '- [x] done',
    '',
    '> said',
    '',
    '```ts',
    'const a = 1 < 2',
    '```',
    '',
    '| Name | Value |',
    '| --- | :-: |',
    '| a \\| b | 1 |',
    '',
    '***',
  ].join('\n')
  const { content } = markdownToAdf(markdown)
  assert.deepEqual(
    content.map(({ type }) => type),
    ['heading', 'paragraph', 'bulletList', 'blockquote', 'codeBlock', 'table', 'rule'],
  )
  assert.deepEqual(content[0], { type: 'heading', attrs: { level: 3 }, content: [text('Why')] })
  assert.deepEqual(content[1]!.content, [
    text('A '),
    text('bold', 'strong'),
    text(' and '),
    text('slanted', 'em'),
    text(' word, '),
    text('code', 'code'),
    text(', '),
    text('gone', 'strike'),
    text(' and '),
    { type: 'text', text: 'a page', marks: [{ type: 'link', attrs: { href: 'https://example.com/a_(b)' } }] },
    text('.'),
  ])
  assert.deepEqual(content[2]!.content![1], {
    type: 'listItem',
    content: [
      paragraph(text('two'), { type: 'hardBreak' }, text('more')),
      { type: 'orderedList', attrs: { order: 1 }, content: [{ type: 'listItem', content: [paragraph(text('deep'))] }] },
    ],
  })
  assert.deepEqual(markdownToAdf('- [ ] open\n- [x] done').content[0], {
    type: 'taskList',
    attrs: { localId: 'tasks' },
    content: [
      { type: 'taskItem', attrs: { localId: 'task-1', state: 'TODO' }, content: [text('open')] },
      { type: 'taskItem', attrs: { localId: 'task-2', state: 'DONE' }, content: [text('done')] },
    ],
  })
  assert.deepEqual(content[4], { type: 'codeBlock', attrs: { language: 'ts' }, content: [text('const a = 1 < 2')] })
  const cell = (type: string, value: string): AdfNode => ({ type, attrs: {}, content: [paragraph(text(value))] })
  assert.deepEqual(content[5]!.content![1]!.content, [cell('tableCell', 'a | b'), cell('tableCell', '1')])
})

test('what Jira has that Markdown has not arrives as its text, and nothing of it is run or broken', () => {
  const document = {
    type: 'doc',
    version: 1,
    content: [
      paragraph(text('# no heading')),
      paragraph(text('1. no list'), { type: 'hardBreak' }, text('- none\nhere')),
      { type: 'panel', content: [paragraph(text('Careful'))] },
      paragraph(
        { type: 'mention', attrs: { id: '1', text: '@Ann' } },
        text(' on '),
        { type: 'date', attrs: { timestamp: '1706265030000' } },
        text(' '),
        { type: 'status', attrs: { text: 'DONE' } },
        { type: 'inlineCard', attrs: { url: 'https://example.com/x' } },
        { type: 'text', text: 'click', marks: [{ type: 'link', attrs: { href: 'javascript:alert(1)' } }] },
      ),
      { type: 'mediaSingle', content: [{ type: 'media', attrs: { id: 'x' } }] },
      { type: 'expand', attrs: { title: 'More' }, content: [paragraph(text('inside'))] },
      { type: 'unheardOf', content: [paragraph(text('kept'))] },
      'not a node',
    ],
  }
  assert.equal(
    adfToMarkdown(document),
    [
      '\\# no heading',
      '1\\. no list\\\n\\- none here',
      '> Careful',
      '@Ann on 2024-01-26 DONE<https://example.com/x>click',
      'More',
      'inside',
      'kept',
    ].join('\n\n'),
  )
  const part = { content: [{ type: 'heading', attrs: { level: 2 }, content: [text('Part')] }] }
  assert.equal(adfToMarkdown(part, { flatHeadings: true }), '**Part**')
  for (const none of [null, undefined, 7, {}, { content: 'x' }, { content: [null, { type: 'text' }] }]) {
    assert.equal(adfToMarkdown(none), '')
  }
  let deep: unknown = { type: 'paragraph', content: [text('deep')] }
  for (let i = 0; i < 10_000; i += 1) deep = { type: 'blockquote', content: [deep] }
  assert.equal(adfToMarkdown({ content: [deep] }), '')
})

test('a text of any characters reads as itself once it is escaped, on one line', () => {
  const random = seeded()
  const alphabet = [...'ab 12*_`~[]()<>!|#-+=.&;\\\n\t\0é😀', '**', '__', '~~', '](', 'https://a.b', '&amp;', '\ud800']
  for (let i = 0; i < 1_000; i += 1) {
    const raw = Array.from({ length: random.int(12) }, () => random.pick(alphabet)).join('')
    const line = oneLine(raw)
    const escaped = escapeStart(escapeInline(line))
    const why = `seed ${random.seed}: ${JSON.stringify(raw)} as ${JSON.stringify(escaped)}`
    assert.equal(plainOf(escaped), line, why)
    const { content } = markdownToAdf(escaped)
    assert.deepEqual(content, line === '' ? [] : [paragraph(text(line))], why)
    assert.equal(adfToMarkdown(markdownToAdf(escaped)), escaped, why)
  }
})

test('a description is the same after it went to Jira and came back', () => {
  const random = seeded()
  const marks = [' 2 * 3 ', ' **d** ', ' _e_ ', ' ~~f~~ ', ' `g|h` ', ' [x](https://a.b) ', ' <https://c.d> ']
  const lines = ['- ', '1. ', '> ', '# ', '```', '- [ ] ', '- [x] ', '---', '| a | b |\n| - | - |\n| c | **d** |\n']
  const all = ['a', 'b c', ...marks, ...lines, '\n', '\n', '\n\n', '  ', '    ', '\\']
  for (let i = 0; i < 1_000; i += 1) {
    const raw = Array.from({ length: random.int(14) }, () => random.pick(all)).join('')
    const once = adfToMarkdown(markdownToAdf(raw))
    const twice = adfToMarkdown(markdownToAdf(once))
    assert.equal(twice, once, `seed ${random.seed}: ${JSON.stringify(raw)}`)
  }
})

test('hostile Markdown takes no longer than its length allows', () => {
  const hostile = ['**a ', '[', '`a', '> ', '*', '***'].map((piece) => piece.repeat(20_000))
  const nested = Array.from({ length: 2_000 }, (_, i) => `${'  '.repeat(i % 500)}- x`).join('\n')
  // Each of them would take minutes if its effort grew with the square of its length times its depth.
  for (const each of [...hostile, nested, '| '.repeat(10_000), '![a]('.repeat(5_000), '_a_'.repeat(10_000)]) {
    assert.equal(typeof adfToMarkdown(markdownToAdf(each)), 'string')
  }
})
