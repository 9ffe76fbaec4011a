import Type from 'typebox'
import { callerOf, type Caller } from '../../../kernel/action.ts'
import type { Reader } from '../../../kernel/database.ts'
import { Text } from '../../../kernel/fields.ts'
import { camelHistoryOf, readCamelHistoryPage } from '../../../kernel/history.ts'
import { readCamelPage, readOne } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { messageKey, sendMessage } from '../actions/messages.ts'
import { reachChannel, reachPerson, type Parts } from '../actions/parts.ts'
import { readMessages } from '../actions/reading.ts'
import { listUnread } from '../lists/channels.ts'
import { channelHistory, searchMessages } from '../lists/messages.ts'
import { checkMay, checkSees } from '../policy.ts'
import { accessChannel } from '../store/access.ts'
import { findMessageById, showMessages, type Message as Shown } from '../store/messages.ts'
import { Id, MessageType, Nullable, payloads } from '../wire.ts'
import { ById, Message, PageOf, PageQuery, Ref, Unread } from './shapes.ts'

const HistoryQuery = Type.Object({ ...PageQuery, after: Type.Optional(Ref) })

/** What the client names the message by until it knows its id: the same again brings the same message. */
const ClientId = Type.String({ pattern: '^[\\x21-\\x7e]{1,64}$', description: '1 to 64 visible ASCII characters' })

export function messageRoutes(parts: Parts): readonly Route[] {
  const { database, settings } = parts
  const NewMessage = Type.Object({
    message: Text(0, settings.messageCharacters),
    messageType: Type.Optional(MessageType),
    replyToId: Type.Optional(Nullable(Ref)),
    clientId: Type.Optional(ClientId),
  })
  return [
    route(
      'GET',
      '/channels/:id/messages',
      {
        summary: 'History: the newest, those before a message or those after it; newest first',
        params: ById,
        query: HistoryQuery,
        reply: camelHistoryOf(Message, Id),
      },
      (call) =>
        readCamelHistoryPage(database, async (reader) => {
          const channel = await reachChannel(reader, callerOf(call), call.params.id)
          const page = await channelHistory(reader, channel.id, call.query)
          return { ...page, rows: await showMessages(reader, channel, page.rows) }
        }),
    ),
    route(
      'POST',
      '/channels/:id/messages',
      { summary: 'Send a message (chat.send_messages)', params: ById, body: NewMessage, reply: Message },
      async (call) => {
        const { message, messageType = 'text', replyToId = null, clientId } = call.body
        const caller = callerOf(call)
        // The header names a command, `clientId` a message of one channel; two commands must not share a key.
        const clientKey = caller.clientKey ?? messageKey(call.params.id, clientId)
        const input = { channelId: call.params.id, message, messageType, replyToId }
        const sent = await sendMessage(parts, { ...caller, clientKey }, input)
        // Of a text there is nothing more to read.
        if (messageType === 'text') return { ...sent, file: null, ticket: null }
        return database.read((reader) => readMessage(reader, caller, sent.id))
      },
    ),
    route(
      'GET',
      '/messages/search',
      {
        summary: 'Messages with every word of q, each as the beginning of a word, in the channels you see',
        query: Type.Object({ ...PageQuery, q: Text(1, 500), channelId: Type.Optional(Ref) }),
        reply: PageOf(Message),
      },
      (call) =>
        readCamelPage(
          database,
          async (reader) => {
            const person = await reachPerson(reader, callerOf(call))
            checkMay(person, 'chat.access')
            const { rows, next } = await searchMessages(reader, person, call.query)
            return { rows: await showMessages(reader, person, rows), next }
          },
          (message) => message,
        ),
    ),
    route('GET', '/messages/:id', { summary: 'One message', params: ById, reply: Message }, (call) =>
      readOne(database, (reader) => readMessage(reader, callerOf(call), call.params.id)),
    ),
    route(
      'POST',
      '/channels/:id/read',
      {
        summary: 'Mark as read: up to a message and with it, or with null everything',
        params: ById,
        body: Type.Object({ messageId: Nullable(Ref) }),
        reply: payloads.message_read_receipt,
        status: 200,
      },
      (call) => readMessages(parts, callerOf(call), call.params.id, call.body.messageId),
    ),
    route(
      'GET',
      '/unread',
      {
        summary: 'What is unread in the channels you are a member of, the newest channel first',
        query: Type.Object(PageQuery),
        reply: PageOf(Unread),
      },
      (call) =>
        readCamelPage(
          database,
          async (reader) => {
            const person = await reachPerson(reader, callerOf(call))
            checkMay(person, 'chat.access')
            return listUnread(reader, person, call.query)
          },
          (unread) => unread,
        ),
    ),
  ]
}

/** @throws not_found when absent or hidden, alike; forbidden without chat.access, whether or not it is there */
async function readMessage(reader: Reader, caller: Caller, id: number): Promise<Shown> {
  const message = await reader.get(findMessageById, { id })
  const channel = message && (await reader.get(accessChannel, { id: message.channel_id, actor: caller.accountId }))
  if (!channel) checkMay(await reachPerson(reader, caller), 'chat.access')
  return (await showMessages(reader, checkSees(channel, 'This message'), [message!]))[0]!
}
