import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { MattermostDouble, mentionsIn } from '../../../testing/outside/mattermost.ts'
import { afterKill, type Answer, type User } from '../../../testing/world.ts'
import { made, scene, userId, type Data, type Scene, type Tab } from '../testing.ts'

/** Section 8.3: what is posted, who hears of it, and who is told how the link stands. */

const ALL = ['prd_approved', 'prd_rejected', 'version_created', 'comment_mention']
const URL_OF_PAGES = 'https://prds.example.com'
const SECRET = 'mattermost-token-of-the-bot'

let s: Scene
let double: MattermostDouble
/** `owner` and `viewer` have joined the PRD, on different namespaces; the others are only connected. */
let tabs: Readonly<Record<'owner' | 'viewer' | 'member' | 'admin' | 'outsider', Tab>>

before(async () => {
  double = await new MattermostDouble().listen()
  s = await scene({ config: { publicUrl: `${URL_OF_PAGES}/`, prdWritesPerMinute: 0, accessTokenMs: 86_400_000 } })
  double.now = () => s.world.clock.now()
  for (const name of ['product-team', 'releases']) double.channel(name)
  tabs = {
    owner: await s.tab(s.owner),
    viewer: await s.tab(s.viewer, '/'),
    member: await s.tab(s.member, '/notifications'),
    admin: await s.tab(s.admin, '/ws'),
    outsider: await s.tab(s.outsider, '/'),
  }
  for (const tab of [tabs.owner, tabs.viewer]) await tab.join(s.prdId)
  await quiet()
})
after(async () => {
  await s?.close()
  await double.close()
})

const path = (rest = ''): string => `/api/organizations/${s.organizationId}/integrations/mattermost${rest}`
const team: readonly ('owner' | 'viewer' | 'member' | 'admin')[] = ['owner', 'viewer', 'member', 'admin']

async function ok(answer: Promise<Answer>): Promise<Data> {
  const { status, body } = await answer
  assert.ok(status < 300, `${status} ${JSON.stringify(body)}`)
  return body
}

interface Channel {
  readonly name: string
  readonly events: readonly string[]
}

const set = (channels: readonly Channel[], more: object = {}): Promise<Data> =>
  ok(s.admin.put(path(), { url: double.url, team: 'product', channels, ...more }))

/** What has come is forgotten. */
async function quiet(): Promise<void> {
  for (const tab of Object.values(tabs)) await tab.drained()
}

/** The next change of the link, told to all members alike, and to nobody else. */
async function linkTold(): Promise<Data> {
  const [first, ...others] = await Promise.all(team.map((who) => tabs[who].find('mattermost-connection-status')))
  for (const other of others) assert.deepEqual(other, first)
  assert.equal(first.serverUrl, double.url)
  await tabs.outsider.expectNothing()
  return first
}

const version = (changelog: string, prd = s.prdId): Promise<Data> =>
  made(s.owner, `/api/prds/${prd}/versions`, { changelog, versionType: 'minor' })

/** What was told of posts, of everybody: only who has joined hears of them. */
async function postsTold(): Promise<Data[]> {
  const told = async (tab: Tab): Promise<Data[]> =>
    (await tab.drained()).filter(([name]) => name === 'mattermost-message-sent').map(([, data]) => data)
  const heard = await told(tabs.owner)
  assert.deepEqual(await told(tabs.viewer), heard)
  for (const who of ['member', 'admin', 'outsider'] as const) assert.deepEqual(await told(tabs[who]), [], who)
  return heard
}

/** Posts made since it was last asked. */
let seen = 0
function newPosts(): readonly string[] {
  const messages = double.posts.slice(seen).map(({ message }) => message)
  seen = double.posts.length
  return messages
}

