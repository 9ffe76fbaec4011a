import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as Y from 'yjs'
import type { Answer, User } from '../../testing/world.ts'
import { textOf } from './document/testing-updates.ts'
import { inOneGroup, run } from './testing-groups.ts'
import { insert, made, remove, replace, scene, userId, type Data, type Scene, type Tab } from './testing.ts'
import { timestamp } from './wire.ts'

let at: Scene
/** A viewer of the organisation. */
let guest: User
before(async () => {
  const config = { prdWritesPerMinute: 0, prdCommandsPerMinute: 0, prdComments: 25, prdIdleMs: 5_000 }
  at = await scene({ config })
  guest = await at.world.user('guest')
  await made(at.admin, `/api/organizations/${at.organizationId}/members`, { userId: userId(guest), role: 'viewer' })
})
after(() => at?.close())

async function ok(answer: Promise<Answer>): Promise<Data> {
  const { status, body } = await answer
  assert.ok(status < 300, `${status} ${JSON.stringify(body)}`)
  return body
}
/** Told of no return. */
async function calm(user: User, namespace?: '/' | '/notifications'): Promise<Tab> {
  const tab = await at.tab(user, namespace)
  await tab.drained()
  return tab
}
const now = (): string => timestamp(at.world.clock.now())
const person = (user: User) => ({ id: userId(user), name: user.name })
const comment = async (by: User, prdId: string, body: object = {}): Promise<string> =>
  (await made(by, `/api/prds/${prdId}/comments`, { position: 0, content: 'Hm', ...body })).id as string
const read = (id: string): Promise<Data> => ok(at.owner.get(`/api/comments/${id}`))
const edit = (tab: Tab, prdId: string, operation: object): Promise<Data> =>
  tab.done('content-update', { prdId, operation, stateVector: [] })

test('P-M1 section 6 as it is written: everybody who has joined is told, and who asks; nobody else', async () => {
  const prdId = await at.prd('The OAuth2 endpoint of ours')
  const joined = await calm(at.editor, '/')
  const viewing = await calm(at.viewer)
  // The author looks at it elsewhere, and asks from where they have not joined.
  const elsewhere = await calm(at.member)
  for (const tab of [joined, elsewhere]) await tab.join(prdId)
  await viewing.join(prdId, 'view')
  const asking = await calm(at.member)
  const strangers = [await calm(at.owner), await calm(at.outsider), await calm(at.admin)]
  await strangers[0]!.join(at.prdId)
  const told = [joined, viewing, elsewhere, asking]
  const author = person(at.member)
  for (const tab of [...told, ...strangers]) await tab.drained()

  const selection = { start: 4, end: 19, text: 'OAuth2 endpoint' }
  const content = 'Should we consider rate limiting here?'
  const { ok: _, ...added } = await asking.done('add-comment', { prdId, position: 5, content, selection })
  const expected = {
    commentId: added.commentId as string,
    prdId,
    author: { ...author, avatar: null },
    position: 5,
    content,
    selection,
    createdAt: now(),
  }
  assert.deepEqual(added, expected)
  for (const tab of told) assert.deepEqual(await tab.expect('comment-added'), expected)
  const { commentId } = expected
  const shown = { id: commentId, prdId, author: expected.author, position: 5, content, selection, createdAt: now() }
  const open = { quote: selection.text, orphaned: false, resolved: false, resolvedBy: null, resolvedAt: null }
  assert.deepEqual(await read(commentId), { ...shown, ...open, replies: [], replyCount: 0 })

  const { ok: __, ...replied } = await viewing.done('reply-comment', { commentId, content: ' Yes, 100\n' })
  const reply = { id: replied.reply.id as string, author: person(at.viewer), content: ' Yes, 100\n', createdAt: now() }
  assert.deepEqual(replied, { commentId, reply })
  for (const tab of told.slice(0, 3)) assert.deepEqual(await tab.expect('comment-replied'), { commentId, reply })
  assert.deepEqual((await read(commentId)).replies, [reply])

  // Twice is once: the second who asks is told what everybody was told.
  await asking.done('resolve-comment', { commentId })
  const resolved = { commentId, resolvedBy: author, resolvedAt: now() }
  for (const tab of told) assert.deepEqual(await tab.expect('comment-resolved'), resolved)
  await at.world.advance(5_000)
  assert.deepEqual(await joined.done('resolve-comment', { commentId }), { ok: true, ...resolved })
  assert.deepEqual(await joined.expect('comment-resolved'), resolved)
  assert.deepEqual((await read(commentId)).resolvedBy, author)

  for (let time = 0; time < 2; time += 1) await joined.done('reopen-comment', { commentId })
  const reopened = { commentId, reopenedBy: person(at.editor), reopenedAt: now() }
  for (const tab of told.slice(0, 3)) assert.deepEqual(await tab.expect('comment-reopened'), reopened)
  assert.deepEqual(await read(commentId), { ...shown, ...open, replies: [reply], replyCount: 1 })

  await viewing.done('delete-reply', { commentId, replyId: reply.id })
  for (const tab of told.slice(0, 3)) await tab.expect('reply-deleted', { commentId, replyId: reply.id })
  await asking.done('delete-comment', { commentId })
  for (const tab of told) await tab.expect('comment-deleted', { commentId, deletedBy: author })
  for (const tab of [...told, ...strangers]) await tab.expectNothing()
  assert.equal((await at.owner.get(`/api/comments/${commentId}`)).status, 404)
  await asking.refused('NOT_FOUND', 'reply-comment', { commentId, content: 'x' })

  // Nothing of what was written is left.
  const events = "select payload from event_log where type like 'comment-%' and type <> 'comment-deleted'"
  const left = await run(at.world, events)
  assert.ok(left.length >= 4 && left.every(({ payload }) => payload === null), JSON.stringify(left))
  for (const table of ['prd_comments', 'prd_replies']) {
    assert.deepEqual(await run(at.world, `select * from ${table}`), [], table)
  }
  // Without a selection.
  const bare = await asking.done('add-comment', { prdId, position: 9_999, content: 'x' })
  assert.deepEqual([bare.position, bare.selection], [27, null])
  for (const tab of [...told, ...strangers]) tab.close()
})

