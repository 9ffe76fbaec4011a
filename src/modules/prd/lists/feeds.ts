import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import { toId } from '../ids.ts'
import { seesInSql } from '../store/sight.ts'
import type { PrdTables } from '../tables.ts'
import { timestamp, type Payload } from '../wire.ts'

/** Section 7 as it is kept. What is about a PRD that one does not see now is not there. */

/** The event, and when it was read. */
export type Notification = Payload<'notification'> & { readonly readAt: string | null }
export type Activity = Payload<'activity-update'>['activity']

/** One's own, newest first. */
export async function listNotifications(
  reader: Reader,
  actor: number,
  { limit, before, unread }: Page<number> & { readonly unread?: boolean | undefined },
): Promise<Listed<Notification, string>> {
  let query = mine(reader, actor).selectAll('n').orderBy('n.id', 'desc').limit(limit + 1)
  if (before !== undefined) query = query.where('n.id', '<', before)
  if (unread === true) query = query.where('n.read_at', 'is', null)
  return paged((await reader.query(query.compile())).map(showNotification), limit, ({ id }) => id)
}

/** One of one's own; undefined when it is not, or not to be seen any more. */
export async function findNotification(reader: Reader, actor: number, id: number): Promise<Notification | undefined> {
  const [row] = await reader.query(mine(reader, actor).selectAll('n').where('n.id', '=', id).compile())
  return row && showNotification(row)
}

/** So many are counted at most. */
export const UNREAD = 1_000

export async function countUnread(reader: Reader, actor: number): Promise<number> {
  const unread = mine(reader, actor).select('n.id').where('n.read_at', 'is', null).limit(UNREAD)
  const query = builder<PrdTables>(reader.dialect)
    .selectFrom(unread.as('u'))
    .select((e) => e.fn.countAll().as('count'))
  return Number((await reader.query(query.compile()))[0]!.count)
}

const mine = ({ dialect }: Reader, actor: number) =>
  builder<PrdTables>(dialect)
    .selectFrom('prd_notifications as n')
    .leftJoin('prd_prds as d', (j) => j.onRef('d.id', '=', 'n.prd_id').on('d.deleted_at', 'is', null))
    .leftJoin('prd_members as m', (j) =>
      j.onRef('m.organization_id', '=', 'd.organization_id').on('m.account_id', '=', actor),
    )
    .leftJoin('prd_collaborators as c', (j) => j.onRef('c.prd_id', '=', 'd.id').on('c.account_id', '=', actor))
    .where('n.account_id', '=', actor)
    .where((e) => e.or([e('n.prd_id', 'is', null), seesInSql(e as never, e.val(actor))]))

type Row = PrdTables['prd_notifications']

function showNotification(row: Omit<Row, 'id'> & { readonly id: number }): Notification {
  const { id, type, title, message, data, created_at, read_at } = row
  return {
    id: toId('notification', id),
    type,
    title,
    message,
    data: JSON.parse(data) as Record<string, string>,
    timestamp: timestamp(created_at),
    readAt: read_at === null ? null : timestamp(read_at),
  }
}

/** Of an organisation that the person is a member of, newest first. Of a deleted PRD only that it was deleted. */
export async function listActivities(
  reader: Reader,
  actor: number,
  organization: number,
  { limit, before }: Page<number>,
): Promise<Listed<Activity, string>> {
  let query = builder<PrdTables>(reader.dialect)
    .selectFrom('prd_activities as v')
    .innerJoin('accounts as a', 'a.id', 'v.actor_id')
    .leftJoin('prd_prds as d', 'd.id', 'v.prd_id')
    .leftJoin('prd_members as m', (j) =>
      j.onRef('m.organization_id', '=', 'd.organization_id').on('m.account_id', '=', actor),
    )
    .leftJoin('prd_collaborators as c', (j) => j.onRef('c.prd_id', '=', 'd.id').on('c.account_id', '=', actor))
    .selectAll('v')
    .select('a.display_name as actor_name')
    .where('v.organization_id', '=', organization)
    .where((e) =>
      e.or([
        e('v.prd_id', 'is', null),
        e.and([
          seesInSql(e as never, e.val(actor)),
          e.or([e('d.deleted_at', 'is', null), e('v.type', '=', 'prd_deleted')]),
        ]),
      ]),
    )
    .orderBy('v.id', 'desc')
    .limit(limit + 1)
  if (before !== undefined) query = query.where('v.id', '<', before)
  const rows = await reader.query(query.compile())
  const shown = rows.map(
    (row): Activity => ({
      id: toId('activity', row.id),
      type: row.type,
      actor: { id: toId('user', row.actor_id), name: row.actor_name },
      object: {
        type: row.object_type,
        id: toId(row.object_type === 'prd' ? 'prd' : 'user', row.object_id),
        title: row.object_title,
      },
      timestamp: timestamp(row.created_at),
    }),
  )
  return paged(shown, limit, ({ id }) => id)
}
