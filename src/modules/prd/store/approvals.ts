import type { Insertable, Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { ApprovalStatus, PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

export type ApprovalRow = Selectable<PrdTables['prd_approvals']>
type New = Omit<Insertable<PrdTables['prd_approvals']>, 'id' | 'status' | 'answer' | 'decided_at' | 'seq'>

export const insertApproval = sql<New>()((db, p) =>
  db
    .insertInto('prd_approvals')
    .values({
      prd_id: p.prd_id,
      requested_by: p.requested_by,
      approver_id: p.approver_id,
      status: 'pending',
      round: p.round,
      note: p.note,
      answer: '',
      requested_at: p.requested_at,
      decided_at: null,
      seq: null,
    })
    .returning('id'),
)

export const findApproval = sql<{ prd: number; id: number }>()((db, p) =>
  db.selectFrom('prd_approvals').selectAll().where('prd_id', '=', p.prd).where('id', '=', p.id),
)

/** The last review of a PRD, open or not; null: there was none. */
export const lastRound = sql<{ prd: number }>()((db, p) =>
  db
    .selectFrom('prd_approvals')
    .select((e) => e.fn.max('round').as('round'))
    .where('prd_id', '=', p.prd),
)

/** Oldest first. */
export const approvalsOfRound = sql<{ prd: number; round: number }>()((db, p) =>
  db
    .selectFrom('prd_approvals')
    .selectAll()
    .where('prd_id', '=', p.prd)
    .where('round', '=', p.round)
    .orderBy('id'),
)

type Decision = Pick<ApprovalRow, 'id' | 'answer' | 'seq'> & { status: ApprovalStatus; at: number }

export const decideApproval = sql<Decision>()((db, p) =>
  db
    .updateTable('prd_approvals')
    .set({ status: p.status, answer: p.answer, seq: p.seq, decided_at: p.at })
    .where('id', '=', p.id),
)

/** The last edit of the text. Those that a snapshot has may have been removed. */
export const lastSeq = sql<{ prd: number }>()((db, p) =>
  db
    .selectFrom((e) =>
      e
        .selectFrom('prd_operations')
        .select((o) => o.fn.max('seq').as('seq'))
        .where('prd_id', '=', p.prd)
        .unionAll(e.selectFrom('prd_snapshots').select('seq').where('prd_id', '=', p.prd))
        .as('s'),
    )
    .select((e) => e.fn.max('s.seq').as('seq')),
)
