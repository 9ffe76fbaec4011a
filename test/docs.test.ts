import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { fields } from '../src/config.ts'
import { payloads as dating } from '../src/modules/dating/wire.ts'
import { payloads as helpdesk } from '../src/modules/helpdesk/wire.ts'
import { payloads as prd } from '../src/modules/prd/wire.ts'
import { payloads as tracker } from '../src/modules/tracker/wire.ts'
import { payloads as workspace } from '../src/modules/workspace/wire.ts'
import { closes } from '../src/wire/closes.ts'
import { errors } from '../src/wire/errors.ts'

/** Documents that repeat what the code says are made from it: `UPDATE_DOCS=1 npm run check` writes them anew. */

const root = resolve(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** The part of a document between `<!-- name -->` and `<!-- /name -->` must be exactly this. */
function section(path: string, name: string, lines: readonly string[]): void {
  const text = read(path)
  const pattern = new RegExp(`(<!-- ${name} -->\n)([\\s\\S]*?)(\n<!-- /${name} -->)`)
  const match = pattern.exec(text)
  assert.ok(match, `${path} has no section ${name}`)
  const wanted = lines.join('\n')
  if (process.env['UPDATE_DOCS'] && match[2] !== wanted) {
    writeFileSync(join(root, path), text.replace(pattern, (_, before: string, __, after: string) => before + wanted + after))
    return
  }
  assert.equal(match[2], wanted, `${path}: section ${name} is not what the code says; run UPDATE_DOCS=1 npm run check`)
}

const shown = (value: unknown): string => {
  if (Array.isArray(value)) return value.join(',')
  return value === '' ? '*(empty)*' : `\`${String(value)}\``
}

test('docs/operating.md lists every setting with its default and reason', () => {
  section('docs/operating.md', 'settings', [
    '| setting | default | why |',
    '|---|---|---|',
    ...Object.values(fields).map(({ env, fallback, reason }) => `| \`${env}\` | ${shown(fallback)} | ${reason} |`),
  ])
})

test('docs/errors.md lists every error and every close', () => {
  section('docs/errors.md', 'errors', [
    '| kind | HTTP | may succeed later | meaning |',
    '|---|---|---|---|',
    ...Object.entries(errors).map(
      ([kind, { http, retry, meaning }]) => `| \`${kind}\` | ${http} | ${retry ? 'yes' : 'no'} | ${meaning} |`,
    ),
  ])
  section('docs/errors.md', 'closes', [
    '| kind | code | come back | meaning |',
    '|---|---|---|---|',
    ...Object.entries(closes).map(
      ([kind, { code, retry, meaning }]) => `| \`${kind}\` | ${code} | ${retry ? 'yes' : 'no'} | ${meaning} |`,
    ),
  ])
})

test('close codes are not used twice', () => {
  const codes = Object.values(closes).map(({ code }) => code)
  assert.equal(new Set(codes).size, codes.length)
})

for (const [name, payloads] of Object.entries({ tracker, workspace, dating, helpdesk, prd })) {
  test(`the ${name} document names every frame`, () => {
    const text = read(`src/modules/${name}/PROTOCOL.md`)
    const missing = Object.keys(payloads).filter((frame) => !text.includes(`\`${frame}\``))
    assert.deepEqual(missing, [])
  })
}

const files = (folder: string): string[] =>
  readdirSync(join(root, folder)).flatMap((name) => {
    const path = join(folder, name)
    return statSync(join(root, path)).isDirectory() ? files(path) : [path]
  })

const tests = [...files('src'), ...files('test')].filter((path) => /\.test\.ts$|^src\/testing\//.test(path))
const proofs = tests.map(read).join('\n')

for (const [path, pattern] of [
  ['src/kernel/README.md', /\*\*(K-\d+)/g],
  ['src/identity/README.md', /\*\*(I-\d+)/g],
  ['src/modules/tracker/PROTOCOL.md', /\*\*(T-[A-Z]\d+)/g],
  ['src/modules/workspace/PROTOCOL.md', /\*\*(W-[A-Z]\d+)/g],
  ['src/modules/dating/PROTOCOL.md', /\*\*(D-[A-Z]\d+)/g],
  ['src/modules/helpdesk/PROTOCOL.md', /\*\*(H-[A-Z]\d+)/g],
  ['src/modules/prd/PROTOCOL.md', /\*\*(P-[A-Z]\d+)/g],
] as const) {
  test(`every rule of ${path} has a test that carries its id`, () => {
    const ids = [...read(path).matchAll(pattern)].map((match) => match[1]!)
    assert.ok(ids.length > 0, 'no rules found')
    assert.equal(new Set(ids).size, ids.length, 'an id is used twice')
    const unproved = ids.filter((id) => !new RegExp(`\\b${id}\\b`).test(proofs))
    assert.deepEqual(unproved, [])
  })

  test(`tests quote only rules that ${path} has`, () => {
    const known = new Set([...read(path).matchAll(pattern)].map((match) => match[1]!))
    const prefixes = new Set([...known].map((id) => id.replace(/\d+$/, '')))
    const any = new RegExp(`\\b(${[...prefixes].join('|')})\\d+\\b`, 'g')
    const quoted = new Set([...proofs.matchAll(any)].map((match) => match[0]))
    assert.deepEqual(
      [...quoted].filter((id) => !known.has(id)),
      [],
    )
  })
}

test('links between documents lead somewhere', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', ...files('docs'), ...files('src')].filter((path) => path.endsWith('.md'))
  const broken = documents.flatMap((path) =>
    [...read(path).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .map((match) => join(path, '..', match[1]!))
      .filter((target) => !statSync(join(root, target), { throwIfNoEntry: false }))
      .map((target) => `${path} → ${target}`),
  )
  assert.deepEqual(broken, [])
})
