import type { Reader } from '../../kernel/database.ts'
import { forbidden, invalid } from '../../kernel/errors.ts'
import { eventLog } from '../../kernel/event-log.ts'
import { command, type Command, type Face, type Inbound, type Opening } from '../../kernel/face.ts'
import type { Hub } from '../../kernel/hub.ts'
import type { Session } from '../../kernel/session.ts'
import { announceFile } from './actions/files.ts'
import { sendBroadcast } from './actions/broadcasts.ts'
import { updateChannel } from './actions/channels.ts'
import { hasCome, joinChannel, leaveChannel } from './actions/joining.ts'
import { messageKey, sendMessage } from './actions/messages.ts'
import { reachPerson, type Parts } from './actions/parts.ts'
import { readMessages } from './actions/reading.ts'
import { setStatus } from './actions/status.ts'
import * as args from './arguments.ts'
import { callCommands } from './calls/commands.ts'
import type { Calls } from './calls/calls.ts'
import { acknowledge, errorEventOf, errorText, eventOf, failed } from './failures.ts'
import { checkMay, permissionsOf, roleOf, seesChannel } from './policy.ts'
import { allRoom, chatRoom, homeRoom, joinedRoom, MODULE } from './rooms.ts'
import { accessChannel, membershipsOf, type ChannelAccess, type PersonAccess } from './store/access.ts'
import { frame, frameOf, PresenceStatus, type EventName } from './wire.ts'

/** The Socket.IO face of the helpdesk: specs/helpdesk.md, from our terms to its events. */
export function helpdeskFace(parts: Parts, calls: Calls, hub: Hub): Face {
  const { live, settings, database } = parts
  const caller = (session: Session, clientKey?: string) => ({ accountId: session.account.id, clientKey })
  const commands = new Map<string, Command>([
    [
      'join_channel',
      command(args.IdArgument, async ({ connection, session }, id) => {
        const channelId = args.toId(id)
        await joinChannel(parts, caller(session), hub, connection, channelId)
        return acknowledge({ channelId })
      }),
    ],
    [
      'leave_channel',
      command(args.IdArgument, async ({ connection, session }, id) => {
        const channelId = args.toId(id)
        const left = connection.rooms.has(joinedRoom(channelId))
        if (left) await leaveChannel(parts, caller(session), connection, channelId)
        return acknowledge({ channelId, left })
      }),
    ],
    [
      'chat:send_message',
      command(args.SendMessage, async ({ session }, { channelId, message, messageType, replyToId, clientId }) => {
        const channel = args.toId(channelId)
        return acknowledge({
          message: await sendMessage(parts, caller(session, messageKey(channel, clientId)), {
            channelId: channel,
            message: message ?? '',
            messageType: messageType ?? 'text',
            replyToId: args.toOptionalId(replyToId),
          }),
        })
      }),
    ],
    [
      'message_read',
      command(args.MessageRead, async ({ session }, { channelId, messageId }) => {
        const upTo = args.toOptionalId(messageId)
        return acknowledge({ receipt: await readMessages(parts, caller(session), args.toId(channelId), upTo) })
      }),
    ],
    [
      'chat:typing',
      command(args.Typing, ({ connection, session }, { channelId, isTyping }) => {
        const channel = args.toId(channelId)
        if (!connection.rooms.has(joinedRoom(channel))) throw forbidden('Join the channel first')
        const { id, displayName } = session.account
        live.typing(connection, channel, { accountId: id, userId: String(id), name: displayName }, isTyping)
        return acknowledge()
      }),
    ],
    [
      'update_presence',
      command(args.UpdatePresence, async ({ session }, changes) =>
        acknowledge({ presence: await setStatus(parts, caller(session), changes) }),
      ),
    ],
    [
      'presence:set_status',
      command(PresenceStatus, async ({ session }, status) =>
        acknowledge({ presence: await setStatus(parts, caller(session), { status }) }),
      ),
    ],
    [
      'presence:get_online_users',
      {
        // It has a callback and no argument: one that is given is ignored.
        decode: () => undefined,
        run: async ({ session }) => {
          await database.read(async (reader) => checkMay(await reachPerson(reader, caller(session)), 'chat.access'))
          return `[${live.onlineUsers}]`
        },
      },
    ],
    [
      'file_uploaded',
      command(args.FileUploaded, async ({ session }, { channelId, messageId, fileType, ...file }) =>
        acknowledge({
          file: await announceFile(parts, caller(session), {
            ...file,
            fileType: fileType ?? '',
            channelId: args.toId(channelId),
            messageId: args.toId(messageId),
          }),
        }),
      ),
    ],
    [
      'system_broadcast',
      command(args.SystemBroadcast, async ({ session }, { message, priority }) => {
        const sent = await sendBroadcast(parts, caller(session), { message, priority: priority ?? 'normal' })
        return acknowledge({ broadcastId: sent.broadcastId })
      }),
    ],
    [
      'channel_updated',
      command(args.ChannelUpdated, async ({ session }, { channelId, changes }) => {
        await updateChannel(parts, caller(session), args.toId(channelId), changes)
        return acknowledge()
      }),
    ],
    ...callCommands(calls, settings),
  ])
  return {
    module: MODULE,
    limits: {
      frames: settings.frames,
      maxFrameBytes: settings.maxFrameBytes,
      authDeadlineMs: settings.authDeadlineMs,
      authGraceMs: settings.authGraceMs,
    },
    acknowledged: true,
    queryParams: ['join'],
    home: (session) => homeRoom(session.account.id),
    commands,
    decode,
    token: tokenIn,
    event: (type, payload, _, position) => frame(type as EventName, payload, position),
    signal: (type, payload) => frame(type as EventName, JSON.stringify(payload)),
    error: (cause, request) =>
      frameOf(errorEventOf(request === undefined ? undefined : eventOf(request)), errorText(cause)),
    authenticationError: (cause) => frameOf('auth:error', errorText(cause)),
    outcome: (cause, request) => {
      if (!cause) return acknowledge()
      // Its callback takes the list and nothing else.
      return request !== undefined && eventOf(request) === 'presence:get_online_users' ? '[[]]' : failed(cause)
    },
    resync: (position) => frame('resync', '{}', position),
    open: (session, { join }) => open(parts, calls, hub, session, join),
    refreshed: async (session) => {
      const person = await database.read((reader) => reachPerson(reader, caller(session)))
      return (position) => [authenticated(person, position)]
    },
    farewell: () => undefined,
    heartbeat: () => undefined,
    onClosed: (connection, session) => {
      live.closed(connection, session.account.id)
      calls.closed(connection, session.account.id)
    },
    onDelivered: (event) => live.onDelivered(event),
  }
}

