import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

const src = resolve(import.meta.dirname, '../src')

/** Who may import whom: the left folder may import from the right ones, and from itself unless it says otherwise. */
const rules: readonly { readonly from: RegExp; readonly may: readonly RegExp[] }[] = [
  { from: /^wire\//, may: [/^wire\//] },
  { from: /^kernel\//, may: [/^kernel\//, /^wire\//] },
  { from: /^identity\//, may: [/^identity\//, /^kernel\//, /^wire\//] },
  // A protocol's frames run in a browser too.
  { from: /^modules\/([^/]+)\/wire(-[a-z]+)?\.ts$/, may: [/^wire\//, /^modules\/SAME\/wire(-[a-z]+)?\.ts$/] },
  // So does the merging of edits, which server and clients must do alike.
  { from: /^modules\/prd\/merge\.ts$/, may: [] },
  { from: /^modules\/([^/]+)\//, may: [/^modules\/SAME\//, /^identity\//, /^kernel\//, /^wire\//] },
  { from: /^adapters\//, may: [/^adapters\//, /^kernel\//, /^wire\//] },
  { from: /^client\//, may: [/^client\//, /^wire\//, /^modules\/[^/]+\/wire(-[a-z]+)?\.ts$/, /^modules\/prd\/merge\.ts$/] },
  { from: /^testing\//, may: [/./] },
  { from: /^[^/]+\.ts$/, may: [/./] },
]

/** Only a test may use what is made for tests. */
const isTest = (path: string): boolean =>
  /\.test\.ts$|\/(testing(-[a-z]+)?|model)\.ts$|\/(bad-input|matrix|mischief|clients)\//.test(path) || path.startsWith('testing/')

const files = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) return files(path)
    return /\.tsx?$/.test(name) ? [relative(src, path)] : []
  })

const importsOf = (path: string): readonly string[] =>
  [...readFileSync(join(src, path), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!)

const all = files(src)

test('imports keep to the table', () => {
  const wrong: string[] = []
  for (const path of all.filter((file) => !isTest(file))) {
    const rule = rules.find(({ from }) => from.test(path))
    assert.ok(rule, `${path} is in no row of the table`)
    const same = rule.from.exec(path)?.[1]
    const may = rule.may.map((allowed) => new RegExp(allowed.source.replace('SAME', same ?? '-')))
    for (const target of importsOf(path).filter((name) => name.startsWith('.'))) {
      const file = relative(src, resolve(src, dirname(path), target))
      if (!may.some((allowed) => allowed.test(file))) wrong.push(`${path} imports ${file}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('what runs in a browser imports nothing of node', () => {
  const runsThere = /^(wire|client)\/|^modules\/([^/]+\/wire(-[a-z]+)?|prd\/merge)\.ts$/
  const browser = all.filter((path) => runsThere.test(path) && !isTest(path))
  const wrong = browser.flatMap((path) =>
    importsOf(path)
      .filter((name) => name.startsWith('node:'))
      .map((name) => `${path} imports ${name}`),
  )
  assert.deepEqual(wrong, [])
})

test("the kernel never says a module's word", () => {
  const words = /\b(tracker|workspace|dating|helpdesk|prd|bug_?report|comment_added|project|channel|reaction|likes?d)\b/i
  const wrong = all
    .filter((path) => path.startsWith('kernel/') && !isTest(path))
    .flatMap((path) => {
      // Prose may give examples; code may not.
      const code = readFileSync(join(src, path), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
      const word = words.exec(code)?.[0]
      return word ? [`${path} says ${word}`] : []
    })
  assert.deepEqual(wrong, [])
})

test('only adapters and tests know the libraries of the network and the databases', () => {
  const outside = /^(ws|undici|socket\.io|engine\.io|fastify|@fastify\/|pg$|@electric-sql|node:sqlite|sharp|file-type)/
  const wrong = all
    .filter((path) => !path.startsWith('adapters/') && !isTest(path))
    .flatMap((path) => importsOf(path).filter((name) => outside.test(name)).map((name) => `${path} imports ${name}`))
    // The one place that puts everything together names a type.
    .filter((line) => line !== 'app.ts imports fastify')
  assert.deepEqual(wrong, [])
})

test('no file is past 400 lines', () => {
  const long = all.filter((path) => readFileSync(join(src, path), 'utf8').split('\n').length > 400)
  assert.deepEqual(long, [])
})
