import { made } from '../testing.ts'
import {
  ABS, ABSENT, ABSENT_UUID, ALL, api, kinds, MANAGE, SEE, SEND, type Cast, type Column, type Kind, type Named,
} from './cast.ts'

/** Every door over REST, and who may go through it. */
export interface RouteRow {
  /** Method and path of the module's own list. */
  readonly route: string
  readonly what: string
  readonly cells: string
  /** What it needs to be there is made first. */
  readonly about: (at: Cast, who: Column) => Promise<Target> | Target
}

export interface Target {
  readonly id?: number | string
  readonly userId?: number
  readonly query?: string
  readonly body?: unknown
}

const row = (route: string, what: string, cells: string, about: RouteRow['about'] = () => ({})): RouteRow => ({
  route,
  what,
  cells,
  about,
})

/** A row for a channel of each kind and one for none. */
const perKind = (
  route: string,
  cells: Readonly<Record<Kind, string>>,
  about: (at: Cast, id: number, kind: Kind) => Promise<Target> | Target,
): readonly RouteRow[] => [
  ...kinds.map((kind) => row(route, kind, cells[kind], (at) => about(at, at.channels[kind], kind))),
  row(route, 'none', ABS, (at) => about(at, ABSENT, 'pub')),
]

/** As they are, on a channel that may go. */
const onAnother = (
  route: string,
  cells: Readonly<Record<Kind, string>>,
  about: (at: Cast, id: number, who: Column) => Promise<Target> | Target = (_, id) => ({ id }),
): readonly RouteRow[] =>
  kinds.map((kind) =>
    row(route, `another: ${kind}`, cells[kind], async (at, who) => about(at, await at.channel(kind), who)),
  )

const idOf = (at: Cast, who: Column): number => (who === 'ano' ? ABSENT : at.users[who].id)
const own = (ids: Readonly<Partial<Record<Column, number | string>>>, who: Column) => ids[who] ?? ABSENT

async function member(at: Cast, channel: number, user: number): Promise<void> {
  await made(at.users.chief, `${api}/channels/${channel}/members`, { userId: user })
}

async function broadcastBy(at: Cast): Promise<Target> {
  return { id: (await made(at.users.chief, `${api}/broadcasts`, { message: 'x' })).broadcastId }
}

/** One that the person had with the chief. */
async function callOf(at: Cast, who: Column): Promise<Target> {
  const targetUserId = idOf(at, who)
  const { callId } = await at.tabs.chief.ask('call:invite', { targetUserId, callType: 'audio', offer: {} })
  await at.tabs.chief.ask('call:end', { targetUserId })
  return { id: (callId as string | undefined) ?? ABSENT_UUID }
}

async function callOfOthers(at: Cast): Promise<Target> {
  const { id: targetUserId } = at.users.peer
  const { callId } = await at.tabs.chief.done('call:invite', { targetUserId, callType: 'audio', offer: {} })
  await at.tabs.chief.done('call:end', { targetUserId })
  return { id: callId }
}

const uploadOf = (who: Named | 'chief') => (at: Cast) => ({ id: at.unsent[who] })
const text = { message: 'x' }

//                        ano cus mem grt noa mut agt agd adm rem dem off
const ADMINS = '           U   F   F   F   F   F   F   F   ok  F   F   U'
const AGENTS = '           U   F   F   F   F   F   ok  ok  ok  F   F   U'
const CREATE = '           U   F   F   ok  F   F   ok  ok  ok  F   F   U'
const BROADCAST = '        U   F   F   ok  F   F   F   F   ok  F   F   U'
const HISTORY = '          U   F   F   ok  F   F   ok  ok  ok  F   F   U'
const HIDDEN = '           U   N   N   N   N   N   N   N   ok  N   N   U'
const CALLS = '            U   ok  ok  ok  ok  F   ok  ok  ok  ok  ok  U'
const TICKETS = '          U   N   N   N   F   N   ok  ok  ok  N   N   U'
const WORDS = '            U   F   F   F   F   F   ok  ok  ok  F   F   U'

