import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builder } from '../../kernel/statement.ts'
import { testWorld, type World } from '../../testing/world.ts'
import { continuePurge, PURGE } from './actions/purge.ts'
import type { WorkspaceTables } from './tables.ts'
import { bringIn, connect, expectFrames, made, people, posted, scene, type Scene } from './testing.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const at = (scene: Scene): string => `/api/workspaces/${scene.workspaceId}`

const tables = [
  'workspace_workspaces',
  'workspace_members',
  'workspace_invites',
  'workspace_channels',
  'workspace_channel_members',
  'workspace_messages',
  'workspace_reactions',
  'workspace_mentions',
  'workspace_follows',
  'workspace_attachments',
] as const satisfies readonly (keyof WorkspaceTables)[]

/** Rows of each table of the module that has any. */
function rows({ app }: World): Promise<Record<string, number>> {
  return app.unitOfWork.run(async (unit) => {
    const db = builder<WorkspaceTables>(unit.dialect)
    const counts: Record<string, number> = {}
    for (const table of tables) {
      const query = db.selectFrom(table).select((e) => e.fn.countAll<number | string>().as('count'))
      const count = Number((await unit.query(query.compile()))[0]!.count)
      if (count > 0) counts[table] = count
    }
    return counts
  })
}

test('who makes a workspace owns it and is in its general channel', async () => {
  await using world = await testWorld()
  const ana = await world.user('ana')
  const { status, body } = await ana.post('/api/workspaces', { name: '  Acme\u00a0 Inc ', extra: 1 })
  assert.equal(status, 201)
  assert.match(body.id, UUID)
  const time = new Date(world.clock.now()).toISOString()
  const times = { created_at: time, updated_at: time }
  const shown = { id: body.id, name: 'Acme Inc', role: 'owner', created_by: ana.uuid, ...times }
  assert.deepEqual(body, shown)
  const one = await ana.get(`/api/workspaces/${body.id}`)
  assert.deepEqual(one.body, { ...shown, member_count: 1 })
  assert.ok(one.headers.get('Switchboard-Position'))
  const channels = (await ana.get(`/api/workspaces/${body.id}/channels`)).body.items
  assert.equal(channels.length, 1)
  const { name, type, is_general, joined, created_by } = channels[0]
  assert.deepEqual({ name, type, is_general, joined, created_by }, {
    name: 'general', type: 'public', is_general: true, joined: true, created_by: ana.uuid,
  })
})

test('the name of a workspace is what it looks like', async () => {
  await using world = await testWorld()
  const ana = await world.user('ana')
  for (const name of ['', ' ', 'a\u202eb', 'a\tb', '\u200b', 'x'.repeat(81), 7, null, undefined]) {
    const { status, body } = await ana.post('/api/workspaces', { name })
    assert.equal(status, 400, JSON.stringify(name))
    assert.ok(JSON.stringify(body).includes('name'))
  }
  assert.deepEqual(await rows(world), {})
})

test('an account owns no more workspaces than the limit; handing one over makes room', async () => {
  await using world = await testWorld({ config: { workspacesPerAccount: 1 } })
  const ana = await world.user('ana')
  const bo = await world.user('bo')
  const { id } = await made(ana, '/api/workspaces', { name: 'One' })
  const { status, body } = await ana.post('/api/workspaces', { name: 'Two' })
  assert.equal(status, 409)
  assert.match(JSON.stringify(body), /hand it over/)
  await bringIn(ana, id, bo)
  await made(bo, '/api/workspaces', { name: "Bo's own" })
  await ana.patch(`/api/workspaces/${id}/members/${bo.uuid}`, { role: 'owner' })
  await ana.patch(`/api/workspaces/${id}/members/me`, { role: 'admin' })
  assert.equal((await ana.post('/api/workspaces', { name: 'Two' })).status, 201)
})

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`workspaces are listed newest first, in pages, and counted as they are seen: ${storage}`, async () => {
    await using a = await scene({ storage })
    const { world } = a
    const ana = await world.user('ana')
    const bo = await world.user('bo')
    const ids: string[] = []
    for (let i = 0; i < 5; i += 1) ids.unshift((await made(ana, '/api/workspaces', { name: `W${i}` })).id)
    const theirs = (await made(bo, '/api/workspaces', { name: 'Theirs' })).id as string
    await bringIn(ana, ids[2]!, bo)
    const first = (await ana.get('/api/workspaces?limit=3')).body
    assert.deepEqual(first.items.map((one: { id: string }) => one.id), ids.slice(0, 3))
    assert.equal(first.next_before, ids[2])
    assert.ok(first.position)
    const second = (await ana.get(`/api/workspaces?limit=3&before=${first.next_before}`)).body
    assert.deepEqual(second.items.map((one: { id: string }) => one.id), ids.slice(3))
    assert.equal(second.next_before, null)
    const ofBo = (await bo.get('/api/workspaces')).body.items
    assert.deepEqual(ofBo.map((one: { id: string; role: string }) => [one.id, one.role]), [
      [theirs, 'owner'],
      [ids[2], 'member'],
    ])
    // A cursor that is not of this list: an empty page would look like its end.
    for (const before of [theirs, 'nothing', crypto.randomUUID()]) {
      assert.equal((await ana.get(`/api/workspaces?before=${before}`)).status, 400)
    }

    const { body: alone } = await a.owner.post(`${at(a)}/channels`, { type: 'private', name: 'cave' })
    await bringIn(a.owner, a.workspaceId, ana, { role: 'guest', channel_ids: [alone.id] })
    for (const [user, count] of [[a.owner, 5], [a.admin, 5], [a.guest, 3], [ana, 2]] as const) {
      assert.equal((await user.get(at(a))).body.member_count, count, user.name)
    }
  })
}

