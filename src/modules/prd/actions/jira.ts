import { perform, type Caller } from '../../../kernel/action.ts'
import { CommandError, conflict } from '../../../kernel/errors.ts'
import { jobs, type Finish, type Job, type JobHandler } from '../../../kernel/jobs.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { emit, prdSubject } from '../events.ts'
import { toId } from '../ids.ts'
import { openIntegration, type Opened } from '../integrations/access.ts'
import { recordOutcome, type Outcome as Health } from '../integrations/outcomes.ts'
import { loadJira, openJira } from '../jira/api.ts'
import { JiraFault } from '../jira/faults.ts'
import { progressOf, siteOf, type Progress } from '../jira/record.ts'
import { synchronize, type Later } from '../jira/sync.ts'
import { checkEdits } from '../policy.ts'
import { joinedRoom } from '../rooms.ts'
import { findIntegration } from '../store/integrations.ts'
import { findAnyJira, findJiraSync, saveJiraSync, type JiraSyncRow } from '../store/jira.ts'
import type { SyncType } from '../wire.ts'
import { planSync, SyncLedger } from './jira-ledger.ts'
import { reachPrd, type Parts } from './parts.ts'

/** Section 8.1: the stories and requirements of a PRD, and issues of Jira. */

const KIND = 'prd.jira-sync'

/** Tries of what may pass, and milliseconds before each; Jira may ask for more. */
const WAITS = [2_000, 10_000, 60_000]
const LONGEST_WAIT = 900_000
/** Failures of our own before it is given up. */
const PATIENCE = 5

interface Errand {
  /** In vain so far. */
  readonly tries: number
}

export const jiraJobs = (parts: Parts): readonly (readonly [string, JobHandler])[] => [
  [KIND, { outside: (job, signal) => syncWithJira(parts, job, signal) }],
]

/** Before the server takes its first call: what is loaded later holds everybody up for as long as it takes. */
export async function prepareJira({ database }: Pick<Parts, 'database'>): Promise<void> {
  if (await database.read((reader) => reader.get(findAnyJira, {}))) await loadJira()
}

export interface Asked {
  readonly syncType: SyncType
  /** That of the settings when absent. */
  readonly projectKey?: string | undefined
}

/**
 * Section 8.1: it is done as a job in the name of who asks; `jira-sync-start` is told now, `jira-sync-complete` at its
 * end.
 * @throws not_found, forbidden; conflict while one is under way, and when Jira is not set
 */
export function requestSync(parts: Parts, caller: Caller, id: number, { syncType, projectKey }: Asked) {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const prd = await reachPrd(unit, caller, id)
    about(prdSubject(id))
    checkEdits(prd)
    const integration = await unit.get(findIntegration, { organization: prd.organization_id, kind: 'jira' })
    if (!integration) throw conflict('Jira is not set for this organization; ask one of its admins to do that')
    const last = await unit.get(findJiraSync, { prd: id })
    if (last && last.status !== 'completed') {
      throw conflict('This PRD is being synchronized with Jira; wait for jira-sync-complete, then ask again')
    }
    const project = projectKey ?? (JSON.parse(integration.settings) as { readonly projectKey: string }).projectKey
    await unit.run(saveJiraSync, {
      prd_id: id,
      sync_type: syncType,
      project_key: project,
      status: 'queued',
      asked_by: caller.accountId,
      asked_at: unit.now,
      ended_at: null,
      result: null,
    })
    await jobs.schedule(unit, KIND, String(id), unit.now, { tries: 0 } satisfies Errand)
    emit(
      unit,
      'jira-sync-start',
      { prdId: toId('prd', id), projectKey: project, syncType },
      { to: [joinedRoom(id)] },
      { subject: `${prdSubject(id)}/jira` },
    )
    return { status: 'queued' as const, syncType, projectKey: project }
  })
}

