import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Identity } from '../../identity/index.ts'
import { badIds, brokenBodies, checkError, searchSyntax } from '../../testing/hostile.ts'
import type { User } from '../../testing/world.ts'
import type { Tracker } from './actions/tracker.ts'
import { abuse, api, stage } from './bad-input/testing.ts'
import { trackerRoutes } from './routes.ts'

abuse('an id that is none is invalid_data that names it, in every position of every path', async (at) => {
  let positions = 0
  for (const { method, path } of trackerRoutes({} as Tracker, {} as Identity)) {
    for (const name of ['id', 'user_id'].filter((param) => path.split('/').includes(`:${param}`))) {
      positions += 1
      for (const id of badIds) {
        const url = path.replace(new RegExp(`:${name}(?=/|$)`), id).replaceAll(/:(user_)?id/g, '1')
        const body = method === 'GET' || method === 'DELETE' ? undefined : {}
        const answer = await at.world.request(method, api + url, body, { authorization: `Bearer ${at.mallory.token}` })
        const details = checkError(answer, 400, 'invalid_data')
        assert.deepEqual(Object.keys(details), [name], `${method} ${url}`)
      }
    }
  }
  assert.ok(positions >= 20)
})

abuse('an id that is none is invalid_data that names it, in queries and bodies', async (at) => {
  const { manager, projectId } = at
  const report = (await manager.post(`${api}/bug-reports`, { project_id: projectId, title: 'T' })).body.id as number
  await at.control.expect('bug_report/created')
  for (const path of [
    'projects',
    'bug-reports',
    'notifications',
    `projects/${projectId}/members`,
    `bug-reports/${report}/comments`,
  ]) {
    for (const name of path === 'bug-reports' ? ['before', 'project_id', 'assignee_id', 'creator_id'] : ['before']) {
      for (const id of badIds) {
        const details = checkError(await manager.get(`${api}/${path}?${name}=${id}`), 400, 'invalid_data')
        assert.deepEqual(Object.keys(details), [name])
      }
    }
  }
  const doors: readonly (readonly [string, string, object])[] = [
    [`${api}/bug-reports`, 'project_id', { title: 'T' }],
    [`${api}/bug-reports`, 'assignee_id', { title: 'T', project_id: projectId }],
    [`${api}/bug-reports/${report}/assign`, 'assignee_id', {}],
    [`${api}/projects/${projectId}/members`, 'user_id', {}],
  ]
  for (const [path, name, rest] of doors) {
    for (const id of ['-1', '0', '-0', '1.5', '2147483648', '1e400', '"1"', 'true', '[]', '[1]', '{}', '""']) {
      const text = `{"${name}":${id},${JSON.stringify(rest).slice(1)}`.replace(',}', '}')
      const details = checkError(await manager.post(path, text), 400, 'invalid_data')
      assert.deepEqual(Object.keys(details), [name], text)
    }
  }
})

abuse('a limit out of range is invalid_data', async (at) => {
  for (const limit of ['0', '-1', '201', '1e9', '99999999999999999999', '1.5', 'all', '', '%00', '1&limit=2']) {
    for (const path of ['projects', 'bug-reports', 'notifications', `projects/${at.projectId}/members`]) {
      const details = checkError(await at.manager.get(`${api}/${path}?limit=${limit}`), 400, 'invalid_data')
      assert.deepEqual(Object.keys(details), ['limit'])
    }
  }
  assert.equal((await at.manager.get(`${api}/bug-reports?limit=200&unknown=1&__proto__=1&constructor=x`)).status, 200)
  for (const [name, value] of [
    ['status', 'open'],
    ['priority', 'urgent'],
    ['q', 'x'.repeat(501)],
    ['q', 'a&q=b'],
  ] as const) {
    const details = checkError(await at.manager.get(`${api}/bug-reports?${name}=${value}`), 400, 'invalid_data')
    assert.deepEqual(Object.keys(details), [name])
  }
  checkError(await at.manager.get(`${api}/notifications?unread=yes`), 400, 'invalid_data')
})

