import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Frame } from '../../testing/client.ts'
import type { User } from '../../testing/world.ts'
import { readAll, readWanted } from './mischief/testing.ts'
import {
  bringIn, checkFrame, connect, cut, drained, made, scene, workspaceProtocol, type Person, type Scene,
} from './testing.ts'

/** What somebody who was away is told when they come back: what they may see now, once, and never what is gone. */

const patient = { config: { accessTokenMs: 1e9, pongWaitMs: 1e9 } }
const CANARY = 'canary-of-what-is-secret'

const positionOf = async ({ workspaceId }: Scene, user: User): Promise<string> =>
  (await user.get(`/api/workspaces/${workspaceId}/channels`)).body.position as string

/** All that is replayed to somebody who comes back, until they are live; each frame with its position, in order. */
async function replayed({ world, workspaceId }: Scene, user: User, since: string): Promise<Frame[]> {
  const client = world.client(`/ws/${workspaceId}?token=${user.token}&since=${since}`, { protocol: workspaceProtocol })
  const frames: Frame[] = []
  for (;;) {
    const frame = await client.next()
    if (frame.type === 'presence.updated') break
    if (frame.type === 'error') {
      checkFrame(frame, workspaceId)
      await client.expectClose(4403)
      return [frame]
    }
    if (frame.type === 'resync') {
      assert.deepEqual(Object.keys(frame), ['type', 'data', 'timestamp', 'position'])
      frames.push(frame)
      continue
    }
    const { position: _, ...rest } = frame
    assert.deepEqual(Object.keys(frame).at(-1), 'position')
    checkFrame(rest, workspaceId)
    frames.push(frame)
  }
  await drained(client)
  await client.close()
  return frames
}

/** Somebody goes, things happen, they come back. @returns names and subjects of what they are told */
async function whileAway(at: Scene, person: Person, happens: () => Promise<void>): Promise<Frame[]> {
  const user = at[person]
  const before = await readAll(user, at.workspaceId)
  const since = await positionOf(at, user)
  await cut(at.world, at.listening[person])
  await happens()
  const frames = await replayed(at, user, since)
  if (frames[0]?.type !== 'error' && frames[0]?.type !== 'resync') {
    // A client that knew what was there before, and applies this, knows what is there now.
    for (const frame of frames) before.apply(frame)
    await readWanted(user, before)
    assert.deepEqual(before.state, (await readAll(user, at.workspaceId)).state)
  }
  return frames
}

const told = (frames: readonly Frame[]): string[] =>
  frames.map(({ type, data }) => `${type} ${(data['content'] ?? data['channel_id'] ?? data['id']) as string}`)

const hidden = (frames: readonly Frame[], secret: string): void =>
  assert.ok(!JSON.stringify(frames).includes(secret), `${secret} in ${JSON.stringify(frames)}`)


const say = (by: User, channel: string, content: string) => made(by, `/api/channels/${channel}/messages`, { content })
const workspace = ({ workspaceId }: Scene): string => `/api/workspaces/${workspaceId}`

test('K-11 W-E5 taken out of a private channel while away: that it is gone, and not a word of it, from before or after', async () => {
  await using at = await scene()
  const frames = await whileAway(at, 'member', async () => {
    await say(at.owner, at.privateId, `${CANARY} 1`)
    await at.owner.patch(`/api/channels/${at.privateId}`, { name: `${CANARY} name` })
    await at.owner.delete(`/api/channels/${at.privateId}/members/${at.member.uuid}`)
    await say(at.owner, at.privateId, `${CANARY} 2`)
    await say(at.owner, at.generalId, 'for everybody')
  })
  assert.deepEqual(told(frames), [
    `member.left ${at.privateId}`,
    `channel.deleted ${at.privateId}`,
    'message.new for everybody',
  ])
})

