import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompiledQuery } from 'kysely'
import { seeded } from '../../testing/random.ts'
import type { User } from '../../testing/world.ts'
import { bringIn, made, people, scene, type Person, type Scene } from './testing.ts'
import { COUNT_MAX, unreadIn, unreadOf } from './store/reading.ts'

/** What a person has read, and who was called. */

interface Entry {
  channel_id: string
  unread_count: number
  mention_count: number
  last_read_message_id: string | null
  last_message_at: string | null
}

const send = async (by: User, channel: string, content: string, more: object = {}): Promise<string> =>
  (await made(by, `/api/channels/${channel}/messages`, { content, ...more })).id as string

async function unread(at: Scene, by: User): Promise<readonly Entry[]> {
  const { status, body } = await by.get(`/api/workspaces/${at.workspaceId}/unread`)
  assert.equal(status, 200)
  assert.match(body.position as string, /./)
  return body.items as Entry[]
}

async function counts(at: Scene, by: User, channel: string): Promise<[number, number]> {
  const entry = (await unread(at, by)).find((one) => one.channel_id === channel)!
  return [entry.unread_count, entry.mention_count]
}

const mentions = async (at: Scene, by: User, query = ''): Promise<readonly string[]> => {
  const { status, body } = await by.get(`/api/workspaces/${at.workspaceId}/mentions${query}`)
  assert.equal(status, 200, JSON.stringify(body))
  return (body.items as { content: string }[]).map(({ content }) => content)
}

const read = (by: User, channel: string, body: object = {}) => by.post(`/api/channels/${channel}/read`, body)
const reread = (by: User, channel: string, message: string) =>
  by.post(`/api/channels/${channel}/unread`, { message_id: message })

test('W-E9 the marker goes forward only, and what it answers is absolute', async () => {
  await using at = await scene()
  const { owner, member, privateId } = at
  const first = await send(owner, privateId, 'one')
  const second = await send(owner, privateId, '@member two')
  await send(owner, privateId, 'three', { parent_message_id: first })
  await send(member, privateId, 'mine @member @channel')
  assert.deepEqual(await counts(at, member, privateId), [3, 1])
  const state = (last_read_message_id: string, unread_count: number, mention_count: number) =>
    ({ channel_id: privateId, last_read_message_id, unread_count, mention_count })
  assert.deepEqual((await read(member, privateId, { message_id: second })).body, state(second, 1, 0))
  assert.deepEqual((await read(member, privateId, { message_id: first })).body, state(second, 1, 0))
  const last = await send(owner, privateId, 'four')
  for (let times = 0; times < 2; times += 1) {
    const { status, body } = await read(member, privateId)
    assert.equal(status, 200)
    assert.deepEqual(body, state(last, 0, 0))
  }
})

test('W-E9 unread again: the marker goes to just before a message, either way', async () => {
  await using at = await scene()
  const { owner, member, privateId, publicId } = at
  const first = await send(owner, privateId, 'one')
  await send(owner, publicId, 'elsewhere')
  const second = await send(owner, privateId, 'two')
  const third = await send(owner, privateId, 'three @channel')
  await read(member, privateId)
  const at2 = (await reread(member, privateId, second)).body
  assert.deepEqual([at2.last_read_message_id, at2.unread_count, at2.mention_count], [first, 2, 1])
  const at1 = (await reread(member, privateId, first)).body
  assert.deepEqual([at1.last_read_message_id, at1.unread_count], [null, 3])
  const at3 = (await reread(member, privateId, third)).body
  assert.deepEqual([at3.last_read_message_id, at3.unread_count], [second, 1])
  // A message that is deleted meanwhile was seen all the same.
  await owner.delete(`/api/messages/${third}`)
  assert.deepEqual((await read(member, privateId, { message_id: third })).body.unread_count, 0)
  assert.equal((await reread(member, privateId, third)).body.last_read_message_id, second)
})

test('W-E9 those in a channel read it, archived or not; others only see it or see nothing', async () => {
  await using at = await scene()
  const { owner, admin, member, guest, stranger, privateId, publicId, generalId, workspaceId } = at
  const secret = await send(owner, privateId, 'secret')
  const open = await send(owner, publicId, 'open')
  for (const [by, channel, status] of [
    [admin, publicId, 403],
    [admin, privateId, 404],
    [guest, generalId, 404],
    [stranger, publicId, 404],
    [stranger, 'nonsense', 404],
  ] as const) {
    assert.equal((await read(by, channel)).status, status)
    assert.equal((await reread(by, channel, open)).status, status)
  }
  // One answer for a message elsewhere, a hidden one and none at all.
  const faults = []
  for (const id of [open, secret, 'nonsense', '00000000-0000-4000-8000-000000000000']) {
    faults.push((await read(member, generalId, { message_id: id })).body, (await reread(member, generalId, id)).body)
  }
  assert.equal(new Set(faults.map((body) => JSON.stringify(body))).size, 1)
  assert.match(faults[0].error.details.message_id, /of this channel/)
  assert.equal((await member.post(`/api/channels/${privateId}/unread`, {})).status, 400)
  assert.equal((await owner.post(`/api/channels/${privateId}/archive`)).status, 200)
  assert.equal((await read(member, privateId)).body.unread_count, 0)
  assert.equal((await stranger.get(`/api/workspaces/${workspaceId}/unread`)).status, 404)
  assert.deepEqual(
    (await unread(at, guest)).map((one) => one.channel_id).toSorted(),
    [publicId, privateId].toSorted(),
  )
  await owner.delete(`/api/channels/${privateId}/members/${guest.uuid}`)
  assert.deepEqual((await unread(at, guest)).map((one) => one.channel_id), [publicId])
})

