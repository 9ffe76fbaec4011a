import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readHistoryPage } from '../../../kernel/history.ts'
import { readOne, readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { setSharing, unmatch } from '../actions/matching.ts'
import { deleteMessage, sendMessage } from '../actions/messages.ts'
import { reachConversation, type Parts, type Reached } from '../actions/parts.ts'
import { reachActor } from '../actions/profiles.ts'
import { readMessages } from '../actions/reading.ts'
import { findConversation, history, listConversations, showConversation } from '../lists/conversations.ts'
import type { MessageRow } from '../store/access.ts'
import { showMessage } from '../store/messages.ts'
import { Message, Metadata, payloads, timestampOrNull } from '../wire.ts'
import { ById, Conversation, History, PageOf, PageQuery, Ref, Sharing } from './shapes.ts'

const HistoryQuery = Type.Object({ ...PageQuery, after: Type.Optional(Ref) })

export function conversationRoutes(parts: Parts): readonly Route[] {
  const { database, clock } = parts
  /** The body of `message:send`, but for where. */
  const NewMessage = Type.Object({
    content: Type.String(),
    type: Type.String(),
    metadata: Type.Optional(Metadata),
  })
  return [
    route(
      'GET',
      '/conversations',
      {
        summary: 'Your conversations, where something was written last first',
        query: Type.Object(PageQuery),
        reply: PageOf(Conversation),
      },
      (call) =>
        readPage(
          database,
          async (reader) => listConversations(reader, (await reachActor(reader, callerOf(call))).id, call.query),
          (row) => showConversation(parts, row, clock.now()),
        ),
    ),
    route('GET', '/conversations/:id', { summary: 'One conversation', params: ById, reply: Conversation }, (call) =>
      readOne(database, async (reader) => {
        const { uuid, actor_id } = await reachConversation(reader, callerOf(call), call.params.id)
        return showConversation(parts, await findConversation(reader, actor_id, uuid), clock.now())
      }),
    ),
    route(
      'DELETE',
      '/conversations/:id',
      { summary: 'Unmatch: the conversation ends for both, for good', params: ById },
      (call) => unmatch(parts, callerOf(call), call.params.id),
    ),
    route(
      'PUT',
      '/conversations/:id/sharing',
      {
        summary: 'Agree that personal data is shown in messages, or not any more; it is while both do',
        params: ById,
        body: Type.Object({ shares: Type.Boolean() }),
        reply: Sharing,
      },
      (call) => setSharing(parts, callerOf(call), call.params.id, call.body.shares),
    ),
    route(
      'GET',
      '/conversations/:id/messages',
      {
        summary: 'History: the newest, those before a message or those after it',
        params: ById,
        query: HistoryQuery,
        reply: History,
      },
      (call) =>
        readHistoryPage(database, async (reader) => {
          const conversation = await reachConversation(reader, callerOf(call), call.params.id)
          const page = await history(reader, conversation.id, call.query)
          return { ...page, rows: page.rows.map((row) => showRow(parts, conversation, row, clock.now())) }
        }),
    ),
    route(
      'POST',
      '/conversations/:id/messages',
      { summary: 'Send a message, as message:send does', params: ById, body: NewMessage, reply: Message },
      async (call) => {
        const { content, type, metadata = {} } = call.body
        const { payload } = await sendMessage(parts, callerOf(call), call.params.id, { content, type, metadata })
        return payload.message
      },
    ),
    route(
      'POST',
      '/conversations/:id/read',
      {
        summary: 'You have read up to and including this message',
        params: ById,
        body: Type.Object({ message_id: Ref }),
        reply: payloads['message:viewed'],
        status: 200,
      },
      async (call) => (await readMessages(parts, callerOf(call), call.body.message_id, call.params.id)).payload,
    ),
    route(
      'DELETE',
      '/messages/:id',
      { summary: 'Delete a message for both; either of the two may', params: ById },
      async (call) => {
        await deleteMessage(parts, callerOf(call), call.params.id)
      },
    ),
  ]
}

/** What the server itself has said is read by each of the two for themself. */
function showRow(parts: Parts, conversation: Reached, row: MessageRow, now: number) {
  const { actor_id, actor_uuid, partner_uuid, read_id } = conversation
  const sender = row.sender_id === null ? null : row.sender_id === actor_id ? actor_uuid : partner_uuid
  const isRead = sender === null ? row.id <= read_id : row.viewed_at !== null
  return {
    ...showMessage(row, conversation.uuid, sender, parts.photoUrls, now, isRead),
    delivered_at: timestampOrNull(row.delivered_at),
    viewed_at: timestampOrNull(row.viewed_at),
  }
}
