import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Identity } from '../../identity/index.ts'
import { testWorld, type Answer, type User, type World } from '../../testing/world.ts'
import type { Tracker } from './actions/tracker.ts'
import { trackerRoutes } from './routes.ts'

/**
 * The whole policy as one table: every REST door of the tracker, and what each kind of caller is answered.
 *
 * anon: no token. garb: a token that is none. stra: a developer outside the project. remo: a developer who was a member
 * until a moment ago. repo: a reporter in the project who has nothing to do with the report. crea: the reporter who
 * filed it. assi: the reporter it is assigned to. deve, mana: members; `deve` wrote the comment. outs: a manager who is
 * not a member. admi: an admin who is not a member.
 */
const actors = ['anon', 'garb', 'stra', 'remo', 'repo', 'crea', 'assi', 'deve', 'mana', 'outs', 'admi'] as const
type ActorName = (typeof actors)[number]
/** Those for whom the project is not there. */
const outside: ReadonlySet<ActorName> = new Set(['stra', 'remo', 'outs'])

/** What a call is about; made anew for each cell that might change it. */
interface Things {
  readonly project: number
  readonly report: number
  readonly comment: number
  /** Of `crea`. */
  readonly notification: number
  /** A member nobody else plays. */
  readonly member: number
  readonly user: number
}

interface Row {
  readonly route: string
  /** Tells rows of one route apart. */
  readonly note: string
  readonly expected: string
  readonly body?: (things: Things, actor: User | undefined) => object
  /** `:user_id` (or `:id` of users) is the caller's own. */
  readonly own?: true
}

let names = 0
const newUser = () => {
  const username = `made${(names += 1)}`
  return { username, email: `${username}@example.com`, password: 'a long password' }
}

const row = (route: string, expected: string, note = '', rest: Omit<Row, 'route' | 'note' | 'expected'> = {}): Row => ({
  route,
  note,
  expected,
  ...rest,
})

const member = { body: (things: Things) => ({ user_id: things.user }) }
const byName = { body: () => ({ username: 'Person' }) }
const noName = { body: () => ({ username: 'nobody at all' }) }
const anybody = { body: newUser }
const own = { own: true } as const
const of = (body: object) => ({ body: () => body })
const named = of({ name: 'N' })
const title = of({ title: 'N' })
const text = of({ description: 'N' })
const low = of({ priority: 'low' })
const closed = of({ status: 'closed' })
const nobody = of({ assignee_id: null })
const content = of({ content: 'N' })
const active = of({ status: 'active' })

