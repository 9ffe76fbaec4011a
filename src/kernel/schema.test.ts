import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import Type from 'typebox'
import { seeded } from '../testing/random.ts'
import { CommandError, type ErrorDetails } from './errors.ts'
import { Bytes } from '../wire/bytes.ts'
import { FreeObject } from '../wire/free-object.ts'
import { compile, type Decode } from './schema.ts'

fc.configureGlobal({ seed: seeded().seed })

const Person = Type.Object({ name: Type.String({ minLength: 1 }), age: Type.Optional(Type.Integer({ minimum: 0 })) })
const Message = Type.Object({
  title: Type.String({ minLength: 2, maxLength: 20 }),
  kind: Type.Enum(['note', 'alarm']),
  author: Person,
  readers: Type.Optional(Type.Array(Person)),
  grid: Type.Optional(Type.Array(Type.Array(Type.Integer()))),
  parent: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
  code: Type.Optional(Type.String({ pattern: '^[A-Z]{3}$', description: 'three capital letters' })),
})
const decode = compile(Message)

const details = (decode: Decode<unknown>, input: unknown): ErrorDetails => {
  try {
    decode(input)
  } catch (error) {
    assert.ok(error instanceof CommandError, String(error))
    assert.equal(error.kind, 'invalid')
    return error.details!
  }
  return assert.fail(`${JSON.stringify(input)} was let in`)
}

const names = (details: ErrorDetails): string[] => Object.keys(details)

test('K-9 what is known is kept, what is not is dropped, at every level', () => {
  const author = { name: 'Ana', age: 3 }
  const known = { title: 'Hi', kind: 'note', author, readers: [{ name: 'Bo' }], grid: [[1], []] }
  const input = { ...known, admin: true, author: { ...author, role: 'x' }, readers: [{ name: 'Bo', id: 1 }] }
  assert.deepEqual(decode(input), known)
})

/** Every object and array in a value. */
function* parts(value: unknown): Generator<object> {
  if (typeof value !== 'object' || value === null) return
  yield value
  for (const inner of Object.values(value)) yield* parts(inner)
}

test("K-9 nothing of what comes out is the client's own object", () => {
  const input = { title: 'Hi', kind: 'note', author: { name: 'Ana' }, readers: [{ name: 'Bo' }], grid: [[1, 2], [3]] }
  const given = new Set(parts(input))
  const built = [...parts(decode(input))]
  assert.equal(built.length, given.size)
  for (const part of built) assert.ok(!given.has(part))
})

const hostileNames = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'toJSON', 'then']
const hostile = (name: string): string => `{"polluted":true,"name":"x","${name}":{"polluted":true}}`

for (const name of hostileNames) {
  test(`K-9 a member called ${name} pollutes nothing and does not come out`, () => {
    const inner = hostile(name)
    const text = `{"title":"Hi","kind":"note","${name}":${inner},"author":${inner},"readers":[${inner}]}`
    const built = decode(JSON.parse(text))
    assert.equal(JSON.stringify(built), '{"title":"Hi","kind":"note","author":{"name":"x"},"readers":[{"name":"x"}]}')
    for (const part of parts(built)) {
      assert.ok([Object.prototype, Array.prototype].includes(Object.getPrototypeOf(part) as never))
    }
    assert.equal(({} as { polluted?: unknown }).polluted, undefined)
  })
}

test('K-9 what a prototype would give is not given: a missing member is missing', () => {
  const inherited = Object.create({ title: 'Hi', kind: 'note', author: { name: 'Ana' } }) as object
  for (const input of [inherited, JSON.parse('{"__proto__":{"title":"Hi","kind":"note","author":{"name":"x"}}}')]) {
    let built: unknown
    try {
      built = decode(input)
    } catch (error) {
      assert.ok(error instanceof CommandError)
    }
    assert.equal((built as { title?: unknown } | undefined)?.title, undefined)
  }
})

