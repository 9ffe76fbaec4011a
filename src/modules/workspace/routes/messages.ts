import Type from 'typebox'
import { callerOf, type Caller } from '../../../kernel/action.ts'
import { Text } from '../../../kernel/fields.ts'
import { historyOf, readHistoryPage } from '../../../kernel/history.ts'
import { readOne } from '../../../kernel/page.ts'
import { route, type Call, type Route } from '../../../kernel/route.ts'
import { deleteMessage, editMessage, sendMessage } from '../actions/messages.ts'
import { reachChannel, reachMessage, reachThread, type Parts } from '../actions/parts.ts'
import { addReaction, removeReaction } from '../actions/reactions.ts'
import { channelHistory, threadHistory } from '../lists/messages.ts'
import { showMessages } from '../store/messages.ts'
import { Id, Nullable, payloads } from '../wire.ts'
import { ById, Message, PageQuery, Ref } from './shapes.ts'

const HistoryQuery = Type.Object({ ...PageQuery, after: Type.Optional(Ref) })

const History = historyOf(Message, Id)

/** What the client names the message by until it knows its id: the same again brings the same message. */
const ClientId = Type.String({ pattern: '^[\\x21-\\x7e]{1,64}$', description: '1 to 64 visible ASCII characters' })

export function messageRoutes(parts: Parts): readonly Route[] {
  const { database, settings } = parts
  const content = Text(0, settings.messageCharacters)
  const Sent = {
    content: Type.Optional(content),
    client_id: Type.Optional(ClientId),
    attachment_ids: Type.Optional(Type.Array(Ref, { maxItems: settings.attachmentsPerMessage })),
  }
  const NewMessage = Type.Object({ ...Sent, parent_message_id: Type.Optional(Nullable(Ref)) })
  const NewReply = Type.Object(Sent)
  return [
    route(
      'GET',
      '/channels/:id/messages',
      {
        summary: 'History: the newest, those before a message or those after it; replies are in their threads',
        params: ById,
        query: HistoryQuery,
        reply: History,
      },
      ({ params, query, session }) =>
        readHistoryPage(database, async (reader) => {
          const channel = await reachChannel(reader, { accountId: session.account.id }, params.id)
          const page = await channelHistory(reader, channel.id, query)
          return { ...page, rows: await showMessages(reader, page.rows) }
        }),
    ),
    route(
      'POST',
      '/channels/:id/messages',
      { summary: 'Send a message, or with parent_message_id a reply', params: ById, body: NewMessage, reply: Message },
      (call) => {
        const { content: text = '', attachment_ids: attachmentIds = [], parent_message_id } = call.body
        const input = { content: text, attachmentIds, parentId: parent_message_id ?? undefined }
        return sendMessage(parts, sender(call, call.params.id, call.body.client_id), call.params.id, input)
      },
    ),
    route(
      'GET',
      '/messages/:id',
      { summary: 'One message', params: ById, reply: Message },
      ({ session, params }) =>
        readOne(database, async (reader) => {
          const { message } = await reachMessage(reader, { accountId: session.account.id }, params.id)
          return (await showMessages(reader, [message]))[0]!
        }),
    ),
    route(
      'PATCH',
      '/messages/:id',
      { summary: 'Edit your message', params: ById, body: Type.Object({ content }), reply: Message },
      (call) => editMessage(parts, callerOf(call), call.params.id, call.body.content),
    ),
    route(
      'DELETE',
      '/messages/:id',
      { summary: 'Delete a message (author; an admin, but not in direct messages)', params: ById },
      (call) => deleteMessage(parts, callerOf(call), call.params.id),
    ),
    route(
      'GET',
      '/messages/:id/replies',
      { summary: 'The thread under a message', params: ById, query: HistoryQuery, reply: History },
      ({ params, query, session }) =>
        readHistoryPage(database, async (reader) => {
          const { message } = await reachThread(reader, { accountId: session.account.id }, params.id)
          const page = await threadHistory(reader, message.id, query)
          return { ...page, rows: await showMessages(reader, page.rows) }
        }),
    ),
    route(
      'POST',
      '/messages/:id/replies',
      { summary: 'Reply in the thread of a message', params: ById, body: NewReply, reply: Message },
      async (call) => {
        const caller = callerOf(call)
        const { channel } = await database.read((reader) => reachMessage(reader, caller, call.params.id))
        const { content: text = '', attachment_ids: attachmentIds = [], client_id } = call.body
        const input = { content: text, attachmentIds, parentId: call.params.id }
        return sendMessage(parts, sender(call, channel.uuid, client_id), channel.uuid, input)
      },
    ),
    route(
      'POST',
      '/messages/:id/reactions',
      {
        summary: 'React with an emoji; the same again changes nothing',
        params: ById,
        body: Type.Object({ emoji: Type.String({ maxLength: 64 }) }),
        reply: payloads['reaction.added'],
        status: 200,
      },
      (call) => addReaction(parts, callerOf(call), call.params.id, call.body.emoji),
    ),
    route(
      'DELETE',
      '/messages/:id/reactions/:emoji',
      {
        summary: 'Take your reaction back; the emoji percent-encoded',
        params: Type.Object({ id: Ref, emoji: Type.String({ maxLength: 64 }) }),
      },
      (call) => removeReaction(parts, callerOf(call), call.params.id, call.params.emoji),
    ),
  ]
}

/** The header names a command, `client_id` a message of one channel; two commands must not share a key. */
function sender(call: Pick<Call<never, never, never>, 'session' | 'clientKey'>, channel: string, clientId?: string): Caller {
  const caller = callerOf(call)
  return caller.clientKey === undefined && clientId !== undefined
    ? { ...caller, clientKey: `message:${channel}:${clientId}` }
    : caller
}
