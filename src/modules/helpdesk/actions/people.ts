import { perform, type Caller } from '../../../kernel/action.ts'
import { notFound } from '../../../kernel/errors.ts'
import type { Effect } from '../../../kernel/event.ts'
import type { Account } from '../../../kernel/session.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { effect } from '../events.ts'
import { withRights, type Rights } from '../people-policy.ts'
import { checkAdministers, permissionsOf, seesChannel, type Person } from '../policy.ts'
import { chatRoom, homeRoom, joinedRoom } from '../rooms.ts'
import { accessPerson, type PersonAccess } from '../store/access.ts'
import { joinable, keepRights } from '../store/people.ts'
import { reachPerson, type Parts } from './parts.ts'

/** An admin says what somebody may do; it holds at once, also for what they have open. */
export function setRights(parts: Parts, caller: Caller, userId: number, rights: Rights): Promise<PersonAccess> {
  return perform(parts.unitOfWork, caller, async (unit) => {
    checkAdministers(await reachPerson(unit, caller))
    const before = await unit.get(accessPerson, { actor: userId })
    if (!before) throw notFound('This account')
    const { role, grants } = withRights(before, rights)
    await unit.run(keepRights, { user_id: userId, role, grants })
    const after = { ...before, role, grants }
    await holdsNow(parts, unit, before, after)
    return after
  })
}

/** What the helpdesk makes of a change to an account, in the same unit: admins of the server are admins here. */
export function watchAccounts(parts: Parts) {
  return {
    async created(): Promise<void> {},
    async updated(unit: Unit, before: Account, { id }: Account): Promise<void> {
      const after = await unit.get(accessPerson, { actor: id })
      if (!after) return
      await holdsNow(parts, unit, { ...after, account_role: before.role, actor_name: before.displayName }, after)
    },
    // Whoever is deactivated is cut off by the kernel.
    async statusChanged(): Promise<void> {},
  }
}

async function holdsNow({ live }: Parts, unit: Unit, before: Person, after: Person): Promise<void> {
  const changes = await roomChanges(unit, before, after)
  if (changes.length > 0) effect(unit, 'permissions', changes)
  unit.after(() => live.personChanged(after))
}

/**
 * In the commit of the change, so that not even what is said right after it, in the same commit group, reaches whom it
 * must not reach any more.
 */
async function roomChanges(unit: Unit, before: Person, after: Person): Promise<readonly Effect[]> {
  const of = homeRoom(before.actor_id)
  const [had, has] = [before, after].map((person) => permissionsOf(person).has('chat.access'))
  const lost = (await unit.all(joinable, { user: before.actor_id }))
    .filter((channel) => seesChannel({ ...before, ...channel }) && !seesChannel({ ...after, ...channel }))
    .map(({ id }) => joinedRoom(id))
  if (had && !has) lost.push(chatRoom)
  return [
    ...(lost.length > 0 ? [{ kind: 'leave', of, rooms: lost } as const] : []),
    ...(has && !had ? [{ kind: 'join', of, rooms: [chatRoom] } as const] : []),
  ]
}
