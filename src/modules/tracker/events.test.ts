import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectFrames, filedReport, scene } from './testing.ts'

/** The 25 frames of the document: who gets each, and that nobody else gets anything. `ofProject` sees the project. */
const all = (...names: string[]) => ({ admin: names, manager: names, developer: names, reporter: names })

test('bug_report/created goes to members and admins, the one who filed it included', async () => {
  await using at = await scene()
  const { status, body } = await at.reporter.post('/api/tracker/bug-reports', {
    project_id: at.projectId,
    title: 'Bug Title',
    description: 'Bug Description',
    priority: 'high',
  })
  assert.equal(status, 201)
  const got = await expectFrames(at, all('bug_report/created'))
  assert.deepEqual(got.developer, [body])
  assert.deepEqual(
    { ...body, id: 0, created_at: '', updated_at: '' },
    {
      id: 0,
      title: 'Bug Title',
      description: 'Bug Description',
      status: 'pending',
      priority: 'high',
      creator_id: at.reporter.id,
      assignee_id: null,
      project_id: at.projectId,
      created_at: '',
      updated_at: '',
    },
  )
  assert.match(body.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.equal(body.created_at, body.updated_at)
})

test('T-E1 bug_report/updated carries the whole record; the same again is no event', async () => {
  await using at = await scene()
  const id = await filedReport(at)
  at.world.clock.advance(5_000)
  const edit = { title: 'Updated Bug Title', description: 'Updated Description', priority: 'critical' }
  const { status, body } = await at.reporter.patch(`/api/tracker/bug-reports/${id}`, edit)
  assert.equal(status, 200)
  const got = await expectFrames(at, all('bug_report/updated'))
  assert.deepEqual(got.manager, [body])
  assert.ok(body.updated_at > body.created_at)
  assert.equal((await at.reporter.patch(`/api/tracker/bug-reports/${id}`, edit)).status, 200)
  await expectFrames(at, {})
})

test('bug_report/status_changed follows updated; the creator is notified', async () => {
  await using at = await scene()
  const id = await filedReport(at)
  const answer = await at.developer.post(`/api/tracker/bug-reports/${id}/status`, { status: 'resolved' })
  assert.equal(answer.status, 200)
  const names = ['bug_report/updated', 'bug_report/status_changed']
  const got = await expectFrames(at, { ...all(...names), reporter: [...names, 'notification/status_changed'] })
  assert.deepEqual(
    { ...got.admin![1], updated_at: '' },
    {
      id,
      title: 'Bug Title',
      old_status: 'pending',
      new_status: 'resolved',
      changed_by: at.developer.id,
      updated_at: '',
    },
  )
  const notice = got.reporter![2]!
  assert.equal(notice['message'], 'Bug status changed to: resolved')
  assert.equal(notice['user_id'], at.reporter.id)
})

test('bug_report/assigned, and the assignee alone is notified; null un-assigns without a notification', async () => {
  await using at = await scene()
  const id = await filedReport(at)
  const { status } = await at.manager.post(`/api/tracker/bug-reports/${id}/assign`, { assignee_id: at.developer.id })
  assert.equal(status, 200)
  const names = ['bug_report/updated', 'bug_report/assigned']
  const got = await expectFrames(at, { ...all(...names), developer: [...names, 'notification/bug_assigned'] })
  assert.deepEqual(got.reporter![1]!['assignee_id'], at.developer.id)
  assert.deepEqual(got.reporter![1]!['assigned_by'], at.manager.id)
  assert.equal(got.developer![2]!['message'], 'You have been assigned to bug: Bug Title')
  await at.manager.post(`/api/tracker/bug-reports/${id}/assign`, { assignee_id: null })
  const gone = await expectFrames(at, all(...names))
  assert.equal(gone.developer![1]!['assignee_id'], null)
})

test('T-E1 one PATCH of everything: updated, status_changed, assigned, notifications; one moment', async () => {
  await using at = await scene()
  const id = await filedReport(at)
  const changes = { title: 'T', status: 'in_progress', assignee_id: at.developer.id }
  assert.equal((await at.manager.patch(`/api/tracker/bug-reports/${id}`, changes)).status, 200)
  const base = ['bug_report/updated', 'bug_report/status_changed']
  const got = await expectFrames(at, {
    admin: [...base, 'bug_report/assigned'],
    manager: [...base, 'bug_report/assigned'],
    developer: [...base, 'notification/status_changed', 'bug_report/assigned', 'notification/bug_assigned'],
    reporter: [...base, 'notification/status_changed', 'bug_report/assigned'],
  })
  assert.equal(new Set(got.admin!.map((payload) => payload['updated_at'])).size, 1)
})

test('T-E2 a report created for somebody: created, assigned, and the notification', async () => {
  await using at = await scene()
  const input = { project_id: at.projectId, title: 'T', assignee_id: at.developer.id }
  assert.equal((await at.manager.post('/api/tracker/bug-reports', input)).status, 201)
  const names = ['bug_report/created', 'bug_report/assigned']
  await expectFrames(at, { ...all(...names), developer: [...names, 'notification/bug_assigned'] })
})

test('T-E4 bug_report/deleted says who and when; comments go without events of their own', async () => {
  await using at = await scene()
  const id = await filedReport(at)
  await at.developer.post(`/api/tracker/bug-reports/${id}/comments`, { content: 'x' })
  await expectFrames(at, { ...all('comment/created'), reporter: ['comment/created', 'notification/comment_added'] })
  assert.equal((await at.reporter.delete(`/api/tracker/bug-reports/${id}`)).status, 204)
  const got = await expectFrames(at, all('bug_report/deleted'))
  assert.deepEqual({ ...got.admin![0], deleted_at: '' }, { id, deleted_by: at.reporter.id, deleted_at: '' })
  assert.equal((await at.reporter.get(`/api/tracker/bug-reports/${id}`)).status, 404)
})

test('T-E3 comment/created, updated, deleted; the creator is told of a new one, its author is not', async () => {
  await using at = await scene()
  const id = await filedReport(at)
  const path = `/api/tracker/bug-reports/${id}/comments`
  const { body: comment } = await at.developer.post(path, { content: 'Comment content' })
  const got = await expectFrames(at, {
    ...all('comment/created'),
    reporter: ['comment/created', 'notification/comment_added'],
  })
  assert.deepEqual(got.admin, [comment])
  assert.equal(got.reporter![1]!['comment_id'], comment.id)
  assert.equal(got.reporter![1]!['message'], 'New comment on bug: Bug Title')
  const edited = await at.developer.patch(`/api/tracker/comments/${comment.id}`, { content: 'Updated' })
  assert.deepEqual((await expectFrames(at, all('comment/updated'))).reporter, [edited.body])
  assert.equal((await at.manager.delete(`/api/tracker/comments/${comment.id}`)).status, 204)
  const gone = await expectFrames(at, all('comment/deleted'))
  assert.deepEqual(
    { ...gone.reporter![0], deleted_at: '' },
    { id: comment.id, bug_report_id: id, deleted_by: at.manager.id, deleted_at: '' },
  )
})

test('project/created goes to its maker and to admins', async () => {
  await using at = await scene()
  const { body } = await at.manager.post('/api/tracker/projects', { name: 'Project Name', description: 'D' })
  const got = await expectFrames(at, { admin: ['project/created'], manager: ['project/created'] })
  assert.deepEqual(got.manager, [body])
})

test('project/updated has updated_by in the place of created_by', async () => {
  await using at = await scene()
  await at.manager.patch(`/api/tracker/projects/${at.projectId}`, { name: 'Updated' })
  const got = await expectFrames(at, all('project/updated'))
  const keys = ['id', 'name', 'description', 'created_at', 'updated_at', 'updated_by']
  assert.deepEqual(Object.keys(got.reporter![0]!).toSorted(), keys.toSorted())
  assert.equal(got.reporter![0]!['updated_by'], at.manager.id)
})

test('T-E4 project/deleted says it all, to everybody who could see it, and to nobody after', async () => {
  await using at = await scene()
  await filedReport(at)
  assert.equal((await at.manager.delete(`/api/tracker/projects/${at.projectId}`)).status, 204)
  const got = await expectFrames(at, all('project/deleted'))
  assert.deepEqual(
    { ...got.developer![0], deleted_at: '' },
    { id: at.projectId, deleted_by: at.manager.id, deleted_at: '' },
  )
  assert.equal((await at.developer.get('/api/tracker/bug-reports')).body.items.length, 0)
})

test('user/created goes to admins', async () => {
  await using at = await scene()
  await at.world.user('newbie')
  const got = await expectFrames(at, { admin: ['user/created'] })
  assert.equal(got.admin![0]!['email'], 'newbie@example.com')
})

test('user/updated: whole for admins and the person, without the e-mail for people of their projects', async () => {
  await using at = await scene()
  const { status } = await at.admin.patch(`/api/tracker/users/${at.developer.id}`, { email: 'new@example.com' })
  assert.equal(status, 200)
  const got = await expectFrames(at, all('user/updated'))
  assert.equal(got.admin![0]!['email'], 'new@example.com')
  assert.equal(got.developer![0]!['email'], 'new@example.com')
  assert.equal(got.reporter![0]!['email'], '')
  assert.equal(got.manager![0]!['email'], '')
})

test('user/status_changed; the deactivated one is cut off at once with the document\'s words', async () => {
  await using at = await scene()
  const { status } = await at.admin.post(`/api/tracker/users/${at.developer.id}/status`, { status: 'inactive' })
  assert.equal(status, 200)
  const { developer } = at.listening
  await developer.expect('user/status_changed', { old_status: 'active', new_status: 'inactive' })
  await developer.expect('error/auth_error', { code: 'invalid_token' })
  await developer.expect('system/disconnected', { user_id: at.developer.id })
  await developer.expectClose(4401)
  for (const person of ['admin', 'manager', 'reporter'] as const) {
    await at.listening[person].expect('user/status_changed', { id: at.developer.id, changed_by: at.admin.id })
  }
  await at.listening.stranger.expectNothing()
  assert.equal((await at.developer.get('/api/auth/me')).status, 401)
})

test('the deactivated one may come back when activated again', async () => {
  await using at = await scene()
  await at.admin.post(`/api/tracker/users/${at.developer.id}/status`, { status: 'inactive' })
  const path = '/api/auth/login'
  const login = { username: 'developer', password: 'developer-password' }
  assert.equal((await at.world.request('POST', path, login)).status, 401)
  await at.admin.post(`/api/tracker/users/${at.developer.id}/status`, { status: 'active' })
  assert.equal((await at.world.request('POST', path, login)).status, 200)
})
