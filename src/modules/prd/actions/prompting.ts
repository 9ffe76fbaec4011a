import { perform, type Caller } from '../../../kernel/action.ts'
import type { Connection } from '../../../kernel/connection.ts'
import { CommandError, forbidden, invalid, notFound } from '../../../kernel/errors.ts'
import type { Reader } from '../../../kernel/database.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { estimatedSeconds, secondsUntil } from '../ai/estimate.ts'
import { modelOf } from '../ai/models.ts'
import { anchorAt } from '../ai/placing.ts'
import { TOKEN_UNITS } from '../ai/prompt.ts'
import { findSection, sectionsOf } from '../ai/sections.ts'
import type { LiveDocument } from '../document/document.ts'
import { prdSubject } from '../events.ts'
import { AiRefusal, notJoined } from '../failures.ts'
import { toId } from '../ids.ts'
import { checkEdits, checkSeesJob } from '../policy.ts'
import type { PrdAccess } from '../store/access.ts'
import {
  activeJobs,
  activeJobsOf,
  deleteEarlierRefused,
  findJob,
  insertJob,
  insertRefused,
  lastCompleted,
  promptBefore,
  type AiJobRow,
} from '../store/ai-jobs.ts'
import type { JobStatus } from '../tables-integrations.ts'
import { frameOf, type Payload } from '../wire.ts'
import { cancelJob, HOUR_MS, NOT_CONFIGURED, type Failure, type PromptContext } from './ai-jobs.ts'
import { reachPrd, type Parts } from './parts.ts'
import { checkText } from './texts.ts'

/** Answers that the estimate is the mean of. */
const MEASURED = 20
/** Refused prompts of one person that are kept. */
const REFUSED_KEPT = 20

/** Section 4.1. Offsets are UTF-16 units of the text as this person has been told it. */
export interface Prompt {
  readonly prompt: string
  readonly section?: string | null | undefined
  readonly context?:
    | {
        readonly currentContent?: string | null | undefined
        readonly selectedText?: string | null | undefined
        readonly cursorPosition?: number | null | undefined
      }
    | null
    | undefined
}

type Created = Payload<'ai-job-created'>

/** Thrown within a unit: what was refused is no outcome that is kept for a client's id, which may ask again. */
class Refused extends CommandError {
  readonly failure: Failure

  constructor(failure: Failure) {
    super('conflict', failure.message)
    this.failure = failure
  }
}

/**
 * Section 4.1: the answer is written as soon as it is its turn, and told to everybody who has joined.
 * @param connection that asks: it must have joined to edit, and is told `ai-job-created`
 * @throws PrdError NOT_JOINED; not_found, forbidden, invalid; AiRefusal, by whose job it is known
 */
export async function askAi(
  parts: Parts,
  caller: Caller,
  id: number,
  asked: Prompt,
  connection?: Connection,
): Promise<Created> {
  const participant = connection && parts.live.of(connection, id)
  if (connection && !participant) throw notJoined()
  checkTexts(asked)
  try {
    return await perform(parts.unitOfWork, caller, async (unit, about) => {
      about(prdSubject(id))
      const prd = await reachPrd(unit, caller, id)
      checkEdits(prd)
      if (participant?.mode === 'view') throw forbidden('You have joined this PRD to view it; join it with mode edit')
      await checkTaken(parts, unit, prd, asked)
      const { job, told } = await createJob(parts, unit, prd, asked)
      unit.after(() => {
        connection?.send(frameOf('ai-job-created', told))
        parts.drafting.added(job, connection)
      })
      return told
    })
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause
    const { code, message, retryAfter } = cause.failure
    const job = await parts.unitOfWork.run(async (unit) => {
      return recordRefused(unit, await reachPrd(unit, caller, id), asked, cause.failure)
    })
    throw new AiRefusal(job, code, message, retryAfter)
  }
}

async function createJob(parts: Parts, unit: Unit, prd: PrdAccess, asked: Prompt) {
  const estimatedTime = await estimate(parts, unit, prd.actor_id)
  const document = await parts.documents.open(unit, prd.id)
  const { id: job } = (await unit.get(insertJob, {
    prd_id: prd.id,
    account_id: prd.actor_id,
    prompt: asked.prompt,
    section: asked.section ?? '',
    context: JSON.stringify(kept(parts, asked)),
    anchor: anchorAt(document, placeOf(parts, document, asked)),
    created_at: unit.now,
  }))!
  const told: Created = {
    jobId: toId('job', job),
    prdId: toId('prd', prd.id),
    userId: toId('user', prd.actor_id),
    status: 'queued',
    estimatedTime,
  }
  return { job, told }
}

