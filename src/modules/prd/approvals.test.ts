import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Answer, User } from '../../testing/world.ts'
import { insert, made, scene, userId, type Data, type Scene } from './testing.ts'

let s: Scene
before(async () => void (s = await scene()))
after(() => s.close())

async function ok(answer: Promise<Answer>): Promise<Data> {
  const { status, body } = await answer
  assert.ok(status < 300, `${status} ${JSON.stringify(body)}`)
  return body
}

const ask = async (by: User, prd: string, ...approvers: User[]): Promise<string[]> => {
  const body = { approverIds: approvers.map(userId), note: 'Please' }
  return (await made(by, `/api/prds/${prd}/approvals`, body)).items.map(({ id }: Data) => id) as string[]
}
const answer = (by: User, prd: string, approval: string | undefined, verb: string, note?: string): Promise<Answer> =>
  by.post(`/api/prds/${prd}/approvals/${approval}/${verb}`, note === undefined ? {} : { note })
const statusOf = async (prd: string): Promise<string> => (await ok(s.owner.get(`/api/prds/${prd}`))).status as string
const approvals = async (prd: string, query = ''): Promise<Data[]> =>
  (await ok(s.owner.get(`/api/prds/${prd}/approvals${query}`))).items as Data[]

async function edit(by: User, prd: string, content: string): Promise<void> {
  const tab = await s.tab(by)
  await tab.join(prd)
  await tab.done('content-update', { prdId: prd, operation: insert(0, content), stateVector: [] })
  tab.close()
}

test('P-N4 a PRD is approved when all who were asked approved one and the same text of it', async () => {
  const { owner, editor, viewer, member } = s
  const prd = await s.prd('Text', 'Reviewed')
  const tabs = { owner: await s.tab(owner, '/'), editor: await s.tab(editor, '/notifications') }
  const viewers = await s.tab(viewer, '/notifications')
  await tabs.editor.done('subscribe', { organizationId: s.organizationId })
  const [first, second] = await ask(editor, prd, viewer, member)
  assert.equal(await statusOf(prd), 'in_review')
  assert.equal((await tabs.editor.expect('activity-update')).activity.type, 'approval_requested')
  const { data } = await viewers.expect('notification')
  assert.deepEqual(data, { prdId: prd, approvalId: first, requestedBy: 'editor' })

  const approved = await ok(answer(viewer, prd, first, 'approve', 'Fine'))
  assert.deepEqual([approved.status, approved.note, approved.answer], ['approved', 'Please', 'Fine'])
  assert.deepEqual(await ok(answer(viewer, prd, first, 'approve')), approved)
  assert.equal((await answer(viewer, prd, first, 'reject')).status, 409)
  await tabs.owner.expectNothing()

  // The other one approves another text: the first is asked again.
  await edit(owner, prd, 'New ')
  assert.equal(await statusOf(prd), 'in_review')
  await ok(answer(member, prd, second, 'approve'))
  const again = await viewers.expect('notification', { type: 'approval_requested' })
  assert.match(again.message, /"Reviewed" was changed after you approved it/)
  assert.equal(await statusOf(prd), 'in_review')
  await tabs.owner.expectNothing()
  await ok(answer(viewer, prd, again.data.approvalId, 'approve'))

  assert.equal(await statusOf(prd), 'approved')
  for (const tab of Object.values(tabs)) {
    await tab.expect('notification', {
      type: 'prd_approved',
      title: 'PRD Approved',
      message: 'Your PRD "Reviewed" has been approved',
      data: { prdId: prd, approver: 'viewer' },
    })
  }
  const { activity } = await tabs.editor.expect('activity-update')
  assert.deepEqual([activity.type, activity.actor], ['prd_approved', { id: userId(viewer), name: 'viewer' }])
  for (const tab of [...Object.values(tabs), viewers]) await tab.expectNothing()

  // What was approved is not what it is now.
  await edit(editor, prd, 'Newer ')
  assert.equal(await statusOf(prd), 'draft')
  assert.deepEqual(
    (await approvals(prd)).map(({ status, approver }) => `${approver.name} ${status}`),
    ['viewer approved', 'member approved', 'viewer approved'],
  )
  for (const tab of [...Object.values(tabs), viewers]) tab.close()
})