test('P-M3 a comment moves with the text, loses it and finds it again, also after the document was put away', async () => {
  const prdId = await at.prd('One two three four')
  const plain = await calm(at.owner)
  const rich = await calm(at.editor)
  await plain.join(prdId)
  await rich.join(prdId)
  const doc = new Y.Doc()
  await rich.done('sync-request', { prdId, stateVector: Y.encodeStateVector(doc) })
  Y.applyUpdate(doc, (await rich.find('sync-response')).missingUpdates[0].update)
  const text = doc.getText('content')
  const richly = async (deed: () => void): Promise<void> => {
    const known = Y.encodeStateVector(doc)
    doc.transact(deed)
    await rich.done('content-update', { prdId, update: Y.encodeStateAsUpdate(doc, known) })
  }
  const id = await comment(at.owner, prdId, { position: 13, selection: { start: 4, end: 13, text: 'two three' } })
  const point = await comment(at.owner, prdId, { position: 4 })
  const where = async (): Promise<Data[]> => {
    const { position, selection, orphaned } = await read(id)
    const range = selection && [selection.start, selection.end, selection.text]
    return [position, range, orphaned, (await read(point)).position]
  }
  await edit(plain, prdId, insert(13, '!'))
  await edit(plain, prdId, insert(4, '>'))
  await edit(plain, prdId, replace(9, 2, 'TH'))
  assert.deepEqual(await where(), [14, [5, 14, 'two THree'], false, 5])
  await richly(() => text.insert(0, '😀 '))
  for (const { update } of (await rich.drained()).flatMap(([, data]) => (data as Data).update ? [data as Data] : [])) {
    Y.applyUpdate(doc, update)
  }
  await richly(() => text.insert(textOf(doc).indexOf('two') + 1, '-'))
  assert.deepEqual(await where(), [18, [8, 18, 't-wo THree'], false, 8])

  for (const tab of [plain, rich]) await tab.done('leave-prd', { prdId })
  const before = await where()
  await at.world.advance(60_000)
  await at.world.app.unitOfWork.settled()
  assert.deepEqual(await where(), before)
  await plain.join(prdId)
  await edit(plain, prdId, insert(0, 'Now '))
  assert.deepEqual(await where(), [22, [12, 22, 't-wo THree'], false, 12])

  // What was selected is what it was; where it stands is where that is.
  await edit(plain, prdId, remove(10, 13))
  const { quote } = await read(id)
  assert.deepEqual([await where(), quote], [[10, null, true, 10], 'two three'])
  await edit(plain, prdId, insert(0, 'two three, '))
  assert.deepEqual(await where(), [0, [0, 9, 'two three'], false, 21])
  await edit(plain, prdId, insert(3, ','))
  assert.deepEqual(await where(), [0, [0, 10, 'two, three'], false, 22])
  const listed = (await ok(at.owner.get(`/api/prds/${prdId}/comments`))).items as Data[]
  assert.deepEqual(listed.map((one) => [one.id, one.position, one.orphaned]), [[point, 22, false], [id, 0, false]])
  for (const tab of [plain, rich]) tab.close()
})