const table: readonly Row[] = [
  //                                               anon garb stra remo repo crea assi deve mana outs admi
  row('GET /projects', /*                       */ '401 401 200 200 200 200 200 200 200 200 200'),
  row('POST /projects', /*                      */ '401 401 403 403 403 403 403 403 201 201 201', '', named),
  row('GET /projects/:id', /*                   */ '401 401 404 404 200 200 200 200 200 404 200'),
  row('PATCH /projects/:id', /*                 */ '401 401 404 404 403 403 403 403 200 404 200', '', named),
  row('DELETE /projects/:id', /*                */ '401 401 404 404 403 403 403 403 204 404 204'),
  row('GET /projects/:id/members', /*           */ '401 401 404 404 200 200 200 200 200 404 200'),
  row('POST /projects/:id/members', /*          */ '401 401 404 404 403 403 403 403 201 404 201', 'by id', member),
  row('POST /projects/:id/members', /*          */ '401 401 404 404 403 403 403 403 201 404 201', 'by name', byName),
  row('POST /projects/:id/members', /*          */ '401 401 404 404 403 403 403 403 400 404 400', 'by no name', noName),
  row('DELETE /projects/:id/members/:user_id', '401 401 404 404 403 403 403 403 204 404 204', 'somebody'),
  row('DELETE /projects/:id/members/:user_id', '401 401 404 404 204 204 204 204 204 404 404', 'self', own),

  //                                               anon garb stra remo repo crea assi deve mana outs admi
  row('GET /bug-reports', /*                    */ '401 401 200 200 200 200 200 200 200 200 200'),
  row('POST /bug-reports', /*                   */ '401 401 404 404 201 201 201 201 201 404 201', '', {
    body: ({ project }) => ({ project_id: project, title: 'T' }),
  }),
  row('POST /bug-reports', /*                   */ '401 401 404 404 403 403 403 403 201 404 201', 'assigned', {
    body: ({ project, member: assignee_id }) => ({ project_id: project, title: 'T', assignee_id }),
  }),
  row('GET /bug-reports/:id', /*                */ '401 401 404 404 200 200 200 200 200 404 200'),
  row('PATCH /bug-reports/:id', /*              */ '401 401 404 404 403 200 403 403 200 404 200', 'title', title),
  row('PATCH /bug-reports/:id', /*              */ '401 401 404 404 403 200 403 403 200 404 200', 'text', text),
  row('PATCH /bug-reports/:id', /*              */ '401 401 404 404 403 200 403 403 200 404 200', 'priority', low),
  row('PATCH /bug-reports/:id', /*              */ '401 401 404 404 403 403 403 200 200 404 200', 'status', closed),
  row('PATCH /bug-reports/:id', /*              */ '401 401 404 404 403 403 403 403 200 404 200', 'assignee', nobody),
  row('PATCH /bug-reports/:id', /*              */ '401 401 404 404 403 403 403 403 200 404 200', 'all of it', {
    body: ({ member: assignee_id }) => ({
      title: 'N',
      description: 'N',
      priority: 'low',
      status: 'closed',
      assignee_id,
    }),
  }),
  row('PATCH /bug-reports/:id', /*              */ '401 401 404 404 403 403 403 403 200 404 200', 'title and status', {
    body: () => ({ title: 'N', status: 'closed' }),
  }),
  row('PATCH /bug-reports/:id', /*              */ '401 401 404 404 403 403 403 403 404 404 404', 'to no project', {
    body: () => ({ title: 'N', project_id: ABSENT }),
  }),
  row('PATCH /bug-reports/:id', /*              */ '401 401 404 404 403 200 403 403 200 404 200', 'to its own', {
    body: ({ project }) => ({ title: 'N', project_id: project }),
  }),
  row('DELETE /bug-reports/:id', /*             */ '401 401 404 404 403 204 403 403 204 404 204'),
  row('POST /bug-reports/:id/status', /*        */ '401 401 404 404 403 403 403 200 200 404 200', '', closed),
  row('POST /bug-reports/:id/assign', /*        */ '401 401 404 404 403 403 403 403 200 404 200', '', {
    body: ({ member: assignee_id }) => ({ assignee_id }),
  }),
  row('POST /bug-reports/:id/assign', /*        */ '401 401 404 404 403 403 403 403 200 404 200', 'nobody', nobody),
  row('POST /bug-reports/:id/assign', /*        */ '401 401 404 404 403 403 403 403 400 404 400', 'an outsider', {
    body: ({ user }) => ({ assignee_id: user }),
  }),

  //                                               anon garb stra remo repo crea assi deve mana outs admi
  row('GET /bug-reports/:id/comments', /*       */ '401 401 404 404 200 200 200 200 200 404 200'),
  row('POST /bug-reports/:id/comments', /*      */ '401 401 404 404 403 201 201 201 201 404 201', '', content),
  row('GET /comments/:id', /*                   */ '401 401 404 404 200 200 200 200 200 404 200'),
  row('PATCH /comments/:id', /*                 */ '401 401 404 404 403 403 403 200 403 404 403', '', content),
  row('DELETE /comments/:id', /*                */ '401 401 404 404 403 403 403 204 204 404 204'),

  //                                               anon garb stra remo repo crea assi deve mana outs admi
  row('GET /notifications', /*                  */ '401 401 200 200 200 200 200 200 200 200 200'),
  row('POST /notifications/read', /*            */ '401 401 204 204 204 204 204 204 204 204 204'),
  row('POST /notifications/:id/read', /*        */ '401 401 404 404 404 200 404 404 404 404 404'),

  //                                               anon garb stra remo repo crea assi deve mana outs admi
  row('GET /users', /*                          */ '401 401 403 403 403 403 403 403 403 403 200'),
  row('POST /users', /*                         */ '401 401 403 403 403 403 403 403 403 403 201', '', anybody),
  row('POST /users', /*                         */ '401 401 403 403 403 403 403 403 403 403 201', 'as admin', {
    body: () => ({ ...newUser(), role: 'admin' }),
  }),
  row('GET /users/:id', /*                      */ '401 401 403 403 403 403 403 403 403 403 200', 'somebody'),
  row('GET /users/:id', /*                      */ '401 401 200 200 200 200 200 200 200 200 200', 'self', own),
  row('PATCH /users/:id', /*                    */ '401 401 403 403 403 403 403 403 403 403 200', 'somebody', {
    body: () => ({ display_name: 'Somebody' }),
  }),
  row('PATCH /users/:id', /*                    */ '401 401 403 403 403 403 403 403 403 403 200', 'their own role', {
    body: () => ({ role: 'admin' }),
    own: true,
  }),
  row('POST /users/:id/status', /*              */ '401 401 403 403 403 403 403 403 403 403 200', '', active),
]

