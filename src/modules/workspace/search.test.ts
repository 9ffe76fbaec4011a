import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { User } from '../../testing/world.ts'
import { bringIn, made, scene, type Scene } from './testing.ts'

/** What is found, and by whom: never more than the searcher may read at this moment (W-P5). */

const send = async (by: User, channel: string, content: string, more: object = {}): Promise<string> =>
  (await made(by, `/api/channels/${channel}/messages`, { content, ...more })).id as string

const search = (at: Pick<Scene, 'workspaceId'>, by: User, query: Record<string, string>) =>
  by.get(`/api/workspaces/${at.workspaceId}/search?${new URLSearchParams(query).toString()}`)

async function found(at: Scene, by: User, q: string, more: Record<string, string> = {}): Promise<readonly string[]> {
  const { status, body } = await search(at, by, { q, ...more })
  assert.equal(status, 200, JSON.stringify(body))
  return (body.items as { content: string }[]).map(({ content }) => content)
}

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`W-P5 no search tells what is in a channel one does not see (${storage})`, async () => {
    await using at = await scene({ storage })
    const { owner, admin, member, guest, stranger, privateId, publicId, generalId, workspaceId } = at
    await send(owner, privateId, 'treasure secret')
    await send(owner, publicId, 'treasure public')
    await send(owner, generalId, 'treasure general')
    const direct = await made(owner, `/api/workspaces/${workspaceId}/channels`, { type: 'dm', user_ids: [member.uuid] })
    await send(owner, direct.id as string, 'treasure direct')
    const all = ['treasure direct', 'treasure general', 'treasure public', 'treasure secret']
    assert.deepEqual(await found(at, owner, 'treasure'), all)
    assert.deepEqual(await found(at, member, 'treasure'), all)
    assert.deepEqual(await found(at, admin, 'treasure'), ['treasure general', 'treasure public'])
    assert.deepEqual(await found(at, guest, 'treasure'), ['treasure public', 'treasure secret'])
    assert.equal((await search(at, stranger, { q: 'treasure' })).status, 404)

    // Probing: hidden and absent answer alike, to the letter but for the position.
    const blank = (body: { position: string }) => ({ ...body, position: '' })
    const nothing = blank((await search(at, admin, { q: 'nonsense' })).body as { position: string })
    assert.deepEqual(nothing, { items: [], next_before: null, position: '' })
    const probes: readonly Record<string, string>[] = [
      { q: 'secret' },
      { q: 'secr', limit: '1' },
      { q: 'treasure', channel_id: privateId },
      { q: 'treasure', channel_id: direct.id as string },
      { q: 'treasure', channel_id: 'nonsense' },
      { q: 'secret', user_id: owner.uuid },
      { q: 'treasure', user_id: stranger.uuid },
    ]
    for (const query of probes) {
      const { body } = await search(at, admin, query)
      assert.deepEqual(blank(body as { position: string }), nothing, JSON.stringify(query))
    }

    // In and out: what is found changes with the membership, at once.
    assert.deepEqual(await found(at, member, 'secret'), ['treasure secret'])
    await owner.delete(`/api/channels/${privateId}/members/${member.uuid}`)
    assert.deepEqual(await found(at, member, 'secret'), [])
    await owner.post(`/api/channels/${privateId}/members`, { user_id: member.uuid })
    assert.deepEqual(await found(at, member, 'secret'), ['treasure secret'])
    await owner.delete(`/api/channels/${publicId}/members/${guest.uuid}`)
    assert.deepEqual(await found(at, guest, 'public'), [])
    await owner.patch(`/api/channels/${publicId}`, { type: 'private' })
    assert.deepEqual(await found(at, admin, 'public'), [])
    await owner.delete(`/api/workspaces/${workspaceId}/members/${member.uuid}`)
    assert.equal((await search(at, member, { q: 'treasure' })).status, 404)
  })

  test(`deleted and edited text is not found any more; replies are, and archived channels (${storage})`, async () => {
    await using at = await scene({ storage })
    const { owner, member, publicId } = at
    const first = await send(owner, publicId, 'apple')
    const second = await send(owner, publicId, 'banana')
    await send(member, publicId, 'apple cake', { parent_message_id: second })
    assert.deepEqual(await found(at, owner, 'apple'), ['apple cake', 'apple'])
    await owner.patch(`/api/messages/${first}`, { content: 'cherry' })
    assert.deepEqual(await found(at, owner, 'apple'), ['apple cake'])
    assert.deepEqual(await found(at, owner, 'cherry'), ['cherry'])
    await owner.delete(`/api/messages/${first}`)
    assert.deepEqual(await found(at, owner, 'cherry'), [])
    await owner.delete(`/api/messages/${second}`)
    assert.deepEqual(await found(at, owner, 'banana'), [])
    assert.equal((await owner.post(`/api/channels/${publicId}/archive`)).status, 200)
    assert.deepEqual(await found(at, member, 'apple'), ['apple cake'])
    await owner.delete(`/api/channels/${publicId}`)
    assert.deepEqual(await found(at, owner, 'apple'), [])
  })

  test(`words are beginnings, all of them needed, and operators are only separators (${storage})`, async () => {
    await using at = await scene({ storage })
    const { owner, publicId } = at
    await send(owner, publicId, 'The Quick brown fox')
    await send(owner, publicId, 'Crème Brûlée, 日本 and Straße')
    const fox = ['The Quick brown fox']
    for (const q of [
      'quick',
      'QUI bro',
      'fox  the',
      '"quick" & fox',
      'quick*',
      '-quick',
      "quick'",
      "quick' --",
      'quick | !fox:* <-> (the',
      '{quick} : ^fox',
      '\\quick\\',
      '%quick%',
      '\u0001quick\u{1f600}',
    ]) {
      assert.deepEqual(await found(at, owner, q), fox, q)
    }
    const words = ['quick NOT fox', 'quick OR nothing', 'NEAR(quick fox)', 'content:quick', 'uick']
    for (const q of [...words, '"', "'", '* * *', '🙂', '\u0301']) {
      assert.deepEqual(await found(at, owner, q), [], q)
    }
    // As it is written, composed or not, in any case.
    const creme = ['Crème Brûlée, 日本 and Straße']
    for (const q of ['crème', 'CRÈME', 'cre\u0300me', 'brûl', 'straße', '日本']) {
      assert.deepEqual(await found(at, owner, q), creme, q)
    }
    // Without its accents only where the database can.
    assert.deepEqual(await found(at, owner, 'creme brulee'), storage === 'sqlite' ? creme : [])
    assert.deepEqual(await found(at, owner, 'q'.repeat(500)), [])
    assert.deepEqual(await found(at, owner, 'quick '.repeat(83)), fox)
    for (const q of ['', 'q'.repeat(501), 'a\0b']) {
      assert.equal((await search(at, owner, { q })).status, 400, q.slice(0, 3))
    }
    assert.equal((await owner.get(`/api/workspaces/${at.workspaceId}/search`)).status, 400)
  })

  test(`results are newest first in pages, by channel and by author (${storage})`, async () => {
    await using at = await scene({ storage })
    const { owner, member, publicId, generalId, workspaceId } = at
    for (let i = 1; i <= 5; i += 1) await send(i % 2 ? owner : member, i < 3 ? generalId : publicId, `plum ${i}`)
    assert.deepEqual(await found(at, owner, 'plum', { user_id: member.uuid }), ['plum 4', 'plum 2'])
    assert.deepEqual(await found(at, owner, 'plum', { channel_id: generalId }), ['plum 2', 'plum 1'])
    assert.deepEqual(await found(at, owner, 'plum', { channel_id: generalId, user_id: member.uuid }), ['plum 2'])
    const pages: string[] = []
    let before: string | null | undefined
    while (before !== null) {
      const { body } = await search(at, owner, { q: 'plum', limit: '2', ...(before && { before }) })
      const items = body.items as { id: string; content: string }[]
      pages.push(items.map(({ content }) => content).join())
      before = body.next_before as string | null
      // A page goes on behind a message that has just been deleted.
      if (before) await owner.delete(`/api/messages/${before}`)
    }
    assert.deepEqual(pages, ['plum 5,plum 4', 'plum 3,plum 2', 'plum 1'])
    // Another workspace of the same people has its own words, and no cursor leads from one into the other.
    const other = (await made(owner, '/api/workspaces', { name: 'Other' })).id as string
    await bringIn(owner, other, member, {})
    assert.deepEqual((await search({ workspaceId: other }, owner, { q: 'plum' })).body.items, [])
    const { body } = await search(at, owner, { q: 'plum', limit: '1' })
    const lost = await search({ workspaceId: other }, owner, { q: 'plum', before: body.items[0].id as string })
    assert.equal(lost.status, 400)
    assert.match(lost.body.error.details.before as string, /next_before/)
    assert.notEqual(workspaceId, other)
  })
}