test('W-P1 a workspace is there for its members and for nobody else', async () => {
  await using a = await scene()
  for (const person of people) {
    const { status, body } = await a[person].get(at(a))
    assert.deepEqual([status, body.role, body.created_by], [200, person, a.owner.uuid])
  }
  const absent = await a.stranger.get(`/api/workspaces/${crypto.randomUUID()}`)
  assert.equal(absent.status, 404)
  for (const answer of [
    await a.stranger.get(at(a)),
    await a.stranger.patch(at(a), { name: 'Mine' }),
    await a.stranger.delete(at(a)),
    await a.owner.get('/api/workspaces/no-uuid'),
  ]) {
    assert.deepEqual([answer.status, answer.body], [404, absent.body])
  }
  assert.deepEqual((await a.stranger.get('/api/workspaces')).body.items, [])
  assert.equal((await a.world.request('GET', at(a))).status, 401)
})

test('W-P2 admins rename it; the same name again changes nothing; nobody is sent anything', async () => {
  await using a = await scene()
  const { body: before } = await a.owner.get(at(a))
  a.world.clock.advance(1_000)
  const same = await a.admin.patch(at(a), { name: ' Acme ' })
  assert.deepEqual([same.status, same.body.updated_at, same.body.role], [200, before.updated_at, 'admin'])
  assert.equal((await a.admin.patch(at(a), {})).body.name, 'Acme')
  const renamed = await a.admin.patch(at(a), { name: 'Ācme 2' })
  assert.equal(renamed.body.name, 'Ācme 2')
  assert.ok(renamed.body.updated_at > before.updated_at)
  assert.equal((await a.member.get(at(a))).body.name, 'Ācme 2')
  for (const user of [a.member, a.guest]) assert.equal((await user.patch(at(a), { name: 'Mine' })).status, 403)
  assert.equal((await a.admin.patch(at(a), { name: '\u200b' })).status, 400)
  await expectFrames(a, {})
})

test('W-P3 only owners delete a workspace', async () => {
  await using a = await scene()
  for (const user of [a.admin, a.member, a.guest]) assert.equal((await user.delete(at(a))).status, 403)
  assert.equal((await a.stranger.delete(at(a))).status, 404)
  await expectFrames(a, {})
})

