import { jobs, type Job, type JobHandler } from '../../../kernel/jobs.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { effect } from '../events.ts'
import { deletePrdRow, deletesOfOrganization, deletesOfPortion, deletesOfRest } from '../store/purging.ts'
import type { Parts } from './parts.ts'

/** Job: goes on removing what a deleted PRD held (its key is the PRD's row). */
export const PRD_PURGE = 'prd.purge'
/** Job: the same for an organisation. */
export const ORGANIZATION_PURGE = 'prd.organization-purge'
/** Job: takes away the git repository of an organisation that has been deleted. */
export const REPOSITORY = 'prd.repository'

/** Rows removed in one go: everybody waits for the transaction. */
const PORTION = 500

/** A portion of what has many or large rows, or, when nothing of that is left, the PRD itself. */
export async function purgePrd({ key }: Job, unit: Unit): Promise<void> {
  const prd = Number(key)
  for (const portion of deletesOfPortion) {
    if ((await unit.run(portion, { prd, limit: PORTION })) < PORTION) continue
    return jobs.schedule(unit, PRD_PURGE, key, unit.now)
  }
  for (const rest of deletesOfRest) await unit.run(rest, { prd })
  await unit.run(deletePrdRow, { prd })
  // Nothing is under this name; it makes the database drop the deleted text from its files now.
  effect(unit, 'prd.purged', [{ kind: 'forget', subject: `prd:purged:${key}` }])
}

async function purgeOrganization({ key }: Job, unit: Unit): Promise<void> {
  for (const portion of deletesOfOrganization) {
    if ((await unit.run(portion, { organization: Number(key), limit: PORTION })) < PORTION) continue
    return jobs.schedule(unit, ORGANIZATION_PURGE, key, unit.now)
  }
}

/** Of the jobs above: kind → what does it. */
export const purges = ({ repositories }: Pick<Parts, 'repositories'>): readonly (readonly [string, JobHandler])[] => [
  [PRD_PURGE, purgePrd],
  [ORGANIZATION_PURGE, purgeOrganization],
  [REPOSITORY, { outside: ({ key }) => repositories.remove(Number(key)) }],
]