const text = fc.oneof(fc.string({ maxLength: 25 }), fc.constantFrom('note', 'alarm', 'ABC'))
const scalar = fc.oneof(fc.integer({ min: -2, max: 9 }), fc.constant(null), fc.boolean(), text)
const person = fc.record({ name: text, age: scalar, admin: scalar }, { requiredKeys: ['name'] })
const message = fc.record(
  {
    title: text,
    kind: fc.constantFrom('note', 'alarm', 'other'),
    author: fc.oneof({ weight: 5, arbitrary: person }, { weight: 1, arbitrary: fc.jsonValue() }),
    readers: fc.oneof(fc.array(person), scalar),
    grid: fc.oneof(fc.array(fc.array(fc.integer())), fc.constant([[1, '2']])),
    parent: scalar,
    extra: fc.jsonValue(),
  },
  { requiredKeys: ['title', 'kind', 'author'] },
)
const cleaned = (value: { name: string; age?: unknown }): object =>
  'age' in value ? { name: value.name, age: value.age } : { name: value.name }

test('K-9 any input is refused by naming fields, or rebuilt so that it says the same and is its own', () => {
  let kept = 0
  fc.assert(
    fc.property(message, (input) => {
      let built: unknown
      try {
        built = decode(input)
      } catch (error) {
        assert.ok(error instanceof CommandError && error.kind === 'invalid', String(error))
        assert.ok(names(error.details!).length > 0)
        const known = /^(title|kind|code|parent|grid(\.\d+){0,2}|(author|readers(\.\d+)?)(\.(name|age))?)$/
        for (const name of names(error.details!)) assert.match(name, known)
        return
      }
      kept += 1
      const { extra: _, ...rest } = input
      const author = cleaned(input.author as { name: string })
      const readers = Array.isArray(input.readers) ? { readers: input.readers.map(cleaned) } : {}
      assert.deepEqual(built, { ...rest, author, ...readers })
      assert.deepEqual(decode(built), built)
      const given = new Set(parts(input))
      for (const part of parts(built)) assert.ok(!given.has(part))
    }),
    { numRuns: 3_000 },
  )
  assert.ok(kept > 30, `only ${kept} were let in: no proof`)
})

test('K-9 a refusal names each bad field and says what would be right', () => {
  const input = {
    title: 'x',
    kind: 'other',
    author: { name: 7 },
    readers: [{ name: 'Bo' }, { age: -1 }],
    code: 'abc',
  }
  assert.deepEqual(details(decode, input), {
    title: 'must not have fewer than 2 characters',
    kind: 'must be equal to one of the allowed values: note, alarm',
    'author.name': 'must be string',
    'readers.1.name': 'is required',
    'readers.1.age': 'must be >= 0',
    code: 'must be three capital letters',
  })
  assert.deepEqual(details(decode, { title: 'Hi', kind: 'note' }), { author: 'is required' })
  for (const input of [null, undefined, 7, 'text', true, []]) assert.deepEqual(names(details(decode, input)), ['body'])
})

test('K-9 a refusal is not longer than the frame that caused it deserves', () => {
  const grid = Array.from({ length: 2_000 }, () => ['x'])
  const found = details(decode, { title: 'Hi', kind: 'note', author: { name: 'x' }, grid })
  assert.ok(Object.keys(found).length <= 20, `${Object.keys(found).length} details`)
})

test('a default fills what is absent, and is made anew each time', () => {
  const decode = compile(
    Type.Object({
      tags: Type.Optional(Type.Array(Type.String(), { default: ['a'] })),
      size: Type.Optional(Type.Integer({ default: 3 })),
      style: Type.Optional(Type.Object({ bold: Type.Optional(Type.Boolean({ default: false })) }, { default: {} })),
    }),
  )
  const built = decode({})
  assert.deepEqual(built, { tags: ['a'], size: 3, style: { bold: false } })
  built.tags.push('b')
  assert.deepEqual(decode({ size: 4 }), { tags: ['a'], size: 4, style: { bold: false } })
})