test('K-11 out of a public channel while away: it stays in sight, what was said in it does not come', async () => {
  await using at = await scene()
  const frames = await whileAway(at, 'member', async () => {
    await say(at.owner, at.publicId, CANARY)
    await at.owner.delete(`/api/channels/${at.publicId}/members/${at.member.uuid}`)
    await at.owner.patch(`/api/channels/${at.publicId}`, { name: 'design-2' })
  })
  assert.deepEqual(told(frames), [`member.left ${at.publicId}`, `channel.updated ${at.publicId}`])
})

test('K-11 W-E5 back in the channel by the time they come back: its creation, and what was said, also without them', async () => {
  await using at = await scene()
  const frames = await whileAway(at, 'member', async () => {
    await say(at.owner, at.privateId, 'one')
    await at.owner.delete(`/api/channels/${at.privateId}/members/${at.member.uuid}`)
    await say(at.owner, at.privateId, 'two')
    await at.owner.post(`/api/channels/${at.privateId}/members`, { user_id: at.member.uuid })
    await say(at.owner, at.privateId, 'three')
  })
  assert.deepEqual(told(frames), [
    'message.new one',
    `member.left ${at.privateId}`,
    `channel.deleted ${at.privateId}`,
    'message.new two',
    `channel.created ${at.privateId}`,
    `member.joined ${at.privateId}`,
    'message.new three',
  ])
})

test('K-11 W-E8 removed from the workspace while away: refused, and not a word', async () => {
  await using at = await scene()
  const frames = await whileAway(at, 'member', async () => {
    await say(at.owner, at.privateId, CANARY)
    await at.owner.delete(`${workspace(at)}/members/${at.member.uuid}`)
  })
  assert.deepEqual(frames.map(({ data }) => data['code']), ['UNAUTHORIZED'])
})

test('K-11 W-E5 made a guest while away: what they are not in is gone, what was made and said meanwhile does not come', async () => {
  await using at = await scene()
  const { id: lounge } = await made(at.owner, `${workspace(at)}/channels`, { name: 'lounge' })
  const frames = await whileAway(at, 'member', async () => {
    await made(at.owner, `${workspace(at)}/channels`, { name: CANARY })
    await at.owner.patch(`${workspace(at)}/members/${at.member.uuid}`, { role: 'guest' })
    await made(at.owner, `${workspace(at)}/channels`, { name: `${CANARY}-2` })
    await say(at.owner, at.publicId, 'still in it')
  })
  hidden(frames, CANARY)
  const { body } = await at.owner.get(`${workspace(at)}/channels?q=${CANARY}&limit=5`)
  const gone = [lounge, body.items[1].id].map((id: string) => `channel.deleted ${id}`)
  assert.deepEqual(told(frames), [...gone, 'message.new still in it'])
})

test('K-11 W-E5 made a member while away: every public channel comes, with those made meanwhile', async () => {
  await using at = await scene()
  const { id: lounge } = await made(at.owner, `${workspace(at)}/channels`, { name: 'lounge' })
  const frames = await whileAway(at, 'guest', async () => {
    await made(at.owner, `${workspace(at)}/channels`, { name: 'before' })
    await at.owner.patch(`${workspace(at)}/members/${at.guest.uuid}`, { role: 'member' })
    await made(at.owner, `${workspace(at)}/channels`, { name: 'after' })
  })
  const { items } = (await at.owner.get(`${workspace(at)}/channels?type=public`)).body
  const idOf = (wanted: string) => (items as { id: string; name: string }[]).find(({ name }) => name === wanted)!.id
  assert.deepEqual(told(frames), [
    `channel.created ${idOf('before')}`,
    `channel.created ${at.generalId}`,
    `channel.created ${lounge}`,
    `channel.created ${idOf('before')}`,
    `member.joined ${at.generalId}`,
    `channel.created ${idOf('after')}`,
  ])
})