test('what was written before one came is not unread; the list says when a channel last said something', async () => {
  await using at = await scene()
  const { owner, admin, publicId, workspaceId, stranger } = at
  await send(owner, publicId, 'before')
  const gone = await send(owner, publicId, '@channel and gone')
  await owner.delete(`/api/messages/${gone}`)
  await admin.post(`/api/channels/${publicId}/members`)
  await bringIn(owner, workspaceId, stranger, { role: 'guest', channel_ids: [publicId] })
  for (const by of [admin, stranger]) assert.deepEqual(await counts(at, by, publicId), [0, 0])
  const [entry] = await unread(at, stranger)
  assert.deepEqual(Object.keys(entry!).toSorted(), [
    'channel_id',
    'last_message_at',
    'last_read_message_id',
    'mention_count',
    'unread_count',
  ])
  assert.match(entry!.last_message_at!, /Z$/)
  await send(owner, publicId, '@channel')
  assert.deepEqual(await counts(at, stranger, publicId), [1, 1])
})

test('counting ends at a bound', async () => {
  await using at = await scene()
  const { owner, member, privateId } = at
  const id = await send(owner, privateId, '@member')
  const copies = `insert into workspace_messages (uuid, channel_id, user_id, content, created_at, reply_count)
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ?)
    select uuid || i, channel_id, user_id, content, created_at, 0 from n join workspace_messages where uuid = ?`
  const calls = `insert into workspace_mentions (message_id, channel_id, user_id)
    select t.id, t.channel_id, a.id from workspace_messages t join accounts a on a.username = 'member' where t.uuid > ?`
  await at.world.app.unitOfWork.run(async (unit) => {
    await unit.query(CompiledQuery.raw(copies, [COUNT_MAX + 5, id]))
    await unit.query(CompiledQuery.raw(calls, [id]))
  })
  assert.deepEqual(await counts(at, member, privateId), [COUNT_MAX, COUNT_MAX])
})

