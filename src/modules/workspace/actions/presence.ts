import { perform, type Caller } from '../../../kernel/action.ts'
import { updateAway } from '../store/access.ts'
import type { PresenceStatus } from '../wire.ts'
import { reachWorkspace, type Parts } from './parts.ts'

/**
 * A person says that they are away, or that what they do shall tell. It follows them across devices and restarts.
 * @returns the status the others see now
 */
export async function setAway(
  { unitOfWork, live }: Parts,
  caller: Caller,
  workspaceId: string,
  away: boolean,
): Promise<{ user_id: string; status: PresenceStatus }> {
  const workspace = await perform(unitOfWork, caller, async (unit) => {
    const access = await reachWorkspace(unit, caller, workspaceId)
    await unit.run(updateAway, { workspace: access.id, user: access.actor_id, away: away ? 1 : 0 })
    unit.after(() => live.setAway(access.uuid, access.actor_id, away))
    return { uuid: access.uuid, user: access.actor_uuid }
  })
  return { user_id: workspace.user, status: live.roster.statusOf(workspace.uuid, caller.accountId) }
}
