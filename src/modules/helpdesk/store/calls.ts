import type { Kysely, SelectQueryBuilder, Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { CallState, HelpdeskTables } from '../tables.ts'
import type { CallType } from '../wire.ts'

const sql = statements<HelpdeskTables>()

/** Why a call came to its end. */
export type CallReason =
  | 'hung_up'
  | 'rejected'
  | 'cancelled'
  | 'timeout'
  | 'offline'
  | 'busy'
  | 'not_permitted'
  | 'lost'
  | 'too_long'
  | 'restart'

/** A call with the names of its parties. */
export type CallRow = Selectable<HelpdeskTables['helpdesk_calls']> & {
  readonly caller_name: string
  readonly callee_name: string
}

type CallQuery = SelectQueryBuilder<HelpdeskTables & { c: HelpdeskTables['helpdesk_calls'] }, 'c', object>

const OPEN: CallState[] = ['ringing', 'accepted']

const withNames = (calls: CallQuery) =>
  calls
    .innerJoin('accounts as a', 'a.id', 'c.caller_id')
    .innerJoin('accounts as b', 'b.id', 'c.callee_id')
    .selectAll('c')
    .select(['a.display_name as caller_name', 'b.display_name as callee_name'])

const callsWithNames = (db: Kysely<HelpdeskTables>) => withNames(db.selectFrom('helpdesk_calls as c'))

export const findCall = sql<{ uuid: string }>()((db, p) => callsWithNames(db).where('c.uuid', '=', p.uuid))

/** The call that rings or runs for this person. */
export const openCallOf = sql<{ user: number }>()((db, p) =>
  callsWithNames(db)
    .where('c.state', 'in', OPEN)
    .where((e) => e.or([e('c.caller_id', '=', p.user), e('c.callee_id', '=', p.user)])),
)

export const openCalls = sql<object>()((db) => callsWithNames(db).where('c.state', 'in', OPEN))

/** More than somebody begins in half a minute; however long a history is, no more of it is looked at. */
const RECENT = 50

/** The latest call of one with the other that ended at `since` (wall clock, milliseconds) or later. */
export const recentCall = sql<{ caller: number; callee: number; since: number }>()((db, p) =>
  withNames(
    db.selectFrom(
      db
        .selectFrom('helpdesk_calls')
        .selectAll()
        .where('caller_id', '=', p.caller)
        .orderBy('id', 'desc')
        .limit(RECENT)
        .as('c'),
    ),
  )
    .where('c.callee_id', '=', p.callee)
    .where('c.ended_at', '>=', p.since)
    .orderBy('c.id', 'desc')
    .limit(1),
)

export const insertCall = sql<{
  uuid: string
  caller: number
  callee: number
  type: CallType
  state: CallState
  reason: CallReason | null
  now: number
  ended: number | null
}>()((db, p) =>
  db.insertInto('helpdesk_calls').values({
    uuid: p.uuid,
    caller_id: p.caller,
    callee_id: p.callee,
    type: p.type,
    state: p.state,
    reason: p.reason,
    started_at: p.now,
    answered_at: null,
    ended_at: p.ended,
    ended_by: null,
  }),
)

export const answerCall = sql<{ uuid: string; now: number }>()((db, p) =>
  db.updateTable('helpdesk_calls').set({ state: 'accepted', answered_at: p.now }).where('uuid', '=', p.uuid),
)

export const retypeCall = sql<{ uuid: string; type: CallType }>()((db, p) =>
  db.updateTable('helpdesk_calls').set({ type: p.type }).where('uuid', '=', p.uuid),
)

export const endCall = sql<{ uuid: string; state: CallState; reason: CallReason; by: number | null; now: number }>()(
  (db, p) =>
    db
      .updateTable('helpdesk_calls')
      .set({ state: p.state, reason: p.reason, ended_at: p.now, ended_by: p.by })
      .where('uuid', '=', p.uuid),
)

/** What an earlier process has left ringing: its offers were in memory alone. */
export const missRinging = sql<{ now: number }>()((db, p) =>
  db
    .updateTable('helpdesk_calls')
    .set({ state: 'missed', reason: 'restart', ended_at: p.now })
    .where('state', '=', 'ringing'),
)
