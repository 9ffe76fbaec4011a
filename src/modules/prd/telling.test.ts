import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Connection } from '../../kernel/connection.ts'
import { Rooms } from '../../kernel/rooms.ts'
import type { Answer, User } from '../../testing/world.ts'
import { subscribe } from './actions/subscribing.ts'
import { expireFeeds } from './actions/telling.ts'
import { adminsRoom, subscriberRooms } from './rooms.ts'
import { made, scene, userId, type Data, type Scene, type Tab } from './testing.ts'

let s: Scene
before(async () => void (s = await scene({ config: { prdSubscriptions: 3 } })))
after(() => s.close())

/** The answer's body; it must be a success. */
async function ok(answer: Promise<Answer>): Promise<Data> {
  const { status, body } = await answer
  assert.ok(status < 300, `${status} ${JSON.stringify(body)}`)
  return body
}

const feed = (user: User, organization = s.organizationId): Promise<Data> =>
  ok(user.get(`/api/activity?organizationId=${organization}`))
const inbox = (user: User, query = ''): Promise<Data> => ok(user.get(`/api/notifications${query}`))

async function subscribed(user: User, ...organizations: string[]): Promise<Tab> {
  const tab = await s.tab(user, '/notifications')
  for (const organizationId of organizations) {
    assert.deepEqual(await tab.done('subscribe', { organizationId }), { ok: true })
  }
  return tab
}

/** Comes back as a client that had subscribed, at a position it had kept. */
const back = (user: User, since: string, ...subscribe: string[]): Promise<Tab> =>
  s.tab(user, '/notifications', { auth: { since, subscribe } })

/** What a tab has been told, in order, as `type object`. */
const told = async (tab: Tab): Promise<string[]> =>
  (await tab.drained()).map(([name, data]: readonly [string, ...Data]) =>
    name === 'activity-update'
      ? `${data.activity.type} ${data.activity.object.title}`
      : `${name} ${data.message ?? ''}`,
  )

const create = (title: string, access = 'view', by = s.owner): Promise<string> =>
  made(by, '/api/prds', { organizationId: s.organizationId, title, access }).then(({ id }) => id as string)
const share = (prd: string, user: User): Promise<Data> =>
  ok(s.owner.put(`/api/prds/${prd}/collaborators/${userId(user)}`, { role: 'viewer' }))
const rename = (prd: string, title: string): Promise<Data> => ok(s.owner.patch(`/api/prds/${prd}`, { title }))

test('P-N1 a notification comes once to each connection of its person, but on /prds, and to nobody else', async () => {
  const everywhere = [await s.tab(s.member, '/'), await s.tab(s.member, '/ws'), await s.tab(s.member, '/notifications')]
  const others = [await s.tab(s.member, '/prds'), await s.tab(s.editor, '/'), await s.tab(s.outsider, '/notifications')]
  const body = { approverIds: [userId(s.member)] }
  const { id } = (await made(s.owner, `/api/prds/${s.prdId}/approvals`, body)).items[0]
  const expected = {
    type: 'approval_requested',
    title: 'Approval Requested',
    message: 'owner asks you to approve "User Authentication"',
    data: { prdId: s.prdId, approvalId: id as string, requestedBy: 'owner' },
  }
  for (const tab of everywhere) {
    const event = await tab.expect('notification', expected)
    await tab.expectNothing()
    assert.deepEqual((await inbox(s.member)).items[0], { ...event, readAt: null })
  }
  for (const tab of others) await tab.expectNothing()
  for (const tab of [...everywhere, ...others]) tab.close()
  assert.deepEqual((await inbox(s.outsider)).items, [])
})