/** No id of a test world. */
const ABSENT = 2_000_000_000
const absent: Things = {
  project: ABSENT,
  report: ABSENT,
  comment: ABSENT,
  notification: ABSENT,
  member: ABSENT,
  user: ABSENT,
}

interface Cast {
  readonly world: World
  readonly people: Readonly<Partial<Record<ActorName, User>>>
  readonly admin: User
  readonly manager: User
  /** In no project; what `:id` of users is. */
  readonly person: User
  readonly spare: User
}

async function cast(): Promise<Cast & AsyncDisposable> {
  const world = await testWorld({ config: { trackerWritesPerMinute: 0 } })
  const admin = await world.user('admin')
  const people = {
    stra: await world.user('stranger', 'developer'),
    remo: await world.user('removed', 'developer'),
    repo: await world.user('reporter'),
    crea: await world.user('creator'),
    assi: await world.user('assignee'),
    deve: await world.user('developer', 'developer'),
    mana: await world.user('manager', 'manager'),
    outs: await world.user('outsider', 'manager'),
    admi: admin,
  }
  const person = await world.user('person')
  const spare = await world.user('spare')
  return { world, people, admin, manager: people.mana, person, spare, [Symbol.asyncDispose]: () => world.close() }
}

async function made({ people, manager, spare, person }: Cast): Promise<Things> {
  const { id: project } = ok(await manager.post('/api/tracker/projects', { name: 'Shop' }))
  for (const who of [people.remo!, people.repo!, people.crea!, people.assi!, people.deve!, spare]) {
    ok(await manager.post(`/api/tracker/projects/${project}/members`, { user_id: who.id }))
  }
  ok(await manager.delete(`/api/tracker/projects/${project}/members/${people.remo!.id}`))
  const { id: report } = ok(await people.crea!.post('/api/tracker/bug-reports', { project_id: project, title: 'T' }))
  ok(await manager.post(`/api/tracker/bug-reports/${report}/assign`, { assignee_id: people.assi!.id }))
  const { id: comment } = ok(await people.deve!.post(`/api/tracker/bug-reports/${report}/comments`, { content: 'C' }))
  const { items } = ok(await people.crea!.get('/api/tracker/notifications?limit=1'))
  return { project, report, comment, notification: items[0].id, member: spare.id, user: person.id }
}

function ok({ status, body }: Answer): Answer['body'] {
  assert.ok(status < 300, JSON.stringify(body))
  return body
}

function call(at: Cast, { route, body, own }: Row, things: Things, name: ActorName): Promise<Answer> {
  const actor = at.people[name]
  const [method, pattern] = route.split(' ') as [string, string]
  const kind = pattern.split('/')[1]!
  const ids: Record<string, number> = { ...things, user: (own && actor?.id) ?? things.user }
  const id = ids[kind === 'bug-reports' ? 'report' : kind.slice(0, -1)]
  const userId = (own && actor?.id) ?? things.member
  const path = `/api/tracker${pattern}`.replace(':id', String(id)).replace(':user_id', String(userId))
  const token = name === 'garb' ? 'garbage' : actor?.token
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return at.world.request(method, path, body?.(things, actor), headers)
}

/** What an admin sees of it all, to know that a refusal has changed nothing. */
async function stateOf({ admin, person }: Cast, { project, report }: Things): Promise<unknown> {
  const paths = [
    `projects/${project}`,
    `projects/${project}/members`,
    `bug-reports/${report}`,
    `bug-reports/${report}/comments`,
  ]
  const answers = await Promise.all([...paths, `users/${person.id}`].map((path) => admin.get(`/api/tracker/${path}`)))
  return answers.map(({ status, body }) => ({ status, body: { ...body, position: undefined } }))
}

