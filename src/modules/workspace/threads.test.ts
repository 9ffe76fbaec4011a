import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { User } from '../../testing/world.ts'
import { made, scene, type Scene } from './testing.ts'

/** Who follows a thread, and what of it they have not read. */

interface Shown {
  parent: { id: string; content: string; deleted_at: string | null; reply_count: number }
  unread_replies: number
  last_reply_at: string
  participants: string[]
}

interface Page {
  items: Shown[]
  next_before: string | null
}

const send = async (by: User, channel: string, content: string, parent?: string): Promise<string> =>
  (await made(by, `/api/channels/${channel}/messages`, { content, parent_message_id: parent ?? null })).id as string

async function threads(at: Scene, by: User, query = ''): Promise<Page> {
  const { status, body } = await by.get(`/api/workspaces/${at.workspaceId}/threads${query}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body as Page
}

const followed = async (at: Scene, by: User): Promise<readonly (readonly [string, number])[]> =>
  (await threads(at, by)).items.map(({ parent, unread_replies }) => [parent.content, unread_replies])

const follow = (by: User, id: string) => by.post(`/api/messages/${id}/follow`)
const unfollow = (by: User, id: string) => by.delete(`/api/messages/${id}/follow`)
const read = (by: User, id: string, body: object = {}) => by.post(`/api/messages/${id}/read-thread`, body)

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`taking part makes one follow; the last that was written in comes first, in pages (${storage})`, async () => {
    await using at = await scene({ storage })
    const { owner, admin, member, publicId, world } = at
    const a = await send(owner, publicId, 'a')
    const b = await send(member, publicId, 'b')
    const c = await send(owner, publicId, 'c')
    assert.deepEqual(await followed(at, owner), [])
    for (const [parent, text] of [[a, 'a1'], [b, 'b1'], [c, 'c1'], [a, 'a2']] as const) {
      world.clock.advance(10)
      await send(member, publicId, text, parent)
    }
    assert.deepEqual(await followed(at, owner), [['a', 2], ['c', 1]])
    assert.deepEqual(await followed(at, member), [['a', 0], ['c', 0], ['b', 0]])
    assert.deepEqual(await followed(at, admin), [])
    const { items } = await threads(at, owner)
    assert.deepEqual(Object.keys(items[0]!).toSorted(), ['last_reply_at', 'parent', 'participants', 'unread_replies'])
    assert.deepEqual(items[0]!.participants, [member.uuid])
    const page = await threads(at, member, '?limit=2')
    assert.deepEqual(page.items.map(({ parent }) => parent.content), ['a', 'c'])
    // A thread that moves to the front meanwhile takes none out of the page after.
    await send(owner, publicId, 'c2', c)
    const rest = await threads(at, member, `?limit=2&before=${page.next_before}`)
    assert.deepEqual([rest.items.map(({ parent }) => parent.content), rest.next_before], [['b'], null])
    assert.equal((await member.get(`/api/workspaces/${at.workspaceId}/threads?before=nonsense`)).status, 400)
  })

  test(`threads of the same moment come once each (${storage})`, async () => {
    await using at = await scene({ storage })
    const roots: string[] = []
    for (let i = 0; i < 5; i += 1) {
      roots.push(await send(at.owner, at.publicId, `${i}`))
      await send(at.member, at.publicId, 'x', roots.at(-1))
    }
    const got: string[] = []
    let query: string | undefined = '?limit=2'
    while (query !== undefined) {
      const { items, next_before }: Page = await threads(at, at.owner, query)
      got.push(...items.map(({ parent }) => parent.id))
      query = next_before === null ? undefined : `?limit=2&before=${next_before}`
    }
    assert.deepEqual(got.toSorted(), roots.toSorted())
  })

  test(`the marker of a thread goes forward only, and belongs to those who follow (${storage})`, async () => {
    await using at = await scene({ storage })
    const { owner, admin, member, publicId } = at
    const root = await send(owner, publicId, 'root')
    const replies = []
    for (const text of ['1', '2', '3']) replies.push(await send(member, publicId, text, root))
    const state = (last_read_message_id: string | null, unread_replies: number, following = true) =>
      ({ message_id: root, following, last_read_message_id, unread_replies })
    assert.deepEqual((await read(owner, root, { message_id: replies[1] })).body, state(replies[1]!, 1))
    assert.deepEqual((await read(owner, root, { message_id: replies[0] })).body, state(replies[1]!, 1))
    assert.deepEqual((await read(owner, root, { message_id: root })).body, state(replies[1]!, 1))
    await owner.delete(`/api/messages/${replies[2]}`)
    assert.deepEqual((await read(owner, root, { message_id: replies[1] })).body, state(replies[1]!, 0))
    assert.deepEqual((await read(owner, root)).body, state(replies[2]!, 0))
    await send(owner, publicId, 'mine', root)
    assert.deepEqual(await followed(at, owner), [['root', 0]])
    await send(member, publicId, '4', root)
    assert.deepEqual(await followed(at, owner), [['root', 1]])
    // Who does not follow has nothing to move, and does not follow by reading.
    assert.deepEqual((await read(admin, root)).body, state(null, 0, false))
    assert.deepEqual(await followed(at, admin), [])
    const elsewhere = await send(owner, publicId, 'elsewhere')
    for (const id of [elsewhere, await send(member, publicId, 'x', elsewhere), 'nonsense']) {
      const { status, body } = await read(owner, root, { message_id: id })
      assert.deepEqual([status, body.error.details], [400, { message_id: 'must be a message of this thread' }])
    }
  })
}

test('following is from now on; what a person said about it stays', async () => {
  await using at = await scene()
  const { owner, admin, member, publicId } = at
  const root = await send(owner, publicId, 'root')
  await send(member, publicId, '1', root)
  for (let times = 0; times < 2; times += 1) {
    const { status, body } = await follow(admin, root)
    assert.equal(status, 200)
    assert.deepEqual([body.following, body.unread_replies], [true, 0])
  }
  await send(member, publicId, '2', root)
  assert.deepEqual(await followed(at, admin), [['root', 1]])
  // Again, it keeps what is unread.
  assert.equal((await follow(admin, root)).body.unread_replies, 1)
  for (let times = 0; times < 2; times += 1) assert.equal((await unfollow(owner, root)).status, 204)
  assert.deepEqual(await followed(at, owner), [])
  await send(member, publicId, '@owner look', root)
  await send(owner, publicId, 'I write here and yet', root)
  assert.deepEqual(await followed(at, owner), [])
  assert.equal((await read(owner, root)).body.following, false)
  assert.equal((await follow(owner, root)).body.unread_replies, 0)
  assert.deepEqual(await followed(at, owner), [['root', 0]])
  // Said before there was any reply.
  const quiet = await send(owner, publicId, 'quiet')
  await unfollow(owner, quiet)
  await follow(admin, quiet)
  assert.deepEqual((await followed(at, admin)).map(([content]) => content), ['root'])
  // Later than the other thread, whose last reply would else be of the same moment.
  at.world.clock.advance(1_000)
  await send(member, publicId, '1', quiet)
  assert.deepEqual((await followed(at, owner)).map(([content]) => content), ['root'])
  assert.deepEqual(await followed(at, admin), [['quiet', 1], ['root', 3]])
})

test('a reply is not a thread: the refusal names the message that is', async () => {
  await using at = await scene()
  const root = await send(at.owner, at.publicId, 'root')
  const reply = await send(at.member, at.publicId, '1', root)
  for (const answer of [await follow(at.owner, reply), await unfollow(at.owner, reply), await read(at.owner, reply)]) {
    assert.equal(answer.status, 400)
    assert.ok((answer.body.error.details.id as string).includes(root))
  }
})

test('a deleted message holds its thread as long as there are replies', async () => {
  await using at = await scene()
  const { owner, member, publicId } = at
  const root = await send(owner, publicId, 'root')
  const reply = await send(member, publicId, '1', root)
  await owner.delete(`/api/messages/${root}`)
  const { items } = await threads(at, owner)
  assert.deepEqual([items[0]!.parent.content, items[0]!.unread_replies], ['', 1])
  assert.ok(items[0]!.parent.deleted_at)
  assert.equal((await read(owner, root)).body.unread_replies, 0)
  assert.equal((await unfollow(member, root)).status, 204)
  await member.delete(`/api/messages/${reply}`)
  assert.deepEqual((await threads(at, owner)).items, [])
  assert.equal((await read(owner, root)).status, 404)
  assert.equal((await follow(owner, root)).status, 404)
})

test('W-P5 threads are followed and shown only where the channel is seen', async () => {
  await using at = await scene()
  const { owner, admin, member, guest, stranger, privateId, publicId, generalId, workspaceId } = at
  const secret = await send(owner, privateId, 'secret')
  await send(member, privateId, '1', secret)
  const open = await send(owner, publicId, 'open')
  await send(guest, publicId, '1', open)
  const general = await send(owner, generalId, 'general')
  for (const [by, id] of [[admin, secret], [stranger, open], [guest, general], [admin, 'nonsense']] as const) {
    for (const answer of [await follow(by, id), await unfollow(by, id), await read(by, id)]) {
      assert.deepEqual([answer.status, answer.body.error.code], [404, 'NOT_FOUND'])
    }
  }
  assert.equal((await stranger.get(`/api/workspaces/${workspaceId}/threads`)).status, 404)
  // Seen but not in: a public thread can be followed.
  assert.equal((await follow(admin, open)).status, 200)
  assert.deepEqual(await followed(at, admin), [['open', 0]])
  await owner.delete(`/api/channels/${privateId}/members/${member.uuid}`)
  assert.deepEqual(await followed(at, member), [])
  await owner.delete(`/api/channels/${publicId}/members/${guest.uuid}`)
  assert.deepEqual(await followed(at, guest), [])
  await owner.patch(`/api/channels/${publicId}`, { type: 'private' })
  assert.deepEqual(await followed(at, admin), [])
  assert.equal((await unfollow(admin, open)).status, 404)
})
