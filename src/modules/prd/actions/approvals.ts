import { perform, type Caller } from '../../../kernel/action.ts'
import { conflict, invalid, notFound } from '../../../kernel/errors.ts'
import { nameKey } from '../../../kernel/names.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { prdSubject } from '../events.ts'
import { toId } from '../ids.ts'
import { showApprovals, type Approval } from '../lists/approvals.ts'
import { announce } from '../mattermost/announcing.ts'
import { checkDecides, checkEdits, checkWithdraws, seesPrd } from '../policy.ts'
import { accessPrd, type PrdAccess } from '../store/access.ts'
import {
  approvalsOfRound,
  decideApproval,
  findApproval,
  insertApproval,
  lastRound,
  lastSeq,
  type ApprovalRow,
} from '../store/approvals.ts'
import { findActiveByName } from '../store/organizations.ts'
import { savePrdStatus } from '../store/prds.ts'
import { reachPrd, type Parts } from './parts.ts'
import { notify, recordPrdActivity, type Told } from './telling.ts'
import { checkText } from './texts.ts'

/**
 * Reviews of a PRD. A review begins when the first is asked and ends when all have decided: `approved` when all of them
 * approved the text as it is then, `rejected` when one rejected it. It is in review for as long.
 */

/** Who is asked: by id, as a row, 0 where it names nobody; or by username. */
export interface Request {
  readonly approverIds?: readonly number[] | undefined
  readonly usernames?: readonly string[] | undefined
  readonly note?: string | undefined
}

/**
 * @throws not_found; forbidden for who may not edit; invalid for people who do not see it, and for oneself; conflict
 *   for who has been asked and has not decided, and past the limit
 */
export function requestApprovals(
  parts: Parts,
  caller: Caller,
  id: number,
  request: Request,
): Promise<Approval[]> {
  const note = readNote(parts, request.note)
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const prd = await reachPrd(unit, caller, id)
    about(prdSubject(id))
    checkEdits(prd)
    const approvers = await approversOf(unit, prd, request)
    const { last, round } = await roundOf(unit, prd)
    const open = prd.status === 'in_review' ? await openIn(unit, id, last) : []
    const pending = open.map(({ approver_id }) => approver_id)
    const asked = approvers.find(({ id: approver }) => pending.includes(approver))
    if (asked) throw conflict(`${asked.name} has been asked already; cancel that first, or wait for the answer`)
    const most = parts.settings.approvers
    if (pending.length + approvers.length > most) throw conflict(`At most ${most} approvals of a PRD are open at once`)
    const ids: number[] = []
    for (const { id: approver } of approvers) {
      ids.push(await ask(unit, prd, { approver, by: prd.actor_id, note, round }))
    }
    await unit.run(savePrdStatus, { id, status: 'in_review', at: unit.now })
    await recordPrdActivity(unit, prd, 'approval_requested')
    return showApprovals(unit, ids)
  })
}

/**
 * The approver's answer; the same once more changes nothing.
 * @throws not_found; forbidden for anybody else; conflict when it was decided otherwise, or cancelled
 */
export function decide(
  parts: Parts,
  caller: Caller,
  id: number,
  approvalId: number,
  status: 'approved' | 'rejected',
  note: string | undefined,
): Promise<Approval> {
  const answer = readNote(parts, note)
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const { prd, approval } = await reachApproval(unit, caller, id, approvalId)
    about(prdSubject(id))
    checkDecides(prd, approval)
    if (approval.status === status) return show(unit, approvalId)
    checkOpen(approval)
    const seq = await seqOf(unit, id)
    await unit.run(decideApproval, { id: approvalId, status, answer, seq, at: unit.now })
    await settle(unit, prd, approval.round)
    return show(unit, approvalId)
  })
}

