import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type Configuration, Server } from '@hocuspocus/server'
import type { Desk } from '../candidate.ts'
import { editing } from './editing.ts'
import { load, readTrace, replay } from './trace.ts'

const SHAPE = { editors: 3, screens: 2, keystrokesPerSecond: 20, warmupMs: 100, windowMs: 500 }

const serve = async (t: TestContext, configuration: Partial<Configuration>): Promise<Desk> => {
  const server = new Server({ address: '127.0.0.1', port: 0, quiet: true, stopOnSignals: false, ...configuration })
  await server.listen()
  t.after(() => server.destroy())
  return { client: 'hocuspocus', port: server.address.port, tokens: [], documents: ['one', 'two'] }
}

const fileOf = (t: TestContext, trace: object): string => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-trace-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'trace.json')
  writeFileSync(file, JSON.stringify(trace))
  return file
}

test('an honest server is timed: every keystroke on every screen but its author’s', async (t) => {
  const desk = await serve(t, {})
  const { invalid, typed, seenMs } = await editing({ ...SHAPE, pid: process.pid, desk })
  assert.deepEqual(invalid.filter((reason) => !reason.includes('late')), [])
  // Of six people who type equally often four have a screen; a document's screens are two.
  assert.ok(seenMs.length > typed && seenMs.length < typed * 2, `${seenMs.length} of ${typed}`)
})

test('a server that does not take the edits of one person is found out', async (t) => {
  let connections = 0
  const desk = await serve(t, {
    onAuthenticate: async ({ connectionConfig }) => {
      connectionConfig.readOnly = ++connections === 2
    },
  })
  const { invalid } = await editing({ ...SHAPE, pid: process.pid, desk: { ...desk, documents: ['one'] }, drainMs: 500 })
  assert.ok(invalid.some((reason) => reason.includes('refused')), invalid.join())
})

test('a server that forgets the end of a session is found out', async (t) => {
  const desk = await serve(t, { unloadImmediately: true })
  const file = fileOf(t, { startContent: '', endContent: 'ab', txns: [{ patches: [[0, 0, 'a'], [1, 0, 'b']] }] })
  const order = { pid: process.pid, desk, file }
  assert.deepEqual((await replay(order)).invalid, [])
  desk.documents.shift()
  assert.deepEqual((await load(order)).invalid, ['the text of the server is not that of the trace'])
})

test('positions of a trace count code points', (t) => {
  const txns = [
    { patches: [[1, 0, '😀b']] },
    { patches: [[2, 1, 'c']] },
    { patches: [[1, 1, '']] },
    { patches: [[0, 1, '𝄞']] },
    { patches: [[1, 0, '!']] },
  ]
  const { steps, text } = readTrace(fileOf(t, { startContent: 'a', endContent: '𝄞!c', txns }))
  assert.equal(text, '𝄞!c')
  assert.deepEqual(steps[2], [{ at: 3, removed: 1, inserted: 'c' }])
  assert.deepEqual(steps[3], [{ at: 1, removed: 2, inserted: '' }])
  assert.throws(() => readTrace(fileOf(t, { startContent: 'a', endContent: 'b', txns: [] })), /endContent/)
})