test('P-M2 who comments points at the text that they know, and everybody is told where that is by then', async (t) => {
  const prdId = await at.prd('One two three')
  const [writer, reader] = [await calm(at.owner), await calm(at.editor)]
  for (const tab of [writer, reader]) await tab.join(prdId)
  await writer.drained()
  await inOneGroup(t, at.world, [
    () => writer.emit('content-update', { prdId, operation: insert(0, 'Zero '), stateVector: [] }),
    () => reader.emit('add-comment', { prdId, position: 13, content: 'x', selection: { start: 4, end: 7 } }),
  ])
  await reader.expect('content-update')
  const there = { position: 18, selection: { start: 9, end: 12, text: 'two' } }
  for (const tab of [writer, reader]) await tab.expect('comment-added', there)
  for (const tab of [writer, reader]) tab.close()
})

test('comments and replies are listed newest first, a page at a time, open or resolved', async () => {
  const prdId = await at.prd('Text')
  const ids: string[] = []
  for (let i = 0; i < 4; i += 1) ids.unshift(await comment(at.owner, prdId, { position: i }))
  await ok(at.viewer.post(`/api/comments/${ids[1]}/resolve`, {}))
  const list = (query = ''): Promise<Data> => ok(at.viewer.get(`/api/prds/${prdId}/comments${query}`))
  const idsOf = ({ items }: Data): string[] => items.map(({ id }: Data) => id) as string[]
  const all = await list()
  assert.deepEqual([idsOf(all), all.nextBefore], [ids, null])
  const page = await list('?limit=2')
  assert.deepEqual([idsOf(page), page.nextBefore], [ids.slice(0, 2), ids[1]])
  assert.deepEqual(idsOf(await list(`?limit=2&before=${ids[1]}`)), ids.slice(2))
  assert.deepEqual(idsOf(await list('?resolved=true')), [ids[1]])
  assert.deepEqual(idsOf(await list('?resolved=false')), ids.filter((id) => id !== ids[1]))

  const replies: string[] = []
  for (let i = 0; i < 25; i += 1) {
    replies.unshift((await made(at.editor, `/api/comments/${ids[0]}/replies`, { content: `Reply ${i}` })).id as string)
  }
  const of = await read(ids[0]!)
  assert.deepEqual([of.replyCount, of.replies.map(({ id }: Data) => id)], [25, replies.slice(0, 20).reverse()])
  const query = `limit=20&before=${replies[0]}`
  const { items, nextBefore } = await ok(at.viewer.get(`/api/comments/${ids[0]}/replies?${query}`))
  assert.deepEqual([idsOf({ items }), nextBefore], [replies.slice(1, 21), replies[20]])
  const more = await at.editor.post(`/api/comments/${ids[0]}/replies`, { content: 'x' })
  assert.match(more.body.error.message, /at most 25 replies/)
  // The limit is for each PRD.
  for (let i = 0; i < 21; i += 1) await comment(at.owner, prdId)
  assert.equal((await at.owner.post(`/api/prds/${prdId}/comments`, { position: 0, content: 'x' })).status, 409)
  await ok(at.owner.delete(`/api/comments/${ids[0]}`))
  await comment(at.owner, prdId)
})

test('P-N5 who is called by name, whom it answers, who owns the PRD: each is notified once, who sees it', async () => {
  const { owner, editor, viewer, member, outsider, admin } = at
  const prdId = await at.prd('Text', 'Checkout')
  const people = { owner, editor, viewer, member, guest, outsider, admin }
  const tabs = Object.entries(people).map(async ([name, user]) => [name, await calm(user, '/notifications')] as const)
  const open = await Promise.all(tabs)
  const told = async (): Promise<Record<string, string[]>> => {
    const all = await Promise.all(open.map(async ([name, tab]) => [name, await tab.drained()] as const))
    return Object.fromEntries(
      all.flatMap(([name, events]) => {
        const types = events.flatMap(([type, data]) => (type === 'notification' ? [(data as Data).type as string] : []))
        return types.length > 0 ? [[name, types]] : []
      }),
    )
  }
  await told()
  const id = await comment(editor, prdId, { content: '@Viewer @viewer. and @outsider, @editor, `@member`: look' })
  assert.deepEqual(await told(), { owner: ['comment_added'], viewer: ['comment_mention'] })
  const answer = (by: User, content: string): Promise<Data> => made(by, `/api/comments/${id}/replies`, { content })
  await answer(viewer, 'I see')
  assert.deepEqual(await told(), { editor: ['comment_reply'] })
  const { id: replyId } = await answer(guest, 'So do I, @owner and @editor')
  assert.deepEqual(await told(), { editor: ['comment_mention'], owner: ['comment_mention'], viewer: ['comment_reply'] })
  const { message, data } = (await ok(viewer.get('/api/notifications?limit=1'))).items[0]
  assert.equal(message, 'guest replied to a comment on "Checkout"')
  assert.deepEqual(data, { prdId, commentId: id, replyId, author: 'guest' })

  // Who does not see it any more hears nothing, and one's own deeds are no news.
  await ok(owner.patch(`/api/prds/${prdId}`, { access: 'none' }))
  await answer(editor, '@member @guest @admin')
  assert.deepEqual(await told(), { viewer: ['comment_reply'], admin: ['comment_mention'] })
  await comment(owner, prdId, { content: 'Mine, @owner' })
  assert.deepEqual(await told(), {})
  for (const [, tab] of open) tab.close()
})

