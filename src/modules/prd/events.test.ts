import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as Y from 'yjs'
import { until } from './testing-groups.ts'
import { insert, remove, replace, scene, userId, type Data, type Received, type Scene, type Tab } from './testing.ts'

/** What clients of every kind may count on: each documented event, its cause, and who gets it. */

let at: Scene
before(async () => {
  at = await scene({ config: { prdCommandsPerMinute: 0 } })
})
after(() => at?.close())

const sum = (vector: readonly number[]): number => vector.reduce((total, count) => total + count, 0)
/** Slots that nobody has edited from yet say nothing. */
const used = (vector: readonly number[]): number[] => vector.slice(0, vector.findLastIndex((count) => count > 0) + 1)
const textOf = async (prdId: string): Promise<string> => (await at.owner.get(`/api/prds/${prdId}`)).body.content

/** What a program has that applies what it is sent, and knows nothing else. */
function applied(text: string, updates: readonly { operation: Data }[]): string {
  return updates.reduce((now, { operation: { position, length = 0, content = '' } }) => {
    assert.ok(position + length <= now.length)
    return now.slice(0, position) + content + now.slice(position + length)
  }, text)
}

async function closed(...tabs: readonly Tab[]): Promise<void> {
  for (const tab of tabs) tab.close()
  await until(() => tabs.every(({ socket }) => !socket.connected))
  for (let i = 0; i < 3; i += 1) await at.world.advance(1_000)
}

test('who joins is given the text and who is there; the others are told of the first tab and of the last', async () => {
  const { owner, editor, viewer, member, outsider, world } = at
  const prdId = await at.prd('Hello')
  const [first, second] = [await at.tab(owner), await at.tab(editor, '/')]
  const strangers = [await at.tab(member), await at.tab(outsider, '/'), await at.tab(viewer, '/ws')]
  const ack = await first.done('join-prd', { prdId })
  assert.deepEqual({ ...ack, stateVector: used(ack.stateVector) }, {
    ok: true,
    prdId,
    mode: 'edit',
    replica: 2,
    stateVector: [1],
  })
  const joined = await first.expect('joined-prd', { prdId })
  const { stateVector } = ack
  assert.deepEqual(joined.initialState, { content: 'Hello', version: '1.0.0', stateVector })
  assert.deepEqual(joined.activeUsers, [])
  const [there] = (await second.join(prdId)).activeUsers
  const { color, ...rest } = there
  assert.deepEqual(rest, { userId: userId(owner), name: 'owner', avatar: null, status: 'viewing' })
  const news = await first.expect('user-joined', { prdId })
  assert.deepEqual(Object.keys(news.user), ['userId', 'name', 'avatar', 'status', 'color'])
  assert.deepEqual([news.user.userId, news.user.status], [userId(editor), 'viewing'])
  assert.notEqual(news.user.color, color)
  const tab = await at.tab(editor)
  assert.deepEqual((await tab.join(prdId)).activeUsers.map((one: Data) => [one.userId, one.color]), [
    [userId(owner), color],
  ])
  // Again, and whatever the mode: one is there all the time.
  for (const mode of ['view', 'edit'] as const) assert.equal((await tab.join(prdId, mode)).ack.mode, mode)
  await tab.done('leave-prd', { prdId })
  assert.deepEqual(await tab.ask('leave-prd', { prdId }), { ok: true, left: false })
  for (const one of [first, second, ...strangers]) await one.expectNothing()
  const left = [['user-left', { prdId, userId: userId(editor), name: 'editor' }]]
  assert.deepEqual(await second.ask('leave-prd', { prdId }), { ok: true, left: true })
  assert.deepEqual(await first.drained(), left)

  // Section 10.3: one user-left, and none after it.
  await second.join(prdId)
  await first.expect('user-joined')
  second.emit('leave-prd', { prdId })
  await closed(second)
  assert.deepEqual(await first.drained(), left)
  // Without a word it is told after the grace; who is back by then was not away.
  const [lost, back] = [await at.tab(editor), await at.tab(editor)]
  await lost.join(prdId)
  await first.expect('user-joined')
  lost.cut()
  await until(() => world.app.hub.rooms.members(`prd:joined:${prdId.slice(4)}`).size === 1)
  await world.advance(1_000)
  await first.expectNothing()
  await back.join(prdId)
  for (let i = 0; i < 3; i += 1) await world.advance(1_000)
  await first.expectNothing()
  back.cut()
  await until(() => world.app.hub.rooms.members(`prd:joined:${prdId.slice(4)}`).size === 1)
  for (let i = 0; i < 3; i += 1) await world.advance(1_000)
  assert.deepEqual(await first.drained(), left)
  for (const one of strangers) await one.expectNothing()
  await closed(first, ...strangers)
})

