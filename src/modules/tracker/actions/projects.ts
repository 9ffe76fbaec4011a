import { perform, type Caller } from '../../../kernel/action.ts'
import { forbidden, invalid, notFound } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { changeRooms, emit, projectSubject, reportSubject, showProject } from '../events.ts'
import { checkManages } from '../policy.ts'
import { adminsRoom, ofProject, projectRoom, userRoom } from '../rooms.ts'
import {
  actorRole,
  assignedTo,
  deleteMember,
  deleteMembers,
  deleteProject as removeProject,
  findActive,
  findByName,
  insertMember,
  insertProject,
  reportIdsOfProject,
  seers,
  updateProject,
} from '../store.ts'
import { timestamp, type Project } from '../wire.ts'
import { eraseReport, unassign } from './reports.ts'
import { shareProject, unshareProject } from './sharing.ts'
import { reachProject, type Tracker } from './tracker.ts'

export function createProject(
  tracker: Tracker,
  caller: Caller,
  input: { name: string; description: string },
): Promise<Project> {
  return perform(tracker.unitOfWork, caller, async (unit, about) => {
    const role = (await unit.get(actorRole, { actor: caller.accountId }))?.role
    if (role === undefined) throw forbidden('This account is not active')
    checkManages({ id: caller.accountId, role })
    const created_by = caller.accountId
    const row = (await unit.get(insertProject, { ...input, created_by, created_at: unit.now, updated_at: unit.now }))!
    await unit.run(insertMember, { project_id: row.id, user_id: created_by, added_at: unit.now })
    const project = showProject(row)
    about(projectSubject(row.id))
    const own = userRoom(created_by)
    emit(unit, 'project/created', project, { to: [own, adminsRoom] }, {
      subject: projectSubject(row.id),
      effects: [{ kind: 'join', of: own, rooms: [projectRoom(row.id)] }],
    })
    return project
  })
}

export function editProject(
  tracker: Tracker,
  caller: Caller,
  id: number,
  changes: { name?: string; description?: string },
): Promise<Project> {
  return perform(tracker.unitOfWork, caller, async (unit, about) => {
    const { actor, project } = await reachProject(unit, caller, id)
    about(projectSubject(id))
    checkManages(actor)
    const { name = project.name, description = project.description } = changes
    if (name === project.name && description === project.description) return showProject(project)
    const row = (await unit.get(updateProject, { id, name, description, at: unit.now }))!
    const { created_by, ...rest } = showProject(row)
    void created_by
    emit(unit, 'project/updated', { ...rest, updated_by: actor.id }, ofProject(id), { subject: projectSubject(id) })
    return showProject(row)
  })
}

/** The project with everything in it; one event says it all (PROTOCOL.md, T-E9). */
export async function deleteProject(tracker: Tracker, caller: Caller, id: number): Promise<void> {
  await perform(tracker.unitOfWork, caller, async (unit) => {
    const { actor } = await reachProject(unit, caller, id)
    checkManages(actor)
    const reports = await unit.all(reportIdsOfProject, { project: id })
    const sawIt = await unit.all(seers, { project: id })
    for (const report of reports) await eraseReport(unit, report.id)
    await unit.run(deleteMembers, { id })
    await unit.run(removeProject, { id })
    const payload = { id, deleted_by: actor.id, deleted_at: timestamp(unit.now) }
    const room = projectRoom(id)
    // By name too: when somebody who is away comes back, nobody is a member of it any more.
    const to = [...ofProject(id).to, ...sawIt.map((account) => userRoom(account.id))]
    // Somebody who is away may know a report under the project it came from, and its coming is about to be forgotten.
    for (const report of reports.filter(({ moved_at }) => moved_at !== null)) {
      emit(unit, 'bug_report/deleted', { id: report.id, deleted_by: actor.id, deleted_at: timestamp(unit.now) }, { to })
    }
    emit(unit, 'project/deleted', payload, { to }, {
      effects: [
        { kind: 'forget', subject: projectSubject(id) },
        ...reports.map((report) => ({ kind: 'forget', subject: reportSubject(report.id) }) as const),
        { kind: 'leave', of: room, rooms: [room] },
      ],
    })
  })
}

export interface MemberRow {
  readonly user_id: number
  readonly added_at: number
}

/** By id or by name: a name is looked up only for those who may add, or anybody could probe which names exist. */
export type Newcomer = { readonly user_id: number } | { readonly username: string }

/** Idempotent: adding a member again changes nothing. The new member is shown the project as it is now. */
export function addMember(tracker: Tracker, caller: Caller, projectId: number, who: Newcomer): Promise<MemberRow> {
  return perform(tracker.unitOfWork, caller, async (unit) => {
    const { actor, project } = await reachProject(unit, caller, projectId)
    checkManages(actor)
    const userId = 'user_id' in who ? who.user_id : await idOf(unit, who.username)
    const user = await unit.get(findActive, { user: userId })
    if (!user) throw invalid({ user_id: 'must be the id of an active account' })
    const row = { project_id: projectId, user_id: userId, added_at: unit.now }
    if ((await unit.run(insertMember, row)) === 0) return row
    const own = userRoom(userId)
    changeRooms(unit, 'join', own, projectRoom(projectId))
    // An admin has been seeing it all along.
    if (user.role !== 'admin') await shareProject(unit, project, userId, tracker.settings.shareEvents)
    return row
  })
}

/** The one removed loses sight at once; what was assigned to them there is nobody's. */
export async function removeMember(tracker: Tracker, caller: Caller, projectId: number, userId: number): Promise<void> {
  await perform(tracker.unitOfWork, caller, async (unit) => {
    const { actor } = await reachProject(unit, caller, projectId)
    if (actor.id !== userId) checkManages(actor)
    if ((await unit.run(deleteMember, { project_id: projectId, user_id: userId })) === 0) throw notFound('This member')
    const account = await unit.get(findActive, { user: userId })
    changeRooms(unit, 'leave', userRoom(userId), projectRoom(projectId))
    if (account?.role === 'admin') return
    unshareProject(unit, projectId, userId, actor.id)
    for (const report of await unit.all(assignedTo, { project: projectId, user: userId })) {
      await unassign(unit, tracker, actor, report)
    }
  })
}

async function idOf(unit: Unit, username: string): Promise<number> {
  const found = await unit.get(findByName, { key: username.normalize('NFKC').toLowerCase() })
  if (!found) throw invalid({ username: 'must be the name of an active account' })
  return found.id
}
