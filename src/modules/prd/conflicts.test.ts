import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as Y from 'yjs'
import { afterKill } from '../../testing/world.ts'
import { insert, remove, replace, scene, userId, type Data, type Scene } from './testing.ts'

/** Two people, each with a tab, who have joined a document and seen its text and nothing since. */
async function two(at: Scene, content: string) {
  const prdId = await at.prd(content)
  const [owner, editor] = [await at.tab(at.owner), await at.tab(at.editor)]
  const { stateVector } = (await owner.join(prdId)).initialState
  await editor.join(prdId)
  await owner.expect('user-joined')
  /** Both edit at once: what they sent, none had seen of the other. */
  const meet = async (one: object, other: object, vector: readonly number[] = stateVector): Promise<void> => {
    await owner.done('content-update', { prdId, operation: one, stateVector: vector })
    await editor.find('content-update')
    await editor.done('content-update', { prdId, operation: other, stateVector: vector })
  }
  const text = async (): Promise<string> => (await at.owner.get(`/api/prds/${prdId}`)).body.content
  const list = async (user = at.owner, query = ''): Promise<Data[]> =>
    (await user.get(`/api/prds/${prdId}/conflicts${query}`)).body.items
  return { prdId, owner, editor, stateVector, meet, text, list }
}

const onlyOf = ({ conflicts }: Data): Data => {
  assert.equal(conflicts.length, 1)
  return conflicts[0]
}

test('P-K2 P-K3 two people who put different texts in one place are told, each as they see it, and resolve it once', async () => {
  await using at = await scene()
  const { prdId, owner, editor, meet, text, list } = await two(at, 'a colour here')
  const second = await at.tab(at.owner, '/')
  await second.join(prdId)
  const viewer = await at.tab(at.viewer)
  await viewer.join(prdId, 'view')
  const member = await at.tab(at.member)
  for (const each of [owner, editor, second]) await each.find('user-joined')
  await meet(replace(2, 6, 'red'), replace(2, 6, 'blue'))
  assert.equal(await text(), 'a redblue here')
  // After the edit that met, so that the position is one of the text they have.
  await owner.expect('content-update')
  const theirs = onlyOf(await editor.expect('conflict-detected', { prdId }))
  const ours = onlyOf(await owner.expect('conflict-detected', { prdId }))
  const { conflictId } = ours
  assert.deepEqual(ours, { position: 2, yourChange: 'red', theirChange: 'blue', conflictId })
  assert.deepEqual(theirs, { position: 2, yourChange: 'blue', theirChange: 'red', conflictId })
  assert.deepEqual(onlyOf(await second.find('conflict-detected')), ours)
  assert.ok((await viewer.drained()).every(([name]) => name === 'content-update' || name === 'user-joined'))
  await member.expectNothing()

  // The list, from both sides.
  const [shown] = await list()
  assert.equal(shown.position, 2)
  assert.deepEqual(
    shown.changes.map(({ author, content, isYours }: Data) => [author.id, content, isYours]),
    [
      [userId(at.owner), 'red', true],
      [userId(at.editor), 'blue', false],
    ],
  )
  assert.equal((await list(at.editor))[0].changes[0].content, 'blue')
  assert.deepEqual(
    (await list(at.viewer)).map(({ changes }) => changes.map(({ isYours }: Data) => isYours)),
    [[false, false]],
  )
  assert.equal((await at.outsider.get(`/api/prds/${prdId}/conflicts`)).status, 404)

  // Who may, and with what.
  const ask = { prdId, conflictId, resolution: 'yours' }
  await viewer.refused('FORBIDDEN', 'resolve-conflict', ask)
  await member.refused('NOT_JOINED', 'resolve-conflict', ask)
  await owner.refused('VALIDATION_ERROR', 'resolve-conflict', { ...ask, resolution: 'merge' })
  const halved = { ...ask, resolution: 'merge', mergedContent: '\ud800' }
  await owner.refused('VALIDATION_ERROR', 'resolve-conflict', halved)
  await owner.refused('NOT_FOUND', 'resolve-conflict', { ...ask, conflictId: 'conflict_99' })
  const resolve = `/api/prds/${prdId}/conflicts/${conflictId}/resolve`
  assert.equal((await at.viewer.post(resolve, { resolution: 'merge', mergedContent: '' })).status, 403)
  assert.equal((await at.admin.post(resolve, { resolution: 'theirs' })).status, 400)
  const other = await at.prd('another')
  assert.equal((await at.owner.post(resolve.replace(prdId, other), { resolution: 'yours' })).status, 404)

  // Both at once: one wins.
  const outcomes = await Promise.all([
    owner.ask('resolve-conflict', { ...ask, resolution: 'theirs' }),
    editor.ask('resolve-conflict', { ...ask, resolution: 'theirs' }),
  ])
  assert.deepEqual(new Set(outcomes.map(({ ok, code }) => (ok ? 'ok' : code))), new Set(['NOT_FOUND', 'ok']))
  const isOwners = outcomes[0].ok
  assert.equal(await text(), isOwners ? 'a blue here' : 'a red here')
  for (const tab of [owner, editor, second, viewer]) {
    const update = await tab.find('content-update')
    assert.deepEqual(update.operation.type, 'delete')
    if (tab !== viewer) await tab.find('conflict-resolved')
  }
  assert.deepEqual((await viewer.drained()).map(([name]) => name), [])
  assert.deepEqual(await list(at.owner, '?status=open'), [])
  const [resolved] = await list(at.owner, '?status=resolved')
  assert.equal(resolved.resolution, 'theirs')
  assert.equal(resolved.resolvedBy.id, userId(isOwners ? at.owner : at.editor))
  assert.deepEqual(resolved.changes.map(({ content }: Data) => content), ['red', 'blue'])
  assert.ok(at.world.log.every((line) => !line.includes('red')))
})

