import { perform, type Caller } from '../../../kernel/action.ts'
import { conflict } from '../../../kernel/errors.ts'
import { newUuid } from '../../../kernel/ids.ts'
import { checkName, nameKey } from '../../../kernel/names.ts'
import type { Reader } from '../../../kernel/database.ts'
import type { Unit, UnitOfWork } from '../../../kernel/unit-of-work.ts'
import { channelSubject, effect, emit, workspaceSubject } from '../events.ts'
import { checkAdministers, checkOwns } from '../policy.ts'
import { homeRoom, ofSeers } from '../rooms.ts'
import { insertMember, memberIds } from '../store/members.ts'
import {
  countOwned,
  deleteInvites,
  deleteMembers,
  deleteWorkspace as removeWorkspace,
  findOwn,
  insertGeneral,
  insertWorkspace,
  renameWorkspace as updateName,
  type OwnWorkspace,
} from '../store/workspaces.ts'
import { enter, showCreated } from './membership.ts'
import { reachWorkspace, type Parts } from './parts.ts'
import { purge } from './purge.ts'

const GENERAL = { name: 'general', description: 'Where everybody is: what all should know' }
/** People whose connections one event closes: a row of the log of about 150 kB. */
const CLOSED_AT_ONCE = 1_000

/** Its maker is the owner, and in the channel that everybody will be in. */
export function createWorkspace(parts: Parts, caller: Caller, input: { name: string }): Promise<OwnWorkspace> {
  const { unitOfWork, settings } = parts
  const name = checkName('name', input.name)
  return performIn(unitOfWork, caller, async (unit) => {
    const owned = Number((await unit.get(countOwned, { user: caller.accountId }))!.count)
    if (owned >= settings.workspacesPerAccount) {
      throw conflict(`You own ${owned} workspaces, which is as many as one may; delete one or hand it over first`)
    }
    const { accountId } = caller
    const row = (await unit.get(insertWorkspace, { uuid: newUuid(), name, created_by: accountId, at: unit.now }))!
    await unit.run(insertMember, { workspace: row.id, user: accountId, role: 'owner', at: unit.now })
    const workspace = await own(unit, row.id, accountId)
    await makeGeneral(unit, workspace, accountId)
    return workspace
  })
}

async function makeGeneral(unit: Unit, { id, uuid, created_by }: OwnWorkspace, owner: number): Promise<void> {
  const channel = (await unit.get(insertGeneral, {
    ...GENERAL,
    uuid: newUuid(),
    workspace_id: id,
    public_key: nameKey(GENERAL.name),
    created_by: owner,
    at: unit.now,
  }))!
  const place = { ...channel, workspace_uuid: uuid }
  const subject = channelSubject(id, channel.id)
  emit(unit, uuid, 'channel.created', showCreated(place, created_by), ofSeers(place), { subject })
  await enter(unit, place, { id: owner, uuid: created_by, role: 'owner' }, created_by)
}

export function renameWorkspace(
  { unitOfWork }: Parts,
  caller: Caller,
  uuid: string,
  changes: { name?: string },
): Promise<OwnWorkspace> {
  const name = changes.name === undefined ? undefined : checkName('name', changes.name)
  return performIn(unitOfWork, caller, async (unit) => {
    const access = await reachWorkspace(unit, caller, uuid)
    checkAdministers(access.role)
    if (name !== undefined && name !== access.name) await unit.run(updateName, { id: access.id, name, at: unit.now })
    return own(unit, access.id, access.actor_id)
  })
}

/**
 * From the commit on it is not there for anybody: whatever is in it is reached through the workspace and its members.
 * What it held is removed in portions (purge.ts); what the log tells of it is forgotten at once.
 */
export async function deleteWorkspace({ unitOfWork }: Parts, caller: Caller, uuid: string): Promise<void> {
  await perform(unitOfWork, caller, async (unit) => {
    const { id, role } = await reachWorkspace(unit, caller, uuid)
    checkOwns(role)
    const members = await unit.all(memberIds, { workspace: id })
    await unit.run(deleteInvites, { workspace: id })
    await unit.run(deleteMembers, { workspace: id })
    await unit.run(removeWorkspace, { workspace: id })
    await purge(unit, id)
    effect(unit, 'workspace.deleted', [{ kind: 'forget', subject: workspaceSubject(id) }])
    for (let i = 0; i < members.length; i += CLOSED_AT_ONCE) {
      // By the home rooms: also a connection that is still being opened is in its own, and in no other.
      const closes = members.slice(i, i + CLOSED_AT_ONCE).map(({ user_id }) => ({
        kind: 'close' as const,
        of: homeRoom(uuid, user_id),
        close: 'right' as const,
        reason: 'This workspace has been deleted',
      }))
      effect(unit, 'workspace.closed', closes)
    }
  })
}

/** The workspace as a member sees it, who is known to be one. */
export async function own(reader: Reader, id: number, actor: number): Promise<OwnWorkspace> {
  return (await reader.get(findOwn, { id, actor }))!
}

/** The outcome that is kept for a client id is forgotten with the workspace. */
function performIn(
  unitOfWork: UnitOfWork,
  caller: Caller,
  work: (unit: Unit) => Promise<OwnWorkspace>,
): Promise<OwnWorkspace> {
  return perform(unitOfWork, caller, async (unit, about) => {
    const workspace = await work(unit)
    about(workspaceSubject(workspace.id))
    return workspace
  })
}