test('P-R2 modes: edit where one may when none is asked for; who asks for more than they may joins all the same', async () => {
  const prdId = await at.prd('Hello')
  const operation = insert(0, 'x')
  const edit = { prdId, operation, stateVector: [] }
  for (const [user, asked, mode, code] of [
    [at.owner, undefined, 'edit', undefined],
    [at.editor, 'edit', 'edit', undefined],
    [at.editor, 'view', 'view', 'FORBIDDEN'],
    [at.viewer, undefined, 'view', 'FORBIDDEN'],
    [at.viewer, 'edit', 'edit', 'FORBIDDEN'],
    [at.member, undefined, 'view', 'FORBIDDEN'],
    [at.admin, undefined, 'edit', undefined],
  ] as const) {
    const tab = await at.tab(user)
    const { ack } = await tab.join(prdId, asked)
    assert.equal(ack.mode, mode)
    assert.equal(ack.replica === null, code !== undefined)
    if (code === undefined) await tab.done('content-update', edit)
    else await tab.refused(code, 'content-update', edit)
    await tab.done('leave-prd', { prdId })
    await tab.refused('NOT_JOINED', 'content-update', edit)
    await tab.refused('NOT_JOINED', 'presence-update', { prdId })
    tab.close()
  }
  for (const unknown of ['prd_404', 'prd_', 'nothing']) {
    const tab = await at.tab(at.outsider)
    const hidden = await tab.refused('NOT_FOUND', 'join-prd', { prdId })
    assert.deepEqual(await tab.refused('NOT_FOUND', 'join-prd', { prdId: unknown }), hidden)
    tab.close()
  }
  assert.equal(await textOf(prdId), 'xxxHello')
})

