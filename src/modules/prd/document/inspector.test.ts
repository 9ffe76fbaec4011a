import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import * as Y from 'yjs'
import { leastMs } from '../../../testing/effort.ts'
import { inspect } from './inspection.ts'
import { Inspector } from './inspector.ts'
import { DIES, HANGS, TRIPS } from './testing-worker.ts'
import { LIMITS } from './testing-updates.ts'

const FAULTY = new URL('testing-worker.ts', import.meta.url)

const unexpected = (error: unknown): never => assert.fail(String(error))

/** What somebody types, as one update a character. */
function typed(characters: number): readonly Uint8Array[] {
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  for (let at = 0; at < characters; at += 1) doc.getText('content').insert(at, 'x')
  return updates
}

test('each update is answered with what is in it, those that came together too', async () => {
  const inspector = new Inspector({ onError: unexpected })
  try {
    const updates = typed(600)
    // One over a larger buffer, as sockets give them.
    const pooled = Buffer.concat([Buffer.alloc(3), updates[0]!, Buffer.alloc(3)]).subarray(3, 3 + updates[0]!.length)
    const inspections = await Promise.all([...updates, pooled].map((update) => inspector.inspect(update)))
    assert.deepEqual(inspections, [...updates, updates[0]!].map((update) => inspect(update, LIMITS)))
    assert.deepEqual(await inspector.inspect(updates[1]!), inspections[1])
  } finally {
    await inspector.close()
  }
})

test('a refusal names the reason, and the next is answered as if nothing had been', async () => {
  const inspector = new Inspector({ onError: unexpected, maxBytes: 100 })
  const [update] = typed(1)
  const [good, bad, large] = await Promise.allSettled([
    inspector.inspect(update!),
    inspector.inspect(Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0x0f])),
    inspector.inspect(new Uint8Array(101)),
  ])
  assert.equal(good.status, 'fulfilled')
  assert.ok(bad.status === 'rejected' && large.status === 'rejected')
  assert.equal(bad.reason.code, 'INVALID_UPDATE')
  assert.equal(bad.reason.message, 'This update announces more clients than it has')
  assert.equal(large.reason.kind, 'too_large')
  await inspector.close()
  await assert.rejects(inspector.inspect(update!), { kind: 'unavailable' })
})

test('what hangs or kills the thread is refused, and nothing else with it', async () => {
  const errors: unknown[] = []
  const inspector = new Inspector({ script: FAULTY, deadlineMs: 300, onError: (error) => errors.push(error) })
  try {
    const honest = typed(20)
    const all = [...honest.slice(0, 5), Uint8Array.from([HANGS]), ...honest.slice(5, 10), Uint8Array.from([DIES])]
    all.push(...honest.slice(10), Uint8Array.from([TRIPS]))
    const outcomes = await Promise.allSettled(all.map((update) => inspector.inspect(update)))
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.message] : []))
    assert.deepEqual(refused, [
      'This update cannot be read in good time',
      'This update cannot be read in good time',
      'This update cannot be read',
    ])
    // Each of the two was tried twice, the second time by itself; more only where the machine starved the thread.
    assert.ok(errors.length >= 5, `${errors.length} errors`)
    const said = errors.map(String).join('\n')
    for (const what of [/hangs/, /ended with 3/, /tripped/]) assert.match(said, what)
  } finally {
    await inspector.close()
  }
})

test('what waits when it is closed is refused, and a thread that cannot start refuses what it was started for', async () => {
  const closing = new Inspector({ script: FAULTY, onError: unexpected })
  await closing.inspect(Uint8Array.from([0, 0]))
  const waiting = [HANGS, 0].map((byte) => assert.rejects(closing.inspect(Uint8Array.from([byte])), { kind: 'unavailable' }))
  await Promise.all([closing.close(), ...waiting])

  const errors: unknown[] = []
  const broken = new Inspector({ script: new URL('no-such-file.ts', import.meta.url), onError: (error) => errors.push(error) })
  await assert.rejects(broken.inspect(Uint8Array.from([0, 0])), { kind: 'unavailable' })
  assert.equal(errors.length, 1)
  await broken.close()
})

test('the thread keeps no process alive', async () => {
  const program = `
    import { Inspector } from ${JSON.stringify(new URL('inspector.ts', import.meta.url).href)}
    const inspection = await new Inspector({ onError: console.error }).inspect(Uint8Array.from([0, 0]))
    console.log(inspection.structs)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { timeout: 30_000 })
  assert.equal(stdout, '0\n')
})

test('an update takes time in proportion to its bytes', () => {
  const prepended = (count: number): Uint8Array => {
    const doc = new Y.Doc()
    for (let each = 0; each < count; each += 1) doc.getText('content').insert(0, 'x')
    return Y.encodeStateAsUpdate(doc)
  }
  const [few, many] = [prepended(1_000), prepended(16_000)].map((update) => leastMs(() => inspect(update, LIMITS), 9))
  assert.ok(many! < 100 * Math.max(few!, 1), `16 times as much took ${many} ms instead of ${few} ms`)
})
