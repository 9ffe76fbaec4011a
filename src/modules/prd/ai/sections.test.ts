import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../../../testing/random.ts'
import { findSection, type Section, sectionKey, sectionsOf } from './sections.ts'

const titles = (text: string): readonly string[] => sectionsOf(text).map((section) => section.title)

test('headings of both kinds are found with their offsets, and sections hold their subsections', () => {
  const text = 'Before\n\n# Product\nIntro\n## Goals ##\n- one\n\nUser stories\n---\r\nAs a user\n# End'
  const [product, goals, stories, end, ...rest] = sectionsOf(text)
  assert.equal(rest.length, 0)
  const part = (from: number, to: number): string => text.slice(from, to)
  assert.deepEqual([product!.title, product!.level, product!.key], ['Product', 1, 'product'])
  assert.equal(part(product!.start, product!.bodyStart), '# Product\n')
  assert.equal(part(product!.bodyStart, product!.bodyEnd), 'Intro\n')
  assert.equal(part(product!.start, product!.end), text.slice(text.indexOf('# P'), text.indexOf('# End')))
  assert.deepEqual([goals!.title, part(goals!.bodyStart, goals!.end)], ['Goals', '- one\n\n'])
  assert.deepEqual([stories!.level, stories!.key], [2, 'user-stories'])
  assert.equal(part(stories!.start, stories!.bodyStart), 'User stories\n---\r\n')
  assert.equal(part(stories!.bodyStart, stories!.end), 'As a user\n')
  assert.deepEqual([end!.bodyStart, end!.bodyEnd, end!.end], [text.length, text.length, text.length])
})

test('what only looks like a heading is none: in code, comments, quotes, lists, or without its space', () => {
  const none = [
    '```\n# code\n```',
    '~~~md\n# code\n```\n# still\n~~~',
    '````\n```\n# code\n````',
    '```\n# never closed',
    '    # indented code',
    '<!--\n# comment\n-->',
    '<pre>\n\n# raw\n</pre>',
    '<div>\n# in a block\n</div>',
    '> # quoted',
    '> quoted\nlazy\n---',
    '- # in a list',
    '- item\n---',
    '- a\n  - b\n\n  # in the outer item',
    '1. ```\n   # code in an item\n   ```',
    '#tag',
    '####### seven',
    '\\# escaped',
    'text\n    # continues the paragraph',
    '\n---\n',
    '* * *',
  ]
  for (const text of none) assert.deepEqual(titles(text), [], JSON.stringify(text))
})

test('a heading may follow anything that has ended', () => {
  assert.deepEqual(titles('```\n# code\n```\n# One'), ['One'])
  assert.deepEqual(titles('- ```\n  code\n# Two'), ['Two'])
  assert.deepEqual(titles('<div>\ntext\n\n# Three\n\n<!-- x --> \n# Four'), ['Three', 'Four'])
  assert.deepEqual(titles('> # quoted\nFive\n==='), ['Five'])
  assert.deepEqual(titles('two\nlines\n==='), ['two lines'])
  assert.deepEqual(titles('text\n2. more\n---'), ['text 2. more'])
  assert.deepEqual(titles('# a\r## b\r\n### c\n'), ['a', 'b', 'c'])
  assert.deepEqual(titles('#\n## ##\n# C #\n# C#\n# `Go` **now** [there](https://x.example) snake_case'), [
    '',
    '',
    'C',
    'C#',
    'Go now there snake_case',
  ])
})

test('keys are names for links, unique in a text, and a section is found by any way to write them', () => {
  assert.equal(sectionKey('3.1 Technical Requirements!'), 'technical-requirements')
  assert.equal(sectionKey('2026 goals'), '2026-goals')
  assert.equal(sectionKey('Überblick & Ziele'), 'überblick-ziele')
  const text = '# A\n# A\n# A 2\n# A\n# 🎉\n## 2. Technical requirements'
  const sections = sectionsOf(text)
  assert.deepEqual(
    sections.map((section) => section.key),
    ['a', 'a-2', 'a-2-2', 'a-3', 'section', 'technical-requirements'],
  )
  for (const name of ['technical-requirements', 'Technical Requirements', 'TECHNICAL_REQUIREMENTS', 'technicalrequirements']) {
    assert.equal(findSection(sections, name), sections[5], name)
  }
  assert.equal(findSection(sections, 'technical'), undefined)
  for (const name of ['', ' ', '🎉', '-']) assert.equal(findSection(sections, name), undefined)
})

test('whatever the text, sections lie in it in order, nest, and begin with the lines that are theirs', () => {
  const random = seeded()
  const pieces = ['# ', '## ', '=', '---', '```', '~~~', '- ', '1. ', '> ', '<div>', '<!--', '-->', '    ', '\t', 'word']
  const all = [...pieces, '\n', '\n', '\n', '\r\n', '\r', '\n\n', '#', '_', '[a](b)', '😀', '\ud800']
  for (let run = 0; run < 400; run++) {
    const text = Array.from({ length: random.int(40) }, () => random.pick(all)).join('')
    const sections = sectionsOf(text)
    sound(text, sections, `seed ${random.seed}, run ${run}: ${JSON.stringify(text)}`)
  }
})

function sound(text: string, sections: readonly Section[], about: string): void {
  assert.equal(new Set(sections.map((section) => section.key)).size, sections.length, about)
  let before = 0
  for (const [at, section] of sections.entries()) {
    const { start, bodyStart, bodyEnd, end, level } = section
    assert.ok(before <= start && start < bodyStart && bodyStart <= bodyEnd && bodyEnd <= end, about)
    assert.ok(end <= text.length, about)
    assert.ok(start === 0 || /[\r\n]/.test(text[start - 1]!), about)
    const ender = sections.slice(at + 1).find((other) => other.level <= level)
    assert.equal(end, ender?.start ?? text.length, about)
    assert.ok(findSection(sections, section.key), about)
    before = bodyStart
  }
}

test('a long hostile text takes no longer than its length', () => {
  const long = 100_000
  const texts = ['#'.repeat(long), `a${'_'.repeat(long)}b\n===`, `# ${'[a]('.repeat(long / 4)}`]
  texts.push('# a\n'.repeat(long / 4))
  texts.push(`- ${' '.repeat(long)}x`, `${'- '.repeat(long / 2)}x`, `# a${' '.repeat(long)}b`, '> '.repeat(long / 2))
  texts.push(`x${'\n'.repeat(long)}`, '<'.repeat(long), `${'-'.repeat(long)}x`, `* ${'* '.repeat(long / 2)}x`)
  for (const text of texts) assert.ok(sectionsOf(text).length <= long / 4)
})
