import type { Account } from '../../../kernel/session.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { accountSubject, changeRooms, emit } from '../events.ts'
import { adminsRoom, projectRoom, userRoom } from '../rooms.ts'
import { otherProjects, projectIdsOf } from '../store.ts'
import { timestamp, type Payload } from '../wire.ts'
import { shareProject, unshareProject } from './sharing.ts'
import type { TrackerSettings } from './tracker.ts'

/** What the tracker makes of a change to an account, in the same unit as the change. */
export function watchAccounts(settings: TrackerSettings) {
  return {
    async created(unit: Unit, account: Account, createdAt: number): Promise<void> {
      const payload = { ...show(account), created_at: timestamp(createdAt) }
      emit(unit, 'user/created', payload, entitled(account), { subject: accountSubject(account.id) })
    },

    async updated(unit: Unit, before: Account, after: Account, changedBy: number): Promise<void> {
      const updated_at = timestamp(unit.now)
      const subject = accountSubject(after.id)
      emit(unit, 'user/updated', { ...show(after), updated_at }, entitled(after), { subject })
      const to = await projectRooms(unit, after)
      // Two views of one fact: those who only share a project see no e-mail address.
      const payload = { ...show(after), email: '', updated_at }
      if (to.length > 0) emit(unit, 'user/updated', payload, { to, except: entitled(after).to }, { subject })
      if (before.role !== after.role) await changeSight(unit, before, after, changedBy, settings)
    },

    async statusChanged(unit: Unit, account: Account, oldStatus: string, changedBy: number): Promise<void> {
      const payload = {
        id: account.id,
        username: account.username,
        old_status: oldStatus as Payload<'user/status_changed'>['old_status'],
        new_status: account.status as Payload<'user/status_changed'>['new_status'],
        changed_by: changedBy,
        updated_at: timestamp(unit.now),
      }
      const to = [...entitled(account).to, ...(await projectRooms(unit, account))]
      emit(unit, 'user/status_changed', payload, { to }, { subject: accountSubject(account.id) })
    },
  }
}

/** Who sees the whole account: admins and the person. */
const entitled = (account: Account) => ({ to: [adminsRoom, userRoom(account.id)] })

async function projectRooms(unit: Unit, account: Account): Promise<string[]> {
  const rows = await unit.all(projectIdsOf, { user: account.id })
  return rows.map((row) => projectRoom(row.project_id))
}

function show(account: Account) {
  const { id, username, email, role, status } = account
  return { id, username, email, role, status: status as 'active' | 'inactive' }
}

/** Admins see every project: becoming one or ceasing to be one changes what comes into and goes out of sight. */
async function changeSight(
  unit: Unit,
  before: Account,
  after: Account,
  changedBy: number,
  settings: TrackerSettings,
): Promise<void> {
  const gains = after.role === 'admin'
  if (!gains && before.role !== 'admin') return
  changeRooms(unit, gains ? 'join' : 'leave', userRoom(after.id), adminsRoom)
  const projects = await unit.all(otherProjects, { user: after.id })
  let budget = settings.shareEvents
  for (const project of projects) {
    if (!gains) unshareProject(unit, project.id, after.id, changedBy)
    else if (budget > 0) budget = await shareProject(unit, project, after.id, budget)
  }
}
