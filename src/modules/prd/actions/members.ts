import { perform, type Caller } from '../../../kernel/action.ts'
import { conflict, invalid, notFound } from '../../../kernel/errors.ts'
import { nameKey } from '../../../kernel/names.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { effect } from '../events.ts'
import { toId } from '../ids.ts'
import { showMember, type Member } from '../lists/organizations.ts'
import { checkAdministers, checkAdminRemains } from '../policy.ts'
import {
  countMembers,
  countOtherAdmins,
  deleteMember,
  deleteSharesOf,
  findActive,
  findActiveByName,
  findMember,
  insertMember,
  saveMemberRole,
} from '../store/organizations.ts'
import type { OrganizationRole } from '../tables.ts'
import { loseSight } from './expelling.ts'
import { reachOrganization, type Parts } from './parts.ts'
import { membershipEffects, notify, recordMemberActivity } from './telling.ts'

/** Somebody by one of two names; exactly one is given. */
export interface Named {
  /** As a row; 0 where it names nobody. */
  readonly accountId?: number | undefined
  readonly username?: string | undefined
}

/** @throws not_found, forbidden; invalid when nobody is called so; conflict for a member, and past the limit */
export function addMember(
  parts: Parts,
  caller: Caller,
  id: number,
  named: Named,
  role: OrganizationRole,
): Promise<Member> {
  return perform(parts.unitOfWork, caller, async (unit) => {
    const organization = await reachOrganization(unit, caller, id)
    checkAdministers(organization)
    const person = await findPerson(unit, named)
    const account = person.id
    if (await unit.get(findMember, { organization: id, account })) {
      throw conflict('This person is a member already; PATCH changes the role')
    }
    const most = parts.settings.members
    const { count } = (await unit.get(countMembers, { organization: id }))!
    if (Number(count) >= most) throw conflict(`An organization has at most ${most} members; remove somebody first`)
    const added = { added_by: caller.accountId, added_at: unit.now }
    await unit.run(insertMember, { organization_id: id, account_id: account, role, ...added })
    effect(unit, 'member.added', membershipEffects(id, account, role))
    await recordMemberActivity(unit, organization, 'member_added', { id: account, name: person.display_name })
    await notify(unit, [account], {
      type: 'organization_added',
      title: 'Added to an organization',
      message: `${organization.actor_name} added you to "${organization.name}"`,
      data: { organizationId: toId('organization', id), addedBy: organization.actor_name },
    })
    return showMember(unit, id, account)
  })
}

/** What somebody may not see any more is gone from their open tabs at once. @throws not_found, forbidden, conflict */
export function changeMember(
  parts: Parts,
  caller: Caller,
  id: number,
  account: number,
  role: OrganizationRole,
): Promise<Member> {
  return perform(parts.unitOfWork, caller, async (unit) => {
    checkAdministers(await reachOrganization(unit, caller, id))
    const member = await reachMember(unit, id, account)
    if (member.role === role) return showMember(unit, id, account)
    if (member.role === 'admin') await checkOthersAdminister(unit, id, account)
    await unit.run(saveMemberRole, { organization: id, account, role })
    effect(unit, 'member.changed', membershipEffects(id, account, role))
    await loseSight(parts, unit, { organization: id, accountId: account })
    return showMember(unit, id, account)
  })
}

/**
 * Somebody leaves, or is taken out by an admin. What was shared with them by name is not any more, should they come
 * back; PRDs they own stay theirs. @throws not_found, forbidden; conflict for the last admin
 */
export async function removeMember(parts: Parts, caller: Caller, id: number, account: number): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const organization = await reachOrganization(unit, caller, id)
    if (account !== caller.accountId) checkAdministers(organization)
    const member = await reachMember(unit, id, account)
    if (member.role === 'admin') await checkOthersAdminister(unit, id, account)
    const { name } = await showMember(unit, id, account)
    await unit.run(deleteMember, { organization: id, account })
    await unit.run(deleteSharesOf, { organization: id, account })
    effect(unit, 'member.removed', membershipEffects(id, account, null))
    await loseSight(parts, unit, { organization: id, accountId: account })
    await recordMemberActivity(unit, organization, 'member_removed', { id: account, name })
  })
}

async function reachMember(unit: Unit, organization: number, account: number) {
  const member = await unit.get(findMember, { organization, account })
  if (!member) throw notFound('This member')
  return member
}

async function checkOthersAdminister(unit: Unit, organization: number, account: number): Promise<void> {
  const { count } = (await unit.get(countOtherAdmins, { organization, account }))!
  checkAdminRemains(Number(count))
}

async function findPerson(unit: Unit, { accountId, username }: Named) {
  if ((accountId === undefined) === (username === undefined)) {
    throw invalid({ userId: 'give either userId or username' })
  }
  const person =
    username === undefined
      ? await unit.get(findActive, { id: accountId! })
      : await unit.get(findActiveByName, { key: nameKey(username) })
  if (!person) throw invalid({ [username === undefined ? 'userId' : 'username']: 'must name an active account here' })
  return person
}