test('P-K1 what meets and is no conflict is told to nobody', async () => {
  await using at = await scene()
  const { prdId, owner, editor, stateVector, meet, list } = await two(at, 'one two three')
  await meet(insert(3, '!'), insert(3, '!'))
  await meet(remove(4, 3), remove(4, 6))
  await meet(replace(0, 3, 'ONE'), replace(0, 3, 'ONE'))
  // Two tabs of one person.
  const tab = await at.tab(at.owner)
  await tab.join(prdId)
  await tab.done('content-update', { prdId, operation: insert(0, 'mine'), stateVector })
  // One after the other.
  const after = await owner.done('content-update', { prdId, operation: insert(0, 'x'), stateVector: [] })
  await editor.done('content-update', { prdId, operation: insert(0, 'y'), stateVector: after.stateVector })
  for (const each of [owner, editor]) {
    assert.deepEqual((await each.drained()).filter(([name]) => name.startsWith('conflict')), [])
  }
  assert.deepEqual(await list(), [])
})

test('two people who type in one place have one conflict, of all that they typed there', async () => {
  await using at = await scene()
  const { prdId, owner, editor, stateVector, text, list } = await two(at, 'Start. End.')
  const third = await at.tab(at.admin)
  await third.join(prdId)
  // Letter by letter, neither with anything of the other.
  for (const [i, letter] of [...'hello'].entries()) {
    await owner.done('content-update', { prdId, operation: insert(7 + i, letter), stateVector })
    await editor.done('content-update', { prdId, operation: insert(7 + i, 'world'[i]!), stateVector })
  }
  assert.equal(await text(), 'Start. helloworldEnd.')
  const mine = (await owner.drained()).filter(([name]) => name === 'conflict-detected')
  assert.equal(mine.length, 1)
  assert.equal((await editor.drained()).filter(([name]) => name === 'conflict-detected').length, 1)
  // They see each other now, and go on; so does somebody between the two, and one of them much later.
  await owner.done('content-update', { prdId, operation: insert(12, '!'), stateVector: [] })
  await third.done('content-update', { prdId, operation: insert(13, ' and '), stateVector: [] })
  await at.world.advance(60_000)
  await editor.done('content-update', { prdId, operation: insert(23, ' Later.'), stateVector: [] })
  assert.equal(await text(), 'Start. hello! and world Later.End.')
  const [conflict] = await list()
  assert.deepEqual(conflict.changes.map(({ content }: Data) => content), ['hello!', 'world'])
  const answer = await at.owner.post(`/api/prds/${prdId}/conflicts/${conflict.id}/resolve`, {
    resolution: 'merge',
    mergedContent: 'hello, world',
  })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.equal(await text(), 'Start. hello, world and  Later.End.')
})

