import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { User } from '../../testing/world.ts'
import { expectFrames, made, posted, scene } from './testing.ts'

/** What a channel keeps at hand. */

const pin = (by: User, id: string) => by.post(`/api/messages/${id}/pin`)
const unpin = (by: User, id: string) => by.delete(`/api/messages/${id}/pin`)
const send = async (by: User, channel: string, content: string): Promise<string> =>
  (await made(by, `/api/channels/${channel}/messages`, { content })).id as string

interface Shown {
  message: { id: string; content: string; pinned_at: string }
  pinned_by: string
  pinned_at: string
}

interface Page {
  items: Shown[]
  next_before: string | null
}

async function pins(by: User, channel: string, query = ''): Promise<Page> {
  const { status, body } = await by.get(`/api/channels/${channel}/pins${query}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body as Page
}

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`the last pinned comes first, in pages that survive changes (${storage})`, async () => {
    await using at = await scene({ storage })
    const { owner, member, publicId, world } = at
    const ids: string[] = []
    for (let i = 0; i < 6; i += 1) ids.push(await send(owner, publicId, `${i}`))
    for (const i of [3, 0, 4, 1, 2]) {
      // Two of them in the same moment.
      if (i !== 4) world.clock.advance(10)
      assert.equal((await pin(i === 0 ? member : owner, ids[i]!)).status, 200)
    }
    const { items } = await pins(member, publicId)
    const contents = items.map(({ message }) => message.content)
    assert.deepEqual(contents.toSorted(), ['0', '1', '2', '3', '4'])
    assert.deepEqual([contents[0], contents[1], contents[4]], ['2', '1', '3'])
    for (const { message, pinned_by, pinned_at } of items) {
      assert.equal(pinned_by, message.content === '0' ? member.uuid : owner.uuid)
      assert.equal(pinned_at, message.pinned_at)
    }
    const got: string[] = []
    let query: string | undefined = '?limit=1'
    while (query !== undefined) {
      const { items: shown, next_before }: Page = await pins(member, publicId, query)
      got.push(...shown.map(({ message }) => message.content))
      query = next_before === null ? undefined : `?limit=1&before=${next_before}`
      // The page goes on where a pin was that has been taken off.
      await unpin(member, shown[0]!.message.id)
    }
    assert.deepEqual(got, contents)
    assert.equal((await member.get(`/api/channels/${publicId}/pins?before=nonsense`)).status, 400)
  })
}

test('a pin says by whom and when, again it says the same; no frame is sent', async () => {
  await using at = await scene()
  const id = await posted(at, at.owner, at.privateId, 'keep')
  const first = await pin(at.member, id)
  assert.deepEqual(first.body, {
    message_id: id,
    channel_id: at.privateId,
    pinned_by: at.member.uuid,
    pinned_at: first.body.pinned_at as string,
  })
  at.world.clock.advance(1000)
  assert.deepEqual((await pin(at.owner, id)).body, first.body)
  assert.equal((await at.guest.get(`/api/messages/${id}`)).body.pinned_at, first.body.pinned_at)
  for (let times = 0; times < 2; times += 1) assert.equal((await unpin(at.owner, id)).status, 204)
  assert.equal((await at.guest.get(`/api/messages/${id}`)).body.pinned_at, null)
  assert.deepEqual((await pins(at.guest, at.privateId)).items, [])
  await expectFrames(at, {})
})

test('W-P13 those in a channel pin in it while it lives, guests never; whoever sees it sees the pins', async () => {
  await using at = await scene()
  const { owner, admin, member, guest, stranger, privateId, publicId } = at
  const secret = await send(owner, privateId, 'secret')
  const open = await send(owner, publicId, 'open')
  const gone = await send(owner, publicId, 'gone')
  await owner.delete(`/api/messages/${gone}`)
  for (const [by, id, status] of [
    [admin, secret, 404],
    [admin, open, 403],
    [guest, open, 403],
    [stranger, open, 404],
    [member, gone, 404],
    [member, 'nonsense', 404],
  ] as const) {
    assert.equal((await pin(by, id)).status, status)
    assert.equal((await unpin(by, id)).status, status)
  }
  assert.equal((await pin(member, open)).status, 200)
  assert.equal((await pin(member, secret)).status, 200)
  for (const by of [owner, admin, member, guest]) assert.equal((await pins(by, publicId)).items.length, 1)
  assert.equal((await admin.get(`/api/channels/${privateId}/pins`)).status, 404)
  assert.equal((await stranger.get(`/api/channels/${publicId}/pins`)).status, 404)
  await owner.post(`/api/channels/${publicId}/archive`)
  assert.equal((await unpin(member, open)).status, 409)
  assert.equal((await pin(member, open)).status, 409)
  assert.equal((await pins(admin, publicId)).items.length, 1)
  await owner.delete(`/api/messages/${secret}`)
  assert.deepEqual((await pins(owner, privateId)).items, [])
})

test('W-L3 a channel has a bounded number of pins; one that goes makes room, a deleted message too', async () => {
  await using at = await scene({ config: { workspacePinsPerChannel: 2 } })
  const { member, publicId, privateId } = at
  const ids = [await send(member, publicId, '1'), await send(member, publicId, '2'), await send(member, publicId, '3')]
  const [one, two, three] = ids as [string, string, string]
  const answers = await Promise.all(ids.map((id) => pin(member, id)))
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 409])
  assert.match(answers.find(({ status }) => status === 409)!.body.error.message as string, /unpin another/)
  assert.equal((await pin(member, one)).status, 200)
  assert.equal((await pin(member, await send(member, privateId, 'elsewhere'))).status, 200)
  await unpin(member, one)
  assert.equal((await pin(member, three)).status, 200)
  assert.equal((await pin(member, one)).status, 409)
  await member.delete(`/api/messages/${two}`)
  assert.equal((await pin(member, one)).status, 200)
})