test('P-N2 an activity comes once to every connection that has subscribed to its organization', async () => {
  const member = await subscribed(s.member, s.organizationId, s.organizationId)
  const admin = await s.tab(s.admin, '/')
  await admin.done('subscribe', { organizationId: s.organizationId })
  const quiet = await s.tab(s.editor, '/notifications')
  const outsider = await s.tab(s.outsider, '/notifications')
  const refused = await outsider.refused('FORBIDDEN', 'subscribe', { organizationId: s.organizationId })
  for (const organizationId of ['org_999', 'nonsense']) {
    assert.deepEqual(await outsider.refused('FORBIDDEN', 'subscribe', { organizationId }), refused)
  }
  await outsider.refused('VALIDATION_ERROR', 'subscribe', {})
  await outsider.refused('VALIDATION_ERROR', 'subscribe')
  const theirs = (await made(s.outsider, '/api/organizations', { name: 'Other' })).id as string
  await outsider.done('subscribe', { organizationId: theirs })

  const prdId = await create('New Feature PRD')
  const event = await member.expect('activity-update', { organizationId: s.organizationId })
  const { id, timestamp } = event.activity
  assert.deepEqual(event.activity, {
    id: id as string,
    type: 'prd_created',
    actor: { id: userId(s.owner), name: 'owner' },
    object: { type: 'prd', id: prdId, title: 'New Feature PRD' },
    timestamp: timestamp as string,
  })
  assert.deepEqual(await admin.expect('activity-update'), event)
  assert.deepEqual((await feed(s.member)).items[0], event.activity)
  for (const tab of [member, admin, quiet, outsider]) await tab.expectNothing()

  await made(s.outsider, '/api/prds', { organizationId: theirs, title: 'Theirs' })
  assert.deepEqual(await told(outsider), ['prd_created Theirs'])
  assert.equal((await s.member.get(`/api/activity?organizationId=${theirs}`)).status, 404)
  assert.equal((await s.outsider.get(`/api/activity?organizationId=${s.organizationId}`)).status, 404)

  // Somebody who joins: of the organization, for all its subscribers.
  const path = `/api/organizations/${s.organizationId}/members`
  await made(s.admin, path, { userId: userId(s.outsider), role: 'viewer' })
  assert.deepEqual((await member.expect('activity-update')).activity.object, {
    type: 'user',
    id: userId(s.outsider),
    title: 'outsider',
  })
  assert.deepEqual(await told(outsider), [`notification admin added you to "Acme"`])
  await ok(s.admin.delete(`${path}/${userId(s.outsider)}`))
  for (const tab of [member, admin, quiet, outsider]) tab.close()
})

test('P-N3 what is done to a hidden PRD is told to those who see it, live, in the feed and after an absence', async () => {
  const tabs = {
    member: await subscribed(s.member, s.organizationId),
    editor: await subscribed(s.editor, s.organizationId),
    owner: await subscribed(s.owner, s.organizationId),
    admin: await subscribed(s.admin, s.organizationId),
  }
  const since = (await feed(s.editor)).position as string
  const hidden = await create('Hidden', 'none')
  await share(hidden, s.editor)
  await rename(hidden, 'Still hidden')
  const open = await create('Open')
  await share(open, s.editor)
  await rename(open, 'Still open')
  await ok(s.owner.patch(`/api/prds/${open}`, { access: 'none' }))
  await rename(open, 'Open no more')
  const first = ['prd_created Hidden', 'prd_renamed Still hidden', 'prd_created Open']
  const all = [...first, 'prd_renamed Still open', 'prd_renamed Open no more']
  assert.deepEqual(await told(tabs.member), ['prd_created Open', 'prd_renamed Still open'])
  for (const who of ['owner', 'admin'] as const) {
    assert.deepEqual(await told(tabs[who]), all)
    assert.deepEqual(await told(await back(s[who], since, s.organizationId)), all)
  }
  const activities = async (tab: Tab): Promise<string[]> =>
    (await told(tab)).filter((line) => !line.startsWith('notification'))
  assert.deepEqual(await activities(tabs.editor), all.slice(1))
  // Since it was shared with them, by name.
  const shared = all.filter((line) => !line.startsWith('prd_created'))
  assert.deepEqual(await activities(await back(s.editor, since, s.organizationId)), shared)
  // What a member saw while it was open is not theirs any more when they come back.
  assert.deepEqual(await told(await back(s.member, since, s.organizationId)), [])

  const titles = async (user: User): Promise<string[]> =>
    (await feed(user)).items.map(({ type, object }: Data) => `${type} ${object.title}`) as string[]
  assert.deepEqual((await titles(s.editor)).slice(0, 5), all.toReversed())
  assert.ok(!(await titles(s.member)).some((line) => all.includes(line)))

  // Deleted: only that is left of it, and only for who saw it.
  await ok(s.owner.delete(`/api/prds/${hidden}`))
  assert.deepEqual(await told(tabs.member), [])
  assert.deepEqual(await told(tabs.admin), ['prd_deleted Still hidden'])
  const left = [...all.slice(2), 'prd_deleted Still hidden']
  assert.deepEqual(await told(await back(s.admin, since, s.organizationId)), left)
  await ok(s.owner.patch(`/api/prds/${open}`, { access: 'view' }))
  await ok(s.owner.delete(`/api/prds/${open}`))
  await s.world.advance(0)
  assert.equal((await titles(s.member))[0], 'prd_deleted Open no more')
  assert.ok(!(await titles(s.admin)).some((line) => all.includes(line)))
  for (const tab of Object.values(tabs)) tab.close()
})

