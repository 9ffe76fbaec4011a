import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readCamelPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { cancelApproval, decide, requestApprovals } from '../actions/approvals.ts'
import { reachPrd, type Parts } from '../actions/parts.ts'
import { AnyId, IdOf, rowOf } from '../ids.ts'
import { listApprovals, type Approval as Shown } from '../lists/approvals.ts'
import { approvalStatuses } from '../tables.ts'
import { exact, Nullable, Timestamp } from '../wire.ts'
import { ById, PageOf, pageBy, Person } from './shapes.ts'

const Status = Type.Enum([...approvalStatuses])

/** Somebody's approval of a PRD, asked for or given. */
const Approval = Type.Object(
  {
    id: IdOf('approval'),
    prdId: IdOf('prd'),
    prdTitle: Type.String(),
    status: Status,
    requestedBy: Person,
    approver: Person,
    /** Of who asked, and of who decided; may be empty. */
    note: Type.String(),
    answer: Type.String(),
    requestedAt: Timestamp,
    decidedAt: Nullable(Timestamp),
  },
  exact,
)
const Query = Type.Object({ ...pageBy('approval'), status: Type.Optional(Status) })
const OfPrd = Type.Object({ id: AnyId, approvalId: AnyId })
const Answer = Type.Object({ note: Type.Optional(Type.String()) })

export function approvalRoutes(parts: Parts): readonly Route[] {
  const { database } = parts
  const { approvers } = parts.settings
  const Request = Type.Object({
    approverIds: Type.Optional(Type.Array(AnyId, { maxItems: approvers, uniqueItems: true })),
    usernames: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: approvers })),
    note: Type.Optional(Type.String({ description: 'What the approvers should know' })),
  })
  const pageOf = (query: { limit: number; before?: string | undefined }) => ({
    ...query,
    before: query.before === undefined ? undefined : rowOf('approval', query.before),
  })
  const asIs = (shown: Shown): Shown => shown
  const decision = (verb: string, summary: string, status: 'approved' | 'rejected'): Route =>
    route(
      'POST',
      `/prds/:id/approvals/:approvalId/${verb}`,
      { summary, params: OfPrd, body: Answer, reply: Approval, status: 200 },
      ({ params, body, ...call }) => {
        const [prd, approval] = [rowOf('prd', params.id), rowOf('approval', params.approvalId)]
        return decide(parts, callerOf(call), prd, approval, status, body.note)
      },
    )
  return [
    route(
      'GET',
      '/approvals',
      { summary: 'Approvals that you were asked for, newest first', query: Query, reply: PageOf(Approval) },
      ({ session, query }) => {
        const filter = { ...pageOf(query), approver: session.account.id }
        return readCamelPage(database, (reader) => listApprovals(reader, session.account.id, filter), asIs)
      },
    ),
    route(
      'GET',
      '/prds/:id/approvals',
      { summary: 'Approvals of a PRD, newest first', params: ById, query: Query, reply: PageOf(Approval) },
      ({ query, params, ...call }) =>
        readCamelPage(
          database,
          async (reader) => {
            const { id: prd, actor_id } = await reachPrd(reader, callerOf(call), rowOf('prd', params.id))
            return listApprovals(reader, actor_id, { ...pageOf(query), prd })
          },
          asIs,
        ),
    ),
    route(
      'POST',
      '/prds/:id/approvals',
      {
        summary: 'Ask people to approve the PRD as it is (editors)',
        params: ById,
        body: Request,
        reply: Type.Object({ items: Type.Array(Approval) }, exact),
      },
      async ({ params, body, ...call }) => {
        const approverIds = body.approverIds?.map((id) => rowOf('user', id))
        const request = { ...body, approverIds }
        return { items: await requestApprovals(parts, callerOf(call), rowOf('prd', params.id), request) }
      },
    ),
    decision('approve', 'Approve the PRD as it is (who was asked)', 'approved'),
    decision('reject', 'Reject the PRD as it is (who was asked)', 'rejected'),
    route(
      'DELETE',
      '/prds/:id/approvals/:approvalId',
      { summary: 'Do not ask for this approval any more (who asked, or who manages the PRD)', params: OfPrd },
      ({ params, ...call }) =>
        cancelApproval(parts, callerOf(call), rowOf('prd', params.id), rowOf('approval', params.approvalId)),
    ),
  ]
}
