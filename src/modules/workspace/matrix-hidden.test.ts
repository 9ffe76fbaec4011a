import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client } from '../../testing/client.ts'
import { channelMembers, channels, seen } from './matrix/channels.ts'
import { cellsOf } from './matrix/check.ts'
import { files } from './matrix/files.ts'
import { messages, pinsAndReading } from './matrix/messages.ts'
import {
  ABSENT, Cast, columns, insiders, kinds, type Column, type Door, type Kind, type Target,
} from './matrix/testing.ts'
import { invites, members, presence, workspaces } from './matrix/workspaces.ts'
import { made, workspaceProtocol } from './testing.ts'

/** What is hidden is answered as what is absent, to the byte; and it is in no list, count or search. */

let at: Cast
before(async () => void (at = await Cast.begin()))
after(() => at?.[Symbol.asyncDispose]())

const doors = [
  workspaces, members, invites, presence, channels, channelMembers, messages, pinsAndReading, files,
].flat()

/** Neither can be the id of something. */
const nowhere = [ABSENT, 'nope']

/** Everything an answer says, but the time of day. */
async function said(route: string, target: Target, who: Column): Promise<object> {
  const { status, body, headers } = await at.call(route, target, who)
  const { date: _, ...rest } = Object.fromEntries(headers)
  return { status, body: JSON.stringify(body), rest }
}

const isKind = (key: string): key is Kind => (kinds as readonly string[]).includes(key)

/** For whom the thing of a row is not there: not whether they may do this to it. */
function hidden({ route }: Door, key: string, who: Column): boolean {
  if (route.includes(' /workspaces')) return who === 'str' || who === 'rem'
  return !isKind(key) || seen[key].trim().split(/\s+/)[columns.indexOf(who)] === '404'
}

test('W-P6 guests see and count the people of their channels, everybody else all of them', async () => {
  const all = [...insiders, 'friend', 'visitor', 'boss', 'newcomer']
  const known: Readonly<Record<string, readonly string[]>> = {
    gui: ['own', 'adi', 'mak', 'mei', 'gui', 'friend', 'visitor', 'boss'],
    guo: ['owo', 'guo'],
  }
  const connected = new Map(insiders.map((who) => [at.user(who).uuid, who as string]))
  for (const who of insiders) {
    const wanted = (known[who] ?? all).toSorted()
    const { items } = (await at.user(who).get(`${at.ws}/members?limit=200`)).body
    assert.deepEqual((items as { username: string }[]).map(({ username }) => username).toSorted(), wanted, who)
    assert.equal((await at.user(who).get(at.ws)).body.member_count, wanted.length, who)
    const there = (await at.user(who).get(`${at.ws}/presence`)).body.items as { user_id: string }[]
    const names = there.map(({ user_id }) => connected.get(user_id)!)
    assert.deepEqual(names.toSorted(), wanted.filter((name) => (insiders as readonly string[]).includes(name)), who)
  }
  // Of the workspace and of the channels they are not counted any more.
  const { body } = await at.users.own.get(`/api/channels/${at.channels.public}`)
  assert.equal(body.member_count, 8)
})

test('W-P1 W-P5 whatever is hidden is answered as what is absent, at every door with an id in its path', async () => {
  const routes = new Set<string>()
  const done = new Set<string>()
  for (const door of doors.filter(({ route }) => route.includes(':'))) {
    for (const key of Object.keys(door.rows)) {
      const people = cellsOf(door, key).filter(([who, status]) => status === 404 && hidden(door, key, who))
      if (people.length === 0 || done.has(door.route + key)) continue
      done.add(door.route + key)
      routes.add(door.route)
      await Promise.all(people.map(async ([who]) => {
        const target = await door.thing(at, key, door.each ? who : 'own')
        const answer = await said(door.route, target, who)
        for (const none of key === 'private' || !isKind(key) ? nowhere : [ABSENT]) {
          const ids = { id: none, invite_id: none, ...(target.user_id !== 'me' && { user_id: none }) }
          const absent = await said(door.route, { ...target, ...ids }, who)
          assert.deepEqual(answer, absent, `${door.route} ${key}: ${who} can tell hidden from absent`)
        }
      }))
    }
  }
  const all = new Set(doors.map(({ route }) => route).filter((route) => route.includes(':')))
  assert.deepEqual([...routes].toSorted(), [...all].toSorted())
})

