import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '../testing/random.ts'
import { CommandError } from './errors.ts'
import { messageOf, restore } from './message.ts'

const attached = (parts: readonly Uint8Array[]) => ({ count: parts.length, bytes: 0, parts })

test('what has bytes in it becomes a text with attachments, and is put together again', (t) => {
  const random = seeded()
  t.diagnostic(`seed ${random.seed}`)
  const some = (depth: number): unknown => {
    const kind = random.int(depth > 3 ? 3 : 5)
    if (kind === 0) return Uint8Array.from({ length: random.int(4) }, () => random.int(256))
    if (kind === 1) return random.pick(['', '👍', '_placeholder', null, 7, true])
    if (kind === 2) return { num: 0 }
    if (kind === 3) return Array.from({ length: random.int(3) }, () => some(depth + 1))
    return Object.fromEntries(Array.from({ length: random.int(3) }, (_, n) => [`k${n}`, some(depth + 1)]))
  }
  for (let round = 0; round < 300; round += 1) {
    const value = [some(0), some(0)]
    const message = messageOf(value)
    if (typeof message === 'string') assert.equal(message, JSON.stringify(value))
    else assert.deepEqual(restore(JSON.parse(message.text), attached(message.attachments)), value)
  }
})

test('a Buffer is bytes, too; more than ten attachments are our own mistake', () => {
  const data = Buffer.from([1, 2])
  const message = messageOf(['x', { data }])
  assert.deepEqual(message, { text: '["x",{"data":{"_placeholder":true,"num":0}}]', attachments: [data] })
  assert.throws(() => messageOf(Array.from({ length: 11 }, () => data)), /at most 10/)
})

test('each attachment has one placeholder, each placeholder an attachment', () => {
  const part = new Uint8Array([1])
  const place = (num: unknown): unknown => ({ _placeholder: true, num })
  const bad: readonly (readonly [unknown, readonly Uint8Array[]])[] = [
    [[place(1)], [part]],
    [[place(0), place(0)], [part, part]],
    [[place(0)], [part, part]],
    [[], [part]],
    [[place('0')], [part]],
    [[place(null)], [part]],
    [[{ _placeholder: false, num: 1 }], [part]],
  ]
  for (const [value, parts] of bad) assert.throws(() => restore(value, attached(parts)), CommandError)
  assert.throws(() => restore([], { count: 11, bytes: 11, parts: [] }), /Invalid request data/)
  // Where JSON has put it, and nowhere else.
  const value = JSON.parse('[{"__proto__":{"_placeholder":true,"num":0}}]') as object[]
  const restored = restore(value, attached([part])) as object[]
  assert.equal(Object.getPrototypeOf(restored[0]), Object.prototype)
  assert.deepEqual(Object.getOwnPropertyDescriptor(restored[0], '__proto__')?.value, part)
})