test('deletions, and edits of clients of both kinds, meet as well; what was deleted since is closed', async () => {
  await using at = await scene({ config: { prdConflicts: 2 } })
  {
    // Within what somebody else deletes, whichever comes first.
    const { prdId, owner, editor, meet, text, list } = await two(at, 'keep [remove this] keep')
    await meet(remove(5, 13), insert(12, 'NOT '))
    assert.equal(await text(), 'keep NOT  keep')
    await owner.expect('content-update')
    const ours = onlyOf(await owner.expect('conflict-detected'))
    assert.deepEqual([ours.position, ours.yourChange, ours.theirChange], [5, '', 'NOT '])
    assert.equal(onlyOf(await editor.expect('conflict-detected')).theirChange, '')
    // What is deleted by hand is not to be chosen from.
    const third = await at.tab(at.admin)
    await third.join(prdId)
    await third.done('content-update', { prdId, operation: remove(4, 6), stateVector: [] })
    const merge = { prdId, conflictId: ours.conflictId, resolution: 'merge', mergedContent: 'x' }
    assert.equal((await owner.ask('resolve-conflict', merge)).code, 'NOT_FOUND')
    const closed = await editor.find('conflict-resolved')
    assert.deepEqual([closed.conflictId, closed.resolution, closed.resolvedBy], [ours.conflictId, 'closed', null])
    assert.deepEqual(await list(at.owner, '?status=open'), [])
    assert.equal((await list())[0].resolution, 'closed')
    assert.equal(await text(), 'keepkeep')
  }
  {
    // Nothing is left to do of a deletion within what somebody else replaces; they disagree all the same.
    const { owner, editor, prdId, meet, text } = await two(at, 'the whole text')
    await meet(replace(0, 14, 'Something else'), remove(4, 6))
    assert.equal(await text(), 'Something else')
    const theirs = onlyOf(await editor.find('conflict-detected'))
    assert.deepEqual([theirs.yourChange, theirs.theirChange], ['', 'Something else'])
    // There is nothing to do: it stands as they want it.
    await editor.done('resolve-conflict', { prdId, conflictId: theirs.conflictId, resolution: 'theirs' })
    assert.equal((await owner.find('conflict-resolved')).resolvedBy.id, userId(at.editor))
    assert.deepEqual((await owner.drained()).filter(([name]) => name === 'content-update'), [])
  }
  {
    // Of a rich client, which says what it had seen, and of a plain one.
    const { prdId, owner, editor, stateVector, text, list } = await two(at, 'one two three')
    const doc = new Y.Doc()
    await editor.done('sync-request', { prdId, stateVector: Y.encodeStateVector(doc) })
    const synced = await editor.find('sync-response')
    Y.applyUpdate(doc, new Uint8Array(synced.missingUpdates[0].update as ArrayBuffer))
    const content = doc.getText('content')
    const edit = (how: () => void): Uint8Array => {
      const before = Y.encodeStateVector(doc)
      doc.transact(how)
      return Y.encodeStateAsUpdate(doc, before)
    }
    await owner.done('content-update', { prdId, operation: replace(4, 3, 'ZWEI'), stateVector })
    const update = edit(() => {
      content.delete(4, 3)
      content.insert(4, 'DEUX')
    })
    await editor.done('content-update', { prdId, update, stateVector })
    const ours = onlyOf(await owner.find('conflict-detected'))
    assert.deepEqual([ours.yourChange, ours.theirChange], ['ZWEI', 'DEUX'])
    assert.equal(onlyOf(await editor.find('conflict-detected')).yourChange, 'DEUX')
    // The other way round.
    await editor.done('content-update', { prdId, update: edit(() => content.insert(0, 'Rich: ')), stateVector })
    await owner.done('content-update', { prdId, operation: insert(0, 'Plain: '), stateVector })
    assert.equal(onlyOf(await owner.find('conflict-detected')).theirChange, 'Rich: ')
    // No more than the limit; what is settled makes room.
    await owner.done('content-update', { prdId, operation: insert(21, '!'), stateVector })
    await editor.done('content-update', { prdId, update: edit(() => content.insert(content.length, '?')), stateVector })
    assert.deepEqual((await owner.drained()).filter(([name]) => name.startsWith('conflict')), [])
    assert.equal((await list(at.owner, '?status=open')).length, 2)
    const [{ nextBefore }] = [(await at.owner.get(`/api/prds/${prdId}/conflicts?limit=1`)).body]
    assert.equal((await at.owner.get(`/api/prds/${prdId}/conflicts?before=${nextBefore}`)).body.items.length, 1)
    await editor.done('resolve-conflict', { prdId, conflictId: ours.conflictId, resolution: 'yours' })
    assert.doesNotMatch(await text(), /ZWEI/)
  }
})

test('a conflict outlives the server, and is found where it stands also without the edits since', async () => {
  await using at = await scene()
  const { prdId, owner, meet } = await two(at, 'x a b')
  await meet(replace(2, 1, 'left'), replace(2, 1, 'right'))
  const { conflictId } = onlyOf(await owner.find('conflict-detected'))
  await owner.done('content-update', { prdId, operation: insert(0, 'Before '), stateVector: [] })
  await owner.done('content-update', { prdId, operation: insert(13, '-'), stateVector: [] })
  for (const prdHistoryEdits of [1, 1_000]) {
    await using later = await afterKill(at.world, { config: { prdHistoryEdits } })
    const headers = { authorization: `Bearer ${at.editor.token}` }
    const path = `/api/prds/${prdId}/conflicts`
    const { body } = await later.request('GET', path, undefined, headers)
    const [conflict] = body.items
    assert.deepEqual([conflict.id, conflict.position], [conflictId, 9])
    assert.deepEqual(
      conflict.changes.map(({ content }: Data) => content),
      ['right', prdHistoryEdits === 1 ? 'left' : 'left-'],
    )
    const answer = await later.request('POST', `${path}/${conflictId}/resolve`, { resolution: 'yours' }, headers)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    const { content } = (await later.request('GET', `/api/prds/${prdId}`, undefined, headers)).body
    assert.equal(content, prdHistoryEdits === 1 ? 'Before x -right b' : 'Before x right b')
  }
})
