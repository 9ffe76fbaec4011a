import { CommandError } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { modelOf, type ChosenModel } from '../ai/models.ts'
import { Placement } from '../ai/placing.ts'
import type { LiveDocument } from '../document/document.ts'
import { aiError } from '../failures.ts'
import { toId } from '../ids.ts'
import { recordOutcome, type Outcome } from '../integrations/outcomes.ts'
import { mayEdit } from '../policy.ts'
import { accessPrd } from '../store/access.ts'
import {
  activeJobsOf,
  activeJobsOfPrd,
  expireJobs,
  findJob,
  keepCounting,
  markCompleted,
  markFailed,
  markQueued,
  markRunning,
  untoldJobs,
  type ActiveJob,
  type AiJobRow,
} from '../store/ai-jobs.ts'
import { frameOf, type AiErrorCode, type Payload } from '../wire.ts'
import type { Parts } from './parts.ts'

/** How answers of the AI begin and end: section 4. What is told of them is told by `parts.drafting`. */

export const HOUR_MS = 3_600_000

/** Why there is no answer, in our words. */
export interface Failure {
  readonly code: AiErrorCode
  readonly message: string
  /** Seconds; only where a later try may succeed. */
  readonly retryAfter?: number
}

export type FollowUps = Payload<'ai-stream-complete'>['suggestions']

/** What somebody who asks for an answer said of its place, as it is in a row. */
export interface PromptContext {
  readonly currentContent?: string
  readonly selectedText?: string
}

/** Of a job that begins to run. */
export interface Begun {
  readonly row: AiJobRow
  readonly organization: number
  readonly title: string
  /** The text as it is. */
  readonly document: string
  /** Where in it the answer belongs, UTF-16 units. */
  readonly cursor: number
  readonly placement: Placement
  readonly model: ChosenModel
}

const cancelled = (message: string): Failure => ({ code: 'CANCELLED', message })
const LEFT = cancelled('You left the PRD; ask again once you have joined it')
const NO_RIGHT = cancelled('The person who asked may not edit this PRD any more')
const DELETED = cancelled('The PRD was deleted')
const GONE = cancelled('The account of the person who asked was deactivated')
const REMOVED = cancelled('It was cancelled')
export const RESTARTED = cancelled('The server was restarted while the AI was writing; ask again')
export const NOT_CONFIGURED: Failure = {
  code: 'AI_NOT_CONFIGURED',
  message: 'No AI is set up for this organization; an admin of it can do that',
}

/**
 * One that waits runs, unless it must not any more.
 * @param onBegun in its place between what others commit
 */
export async function beginJob(parts: Parts, id: number, onBegun: (begun: Begun) => void): Promise<void> {
  await parts.unitOfWork.run(async (unit) => {
    const job = await unit.get(findJob, { id })
    if (job?.status !== 'queued' || job.anchor === null) return
    const prd = await unit.get(accessPrd, { id: job.prd_id, actor: job.account_id })
    if (!prd || !mayEdit(prd)) return endJobs(parts, unit, [job], 'cancelled', NO_RIGHT)
    const model = await chosen(parts, unit, prd.organization_id)
    if ('code' in model) return endJobs(parts, unit, [job], 'failed', model)
    await unit.run(markRunning, { id, at: unit.now })
    const document = await parts.documents.open(unit, job.prd_id)
    const placement = new Placement(job.anchor)
    const begun: Begun = {
      row: { ...job, status: 'running', started_at: unit.now, attempts: job.attempts + 1 },
      organization: prd.organization_id,
      title: prd.title,
      document: document.text.toString(),
      cursor: placement.begin(document),
      placement,
      model,
    }
    unit.after(() => onBegun(begun))
  })
}

async function chosen(parts: Parts, unit: Unit, organization: number): Promise<ChosenModel | Failure> {
  try {
    return (await modelOf(parts, unit, organization)) ?? NOT_CONFIGURED
  } catch (cause) {
    if (cause instanceof CommandError) return { ...NOT_CONFIGURED, message: cause.message }
    throw cause
  }
}

/** It has told nobody anything yet, and is tried again later. */
export async function retryJob({ unitOfWork }: Parts, id: number, waitMs: number): Promise<void> {
  await unitOfWork.run((unit) => unit.run(markQueued, { id, due: unit.now + waitMs }))
}

export interface Answer {
  readonly response: string
  readonly suggestions: FollowUps
  readonly tokensUsed: number
}

/** @param tell called once it has ended so @returns false when it had ended otherwise before */
export function completeJob(
  parts: Parts,
  { row, organization, model }: Begun,
  { response, suggestions, tokensUsed }: Answer,
  tell: (unit: Unit) => Promise<(duration: number) => void>,
): Promise<boolean> {
  return parts.unitOfWork.run(async (unit) => {
    const { id, started_at } = row
    const ended = { ended_at: unit.now, response, suggestions: JSON.stringify(suggestions), tokens_used: tokensUsed }
    if ((await unit.run(markCompleted, { id, ...ended })) === 0) return false
    await recordModel(unit, { organization, model }, { ok: true })
    const told = await tell(unit)
    unit.after(() => told(Math.max(0, unit.now - started_at!)))
    return true
  })
}

