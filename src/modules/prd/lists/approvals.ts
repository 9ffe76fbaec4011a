import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import { toId } from '../ids.ts'
import { seesInSql } from '../store/sight.ts'
import type { ApprovalStatus, PrdTables } from '../tables.ts'
import { timestamp } from '../wire.ts'

interface Person {
  readonly id: string
  readonly name: string
}

/** What routes/approvals.ts describes. */
export interface Approval {
  readonly id: string
  readonly prdId: string
  readonly prdTitle: string
  readonly status: ApprovalStatus
  readonly requestedBy: Person
  readonly approver: Person
  readonly note: string
  readonly answer: string
  readonly requestedAt: string
  readonly decidedAt: string | null
}

export interface ApprovalFilter extends Page<number> {
  readonly status?: ApprovalStatus | undefined
  readonly prd?: number
  readonly approver?: number
}

/** On PRDs that somebody sees, newest first. */
export async function listApprovals(
  reader: Reader,
  actor: number,
  { limit, before, status, prd, approver }: ApprovalFilter,
): Promise<Listed<Approval, string>> {
  let query = shown(reader)
    .innerJoin('prd_members as m', (j) =>
      j.onRef('m.organization_id', '=', 'd.organization_id').on('m.account_id', '=', actor),
    )
    .leftJoin('prd_collaborators as c', (j) => j.onRef('c.prd_id', '=', 'd.id').on('c.account_id', '=', actor))
    .where('d.deleted_at', 'is', null)
    .where((e) => seesInSql(e as never, e.val(actor)))
    .orderBy('v.id', 'desc')
    .limit(limit + 1)
  if (before !== undefined) query = query.where('v.id', '<', before)
  if (status !== undefined) query = query.where('v.status', '=', status)
  if (prd !== undefined) query = query.where('v.prd_id', '=', prd)
  if (approver !== undefined) query = query.where('v.approver_id', '=', approver)
  return paged((await reader.query(query.compile())).map(show), limit, ({ id }) => id)
}

/** Some of a PRD that is known to be seen, oldest first. */
export async function showApprovals(reader: Reader, ids: readonly number[]): Promise<Approval[]> {
  return (await reader.query(shown(reader).where('v.id', 'in', ids).orderBy('v.id').compile())).map(show)
}

const shown = ({ dialect }: Reader) =>
  builder<PrdTables>(dialect)
    .selectFrom('prd_approvals as v')
    .innerJoin('prd_prds as d', 'd.id', 'v.prd_id')
    .innerJoin('accounts as a', 'a.id', 'v.approver_id')
    .innerJoin('accounts as r', 'r.id', 'v.requested_by')
    .selectAll('v')
    .select(['d.title', 'a.display_name as approver_name', 'r.display_name as requester_name'])

type Row = Awaited<ReturnType<ReturnType<typeof shown>['execute']>>[number]

const show = (row: Row): Approval => ({
  id: toId('approval', row.id),
  prdId: toId('prd', row.prd_id),
  prdTitle: row.title,
  status: row.status,
  requestedBy: { id: toId('user', row.requested_by), name: row.requester_name },
  approver: { id: toId('user', row.approver_id), name: row.approver_name },
  note: row.note,
  answer: row.answer,
  requestedAt: timestamp(row.requested_at),
  decidedAt: row.decided_at === null ? null : timestamp(row.decided_at),
})