test('the table has a row for every door, and no row for a door that is not there', () => {
  const doors = trackerRoutes({} as Tracker, {} as Identity).map((door) => `${door.method} ${door.path}`)
  assert.deepEqual(doors.toSorted(), [...new Set(table.map(({ route }) => route))].toSorted())
})

test('who may do what', async (t) => {
  await using at = await cast()
  let things = await made(at)
  for (const line of table) {
    const { route, note, expected } = line
    await t.test(`${route} ${note}`.trim(), async () => {
      const statuses: Record<string, number> = {}
      for (const name of actors) {
        const before = route.startsWith('GET') ? undefined : await stateOf(at, things)
        const answer = await call(at, line, things, name)
        statuses[name] = answer.status
        if (answer.status < 300 && !route.startsWith('GET')) things = await made(at)
        else if (before) assert.deepEqual(await stateOf(at, things), before, `${name} changed it`)
        if (answer.status !== 404) continue
        const nothing = await call(at, line, absent, name)
        assert.equal(nothing.status, 404)
        // Who sees the thing may be told which part of the call is not there.
        if (outside.has(name)) assert.deepEqual(nothing.body, answer.body, `${name} can tell hidden from absent`)
      }
      const row = expected.split(' ').map((status, i) => [actors[i], Number(status)])
      assert.deepEqual(statuses, Object.fromEntries(row))
    })
  }
})

test('lists show only what the caller may see, whatever the filter', async () => {
  await using at = await cast()
  const { project, report } = await made(at)
  for (const name of actors) {
    const actor = at.people[name]
    if (!actor) continue
    const hidden = outside.has(name)
    const filters = [
      '',
      `project_id=${project}`,
      `creator_id=${at.people.crea!.id}`,
      'q=T',
      `assignee_id=${at.people.assi!.id}`,
    ]
    for (const filter of filters) {
      const { items } = ok(await actor.get(`/api/tracker/bug-reports?${filter}`))
      assert.deepEqual(items.map((item: { id: number }) => item.id), hidden ? [] : [report], `${name} ${filter}`)
    }
    const { items: projects } = ok(await actor.get('/api/tracker/projects'))
    assert.deepEqual(projects.map((item: { id: number }) => item.id), hidden ? [] : [project], name)
    const { items: notices } = ok(await actor.get('/api/tracker/notifications'))
    assert.ok(notices.every((notice: { user_id: number }) => notice.user_id === actor.id))
    assert.equal(notices.length, name === 'crea' || name === 'assi' ? 1 + Number(name === 'assi') : 0, name)
  }
})

test('a removed member has none of the notifications of the project any more', async () => {
  await using at = await cast()
  const { project, notification } = await made(at)
  const creator = at.people.crea!
  ok(await at.manager.delete(`/api/tracker/projects/${project}/members/${creator.id}`))
  assert.deepEqual(ok(await creator.get('/api/tracker/notifications')).items, [])
  assert.equal((await creator.post(`/api/tracker/notifications/${notification}/read`)).status, 404)
})

