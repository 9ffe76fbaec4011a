import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompiledQuery } from 'kysely'
import type { User } from '../../testing/world.ts'
import { continueChannelPurge } from './actions/channel-purge.ts'
import { made, scene, type Scene } from './testing.ts'

/** Lists of channels and of their people, and what deletion leaves in the tables, on both databases. */

const path = (at: Scene): string => `/api/workspaces/${at.workspaceId}/channels`

interface Listed {
  readonly items: { id: string; name: string; joined: boolean; member_count: number; members?: string[] }[]
  readonly next_before: string | null
}

async function list(at: Scene, by: User, query = ''): Promise<Listed> {
  const { status, body } = await by.get(`${path(at)}?${query}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body as Listed
}

const names = ({ items }: Listed): string[] => items.map(({ name }) => name)

/** Every page, each of this size. */
async function pages(
  read: (query: string) => Promise<{ items: { id?: string; user_id?: string }[]; next_before: string | null }>,
): Promise<string[]> {
  const ids: string[] = []
  let before: string | null = null
  do {
    const page = await read(`limit=2${before === null ? '' : `&before=${before}`}`)
    assert.ok(page.items.length <= 2)
    ids.push(...page.items.map((one) => (one.id ?? one.user_id)!))
    before = page.next_before
  } while (before !== null)
  return ids
}

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`W-P5 each sees the channels that are theirs to see, newest first (${storage})`, async () => {
    await using at = await scene({ storage })
    await made(at.member, path(at), { name: 'Ärger 100%', description: 'd' })
    await made(at.admin, path(at), { type: 'private', name: 'Ärger_intern' })
    await made(at.owner, path(at), { type: 'dm', user_ids: [at.guest.uuid] })
    const old = await made(at.owner, path(at), { name: 'old' })
    await made(at.owner, `/api/channels/${old.id}/archive`, {})

    assert.deepEqual(names(await list(at, at.owner)), ['guest, owner', 'Ärger 100%', 'secrets', 'design', 'general'])
    assert.deepEqual(names(await list(at, at.admin)), ['Ärger_intern', 'Ärger 100%', 'design', 'general'])
    assert.deepEqual(names(await list(at, at.member)), ['Ärger 100%', 'secrets', 'design', 'general'])
    assert.deepEqual(names(await list(at, at.guest)), ['guest, owner', 'secrets', 'design'])
    assert.equal((await at.stranger.get(path(at))).status, 404)

    // What it takes to draw a sidebar, in one answer.
    const [direct, , , design] = (await list(at, at.owner)).items
    assert.deepEqual(direct!.members, [at.owner.uuid, at.guest.uuid])
    assert.deepEqual([direct!.joined, direct!.member_count, design!.joined, design!.member_count], [true, 2, true, 3])
    assert.equal('members' in design!, false)
    const [, open] = (await list(at, at.admin)).items
    assert.deepEqual([open!.joined, open!.member_count], [false, 1])

    assert.deepEqual(names(await list(at, at.admin, 'joined=true')), ['Ärger_intern', 'general'])
    assert.deepEqual(names(await list(at, at.admin, 'joined=false')), ['Ärger 100%', 'design'])
    assert.deepEqual(names(await list(at, at.guest, 'joined=false')), [])
    assert.deepEqual(names(await list(at, at.owner, 'type=dm')), ['guest, owner'])
    assert.deepEqual(names(await list(at, at.admin, 'type=private')), ['Ärger_intern'])
    assert.deepEqual(names(await list(at, at.member, 'type=public&joined=true')), ['Ärger 100%', 'design', 'general'])
    assert.deepEqual(names(await list(at, at.admin, 'archived=true')), ['old'])
    assert.deepEqual(names(await list(at, at.guest, 'archived=true')), [])

    // By any part of the name, however it is written; nothing in it is a pattern, and nothing hidden is found.
    const written = `q=${encodeURIComponent('äRGER')}`
    assert.deepEqual(names(await list(at, at.admin, written)), ['Ärger_intern', 'Ärger 100%'])
    assert.deepEqual(names(await list(at, at.owner, written)), ['Ärger 100%'])
    assert.deepEqual(names(await list(at, at.owner, 'q=100%25')), ['Ärger 100%'])
    assert.deepEqual(names(await list(at, at.owner, 'q=%25')), ['Ärger 100%'])
    assert.deepEqual(names(await list(at, at.admin, 'q=_')), ['Ärger_intern'])
    assert.deepEqual(names(await list(at, at.admin, 'q=secrets')), [])
    assert.deepEqual(names(await list(at, at.guest, 'q=OWN')), ['guest, owner'])
    assert.deepEqual(names(await list(at, at.guest, 'q=general')), [])
    for (const bad of ['type=group', 'archived=maybe', 'limit=0', 'limit=201', `q=${'x'.repeat(81)}`]) {
      assert.equal((await at.owner.get(`${path(at)}?${bad}`)).status, 400, bad)
    }

    // Page by page the same; a cursor that one may not see is refused as one that is not there.
    const whole = (await list(at, at.owner)).items.map(({ id }) => id)
    assert.deepEqual(await pages((query) => list(at, at.owner, query)), whole)
    const found = (await list(at, at.owner, 'q=e')).items.map(({ id }) => id)
    assert.deepEqual(await pages((query) => list(at, at.owner, `q=e&${query}`)), found)
    const hidden = await at.admin.get(`${path(at)}?before=${at.privateId}`)
    const absent = await at.admin.get(`${path(at)}?before=00000000-0000-4000-8000-000000000000`)
    assert.equal(hidden.status, 400)
    assert.deepEqual(hidden.body, absent.body)
    const people = async (query: string) => (await at.owner.get(`/api/channels/${at.publicId}/members?${query}`)).body
    assert.deepEqual(await pages(people), [at.guest.uuid, at.member.uuid, at.owner.uuid])
    assert.equal((await at.owner.get(`/api/channels/${at.publicId}/members?before=${at.admin.uuid}`)).status, 400)
  })

  test(`names, people and types hold on both databases (${storage})`, async () => {
    await using at = await scene({ storage })
    const answers = await Promise.all([at.owner, at.admin].map((by) => by.post(path(at), { name: 'Straße' })))
    assert.deepEqual(answers.map(({ status }) => status).toSorted((a, b) => a - b), [201, 409])
    const open = (by: User, other: User) => by.post(path(at), { type: 'dm', user_ids: [other.uuid] })
    const opened = await Promise.all([open(at.owner, at.admin), open(at.admin, at.owner)])
    assert.deepEqual(opened.map(({ status }) => status).toSorted((a, b) => a - b), [200, 201])
    const { id } = answers.find(({ status }) => status === 201)!.body as { id: string }
    const by = answers[0]!.status === 201 ? at.owner : at.admin
    assert.equal((await by.patch(`/api/channels/${id}`, { type: 'private' })).body.type, 'private')
    assert.equal((await at.member.post(path(at), { name: 'STRASSE' })).status, 201)
    assert.equal((await by.patch(`/api/channels/${id}`, { type: 'public' })).status, 409)
    assert.equal((await by.post(`/api/channels/${id}/archive`)).status, 200)
    assert.equal((await by.delete(`/api/channels/${id}`)).status, 204)
  })

  test(`a deleted channel leaves no row behind, however much was in it (${storage})`, async () => {
    await using at = await scene({ storage, config: { workspaceWritesPerMinute: 0 } })
    const { unitOfWork } = at.world.app
    const read = (text: string): Promise<unknown[]> =>
      unitOfWork.run((unit) => unit.query(CompiledQuery.raw(text)))
    const rows = async (): Promise<number[]> => {
      const tables = ['messages', 'reactions', 'mentions', 'follows', 'attachments', 'channel_members', 'channels']
      const counts = await Promise.all(tables.map((table) => read(`select count(*) as count from workspace_${table}`)))
      return counts.map(([row]) => Number((row as { count: number | string }).count))
    }
    await made(at.owner, `/api/channels/${at.privateId}/messages`, { content: 'stays @member' })
    const before = await rows()
    const { id } = await made(at.owner, path(at), { name: 'full', user_ids: [at.member.uuid] })
    const form = new FormData()
    form.set('file', new Blob(['some text']), 'notes.txt')
    const file = await made(at.owner, `/api/workspaces/${at.workspaceId}/attachments`, form)
    const sent = { content: 'hello @member', attachment_ids: [file.id] }
    const parent = await made(at.owner, `/api/channels/${id}/messages`, sent)
    await made(at.owner, `/api/messages/${parent.id}/reactions`, { emoji: '👍' })
    await made(at.member, `/api/messages/${parent.id}/replies`, { content: 'a reply' })
    const many = Array.from({ length: 410 }, (_, i) => ({ content: `message ${i}` }))
    await Promise.all(many.map((message) => made(at.owner, `/api/channels/${id}/messages`, message)))
    assert.equal((await at.owner.delete(`/api/channels/${id}`)).status, 204)
    // What is left is reached by nobody, and goes in portions that make nobody wait.
    const left = (await rows())[0]! - before[0]!
    assert.ok(left > 0 && left < 20, `${left} messages are left`)
    assert.equal((await at.owner.get(`/api/workspaces/${at.workspaceId}/search?q=message`)).body.items.length, 0)
    assert.equal((await at.owner.get(`/api/attachments/${file.id}`)).status, 404)
    const files = await read("select key from jobs where kind = 'workspace.file'")
    assert.deepEqual(files.map((row) => (row as { key: string }).key), [file.id])
    const [job] = await read("select key from jobs where kind = 'workspace.channel-purge'")
    const { key } = job as { key: string }
    await unitOfWork.run((unit) => continueChannelPurge({ key, payload: null, due: 0, attempts: 0 }, unit))
    assert.deepEqual(await rows(), before)
  })
}