test('who leaves an organization, or has a lesser role in it, hears nothing more of what they do not see', async () => {
  const members = `/api/organizations/${s.organizationId}/members`
  await ok(s.admin.patch(`${members}/${userId(s.viewer)}`, { role: 'admin' }))
  const viewer = await subscribed(s.viewer, s.organizationId)
  const since = (await feed(s.viewer)).position as string
  await create('One', 'none')
  assert.deepEqual(await told(viewer), ['prd_created One'])
  await ok(s.admin.patch(`${members}/${userId(s.viewer)}`, { role: 'member' }))
  await create('Two', 'none')
  await create('Three')
  assert.deepEqual(await told(viewer), ['prd_created Three'])
  assert.deepEqual(await told(await back(s.viewer, since, s.organizationId)), ['prd_created Three'])
  await ok(s.admin.patch(`${members}/${userId(s.viewer)}`, { role: 'admin' }))
  const four = await create('Four', 'none')
  assert.deepEqual(await told(viewer), ['prd_created Four'])

  await made(s.owner, `/api/prds/${four}/approvals`, { approverIds: [userId(s.viewer)] })
  await viewer.find('notification')
  const about = async (): Promise<number> =>
    (await inbox(s.viewer)).items.filter(({ data }: Data) => data.prdId === four).length as number
  assert.deepEqual([await about(), (await inbox(s.viewer)).unreadCount > 0], [1, true])
  await ok(s.admin.delete(`${members}/${userId(s.viewer)}`))
  await create('Five')
  assert.deepEqual(
    (await told(viewer)).filter((line) => !line.startsWith('approval_requested')),
    [],
  )
  // The connection is let in, and told what it does not get.
  const again = await back(s.viewer, since, s.organizationId)
  await again.expect('error', { code: 'FORBIDDEN' })
  await again.expectNothing()
  assert.equal(await about(), 0)
  const { items, unreadCount } = await inbox(s.viewer, '?unread=true')
  assert.deepEqual([items.map(({ type }: Data) => type), unreadCount], [['organization_added'], 1])
  await made(s.admin, members, { userId: userId(s.viewer), role: 'member' })
  for (const tab of [viewer, again]) tab.close()
})