/** Seconds until its end. */
async function estimate({ settings }: Parts, reader: Reader, account: number): Promise<number> {
  const active = await reader.all(activeJobs, {})
  const completed = await reader.all(lastCompleted, { limit: MEASURED })
  return estimatedSeconds(
    completed.map(({ started_at, ended_at }) => Math.max(0, ended_at! - started_at!)),
    { all: active.length, own: active.filter((job) => job.account_id === account).length },
    { concurrency: settings.aiConcurrency, perAccount: settings.aiPerAccount },
  )
}

/** Where the answer belongs: at the cursor, else at the end of the section, else at that of the text. */
function placeOf({ live }: Parts, document: LiveDocument, { section, context }: Prompt): number {
  const cursor = context?.cursorPosition
  if (cursor !== undefined && cursor !== null) {
    const told = live.presences.toldOf(document.id)
    return (told === undefined ? undefined : document.moved(cursor, told, 'left')) ?? cursor
  }
  const found = section ? findSection(sectionsOf(document.text.toString()), section) : undefined
  return found?.end ?? document.text.length
}

/** As much as a model is ever told of it. */
function kept({ settings }: Parts, { context }: Prompt): PromptContext {
  const most = settings.aiPromptTokens * TOKEN_UNITS
  const cut = (text: string): string => text.slice(0, most).toWellFormed()
  const { currentContent, selectedText } = context ?? {}
  return {
    ...(currentContent && { currentContent: cut(currentContent) }),
    ...(selectedText && { selectedText: cut(selectedText) }),
  }
}

/** @throws Refused */
async function checkTaken(parts: Parts, unit: Unit, prd: PrdAccess, { prompt }: Prompt): Promise<void> {
  const { aiPromptCharacters, aiPromptsPerHour, aiQueued } = parts.settings
  if (prompt.length > aiPromptCharacters) {
    const message = `A prompt has at most ${aiPromptCharacters} characters; shorten it`
    throw new Refused({ code: 'CONTENT_TOO_LARGE', message })
  }
  if (!(await modelOf(parts, unit, prd.organization_id))) throw new Refused(NOT_CONFIGURED)
  const account = prd.actor_id
  if (aiPromptsPerHour > 0) {
    const first = await unit.get(promptBefore, { account, since: unit.now - HOUR_MS, later: aiPromptsPerHour - 1 })
    if (first) {
      throw new Refused({
        code: 'RATE_LIMIT_EXCEEDED',
        message: 'AI request limit exceeded for this hour',
        retryAfter: secondsUntil(first.created_at + HOUR_MS, unit.now),
      })
    }
  }
  const jobs = await unit.all(activeJobsOf, { account })
  if (jobs.filter(({ status }) => status === 'queued').length < aiQueued) return
  throw new Refused({
    code: 'RATE_LIMIT_EXCEEDED',
    message: `${aiQueued} of your AI requests are waiting already; wait for one of them, or cancel one`,
    retryAfter: await estimate(parts, unit, account),
  })
}

/** @returns its job: refused ones have an id too */
async function recordRefused(unit: Unit, prd: PrdAccess, { section }: Prompt, refusal: Failure): Promise<number> {
  const account = prd.actor_id
  await unit.run(deleteEarlierRefused, { account, kept: REFUSED_KEPT - 1 })
  const { id } = (await unit.get(insertRefused, {
    prd_id: prd.id,
    account_id: account,
    section: section ?? '',
    created_at: unit.now,
    error_code: refusal.code,
    error_message: refusal.message,
  }))!
  return id
}

/** @throws invalid */
function checkTexts({ prompt, section, context }: Prompt): void {
  if (prompt.trim() === '') throw invalid({ prompt: 'must not be blank' })
  const { currentContent, selectedText } = context ?? {}
  const texts = { prompt, section, 'context.currentContent': currentContent, 'context.selectedText': selectedText }
  for (const [field, text] of Object.entries(texts)) {
    if (typeof text === 'string') checkText(field, text)
  }
}

/** A job of a PRD, and how somebody stands to it. @throws not_found, forbidden */
export async function reachJob(
  reader: Reader,
  caller: Pick<Caller, 'accountId'>,
  id: number,
  jobId: number,
): Promise<AiJobRow> {
  const prd = await reachPrd(reader, caller, id)
  const job = await reader.get(findJob, { id: jobId })
  if (job?.prd_id !== prd.id) throw notFound('This AI job')
  checkSeesJob(prd, job)
  return job
}

/**
 * By who asked, or manages the PRD: `ai-error` tells it, with CANCELLED. Of one that has ended nothing is changed.
 * @throws not_found, forbidden
 */
export function cancelAi(
  parts: Parts,
  caller: Caller,
  id: number,
  jobId: number,
): Promise<{ readonly jobId: string; readonly status: JobStatus }> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    about(prdSubject(id))
    const job = await reachJob(unit, caller, id, jobId)
    const isActive = job.status === 'queued' || job.status === 'running'
    if (isActive) await cancelJob(parts, unit, job)
    return { jobId: toId('job', jobId), status: isActive ? 'cancelled' : job.status }
  })
}
