import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { User } from '../../testing/world.ts'
import { run, inOneGroup } from './testing-groups.ts'
import { insert, made, scene, userId, type Data, type Scene, type Tab } from './testing.ts'

let at: Scene
/** A viewer of the organisation. */
let guest: User
before(async () => {
  at = await scene({ config: { prdWritesPerMinute: 0, prdCommandsPerMinute: 0 } })
  guest = await at.world.user('guest')
  await made(at.admin, members(), { userId: userId(guest), role: 'viewer' })
})
after(() => at?.close())

const members = (): string => `/api/organizations/${at.organizationId}/members`
const shares = (prdId: string): string => `/api/prds/${prdId}/collaborators`
const hide = async (prdId: string): Promise<string> => {
  assert.equal((await at.owner.patch(`/api/prds/${prdId}`, { access: 'none' })).status, 200)
  return prdId
}

const names = async (tab: Tab): Promise<string[]> => (await tab.drained()).map(([name]) => name)

test('P-R3 who may not see a PRD any more is out of it at once, on every tab; who may only view it stays', async () => {
  const { owner, editor, viewer, member, admin, organizationId } = at
  const prdId = await hide(await at.prd('Hello'))
  const watching = await at.tab(owner)
  await watching.join(prdId)
  const tabs = [await at.tab(viewer), await at.tab(viewer, '/'), await at.tab(viewer)] as const
  for (const tab of tabs) await tab.join(prdId)
  await watching.find('user-joined')
  const edit = (tab: Tab): Promise<Data> => tab.ask('content-update', { prdId, operation: insert(0, 'x') })

  // Not shared by name any more.
  assert.equal((await owner.delete(`${shares(prdId)}/${userId(viewer)}`)).status, 204)
  for (const tab of tabs) {
    assert.deepEqual(await tab.drained(), [['left-prd', { prdId, reason: 'forbidden' }]])
    await tab.refused('NOT_JOINED', 'content-update', { prdId, operation: insert(0, 'x') })
    await tab.refused('NOT_FOUND', 'join-prd', { prdId })
  }
  assert.deepEqual(await watching.drained(), [['user-left', { prdId, userId: userId(viewer), name: 'viewer' }]])
  await edit(watching)
  for (const tab of tabs) await tab.expectNothing()

  // An editor who may only view: they hear everything, from the place they have.
  const writing = await at.tab(editor)
  await writing.join(prdId)
  await edit(writing)
  await watching.drained()
  assert.equal((await owner.put(`${shares(prdId)}/${userId(editor)}`, { role: 'viewer' })).status, 200)
  await writing.refused('FORBIDDEN', 'content-update', { prdId, operation: insert(0, 'x') })
  await edit(watching)
  assert.deepEqual(await names(writing), ['content-update'])

  // Hidden from the organisation: who has it by name stays.
  const openId = await at.prd('Open')
  const reading = await at.tab(member)
  await reading.join(openId)
  await writing.join(openId)
  await reading.drained()
  await hide(openId)
  assert.deepEqual(await reading.drained(), [['left-prd', { prdId: openId, reason: 'forbidden' }]])
  assert.deepEqual(await names(writing), ['user-left'])

  // Out of the organisation: out of all of its PRDs, and of its activities.
  assert.equal((await owner.patch(`/api/prds/${openId}`, { access: 'view' })).status, 200)
  const told = await at.tab(member, '/notifications')
  await told.done('subscribe', { organizationId })
  for (const id of [openId, at.prdId]) await reading.join(id)
  await reading.drained()
  await writing.drained()
  assert.equal((await member.delete(`${members()}/${userId(member)}`)).status, 204)
  const left = (await reading.drained()).map(([name, data]) => `${name} ${(data as Data).prdId}`)
  assert.deepEqual(left.sort(), [`left-prd ${at.prdId}`, `left-prd ${openId}`].sort())
  assert.deepEqual(await names(writing), ['user-left'])
  await owner.patch(`/api/prds/${openId}`, { title: 'Renamed' })
  await told.expectNothing()
  await made(admin, members(), { userId: userId(member) })

  // Less than an admin.
  await admin.patch(`${members()}/${userId(member)}`, { role: 'admin' })
  await reading.join(prdId)
  await edit(reading)
  await admin.patch(`${members()}/${userId(member)}`, { role: 'member' })
  assert.deepEqual(await reading.drained(), [['left-prd', { prdId, reason: 'forbidden' }]])

  // An account that is cut off.
  await watching.drained()
  const gone = await at.tab(guest)
  await gone.join(openId)
  await watching.join(openId)
  await watching.drained()
  assert.equal((await admin.post(`/api/tracker/users/${guest.id}/status`, { status: 'inactive' })).status, 200)
  await gone.disconnected()
  assert.deepEqual(await watching.drained(), [['user-left', { prdId: openId, userId: userId(guest), name: 'guest' }]])

  // Handed over, and then not shared any more.
  assert.equal((await owner.patch(`/api/prds/${prdId}`, { ownerId: userId(editor) })).status, 200)
  assert.equal((await edit(watching)).ok, true)
  assert.equal((await editor.delete(`${shares(prdId)}/${userId(owner)}`)).status, 204)
  assert.deepEqual(await watching.drained(), [['left-prd', { prdId, reason: 'forbidden' }]])
})