/** @param wanted channels to be in from the start, by comma, or `all`: what a client that resumes was in before */
function open(parts: Parts, calls: Calls, hub: Hub, session: Session, wanted: string | undefined): Promise<Opening> {
  const { database, live } = parts
  const { version } = live
  return database.read(async (reader) => {
    const { offset } = await eventLog.head(reader)
    const person = await reachPerson(reader, { accountId: session.account.id })
    const channels = wanted === undefined ? [] : await joinable(reader, parts, person, wanted)
    return {
      rooms: [allRoom, ...(mayChat(person) ? [chatRoom] : []), ...channels.map(({ id }) => joinedRoom(id))],
      offset,
      frames: (position) => [authenticated(person, position)],
      onLive: (connection) => {
        live.opened(connection, person)
        const joined = channels.filter(({ id }) => connection.rooms.has(joinedRoom(id)))
        for (const channel of joined) live.join(connection, channel.id, channel)
        const ids = joined.map(({ id }) => id)
        if (ids.length > 0) hasCome(parts, person.actor_id, ids).catch(hub.onError)
        calls.opened(connection, session)
        if (live.version !== version) lookAgain(parts, person, channels).catch(hub.onError)
      },
    }
  })
}

/** Rights were changed between the reading and the coming: the rooms know of it, what is kept of the person does not. */
async function lookAgain(
  { database, live }: Parts,
  before: PersonAccess,
  channels: readonly ChannelAccess[],
): Promise<void> {
  const actor = before.actor_id
  const { person, seen } = await database.read(async (reader) => {
    const now = await Promise.all(channels.map(({ id }) => reader.get(accessChannel, { id, actor })))
    return {
      person: await reachPerson(reader, { accountId: actor }),
      seen: new Set(now.map((channel) => (channel && seesChannel(channel) ? channel.id : undefined))),
    }
  })
  live.personChanged(person)
  for (const { id } of channels) if (!seen.has(id)) live.expel(id, actor)
}

const mayChat = (person: PersonAccess): boolean => permissionsOf(person).has('chat.access')

function authenticated(person: PersonAccess, position: string | undefined): string {
  const payload = { userId: person.actor_id, displayName: person.actor_name, role: roleOf(person) }
  return frame('authenticated', JSON.stringify(payload), position)
}

async function joinable(reader: Reader, parts: Parts, person: PersonAccess, wanted: string): Promise<ChannelAccess[]> {
  const max = parts.settings.joinedChannels
  const actor = person.actor_id
  const ids =
    wanted === 'all'
      ? (await reader.all(membershipsOf, { user: actor, limit: max })).map((row) => row.channel_id)
      : [
          ...new Set(
            wanted
              .split(',')
              .filter((id) => /^[1-9]\d{0,8}$/.test(id))
              .map(Number),
          ),
        ].slice(0, max)
  const channels: readonly (ChannelAccess | undefined)[] = await Promise.all(
    ids.map((id) => reader.get(accessChannel, { id, actor })),
  )
  // Open channels are joined by `join_channel`, which makes one a member.
  return channels.filter(
    (channel): channel is ChannelAccess =>
      channel !== undefined && seesChannel(channel) && (channel.member !== null || channel.visibility === 'private'),
  )
}

/** `["event", argument, …]`: what comes after the first argument is ignored. */
function decode(value: unknown): Inbound {
  if (!Array.isArray(value)) throw invalid({ event: 'must be a Socket.IO event' })
  const [name, data] = value as readonly unknown[]
  if (typeof name !== 'string') throw invalid({ event: 'must have a name' })
  return { name, data }
}

function tokenIn(value: unknown): string | undefined {
  if (!Array.isArray(value) || value[0] !== 'authenticate') return undefined
  const token = (value as readonly unknown[])[1]
  // Anything but a text is a token that cannot be right: it is refused as one.
  return typeof token === 'string' ? token : ''
}
