import { perform, type Caller } from '../../../kernel/action.ts'
import { statements } from '../../../kernel/statement.ts'
import { emit } from '../events.ts'
import type { Person } from '../live.ts'
import { checkNotSuspended } from '../policy.ts'
import { homeRoom } from '../rooms.ts'
import { profileOf } from '../store/access.ts'
import type { DatingTables } from '../tables.ts'
import { timestamp, type Payload, type UserStatus } from '../wire.ts'
import type { Parts } from './parts.ts'

const sql = statements<DatingTables>()
const updateStatus = sql<{ user: number; status: UserStatus }>()((db, p) =>
  db.updateTable('dating_profiles').set({ status: p.status }).where('user_id', '=', p.user),
)

/** What is forgotten with a person. */
export const personSubject = (id: number): string => `dating:person:${id}`

/** The person's own setting, on all of their devices; online and offline are told to the people they talk to. */
export function setStatus(
  parts: Parts,
  caller: Caller,
  person: Person,
  status: UserStatus,
): Promise<Payload<'user:status_updated'>> {
  return perform(parts.unitOfWork, caller, async (unit) => {
    checkNotSuspended((await unit.get(profileOf, { user: person.id })) ?? { suspended_at: null })
    await unit.run(updateStatus, { user: person.id, status })
    const payload = { user_id: person.uuid, status, updated_at: timestamp(unit.now) }
    emit(unit, 'user:status_updated', payload, { to: [homeRoom(person.id)] }, { subject: personSubject(person.id) })
    unit.after(() => parts.live.setStatus(person.id, status))
    return payload
  })
}
