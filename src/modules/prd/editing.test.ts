import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as Y from 'yjs'
import { insert, remove, scene, userId } from './testing.ts'

test('P-E1 P-E7 people and clients of both kinds edit one document', async () => {
  await using at = await scene()
  const { prdId } = at
  const owner = await at.tab(at.owner)
  const editor = await at.tab(at.editor)
  const rich = await at.tab(at.editor, '/')
  const joined = await owner.join(prdId)
  assert.equal(joined.initialState.content, 'Hello')
  assert.equal(joined.ack.mode, 'edit')
  await editor.join(prdId)
  await owner.expect('user-joined')
  await rich.join(prdId)
  const doc = new Y.Doc()
  await rich.done('sync-request', { prdId, stateVector: Y.encodeStateVector(doc) })
  const synced = await rich.expect('sync-response')
  Y.applyUpdate(doc, new Uint8Array(synced.missingUpdates[0].update as ArrayBuffer))
  assert.equal(doc.getText('content').toJSON(), 'Hello')

  const { stateVector } = joined.initialState
  const first = await owner.done('content-update', { prdId, operation: insert(5, ' world'), stateVector })
  assert.deepEqual(first.operations, [{ type: 'insert', position: 5, content: ' world' }])
  const got = await editor.expect('content-update', { prdId, userId: userId(at.owner), stateVector: first.stateVector })
  assert.equal(got.operation.content, ' world')
  const update = await rich.expect('content-update', { prdId, stateVector: first.stateVector })
  Y.applyUpdate(doc, new Uint8Array(update.update as ArrayBuffer))
  assert.equal(doc.getText('content').toJSON(), 'Hello world')

  // The editor had not seen the first edit.
  await editor.done('content-update', { prdId, operation: remove(0, 4), stateVector })
  await owner.expect('content-update')
  doc.getText('content').insert(0, 'Oh ')
  await rich.done('content-update', { prdId, update: Y.encodeStateAsUpdate(doc) })
  const after = await owner.expect('content-update')
  assert.equal(after.operation.content, 'Oh ')
  const { body } = await at.owner.get(`/api/prds/${prdId}`)
  assert.equal(body.content, 'Oh o world')
})
