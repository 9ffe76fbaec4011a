import Type from 'typebox'
import { perform, type Caller } from '../../../kernel/action.ts'
import { conflict } from '../../../kernel/errors.ts'
import { jobs } from '../../../kernel/jobs.ts'
import { checkName } from '../../../kernel/names.ts'
import { effect, organizationSubject } from '../events.ts'
import { integrationKinds } from '../integrations/kinds.ts'
import { showOrganization, type Organization } from '../lists/organizations.ts'
import { checkAdministers } from '../policy.ts'
import { openPrdsRoom, organizationRoom } from '../rooms.ts'
import { deletesOfIntegrations } from '../store/integrations.ts'
import {
  countMadeBy,
  deleteMembers,
  deleteOrganizationRow,
  insertMember,
  insertOrganization,
  renameOrganization,
} from '../store/organizations.ts'
import { countPrds } from '../store/prds.ts'
import { changed } from './integrations.ts'
import { reachOrganization, type Parts } from './parts.ts'
import { ORGANIZATION_PURGE, REPOSITORY } from './purging.ts'
import { membershipEffects } from './telling.ts'

/** Code points: one that is longer fits no list. */
export const OrganizationName = Type.String({ minLength: 1, maxLength: 100 })

/** Whoever makes it administers it. @throws invalid; conflict past the limit */
export function createOrganization(parts: Parts, caller: Caller, text: string): Promise<Organization> {
  const name = checkName('name', text)
  return perform(parts.unitOfWork, caller, async (unit) => {
    const actor = caller.accountId
    const most = parts.settings.organizations
    const { count } = (await unit.get(countMadeBy, { actor }))!
    if (Number(count) >= most) throw conflict(`One account makes at most ${most} organizations`)
    const { id } = (await unit.get(insertOrganization, { name, actor, at: unit.now }))!
    await unit.run(insertMember, {
      organization_id: id,
      account_id: actor,
      role: 'admin',
      added_by: actor,
      added_at: unit.now,
    })
    effect(unit, 'organization.created', membershipEffects(id, actor, 'admin'))
    return showOrganization(unit, await reachOrganization(unit, caller, id))
  })
}

/**
 * With all that is in it, but not while it has PRDs: each of them is somebody's. The git repository goes with it, which
 * holds what was committed of PRDs that have been deleted.
 * @throws not_found, forbidden, conflict
 */
export async function deleteOrganization(parts: Parts, caller: Caller, id: number): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    checkAdministers(await reachOrganization(unit, caller, id))
    const { count } = (await unit.get(countPrds, { organization: id }))!
    if (Number(count) > 0) throw conflict(`This organization has ${count} PRDs; delete them first`)
    await unit.run(deleteMembers, { organization: id })
    await unit.run(deleteOrganizationRow, { id })
    for (const deletion of deletesOfIntegrations) await unit.run(deletion, { organization: id })
    unit.after(() => {
      for (const kind of integrationKinds) changed(parts, { organization: id, kind })
    })
    await jobs.schedule(unit, ORGANIZATION_PURGE, String(id), unit.now)
    await jobs.schedule(unit, REPOSITORY, String(id), unit.now)
    effect(unit, 'organization.deleted', [
      { kind: 'forget', subject: organizationSubject(id) },
      { kind: 'leave', of: organizationRoom(id), rooms: [openPrdsRoom(id), organizationRoom(id)] },
    ])
  })
}

/** @throws not_found, forbidden, invalid */
export function changeOrganization(parts: Parts, caller: Caller, id: number, text: string): Promise<Organization> {
  const name = checkName('name', text)
  return perform(parts.unitOfWork, caller, async (unit) => {
    const organization = await reachOrganization(unit, caller, id)
    checkAdministers(organization)
    await unit.run(renameOrganization, { id, name })
    return showOrganization(unit, { ...organization, name })
  })
}
