import type { ErrorEvent, EventName } from '../wire.ts'
import {
  ABS, ABSENT, ABSENT_UUID, ALL, kinds, MANAGE, SEE, SEND, type Cast, type Column, type Kind, type Listener,
} from './cast.ts'

/** Every client event, by whom it may be sent, and whom it reaches then. */
export interface EventRow {
  readonly event: string
  readonly what: string
  readonly cells: string
  /** The argument; what it needs to be there is made first. */
  readonly about: (at: Cast, who: Column) => unknown
  /** What comes to others, when it was not refused. */
  readonly told: (who: Column | Listener, by: Column) => readonly EventName[]
  /** What comes to the tab that sent it. */
  readonly own?: readonly EventName[]
  /** When it was not refused: as it was before, as far as the next one needs it. */
  readonly after?: (at: Cast, who: Column) => Promise<unknown>
}

export const errorEvents: Readonly<Record<string, ErrorEvent>> = {
  authenticate: 'auth:error',
  update_presence: 'presence:error',
  'presence:set_status': 'presence:error',
  'presence:get_online_users': 'presence:error',
  system_broadcast: 'broadcast:error',
}

const nobody = (): readonly EventName[] => []
/** Who has joined the channel. */
const joined =
  (kind: Kind, ...names: readonly EventName[]) =>
  (who: Column | Listener): readonly EventName[] =>
    who === 'chief' || (who === 'peer' && kind !== 'int') ? names : []
const only =
  (one: Listener, ...names: readonly EventName[]) =>
  (who: Column | Listener): readonly EventName[] =>
    who === one ? names : []
const presences: readonly EventName[] = ['presence_updated', 'presence:update']
/** Everybody with chat.access. */
const inChat = (who: Column | Listener): readonly EventName[] => (who === 'noa' ? [] : presences)
const broadcast: readonly EventName[] = ['system_broadcast_received']
const text = (channelId: number) => ({ channelId, message: 'x', messageType: 'text', replyToId: null })
const file = (channelId: number, messageId: number) => {
  return { channelId, fileName: 'a', fileSize: 1, fileType: '', messageId }
}
const description = (type: string) => ({ type, sdp: 'v=0' })
const idOf = (at: Cast, who: Column): number => (who === 'ano' ? ABSENT : at.users[who].id)
const leave = (kind: Kind) => (at: Cast, who: Column) => at.tabs[who].ask('leave_channel', at.channels[kind])

const perKind = (make: (kind: Kind) => EventRow): EventRow[] => kinds.map(make)

/** The person's own message with a file, where they have one. */
const ownFile = (kind: Kind) => (at: Cast, who: Column) =>
  file(at.channels[kind], who === 'ano' ? 1 : at.messages[who][kind])

/** The chief calls the person. @returns the id of the call, or of none */
async function called(at: Cast, who: Column): Promise<string> {
  const invitation = { targetUserId: idOf(at, who), callType: 'audio', offer: description('offer') }
  const { callId = ABSENT_UUID } = await at.tabs.chief.ask('call:invite', invitation)
  await at.heard()
  return callId as string
}
const calledAs = async (at: Cast, who: Column) => ({ callId: await called(at, who) })
const hangUp = (at: Cast, who: Column) => at.tabs.chief.ask('call:end', { targetUserId: idOf(at, who) })

/** The chief calls who has been called by nobody, and it rings. */
async function ofOthers(at: Cast): Promise<string> {
  const { id: targetUserId } = at.users.far
  const invitation = { targetUserId, callType: 'audio', offer: description('offer') }
  const { callId } = await at.tabs.chief.ask('call:invite', invitation)
  await at.heard()
  return callId as string
}

//                    ano cus mem grt noa mut agt agd adm rem dem off
const NEVER = '        U  U   U   U   U   U   U   U   U   U   U   U'
const NOT_JOINED = '   U  F   F   F   F   F   F   F   F   F   F   U'
const TYPE = {
  pub: '               U  ok  ok  ok  F   ok  ok  ok  ok  ok  ok  U',
  int: '               U  F   F   F   F   F   ok  ok  ok  F   F   U',
  prv: '               U  F   ok  F   F   ok  F   ok  ok  F   F   U',
} as const
const BROADCAST = '    U  F   F   ok  F   F   F   F   ok  F   F   U'
const CALL = '         U  ok  ok  ok  ok  F   ok  ok  ok  ok  ok  U'
const CALLED = '       U  ok  ok  ok  ok  N   ok  ok  ok  ok  ok  U'
const FOREIGN = '      U  N   N   N   N   N   N   N   N   N   N   U'
const OWN_ONLY = {
  pub: '               U  F   F   F   F   F   F   F   F   F   F   U',
  int: '               U  N   N   N   F   N   F   F   F   N   N   U',
  prv: '               U  N   F   N   F   F   N   F   F   N   N   U',
} as const
const ARCHIVED = '     U  C   C   C   F   F   C   C   C   C   C   U'

const row = (
  event: string, what: string, cells: string, about: EventRow['about'], told: EventRow['told'] = nobody,
  more: Pick<EventRow, 'own' | 'after'> = {},
): EventRow => ({ event, what, cells, about, told, ...more })