test('P-E1 P-E5 an edit is acknowledged as what it did, in its place, and comes to all others, one event each', async () => {
  const prdId = await at.prd('Hello world')
  const [a, b, mine] = [await at.tab(at.owner), await at.tab(at.editor), await at.tab(at.owner, '/')]
  const { stateVector: start } = (await a.join(prdId)).initialState
  assert.equal((await b.join(prdId)).ack.replica, 4)
  await mine.join(prdId)
  for (const tab of [a, b]) await tab.drained()
  const send = async (tab: Tab, operation: object, known: readonly number[] = start): Promise<Data> => {
    const { stateVector, ...done } = await tab.done('content-update', { prdId, operation, stateVector: known })
    return { ...done, stateVector: used(stateVector) }
  }
  const now = at.world.clock.now()

  const first = await send(a, remove(0, 6))
  assert.deepEqual(first, { ok: true, operations: [{ type: 'delete', position: 0, length: 6 }], stateVector: [1, 0, 1] })
  const told = [
    'content-update',
    {
      prdId,
      userId: userId(at.owner),
      userName: 'owner',
      operation: { type: 'delete', position: 0, length: 6, timestamp: now },
      stateVector: [1, 0, 1, 0, 0, 0, 0],
    },
  ]
  assert.deepEqual(await b.drained(), [told])
  // The person's other tabs are told like anybody.
  assert.deepEqual(await mine.drained(), [told])
  await a.expectNothing()
  // Somebody who had not seen that: all of it was done already.
  assert.deepEqual(await send(b, remove(1, 3)), { ok: true, operations: [], stateVector: [1, 0, 1] })
  for (const tab of [a, b, mine]) await tab.expectNothing()
  // A deletion around what was typed is two edits, and each is an event.
  await send(a, insert(2, 'XX'), [1, 0, 1])
  assert.deepEqual((await send(b, replace(0, 5, 'W'), [1, 0, 1])).operations, [
    { type: 'replace', position: 0, length: 2, content: 'W' },
    { type: 'delete', position: 3, length: 3 },
  ])
  const both = (await a.drained()).filter(([name]) => name === 'content-update').map(([, data]) => data as Data)
  assert.deepEqual(both.map(({ stateVector }) => used(stateVector)), [[1, 0, 2, 0, 1], [1, 0, 2, 0, 2]])
  assert.equal(await textOf(prdId), 'WXX')

  // Both type without waiting: what each is told, acknowledgements and others' edits, is one count upwards.
  for (const tab of [a, b, mine]) await tab.drained()
  const vector = (await a.join(prdId)).initialState.stateVector as number[]
  await b.join(prdId)
  for (const tab of [a, b, mine]) await tab.drained()
  const counts = new Map<Tab, number[]>([[a, []], [b, []]])
  // By callbacks, since promises come to it in an order of their own.
  for (const tab of [a, b]) {
    const count = ({ stateVector }: Data): number => counts.get(tab)!.push(sum(stateVector))
    tab.socket.on('content-update', count)
    for (let i = 0; i < 25; i += 1) {
      const operation = insert(i, tab === a ? 'a' : 'b')
      tab.emit('content-update', { prdId, operation, stateVector: vector }, count)
    }
  }
  for (const tab of [a, b, mine]) await tab.drained()
  const all = Array.from({ length: 50 }, (_, i) => sum(vector) + i + 1)
  assert.deepEqual(counts.get(a), all)
  assert.deepEqual(counts.get(b), all)
  assert.equal(await textOf(prdId), `${'a'.repeat(25)}${'b'.repeat(25)}WXX`)
  await closed(a, b, mine)
})

test('P-E4 no edit cuts a character, past the end is the end, and what no text could have is refused', async () => {
  const prdId = await at.prd('a😀b')
  const [tab, other] = [await at.tab(at.owner), await at.tab(at.editor)]
  await tab.join(prdId)
  await other.join(prdId)
  await tab.drained()
  const send = (operation: object): Promise<Data> =>
    tab.ask('content-update', { prdId, operation, stateVector: [] })
  for (const [operation, done, text] of [
    [insert(2, '·'), { type: 'insert', position: 3, content: '·' }, 'a😀·b'],
    [remove(3, 1), { type: 'delete', position: 3, length: 1 }, 'a😀b'],
    [replace(2, 0, '!'), { type: 'insert', position: 3, content: '!' }, 'a😀!b'],
    [remove(2, 1), { type: 'delete', position: 1, length: 2 }, 'a!b'],
    [insert(1_245, '👨‍👩‍👧'), { type: 'insert', position: 3, content: '👨‍👩‍👧' }, 'a!b👨‍👩‍👧'],
    [replace(2, 2, '\r\n'), { type: 'replace', position: 2, length: 3, content: '\r\n' }, 'a!\r\n‍👩‍👧'],
    [remove(4, 1e6), { type: 'delete', position: 4, length: 6 }, 'a!\r\n'],
    [remove(9, 9), undefined, 'a!\r\n'],
    [replace(99, 5, 'x'), { type: 'insert', position: 4, content: 'x' }, 'a!\r\nx'],
    [replace(4, 1, 'x'), undefined, 'a!\r\nx'],
    [{ type: 'delete', position: 0, content: 'a!\r\n' }, { type: 'delete', position: 0, length: 4 }, 'x'],
    [insert(Number.MAX_SAFE_INTEGER, 'y'), { type: 'insert', position: 1, content: 'y' }, 'xy'],
  ] as const) {
    const { ok, operations } = await send(operation)
    assert.equal(ok, true)
    if (done === undefined) assert.ok(operations.length <= 1, JSON.stringify(operations))
    else assert.deepEqual(operations, [done])
    assert.equal(await textOf(prdId), text)
    const heard: Data[] = (await other.drained()).map(([, told]) => (told as Data).operation)
    const timed = operations.map((one: object) => ({ ...one, timestamp: at.world.clock.now() }))
    assert.deepEqual(heard, timed)
  }
  for (const operation of [
    {}, { type: 'insert' }, { ...insert(0, 'x'), type: 'move' }, insert(-1, 'x'), insert(0.5, 'x'), insert(2 ** 53, 'x'),
    insert(0, '\ud83d'), insert(0, 'a\udc00b'), insert(0, 'a\0'), remove(0, -1), remove(0, 1.5), replace(0, -1, 'x'),
    { type: 'insert', position: 0, content: 7 }, { type: 'delete', position: 0 }, { type: 'replace', position: 0, length: 1 },
  ]) {
    const { message } = await tab.refused('INVALID_OPERATION', 'content-update', { prdId, operation, stateVector: [] })
    assert.match(message, /^operation\.(type|position|length|content) must/)
  }
  assert.equal(await textOf(prdId), 'xy')
  await other.expectNothing()
  await closed(tab, other)
})