for (const storage of ['sqlite', 'postgres'] as const) {
  abuse(`search takes any text for words (${storage})`, async (at) => {
    for (const text of searchSyntax) {
      const { status, body } = await at.manager.get(`${api}/bug-reports?q=${encodeURIComponent(text.toWellFormed())}`)
      assert.equal(status, 200, text)
      assert.deepEqual(body.items, [], text)
    }
    assert.equal((await at.manager.get(`${api}/bug-reports?q=%ff%fe`)).status < 500, true)
  }, { storage })

  abuse(`NUL is refused, and everything else comes back as it was sent (${storage})`, async (at) => {
    const { manager, projectId } = at
    const doors: readonly (readonly [string, string, object])[] = [
      [`${api}/projects`, 'name', {}],
      [`${api}/projects`, 'description', { name: 'P' }],
      [`${api}/bug-reports`, 'title', { project_id: projectId }],
      [`${api}/bug-reports`, 'description', { project_id: projectId, title: 'T' }],
      [`${api}/projects/${projectId}/members`, 'username', {}],
    ]
    for (const [path, name, rest] of doors) {
      for (const text of ['\u0000', 'a\u0000b', 'a\u0000']) {
        const details = checkError(await manager.post(path, { ...rest, [name]: text }), 400, 'invalid_data')
        assert.deepEqual(Object.keys(details), [name])
      }
    }
    for (const title of ['', ' ', '\u00a0\u2003', 'two\nlines', '\u0007', 'x'.repeat(201)]) {
      const details = checkError(
        await manager.post(`${api}/bug-reports`, { project_id: projectId, title }),
        400,
        'invalid_data',
      )
      assert.deepEqual(Object.keys(details), ['title'])
    }
    const title = '👩‍👩‍👧‍👦 e\u0301 é Ünï שלום \u202etext 𝒳 <b>&amp;"\\'
    const description = `${title}\n\ttabs\r\n\u2028\u2029\u007f\u0001`
    const { status, body } = await manager.post(`${api}/bug-reports`, { project_id: projectId, title, description })
    assert.equal(status, 201)
    assert.deepEqual([body.title, body.description], [title, description])
    assert.deepEqual((await manager.get(`${api}/bug-reports/${body.id}`)).body, body)
    assert.deepEqual(await at.control.expect('bug_report/created'), body)
    checkError(
      await manager.post(`${api}/bug-reports/${body.id}/comments`, { content: 'a\u0000' }),
      400,
      'invalid_data',
    )
    const comment = (await manager.post(`${api}/bug-reports/${body.id}/comments`, { content: description })).body
    assert.equal(comment.content, description)
    assert.deepEqual(await at.control.expect('comment/created'), comment)
    // Half a character is no text; what is stored and what is told are the same.
    const half = await manager.post(`${api}/bug-reports`, { project_id: projectId, title: 'half \ud83d' })
    assert.ok(half.status === 201 || half.status === 400)
    if (half.status === 201) {
      assert.deepEqual((await manager.get(`${api}/bug-reports/${half.body.id}`)).body, half.body)
      assert.deepEqual(await at.control.expect('bug_report/created'), half.body)
    }
  }, { storage })
}

abuse('long text of any kind is refused in a moment', async (at) => {
  const started = performance.now()
  for (const text of ['a', ' ', 'a ', '\u0000', '\n', '😀', '\u0301']) {
    for (const [path, body] of [
      ['bug-reports', { project_id: at.projectId, title: `${text.repeat(30_000)}\n` }],
      ['projects', { name: `${text.repeat(30_000)}\n` }],
      [`projects/${at.projectId}/members`, { username: text.repeat(30_000) }],
      [`users`, { username: text.repeat(30_000), email: `${text.repeat(20_000)}@x`, password: 'p' }],
    ] as const) {
      const { status } = await at.admin.post(`${api}/${path}`, body)
      assert.ok(status === 400 || status === 413, `${path} ${status}`)
    }
  }
  // A pattern that looks at long text twice over takes minutes for these.
  assert.ok(performance.now() - started < 20_000)
})