test('K-11 W-E5 made private while away: gone for who is not in it, and what was told of it before is not told again', async () => {
  await using at = await scene()
  const frames = await whileAway(at, 'admin', async () => {
    await at.owner.patch(`/api/channels/${at.publicId}`, { name: CANARY })
    await at.owner.patch(`/api/channels/${at.publicId}`, { type: 'private' })
    await at.owner.patch(`/api/channels/${at.publicId}`, { name: `${CANARY} again` })
  })
  assert.deepEqual(told(frames), [`channel.deleted ${at.publicId}`])
  hidden(frames, CANARY)
})

test('K-11 brought in and taken out again while away: that it was, but not what', async () => {
  await using at = await scene()
  const frames = await whileAway(at, 'admin', async () => {
    await at.owner.patch(`/api/channels/${at.privateId}`, { name: CANARY })
    await at.owner.post(`/api/channels/${at.privateId}/members`, { user_id: at.admin.uuid })
    await say(at.owner, at.privateId, CANARY)
    await at.owner.delete(`/api/channels/${at.privateId}/members/${at.admin.uuid}`)
  })
  assert.deepEqual(told(frames), [`member.left ${at.privateId}`, `channel.deleted ${at.privateId}`])
})

test('K-11 a member for a while, while away: a guest again, they are told of no channel that was theirs then', async () => {
  await using at = await scene()
  const { id: lounge } = await made(at.owner, `${workspace(at)}/channels`, { name: CANARY })
  const frames = await whileAway(at, 'guest', async () => {
    await at.owner.patch(`${workspace(at)}/members/${at.guest.uuid}`, { role: 'member' })
    await made(at.owner, `${workspace(at)}/channels`, { name: `${CANARY}-2` })
    await at.owner.patch(`${workspace(at)}/members/${at.guest.uuid}`, { role: 'guest' })
  })
  hidden(frames, CANARY)
  assert.ok(told(frames).includes(`channel.deleted ${lounge}`))
})

test('K-11 W-E5 made public and joined on another device while away: its creation comes before the joining', async () => {
  await using at = await scene()
  const frames = await whileAway(at, 'admin', async () => {
    at.world.clock.advance(1_000)
    await at.owner.patch(`/api/channels/${at.privateId}`, { type: 'public' })
    await at.admin.post(`/api/channels/${at.privateId}/members`)
    await say(at.owner, at.privateId, 'welcome')
  })
  const all = told(frames)
  assert.deepEqual(all.slice(-2), [`member.joined ${at.privateId}`, 'message.new welcome'])
  assert.ok(all.indexOf(`channel.created ${at.privateId}`) < all.indexOf(`member.joined ${at.privateId}`), all.join())
  assert.ok(all.includes(`channel.created ${at.privateId}`))
})

for (const [person, kind] of [
  ['member', 'privateId'],
  ['guest', 'privateId'],
  ['guest', 'publicId'],
  ['admin', 'publicId'],
] as const) {
  test(`K-11 W-E4 a channel (${kind}) that was deleted while the ${person} was away: that, and nothing else of it`, async () => {
    await using at = await scene()
    const frames = await whileAway(at, person, async () => {
      await say(at.owner, at[kind], CANARY)
      await at.owner.delete(`/api/channels/${at[kind]}`)
    })
    assert.deepEqual(told(frames), [`channel.deleted ${at[kind]}`])
  })
}

for (const [was, becomes] of [['member', 'guest'], ['guest', 'member'], ['member', 'member']] as const) {
  test(`K-5 W-E5 W-E8 removed and let in again while away, ${was} before and ${becomes} now: one resync, nothing else`, async () => {
    await using at = await scene()
    await made(at.owner, `${workspace(at)}/channels`, { name: 'lounge' })
    const frames = await whileAway(at, was, async () => {
      const user = at[was]
      await at.owner.delete(`${workspace(at)}/members/${user.uuid}`)
      await made(at.owner, `${workspace(at)}/channels`, { name: 'meanwhile' })
      await say(at.owner, at.privateId, CANARY)
      await bringIn(at.owner, at.workspaceId, user, { role: becomes, channel_ids: [at.publicId] })
    })
    assert.deepEqual(frames.map(({ type }) => type), ['resync'])
    // From there it goes on.
    await say(at.owner, at.publicId, 'welcome back')
    assert.deepEqual(told(await replayed(at, at[was], frames[0]!.position!)), ['message.new welcome back'])
  })
}