for (const storage of ['sqlite', 'postgres'] as const) {
  test(`W-E10 mentions are by name or of everybody, of others, where one is, newest first (${storage})`, async () => {
    await using at = await scene({ storage })
    const { owner, admin, member, guest, stranger, privateId, publicId, generalId, workspaceId } = at
    await send(owner, privateId, '1 @member')
    await send(owner, publicId, '2 @channel and @member')
    await send(owner, generalId, '3 @guest')
    await send(member, privateId, '4 mine @member @channel')
    const gone = await send(owner, privateId, '5 @member')
    const parent = await send(owner, privateId, '6')
    await send(guest, privateId, '7 @MEMBER', { parent_message_id: parent })
    const edited = await send(owner, privateId, '8 @member')
    await owner.patch(`/api/messages/${edited}`, { content: '8 nobody' })
    await owner.patch(`/api/messages/${parent}`, { content: '6 @member' })
    await owner.delete(`/api/messages/${gone}`)
    const all = ['7 @MEMBER', '6 @member', '2 @channel and @member', '1 @member']
    assert.deepEqual(await mentions(at, member), all)
    const first = (await member.get(`/api/workspaces/${workspaceId}/mentions?limit=3`)).body
    assert.equal(first.items.length, 3)
    assert.deepEqual(await mentions(at, member, `?limit=3&before=${first.next_before}`), all.slice(3))
    assert.deepEqual(await mentions(at, guest), ['4 mine @member @channel', '2 @channel and @member'])
    assert.deepEqual(await mentions(at, admin), [])
    assert.equal((await stranger.get(`/api/workspaces/${workspaceId}/mentions`)).status, 404)
    // Out of the channel, the words in it are out of sight, and so is a cursor that stood in it.
    await owner.delete(`/api/channels/${privateId}/members/${member.uuid}`)
    assert.deepEqual(await mentions(at, member), ['2 @channel and @member'])
    const hidden = await member.get(`/api/workspaces/${workspaceId}/mentions?before=${parent}`)
    const absent = await member.get(`/api/workspaces/${workspaceId}/mentions?before=nonsense`)
    assert.equal(hidden.status, 400)
    assert.deepEqual(hidden.body, absent.body)
  })

  test(`W-E9 random sends, edits, deletions and reads: counts are those of a naive recount (${storage})`, async () => {
    await using at = await scene({ storage, config: { workspaceWritesPerMinute: 0 } })
    const random = seeded()
    const { generalId, publicId, privateId } = at
    const inside: Record<string, Set<Person>> = {
      [generalId]: new Set(['owner', 'admin', 'member']),
      [publicId]: new Set(['owner', 'member', 'guest']),
      [privateId]: new Set(['owner', 'member', 'guest']),
    }
    const channels = Object.keys(inside)
    interface Sent {
      id: string
      channel: string
      author: Person
      called: ReadonlySet<Person>
      parent: string | undefined
      deleted: boolean
    }
    const sent: Sent[] = []
    /** Index in `sent` of the last message that was read, by person and channel. */
    const marks = new Map<string, number>()
    const last = (channel: string) => sent.findLastIndex((one) => one.channel === channel)
    const words = (channel: string, author: Person): [string, ReadonlySet<Person>] => {
      const named = people.filter(() => random.int(3) === 0)
      const everybody = author !== 'guest' && random.int(4) === 0
      const text = named.map((person) => `@${person}`)
      if (everybody) text.push(random.pick(['@channel', '@here']))
      // Everybody is online, so both words mean the same.
      const called = everybody ? people : named.filter((person) => inside[channel]!.has(person))
      return [`x ${text.join(' ')}`, new Set(called)]
    }
    for (let step = 0; step < (storage === 'sqlite' ? 300 : 100); step += 1) {
      const channel = random.pick(channels)
      const who = random.pick([...inside[channel]!])
      const by = at[who]
      const there = sent.filter((one) => one.channel === channel)
      const dice = there.length === 0 ? 0 : random.int(10)
      const target = there.length === 0 ? undefined : random.pick(there)
      if (dice < 4) {
        const [content, called] = words(channel, who)
        const root = there.filter((one) => one.parent === undefined && !one.deleted).at(-1)?.id
        const parent = random.int(3) === 0 ? root : undefined
        const id = await send(by, channel, content, { parent_message_id: parent ?? null })
        sent.push({ id, channel, author: who, called, parent, deleted: false })
      } else if (dice === 4 && !target!.deleted && inside[channel]!.has(target!.author)) {
        const [content, called] = words(channel, target!.author)
        assert.equal((await at[target!.author].patch(`/api/messages/${target!.id}`, { content })).status, 200)
        target!.called = called
      } else if (dice === 5 && !target!.deleted) {
        assert.equal((await at[target!.author].delete(`/api/messages/${target!.id}`)).status, 204)
        target!.deleted = true
      } else if (dice < 8) {
        const all = random.int(3) === 0
        const { status } = await read(by, channel, all ? {} : { message_id: target!.id })
        assert.equal(status, 200)
        const mark = all ? last(channel) : sent.indexOf(target!)
        marks.set(who + channel, Math.max(marks.get(who + channel) ?? -1, mark))
      } else if (dice === 8) {
        assert.equal((await reread(by, channel, target!.id)).status, 200)
        marks.set(who + channel, sent.indexOf(target!) - 1)
      } else if (who === 'member' && channel === publicId) {
        assert.equal((await by.delete(`/api/channels/${channel}/members/me`)).status, 204)
        if (random.int(2) === 0) {
          const id = await send(at.owner, channel, '@channel')
          sent.push({ id, channel, author: 'owner', called: new Set(people), parent: undefined, deleted: false })
        }
        assert.equal((await by.post(`/api/channels/${channel}/members`)).status, 200)
        marks.set(who + channel, last(channel))
      }
      if (step % 5 !== 4) continue
      for (const person of people) {
        const expected = channels
          .filter((one) => inside[one]!.has(person))
          .map((one) => {
            const mark = marks.get(person + one) ?? -1
            const news = sent.filter(
              (message, i) => i > mark && message.channel === one && message.author !== person && !message.deleted,
            )
            return [one, [news.length, news.filter(({ called }) => called.has(person)).length]] as const
          })
        const got = (await unread(at, at[person])).map(
          ({ channel_id, unread_count, mention_count }) => [channel_id, [unread_count, mention_count]] as const,
        )
        assert.deepEqual(new Map(got), new Map(expected), `${person}, step ${step}, seed ${random.seed}`)
      }
    }
  })
}

test('no list of unread or mentions reads all messages, nor sorts a channel', async () => {
  await using at = await scene()
  const plan = async (statement: typeof unreadOf | typeof unreadIn): Promise<readonly string[]> => {
    const query = CompiledQuery.raw(`explain query plan ${statement.for('sqlite').sql}`, [1, 1])
    const rows = await at.world.app.unitOfWork.run((unit) => unit.query(query as CompiledQuery<{ detail: string }>))
    return rows.map(({ detail }) => detail)
  }
  for (const statement of [unreadOf, unreadIn]) {
    const lines = await plan(statement)
    for (const table of ['t', 'x', 'cm', 'r']) {
      assert.ok(!lines.some((line) => line.startsWith(`SCAN ${table}`)), lines.join('\n'))
    }
    const range = /^SEARCH t USING (COVERING )?INDEX \w+ \(channel_id=\? AND id>\?\)/
    const ranges = lines.filter((line) => range.test(line))
    assert.equal(ranges.length, 1, lines.join('\n'))
    assert.ok(lines.some((line) => line.includes('workspace_mentions_user')), lines.join('\n'))
  }
})