test('P-T3 members are told how the link stands, on all their namespaces, and nobody else is', async () => {
  const status = async (by: User): Promise<Answer> => by.get(path('/status'))
  assert.deepEqual((await status(s.member)).body, { status: 'disconnected', serverUrl: null, error: null })
  assert.equal((await status(s.outsider)).status, 404)
  await set([{ name: 'product-team', events: ALL }], { token: 'a-wrong-token' })
  const error = 'Mattermost does not accept the token; enter a new one'
  const refused = { status: 'error', serverUrl: double.url, error }
  assert.deepEqual(await linkTold(), refused)
  assert.deepEqual((await status(s.member)).body, refused)
  await set([{ name: 'product-team', events: ALL }], { token: SECRET })
  const connected = { status: 'connected', serverUrl: double.url, error: null }
  assert.deepEqual(await linkTold(), connected)
  assert.deepEqual((await status(s.viewer)).body, connected)
  assert.equal(double.connections, 1)
  double.dropSockets()
  const lost = { status: 'disconnected', serverUrl: double.url, error: 'The connection to Mattermost was lost' }
  assert.deepEqual(await linkTold(), lost)
  await s.world.advance(2_000)
  assert.deepEqual(await linkTold(), connected)
  const probed = await ok(s.admin.post(path('/test')))
  assert.equal(probed.ok, true, probed.message)
  assert.match(probed.message, /Signed in as prd-bot; one channel found/)
})

test('P-T1 a version, an approval, a rejection and a mention are posted where they are wanted', async () => {
  await set([
    { name: 'product-team', events: ALL },
    { name: 'releases', events: ['version_created'] },
  ])
  await quiet()
  newPosts()
  await version('OAuth2 for @channel')
  await s.world.advance(1_000)
  const link = `**[User Authentication](${URL_OF_PAGES}/prds/${s.prdId})**`
  const text = `:bookmark: owner made version 1.1.0 of ${link}\n> OAuth2 for @\u200bchannel`
  assert.deepEqual(newPosts(), [text, text])
  const told = await postsTold()
  assert.deepEqual(new Set(told.map(({ channel }) => channel as string)), new Set(['product-team', 'releases']))
  const { id } = double.posts[0]!
  const timestamp = `${new Date(s.world.clock.now()).toISOString().slice(0, 19)}Z`
  const payload = { prdId: s.prdId, channel: 'product-team', messageId: id, type: 'version_created', timestamp }
  assert.deepEqual(told.find(({ messageId }) => messageId === id), payload)

  await tabs.viewer.done('add-comment', { prdId: s.prdId, position: 0, content: 'Nobody is called here' })
  const { commentId } = await tabs.viewer.done('add-comment', {
    prdId: s.prdId,
    position: 0,
    content: '@owner and @member: ask @all, &#64;here',
  })
  await tabs.owner.done('reply-comment', { commentId, content: '@viewer *why*?' })
  await s.world.advance(1_000)
  const mentions = newPosts().toSorted()
  assert.deepEqual(mentions, [
    `:speech_balloon: owner mentioned viewer in a comment on ${link}\n> @\u200bviewer \\*why\\*?`,
    `:speech_balloon: viewer mentioned owner and member in a comment on ${link}\n` +
      '> @\u200bowner and @\u200bmember: ask @\u200ball, &amp;\\#64;here',
  ])
  assert.deepEqual(mentions.flatMap(mentionsIn), [])
  assert.deepEqual((await postsTold()).map(({ type }) => type), ['comment_mention', 'comment_mention'])

  for (const [verb, note] of [['reject', 'No goal'], ['approve', 'Fine']] as const) {
    const asked = await made(s.owner, `/api/prds/${s.prdId}/approvals`, { approverIds: [userId(s.viewer)] })
    await ok(s.viewer.post(`/api/prds/${s.prdId}/approvals/${asked.items[0].id}/${verb}`, { note }))
  }
  await s.world.advance(1_000)
  assert.deepEqual(newPosts().toSorted(), [
    `:white_check_mark: ${link} has been approved by viewer`,
    `:x: ${link} has been rejected by viewer\n> No goal`,
  ])
  const types = (await postsTold()).map(({ type }) => type as string)
  assert.deepEqual(new Set(types), new Set(['prd_approved', 'prd_rejected']))
})

test('P-T2 a post is made once, however often it has to be tried', async () => {
  await set([{ name: 'product-team', events: ALL }])
  await quiet()
  newPosts()
  double.loseAnswer('POST')
  await version('Lost answer')
  await s.world.advance(1_000)
  assert.deepEqual(await postsTold(), [], 'whether it was posted is not known yet')
  await s.world.advance(1_100)
  assert.equal(newPosts().length, 1)
  assert.equal((await postsTold())[0]!.messageId, double.posts.at(-1)!.id)

  // Later than Mattermost remembers it, and after a restart.
  double.loseAnswer('POST')
  await version('Lost answer again')
  await s.world.advance(1_000)
  s.world.clock.advance(40_000)
  double.fail(503)
  await s.world.advance(0)
  await s.world.advance(5_100)
  assert.equal(newPosts().length, 1)
  assert.equal((await postsTold())[0]!.messageId, double.posts.at(-1)!.id)
})

