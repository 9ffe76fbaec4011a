import assert from 'node:assert/strict'
import { badIds, brokenBodies, checkError } from '../../testing/hostile.ts'
import type { User } from '../../testing/world.ts'
import { bodyOf, call, fill, propertiesOf, requiredOf, things, withBody } from './bad-input/rest.ts'
import { badQueries, badValues } from './bad-input/schemas.ts'
import { abuse, NOBODY, routes, state, type Stage } from './bad-input/testing.ts'
import { made } from './testing.ts'

/** Every door over REST with what its own schema does not take: 4xx with the field's name, and nothing is changed. */

/** Nothing in between has changed a row. */
async function unchanged(at: Stage, run: () => Promise<void>): Promise<void> {
  const before = state(at)
  await run()
  assert.deepEqual(state(at), before)
}

abuse('an id that is none is refused by name, or is simply not there, in every position of every path', async (at) => {
  const params = await things(at)
  const more = [
    'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(2_000), 'a%20b', '%E0%A4%A', '__proto__', 'constructor', '*', "'",
    '%0a',
  ]
  let positions = 0
  await unchanged(at, async () => {
    for (const route of routes().filter(({ upload: rule }) => !rule)) {
      for (const [name] of propertiesOf(route.params)) {
        positions += 1
        for (const id of [...badIds, ...more, NOBODY]) {
          // That is one.
          if (name === 'emoji' && id === encodeURIComponent('😀')) continue
          const path = fill(route, params, { [name]: id }) + (route.path.endsWith('/search') ? '?q=x' : '')
          const answer = await call(at, route, path, withBody(route) ? bodyOf(route) : undefined)
          // Nothing between two slashes makes another path, which is no module's either.
          if (answer.status === 404) checkError(answer, 404, id === '' ? answer.body.error.code : 'NOT_FOUND')
          else {
            // A path that cannot be decoded, or is too long to be looked at, is no module's.
            const none = /%E0|x{100}/.test(path)
            const details = checkError(answer, 400, none ? 'invalid_data' : 'VALIDATION_ERROR')
            assert.deepEqual(Object.keys(details), [none ? 'request' : name], path)
          }
        }
      }
    }
  })
  assert.ok(positions >= 40, String(positions))
})

abuse('a member of a body of another type, length or form is refused by name, at every door', async (at) => {
  const params = await things(at)
  let tried = 0
  await unchanged(at, async () => {
    for (const route of routes().filter(({ body }) => body)) {
      const path = fill(route, params)
      for (const [name, shape] of propertiesOf(route.body)) {
        for (const value of badValues(shape)) {
          tried += 1
          const text = bodyOf(route, { [name]: value })
          const details = checkError(await call(at, route, path, text), 400, 'VALIDATION_ERROR')
          const named = Object.keys(details).some((key) => key === name || key.startsWith(`${name}.`))
          assert.ok(named, `${route.method} ${path} ${text.slice(0, 100)}: ${JSON.stringify(details)}`)
        }
      }
      for (const name of requiredOf(route.body)) {
        const details = checkError(await call(at, route, path, bodyOf(route, {}, name)), 400, 'VALIDATION_ERROR')
        assert.equal(details[name], 'is required', `${route.method} ${path}`)
      }
    }
  })
  assert.ok(tried > 500, String(tried))
})

abuse('bodies that are none: 413, 415, 400, and nothing of our inside in the answer', async (at) => {
  const params = await things(at)
  await unchanged(at, async () => {
    for (const route of routes().filter(({ body }) => body)) {
      const path = fill(route, params)
      const send = (text: string, type?: string) => call(at, route, path, text, type)
      for (const text of [...brokenBodies, '[]', '[{}]', '1', '0', '"x"', 'true', 'false']) {
        checkError(await send(text), 400, 'VALIDATION_ERROR')
      }
      const form = 'application/x-www-form-urlencoded'
      for (const type of ['text/plain', 'application/xml', form, 'multipart/form-data; boundary=x']) {
        checkError(await send('{"content":"x"}', type), 415, 'UNSUPPORTED_MEDIA_TYPE')
      }
      checkError(await send(`{"content":"${'x'.repeat(1024 * 1024)}"}`), 413, 'PAYLOAD_TOO_LARGE')
    }
  })
})

