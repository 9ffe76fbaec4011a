import { kinds, unique, type Cast, type Column, type Kind } from './testing.ts'

/** Who gets which event of what: `x` once, a number so often, `.` not at all. Where nothing is said, nobody gets it. */
export interface Receipt {
  readonly deed: string
  run(at: Cast): Promise<unknown>
  readonly gets: Readonly<Record<string, string>>
}
const when = (deed: string, run: Receipt['run'], gets: Receipt['gets'] = {}): Receipt => ({ deed, run, gets })

//                        own owo adi ado mak mei meo gui guo str, and mei's second device
const IN: Readonly<Record<Kind, string>> = {
  public: /*            */ 'x . x . x x . x . . x',
  private: /*           */ 'x . x . x x . x . . x',
  dm: /*                */ 'x . x . x x . x . . x',
  archived: /*          */ 'x . x . x x . x . . x',
  general: /*           */ 'x x x x x x x . . . x',
}
/** Who sees it: of a public channel everybody but guests, and guests who are in it. */
const SEE: Readonly<Record<Kind, string>> = {
  public: /*            */ 'x x x x x x x x . . x',
  private: /*           */ 'x . x . x x . x . . x',
  dm: /*                */ 'x . x . x x . x . . x',
  archived: /*          */ 'x x x x x x x x . . x',
  general: /*           */ 'x x x x x x x . . . x',
}
/** The same without mei, on either device. */
const BUT_MEI: Readonly<Record<Kind, string>> = {
  public: /*            */ 'x . x . x . . x . . .',
  private: /*           */ 'x . x . x . . x . . .',
  dm: /*                */ 'x . x . x . . x . . .',
  archived: /*          */ 'x . x . x . . x . . .',
  general: /*           */ 'x x x x x . x . . . .',
}
const FULL = /*         */ 'x x x x x x x . . . x'

let last = ''
const thumb = encodeURIComponent('👍')
const post = (kind: Kind, body: object = {}) => async (at: Cast) => {
  const answer = await at.users.mei.post(`/api/channels/${at.channels[kind]}/messages`, { content: unique(), ...body })
  last = answer.body.id
}
const onLast = (method: 'post' | 'patch' | 'delete', path = '', body: object = {}) => (at: Cast) =>
  at.users.mei[method](`/api/messages/${last}${path}`, body)
const types = (kind: Kind, is_typing: boolean) => async (at: Cast) => {
  at.listening.mei.send({ type: 'typing', channel_id: at.channels[kind], is_typing })
  await at.listening.mei.expectNothing()
}

/** What is written is for those who are in the channel. */
const written = (kind: Kind): readonly Receipt[] => [
  when(`${kind}: mei begins to type`, types(kind, true), { 'typing.start': BUT_MEI[kind] }),
  when(`${kind}: mei stops`, types(kind, false), { 'typing.stop': BUT_MEI[kind] }),
  when(`${kind}: mei posts`, post(kind), { 'message.new': IN[kind] }),
  when(`${kind}: mei edits it`, onLast('patch', '', { content: unique() }), { 'message.updated': IN[kind] }),
  when(`${kind}: mei reacts`, onLast('post', '/reactions', { emoji: '👍' }), { 'reaction.added': IN[kind] }),
  when(`${kind}: mei reacts no more`, onLast('delete', `/reactions/${thumb}`), { 'reaction.removed': IN[kind] }),
  when(`${kind}: mei pins it`, onLast('post', '/pin')),
  when(`${kind}: mei follows it`, onLast('post', '/follow')),
  when(`${kind}: mei deletes it`, onLast('delete'), { 'message.deleted': IN[kind] }),
  when(`${kind}: mei replies`, (at) => post(kind, { parent_message_id: at.messages[kind] })(at), {
    'message.new': IN[kind],
    'thread.updated': IN[kind],
  }),
  when(`${kind}: mei deletes the reply`, onLast('delete'), {
    'message.deleted': IN[kind],
    'thread.updated': IN[kind],
  }),
  when(`${kind}: mei has read it`, (at) => at.users.mei.post(`/api/channels/${at.channels[kind]}/read`)),
]

const change = (by: Column, kind: Kind, body: () => object) => (at: Cast) =>
  at.user(by).patch(`/api/channels/${at.channels[kind]}`, body())
const renames = (by: Column, kind: Kind): Receipt =>
  when(`${kind}: ${by} renames it`, change(by, kind, () => ({ name: unique() })), { 'channel.updated': SEE[kind] })