const demoted = { todo: 'a guest is not in the room by which earlier removals were told; a log of lost sights would be' }
for (const what of ['made private', 'deleted'] as const) {
  test(`K-5 W-E5 ${what}, and then they became a guest, both while away: they do not keep the channel`, demoted, async () => {
    await using at = await scene()
    const { id: lounge } = await made(at.owner, `${workspace(at)}/channels`, { name: 'lounge' })
    const frames = await whileAway(at, 'member', async () => {
      if (what === 'deleted') await at.owner.delete(`/api/channels/${lounge}`)
      else await at.owner.patch(`/api/channels/${lounge}`, { type: 'private' })
      await at.owner.patch(`${workspace(at)}/members/${at.member.uuid}`, { role: 'guest' })
    })
    assert.ok(['resync', 'channel.deleted'].includes(frames[0]?.type ?? 'nothing'))
  })
}

const between = { todo: 'face.ts: joined_offset is where the log was before the group, which has positions in its middle' }
test('K-5 W-E8 a position from between the leaving and the coming back, written in one go, is before the coming back', between, async () => {
  await using at = await scene()
  await made(at.owner, `${workspace(at)}/channels`, { name: 'lounge' })
  const { token } = await made(at.owner, `${workspace(at)}/invites`, { role: 'guest', channel_ids: [at.publicId] })
  const watching = await connect(at.world, at.workspaceId, at.owner, '&since=now')
  const before = await readAll(at.member, at.workspaceId)
  await cut(at.world, at.listening.member)
  const deeds = [
    at.owner.delete(`${workspace(at)}/members/${at.member.uuid}`),
    at.member.post('/api/invites/accept', { token }),
  ]
  assert.deepEqual((await Promise.all(deeds)).map(({ status }) => status), [204, 201])
  const left = (await drained(watching)).filter(({ type }) => type === 'member.left').at(-1)!
  const [first] = await replayed(at, at.member, left.position!)
  assert.equal(first?.type, 'resync', `they believe in ${before.seen.length} channels and see one`)
})

test('W-E4 what was said and deleted while away is in no replay; neither is a channel that came and went', async () => {
  await using at = await scene()
  let message = { id: '' }
  let channel = { id: '' }
  const frames = await whileAway(at, 'member', async () => {
    message = await say(at.owner, at.privateId, CANARY)
    await at.owner.patch(`/api/messages/${message.id}`, { content: `${CANARY} edited` })
    await at.guest.post(`/api/messages/${message.id}/reactions`, { emoji: '👍' })
    await at.owner.delete(`/api/messages/${message.id}`)
    channel = await made(at.owner, `${workspace(at)}/channels`, { name: CANARY })
    await at.owner.patch(`/api/channels/${channel.id}`, { description: CANARY })
    await at.owner.delete(`/api/channels/${channel.id}`)
  })
  assert.deepEqual(told(frames), [`message.deleted ${message.id}`, `channel.deleted ${channel.id}`])
})

test('W-E4 a thread whose beginning was deleted while away still comes to the same', async () => {
  await using at = await scene()
  const { id: old } = await say(at.owner, at.privateId, 'known before')
  const frames = await whileAway(at, 'member', async () => {
    for (const id of [old, (await say(at.owner, at.privateId, `${CANARY} unknown before`)).id]) {
      await made(at.guest, `/api/messages/${id}/replies`, { content: 'my words stay' })
      await at.owner.delete(`/api/messages/${id}`)
    }
  })
  hidden(frames, CANARY)
  assert.equal(frames.filter(({ data }) => data['content'] === 'my words stay').length, 2)
})

