import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { CommandError } from '../kernel/errors.ts'
import { BOUNDARY, multipart } from '../testing/multipart-client.ts'
import { seeded } from '../testing/random.ts'
import { readUpload } from './multipart.ts'

const MAX_BYTES = 5_000

type Outcome = { filename: string; content: string } | { refused: string }

/** A body that arrives in pieces of this many bytes. @returns the file, or why there is none */
async function receive(body: Buffer, piece: number): Promise<Outcome> {
  const starts = Array.from({ length: Math.ceil(body.length / piece) }, (_, i) => i * piece)
  const pieces = starts.map((start) => body.subarray(start, start + piece))
  const headers = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
  const request = Object.assign(Readable.from(pieces, { objectMode: false }), { headers }) as unknown as IncomingMessage
  try {
    const upload = await readUpload(request, MAX_BYTES)
    const content = Buffer.concat(await Array.fromAsync(upload.stream)).toString('latin1')
    upload.close()
    return { filename: upload.filename, content }
  } catch (error) {
    assert.ok(error instanceof CommandError, String(error))
    return { refused: `${error.kind} ${JSON.stringify(error.details)}` }
  } finally {
    // Whatever happened, the rest of the body is taken off the connection.
    if (!request.readableEnded) await new Promise((resolve) => request.once('end', resolve))
  }
}

const content = `\r\n--${BOUNDARY.slice(0, -1)}\r\n--\r\n\r\n-${BOUNDARY}--\r`
const file = { filename: 'ż "1".txt'.replaceAll('"', '\\"'), content }
const field = { name: 'field', content: 'value' }

test('a body means the same however it is cut into pieces', async () => {
  for (const [what, body, expected] of [
    ['one file', multipart([field, file, field]), { filename: 'ż "1".txt', content }],
    ['an empty file', multipart([{ filename: 'a', content: '' }]), { filename: 'a', content: '' }],
    ['two files', multipart([file, file]), { refused: 'invalid {"file":"must be the only file"}' }],
    ['no end', multipart([file], ''), { refused: 'invalid {"body":"is not well-formed multipart/form-data"}' }],
  ] as const) {
    for (let piece = 1; piece <= body.length; piece++) {
      assert.deepEqual(await receive(body, piece), expected, `${what} in pieces of ${piece}`)
    }
  }
})

test('a client that went away before anybody looked is noticed', async () => {
  const headers = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }
  const request = Object.assign(Readable.from([]), { headers })
  request.destroy()
  await assert.rejects(readUpload(request as unknown as IncomingMessage, MAX_BYTES), CommandError)
})

test('no body makes it hang, whatever is changed in it and however it is cut into pieces', async () => {
  const whole = multipart([field, file, field])
  const line = `\r\n--${BOUNDARY}`
  const breaks = ['\r\n', '\r\n\r\n', '\r', '\n', '--', `--${BOUNDARY}`, line]
  const inserted = fc.constantFrom(...breaks, '"', '\0', ';', ':', '', '\xff')
  const edit = fc.tuple(fc.nat(whole.length), fc.nat(20), inserted)
  let taken = 0
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { maxLength: 5 }), fc.integer({ min: 1, max: 80 }), async (edits, piece) => {
      let text = whole.toString('latin1')
      for (const [at, cut, insert] of edits) text = text.slice(0, at) + insert + text.slice(at + cut)
      const body = Buffer.from(text, 'latin1')
      const outcomes = [await receive(body, piece), await receive(body, body.length || 1)]
      const files = outcomes.filter((outcome) => 'content' in outcome)
      if (files.length > 0) taken += 1
      // The library is lenient with ends like `--boundary-\r\n--boundary-` when they come in one piece; what the file
      // is depends on nothing but the body.
      assert.deepEqual(files[1] ?? files[0], files[0])
    }),
    { seed: seeded().seed, numRuns: Number(process.env['RUNS'] ?? 2_000) },
  )
  assert.ok(taken > 0)
})