const query = compile(
  Type.Object({
    limit: Type.Integer({ default: 20, minimum: 1, maximum: 100 }),
    ratio: Type.Optional(Type.Number()),
    open: Type.Optional(Type.Boolean()),
    q: Type.Optional(Type.String()),
  }),
  { coerce: true },
)

test('a query string becomes the numbers and flags its schema names, with defaults', () => {
  assert.deepEqual(query({}), { limit: 20 })
  assert.deepEqual(query(undefined), { limit: 20 })
  const all = { limit: '7', ratio: '-1.50', open: 'false', q: '12', other: '1' }
  assert.deepEqual(query(all), { limit: 7, ratio: -1.5, open: false, q: '12' })
  assert.deepEqual(query({ open: 'true', limit: '100' }), { open: true, limit: 100 })
})

test('a query string is not guessed at: what is no plain number or flag is refused by its name', () => {
  const numbers = ['', ' ', 'x', '0x10', '1e2', ' 5', '5 ', '1.5', '-1', '0', '101', '+5', '٣', 'NaN', 'Infinity']
  for (const limit of [...numbers, '9'.repeat(400)]) assert.deepEqual(names(details(query, { limit })), ['limit'], limit)
  for (const open of ['', '1', 'yes', 'TRUE', 'null']) assert.deepEqual(names(details(query, { open })), ['open'], open)
  // The same name twice.
  assert.deepEqual(names(details(query, { limit: ['1', '2'], q: ['a', 'b'] })), ['limit', 'q'])
  assert.deepEqual(names(details(query, JSON.parse('{"__proto__":{"limit":"5"},"limit":"0"}'))), ['limit'])
})

test('a body is not coerced', () => {
  assert.deepEqual(details(decode, { title: 12, kind: 'note', author: { name: 'x', age: '3' } }), {
    title: 'must be string',
    'author.age': 'must be integer',
  })
})

for (const [name, schema] of [
  ['a choice of objects', Type.Union([Type.Object({ a: Type.String() }), Type.Object({ b: Type.String() })])],
  ['a choice of an object and an array', Type.Union([FreeObject, Type.Array(Type.String())])],
  ['a choice within a choice', Type.Union([Type.Null(), Type.Union([FreeObject, Type.Object({ a: Type.String() })])])],
  ['a choice with a record', Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])],
  ['a record', Type.Record(Type.String(), Type.String())],
  ['an intersection', Type.Intersect([Type.Object({ a: Type.String() }), Type.Object({ b: Type.String() })])],
  ['a tuple with objects', Type.Tuple([Type.Object({ a: Type.String() })])],
  ['an array of a choice of arrays', Type.Array(Type.Union([Type.Array(Type.String()), Type.Array(Type.Null())]))],
  ['anything', Type.Unknown()],
  ['an array of anything', Type.Array(Type.Unknown())],
] as const) {
  test(`K-9 ${name} cannot be rebuilt, and is refused at the start, not emptied in silence`, () => {
    assert.throws(() => compile(schema), /rebuil/)
    assert.throws(() => compile(Type.Object({ inner: Type.Optional(schema) })), /inner.*rebuil/)
  })
}

test('K-9 a free object is kept whole, but for what would be a prototype', () => {
  const decode = compile(Type.Object({ metadata: FreeObject }))
  const text = '{"metadata":{"a":[1,{"b":null,"__proto__":{"polluted":1}}],"__proto__":{"polluted":1},"constructor":2},"x":1}'
  const { metadata } = decode(JSON.parse(text))
  assert.deepEqual(metadata, { a: [1, { b: null }], constructor: 2 })
  assert.equal(Object.getPrototypeOf(metadata), Object.prototype)
  assert.throws(() => decode({ metadata: [] }), CommandError)
  assert.throws(() => decode({ metadata: null }), CommandError)
})