abuse('A8 members that no schema has are dropped, whatever they are called', async (at) => {
  const path = `/api/channels/${at.sharedId}/messages`
  const extra = {
    user_id: at.owner.uuid, id: NOBODY, created_at: '1970-01-01T00:00:00.000Z', channel_id: at.secretId,
    workspace_id: at.foreign.workspaceId, reactions: [{ emoji: '👍', user_id: at.owner.uuid }], pinned_at: 'x',
    deleted_at: 'x', role: 'owner', attachments: [{ id: NOBODY }], mentions: [at.owner.uuid], reply_count: 7,
    polluted: 1, toString: 1,
  }
  const proto = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},'
  const text = proto + JSON.stringify({ ...extra, content: 'plain' }).slice(1)
  const { status, body } = await at.mallory.post(path, text)
  assert.equal(status, 201)
  const { id, ...rest } = body
  assert.notEqual(id, NOBODY)
  assert.deepEqual(rest, {
    channel_id: at.sharedId,
    user_id: at.mallory.uuid,
    content: 'plain',
    attachments: [],
    reactions: [],
    created_at: new Date(at.world.clock.now()).toISOString(),
    updated_at: null,
    deleted_at: null,
    parent_message_id: null,
    reply_count: 0,
    last_reply_at: null,
    participants: [],
    pinned_at: null,
  })
  const mine = { name: 'Mine', id: NOBODY, created_by: at.owner.uuid, role: 'guest' }
  const made = (await at.mallory.post('/api/workspaces', mine)).body
  assert.deepEqual([made.created_by, made.role], [at.mallory.uuid, 'owner'])
  assert.equal((await at.mallory.delete(`/api/workspaces/${made.id}`)).status, 204)
})

abuse('a part of a query of another form is refused by name at every list; what none knows is ignored', async (at) => {
  const params = await things(at)
  let tried = 0
  await unchanged(at, async () => {
    for (const route of routes().filter(({ query }) => query)) {
      const path = fill(route, params)
      const required = path.endsWith('/search') ? 'q=x&' : ''
      for (const [name, shape] of propertiesOf(route.query)) {
        for (const value of badQueries(shape)) {
          tried += 1
          const rest = name === 'q' ? '' : required
          const answer = await call(at, route, `${path}?${rest}${name}=${value}`)
          const details = checkError(answer, 400, 'VALIDATION_ERROR')
          assert.deepEqual(Object.keys(details), [name], `${path} ${name}=${value}`)
        }
        const twice = await call(at, route, `${path}?${name === 'q' ? '' : required}${name}=1&${name}=1`)
        assert.deepEqual(Object.keys(checkError(twice, 400, 'VALIDATION_ERROR')), [name])
      }
      const unknown = `${path}?${required}unknown=1&__proto__=1&constructor=x&limit[a]=1&__proto__[polluted]=1`
      assert.equal((await call(at, route, unknown)).status, 200, path)
    }
  })
  assert.ok(tried > 100, String(tried))
})

abuse('A10 a cursor that is hidden, of another list, elsewhere or nowhere is refused alike', async (at) => {
  const params = await things(at)
  const { id: mine } = await made(at.mallory, `/api/channels/${at.generalId}/messages`, { content: 'in general' })
  const cursors = [
    NOBODY, at.secretMessageId, at.foreign.messageId, at.secretId, at.foreign.channelId, at.root.uuid, 'x', '0-x',
  ]
  for (const route of routes().filter(({ query }) => propertiesOf(query).some(([name]) => name === 'before'))) {
    // Admins alone read the invitations of a workspace.
    if (route.path === '/workspaces/:id/invites') continue
    const path = fill(route, params)
    const required = path.endsWith('/search') ? 'q=x&' : ''
    for (const name of propertiesOf(route.query).some(([key]) => key === 'after') ? ['before', 'after'] : ['before']) {
      const answers = new Set<string>()
      for (const cursor of path.endsWith(`${at.sharedId}/messages`) ? [...cursors, mine] : cursors) {
        const answer = await at.mallory.get(`${path}?${required}${name}=${cursor}`)
        assert.deepEqual(Object.keys(checkError(answer, 400, 'VALIDATION_ERROR')), [name], `${path} ${cursor}`)
        answers.add(JSON.stringify(answer.body))
      }
      assert.equal(answers.size, 1, path)
    }
  }
})

abuse('a path or method that is not there is a 404 of ours', async (at) => {
  const user: User = at.mallory
  for (const path of [
    '/api', '/api/', '/api/nothing', '/api/channels', '/api/messages', '/api/attachments',
    `/api/workspaces/${at.workspaceId}/`, '/api/workspaces/1/2/3/4', '/ws/x', `/files/${NOBODY}`,
    '/api/attachments/..%2f..%2fetc%2fpasswd',
  ]) {
    const answer = await user.get(path)
    assert.ok(answer.status === 404 || answer.status === 400, path)
    checkError(answer, answer.status, answer.body.error.code)
  }
  for (const method of ['PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND']) {
    const { status } = await at.world.request(method === 'TRACE' ? 'OPTIONS' : method, '/api/workspaces')
    assert.ok(status >= 400 && status < 500, `${method} ${status}`)
  }
  const key = { 'idempotency-key': 'x'.repeat(201) }
  checkError(await user.post('/api/workspaces', { name: 'P' }, key), 400, 'VALIDATION_ERROR')
})