test('a deleted workspace is gone: connections, rows, the log, files; another stays as it is', async () => {
  await using a = await scene()
  const { world } = a
  const other = (await made(a.owner, '/api/workspaces', { name: 'Other' })).id as string
  await bringIn(a.owner, other, a.guest, { role: 'member' })
  const elsewhere = await connect(world, other, a.guest)
  const kept = await rows(world)
  const message = await posted(a, a.member, a.publicId, { content: 'the secret plan, @channel' })
  await posted(a, a.owner, a.publicId, { content: 'yes', parent_message_id: message })
  await made(a.owner, `${at(a)}/invites`, {})
  const upload = new FormData()
  upload.set('file', new Blob(['plan']), 'plan.txt')
  const file = (await made(a.member, `${at(a)}/attachments`, upload)).id as string
  assert.equal((await a.member.get(`/api/attachments/${file}`)).status, 200)
  const { position } = (await a.member.get(`/api/channels/${a.publicId}/messages`)).body

  assert.equal((await a.owner.delete(at(a))).status, 204)
  for (const person of people) {
    const client = a.listening[person]
    await client.expect('error', { code: 'UNAUTHORIZED', message: 'This workspace has been deleted' })
    await client.expectClose(4403)
  }
  await elsewhere.expectNothing()
  for (const user of [a.owner, a.admin, a.member, a.guest]) assert.equal((await user.get(at(a))).status, 404)
  assert.equal((await a.member.get(`/api/channels/${a.publicId}`)).status, 404)
  assert.equal((await a.member.get(`/api/attachments/${file}`)).status, 404)
  assert.equal((await a.owner.delete(at(a))).status, 404)
  const back = world.client(`/ws/${a.workspaceId}?token=${a.member.token}&since=${position}`)
  await back.expectClose(4403)
  assert.deepEqual(back.frames.map(({ type }) => type), ['error'])

  const left = await rows(world)
  for (const table of ['messages', 'reactions', 'mentions', 'follows', 'attachments']) {
    assert.equal(left[`workspace_${table}`], undefined, table)
  }
  assert.equal(left['workspace_workspaces'], 1)
  assert.ok(left['workspace_members']! < kept['workspace_members']!)
  assert.equal(left['workspace_members'], 2)
  assert.equal((await a.guest.get(`/api/workspaces/${other}`)).body.member_count, 2)
  await world.app.unitOfWork.run(async (unit) => {
    const db = builder<{ event_log: { module: string; payload: string | null } }>(unit.dialect)
    const ofModule = db.selectFrom('event_log').selectAll().where('module', '=', 'workspace')
    const logged = await unit.query(ofModule.where('payload', 'is not', null).compile())
    assert.ok(logged.length > 0)
    for (const { payload } of logged) assert.ok(!payload!.includes(a.workspaceId), payload!)
    const jobs = builder<{ jobs: { kind: string; key: string } }>(unit.dialect)
    const due = await unit.query(jobs.selectFrom('jobs').selectAll().where('key', '=', file).compile())
    assert.equal(due.length, 1)
  })
})

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`a large workspace is unreachable at once and removed in portions: ${storage}`, async () => {
    await using world = await testWorld({ storage })
    const ana = await world.user('ana')
    const { id } = await made(ana, '/api/workspaces', { name: 'Large' })
    const other = (await made(ana, '/api/workspaces', { name: 'Other' })).id as string
    const { items } = (await ana.get(`/api/workspaces/${other}/channels`)).body
    await made(ana, `/api/channels/${items[0].id}/messages`, { content: 'stays' })
    const kept = await rows(world)
    const small = { ...kept }
    // The two are alike but for the message.
    for (const [table, count] of Object.entries(kept)) if (table !== 'workspace_messages') small[table] = count / 2
    const general = (await ana.get(`/api/workspaces/${id}/channels`)).body.items[0].id as string
    await world.app.unitOfWork.run(async (unit) => {
      const db = builder<WorkspaceTables>(unit.dialect)
      const [channel] = await unit.query(
        db.selectFrom('workspace_channels').selectAll().where('uuid', '=', general).compile(),
      )
      for (let i = 0; i < 1_000; i += 1) {
        const message = {
          uuid: crypto.randomUUID(),
          channel_id: channel!.id,
          user_id: ana.id,
          content: `word${i}`,
          created_at: 1,
          reply_count: 0,
        }
        const [row] = await unit.query(db.insertInto('workspace_messages').values(message).returning('id').compile())
        const reaction = { message_id: row!.id, user_id: ana.id, emoji: '👍', created_at: 1 }
        await unit.query(db.insertInto('workspace_reactions').values(reaction).compile())
      }
    })
    assert.equal((await ana.delete(`/api/workspaces/${id}`)).status, 204)
    assert.equal((await ana.get(`/api/channels/${general}/messages`)).status, 404)
    const still = (await rows(world))['workspace_messages']!
    assert.ok(still > 400 && still < 1_000, `${still}`)
    const job = await world.app.unitOfWork.run(async (unit) => {
      const db = builder<{ jobs: { kind: string; key: string } }>(unit.dialect)
      return unit.query(db.selectFrom('jobs').selectAll().where('kind', '=', PURGE).compile())
    })
    assert.equal(job.length, 1)
    for (let i = 0; i < 3; i += 1) {
      const { key } = job[0]!
      await world.app.unitOfWork.run((unit) => continuePurge({ key, payload: null, due: 0, attempts: 0 }, unit))
    }
    assert.deepEqual(await rows(world), small)
  })
}

test('a connection that is being opened while its workspace is deleted is closed too', async () => {
  await using a = await scene()
  const opening = Array.from({ length: 30 }, (_, i) =>
    a.world.client(`/ws/${a.workspaceId}?token=${[a.member, a.guest, a.admin][i % 3]!.token}`),
  )
  // At a different stage each time: some are in, some are on their way.
  await opening[0]!.opened()
  assert.equal((await a.owner.delete(at(a))).status, 204)
  for (const client of opening) await client.expectClose(4403)
})
