import type { Reader } from '../../../kernel/database.ts'
import { momentCursor, readMoment } from '../../../kernel/moment.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import type { ReportStatus } from '../store/reports.ts'
import type { DatingTables } from '../tables.ts'

/**
 * What waits for a moderator, or has been closed, the latest first: of whom and why, nothing of what was written. A
 * moderator who is reported themself does not see it.
 */
export async function listReports(
  reader: Reader,
  moderator: number,
  { limit, before, status }: Page & { readonly status?: ReportStatus | undefined },
) {
  const { at, uuid } = readMoment(before)
  const db = builder<DatingTables>(reader.dialect)
  let page = db
    .selectFrom('dating_reports as r')
    .selectAll('r')
    .where('r.reported_id', '!=', moderator)
    .where((e) => e(e.refTuple('r.created_at', 'r.uuid'), '<', e.tuple(at, uuid)))
    .orderBy('r.created_at', 'desc')
    .orderBy('r.uuid', 'desc')
    .limit(limit + 1)
  if (status !== undefined) page = page.where('r.status', '=', status)
  const query = db
    .selectFrom(page.as('r'))
    .leftJoin('accounts as a', 'a.id', 'r.reported_id')
    .leftJoin('dating_profiles as f', 'f.user_id', 'r.reported_id')
    .selectAll('r')
    .select(['a.uuid as reported_uuid', 'a.username as reported_username', 'a.display_name as reported_name'])
    .select('f.suspended_at as reported_suspended_at')
    .select((e) =>
      e
        .selectFrom('dating_reports as o')
        .select((o) => o.fn.countAll<number>().as('count'))
        .whereRef('o.reported_id', '=', 'r.reported_id')
        .as('reports'),
    )
    .orderBy('r.created_at', 'desc')
    .orderBy('r.uuid', 'desc')
  return paged(await reader.query(query.compile()), limit, (row) =>
    momentCursor({ at: row.created_at, uuid: row.uuid }),
  )
}

type RowOf<L> = L extends Listed<infer R, string> ? R : never
export type ReportRow = RowOf<Awaited<ReturnType<typeof listReports>>>