test('notifications are read one by one or all at once, and one is told so on every tab', async () => {
  const prd = await create('Read me')
  const before = (await inbox(s.editor)).items.length as number
  const since = (await feed(s.editor)).position as string
  for (let i = 0; i < 3; i += 1) {
    const { id } = (await made(s.owner, `/api/prds/${prd}/approvals`, { usernames: ['editor'] })).items[0]
    await ok(s.owner.delete(`/api/prds/${prd}/approvals/${id}`))
  }
  await ok(s.editor.post('/api/notifications/read-all'))
  const { id } = (await made(s.owner, `/api/prds/${prd}/approvals`, { usernames: ['Editor'] })).items[0]
  await ok(s.owner.delete(`/api/prds/${prd}/approvals/${id}`))
  const first = await inbox(s.editor, '?unread=true&limit=1')
  assert.equal(first.unreadCount, 2)
  assert.deepEqual(first.items.map(({ type, data }: Data) => [type, data.approvalId]), [['approval_cancelled', id]])
  const second = await inbox(s.editor, `?unread=true&limit=1&before=${first.nextBefore}`)
  assert.deepEqual([second.items[0].type, second.nextBefore], ['approval_requested', null])
  assert.equal((await inbox(s.editor)).items.length, before + 8)

  const tab = await s.tab(s.editor, '/notifications')
  const other = await s.tab(s.owner, '/notifications')
  const notificationId = second.items[0].id as string
  const path = `/api/notifications/${notificationId}/read`
  const read = await ok(s.editor.post(path))
  assert.ok(read.readAt)
  assert.deepEqual(await tab.expect('notifications-read'), { notificationId, unreadCount: 1 })
  assert.deepEqual(await ok(s.editor.post(path)), read)
  for (const wrong of [s.owner.post(path), s.editor.post('/api/notifications/notif_9999/read')]) {
    assert.equal((await wrong).status, 404)
  }
  assert.deepEqual(await ok(s.editor.post('/api/notifications/read-all')), { unreadCount: 0 })
  assert.deepEqual(await tab.expect('notifications-read'), { notificationId: null, unreadCount: 0 })
  assert.deepEqual(await ok(s.editor.post('/api/notifications/read-all')), { unreadCount: 0 })
  for (const one of [tab, other]) await one.expectNothing()
  const missed = (await told(await back(s.editor, since))).filter((line) => line.startsWith('notification '))
  assert.equal(missed.length, 8)
  assert.equal((await s.editor.get('/api/notifications?before=prd_1')).status, 400)
  for (const one of [tab, other]) one.close()
})

test('one connection subscribes to so many organizations and no more', async () => {
  const organizations: string[] = []
  for (const name of ['A', 'B', 'C', 'D']) {
    organizations.push((await made(s.member, '/api/organizations', { name })).id as string)
  }
  const tab = await subscribed(s.member, ...organizations.slice(0, 3))
  await tab.refused('CONFLICT', 'subscribe', { organizationId: organizations[3] })
  await tab.done('subscribe', { organizationId: organizations[2] })
  const resumed = await back(s.member, 'now', ...organizations)
  await resumed.expect('error', { code: 'CONFLICT' })
  await made(s.member, '/api/prds', { organizationId: organizations[3], title: 'D' })
  await made(s.member, '/api/prds', { organizationId: organizations[2], title: 'C' })
  for (const one of [tab, resumed]) assert.deepEqual(await told(one), ['prd_created C'])
  for (const one of [tab, resumed]) one.close()
})

test('notifications and activities are kept for their time', async () => {
  const { unitOfWork } = s.world.app
  const kept = (await inbox(s.editor)).items.length as number
  assert.ok(kept > 0)
  const settings = { feedMs: 60_000 } as Parameters<typeof expireFeeds>[1]['settings']
  await unitOfWork.run((unit) => expireFeeds(unit, { settings }))
  assert.equal((await inbox(s.editor)).items.length, kept)
  s.world.clock.advance(60_001)
  await unitOfWork.run((unit) => expireFeeds(unit, { settings }))
  assert.deepEqual((await inbox(s.editor)).items, [])
  assert.deepEqual((await feed(s.editor)).items, [])
})

test('who is taken out of an organization in the very moment of subscribing is not subscribed', async () => {
  type Role = { organization_role: string | null }
  async function left(...roles: readonly (Role | undefined)[]): Promise<readonly string[]> {
    const rooms = new Rooms<Connection>()
    const connection = { rooms: new Set(), session: {} } as Connection
    let reads = 0
    const reader = { get: () => Promise.resolve(roles[reads++]) }
    const parts = {
      hub: { rooms },
      settings: { subscriptions: 1 },
      database: { read: (work: (reader: unknown) => Promise<unknown>) => work(reader) },
    } as unknown as Parameters<typeof subscribe>[0]
    await subscribe(parts, { accountId: 7 }, connection, 1).catch((cause: unknown) => {
      assert.equal((cause as { kind?: string }).kind, 'forbidden')
    })
    assert.equal(reads, roles.length)
    return [...connection.rooms]
  }
  const [admin, member, stranger] = ['admin', 'member', null].map((organization_role) => ({ organization_role }))
  assert.deepEqual(await left(member, stranger), [])
  assert.deepEqual(await left(admin, undefined), [])
  assert.deepEqual(await left(admin, member, member), subscriberRooms(1, 7))
  assert.deepEqual(await left(member, admin, admin), [...subscriberRooms(1, 7), adminsRoom(1)])
})
