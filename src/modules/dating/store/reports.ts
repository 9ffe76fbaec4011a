import { statements } from '../../../kernel/statement.ts'
import type { DatingTables } from '../tables.ts'

const sql = statements<DatingTables>()

export type ReportStatus = DatingTables['dating_reports']['status']

export const insertReport = sql<{
  uuid: string
  reporter: number
  reported: number
  conversation: number | null
  reason: string
  note: string
  evidence: string
  now: number
}>()((db, p) =>
  db.insertInto('dating_reports').values({
    uuid: p.uuid,
    reporter_id: p.reporter,
    reported_id: p.reported,
    conversation_id: p.conversation,
    reason: p.reason,
    note: p.note,
    evidence: p.evidence,
    status: 'open',
    resolution: '',
    resolved_by: null,
    created_at: p.now,
    resolved_at: null,
  }),
)

/** A message that may be reported, with what is known of its photo. */
export const reportable = sql<{ uuid: string; conversation: number; sender: number }>()((db, p) =>
  db
    .selectFrom('dating_messages as t')
    .leftJoin('dating_photos as f', 'f.uuid', 't.photo')
    .selectAll('t')
    .select(['f.mime_type', 'f.size', 'f.width', 'f.height'])
    .where('t.uuid', '=', p.uuid)
    .where('t.conversation_id', '=', p.conversation)
    .where('t.sender_id', '=', p.sender),
)

export const findReport = sql<{ uuid: string }>()((db, p) =>
  db
    .selectFrom('dating_reports as r')
    .leftJoin('dating_conversations as c', 'c.id', 'r.conversation_id')
    .leftJoin('accounts as a', 'a.id', 'r.reported_id')
    .leftJoin('dating_profiles as f', 'f.user_id', 'r.reported_id')
    .leftJoin('accounts as b', 'b.id', 'r.reporter_id')
    .leftJoin('accounts as m', 'm.id', 'r.resolved_by')
    .selectAll('r')
    .select(['c.uuid as conversation', 'c.locked_at', 'c.ended_at'])
    .select(['a.uuid as reported_uuid', 'a.username as reported_username', 'a.display_name as reported_name'])
    .select(['f.bio as reported_bio', 'f.suspended_at as reported_suspended_at'])
    .select(['b.uuid as reporter_uuid', 'b.username as reporter_username', 'b.display_name as reporter_name'])
    .select('m.uuid as resolver_uuid')
    .select((e) =>
      e
        .selectFrom('dating_reports as o')
        .select((o) => o.fn.countAll<number>().as('count'))
        .whereRef('o.reported_id', '=', 'r.reported_id')
        .as('reports'),
    )
    .where('r.uuid', '=', p.uuid),
)

export const insertRead = sql<{ report: number; moderator: number; now: number }>()((db, p) =>
  db.insertInto('dating_report_reads').values({ report_id: p.report, moderator_id: p.moderator, at: p.now }),
)
/** Of two moderators at once, one closes it. @returns whether it was open */
export const closeReport = sql<{ id: number; status: ReportStatus; resolution: string; by: number; now: number }>()(
  (db, p) =>
    db
      .updateTable('dating_reports')
      .set({ status: p.status, resolution: p.resolution, resolved_by: p.by, resolved_at: p.now })
      .where('id', '=', p.id)
      .where('status', '=', 'open'),
)
export const otherOpenReport = sql<{ id: number; conversation: number }>()((db, p) =>
  db
    .selectFrom('dating_reports')
    .select('id')
    .where('conversation_id', '=', p.conversation)
    .where('status', '=', 'open')
    .where('id', '!=', p.id)
    .limit(1),
)
/** The two people of a conversation. */
export const participantsOf = sql<{ conversation: number }>()((db, p) =>
  db.selectFrom('dating_participants').select('user_id').where('conversation_id', '=', p.conversation),
)

export const reportId = sql<{ uuid: string }>()((db, p) =>
  db.selectFrom('dating_reports').select(['id', 'status']).where('uuid', '=', p.uuid),
)
export const deleteReads = sql<{ report: number }>()((db, p) =>
  db.deleteFrom('dating_report_reads').where('report_id', '=', p.report),
)
export const deleteReport = sql<{ id: number }>()((db, p) => db.deleteFrom('dating_reports').where('id', '=', p.id))