const makes = (type: string, people: readonly Column[]) => async (at: Cast) => {
  const user_ids = people.map((who) => at.user(who).uuid)
  const { body } = await at.users.mak.post(`${at.ws}/channels`, { type, name: unique(), user_ids })
  last = body.id
}
const moves = (deed: string) => (at: Cast) => at.users.mak.post(`/api/channels/${at.channels.archived}/${deed}`, {})
const comes = (by: Column, kind: Kind, who: Column) => (at: Cast) =>
  at.user(by).post(`/api/channels/${at.channels[kind]}/members`, { user_id: at.user(who).uuid })
const goes = (by: Column, kind: Kind, who: Column) => (at: Cast) =>
  at.user(by).delete(`/api/channels/${at.channels[kind]}/members/${at.user(who).uuid}`)

/** What there is, and who is in it. */
const channels: readonly Receipt[] = [
  renames('mak', 'public'),
  renames('mak', 'private'),
  renames('own', 'general'),
  when('archived: mak takes it out', moves('unarchive'), { 'channel.updated': SEE.archived }),
  when('archived: mak archives it', moves('archive'), { 'channel.updated': SEE.archived }),
  //                                                own owo adi ado mak mei meo gui guo str me2
  when('public: mak makes it private', change('mak', 'public', () => ({ type: 'private' })), {
    'channel.updated': /*                       */ 'x . x . x x . x . . x',
    'channel.deleted': /*                       */ '. x . x . . x . . . .',
  }),
  when('public: mak makes it public again', change('mak', 'public', () => ({ type: 'public' })), {
    'channel.updated': /*                       */ 'x x x x x x x x . . x',
    'channel.created': /*                       */ '. x . x . . x . . . .',
  }),
  when('mak makes a public one', makes('public', []), {
    'channel.created': /*                       */ 'x x x x x x x . . . x',
  }),
  when('mak deletes it', (at) => at.users.mak.delete(`/api/channels/${last}`), { 'channel.deleted': FULL }),
  // A guest is introduced to whom they meet: to mak and mei as those who are there, and to mei as one who comes too.
  when('mak makes a public one with mei and guo', makes('public', ['mei', 'guo']), {
    'channel.created': /*                       */ 'x x x x x x x . x . x',
    'member.joined': /*                         */ '. . . . 2 2 . . 2 . 2',
    'presence.updated': /*                      */ '. . . . . . . . 3 . .',
  }),
  // With the channel the guest loses whom they knew by it alone.
  when('mak deletes that', (at) => at.users.mak.delete(`/api/channels/${last}`), {
    'channel.deleted': /*                       */ 'x x x x x x x . x . x',
    'presence.updated': /*                      */ '. . . . . . . . 2 . .',
  }),
  when('mak makes a private one with mei and guo', makes('private', ['mei', 'guo']), {
    'channel.created': /*                       */ '. . . . x x . . x . x',
    'member.joined': /*                         */ '. . . . 2 2 . . 2 . 2',
    'presence.updated': /*                      */ '. . . . . . . . 3 . .',
  }),
  when('mak deletes this', (at) => at.users.mak.delete(`/api/channels/${last}`), {
    'channel.deleted': /*                       */ '. . . . x x . . x . x',
    'presence.updated': /*                      */ '. . . . . . . . 2 . .',
  }),
  when('mak writes to mei', makes('dm', ['mei']), {
    'channel.created': /*                       */ '. . . . x x . . . . x',
    'member.joined': /*                         */ '. . . . x x . . . . x',
  }),
  when('mak writes to mei again', makes('dm', ['mei'])),

  //                                                own owo adi ado mak mei meo gui guo str me2
  when('public: meo joins', comes('meo', 'public', 'meo'), {
    'member.joined': /*                         */ 'x . x . x x x x . . x',
    'presence.updated': /*                      */ '. . . . . . . x . . .',
  }),
  when('public: meo joins again', comes('meo', 'public', 'meo')),
  // To the guest who knew them by it alone, they are gone.
  when('public: meo leaves', goes('meo', 'public', 'meo'), {
    'member.left': /*                           */ 'x . x . x x x x . . x',
    'presence.updated': /*                      */ '. . . . . . . x . . .',
  }),
  when('private: mei brings meo in', comes('mei', 'private', 'meo'), {
    'channel.created': /*                       */ '. . . . . . x . . . .',
    'member.joined': /*                         */ 'x . x . x x x x . . x',
    'presence.updated': /*                      */ '. . . . . . . x . . .',
  }),
  when('private: mak takes meo out', goes('mak', 'private', 'meo'), {
    'member.left': /*                           */ 'x . x . x x x x . . x',
    'channel.deleted': /*                       */ '. . . . . . x . . . .',
    'presence.updated': /*                      */ '. . . . . . . x . . .',
  }),
  when('public: mei brings guo in', comes('mei', 'public', 'guo'), {
    'channel.created': /*                       */ '. . . . . . . . x . .',
    'member.joined': /*                         */ 'x . x . x x . x x . x',
    'presence.updated': /*                      */ '. . . . . . . x 5 . .',
  }),
  when('public: guo leaves', goes('guo', 'public', 'guo'), {
    'member.left': /*                           */ 'x . x . x x . x x . x',
    'channel.deleted': /*                       */ '. . . . . . . . x . .',
    'presence.updated': /*                      */ '. . . . . . . x 5 . .',
  }),
]