test('P-E6 the same edit again, by the name its client gave it, is not made again, on whatever connection', async () => {
  const prdId = await at.prd('')
  const [tab, back, other] = [await at.tab(at.owner), await at.tab(at.owner), await at.tab(at.editor)]
  for (const one of [tab, back, other]) await one.join(prdId)
  const send = (from: Tab, content: string, clientId: string, prd = prdId): Promise<Data> =>
    from.done('content-update', { prdId: prd, operation: insert(0, content), stateVector: [], clientId })
  const first = await send(tab, 'once ', 'edit~1')
  assert.deepEqual(await send(tab, 'once ', 'edit~1'), first)
  await back.join(prdId)
  assert.deepEqual(await send(back, 'another text', 'edit~1'), first)
  // Sent twice in one breath.
  const twice = await Promise.all([send(tab, 'twice ', 'edit~2'), send(back, 'twice ', 'edit~2')])
  assert.deepEqual(twice[0], twice[1])
  assert.equal(await textOf(prdId), 'twice once ')
  // Of somebody else, or about something else, it is another edit.
  await send(other, 'their ', 'edit~1')
  const elsewhere = await at.prd('')
  await tab.join(elsewhere)
  await send(tab, 'here ', 'edit~1', elsewhere)
  assert.deepEqual([await textOf(prdId), await textOf(elsewhere)], ['their twice once ', 'here '])
  // What was refused may be sent again under its name.
  await tab.refused('INVALID_OPERATION', 'content-update', { prdId, operation: {}, clientId: 'edit~3' })
  await send(tab, 'late ', 'edit~3')
  assert.equal(await textOf(prdId), 'late their twice once ')
  await closed(tab, back, other)
})