/** An id that is given elsewhere than in the path: for whom it is hidden, and the call around it. */
type Elsewhere = readonly [who: Column, route: string, hidden: string, around: (id: string) => Target]

function elsewhere(): readonly Elsewhere[] {
  const { channels, messages, files, users, newcomer } = at
  const here = { id: at.workspaceId }
  const open = { id: channels.public }
  const general = { id: channels.general }
  const said = { id: messages.general }
  const query = (base: Target, text: string) => (id: string) => ({ ...base, query: `${text}=${id}` })
  const body = (base: Target, make: (id: string) => object) => (id: string) => ({ ...base, body: make(id) })
  const member = (base: Target, more: Target = {}) => (user_id: string) => ({ ...base, ...more, user_id })
  const { private: words } = messages
  const { private: place } = channels
  const { uuid: unknown } = newcomer
  const { uuid: stranger } = users.str
  return [
    ['meo', 'POST /channels/:id/messages', words, body(general, (id) => ({ content: 'x', parent_message_id: id }))],
    ['meo', 'POST /channels/:id/messages', files.private, body(general, (id) => ({ attachment_ids: [id] }))],
    ['meo', 'POST /channels/:id/read', words, body(general, (message_id) => ({ message_id }))],
    ['meo', 'POST /channels/:id/unread', words, body(general, (message_id) => ({ message_id }))],
    ['meo', 'POST /messages/:id/read-thread', words, body(said, (message_id) => ({ message_id }))],
    ['meo', 'GET /channels/:id/messages', words, query(general, 'before')],
    ['meo', 'GET /channels/:id/messages', words, query(general, 'after')],
    ['meo', 'GET /messages/:id/replies', words, query(said, 'before')],
    ['meo', 'GET /workspaces/:id/channels', place, query(here, 'before')],
    ['meo', 'GET /workspaces/:id/search', place, query(here, 'q=needle&channel_id')],
    ['meo', 'GET /workspaces/:id/search', words, query(here, 'q=needle&before')],
    ['meo', 'GET /workspaces/:id/mentions', words, query(here, 'before')],
    ['ado', 'POST /workspaces/:id/invites', place, body(here, (id) => ({ role: 'guest', channel_ids: [id] }))],
    ['gui', 'GET /workspaces/:id/members/:user_id', unknown, member(here)],
    ['gui', 'PATCH /workspaces/:id/members/:user_id', unknown, member(here, { body: { role: 'guest' } })],
    ['gui', 'DELETE /workspaces/:id/members/:user_id', unknown, member(here)],
    ['gui', 'GET /workspaces/:id/members', unknown, query(here, 'before')],
    ['gui', 'GET /workspaces/:id/search', unknown, query(here, 'q=needle&user_id')],
    ['gui', 'POST /workspaces/:id/channels', unknown, body(here, (id) => ({ type: 'dm', user_ids: [id] }))],
    ['gui', 'DELETE /channels/:id/members/:user_id', unknown, member(open)],
    ['gui', 'GET /channels/:id/members', unknown, query(open, 'before')],
    ['own', 'POST /workspaces/:id/channels', stranger, body(here, (id) => ({ name: 'x', user_ids: [id] }))],
    ['own', 'POST /channels/:id/members', stranger, body(open, (user_id) => ({ user_id }))],
    ['own', 'GET /workspaces/:id/members', stranger, query(here, 'before')],
    ['own', 'GET /workspaces', at.foreignId, query({}, 'before')],
  ]
}

test('W-P5 W-P6 hidden is absent wherever else an id can be given', async () => {
  const before = at.dump()
  for (const [who, route, hidden, around] of elsewhere()) {
    const answer = await said(route, around(hidden), who)
    for (const none of nowhere) {
      const absent = await said(route, around(none), who)
      assert.deepEqual(answer, absent, `${route} ${JSON.stringify(around(none))}`)
    }
  }
  assert.deepEqual(at.dump(), before)
})