const role = (who: Column, role: string) => (at: Cast) =>
  at.users.own.patch(`${at.ws}/members/${at.user(who).uuid}`, { role })
const is = (who: Column, status: string) => (at: Cast) => at.user(who).put(`${at.ws}/presence`, { status })

/** People: their presence is for everybody but guests, and for guests of those they share a channel with. */
const people: readonly Receipt[] = [
  //                                                own owo adi ado mak mei meo gui guo str me2
  when('mei is away', is('mei', 'away'), {
    'presence.updated': /*                      */ 'x x x x x x x x . . x',
  }),
  when('mei is away still', is('mei', 'away')),
  when('mei is back', is('mei', 'online'), { 'presence.updated': 'x x x x x x x x . . x' }),
  when('meo is away', is('meo', 'away'), {
    'presence.updated': /*                      */ 'x x x x x x x . . . x',
  }),
  when('owo is away', is('owo', 'away'), {
    'presence.updated': /*                      */ 'x x x x x x x . x . x',
  }),
  when('gui is away', is('gui', 'away'), {
    'presence.updated': /*                      */ 'x x x x x x x x . . x',
  }),
  when('guo is away', is('guo', 'away'), {
    'presence.updated': /*                      */ 'x x x x x x x . x . x',
  }),
  when('str is away', (at) => at.users.str.put(`/api/workspaces/${at.foreignId}/presence`, { status: 'away' }), {
    'presence.updated': /*                      */ '. . . . . . . . . x .',
  }),
  when('own renames the workspace', (at) => at.users.own.patch(at.ws, { name: unique() })),
  when('own makes a link', (at) => at.users.own.post(`${at.ws}/invites`, {})),
  when('own makes meo an admin', role('meo', 'admin')),
  // Two public channels that meo is not in; `general` they keep, and with it all but the guests.
  when('own makes meo a guest', role('meo', 'guest'), {
    'channel.deleted': /*                       */ '. . . . . . 2 . . . .',
    'presence.updated': /*                      */ '. . . . . . 2 . . . .',
  }),
  when('own makes meo a member again', role('meo', 'member'), {
    'channel.created': /*                       */ '. . . . . . 2 . . . .',
    'presence.updated': /*                      */ '. . . . . . 9 . . . .',
  }),
  // The third is `general`, which everybody but guests is in.
  when('own makes guo a member', role('guo', 'member'), {
    'channel.created': /*                       */ '. . . . . . . . 3 . .',
    'member.joined': /*                         */ 'x x x x x x x . x . x',
    'presence.updated': /*                      */ '. . . . . . . . 9 . .',
  }),
  // From `general`, the public and the private channel; gui shares two of them.
  when('own removes boss', (at) => at.users.own.delete(`${at.ws}/members/${at.boss.uuid}`), {
    'member.left': /*                           */ '4 x 4 x 4 4 x 3 x . 4',
  }),
  when('own deletes another workspace', async (at) => {
    const { body } = await at.users.own.post('/api/workspaces', { name: 'Mine' })
    await at.users.own.delete(`/api/workspaces/${body.id}`)
  }),
]

/** Taking back is possible in the archive too. */
const archived: readonly Receipt[] = [
  when('archived: own deletes a message', (at) => at.users.own.delete(`/api/messages/${at.left.messages.archived}`), {
    'message.deleted': IN.archived,
  }),
  when('archived: mei types', types('archived', true), { 'typing.start': BUT_MEI.archived }),
  when('archived: mei types no more', types('archived', false), { 'typing.stop': BUT_MEI.archived }),
]

export const receipts: readonly Receipt[] = [
  ...kinds.filter((kind) => kind !== 'archived').flatMap(written),
  ...archived,
  ...channels,
  ...people,
]