test('one rejection is enough, once all have decided, and its author is told why', async () => {
  const { owner, editor, viewer, member } = s
  const prd = await s.prd('Text', 'Refused')
  const [byOwner] = await ask(editor, prd, owner)
  const [byViewer, byMember] = await ask(owner, prd, viewer, member)
  const tabs = { owner: await s.tab(owner, '/'), editor: await s.tab(editor, '/') }
  await ok(answer(viewer, prd, byViewer, 'reject', ' Too long '))
  await ok(answer(member, prd, byMember, 'approve'))
  assert.equal(await statusOf(prd), 'in_review')
  await ok(answer(owner, prd, byOwner, 'approve'))
  assert.equal(await statusOf(prd), 'rejected')
  await tabs.editor.expect('notification', {
    type: 'prd_rejected',
    title: 'PRD Rejected',
    message: 'Your PRD "Refused" has been rejected',
    data: { prdId: prd, approver: 'viewer', note: 'Too long' },
  })
  // It was the owner's own answer that ended it.
  await tabs.owner.expectNothing()

  // A new review has nothing to do with the old one.
  const [last] = await ask(owner, prd, viewer)
  await ok(answer(viewer, prd, last, 'approve'))
  assert.equal(await statusOf(prd), 'approved')
  await tabs.owner.expect('notification', { type: 'prd_approved' })
  await tabs.editor.expectNothing()
  const { items } = await ok(s.owner.get(`/api/activity?organizationId=${s.organizationId}`))
  assert.equal(items[0].type, 'prd_approved')
  for (const tab of Object.values(tabs)) tab.close()
})

test('who may ask, answer and withdraw, and whom', async () => {
  const { admin, owner, editor, viewer, member, outsider, prdId } = s
  const path = `/api/prds/${prdId}/approvals`
  const refusals: readonly (readonly [User, object, number])[] = [
    [viewer, { approverIds: [userId(owner)] }, 403],
    [outsider, { approverIds: [userId(owner)] }, 404],
    [editor, {}, 400],
    [editor, { approverIds: [] }, 400],
    [editor, { approverIds: [userId(outsider)] }, 400],
    [editor, { approverIds: ['user_9999'] }, 400],
    [editor, { usernames: ['nobody'] }, 400],
    [editor, { approverIds: [userId(editor)] }, 400],
    [editor, { usernames: ['viewer'], note: 'x'.repeat(10_001) }, 400],
    [editor, { usernames: ['viewer'], note: '\u0000' }, 400],
  ]
  for (const [by, body, status] of refusals) {
    const refused = await by.post(path, body)
    assert.equal(refused.status, status, `${JSON.stringify(body).slice(0, 80)} ${JSON.stringify(refused.body)}`)
  }
  assert.equal(await statusOf(prdId), 'draft')
  const [id] = (await made(editor, path, { approverIds: [userId(viewer)], usernames: ['VIEWER'] })).items as Data[]
  assert.equal((await editor.post(path, { usernames: ['viewer'] })).status, 409)
  for (const by of [editor, owner, admin, member]) {
    assert.equal((await answer(by, prdId, id.id, 'approve')).status, 403)
  }
  assert.equal((await answer(outsider, prdId, id.id, 'approve')).status, 404)
  assert.equal((await answer(viewer, await s.prd('Another'), id.id, 'approve')).status, 404)
  assert.equal((await answer(viewer, prdId, 'approval_999', 'approve')).status, 404)
  assert.equal((await member.delete(`${path}/${id.id}`)).status, 403)
  assert.equal((await viewer.delete(`${path}/${id.id}`)).status, 403)

  const mine = async (user: User): Promise<Data[]> =>
    (await ok(user.get('/api/approvals?status=pending'))).items as Data[]
  assert.deepEqual(await mine(viewer), [id])
  assert.deepEqual(await mine(member), [])
  assert.equal((await outsider.get(path)).status, 404)

  const tab = await s.tab(viewer, '/notifications')
  await ok(owner.delete(`${path}/${id.id}`))
  await tab.expect('notification', {
    type: 'approval_cancelled',
    data: { prdId, approvalId: id.id, cancelledBy: 'owner' },
  })
  assert.equal(await statusOf(prdId), 'draft')
  assert.equal((await answer(viewer, prdId, id.id, 'approve')).status, 409)
  await ok(owner.delete(`${path}/${id.id}`))
  assert.deepEqual(await mine(viewer), [])
  tab.close()

  // Somebody who cannot see it any more holds nothing up.
  const [, theirs] = await ask(editor, prdId, member, viewer)
  await ok(owner.patch(`/api/prds/${prdId}`, { access: 'none' }))
  assert.deepEqual(await mine(member), [])
  await ok(answer(viewer, prdId, theirs, 'approve'))
  assert.equal(await statusOf(prdId), 'approved')
  const page = await ok(owner.get(`${path}?limit=1`))
  assert.deepEqual([page.items[0].id, page.nextBefore], [theirs, theirs])
  assert.equal((await approvals(prdId, `?before=${theirs}`))[0]!.status, 'cancelled')
  assert.equal((await approvals(prdId, '?status=approved')).length, 1)
})
