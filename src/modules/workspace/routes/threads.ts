import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { pageOf, readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { followThread, markThreadRead, unfollowThread } from '../actions/following.ts'
import { reachWorkspace, type Parts } from '../actions/parts.ts'
import { listThreads } from '../lists/threads.ts'
import { exact, Id, Nullable, Timestamp } from '../wire.ts'
import { ById, Message, PageQuery, Ref } from './shapes.ts'

const Thread = Type.Object(
  {
    parent: Message,
    unread_replies: Type.Integer({ minimum: 0 }),
    last_reply_at: Timestamp,
    /** Who has replied, in the order of their first replies. */
    participants: Type.Array(Id),
  },
  exact,
)
const Standing = Type.Object(
  {
    message_id: Id,
    following: Type.Boolean(),
    last_read_message_id: Nullable(Id),
    unread_replies: Type.Integer({ minimum: 0 }),
  },
  exact,
)

export function threadRoutes(parts: Parts): readonly Route[] {
  const { database } = parts
  return [
    route(
      'GET',
      '/workspaces/:id/threads',
      {
        summary: 'Threads you follow, the last that was written in first; `before` is `next_before` of the page before',
        params: ById,
        query: Type.Object(PageQuery),
        reply: pageOf(Thread, Type.String()),
      },
      (call) =>
        readPage(
          database,
          async (reader) => {
            const workspace = await reachWorkspace(reader, callerOf(call), call.params.id)
            return listThreads(reader, workspace, call.query)
          },
          (thread) => thread,
        ),
    ),
    route(
      'POST',
      '/messages/:id/follow',
      { summary: 'Follow the thread under a message, from now on', params: ById, reply: Standing, status: 200 },
      (call) => followThread(parts, callerOf(call), call.params.id),
    ),
    route(
      'DELETE',
      '/messages/:id/follow',
      { summary: 'Stop following a thread; nobody but you changes that', params: ById },
      (call) => unfollowThread(parts, callerOf(call), call.params.id),
    ),
    route(
      'POST',
      '/messages/:id/read-thread',
      {
        summary: 'You have read a thread you follow up to a reply, or all of it; it never goes back',
        params: ById,
        body: Type.Object({ message_id: Type.Optional(Ref) }),
        reply: Standing,
        status: 200,
      },
      (call) => markThreadRead(parts, callerOf(call), call.params.id, call.body.message_id),
    ),
  ]
}