export const eventRows: readonly EventRow[] = [
  row('authenticate', 'a bad token', NEVER, () => 'none'),
  row('authenticate', 'their own', ALL, (at, who) => (who === 'ano' ? '' : at.users[who].token), nobody, {
    own: ['authenticated'],
  }),
  ...perKind((kind) =>
    row('join_channel', kind, SEE[kind], (at) => at.channels[kind], joined(kind, 'user_joined'), {
      own: ['user_joined'],
      after: leave(kind),
    }),
  ),
  row('join_channel', 'none', ABS, () => ABSENT),
  // Of what one is not in, it changes and tells nothing.
  ...perKind((kind) => row('leave_channel', kind, ALL, (at) => at.channels[kind])),
  row('leave_channel', 'none', ALL, () => ABSENT),
  ...perKind((kind) =>
    row('chat:send_message', kind, SEND[kind], (at) => text(at.channels[kind]), joined(kind, 'chat:new_message'), {
      own: ['chat:new_message'],
    }),
  ),
  row('chat:send_message', 'none', ABS, () => text(ABSENT)),
  row('chat:send_message', 'archived', ARCHIVED, (at) => text(at.channels.arc)),
  row('chat:send_message', 'in answer to one elsewhere', '  U N N N F F N N N N N U', (at) => ({
    ...text(at.channels.pub),
    replyToId: at.messages.chief.elsewhere,
  })),
  ...perKind((kind) =>
    row(
      'message_read',
      kind,
      SEE[kind],
      (at) => ({ channelId: at.channels[kind], messageId: at.messages.chief[kind] }),
      joined(kind, 'message_read_receipt'),
      { own: ['message_read_receipt'] },
    ),
  ),
  row('message_read', 'none', ABS, () => ({ channelId: ABSENT, messageId: null })),
  row('message_read', 'a message elsewhere', ABS, (at) => ({
    channelId: at.channels.pub,
    messageId: at.messages.chief.elsewhere,
  })),
  ...perKind((kind) =>
    row(
      'chat:typing',
      kind,
      TYPE[kind],
      async (at, who) => {
        await at.tabs[who].ask('join_channel', at.channels[kind])
        at.tabs[who].events.length = 0
        await at.heard([who])
        return { channelId: at.channels[kind], isTyping: true }
      },
      joined(kind, 'chat:user_typing'),
      { after: leave(kind) },
    ),
  ),
  row('chat:typing', 'not joined', NOT_JOINED, (at) => ({ channelId: at.channels.pub, isTyping: true })),
  row('chat:typing', 'none', NOT_JOINED, () => ({ channelId: ABSENT, isTyping: true })),
  row('update_presence', 'their own', SEE.pub, () => ({ status: 'busy', statusMessage: 'x' }), inChat, {
    own: presences,
  }),
  row('presence:set_status', 'their own', SEE.pub, () => 'online', inChat, { own: presences }),
  row('presence:get_online_users', 'all', SEE.pub, () => undefined),
  ...perKind((kind) =>
    row('file_uploaded', `their own in ${kind}`, SEND[kind], ownFile(kind), joined(kind, 'file_upload_notification'), {
      own: ['file_upload_notification'],
    }),
  ),
  ...perKind((kind) =>
    row('file_uploaded', `of another in ${kind}`, OWN_ONLY[kind], (at) =>
      file(at.channels[kind], at.messages.chief[kind]),
    ),
  ),
  row('file_uploaded', 'none', ABS, () => file(ABSENT, 1)),
  row('file_uploaded', 'archived', ARCHIVED, (at) => file(at.channels.arc, 1)),
  row('system_broadcast', 'to all', BROADCAST, () => ({ message: 'x', priority: 'high' }), () => broadcast, {
    own: broadcast,
  }),
  ...perKind((kind) =>
    row(
      'channel_updated',
      kind,
      MANAGE[kind],
      (at) => ({ channelId: at.channels[kind], changes: { topic: 'x' } }),
      joined(kind, 'channel_updated'),
      { own: ['channel_updated'] },
    ),
  ),
  row('channel_updated', 'none', ABS, () => ({ channelId: ABSENT, changes: { topic: 'x' } })),
  row(
    'call:invite',
    'the peer',
    CALL,
    (at) => ({ targetUserId: at.users.peer.id, callType: 'audio', offer: description('offer') }),
    only('peer', 'call:incoming'),
    { after: (at, who) => at.tabs[who].ask('call:end', { targetUserId: at.users.peer.id }) },
  ),
  row('call:invite', 'who may not', '    U F F F F F F F F F F U', (at, who) => ({
    targetUserId: at.users[who === 'mut' ? 'peer' : 'mut'].id,
    callType: 'audio',
    offer: description('offer'),
  })),
  row('call:invite', 'nobody', '         U N N N N F N N N N N U', () => ({
    targetUserId: ABSENT,
    callType: 'audio',
    offer: description('offer'),
  })),
  row(
    'call:accept',
    'their own',
    CALLED,
    async (at, who) => ({ callId: await called(at, who), answer: description('answer') }),
    only('chief', 'call:accepted'),
    { after: hangUp },
  ),
  row('call:reject', 'their own', CALLED, calledAs, only('chief', 'call:rejected')),
  row('call:end', 'their own', CALLED, calledAs, only('chief', 'call:ended')),
  row(
    'call:ice_candidate',
    'their own',
    // Where the call could not be, what still comes for it is dropped.
    ALL,
    async (at, who) => {
      await called(at, who)
      return { targetUserId: at.users.chief.id, candidate: { candidate: 'x' } }
    },
    // Those of the callee wait for the answer.
    nobody,
    { after: hangUp },
  ),
  row('call:accept', 'of others', FOREIGN, async (at) => ({
    callId: await ofOthers(at),
    answer: description('answer'),
  })),
  row('call:reject', 'of others', FOREIGN, async (at) => ({
    callId: await ofOthers(at),
    targetUserId: at.users.spare.id,
  })),
  row('call:end', 'of others', FOREIGN, async (at) => ({
    callId: await ofOthers(at),
    targetUserId: at.users.spare.id,
  })),
  row('call:ice_candidate', 'of others', FOREIGN, async (at) => {
    await ofOthers(at)
    return { targetUserId: at.users.far.id, candidate: { candidate: 'x' } }
  }),
]
