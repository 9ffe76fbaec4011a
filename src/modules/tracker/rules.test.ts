import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { testWorld, type User } from '../../testing/world.ts'
import { expectFrames, filedReport, scene, type Scene } from './testing.ts'

/** The rules of PROTOCOL.md that are about more than one event, each by its id. */

const DAY = 24 * 60 * 60 * 1000
const long = { accessTokenMs: 40 * DAY }
const api = '/api/tracker'

test('T-E3 who is creator and assignee is told once, and never of their own deed', async () => {
  await using at = await scene()
  const id = await filedReport(at, at.developer)
  await at.manager.post(`${api}/bug-reports/${id}/assign`, { assignee_id: at.developer.id })
  const both = ['bug_report/updated', 'bug_report/assigned']
  await expectFrames(at, { admin: both, manager: both, reporter: both, developer: [...both, 'notification/bug_assigned'] })
  await at.manager.post(`${api}/bug-reports/${id}/comments`, { content: 'x' })
  const one = ['comment/created']
  const told = await expectFrames(at, {
    admin: one,
    manager: one,
    reporter: one,
    developer: [...one, 'notification/comment_added'],
  })
  assert.equal(told.developer!.length, 2)
  await at.developer.post(`${api}/bug-reports/${id}/comments`, { content: 'mine' })
  await expectFrames(at, { admin: one, manager: one, reporter: one, developer: one })
})

test('T-E5 a new member is shown the project and what is in it; a removed one loses it at once', async () => {
  await using at = await scene()
  const id = await filedReport(at)
  await at.developer.post(`${api}/bug-reports/${id}/comments`, { content: 'x' })
  const created = ['comment/created']
  await expectFrames(at, {
    admin: created,
    manager: created,
    developer: created,
    reporter: [...created, 'notification/comment_added'],
  })
  await at.manager.post(`${api}/projects/${at.projectId}/members`, { username: 'Stranger' })
  await expectFrames(at, { stranger: ['project/created', 'bug_report/created', 'comment/created'] })
  await at.manager.post(`${api}/bug-reports/${id}/assign`, { assignee_id: at.stranger.id })
  const assigned = ['bug_report/updated', 'bug_report/assigned']
  await expectFrames(at, {
    admin: assigned,
    manager: assigned,
    developer: assigned,
    reporter: assigned,
    stranger: [...assigned, 'notification/bug_assigned'],
  })
  await at.manager.delete(`${api}/projects/${at.projectId}/members/${at.stranger.id}`)
  const got = await expectFrames(at, {
    admin: assigned,
    manager: assigned,
    developer: assigned,
    reporter: assigned,
    stranger: ['project/deleted'],
  })
  assert.equal(got.admin![1]!['assignee_id'], null)
  await at.reporter.patch(`${api}/bug-reports/${id}`, { title: 'secret' })
  await at.listening.stranger.expectNothing()
  assert.equal((await at.stranger.get(`${api}/bug-reports/${id}`)).status, 404)
})

test('T-E5 becoming admin brings every project into sight, ceasing to be one takes it away', async () => {
  await using at = await scene()
  await filedReport(at)
  await at.admin.patch(`${api}/users/${at.stranger.id}`, { role: 'admin' })
  for (const name of ['user/updated', 'project/created', 'bug_report/created']) await at.listening.stranger.expect(name)
  await at.listening.stranger.expectNothing()
  await at.admin.patch(`${api}/users/${at.stranger.id}`, { role: 'developer' })
  for (const name of ['user/updated', 'project/deleted']) await at.listening.stranger.expect(name)
  await at.listening.stranger.expectNothing()
  await at.reporter.post(`${api}/bug-reports`, { project_id: at.projectId, title: 'unseen' })
  await at.listening.stranger.expectNothing()
  assert.equal((await at.stranger.get(`${api}/users`)).status, 403)
})

test('T-E6 a report that moves is deleted for some, created for others, updated for those who see both', async () => {
  await using at = await scene()
  const id = await filedReport(at)
  const { body: other } = await at.manager.post(`${api}/projects`, { name: 'Other' })
  await at.manager.post(`${api}/projects/${other.id}/members`, { user_id: at.stranger.id })
  for (const person of ['admin', 'manager', 'stranger'] as const) await at.listening[person].expect('project/created')
  assert.equal((await at.manager.patch(`${api}/bug-reports/${id}`, { project_id: other.id })).status, 200)
  await expectFrames(at, {
    admin: ['bug_report/updated'],
    manager: ['bug_report/updated'],
    developer: ['bug_report/deleted'],
    reporter: ['bug_report/deleted'],
    stranger: ['bug_report/created', 'bug_report/updated'],
  })
  assert.equal((await at.developer.get(`${api}/bug-reports/${id}`)).status, 404)
})

async function missed(at: Scene): Promise<number> {
  const id = await filedReport(at)
  await at.listening.reporter.cut()
  await at.developer.post(`${api}/bug-reports/${id}/comments`, { content: 'x' })
  await at.developer.post(`${api}/bug-reports/${id}/status`, { status: 'resolved' })
  return id
}