test('W-P1 W-P5 hidden is absent over the socket', async () => {
  const heard = async (path: string): Promise<unknown> => {
    const client = new Client(at.world.ws + path, { protocol: workspaceProtocol })
    const frame = await client.next()
    await client.expectClose(4403)
    return [frame, client.closed]
  }
  for (const who of ['str', 'rem'] as const) {
    const query = `?token=${at.user(who).token}`
    const there = await heard(`/ws/${at.workspaceId}${query}`)
    for (const none of nowhere) assert.deepEqual(there, await heard(`/ws/${none}${query}`), who)
  }
  for (const who of ['owo', 'ado', 'meo', 'guo'] as const) {
    const client = at.listening[who]
    await at.quiet()
    const frames: unknown[] = []
    for (const channel_id of [at.channels.private, at.channels.dm, ...nowhere]) {
      client.send({ type: 'typing', channel_id, is_typing: true })
      frames.push(await client.next())
    }
    for (const frame of frames) assert.deepEqual(frame, frames[0], who)
  }
})

/** p: public, v: private, d: dm, a: archived, g: general. */
const letters: Readonly<Record<string, Kind>> = { p: 'public', v: 'private', d: 'dm', a: 'archived', g: 'general' }

/** What is in a list, for the insiders; outsiders have none. */
const sight: Readonly<Record<string, string>> = {
  //                                  own   owo adi   ado mak   mei   meo gui  guo
  'channels?limit=200':             ' pvdg  pg  pvdg  pg  pvdg  pvdg  pg  pvd  -',
  'channels?limit=200&archived=true': 'a    a   a     a   a     a     a   a    -',
  'channels?limit=200&joined=true': ' pvdg  g   pvdg  g   pvdg  pvdg  g   pvd  -',
  'channels?type=private':          ' v     -   v     -   v     v     -   v    -',
  'channels?type=dm':               ' d     -   d     -   d     d     -   d    -',
  'search?q=needle':                ' pvdag pag pvdag pag pvdag pvdag pag pvda -',
  'threads':                        ' pvdag pag pvdag pag pvdag pvdag pag pvda -',
  'mentions':                       ' pvdag g   pvdag g   pvdag pvdag g   pvda -',
  'unread':                         ' pvdag g   pvdag g   pvdag pvdag g   pvda -',
}

type Item = { readonly id?: string; readonly channel_id?: string; readonly parent?: { readonly channel_id: string } }

test('W-P5 lists, counts and search hold what one sees, and nothing more', async () => {
  for (const kind of kinds) {
    for (const who of insiders) {
      const { status } = await at.call('POST /messages/:id/follow', { id: at.messages[kind] }, who)
      assert.equal(status === 200, seen[kind].trim().split(/\s+/)[columns.indexOf(who)] === 'ok', `${who} ${kind}`)
    }
  }
  // Followed when they were in it.
  const { own, meo } = at.users
  await made(own, `/api/channels/${at.channels.private}/members`, { user_id: meo.uuid })
  await made(meo, `/api/messages/${at.messages.private}/follow`, {})
  await meo.delete(`/api/channels/${at.channels.private}/members/me`)
  for (const [list, row] of Object.entries(sight)) {
    const got: Record<string, string> = {}
    for (const who of insiders) {
      const { body, status } = await at.user(who).get(`${at.ws}/${list}`)
      assert.equal(status, 200)
      const ids = (body.items as Item[]).map((item) => item.channel_id ?? item.parent?.channel_id ?? item.id)
      got[who] = Object.keys(letters).filter((one) => ids.includes(at.channels[letters[one]!])).join('') || '-'
    }
    assert.deepEqual(got, Object.fromEntries(row.trim().split(/\s+/).map((word, i) => [insiders[i], word])), list)
  }
  for (const kind of kinds) {
    for (const who of insiders) {
      const { body } = await at.user(who).get(`${at.ws}/search?q=needle&channel_id=${at.channels[kind]}`)
      const sees = seen[kind].trim().split(/\s+/)[columns.indexOf(who)] === 'ok'
      assert.equal(body.items.length, sees ? 1 : 0, `${who} ${kind}`)
    }
  }
})

test('W-P1 who is removed finds nothing of the workspace in what is their own', async () => {
  for (const who of ['str', 'rem'] as const) {
    const { body } = await at.user(who).get('/api/workspaces')
    assert.ok(!(body.items as { id: string }[]).some(({ id }) => id === at.workspaceId), who)
    assert.deepEqual((await at.user(who).get('/api/invites')).body.items, [], who)
  }
})