/** One run; what may pass is tried again, in a run of its own. */
async function syncWithJira(parts: Parts, job: Job, signal: AbortSignal): Promise<Finish | void> {
  const id = Number(job.key)
  const { tries } = job.payload as Errand
  const begun = await begin(parts, id, job.attempts)
  if ('finish' in begun) return begun.finish
  const { opened, sync, plan } = begun
  const { surplus } = plan
  const here = plan.entries.filter(({ text }) => text).length
  const failed = (fault: JiraFault): Finish => {
    const errors = Math.max(1, here + surplus)
    const message = fault.message
    if (!fault.isPassing) {
      // Another project than that of the settings is no fault of theirs.
      const isTheirs = fault.reason === 'unauthorized' || sync.project_key === opened.settings.projectKey
      return completion(id, { errors, message }, opened, isTheirs ? { ok: false, message } : undefined)
    }
    const later: Later = { kind: 'later', afterMs: fault.retryAfterMs ?? 0, errors, message, isCut: false }
    return next(id, tries, later, opened)
  }
  try {
    const jira = await openJira({ ...opened.settings, ...opened.secrets, fetch: opened.fetch }, signal)
    const ledger = new SyncLedger(parts, sync, siteOf(opened.settings.url), plan)
    const outcome = await synchronize(jira, ledger, plan, () => parts.clock.now())
    const errors = outcome.errors + surplus
    if (outcome.kind === 'later') return next(id, tries, { ...outcome, errors }, opened)
    const tooMany = surplus > 0 ? `Only ${here} stories and requirements of a PRD go to Jira` : ''
    return completion(id, { errors, message: outcome.message || tooMany }, opened, { ok: true })
  } catch (fault) {
    if (!(fault instanceof JiraFault)) throw fault
    return failed(fault)
  }
}

/** In one transaction: whether it may still be done, and what is to be done. */
async function begin(parts: Parts, id: number, attempts: number) {
  return parts.unitOfWork.run(async (unit) => {
    const sync = await unit.get(findJiraSync, { prd: id })
    // Deleted, or done.
    if (!sync || sync.status === 'completed') return { finish: undefined }
    const giveUp = (message: string) => ({ finish: completion(id, { errors: 1, message }, undefined) })
    if (attempts >= PATIENCE) return giveUp('The server failed; ask again')
    try {
      const prd = await reachPrd(unit, { accountId: sync.asked_by }, id)
      checkEdits(prd)
      const opened = await openIntegration(parts, unit, prd.organization_id, 'jira')
      if (!opened) return giveUp('Jira is not set for this organization any more')
      const plan = await planSync(parts, unit, prd, sync, opened.settings)
      await unit.run(saveJiraSync, { ...rowOf(sync), status: 'running' })
      return { sync, opened, plan }
    } catch (error) {
      if (error instanceof CommandError) return giveUp(error.message)
      throw error
    }
  })
}

/** What is left is tried later, or counted as errors when that was often enough. */
function next(
  id: number,
  tries: number,
  { afterMs, errors, message, isCut }: Later,
  opened: Opened<'jira'>,
): Finish {
  if (isCut) return (unit) => jobs.schedule(unit, KIND, String(id), unit.now, { tries: 0 } satisfies Errand)
  const wait = WAITS[tries]
  if (wait === undefined || afterMs > LONGEST_WAIT) {
    return completion(id, { errors, message }, opened, { ok: false, message })
  }
  const errand: Errand = { tries: tries + 1 }
  return (unit) => jobs.schedule(unit, KIND, String(id), unit.now + Math.max(wait, afterMs), errand)
}

/** @param health what it says about the integration; nothing when absent */
function completion(
  id: number,
  end: Pick<Progress, 'errors' | 'message'>,
  opened: Opened<'jira'> | undefined,
  health?: Health,
): Finish {
  return async (unit) => {
    const sync = await unit.get(findJiraSync, { prd: id })
    if (!sync || sync.status === 'completed') return
    const progress = { ...progressOf(sync), ...end }
    await complete(unit, sync, progress)
    if (opened && health) {
      const { organization, updatedAt } = opened
      await recordOutcome(unit, organization, 'jira', health, { updatedAt })
    }
  }
}

async function complete(unit: Unit, sync: JiraSyncRow, progress: Progress): Promise<void> {
  const { prd_id: id } = sync
  const result = JSON.stringify(progress)
  await unit.run(saveJiraSync, { ...rowOf(sync), status: 'completed', ended_at: unit.now, result })
  const { created, updated, errors, issues } = progress
  emit(
    unit,
    'jira-sync-complete',
    { prdId: toId('prd', id), result: { created, updated, errors, issues: [...issues] } },
    { to: [joinedRoom(id)] },
    { subject: `${prdSubject(id)}/jira` },
  )
}

const rowOf = ({ prd_id, sync_type, project_key, status, asked_by, asked_at, ended_at, result }: JiraSyncRow) => ({
  prd_id,
  sync_type,
  project_key,
  status,
  asked_by,
  asked_at,
  ended_at,
  result,
})

