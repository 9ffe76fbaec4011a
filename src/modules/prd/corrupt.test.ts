import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as Y from 'yjs'
import { insert, scene, type Data } from './testing.ts'

/** Yjs draws them by chance, and one in eighty then has the byte that a test looks for. */
let clients = 1_000

/** Bytes of a client of its own that has made one change. */
function made(change: (doc: Y.Doc) => void, encode = Y.encodeStateAsUpdate): Uint8Array {
  const doc = new Y.Doc()
  doc.clientID = clients += 1
  change(doc)
  return encode(doc)
}

const type = (doc: Y.Doc): void => doc.getText('content').insert(0, 'typed elsewhere')

test('P-E8 bytes that are no edit are refused with their code, and nobody else notices', async () => {
  await using at = await scene()
  const { prdId } = at
  const [bad, plain, rich] = [await at.tab(at.editor), await at.tab(at.owner), await at.tab(at.owner)]
  await plain.join(prdId)
  await rich.join(prdId)
  const doc = new Y.Doc()
  const take = ({ update }: Data): void => Y.applyUpdate(doc, new Uint8Array(update as ArrayBuffer))
  await rich.done('sync-request', { prdId, stateVector: Y.encodeStateVector(doc) })
  take((await rich.find('sync-response')).missingUpdates[0])
  await bad.join(prdId)
  for (const tab of [plain, rich]) await tab.drained()

  const good = made(type)
  // Of the struct's kind, 4, a number that Yjs has for a part of another version.
  const flipped = Uint8Array.from(good)
  flipped[flipped.indexOf(4, 3)]! ^= 0b1000
  const alone = new Y.Doc()
  type(alone)
  const early = Y.encodeStateVector(alone)
  alone.getText('content').insert(3, 'more')
  const hang = Uint8Array.from([1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0, 4, 1, 7, ...Buffer.from('content'), 1, 97, 0])
  const refusals: readonly (readonly [code: string, what: string, update: unknown])[] = [
    ['INVALID_UPDATE', 'nothing', new Uint8Array()],
    ['INVALID_UPDATE', 'truncated', good.subarray(0, good.length - 4)],
    ['INVALID_UPDATE', 'a bit flipped', flipped],
    ['INVALID_UPDATE', 'version 2', made(type, Y.encodeStateAsUpdateV2)],
    ['INVALID_UPDATE', 'four thousand million structs announced', hang],
    ['INVALID_UPDATE', 'bold', made((each) => each.getText('content').insert(0, 'bold', { bold: true }))],
    ['INVALID_UPDATE', 'another root', made((each) => each.getMap('other').set('key', 1))],
    ['INVALID_UPDATE', 'an array', made((each) => each.getArray('content').insert(0, [{ a: 1 }]))],
    ['STALE_STATE', 'the beginning is missing', Y.encodeStateAsUpdate(alone, early)],
    ['VALIDATION_ERROR', 'eleven attachments', Array.from({ length: 11 }, () => Buffer.from([0, 0]))],
    ['VALIDATION_ERROR', 'text', 'AAA='],
    ['TOO_LARGE', 'five megabytes', Buffer.alloc(5 * 1024 * 1024)],
  ]
  for (const [code, what, update] of refusals) {
    const refused = await bad.ask('content-update', { prdId, update })
    assert.deepEqual([refused.ok, refused.code], [false, code], `${what}: ${refused.message}`)
    const event = await bad.expect('error', { code })
    assert.equal(event.message, refused.message)
  }
  const before = await bad.done('sync-request', { prdId, stateVector: [] })
  assert.ok(before)
  await bad.find('sync-response')
  await bad.refused('INVALID_UPDATE', 'sync-request', { prdId, stateVector: Uint8Array.from([0xff, 0xff]) })
  for (const tab of [plain, rich]) await tab.expectNothing()
  assert.equal((await at.owner.get(`/api/prds/${prdId}`)).body.content, 'Hello')

  // They go on, and so does the one that sent all that.
  doc.getText('content').insert(5, ' you')
  const own = Y.encodeStateAsUpdate(doc)
  const applied = await rich.done('content-update', { prdId, update: own })
  assert.deepEqual(applied.operations, [{ type: 'insert', position: 5, content: ' you' }])
  const again = await rich.done('content-update', { prdId, update: own })
  assert.deepEqual([again.operations, again.stateVector], [[], applied.stateVector], 'the same bytes again do nothing')
  await plain.expect('content-update', { stateVector: applied.stateVector })
  const typed = await bad.done('content-update', { prdId, update: good })
  await plain.expect('content-update', { stateVector: typed.stateVector })
  take(await rich.expect('content-update', { stateVector: typed.stateVector }))
  await plain.done('content-update', { prdId, operation: insert(0, '¡'), stateVector: typed.stateVector })
  take(await rich.expect('content-update'))
  const { content } = (await at.owner.get(`/api/prds/${prdId}`)).body
  assert.equal(doc.getText('content').toJSON(), content)
  for (const part of ['¡', 'Hello you', 'typed elsewhere']) assert.ok(content.includes(part), content)
})