test('T-E7 what was missed follows connected, once, as it was; REST has it all', async () => {
  await using at = await scene()
  await missed(at)
  at.world.clock.advance(60_000)
  const { items } = (await at.reporter.get(`${api}/notifications?unread=true`)).body
  assert.deepEqual(
    items.map((item: { kind: string }) => item.kind),
    ['status_changed', 'comment_added'],
  )
  const back = await at.world.connect(at.reporter)
  await back.expect('notification/comment_added', { id: items[1].id, created_at: items[1].created_at })
  await back.expect('notification/status_changed', { id: items[0].id })
  await back.expectNothing()
  const again = await at.world.connect(at.reporter)
  await again.expectNothing()
  const read = await at.reporter.post(`${api}/notifications/${items[0].id}/read`)
  assert.equal(read.status, 200)
  assert.notEqual(read.body.read_at, null)
  assert.equal((await at.reporter.post(`${api}/notifications/${items[0].id}/read`)).body.read_at, read.body.read_at)
  assert.equal((await at.developer.post(`${api}/notifications/${items[0].id}/read`)).status, 404)
  assert.equal((await at.reporter.get(`${api}/notifications?unread=true`)).body.items.length, 1)
  assert.equal((await at.reporter.post(`${api}/notifications/read`)).status, 204)
  assert.equal((await at.reporter.get(`${api}/notifications?unread=true`)).body.items.length, 0)
})

test('T-E7 what was read meanwhile is not sent; what was written into a dead connection comes again', async () => {
  await using at = await scene()
  await missed(at)
  // A client that receives but never echoes a ping: nothing proves that it has consumed anything.
  const mute = new WebSocket(`${at.world.ws}/tracker/ws?token=${at.reporter.token}`, { autoPong: false })
  const heard: string[] = []
  await new Promise<void>((resolve) => {
    mute.on('message', (data: Buffer) => {
      heard.push((JSON.parse(data.toString()) as { action: string }).action)
      if (heard.length === 3) resolve()
    })
  })
  mute.terminate()
  const { items } = (await at.reporter.get(`${api}/notifications`)).body
  await at.reporter.post(`${api}/notifications/${items[1].id}/read`)
  const back = await at.world.connect(at.reporter)
  await back.expect('notification/status_changed', { id: items[0].id })
  await back.expectNothing()
})

async function remindersOf(user: User): Promise<{ message: string; created_at: string; next: string }[]> {
  const { items } = (await user.get(`${api}/notifications`)).body
  return items
    .filter((item: { kind: string }) => item.kind === 'reminder_sent')
    .map((item: Record<string, string>) => ({
      message: item['message'],
      created_at: item['created_at'],
      next: item['next_reminder'],
    }))
}

test('T-E8 a report pending for 3 days is reminded of, again after 3 more, and not once it has moved on', async () => {
  await using at = await scene({ config: long })
  const id = await filedReport(at)
  await at.world.advance(3 * DAY - 1_000)
  assert.deepEqual(await remindersOf(at.reporter), [])
  await at.world.advance(1_000)
  const [first] = await remindersOf(at.reporter)
  assert.equal(first!.message, 'Reminder: Bug report pending for 3 days')
  assert.equal(Date.parse(first!.next) - Date.parse(first!.created_at), 3 * DAY)
  await at.manager.post(`${api}/bug-reports/${id}/assign`, { assignee_id: at.developer.id })
  await at.world.advance(3 * DAY)
  const [second] = await remindersOf(at.developer)
  assert.equal(second!.message, 'Reminder: Bug report pending for 6 days')
  assert.equal((await remindersOf(at.reporter)).length, 1)
  await at.developer.post(`${api}/bug-reports/${id}/status`, { status: 'in_progress' })
  await at.world.advance(10 * DAY)
  assert.equal((await remindersOf(at.developer)).length, 1)
  await at.developer.post(`${api}/bug-reports/${id}/status`, { status: 'pending' })
  await at.world.advance(3 * DAY)
  assert.equal((await remindersOf(at.developer)).length, 2)
})

test('T-E8 after a downtime a reminder fires once, not once for each time missed', async () => {
  await using at = await scene({ config: long })
  await filedReport(at)
  await at.world.advance(20 * DAY)
  await at.world.advance(1_000)
  assert.equal((await remindersOf(at.reporter)).length, 1)
})

test('T-E9 people who share a project hear that a user is gone, after the grace, when the last connection went', async () => {
  await using at = await scene()
  const second = await at.world.connect(at.reporter)
  await at.listening.reporter.close()
  at.world.clock.advance(2_000)
  await at.listening.manager.expectNothing()
  await second.close()
  await at.world.connect(at.reporter).then((client) => client.close())
  // The server hears of the close a moment after the client has.
  for (let i = 0; i < 1_000 && at.world.app.hub.connections.size > 4; i += 1) await new Promise((turn) => setImmediate(turn))
  await at.listening.manager.expectNothing()
  at.world.clock.advance(2_000)
  for (const person of ['manager', 'developer'] as const) {
    await at.listening[person].expect('system/disconnected', { user_id: at.reporter.id, reason: 'client_disconnect' })
  }
  for (const person of ['admin', 'stranger'] as const) await at.listening[person].expectNothing()
})

