import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readAt, readCamelPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { readAllNotifications, readNotification } from '../actions/notifications.ts'
import { reachOrganization, type Parts } from '../actions/parts.ts'
import { AnyId, rowOf } from '../ids.ts'
import { countUnread, listActivities, listNotifications, UNREAD, type Activity } from '../lists/feeds.ts'
import { exact, Nullable, payloads, Timestamp } from '../wire.ts'
import { ById, PageOf, pageBy } from './shapes.ts'

/** The event, and when it was read. */
const Notification = Type.Object({ ...payloads.notification.properties, readAt: Nullable(Timestamp) }, exact)
const UnreadCount = Type.Integer({ minimum: 0, maximum: UNREAD, description: `At most ${UNREAD} are counted` })

export function feedRoutes(parts: Parts): readonly Route[] {
  const { database } = parts
  return [
    route(
      'GET',
      '/notifications',
      {
        summary: 'Your notifications, newest first',
        query: Type.Object({ ...pageBy('notification'), unread: Type.Optional(Type.Boolean()) }),
        reply: Type.Object({ ...PageOf(Notification).properties, unreadCount: UnreadCount }, exact),
      },
      async ({ session, query: { limit, before, unread } }) => {
        const actor = session.account.id
        const page = { limit, before: before === undefined ? undefined : rowOf('notification', before), unread }
        const { found, position } = await readAt(database, async (reader) => ({
          listed: await listNotifications(reader, actor, page),
          unreadCount: await countUnread(reader, actor),
        }))
        const { listed, unreadCount } = found
        return { items: listed.rows, nextBefore: listed.next ?? null, unreadCount, position }
      },
    ),
    route(
      'POST',
      '/notifications/:id/read',
      { summary: 'Mark a notification of yours as read', params: ById, reply: Notification, status: 200 },
      ({ params, ...call }) => readNotification(parts, callerOf(call), rowOf('notification', params.id)),
    ),
    route(
      'POST',
      '/notifications/read-all',
      {
        summary: 'Mark all notifications of yours as read',
        reply: Type.Object({ unreadCount: UnreadCount }, exact),
        status: 200,
      },
      (call) => readAllNotifications(parts, callerOf(call)),
    ),
    route(
      'GET',
      '/activity',
      {
        summary: 'What was done in an organization, as far as you may see it, newest first (members)',
        query: Type.Object({ ...pageBy('activity'), organizationId: AnyId }),
        reply: PageOf(payloads['activity-update'].properties.activity),
      },
      ({ query: { organizationId, limit, before }, ...call }) =>
        readCamelPage(
          database,
          async (reader) => {
            const organization = rowOf('organization', organizationId)
            const { id, actor_id } = await reachOrganization(reader, callerOf(call), organization)
            const page = { limit, before: before === undefined ? undefined : rowOf('activity', before) }
            return listActivities(reader, actor_id, id, page)
          },
          (shown: Activity) => shown,
        ),
    ),
  ]
}
