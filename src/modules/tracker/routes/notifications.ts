import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import * as actions from '../actions/index.ts'
import type { Tracker } from '../actions/tracker.ts'
import { listNotifications } from '../lists.ts'
import type { NotificationRow } from '../store.ts'
import { Id, Timestamp, timestamp } from '../wire.ts'
import { ById, PageOf, PageQuery } from './shapes.ts'

const Notification = Type.Object(
  {
    id: Id,
    kind: Type.String({ description: 'The action of its frame: bug_assigned, comment_added, status_changed, …' }),
    user_id: Id,
    bug_report_id: Id,
    title: Type.String(),
    message: Type.String(),
    created_at: Timestamp,
    read_at: Type.Union([Timestamp, Type.Null()]),
  },
  { description: 'The payload of the frame it was sent in, with kind and read_at' },
)

export function notificationRoutes(tracker: Tracker): readonly Route[] {
  return [
    route(
      'GET',
      '/notifications',
      {
        summary: 'Your notifications, newest first',
        query: Type.Object({ ...PageQuery, unread: Type.Optional(Type.Boolean()) }),
        reply: PageOf(Notification),
      },
      ({ session, query }) =>
        readPage(tracker.database, (reader) => listNotifications(reader, session.account.id, query), show),
    ),
    route(
      'POST',
      '/notifications/:id/read',
      { summary: 'Mark one as read; again changes nothing', params: ById, reply: Notification, status: 200 },
      async (call) => show(await actions.readNotification(tracker, callerOf(call), call.params.id)),
    ),
    route('POST', '/notifications/read', { summary: 'Mark all as read' }, (call) =>
      actions.readAllNotifications(tracker, callerOf(call)),
    ),
  ]
}

const show = (row: NotificationRow): object => ({
  id: row.id,
  kind: row.kind,
  ...(JSON.parse(row.payload) as object),
  read_at: row.read_at === null ? null : timestamp(row.read_at),
})
