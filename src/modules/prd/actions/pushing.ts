import { perform, type Caller } from '../../../kernel/action.ts'
import { CommandError, notFound } from '../../../kernel/errors.ts'
import { jobs, TryLater, type Finish, type Job, type JobHandler } from '../../../kernel/jobs.ts'
import { OutsideFault } from '../../../kernel/outgoing.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { remoteOf } from '../git/remote.ts'
import { openIntegration } from '../integrations/access.ts'
import type { SettingsOf } from '../integrations/kinds.ts'
import { recordOutcome, type Outcome } from '../integrations/outcomes.ts'
import { checkAdministers } from '../policy.ts'
import { findIntegration } from '../store/integrations.ts'
import { findHead } from '../store/versions.ts'
import { reachOrganization, type Parts } from './parts.ts'

/** Pushes of an organisation's repository to its Git server. */

const KIND = 'prd.git-push'

/** Tries in vain before admins are told; it is tried on. */
const PATIENCE = 3

export const gitPushJobs = (parts: Parts): readonly (readonly [string, JobHandler])[] => [
  [KIND, { outside: (job, signal) => pushHistory(parts, job, signal) }],
]

/** In the unit that makes a version: it is pushed when the organisation wants that. */
export async function schedulePush(unit: Unit, organization: number): Promise<void> {
  const row = await unit.get(findIntegration, { organization, kind: 'git' })
  if (!row || (JSON.parse(row.settings) as SettingsOf<'git'>).pushOnVersion === false) return
  await schedule(unit, organization)
}

/**
 * Pushes what there is as soon as may be, whatever `pushOnVersion` says.
 * @throws not_found, also without a Git server; forbidden
 */
export function requestPush(parts: Parts, caller: Caller, organization: number): Promise<{ status: 'queued' }> {
  return perform(parts.unitOfWork, caller, async (unit) => {
    checkAdministers(await reachOrganization(unit, caller, organization))
    if (!(await unit.get(findIntegration, { organization, kind: 'git' }))) throw notFound('This integration')
    await schedule(unit, organization)
    return { status: 'queued' }
  })
}

const schedule = (unit: Unit, organization: number): Promise<void> =>
  jobs.schedule(unit, KIND, String(organization), unit.now)

/** What the database knows to be the last commit, with all before it: what is made meanwhile has scheduled it again. */
async function pushHistory(parts: Parts, { key, attempts }: Job, signal: AbortSignal): Promise<Finish | void> {
  const organization = Number(key)
  let updatedAt: number | undefined
  const record = (outcome: Outcome): Finish => (unit) =>
    recordOutcome(unit, organization, 'git', outcome, { ...(updatedAt !== undefined && { updatedAt }) })
  try {
    const { opened, row } = await parts.database.read(async (reader) => ({
      opened: await openIntegration(parts, reader, organization, 'git'),
      row: await reader.get(findHead, { organization }),
    }))
    if (!opened || !row?.head) return
    ;({ updatedAt } = opened)
    const { callMs, gitPackBytes } = parts.settings
    await parts.repositories.push(organization, row.head, remoteOf(opened, { callMs, signal }), gitPackBytes)
    return record({ ok: true })
  } catch (error) {
    // A CommandError: its secrets cannot be opened.
    if (error instanceof CommandError) return record({ ok: false, message: error.message })
    if (!(error instanceof OutsideFault)) throw error
    const failed = record({ ok: false, message: error.message })
    if (!error.isPassing) return failed
    if (attempts >= PATIENCE) await parts.unitOfWork.run(failed)
    throw new TryLater(error.message, { cause: error })
  }
}