/** @param isProvider what has failed is the organisation's model */
export async function failJob(parts: Parts, begun: Begun, failure: Failure, isProvider: boolean): Promise<void> {
  const { row, organization, model } = begun
  await parts.unitOfWork.run(async (unit) => {
    await endJobs(parts, unit, [row], 'failed', failure)
    if (isProvider) await recordModel(unit, { organization, model }, { ok: false, message: failure.message })
  })
}

/** Of a model of the organisation's own. */
async function recordModel(
  unit: Unit,
  { organization, model: { setAt } }: Pick<Begun, 'organization' | 'model'>,
  outcome: Outcome,
): Promise<void> {
  if (setAt !== undefined) await recordOutcome(unit, organization, 'ai', outcome, { updatedAt: setAt })
}

/** Those that wait or run end without an answer, and it is told. */
export async function endJobs(
  parts: Parts,
  unit: Unit,
  jobs: readonly ActiveJob[],
  status: 'cancelled' | 'failed',
  failure: Failure,
): Promise<void> {
  for (const job of jobs) {
    const ended = await unit.run(markFailed, {
      id: job.id,
      status,
      ended_at: unit.now,
      error_code: failure.code,
      error_message: failure.message,
      // Who cancels knows; others are told when they come back.
      told: status === 'cancelled' ? 1 : 0,
    })
    if (ended > 0) unit.after(() => parts.drafting.failed(job, failure))
  }
}

export const cancelJob = (parts: Parts, unit: Unit, job: ActiveJob): Promise<void> =>
  endJobs(parts, unit, [job], 'cancelled', REMOVED)

/** Somebody has left the PRD on the last connection that had joined it. */
export async function cancelAbandoned(parts: Parts, unit: Unit, prd: number, account: number): Promise<void> {
  const jobs = await unit.all(activeJobsOfPrd, { prd })
  await endJobs(parts, unit, jobs.filter((job) => job.account_id === account), 'cancelled', LEFT)
}

/** To be called in the unit that took a right away, after its rows were changed. */
export async function cancelUnentitled(
  parts: Parts,
  unit: Unit,
  where: { readonly prd: number } | { readonly accountId: number },
): Promise<void> {
  const jobs =
    'prd' in where
      ? await unit.all(activeJobsOfPrd, { prd: where.prd })
      : await unit.all(activeJobsOf, { account: where.accountId })
  for (const job of jobs) {
    const prd = await unit.get(accessPrd, { id: job.prd_id, actor: job.account_id })
    if (!prd || !mayEdit(prd)) await endJobs(parts, unit, [job], 'cancelled', NO_RIGHT)
  }
}

/** To be called in the unit that deactivates the account. */
export async function cancelOfAccount(parts: Parts, unit: Unit, account: number): Promise<void> {
  await endJobs(parts, unit, await unit.all(activeJobsOf, { account }), 'cancelled', GONE)
}

/** To be called in the unit that deletes the PRD. Deleting is no way round the limit of prompts in an hour. */
export async function cancelOfPrd(parts: Parts, unit: Unit, prd: number): Promise<void> {
  await endJobs(parts, unit, await unit.all(activeJobsOfPrd, { prd }), 'cancelled', DELETED)
  await unit.run(keepCounting, { prd, since: unit.now - HOUR_MS })
}

/** Answers that have had their time (`aiKeepMs`). */
export async function expireAnswers(unit: Unit, { settings }: Pick<Parts, 'settings'>): Promise<void> {
  await unit.run(expireJobs, { before: unit.now - Math.max(settings.aiKeepMs, HOUR_MS) })
}

/** What became of somebody's prompts while they were away, as frames. */
export async function missedBy(
  unit: Unit,
  document: LiveDocument,
  who: { readonly prd: number; readonly account: number },
): Promise<readonly { readonly job: number; readonly frames: readonly string[] }[]> {
  const rows = await unit.all(untoldJobs, who)
  return rows.map((row) => ({ job: row.id, frames: framesOf(row, document) }))
}

function framesOf(row: AiJobRow, document: LiveDocument): readonly string[] {
  const jobId = toId('job', row.id)
  if (row.response === null || row.anchor === null) {
    return [frameOf('ai-error', aiError(row.id, row.error_code ?? 'CANCELLED', row.error_message ?? ''))]
  }
  const position = new Placement(row.anchor).begin(document)
  return [
    frameOf('ai-stream-start', startOf(row)),
    frameOf('ai-stream-chunk', { jobId, chunk: row.response, position, isComplete: true }),
    frameOf('ai-stream-complete', {
      jobId,
      fullResponse: row.response,
      tokensUsed: row.tokens_used ?? 0,
      duration: Math.max(0, row.ended_at! - row.started_at!),
      suggestions: JSON.parse(row.suggestions ?? '[]') as FollowUps,
    }),
  ]
}

export const startOf = ({ id, prd_id, account_id, section }: AiJobRow): Payload<'ai-stream-start'> => ({
  jobId: toId('job', id),
  prdId: toId('prd', prd_id),
  userId: toId('user', account_id),
  section,
})
