import { perform, type Caller } from '../../../kernel/action.ts'
import { notFound } from '../../../kernel/errors.ts'
import { prdSubject } from '../events.ts'
import { toId } from '../ids.ts'
import { showCollaborator, type Collaborator } from '../lists/collaborators.ts'
import { checkManages, checkShareable } from '../policy.ts'
import { accessPrd } from '../store/access.ts'
import { deleteCollaborator, findCollaborator, saveCollaborator } from '../store/collaborators.ts'
import type { CollaboratorRole } from '../tables.ts'
import { cancelUnentitled } from './ai-jobs.ts'
import { loseSight } from './expelling.ts'
import { reachPrd, type Parts } from './parts.ts'
import { notify } from './telling.ts'

/**
 * A PRD is shared with somebody of its organisation by name, or they get another role.
 * @throws not_found, forbidden, invalid, conflict
 */
export function saveShare(
  parts: Parts,
  caller: Caller,
  id: number,
  account: number,
  role: CollaboratorRole,
): Promise<Collaborator> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const prd = await reachPrd(unit, caller, id)
    about(prdSubject(id))
    checkManages(prd)
    checkShareable(await unit.get(accessPrd, { id, actor: account }), role)
    const known = await unit.get(findCollaborator, { prd: id, account })
    await unit.run(saveCollaborator, { prd: id, account, role, actor: caller.accountId, at: unit.now })
    if (known && known.role !== role) await cancelUnentitled(parts, unit, { prd: id })
    if (!known && account !== caller.accountId) {
      await notify(unit, [account], {
        type: 'prd_shared',
        title: 'PRD shared with you',
        message: `${prd.actor_name} shared "${prd.title}" with you`,
        data: { prdId: toId('prd', id), sharedBy: prd.actor_name, role },
        prd: id,
      })
    }
    return showCollaborator(unit, id, account)
  })
}

/** By who manages the PRD, or by oneself. @throws not_found, forbidden */
export async function removeShare(parts: Parts, caller: Caller, id: number, account: number): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const prd = await reachPrd(unit, caller, id)
    if (account !== caller.accountId) checkManages(prd)
    if ((await unit.run(deleteCollaborator, { prd: id, account })) === 0) throw notFound('This collaborator')
    await loseSight(parts, unit, { organization: prd.organization_id, prd: id, accountId: account })
  })
}