test('what is done in one commit is done in its order: nobody slips in, and nothing slips out', async (t) => {
  const { world, owner, viewer } = at
  const prdId = await hide(await at.prd('Hello'))
  const row = Number(prdId.slice(4))
  const watching = await at.tab(owner)
  await watching.join(prdId)
  const slow = await at.tab(viewer)
  const share = `${shares(prdId)}/${userId(viewer)}`
  const answers: Promise<unknown>[] = []
  const edit = (content: string) => () =>
    void answers.push(watching.done('content-update', { prdId, operation: insert(0, content) }))
  const unshare = (): void => void answers.push(owner.delete(share))
  const settle = async (): Promise<void> => {
    await Promise.all(answers.splice(0))
    await watching.drained()
  }

  // Joined and shut out.
  await inOneGroup(t, world, [() => void answers.push(slow.ask('join-prd', { prdId })), unshare, edit('secret ')])
  await settle()
  assert.deepEqual(await names(slow), ['joined-prd', 'left-prd'])
  assert.deepEqual(world.app.hub.rooms.members(`prd:joined:${row}`).size, 1)

  // There, shut out, and something is said right after; what they send themselves comes too late.
  await owner.put(share, { role: 'editor' })
  await slow.join(prdId)
  await settle()
  const late = (): void => void answers.push(slow.ask('content-update', { prdId, operation: insert(0, 'late') }))
  await inOneGroup(t, world, [unshare, edit('more '), late])
  await settle()
  assert.deepEqual(await names(slow), ['left-prd', 'error'])
  assert.equal((await owner.get(`/api/prds/${prdId}`)).body.content, 'more secret Hello')
})

test('P-V4 a deletion puts everybody out, and leaves nothing behind', async () => {
  const { world, owner, editor, member, outsider } = at
  const prdId = await at.prd('Top secret text')
  const row = Number(prdId.slice(4))
  const tabs = [await at.tab(owner), await at.tab(editor), await at.tab(editor, '/')]
  for (const tab of tabs) await tab.join(prdId)
  await tabs[0]!.done('content-update', { prdId, operation: insert(0, 'More ') })
  for (const tab of tabs) await tab.drained()
  assert.equal((await owner.delete(`/api/prds/${prdId}`)).status, 204)
  for (const tab of tabs) {
    assert.deepEqual(await tab.drained(), [['left-prd', { prdId, reason: 'deleted' }]])
    await tab.refused('NOT_JOINED', 'content-update', { prdId, operation: insert(0, 'x') })
  }
  for (const by of [owner, member, outsider]) assert.equal((await by.get(`/api/prds/${prdId}`)).status, 404)
  assert.equal((await owner.delete(`/api/prds/${prdId}`)).status, 404)
  await world.advance(5_000)
  for (const table of ['prd_operations', 'prd_snapshots', 'prd_sessions', 'prd_collaborators', 'prd_notifications']) {
    assert.deepEqual(await run(world, `select prd_id from ${table} where prd_id = ${row}`), [], table)
  }
  assert.deepEqual(await run(world, `select id from prd_prds where id = ${row}`), [])
  const ofIt = `subject = 'prd:${row}' or subject like 'prd:${row}/%'`
  const log = await run(world, `select payload from event_log where ${ofIt}`)
  assert.ok(log.every(({ payload }) => payload === null), JSON.stringify(log))
  const { items } = (await owner.get(`/api/activity?organizationId=${at.organizationId}`)).body
  assert.deepEqual([items[0].type, items[0].object.id], ['prd_deleted', prdId])
  assert.ok(!world.log.some((line) => line.includes('secret')))
})