abuse('bodies that are none: 413, 415, 400, and nothing of our inside in the answer', async (at) => {
  const { world, mallory } = at
  const send = (body: string, type = 'application/json', path = `${api}/bug-reports`) =>
    world.request('POST', path, body, { authorization: `Bearer ${mallory.token}`, 'content-type': type })
  checkError(await send(JSON.stringify({ title: 'x'.repeat(256 * 1024) })), 413, 'payload_too_large')
  for (const type of [
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
  ]) {
    checkError(await send('{"title":"T"}', type), 415, 'unsupported_media_type')
  }
  for (const text of brokenBodies) {
    checkError(await send(text), 400, 'invalid_data')
  }
  for (const text of [
    'null',
    '[]',
    '1',
    '"x"',
    'true',
    '{}',
    '{"__proto__":{"title":"T","project_id":1}}',
    '{"constructor":{}}',
  ]) {
    checkError(await send(text), 400, 'invalid_data')
  }
  assert.equal(({} as Record<string, unknown>)['title'], undefined)
  checkError(
    await send('{"name":{"toString":1}}', 'application/json; charset=utf-8', `${api}/projects`),
    400,
    'invalid_data',
  )
  const key = { authorization: `Bearer ${mallory.token}`, 'idempotency-key': 'x'.repeat(201) }
  checkError(await world.request('POST', `${api}/projects`, { name: 'P' }, key), 400, 'invalid_data')
})

abuse('a path or method that is not there is a 404 of ours', async (at) => {
  for (const path of [
    '/',
    '/nothing',
    '/api',
    api,
    `${api}/`,
    `${api}/nothing`,
    `${api}/projects/1/2/3`,
    '/tracker/ws',
    '/..%2f..%2fetc/passwd',
    '/src/main.ts',
    '/.env',
  ]) {
    checkError(await at.mallory.get(path), 404, 'not_found')
  }
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    checkError(await at.world.request(method, `${api}/projects`, {}), 404, 'not_found')
  }
  for (const path of [`${api}/projects/%E0%A4%A`, '/%', '/%zz']) {
    const answer = await at.mallory.get(path)
    checkError(answer, 400, 'invalid_data')
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  }
  checkError(await at.mallory.get(`${api}/projects/${'1'.repeat(5_000)}`), 400, 'invalid_data')
})

test('search finds by prefix, by several words and without accents, and only what the searcher may see', async () => {
  await using at = await stage()
  const file = async (title: string, description = '') =>
    (await at.manager.post(`${api}/bug-reports`, { project_id: at.projectId, title, description })).body.id as number
  const cafe = await file('Café menu crashes', 'when the Überschrift is long')
  const cat = await file('Catalogue is slow', 'menu')
  const find = async (user: User, q: string) => {
    const { status, body } = await user.get(`${api}/bug-reports?q=${encodeURIComponent(q)}`)
    assert.equal(status, 200)
    return (body.items as { id: number }[]).map(({ id }) => id)
  }
  assert.deepEqual(await find(at.manager, 'ca'), [cat, cafe])
  assert.deepEqual(await find(at.manager, 'CAFE'), [cafe])
  assert.deepEqual(await find(at.manager, 'cafe\u0301'), [cafe])
  assert.deepEqual(await find(at.manager, 'ubers'), [cafe])
  assert.deepEqual(await find(at.manager, 'menu'), [cat, cafe])
  assert.deepEqual(await find(at.manager, 'menu slow'), [cat])
  assert.deepEqual(await find(at.manager, '"menu" (slow) *'), [cat])
  assert.deepEqual(await find(at.manager, 'menu nothing'), [])
  assert.deepEqual(await find(at.manager, 'afe'), [])
  assert.deepEqual(await find(at.admin, 'cafe'), [cafe])
  assert.deepEqual(await find(at.mallory, 'cafe'), [])
  await at.manager.patch(`${api}/bug-reports/${cafe}`, { title: 'Renamed' })
  assert.deepEqual(await find(at.manager, 'crashes'), [])
  await at.manager.delete(`${api}/bug-reports/${cafe}`)
  assert.deepEqual(await find(at.manager, 'renamed'), [])
})