test('P-E9 sync-request brings a text from wherever it was to the present, of a client of either kind', async () => {
  const prdId = await at.prd('Hello')
  const [tab, other] = [await at.tab(at.owner), await at.tab(at.editor)]
  const seen: [string, readonly number[]][] = []
  const { content, stateVector } = (await tab.join(prdId)).initialState
  seen.push([content, stateVector])
  await other.join(prdId)
  for (const [who, operation] of [
    [tab, insert(5, ' world')], [other, remove(0, 1)], [other, insert(0, 'J')], [tab, replace(1, 4, 'ELLO 😀')],
    [other, insert(1e6, '!')], [tab, remove(3, 2)],
  ] as const) {
    const known = seen.at(-1)![1]
    const { stateVector: after } = await who.done('content-update', { prdId, operation, stateVector: known })
    seen.push([await textOf(prdId), after])
  }
  const [text, vector] = seen.at(-1)!
  // Who has joined it has all of its own edits, unless it shows that it has lost what it had seen; who has not, none.
  const stranger = await at.tab(at.member)
  for (const one of [tab, stranger]) {
    await one.drained()
    for (const [n, [before, known]] of seen.entries()) {
      await one.done('sync-request', { prdId, stateVector: known })
      const { missingUpdates, stateVector: after } = await one.expect('sync-response', { prdId })
      const isLast = one === tab && n === seen.length - 2
      assert.equal(applied(isLast ? text : before, missingUpdates), text)
      if (!isLast) assert.equal(missingUpdates.length, sum(vector) - sum(known))
      assert.deepEqual(after, vector)
    }
    for (const nonsense of [[99, 99, 99, 99, 99], [Number.MAX_SAFE_INTEGER, 5, 5]]) {
      await one.done('sync-request', { prdId, stateVector: nonsense })
      assert.deepEqual((await one.expect('sync-response')).missingUpdates, [])
    }
  }
  const [{ operation, ...beside }] = (await tab.ask('sync-request', { prdId, stateVector }), await tab.find('sync-response'))
    .missingUpdates
  assert.deepEqual(operation, { type: 'insert', position: 5, content: ' world' })
  assert.deepEqual(beside, { timestamp: at.world.clock.now(), userId: userId(at.owner) })
  // From nothing: the creation is an edit too.
  await stranger.done('sync-request', { prdId, stateVector: [0] })
  assert.equal(applied('', (await stranger.expect('sync-response')).missingUpdates), text)

  // In bytes, and what the server lacks comes back.
  const doc = new Y.Doc()
  doc.getText('content').insert(0, 'typed offline. ')
  const rich = await at.tab(at.owner)
  await rich.join(prdId)
  await rich.done('sync-request', { prdId, stateVector: Y.encodeStateVector(doc) })
  const synced = await rich.expect('sync-response', { prdId })
  assert.deepEqual(Object.keys(synced.missingUpdates[0]), ['update'])
  Y.applyUpdate(doc, new Uint8Array(synced.missingUpdates[0].update))
  const lacking = Y.encodeStateAsUpdate(doc, new Uint8Array(synced.stateVector))
  await other.drained()
  await rich.done('content-update', { prdId, update: lacking })
  await other.expect('content-update', { prdId })
  assert.equal(doc.getText('content').toJSON(), await textOf(prdId))
  const hidden = await at.tab(at.outsider)
  for (const known of [[1], Y.encodeStateVector(doc)]) {
    await hidden.refused('NOT_FOUND', 'sync-request', { prdId, stateVector: known })
  }
  await closed(tab, other, stranger, rich, hidden)
})

test('P-E7 who has sent bytes is sent bytes, everybody else operations, each of the edits once', async () => {
  const prdId = await at.prd('Hello')
  const [plain, rich] = [await at.tab(at.owner), await at.tab(at.editor)]
  await plain.join(prdId)
  await rich.join(prdId)
  await plain.drained()
  const kinds = (events: readonly Received[]): string[] =>
    events.map(([, data]) => ('update' in (data as object) ? 'update' : 'operation'))
  const edit = (position: number): Promise<Data> =>
    plain.done('content-update', { prdId, operation: insert(position, 'x'), stateVector: [] })
  await edit(0)
  assert.deepEqual(kinds(await rich.drained()), ['operation'])
  await rich.done('sync-request', { prdId, stateVector: Y.encodeStateVector(new Y.Doc()) })
  await rich.find('sync-response')
  const { stateVector } = await edit(0)
  const heard = await rich.drained()
  assert.deepEqual(kinds(heard), ['update'])
  assert.deepEqual((heard[0]![1] as Data).stateVector, stateVector)
  // Not in another document, nor on another of their tabs.
  const elsewhere = await at.prd('')
  await rich.join(elsewhere)
  await plain.join(elsewhere)
  await plain.drained()
  await rich.drained()
  await plain.done('content-update', { prdId: elsewhere, operation: insert(0, 'x'), stateVector: [] })
  assert.deepEqual(kinds(await rich.drained()), ['operation'])
  await closed(plain, rich)
})
