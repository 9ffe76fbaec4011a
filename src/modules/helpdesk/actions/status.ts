import { perform, type Caller } from '../../../kernel/action.ts'
import { invalid } from '../../../kernel/errors.ts'
import { statements } from '../../../kernel/statement.ts'
import type { Status } from '../live.ts'
import { checkMay } from '../policy.ts'
import type { PersonRow } from '../store/access.ts'
import type { HelpdeskTables } from '../tables.ts'
import type { PresenceStatus } from '../wire.ts'
import { reachPerson, type Parts } from './parts.ts'

const sql = statements<HelpdeskTables>()
const keepStatus = sql<Pick<PersonRow, 'user_id' | 'status' | 'status_message' | 'custom_status'> & { at: number }>()(
  (db, p) =>
    db
      .insertInto('helpdesk_people')
      .values({
        user_id: p.user_id,
        role: 'customer',
        grants: '{}',
        status: p.status,
        status_message: p.status_message,
        custom_status: p.custom_status,
        status_at: p.at,
      })
      .onConflict((c) =>
        c.column('user_id').doUpdateSet((e) => ({
          status: e.ref('excluded.status'),
          status_message: e.ref('excluded.status_message'),
          custom_status: e.ref('excluded.custom_status'),
          status_at: e.ref('excluded.status_at'),
        })),
      ),
)

/** A missing key leaves what there is, null clears it. */
export interface StatusChanges {
  readonly status?: PresenceStatus | undefined
  readonly statusMessage?: string | null | undefined
  readonly customStatus?: string | null | undefined
}

/** The person's own setting, for all of their tabs; everybody in the chat is told. */
export async function setStatus(parts: Parts, caller: Caller, changes: StatusChanges): Promise<Status> {
  parts.windows.statuses.pass(caller.accountId, 'You are changing your status too often')
  const max = parts.settings.statusCharacters
  const said = {
    statusMessage: checkedText('statusMessage', changes.statusMessage, max),
    customStatus: checkedText('customStatus', changes.customStatus, max),
  }
  return perform(parts.unitOfWork, caller, async (unit) => {
    const person = await reachPerson(unit, caller)
    checkMay(person, 'chat.access')
    const { live } = parts
    const user = person.actor_id
    // Who has come back is online, whatever they had last set.
    const shown = live.isThere(user) ? live.statusOf(user).status : (person.status ?? 'online')
    const { status = shown } = changes
    const { statusMessage = person.status_message, customStatus = person.custom_status } = said
    const kept = { user_id: user, status, status_message: statusMessage, custom_status: customStatus, at: unit.now }
    await unit.run(keepStatus, kept)
    const next = { status, statusMessage, customStatus }
    unit.after(() => live.statusSet(user, next))
    return next
  })
}

/** @returns the text as it can be kept: storage has no place for half a character */
function checkedText(key: string, text: string | null | undefined, max: number): string | null | undefined {
  if (text === null || text === undefined) return text
  if (text.includes('\0')) throw invalid({ [key]: 'must not have NUL characters' })
  // Cheap first: no text has more code points than units.
  if (text.length > max && [...text].length > max) throw invalid({ [key]: `must not have more than ${max} characters` })
  return text.toWellFormed()
}