/** Status of every deed by every kind of person: the policy in one table. `-` stands for 404. */
const table = `
                     reporter  creator  developer  manager  outsider  admin
T-P1 GET report           200      200        200      200         -    200
T-P1 POST report          201      201        201      201         -    201
T-P2 GET users            403      403        403      403       403    200
T-P2 POST user            403      403        403      403       403    201
T-P3 POST project         403      403        403      201       403    201
T-P3 PATCH project        403      403        403      200         -    200
T-P3 POST member          403      403        403      201         -    201
T-P4 PATCH title          403      200        403      200         -    200
T-P5 DELETE report        403      204        403      204         -    204
T-P6 POST status          403      403        200      200         -    200
T-P7 POST assign          403      403        403      200         -    200
T-P7 PATCH project_id     403      403        403      200         -    200
T-P8 POST comment         403      201        201      201         -    201
T-P9 PATCH comment        403      403        403      403         -    403
T-P10 DELETE comment      403      403        403      204         -    204
T-P3 DELETE project       403      403        403      204         -    204
`

test('T-P1 T-P2 T-P3 T-P4 T-P5 T-P6 T-P7 T-P8 T-P9 T-P10 who may do what', async () => {
  await using world = await testWorld({ config: { trackerWritesPerMinute: 0 } })
  const admin = await world.user('admin')
  const people: Record<string, User> = {
    admin,
    manager: await world.user('manager', 'manager'),
    developer: await world.user('developer', 'developer'),
    creator: await world.user('creator'),
    reporter: await world.user('reporter'),
    outsider: await world.user('outsider', 'developer'),
  }
  const author = await world.user('author', 'developer')
  const made = async (by: User, path: string, body: object): Promise<number> => {
    const { status, body: answer } = await by.post(`${api}${path}`, body)
    assert.equal(status, 201, JSON.stringify(answer))
    return answer.id as number
  }
  const inside = Object.entries(people).filter(([name]) => name !== 'outsider').map(([, user]) => user)
  const [head, ...rows] = table.trim().split('\n')
  const names = head!.trim().split(/\s+/)
  let n = 0
  for (const row of rows) {
    const [, deed, expected] = /^T-P\d+ (\S+ \S+)\s+(.*)$/.exec(row)!
    for (const [i, cell] of expected!.trim().split(/\s+/).entries()) {
      const who = people[names[i]!]!
      const project = await made(admin, '/projects', { name: 'P' })
      const other = await made(admin, '/projects', { name: 'Q' })
      for (const user of [...inside, author]) {
        for (const id of [project, other]) {
          if (user !== admin) await admin.post(`${api}/projects/${id}/members`, { user_id: user.id })
        }
      }
      const report = await made(people['creator']!, '/bug-reports', { project_id: project, title: 'T' })
      const comment = await made(author, `/bug-reports/${report}/comments`, { content: 'c' })
      const name = `u${(n += 1)}`
      const account = { username: name, email: `${name}@example.com`, password: 'a password' }
      const deeds: Record<string, () => Promise<{ status: number }>> = {
        'GET report': () => who.get(`${api}/bug-reports/${report}`),
        'POST report': () => who.post(`${api}/bug-reports`, { project_id: project, title: 'T' }),
        'GET users': () => who.get(`${api}/users`),
        'POST user': () => who.post(`${api}/users`, account),
        'POST project': () => who.post(`${api}/projects`, { name: 'R' }),
        'PATCH project': () => who.patch(`${api}/projects/${project}`, { name: 'R' }),
        'DELETE project': () => who.delete(`${api}/projects/${project}`),
        'POST member': () => who.post(`${api}/projects/${project}/members`, { user_id: people['outsider']!.id }),
        'PATCH title': () => who.patch(`${api}/bug-reports/${report}`, { title: 'R' }),
        'DELETE report': () => who.delete(`${api}/bug-reports/${report}`),
        'POST status': () => who.post(`${api}/bug-reports/${report}/status`, { status: 'closed' }),
        'POST assign': () => who.post(`${api}/bug-reports/${report}/assign`, { assignee_id: author.id }),
        'PATCH project_id': () => who.patch(`${api}/bug-reports/${report}`, { project_id: other }),
        'POST comment': () => who.post(`${api}/bug-reports/${report}/comments`, { content: 'c' }),
        'PATCH comment': () => who.patch(`${api}/comments/${comment}`, { content: 'd' }),
        'DELETE comment': () => who.delete(`${api}/comments/${comment}`),
      }
      const { status } = await deeds[deed!]!()
      assert.equal(status, cell === '-' ? 404 : Number(cell), `${names[i]}: ${deed}`)
    }
  }
})
