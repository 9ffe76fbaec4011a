import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { reachWorkspace, type Parts } from '../actions/parts.ts'
import { markRead, markUnread } from '../actions/reading.ts'
import { listMentions } from '../lists/mentions.ts'
import { showUnread } from '../lists/unread.ts'
import { COUNT_MAX, unreadOf } from '../store/reading.ts'
import { exact, Id, Nullable, Timestamp } from '../wire.ts'
import { ById, Message, PageOf, PageQuery, Ref } from './shapes.ts'

const Count = Type.Integer({ minimum: 0, maximum: COUNT_MAX, description: `${COUNT_MAX} means so many or more` })
const standing = {
  channel_id: Id,
  last_read_message_id: Nullable(Id),
  unread_count: Count,
  mention_count: Count,
}
const Standing = Type.Object(standing, exact)
const Unread = Type.Object({ ...standing, last_message_at: Nullable(Timestamp) }, exact)

export function readingRoutes(parts: Parts): readonly Route[] {
  const { database } = parts
  return [
    route(
      'GET',
      '/workspaces/:id/unread',
      {
        summary: 'What you have not read, for each channel you are in; all on one page',
        params: ById,
        reply: PageOf(Unread),
      },
      (call) =>
        readPage(
          database,
          async (reader) => {
            const { id: workspace, actor_id: user } = await reachWorkspace(reader, callerOf(call), call.params.id)
            return { rows: await reader.all(unreadOf, { workspace, user }), next: undefined }
          },
          showUnread,
        ),
    ),
    route(
      'GET',
      '/workspaces/:id/mentions',
      {
        summary: 'Messages that mention you or everybody, in the channels you are in',
        params: ById,
        query: Type.Object(PageQuery),
        reply: PageOf(Message),
      },
      (call) =>
        readPage(
          database,
          async (reader) => {
            const workspace = await reachWorkspace(reader, callerOf(call), call.params.id)
            return listMentions(reader, workspace, call.query)
          },
          (message) => message,
        ),
    ),
    route(
      'POST',
      '/channels/:id/read',
      {
        summary: 'You have read up to a message, or everything; it never goes back (those in the channel)',
        params: ById,
        body: Type.Object({ message_id: Type.Optional(Ref) }),
        reply: Standing,
        status: 200,
      },
      (call) => markRead(parts, callerOf(call), call.params.id, call.body.message_id),
    ),
    route(
      'POST',
      '/channels/:id/unread',
      {
        summary: 'You want to read from a message on again (those in the channel)',
        params: ById,
        body: Type.Object({ message_id: Ref }),
        reply: Standing,
        status: 200,
      },
      (call) => markUnread(parts, callerOf(call), call.params.id, call.body.message_id),
    ),
  ]
}