test('K-5 without since there is no position and nothing twice; with it, exactly one key more', async () => {
  await using at = await scene()
  await say(at.owner, at.publicId, 'before')
  const plain = await connect(at.world, at.workspaceId, at.member)
  const now = await connect(at.world, at.workspaceId, at.member, '&since=now')
  const late = await connect(at.world, at.workspaceId, at.member, `&since=${await positionOf(at, at.member)}`)
  await say(at.owner, at.publicId, 'after')
  const [plainly, positioned, again] = [await plain.next(), await now.next(), await late.next()]
  assert.deepEqual(Object.keys(plainly), ['type', 'data', 'workspace_id', 'timestamp'])
  assert.deepEqual(Object.keys(positioned), ['type', 'data', 'workspace_id', 'timestamp', 'position'])
  const { position, ...frame } = positioned
  assert.deepEqual(frame, plainly)
  assert.deepEqual(again, positioned)
  // Signals have no place in the log.
  await drained(at.listening.owner)
  at.listening.owner.send({ type: 'typing', channel_id: at.publicId, is_typing: true })
  await at.listening.owner.expectNothing()
  assert.deepEqual(Object.keys(await now.next()), ['type', 'data', 'workspace_id', 'timestamp'])
  await plain.expect('typing.start')
  for (const client of [plain, now]) await client.expectNothing()
  // From a position, what came after it: once, also to who was there all the time on another device.
  const { id: next } = await say(at.owner, at.publicId, 'more')
  const back = await replayed(at, at.member, position!)
  assert.deepEqual(back.map(({ data }) => data['id']), [next])
})

test('K-11 a position of one workspace tells nothing in another', async () => {
  await using at = await scene()
  const { id: other } = await made(at.member, '/api/workspaces', { name: 'Elsewhere' })
  const since = await positionOf(at, at.member)
  await say(at.owner, at.publicId, CANARY)
  const client = await connect(at.world, other, at.member, `&since=${since}`)
  await client.expectNothing()
})

for (const [what, spoil] of [
  ['of another epoch', (position: string) => `abcdefgh.${position.split('.')[1]}`],
  ['from the future', (position: string) => `${position}zz`],
  ['that is none', () => '%00nonsense%F0%9F%92%A9'],
  ['that is empty', () => ''],
] as const) {
  test(`K-5 a position ${what}: one resync with a fresh position, and life goes on from there`, async () => {
    await using at = await scene()
    const position = await positionOf(at, at.member)
    await say(at.owner, at.publicId, 'not repeated')
    const client = at.world.client(`/ws/${at.workspaceId}?token=${at.member.token}&since=${spoil(position)}`, {
      protocol: workspaceProtocol,
    })
    const frame = await client.next()
    assert.deepEqual(Object.keys(frame), ['type', 'data', 'timestamp', 'position'])
    assert.deepEqual([frame.type, frame.data], ['resync', {}])
    // Then, as always, who is there.
    assert.deepEqual(new Set((await drained(client)).map(({ type }) => type)), new Set(['presence.updated']))
    await say(at.owner, at.publicId, 'live')
    await client.expect('message.new', { content: 'live' })
    assert.deepEqual(told(await replayed(at, at.member, frame.position!)), ['message.new live'])
  })
}

test('K-5 a position older than the log: one resync, never a part', async () => {
  await using at = await scene({ config: { ...patient.config, eventRetentionMs: 60_000 } })
  const since = await positionOf(at, at.member)
  for (let n = 0; n < 3; n += 1) await say(at.owner, at.publicId, `old ${n}`)
  await at.world.advance(2 * 60 * 60_000)
  await say(at.owner, at.publicId, 'new')
  const client = at.world.client(`/ws/${at.workspaceId}?token=${at.member.token}&since=${since}`, {
    protocol: workspaceProtocol,
  })
  assert.equal((await client.next()).type, 'resync')
  assert.deepEqual(new Set((await drained(client)).map(({ type }) => type)), new Set(['presence.updated']))
})