/** By who asked, or who manages the PRD. @throws not_found, forbidden; conflict when it was decided already */
export async function cancelApproval(parts: Parts, caller: Caller, id: number, approvalId: number): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const { prd, approval } = await reachApproval(unit, caller, id, approvalId)
    checkWithdraws(prd, approval)
    if (approval.status === 'cancelled') return
    checkOpen(approval)
    await cancel(unit, approval)
    if (approval.approver_id !== caller.accountId && (await seesIt(unit, approval))) {
      await notify(unit, [approval.approver_id], {
        type: 'approval_cancelled',
        title: 'Approval Cancelled',
        message: `${prd.actor_name} no longer needs your approval of "${prd.title}"`,
        data: { prdId: toId('prd', id), approvalId: toId('approval', approvalId), cancelledBy: prd.actor_name },
        prd: id,
      })
    }
    await settle(unit, prd, approval.round)
  })
}

async function reachApproval(
  unit: Unit,
  caller: Caller,
  id: number,
  approvalId: number,
): Promise<{ readonly prd: PrdAccess; readonly approval: ApprovalRow }> {
  const prd = await reachPrd(unit, caller, id)
  const approval = await unit.get(findApproval, { prd: id, id: approvalId })
  if (!approval) throw notFound('This approval')
  return { prd, approval }
}

function checkOpen({ status }: ApprovalRow): void {
  if (status !== 'pending') throw conflict(`This approval has been ${status} already; a new one can be requested`)
}

/** @throws invalid */
async function approversOf(
  unit: Unit,
  { id, actor_id }: PrdAccess,
  { approverIds = [], usernames = [] }: Request,
): Promise<readonly { readonly id: number; readonly name: string }[]> {
  const found = new Map<number, string>()
  const add = async (field: string, account: number): Promise<void> => {
    const standing = await unit.get(accessPrd, { id, actor: account })
    if (!standing || !seesPrd(standing)) throw invalid({ [field]: 'must name people who see this PRD' })
    if (account === actor_id) throw invalid({ [field]: 'must name somebody else than yourself' })
    found.set(account, standing.actor_name)
  }
  for (const account of approverIds) await add('approverIds', account)
  for (const name of usernames) {
    await add('usernames', (await unit.get(findActiveByName, { key: nameKey(name) }))?.id ?? 0)
  }
  if (found.size === 0) throw invalid({ approverIds: 'must name somebody, here or in usernames' })
  return [...found].map(([account, name]) => ({ id: account, name }))
}

/** The last review there was, and the one that what is asked now belongs to. */
async function roundOf(
  unit: Unit,
  { id, status }: PrdAccess,
): Promise<{ readonly last: number; readonly round: number }> {
  const last = (await unit.get(lastRound, { prd: id }))?.round ?? 0
  return { last, round: status === 'in_review' ? last : last + 1 }
}

async function openIn(unit: Unit, prd: number, round: number): Promise<ApprovalRow[]> {
  const approvals = await unit.all(approvalsOfRound, { prd, round })
  return approvals.filter(({ status }) => status === 'pending')
}

interface Asked {
  readonly approver: number
  readonly by: number
  readonly note: string
  readonly round: number
}

async function ask(unit: Unit, prd: PrdAccess, { approver, by, note, round }: Asked, again = false): Promise<number> {
  const { id } = (await unit.get(insertApproval, {
    prd_id: prd.id,
    requested_by: by,
    approver_id: approver,
    round,
    note,
    requested_at: unit.now,
  }))!
  const name = (await unit.get(accessPrd, { id: prd.id, actor: by }))?.actor_name ?? prd.actor_name
  const why = again ? `"${prd.title}" was changed after you approved it; please look again` : undefined
  await notify(unit, [approver], {
    type: 'approval_requested',
    title: 'Approval Requested',
    message: why ?? `${name} asks you to approve "${prd.title}"`,
    data: { prdId: toId('prd', prd.id), approvalId: toId('approval', id), requestedBy: name },
    prd: prd.id,
  })
  return id
}