test('what is the server\'s to say is never taken from a body', async () => {
  await using at = await cast()
  const { project, report, comment } = await made(at)
  const { crea: creator, deve: developer } = at.people as Record<ActorName, User>
  const old = '2001-01-01T00:00:00Z'
  const forged = {
    id: 77_777,
    creator_id: at.admin.id,
    created_by: at.admin.id,
    user_id: at.admin.id,
    bug_report_id: 77_777,
    updated_by: at.admin.id,
    created_at: old,
    updated_at: old,
    pending_since: 0,
    role: 'admin',
    status: 'inactive',
    uuid: 'x',
    password_hash: 'x',
  }
  const now = new Date(at.world.clock.now()).toISOString().slice(0, 19) + 'Z'
  const filed = ok(await creator.post('/api/tracker/bug-reports', { ...forged, project_id: project, title: 'M' }))
  assert.ok(filed.id !== 77_777 && filed.creator_id === creator.id && filed.status === 'pending')
  assert.deepEqual([filed.created_at, filed.updated_at], [now, now])
  const { status: _, ...rest } = forged
  const edited = ok(await creator.patch(`/api/tracker/bug-reports/${report}`, { ...rest, title: 'M' }))
  assert.deepEqual([edited.id, edited.creator_id, edited.created_at], [report, creator.id, now])
  assert.equal(edited.status, 'pending')
  assert.equal((await creator.patch(`/api/tracker/bug-reports/${report}`, rest)).status, 400)
  const said = ok(await developer.post(`/api/tracker/bug-reports/${report}/comments`, { ...forged, content: 'M' }))
  assert.notEqual(said.id, 77_777)
  assert.deepEqual([said.user_id, said.bug_report_id, said.created_at], [developer.id, report, now])
  const resaid = ok(await developer.patch(`/api/tracker/comments/${comment}`, { ...forged, content: 'M' }))
  assert.ok(resaid.id === comment && resaid.user_id === developer.id && resaid.bug_report_id === report)
  const shop = ok(await at.manager.post('/api/tracker/projects', { ...forged, name: 'M' }))
  assert.ok(shop.id !== 77_777 && shop.created_by === at.manager.id && shop.created_at === now)
  const reshop = ok(await at.manager.patch(`/api/tracker/projects/${project}`, { ...forged, name: 'M' }))
  assert.ok(reshop.id === project && reshop.created_by === at.manager.id && reshop.created_at === now)
  const { role: __, ...noRole } = forged
  const user = ok(await at.admin.post('/api/tracker/users', { ...newUser(), ...noRole }))
  assert.ok(user.id !== 77_777 && user.status === 'active' && user.role === 'reporter' && user.created_at === now)
  const reuser = ok(await at.admin.patch(
    `/api/tracker/users/${at.person.id}`,
    { ...noRole, username: 'taken', display_name: 'M' },
  ))
  assert.deepEqual([reuser.id, reuser.username, reuser.status], [at.person.id, 'person', 'active'])
  assert.equal(reuser.role, 'reporter')
  const registered = await at.world.request('POST', '/api/auth/register', { ...newUser(), ...forged })
  const mine = ok(await at.admin.get(`/api/tracker/users/${ok(registered).user.id}`))
  assert.deepEqual([mine.role, mine.status], ['reporter', 'active'])
})

test('a PATCH of several fields is refused as a whole when one of them is not allowed', async () => {
  await using at = await cast()
  const things = await made(at)
  const path = `/api/tracker/bug-reports/${things.report}`
  const before = await stateOf(at, things)
  const forbidden = [{ status: 'closed' }, { assignee_id: null }, { assignee_id: at.people.crea!.id }]
  for (const field of forbidden) {
    assert.equal((await at.people.crea!.patch(path, { title: 'N', ...field })).status, 403)
  }
  // A developer may set the status, and with it nothing more.
  assert.equal((await at.people.deve!.patch(path, { status: 'closed', priority: 'low' })).status, 403)
  assert.equal((await at.manager.patch(path, { title: 'N', assignee_id: at.person.id })).status, 400)
  assert.equal((await at.manager.patch(path, { title: 'N', priority: 'urgent' })).status, 400)
  assert.deepEqual(await stateOf(at, things), before)
})

test('a report cannot be moved into, nor its presence probed in, a project the manager does not see', async () => {
  await using at = await cast()
  const { report, project } = await made(at)
  const { id: hidden } = ok(await at.people.outs!.post('/api/tracker/projects', { name: 'Hidden' }))
  const move = (project_id: number) => at.manager.patch(`/api/tracker/bug-reports/${report}`, { project_id })
  const [there, nowhere] = [await move(hidden), await move(ABSENT)]
  assert.equal(there.status, 404)
  assert.deepEqual(there.body, nowhere.body)
  assert.equal(ok(await at.manager.get(`/api/tracker/bug-reports/${report}`)).project_id, project)
})

test('a role that was taken away is gone with the next request of the same token', async () => {
  await using at = await cast()
  const { report } = await made(at)
  const path = `/api/tracker/bug-reports/${report}/status`
  ok(await at.people.deve!.post(path, { status: 'resolved' }))
  ok(await at.admin.patch(`/api/tracker/users/${at.people.deve!.id}`, { role: 'reporter' }))
  assert.equal((await at.people.deve!.post(path, { status: 'closed' })).status, 403)
})