test('P-T1 what has been deleted or hidden meanwhile is not posted, nor what is wanted no more', async () => {
  newPosts()
  const [gone, hidden, commented] = await Promise.all(['gone', 'hidden', 'commented'].map((title) => s.prd('x', title)))
  await version('Hidden later', hidden)
  await ok(s.owner.patch(`/api/prds/${hidden}`, { access: 'none' }))
  await version('Hidden before', hidden)
  const body = { position: 0, content: 'Look, @member' }
  const { id: commentId } = await made(s.owner, `/api/prds/${commented}/comments`, body)
  await ok(s.owner.delete(`/api/comments/${commentId}`))
  await version('Gone later', gone)
  await ok(s.owner.delete(`/api/prds/${gone}`))
  await s.world.advance(1_000)
  assert.deepEqual(newPosts(), [])

  await version('Not wanted', commented)
  await set([{ name: 'product-team', events: ['prd_approved'] }])
  await s.world.advance(1_000)
  assert.deepEqual(newPosts(), [])
  assert.deepEqual(await postsTold(), [])
})

test('a channel that is not there is told to the admins once; other channels still get theirs', async () => {
  await set([
    { name: 'nowhere', events: ALL },
    { name: 'product-team', events: ALL },
  ])
  const bell = await s.tab(s.admin, '/notifications')
  const health = async (): Promise<Data> =>
    (await ok(s.admin.get(`/api/organizations/${s.organizationId}/integrations`))).items.find(
      ({ kind }: Data) => kind === 'mattermost',
    )
  newPosts()
  for (const changelog of ['First', 'Second']) {
    await version(changelog)
    await s.world.advance(1_000)
    assert.equal(newPosts().length, 1)
    const { status, statusMessage } = await health()
    assert.equal(status, 'failing')
    assert.match(statusMessage, /There is no channel nowhere in the team product/)
  }
  const told = (await bell.drained()).filter(([name]) => name === 'notification').map(([, data]) => data as Data)
  assert.deepEqual(told.map(({ type }) => type), ['integration_failed'])
  double.channel('nowhere')
  await version('Third')
  await s.world.advance(1_000)
  assert.equal(newPosts().length, 2)
  assert.equal((await health()).status, 'ok')
  bell.close()
})

test('links are opened at the start, closed with the integration, and no secret is kept in the clear', async () => {
  double.dropSockets()
  await set([{ name: 'product-team', events: ALL }])
  await double.until(() => double.connections === 1)
  const config = { outgoingPrivate: ['127.0.0.1'] }
  await using again = await afterKill(s.world, { modules: ['tracker', 'prd'], config })
  await double.until(() => double.connections === 2)
  await again.close()
  await double.until(() => double.connections === 1)
  await quiet()
  await ok(s.admin.delete(path()))
  assert.deepEqual(await linkTold(), { status: 'disconnected', serverUrl: double.url, error: null })
  await double.until(() => double.connections === 0)
  const files = readdirSync(s.world.folder).filter((name) => name.startsWith('switchboard.db'))
  const kept = [...s.world.log, ...files.map((name) => readFileSync(join(s.world.folder, name), 'latin1'))].join()
  for (const secret of [SECRET, 'a-wrong-token']) assert.ok(!kept.includes(secret))
  assert.ok(double.tokens.includes(SECRET))
})

test('a message that cannot be posted is given up after half an hour, and told', async () => {
  await set([{ name: 'product-team', events: ALL }], { token: SECRET })
  await double.close()
  await version('Into the void')
  for (const wait of [1, 1, 5, 30, 120, 600, 600, 600, 600]) await s.world.advance(wait * 1_000 + 100)
  await double.listen()
  await s.world.advance(3_600_000)
  assert.deepEqual(newPosts(), [])
  const { items } = await ok(s.admin.get(`/api/organizations/${s.organizationId}/integrations`))
  assert.match(JSON.stringify(items), /a message to product-team was given up after 8 attempts/)
})
