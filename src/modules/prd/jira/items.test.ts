import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../../../testing/random.ts'
import { itemsOf, summaryOf, type Content, type Item, type ItemKind } from './items.ts'
import { append, rewrite } from './rewriting.ts'
import type { Edit } from '../merge.ts'

const PRD = `# Sign-in

As a **visitor**, I want to read this first.

## User Stories

- As a user, I want to sign in
  so that I see my things
  - Given a password, it lets me in

  More about it.
- [ ] Reset of \`passwords\`
1) As an admin I need a list

Acceptance criteria:
- sorted by name

### US-7: Sign-out

As a user, I want to leave.

Some day.

### Remarks

Nothing.

- as it is

\`\`\`
- As a user, I want no code
\`\`\`

## Functional requirements

| ID | Requirement | Priority |
|----|-------------|----------|
| F1 | Sign in \\| out | **high** |
| F2 | | low |
| F3 | Reset | |

Prose.

### Speed

* Fast
* Cheap

## Later
- nothing
`
const brief = ({ kind, form, title, description }: Item) => [kind, form, title, description]

test('user stories and requirements are found with what belongs to them, at their places', () => {
  const items = itemsOf(PRD)
  assert.deepEqual(items.map(brief), [
    ['story', 'paragraph', 'As a visitor, I want to read this first.', ''],
    [
      'story',
      'list',
      'As a user, I want to sign in so that I see my things',
      '- Given a password, it lets me in\n\nMore about it.',
    ],
    ['story', 'list', 'Reset of passwords', ''],
    ['story', 'list', 'As an admin I need a list', 'Acceptance criteria:\n- sorted by name'],
    ['story', 'heading', 'US-7: Sign-out', 'As a user, I want to leave.\n\nSome day.'],
    ['story', 'list', 'as it is', ''],
    ['requirement', 'row', 'Sign in | out', '- **ID:** F1\n- **Priority:** **high**'],
    ['requirement', 'row', 'Reset', '- **ID:** F3'],
    ['requirement', 'list', 'Fast', ''],
    ['requirement', 'list', 'Cheap', ''],
  ])
  for (const { start, titleStart, titleEnd, below, end } of items) {
    assert.ok(start <= titleStart && titleStart < titleEnd && titleEnd <= below && below <= Math.max(below, end))
    assert.equal(PRD.slice(start, end), PRD.slice(start, end).trim())
  }
  assert.equal(itemsOf(PRD, new Map(), 3).length, 3)
  assert.deepEqual(itemsOf(''), [])
})

test('what was an item stays one, whatever it says by now', () => {
  const text = 'Intro\n\n- Log in\n- Other\n\nParagraph\n'
  assert.deepEqual(itemsOf(text), [])
  const known = new Map<number, ItemKind>([[7, 'story'], [text.indexOf('Paragraph'), 'requirement']])
  assert.deepEqual(itemsOf(text, known).map(({ kind, title }) => [kind, title]), [
    ['story', 'Log in'],
    ['requirement', 'Paragraph'],
  ])
})

function applied(text: string, edits: readonly Edit[]): string {
  return edits.reduce((now, { at, removed, inserted }) => now.slice(0, at) + inserted + now.slice(at + removed), text)
}

test('a rewritten item reads as what Jira has, and every other item stays as it was', () => {
  const random = seeded()
  const alphabet = [...'ab *_`[]()<>|#-+=1.\\~!', 'As a user, I want ', '\n', '**', '](x)', '- ', '# ']
  const items = itemsOf(PRD)
  for (let i = 0; i < 300; i += 1) {
    const raw = Array.from({ length: 1 + random.int(9) }, () => random.pick(alphabet)).join('')
    const title = raw.replace(/\s+/g, ' ').trim()
    if (title === '') continue
    const at = random.int(items.length)
    const item = items[at]!
    const description = random.pick(['', '- one\n- two', 'Text.\n\n- [ ] task', '> said\n\n```\n- code\n\n# code\n```'])
    const content: Content = { title, description: random.pick([description, item.description]) }
    const after = applied(PRD, rewrite(PRD, item, content))
    const known = new Map([[item.start, item.kind]])
    const why = `seed ${random.seed}: ${JSON.stringify([item.title, content])}\n${after}`
    const found = itemsOf(after, known)
    assert.equal(found.length, items.length, why)
    found.forEach((each, j) => {
      if (j !== at) return assert.deepEqual(brief(each), brief(items[j]!), why)
      assert.equal(each.title, title, why)
      assert.equal(each.description, item.form === 'row' ? item.description : content.description, why)
    })
  }
})

test('nothing is edited where nothing has changed, and only words that differ where something has', () => {
  const [, first] = itemsOf(PRD)
  assert.deepEqual(rewrite(PRD, first!, first!), [])
  const edits = rewrite(PRD, first!, { ...first!, title: first!.title.replace('sign in', 'log in') })
  assert.ok(edits.every(({ removed, inserted }) => removed + inserted.length < 60), JSON.stringify(edits))
})

test('new items stand behind the last of their kind, in its form; else at the end of their section', () => {
  const contents = [
    { title: 'One | two', description: '- criterion' },
    { title: '# Three', description: '' },
  ]
  const cases: readonly [text: string, kind: ItemKind, expected: string][] = [
    ['', 'story', '## User Stories\n\n- One | two\n  - criterion\n- \\# Three'],
    ['# A\n\n', 'requirement', '# A\n\n## Requirements\n\n- One | two\n  - criterion\n- \\# Three\n\n'],
    [
      '## User stories\n\nNone yet.\n\n## B\n',
      'story',
      '## User stories\n\nNone yet.\n\n- One | two\n  - criterion\n- \\# Three\n\n## B\n',
    ],
    [
      '## User stories\n 9. [x] First\n\nEnd',
      'story',
      '## User stories\n 9. [x] First\n 10. [ ] One | two\n     - criterion\n 11. [ ] \\# Three\n\nEnd',
    ],
    [
      '## Requirements\n| a | Name | b |\n|-|-|-|\n| 1 | x | 2 |\n',
      'requirement',
      '## Requirements\n| a | Name | b |\n|-|-|-|\n| 1 | x | 2 |\n|  | One \\| two |  |\n|  | # Three |  |\n',
    ],
    [
      '## Stories\n### US-1\nAs a user, I want it.\n## C',
      'story',
      '## Stories\n### US-1\nAs a user, I want it.\n\n### One | two\n\n- criterion\n\n### # Three\n## C',
    ],
    ['As a user, I want it.', 'story', 'As a user, I want it.\n\nOne | two\n\n- criterion\n\n\\# Three'],
  ]
  for (const [text, kind, expected] of cases) {
    const { edit, starts } = append(text, itemsOf(text), kind, contents)
    const after = applied(text, [edit])
    assert.equal(after, expected)
    const found = itemsOf(after, new Map(starts.map((start) => [start, kind])))
    assert.deepEqual(found.slice(-2).map(({ title, start }) => [title, start]), [
      ['One | two', starts[0]],
      ['# Three', starts[1]],
    ])
  }
})

test('a summary has one line and at most 255 characters, none of them cut in half', () => {
  assert.equal(summaryOf('a\nb'), 'a b')
  assert.equal(summaryOf('x'.repeat(255)), 'x'.repeat(255))
  const cut = summaryOf(`${'x'.repeat(253)}😀😀`)
  assert.equal(cut, `${'x'.repeat(253)}…`)
})