const Choice = Type.Object({
  target: Type.Union([Person, Type.Integer(), Type.Null()], { description: 'a person, its id, or null' }),
  free: Type.Optional(Type.Union([FreeObject, Type.Null()])),
  lists: Type.Optional(Type.Array(Type.Union([Type.Null(), Type.Union([Type.Array(Person), Type.Boolean()])]))),
})
const choose = compile(Choice)

test('K-9 a choice with one object or array is rebuilt by what fits, at every level', () => {
  for (const target of [7, null, { name: 'Ana', age: 1 }]) assert.deepEqual(choose({ target }), { target })
  assert.deepEqual(choose({ target: { name: 'Ana', admin: true } }), { target: { name: 'Ana' } })
  const free = JSON.parse('{"a":{"__proto__":{"polluted":1},"b":[1]}}') as Record<string, unknown>
  const input = { target: null, free, lists: [null, true, [{ name: 'Bo', id: 1 }], []] }
  const built = choose(input)
  assert.deepEqual(built, { target: null, free: { a: { b: [1] } }, lists: [null, true, [{ name: 'Bo' }], []] })
  const given = new Set(parts(input))
  for (const part of parts(built)) assert.ok(!given.has(part))
  assert.deepEqual(choose({ target: null, free: null }), { target: null, free: null })
})

test('K-9 a choice that fails says what is allowed in plain words, or what is wrong in its object', () => {
  for (const target of ['x', true, [], 1.5]) {
    assert.deepEqual(details(choose, { target }), { target: 'must be a person, its id, or null' })
  }
  assert.deepEqual(details(choose, { target: { name: '', age: -1 } }), {
    'target.name': 'must not have fewer than 1 characters',
    'target.age': 'must be >= 0',
  })
  assert.deepEqual(details(choose, { target: {} }), { 'target.name': 'is required' })
  assert.deepEqual(details(choose, {}), { target: 'is required' })
  assert.deepEqual(names(details(choose, { target: 1, lists: ['x', [{}]] })), ['lists.1.0.name', 'lists.0'])
})

const Binary = Type.Object({
  data: Bytes(4),
  vector: Type.Optional(Type.Union([Type.Array(Type.Integer()), Bytes(4)], { description: 'numbers or bytes' })),
  more: Type.Optional(Type.Array(Bytes(4))),
  free: Type.Optional(FreeObject),
  person: Type.Optional(Type.Object({ name: Type.Optional(Type.String()) })),
})
const decodeBinary = compile(Binary)

test('K-9 bytes are given on as they are where a schema asks for them, within its length', () => {
  const data = new Uint8Array([1, 2, 3, 4])
  assert.equal(decodeBinary({ data }).data, data)
  assert.deepEqual(decodeBinary({ data, vector: data, more: [data] }), { data, vector: data, more: [data] })
  assert.deepEqual(decodeBinary({ data, vector: [1, 2] }), { data, vector: [1, 2] })
  assert.deepEqual(details(decodeBinary, { data: new Uint8Array(5) }), { data: 'must not be over 4 bytes' })
  for (const none of ['AQ==', [1], { 0: 1 }, null, 1, { _placeholder: true, num: 0 }]) {
    assert.deepEqual(details(decodeBinary, { data: none }), { data: 'must be bytes' })
  }
  assert.deepEqual(details(decodeBinary, {}), { data: 'is required' })
  assert.deepEqual(details(decodeBinary, { data, vector: new Uint8Array(5) }), { vector: 'must be numbers or bytes' })
})

test('K-9 bytes where an object may be are refused, not walked', () => {
  const data = new Uint8Array(4)
  for (const input of [{ free: data }, { free: { a: [data] } }, { person: data }]) {
    assert.deepEqual(names(details(decodeBinary, { data, ...input })), ['frame'])
  }
})