const needle = 'q=needle'
const agentsOnly = [
  { priority: 'low' }, { assigneeId: null }, { dueAt: null }, { channelId: null }, { status: 'pending' },
]

export const routeRows: readonly RouteRow[] = [
  row('GET /me', 'their own', ALL),
  row('GET /status', 'their own', SEE.pub),
  row('PUT /status', 'their own', SEE.pub, () => ({ body: { customStatus: 'x' } })),
  row('GET /users', 'all', AGENTS),
  row('GET /users/:id/permissions', 'their own', ALL, (at, who) => ({ id: idOf(at, who) })),
  row('GET /users/:id/permissions', 'of another', ADMINS, (at) => ({ id: at.users.peer.id })),
  row('GET /users/:id/permissions', 'of nobody', '     U F F F F F F F N F F U', () => ({ id: ABSENT })),
  row('PUT /users/:id/permissions', 'of another', ADMINS, (at) => ({ id: at.users.spare.id, body: { role: 'agent' } })),
  row('PUT /users/:id/permissions', 'their own', ADMINS, (at, who) => ({ id: idOf(at, who), body: { role: 'admin' } })),
  row('PUT /users/:id/permissions', 'of nobody', '     U F F F F F F F N F F U', () => ({
    id: ABSENT,
    body: { role: 'agent' },
  })),

  row('GET /channels', 'all', SEE.pub),
  row('POST /channels', 'one', CREATE, () => ({ body: { name: 'made' } })),
  ...perKind('GET /channels/:id', SEE, (_, id) => ({ id })),
  ...perKind('PATCH /channels/:id', MANAGE, (_, id) => ({ id, body: { topic: 'x' } })),
  ...onAnother('DELETE /channels/:id', MANAGE),
  row('DELETE /channels/:id', 'none', ABS, () => ({ id: ABSENT })),
  ...perKind('GET /channels/:id/members', SEE, (_, id) => ({ id })),
  ...onAnother('POST /channels/:id/members', MANAGE, (at, id) => ({ id, body: { userId: at.users.spare.id } })),
  ...onAnother('POST /channels/:id/members', SEE, (at, id, who) => ({ id, body: { userId: idOf(at, who) } })),
  row('POST /channels/:id/members', 'none', ABS, (at) => ({ id: ABSENT, body: { userId: at.users.spare.id } })),
  row('POST /channels/:id/members', 'archived', '      U F F C F F C F C F F U', (at) => ({
    id: at.channels.arc,
    body: { userId: at.users.spare.id },
  })),
  ...onAnother('DELETE /channels/:id/members/:userId', MANAGE, async (at, id) => {
    await member(at, id, at.users.spare.id)
    return { id, userId: at.users.spare.id }
  }),
  row('DELETE /channels/:id/members/:userId', 'themself', SEE.pub, async (at, who) => {
    const id = await at.channel('pub')
    if (who !== 'ano' && who !== 'off') await member(at, id, at.users[who].id)
    return { id, userId: idOf(at, who) }
  }),
  row('DELETE /channels/:id/members/:userId', 'none', ABS, (at) => ({ id: ABSENT, userId: at.users.peer.id })),
  row('DELETE /channels/:id/members/:userId', 'nobody', '  U F F N F F N F N F F U', (at) => ({
    id: at.channels.pub,
    userId: ABSENT,
  })),

  ...perKind('GET /channels/:id/messages', SEE, (_, id) => ({ id })),
  ...perKind('POST /channels/:id/messages', SEND, (_, id) => ({ id, body: text })),
  row('POST /channels/:id/messages', 'archived', '         U C C C F F C C C C C U', (at) => ({
    id: at.channels.arc,
    body: text,
  })),
  ...perKind('POST /channels/:id/read', SEE, (at, id, kind) => ({ id, body: { messageId: at.messages.chief[kind] } })),
  row('POST /channels/:id/read', 'a message elsewhere', ABS, (at) => ({
    id: at.channels.pub,
    body: { messageId: at.messages.chief.elsewhere },
  })),
  ...kinds.map((kind) =>
    row('GET /messages/:id', kind, SEE[kind], (at) => ({ id: at.messages.chief[kind] })),
  ),
  row('GET /messages/:id', 'none', ABS, () => ({ id: ABSENT })),
  row('GET /messages/search', 'all', SEE.pub, () => ({ query: `?${needle}` })),
  ...kinds.map((kind) =>
    row('GET /messages/search', `all of ${kind}`, SEE.pub, (at) => ({
      query: `?${needle}&channelId=${at.channels[kind]}`,
    })),
  ),
  row('GET /unread', 'their own', SEE.pub),

  ...perKind('GET /files', SEE, (_, id) => ({ query: `?channelId=${id}` })),
  ...perKind('POST /files', SEND, (_, id) => ({ query: `?channelId=${id}` })),
  row('POST /files', 'archived', '                  U C C C F F C C C C C U', (at) => ({
    query: `?channelId=${at.channels.arc}`,
  })),
  ...kinds.map((kind) => row('GET /files/:id', kind, SEE[kind], (at) => ({ id: at.files[kind] }))),
  row('GET /files/:id', 'not sent, of another', ABS, uploadOf('chief')),
  row('GET /files/:id', 'not sent, their own', SEE.prv, (at, who) => ({ id: own(at.unsent, who) })),
  row('GET /files/:id', 'none', ABS, () => ({ id: ABSENT_UUID })),
  row('DELETE /files/:id', 'of another', ABS, uploadOf('chief')),
  row('DELETE /files/:id', 'in a message', ABS, (at) => ({ id: at.files.pub })),
  row('DELETE /files/:id', 'their own', SEE.pub, (at, who) => ({ id: own(at.unsent, who) })),

  row('GET /broadcasts', 'all', ALL),
  row('POST /broadcasts', 'to all', BROADCAST, () => ({ body: text })),
  row('DELETE /broadcasts/:id', 'one', BROADCAST, broadcastBy),
  row('DELETE /broadcasts/:id', 'none', '           U F F N F F F F N F F U', () => ({ id: ABSENT_UUID })),

  row('GET /calls', 'their own', HISTORY),
  row('GET /calls', 'of another', ADMINS, (at) => ({ query: `?userId=${at.users.peer.id}` })),
  row('GET /calls/:id', 'their own', '              U ok ok ok ok N ok ok ok ok ok U', callOf),
  row('GET /calls/:id', 'of others', HIDDEN, callOfOthers),
  row('GET /calls/:id', 'none', '                   U N N N N N N N N N N U', () => ({ id: ABSENT_UUID })),
  row('GET /ice-servers', 'their own', CALLS),

  row('GET /tickets', 'all', SEE.pub),
  row('POST /tickets', 'their own', SEE.pub, () => ({ body: { subject: 'x' } })),
  row('POST /tickets', 'of another', WORDS, (at) => ({ body: { subject: 'x', requesterId: at.users.peer.id } })),
  row('GET /tickets/:id', 'their own', SEE.pub, (at, who) => ({ id: own(at.tickets, who) })),
  row('GET /tickets/:id', 'of another', TICKETS, (at) => ({ id: at.tickets.peer })),
  row('GET /tickets/:id', 'none', ABS, () => ({ id: ABSENT })),
  row('PATCH /tickets/:id', 'their own words', SEE.pub, (at, who) => ({
    id: own(at.tickets, who),
    body: { description: 'x' },
  })),
  ...agentsOnly.map((body) =>
    row('PATCH /tickets/:id', `their own ${Object.keys(body)[0]}`, WORDS, (at, who) => ({
      id: own(at.tickets, who),
      body,
    })),
  ),
  row('PATCH /tickets/:id', 'of another', TICKETS, (at) => ({ id: at.tickets.peer, body: { description: 'x' } })),
  row('PATCH /tickets/:id', 'none', ABS, () => ({ id: ABSENT, body: { description: 'x' } })),
  row('PATCH /tickets/:id', 'closed by whose it is', SEE.pub, (at, who) => ({
    id: own(at.tickets, who),
    body: { status: 'closed' },
  })),
]