/** Ends the review when nobody has still to decide. */
async function settle(unit: Unit, prd: PrdAccess, round: number): Promise<void> {
  const open = await openIn(unit, prd.id, round)
  for (const approval of open) if (!(await seesIt(unit, approval))) await cancel(unit, approval)
  const decisions = lastOfEach(await unit.all(approvalsOfRound, { prd: prd.id, round }))
  if (decisions.some(({ status }) => status === 'pending')) return
  const rejected = decisions.filter(({ status }) => status === 'rejected')
  if (rejected.length > 0) return conclude(unit, prd, decisions, rejected)
  const seq = await seqOf(unit, prd.id)
  const current = decisions.filter((approval) => approval.seq === seq)
  let asked = 0
  for (const approval of decisions) {
    // Who does not see it any more cannot be asked again.
    if (current.includes(approval) || !(await seesIt(unit, approval))) continue
    const { approver_id: approver, requested_by: by, note } = approval
    await ask(unit, prd, { approver, by, note, round }, true)
    asked += 1
  }
  if (asked > 0) return
  if (current.length > 0) return conclude(unit, prd, decisions, current)
  await unit.run(savePrdStatus, { id: prd.id, status: 'draft', at: unit.now })
}

/** What counts: the last word of each approver, without what was cancelled. */
function lastOfEach(approvals: readonly ApprovalRow[]): readonly ApprovalRow[] {
  const counting = approvals.filter(({ status }) => status !== 'cancelled')
  return [...new Map(counting.map((approval) => [approval.approver_id, approval])).values()]
}

/** @param decisive those that made it what it is: it is told in the name of who ended the review, else of the last */
async function conclude(
  unit: Unit,
  prd: PrdAccess,
  decisions: readonly ApprovalRow[],
  decisive: readonly ApprovalRow[],
): Promise<void> {
  const latest = decisive.reduce((a, b) => (b.decided_at! >= a.decided_at! ? b : a))
  const last = decisive.find(({ approver_id }) => approver_id === prd.actor_id) ?? latest
  const isApproved = last.status === 'approved'
  const [status, type] = isApproved ? (['approved', 'prd_approved'] as const) : (['rejected', 'prd_rejected'] as const)
  await unit.run(savePrdStatus, { id: prd.id, status, at: unit.now })
  const [approver] = await showApprovals(unit, [last.id])
  const { name } = approver!.approver
  const concerned = [prd.owner_id, ...decisions.map(({ requested_by }) => requested_by)]
  const told: number[] = []
  for (const account of new Set(concerned)) {
    if (account !== prd.actor_id && (await sees(unit, prd.id, account))) told.push(account)
  }
  const note: Told['data'] = isApproved || last.answer === '' ? {} : { note: last.answer }
  await notify(unit, told, {
    type,
    title: isApproved ? 'PRD Approved' : 'PRD Rejected',
    message: `Your PRD "${prd.title}" has been ${status}`,
    data: { prdId: toId('prd', prd.id), approver: name, ...note },
    prd: prd.id,
  })
  await recordPrdActivity(unit, { ...prd, actor_id: last.approver_id, actor_name: name }, type)
  await announce(unit, prd, { type, approval: last.id })
}

const cancel = (unit: Unit, { id }: ApprovalRow): Promise<number> =>
  unit.run(decideApproval, { id, status: 'cancelled', answer: '', seq: null, at: unit.now })

async function sees(unit: Unit, prd: number, account: number): Promise<boolean> {
  const standing = await unit.get(accessPrd, { id: prd, actor: account })
  return standing !== undefined && seesPrd(standing)
}

const seesIt = (unit: Unit, { prd_id, approver_id }: ApprovalRow): Promise<boolean> => sees(unit, prd_id, approver_id)

const seqOf = async (unit: Unit, prd: number): Promise<number> => (await unit.get(lastSeq, { prd }))?.seq ?? 0

const show = async (unit: Unit, id: number): Promise<Approval> => (await showApprovals(unit, [id]))[0]!

/** @throws invalid */
function readNote({ settings }: Pick<Parts, 'settings'>, text = ''): string {
  const most = settings.commentCharacters
  const note = text.trim()
  if ([...note].length > most) throw invalid({ note: `must have at most ${most} characters` })
  checkText('note', note)
  return note
}
