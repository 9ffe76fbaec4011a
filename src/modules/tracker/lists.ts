import type { SelectQueryBuilder } from 'kysely'
import type { Reader } from '../../kernel/database.ts'
import { paged, type Listed } from '../../kernel/page.ts'
import { matches, searchWords } from '../../kernel/search.ts'
import { builder } from '../../kernel/statement.ts'
import type { CommentRow, NotificationRow, ProjectRow, ReportRow } from './store.ts'
import { commentsOf } from './store.ts'
import type { TrackerTables } from './tables.ts'

/** Lists are newest first; `before` is the last id of the page before. */
export interface Page {
  readonly limit: number
  readonly before?: number | undefined
}

export interface ReportFilter extends Page {
  readonly project_id?: number | undefined
  readonly status?: ReportRow['status'] | undefined
  readonly priority?: ReportRow['priority'] | undefined
  readonly assignee_id?: number | undefined
  readonly creator_id?: number | undefined
  /** Full text over title and description. */
  readonly q?: string | undefined
}

const db = (reader: Reader) => builder<TrackerTables>(reader.dialect)

/** Reports the account may see. */
export async function listReports(reader: Reader, actor: number, filter: ReportFilter): Promise<Listed<ReportRow, number>> {
  const words = filter.q === undefined ? undefined : searchWords(filter.q)
  if (words?.length === 0) return { rows: [], next: undefined }
  let query = visible(reader, actor, db(reader).selectFrom('tracker_reports').selectAll('tracker_reports'))
  for (const key of ['project_id', 'status', 'priority', 'assignee_id', 'creator_id'] as const) {
    const value = filter[key]
    if (value !== undefined) query = query.where(`tracker_reports.${key}`, '=', value)
  }
  if (words) query = query.where(matches(reader.dialect, 'tracker_reports', words))
  if (filter.before !== undefined) query = query.where('tracker_reports.id', '<', filter.before)
  const rows = await reader.query(query.orderBy('tracker_reports.id', 'desc').limit(filter.limit + 1).compile())
  return page(rows, filter.limit)
}

type Reports<O> = SelectQueryBuilder<TrackerTables, 'tracker_reports', O>

function visible<O>(reader: Reader, actor: number, query: Reports<O>): Reports<O> {
  const own = db(reader).selectFrom('tracker_members').select('project_id').where('user_id', '=', actor)
  const admin = db(reader).selectFrom('accounts').select('id').where('id', '=', actor).where('role', '=', 'admin')
  return query.where((e) => e.or([e('tracker_reports.project_id', 'in', own), e.exists(admin)]))
}

export async function listProjects(reader: Reader, actor: number, { limit, before }: Page): Promise<Listed<ProjectRow, number>> {
  const own = db(reader).selectFrom('tracker_members').select('project_id').where('user_id', '=', actor)
  const admin = db(reader).selectFrom('accounts').select('id').where('id', '=', actor).where('role', '=', 'admin')
  let query = db(reader)
    .selectFrom('tracker_projects')
    .selectAll()
    .where((e) => e.or([e('id', 'in', own), e.exists(admin)]))
  if (before !== undefined) query = query.where('id', '<', before)
  return page(await reader.query(query.orderBy('id', 'desc').limit(limit + 1).compile()), limit)
}

/** The caller has made sure that the report may be seen. */
export async function listComments(reader: Reader, report: number, { limit, before }: Page): Promise<Listed<CommentRow, number>> {
  return page(await reader.all(commentsOf, { report, before: before ?? ALL, limit: limit + 1 }), limit)
}

/** Notifications of the account about what it may still see. */
export async function listNotifications(
  reader: Reader,
  actor: number,
  { limit, before, unread }: Page & { readonly unread?: boolean | undefined },
): Promise<Listed<NotificationRow, number>> {
  const seen = visible(reader, actor, db(reader).selectFrom('tracker_reports').select('tracker_reports.id'))
  let query = db(reader)
    .selectFrom('tracker_notifications')
    .selectAll()
    .where('user_id', '=', actor)
    .where('bug_report_id', 'in', seen)
  if (unread) query = query.where('read_at', 'is', null)
  if (before !== undefined) query = query.where('id', '<', before)
  return page(await reader.query(query.orderBy('id', 'desc').limit(limit + 1).compile()), limit)
}

const ALL = 2_147_483_647

const page = <R extends { id: number }>(rows: readonly R[], limit: number): Listed<R, number> =>
  paged(rows, limit, (row) => row.id)
