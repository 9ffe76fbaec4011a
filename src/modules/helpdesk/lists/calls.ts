import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { statements } from '../../../kernel/statement.ts'
import type { CallRow } from '../store/calls.ts'
import type { HelpdeskTables } from '../tables.ts'
import { timestamp } from '../wire.ts'

const sql = statements<HelpdeskTables>()

/** Of both indexes no more than a page. */
const pageOf = sql<{ user: number; before: number; limit: number }>()((db, p) => {
  const half = (party: 'caller_id' | 'callee_id') =>
    db
      .selectFrom('helpdesk_calls')
      .selectAll()
      .where(party, '=', p.user)
      .where('id', '<', p.before)
      .orderBy('id', 'desc')
      .limit(p.limit)
  const both = db
    .selectFrom(half('caller_id').as('made'))
    .selectAll()
    .unionAll(db.selectFrom(half('callee_id').as('taken')).selectAll())
  return db
    .selectFrom(both.as('c'))
    .innerJoin('accounts as a', 'a.id', 'c.caller_id')
    .innerJoin('accounts as b', 'b.id', 'c.callee_id')
    .selectAll('c')
    .select(['a.display_name as caller_name', 'b.display_name as callee_name'])
    .orderBy('c.id', 'desc')
    .limit(p.limit)
})

const START = 2_147_483_647

/** Calls somebody has made or was to take, newest first; cursors are the numbers of the rows. */
export async function listCalls(
  reader: Reader,
  user: number,
  { limit, before = START }: Page<number>,
): Promise<Listed<CallRow, number>> {
  return paged(await reader.all(pageOf, { user, before, limit: limit + 1 }), limit, ({ id }) => id)
}

/** As REST shows it. */
export const showCall = (row: CallRow) => ({
  id: row.uuid,
  callerId: row.caller_id,
  callerName: row.caller_name,
  calleeId: row.callee_id,
  calleeName: row.callee_name,
  callType: row.type,
  state: row.state,
  reason: row.reason,
  startedAt: timestamp(row.started_at),
  answeredAt: row.answered_at === null ? null : timestamp(row.answered_at),
  endedAt: row.ended_at === null ? null : timestamp(row.ended_at),
  durationSeconds: secondsOf(row),
})

function secondsOf({ answered_at: from, ended_at: to }: CallRow): number | null {
  if (from === null || to === null) return null
  // The wall clock may have been set back meanwhile.
  return Math.max(0, Math.round((to - from) / 1000))
}