test('P-M4 who sees a PRD comments on it, authors and who manages it delete; hidden and absent answer alike', async () => {
  const hidden = await at.prd('Hidden')
  await ok(at.owner.patch(`/api/prds/${hidden}`, { access: 'none' }))
  const columns = [at.admin, at.owner, at.editor, at.viewer, at.member, guest, at.outsider]
  for (const [prdId, sees] of [
    [await at.prd('Open'), '111111.'],
    [hidden, '1111...'],
  ] as const) {
    for (const [i, user] of columns.entries()) {
      const expect = async (answer: Promise<Answer>, status: number, what: string): Promise<void> => {
        const { status: found, body } = await answer
        assert.equal(found, sees[i] === '1' ? status : 404, `${what} by ${user.name}: ${JSON.stringify(body)}`)
      }
      const id = await comment(at.owner, prdId)
      const { id: replyId } = await made(at.editor, `/api/comments/${id}/replies`, { content: 'x' })
      const path = `/api/comments/${id}`
      await expect(user.get(`/api/prds/${prdId}/comments`), 200, 'list')
      await expect(user.post(`/api/prds/${prdId}/comments`, { position: 0, content: 'x' }), 201, 'add')
      await expect(user.get(path), 200, 'read')
      await expect(user.get(`${path}/replies`), 200, 'replies')
      await expect(user.post(`${path}/replies`, { content: 'x' }), 201, 'reply')
      await expect(user.post(`${path}/resolve`, {}), 200, 'resolve')
      await expect(user.post(`${path}/reopen`, {}), 200, 'reopen')
      await expect(user.delete(`${path}/replies/${replyId}`), i < 3 ? 204 : 403, 'delete reply')
      await expect(user.delete(path), i < 2 ? 204 : 403, 'delete')
    }
  }
  const id = await comment(at.owner, hidden)
  const answers = [await at.member.get(`/api/comments/${id}`), await at.member.get('/api/comments/comment_999999')]
  assert.deepEqual(answers[0]!.body.error.message, answers[1]!.body.error.message)
  const tab = await calm(at.member)
  for (const commentId of [id, 'comment_999999', 'comment_x', 'prd_1']) {
    for (const name of ['resolve-comment', 'reopen-comment', 'delete-comment']) {
      const { message } = await tab.refused('NOT_FOUND', name, { commentId })
      assert.equal(message, 'This comment does not exist, or you may not see it')
    }
    await tab.refused('NOT_FOUND', 'reply-comment', { commentId, content: 'x' })
  }
  await tab.refused('NOT_FOUND', 'add-comment', { prdId: hidden, position: 0, content: 'x' })
  tab.close()
})

test('what is no comment is refused and says why, and nothing is told', async () => {
  const { prdId } = at
  const tab = await calm(at.viewer)
  const commentId = await comment(at.owner, prdId)
  const bad: Record<string, object> = {
    'content must not be empty': { content: ' \n' },
    'content must not have NUL characters': { content: 'a\0b' },
    'content must have at most 10000 characters': { content: 'é'.repeat(10_001) },
    'content must be whole Unicode characters': { content: 'a\ud83d' },
    'position ': { position: -1 },
    'selection': { selection: { start: 0.5, end: 1 } },
    'prdId': { prdId: 7 },
  }
  const all = async (): Promise<number> => (await ok(at.owner.get(`/api/prds/${prdId}/comments`))).items.length
  const count = await all()
  for (const [fault, fields] of Object.entries(bad)) {
    const input = { prdId, position: 0, content: 'x', ...fields }
    const { message } = await tab.refused('VALIDATION_ERROR', 'add-comment', input)
    assert.ok(message.includes(fault), `${fault}: ${message}`)
    if (!('content' in fields)) continue
    await tab.refused('VALIDATION_ERROR', 'reply-comment', { commentId, ...fields })
    assert.equal((await at.owner.post(`/api/prds/${prdId}/comments`, { position: 0, ...fields })).status, 400)
  }
  for (const data of [undefined, null, 'x', [], {}]) await tab.refused('VALIDATION_ERROR', 'add-comment', data)
  assert.equal(await all(), count)
  await comment(at.owner, prdId, { content: '😀'.repeat(10_000), selection: null })
  await tab.expectNothing()
  tab.close()
})
